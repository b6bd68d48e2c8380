package secretsmanager_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/sigv4"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// BenchmarkGetSecretValue is a value from a signed request to its reply, without a
// network: signature, decision, one record of the store, opened.
func BenchmarkGetSecretValue(b *testing.B) {
	benchmark(b, 1, "GetSecretValue", `{"SecretId":"secret0"}`)
}

// BenchmarkListSecrets is one page of 10,000 secrets.
func BenchmarkListSecrets(b *testing.B) { benchmark(b, 10_000, "ListSecrets", `{"SortBy":"name"}`) }

func benchmark(b *testing.B, secrets int, operation, body string) {
	f := start(b)
	putSecrets(b, f, secrets, func(i int) string { return fmt.Sprintf("many/%06d", i) }, f.now.Add(-time.Hour))
	f.create(b, "secret0", "value")
	credentials, err := f.AdminConfig.Credentials.Retrieve(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "secretsmanager."+operation)
	if err := v4.NewSigner().SignHTTP(b.Context(), credentials, r, sigv4.HashPayload([]byte(body)), "secretsmanager", f.AdminConfig.Region, f.now); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		again := r.Clone(b.Context())
		again.Body = io.NopCloser(strings.NewReader(body))
		w := httptest.NewRecorder()
		f.Handler.ServeHTTP(w, again)
		if w.Code != http.StatusOK {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}
