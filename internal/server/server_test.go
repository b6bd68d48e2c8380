package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"
	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder keeps what is logged, and hands on the endpoint of a server that
// says that it serves.
type recorder struct {
	mu       sync.Mutex // guards text
	text     bytes.Buffer
	endpoint chan string
}

func (r *recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *recorder) WithGroup(string) slog.Handler            { return r }

func (r *recorder) Handle(_ context.Context, record slog.Record) error {
	r.mu.Lock()
	r.text.WriteString(record.Level.String() + " " + record.Message)
	record.Attrs(func(a slog.Attr) bool {
		r.text.WriteString(" " + a.String())
		return true
	})
	r.text.WriteString("\n")
	r.mu.Unlock()
	if record.Message == "serving" {
		record.Attrs(func(a slog.Attr) bool {
			if a.Key == "endpoint" {
				r.endpoint <- a.Value.String()
			}
			return true
		})
	}
	return nil
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// running is a server that answers.
type running struct {
	endpoint string
	log      *recorder
	client   *http.Client
	stop     func() error // ends the server; its error is Run's
}

func newConfig(dir string) server.Config {
	return server.Config{
		DataDir: dir, Listen: "127.0.0.1:0", Account: "123456789012", Roots: x509.NewCertPool(),
		Now: time.Now, Random: rand.Reader,
	}
}

// start runs a server until the test ends or stop is called. An error is that
// of a server that did not come to answer.
func start(t *testing.T, c server.Config) (*running, error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	r := &running{log: &recorder{endpoint: make(chan string, 1)}, client: &http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.Log = slog.New(r.log)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, c) }()
	r.stop = sync.OnceValue(func() error {
		transport.CloseIdleConnections()
		cancel()
		return <-ended
	})
	select {
	case r.endpoint = <-r.log.endpoint:
	case err := <-ended:
		cancel()
		return nil, err
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return r, nil
}

func mustStart(t *testing.T, c server.Config) *running {
	t.Helper()
	r, err := start(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *running) mustStop(t *testing.T) {
	t.Helper()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
}

// administrator reads the credentials file as AWS's tools do.
func (r *running) administrator(t *testing.T, dir string) aws.Config {
	t.Helper()
	profile, err := config.LoadSharedConfigProfile(t.Context(), "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{filepath.Join(dir, "credentials")}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.config(profile.Credentials)
}

func (r *running) config(c aws.Credentials) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &r.endpoint, HTTPClient: r.client,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil }),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func wantCaller(t *testing.T, c aws.Config, arn string) {
	t.Helper()
	out, err := stsclient.NewFromConfig(c).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Arn != arn {
		t.Errorf("caller is %s, want %s", *out.Arn, arn)
	}
}

func wantMode(t *testing.T, mode os.FileMode, path ...string) {
	t.Helper()
	info, err := os.Stat(filepath.Join(path...))
	if err != nil {
		t.Error(err)
		return
	}
	if info.Mode().Perm() != mode {
		t.Errorf("%s has mode %o, want %o", info.Name(), info.Mode().Perm(), mode)
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Two first starts at once: whoever comes to answer, the credentials file holds
// the key of the one administrator that there is.
func TestFirstStartsAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		dir := filepath.Join(t.TempDir(), "data")
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				r, err := start(t, newConfig(dir))
				if err != nil {
					t.Logf("one did not start, which is allowed: %v", err)
					return
				}
				if err := r.stop(); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		after := mustStart(t, newConfig(dir))
		wantCaller(t, after.administrator(t, dir), administratorARN)
		after.mustStop(t)
	}
}

const administratorARN = "arn:aws:iam::123456789012:user/administrator"

func TestFirstAndSecondStart(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "a", "data")
	c := newConfig(dir)
	c.ReadyFile = filepath.Join(parent, "ready")
	first := mustStart(t, c)
	wantMode(t, 0o700, dir)
	for _, name := range []string{"credentials", "master.key", "daypass.db", "events.jsonl"} {
		wantMode(t, 0o600, dir, name)
	}
	if got := read(t, c.ReadyFile); got != first.endpoint+"\n" || !strings.HasPrefix(got, "http://127.0.0.1:") {
		t.Errorf("the ready file has %q, the endpoint is %s", got, first.endpoint)
	}
	wantCaller(t, first.administrator(t, dir), administratorARN)
	if _, err := iamclient.NewFromConfig(first.administrator(t, dir)).ListRoles(t.Context(), &iamclient.ListRolesInput{}); err != nil {
		t.Errorf("the administrator may not list roles: %v", err)
	}
	secret, err := first.administrator(t, dir).Credentials.Retrieve(t.Context())
	if err != nil || secret.SecretAccessKey == "" {
		t.Fatalf("no secret in the credentials file: %v", err)
	}
	first.mustStop(t)
	if _, err := os.Stat(c.ReadyFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ready file is there after the end: %v", err)
	}
	if _, err := first.client.Get(first.endpoint); err == nil { //nolint:noctx // it must fail
		t.Error("the server answers after its end")
	}
	for name, text := range map[string]string{"events": read(t, dir, "events.jsonl"), "log": first.log.String(), "database": read(t, dir, "daypass.db")} {
		if strings.Contains(text, secret.SecretAccessKey) {
			t.Errorf("the secret access key is in the %s", name)
		}
	}
	if n := strings.Count(first.log.String(), "made the account"); n != 1 {
		t.Errorf("the log tells %d times of the account: %s", n, first.log)
	}

	credentials, key := read(t, dir, "credentials"), read(t, dir, "master.key")
	c.Account = "999999999999" // an account is made by the first start only
	second := mustStart(t, c)
	wantCaller(t, second.administrator(t, dir), administratorARN)
	second.mustStop(t)
	if read(t, dir, "credentials") != credentials || read(t, dir, "master.key") != key {
		t.Error("the second start changed the credentials or the master key")
	}
	if strings.Contains(second.log.String(), "made the account") {
		t.Error("the second start made an account")
	}
	if lines := strings.Count(read(t, dir, "events.jsonl"), "\n"); lines != 3 {
		t.Errorf("%d events, want those of both starts, 3", lines)
	}
}

