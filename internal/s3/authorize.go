package s3

import (
	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/s3request"
)

// existingTagKeys begins the condition keys of the tags that an object has.
const existingTagKeys = "s3:ExistingObjectTag/"

// place is a bucket as decisions take it: whose it is, what policy it has, and
// which store keeps it.
type place struct {
	account string
	policy  *directory.Attached // nil: none
	store   *Store
	bucket  *directory.Bucket // nil: one of a shared store without a record here
}

// place finds a bucket. One without a record belongs to the account of the first
// shared store that takes its name: whether it is there, that store says.
func (q *request) place(bucket string) (*place, error) {
	if b, ok := q.Snapshot.Bucket(bucket); ok {
		store, ok := q.handler.store(b.Store)
		if !ok {
			return nil, storeFault("bucket " + bucket + " is kept in store " + b.Store + ", which the configuration does not have")
		}
		return &place{b.Account, b.ResourcePolicy(), store, b}, nil
	}
	for i := range q.handler.Stores {
		if s := &q.handler.Stores[i]; s.Shared && s.takes(s.Account, bucket) {
			return &place{account: s.Account, store: s}, nil
		}
	}
	return nil, noSuchBucket(bucket)
}

// authorize asks for every need of the operation, once the buckets are those
// that the client means. Of DeleteObjects each object is
// asked for by itself, when it is deleted.
func (q *request) authorize() error {
	switch q.op.Name {
	case "CreateBucket": // which is not there to have a policy
	case "DeleteObjects":
		if _, err := q.place(q.op.Bucket); err != nil {
			return err
		}
		return q.checkOwners()
	case "ListBuckets":
	default:
		if _, err := q.place(q.op.Bucket); err != nil {
			return err
		}
	}
	if err := q.checkOwners(); err != nil {
		return err
	}
	needs, err := q.op.Needs()
	if err != nil {
		return err
	}
	for i := range needs {
		if err := q.ask(&needs[i]); err != nil {
			return err
		}
	}
	return nil
}

// ask asks for one need: by the caller's policies and, where it is about a
// bucket, by that bucket's.
func (q *request) ask(need *s3request.Need) error {
	// Of an action that has no resource none is told (as users of S3 published it).
	question := &auth.Question{Action: need.Action, Resource: need.Resource, Quoted: true, Untold: need.Resource == "*"}
	q.foreign = false
	surroundings := q.surroundings
	var tags map[string]string
	isRestricted := false
	if need.Bucket != "" && q.op.Name != "CreateBucket" {
		at, err := q.place(need.Bucket)
		if err != nil {
			return err
		}
		question.Owner, question.Policy = at.account, at.policy
		if q.foreign = at.account != q.Caller.Account; q.foreign && at.policy != nil && at.blocked().RestrictPublicBuckets && at.policy.Document.Public() {
			question.Policy, isRestricted = nil, true
		}
		surroundings.ResourceAccount = at.account
		applies, err := q.applies(need, at)
		if err != nil || !applies {
			return err
		}
		if need.ExistingTags && q.readsTags(at.policy) {
			if tags, err = q.tagsOf(at, need); err != nil {
				return err
			}
		}
	} else if q.Caller != nil {
		surroundings.ResourceAccount = q.Caller.Account
	}
	question.Keys = func(keys *policy.Context) {
		need.Set(keys, &surroundings)
		if tags != nil {
			need.SetExistingTags(keys, tags)
		}
	}
	err := q.Ask(question)
	if isRestricted {
		return restricted(err)
	}
	return err
}

// readsTags reports whether a policy that has a say asks for tags of the stored
// object: only then are they fetched.
func (q *request) readsTags(bucketPolicy *directory.Attached) bool {
	return q.Caller.Reads(existingTagKeys) || bucketPolicy != nil && bucketPolicy.Document.Reads(existingTagKeys)
}

// applies reports whether a need that depends on what is stored is one.
func (q *request) applies(need *s3request.Need, at *place) (bool, error) {
	switch need.When {
	case s3request.Always:
		return true, nil
	case s3request.SourceTagged:
		tags, err := q.tagsOf(at, &s3request.Need{Bucket: q.op.Source.Bucket, Key: q.op.Source.Key, VersionID: q.op.Source.VersionID})
		return len(tags) > 0, err
	case s3request.SourceAnnotated: // the stores behind have no annotations
		return false, nil
	default:
		return true, nil
	}
}
