package s3request

import (
	"errors"
	"strings"

	"github.com/daypass/daypass/internal/arn"
)

// ErrBodyUnread says that the needs of an operation depend on its body, which
// has not been read: see Operation.NeedsBody.
var ErrBodyUnread = errors.New("s3request: the permissions depend on the body, which was not read")

// Need is one permission that a request needs. It needs all.
type Need struct {
	Action   string // s3:GetObject
	Resource string // its ARN; "*" for ListAllMyBuckets

	// The bucket or object that Resource names: whose bucket policy has a say,
	// and whose stored tags count. Empty for other resources.
	Bucket, Key, VersionID string

	// Keys are the condition keys that the request gives this action.
	Keys []Key
	// ExistingTags says that the action has the keys s3:ExistingObjectTag/…:
	// where a policy asks for them, the tags of the object must be fetched and
	// given to SetExistingTags.
	ExistingTags bool
	// When says on which state of the stored objects the need depends. A caller
	// that does not know the state asks for the permission.
	When When

	contentSHA256 string
	retainUntil   string
	form          bool
}

// When is a condition on what is stored.
type When uint8

// The zero When is no condition.
const (
	Always          When = iota
	SourceTagged         // the source of a copy has tags
	SourceAnnotated      // the source of a copy has annotations
)

// String says it in documentation.
func (w When) String() string {
	return [...]string{"always", "if the source has tags", "if the source has annotations"}[min(w, SourceAnnotated)]
}

// NeedsBody says that ReadBody, or for PostObject ReadForm, must come before
// Needs.
func (op *Operation) NeedsBody() bool { return op.row != nil && op.row.decides && !op.read }

// Needs are the permissions that the request needs, all of them; at least one.
// Of DeleteObjects they are those of all its objects: S3 asks for each alone,
// and answers for each (DeletionNeeds).
//
// The error is ErrBodyUnread, or that the Operation was not made by Parse.
func (op *Operation) Needs() ([]Need, error) {
	switch {
	case op.row == nil:
		return nil, errors.New("s3request: no operation")
	case op.NeedsBody():
		return nil, ErrBodyUnread
	}
	var needs []Need
	for _, d := range op.Deletions {
		needs = append(needs, op.DeletionNeeds(d)...)
	}
	if op.row.name == "DeleteObjects" {
		return needs, nil // ReadBody has seen to it that there is one
	}
	keys := op.keys()
	for _, action := range op.row.actions {
		needs = append(needs, op.need(ofVersion(action, op.VersionID), op.object(), keys))
	}
	for i := range op.row.extras {
		e := &op.row.extras[i]
		if e.asked(op) {
			needs = append(needs, op.extraNeeds(e, keys)...)
		}
	}
	return needs, nil
}

// DeletionNeeds are the permissions for one of the objects of DeleteObjects. A
// denial is no error of the request: it is an Error of its own in the reply
// (S3 API Reference, DeleteObjects).
func (op *Operation) DeletionNeeds(d Deletion) []Need {
	keys := []Key{}
	if d.ETag != "" {
		keys = append(keys, Key{Name: "s3:if-match", Values: []string{d.ETag}})
	}
	on := thing{bucket: op.Bucket, key: d.Key, version: d.VersionID}
	needs := []Need{op.need(ofVersion("s3:DeleteObject/s3:DeleteObjectVersion", d.VersionID), on, keys)}
	if bypasses(op) {
		needs = append(needs, op.need("s3:BypassGovernanceRetention", on, keys))
	}
	return needs
}

// ExistenceNeed is the permission to learn that there is no such object. A read
// of an object that is not there is answered with NoSuchKey to who has it, and
// with AccessDenied to others (S3 API Reference, GetObject, Permissions).
func (op *Operation) ExistenceNeed() Need {
	return op.need("s3:ListBucket", thing{bucket: op.Bucket}, nil)
}

// thing is what an action is on.
type thing struct{ bucket, key, version string }

func (t thing) arn() string {
	switch {
	case t.key != "":
		return ObjectARN(t.bucket, t.key)
	case t.bucket != "":
		return BucketARN(t.bucket)
	default:
		return "*"
	}
}

// BucketARN is the name of a bucket in policies.
func BucketARN(bucket string) string { return "arn:" + arn.Partition + ":s3:::" + bucket }

// ObjectARN is the name of an object in policies. Its key is not encoded.
func ObjectARN(bucket, key string) string { return BucketARN(bucket) + "/" + key }

func (op *Operation) object() thing { return thing{op.Bucket, op.Key, op.VersionID} }

// ofVersion chooses between an action and the one for versions of objects.
func ofVersion(action, version string) string {
	current, named, both := strings.Cut(action, "/")
	if both && version != "" {
		return named
	}
	return current
}

// need puts a need together: of the request's keys it has those that its action
// has.
func (op *Operation) need(action string, on thing, keys []Key) Need {
	n := Need{
		Action: action, Resource: on.arn(), Bucket: on.bucket, Key: on.key, VersionID: on.version,
		ExistingTags:  hasKey(action, "s3:ExistingObjectTag/"),
		contentSHA256: op.headers["x-amz-content-sha256"],
		form:          op.Body == Form,
	}
	n.retainUntil, _ = op.lock("retain-until-date")
	for _, key := range keys {
		if hasKey(action, key.Name) {
			n.Keys = append(n.Keys, key)
		}
	}
	if on.version != "" && hasKey(action, "s3:versionid") {
		n.Keys = append(n.Keys, Key{Name: "s3:versionid", Values: []string{on.version}})
	}
	return n
}
