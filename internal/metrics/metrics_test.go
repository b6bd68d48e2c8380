package metrics_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/metrics"
)

var at = time.Date(2026, 11, 26, 12, 0, 30, 0, time.UTC)

func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func want(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			name, _, _ = strings.Cut(name, " ")
			var near []string
			for l := range strings.Lines(text) {
				if strings.HasPrefix(l, name) {
					near = append(near, l)
				}
			}
			t.Errorf("no line %s; there are\n%s", line, strings.Join(near, ""))
		}
	}
}

func TestRequestsAreCountedByTheirEvents(t *testing.T) {
	t.Parallel()
	m, second := metrics.New(metrics.Build{Version: "v1", GoVersion: "go1"}), metrics.New(metrics.Build{})
	good := audit.Event{
		Time: at, Service: "sts", Operation: "AssumeRoleWithWebIdentity", Status: 200, Issuer: "https://gitlab.example",
		Provider: "arn:aws:iam::1:oidc-provider/gitlab.example", IssuedKey: "ASIA1", Duration: 80 * time.Microsecond,
	}
	m.Event(&good, nil)
	m.Event(&good, nil)
	m.Event(&good, errors.New("disk full"))
	m.Event(&audit.Event{Time: at, Service: "sts", Operation: "AssumeRoleWithWebIdentity", Status: 403, Fault: "AccessDenied", Code: "AccessDenied", Decision: "ImplicitDeny", Issuer: good.Issuer, Provider: good.Provider}, nil)
	m.Event(&audit.Event{Time: at, Service: "sts", Operation: "AssumeRoleWithWebIdentity", Status: 400, Fault: "Modelled", Code: "InvalidIdentityToken", Issuer: "https://evil.example/\n"}, nil)
	m.Event(&audit.Event{Time: at, Status: 400, Fault: "InvalidInput"}, nil)
	m.Event(&audit.Event{Time: at, Service: "s3", Operation: "GetObject", Status: 500, Fault: "x y", Code: `"made up"`}, nil)
	m.StoreError(metrics.StoreRead)
	text := scrape(t, m)
	want(t, text,
		`daypass_requests_total{code="",operation="AssumeRoleWithWebIdentity",outcome="success",service="sts"} 2`,
		`daypass_requests_total{code="",operation="AssumeRoleWithWebIdentity",outcome="failed",service="sts"} 1`,
		`daypass_requests_total{code="AccessDenied",operation="AssumeRoleWithWebIdentity",outcome="denied",service="sts"} 1`,
		`daypass_requests_total{code="InvalidInput",operation="",outcome="failed",service=""} 1`,
		`daypass_requests_total{code="other",operation="GetObject",outcome="failed",service="s3"} 1`,
		`daypass_token_exchanges_total{issuer="https://gitlab.example",outcome="success"} 2`,
		`daypass_token_exchanges_total{issuer="https://gitlab.example",outcome="denied"} 1`,
		`daypass_token_exchanges_total{issuer="unregistered",outcome="failed"} 1`,
		`daypass_sessions_issued_total{operation="AssumeRoleWithWebIdentity"} 2`,
		`daypass_denials_total{cause="no_allow"} 1`, `daypass_denials_total{cause="unknown_issuer"} 1`, `daypass_denials_total{cause="signature"} 0`,
		`daypass_request_duration_seconds_bucket{operation="AssumeRoleWithWebIdentity",service="sts",le="0.0001"} 5`,
		`daypass_audit_events_total 6`, `daypass_audit_write_errors_total 1`, `daypass_store_errors_total{call="read"} 1`,
		`daypass_build_info{goversion="go1",version="v1"} 1`)
	if strings.Contains(text, "evil.example") || strings.Contains(text, "made up") {
		t.Error("what a stranger made up is a label")
	}
	if other := scrape(t, second); strings.Contains(other, "AssumeRole") {
		t.Error("two servers share their counts")
	}
}

// A stranger's requests, and a store's replies, must not make series without end.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Build{})
	for i := range 5000 {
		m.Event(&audit.Event{
			Time: at, Service: "s3", Operation: fmt.Sprintf("Op%d", i), Code: fmt.Sprintf("Code%d", i), Fault: "x", Status: 400,
		}, nil)
		m.Event(&audit.Event{
			Time: at, Service: "sts", Operation: "AssumeRoleWithWebIdentity", Status: 200, Issuer: fmt.Sprintf("https://%d.example", i), Provider: "arn",
		}, nil)
	}
	text := scrape(t, m)
	if n := strings.Count(text, "\ndaypass_requests_total{"); n > 1500 {
		t.Errorf("%d series of requests", n)
	}
	if n := strings.Count(text, "\ndaypass_token_exchanges_total{"); n != 201 {
		t.Errorf("%d series of exchanges, want 200 issuers and the others", n)
	}
	want(t, text, `daypass_token_exchanges_total{issuer="other",outcome="success"} 4800`)
}

