package client_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/client"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// jwt is a token with these claims; nobody here verifies signatures.
func jwt(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("signature"))
}

func tokenFor(aud string) string {
	return jwt(fmt.Sprintf(`{"iss":"https://gitlab.example.com","sub":"s","aud":%q,"exp":1795694400}`, aud))
}

// TestFind asks for the place that a token is found in, or for the words of the error.
func TestFind(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(tokenFor("file")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gitlab := func(pairs ...string) map[string]string {
		env := map[string]string{"GITLAB_CI": "true", "CI_JOB_JWT_V2": tokenFor("old"), "OTHER": "no token"}
		for i := 0; i < len(pairs); i += 2 {
			env[pairs[i]] = pairs[i+1]
		}
		return env
	}
	tests := []struct {
		name  string
		find  client.Find
		from  string
		wrong string
	}{
		{"named variable", client.Find{Env: map[string]string{"T": tokenFor("a")}, EnvName: "T"}, "the variable T", ""},
		{"no such variable", client.Find{EnvName: "T"}, "", "there is no variable T"},
		{"token for a name", client.Find{EnvName: tokenFor("a")}, "", "takes the name of a variable and not the token"},
		{"named file", client.Find{File: file}, "the file " + file, ""},
		{"both", client.Find{File: file, EnvName: "T"}, "", "not both"},
		{"AWS's file", client.Find{Env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": file}}, "the file " + file, ""},
		{"GitLab, one", client.Find{Env: gitlab("A", tokenFor("x"))}, "the variable A", ""},
		{"GitLab, one of two", client.Find{Env: gitlab("A", tokenFor("x"), "B", tokenFor("y")), Audience: "y"}, "the variable B", ""},
		{"GitLab, two", client.Find{Env: gitlab("A", tokenFor("x"), "B", tokenFor("y"))}, "", "several ID tokens: A (aud x), B (aud y)"},
		{"GitLab, two that fit", client.Find{Env: gitlab("A", tokenFor("x"), "B", jwt(`{"aud":["x"],"sub":"2"}`)), Audience: "x"}, "", "A (aud x), B (aud x)"},
		{"GitLab, one under two names", client.Find{Env: gitlab("A", tokenFor("x"), "B", tokenFor("x"))}, "the variable A", ""},
		{"GitLab, none fits", client.Find{Env: gitlab("A", tokenFor("x")), Audience: "z"}, "", "none of this job's ID tokens is for the audience z: A (aud x)"},
		{"GitLab, and a runner's own", client.Find{Env: gitlab("A", tokenFor("x"), "AWS_WEB_IDENTITY_TOKEN_FILE", file)}, "", "two tokens could be meant"},
		{"GitHub without permission", client.Find{Env: map[string]string{"GITHUB_ACTIONS": "true"}}, "", "id-token: write"},
		{"CircleCI", client.Find{Env: map[string]string{"CIRCLECI": "true", "CIRCLE_OIDC_TOKEN": tokenFor("1"), "CIRCLE_OIDC_TOKEN_V2": tokenFor("2")}}, "the variable CIRCLE_OIDC_TOKEN_V2", ""},
		{"Bitbucket", client.Find{Env: map[string]string{"BITBUCKET_STEP_OIDC_TOKEN": tokenFor("1")}}, "the variable BITBUCKET_STEP_OIDC_TOKEN", ""},
		{"nothing", client.Find{}, "", "there is no ID token here"},
		{"no token in it", client.Find{Env: map[string]string{"T": "secret"}, EnvName: "T"}, "", "the variable T is no ID token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			source, err := tt.find.TokenSource()
			var token *client.Token
			if err == nil {
				token, err = source.Token(t.Context())
			}
			var known *client.Error
			switch {
			case tt.wrong == "" && err != nil:
				t.Fatal(err)
			case tt.wrong == "" && token.From != tt.from:
				t.Errorf("found in %q, want %q", token.From, tt.from)
			case tt.wrong != "" && (!errors.As(err, &known) || known.Kind != client.NoToken || !strings.Contains(err.Error(), tt.wrong)):
				t.Errorf("error is %v, want one of NoToken with %q", err, tt.wrong)
			}
			if text := fmt.Sprintf("%v %+v %#v %v", token, token, token, err); strings.Contains(text, "eyJ") {
				t.Errorf("the token is in %q", text)
			}
		})
	}
}

// TestFindAgents has the CI system make a token, anew for each exchange.
func TestFindAgents(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	ci := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "Bearer permit" || r.URL.Query().Get("audience") != "aud of mine" || r.URL.Query().Get("api-version") != "2" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if asked.Load() == 1 { // it is known to
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = fmt.Fprintf(w, `{"value":%q}`, tokenFor("aud of mine"))
	}))
	defer ci.Close()
	env := map[string]string{"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": ci.URL + "/token?api-version=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "permit"}
	source, err := (&client.Find{Env: env, Audience: "aud of mine", HTTP: ci.Client()}).TokenSource()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		token, err := source.Token(t.Context())
		if err != nil || token.Audience()[0] != "aud of mine" {
			t.Fatalf("%v, %v", token, err)
		}
	}
	if asked.Load() != 3 {
		t.Errorf("asked %d times, want 3: once more after its own error, and afresh for the second", asked.Load())
	}

	var ran []string
	run := func(_ context.Context, name string, args ...string) (string, error) {
		ran = append([]string{name}, args...)
		return tokenFor("x") + "\n", nil
	}
	for want, find := range map[string]*client.Find{
		"buildkite-agent oidc request-token --audience sts.amazonaws.com": {Env: map[string]string{"BUILDKITE": "true", "BUILDKITE_JOB_ID": "1"}, Run: run},
		`circleci run oidc get --claims {"aud":"x"}`:                      {Env: map[string]string{"CIRCLECI": "true", "CIRCLE_WORKFLOW_JOB_ID": "1"}, Audience: "x", Run: run},
	} {
		source, err := find.TokenSource()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := source.Token(t.Context()); err != nil || strings.Join(ran, " ") != want {
			t.Errorf("ran %q, want %q: %v", ran, want, err)
		}
	}
}

