package server_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/audit/sink"
	"github.com/daypass/daypass/internal/server"
)

// TestRetention: events that are too old are removed once the sink has had them, not
// before; the record is sound all the while, also against the end that the store keeps.
func TestRetention(t *testing.T) {
	t.Parallel()
	s := newSIEM(t)
	s.setDown(true)
	c := newConfig(t.TempDir())
	c.AdminListen = "127.0.0.1:0"
	at := time.Now().Add(-30 * 24 * time.Hour)
	c.Now = func() time.Time { return at }
	c.Retention = audit.Retention{For: 48 * time.Hour}
	config := s.sink(t, false)
	config.Bounds, config.FromBeginning = sink.Bounds{Events: 1000}, true
	c.Sinks = []sink.Config{config}
	run := func(requests int, meanwhile func(r *running, metrics func() string)) *running {
		t.Helper()
		r := mustStart(t, c)
		admin := r.admin(t, c.DataDir)
		for range requests { // unsigned, and on the record
			if status, _ := r.get(t, r.endpoint+"/?Action=GetCallerIdentity&Version=2011-06-15", ""); status != http.StatusForbidden {
				t.Errorf("a request is answered with %d", status)
			}
		}
		meanwhile(r, func() string { _, body := r.get(t, admin+"/metrics", ""); return body })
		r.mustStop(t)
		v, err := server.VerifyRecord(t.Context(), c.DataDir, "")
		if err != nil || !v.Sound() || v.Kept != 1 {
			t.Errorf("verified: %+v, %v", v, err)
		}
		return r
	}
	files := func() int {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(c.DataDir, "events-*.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	nothing := func(*running, func() string) {}
	run(5, nothing)
	at = at.Add(72 * time.Hour)
	r := run(0, nothing)
	if files() != 1 || !strings.Contains(r.log.String(), "kept beyond their time or size") {
		t.Errorf("%d files wait for the sink: %s", files(), r.log)
	}
	s.setDown(false)
	r = run(2, func(*running, func() string) {
		soon(t, "the sink has all", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.lines) >= 7 })
	})
	if files() != 0 || !strings.Contains(r.log.String(), "removed events that need not be kept any more") {
		t.Errorf("%d files are left: %s", files(), r.log)
	}
	v, err := server.VerifyRecord(t.Context(), c.DataDir, "")
	if err != nil || len(v.Findings) != 1 || !strings.Contains(v.Findings[0].Message, "those before were removed") {
		t.Errorf("verified: %+v, %v", v, err)
	}
	run(1, func(_ *running, metrics func() string) {
		if body := metrics(); !strings.Contains(body, "daypass_audit_retention_held 0\n") {
			t.Errorf("metrics: %s", body)
		}
	})

	c.EventsFile, c.Sinks = "-", nil
	if _, err := start(t, c); err == nil || !strings.Contains(err.Error(), "it cannot remove; let events be a file") {
		t.Errorf("with events on stdout: %v", err)
	}
}
