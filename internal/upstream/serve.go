package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsrequest"
	"github.com/daypass/daypass/internal/sigv4"
)

const (
	// maxBody is the largest body of a request, in bytes, of those protocols that
	// have no files in them: what AWS's own front door takes.
	maxBody = 10_000_000
	// maxRESTBody is that of a request of REST: AWS Lambda takes 50 MB, written in
	// base64 (Lambda quotas, deployment package).
	maxRESTBody = 72 << 20
	// maxHeld is how much of bodies is in memory at once.
	maxHeld = 256 << 20
)

// request is one request on its way.
type request struct {
	*awsapi.Visit
	handler *Handler
	kind    *awsrequest.Service

	signed *sigv4.Authorization
	body   []byte
	held   int64
	asked  *awsrequest.Request
	target *target
	op     *awsrequest.Operation
	scope  awsrequest.Scope
}

// ServeHTTP answers one request, and writes its event before the answer.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := signedFor(r)
	targets := h.services[name]
	if len(targets) == 0 {
		http.NotFound(w, r)
		return
	}
	q := &request{Visit: h.API.BeginVisit(r, name), handler: h, kind: targets[0].kind}
	q.NameByUUID()
	q.asked = &awsrequest.Request{Method: r.Method, RequestURI: r.RequestURI, Header: r.Header}
	defer func() { h.held.Add(-q.held) }()
	a, err := q.serveSafely()
	if err != nil {
		a = q.refusal(err)
	}
	if err := q.End(a.status); err != nil {
		a.close()
		a = q.refusal(err)
	}
	q.write(w, a)
}

// serveSafely is serve; a fault of the program is an answer too.
func (q *request) serveSafely() (a *answer, err error) {
	defer func() {
		if met := recover(); met != nil {
			q.Panicked(met, debug.Stack())
			a, err = nil, &awsapi.Fault{Kind: awsapi.Internal, Cause: fmt.Errorf("upstream: panic: %v", met)}
		}
	}()
	return q.serve()
}

