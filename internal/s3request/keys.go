package s3request

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/policy"
)

// Key is one condition key with what the request gives it.
type Key struct {
	Name   string
	Values []string // exactly one, unless Multi
	Multi  bool     // a multivalued key
}

// Surroundings are what permissions depend on besides what is asked. A field
// that is not known gives no key.
type Surroundings struct {
	// Algorithm is that of the verified signature: AWS4-HMAC-SHA256. "" is an
	// anonymous request.
	Algorithm string
	// InQuery says that the signature is in the query: a presigned URL.
	InQuery bool
	// Signed is the time of the signature, Now the time of the request.
	Signed, Now time.Time
	// TLSVersion of the connection of the client: 1.2, 1.3.
	TLSVersion string
	// ResourceAccount owns the bucket.
	ResourceAccount string
}

// Groups of keys, by the headers that they come from.
const (
	aclKeys       = "s3:x-amz-acl s3:x-amz-grant-full-control s3:x-amz-grant-read s3:x-amz-grant-read-acp s3:x-amz-grant-write s3:x-amz-grant-write-acp "
	listKeys      = "s3:prefix s3:delimiter s3:max-keys "
	versionKey    = "s3:versionid "
	storedTags    = "s3:ExistingObjectTag/ "
	requestTags   = "s3:RequestObjectTag/ s3:RequestObjectTagKeys "
	bucketTags    = "aws:RequestTag/ aws:TagKeys "
	encryption    = "s3:x-amz-server-side-encryption s3:x-amz-server-side-encryption-aws-kms-key-id s3:x-amz-server-side-encryption-customer-algorithm "
	storage       = "s3:x-amz-storage-class s3:x-amz-website-redirect-location "
	copyKeys      = "s3:x-amz-copy-source s3:x-amz-metadata-directive "
	retentionKeys = "s3:object-lock-mode s3:object-lock-retain-until-date s3:object-lock-remaining-retention-days s3:object-lock-event-hold s3:object-lock-event-hold-duration-days "
	holdKey       = "s3:object-lock-legal-hold "
	annotated     = "s3:x-amz-object-if-match "
)

// keysOf lists the condition keys of each action, save those of every action.
// One that ends in a slash has a tag's key behind it. An action that is not here
// has none. Source: Service Authorization Reference, Actions table.
var keysOf = map[string]string{
	"s3:ListBucket":                    listKeys,
	"s3:ListBucketVersions":            listKeys,
	"s3:CreateBucket":                  aclKeys + bucketTags + "s3:locationconstraint s3:x-amz-object-ownership s3:x-amz-bucket-namespace",
	"s3:TagResource":                   bucketTags,
	"s3:PutBucketAcl":                  aclKeys,
	"s3:PutInventoryConfiguration":     "s3:InventoryAccessibleOptionalFields",
	"s3:PutObject":                     aclKeys + requestTags + encryption + storage + copyKeys + retentionKeys + holdKey + "s3:x-amz-object-annotation-directive s3:if-match s3:if-none-match s3:ObjectCreationOperation",
	"s3:PutObjectAcl":                  aclKeys + storedTags + "s3:x-amz-storage-class",
	"s3:PutObjectVersionAcl":           aclKeys + storedTags + versionKey + "s3:x-amz-storage-class",
	"s3:PutObjectTagging":              requestTags + storedTags,
	"s3:PutObjectVersionTagging":       requestTags + storedTags + versionKey,
	"s3:PutObjectRetention":            retentionKeys,
	"s3:PutObjectLegalHold":            holdKey,
	"s3:BypassGovernanceRetention":     aclKeys + requestTags + encryption + storage + copyKeys,
	"s3:GetObject":                     storedTags,
	"s3:GetObjectVersion":              storedTags + versionKey,
	"s3:GetObjectAcl":                  storedTags,
	"s3:GetObjectVersionAcl":           storedTags + versionKey,
	"s3:GetObjectAttributes":           storedTags,
	"s3:GetObjectVersionAttributes":    storedTags + versionKey,
	"s3:GetObjectTagging":              storedTags,
	"s3:GetObjectVersionTagging":       storedTags + versionKey,
	"s3:DeleteObject":                  "s3:if-match",
	"s3:DeleteObjectVersion":           versionKey,
	"s3:DeleteObjectTagging":           storedTags,
	"s3:DeleteObjectVersionTagging":    storedTags + versionKey,
	"s3:GetObjectAnnotation":           storedTags,
	"s3:GetObjectVersionAnnotation":    storedTags + versionKey,
	"s3:PutObjectAnnotation":           storedTags + annotated,
	"s3:PutObjectVersionAnnotation":    storedTags + annotated + versionKey,
	"s3:DeleteObjectAnnotation":        storedTags + annotated,
	"s3:DeleteObjectVersionAnnotation": storedTags + annotated + versionKey,
	"s3:ListObjectAnnotations":         storedTags + "s3:annotation-prefix s3:max-annotation-results",
	"s3:ListObjectVersionAnnotations":  storedTags + versionKey + "s3:annotation-prefix s3:max-annotation-results",
	"iam:PassRole":                     "iam:PassedToService",
}

