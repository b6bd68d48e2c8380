package audit_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/policy"

	"github.com/google/go-cmp/cmp"
)

var errDisk = errors.New("disk is full")

// decode reads a line as strictly as it was written.
func decode(t *testing.T, line string) audit.Event {
	t.Helper()
	r, err := audit.Decode([]byte(line))
	if err != nil {
		t.Fatalf("%.2000q: %v", line, err)
	}
	if r.Sequence == 0 {
		t.Errorf("%.2000q has no number", line)
	}
	return r.Event
}

func TestEventComesBack(t *testing.T) {
	t.Parallel()
	expires := time.Date(2026, 11, 21, 6, 26, 39, 0, time.UTC)
	want := audit.Event{
		Time: expires.Add(-time.Hour), RequestID: "r", Service: "sts", Operation: "AssumeRoleWithWebIdentity",
		SourceIP: "127.0.0.1", UserAgent: "agent\n\"x\"\u2028", Status: 403, Fault: "AccessDenied", Code: "AccessDenied",
		Message: "Not authorized", Duration: 42, Account: "123456789012", Audience: []string{"a", "b"}, Verified: true,
		ExpiresAt: &expires, Decision: "ImplicitDeny", Documents: []string{"trust policy of r"},
		Reasons: &policy.Reasons{
			Decision:   policy.Decision{Effect: policy.ExplicitDeny, Document: 0, Statement: 1},
			Statements: []policy.StatementReason{{Statement: 1, Effect: "Deny", Matched: true, Conditions: []policy.ConditionReason{}}},
		},
	}
	var b bytes.Buffer
	if err := audit.NewLog(&b).Write(&want); err != nil {
		t.Fatal(err)
	}
	line, ended := strings.CutSuffix(b.String(), "\n")
	if !ended || strings.Contains(line, "\n") {
		t.Errorf("not one line: %q", b.String())
	}
	if diff := cmp.Diff(want, decode(t, line)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

// What a reader must find in every event is there even if it is nothing; the
// rest is left out.
func TestEmptyMembersAreLeftOut(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := audit.NewLog(&b).Write(&audit.Event{}); err != nil {
		t.Fatal(err)
	}
	want := `{"time":"0001-01-01T00:00:00Z","requestId":"","status":0,"durationNanoseconds":0,"sequence":1,"previous":""}` + "\n"
	if b.String() != want {
		t.Errorf("got %s, want %s", b.String(), want)
	}
}

// piecewise takes a line in two pieces, so that writers that did not wait for
// each other would mix.
type piecewise struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *piecewise) Write(p []byte) (int, error) {
	half := len(p) / 2
	for _, piece := range [][]byte{p[:half], p[half:]} {
		w.mu.Lock()
		w.b.Write(piece)
		w.mu.Unlock()
	}
	return len(p), nil
}

func TestConcurrentWritersDoNotMix(t *testing.T) {
	t.Parallel()
	const writers, each = 16, 50
	var w piecewise
	log := audit.NewLog(&w)
	var running sync.WaitGroup
	for i := range writers {
		running.Go(func() {
			for j := range each {
				e := audit.Event{RequestID: fmt.Sprintf("%d/%d", i, j), UserAgent: strings.Repeat("x", 10*j)}
				if err := log.Write(&e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	seen := map[string]bool{}
	lines := bufio.NewScanner(&w.b)
	for lines.Scan() {
		seen[decode(t, lines.Text()).RequestID] = true
	}
	if len(seen) != writers*each {
		t.Errorf("%d events came through, want %d", len(seen), writers*each)
	}
}

// failing writes a part of each line while failures is above zero.
type failing struct {
	failures int
	b        bytes.Buffer
}

func (w *failing) Write(p []byte) (int, error) {
	if w.failures == 0 {
		return w.b.Write(p)
	}
	w.failures--
	n, _ := w.b.Write(p[:len(p)/2])
	return n, errDisk
}

// An event that is cut off is an error, and the next stands on a line of its
// own.
func TestFailedWriteSpoilsOnlyItsOwnLine(t *testing.T) {
	t.Parallel()
	w := failing{failures: 2}
	log := audit.NewLog(&w)
	for _, id := range []string{"first", "second"} {
		if err := log.Write(&audit.Event{RequestID: id}); !errors.Is(err, errDisk) {
			t.Errorf("%s: %v, want the sink's error", id, err)
		}
	}
	for _, id := range []string{"third", "fourth"} {
		if err := log.Write(&audit.Event{RequestID: id}); err != nil {
			t.Error(err)
		}
	}
	lines := strings.Split(w.b.String(), "\n")
	if len(lines) != 5 || lines[4] != "" {
		t.Fatalf("lines are %q, want four", lines)
	}
	for i, id := range map[int]string{2: "third", 3: "fourth"} {
		if got := decode(t, lines[i]).RequestID; got != id {
			t.Errorf("line %d is of %q, want %q", i, got, id)
		}
	}
}

func TestEventThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	// JSON ends with the year 9999.
	if err := audit.NewLog(&b).Write(&audit.Event{Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil || b.Len() != 0 {
		t.Errorf("error %v, wrote %q", err, b.String())
	}
}

// What looks like a token is not written, whichever member it got into.
func TestTokensAreReplaced(t *testing.T) {
	t.Parallel()
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwcyJ9.c2lnbmF0dXJl_-"
	var b bytes.Buffer
	err := audit.NewLog(&b).Write(&audit.Event{
		Role: token, Message: "Value '" + token + "' at 'roleSessionName'", Audience: []string{token[:30]}, Subject: "eyJ is no token. Nor is this",
	})
	if err != nil {
		t.Fatal(err)
	}
	e := decode(t, b.String())
	if e.Role != "(token)" || e.Message != "Value '(token)' at 'roleSessionName'" || e.Audience[0] != "(token)" || e.Subject != "eyJ is no token. Nor is this" {
		t.Errorf("event is %s", b.String())
	}
}

// A header may have white space behind its brace.
func TestTokensWithWhiteSpaceAreReplaced(t *testing.T) {
	t.Parallel()
	for _, header := range []string{`{ "alg":"RS256"}`, "{  \"alg\":\"RS256\"}", "{\n \"alg\":\"RS256\"}", "{\t\"alg\":\"RS256\"}", "{\r\n\"alg\":\"RS256\"}"} {
		token := base64.RawURLEncoding.EncodeToString([]byte(header)) + ".eyAiaXNzIjogImgifQ.c2lnbmF0dXJl_-"
		var b bytes.Buffer
		if err := audit.NewLog(&b).Write(&audit.Event{Role: token, Message: "Value '" + token + "' at"}); err != nil {
			t.Fatal(err)
		}
		if e := decode(t, b.String()); e.Role != "(token)" || e.Message != "Value '(token)' at" {
			t.Errorf("%q: event is %s", header, b.String())
		}
	}
	words := "https://my-framework.example.com ewok.example.com https://eyAi.example"
	var b bytes.Buffer
	if err := audit.NewLog(&b).Write(&audit.Event{Issuer: words}); err != nil || decode(t, b.String()).Issuer != words {
		t.Errorf("%v, event is %s", err, b.String())
	}
}

func BenchmarkWrite(b *testing.B) {
	log := audit.NewLog(io.Discard)
	e := audit.Event{RequestID: "8b1f5e2c-0c5e-4c3e-9d0a-2f6f4f0f7a11", Service: "sts", Operation: "AssumeRoleWithWebIdentity", Status: 200, Subject: "project_path:mygroup/myproject:ref_type:branch:ref:main"}
	b.ReportAllocs()
	for b.Loop() {
		if err := log.Write(&e); err != nil {
			b.Fatal(err)
		}
	}
}

// What a sender makes up as long as it likes does not fill the disk; a claim of
// the longest token is whole.
func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	longest, long := strings.Repeat("s", 20000), strings.Repeat("é", 5_000_000)
	given := audit.Event{
		Subject: longest, UserAgent: longest, Message: long, Action: long, Resource: long, Role: long, Reason: long, ErrorChain: long,
	}
	var b bytes.Buffer
	if err := audit.NewLog(&b).Write(&given); err != nil {
		t.Fatal(err)
	}
	cut := strings.Repeat("é", 10000) + "… (cut, 10000000 bytes)"
	want := audit.Event{
		Subject: longest, UserAgent: longest, Message: cut, Action: cut, Resource: cut, Role: cut, Reason: cut, ErrorChain: cut,
	}
	if diff := cmp.Diff(want, decode(t, b.String())); diff != "" {
		t.Errorf("event (-want +got):\n%.2000s", diff)
	}
	if given.Message != long {
		t.Error("the event that was given is changed")
	}
}
