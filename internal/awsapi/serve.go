// Package awsapi is the front door: it speaks AWS's Query protocol, finds the
// operation, has the caller authenticated and the permission asked for, runs
// it, and writes the reply and the one event.
//
// A service states for each operation what it needs (see Signed and Public);
// there is no way to an operation past that. Errors of the floors below become
// a Fault here, once, and one table gives code, status and message.
package awsapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/sigv4"

	"github.com/google/uuid"
)

// maxBody is the largest request body in bytes; a larger one is answered 413
// without a body (recorded on AWS STS).
const maxBody = 10_000_000

// maxAsked is the longest text, in bytes, that policies are asked about. The
// longest that an operation takes is an ARN of 2048 characters; the reasons of a
// denial repeat the text for every statement.
const maxAsked = 4 * 2048

// Config is what the front door needs.
type Config struct {
	Services      []*Service
	Directory     *directory.Directory
	Authenticator *auth.Authenticator
	Events        *audit.Log
	Log           *slog.Logger // for what concerns no request's answer
	Now           func() time.Time
	Random        io.Reader // of request ids
	// ExplainToCaller adds the operator's reasons to the message of a denial.
	// They tell a stranger what a trust policy asks for: off by default.
	ExplainToCaller bool
}

// API serves AWS's Query protocol.
type API struct {
	Config
	byVersion map[string]*Service
}

// New makes the front door. Two services of one API version are an error:
// requests name their service by it.
func New(c Config) (*API, error) {
	a := &API{Config: c, byVersion: make(map[string]*Service, len(c.Services))}
	for _, s := range c.Services {
		if other, twice := a.byVersion[s.Version]; twice {
			return nil, fmt.Errorf("awsapi: services %s and %s have the same version %s", other.Name, s.Name, s.Version)
		}
		a.byVersion[s.Version] = s
	}
	return a, nil
}

// Call is one request on its way through an operation.
type Call struct {
	Params   Params
	Snapshot *directory.Snapshot // all decisions of this request are taken on it
	Caller   *auth.Caller        // nil for a public operation
	Account  string              // the caller's; "" for a public operation
	Event    *audit.Event
	Request  *http.Request
	Now      time.Time

	requestID string
	body      []byte
	service   *Service
	operation Operation
}

// errTooLarge and errNoAction are answered without XML.
var (
	errTooLarge = errors.New("awsapi: the request body is larger than 10,000,000 bytes")
	errNoAction = errors.New("awsapi: the request names no Action")
)

// ServeHTTP answers one request and writes its event.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := a.Now()
	c := &Call{Request: r}
	c.requestID = a.newRequestID()
	c.Event = &audit.Event{Time: began.UTC(), RequestID: c.requestID, SourceIP: sourceIP(r), UserAgent: r.UserAgent()}

	reply := a.answer(c)
	c.Event.Status = reply.status
	c.Event.Duration = a.Now().Sub(began)
	if err := a.Events.Write(c.Event); err != nil {
		a.Log.Error("the event could not be written, so the request is refused", "requestId", c.requestID, "error", err)
		reply = a.faultReply(c, &Fault{Kind: Internal, Cause: err})
	}
	reply.write(w, c.requestID)
}

// answer is serve and its reply. A fault of the program is an answer too: the
// request that met it may have changed something, and is on the record.
func (a *API) answer(c *Call) (r reply) {
	defer func() {
		if met := recover(); met != nil {
			a.Log.Error("the program met a fault of its own", "requestId", c.requestID, "fault", met, "stack", string(debug.Stack()))
			r = a.faultReply(c, &Fault{Kind: Internal, Cause: fmt.Errorf("awsapi: panic: %v", met)})
		}
	}()
	result, err := a.serve(c)
	return a.reply(c, result, err)
}

// serve is the way of a request: every step may refuse it, and none can be
// left out.
func (a *API) serve(c *Call) (Result, error) {
	if err := readBody(c); err != nil {
		return nil, err
	}
	// Only now: who sends a body slowly must not be served as of a time before
	// a permission was withdrawn or a session ended.
	c.Now, c.Snapshot = a.Now(), a.Directory.Snapshot()
	if err := a.findOperation(c); err != nil {
		return nil, err
	}
	if c.operation.public {
		return c.operation.run(c)
	}
	asked, err := a.authenticate(c)
	if err != nil {
		return nil, err
	}
	if err := authorize(c, asked); err != nil {
		return nil, err
	}
	return c.operation.run(c)
}

