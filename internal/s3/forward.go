package s3

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/daypass/daypass/internal/s3request"
	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/sigv4"
)

// run does what was asked and allowed.
func (q *request) run() (*answer, error) {
	if err := q.checkACL(); err != nil {
		return nil, err
	}
	if own, ok := answeredHere[q.op.Name]; ok {
		return own(q)
	}
	if !forwarded[q.op.Name] {
		return nil, q.notCarriedOut()
	}
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	if err := q.checkConditions(at); err != nil {
		return nil, err
	}
	sent, err := q.toForward(at)
	if err != nil {
		return nil, err
	}
	a, err := q.send(at, sent)
	if err != nil {
		return nil, err
	}
	if a, err = q.hideAbsence(a); err != nil {
		return nil, err
	}
	return q.ownReply(a, at)
}

// forwarded are the operations that the store behind carries out. What is not
// here, and not answeredHere, is refused: a store's own rules on who may read
// (ACLs, public access) or whom it tells (notifications, replication) would be
// ones that nobody here decides about.
var forwarded = setOf(
	"HeadBucket", "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads",
	"GetBucketVersioning", "PutBucketVersioning", "GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging",
	"GetObjectLockConfiguration", "PutObjectLockConfiguration",
	"GetObject", "HeadObject", "PutObject", "CopyObject", "DeleteObject", "GetObjectAttributes",
	"CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts",
	"GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging",
	"GetObjectRetention", "PutObjectRetention", "GetObjectLegalHold", "PutObjectLegalHold",
)

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// toForward makes the request to the store: the same operation, on the same
// object, under the store's own credentials.
func (q *request) toForward(at *place) (*s3upstream.Request, error) {
	query, err := url.ParseQuery(q.Request.URL.RawQuery)
	if err != nil {
		return nil, fault("InvalidURI", http.StatusBadRequest, "Couldn't parse the specified URI.").because(err)
	}
	sent := &s3upstream.Request{
		Method: q.Request.Method, Bucket: q.op.Bucket, Key: q.op.Key, Query: query, Header: q.Request.Header.Clone(),
	}
	for name := range query { // what stands there for a header is one
		if _, ok := q.op.Header(name); ok && strings.HasPrefix(strings.ToLower(name), "x-amz-") {
			sent.Header.Set(name, query.Get(name))
			delete(query, name)
		}
	}
	for name, values := range sent.Header { // in one line: a store may take the first only
		if len(values) > 1 && strings.HasPrefix(name, "X-Amz-") {
			sent.Header.Set(name, strings.Join(values, ","))
		}
	}
	dropACL(sent.Header)
	if q.op.Source != nil {
		if err := q.sameStore(at); err != nil {
			return nil, err
		}
		sent.Header.Set("X-Amz-Copy-Source", q.op.Source.Header())
	}
	switch q.op.Body {
	case s3request.Document:
		sent.Body, sent.Length = newReader(q.document), int64(len(q.document))
		sent.PayloadHash = sigv4.HashPayload(q.document)
	case s3request.Stream:
		return sent, q.streamed(sent)
	default:
		sent.Length = 0
	}
	return sent, nil
}

// streamed hands the body on as it comes, verified on the way: the store gets the
// last of it only when all of it was right.
func (q *request) streamed(sent *s3upstream.Request) error {
	of := sigv4.OfBody
	reader, err := q.payload.Open(q.Request.Body, of)
	if err != nil {
		return err
	}
	sent.Body, sent.Length = reader, reader.Length()
	if isHash(q.contentSHA256) {
		sent.PayloadHash = q.contentSHA256
	}
	if name := q.Request.Header.Get("X-Amz-Trailer"); name != "" {
		sent.Trailer = &s3upstream.Trailer{Name: name, Value: func() (string, error) {
			for _, sum := range reader.Checksums() {
				if strings.EqualFold("x-amz-checksum-"+sum.Algorithm, name) {
					return sum.Value, nil
				}
			}
			return "", fault("MalformedTrailerError", http.StatusBadRequest, "The request contained trailing data that was not well-formed or did not conform to our published schema.")
		}}
	}
	return nil
}

func isHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// sameStore refuses to copy between stores, which neither can do.
func (q *request) sameStore(at *place) error {
	from, err := q.place(q.op.Source.Bucket)
	if err != nil {
		return err
	}
	if from.store != at.store {
		return fault("NotImplemented", http.StatusNotImplemented,
			"The buckets of this copy are kept in different stores. Get the object, and put it.")
	}
	return nil
}

// send sends a request to a place's store.
func (q *request) send(at *place, sent *s3upstream.Request) (*answer, error) {
	response, err := at.store.Client.Do(q.Request.Context(), sent)
	if err != nil {
		return nil, err
	}
	q.Event.UpstreamRequestID = response.RequestID
	return &answer{status: response.Status, header: response.Header, length: response.Length, body: response.Body}, nil
}

// tagsOf fetches the tags of a stored object. One that is not there has none.
func (q *request) tagsOf(at *place, need *s3request.Need) (map[string]string, error) {
	query := url.Values{"tagging": {""}}
	if need.VersionID != "" {
		query.Set("versionId", need.VersionID)
	}
	return readTags(q.Request.Context(), at, &s3upstream.Request{Method: http.MethodGet, Bucket: need.Bucket, Key: need.Key, Query: query, Header: http.Header{}})
}

func readTags(ctx context.Context, at *place, sent *s3upstream.Request) (map[string]string, error) {
	response, err := at.store.Client.Do(ctx, sent)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.Status == http.StatusNotFound {
		return map[string]string{}, nil
	}
	if response.Status != http.StatusOK {
		return nil, storeFault("the store did not tell the tags of the object, on which a policy depends; it answered " + http.StatusText(response.Status))
	}
	return decodeTags(response.Body)
}
