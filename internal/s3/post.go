package s3

import "net/http"

// post is a form upload.
func (q *request) post() (*answer, error) {
	return nil, fault("NotImplemented", http.StatusNotImplemented, "Form uploads are not served yet.")
}
