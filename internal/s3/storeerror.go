package s3

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"regexp"
)

// idElement is an id of a request in an error. In text a "<" is written otherwise,
// so that nothing else looks so.
var idElement = regexp.MustCompile(`(?s)<(RequestId|HostId)(?:>.*?</(?:RequestId|HostId)>|\s*/>)`)

// messageElement is the sentence of an error.
var messageElement = regexp.MustCompile(`(?s)<Message>.*?</Message>`)

// sentences are S3's for codes of which stores have others (as users recorded them
// in September 2026).
var sentences = map[string]string{
	"400":                                  "The store that has this bucket cannot keep an object of this key: it has . or .. between its slashes.",
	"NoSuchTagSet":                         "The TagSet does not exist",
	"NoSuchUpload":                         "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
	"PreconditionFailed":                   "At least one of the pre-conditions you specified did not hold",
	"ObjectLockConfigurationNotFoundError": "Object Lock configuration does not exist for this bucket",
}

// ownError makes a store's error one of ours: by the ids of this request, as in its
// headers, by which whoever runs the server finds its event. The store's own id is
// in the event. What is no error of S3, or is longer than one, is passed on as it is.
func (q *request) ownError(a *answer) (*answer, error) {
	if a.status < http.StatusBadRequest || q.Request.Method == http.MethodHead || a.body == nil {
		return a, nil
	}
	start, err := io.ReadAll(io.LimitReader(a.body, maxStoreError+1))
	if err != nil {
		a.close()
		return nil, err
	}
	var told struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
	}
	isError := xml.Unmarshal(start, &told) == nil
	if len(start) > maxStoreError || !isError {
		a.body = joined{io.MultiReader(bytes.NewReader(start), a.body), a.body}
		return a, nil
	}
	a.close()
	body := q.withOwnIDs(start)
	if told.Code == "400" { // versitygw's, for a key that leads out of its bucket
		body = bytes.Replace(body, []byte("<Code>400</Code>"), []byte("<Code>InvalidRequest</Code>"), 1)
	}
	if sentence, ok := sentences[told.Code]; ok {
		body = messageElement.ReplaceAllLiteral(body, []byte("<Message>"+sentence+"</Message>"))
	}
	own := written(a.status, "", body)
	own.header = a.header
	return own, nil
}

// withOwnIDs puts the ids of this request at the end of an error, where S3 has
// them, in the place of a store's.
func (q *request) withOwnIDs(body []byte) []byte {
	body = idElement.ReplaceAll(body, nil)
	end := bytes.LastIndex(body, []byte("</"))
	if end < 0 {
		return body
	}
	ids := "<RequestId>" + q.RequestID + "</RequestId><HostId>" + hostID(q.RequestID) + "</HostId>"
	return append(body[:end:end], append([]byte(ids), body[end:]...)...)
}

// joined reads what was read ahead, and then the rest of a body.
type joined struct {
	io.Reader
	io.Closer
}
