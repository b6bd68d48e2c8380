package sink_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/audit/sink"
)

// What a child is told of.
const (
	childURL    = "SINK_TEST_URL"
	childRecord = "SINK_TEST_RECORD"
	childCA     = "SINK_TEST_CA"
)

// child writes events and hands them on, until it is killed.
func child(url string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	text, err := os.ReadFile(os.Getenv(childCA))
	fail(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	target, err := sink.NewWebhook(sink.Webhook{URL: url, Roots: pool})
	fail(err)
	l, err := audit.Open(os.Getenv(childRecord), audit.Options{SegmentBytes: 16 << 10})
	fail(err)
	all, err := sink.Open(sink.Options{Record: l, Sinks: []sink.Config{webhook(target)}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	fail(err)
	go func() {
		for {
			fail(l.Write(&audit.Event{Time: time.Now(), Service: "sts", Operation: "GetCallerIdentity", Status: 200}))
			time.Sleep(time.Millisecond)
		}
	}()
	all.Run(context.Background())
}

// TestKilled: a process is killed again and again while it hands events on, and while
// the receiver now and then takes a batch and seems not to. No event of the record is
// skipped. One comes twice only in a batch that comes again whole, under its key.
func TestKilled(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	n := 0
	r.set(func(*http.Request, int) int {
		if n++; n%5 == 0 {
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	dir := t.TempDir()
	record, ca := filepath.Join(dir, "events.jsonl"), filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		before := len(r.got())
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), childURL+"="+r.URL, childRecord+"="+record, childCA+"="+ca)
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "events are taken", func() bool { return len(r.got()) > before+20 })
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // killed
	}
	r.set(nil) // what is left may be much, and each failure has it wait
	l := openLog(t, record)
	head := l.Head().Sequence
	all, stop := run(t, l, os.Stderr, webhook(r.target(t)))
	eventually(t, "the rest is taken", func() bool { return all.Status()[0].Behind == 0 })
	stop()
	seen, last, twice := map[uint64]bool{}, uint64(0), 0
	for _, sequence := range r.got() {
		if sequence > last+1 {
			t.Fatalf("event %d comes after %d", sequence, last)
		}
		if seen[sequence] {
			twice++
		}
		seen[sequence], last = true, sequence
	}
	if last != head || uint64(len(seen)) != head {
		t.Errorf("%d events up to %d of %d", len(seen), last, head)
	}
	if most := 6 * 7; twice > most { // a batch for each kill
		t.Errorf("%d events came twice, more than %d", twice, most)
	}
	report, err := audit.Verify(record)
	if err != nil || !report.Sound() {
		t.Errorf("the record: %+v, %v", report, err)
	}
}
