package server

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/daypass/daypass/internal/awsapi"
)

// TestForwardedScheme: what a trusted proxy says of its client's connection counts, and
// not its own connection; what others say counts for nothing.
func TestForwardedScheme(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, says string
		tls, want  bool
	}{
		{"10.0.0.1:1", "https", false, true},
		{"10.0.0.1:1", "HTTPS", false, true},
		{"10.0.0.1:1", "http", true, false},
		{"10.0.0.1:1", "https, http", true, false}, // the proxy writes at the end
		{"10.0.0.1:1", "", true, true},
		{"10.0.0.1:1", "", false, false},
		{"192.0.2.1:1", "https", false, false},
		{"192.0.2.1:1", "http", true, true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.TLS = tt.from, nil
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if tt.says != "" {
			r.Header.Set("X-Forwarded-Proto", tt.says)
		}
		asked, got := false, false
		f := forwarded{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked, got = true, awsapi.IsOverTLS(r) }), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		f.ServeHTTP(httptest.NewRecorder(), r)
		if !asked || got != tt.want {
			t.Errorf("%+v: over TLS is %v", tt, got)
		}
	}
}
