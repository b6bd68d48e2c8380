package console

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/ratelimit"

	"golang.org/x/oauth2"
)

// Provider is an OpenID Connect provider by which people sign in. It gives them no
// powers: its ID token is traded for a session of Role by AssumeRoleWithWebIdentity,
// as a job's is, and only as far as the account has the provider and the role's trust
// policy admits the token.
type Provider struct {
	Name     string // for people
	Issuer   string // https://HOST, as in its discovery document
	ClientID string
	// ClientSecret is "" for a public client; PKCE is used with either.
	ClientSecret string
	Scopes       []string // openid is always asked for
	Role         string   // ARN
	Duration     time.Duration
	// Client reaches the provider, as far as the server may reach issuers.
	Client *http.Client
}

const (
	callbackPath = Root + "api/sign-in/callback"
	// beginLasts is how long somebody has to sign in at the provider.
	beginLasts = 10 * time.Minute
	// providerPatience is how long a provider may take to answer.
	providerPatience = 10 * time.Second
	maxProviderReply = 256 << 10
)

// beginning is what a cookie seals while somebody signs in at the provider.
type beginning struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of PKCE (RFC 7636)
	Expires  time.Time `json:"expires"`
}

// endpoints are what the provider's discovery document says (OpenID Connect Discovery
// 1.0 section 3; RFC 9207 section 3).
type endpoints struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	GivesIssuer   bool   `json:"authorization_response_iss_parameter_supported"`
	// TokenAuth are the ways in which a client may show its secret.
	TokenAuth []string `json:"token_endpoint_auth_methods_supported"`
}

// A refusal is why somebody is not signed in: a word that the page knows, and the
// request that the record tells more of.
type refusal struct {
	word, requestID string
	err             error // for the log
}

// denial is the refusal as the record has it.
func (no *refusal) denial() *denial {
	d := &denial{kind: refusalKinds[no.word], status: http.StatusForbidden, code: no.word}
	if no.err != nil {
		d.reason = no.err.Error()
	}
	switch {
	case no.word == tooManyWord:
		d.status = http.StatusTooManyRequests
	case no.word == unreachable:
		d.status = http.StatusBadGateway
	case d.kind == awsapi.Internal:
		d.status = http.StatusInternalServerError
	}
	return d
}

// refusalKinds are what refusals are on the record; what is not here is a fault of ours.
var refusalKinds = map[string]awsapi.Kind{
	unreachable: awsapi.Unavailable, expired: awsapi.InvalidInput, mixedUp: awsapi.InvalidInput, cancelled: awsapi.AccessDenied,
	failed: awsapi.InvalidInput, notAdmitted: awsapi.AccessDenied, tooManyWord: awsapi.Throttled, tooLong: awsapi.InvalidInput,
}

// The words of refusals.
const (
	unreachable = "unreachable" // the provider does not answer as one does
	expired     = "expired"     // it took too long, or was not begun in this browser
	mixedUp     = "mixed-up"    // the answer is not of the provider that was asked
	cancelled   = "cancelled"   // the provider says that access was denied
	failed      = "failed"      // the provider says that something else is wrong
	notAdmitted = "not-admitted"
	tooManyWord = "too-many"
	tooLong     = "too-long" // the session does not fit into a cookie
)

// serveSignIn answers below api/sign-in. What is asked for by following a link has no
// header of the page's.
func (c *Console) serveSignIn(w http.ResponseWriter, r *http.Request, what string) {
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", "GET")
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "A sign-in is begun by following a link.")
	case c.provider == nil:
		refuse(w, http.StatusNotFound, "NotFound", "Nobody signs in here through a provider.")
	case what == "begin":
		// Another site must not send people through it.
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
			refuse(w, http.StatusForbidden, "CrossOrigin", "The request does not come from a page of the console.")
			return
		}
		c.tell(w, r, c.begin(w, r))
	case what == "callback":
		c.tell(w, r, c.finish(w, r))
	default:
		refuse(w, http.StatusNotFound, "NotFound", "The console has nothing of that name.")
	}
}