func TestSources(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Build{})
	m.Watch(metrics.Sources{
		Now: func() time.Time { return at }, InFlight: func() int64 { return 3 },
		Issuers: func() []jwks.IssuerStatus {
			return []jwks.IssuerStatus{
				{Issuer: "https://a.example", Keys: 2, Fetches: 5, Failures: 1, Fetched: at.Add(-time.Minute), Expires: at.Add(time.Hour)},
				{Issuer: "https://b.example", Fetches: 1, Failures: 1, Failure: jwks.ErrUnreachable},
				{Issuer: "https://c.example", File: true, Keys: 1},
			}
		},
		Directory: func() metrics.Directory {
			return metrics.Directory{Revision: 7, Fresh: at.Add(-2 * time.Second), Problems: 1}
		},
		SessionKeyRotated: func() time.Time { return at.Add(-time.Hour) },
		FreeBytes:         func() int64 { return 1 << 20 },
		Ready:             func() map[string]bool { return map[string]bool{"store": true, "record": false} },
	})
	text := scrape(t, m)
	want(t, text,
		`daypass_requests_in_flight 3`, `daypass_issuer_keys{issuer="https://a.example"} 2`, `daypass_issuer_fetch_errors_total{issuer="https://a.example"} 1`,
		`daypass_issuer_keys_age_seconds{issuer="https://a.example"} 60`, `daypass_issuer_keys_expire_seconds{issuer="https://a.example"} 3600`,
		`daypass_issuer_failing{issuer="https://b.example"} 1`, `daypass_issuer_keys{issuer="https://c.example"} 1`,
		`daypass_directory_revision 7`, `daypass_directory_age_seconds 2`, `daypass_directory_problems 1`,
		`daypass_session_key_age_seconds 3600`, `daypass_data_free_bytes 1.048576e+06`, `daypass_ready{check="store"} 1`, `daypass_ready{check="record"} 0`)
	if strings.Contains(text, `keys_age_seconds{issuer="https://b.example"}`) {
		t.Error("keys that never came have an age")
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Build{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 250 {
				m.Event(&audit.Event{Time: at, Service: "sts", Operation: "AssumeRoleWithWebIdentity", Status: 200, IssuedKey: "ASIA", Duration: time.Duration(i+1) * time.Millisecond}, nil)
			}
		})
	}
	all.Wait()
	m.Event(&audit.Event{Time: at.Add(time.Minute), Fault: "AccessDenied", Status: 403, Duration: time.Hour}, nil)
	m.Event(&audit.Event{Time: at.Add(time.Minute), Fault: "Internal", Status: 500}, nil)
	m.Event(&audit.Event{Time: at.Add(-metrics.HistoryMinutes * time.Minute), Status: 200}, nil) // its slot is taken

	minutes := m.History.Last(at.Add(2*time.Minute), 4)
	if len(minutes) != 4 || !minutes[0].Start.Equal(at.Truncate(time.Minute).Add(-time.Minute)) || minutes[0].Requests != 0 || minutes[3].Requests != 0 {
		t.Fatalf("minutes are %+v", minutes)
	}
	busy, bad := minutes[1], minutes[2]
	if busy.Requests != 1000 || busy.Succeeded != 1000 || busy.Exchanges != 1000 || busy.Sessions != 1000 || busy.Max != 250*time.Millisecond {
		t.Errorf("the busy minute is %+v", busy)
	}
	for got, want := range map[time.Duration]time.Duration{busy.P50: 125 * time.Millisecond, busy.P90: 225 * time.Millisecond, busy.P99: 248 * time.Millisecond} {
		if ratio := float64(got) / float64(want); ratio < 0.88 || ratio > 1.13 {
			t.Errorf("a quantile is %v, want about %v", got, want)
		}
	}
	if bad.Requests != 2 || bad.Denied != 1 || bad.Failed != 1 || bad.Max != time.Hour || bad.Sessions != 0 {
		t.Errorf("the bad minute is %+v", bad)
	}
	if got := m.History.Last(at.Add(24*time.Hour), metrics.HistoryMinutes+5); len(got) != metrics.HistoryMinutes || got[0].Requests != 0 {
		t.Errorf("a day later %d minutes are told", len(got))
	}
}

// BenchmarkEvent is what counting costs on the way of a request.
func BenchmarkEvent(b *testing.B) {
	m := metrics.New(metrics.Build{})
	e := audit.Event{
		Time: at, Service: "sts", Operation: "AssumeRoleWithWebIdentity", Status: 200, Issuer: "https://gitlab.example",
		Provider: "arn:aws:iam::1:oidc-provider/gitlab.example", IssuedKey: "ASIA1", Duration: 80 * time.Microsecond,
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Event(&e, nil)
		}
	})
}
