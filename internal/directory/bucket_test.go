package directory_test

import (
	"slices"
	"testing"

	"github.com/daypass/daypass/internal/store"
)

// TestBuckets: a name has one owner, and the buckets of an account are listed by
// name.
func TestBuckets(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	const other = "210987654321"
	put := func(owner, name, policy string) {
		t.Helper()
		update(t, d, func(tx store.Tx) error {
			return store.PutRecord(tx, store.BucketID(name), store.Bucket{Account: owner, Name: name, Policy: policy})
		})
	}
	put(account, "b-two", "")
	put(account, "a-one", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::a-one/*"}]}`)
	put(account, "c-broken", `{"Version":"2012-10-17"`)
	put(other, "a-theirs", "")
	listed := func(owner, after string) []string {
		var all []string
		for b := range d.Snapshot().BucketsAfter(owner, after) {
			all = append(all, b.Name)
		}
		return all
	}
	if got := listed(account, ""); !slices.Equal(got, []string{"a-one", "b-two", "c-broken"}) {
		t.Errorf("buckets %q", got)
	}
	if got := listed(account, "a-one"); !slices.Equal(got, []string{"b-two", "c-broken"}) {
		t.Errorf("after a-one: %q", got)
	}
	if got := listed(other, ""); !slices.Equal(got, []string{"a-theirs"}) {
		t.Errorf("the other account's: %q", got)
	}
	one, ok := d.Snapshot().Bucket("a-one")
	if !ok || one.ResourcePolicy() == nil || one.ResourcePolicy().Document == nil {
		t.Error("the policy of a-one is not there")
	}
	if two, _ := d.Snapshot().Bucket("b-two"); two.ResourcePolicy() != nil {
		t.Error("b-two has a policy")
	}
	if broken, _ := d.Snapshot().Bucket("c-broken"); broken.ResourcePolicy() == nil || broken.ResourcePolicy().Document != nil {
		t.Error("a policy that cannot be read does not deny")
	}
	if len(d.Snapshot().Problems()) != 1 {
		t.Errorf("problems %q", d.Snapshot().Problems())
	}
	put(other, "b-two", "") // given away
	if got := listed(account, ""); !slices.Equal(got, []string{"a-one", "c-broken"}) {
		t.Errorf("after b-two was given away: %q", got)
	}
	if got := d.Snapshot().Count("", store.KindBucket); got != 4 {
		t.Errorf("%d buckets", got)
	}
}
