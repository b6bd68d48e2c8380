package sigv4_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/daypass/daypass/internal/sigv4"
)

// TestSignS3 signs what the SDK signs, gets the same signature, and verifies it.
func TestSignS3(t *testing.T) {
	const id, secret = "AKIAEXAMPLEEXAMPLE00", "a secret access key"
	now := time.Date(2026, 9, 1, 23, 59, 58, 0, time.UTC)
	for _, target := range []string{
		"/", "/bucket/key", "/bucket/a%20b/../%C3%A9//c%2Bd", "/bucket?list-type=2&prefix=a%20b%2F&delimiter=%2F", "/bucket/key?tagging",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://store.internal"+target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		r.Header.Set("X-Amz-Meta-Colour", "  blue   and red ")
		r.Header.Set("Content-Md5", "1B2M2Y8AsgTpgAmY7PhCfg==")
		ours := &sigv4.Request{Method: r.Method, RequestURI: r.URL.RequestURI(), Host: r.Host, Header: r.Header.Clone(), PayloadHash: "UNSIGNED-PAYLOAD"}
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		if err := signer.SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r, "UNSIGNED-PAYLOAD", "s3", "eu-central-1", now); err != nil {
			t.Fatal(err)
		}
		if err := sigv4.SignS3(ours, id, secret, "eu-central-1", now); err != nil {
			t.Fatal(err)
		}
		header := http.Header(ours.Header)
		if got, want := header.Get("Authorization"), r.Header.Get("Authorization"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", target, got, want)
		}
		parsed, err := sigv4.ParseS3(ours)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parsed.Verify(ours, secret); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		header.Set("X-Amz-Meta-Colour", "red")
		if _, err := parsed.Verify(ours, secret); err == nil {
			t.Errorf("%s: another header verifies", target)
		}
	}
}

// TestSignS3Refuses does not sign by nothing.
func TestSignS3Refuses(t *testing.T) {
	r := &sigv4.Request{Method: "GET", RequestURI: "/", Host: "h", Header: map[string][]string{}, PayloadHash: "UNSIGNED-PAYLOAD"}
	if err := sigv4.SignS3(r, "id", "", "r", time.Time{}); err == nil {
		t.Error("it signs without a secret")
	}
	r.PayloadHash = ""
	if err := sigv4.SignS3(r, "id", "secret", "r", time.Time{}); err == nil {
		t.Error("it signs without a hash")
	}
}
