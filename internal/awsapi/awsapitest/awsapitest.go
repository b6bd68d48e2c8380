// Package awsapitest stands up a whole front door for a test: a store on
// SQLite, a directory over it, the services under test behind awsapi, and an
// administrator whose access key signs. Nothing in it is a stand-in: a test
// speaks to it with the clients that users have.
//
//	server := awsapitest.Start(t, awsapitest.Options{
//		Now:      time.Now,
//		Services: func(s *awsapitest.Server) ([]*awsapi.Service, error) { … },
//	})
//	client := sts.NewFromConfig(server.AdminConfig)
//
// It is for tests only.
package awsapitest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/lastuse"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/sdkhttp"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/sigv4"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Account is the account of every server that does not name one.
const Account = "123456789012"

// Region is what the clients sign for. Any other would do.
const Region = "eu-central-1"

// Administrator is an identity policy that allows everything.
const Administrator = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// Options says what a test wants to differ.
type Options struct {
	// Services makes the services behind the door. The server it gets is
	// whole but for its URL and AdminConfig.
	Services func(*Server) ([]*awsapi.Service, error)
	// Now is the server's clock; needed. The clients sign by the real one, so
	// that more than 15 minutes between the two is a test of that.
	Now func() time.Time
	// ExplainToCaller is awsapi.Config.ExplainToCaller.
	ExplainToCaller bool
	// EncodeDenials is awsapi.Config.EncodeDenials.
	EncodeDenials bool
	// Shapes checks every successful reply; nil checks none.
	Shapes *Shapes
	// Account is "" for Account.
	Account string
	// Events receives the events; nil keeps them for Server.Events.
	Events io.Writer
	// Log receives what concerns no request's answer; nil drops it.
	Log *slog.Logger
}

// Server is a running front door. It ends with its test.
type Server struct {
	URL         string
	Account     string
	Dir         string // the directory of the store's files
	Directory   *directory.Directory
	Store       store.Store // under Directory; a write to it alone leaves the snapshot behind
	LastUse     *lastuse.Tracker
	SessionKeys *session.Keys
	AdminConfig aws.Config // of a user "administrator" who may do everything
	// Handler is the front door itself, for a benchmark without a network.
	Handler http.Handler
	// Shapes are those of the options.
	Shapes *Shapes

	now       func() time.Time
	masterKey *masterkey.Key
	client    *http.Client
	events    eventLog
}

// Start stands the front door up.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Account == "" {
		o.Account = Account
	}
	s := &Server{Account: o.Account, Shapes: o.Shapes, now: o.Now}
	s.client = s.newClient(t)
	if o.Events == nil {
		o.Events = &s.events
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s.createState(t)
	services, err := o.Services(s)
	must(t, err)
	api, err := awsapi.New(awsapi.Config{
		Services: services, Directory: s.Directory, LastUse: s.LastUse,
		Events: audit.NewLog(o.Events), Log: o.Log,
		Now: o.Now, Random: rand.Reader, ExplainToCaller: o.ExplainToCaller, EncodeDenials: o.EncodeDenials,
	})
	must(t, err)
	s.Handler = api
	served := s.Handler
	if o.Shapes != nil {
		served = o.Shapes.watch(t, api)
	}
	listening := httptest.NewServer(served)
	t.Cleanup(listening.Close)
	s.URL = listening.URL
	s.AdminConfig = s.User(t, "administrator", Administrator)
	return s
}

// OpenData opens the data directory that a server of internal/server made, so
// that a test puts into it what no operation can: sessions that are over, keys
// in another state. It serves nothing. Once the server runs again on the
// directory, and URL is set to where, Post and Do speak to that server.
// AdminConfig is of a user "rows-administrator".
func OpenData(t testing.TB, dir string, now func() time.Time) *Server {
	t.Helper()
	s := &Server{Account: Account, now: now}
	s.client = s.newClient(t)
	key, err := masterkey.Load(filepath.Join(dir, "master.key"))
	must(t, err)
	s.masterKey = key
	s.openState(t, dir)
	s.AdminConfig = s.User(t, "rows-administrator", Administrator)
	return s
}

// newClient keeps its connections to itself, and follows no redirect.
func (s *Server) newClient(t testing.TB) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// createState makes an empty store with one account, and opens it.
func (s *Server) createState(t testing.TB) {
	t.Helper()
	dir := t.TempDir()
	var err error
	s.masterKey, err = masterkey.Create(filepath.Join(dir, "master.key"))
	must(t, err)
	ring, err := session.NewKeys(s.now())
	must(t, err)
	sealed, err := s.masterKey.Seal(ring, []byte(store.KindSessionKeys))
	must(t, err)
	sql, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(dir, "daypass.db"))
	must(t, err)
	_, err = sql.Update(t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.SessionKeysID(), store.SessionKeys{Sealed: sealed})
	})
	must(t, errors.Join(err, sql.Close()))
	s.openState(t, dir)
	s.AddAccount(t, s.Account)
}

