package s3

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"

	"github.com/daypass/daypass/internal/s3request"
)

// maxStoreError is the most that is read of a store's error to see what it is.
const maxStoreError = 64 << 10

// hideAbsence answers for an object that is not there as S3 does: who may not
// list the bucket is not told that it is absent (S3 API Reference, GetObject and
// HeadObject, permissions). What S3 does of other operations than reads is not
// known, and who writes is told no more.
func (q *request) hideAbsence(a *answer) (*answer, error) {
	if a.status != http.StatusNotFound || q.op.On != s3request.Object {
		return a, nil
	}
	if q.Request.Method != http.MethodHead {
		absent, err := isAbsence(a)
		if err != nil || !absent {
			return a, err
		}
	}
	if err := q.askAbsence(); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// askAbsence asks for the permission to learn that the object of the request, or
// the source of a copy, is not there.
func (q *request) askAbsence() error {
	need := q.op.ExistenceNeed()
	if s := q.op.Source; s != nil {
		need = s3request.Need{Action: need.Action, Resource: s3request.BucketARN(s.Bucket), Bucket: s.Bucket}
	}
	return q.ask(&need)
}

// isAbsence reports whether a store says of an object or version that it is not
// there, and not of an upload, a bucket or a part of a configuration. The body is
// whole afterwards.
func isAbsence(a *answer) (bool, error) {
	start, err := io.ReadAll(io.LimitReader(a.body, maxStoreError))
	if err != nil {
		a.close()
		return false, err
	}
	a.body = joined{io.MultiReader(bytes.NewReader(start), a.body), a.body}
	var told struct{ Code string }
	said := xml.Unmarshal(start, &told) == nil
	// A store that does not say is taken at the worst.
	return !said || told.Code == "NoSuchKey" || told.Code == "NoSuchVersion", nil
}
