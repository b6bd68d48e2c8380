// Package awsrequest says what an HTTP request asks of an AWS service that Daypass
// does not serve itself: the one operation, by the protocol's rule, and which
// permissions it needs, on which resources and with which condition keys. It is
// pure: it sees a Request, its body included, and decides nothing.
//
// # The way through
//
//	service, ok := awsrequest.Find("ec2")
//	op, err := service.Parse(&awsrequest.Request{…})
//	needs, err := op.Needs(&awsrequest.Scope{Region: …, Account: …})
//	sent := op.Message()
//
// # What is refused
//
// A request is one operation or it is refused; nothing is guessed. The service
// behind must read in a request what was read here: so a parameter that is there
// twice, a member that is there twice, a path with empty or dotted segments, and a
// body that is not UTF-8 where text is wanted are refused, and Message writes the
// parameters of a Query request anew.
//
// # What is not known
//
// A gateway does not see which resource a request will meet, nor what the resource
// is like. A Need says what of it is Open; whoever decides refuses where a policy
// hangs on that (policy.Document.HangsOn).
//
// # Where to look
//
//   - operations.txt: the operations, made by tools/awsmodels; table.go reads it
//   - query.go, json.go, rest.go: the protocols; members.go: what none of them may have
//   - needs.go: permissions; exceptions.go: those that have another name, and what is refused
//   - rules.go: resources of services; ec2.go, ec2_run.go: those of Amazon EC2
//
// Sources: the service models of the AWS SDKs; Service Authorization Reference, a
// page for each service; Smithy 2.0, "AWS protocols".
package awsrequest

import "fmt"

// Protocol is how a request says what it asks.
type Protocol uint8

// The zero Protocol is none.
const (
	Query    Protocol = iota + 1 // parameters, with Action
	EC2Query                     // the same, with lists and errors of its own form
	JSON                         // X-Amz-Target and a JSON document
	RESTJSON                     // method and path
	RESTXML
	CBOR // Smithy RPC v2: the operation in the path, CBOR documents
)

// String is the protocol's word in the service models.
func (p Protocol) String() string {
	return [...]string{"none", "query", "ec2", "json", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"}[min(p, CBOR)]
}

// Request is what of an HTTP request says what is asked.
type Request struct {
	Method string
	// RequestURI is the path with its query as it stood on the wire.
	RequestURI string
	// Header has canonical names in the sense of net/http.
	Header map[string][]string
	Body   []byte
}

func (r *Request) header(name string) string {
	if values := r.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Kind tells errors apart.
type Kind uint8

// The kinds of error. The zero Kind is none of them.
const (
	Unknown   Kind = iota + 1 // there is no such operation
	Malformed                 // the request cannot be read, or can be read in two ways
	Unserved                  // which permissions it needs is not known, or is known to be too much
)

// Error is why a request is refused. No value of the request is in it, but for
// names of operations and parameters.
type Error struct {
	Kind   Kind
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return "awsrequest: " + e.Reason }

func malformed(format string, args ...any) *Error {
	return &Error{Kind: Malformed, Reason: fmt.Sprintf(format, args...)}
}

// shown is a name of the client's, cut: it goes into messages.
func shown(name string) string {
	const most = 128
	if len(name) > most {
		name = name[:most] + "…"
	}
	return fmt.Sprintf("%q", name)
}

// Operation is one thing that a service is asked. Parse makes it.
type Operation struct {
	Service  *Service
	Name     string // RunInstances
	Protocol Protocol
	// DryRun says that EC2 is asked for nothing but whether it may be done.
	DryRun bool

	api      *api
	row      *row
	params   *params           // of Query and EC2Query
	document map[string]any    // of JSON, and of RESTJSON where it has one
	labels   map[string]string // of the path, decoded
	query    map[string]string // of REST, decoded
	path     string            // as it stood on the wire
	rawQuery string            // of REST, less what belongs to the signature
	request  *Request
}

// Action is the permission that the operation is named by, where it has one of its
// own name: ec2:RunInstances.
func (op *Operation) Action() string { return op.Service.Prefix + ":" + op.Name }

// Message is a request as it goes to the service behind: what was read here, and
// nothing that could be read otherwise there.
type Message struct {
	Method   string
	Path     string // as on the wire
	RawQuery string
	// Header has what belongs to the protocol.
	Header map[string]string
	Body   []byte
	// REST says that further headers x-amz-… are part of the request.
	REST bool
}

// Message gives the request to send.
func (op *Operation) Message() *Message {
	m := &Message{Method: "POST", Path: op.path, Header: map[string]string{}, Body: op.request.Body}
	contentType := op.request.header("Content-Type")
	switch op.Protocol {
	case Query, EC2Query:
		m.Body = op.params.encode()
		contentType = "application/x-www-form-urlencoded; charset=utf-8"
	case JSON:
		m.Header["X-Amz-Target"] = op.api.target + "." + op.Name
		if mode := op.request.header("X-Amzn-Query-Mode"); mode == "true" { // SQS: which error codes are wanted
			m.Header["X-Amzn-Query-Mode"] = mode
		}
		if contentType != "application/x-amz-json-1.0" {
			contentType = "application/x-amz-json-1.1"
		}
	case CBOR:
		m.Header["Smithy-Protocol"], m.Header["Accept"] = "rpc-v2-cbor", "application/cbor"
		contentType = "application/cbor"
	default:
		m.Method, m.RawQuery, m.REST = op.request.Method, op.rawQuery, true
		if accept := op.request.header("Accept"); accept != "" {
			m.Header["Accept"] = accept
		}
	}
	if contentType != "" && (len(m.Body) > 0 || !m.REST) {
		m.Header["Content-Type"] = contentType
	}
	return m
}
