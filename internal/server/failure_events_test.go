package server_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestEveryFailureIsOnTheRecord: a request that fails, at whatever step, has one event
// with its status and its fault, also where AWS CloudTrail has none.
func TestEveryFailureIsOnTheRecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := mustStart(t, newConfig(dir))
	own, err := r.administrator(t, dir).Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unknown, wrong, session := own, own, own
	unknown.AccessKeyID, wrong.SecretAccessKey, session.SessionToken = "AKIAIOSFODNN7EXAMPLE", "wrong", "none"
	const form, caller = "application/x-www-form-urlencoded", "Action=GetCallerIdentity&Version=2011-06-15"
	exchange := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::123456789012:role/nobody"},
		"RoleSessionName": {"job"}, "WebIdentityToken": {"aaaa.bbbb.cccc"},
	}.Encode()
	for _, c := range []struct {
		name, body, contentType string
		signer                  *aws.Credentials
		at                      time.Time
		after                   string // sent behind what was signed
		status                  int
		fault                   string
	}{
		{"unsigned", caller, form, nil, time.Time{}, "", 403, "MissingAuthentication"},
		{"an unknown key", caller, form, &unknown, time.Now(), "", 403, "UnknownAccessKey"},
		{"another secret", caller, form, &wrong, time.Now(), "", 403, "SignatureMismatch"},
		{"no session", caller, form, &session, time.Now(), "", 403, "UnknownAccessKey"},
		{"an old signature", caller, form, &own, time.Now().Add(-time.Hour), "", 403, "ClockSkew"},
		{"another body", caller, form, &own, time.Now(), "&X=y", 403, "SignatureMismatch"},
		{"no such operation", "Action=Nothing&Version=2011-06-15", form, &own, time.Now(), "", 400, "UnknownOperation"},
		{"a token that is none", exchange, form, nil, time.Time{}, "", 400, "Modelled"},
		{"a parameter that is none", "Action=GetRole&Version=2010-05-08", form, &own, time.Now(), "", 400, "InvalidInput"},
		{"no such role", "Action=GetRole&RoleName=nobody&Version=2010-05-08", form, &own, time.Now(), "", 404, "Modelled"},
		{"a body that cannot be read", "Action=%zz", form, nil, time.Time{}, "", 400, "MalformedInput"},
		{"a body that is too large", strings.Repeat("a", 10_000_001), form, nil, time.Time{}, "", 413, ""},
		{"no form", "{}", "text/plain", nil, time.Time{}, "", 302, ""},
	} {
		before := strings.Count(read(t, dir, "events.jsonl"), "\n")
		status := r.post(t, c.body, c.after, c.contentType, c.signer, c.at)
		lines := bytes.Split(bytes.TrimSpace([]byte(read(t, dir, "events.jsonl"))), []byte("\n"))
		if len(lines) != before+1 {
			t.Errorf("%s: %d events", c.name, len(lines)-before)
			continue
		}
		var e struct {
			Status          int
			Fault, SourceIP string
		}
		if err := json.Unmarshal(lines[before], &e); err != nil {
			t.Fatal(err)
		}
		if e.Status != c.status || status != c.status || c.fault != "" && e.Fault != c.fault || e.SourceIP == "" {
			t.Errorf("%s: answered %d, on the record as %s", c.name, status, lines[before])
		}
	}
}

// post sends a body, signed where there is who signs, and gives the status of the reply.
func (r *running) post(t *testing.T, body, after, contentType string, signer *aws.Credentials, at time.Time) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.endpoint+"/", strings.NewReader(body+after))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	if signer != nil {
		request.ContentLength = int64(len(body + after))
		service := "sts"
		if strings.Contains(body, "2010-05-08") {
			service = "iam"
		}
		if err := v4.NewSigner().SignHTTP(t.Context(), *signer, request, hashOf(body), service, "us-east-1", at); err != nil {
			t.Fatal(err)
		}
	}
	reply, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, reply.Body)
	_ = reply.Body.Close()
	return reply.StatusCode
}

