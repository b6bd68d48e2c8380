package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/sigv4"
)

const (
	// partSize is how much of a form's file is in memory: how long a file is, a
	// form does not say, and stores must know before. It is above the 5 MiB that
	// S3 wants of all parts but the last.
	partSize = 8 << 20
	// maxFile is S3's for an upload by a form (S3 User Guide, "Uploading objects":
	// 5 GB in one operation).
	maxFile = 5 << 30
	// abortTime is how long the store may take to throw an upload away.
	abortTime = 30 * time.Second
	// maxStoreReply bounds what the store may answer about an upload.
	maxStoreReply = 64 << 10
)

// fileReader is the file of a form, ended where the policy says.
type fileReader struct {
	form   *form
	policy *sigv4.PostPolicy // nil: of an anonymous form
	length int64
	buffer []byte
	ahead  []byte // what was read to see that a piece is not the last
}

// bufferSize is how much of the file of a form is in memory, of which no more than
// most can come.
func bufferSize(policy *sigv4.PostPolicy, most int64) int64 {
	size := min(int64(partSize), most)
	if policy != nil && policy.MaxLength() < size {
		size = max(policy.MaxLength(), 0) + 1 // to see that there is more
	}
	return size
}

// next reads the next piece, which is as long as the buffer but for the last. Of
// the last one it is known that the policy admits the length, and that the form
// came to its end.
func (f *fileReader) next() (piece []byte, last bool, err error) {
	n := copy(f.buffer, f.ahead)
	f.ahead = nil
	more, err := f.fill(f.buffer[n:])
	n += more
	if err == nil {
		var one [1]byte
		if more, err = f.fill(one[:]); more > 0 {
			f.ahead = one[:]
		}
	}
	switch {
	case err == nil:
		return f.buffer, false, f.tooLarge()
	case !errors.Is(err, io.EOF):
		return nil, false, formFault(err)
	}
	if err := f.tooLarge(); err != nil {
		return nil, false, err
	}
	if f.policy != nil {
		if err := f.policy.CheckLength(f.length); err != nil {
			return nil, false, err
		}
	}
	return f.buffer[:n], true, f.form.end()
}

// fill reads until p is full: io.EOF says that the file ended before. A file that
// breaks off has another error, which io.ReadFull would not tell apart.
func (f *fileReader) fill(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = f.form.file.Read(p[n:])
		n += more
	}
	f.length += int64(n)
	if n == len(p) && errors.Is(err, io.EOF) {
		err = nil // it says so again
	}
	return n, err
}

// tooLarge stops reading as soon as what was read is more than may be stored.
func (f *fileReader) tooLarge() error {
	if f.policy != nil && f.length > f.policy.MaxLength() {
		if err := f.policy.CheckLength(f.length); err != nil {
			return err
		}
	}
	if f.length > maxFile {
		return fault("EntityTooLarge", http.StatusBadRequest, "Your proposed upload exceeds the maximum allowed size").
			with("ProposedSize", strconv.FormatInt(f.length, 10)).with("MaxSizeAllowed", strconv.FormatInt(maxFile, 10))
	}
	return nil
}

// upload stores the file of a form: in one piece where it is in memory whole, and
// otherwise in parts, of which an object is made only when everything was right.
func (q *request) upload(f *form, policy *sigv4.PostPolicy) (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	header, err := f.header()
	if err != nil {
		return nil, err
	}
	size := bufferSize(policy, q.Request.ContentLength)
	giveBack, err := q.handler.files.take(size)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	file := &fileReader{form: f, policy: policy, buffer: make([]byte, size)}
	piece, last, err := file.next()
	if err != nil {
		return nil, err
	}
	if !last {
		return q.uploadParts(at, file, header, piece)
	}
	a, err := q.send(at, q.toObject(http.MethodPut, nil, header, piece))
	if err != nil || a.status != http.StatusOK {
		return a, err
	}
	a.close()
	return q.posted(f, a.header)
}

// toObject is a request to the store about the form's object.
func (q *request) toObject(method string, query url.Values, header http.Header, body []byte) *s3upstream.Request {
	if header == nil {
		header = http.Header{}
	}
	return &s3upstream.Request{
		Method: method, Bucket: q.op.Bucket, Key: q.op.Key, Query: query, Header: header,
		Body: newReader(body), Length: int64(len(body)), PayloadHash: sigv4.HashPayload(body),
	}
}