// serve is the way of a request: every step may refuse it, and none can be left out.
func (q *request) serve() (*answer, error) {
	if err := q.Stale(); err != nil {
		return nil, err
	}
	if err := q.recognise(); err != nil {
		return nil, err
	}
	if err := q.readBody(); err != nil {
		return nil, err
	}
	if err := q.Stale(); err != nil { // the body took its time
		return nil, err
	}
	if err := q.Step("verify signature", q.authenticate); err != nil {
		return nil, err
	}
	if err := q.route(); err != nil {
		return nil, err
	}
	if err := q.Step("decide", q.authorize); err != nil {
		return nil, err
	}
	if q.op.DryRun { // answered here: the service behind need not know of it
		return nil, awsapi.Error(http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	return q.forward()
}

func (q *request) signedRequest() *sigv4.Request {
	r := q.Request
	signed := &sigv4.Request{
		Method: r.Method, RequestURI: r.RequestURI, Host: r.Host,
		Header: r.Header, ContentLength: r.ContentLength, PayloadHash: sigv4.HashPayload(q.body),
	}
	if d := q.kind.Dialect(q.asked); r.Method == http.MethodPost && (d == awsrequest.Query || d == awsrequest.EC2Query) {
		signed.Form = q.body
	}
	return signed
}

// recognise refuses who has no key here before his body is read.
func (q *request) recognise() error {
	signed, err := auth.Recognise(q.Snapshot, q.signedRequest(), q.kind.Name, q.Now)
	if signed != nil {
		q.NoteKey(signed)
	}
	if err != nil {
		return err
	}
	if signed.Algorithm != sigv4.V4 {
		return (&awsapi.Fault{Kind: awsapi.MalformedAuthentication, Message: "The request is signed for a set of regions (Signature Version 4A). Sign it for one region (Signature Version 4)."}).
			Because("a request goes on to one region, on which policies may depend")
	}
	if !isRegion(signed.Region) {
		return &awsapi.Fault{Kind: awsapi.SignatureMismatch, Message: "Credential should be scoped to a valid region. "}
	}
	return nil
}

// errTooLarge says that a body is too large.
var errTooLarge = errors.New("upstream: the request's body is too large")

// readBody reads the body, which must be hashed and read before it goes on.
func (q *request) readBody() error {
	limit := int64(maxBody)
	if d := q.kind.Dialect(q.asked); d == awsrequest.RESTJSON || d == awsrequest.RESTXML {
		limit = maxRESTBody
	}
	length := q.Request.ContentLength
	if length > limit {
		return errTooLarge
	}
	if length < 0 {
		length = limit
	}
	if q.held = length; q.handler.held.Add(length) > maxHeld {
		return (&awsapi.Fault{Kind: awsapi.Throttled}).Because("the bodies of requests under way have more than %d bytes", int64(maxHeld))
	}
	var body bytes.Buffer
	if q.Request.ContentLength > 0 {
		body.Grow(int(q.Request.ContentLength) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(io.LimitReader(q.Request.Body, limit+1)); err != nil {
		return &awsapi.Fault{Kind: awsapi.MalformedInput, Message: "The request body could not be read.", Cause: err}
	}
	if int64(body.Len()) > limit {
		return errTooLarge
	}
	q.body = body.Bytes()
	q.asked.Body = q.body
	q.Renew()
	return nil
}

// authenticate finds out who asks, over the body too. What says what is asked must
// be signed.
func (q *request) authenticate() error {
	caller, signed, err := auth.Authenticate(q.Snapshot, q.signedRequest(), q.kind.Name, q.Now)
	if err != nil {
		return err
	}
	if q.asked.Header["X-Amz-Target"] != nil && !q.isSigned("X-Amz-Target", signed) {
		return &awsapi.Fault{Kind: awsapi.SignatureMismatch, Reason: "the header X-Amz-Target is not signed, and it says what is asked"}
	}
	q.signed = signed
	q.Admit(caller)
	return nil
}

func (q *request) isSigned(name string, signed *sigv4.Authorization) bool {
	return slices.Contains(signed.SignedHeaders, strings.ToLower(name))
}

// route finds whose service is meant, and the operation.
func (q *request) route() error {
	for _, t := range q.handler.services[q.kind.Name] {
		if t.Account == q.Caller.Account {
			q.target = t
		}
	}
	if q.target == nil {
		return (&awsapi.Fault{Kind: awsapi.AccessDenied, Message: "User: " + q.Caller.ARN + " is not authorized to use " + q.kind.Name + " here"}).
			Because("the configuration has no upstream for %s of account %s; add one, with that account", q.kind.Name, q.Caller.Account)
	}
	if q.target.Region != "" && q.target.Region != q.signed.Region {
		return (&awsapi.Fault{Kind: awsapi.SignatureMismatch, Message: "Credential should be scoped to a valid region. "}).
			Because("the upstream serves the region %s, and the request is signed for %s", q.target.Region, q.signed.Region)
	}
	q.scope = awsrequest.Scope{Region: q.signed.Region, Account: q.target.UpstreamAccount}
	var err error
	if q.op, err = q.kind.Parse(q.asked); err != nil {
		return asFault(err)
	}
	q.Event.Operation = q.op.Name
	return nil
}

// asFault puts an error of awsrequest into the words of the front door.
func asFault(err error) error {
	var wrong *awsrequest.Error
	if !errors.As(err, &wrong) {
		return err
	}
	f := &awsapi.Fault{Kind: awsapi.Internal, Message: wrong.Reason, Reason: wrong.Reason}
	switch wrong.Kind {
	case awsrequest.Unknown:
		f.Kind = awsapi.UnknownOperation
	case awsrequest.Malformed:
		f.Kind = awsapi.MalformedInput
	case awsrequest.Unserved:
		f.Kind = awsapi.AccessDenied
	}
	return f
}