// TestSessionName: names are AWS's, and two jobs stay two.
func TestSessionName(t *testing.T) {
	t.Parallel()
	gitlab, err := client.NewToken(jwt(`{"sub":"s","project_id":"20","pipeline_id":"7","job_id":"9","ref":"feature/a","long":"`+strings.Repeat("x", 80)+`"}`), "a test")
	if err != nil {
		t.Fatal(err)
	}
	other, err := client.NewToken(jwt(`{"sub":"system:serviceaccount:a:b"}`), "a test")
	if err != nil {
		t.Fatal(err)
	}
	valid := regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	for _, tt := range []struct {
		template string
		token    *client.Token
		want     string // a regular expression; "" for an error
	}{
		{"", gitlab, `^gitlab-20-7-9$`},
		{"", other, `^daypass-system-serviceaccount-a-b-[0-9a-f]{12}-[0-9a-f]{6}$`},
		{"{ref}-{env:N}", gitlab, `^feature-a-1-[0-9a-f]{6}$`},
		{"{long}-{job_id}", gitlab, `^x+-9-[0-9a-f]{6}$`},
		{"plain", gitlab, `^plain$`},
		{"{nonesuch}", gitlab, ""},
		{"{env:M}", gitlab, ""},
		{"/", gitlab, ""},
	} {
		got, err := client.SessionName(tt.template, tt.token, map[string]string{"N": "1"})
		if tt.want == "" && err == nil || tt.want != "" && (err != nil || !valid.MatchString(got) || !regexp.MustCompile(tt.want).MatchString(got)) {
			t.Errorf("%q: %q, %v; want %s", tt.template, got, err, tt.want)
		}
	}
	a, _ := client.SessionName("a/b", gitlab, nil)
	b, _ := client.SessionName("a-b", gitlab, nil)
	if a == b {
		t.Errorf("a/b and a-b are both %s", a)
	}
}

