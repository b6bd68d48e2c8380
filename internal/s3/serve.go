package s3

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/s3request"
	"github.com/daypass/daypass/internal/sigv4"
)

// request is one request on its way.
type request struct {
	*awsapi.Visit
	handler *Handler
	watch   *watch
	body    *requestBody

	op            *s3request.Operation
	surroundings  s3request.Surroundings
	contentSHA256 string
	payload       *sigv4.Payload // of the body; nil for a form
	document      []byte         // a body that was read whole
	token         string         // the session token, for the reply alone
	foreign       bool           // the bucket that was last asked about is another account's
}

// serveSafely is serve; a fault of the program is an answer too.
func (q *request) serveSafely() (a *answer, err error) {
	defer func() {
		if met := recover(); met != nil {
			q.Panicked(met, debug.Stack())
			a, err = nil, &awsapi.Fault{Kind: awsapi.Internal, Cause: fmt.Errorf("s3: panic: %v", met)}
		}
	}()
	if a, err = q.serve(); err != nil {
		return nil, err
	}
	return q.ownError(a)
}

// serve is the way of a request: every step may refuse it, and none can be left
// out.
func (q *request) serve() (*answer, error) {
	if err := q.Stale(); err != nil {
		_ = q.route() // names the operation for the record; what is wrong with it is told when it is served
		return nil, err
	}
	if q.Request.Method == http.MethodOptions {
		return q.preflight()
	}
	if err := q.route(); err != nil {
		return nil, err
	}
	if q.op.Body == s3request.Form {
		return q.post()
	}
	if err := q.Step("verify signature", q.authenticate); err != nil {
		return nil, err
	}
	if err := q.readDocument(); err != nil {
		return nil, err
	}
	if err := q.lookAgain(); err != nil {
		return nil, err
	}
	if err := q.Step("decide", q.authorize); err != nil {
		return nil, err
	}
	q.watch.lift()
	return q.run()
}

// route finds the operation. A request whose host is a name below one of ours
// has the bucket there; all others have it in the path.
func (q *request) route() error {
	asked := &s3request.Request{Method: q.Request.Method, Host: q.Request.Host, RequestURI: q.Request.RequestURI, Header: q.Request.Header}
	var hosts []string
	if q.handler.isOurs(q.Request.Host) {
		hosts = q.handler.Hosts
	}
	var err error
	q.op, err = s3request.Parse(asked, hosts...)
	if err != nil {
		return err
	}
	q.Event.Operation = q.op.Name
	return nil
}

// HasHost reports whether a host is one under which buckets are served: there every
// path is a key.
func (h *Handler) HasHost(host string) bool { return h.isOurs(host) }

// isOurs reports whether a host is one of ours, or a name below one.
func (h *Handler) isOurs(host string) bool {
	name := strings.ToLower(host)
	if bare, _, err := net.SplitHostPort(name); err == nil {
		name = bare
	}
	for _, ours := range h.Hosts {
		if name == ours || strings.HasSuffix(name, "."+ours) {
			return true
		}
	}
	return false
}

// authenticate finds out who asks.
func (q *request) authenticate() error {
	r := q.Request
	caller, signed, payload, err := auth.AuthenticateS3(q.Snapshot, &sigv4.Request{
		Method: r.Method, RequestURI: r.RequestURI, Host: r.Host, Header: r.Header, ContentLength: r.ContentLength,
	}, q.Now)
	q.surroundings = s3request.Surroundings{Now: q.Now, TLSVersion: tlsVersion(r.TLS)}
	if signed != nil {
		q.NoteKey(&signed.Signed)
		q.surroundings.Algorithm, q.surroundings.InQuery, q.surroundings.Signed = signed.Signed.Algorithm, signed.Signed.InQuery, signed.Signed.Time
		q.contentSHA256, q.token = signed.ContentSHA256, signed.Signed.SecurityToken
	}
	if err != nil {
		return err
	}
	q.Admit(caller)
	q.payload = payload
	return nil
}

// tlsVersion is a version of TLS as the condition key s3:TlsVersion has it.
func tlsVersion(state *tls.ConnectionState) string {
	if state == nil {
		return ""
	}
	switch state.Version {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	default:
		return ""
	}
}

// readDocument reads a body on which the permissions depend, and every other body
// that is a small document: what is kept of it is decided here.
func (q *request) readDocument() error {
	if q.op.Body != s3request.Document {
		return nil
	}
	reader, err := q.payload.Open(q.Request.Body, sigv4.OfBody)
	if err != nil {
		return err
	}
	if q.document, err = io.ReadAll(io.LimitReader(reader, s3request.MaxDocument+1)); err != nil {
		return readFault(err)
	}
	if !q.op.NeedsBody() {
		if len(q.document) > s3request.MaxDocument {
			return fault("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size")
		}
		return nil
	}
	return q.op.ReadBody(q.document)
}

// lookAgain takes the state anew once a document was read, and finds out again who
// asks: who sends one slowly must not be served as of a time before a session was
// revoked or a permission withdrawn. The signature counts as of when the request began.
func (q *request) lookAgain() error {
	if q.op.Body != s3request.Document {
		return nil
	}
	began, payload := q.Now, q.payload
	q.Renew()
	if err := q.Stale(); err != nil {
		return err
	}
	now := q.Now
	q.Now = began
	err := q.authenticate()
	q.Now, q.surroundings.Now, q.payload = now, now, payload
	return err
}

// readFault is an error of reading a body: S3's own words where the body was
// wrong, and otherwise that it did not come.
func readFault(err error) error {
	var wrong *sigv4.S3Error
	if errors.As(err, &wrong) {
		return err
	}
	return bodyTimeout(err)
}
