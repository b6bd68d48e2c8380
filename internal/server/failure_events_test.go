package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
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
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.endpoint+"/", strings.NewReader(c.body+c.after))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", c.contentType)
		if c.signer != nil {
			request.ContentLength = int64(len(c.body + c.after))
			service := "sts"
			if strings.Contains(c.body, "2010-05-08") {
				service = "iam"
			}
			if err := v4.NewSigner().SignHTTP(t.Context(), *c.signer, request, hashOf(c.body), service, "us-east-1", c.at); err != nil {
				t.Fatal(err)
			}
		}
		reply, err := r.client.Do(request)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_, _ = io.Copy(io.Discard, reply.Body)
		_ = reply.Body.Close()
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
		if e.Status != c.status || reply.StatusCode != c.status || c.fault != "" && e.Fault != c.fault || e.SourceIP == "" {
			t.Errorf("%s: answered %d, on the record as %s", c.name, reply.StatusCode, lines[before])
		}
	}
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}
