package s3

import (
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/s3upstream"
)

// worthAsking is the length from which a conditional upload is decided upon
// before its body: above, a store may answer and close before it has read all,
// and a body that was sent for nothing costs more than a question.
const worthAsking = 64 << 10

// checkConditions refuses a conditional PutObject whose condition does not hold
// now, before the client is told to send the body. The store decides again, in
// one step with the write (S3 User Guide, "How to prevent object overwrites with
// conditional writes").
func (q *request) checkConditions(at *place) error {
	none, some := q.Request.Header.Get("If-None-Match"), q.Request.Header.Get("If-Match")
	if q.op.Name != "PutObject" || none == "" && some == "" || q.Request.ContentLength < worthAsking && q.Request.Header.Get("Expect") == "" {
		return nil
	}
	a, err := q.send(at, &s3upstream.Request{Method: http.MethodHead, Bucket: q.op.Bucket, Key: q.op.Key, Header: http.Header{}})
	if err != nil {
		return err
	}
	a.close()
	there := a.status == http.StatusOK
	switch {
	case !there && a.status != http.StatusNotFound: // the store says more to the request itself
		return nil
	case there && none == "*":
		return preconditionFailed("If-None-Match")
	case there && some != "" && strings.Trim(some, `"`) != strings.Trim(a.header.Get("Etag"), `"`):
		return preconditionFailed("If-Match")
	case !there && some != "":
		if err := q.askAbsence(); err != nil { // as of a read, see hideAbsence
			return err
		}
		return fault("NoSuchKey", http.StatusNotFound, "The specified key does not exist.").with("Key", q.op.Key)
	}
	return nil
}

func preconditionFailed(condition string) *refused {
	return fault("PreconditionFailed", http.StatusPreconditionFailed, "At least one of the pre-conditions you specified did not hold").with("Condition", condition)
}
