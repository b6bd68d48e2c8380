package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// openRecord opens a record whose segments are small.
func openRecord(t testing.TB, path string, segmentBytes int64) *audit.Log {
	t.Helper()
	log, err := audit.Open(path, audit.Options{SegmentBytes: segmentBytes})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func closeRecord(t testing.TB, log *audit.Log) {
	t.Helper()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// numbered is an event that can be told from all others.
func numbered(n int) *audit.Event {
	return &audit.Event{
		Time: noon.Add(time.Duration(n) * time.Second), RequestID: fmt.Sprintf("request-%d", n), Status: 200,
		Origin: &audit.Origin{Issuer: "https://gitlab.example.com", Project: fmt.Sprintf("group/project-%d", n%7), Job: fmt.Sprint(n)},
	}
}

func write(t testing.TB, log *audit.Log, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := log.Write(numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// ids are the request ids that a search finds, in its order.
func ids(t testing.TB, path string, q audit.Query, newestFirst bool) []string {
	t.Helper()
	var found []string
	for r, err := range audit.Search(path, q, newestFirst, nil) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, r.RequestID)
	}
	return found
}

func requests(from, to int) []string {
	var all []string
	for n := from; n < to; n++ {
		all = append(all, fmt.Sprintf("request-%d", n))
	}
	return all
}

func verify(t testing.TB, path string, known ...audit.Head) *audit.Report {
	t.Helper()
	r, err := audit.Verify(path, known...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantSound(t testing.TB, path string, events uint64, known ...audit.Head) *audit.Report {
	t.Helper()
	r := verify(t, path, known...)
	if !r.Sound() || r.Events != events {
		t.Errorf("%d events, %+v; want %d and nothing broken", r.Events, r.Findings, events)
	}
	return r
}

// TestRecordGoesOn: a record that is closed and opened again is one chain, over
// files of bounded size, and everything in it is found in order.
func TestRecordGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "events.jsonl")
	const each, times = 100, 5
	var heads []audit.Head
	for i := range times {
		log := openRecord(t, path, 8<<10)
		write(t, log, i*each, (i+1)*each)
		heads = append(heads, log.Head())
		closeRecord(t, log)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	segments := 0
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), ".jsonl") {
			segments++
			if info.Size() > 8<<10 || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has %d bytes and mode %v", e.Name(), info.Size(), info.Mode())
			}
		}
	}
	if segments < 10 {
		t.Errorf("%d files, want more", segments)
	}
	for _, newestFirst := range []bool{false, true} {
		want := requests(0, each*times)
		if newestFirst {
			slices.Reverse(want)
		}
		if diff := cmp.Diff(want, ids(t, path, audit.Query{}, newestFirst)); diff != "" {
			t.Errorf("newest first %v:\n%s", newestFirst, diff)
		}
	}
	report := wantSound(t, path, each*times, heads...)
	if !slices.Equal(report.Heads, heads[times-1:]) {
		t.Errorf("ends at %v, want %v", report.Heads, heads[times-1])
	}
}

// TestTornLine: what a crash left of an event spoils neither the chain nor the next.
func TestTornLine(t *testing.T) {
	t.Parallel()
	for name, torn := range map[string]string{"a piece": `{"time":"2026-11-26T`, "a whole line without its break": `{"time":"2026-11-26T12:00:00Z","requestId":"x","status":200,"durationNanoseconds":0,"sequence":4,"previous":""}`} {
		path := filepath.Join(t.TempDir(), "events.jsonl")
		log := openRecord(t, path, 0)
		write(t, log, 0, 3)
		closeRecord(t, log)
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(torn); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		log = openRecord(t, path, 0)
		write(t, log, 3, 6)
		closeRecord(t, log)
		r := verify(t, path)
		if len(r.Findings) != 1 {
			t.Errorf("%s: findings %+v, want one", name, r.Findings)
		}
		if broken := torn[len(torn)-1] == '}'; r.Sound() == broken {
			t.Errorf("%s: sound %v: %+v", name, r.Sound(), r.Findings)
		}
		if got := ids(t, path, audit.Query{Job: "4"}, false); !slices.Equal(got, requests(4, 5)) {
			t.Errorf("%s: found %v", name, got)
		}
	}
}