// tell brings somebody who is not signed in back to the page, with the reason behind
// "#", of which the page takes known words only.
func (c *Console) tell(w http.ResponseWriter, r *http.Request, no *refusal) {
	if no == nil {
		return
	}
	level := slog.LevelWarn
	if no.word == expired || no.word == cancelled || no.word == tooManyWord { // which strangers bring about as often as they like
		level = slog.LevelDebug
	}
	if err := c.record(r, nil, no.denial()); err != nil {
		c.log.ErrorContext(r.Context(), "a sign-in that failed could not be put on the record", "error", err)
	}
	c.log.Log(r.Context(), level, "nobody was signed in through the provider", "reason", no.word, "requestId", no.requestID, "error", no.err)
	to := Root + "#/sign-in/" + no.word
	if no.requestID != "" {
		to += "/" + url.PathEscape(no.requestID)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (c *Console) begin(w http.ResponseWriter, r *http.Request) *refusal {
	if r.Host != c.public.Host { // the cookie would not come along on the way back
		http.Redirect(w, r, c.public.String()+Root, http.StatusSeeOther)
		return nil
	}
	if c.guesses.wait(ratelimit.Source(r.RemoteAddr), c.now()) > 0 {
		return &refusal{word: tooManyWord}
	}
	config, _, err := c.discover(r.Context())
	if err != nil {
		return &refusal{word: unreachable, err: err}
	}
	b := beginning{State: c.word(), Nonce: c.word(), Verifier: c.word(), Expires: c.now().Add(beginLasts)}
	plain, err := json.Marshal(b)
	if err != nil {
		return &refusal{word: failed, err: err}
	}
	value, err := c.sealFor(r, beginPurpose, plain)
	if err != nil {
		return &refusal{word: failed, err: err}
	}
	http.SetCookie(w, c.beginCookie(r, value, int(beginLasts/time.Second)))
	http.Redirect(w, r, config.AuthCodeURL(b.State, oauth2.S256ChallengeOption(b.Verifier), oauth2.SetAuthURLParam("nonce", b.Nonce)), http.StatusSeeOther)
	return nil
}

// word is a random text of 43 characters: enough for a state, a nonce, and a verifier
// of PKCE (RFC 7636 section 4.1).
func (c *Console) word() string {
	b := make([]byte, 32)
	_, _ = io.ReadFull(c.random, b) // randomness does not fail (crypto/rand)
	return encoding.EncodeToString(b)
}

// finish takes what the provider sent the browser back with, and begins a session.
func (c *Console) finish(w http.ResponseWriter, r *http.Request) *refusal {
	from := ratelimit.Source(r.RemoteAddr)
	if c.guesses.wait(from, c.now()) > 0 {
		return &refusal{word: tooManyWord}
	}
	b, err := c.begun(r)
	http.SetCookie(w, c.beginCookie(r, "", -1))
	if err != nil {
		return &refusal{word: expired, err: err}
	}
	config, found, err := c.discover(r.Context())
	if err != nil {
		return &refusal{word: unreachable, err: err}
	}
	answer := r.URL.Query()
	if iss := answer.Get("iss"); iss != c.provider.Issuer && (iss != "" || found.GivesIssuer) { // RFC 9207 section 2.4
		return &refusal{word: mixedUp, err: fmt.Errorf("console: the answer is of the issuer %q", iss)}
	}
	if code := answer.Get("error"); code != "" {
		word := failed
		if code == "access_denied" {
			word = cancelled
		}
		return &refusal{word: word, err: fmt.Errorf("console: the provider answered %q: %q", code, answer.Get("error_description"))}
	}
	token, err := c.redeem(r.Context(), config, answer.Get("code"), b)
	if err != nil {
		c.guesses.wrong(from, c.now())
		return &refusal{word: failed, err: err}
	}
	s, no := c.assume(r, token)
	if no != nil {
		c.guesses.wrong(from, c.now())
		return no
	}
	value, err := c.seal(r, s)
	switch {
	case err != nil:
		return &refusal{word: failed, err: err}
	case len(value) > maxCookie:
		return &refusal{word: tooLong}
	}
	if err := c.record(r, s, nil); err != nil {
		return &refusal{word: failed, err: err}
	}
	http.SetCookie(w, c.cookie(r, value, int(s.Expires.Sub(c.now())/time.Second)))
	http.Redirect(w, r, Root, http.StatusSeeOther)
	return nil
}

// begun is what this browser began, once.
func (c *Console) begun(r *http.Request) (b beginning, err error) {
	found, err := r.Cookie(c.beginName(r))
	if err != nil {
		return b, errors.New("console: the browser sent no cookie of a sign-in that was begun")
	}
	plain, err := c.openFor(r, beginPurpose, found.Value)
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(plain, &b); err != nil {
		return b, err
	}
	switch state := r.URL.Query().Get("state"); {
	case !c.now().Before(b.Expires):
		return b, errors.New("console: the sign-in was begun too long ago")
	case b.State == "" || subtle.ConstantTimeCompare([]byte(state), []byte(b.State)) != 1:
		return b, errors.New("console: the answer is not to the sign-in that this browser began")
	case !c.used.first(b.State, b.Expires, c.now()):
		return b, errors.New("console: the answer was given before")
	}
	return b, nil
}

// discover asks the provider where it is. What it says must be of the issuer, and
// over TLS.
func (c *Console) discover(ctx context.Context) (*oauth2.Config, *endpoints, error) {
	ctx, cancel := context.WithTimeout(ctx, providerPatience)
	defer cancel()
	p := c.provider
	well := strings.TrimSuffix(p.Issuer, "/") + "/.well-known/openid-configuration"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, well, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("console: %w", err)
	}
	response, err := p.Client.Do(request)
	if err != nil {
		return nil, nil, fmt.Errorf("console: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	var found endpoints
	if response.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("console: %s answers with status %d", well, response.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxProviderReply)).Decode(&found); err != nil {
		return nil, nil, fmt.Errorf("console: %s: %w", well, err)
	}
	if found.Issuer != p.Issuer {
		return nil, nil, fmt.Errorf("console: %s is of the issuer %q", well, found.Issuer)
	}
	for _, endpoint := range []string{found.Authorization, found.Token} {
		if u, err := url.Parse(endpoint); err != nil || u.Scheme != "https" || u.Host == "" {
			return nil, nil, fmt.Errorf("console: %s names %q, which is no URL over https", well, endpoint)
		}
	}
	style := oauth2.AuthStyleInHeader // the default (OpenID Connect Discovery 1.0 section 3)
	if p.ClientSecret == "" || len(found.TokenAuth) > 0 && !slices.Contains(found.TokenAuth, "client_secret_basic") {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, RedirectURL: c.public.String() + callbackPath,
		Scopes:   append([]string{"openid"}, slices.DeleteFunc(slices.Clone(p.Scopes), func(s string) bool { return s == "openid" })...),
		Endpoint: oauth2.Endpoint{AuthURL: found.Authorization, TokenURL: found.Token, AuthStyle: style},
	}, &found, nil
}

// redeem gets the ID token for a code. That it is the provider's, STS verifies.
func (c *Console) redeem(ctx context.Context, config *oauth2.Config, code string, b beginning) (string, error) {
	if code == "" {
		return "", errors.New("console: the provider gave no code")
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, c.provider.Client), providerPatience)
	defer cancel()
	tokens, err := config.Exchange(ctx, code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		var said *oauth2.RetrieveError
		if errors.As(err, &said) { // whose own text has the whole reply
			return "", fmt.Errorf("console: the provider's token endpoint answers %q (%s): %q", said.ErrorCode, said.Response.Status, said.ErrorDescription)
		}
		return "", fmt.Errorf("console: ask for the ID token: %w", err)
	}
	token, ok := tokens.Extra("id_token").(string)
	if !ok || token == "" {
		return "", errors.New("console: the provider gave no ID token; has it the scope openid for this client?")
	}
	if nonce := claim(token, "nonce"); subtle.ConstantTimeCompare([]byte(nonce), []byte(b.Nonce)) != 1 {
		return "", errors.New("console: the ID token is of another sign-in: its nonce is not the one that was asked with")
	}
	return token, nil
}

// claim is a text of a token that is not verified yet; "" where there is none.
func claim(token, name string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := encoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims map[string]json.RawMessage
	var value string
	if json.Unmarshal(payload, &claims) != nil || json.Unmarshal(claims[name], &value) != nil {
		return ""
	}
	return value
}

var notInSessionName = regexp.MustCompile(`[^\w+=,.@-]+`)

// sessionName is a name for the session, by which people know each other in the
// record. It proves nothing: the token's sub does.
func sessionName(token string) string {
	name := ""
	for _, from := range []string{"preferred_username", "nickname", "email", "sub"} {
		if name = strings.Trim(notInSessionName.ReplaceAllString(claim(token, from), "-"), "-"); len(name) >= 2 {
			break
		}
	}
	if name = name[:min(len(name), 64)]; len(name) < 2 {
		return "console"
	}
	return name
}

// assume trades the token for a session of the role, through the front door.
func (c *Console) assume(r *http.Request, token string) (*session, *refusal) {
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {c.provider.Role},
		"RoleSessionName": {sessionName(token)}, "WebIdentityToken": {token},
	}
	if c.provider.Duration > 0 {
		form.Set("DurationSeconds", strconv.FormatInt(int64(c.provider.Duration/time.Second), 10))
	}
	into := c.ask(r, form)
	if into.status != http.StatusOK {
		code, message := faultOf(into.body.Bytes())
		return nil, &refusal{notAdmitted, into.header.Get("X-Amzn-Requestid"), fmt.Errorf("console: %s: %s", code, message)}
	}
	var given struct {
		Result struct {
			Credentials struct {
				AccessKeyID     string    `xml:"AccessKeyId"`
				SecretAccessKey string    `xml:"SecretAccessKey"`
				SessionToken    string    `xml:"SessionToken"`
				Expiration      time.Time `xml:"Expiration"`
			} `xml:"Credentials"`
		} `xml:"AssumeRoleWithWebIdentityResult"`
	}
	if err := xml.Unmarshal(into.body.Bytes(), &given); err != nil {
		return nil, &refusal{word: failed, err: err}
	}
	as := given.Result.Credentials
	s, status, _ := c.whoIs(r, credentials{as.AccessKeyID, as.SecretAccessKey, as.SessionToken})
	if s == nil {
		return nil, &refusal{word: failed, err: fmt.Errorf("console: the session that was given is answered with status %d", status)}
	}
	if as.Expiration.Before(s.Expires) {
		s.Expires = as.Expiration
	}
	return s, nil
}
