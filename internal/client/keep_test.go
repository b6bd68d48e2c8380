package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/client"
)

// numbered gives credentials good for an hour, each with a key of its own.
func numbered(c *clock) func(int64, *http.Request) (int, string) {
	return func(n int64, _ *http.Request) (int, string) {
		return 200, gives("AssumeRoleWithWebIdentity", fmt.Sprintf("ASIA%d", n), assumed("x"), c.Now().Add(time.Hour))
	}
}

// TestCache: credentials are kept until five minutes before they expire, for the same
// job and question alone, and nobody else can read them.
func TestCache(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newSTS(t, numbered(c))
	dir := filepath.Join(t.TempDir(), "kept")
	get := func(want string, change func(*client.Exchange)) {
		t.Helper()
		x := exchange(t, s, c)
		if change != nil {
			change(x)
		}
		cache := client.Cache{Dir: dir, Source: x, Early: client.DefaultEarly}
		if got, err := cache.Credentials(t.Context()); err != nil || got.AccessKeyID != want {
			t.Errorf("%v, %v; want %s", got, err, want)
		}
	}
	get("ASIA1", nil)
	c.advance(54 * time.Minute)
	get("ASIA1", nil)
	get("ASIA2", func(x *client.Exchange) { x.RoleARN = second })
	get("ASIA3", func(x *client.Exchange) { x.Policy = "{}" })
	get("ASIA4", func(x *client.Exchange) {
		find := client.Find{Env: map[string]string{"T": gitlabToken(t, "of another job")}, EnvName: "T"}
		var err error
		if x.Tokens, err = find.TokenSource(); err != nil {
			t.Fatal(err)
		}
	})
	get("ASIA5", func(x *client.Exchange) { x.Expect.Left = 10 * time.Minute })
	get("ASIA5", nil)
	c.advance(56 * time.Minute)
	get("ASIA6", nil)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", e.Name(), info.Mode(), err)
		}
		text, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(text), "eyJ") {
			t.Errorf("%s: %v, holds a token", e.Name(), err)
		}
		if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	get("ASIA7", nil)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cache := client.Cache{Dir: dir, Source: exchange(t, s, c)}
	if got, err := cache.Credentials(t.Context()); err == nil {
		t.Errorf("a directory that others can read gives %v", got)
	}
}

