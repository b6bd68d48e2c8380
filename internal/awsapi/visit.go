package awsapi

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/sigv4"
	"github.com/daypass/daypass/internal/tracing"
)

// Visit is one request to a service that does not hold its bodies in memory, such
// as S3. The steps are those of serve; the service takes them one by one, because
// it begins to answer before a body has ended: BeginVisit, Admit, Ask for each
// need, End, and only then a reply.
type Visit struct {
	Snapshot  *directory.Snapshot // all decisions of this request are taken on it
	Caller    *auth.Caller        // nil until Admit
	Event     *audit.Event
	Request   *http.Request
	RequestID string
	Now       time.Time

	api   *API
	asked *auth.Request
	stale error // what is known is too old to decide on, or there are too many requests
}

// BeginVisit begins the event of a request to a service.
func (a *API) BeginVisit(r *http.Request, service string) *Visit {
	r = a.Traces.Request(r)
	stale := a.makeRoom()
	if stale == nil {
		stale = a.keepPace(r, a.Now())
	}
	if stale == nil {
		stale = a.awaitFresh(r)
	}
	now := a.Now()
	v := &Visit{Snapshot: a.Directory.Snapshot(), stale: stale, Request: r, RequestID: a.newVisitID(), Now: now, api: a}
	v.Event = &audit.Event{Time: now.UTC(), RequestID: v.RequestID, TraceID: tracing.ID(r.Context()), Service: service, SourceIP: sourceIP(r), UserAgent: r.UserAgent(), Via: via(r)}
	v.asked = howAsked(r, v.Event, now)
	return v
}

// Renew takes the time and the snapshot anew, once a body has been read: who sends
// one slowly must not be served as of a time before a permission was withdrawn.
func (v *Visit) Renew() {
	v.stale = v.api.awaitFresh(v.Request)
	v.Now, v.Snapshot = v.api.Now(), v.api.Directory.Snapshot()
	v.asked.Now = v.Now
}

// Stale is nil if the snapshot may be decided on, and otherwise a *Fault of the kind
// Unavailable, or Throttled for who asks too often. It is to be asked before the caller is authenticated: what is not known
// yet must not be told as wrong.
func (v *Visit) Stale() error { return v.stale }

// NameByUUID gives the request an id of the form that most services have.
func (v *Visit) NameByUUID() {
	v.RequestID = v.api.newRequestID()
	v.Event.RequestID = v.RequestID
}

// newVisitID is a request id of S3's form: 16 hexadecimal digits in capitals.
func (a *API) newVisitID() string {
	var id [8]byte
	if _, err := io.ReadFull(a.Random, id[:]); err != nil {
		return strings.Repeat("0", 2*len(id)) // as newRequestID
	}
	return strings.ToUpper(hex.EncodeToString(id[:]))
}

// Admit says who asks.
func (v *Visit) Admit(caller *auth.Caller) {
	v.Caller = caller
	noteCaller(v.Event, caller)
	v.api.noteUse(caller, v.asked.Region, v.Event.Service, v.Now)
}

// NoteKey puts into the event which key a request names, whether or not it is
// good.
func (v *Visit) NoteKey(authorization *sigv4.Authorization) {
	v.Event.AccessKey = auth.KeyIDForRecord(authorization.AccessKeyID)
	v.asked.Region, v.Event.Region = authorization.Region, authorization.Region
}

// Ask asks for one permission. The error is a *Fault of the kind AccessDenied.
func (v *Visit) Ask(q *auth.Question) error {
	if v.Caller == nil {
		return &Fault{Kind: Internal, Reason: "a permission was asked for before it was known who asks"}
	}
	if v.stale != nil {
		return v.stale
	}
	if tooLong(q) {
		return Invalid(fmt.Sprintf("The request names a resource of more than %d bytes.", maxAsked)).
			Because("no resource has such a name; nothing was decided about it")
	}
	if f := decide(v.Caller, v.asked, q); f != nil {
		return f
	}
	return nil
}

// AskOpen asks for one permission of which something is not known: it must be
// allowed whatever that is. The error is as Ask's.
func (v *Visit) AskOpen(q *auth.Question, open *policy.Open) error {
	if err := v.Ask(q); err != nil {
		return err
	}
	document, key, hangs := v.Caller.HangsOn(q.Action, q.Resource, open)
	if !hangs {
		return nil
	}
	on := "the condition key " + key
	if key == "" {
		on = "which resource it is"
	}
	return &Fault{
		Kind: AccessDenied, Action: q.Action, Resource: q.Resource, Denied: denied(v.Caller, v.asked, q),
		Message: "User: " + v.Caller.ARN + " is not authorized to perform: " + q.Action + " on resource: " + q.Resource +
			" because a policy depends on " + on + ", which is not known here",
		Reason: document + " depends on " + on + ", which the gateway does not know of this request; it is denied, since it could be denied there",
	}
}

// Refuse notes in the event why the request is refused, and gives the fault as it
// is told: with its reasons, where the operator lets callers see them.
func (v *Visit) Refuse(err error, dialect func(*Fault) (code string, status int, message string)) (code string, status int, message string) {
	f := asFault(err)
	code, status, message = dialect(f)
	if len(message) > maxMessage { // it repeats what was sent
		message = strings.ToValidUTF8(message[:maxMessage], "") + "… (cut)"
	}
	wire := wireError{Code: code, Status: status, Message: message}
	noteFault(v.Event, f, wire)
	v.api.logOurs(v.Event, f)
	if f.Denied != nil {
		account := f.Account
		if account == "" {
			account = v.Caller.Account
		}
		v.Event.Encoded = sealDenial(v.Snapshot.SessionKeys(), account, f)
	}
	return code, status, v.api.messageFor(f, wire)
}

// RefuseAs is Refuse for an error that the service has its own words for.
func (v *Visit) RefuseAs(code string, status int, message string, err error) {
	v.Event.Fault, v.Event.Code, v.Event.Reason = code, code, err.Error()
	v.Event.Message = message
	if status >= http.StatusInternalServerError {
		v.Event.ErrorChain = err.Error()
	}
}

// Panicked notes a fault of the program: the request that met it may have changed
// something, and is on the record.
func (v *Visit) Panicked(met any, stack []byte) {
	v.api.Log.Error("the program met a fault of its own", "requestId", v.RequestID, "fault", met, "stack", string(stack))
}

// End writes the event. A request whose event cannot be written must not be
// answered with success.
func (v *Visit) End(status int) error {
	v.Event.Status = status
	v.Event.Duration = v.api.Now().Sub(v.Event.Time)
	if err := v.api.Events.Write(v.Event); err != nil {
		v.api.Log.Error("the event could not be written, so the request is refused", "requestId", v.RequestID, "error", err)
		v.Event.Status = http.StatusInternalServerError
		tracing.EndRequest(v.Request.Context(), v.Event)
		return &Fault{Kind: Internal, Cause: err}
	}
	tracing.EndRequest(v.Request.Context(), v.Event)
	return nil
}

// Step is Call.Step for a visit.
func (v *Visit) Step(name string, do func() error) error { return step(&v.Request, name, do) }