// TestChangesAreMissed: whatever one line is taken out, changed, doubled, moved or
// put in, and wherever a record with a known head is cut off, Verify says so.
func TestChangesAreMissed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	log := openRecord(t, path, 0)
	write(t, log, 0, 20)
	head := log.Head()
	closeRecord(t, log)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wantSound(t, path, 20, head)
	whole := bytes.SplitAfter(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	whole[19] = append(whole[19], '\n')
	for i := range whole {
		for name, changed := range map[string][][]byte{
			"taken out":  slices.Delete(slices.Clone(whole), i, i+1),
			"doubled":    slices.Insert(slices.Clone(whole), i, whole[(i+3)%20]),
			"cut off":    whole[:i],
			"cut before": whole[i+1:],
			"changed":    slices.Replace(slices.Clone(whole), i, i+1, bytes.Replace(whole[i], []byte("group/"), []byte("grOup/"), 1)),
			"unnumbered": slices.Insert(slices.Clone(whole), max(i, 1), []byte(`{"requestId":"forged"}`+"\n")),
			"swapped":    append(append(slices.Clone(whole[:i]), whole[(i+1)%20], whole[i]), whole[min(i+2, 20):]...),
		} {
			if err := os.WriteFile(path, bytes.Join(changed, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			if r := verify(t, path, head); r.Sound() {
				t.Errorf("line %d %s: nothing is said to be broken", i, name)
			}
		}
	}
}

// TestHeads: a head is read as it is written; what is none is refused; and a
// record from which the beginning was taken away is sound with the head that says
// how that ended.
func TestHeads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	log := openRecord(t, path, 2<<10)
	write(t, log, 0, 8)
	middle := log.Head()
	for _, h := range []audit.Head{{}, middle} {
		if got, err := audit.ParseHead(h.String()); err != nil || got != h {
			t.Errorf("%s is read as %v, %v", h, got, err)
		}
	}
	for _, bad := range []string{"", "1", "x:y", "0:" + middle.String()[2:], middle.String() + "A", "-1:", "1:"} {
		if h, err := audit.ParseHead(bad); err == nil {
			t.Errorf("%q is read as %v", bad, h)
		}
	}
	write(t, log, 8, 40)
	end := log.Head()
	closeRecord(t, log)
	wantSound(t, path, 40, middle, end)

	segments, err := filepath.Glob(filepath.Join(filepath.Dir(path), "events-*.jsonl"))
	if err != nil || len(segments) < 2 {
		t.Fatalf("%v, %v", segments, err)
	}
	first, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(alone, first, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := verify(t, alone).Heads[0]
	if err := os.Remove(segments[0]); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, path, end); r.Sound() {
		t.Error("a record without its beginning is sound")
	}
	wantSound(t, path, 40-ended.Sequence, ended, end)
}

// TestTwoWriters: a second process has a record of its own beside the first's, and
// searches see one.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	one, two := openRecord(t, path, 2<<10), openRecord(t, path, 2<<10)
	for n := range 60 {
		log := one
		if n%3 == 0 {
			log = two
		}
		write(t, log, n, n+1)
	}
	closeRecord(t, one)
	closeRecord(t, two)
	for _, newestFirst := range []bool{false, true} {
		want := requests(0, 60)
		if newestFirst {
			slices.Reverse(want)
		}
		if diff := cmp.Diff(want, ids(t, path, audit.Query{}, newestFirst)); diff != "" {
			t.Errorf("newest first %v:\n%s", newestFirst, diff)
		}
	}
	if r := wantSound(t, path, 60, one.Head(), two.Head()); len(r.Heads) != 2 {
		t.Errorf("heads %v", r.Heads)
	}
	again := openRecord(t, path, 0) // the name is free again
	defer closeRecord(t, again)
	if again.Head() != one.Head() {
		t.Errorf("goes on at %v, want %v", again.Head(), one.Head())
	}
}

// TestReadWhileWritten: a search beside a writer sees every event that was written
// before it began, once, though files become segments meanwhile.
func TestReadWhileWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	log := openRecord(t, path, 2<<10)
	defer closeRecord(t, log)
	var written sync.WaitGroup
	var mu sync.Mutex
	n := 0
	written.Go(func() {
		for range 400 {
			mu.Lock()
			n++
			mu.Unlock()
			if err := log.Write(numbered(n - 1)); err != nil {
				t.Error(err)
			}
		}
	})
	for n := 0; n < 400; {
		mu.Lock()
		n = max(0, n-1) // of which n-1 are surely whole
		mu.Unlock()
		found := ids(t, path, audit.Query{}, n%2 == 0)
		if n%2 == 0 {
			slices.Reverse(found)
		}
		if diff := cmp.Diff(requests(0, len(found)), found); diff != "" || len(found) < n {
			t.Fatalf("at least %d were written, found %d:\n%s", n, len(found), diff)
		}
		n = len(found)
	}
	written.Wait()
}

