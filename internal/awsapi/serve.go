// Package awsapi is the front door: it speaks the dialects of AWS's services,
// Query and JSON (see Dialect), finds the operation, has the caller authenticated and the permission asked for, runs
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
	"github.com/daypass/daypass/internal/lastuse"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/sigv4"
	"github.com/daypass/daypass/internal/tracing"

	"github.com/google/uuid"
)

// maxBody is the largest request body in bytes; a larger one is answered 413
// without a body (recorded on AWS STS).
const maxBody = 10_000_000

// Config is what the front door needs.
type Config struct {
	Services  []*Service
	Directory *directory.Directory
	LastUse   *lastuse.Tracker // is told of each use of a role or access key
	Events    *audit.Log
	Traces    *tracing.Tracer // nil: requests are not traced
	Log       *slog.Logger    // for what is the operator's to mend
	Now       func() time.Time
	Random    io.Reader // of request ids
	// ExplainToCaller adds the operator's reasons to the message of a denial.
	// They tell a stranger what a trust policy asks for: off by default.
	ExplainToCaller bool
	// EncodeDenials adds to the message of a denial its encoded form, which tells
	// a stranger nothing: who may, has it decoded (DecodeAuthorizationMessage).
	// Off by default, since AWS's STS and IAM do not.
	EncodeDenials bool
	// Pace reports whether another request may come now from where a connection comes
	// from (http.Request.RemoteAddr); nil lets all.
	Pace func(remote string, now time.Time) bool
	// Crowded reports whether more requests are under way than may be; nil says that
	// they never are. Who comes then is refused before anything of the request is read
	// but its header.
	Crowded func() bool
}

// API serves AWS's services.
type API struct {
	Config
	byVersion map[string]*Service // of services whose requests are forms
	byTarget  map[string]*Service // of those whose requests are JSON
}

// New makes the front door. Two services of one API version, or of one target
// prefix, are an error: requests name their service by it.
func New(c Config) (*API, error) {
	a := &API{Config: c, byVersion: map[string]*Service{}, byTarget: map[string]*Service{}}
	for _, s := range c.Services {
		by, name := a.byVersion, s.Version
		if s.Dialect == JSON11 {
			by, name = a.byTarget, s.TargetPrefix
		}
		if other, twice := by[name]; twice {
			return nil, fmt.Errorf("awsapi: services %s and %s are both named by %s", other.Name, s.Name, name)
		}
		by[name] = s
	}
	return a, nil
}

// Call is one request on its way through an operation.
type Call struct {
	Params   Params
	Snapshot *directory.Snapshot // all decisions of this request are taken on it
	Caller   *auth.Caller        // nil for a public operation
	Account  string              // the caller's; "" for a public operation
	Region   string              // that the caller signed for; "" for a public operation
	Event    *audit.Event
	Request  *http.Request
	Now      time.Time
	Input    any // what the operation's decoding step read, nil without one

	asked     *auth.Request // how a signed request was asked
	requestID string
	body      []byte
	service   *Service
	operation Operation
}

// These are answered without XML.
var (
	errTooLarge = errors.New("awsapi: the request body is larger than 10,000,000 bytes")
	errNoAction = errors.New("awsapi: the request names no Action, or is no form")
	errTarget   = errors.New("awsapi: a percent-encoding in the request's target is broken")
)

// ServeHTTP answers one request and writes its event.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := a.Now()
	r = a.Traces.Request(r)
	c := &Call{Request: r}
	c.requestID = a.newRequestID()
	c.Event = &audit.Event{Time: began.UTC(), RequestID: c.requestID, TraceID: tracing.ID(r.Context()), SourceIP: sourceIP(r), UserAgent: r.UserAgent(), Via: via(r)}

	reply := a.answer(c)
	c.Event.Status = reply.status
	c.Event.Duration = a.Now().Sub(began)
	if err := a.Events.Write(c.Event); err != nil {
		a.Log.Error("the event could not be written, so the request is refused", "requestId", c.requestID, "error", err)
		reply = a.faultReply(c, &Fault{Kind: Internal, Cause: err})
		c.Event.Status = reply.status
	}
	tracing.EndRequest(r.Context(), c.Event)
	reply.write(w, c.requestID)
}