// TestFailuresOfJobsAreOnTheRecord: what a job's token and session are refused, with the
// job behind it wherever the token says so, though AWS's record has no such token.
func TestFailuresOfJobsAreOnTheRecord(t *testing.T) {
	t.Parallel()
	i, _ := serveIssuer(t, t.TempDir())
	stranger, _ := serveIssuer(t, t.TempDir())
	dir := t.TempDir()
	c := newConfig(dir)
	var ahead atomic.Int64
	c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	r := mustStart(t, c)
	admin := iamclient.NewFromConfig(r.administrator(t, dir))
	provider, err := admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String(i.Issuer.URL()), ClientIDList: []string{"aud"}, ThumbprintList: []string{i.Thumbprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	const sub = "project_path:mygroup/myproject:ref_type:branch:ref:main"
	trust(t, admin, "branch", *provider.OpenIDConnectProviderArn, sub)
	trust(t, admin, "tag", *provider.OpenIDConnectProviderArn, "project_path:mygroup/myproject:ref_type:tag:ref:main")
	token := func(of *instance.Instance, audience string, at time.Time) string {
		t.Helper()
		text, err := of.Issuer.IDToken(newJob(t, of.Issuer.URL(), func(*gitlab.Job) {}), []string{audience}, at, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	good := token(i, "aud", time.Now())
	given, err := stsclient.NewFromConfig(r.config(aws.Credentials{})).AssumeRoleWithWebIdentity(t.Context(), &stsclient.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/branch"), RoleSessionName: aws.String("job-1"), WebIdentityToken: &good,
	})
	if err != nil {
		t.Fatal(err)
	}
	session := aws.Credentials{AccessKeyID: *given.Credentials.AccessKeyId, SecretAccessKey: *given.Credentials.SecretAccessKey, SessionToken: *given.Credentials.SessionToken}
	const form = "application/x-www-form-urlencoded"
	for _, failure := range []struct {
		name string
		do   func()
		want map[string]string
	}{
		{"an ID token that is over", func() { r.exchange(t, "branch", token(i, "aud", time.Now().Add(-3*time.Hour))) }, map[string]string{"code": "ExpiredTokenException", "subject": sub}},
		{"one for somebody else", func() { r.exchange(t, "branch", token(i, "other", time.Now())) }, map[string]string{"code": "InvalidIdentityToken", "subject": sub}},
		{"one of an issuer that is no provider", func() { r.exchange(t, "branch", token(stranger, "aud", time.Now())) }, map[string]string{"code": "InvalidIdentityToken", "issuer": stranger.Issuer.URL()}},
		{"one that was changed", func() { r.exchange(t, "branch", good[:len(good)-8]+"AAAAAAAA") }, map[string]string{"code": "InvalidIdentityToken", "subject": sub}},
		{"one that the role does not trust", func() { r.exchange(t, "tag", good) }, map[string]string{"code": "AccessDenied", "decision": "ImplicitDeny", "subject": sub}},
		{"a request that no policy allows", func() {
			r.post(t, "Action=ListRoles&Version=2010-05-08", "", form, &session, time.Now())
		}, map[string]string{"code": "AccessDenied", "fault": "AccessDenied", "decision": "ImplicitDeny", "origin": "mygroup/myproject"}},
		{"a session that is over", func() {
			ahead.Store(int64(2 * time.Hour))
			r.post(t, "Action=GetCallerIdentity&Version=2011-06-15", "", form, &session, c.Now())
		}, map[string]string{"code": "ExpiredToken", "fault": "ExpiredCredentials", "accessKeyId": session.AccessKeyID}},
	} {
		before := strings.Count(read(t, dir, "events.jsonl"), "\n")
		failure.do()
		lines := strings.Split(strings.TrimSpace(read(t, dir, "events.jsonl")), "\n")
		if len(lines) != before+1 {
			t.Errorf("%s: %d events", failure.name, len(lines)-before)
			continue
		}
		var e map[string]any
		if err := json.Unmarshal([]byte(lines[before]), &e); err != nil {
			t.Fatal(err)
		}
		for member, want := range failure.want {
			got, _ := e[member].(string)
			if origin, ok := e[member].(map[string]any); ok {
				got, _ = origin["project"].(string)
			}
			if got != want {
				t.Errorf("%s: %s is %q, want %q: %s", failure.name, member, got, want, lines[before])
			}
		}
		if reason, _ := e["reason"].(string); reason == "" || e["status"].(float64) < 400 {
			t.Errorf("%s: no reason: %s", failure.name, lines[before])
		}
	}
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}
