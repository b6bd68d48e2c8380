package sink_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/audit/sink"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		child(url)
		return
	}
	goleak.VerifyTestMain(m)
}

// receiver is a webhook's other end.
type receiver struct {
	*httptest.Server

	mu      sync.Mutex
	answer  func(r *http.Request, lines int) int // status; nil is 200
	taken   []uint64                             // sequences that were acknowledged, in order
	keys    []string                             // Idempotency-Key of each request
	records [][]byte
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = append(r.keys, request.Header.Get("Idempotency-Key"))
	if r.answer != nil {
		if status := r.answer(request, len(lines)); status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
	}
	for _, line := range lines {
		var e struct{ Sequence uint64 }
		if err := json.Unmarshal(line, &e); err != nil {
			panic(err)
		}
		r.taken = append(r.taken, e.Sequence)
		r.records = append(r.records, bytes.Clone(line))
	}
}

func (r *receiver) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	return pool
}

func (r *receiver) target(t *testing.T) sink.Target {
	t.Helper()
	target, err := sink.NewWebhook(sink.Webhook{URL: r.URL + "/in?key=hidden", Roots: r.roots()})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func (r *receiver) got() []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]uint64(nil), r.taken...)
}

func (r *receiver) set(answer func(*http.Request, int) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func openLog(t *testing.T, path string) *audit.Log {
	t.Helper()
	l, err := audit.Open(path, audit.Options{SegmentBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func write(t *testing.T, l *audit.Log, n int) {
	t.Helper()
	for i := range n {
		if err := l.Write(&audit.Event{Time: time.Now().UTC(), RequestID: fmt.Sprint("r", i), Service: "sts", Operation: "AssumeRoleWithWebIdentity", Status: 200}); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs sinks until stop, which waits for them.
func run(t *testing.T, l *audit.Log, log io.Writer, sinks ...sink.Config) (all *sink.Sinks, stop func()) {
	t.Helper()
	all, err := sink.Open(sink.Options{Record: l, Node: "n1", Sinks: sinks, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); all.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			<-ended
			if err := all.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return all, stop
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 20 s: " + what)
		}
	}
}

// wantOnce wants each event of a span once, in order.
func wantOnce(t *testing.T, got []uint64, from, to uint64) {
	t.Helper()
	if uint64(len(got)) != to-from+1 {
		t.Fatalf("%d events of %d to %d: %v", len(got), from, to, got)
	}
	for i, sequence := range got {
		if sequence != from+uint64(i) {
			t.Fatalf("event %d in the place of %d", sequence, from+uint64(i))
		}
	}
}

func webhook(target sink.Target) sink.Config {
	return sink.Config{Name: "siem", Target: target, FromBeginning: true, Batch: sink.Batch{Events: 7, Every: 50 * time.Millisecond}}
}

// TestWebhook: each event comes once and in order, over several files of the record;
// after a failure the same batch comes again under the same key; a batch that is too
// large comes in halves; a new process goes on where the last one was.
func TestWebhook(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	path := filepath.Join(t.TempDir(), "events.jsonl")
	l := openLog(t, path)
	write(t, l, 40)
	failed := 0
	r.set(func(_ *http.Request, lines int) int {
		switch {
		case failed < 2:
			failed++
			return http.StatusServiceUnavailable
		case lines > 5:
			return http.StatusRequestEntityTooLarge
		}
		return http.StatusOK
	})
	all, stop := run(t, l, io.Discard, webhook(r.target(t)))
	eventually(t, "40 events", func() bool { return all.Status()[0].Delivered == 40 })
	wantOnce(t, r.got(), 1, 40)
	if r.keys[0] != r.keys[1] || r.keys[1] != r.keys[2] || !strings.HasPrefix(r.keys[0], `"1-7:`) {
		t.Errorf("the batch that failed has the keys %q", r.keys[:3])
	}
	s := all.Status()[0]
	if s.Taken != 40 || s.Lost != 0 || s.Behind != 0 || s.Failure != "" || s.Failures == 0 || s.Over {
		t.Errorf("%+v", s)
	}
	stop()
	write(t, l, 3)
	r.set(nil)
	all, stop = run(t, l, io.Discard, webhook(r.target(t)))
	eventually(t, "43 events", func() bool { return all.Status()[0].Behind == 0 }) // of a batch under way at the end nobody knows, and it comes again
	stop()
	wantOnce(t, r.got(), 1, 43)
	if text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "events.siem.sink")); err != nil || !bytes.Contains(text, []byte(`"delivered":"43:`)) {
		t.Errorf("the sink's place: %s, %v", text, err)
	}
}

// TestNewSinkBeginsWithTheNext: what was before is not for a sink that is new, and at
// the end of the process what is there is sent once more.
func TestNewSinkBeginsWithTheNext(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	l := openLog(t, filepath.Join(t.TempDir(), "events.jsonl"))
	write(t, l, 5)
	c := webhook(r.target(t))
	c.FromBeginning, c.Batch.Every = false, time.Hour
	_, stop := run(t, l, io.Discard, c)
	write(t, l, 4)
	stop()
	wantOnce(t, r.got(), 6, 9)
}

// TestCount: a sink that is down has its oldest events given up once it is beyond its
// bound; they are counted, also by the next process, and the record says so. Nothing
// is refused, and what comes later arrives.
func TestCount(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.set(func(*http.Request, int) int { return http.StatusInternalServerError })
	dir := t.TempDir()
	l := openLog(t, filepath.Join(dir, "events.jsonl"))
	c := webhook(r.target(t))
	c.Bounds.Events = 20
	var log syncBuffer
	all, stop := run(t, l, &log, c)
	write(t, l, 50)
	eventually(t, "events are given up", func() bool { return all.Status()[0].Lost > 0 })
	if err := l.Refusing(); err != nil || all.Refusing() != nil {
		t.Errorf("refused: %v", err)
	}
	eventually(t, "within its bound", func() bool { return !all.Status()[0].Over })
	r.set(nil)
	eventually(t, "all is taken or given up", func() bool { return all.Status()[0].Behind == 0 })
	lost, got := all.Status()[0].Lost, r.got()
	if head := l.Head().Sequence; lost < 24 || uint64(len(got))+lost != head {
		t.Errorf("%d lost and %d taken of %d", lost, len(got), head)
	}
	stop()
	if text := log.String(); !strings.Contains(text, "given up for an audit sink") || strings.Contains(text, "hidden") {
		t.Error("the log: " + text)
	}
	found := false
	for e, err := range audit.Search(filepath.Join(dir, "events.jsonl"), audit.Query{}, false, nil) {
		if err != nil {
			t.Fatal(err)
		}
		found = found || e.Operation == "GiveUpAuditEvents" && strings.Contains(e.Reason, "siem")
	}
	if !found {
		t.Error("the record does not say that events were given up")
	}
	again, _ := run(t, l, io.Discard, c)
	if now := again.Status()[0].Lost; now != lost {
		t.Errorf("after a new start %d are lost, not %d", now, lost)
	}
}

// TestFailClosed: a sink beyond its bound has requests refused until it takes events
// again, also by a process that finds it so; nothing is lost.
func TestFailClosed(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.set(func(*http.Request, int) int { return http.StatusInternalServerError })
	l := openLog(t, filepath.Join(t.TempDir(), "events.jsonl"))
	c := webhook(r.target(t))
	c.Refuse, c.Bounds.Events = true, 20
	all, stop := run(t, l, io.Discard, c)
	if err := all.Refusing(); err != nil {
		t.Fatal(err)
	}
	write(t, l, 21)
	eventually(t, "requests are refused", func() bool { return all.Refusing() != nil })
	write(t, l, 30) // events of refused requests
	stop()
	all, _ = run(t, l, io.Discard, c)
	if err := all.Refusing(); err == nil || !strings.Contains(err.Error(), "siem") {
		t.Errorf("after a new start: %v", err)
	}
	r.set(nil)
	eventually(t, "requests are carried out again", func() bool { return all.Refusing() == nil })
	eventually(t, "all is taken", func() bool { return all.Status()[0].Behind == 0 })
	wantOnce(t, r.got(), 1, 51)
}

// TestUnknownBacklog: where it cannot be told how many bytes a sink is behind, one that must
// not fall behind has requests refused, and of another nothing is given up.
func TestUnknownBacklog(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	folder := filepath.Join(t.TempDir(), "record")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, filepath.Join(folder, "events.jsonl"))
	closed, counting := webhook(r.target(t)), webhook(r.target(t))
	closed.Name, closed.Refuse, counting.Name = "closed", true, "counting"
	all, err := sink.Open(sink.Options{Record: l, Node: "node", Sinks: []sink.Config{closed, counting}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = all.Close() })
	write(t, l, 1)
	if all.Status(); all.Refusing() != nil {
		t.Fatal("one event is too many")
	}
	if err := os.Rename(folder, folder+".gone"); err != nil {
		t.Fatal(err)
	}
	if status := all.Status(); all.Refusing() == nil || !status[0].Over || status[1].Over {
		t.Errorf("requests are refused because of %v, the sinks are %+v", all.Refusing(), status)
	}
}

// TestOneHoldsUpNoOther: a sink whose reader never reads, and one that works.
func TestOneHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	read, stuck := io.Pipe()
	l := openLog(t, filepath.Join(t.TempDir(), "events.jsonl"))
	_, stop := run(t, l, io.Discard, webhook(r.target(t)), sink.Config{Name: "out", Target: sink.NewStdout(stuck)})
	write(t, l, 10)
	eventually(t, "10 events", func() bool { return len(r.got()) == 10 })
	stop()
	_ = read.Close() // ends the write
}

// TestStdout: the lines are those of the record, or CloudTrail's.
func TestStdout(t *testing.T) {
	t.Parallel()
	for _, cloudTrail := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "events.jsonl")
		l := openLog(t, path)
		var out syncBuffer
		_, stop := run(t, l, io.Discard, sink.Config{Name: "out", Target: sink.NewStdout(&out), CloudTrail: cloudTrail})
		write(t, l, 3)
		eventually(t, "3 lines", func() bool { return strings.Count(out.String(), "\n") == 3 })
		stop()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !cloudTrail && out.String() != string(text) {
			t.Errorf("%s\nin the place of\n%s", out.String(), text)
		}
		if s := bufio.NewScanner(strings.NewReader(out.String())); cloudTrail {
			for s.Scan() {
				var e struct{ EventVersion, EventName string }
				if err := json.Unmarshal(s.Bytes(), &e); err != nil || e.EventVersion != "1.11" || e.EventName != "AssumeRoleWithWebIdentity" {
					t.Errorf("%s: %v", s.Text(), err)
				}
			}
		}
	}
}