// Note writes the event of what is no request of AWS's, such as a sign-in to the
// console: where from, when, and under which id is filled in, and what is no access key
// ID is taken out of its place. What could not be noted must not succeed.
func (a *API) Note(r *http.Request, e *audit.Event) error {
	e.Time, e.RequestID, e.TraceID = a.Now().UTC(), a.newRequestID(), tracing.ID(r.Context())
	e.SourceIP, e.UserAgent, e.Via = sourceIP(r), r.UserAgent(), via(r)
	e.AccessKey = auth.KeyIDForRecord(e.AccessKey)
	return a.Events.Write(e)
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
	if err := a.makeRoom(); err != nil {
		if isJSON(c.Request) {
			_ = a.findByTarget(c) // names it for the record; a form's name is in the body
		}
		return nil, err
	}
	err := c.Step("decode", func() error {
		if err := readBody(c); err != nil {
			return err
		}
		c.Now, c.Snapshot = a.Now(), a.Directory.Snapshot() // for a request that is refused before anything is decided
		return a.findOperation(c)
	})
	if err != nil {
		return nil, err
	}
	if err := a.keepPace(c.Request, c.Now); err != nil {
		return nil, err
	}
	if err := a.awaitFresh(c.Request); err != nil {
		return nil, err
	}
	// Only now: who sends a body slowly must not be served as of a time before
	// a permission was withdrawn or a session ended.
	c.Now, c.Snapshot = a.Now(), a.Directory.Snapshot()
	if c.operation.public {
		return c.operation.run(c)
	}
	result, err := a.serveSigned(c)
	if isOvertaken(err) && a.catchUp(c) {
		return a.serveSigned(c)
	}
	return result, err
}

// serveSigned is the way of a signed request on one state of the directory.
func (a *API) serveSigned(c *Call) (Result, error) {
	if err := c.Step("verify signature", func() error { return a.authenticate(c) }); err != nil {
		return nil, err
	}
	if c.operation.decode != nil {
		if err := c.operation.decode(c); err != nil {
			return nil, err
		}
	}
	if err := c.Step("decide", func() error { return authorize(c) }); err != nil {
		return nil, err
	}
	var result Result
	err := c.Step("serve", func() (err error) { result, err = c.operation.run(c); return err })
	return result, err
}

// catchUp gives the request the newest state of the store, and reports whether that
// is another than the one that the request was decided on. Where the store cannot be
// read it is not, and the client has its answer.
func (a *API) catchUp(c *Call) bool {
	if err := a.Directory.Refresh(c.Request.Context()); err != nil {
		return false
	}
	before := c.Snapshot.Revision()
	c.Now, c.Snapshot = a.Now(), a.Directory.Snapshot()
	return c.Snapshot.Revision() != before
}

// Step carries out a part of a request, which a trace of it tells as a step. While it is
// carried out Request has the step in its context.
func (c *Call) Step(name string, do func() error) error { return step(&c.Request, name, do) }

func step(r **http.Request, name string, do func() error) error {
	ctx, span := tracing.Start((*r).Context(), name)
	if !span.IsOn() {
		return do()
	}
	above := *r
	*r = above.WithContext(ctx)
	err := errUnended // unless it ends otherwise than by a panic
	defer func() {
		*r = above
		span.End(err)
	}()
	err = do()
	return err
}

var errUnended = errors.New("awsapi: the step did not end")

// makeRoom refuses who comes while too many are there.
func (a *API) makeRoom() error {
	if a.Crowded == nil || !a.Crowded() {
		return nil
	}
	return (&Fault{Kind: Unavailable}).Because("more requests are under way than limits.requests lets")
}

// keepPace refuses who asks too often.
func (a *API) keepPace(r *http.Request, now time.Time) error {
	if a.Pace == nil || a.Pace(r.RemoteAddr, now) {
		return nil
	}
	return (&Fault{Kind: Throttled}).Because("more requests come from %s than limits.source lets", sourceIP(r))
}

