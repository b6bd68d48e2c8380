package s3

import (
	"errors"
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/s3request"
	"github.com/daypass/daypass/internal/store"
)

// maxBucketPolicy is in bytes (S3 User Guide, "Bucket policies": 20 KB).
const maxBucketPolicy = 20 << 10

// getBucketPolicy answers the bytes as submitted, with the present ARNs of the
// users and roles in it, and the unique ids of those that are gone.
func (q *request) getBucketPolicy() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	if at.bucket == nil || at.bucket.Policy == "" {
		return nil, noSuchPolicy(q.op.Bucket)
	}
	return written(http.StatusOK, "application/json", []byte(q.Snapshot.ShownPolicy(policy.Resource, at.bucket.Policy, at.bucket.Principals))), nil
}

func noSuchPolicy(bucket string) *refused {
	return fault("NoSuchBucketPolicy", http.StatusNotFound, "The bucket policy does not exist").with("BucketName", bucket)
}

// putBucketPolicy replaces the bucket's policy.
func (q *request) putBucketPolicy() (*answer, error) {
	text := string(q.document)
	principals, public, err := q.checkPolicy(text)
	if err != nil {
		return nil, err
	}
	return q.changeBucket(func(b *store.Bucket) error {
		if public && b.Blocked().BlockPublicPolicy {
			return q.publicPolicyDenied()
		}
		b.Policy, b.Principals = text, principals
		return nil
	})
}

func (q *request) deleteBucketPolicy() (*answer, error) {
	return q.changeBucket(func(b *store.Bucket) error {
		b.Policy, b.Principals = "", nil
		return nil
	})
}

// changeBucket rewrites the bucket's record. A bucket of a shared store that has
// none gets one: it belongs to that store's account.
func (q *request) changeBucket(change func(*store.Bucket) error) (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	if at.bucket == nil { // nobody else's name is taken by this
		if err := q.mustExist(at); err != nil {
			return nil, err
		}
	}
	id := store.BucketID(q.op.Bucket)
	err = q.handler.Directory.Update(q.Request.Context(), func(tx store.Tx) error {
		record, err := store.GetRecord[store.Bucket](tx, id)
		switch {
		case errors.Is(err, store.ErrNotFound) && at.bucket == nil:
			record = store.Bucket{Account: at.account, Name: q.op.Bucket, Store: at.store.Name, Created: q.Now.UTC()}
		case errors.Is(err, store.ErrNotFound):
			return noSuchBucket(q.op.Bucket)
		case err != nil:
			return err
		case record.Account != at.account: // deleted and made again by another since it was asked who may
			return fault("OperationAborted", http.StatusConflict, "A conflicting conditional operation is currently in progress against this resource. Please try again.")
		}
		if err := change(&record); err != nil {
			return err
		}
		return store.PutRecord(tx, id, record)
	})
	if err != nil {
		return nil, err
	}
	return empty(http.StatusNoContent), nil
}

// checkPolicy checks a bucket policy: what it says, that it speaks of this bucket,
// and that the users and roles that it names exist. It gives their unique ids, and
// whether the policy is public.
func (q *request) checkPolicy(text string) (principals map[string]string, public bool, err error) {
	if len(text) > maxBucketPolicy {
		return nil, false, malformedPolicy("Policies must be valid JSON and the first byte must be '{'").because(errors.New("the policy is longer than 20 KiB"))
	}
	if !strings.HasPrefix(text, "{") {
		return nil, false, malformedPolicy("Policies must be valid JSON and the first byte must be '{'")
	}
	parsed, err := policy.Parse(policy.Resource, text)
	var syntax *policy.SyntaxError
	if errors.As(err, &syntax) {
		return nil, false, malformedPolicy(syntax.Error()).because(err)
	}
	if err != nil {
		return nil, false, err
	}
	bucket := s3request.BucketARN(q.op.Bucket)
	for _, statement := range parsed.Statements() {
		for _, resource := range statement.Resources() {
			if resource != bucket && !strings.HasPrefix(resource, bucket+"/") {
				return nil, false, malformedPolicy("Policy has invalid resource").because(errors.New(resource + " is not of this bucket"))
			}
		}
		for _, action := range statement.Actions() {
			if len(action) < 3 || !strings.EqualFold(action[:3], "s3:") && action != "*" {
				return nil, false, malformedPolicy("Policy has invalid action").because(errors.New(action + " is no action of S3"))
			}
		}
	}
	ids, missing := q.Snapshot.PrincipalIDs(parsed)
	if missing != "" {
		return nil, false, malformedPolicy("Invalid principal in policy").with("Detail", missing).because(errors.New("there is no user or role " + missing))
	}
	return ids, parsed.Public(), nil
}

func malformedPolicy(message string) *refused {
	return fault("MalformedPolicy", http.StatusBadRequest, message)
}
