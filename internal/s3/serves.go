package s3

import (
	"mime"
	"net/http"
	"strings"
)

// scopeEnd is how the scope of a credential for S3 ends, of Signature V4 and V4A.
const scopeEnd = "/s3/aws4_request"

// Serves reports whether a request is for S3, at an endpoint that it shares with
// services of the Query protocol: by its host, by what it is signed for or, where
// nobody signed it, by its form. Signature V2 was S3's before V4, and S3 has words
// for it.
func (h *Handler) Serves(r *http.Request) bool {
	if h.isOurs(r.Host) {
		return true
	}
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		return strings.Contains(authorization, scopeEnd) || strings.HasPrefix(authorization, "AWS ")
	}
	if query := r.URL.Query(); query.Has("X-Amz-Credential") {
		return strings.HasSuffix(query.Get("X-Amz-Credential"), scopeEnd)
	} else if query.Has("AWSAccessKeyId") && query.Has("Signature") && !query.Has("Action") {
		return true
	}
	return r.URL.Path != "/" || isFormUpload(r)
}

// isFormUpload reports whether a request to a host of a bucket could be a form for
// upload by POST.
func isFormUpload(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.Method == http.MethodPost && err == nil && media == "multipart/form-data"
}
