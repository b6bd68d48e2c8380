// Package s3request says what an HTTP request asks of Amazon S3: the one
// operation, by the name that the API Reference gives it, what it is about, and
// which permissions it needs. It is pure: it sees a Request, and for some
// operations a body that was read, and decides nothing.
//
// # The way through
//
//	op, err := s3request.Parse(&s3request.Request{…}, "s3.example.com")
//	if op.NeedsBody() { err = op.ReadBody(body) }  // or ReadForm, for PostObject
//	needs, err := op.Needs()
//	for _, need := range needs { need.Set(&context, &surroundings); … }
//
// An error is an *Error: S3's code, status, sentence and further elements.
//
// # What is refused
//
// A request is one operation or it is refused; nothing is guessed. Two
// sub-resources in one query conflict, as on S3. A query parameter or an
// x-amz-* header that the operation does not have is refused, also where S3
// would leave it out of account: behind a gateway stands a server that may know
// it. A parameter or header that is there twice is refused. Operations that are
// not served are refused by name (table_refused.go).
//
// # Bytes
//
// A key is what the percent-encoding of the path says, decoded once: "//", "..",
// an encoded slash and "+" are bytes like others. Path and Header of a Source,
// EncodeKey and Operation.Path write them so that every server reads the same.
//
// # Where to look
//
//   - table.go, table_bucket.go, table_object.go: the operations; docs/s3-operations.md is made from them
//   - target.go, bucket.go: host, path, query; dispatch.go: from them to a row
//   - header.go, copysource.go: headers, and the query parameters that stand for them
//   - needs.go, extras.go: permissions; keys.go: which condition keys each action has
//   - body.go, form.go: bodies that permissions depend on
//   - error.go: S3's sentences
//
// Sources: S3 API Reference, a page for each operation; Service Authorization
// Reference, "Actions, resources, and condition keys for Amazon S3" (September
// 2026); S3 User Guide, "Required permissions for Amazon S3 API operations".
// "Recorded on S3" are answers of the live service that others published
// (August to October 2026); they were not repeated for Daypass.
package s3request

import (
	"strings"
)

// Request is what of an HTTP request says what is asked. The fields are those
// of a net/http server request, so that none of them is a copy.
type Request struct {
	Method string
	// Host is the Host header or the :authority pseudo-header.
	Host string
	// RequestURI is the path with its query as it stood on the wire, neither
	// decoded nor cleaned: http.Request.RequestURI.
	RequestURI string
	// Header is looked at without regard to the case of its names.
	Header map[string][]string
}

// Resource is what an operation is about.
type Resource uint8

// The zero Resource is none.
const (
	Service Resource = iota + 1 // the account's buckets
	Bucket
	Object
)

// String is the word of the Service Authorization Reference.
func (r Resource) String() string {
	return [...]string{"none", "service", "bucket", "object"}[min(r, Object)]
}

// Body is how the body of an operation's request is to be handled.
type Body uint8

// The zero Body is none: a request with one may be refused.
const (
	NoBody   Body = iota
	Stream        // the data of an object or a part: of any size
	Document      // a small XML or JSON document, of at most MaxDocument bytes
	Form          // multipart/form-data: fields, then a file of any size
)

// String names the body in documentation.
func (b Body) String() string {
	return [...]string{"none", "stream", "document", "form"}[min(b, Form)]
}

// Traits tell a proxy how to handle an operation.
type Traits struct {
	// Writes says that the operation changes something.
	Writes bool
	// Body is of the request.
	Body Body
	// Idempotent says that to send the request twice does what sending it once
	// does, so that it may be repeated after a broken connection. What makes a
	// new version, upload or delete marker each time is not.
	Idempotent bool
}

// Operation is one thing that S3 is asked. Parse makes it; the zero Operation
// is none and has no needs that can be met.
type Operation struct {
	// Name is that of the API Reference: ListObjectsV2. A form upload is
	// PostObject.
	Name string
	On   Resource
	Traits

	Bucket string // "" for ListBuckets
	// Key of the object. For PostObject it is known after ReadForm.
	Key        string
	VersionID  string  // versionId of the query; "" for none
	UploadID   string  // uploadId of the query; "" for none
	PartNumber int     // partNumber of the query; 0 for none
	Source     *Source // x-amz-copy-source; nil for none
	// Deletions are the objects that DeleteObjects names; known after ReadBody.
	Deletions []Deletion

	row        *row
	parameters map[string]string // of the query, decoded, less those that are headers
	headers    map[string]string // of headers: names in lower case; x-amz-* of the query among them
	presigned  bool              // the query carries a signature
	read       bool              // ReadBody or ReadForm has been successful
	body       document
}

// Parse says what r asks for. The hosts are the names under which S3 is served,
// without a port for any port: a request to one of them names its bucket in the
// path, a request to a name below one of them in the host ("virtual-hosted
// style"; S3 User Guide, "Virtual hosting of general purpose buckets"). Without
// hosts every request names its bucket in the path; with hosts, a request to
// any other host is refused.
//
// The error is an *Error. Parse looks at no signature: what it returns is what
// the request claims to ask until its signature has been verified, over the same
// RequestURI and Header.
func Parse(r *Request, hosts ...string) (*Operation, error) {
	t, err := parseTarget(r, hosts)
	if err != nil {
		return nil, err
	}
	op := &Operation{Bucket: t.bucket, Key: t.key, On: t.on(), parameters: t.query}
	if err := op.readHeaders(r, t); err != nil {
		return nil, err
	}
	if err := op.refuseOthers(t); err != nil {
		return nil, err
	}
	if op.row, err = op.dispatch(r.Method); err != nil {
		return nil, err
	}
	op.Name, op.Traits = op.row.name, op.row.traits
	for _, check := range []func() error{
		op.checkNames, op.readParameters, op.checkHeaders, op.readSource, op.checkValues,
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return op, nil
}

// Parameter is a parameter of the query, decoded, and whether it is there.
// Those that stand for headers (x-amz-*) are with the headers.
func (op *Operation) Parameter(name string) (string, bool) {
	value, ok := op.parameters[name]
	return value, ok
}

// Header is the value of a header, and whether it is there. An x-amz-*
// parameter of the query is a header, as S3 takes it (presigned URLs carry
// headers so), and a field of a form upload as well.
func (op *Operation) Header(name string) (string, bool) {
	value, ok := op.headers[strings.ToLower(name)]
	return value, ok
}

// Path is the path of the request in path style, in the one encoding that
// EncodeKey writes: the same operation on the same object, whatever form the
// request had.
func (op *Operation) Path() string {
	switch op.On {
	case Object:
		return "/" + op.Bucket + "/" + EncodeKey(op.Key)
	case Bucket:
		return "/" + op.Bucket
	default:
		return "/"
	}
}
