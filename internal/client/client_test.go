package client_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/client"
)

const (
	role   = "arn:aws:iam::111122223333:role/ci/deploy"
	second = "arn:aws:iam::444455556666:role/release"
)

// token makes what looks like an ID token; nobody here verifies one.
func token(t testing.TB, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(`{"alg":"RS256"}`)) + "." + e(payload) + "." + e([]byte("signature"))
}

func gitlabToken(t testing.TB, aud string) string {
	return token(t, map[string]any{
		"iss": "https://gitlab.example.com", "aud": aud, "sub": "project_path:g/p:ref_type:branch:ref:main",
		"project_id": "7", "pipeline_id": "8", "job_id": "9", "exp": 4102444800,
	})
}

// clock is a time that moves only when somebody sleeps.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.advance(d)
	return ctx.Err()
}

// stsServer answers as STS does, with what answer says, and counts.
type stsServer struct {
	*httptest.Server
	asked  atomic.Int64
	answer func(n int64, r *http.Request) (status int, body string)
}

func newSTS(t testing.TB, answer func(n int64, r *http.Request) (int, string)) *stsServer {
	t.Helper()
	s := &stsServer{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		status, body := s.answer(s.asked.Add(1), r)
		w.Header().Set("X-Amzn-Requestid", "the-request")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s
}

// gives is STS's reply with credentials.
func gives(operation, key, arn string, expires time.Time) string {
	return fmt.Sprintf(`<%sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult>
<AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>%s</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>%s</Expiration></Credentials>
</%[1]sResult></%[1]sResponse>`, operation, arn, key, expires.UTC().Format(time.RFC3339))
}

func refuses(code, message string) string {
	return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error></ErrorResponse>`
}

func assumed(session string) string {
	return "arn:aws:sts::111122223333:assumed-role/deploy/" + session
}

// exchange asks the server for the role.
func exchange(t testing.TB, s *stsServer, c *clock) *client.Exchange {
	t.Helper()
	api, err := client.STSFrom(map[string]string{}, "eu-central-1", s.URL, "aws")
	if err != nil {
		t.Fatal(err)
	}
	api.Now, api.Sleep, api.Random = c.Now, c.Sleep, func() float64 { return 0.5 }
	find := client.Find{Env: map[string]string{"GITLAB_CI": "true", "ID_TOKEN": gitlabToken(t, "a")}}
	tokens, err := find.TokenSource()
	if err != nil {
		t.Fatal(err)
	}
	return &client.Exchange{STS: api, Tokens: tokens, RoleARN: role}
}

// wantKind asks for an error of the kind that does not tell a secret.
func wantKind(t testing.TB, err error, kind client.Kind, text string) *client.Error {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(err.Error(), text) {
		t.Fatalf("error %v, want kind %d with %q", err, kind, text)
	}
	if strings.Contains(err.Error(), "eyJ") {
		t.Errorf("the error tells a token: %v", err)
	}
	return e
}

// TestChain: the second role is asked for with the credentials of the first, and its
// session has the same name.
func TestChain(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newSTS(t, func(n int64, r *http.Request) (int, string) {
		if name := r.Form.Get("RoleSessionName"); name != "gitlab-7-8-9" {
			t.Errorf("session name %q", name)
		}
		switch r.Form.Get("Action") {
		case "AssumeRoleWithWebIdentity":
			if r.Header.Get("Authorization") != "" || r.Form.Get("RoleArn") != role || r.Form.Get("DurationSeconds") != "1800" || r.Form.Get("Policy") != "{}" {
				t.Errorf("first asks %v, signed %q", r.Form, r.Header.Get("Authorization"))
			}
			return 200, gives("AssumeRoleWithWebIdentity", "ASIAFIRST", assumed("x"), c.Now().Add(time.Hour))
		case "AssumeRole":
			if !strings.Contains(r.Header.Get("Authorization"), "Credential=ASIAFIRST/20261126/eu-central-1/sts/") && !strings.Contains(r.Header.Get("Authorization"), "Credential=ASIAFIRST/") {
				t.Errorf("signed %q", r.Header.Get("Authorization"))
			}
			if r.Form.Get("ExternalId") != "e" || r.Form.Get("Tags.member.1.Key") != "team" || r.Form.Get("RoleArn") != second {
				t.Errorf("second asks %v", r.Form)
			}
			return 200, gives("AssumeRole", "ASIASECOND", "arn:aws:sts::444455556666:assumed-role/release/x", c.Now().Add(time.Hour))
		}
		t.Errorf("asks %d: %v", n, r.Form)
		return 400, ""
	})
	x := exchange(t, s, c)
	x.Duration, x.Policy = 30*time.Minute, "{}"
	x.Then = []client.Hop{{RoleARN: second, ExternalID: "e", Tags: map[string]string{"team": "data"}}}
	x.Expect = client.Expectation{Account: "444455556666", ARN: second, Left: 10 * time.Minute}
	got, err := x.Credentials(t.Context())
	if err != nil || got.AccessKeyID != "ASIASECOND" {
		t.Fatalf("%v, %v", got, err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", got, got, got, got); strings.Contains(text, "secret") || strings.Contains(text, "session ") {
		t.Errorf("%s tells a secret", text)
	}
}

// TestExpectations: credentials that are not those expected are none.
func TestExpectations(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newSTS(t, func(int64, *http.Request) (int, string) {
		return 200, gives("AssumeRoleWithWebIdentity", "ASIAFIRST", assumed("x"), c.Now().Add(time.Hour))
	})
	for want, e := range map[string]client.Expectation{
		"":                                 {Account: "111122223333", ARN: role, Left: time.Hour},
		"of the account 111122223333":      {Account: "444455556666"},
		"and " + second + " was":           {ARN: second},
		"good for 1h0m0s":                  {Left: time.Hour + time.Second},
		"arn:aws:sts::111122223333:assume": {ARN: assumed("y")},
	} {
		x := exchange(t, s, c)
		x.Expect = e
		got, err := x.Credentials(t.Context())
		if want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantKind(t, err, client.Unexpected, want)
		if got != (client.Credentials{}) {
			t.Errorf("%+v gives credentials", e)
		}
	}
	for expected, got := range map[string]string{
		role: "arn:aws:sts::111122223333:assumed-role/deploy2/x", "arn:aws-cn:iam::111122223333:role/deploy": assumed("x"), "arn:aws:iam::1:role/deploy": assumed("x"), "": "nonsense",
	} {
		e := client.Expectation{ARN: expected}
		wantKind(t, e.CheckARN(got), client.Unexpected, "")
	}
}

// TestRetries: what can pass is asked again, with pauses, five times; what is final
// once.
func TestRetries(t *testing.T) {
	t.Parallel()
	keys := "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	for name, k := range map[string]struct {
		status  int
		body    string
		asked   int64
		kind    client.Kind
		text    string
		waiting time.Duration
	}{
		"denied":             {403, refuses("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"), 1, client.Denied, "AccessDenied: Not authorized", 0},
		"denied and waiting": {403, refuses("AccessDenied", "Not authorized"), 0, client.Denied, "AccessDenied", time.Minute},
		"expired":            {400, refuses("ExpiredTokenException", "Token expired"), 1, client.Denied, "ExpiredTokenException", time.Minute},
		"no provider":        {400, refuses("InvalidIdentityToken", "No OpenIDConnect provider found in your account for x"), 1, client.Denied, "InvalidIdentityToken", 0},
		"keys":               {400, refuses("InvalidIdentityToken", keys), 5, client.Unreachable, "Couldn't retrieve", 0},
		"issuer":             {400, refuses("IDPCommunicationError", "x"), 5, client.Unreachable, "IDPCommunicationError", 0},
		"throttled":          {400, refuses("Throttling", "Rate exceeded"), 5, client.Unreachable, "Throttling", 0},
		"broken":             {503, "<html>", 5, client.Unreachable, "", 0},
		"not STS":            {200, "<html></html>", 1, client.Unreachable, "", 0},
		"redirect":           {302, "", 1, client.Unreachable, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			began := c.Now()
			s := newSTS(t, func(int64, *http.Request) (int, string) { return k.status, k.body })
			x := exchange(t, s, c)
			x.STS.WaitPropagation = k.waiting
			_, err := x.Credentials(t.Context())
			e := wantKind(t, err, k.kind, k.text)
			asked := s.asked.Load()
			if k.waiting > 0 && k.asked == 0 {
				if waited := c.Now().Sub(began); asked < 5 || waited < k.waiting || waited > k.waiting+10*time.Second {
					t.Errorf("asked %d times in %s", asked, waited)
				}
			} else if k.asked > 1 && asked != k.asked || k.asked == 1 && asked > 5 || k.asked == 1 && k.kind == client.Denied && asked != 1 {
				t.Errorf("asked %d times, want %d", asked, k.asked)
			}
			if k.kind == client.Denied && (e.RequestID != "the-request" || e.Role != role || e.Token.Claim("sub") == "") {
				t.Errorf("error %+v", e)
			}
		})
	}
	c := newClock()
	s := newSTS(t, func(n int64, _ *http.Request) (int, string) {
		if n < 3 {
			return 500, refuses("InternalFailure", "x")
		}
		return 200, gives("AssumeRoleWithWebIdentity", "ASIAFIRST", assumed("x"), c.Now().Add(time.Hour))
	})
	if _, err := exchange(t, s, c).Credentials(t.Context()); err != nil || s.asked.Load() != 3 {
		t.Errorf("%v after %d questions", err, s.asked.Load())
	}
}

func TestSessionName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 100)
	env := map[string]string{"CI_JOB_ID": "12", "LONG": long + "1", "LONGER": long + "2", "ODD": "a b/ü:c"}
	jwt, err := client.NewToken(gitlabToken(t, "a"), "")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for template, want := range map[string]string{
		"": "gitlab-7-8-9", "x-{env:CI_JOB_ID}-{job_id}": "x-12-9", "{env:ODD}": "a-b-c-6802f9", "plain": "plain", "{env:LONG}": "*", "{env:LONGER}": "*",
	} {
		got, err := client.SessionName(template, jwt, env)
		if err != nil || want != "*" && got != want || len(got) > 64 || names[got] {
			t.Errorf("%q: %q, %v; want %q", template, got, err, want)
		}
		names[got] = true
	}
	for _, template := range []string{"x", "{none}", "{env:NONE}x", "é", "--"} {
		if got, err := client.SessionName(template, jwt, env); err == nil {
			t.Errorf("%q gives %q", template, got)
		}
	}
	other, err := client.NewToken(token(t, map[string]any{"iss": "x"}), "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := client.SessionName("", other, nil); err != nil || !strings.HasPrefix(got, "daypass-") {
		t.Errorf("%q, %v", got, err)
	}
}

// TestFind: which token is taken in which environment, and what is an error.
func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte(gitlabToken(t, "file")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	actions := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" || r.URL.Query().Get("api-version") != "2" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"count": 1, "value": gitlabToken(t, r.URL.Query().Get("audience"))})
	}))
	t.Cleanup(actions.Close)
	a, b := gitlabToken(t, "a"), gitlabToken(t, "b")
	for name, k := range map[string]struct {
		find     client.Find
		audience string // of the token; "" is an error
		text     string
	}{
		"named":               {client.Find{Env: map[string]string{"X": a}, EnvName: "X"}, "a", ""},
		"named, not there":    {client.Find{EnvName: "X"}, "", "no variable X"},
		"the token itself":    {client.Find{EnvName: a}, "", "takes the name of a variable"},
		"both":                {client.Find{EnvName: "X", File: "y"}, "", "not both"},
		"file":                {client.Find{File: file}, "file", ""},
		"no file":             {client.Find{File: filepath.Join(dir, "none")}, "", "no such file"},
		"empty":               {client.Find{Env: map[string]string{"X": " "}, EnvName: "X"}, "", "X is empty"},
		"not a token":         {client.Find{Env: map[string]string{"X": "secret"}, EnvName: "X"}, "", "is no ID token"},
		"GitLab":              {client.Find{Env: map[string]string{"GITLAB_CI": "true", "A": a, "CI_JOB_TOKEN": b, "Y": "z"}}, "a", ""},
		"GitLab, two":         {client.Find{Env: map[string]string{"GITLAB_CI": "true", "A": a, "B": b}}, "", "A (aud a), B (aud b); say which"},
		"GitLab, one fits":    {client.Find{Env: map[string]string{"GITLAB_CI": "true", "A": a, "B": b}, Audience: "b"}, "b", ""},
		"GitLab, none fits":   {client.Find{Env: map[string]string{"GITLAB_CI": "true", "A": a}, Audience: "c"}, "", "none of this job's ID tokens is for the audience c: A (aud a)"},
		"not GitLab":          {client.Find{Env: map[string]string{"A": a}}, "", "there is no ID token here"},
		"web identity file":   {client.Find{Env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": file}}, "file", ""},
		"of the runner":       {client.Find{Env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": file, "GITLAB_CI": "true", "A": a}}, "", "two tokens could be meant"},
		"the same":            {client.Find{Env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": file, "GITLAB_CI": "true", "A": gitlabToken(t, "file")}}, "file", ""},
		"GitHub":              {client.Find{Env: map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": actions.URL + "/x?api-version=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}}, "sts.amazonaws.com", ""},
		"GitHub, audience":    {client.Find{Env: map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": actions.URL + "/x?api-version=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}, Audience: "mine"}, "mine", ""},
		"GitHub, refused":     {client.Find{Env: map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": actions.URL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}}, "", "403"},
		"GitHub, not allowed": {client.Find{Env: map[string]string{"GITHUB_ACTIONS": "true"}}, "", "id-token: write"},
		"Buildkite":           {client.Find{Env: map[string]string{"BUILDKITE": "true", "BUILDKITE_JOB_ID": "j"}}, "buildkite-agent oidc request-token --audience sts.amazonaws.com", ""},
		"CircleCI":            {client.Find{Env: map[string]string{"CIRCLECI": "true", "CIRCLE_OIDC_TOKEN_V2": a, "CIRCLE_OIDC_TOKEN": b}}, "a", ""},
		"CircleCI, audience":  {client.Find{Env: map[string]string{"CIRCLECI": "true", "CIRCLE_OIDC_TOKEN_V2": a}, Audience: "mine"}, `circleci run oidc get --claims {"aud":"mine"}`, ""},
		"CircleCI, none":      {client.Find{Env: map[string]string{"CIRCLECI": "true"}}, "", "uses a context"},
		"Bitbucket":           {client.Find{Env: map[string]string{"BITBUCKET_STEP_OIDC_TOKEN": b}}, "b", ""},
		"Kubernetes, none":    {client.Find{Env: map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}}, "", "no service account token for AWS"},
	} {
		k.find.HTTP = actions.Client()
		k.find.Run = func(_ context.Context, name string, args ...string) (string, error) {
			return gitlabToken(t, name+" "+strings.Join(args, " ")), nil
		}
		var got *client.Token
		tokens, err := k.find.TokenSource()
		if err == nil {
			got, err = tokens.Token(t.Context())
		}
		if k.audience == "" {
			wantKind(t, err, client.NoToken, k.text)
			continue
		}
		if err != nil || strings.Join(got.Audience(), ",") != k.audience {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestEndpoints: where STS is asked, and which endpoints are refused.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		env              map[string]string
		region, endpoint string
		want, wantRegion string
		fault            string
	}{
		"nothing":           {want: "", wantRegion: "us-east-1"},
		"region":            {env: map[string]string{"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "x"}, wantRegion: "eu-west-1"},
		"default region":    {env: map[string]string{"AWS_DEFAULT_REGION": "eu-west-3"}, wantRegion: "eu-west-3"},
		"flag":              {env: map[string]string{"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL_STS": "https://x"}, region: "eu-north-1", endpoint: "https://y", wantRegion: "eu-north-1", want: "https://y"},
		"for STS":           {env: map[string]string{"AWS_ENDPOINT_URL_STS": "https://x", "AWS_ENDPOINT_URL": "https://y"}, want: "https://x", wantRegion: "us-east-1"},
		"for all":           {env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:8350"}, want: "http://127.0.0.1:8350", wantRegion: "us-east-1"},
		"ignored":           {env: map[string]string{"AWS_ENDPOINT_URL": "https://y", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, wantRegion: "us-east-1"},
		"legacy":            {env: map[string]string{"AWS_STS_REGIONAL_ENDPOINTS": "legacy", "AWS_REGION": "eu-west-1"}, want: "https://sts.amazonaws.com", wantRegion: "us-east-1"},
		"legacy, new":       {env: map[string]string{"AWS_STS_REGIONAL_ENDPOINTS": "legacy", "AWS_REGION": "eu-south-1"}, wantRegion: "eu-south-1"},
		"odd":               {env: map[string]string{"AWS_STS_REGIONAL_ENDPOINTS": "x"}, fault: "AWS knows regional and legacy"},
		"in the clear":      {endpoint: "http://sts.example.com", fault: "is not https"},
		"no URL":            {endpoint: "sts.example.com", fault: "is no URL"},
		"with a query":      {endpoint: "https://sts.example.com?x", fault: "more than scheme"},
		"no authorities":    {env: map[string]string{"AWS_CA_BUNDLE": "/nonexistent"}, fault: "AWS_CA_BUNDLE"},
		"empty authorities": {env: map[string]string{"AWS_CA_BUNDLE": "/dev/null"}, fault: "no certificate"},
	} {
		s, err := client.STSFrom(k.env, k.region, k.endpoint, "aws")
		if k.fault != "" {
			if err == nil || !strings.Contains(err.Error(), k.fault) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || s.Endpoint != k.want || s.Region != k.wantRegion {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}
