package awsapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/audit"
)

// faultNamespace is where an unknown operation's error lives, whatever the
// service (recorded on AWS).
const faultNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09"

// maxMessage bounds a fault's message, in bytes. A value of ten megabytes that
// breaks two constraints would come back eight times as long.
const maxMessage = 64 << 10

// maxReply bounds a reply, in bytes. Pages of lists end long before; it is reached
// by one thing that tells the same long document again and again.
const maxReply = 64 << 20

// reply is a response ready to be written.
type reply struct {
	status      int
	contentType string
	location    string
	// errorType is the code of a fault in the JSON dialect, which is in a header too.
	errorType string
	// bare replies carry no request ids: the request did not get as far.
	bare bool
	// extended is whether the reply carries STS's second id.
	extended bool
	body     []byte
}

func (a *API) reply(c *Call, result Result, err error) reply {
	switch {
	case err == nil:
		return c.dialect().replies.result(a, c, result)
	case errors.Is(err, errTooLarge):
		c.Event.Fault, c.Event.Reason = InvalidInput.String(), err.Error()
		return reply{status: http.StatusRequestEntityTooLarge}
	case errors.Is(err, errNoAction):
		c.Event.Fault, c.Event.Reason = InvalidInput.String(), err.Error()
		location := "https://aws.amazon.com/iam"
		if query := c.Request.URL.RawQuery; query != "" && c.Request.Method == http.MethodGet {
			location += "?" + query
		}
		return reply{status: http.StatusFound, location: location, extended: true}
	case errors.Is(err, errTarget):
		c.Event.Fault, c.Event.Reason = MalformedInput.String(), err.Error()
		return reply{status: http.StatusBadRequest, bare: true}
	}
	f := asFault(err)
	reply := a.faultReply(c, f)
	a.logOurs(c.Event, f)
	return reply
}

// logOurs tells the operator of a fault that is not the caller's.
func (a *API) logOurs(e *audit.Event, f *Fault) {
	if f.Kind == Internal {
		a.Log.Error("a request failed, and not by a fault of the caller", "requestId", e.RequestID, "operation", e.Operation, "reason", e.Reason, "error", e.ErrorChain)
	}
}

// queryReplies are the replies of Query.
type queryReplies struct{}

func (queryReplies) result(a *API, c *Call, result Result) reply {
	name := c.operation.name
	x := &XML{b: make([]byte, 0, 2048), most: maxReply}
	x.OpenNamespace(name+"Response", c.service.Namespace)
	if result != nil {
		x.Open(name + "Result")
		result.WriteXML(x)
		x.Close()
	}
	x.Open("ResponseMetadata")
	x.Text("RequestId", c.requestID)
	x.Close()
	x.Close()
	if x.full {
		return a.faultReply(c, Invalid(fmt.Sprintf("The reply would have more than %d bytes. Ask for fewer items, or take white space out of the policy documents.", maxReply)))
	}
	return reply{status: http.StatusOK, contentType: "text/xml", extended: c.isSTS(), body: x.Bytes()}
}

func (a *API) faultReply(c *Call, f *Fault) reply {
	dialect := c.dialect()
	wire := f.onTheWire(dialect, c.service)
	if len(wire.Message) > maxMessage { // it repeats what was sent
		wire.Message = strings.ToValidUTF8(wire.Message[:maxMessage], "") + "… (cut)"
	}
	noteFault(c.Event, f, wire)
	if f.Denied != nil && c.Snapshot != nil {
		account := f.Account
		if account == "" {
			account = c.Account
		}
		c.Event.Encoded = sealDenial(c.Snapshot.SessionKeys(), account, f)
		if a.EncodeDenials && c.Event.Encoded != "" { // as EC2 says it
			wire.Message += " Encoded authorization failure message: " + c.Event.Encoded
		}
	}
	return dialect.replies.fault(c, f, wire, a.messageFor(f, wire))
}

func (queryReplies) fault(c *Call, f *Fault, wire wireError, message string) reply {
	namespace := faultNamespace
	if c.service != nil && f.Kind != UnknownOperation {
		namespace = c.service.Namespace
	}
	sender := "Sender"
	if wire.Status >= http.StatusInternalServerError {
		sender = "Receiver"
	}
	x := &XML{}
	x.OpenNamespace("ErrorResponse", namespace)
	x.Open("Error")
	x.Text("Type", sender)
	x.Text("Code", wire.Code)
	if message != "" { // a MalformedInput has none
		x.Text("Message", message)
	}
	x.Close()
	x.Text("RequestId", c.requestID)
	x.Close()
	return reply{status: wire.Status, contentType: "text/xml", extended: c.service == nil || c.isSTS(), body: x.Bytes()}
}

func (c *Call) isSTS() bool { return c.service != nil && c.service.Name == "sts" }

// messageFor is AWS's sentence, followed by the reasons where the operator
// lets callers see them.
func (a *API) messageFor(f *Fault, wire wireError) string {
	if !a.ExplainToCaller || f.Kind == Internal {
		return wire.Message
	}
	var b strings.Builder
	b.WriteString(wire.Message)
	if f.Reason != "" && f.Reason != wire.Message {
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString("Why: " + f.Reason)
	}
	for i, name := range f.Documents {
		b.WriteString("\ndocument " + strconv.Itoa(i+1) + ": " + name)
	}
	if f.Why != nil {
		b.WriteString("\n" + strings.TrimRight(f.Why.String(), "\n"))
	}
	return b.String()
}

func noteFault(e *audit.Event, f *Fault, wire wireError) {
	e.Fault, e.Code, e.Reason = f.Kind.String(), wire.Code, f.Reason
	if f.Kind != MalformedAuthentication { // its message repeats the header, where a secret may stand in the wrong place
		e.Message = wire.Message
	}
	if f.Why != nil {
		e.Reasons, e.Decision, e.Documents = f.Why, f.Why.Effect.String(), f.Documents
	}
	if f.Action != "" {
		e.Action, e.Resource = f.Action, f.Resource
	}
	if f.Cause != nil {
		e.ErrorChain = f.Cause.Error()
	}
}

// write sends the reply. STS names a request twice; what its second id tells is
// not known (recorded on AWS: it is there in every reply, errors included).
func (p reply) write(w http.ResponseWriter, requestID string) {
	h := w.Header()
	if !p.bare {
		h["X-Amzn-Requestid"] = []string{requestID}
	}
	if p.extended {
		h["X-Amz-Sts-Extended-Request-Id"] = []string{base64.StdEncoding.EncodeToString([]byte("daypass:" + requestID))}
	}
	if p.errorType != "" {
		h["X-Amzn-Errortype"] = []string{p.errorType}
	}
	if p.location != "" {
		h["Location"] = []string{p.location}
	}
	if p.contentType != "" {
		h["Content-Type"] = []string{p.contentType}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(p.body))}
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body) // a client that went away is told nothing
}
