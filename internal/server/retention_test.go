package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/audit/sink"
	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/store"
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
		if err != nil || !v.Sound() || v.Kept == 0 {
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

	// What another process has left is kept by the same rule, and the store has its end.
	c.Sinks = nil
	run(0, func(*running, func() string) {
		left, err := audit.Open(filepath.Join(c.DataDir, "events.jsonl"), audit.Options{SegmentBytes: 300})
		if err != nil || filepath.Base(left.Path()) != "events.2.jsonl" {
			t.Fatalf("%v, %v", left, err)
		}
		for range 5 {
			if err := left.Write(&audit.Event{Time: at.Add(-100 * time.Hour), Service: "sts", Operation: "GetCallerIdentity", Status: 200}); err != nil {
				t.Fatal(err)
			}
		}
		if err := left.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if found, err := filepath.Glob(filepath.Join(c.DataDir, "events.2-*.jsonl")); err != nil || len(found) != 0 {
		t.Errorf("left are %q, %v", found, err)
	}
	v, err = server.VerifyRecord(t.Context(), c.DataDir, "")
	if err != nil || !v.Sound() || v.Kept != 2 || len(v.Findings) != 2 {
		t.Errorf("verified: %+v, %v", v, err)
	}
	// As of a node that ended after it had removed them, and before the store had the end.
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	change(t, c.DataDir, func(tx store.Tx) error {
		return tx.Delete(store.RecordEndID(host, filepath.Join(c.DataDir, "events.2.jsonl")))
	})
	run(0, nothing)
	if v, err = server.VerifyRecord(t.Context(), c.DataDir, ""); err != nil || v.Kept != 2 {
		t.Errorf("the store's end of a record that was left: %+v, %v", v, err)
	}
	// Where its end is not as the store has it, nothing goes.
	text := read(t, c.DataDir, "events.2.jsonl")
	write(t, filepath.Join(c.DataDir, "events.2-0000000000000006.jsonl"), strings.Replace(text, "RetireAuditEvents", "CreateUser", 1))
	write(t, filepath.Join(c.DataDir, "events.2.jsonl"), "")
	at = at.Add(100 * time.Hour)
	r = mustStart(t, c)
	r.mustStop(t)
	if !strings.Contains(r.log.String(), "events.2.jsonl does not have the event with which it once ended") {
		t.Errorf("nothing is said of the record that was changed: %s", r.log)
	}

	c.EventsFile = "-"
	if _, err := start(t, c); err == nil || !strings.Contains(err.Error(), "it cannot remove; let events be a file") {
		t.Errorf("with events on stdout: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