// TestSTSFrom: where a token is sent.
func TestSTSFrom(t *testing.T) {
	t.Parallel()
	type env = map[string]string
	for _, tt := range []struct {
		name                        string
		env                         env
		region, endpoint, partition string
		wantRegion, wantEndpoint    string
		wrong                       string
	}{
		{"nothing", nil, "", "", "aws", "us-east-1", "", ""},
		{"China", nil, "", "", "aws-cn", "cn-north-1", "", ""},
		{"GovCloud", nil, "", "", "aws-us-gov", "us-gov-west-1", "", ""},
		{"AWS_REGION before AWS_DEFAULT_REGION", env{"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "x"}, "", "", "aws", "eu-west-1", "", ""},
		{"default region", env{"AWS_DEFAULT_REGION": "eu-west-3"}, "", "", "aws", "eu-west-3", "", ""},
		{"flag first", env{"AWS_REGION": "eu-west-1"}, "eu-west-2", "", "aws", "eu-west-2", "", ""},
		{"another partition", env{"AWS_REGION": "eu-west-1"}, "", "", "aws-cn", "", "", "the role is of the partition aws-cn"},
		{"own endpoint has no partition", env{"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "https://sts.example.com"}, "", "", "aws-cn", "eu-west-1", "https://sts.example.com", ""},
		{"the service's endpoint first", env{"AWS_ENDPOINT_URL": "https://a", "AWS_ENDPOINT_URL_STS": "https://b"}, "", "", "aws", "us-east-1", "https://b", ""},
		{"endpoints ignored", env{"AWS_ENDPOINT_URL": "https://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "", "", "aws", "us-east-1", "", ""},
		{"legacy", env{"AWS_REGION": "eu-west-1", "AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, "", "", "aws", "us-east-1", "https://sts.amazonaws.com", ""},
		{"legacy, newer region", env{"AWS_REGION": "eu-south-1", "AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, "", "", "aws", "eu-south-1", "", ""},
		{"neither", env{"AWS_STS_REGIONAL_ENDPOINTS": "x"}, "", "", "aws", "", "", "regional and legacy"},
		{"no region's name", nil, "evil.example/", "", "aws", "", "", "is not written as AWS's are"},
		{"in the clear", nil, "", "http://sts.example.com", "aws", "", "", "not https"},
		{"loopback", nil, "", "http://127.0.0.1:1", "aws", "us-east-1", "http://127.0.0.1:1", ""},
		{"no URL", nil, "", "sts.example.com", "aws", "", "", "is no URL"},
	} {
		s, err := client.STSFrom(tt.env, tt.region, tt.endpoint, tt.partition)
		switch {
		case tt.wrong != "":
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: error is %v, want %q", tt.name, err, tt.wrong)
			}
		case err != nil || s.Region != tt.wantRegion || s.Endpoint != tt.wantEndpoint:
			t.Errorf("%s: %+v, %v", tt.name, s, err)
		}
	}
}

// fault is an answer of STS.
func fault(code, message string) string {
	return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`
}

const answer = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE00</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey><SessionToken>hidden-too</SessionToken><Expiration>2026-11-26T13:00:00Z</Expiration></Credentials>
<AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/deploy/s</Arn></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`

// TestRetry: what another try can help is tried again, and nothing else.
func TestRetry(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   string
		wait   time.Duration
		tries  int32
		kind   client.Kind
	}{
		{"denied", 403, fault("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"), 0, 1, client.Denied},
		{"denied, a new role", 403, fault("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"), time.Minute, 6, client.Denied},
		{"expired", 400, fault("ExpiredTokenException", "Token expired: current date/time 2 must be before the expiration date/time 1"), 0, 1, client.Denied},
		{"keys", 400, fault("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"), 0, 5, client.Unreachable},
		{"issuer", 400, fault("IDPCommunicationError", "no answer"), 0, 5, client.Unreachable},
		{"throttled", 400, fault("Throttling", "Rate exceeded"), 0, 5, client.Unreachable},
		{"server", 500, fault("InternalFailure", "sorry"), 0, 5, client.Unreachable},
		{"no STS", 502, "<html>bad gateway</html>", 0, 5, client.Unreachable},
		{"parameters", 400, fault("ValidationError", "too long"), 0, 1, client.Denied},
		{"half an answer", 200, strings.Replace(answer, "<SecretAccessKey>hidden</SecretAccessKey>", "", 1), 0, 1, client.Unreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.Header().Set("Content-Type", "text/xml")
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer server.Close()
			x := exchangeAt(t, server.URL)
			x.STS.WaitPropagation = tt.wait
			c, err := x.Credentials(t.Context())
			var known *client.Error
			if !errors.As(err, &known) || known.Kind != tt.kind || c != (client.Credentials{}) {
				t.Errorf("%v, %v; want kind %d and no credentials", c, err, tt.kind)
			}
			if got := asked.Load(); tt.wait == 0 && got != tt.tries || tt.wait > 0 && got < tt.tries {
				t.Errorf("asked %d times, want %d", got, tt.tries)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), "eyJ") {
				t.Errorf("the token is in %v", err)
			}
		})
	}
}

// exchangeAt asks the STS at a URL, on a clock that each pause moves.
func exchangeAt(t *testing.T, url string) *client.Exchange {
	t.Helper()
	s, err := client.STSFrom(nil, "", url, "aws")
	if err != nil {
		t.Fatal(err)
	}
	var passed atomic.Int64
	s.Now = func() time.Time { return now.Add(time.Duration(passed.Load())) }
	s.Sleep = func(ctx context.Context, d time.Duration) error { passed.Add(int64(d)); return ctx.Err() }
	s.Random = func() float64 { return 0.5 }
	tokens, err := (&client.Find{Env: map[string]string{"T": tokenFor("a")}, EnvName: "T"}).TokenSource()
	if err != nil {
		t.Fatal(err)
	}
	return &client.Exchange{STS: s, Tokens: tokens, RoleARN: "arn:aws:iam::123456789012:role/deploy"}
}

// TestExpectations: credentials that are not those that were expected are not given.
func TestExpectations(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
	defer server.Close()
	for _, tt := range []struct {
		expect client.Expectation
		ok     bool
	}{
		{client.Expectation{}, true},
		{client.Expectation{Account: "123456789012", ARN: "arn:aws:iam::123456789012:role/path/deploy", Left: time.Hour}, true},
		{client.Expectation{ARN: "arn:aws:sts::123456789012:assumed-role/deploy/s"}, true},
		{client.Expectation{Account: "123456789013"}, false},
		{client.Expectation{ARN: "arn:aws:iam::123456789012:role/deploy2"}, false},
		{client.Expectation{ARN: "arn:aws:iam::123456789012:role/dep"}, false},
		{client.Expectation{Left: time.Hour + time.Second}, false},
	} {
		x := exchangeAt(t, server.URL)
		x.Expect = tt.expect
		c, err := x.Credentials(t.Context())
		var known *client.Error
		if tt.ok && (err != nil || c.AccessKeyID == "") || !tt.ok && (!errors.As(err, &known) || known.Kind != client.Unexpected || c.AccessKeyID != "") {
			t.Errorf("%+v: %v, %v", tt.expect, c, err)
		}
		if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "hidden") {
			t.Errorf("a secret is in %q", text)
		}
	}
}
