package sts_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/sigv4"
	"github.com/daypass/daypass/internal/sts"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// serve runs the whole front door in this process, event included.
func serve(b *testing.B, f *fixture, request func() *http.Request, holds string) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		f.Handler.ServeHTTP(w, request())
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), holds) {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}

func newRequest(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

// BenchmarkAssumeRoleWithWebIdentity trades an RS256 token, its issuer's keys
// cached, for credentials.
func BenchmarkAssumeRoleWithWebIdentity(b *testing.B) {
	f := startWith(b, awsapitest.Options{Events: io.Discard})
	body := form(f.token(b)).Encode()
	serve(b, f, func() *http.Request { return newRequest(body) }, "<SessionToken>")
}

// BenchmarkGetCallerIdentity verifies a session's signature.
func BenchmarkGetCallerIdentity(b *testing.B) {
	f := startWith(b, awsapitest.Options{Events: io.Discard})
	a := f.wantAssumed(b, f.assume(b, f.token(b)))
	body := url.Values{"Action": {"GetCallerIdentity"}, "Version": {sts.Version}}.Encode()
	signed := newRequest(body)
	if err := v4.NewSigner().SignHTTP(b.Context(), a.credentials(), signed, sigv4.HashPayload([]byte(body)), "sts", awsapitest.Region, f.clock.Now()); err != nil {
		b.Fatal(err)
	}
	serve(b, f, func() *http.Request {
		r := newRequest(body)
		r.Header = signed.Header
		return r
	}, a.ARN)
}