// The whole way, over a restart: provider and role by IAM, a token of a GitLab
// issuer, a session by STS, which outlives the process that gave it.
func TestSessionOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	issuer, token := serveIssuer(t, t.TempDir())
	dir := t.TempDir()
	first := mustStart(t, newConfig(dir))
	admin := iamclient.NewFromConfig(first.administrator(t, dir))
	provider, err := admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuer.Issuer.URL()), ClientIDList: []string{"aud"}, ThumbprintList: []string{issuer.Thumbprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + *provider.OpenIDConnectProviderArn + `"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`
	if _, err := admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("deploy"), AssumeRolePolicyDocument: &trust}); err != nil {
		t.Fatal(err)
	}
	out, err := stsclient.NewFromConfig(first.config(aws.Credentials{})).AssumeRoleWithWebIdentity(t.Context(), &stsclient.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/deploy"), RoleSessionName: aws.String("job-1"), WebIdentityToken: &token,
	})
	if err != nil {
		t.Fatal(err)
	}
	first.mustStop(t)
	session := aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}
	second := mustStart(t, newConfig(dir))
	wantCaller(t, second.config(session), "arn:aws:sts::123456789012:assumed-role/deploy/job-1")
	second.mustStop(t)
	events := read(t, dir, "events.jsonl")
	for _, secret := range []string{session.SecretAccessKey, session.SessionToken, token} {
		if strings.Contains(events, secret) {
			t.Error("a secret is in the events")
		}
	}
	for line := range strings.Lines(events) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

