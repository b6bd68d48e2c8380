package s3

import (
	"crypto/md5" //nolint:gosec // Content-MD5
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/s3request"
	"github.com/daypass/daypass/internal/sigv4"
)

// maxDeletionReply bounds what the store may answer about a thousand objects.
const maxDeletionReply = 8 << 20

type deletedObject struct {
	Key                   string
	VersionID             string `xml:"VersionId,omitempty"`
	DeleteMarker          bool   `xml:",omitempty"`
	DeleteMarkerVersionID string `xml:"DeleteMarkerVersionId,omitempty"`
}

type deletionError struct {
	Key       string
	VersionID string `xml:"VersionId,omitempty"`
	Code      string
	Message   string
}

type deleteResult struct {
	XMLName xml.Name        `xml:"DeleteResult"`
	Xmlns   string          `xml:"xmlns,attr,omitempty"`
	Deleted []deletedObject `xml:"Deleted"`
	Errors  []deletionError `xml:"Error"`
}

type objectToDelete struct {
	Key       string
	VersionID string `xml:"VersionId,omitempty"`
	ETag      string `xml:",omitempty"`
}

type deleteRequest struct {
	XMLName xml.Name         `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Delete"`
	Objects []objectToDelete `xml:"Object"`
	Quiet   bool             `xml:",omitempty"`
}

// deleteObjects asks for each object by itself, has the store delete those that
// may be deleted, and tells of the others in the reply, whose status is 200 (S3
// API Reference, DeleteObjects). The event tells of the first that may not.
func (q *request) deleteObjects() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	result := deleteResult{Xmlns: namespace}
	wanted := deleteRequest{Quiet: quiet(q.document)}
	for _, d := range q.op.Deletions {
		if err := q.mayDelete(d); err != nil {
			result.Errors = append(result.Errors, q.deletionRefused(d, err, len(result.Errors) == 0))
			continue
		}
		wanted.Objects = append(wanted.Objects, objectToDelete{d.Key, d.VersionID, d.ETag})
	}
	if len(wanted.Objects) > 0 {
		a, err := q.deleteInStore(at, &wanted, &result)
		if a != nil || err != nil {
			return a, err
		}
	}
	return document(result)
}

// deletionRefused is what the reply tells of an object that is not deleted. Of
// the first the event tells, and its words are kept when others follow.
func (q *request) deletionRefused(d s3request.Deletion, err error, first bool) deletionError {
	event := *q.Event
	code, _, message := q.Refuse(err, q.dialect)
	if !first {
		*q.Event = event
	}
	return deletionError{d.Key, d.VersionID, code, message}
}

// mayDelete asks for every need of one deletion.
func (q *request) mayDelete(d s3request.Deletion) error {
	needs := q.op.DeletionNeeds(d)
	if len(needs) == 0 {
		return errors.New("s3: a deletion needs no permission")
	}
	for i := range needs {
		if err := q.ask(&needs[i]); err != nil {
			return err
		}
	}
	return nil
}

// quiet reads whether only errors are to be told.
func quiet(document []byte) bool {
	var asked struct{ Quiet bool }
	return xml.Unmarshal(document, &asked) == nil && asked.Quiet
}

// deleteInStore sends what may be deleted, and adds what the store says of it.
// It gives an answer only where the store refuses the request as a whole.
func (q *request) deleteInStore(at *place, wanted *deleteRequest, result *deleteResult) (*answer, error) {
	body, err := xml.Marshal(wanted)
	if err != nil {
		return nil, err
	}
	sent, err := q.toForward(at)
	if err != nil {
		return nil, err
	}
	for name := range sent.Header { // of the document that is not sent
		if isChecksumHeader(name) {
			sent.Header.Del(name)
		}
	}
	sent.Body, sent.Length, sent.PayloadHash = newReader(body), int64(len(body)), sigv4.HashPayload(body)
	sent.Header.Set("Content-Md5", contentMD5(body))
	sent.Trailer = nil
	a, err := q.send(at, sent)
	if err != nil || a.status != http.StatusOK {
		return a, err
	}
	defer a.close()
	var told deleteResult
	if err := xml.NewDecoder(io.LimitReader(a.body, maxDeletionReply)).Decode(&told); err != nil {
		return nil, storeFault("the store's answer to DeleteObjects cannot be read: " + err.Error())
	}
	result.Deleted, result.Errors = told.Deleted, append(result.Errors, told.Errors...)
	return nil, nil
}

// isChecksumHeader reports whether a header speaks of the very bytes of a body.
func isChecksumHeader(name string) bool {
	name = strings.ToLower(name)
	return name == "content-md5" || name == "x-amz-trailer" || name == "x-amz-sdk-checksum-algorithm" || strings.HasPrefix(name, "x-amz-checksum-")
}

// contentMD5 is what DeleteObjects must carry where it has no other checksum (S3
// API Reference, DeleteObjects).
func contentMD5(body []byte) string {
	sum := md5.Sum(body) //nolint:gosec // S3 asks for it; it guards nothing
	return base64.StdEncoding.EncodeToString(sum[:])
}
