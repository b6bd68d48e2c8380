package console

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/ratelimit"
)

// lifetime is how long a sign-in lasts at most. Temporary credentials end when they
// end; the front door says so.
const lifetime = 8 * time.Hour

// maxSignIn is the most that a sign-in may say; a session token is the longest part.
const maxSignIn = 16 << 10

// maxCookie is the longest value that every browser keeps: 4096 bytes with name and
// attributes (RFC 6265 section 6.1). A longer one is silently not kept.
const maxCookie = 3900

// session is what a cookie seals.
type session struct {
	ID      string    `json:"id"`
	Expires time.Time `json:"expires"`
	Account string    `json:"account"`
	ARN     string    `json:"arn"`
	UserID  string    `json:"userId"`

	credentials
}

// credentials are what the caller signs in with, and what requests are signed with.
type credentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken,omitempty"`
}

// String keeps credentials out of logs.
func (credentials) String() string { return "credentials" }

// GoString is String.
func (c credentials) GoString() string { return c.String() }

func (c *Console) serveSession(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		c.signIn(w, r)
	case http.MethodGet:
		if s, ok := c.session(w, r); ok {
			replySession(w, s)
		}
	case http.MethodDelete:
		if s, err := c.open(r); err == nil {
			if err := c.signOuts.Add(r.Context(), s.Account, s.ID, s.Expires); err != nil {
				c.log.ErrorContext(r.Context(), "a sign-out could not be written", "error", err)
				refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "The sign-out could not be written; try again.")
				return
			}
			if err := c.recordSignOut(r, s); err != nil { // it holds all the same
				c.log.ErrorContext(r.Context(), "a sign-out could not be put on the record", "error", err)
			}
		}
		http.SetCookie(w, c.cookie(r, "", -1))
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "DELETE, GET, POST")
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "The session is asked for, begun or ended.")
	}
}

func replySession(w http.ResponseWriter, s *session) {
	reply(w, http.StatusOK, map[string]string{
		"account": s.Account, "arn": s.ARN, "userId": s.UserID, "expires": s.Expires.UTC().Format(time.RFC3339),
	})
}

// session is the caller's; without one the request is answered.
func (c *Console) session(w http.ResponseWriter, r *http.Request) (*session, bool) {
	s, err := c.open(r)
	if err != nil {
		refuse(w, http.StatusUnauthorized, "SignedOut", "Sign in first.")
		return nil, false
	}
	return s, true
}

// signIn begins a session for who has credentials, or says why not; either is on the
// record.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	s, cookie, no := c.admit(w, r)
	if err := c.record(r, s, no); err != nil && no == nil {
		c.log.ErrorContext(r.Context(), "a sign-in could not be put on the record, and is refused", "error", err)
		no = &denial{status: http.StatusInternalServerError, code: "InternalFailure", message: "The session could not be begun."}
	}
	if no == nil {
		http.SetCookie(w, c.cookie(r, cookie, int(lifetime/time.Second)))
		replySession(w, s)
		return
	}
	if no.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(no.wait/time.Second)+1))
	}
	refuse(w, no.status, no.code, no.message)
}