// hasKey says whether an action has a condition key.
func hasKey(action, key string) bool {
	family, _, isTag := strings.Cut(key, "/")
	if isTag {
		key = family + "/"
	}
	return slices.Contains(strings.Fields(keysOf[action]), key)
}

// Keys that come from parameters and headers of the same name.
var (
	parameterKeys = []string{"prefix", "delimiter", "max-keys", "annotation-prefix", "max-annotation-results"}
	headerKeys    = []string{
		"x-amz-acl", "x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp", "x-amz-grant-write",
		"x-amz-grant-write-acp", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
		"x-amz-server-side-encryption-customer-algorithm", "x-amz-storage-class", "x-amz-website-redirect-location",
		"x-amz-copy-source", "x-amz-metadata-directive", "x-amz-object-annotation-directive", "x-amz-object-ownership",
		"x-amz-bucket-namespace", "x-amz-object-if-match", "if-match", "if-none-match",
	}
	lockKeys = []string{"mode", "retain-until-date", "legal-hold", "event-hold", "event-hold-duration-days"}
)

// keys are all condition keys that the request and its body give. A key whose
// parameter or header is not there is absent; an empty one is present and
// empty, save max-keys. Values are as the request has them, and x-amz-copy-source
// in the encoding that it was sent in (recorded on S3).
func (op *Operation) keys() []Key {
	var keys []Key
	add := func(name, value string) { keys = append(keys, Key{Name: name, Values: []string{value}}) }
	for _, name := range parameterKeys {
		if value, ok := op.parameters[name]; ok {
			add("s3:"+name, value)
		}
	}
	for _, name := range headerKeys {
		if value, ok := op.headers[name]; ok {
			add("s3:"+name, value)
		}
	}
	for _, name := range lockKeys {
		if value, ok := op.lock(name); ok {
			add("s3:object-lock-"+name, value)
		}
	}
	if creates, ok := creations[op.Name]; ok {
		add("s3:ObjectCreationOperation", strconv.FormatBool(creates))
	}
	if op.body.location != "" {
		add("s3:locationconstraint", op.body.location)
	}
	if op.row.name == "PutBucketReplication" {
		add("iam:PassedToService", "s3.amazonaws.com")
	}
	if op.row.name == "PutBucketInventoryConfiguration" && len(op.body.fields) > 0 {
		keys = append(keys, Key{Name: "s3:InventoryAccessibleOptionalFields", Values: op.body.fields, Multi: true})
	}
	return op.addTags(keys)
}

// creations tell operations that make an object from those that prepare one
// (S3 User Guide, "Enforce conditional writes on Amazon S3 buckets").
var creations = map[string]bool{
	"PutObject": true, "PostObject": true, "CopyObject": true, "CompleteMultipartUpload": true,
	"CreateMultipartUpload": false, "UploadPart": false, "UploadPartCopy": false,
}