// draw makes an event of few values, so that queries meet many.
func draw(t *rapid.T, n int) *audit.Event {
	pick := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	e := numbered(n)
	e.Time = noon.Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "second")) * time.Second)
	e.Service, e.Operation = pick("service", "sts", "iam", "s3"), pick("operation", "GetObject", "CreateRole")
	e.Account = pick("account", "111122223333", "444455556666")
	e.Principal = pick("principal", "", "arn:aws:sts::111122223333:assumed-role/deploy/job-1", "arn:aws:iam::111122223333:user/"+`ö"<`)
	e.AccessKey, e.IssuedKey = pick("key", "", "ASIAAAAAAAAAAAAAAAAA"), pick("issued", "", "ASIAAAAAAAAAAAAAAAAA", "ASIABBBBBBBBBBBBBBBB")
	e.Role = pick("role", "", "arn:aws:iam::111122223333:role/ci/deploy", "arn:aws:iam::111122223333:role/other")
	e.Status = rapid.SampledFrom([]int{200, 403, 500}).Draw(t, "status")
	if e.Status == 403 {
		e.Fault, e.Decision = pick("fault", "AccessDenied", "ClockSkew"), pick("decision", "", "ImplicitDeny")
	}
	if rapid.Bool().Draw(t, "exchange") {
		e.Origin = nil
		e.Issuer, e.Subject = pick("issuer", "https://gitlab.example.com", "gitlab.example.com"), pick("subject", "s1", "s2 <&>")
		e.TokenID = pick("jti", "", "t1")
		e.Claims = map[string]string{"project_path": pick("project", "group/project-1", "a/é"), "pipeline_id": pick("pipeline", "7", "8")}
	} else {
		e.Origin.Subject = pick("subject", "s1", "s2 <&>")
	}
	return e
}

func drawQuery(t *rapid.T) audit.Query {
	pick := func(label string, values ...string) string {
		return rapid.SampledFrom(append(values, "", "", "")).Draw(t, "q."+label)
	}
	q := audit.Query{
		Account: pick("account", "111122223333"), Issuer: pick("issuer", "gitlab.example.com", "https://gitlab.example.com"),
		Subject: pick("subject", "s1", "s2 <&>"), TokenID: pick("jti", "t1"), Project: pick("project", "group/project-1", "a/é"),
		Pipeline: pick("pipeline", "7"), Role: pick("role", "arn:aws:iam::111122223333:role/ci/deploy"),
		Principal: pick("principal", "arn:aws:iam::111122223333:user/"+`ö"<`), AccessKey: pick("key", "ASIABBBBBBBBBBBBBBBB", "ASIAAAAAAAAAAAAAAAAA"),
		RequestID: pick("request", "request-3"), Service: pick("service", "s3"), Operation: pick("operation", "CreateRole"),
		Outcome: audit.Outcome(pick("outcome", "success", "denied", "failed")),
	}
	if rapid.Bool().Draw(t, "q.times") {
		q.From = noon.Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "q.from")) * time.Second)
		q.To = q.From.Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "q.lasts")) * time.Second)
	}
	return q
}

// TestSearchFindsAll: a search over segments and indexes finds what asking every
// event finds.
func TestSearchFindsAll(t *testing.T) {
	t.Parallel()
	found, asked := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(t.TempDir(), "events.jsonl")
		log := openRecord(t, path, int64(rapid.IntRange(1<<10, 200<<10).Draw(rt, "segment")))
		var all []*audit.Event
		for n := range rapid.IntRange(1, 120).Draw(rt, "events") {
			e := draw(rt, n)
			all = append(all, e)
			if err := log.Write(e); err != nil {
				rt.Fatal(err)
			}
		}
		closeRecord(t, log)
		for range 8 {
			q := drawQuery(rt)
			var want []string
			for _, e := range all {
				if q.Matches(e) {
					want = append(want, e.RequestID)
				}
			}
			newestFirst := rapid.Bool().Draw(rt, "newestFirst")
			if newestFirst {
				slices.Reverse(want)
			}
			found, asked = found+len(want), asked+1
			if diff := cmp.Diff(want, ids(t, path, q, newestFirst)); diff != "" {
				rt.Fatalf("%+v, newest first %v:\n%s", q, newestFirst, diff)
			}
		}
	})
	if found < asked/4 {
		t.Errorf("%d queries found %d events: too few to tell anything", asked, found)
	}
}

