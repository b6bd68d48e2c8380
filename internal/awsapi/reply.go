package awsapi

import (
	"errors"
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

// reply is a response ready to be written.
type reply struct {
	status      int
	contentType string
	location    string
	body        []byte
}

func (a *API) reply(c *Call, result Result, err error) reply {
	switch {
	case err == nil:
		return resultReply(c, result)
	case errors.Is(err, errTooLarge):
		c.Event.Fault, c.Event.Reason = InvalidInput.String(), err.Error()
		return reply{status: http.StatusRequestEntityTooLarge}
	case errors.Is(err, errNoAction):
		c.Event.Fault, c.Event.Reason = InvalidInput.String(), err.Error()
		return reply{status: http.StatusFound, location: "https://aws.amazon.com/iam"}
	}
	return a.faultReply(c, asFault(err))
}

func resultReply(c *Call, result Result) reply {
	name := c.operation.name
	x := &XML{b: make([]byte, 0, 2048)}
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
	return reply{status: http.StatusOK, contentType: "text/xml", body: x.Bytes()}
}

func (a *API) faultReply(c *Call, f *Fault) reply {
	wire := f.onTheWire()
	if len(wire.Message) > maxMessage { // it repeats what was sent
		wire.Message = strings.ToValidUTF8(wire.Message[:maxMessage], "") + "… (cut)"
	}
	noteFault(c.Event, f, wire)
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
	x.Text("Message", a.messageFor(f, wire))
	x.Close()
	x.Text("RequestId", c.requestID)
	x.Close()
	return reply{status: wire.Status, contentType: "text/xml", body: x.Bytes()}
}

// messageFor is AWS's sentence, followed by the reasons where the operator
// lets callers see them.
func (a *API) messageFor(f *Fault, wire wireError) string {
	if !a.ExplainToCaller || f.Kind == Internal {
		return wire.Message
	}
	var b strings.Builder
	b.WriteString(wire.Message)
	if f.Reason != "" && f.Reason != wire.Message {
		b.WriteString("\n\nWhy: " + f.Reason)
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

func (p reply) write(w http.ResponseWriter, requestID string) {
	h := w.Header()
	h["X-Amzn-Requestid"] = []string{requestID}
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