// TestCacheAtOnce: of fifty that ask at once, one asks STS. They share the lock's file
// and no memory, as processes do.
func TestCacheAtOnce(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newSTS(t, func(n int64, r *http.Request) (int, string) {
		time.Sleep(50 * time.Millisecond)
		return numbered(c)(n, r)
	})
	dir := filepath.Join(t.TempDir(), "kept")
	var all sync.WaitGroup
	for range 50 {
		x := exchange(t, s, c)
		x.STS.Sleep = func(_ context.Context, d time.Duration) error { time.Sleep(d); return nil }
		all.Go(func() {
			cache := client.Cache{Dir: dir, Source: x, Early: client.DefaultEarly}
			if got, err := cache.Credentials(t.Context()); err != nil || got.AccessKeyID != "ASIA1" {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	all.Wait()
	if n := s.asked.Load(); n != 1 {
		t.Errorf("STS was asked %d times", n)
	}
}

// TestWhereSTSIsDown: kept credentials are given while STS gives no answer and they
// have not expired; where it denies, never.
func TestWhereSTSIsDown(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"cache", "memory"} {
		c := newClock()
		status, body := 200, ""
		s := newSTS(t, func(n int64, r *http.Request) (int, string) {
			if status == 200 {
				return numbered(c)(n, r)
			}
			return status, body
		})
		x := exchange(t, s, c)
		var source client.Source = &client.Cache{Dir: filepath.Join(t.TempDir(), "kept"), Source: x, Early: client.DefaultEarly}
		if kind == "memory" {
			source = &client.Refreshing{Source: x, Early: client.DefaultEarly, Now: c.Now, Sleep: c.Sleep}
		}
		get := func(want string, wantErr client.Kind) {
			t.Helper()
			got, err := source.Credentials(t.Context())
			if want != "" {
				if err != nil || got.AccessKeyID != want {
					t.Errorf("%s: %v, %v; want %s", kind, got, err, want)
				}
				return
			}
			wantKind(t, err, wantErr, "")
		}
		get("ASIA1", 0)
		c.advance(56 * time.Minute)
		status, body = 503, refuses("ServiceUnavailable", "x")
		get("ASIA1", 0)
		c.advance(time.Minute)
		status, body = 403, refuses("AccessDenied", "x")
		get("", client.Denied)
		c.advance(4 * time.Minute)
		status = 503
		body = refuses("ServiceUnavailable", "x")
		get("", client.Unreachable)
		status = 200
		got, err := source.Credentials(t.Context())
		if err != nil || got.AccessKeyID == "ASIA1" {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
	}
}

// endpoint serves a source as "daypass exec --refresh" does.
func endpoint(t *testing.T, source client.Source) (e *client.Endpoint, address string) {
	t.Helper()
	var handler http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	e, err := client.NewEndpoint(source, s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	handler = e
	return e, s.URL
}

func variable(t *testing.T, e *client.Endpoint, name string) string {
	t.Helper()
	for _, v := range e.Variables() {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	t.Fatalf("no variable %s", name)
	return ""
}

// ask asks the endpoint, with changes.
func ask(t *testing.T, e *client.Endpoint, change func(*http.Request)) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, variable(t, e, "AWS_CONTAINER_CREDENTIALS_FULL_URI"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", variable(t, e, "AWS_CONTAINER_AUTHORIZATION_TOKEN"))
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return answer.StatusCode, members
}

// TestEndpointRefuses: who has not the token, has another name for the address, or
// does not get, has nothing.
func TestEndpointRefuses(t *testing.T) {
	t.Parallel()
	c := newClock()
	e, _ := endpoint(t, exchange(t, newSTS(t, numbered(c)), c))
	for want, change := range map[int]func(*http.Request){
		http.StatusOK:               nil,
		http.StatusUnauthorized:     func(r *http.Request) { r.Header.Del("Authorization") },
		http.StatusForbidden:        func(r *http.Request) { r.Host = "evil.example.com" },
		http.StatusNotFound:         func(r *http.Request) { r.URL.Path = "/" },
		http.StatusMethodNotAllowed: func(r *http.Request) { r.Method = http.MethodPost },
	} {
		status, members := ask(t, e, change)
		if _, has := members["SecretAccessKey"]; status != want || has != (want == http.StatusOK) {
			t.Errorf("%d: status %d, %v", want, status, members)
		}
		if want == http.StatusOK && (members["Token"] != "session" || members["AccountId"] != "111122223333" || members["RoleArn"] != assumed("x")) {
			t.Errorf("%v", members)
		}
	}
	status, _ := ask(t, e, func(r *http.Request) { r.Header.Set("Authorization", r.Header.Get("Authorization")+"x") })
	if status != http.StatusUnauthorized {
		t.Errorf("a longer token: %d", status)
	}
}

// TestThreeHours: a job of three hours asks every ten seconds, and at each time has
// credentials that have not expired, while STS is down for ten minutes.
func TestThreeHours(t *testing.T) {
	t.Parallel()
	c := newClock()
	began := c.Now()
	s := newSTS(t, func(n int64, r *http.Request) (int, string) {
		if at := c.Now().Sub(began); at > 40*time.Minute && at < 50*time.Minute {
			return 503, refuses("ServiceUnavailable", "x")
		}
		return numbered(c)(n, r)
	})
	x := exchange(t, s, c)
	x.STS.Sleep = func(context.Context, time.Duration) error { return nil }
	e, _ := endpoint(t, &client.Refreshing{Source: x, Early: client.EndpointEarly, Now: c.Now, Sleep: c.Sleep})
	keys := map[any]bool{}
	for c.Now().Sub(began) < 3*time.Hour {
		status, members := ask(t, e, nil)
		expires, err := time.Parse(time.RFC3339, fmt.Sprint(members["Expiration"]))
		if status != 200 || err != nil || !expires.After(c.Now()) {
			t.Fatalf("after %s: status %d, %v, %v", c.Now().Sub(began), status, members, err)
		}
		keys[members["AccessKeyId"]] = true
		c.advance(10 * time.Second)
	}
	if len(keys) < 4 || s.asked.Load() > 200 {
		t.Errorf("%d keys, STS was asked %d times", len(keys), s.asked.Load())
	}
}

// TestRun: credentials are replaced before anybody asks.
func TestRun(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newSTS(t, numbered(c))
	slept := 0
	r := &client.Refreshing{Source: exchange(t, s, c), Early: client.EndpointEarly, Now: c.Now}
	r.Sleep = func(_ context.Context, d time.Duration) error {
		if slept++; slept > 4 {
			return errors.New("over")
		}
		c.advance(d)
		return nil
	}
	if _, err := r.Credentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Run(t.Context())
	if n := s.asked.Load(); n != 5 {
		t.Errorf("STS was asked %d times", n)
	}
}

// TestPrint: each form is one that its shell reads as the same values; a value that a
// shell would change is refused.
func TestPrint(t *testing.T) {
	t.Parallel()
	given := client.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "s/+'x", SessionToken: "t=="}
	for format, want := range map[client.Format]string{
		client.Sh:         `export AWS_SECRET_ACCESS_KEY='s/+'\''x'`,
		client.Fish:       `set -gx AWS_SECRET_ACCESS_KEY 's/+\'x'`,
		client.PowerShell: `$Env:AWS_SECRET_ACCESS_KEY = 's/+''x'`,
		client.Cmd:        `set "AWS_SECRET_ACCESS_KEY=s/+'x"`,
		client.Dotenv:     `AWS_SECRET_ACCESS_KEY=s/+'x`,
	} {
		text, err := given.Print(format, []string{"AWS_PROFILE"})
		if err != nil || !strings.Contains(text, want) || strings.Contains(text, "AWS_PROFILE") != (format != client.Dotenv) {
			t.Errorf("%s: %q, %v", format, text, err)
		}
		if abort := client.Abort(format, 41); strings.Contains(abort, "41") != (format != client.Dotenv) {
			t.Errorf("%s: aborts with %q", format, abort)
		}
	}
	for _, bad := range []client.Credentials{{SecretAccessKey: "a\nb"}, {SessionToken: "a\rb"}} {
		for _, format := range client.Formats[:5] {
			if text, err := bad.Print(format, nil); err == nil {
				t.Errorf("%s: %q", format, text)
			}
		}
	}
	if text, err := (client.Credentials{SecretAccessKey: "%PATH%"}).Print(client.Cmd, nil); err == nil {
		t.Errorf("cmd: %q", text)
	}
	if _, err := given.Print("tcsh", nil); err == nil {
		t.Error("tcsh is a form")
	}
}

// TestScrub: nothing is left by which an SDK would take other credentials.
func TestScrub(t *testing.T) {
	t.Parallel()
	environ := []string{"PATH=/bin", "AWS_PROFILE=x", "AWS_ACCESS_KEY_ID=AKIA", "AWS_REGION=eu-west-1", "AWS_WEB_IDENTITY_TOKEN_FILE=/t", "AWS_ROLE_ARN=r", "AWS_SESSION_TOKEN=old", "AWS_SECRET_ACCESS_KEY=old"}
	with, removed := client.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "s", SessionToken: "t"}.Environ(environ)
	text := strings.Join(with, " ")
	if len(removed) != 6 || strings.Contains(text, "old") || strings.Contains(text, "AKIA") || strings.Contains(text, "AWS_PROFILE") || strings.Contains(text, "AWS_ROLE_ARN") ||
		!strings.HasPrefix(text, "PATH=/bin AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=ASIA AWS_SECRET_ACCESS_KEY=s AWS_SESSION_TOKEN=t") {
		t.Errorf("%s; removed %v", text, removed)
	}
}