// TestIndexIsMadeAgain: a search finds all where an index is lost, cut off, of
// other bytes, of another segment, or cannot be written.
func TestIndexIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "events.jsonl")
	log := openRecord(t, path, 300<<10)
	write(t, log, 0, 3000)
	closeRecord(t, log)
	q, want := audit.Query{Project: "group/project-3"}, 0
	for n := range 3000 {
		if n%7 == 3 {
			want++
		}
	}
	find := func(what string) {
		t.Helper()
		if got := len(ids(t, path, q, false)); got != want {
			t.Errorf("%s: found %d, want %d", what, got, want)
		}
	}
	find("no index")
	indexes, err := filepath.Glob(filepath.Join(dir, "*.index"))
	if err != nil || len(indexes) < 2 {
		t.Fatalf("indexes %v, %v", indexes, err)
	}
	good, err := os.ReadFile(indexes[0])
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(indexes[1])
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[40]++
	for what, text := range map[string][]byte{"empty": {}, "cut off": good[:len(good)-5], "other bytes": flipped, "another's": other, "longer": append(bytes.Clone(good), 0)} {
		if err := os.WriteFile(indexes[0], text, 0o600); err != nil {
			t.Fatal(err)
		}
		find(what)
		if now, err := os.ReadFile(indexes[0]); err != nil || !bytes.Equal(now, good) {
			t.Errorf("%s: not made again (%v)", what, err)
		}
	}
	// One whose pairs were changed with care can hide events: Verify tells.
	hidden := bytes.Clone(good)
	hidden[len(hidden)-20]++
	if err := os.WriteFile(indexes[0], hidden, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, path); r.Sound() {
		t.Error("an index with other pairs is sound")
	}
	if err := os.Remove(indexes[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(indexes[0], 0o700); err != nil { // in the place of the index
		t.Fatal(err)
	}
	find("cannot be written")
}

// TestSearchReadsLittle: of a long record a search for a project in an hour reads
// the blocks that have it.
func TestSearchReadsLittle(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	log := openRecord(t, path, 1<<20)
	const all = 20_000
	random := rand.New(rand.NewPCG(1, 2))
	for n := range all {
		e := numbered(n)
		e.Origin.Project = fmt.Sprintf("group/project-%d", random.IntN(5000))
		if err := log.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	closeRecord(t, log)
	q := audit.Query{Project: "group/project-7", From: noon.Add(time.Hour), To: noon.Add(2 * time.Hour)}
	ids(t, path, q, false) // makes the indexes
	var cost audit.Cost
	found := 0
	for _, err := range audit.Search(path, q, false, &cost) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	// The live file, of 1 MiB at most, is read whole.
	if cost.Blocks > found || cost.Bytes > 1<<20+int64(found)*130<<10 || cost.Indexes < 4 {
		t.Errorf("found %d, read %+v", found, cost)
	}
}

func TestSearchErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]error{filepath.Join(dir, "events.jsonl"): os.ErrNotExist, filepath.Join(dir, "no", "events.jsonl"): os.ErrNotExist, filepath.Join(dir, "events.log"): nil} {
		met := 0
		for _, err := range audit.Search(path, audit.Query{}, false, nil) {
			met++
			if err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if _, err := audit.Verify(path); err == nil || met != 1 {
			t.Errorf("%s: %d errors, Verify %v", path, met, err)
		}
	}
}

// BenchmarkRecord is the cost of one event on the way of a request.
func BenchmarkRecord(b *testing.B) {
	log := openRecord(b, filepath.Join(b.TempDir(), "events.jsonl"), 0)
	defer closeRecord(b, log)
	e := numbered(1)
	b.ReportAllocs()
	for b.Loop() {
		if err := log.Write(e); err != nil {
			b.Fatal(err)
		}
	}
}