type storeUpload struct {
	UploadID string `xml:"UploadId"`
}

type completedPart struct {
	PartNumber int
	ETag       string
}

type completeMultipartUpload struct {
	XMLName xml.Name        `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUpload"`
	Parts   []completedPart `xml:"Part"`
}

// uploadParts stores a file of several pieces. Where it does not come to an
// object, the store throws the parts away.
func (q *request) uploadParts(at *place, file *fileReader, header http.Header, piece []byte) (a *answer, err error) {
	for name := range header {
		if strings.HasPrefix(name, "X-Amz-Checksum-") && name != "X-Amz-Checksum-Algorithm" {
			return nil, fault("NotImplemented", http.StatusNotImplemented,
				"The checksum of a form's file of more than 8 MiB is not looked at. Leave it out.").with("Header", name)
		}
	}
	var made storeUpload
	if a, err := q.askStore(at, q.toObject(http.MethodPost, url.Values{"uploads": {""}}, header, nil), &made); a != nil || err != nil {
		return a, err
	}
	if made.UploadID == "" {
		return nil, storeFault("the store names no upload that it made")
	}
	stored := false
	defer func() {
		if !stored {
			err = errors.Join(err, q.abort(at, made.UploadID))
		}
	}()
	var all completeMultipartUpload
	for last := false; ; {
		part := completedPart{PartNumber: len(all.Parts) + 1}
		query := url.Values{"uploadId": {made.UploadID}, "partNumber": {strconv.Itoa(part.PartNumber)}}
		a, err := q.send(at, q.toObject(http.MethodPut, query, nil, piece))
		if err != nil || a.status != http.StatusOK {
			return a, err
		}
		a.close()
		part.ETag = a.header.Get("Etag")
		all.Parts = append(all.Parts, part)
		if last {
			break
		}
		if piece, last, err = file.next(); err != nil {
			return nil, err
		}
	}
	if a, err := q.complete(at, made.UploadID, &all, header); a != nil || err != nil {
		return a, err
	}
	stored = true
	return q.posted(file.form, header)
}

// complete has the store make an object of the parts. What the store says of the
// object is in header then. It gives an answer only where the store refuses.
func (q *request) complete(at *place, uploadID string, all *completeMultipartUpload, header http.Header) (*answer, error) {
	body, err := xml.Marshal(all)
	if err != nil {
		return nil, err
	}
	var made struct {
		XMLName xml.Name
		ETag    string
		Code    string
	}
	a, err := q.send(at, q.toObject(http.MethodPost, url.Values{"uploadId": {uploadID}}, nil, body))
	if err != nil || a.status != http.StatusOK {
		return a, err
	}
	defer a.close()
	if err := decodeReply(a.body, &made); err != nil {
		return nil, err
	}
	// The status is sent before a store knows how it ends (S3 API Reference,
	// CompleteMultipartUpload: "a 200 OK response can contain an error").
	if made.XMLName.Local != "CompleteMultipartUploadResult" {
		return nil, storeFault("the store did not complete the upload: " + made.Code)
	}
	clear(header)
	for name, values := range a.header {
		header[name] = values
	}
	header.Set("Etag", made.ETag)
	return nil, nil
}

// askStore sends a request and decodes the reply. It gives an answer only where
// the store refuses.
func (q *request) askStore(at *place, sent *s3upstream.Request, reply any) (*answer, error) {
	a, err := q.send(at, sent)
	if err != nil || a.status != http.StatusOK {
		return a, err
	}
	defer a.close()
	return nil, decodeReply(a.body, reply)
}

func decodeReply(body io.Reader, reply any) error {
	if err := xml.NewDecoder(io.LimitReader(body, maxStoreReply)).Decode(reply); err != nil {
		return storeFault("the store's answer about an upload cannot be read: " + err.Error())
	}
	return nil
}

// abort throws an upload away, also when the client has gone.
func (q *request) abort(at *place, uploadID string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.Request.Context()), abortTime)
	defer cancel()
	response, err := at.store.Client.Do(ctx, q.toObject(http.MethodDelete, url.Values{"uploadId": {uploadID}}, nil, nil))
	if err != nil {
		return err
	}
	return response.Body.Close()
}
