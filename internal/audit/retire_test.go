package audit_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"

	"pgregory.net/rapid"
)

const (
	everything = ^uint64(0)
	smallFile  = 2 << 10 // some seven events
)

func retire(t testing.TB, l *audit.Log, keep audit.Retention, now time.Time, mayGo uint64) audit.Retired {
	t.Helper()
	done, err := l.Retire(keep, now, mayGo)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func filesOf(t testing.TB, dir string) (segments []string, bytes int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
		if strings.HasPrefix(e.Name(), "events-") && strings.HasSuffix(e.Name(), ".jsonl") {
			segments = append(segments, e.Name())
		}
	}
	return segments, bytes
}

// TestRetireByAge: events that are too old go with their files, and what goes is told
// from what is missing.
func TestRetireByAge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "events.jsonl")
	l := openRecord(t, path, smallFile)
	defer closeRecord(t, l)
	write(t, l, 0, 200)
	first := verify(t, path).Heads[0]
	keep := audit.Retention{For: time.Minute}
	now := noon.Add(200 * time.Second)
	if err := l.BuildIndexes(t.Context()); err != nil {
		t.Fatal(err)
	}
	stray := filepath.Join(dir, "events-0000000000000001.index")
	before, _ := filesOf(t, dir)

	done := retire(t, l, keep, now, everything)
	after, _ := filesOf(t, dir)
	if len(after) >= len(before) || done.Events != done.Through.Sequence || done.Events < 120 || done.Events > 140 {
		t.Errorf("%d of %d files are left; %+v", len(after), len(before), done)
	}
	if _, err := os.Stat(stray); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the index of a file that is gone: %v", err)
	}
	r := verify(t, path, first)
	if !r.Sound() || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Message, "removed as too old or too many, as event 201 says") {
		t.Errorf("%+v", r.Findings)
	}
	if again := retire(t, l, keep, now, everything); again.Events != 0 || again.Through != (audit.Head{}) {
		t.Errorf("nothing is old any more, and yet %+v", again)
	}
	// One that is kept is missed.
	if err := os.Remove(filepath.Join(dir, after[0])); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, path); r.Sound() {
		t.Error("the oldest file that was kept is gone, and nobody misses it")
	}
}

// TestRetireEndsOldFiles: the events of a server with few requests do not outlive their
// time in the live file.
func TestRetireEndsOldFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "events.jsonl")
	l := openRecord(t, path, 1<<20)
	keep := audit.Retention{For: 10 * 24 * time.Hour}
	day := 24 * time.Hour
	write(t, l, 0, 3)
	retire(t, l, keep, noon.Add(day-time.Minute), everything)
	if segments, _ := filesOf(t, dir); len(segments) != 0 {
		t.Errorf("a file of less than a day was ended: %q", segments)
	}
	retire(t, l, keep, noon.Add(day+time.Minute), everything)
	retire(t, l, keep, noon.Add(day+2*time.Minute), everything)
	if segments, _ := filesOf(t, dir); !slices.Equal(segments, []string{"events-0000000000000001.jsonl"}) {
		t.Errorf("after a day there are %q", segments)
	}
	head := l.Head()
	closeRecord(t, l) // with an empty live file
	l = openRecord(t, path, 1<<20)
	defer closeRecord(t, l)
	if l.Head() != head {
		t.Errorf("the record goes on at %v, not %v", l.Head(), head)
	}
	if done := retire(t, l, keep, noon.Add(12*day), everything); done.Events != 3 {
		t.Errorf("%+v", done)
	}
	wantSound(t, path, 1)
	if l.Head().Sequence != 4 {
		t.Errorf("the record ends with %v", l.Head())
	}
}

