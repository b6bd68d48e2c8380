package s3

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/s3request"
	"github.com/daypass/daypass/internal/sigv4"
)

const (
	// maxFields bounds the fields before the file, names and values together
	// (recorded on S3: MaxPostPreDataLengthBytes).
	maxFields = 20480
	// maxBeforeFile bounds them with all that stands around them.
	maxBeforeFile = 4 * maxFields
)

// form is a form for upload that is read up to its file.
type form struct {
	fields   []sigv4.PostField
	file     *multipart.Part
	fileName string

	parts *multipart.Reader
}

// bounded is a body of which only so much may be read, until it is opened.
type bounded struct {
	io.Reader
	left int
	open bool
}

var errBound = errors.New("the form has too much before its file")

func (b *bounded) Read(p []byte) (int, error) {
	if b.open {
		return b.Reader.Read(p)
	}
	if b.left == 0 {
		return 0, errBound
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// readForm reads the fields that stand before the file. The file is the last
// field: what comes after it is ignored (S3 API Reference, "POST Object", file).
func readForm(r *http.Request) (*form, error) {
	if r.ContentLength < 0 {
		return nil, fault("MissingContentLength", http.StatusLengthRequired, "You must provide the Content-Length HTTP header.")
	}
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return nil, malformedForm(errors.New("its Content-Type has no boundary"))
	}
	body := &bounded{Reader: r.Body, left: maxBeforeFile}
	f := &form{parts: multipart.NewReader(body, parameters["boundary"])}
	size := 0
	for {
		part, err := f.parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, noFile()
		}
		if err != nil {
			return nil, formFault(err)
		}
		name := part.FormName()
		switch {
		case name == "":
			return nil, malformedForm(errors.New("a part of it has no name"))
		case strings.EqualFold(name, "file"):
			f.file, f.fileName, body.open = part, part.FileName(), true
			return f, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, maxFields+1))
		if err != nil {
			return nil, formFault(err)
		}
		if size += len(name) + len(value); size > maxFields {
			return nil, tooMuchBeforeFile()
		}
		f.fields = append(f.fields, sigv4.PostField{Name: name, Value: string(value)})
	}
}

// end reads to the end of the form, which must be there: a form that breaks off
// behind its file may have had more of it.
func (f *form) end() error {
	for {
		_, err := f.parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return formFault(err)
		}
	}
}

// noFile is as users of S3 published it.
func noFile() *refused {
	return fault("InvalidArgument", http.StatusBadRequest, "POST requires exactly one file upload per request.").
		with("ArgumentName", "file").with("ArgumentValue", "0")
}

func malformedForm(cause error) *refused {
	return fault("MalformedPOSTRequest", http.StatusBadRequest, "The body of your POST request is not well-formed multipart/form-data.").because(cause)
}

func tooMuchBeforeFile() *refused {
	return fault("MaxPostPreDataLengthExceeded", http.StatusBadRequest, "Your POST request fields preceeding the upload file was too large."). //nolint:misspell // as S3 spells it
																			with("MaxPostPreDataLengthBytes", strconv.Itoa(maxFields))
}

// formFault is an error of reading a form: it does not come, breaks off, or is
// none.
func formFault(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errBound):
		return tooMuchBeforeFile()
	case errors.As(err, &timeout) && timeout.Timeout():
		return readFault(err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault("IncompleteBody", http.StatusBadRequest, "The request body terminated unexpectedly").because(err)
	default:
		return malformedForm(err)
	}
}

// get is the value of a field, by its name in lower case.
func (f *form) get(name string) string {
	for _, field := range f.fields {
		if strings.ToLower(field.Name) == name {
			return field.Value
		}
	}
	return ""
}

// forOperation are the fields as permissions are asked by them.
func (f *form) forOperation() []s3request.Field {
	fields := make([]s3request.Field, 0, len(f.fields))
	for _, field := range f.fields {
		fields = append(fields, s3request.Field{Name: field.Name, Value: field.Value})
	}
	return fields
}

// objectFields are the fields that are headers of the object (S3 API Reference,
// "POST Object", Form fields), besides those that begin with x-amz-.
var objectFields = setOf("cache-control", "content-type", "content-disposition", "content-encoding", "content-language", "expires")

// notObjectFields are the fields x-amz-… that say how the form is signed.
var notObjectFields = setOf("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token")

// header is what the form says of the object, as the headers of a PutObject.
func (f *form) header() (http.Header, error) {
	header := http.Header{}
	for _, field := range f.fields {
		name := strings.ToLower(field.Name)
		switch {
		case name == "tagging":
			tags, err := decodeTags(strings.NewReader(field.Value))
			if err != nil {
				return nil, malformedXML().because(err)
			}
			query := url.Values{}
			for key, value := range tags {
				query.Set(key, value)
			}
			header.Set("X-Amz-Tagging", query.Encode())
		case objectFields[name], strings.HasPrefix(name, "x-amz-") && !notObjectFields[name]:
			if strings.ContainsFunc(field.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return nil, fault("InvalidArgument", http.StatusBadRequest, "The value of a form field that is a header must not have control characters").with("ArgumentName", field.Name)
			}
			header.Set(name, field.Value)
		}
	}
	dropACL(header)
	return header, nil
}
