package s3

import (
	"encoding/xml"
	"errors"
	"net/http"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/s3request"
	"github.com/daypass/daypass/internal/store"
)

type publicAccessBlock struct {
	XMLName               xml.Name `xml:"PublicAccessBlockConfiguration"`
	Xmlns                 string   `xml:"xmlns,attr,omitempty"`
	BlockPublicACLs       bool     `xml:"BlockPublicAcls"`
	IgnorePublicACLs      bool     `xml:"IgnorePublicAcls"`
	BlockPublicPolicy     bool
	RestrictPublicBuckets bool
}

// getPublicAccessBlock answers for a bucket of which nobody said anything that
// all is blocked, as for the new buckets of S3 since April 2023 (S3 User Guide,
// "Blocking public access to your Amazon S3 storage").
func (q *request) getPublicAccessBlock() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	blocked := at.blocked()
	if blocked.Removed {
		return nil, fault("NoSuchPublicAccessBlockConfiguration", http.StatusNotFound, "The public access block configuration was not found").
			with("BucketName", q.op.Bucket)
	}
	return document(publicAccessBlock{
		Xmlns: namespace, BlockPublicACLs: blocked.BlockPublicACLs, IgnorePublicACLs: blocked.IgnorePublicACLs,
		BlockPublicPolicy: blocked.BlockPublicPolicy, RestrictPublicBuckets: blocked.RestrictPublicBuckets,
	})
}

// blocked is what the bucket blocks. One without a record here has no policy, and
// blocks what a new one does.
func (at *place) blocked() store.PublicAccess {
	if at.bucket == nil {
		return (&store.Bucket{}).Blocked()
	}
	return at.bucket.Blocked()
}

// putPublicAccessBlock replaces all four: one that is not there is off (S3 API
// Reference, PublicAccessBlockConfiguration).
func (q *request) putPublicAccessBlock() (*answer, error) {
	asked, err := readPublicAccess(q.document)
	if err != nil {
		return nil, err
	}
	return withStatus(http.StatusOK)(q.changeBucket(func(b *store.Bucket) error {
		b.PublicAccess = asked
		return nil
	}))
}

// readPublicAccess refuses a document in which it does not understand everything:
// a setting that is misspelt would otherwise be one that is off.
func readPublicAccess(body []byte) (*store.PublicAccess, error) {
	root, err := parseDocument(body, "PublicAccessBlockConfiguration")
	if err != nil {
		return nil, err
	}
	var asked store.PublicAccess
	settings := map[string]*bool{
		"BlockPublicAcls": &asked.BlockPublicACLs, "IgnorePublicAcls": &asked.IgnorePublicACLs,
		"BlockPublicPolicy": &asked.BlockPublicPolicy, "RestrictPublicBuckets": &asked.RestrictPublicBuckets,
	}
	texts := map[string]*[]string{}
	for name := range settings {
		texts[name] = &[]string{}
	}
	if err := root.texts(texts); err != nil {
		return nil, err
	}
	for name, setting := range settings {
		text, there, err := one(*texts[name])
		if err == nil && there {
			*setting, err = xsdBoolean(text)
		}
		if err != nil {
			return nil, err
		}
	}
	return &asked, nil
}

func (q *request) deletePublicAccessBlock() (*answer, error) {
	return q.changeBucket(func(b *store.Bucket) error {
		b.PublicAccess = &store.PublicAccess{Removed: true}
		return nil
	})
}

// withStatus gives a successful answer another status.
func withStatus(status int) func(*answer, error) (*answer, error) {
	return func(a *answer, err error) (*answer, error) {
		if err == nil {
			a.status = status
		}
		return a, err
	}
}

// publicPolicyDenied is S3's sentence for a public policy that BlockPublicPolicy
// keeps out (as users published it).
func (q *request) publicPolicyDenied() error {
	const action = "s3:PutBucketPolicy"
	resource := s3request.BucketARN(q.op.Bucket)
	return &awsapi.Fault{
		Kind: awsapi.AccessDenied, Action: action, Resource: resource,
		Message: "User: " + q.Caller.ARN + " is not authorized to perform: " + action + " on resource: \"" + resource +
			"\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
		Reason: "the policy is public, and the bucket's public access block has BlockPublicPolicy; a new bucket has it until it is taken away with DeletePublicAccessBlock",
	}
}

// restricted says, of a decision that is asked without the bucket's policy for
// RestrictPublicBuckets, why.
func restricted(err error) error {
	var denied *awsapi.Fault
	if errors.As(err, &denied) && denied.Kind == awsapi.AccessDenied {
		denied.Reason += " (the bucket's policy is public, and its public access block has RestrictPublicBuckets: it grants nothing to others than its own account)"
	}
	return err
}

type policyStatus struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ PolicyStatus"`
	IsPublic bool     `xml:"IsPublic"`
}

func (q *request) getBucketPolicyStatus() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	if at.bucket == nil || at.bucket.Policy == "" {
		return nil, noSuchPolicy(q.op.Bucket)
	}
	return document(policyStatus{IsPublic: at.policy.Document.Public()})
}
