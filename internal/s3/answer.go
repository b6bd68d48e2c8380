package s3

import (
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// answer is what a request is answered with. Its body is streamed.
type answer struct {
	status int
	header http.Header
	length int64 // -1: not known
	body   io.ReadCloser
}

func (a *answer) close() {
	if a.body != nil {
		_ = a.body.Close() // nothing of it is told
	}
}

// written is an answer with a body that is in memory.
func written(status int, contentType string, body []byte) *answer {
	a := &answer{status: status, header: http.Header{}, length: int64(len(body))}
	if contentType != "" {
		a.header.Set("Content-Type", contentType)
	}
	a.body = io.NopCloser(newReader(body))
	return a
}

// document is an answer with an XML document.
func document(value any) (*answer, error) {
	body, err := xml.Marshal(value)
	if err != nil {
		return nil, err
	}
	return written(http.StatusOK, "application/xml", append([]byte(xml.Header), body...)), nil
}

// empty is an answer without a body.
func empty(status int) *answer { return &answer{status: status, header: http.Header{}} }

// hostID is x-amz-id-2, which together with the request id names a request to
// AWS's support. Here it tells nothing more.
func hostID(requestID string) string {
	return base64.StdEncoding.EncodeToString([]byte("daypass:" + requestID))
}

// write sends the answer. A body that breaks off must not look like a whole one:
// the connection is then broken too.
func (q *request) write(w http.ResponseWriter, a *answer) {
	defer a.close()
	h := w.Header()
	for name, values := range a.header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			// S3 "stores user-defined metadata keys in lowercase" (S3 User Guide,
			// "Working with object metadata"), and boto3 takes the case that it sees.
			name = strings.ToLower(name)
		}
		h[name] = values
	}
	h["X-Amz-Request-Id"] = []string{q.RequestID}
	h["X-Amz-Id-2"] = []string{hostID(q.RequestID)}
	if a.length >= 0 && !(a.length == 0 && a.status == http.StatusNoContent) {
		h["Content-Length"] = []string{strconv.FormatInt(a.length, 10)}
	}
	w.WriteHeader(a.status)
	if a.body == nil || q.Request.Method == http.MethodHead {
		return
	}
	if _, err := io.Copy(watchedWriter{w, q.watch}, a.body); err != nil {
		panic(http.ErrAbortHandler)
	}
}
