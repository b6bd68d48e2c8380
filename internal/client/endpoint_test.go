package client_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/client"
)

// fixed is a source of one answer.
type fixed struct {
	c   client.Credentials
	err error
}

func (f *fixed) Credentials(context.Context) (client.Credentials, error) { return f.c, f.err }

// TestEndpoint: who has the token has the credentials, in the form that SDKs read, and
// nobody else has anything.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	source := &fixed{c: client.Credentials{
		AccessKeyID: "ASIA1", SecretAccessKey: "hidden", SessionToken: "hidden-too", Expiration: now.Add(time.Hour),
		AssumedRoleARN: "arn:aws:sts::123456789012:assumed-role/deploy/s",
	}}
	e, err := client.NewEndpoint(source, "127.0.0.1:7")
	if err != nil {
		t.Fatal(err)
	}
	environ, removed := e.Environ([]string{"AWS_PROFILE=x", "A=1"})
	set := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		set[name] = value
	}
	secret := set["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
	if set["AWS_CONTAINER_CREDENTIALS_FULL_URI"] != "http://127.0.0.1:7/credentials" || len(secret) < 32 || set["A"] != "1" || len(set) != 3 || len(removed) != 1 {
		t.Fatalf("%d variables, without %q", len(set), removed)
	}
	ask := func(method, url, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, url, nil)
		if token != "" {
			r.Header.Set("Authorization", token)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w
	}
	const url = "http://127.0.0.1:7/credentials"
	for _, tt := range []struct {
		method, url, token string
		want               int
	}{
		{http.MethodGet, url, "", http.StatusUnauthorized},
		{http.MethodGet, url, secret[1:], http.StatusUnauthorized},
		{http.MethodGet, url, "Bearer " + secret, http.StatusUnauthorized},
		{http.MethodGet, "http://attacker.example:7/credentials", secret, http.StatusForbidden},
		{http.MethodGet, "http://localhost:7/credentials", secret, http.StatusForbidden},
		{http.MethodGet, "http://127.0.0.1:7/", secret, http.StatusNotFound},
		{http.MethodPost, url, secret, http.StatusMethodNotAllowed},
		{http.MethodGet, url, secret, http.StatusOK},
	} {
		w := ask(tt.method, tt.url, tt.token)
		if w.Code != tt.want || tt.want != http.StatusOK && strings.Contains(w.Body.String(), "hidden") {
			t.Errorf("%s %s: %d %s, want %d", tt.method, tt.url, w.Code, w.Body, tt.want)
		}
	}
	var got struct{ AccessKeyId, SecretAccessKey, Token, Expiration, AccountId string }
	if err := json.Unmarshal(ask(http.MethodGet, url, secret).Body.Bytes(), &got); err != nil ||
		got.AccessKeyId != "ASIA1" || got.SecretAccessKey != "hidden" || got.Token != "hidden-too" || got.Expiration != "2026-11-26T13:00:00Z" || got.AccountId != "123456789012" {
		t.Errorf("credentials are %+v, %v", got, err)
	}
	for kind, want := range map[client.Kind]int{client.Denied: http.StatusBadRequest, client.Unreachable: http.StatusInternalServerError} {
		source.err = &client.Error{Kind: kind, Code: "AccessDenied", Message: "no"}
		if w := ask(http.MethodGet, url, secret); w.Code != want || strings.Contains(w.Body.String(), "hidden") {
			t.Errorf("kind %d: %d %s, want %d", kind, w.Code, w.Body, want)
		}
	}
}
