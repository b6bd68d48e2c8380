package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
)

// TestHostileAnswers: what a server answers is shown, and steers nothing.
func TestHostileAnswers(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-nobody")
	t.Setenv("AWS_SESSION_TOKEN", "a-token-of-nobody")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	fault := func(message string) string {
		return "<ErrorResponse><Error><Code>AccessDenied</Code><Message>" + message + "</Message></Error></ErrorResponse>"
	}
	list := func(member string) string {
		return "<ListRevocationsResponse><ListRevocationsResult><Revocations>" + member + "</Revocations></ListRevocationsResult></ListRevocationsResponse>"
	}
	for name, c := range map[string]struct {
		status int
		body   string
		code   int
		want   string // all of both outputs, "" for what begins with "daypass: URL"
	}{
		"explained": {403, fault("No.\n\nWhy: nobody\tasked\ndocument 1: p"), 1, "daypass: No; allow daypass:ListRevocations in a policy of the caller, or call as the administrator (AccessDenied)\nWhy: nobody\uFFFDasked\ndocument 1: p\n"},
		"steering":  {403, fault("\u009b2J\u202e"), 1, "daypass: \uFFFD2J\uFFFD; allow daypass:ListRevocations in a policy of the caller, or call as the administrator (AccessDenied)\n"},
		"wordless":  {403, fault(""), 1, "daypass: the server refuses; allow daypass:ListRevocations in a policy of the caller, or call as the administrator (AccessDenied)\n"},
		"a member":  {200, list("<member><RevocationId>r</RevocationId><Kind>token</Kind><TokenId>a\tb&#xA;c</TokenId></member>"), 0, "REVOCATION  KIND   OF         ISSUED BEFORE  CREATED  UNTIL  PROVIDER  REASON\nr           token  \"a\\tb\\nc\"  -              -        -      -         -\n"},
		"another":   {200, "<RevokeSessionsResponse/>", 1, ""},
		"half":      {200, list("<member>")[:60], 1, ""},
		"no XML":    {200, "{}", 1, ""},
		"a page":    {502, "<html><body>Bad gateway</body></html>", 1, ""},
		"empty":     {500, "", 1, ""},
		"redirect":  {302, "", 1, ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if signed := r.Header.Get("Authorization"); !strings.Contains(signed, "/us-east-1/daypass/aws4_request") || !strings.Contains(signed, "x-amz-security-token") {
				t.Errorf("%s: signed by %q", name, signed)
			}
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		var out bytes.Buffer
		code := run(t.Context(), []string{"sessions", "revocations", "--endpoint-url", server.URL + "/"}, nil, &out, &out)
		got := out.String()
		if code != c.code || c.want != "" && got != c.want || c.want == "" && !strings.HasPrefix(got, "daypass: "+server.URL+"/ ") {
			t.Errorf("%s: exit code %d\n%s", name, code, got)
		}
		if strings.Contains(got, "of-nobody") {
			t.Errorf("%s: the output tells a secret:\n%s", name, got)
		}
		server.Close()
	}
}

// TestHostileSession: a jti is whatever the issuer says.
func TestHostileSession(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := printSessions(&out, []*issued{{Key: "ASIA", Origin: audit.Origin{TokenID: "a\nASIAFORGED\x1b[2J"}}}, false, time.Unix(0, 0))
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); err != nil || len(lines) != 2 || !strings.HasSuffix(lines[1], `"a\nASIAFORGED\x1b[2J"`) {
		t.Errorf("error %v\n%s", err, out.String())
	}
}
