package publish

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestLifecycle: what rules do with what is published, and with nothing else.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	prefix := func(p string) *types.LifecycleRuleFilter { return &types.LifecycleRuleFilter{Prefix: &p} }
	days := &types.LifecycleExpiration{Days: aws.Int32(30)}
	tag := types.Tag{Key: aws.String("temporary"), Value: aws.String("yes")}
	for name, test := range map[string]struct {
		rule types.LifecycleRule
		want lifecycle
	}{
		"everything":          {types.LifecycleRule{Expiration: days}, lifecycle{expires: true}},
		"by an empty prefix":  {types.LifecycleRule{Filter: prefix(""), Expiration: days}, lifecycle{expires: true}},
		"the keys":            {types.LifecycleRule{Filter: prefix("oauth/"), Expiration: days}, lifecycle{expires: true}},
		"the keys, older":     {types.LifecycleRule{Prefix: aws.String("oauth/"), Expiration: days}, lifecycle{expires: true}}, //nolint:staticcheck // as stores still answer
		"others":              {types.LifecycleRule{Filter: prefix("logs/"), Expiration: days}, lifecycle{}},
		"others, older":       {types.LifecycleRule{Prefix: aws.String("logs/"), Expiration: days}, lifecycle{}}, //nolint:staticcheck // as above
		"tagged":              {types.LifecycleRule{Filter: &types.LifecycleRuleFilter{Tag: &tag}, Expiration: days}, lifecycle{}},
		"tagged and the keys": {types.LifecycleRule{Filter: &types.LifecycleRuleFilter{And: &types.LifecycleRuleAndOperator{Prefix: aws.String("oauth/"), Tags: []types.Tag{tag}}}, Expiration: days}, lifecycle{}},
		"large":               {types.LifecycleRule{Filter: &types.LifecycleRuleFilter{ObjectSizeGreaterThan: aws.Int64(1)}, Expiration: days}, lifecycle{expires: true}},
		"only delete markers": {types.LifecycleRule{Expiration: &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}}, lifecycle{}},
		"earlier versions":    {types.LifecycleRule{NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NewerNoncurrentVersions: aws.Int32(3)}}, lifecycle{forgets: true}},
		"archive":             {types.LifecycleRule{Transitions: []types.Transition{{StorageClass: types.TransitionStorageClassDeepArchive}}}, lifecycle{archives: true}},
		"a cheaper class":     {types.LifecycleRule{Transitions: []types.Transition{{StorageClass: types.TransitionStorageClassStandardIa}}}, lifecycle{}},
	} {
		for status, on := range map[types.ExpirationStatus]bool{types.ExpirationStatusEnabled: true, types.ExpirationStatusDisabled: false} {
			want := test.want
			if !on {
				want = lifecycle{}
			}
			test.rule.Status = status
			if got := lifecycleOf([]types.LifecycleRule{test.rule}, []string{ConfigurationKey, KeysKey}); got != want {
				t.Errorf("%s, %s: %+v, want %+v", name, status, got, want)
			}
		}
	}
}