// TestRetireKeepsWhatASinkLacks: neither age nor size removes what somebody has not had.
func TestRetireKeepsWhatASinkLacks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "events.jsonl")
	l := openRecord(t, path, smallFile)
	defer closeRecord(t, l)
	write(t, l, 0, 100)
	keep := audit.Retention{For: time.Second, Bytes: 1}
	now := noon.Add(time.Hour)
	if done := retire(t, l, keep, now, 0); !done.Held || done.Events != 0 {
		t.Errorf("%+v", done)
	}
	f, err := l.Follow(audit.Head{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	if _, err := f.Next(50, 1<<20); err != nil {
		t.Fatal(err)
	}
	done := retire(t, l, keep, now, f.At().Sequence)
	if !done.Held || done.Events == 0 || done.Through.Sequence > 50 {
		t.Errorf("with 50 events delivered %+v", done)
	}
	lines, err := f.Next(1000, 1<<20)
	if err != nil || f.Missing != 0 || lines[0].Sequence != 51 {
		t.Errorf("%d missing, from %d on, %v", f.Missing, lines[0].Sequence, err)
	}
}

// TestRetireIsToldTruly: the chain that is here must go on from what the record says
// was removed.
func TestRetireIsToldTruly(t *testing.T) {
	t.Parallel()
	make2 := func(t *testing.T) (dir string, heads []audit.Head) {
		t.Helper()
		dir = t.TempDir()
		l := openRecord(t, filepath.Join(dir, "events.jsonl"), smallFile)
		defer closeRecord(t, l)
		for i := range 60 {
			write(t, l, i, i+1)
			heads = append(heads, l.Head())
		}
		retire(t, l, audit.Retention{For: 35 * time.Second}, noon.Add(time.Minute), everything)
		return dir, heads
	}
	t.Run("an older head that was kept", func(t *testing.T) {
		t.Parallel()
		dir, heads := make2(t)
		r := verify(t, filepath.Join(dir, "events.jsonl"), heads[2], heads[59])
		if !r.Sound() || len(r.Findings) != 2 || !strings.Contains(r.Findings[1].Message, "event 3, whose hash was kept, is one of those that were removed") {
			t.Errorf("%+v", r.Findings)
		}
	})
	t.Run("more is missing than the record says", func(t *testing.T) {
		t.Parallel()
		dir, _ := make2(t)
		segments, _ := filesOf(t, dir)
		if err := os.Remove(filepath.Join(dir, segments[0])); err != nil {
			t.Fatal(err)
		}
		if verify(t, filepath.Join(dir, "events.jsonl")).Sound() {
			t.Error("nobody misses it")
		}
	})
	t.Run("what it says was removed is another", func(t *testing.T) {
		t.Parallel()
		dir, heads := make2(t)
		segments, _ := filesOf(t, dir)
		// Whoever changes the first event that is here must make the chain anew.
		path := filepath.Join(dir, segments[0])
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		forged := strings.Replace(string(text), heads[0].String()[2:], strings.Repeat("A", 43), 1)
		_, previous, _ := strings.Cut(forged, `"previous":"`)
		forged = strings.Replace(forged, previous[:43], strings.Repeat("A", 43), 1)
		if err := os.WriteFile(path, []byte(forged), 0o600); err != nil {
			t.Fatal(err)
		}
		r := verify(t, filepath.Join(dir, "events.jsonl"))
		if r.Sound() || !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Broken && strings.Contains(f.Message, "the record begins with") }) {
			t.Errorf("%+v", r.Findings)
		}
	})
	t.Run("a crash left some files", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "events.jsonl")
		l := openRecord(t, path, smallFile)
		write(t, l, 0, 60)
		copied := map[string]string{}
		if err := audit.Copy(path, func(name string, _ int64, file io.Reader) error {
			text, err := io.ReadAll(file)
			copied[name] = string(text)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		done := retire(t, l, audit.Retention{For: 20 * time.Second}, noon.Add(time.Minute), everything)
		closeRecord(t, l)
		names, _ := filesOf(t, dir)
		all := slices.Sorted(func(yield func(string) bool) {
			for name := range copied {
				if !yield(name) {
					return
				}
			}
		})
		gone := slices.DeleteFunc(all, func(name string) bool { return slices.Contains(names, name) || name == "events.jsonl" })
		if len(gone) < 3 {
			t.Fatalf("only %q are gone", gone)
		}
		for _, name := range gone[1:] { // the first was removed, the others not yet
			if err := os.WriteFile(filepath.Join(dir, name), []byte(copied[name]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if r := verify(t, path); !r.Sound() {
			t.Errorf("%+v", r.Findings)
		}
		l = openRecord(t, path, smallFile)
		defer closeRecord(t, l)
		if again := retire(t, l, audit.Retention{For: 20 * time.Second}, noon.Add(time.Minute), everything); again.Through != done.Through {
			t.Errorf("the next pass removes through %v, the first %v", again.Through, done.Through)
		}
		if r := verify(t, path); !r.Sound() {
			t.Errorf("%+v", r.Findings)
		}
	})
}

// TestRetireAnything has a record written, cut, retired, followed and opened again at
// random: it stays sound, has all that is to be kept, and gives a follower every event.
func TestRetireAnything(t *testing.T) {
	t.Parallel()
	base, tries := t.TempDir(), 0
	rapid.Check(t, func(r *rapid.T) {
		tries++
		dir := filepath.Join(base, fmt.Sprint(tries))
		if err := os.Mkdir(dir, 0o700); err != nil {
			r.Fatal(err)
		}
		path := filepath.Join(dir, "events.jsonl")
		l := openRecord(t, path, smallFile)
		defer func() { closeRecord(t, l) }()
		f, err := l.Follow(audit.Head{})
		if err != nil {
			r.Fatal(err)
		}
		defer f.Close() //nolint:errcheck // only read
		now := noon
		times := map[uint64]time.Time{}
		var followed uint64
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			switch rapid.IntRange(0, 4).Draw(r, "step") {
			case 0, 1:
				for range rapid.IntRange(1, 20).Draw(r, "events") {
					now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(r, "seconds")) * time.Second)
					if err := l.Write(&audit.Event{Time: now, RequestID: fmt.Sprint(len(times)), Status: 200}); err != nil {
						r.Fatal(err)
					}
					times[l.Head().Sequence] = now
				}
			case 2:
				lines, err := f.Next(rapid.IntRange(1, 40).Draw(r, "most"), 1<<20)
				if err != nil {
					r.Fatal(err)
				}
				for _, line := range lines {
					if followed++; line.Sequence != followed {
						r.Fatalf("the follower gets %d after %d", line.Sequence, followed-1)
					}
				}
			case 3:
				keep := audit.Retention{
					For:   time.Duration(rapid.IntRange(0, 200).Draw(r, "for")) * time.Second,
					Bytes: int64(rapid.IntRange(0, 20_000).Draw(r, "bytes")),
				}
				if keep.Keeps() {
					continue
				}
				was := l.Head().Sequence
				done, err := l.Retire(keep, now, followed)
				if err != nil {
					r.Fatal(err)
				}
				if l.Head().Sequence > was {
					times[l.Head().Sequence] = now
				}
				if done.Through.Sequence > followed {
					r.Fatalf("through %d was removed, and the follower has %d", done.Through.Sequence, followed)
				}
				if keep.Bytes == 0 && done.Events > 0 && now.Sub(times[done.Through.Sequence]) <= keep.For {
					r.Fatalf("event %d is %v old, and %v are kept", done.Through.Sequence, now.Sub(times[done.Through.Sequence]), keep.For)
				}
				if _, bytes := filesOf(t, dir); keep.Bytes > 0 && !done.Held && bytes > max(keep.Bytes, 2*smallFile)+smallFile {
					r.Fatalf("%d bytes are left of %d", bytes, keep.Bytes)
				}
			case 4:
				closeRecord(t, l)
				l = openRecord(t, path, smallFile)
			}
			if report := verify(t, path); !report.Sound() {
				r.Fatalf("%+v", report.Findings)
			}
		}
		for {
			lines, err := f.Next(100, 1<<20)
			if err != nil {
				r.Fatal(err)
			}
			if len(lines) == 0 {
				break
			}
			followed += uint64(len(lines))
		}
		if followed != l.Head().Sequence || f.Missing > 0 {
			r.Fatalf("the follower has %d of %d, %d missing", followed, l.Head().Sequence, f.Missing)
		}
	})
}