// admit asks the front door who has the credentials that the request gives, and seals
// them for a cookie.
func (c *Console) admit(w http.ResponseWriter, r *http.Request) (s *session, cookie string, no *denial) {
	from := ratelimit.Source(r.RemoteAddr)
	if wait := c.guesses.wait(from, c.now()); wait > 0 {
		return nil, "", tooMany(wait)
	}
	var given credentials
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSignIn))
	if err := decoder.Decode(&given); err != nil || given.AccessKeyID == "" || given.SecretAccessKey == "" {
		return nil, "", &denial{kind: awsapi.InvalidInput, status: http.StatusBadRequest, code: "ValidationError", message: "A sign-in has an access key ID and a secret access key."}
	}
	if wait := c.keys.wait(given.AccessKeyID, c.now()); wait > 0 {
		no = tooMany(wait)
		no.accessKeyID = given.AccessKeyID
		return nil, "", no
	}
	s, status, answer := c.whoIs(r, given)
	if s == nil {
		return nil, "", c.notKnown(from, given, status, answer)
	}
	cookie, err := c.seal(r, s)
	if err != nil {
		return nil, "", &denial{status: http.StatusInternalServerError, code: "InternalFailure", message: "The session could not be begun.", accessKeyID: given.AccessKeyID, reason: err.Error()}
	}
	if len(cookie) > maxCookie {
		return nil, "", &denial{
			kind: awsapi.InvalidInput, status: http.StatusBadRequest, code: "SessionTokenTooLong", accessKeyID: given.AccessKeyID,
			message: "The session token is too long for a cookie. Sign in with a session of fewer tags and session policies.",
		}
	}
	return s, cookie, nil
}

// notKnown counts a wrong guess. A stranger is not told what is wrong with it.
func (c *Console) notKnown(from netip.Prefix, given credentials, status int, answer []byte) *denial {
	code, message := faultOf(answer)
	no := &denial{status: status, code: code, message: message, accessKeyID: given.AccessKeyID, reason: code + ": " + message}
	if status >= http.StatusInternalServerError {
		return no
	}
	c.guesses.wrong(from, c.now())
	c.keys.wrong(given.AccessKeyID, c.now())
	no.status, no.kind = http.StatusUnauthorized, awsapi.ExpiredCredentials
	if code != "ExpiredToken" { // which only who has the token is told
		no.kind = awsapi.SignatureMismatch
		no.code, no.message = "SignInFailed", "The access key ID, the secret access key or the session token is not right."
	}
	return no
}

// tooMany refuses to try before some time is over, also what would be right.
func tooMany(wait time.Duration) *denial {
	return &denial{
		kind: awsapi.Throttled, status: http.StatusTooManyRequests, code: "TooManyGuesses", wait: wait,
		message: fmt.Sprintf("Too many sign-ins were wrong. Try again in %d seconds.", int(wait/time.Second)+1),
	}
}

// ask asks STS, through the front door, without a signature.
func (c *Console) ask(r *http.Request, form url.Values) *recorder {
	into := &recorder{header: http.Header{}, status: http.StatusOK}
	body := form.Encode()
	request := r.Clone(awsapi.Via(r.Context(), viaConsole))
	request.Method, request.Header = http.MethodPost, only(r.Header, "User-Agent")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.URL, request.RequestURI, request.Pattern = &url.URL{Path: "/"}, "/", ""
	request.Body, request.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	c.front.ServeHTTP(into, request)
	return into
}

// whoIs asks STS who has the credentials. Without a session, it gives the answer.
func (c *Console) whoIs(r *http.Request, given credentials) (s *session, status int, answer []byte) {
	body := []byte("Action=GetCallerIdentity&Version=2011-06-15")
	request := r.Clone(r.Context())
	request.Method, request.Header = http.MethodPost, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	into := &recorder{header: http.Header{}, status: http.StatusOK}
	if err := c.forward(into, request, "sts", defaultRegion, "/", given, body); err != nil {
		return nil, http.StatusInternalServerError, nil
	}
	var identity struct {
		Result struct {
			Account string `xml:"Account"`
			ARN     string `xml:"Arn"`
			UserID  string `xml:"UserId"`
		} `xml:"GetCallerIdentityResult"`
	}
	if into.status != http.StatusOK {
		return nil, into.status, into.body.Bytes()
	}
	if err := xml.Unmarshal(into.body.Bytes(), &identity); err != nil || identity.Result.ARN == "" {
		return nil, http.StatusInternalServerError, nil
	}
	id := make([]byte, 16)
	if _, err := io.ReadFull(c.random, id); err != nil {
		return nil, http.StatusInternalServerError, nil
	}
	return &session{
		ID: hex.EncodeToString(id), Expires: c.now().Add(lifetime), credentials: given,
		Account: identity.Result.Account, ARN: identity.Result.ARN, UserID: identity.Result.UserID,
	}, http.StatusOK, nil
}

