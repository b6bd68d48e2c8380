package metrics

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/tracing"
)

// TestNames: what the manual and the example name, a server tells, and the manual
// names all that it tells.
func TestNames(t *testing.T) {
	t.Parallel()
	m := New(Build{Version: "v", GoVersion: "go"})
	now := time.Unix(1795722059, 0)
	m.Watch(Sources{
		Now: func() time.Time { return now }, InFlight: func() int64 { return 0 },
		Issuers: func() []jwks.IssuerStatus {
			return []jwks.IssuerStatus{{Issuer: "https://gitlab.example.com", Fetched: now, Expires: now}}
		},
		Directory: func() Directory { return Directory{Revision: 1, Fresh: now} }, SessionKeyRotated: func() time.Time { return now },
		Traces: func() tracing.Counts { return tracing.Counts{} }, FreeBytes: func() int64 { return 1 }, Sinks: func() []Sink { return []Sink{{Name: "siem"}} }, Record: func() Record { return Record{} }, Ready: func() map[string]bool { return map[string]bool{"store": true} },
	})
	m.Event(&audit.Event{Time: now, Service: "sts", Operation: webIdentity, Status: 200, IssuedKey: "ASIA"}, nil)
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	name := regexp.MustCompile(`\bdaypass_[a-z_]+`)
	recorded := regexp.MustCompile(`\w+:\w+:\w+`) // names of recording rules
	told := map[string]bool{}
	for _, n := range name.FindAllString(answer.Body.String(), -1) {
		told[n] = true
	}
	named := map[string]bool{}
	for _, path := range []string{filepath.Join("docs", "monitoring.md"), filepath.Join("examples", "monitoring", "alerts.yaml"), filepath.Join("examples", "monitoring", "rules.yaml"), filepath.Join("examples", "monitoring", "dashboard.json")} {
		text, err := os.ReadFile(filepath.Join("..", "..", path))
		if err != nil {
			t.Fatal(err)
		}
		found := name.FindAllString(recorded.ReplaceAllString(string(text), ""), -1)
		if len(found) < 4 {
			t.Errorf("%s names %d metrics", path, len(found))
		}
		for _, n := range found {
			named[n] = true
			if !told[n] {
				t.Errorf("%s names %s, which no server tells", path, n)
			}
		}
	}
	for n := range told {
		if base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(n, ""); !named[base] && !named[n] {
			t.Errorf("the manual does not name %s", n)
		}
	}
}