// readBody reads the body once, before anyone looks at it.
func readBody(c *Call) error {
	if c.Request.ContentLength > maxBody {
		return errTooLarge
	}
	var body bytes.Buffer
	if c.Request.ContentLength > 0 {
		body.Grow(int(c.Request.ContentLength) + bytes.MinRead) // one allocation
	}
	if _, err := body.ReadFrom(io.LimitReader(c.Request.Body, maxBody+1)); err != nil {
		return &Fault{Kind: MalformedInput, Message: "The request body could not be read.", Cause: err}
	}
	if body.Len() > maxBody {
		return errTooLarge
	}
	c.body = body.Bytes()
	return nil
}

// findOperation reads the parameters: from the query of a GET, from the body
// of a POST. The version names the service, the Action the operation.
func (a *API) findOperation(c *Call) error {
	encoded := c.Request.URL.RawQuery
	if c.Request.Method == http.MethodPost {
		encoded = string(c.body)
	}
	params, err := ParseParams(encoded)
	if err != nil {
		return err
	}
	c.Params = params
	action, version := params.Get("Action"), params.Get("Version")
	if action == "" {
		return errNoAction
	}
	service, ok := a.byVersion[version]
	if ok {
		c.service = service
		c.Event.Service = service.Name
		if c.operation, ok = service.operations[action]; ok {
			c.Event.Operation = action
			return nil
		}
	}
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	return (&Fault{Kind: UnknownOperation, Message: "Could not find operation " + action + " for version " + version}).
		Because("Daypass serves no such operation; README.md lists those that it serves")
}

// authenticate finds the caller and gives what authorisation asks of the request.
func (a *API) authenticate(c *Call) (*auth.Request, error) {
	r := c.Request
	signed := &sigv4.Request{
		Method: r.Method, RequestURI: r.RequestURI, Host: r.Host,
		Header: r.Header, ContentLength: r.ContentLength, PayloadHash: sigv4.HashPayload(c.body),
	}
	if r.Method == http.MethodPost { // where findOperation reads the body as parameters
		signed.Form = c.body
	}
	caller, authorization, err := a.Authenticator.Authenticate(c.Snapshot, signed, c.service.Name, c.Now)
	asked := &auth.Request{Now: c.Now, SourceIP: c.Event.SourceIP, UserAgent: c.Event.UserAgent, SecureTransport: r.TLS != nil}
	if authorization != nil {
		c.Event.AccessKey = auth.KeyIDForRecord(authorization.AccessKeyID)
		asked.Region = authorization.Region
	}
	if err != nil {
		return nil, err
	}
	c.Caller, c.Account = caller, caller.Account
	c.Event.Account, c.Event.Principal = caller.Account, caller.ARN
	return asked, nil
}

// authorize asks for every need of the operation. Reasons are worked out only
// for a no.
func authorize(c *Call, asked *auth.Request) error {
	for _, need := range c.operation.needs {
		if need.Action == "" { // NoPermission
			continue
		}
		q := &auth.Question{Action: need.Action, Resource: need.Resource.Of(c)}
		if need.Keys != nil {
			q.Keys = need.Keys(c)
		}
		if slices.ContainsFunc(append(q.Keys[:len(q.Keys):len(q.Keys)], q.Resource), func(s string) bool { return len(s) > maxAsked }) {
			return Invalid(fmt.Sprintf("The request names a resource of more than %d bytes.", maxAsked)).
				Because("no resource has such a name; nothing was decided about it")
		}
		answer := c.Caller.Decide(asked, q, nil)
		if answer.Allowed() {
			continue
		}
		why := &policy.Reasons{}
		answer = c.Caller.Decide(asked, q, why)
		return &Fault{
			Kind: AccessDenied, Message: c.Caller.Denial(q, answer), Reason: c.Caller.Denial(q, answer),
			Why: why, Documents: c.Caller.Documents(), Action: q.Action, Resource: q.Resource,
		}
	}
	return nil
}

// newRequestID makes a UUID. Where randomness fails the request goes on under
// a name that says so: a request id guards nothing.
func (a *API) newRequestID() string {
	id, err := uuid.NewRandomFromReader(a.Random)
	if err != nil {
		return "00000000-0000-0000-0000-000000000000"
	}
	return id.String()
}

// sourceIP is the peer's address without its zone: policies compare addresses,
// and one with a zone is in none of their networks, not even in a denied one.
func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}
