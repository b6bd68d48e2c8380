package s3

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/s3upstream"
)

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// defaultRegion is where a bucket is that says nothing of its location (S3 API
// Reference, GetBucketLocation).
const defaultRegion = "us-east-1"

// answeredHere are the operations that no store is asked about, or not alone.
var answeredHere = withUnconfigured(map[string]func(*request) (*answer, error){
	"ListBuckets":           (*request).listBuckets,
	"CreateBucket":          (*request).createBucket,
	"DeleteBucket":          (*request).deleteBucket,
	"GetBucketLocation":     (*request).getBucketLocation,
	"GetBucketPolicy":       (*request).getBucketPolicy,
	"PutBucketPolicy":       (*request).putBucketPolicy,
	"DeleteBucketPolicy":    (*request).deleteBucketPolicy,
	"GetBucketPolicyStatus": (*request).getBucketPolicyStatus,
	"DeleteObjects":         (*request).deleteObjects,

	"GetPublicAccessBlock":          (*request).getPublicAccessBlock,
	"PutPublicAccessBlock":          (*request).putPublicAccessBlock,
	"DeletePublicAccessBlock":       (*request).deletePublicAccessBlock,
	"GetBucketAcl":                  (*request).getBucketACL,
	"PutBucketAcl":                  (*request).putBucketACL,
	"GetObjectAcl":                  (*request).getObjectACL,
	"PutObjectAcl":                  (*request).putObjectACL,
	"GetBucketOwnershipControls":    (*request).getOwnershipControls,
	"PutBucketOwnershipControls":    (*request).putOwnershipControls,
	"DeleteBucketOwnershipControls": (*request).deleteOwnershipControls,
	"GetBucketCors":                 (*request).getBucketCORS,
	"PutBucketCors":                 (*request).putBucketCORS,
	"DeleteBucketCors":              (*request).deleteBucketCORS,
	"RestoreObject":                 (*request).restoreObject,
})

// canonicalUser is S3's id of an account: 64 hexadecimal digits.
func canonicalUser(account string) string {
	sum := sha256.Sum256([]byte("daypass account " + account))
	return hex.EncodeToString(sum[:])
}

type owner struct {
	ID          string
	DisplayName string `xml:",omitempty"`
}

type listedBucket struct {
	Name         string
	CreationDate string
	BucketRegion string `xml:",omitempty"`
}

type listAllMyBucketsResult struct {
	XMLName           xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
	Owner             owner
	Buckets           struct{ Bucket []listedBucket }
	ContinuationToken string `xml:",omitempty"`
	Prefix            string `xml:",omitempty"`
}

// maxBuckets bounds one page of ListBuckets (S3 API Reference, ListBuckets,
// max-buckets: 1 to 10000).
const maxBuckets = 10000

// listBuckets lists the buckets of the caller's account that have a record here.
// Buckets of a shared store that others made are not listed: whose they are is
// known of a name, and not of a store.
func (q *request) listBuckets() (*answer, error) {
	limit := maxBuckets
	if text, ok := q.op.Parameter("max-buckets"); ok {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxBuckets {
			return nil, fault("InvalidArgument", http.StatusBadRequest, "Argument max-buckets must be an integer between 1 and 10000").
				with("ArgumentName", "max-buckets").with("ArgumentValue", text)
		}
		limit = n
	}
	prefix, _ := q.op.Parameter("prefix")
	region, _ := q.op.Parameter("bucket-region")
	after, err := continuation(q)
	if err != nil {
		return nil, err
	}
	reply := listAllMyBucketsResult{Owner: owner{ID: canonicalUser(q.Caller.Account)}, Prefix: prefix}
	last := ""
	for b := range q.Snapshot.BucketsAfter(q.Caller.Account, after) {
		if !strings.HasPrefix(b.Name, prefix) || region != "" && region != locationOf(b) {
			continue
		}
		if len(reply.Buckets.Bucket) == limit {
			reply.ContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(last))
			break
		}
		last = b.Name
		listed := listedBucket{Name: b.Name, CreationDate: s3Time(b.Created)}
		if q.Request.URL.RawQuery != "" { // told to those who ask for pages (same page, BucketRegion)
			listed.BucketRegion = locationOf(b)
		}
		reply.Buckets.Bucket = append(reply.Buckets.Bucket, listed)
	}
	return document(reply)
}

// continuation reads where a page of ListBuckets goes on.
func continuation(q *request) (string, error) {
	token, ok := q.op.Parameter("continuation-token")
	if !ok {
		return "", nil
	}
	name, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(name) == 0 {
		return "", fault("InvalidArgument", http.StatusBadRequest, "The continuation token provided is incorrect").with("ArgumentName", "continuation-token")
	}
	return string(name), nil
}

// s3Time is a time as S3's XML has it, to the millisecond.
func s3Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func locationOf(b *directory.Bucket) string {
	if b.Location == "" {
		return defaultRegion
	}
	return b.Location
}

// deleteBucket deletes the bucket in its store, which refuses one that is not
// empty, and then the record. A bucket that the store no longer has is deleted. A
// crash between the two leaves the record with its Change, which Settle looks
// into; to delete the bucket again finishes it.
func (q *request) deleteBucket() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	record, err := q.beginDeletion()
	if err != nil {
		return nil, err
	}
	a, err := q.send(at, &s3upstream.Request{Method: http.MethodDelete, Bucket: q.op.Bucket, Header: http.Header{}})
	if err != nil {
		return nil, errors.Join(err, q.settled(record))
	}
	if a.status >= http.StatusMultipleChoices && (a.status != http.StatusNotFound || record == nil) {
		return a, q.settled(record)
	}
	a.close()
	if err := q.forget(record, true); err != nil {
		return nil, err
	}
	return empty(http.StatusNoContent), nil
}

type locationConstraint struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
	Value   string   `xml:",chardata"`
}

// getBucketLocation answers nothing for us-east-1, as S3 does.
func (q *request) getBucketLocation() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	var location locationConstraint
	if at.bucket != nil && at.bucket.Location != defaultRegion {
		location.Value = at.bucket.Location
	}
	return document(location)
}

func malformedXML() *refused {
	return fault("MalformedXML", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema")
}

// tagging is the document of the operations on tags.
type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

type tag struct{ Key, Value string }

func decodeTags(body io.Reader) (map[string]string, error) {
	var t tagging
	if err := xml.NewDecoder(io.LimitReader(body, 1<<20)).Decode(&t); err != nil {
		return nil, storeFault("the store's tags of the object cannot be read: " + err.Error())
	}
	tags := make(map[string]string, len(t.Tags))
	for _, tag := range t.Tags {
		tags[tag.Key] = tag.Value
	}
	return tags, nil
}