// serveIssuer gives an issuer that is served, whose files are in dir, and a token
// of it.
func serveIssuer(t *testing.T, dir string) (*instance.Instance, string) {
	t.Helper()
	i, err := instance.Open(t.Context(), dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := i.Listen(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- i.Serve(ctx, l, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	job, err := gitlab.NewJob(gitlab.Job{ServerURL: i.Issuer.URL(), Project: gitlab.Project{Path: "mygroup/myproject"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := i.Issuer.IDToken(job, []string{"aud"}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return i, token
}

func (r *running) do(t *testing.T, method, path string, body io.Reader) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.endpoint+path, body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// The Query protocol is at "/", by GET and POST, and nothing is elsewhere.
func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	r := mustStart(t, newConfig(t.TempDir()))
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/", http.StatusFound},
		{http.MethodPost, "/", http.StatusFound},
		{http.MethodGet, "/?Action=GetCallerIdentity&Version=2011-06-15", http.StatusForbidden},
		{http.MethodGet, "/?Action=ListRoles&Version=2010-05-08", http.StatusForbidden},
		{http.MethodGet, "/index.html", http.StatusNotFound},
		{http.MethodPost, "//", http.StatusNotFound},
		{http.MethodPost, "/../", http.StatusNotFound},
		{http.MethodPut, "/bucket", http.StatusNotFound},
		{http.MethodPut, "/", http.StatusMethodNotAllowed},
		{http.MethodDelete, "/", http.StatusMethodNotAllowed},
		{http.MethodHead, "/", http.StatusMethodNotAllowed},
		{http.MethodOptions, "/", http.StatusMethodNotAllowed},
	} {
		response, _ := r.do(t, c.method, c.path, nil)
		if response.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, response.StatusCode, c.status)
		}
		if allow := response.Header.Get("Allow"); c.status == http.StatusMethodNotAllowed && allow != "GET, POST" {
			t.Errorf("%s %s: Allow is %q", c.method, c.path, allow)
		}
	}
}

// A request that is under way when the server is told to stop is answered.
func TestRequestInFlightIsAnswered(t *testing.T) {
	t.Parallel()
	r := mustStart(t, newConfig(t.TempDir()))
	reading := make(chan struct{})
	stopped := make(chan error, 1)
	sent := false
	body := readerFunc(func(p []byte) (int, error) {
		if sent {
			return 0, io.EOF
		}
		sent = true
		<-reading // the server waits for the body
		go func() { stopped <- r.stop() }()
		time.Sleep(1500 * time.Millisecond) // longer than a state is good for that nobody follows
		return copy(p, "Action=GetCallerIdentity&Version=2011-06-15"), nil
	})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(reading) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.endpoint, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Expect", "100-continue")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.client.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	response, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusForbidden || !strings.Contains(string(text), "MissingAuthenticationToken") {
		t.Errorf("got %d %s, %v", response.StatusCode, text, err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Events can go to standard output, and to a file of choice; if they cannot be
// written, nothing is answered but that.
func TestEvents(t *testing.T) {
	t.Parallel()
	t.Run("stdout", func(t *testing.T) {
		t.Parallel()
		c := newConfig(t.TempDir())
		var out bytes.Buffer
		c.EventsFile, c.Stdout = "-", &out
		r := mustStart(t, c)
		wantCaller(t, r.administrator(t, c.DataDir), administratorARN)
		r.mustStop(t)
		if !strings.Contains(out.String(), `"operation":"GetCallerIdentity"`) || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("stdout has %q", out.String())
		}
	})
	t.Run("a full device", func(t *testing.T) {
		t.Parallel()
		if _, err := os.Stat("/dev/full"); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("there is no /dev/full: %v", err)
			}
			t.Skipf("this system has no /dev/full: %v", err)
		}
		c := newConfig(t.TempDir())
		c.EventsFile = "/dev/full"
		r := mustStart(t, c)
		_, err := stsclient.NewFromConfig(r.administrator(t, c.DataDir)).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{})
		if err == nil || !strings.Contains(err.Error(), "InternalFailure") {
			t.Errorf("got %v, want InternalFailure", err)
		}
	})
}

// What cannot be read is told when the server starts.
func TestProblemsAreTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustStart(t, newConfig(dir)).mustStop(t)
	st, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(dir, "daypass.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.Update(t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.RoleID("123456789012", "r"), store.Role{Account: "123456789012", Name: "r", Path: "/", TrustPolicy: "{}"})
	})
	if err := errors.Join(err, st.Close()); err != nil {
		t.Fatal(err)
	}
	r := mustStart(t, newConfig(dir))
	if !strings.Contains(r.log.String(), "WARN a stored document cannot be read; what needs it is denied problem=the trust policy of arn:aws:iam::123456789012:role/r") {
		t.Errorf("log is %s", r.log)
	}
}

// copyOf gives a directory with the files of another, changed.
func copyOf(t *testing.T, from string, change map[string]string) string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all[e.Name()] = read(t, from, e.Name())
	}
	maps.Copy(all, change)
	dir := t.TempDir()
	for name, text := range all {
		if text == "" { // taken away
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
