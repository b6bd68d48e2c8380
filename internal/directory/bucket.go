package directory

import (
	"iter"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

// Bucket is a bucket with its policy read.
type Bucket struct {
	store.Bucket
	document *document // nil: there is no policy
}

func (d *Directory) compileBucket(b *store.Bucket) (*Bucket, string) {
	bucket := &Bucket{Bucket: *b}
	read := reader{of: d.documents}
	if b.Policy != "" {
		bucket.document = read.read(policy.Resource, b.Policy, b.Principals, "the policy of bucket "+b.Name)
	}
	return bucket, read.problems.String()
}

// ResourcePolicy is the bucket policy as decisions take it, nil where the bucket
// has none. One that cannot be read denies.
func (b *Bucket) ResourcePolicy() *Attached {
	if b.document == nil {
		return nil
	}
	return &Attached{Source: "policy of bucket " + b.Name, Document: b.document.compile()}
}

// Bucket finds a bucket by its name, in whichever account.
func (s *Snapshot) Bucket(name string) (*Bucket, bool) { return s.buckets.Get([]byte(name)) }

// BucketsAfter gives the buckets of an account in order of their names, from the
// first that comes after the given name ("" for all).
func (s *Snapshot) BucketsAfter(account, name string) iter.Seq[*Bucket] {
	return func(yield func(*Bucket) bool) {
		for id := range s.under(bucketKey(account, ""), name) {
			if bucket, ok := s.Bucket(id.Key); ok && !yield(bucket) {
				return
			}
		}
	}
}

func bucketKey(account, name string) []byte { return []byte("bucket/" + account + "/" + name) }