// TestRefusedSettings: what cannot work is refused, and what is repeated of it holds
// no password.
func TestRefusedSettings(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"": "no URL", "siem.example.com": "no URL", "ftp://siem.example.com": "no URL",
		"http://siem.example.com/": "unencrypted", "https://me:hidden@siem.example.com/": "authorizationFile",
	} {
		if _, err := sink.NewWebhook(sink.Webhook{URL: url}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, address := range []string{"", "localhost:514", "udp://localhost:514", "tcp://localhost", "unix://dev/log", "tls://me:hidden@localhost:6514"} {
		if _, err := sink.NewSyslog(sink.Syslog{Address: address}); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", address, err)
		}
	}
	l := openLog(t, filepath.Join(t.TempDir(), "events.jsonl"))
	out := sink.NewStdout(io.Discard)
	for _, sinks := range [][]sink.Config{{{Name: "", Target: out}}, {{Name: "../x", Target: out}}, {{Name: "a", Target: out}, {Name: "A", Target: out}}} {
		all, err := sink.Open(sink.Options{Record: l, Sinks: sinks, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			t.Errorf("%v is taken", sinks)
		}
		_ = all.Close()
	}
	all, err := sink.Open(sink.Options{Record: audit.NewLog(io.Discard), Sinks: []sink.Config{{Name: "a", Target: out}}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), ".jsonl") {
		t.Errorf("a record without a file: %v", err)
	}
	_ = all.Close()
}

// syncBuffer is written and read by several.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(text)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