// TestRetireLeft: the record of a process that has gone is retired too, by the one that
// is there; that of one that is there is not.
func TestRetireLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "events.jsonl")
	own := openRecord(t, path, smallFile)
	defer closeRecord(t, own)
	there, gone := openRecord(t, path, smallFile), openRecord(t, path, smallFile)
	defer closeRecord(t, there)
	write(t, there, 0, 50)
	write(t, gone, 0, 50)
	end := gone.Head()
	closeRecord(t, gone)
	keep := audit.Retention{For: time.Second}
	var asked []string
	left := func(mayGo uint64) int {
		t.Helper()
		err := own.EachLeft(func(l *audit.Log) error {
			asked = append(asked, filepath.Base(l.Path()))
			_, err := l.Retire(keep, noon.Add(time.Hour), mayGo)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "events.3-*.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	if left(0) == 0 {
		t.Error("files were removed that a sink has not had")
	}
	if n := left(everything); n != 0 {
		t.Errorf("%d files of the process that has gone are left", n)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "events.2-*.jsonl")); err != nil || len(files) < 5 {
		t.Errorf("of the process that is there are left %q, %v", files, err)
	}
	if !slices.Equal(asked, []string{"events.3.jsonl", "events.3.jsonl"}) {
		t.Errorf("asked for %q", asked)
	}
	// The end that was kept of it is the one that the record says was removed.
	if r := verify(t, path, end); !r.Sound() {
		t.Errorf("%+v", r.Findings)
	}
	end.Hash[0]++
	if verify(t, path, end).Sound() {
		t.Error("another end was kept, and nobody misses it")
	}
}
