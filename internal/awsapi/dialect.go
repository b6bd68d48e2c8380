package awsapi

import (
	"net/http"
	"strings"
)

// Dialect is how services speak on the wire: where a request names its operation,
// which code and status a kind of fault has, and how replies are written. Its
// values are the variables of this package.
type Dialect struct {
	// Name is the word for it in the table of operations.
	Name string
	// errors has a row for every kind but Modelled.
	errors map[Kind]wireError
	// form says that the body of a POST is the parameters, so that a signature may
	// stand among them.
	form bool
	// signs is a header that says what is asked and so must be signed, in lower
	// case; "" for none.
	signs   string
	replies replies
}

// replies writes what a dialect's replies look like.
type replies interface {
	// result is the reply of an operation that went well.
	result(a *API, c *Call, result Result) reply
	// fault is that of one that did not; the message is the one for the caller.
	fault(c *Call, f *Fault, wire wireError, message string) reply
}

// Query is the dialect of STS and IAM: parameters as a form, replies in XML.
var Query = &Dialect{Name: "Query", errors: queryErrors, form: true, replies: queryReplies{}}

// JSON11 is version 1.1 of AWS's JSON dialect, that of Secrets Manager: the
// header X-Amz-Target names the operation, as PREFIX.OPERATION, and bodies are
// JSON objects.
var JSON11 = &Dialect{Name: "JSON 1.1", errors: jsonErrors, signs: "x-amz-target", replies: jsonReplies{}}

// dialect is that of the service or, before it is known, that of the request.
func (c *Call) dialect() *Dialect {
	switch {
	case c.service != nil && c.service.Dialect != nil:
		return c.service.Dialect
	case c.service == nil && c.Request != nil && isJSON(c.Request):
		return JSON11
	default:
		return Query
	}
}

// isJSON reports whether a request is of the JSON dialect. No other has this
// header.
func isJSON(r *http.Request) bool {
	return r.Method == http.MethodPost && r.Header.Get("X-Amz-Target") != ""
}

// findByTarget finds the operation of a request of the JSON dialect.
func (a *API) findByTarget(c *Call) error {
	targets := c.Request.Header.Values("X-Amz-Target")
	prefix, name, _ := strings.Cut(targets[0], ".")
	if service, ok := a.byTarget[prefix]; ok && len(targets) == 1 {
		c.service = service
		c.Event.Service = service.Name
		if c.operation, ok = service.operations[name]; ok {
			c.Event.Operation = name
			return checkJSONType(c.Request.Header.Get("Content-Type"))
		}
	}
	return (&Fault{Kind: UnknownOperation}).
		Because("Daypass serves no operation %.200q; README.md lists those that it serves", targets[0])
}