// faultOf reads code and message of a refusal of the Query protocol.
func faultOf(answer []byte) (code, message string) {
	var fault struct {
		Error struct{ Code, Message string }
	}
	if err := xml.Unmarshal(answer, &fault); err != nil || fault.Error.Code == "" {
		return "InternalFailure", "The credentials could not be verified."
	}
	return fault.Error.Code, fault.Error.Message
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// isSecure reports whether the browser's connection is over TLS: here, or at what
// stands before the server under the public URL.
func (c *Console) isSecure(r *http.Request) bool {
	return awsapi.IsOverTLS(r) || c.public.Scheme == "https" && strings.EqualFold(r.Host, c.public.Host)
}

// A cookie of the name that begins with __Host- is taken by browsers only over TLS,
// from the host itself and for all of it. Without TLS the server is on loopback.
func (c *Console) cookieName(r *http.Request) string {
	if c.isSecure(r) {
		return "__Host-daypass"
	}
	return "daypass"
}

func (c *Console) cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure where there is TLS; where not, the server is on loopback
		Name: c.cookieName(r), Value: value, Path: "/", MaxAge: age,
		Secure: c.isSecure(r), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

// beginName and beginCookie are those of a sign-in at the provider, which sends the
// browser back from another site: with SameSite=Strict it would not come along.
func (c *Console) beginName(r *http.Request) string { return c.cookieName(r) + "-sign-in" }

func (c *Console) beginCookie(r *http.Request, value string, age int) *http.Cookie {
	cookie := c.cookie(r, value, age) //nolint:gosec // G124: as secure as that
	cookie.Name, cookie.SameSite = c.beginName(r), http.SameSiteLaxMode
	return cookie
}

// What a cookie is for: none opens as the other.
const (
	sessionPurpose = "daypass console session"
	beginPurpose   = "daypass console sign-in"
)

// encoding refuses padding bits that are not zero.
var encoding = base64.RawURLEncoding.Strict()

// associated is the associated data of a cookie: it opens only for the host that it
// was made for.
func (c *Console) associated(r *http.Request, purpose string) []byte {
	return []byte(purpose + "\n" + c.cookieName(r) + "\n" + r.Host)
}

func (c *Console) sealFor(r *http.Request, purpose string, plain []byte) (string, error) {
	sealed, err := c.sealer.Seal(plain, c.associated(r, purpose))
	return encoding.EncodeToString(sealed), err
}

func (c *Console) openFor(r *http.Request, purpose, value string) ([]byte, error) {
	sealed, err := encoding.DecodeString(value)
	if err != nil {
		return nil, err
	}
	return c.sealer.Open(sealed, c.associated(r, purpose))
}

func (c *Console) seal(r *http.Request, s *session) (string, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	return c.sealFor(r, sessionPurpose, plain)
}

// open opens the cookie of a request.
func (c *Console) open(r *http.Request) (*session, error) {
	found, err := r.Cookie(c.cookieName(r))
	if err != nil {
		return nil, err
	}
	plain, err := c.openFor(r, sessionPurpose, found.Value)
	if err != nil {
		return nil, err
	}
	var s session
	if err := json.Unmarshal(plain, &s); err != nil {
		return nil, err
	}
	if !c.now().Before(s.Expires) || s.AccessKeyID == "" {
		return nil, fmt.Errorf("console: the session of %s is over", s.ARN)
	}
	if c.signOuts.Has(s.Account, s.ID) {
		return nil, fmt.Errorf("console: the session of %s was signed out", s.ARN)
	}
	return &s, nil
}

// tellSignIn says how one can sign in, beside an access key.
func (c *Console) tellSignIn(w http.ResponseWriter) {
	told := map[string]string{}
	if c.provider != nil {
		told["provider"] = c.provider.Name
	}
	reply(w, http.StatusOK, told)
}