// addTags adds the tags of the request: of an object, or of a new bucket.
func (op *Operation) addTags(keys []Key) []Key {
	if len(op.body.tags) == 0 {
		return keys
	}
	one, all := "s3:RequestObjectTag/", "s3:RequestObjectTagKeys"
	if op.On == Bucket && op.row.name != "PostObject" {
		one, all = "aws:RequestTag/", "aws:TagKeys"
	}
	var names []string
	for _, tag := range op.body.tags {
		keys = append(keys, Key{Name: one + tag.key, Values: []string{tag.value}})
		names = append(names, tag.key)
	}
	return append(keys, Key{Name: all, Values: names, Multi: true})
}

// lock is a value of Object Lock, of a header or of the body.
func (op *Operation) lock(name string) (string, bool) {
	if value, ok := op.body.lock[name]; ok {
		return value, true
	}
	value, ok := op.headers["x-amz-object-lock-"+name]
	return value, ok
}

// Set puts the condition keys of a need into a request's context: its own, and
// those that every action has. Keys of the stored object are not among them:
// see SetExistingTags.
func (n *Need) Set(c *policy.Context, s *Surroundings) {
	for _, key := range n.Keys {
		if key.Multi {
			c.SetMulti(key.Name, key.Values)
		} else {
			c.Set(key.Name, key.Values[0])
		}
	}
	if !strings.HasPrefix(n.Action, "s3:") {
		return
	}
	set := func(name, value string) {
		if value != "" {
			c.Set(name, value)
		}
	}
	set("s3:signatureversion", s.Algorithm)
	set("s3:TlsVersion", s.TLSVersion)
	set("s3:ResourceAccount", s.ResourceAccount)
	set("s3:x-amz-content-sha256", n.payload(s))
	if s.Algorithm != "" {
		set("s3:authType", n.authType(s))
		if !s.Signed.IsZero() && !s.Now.IsZero() {
			set("s3:signatureAge", strconv.FormatInt(max(0, s.Now.Sub(s.Signed).Milliseconds()), 10))
		}
	}
	if until, err := time.Parse(time.RFC3339, n.retainUntil); err == nil && !s.Now.IsZero() && hasKey(n.Action, "s3:object-lock-remaining-retention-days") {
		days := math.Ceil(until.Sub(s.Now).Hours() / 24)
		set("s3:object-lock-remaining-retention-days", strconv.FormatFloat(max(0, days), 'f', -1, 64))
	}
}

// authType is how the request is signed (S3 API Reference, "Amazon S3 Signature
// Version 4 Authentication Specific Policy Keys").
func (n *Need) authType(s *Surroundings) string {
	switch {
	case n.form:
		return "POST"
	case s.InQuery:
		return "REST-QUERY-STRING"
	default:
		return "REST-HEADER"
	}
}

// payload is x-amz-content-sha256; a presigned URL without one does not sign its
// payload (the same page).
func (n *Need) payload(s *Surroundings) string {
	if n.contentSHA256 == "" && s.InQuery {
		return "UNSIGNED-PAYLOAD"
	}
	return n.contentSHA256
}

// SetExistingTags puts the tags of the stored object into the context of a need
// whose ExistingTags is set: those of the object Bucket, Key, VersionID. Without
// the call the keys are absent, which a condition may be true of.
func (n *Need) SetExistingTags(c *policy.Context, tags map[string]string) {
	if !n.ExistingTags {
		return
	}
	for _, key := range sortedKeys(tags) {
		c.Set("s3:ExistingObjectTag/"+key, tags[key])
	}
}

// SetBucketTags puts the tags of the bucket into the context of a need on a
// bucket or an object. S3 does so for buckets whose attribute-based access
// control is enabled (S3 API Reference, PutBucketAbac; Service Authorization
// Reference, Resource types: aws:ResourceTag and s3:BucketTag).
func (n *Need) SetBucketTags(c *policy.Context, tags map[string]string) {
	if n.Bucket == "" {
		return
	}
	for _, key := range sortedKeys(tags) {
		c.Set("aws:ResourceTag/"+key, tags[key])
		c.Set("s3:BucketTag/"+key, tags[key])
	}
}