// awaitFresh refuses a request where the store was not heard of for too long: the
// state that is known may lack a revocation. Clients try again, or another node.
// It refuses it too where the record may not be delivered later any more (see
// audit.Log.Refuse).
func (a *API) awaitFresh(r *http.Request) error {
	if err := a.Events.Refusing(); err != nil {
		return &Fault{
			Kind: Unavailable, Message: "The record of requests cannot be delivered, and without that no request is carried out.",
			Reason: err.Error(), Cause: err,
		}
	}
	if err := a.Directory.AwaitFresh(r.Context()); err != nil {
		return &Fault{Kind: Unavailable, Reason: "the store does not answer, and nothing is decided on what is known of it no longer", Cause: err}
	}
	return nil
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

// findOperation finds the operation as the dialect of the request names it. Of a
// form it reads the parameters: from the query of a GET, from the body of a POST.
// There the version names the service, the Action the operation.
func (a *API) findOperation(c *Call) error {
	if isJSON(c.Request) {
		return a.findByTarget(c)
	}
	encoded := c.Request.URL.RawQuery
	fromQuery, err := ParseParams(encoded)
	if err != nil {
		return fmt.Errorf("%w: %w", errTarget, err)
	}
	c.Params = fromQuery
	if c.Request.Method == http.MethodPost {
		if !isForm(c.Request.Header.Get("Content-Type")) {
			return errNoAction
		}
		if c.Params, err = ParseParams(string(c.body)); err != nil {
			return err
		}
	}
	if !c.Params.Has("Action") {
		return errNoAction
	}
	action, version := c.Params.Get("Action"), c.Params.Get("Version")
	service, ok := a.byVersion[version]
	if ok {
		c.service = service
		c.Event.Service = service.Name
		if c.operation, ok = service.operations[action]; ok {
			c.Event.Operation = action
			return nil
		}
	}
	if !c.Params.Has("Version") {
		version = "NO_VERSION_SPECIFIED"
	}
	return (&Fault{Kind: UnknownOperation, Message: "Could not find operation " + action + " for version " + version}).
		Because("Daypass serves no such operation; README.md lists those that it serves")
}

// isForm reports whether a body is a Query request's. AWS takes no other, nor
// one that does not say so (recorded on AWS).
func isForm(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded")
}

// authenticate finds the caller, and notes what authorisation asks of the request.
func (a *API) authenticate(c *Call) error {
	r := c.Request
	signed := &sigv4.Request{
		Method: r.Method, RequestURI: r.RequestURI, Host: r.Host,
		Header: r.Header, ContentLength: r.ContentLength, PayloadHash: sigv4.HashPayload(c.body),
	}
	if r.Method == http.MethodPost && c.dialect().form { // where findOperation reads the body as parameters
		signed.Form = c.body
	}
	caller, authorization, err := auth.Authenticate(c.Snapshot, signed, c.service.Name, c.Now)
	c.asked = c.HowAsked()
	if authorization != nil {
		c.Event.AccessKey = auth.KeyIDForRecord(authorization.AccessKeyID)
		c.asked.Region, c.Region, c.Event.Region = authorization.Region, authorization.Region, authorization.Region
	}
	if err != nil {
		return err
	}
	if header := c.dialect().signs; header != "" && !slices.Contains(authorization.SignedHeaders, header) {
		return (&Fault{Kind: SignatureMismatch}).
			Because("the header %s names the operation and is not signed; whoever carries the request could change it", header)
	}
	c.Caller, c.Account = caller, caller.Account
	noteCaller(c.Event, caller)
	a.noteUse(caller, c.Region, c.service.Name, c.Now)
	return nil
}

// noteCaller puts into the event who signed, and the job that began the session.
func noteCaller(e *audit.Event, caller *auth.Caller) {
	e.Account, e.Principal = caller.Account, caller.ARN
	s := caller.Session
	if s == nil || s.Provider == "" {
		return
	}
	_, issuer, _ := strings.Cut(s.Provider, ":oidc-provider/")
	e.Origin = &audit.Origin{
		Issuer: "https://" + issuer, Subject: s.Origin.Subject, TokenID: s.TokenID,
		Project: s.Origin.Project, Pipeline: s.Origin.Pipeline, Job: s.Origin.Job,
	}
}

// noteUse counts what signed the request as used, whatever comes of the request:
// a role by its sessions, and a user's long-lived key (IAM User Guide, "Getting
// credential reports": when the key was most recently used to sign a request; of
// roles, RoleLastUsed). The sessions of users are of no key.
func (a *API) noteUse(caller *auth.Caller, region, service string, now time.Time) {
	switch s := caller.Session; {
	case caller.IsAnonymous():
	case s == nil:
		a.LastUse.Note(caller.Account, caller.AccessKeyID, region, service, now)
	case s.Kind == session.AssumedRole:
		a.LastUse.Note(s.Account, s.RoleID, region, service, now)
	}
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
