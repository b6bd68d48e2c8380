// Package console serves the console: its pages, and what they ask.
//
// It has no powers of its own. Whoever signs in gives an access key; each thing
// that a page asks becomes a request that is signed with that key and goes through
// the server's own front door, in this process, to the same authentication and the
// same decisions as a request of the aws command line. What the package holds is
// the pages, the key under which cookies are sealed, and a count of wrong guesses.
//
// The pages run no inline script and ask no other host; the policy in the headers
// says so to the browser. Other sites can do nothing here: a request of a page of
// theirs is refused by where it comes from and by a header that it cannot send, and
// the cookie, which is bound to the host that it was made for, does not come with it
// (SameSite=Strict).
package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Root is the path of the console. S3 requests to a bucket of the name "console"
// are signed, which those of pages are not.
const Root = "/console/"

// Sealer seals cookies. Other associated data than that of sealing fails.
type Sealer interface {
	Seal(plain, associated []byte) ([]byte, error)
	Open(sealed, associated []byte) ([]byte, error)
}

// SignOuts remembers, for all nodes, which sign-ins were signed out.
type SignOuts interface {
	// Has reports whether a sign-in of an account was signed out.
	Has(account, id string) bool
	// Add signs one out; until is when it would be over by itself.
	Add(ctx context.Context, account, id string, until time.Time) error
}

// Config is what a console needs; all of it but Provider.
type Config struct {
	Front http.Handler // the server's front door, which gets signed requests
	// Note puts on the record what a request was.
	Note     func(*http.Request, *Entry) error
	Sealer   Sealer
	SignOuts SignOuts
	Now      func() time.Time
	Random   io.Reader
	Log      *slog.Logger
	// Public is the URL under which browsers reach the server, https unless its host is
	// loopback, without a path. Where it is over https, so are the browsers of its host,
	// whatever stands between.
	Public *url.URL
	// Provider is one by which people sign in; nil for none.
	Provider *Provider
}

// Console is an http.Handler for what Serves says. It is safe for concurrent use.
type Console struct {
	front    http.Handler
	note     func(*http.Request, *Entry) error
	sealer   Sealer
	now      func() time.Time
	random   io.Reader
	pages    map[string]*file
	guesses  guesses[netip.Prefix] // by where they come from
	keys     guesses[string]       // by the access key ID that they name
	signOuts SignOuts
	used     used // answers of the provider
	log      *slog.Logger
	public   *url.URL
	provider *Provider
	crossing *http.CrossOriginProtection
}

// New makes a console.
func New(c Config) (*Console, error) {
	if c.Front == nil || c.Sealer == nil || c.SignOuts == nil || c.Now == nil || c.Random == nil || c.Log == nil || c.Public == nil || c.Note == nil {
		return nil, errors.New("console: the configuration lacks a part")
	}
	pages, err := readPages()
	if err != nil {
		return nil, err
	}
	return &Console{
		keys: guesses[string]{limit: keyLimit}, guesses: guesses[netip.Prefix]{limit: guessLimit},
		front: c.Front, note: c.Note, sealer: c.Sealer, signOuts: c.SignOuts, now: c.Now, random: c.Random, pages: pages, log: c.Log, public: c.Public, provider: c.Provider,
		crossing: http.NewCrossOriginProtection(),
	}, nil
}

// Serves says whether a request is for the console: it has its path, and is not
// signed as requests of AWS's clients are.
func Serves(r *http.Request) bool {
	if r.URL.Path+"/" != Root && !strings.HasPrefix(r.URL.Path, Root) {
		return false
	}
	return r.Header.Get("Authorization") == "" && !r.URL.Query().Has("X-Amz-Signature") && !r.URL.Query().Has("Signature")
}

// pagePolicy is the content security policy of the pages: what the server gives,
// and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	rest, isAPI := strings.CutPrefix(r.URL.Path, Root+"api/")
	if !isAPI {
		c.servePage(w, r)
		return
	}
	header.Set("Cache-Control", "no-store")
	if what, ok := strings.CutPrefix(rest, "sign-in/"); ok {
		c.serveSignIn(w, r, what)
		return
	}
	if strings.HasPrefix(rest, "download/") {
		c.serveDownload(w, r)
		return
	}
	// A simple form of another site cannot send the header, and what is not simple
	// the browser asks about first, which nothing here answers.
	if err := c.crossing.Check(r); err != nil || r.Header.Get("X-Daypass-Console") != "1" {
		refuse(w, http.StatusForbidden, "CrossOrigin", "The request does not come from a page of the console.")
		return
	}
	service, isService := strings.CutPrefix(rest, "aws/")
	switch {
	case rest == "session":
		c.serveSession(w, r)
	case rest == "sign-in":
		c.tellSignIn(w)
	case isService:
		c.serveService(w, r, service)
	case strings.HasPrefix(rest, "s3/"):
		c.serveObjects(w, r)
	default:
		refuse(w, http.StatusNotFound, "NotFound", "The console has nothing of that name.")
	}
}

// refuse answers with a code and a message, as the pages read them.
func refuse(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, map[string]string{"code": code, "message": message})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that went away is told nothing
}