// openState opens a store that has its session keys.
func (s *Server) openState(t testing.TB, dir string) {
	t.Helper()
	s.Dir = dir
	sql, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(dir, "daypass.db"))
	must(t, err)
	t.Cleanup(func() {
		if err := sql.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	s.Store = sql
	s.Directory, err = directory.Open(t.Context(), sql, s.masterKey)
	must(t, err)
	s.LastUse = lastuse.New(s.Directory)
	s.SessionKeys = s.Directory.Snapshot().SessionKeys()
}

// AddAccount makes another account.
func (s *Server) AddAccount(t testing.TB, account string) {
	t.Helper()
	must(t, s.Directory.Update(t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.AccountID(account), store.Account{Account: account, Created: s.now().UTC()})
	}))
}

// User makes a user of the server's account with an access key and inline
// policies, and gives the configuration that signs as this user.
func (s *Server) User(t testing.TB, name string, policies ...string) aws.Config {
	t.Helper()
	return s.UserOf(t, s.Account, name, policies...)
}

// UserOf is User for any account.
func (s *Server) UserOf(t testing.TB, account, name string, policies ...string) aws.Config {
	t.Helper()
	userID, err := session.NewUniqueID("AIDA", rand.Reader)
	must(t, err)
	keyID, err := session.NewAccessKeyID("AKIA", account, rand.Reader)
	must(t, err)
	secret, err := session.NewSecretAccessKey(rand.Reader)
	must(t, err)
	sealed, err := s.masterKey.Seal([]byte(secret), []byte(keyID))
	must(t, err)
	user := store.User{Account: account, Name: name, Path: "/", ID: userID, AccessKeys: []string{keyID}, Created: s.now().UTC()}
	for i, document := range policies {
		user.InlinePolicies = append(user.InlinePolicies, store.InlinePolicy{Name: "policy" + string(rune('A'+i)), Document: document})
	}
	must(t, s.Directory.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(
			store.PutRecord(tx, store.UserID(account, name), user),
			store.PutRecord(tx, store.AccessKeyID(account, keyID), store.AccessKey{
				Account: account, ID: keyID, UserName: name, SealedSecret: sealed, Active: true, Created: s.now().UTC(),
			}),
		)
	}))
	return s.Config(aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret})
}

// Config is a client's configuration that signs with the given credentials and
// does not try again after an error.
func (s *Server) Config(credentials aws.Credentials) aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String(s.URL), HTTPClient: sdkhttp.Client{Client: s.client},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// Reply is an answer as it came over the wire.
type Reply struct {
	Status int
	Header http.Header
	Body   string
}

// escaper writes text as the front door does.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#xD;")

// WantFault asks for a fault of a service in AWS's very form, byte for byte but
// for the request's id, which must be the header's. An empty message is none.
func (r Reply) WantFault(t testing.TB, namespace string, status int, code, message string) {
	t.Helper()
	sender := "Sender"
	if status >= http.StatusInternalServerError {
		sender = "Receiver"
	}
	if message != "" {
		message = "    <Message>" + escaper.Replace(message) + "</Message>\n"
	}
	id := r.Header.Get("X-Amzn-Requestid")
	want := `<ErrorResponse xmlns="` + namespace + `">
  <Error>
    <Type>` + sender + `</Type>
    <Code>` + code + `</Code>
` + message + `  </Error>
  <RequestId>` + id + `</RequestId>
</ErrorResponse>
`
	if r.Body != want {
		t.Errorf("body is\n%s\nwant\n%s", r.Body, want)
	}
	if id == "" {
		t.Error("the reply has no request id")
	}
	if r.Status != status || r.Header.Get("Content-Type") != "text/xml" {
		t.Errorf("status %d, content type %q; want %d, text/xml", r.Status, r.Header.Get("Content-Type"), status)
	}
}

// MasterKey seals what is at rest in Store.
func (s *Server) MasterKey() *masterkey.Key { return s.masterKey }

// Post sends a form as no client would let a test send it: signed for the
// service at the given time by the configuration's credentials, unsigned where
// the configuration has none.
func (s *Server) Post(t testing.TB, config aws.Config, service string, at time.Time, form url.Values) Reply {
	t.Helper()
	body := form.Encode()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", strings.NewReader(body))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if config.Credentials != nil {
		credentials, err := config.Credentials.Retrieve(t.Context())
		must(t, err)
		must(t, v4.NewSigner().SignHTTP(t.Context(), credentials, r, sigv4.HashPayload([]byte(body)), service, config.Region, at))
	}
	return s.Do(t, r)
}

// PostJSON is Post in the JSON dialect; the target names the operation.
func (s *Server) PostJSON(t testing.TB, config aws.Config, service string, at time.Time, target, body string) Reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", strings.NewReader(body))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	if config.Credentials != nil {
		credentials, err := config.Credentials.Retrieve(t.Context())
		must(t, err)
		must(t, v4.NewSigner().SignHTTP(t.Context(), credentials, r, sigv4.HashPayload([]byte(body)), service, config.Region, at))
	}
	return s.Do(t, r)
}

// Events are the events written so far, one JSON text each.
func (s *Server) Events() []string { return s.events.lines() }

// eventLog collects lines. mu guards written.
type eventLog struct {
	mu      sync.Mutex
	written bytes.Buffer
}

// Write implements io.Writer.
func (l *eventLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.Write(p)
}

func (l *eventLog) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.written.String(), "\n"), "\n")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
