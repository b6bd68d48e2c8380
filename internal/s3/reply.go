package s3

import (
	"io"
	"net/http"
	"regexp"
)

// emptyRule is how a store says that there is no default retention. S3 has no rule
// then, and Terraform would take it for one.
var emptyRule = regexp.MustCompile(`<Rule>\s*</Rule>|<Rule\s*/>`)

// ownReply makes a store's answer one of S3's, where stores differ.
func (q *request) ownReply(a *answer, at *place) (*answer, error) {
	if a.header.Get("X-Amz-Storage-Class") == "STANDARD" { // of which S3 is silent (S3 API Reference, HeadObject)
		a.header.Del("X-Amz-Storage-Class")
	}
	if q.op.Name == "PutObject" { // S3 has it where an object was appended to (S3 API Reference, PutObject)
		a.header.Del("X-Amz-Object-Size")
	}
	if a.status != http.StatusOK {
		return a, nil
	}
	switch q.op.Name {
	case "CompleteMultipartUpload", "CopyObject", "UploadPartCopy":
		return q.ownCompletion(a), nil
	case "GetObjectLockConfiguration":
		return a.rewrite(maxStoreReply, func(body []byte) ([]byte, error) { return emptyRule.ReplaceAll(body, nil), nil })
	}
	return q.ownListing(a, at)
}

// rewrite reads a body whole, which is bounded, and replaces it.
func (a *answer) rewrite(most int64, change func([]byte) ([]byte, error)) (*answer, error) {
	body, err := io.ReadAll(io.LimitReader(a.body, most+1))
	a.close()
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > most {
		return nil, storeFault("the store's answer is longer than any of its kind")
	}
	if body, err = change(body); err != nil {
		return nil, err
	}
	own := written(a.status, "", body)
	own.header = a.header
	return own, nil
}
