package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/daypass/daypass/internal/audit"

	"pgregory.net/rapid"
)

func openLog(t testing.TB, dir string, segment int64) *audit.Log {
	t.Helper()
	l, err := audit.Open(filepath.Join(dir, "events.jsonl"), audit.Options{SegmentBytes: segment})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func writeEvents(t *testing.T, l *audit.Log, n int) {
	t.Helper()
	for range n {
		if err := l.Write(&audit.Event{RequestID: fmt.Sprint("request ", l.Head().Sequence+1), Status: 200}); err != nil {
			t.Fatal(err)
		}
	}
}

// drain reads all there is now.
func drain(t *testing.T, f *audit.Follower) []uint64 {
	t.Helper()
	var all []uint64
	for {
		lines, err := f.Next(3, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) == 0 {
			return all
		}
		for _, l := range lines {
			all = append(all, l.Sequence)
		}
	}
}

func sequence(from, to uint64) []uint64 {
	var all []uint64
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

func follow(t *testing.T, l *audit.Log, after audit.Head) *audit.Follower {
	t.Helper()
	f, err := l.Follow(after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// A follower that is stopped anywhere and begins again where it was gives each
// event once, whatever the files' sizes.
func TestFollowerGivesEachEventOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "record") //nolint:usetesting // one for each draw
		if err != nil {
			r.Fatal(err)
		}
		l := openLog(t, dir, rapid.Int64Range(1, 1000).Draw(r, "segment"))
		f, err := l.Follow(audit.Head{})
		if err != nil {
			r.Fatal(err)
		}
		var got []uint64
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			switch rapid.IntRange(0, 3).Draw(r, "step") {
			case 0, 1:
				writeEvents(t, l, rapid.IntRange(1, 6).Draw(r, "events"))
			case 2:
				lines, err := f.Next(rapid.IntRange(1, 5).Draw(r, "most"), rapid.Int64Range(1, 600).Draw(r, "bytes"))
				if err != nil {
					r.Fatal(err)
				}
				for _, line := range lines {
					got = append(got, line.Sequence)
				}
			case 3:
				at := f.At()
				_ = f.Close()
				if f, err = l.Follow(at); err != nil {
					r.Fatal(err)
				}
			}
		}
		got = append(got, drain(t, f)...)
		if want := sequence(1, l.Head().Sequence); !slices.Equal(got, want) || f.Missing != 0 || f.Misplaced || f.At() != l.Head() {
			r.Fatalf("got %v, want %v; %d missing, misplaced %t", got, want, f.Missing, f.Misplaced)
		}
		if behind, err := f.Behind(); err != nil || behind != 0 {
			r.Fatalf("behind by %d bytes: %v", behind, err)
		}
		_, _ = f.Close(), l.Close()
	})
}

func TestFollowerWhileOthersWrite(t *testing.T) {
	t.Parallel()
	l := openLog(t, t.TempDir(), 4000)
	f := follow(t, l, audit.Head{})
	const writers, each = 4, 500
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				if err := l.Write(&audit.Event{RequestID: "r", Status: 200}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var got []uint64
	for len(got) < writers*each && !t.Failed() {
		got = append(got, drain(t, f)...)
	}
	all.Wait()
	if !slices.Equal(got, sequence(1, writers*each)) || f.Missing != 0 {
		t.Errorf("%d events, %d missing", len(got), f.Missing)
	}
}

func TestFollowerAfterTheRecordWasChanged(t *testing.T) {
	t.Parallel()
	t.Run("retired", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		l := openLog(t, dir, 500)
		writeEvents(t, l, 3)
		f := follow(t, l, audit.Head{})
		if got := drain(t, f); len(got) != 3 {
			t.Fatal(got)
		}
		at := f.At()
		writeEvents(t, l, 40)
		files, _ := filepath.Glob(filepath.Join(dir, "events-*.jsonl"))
		for _, path := range files[:len(files)-1] {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range []*audit.Follower{f, follow(t, l, at)} { // one that runs, and one that begins
			got := drain(t, f)
			if len(got) == 0 || got[len(got)-1] != 43 || f.Missing != got[0]-4 || f.Missing == 0 || !slices.Equal(got, sequence(got[0], 43)) {
				t.Errorf("got %v, %d missing", got, f.Missing)
			}
		}
	})
	t.Run("made anew", func(t *testing.T) {
		t.Parallel()
		l := openLog(t, t.TempDir(), 500)
		writeEvents(t, l, 20)
		f := follow(t, l, audit.Head{Sequence: 7, Hash: [32]byte{1}})
		if got := drain(t, f); !slices.Equal(got, sequence(1, 20)) || !f.Misplaced {
			t.Errorf("got %v, misplaced %t", got, f.Misplaced)
		}
	})
	t.Run("its end was lost", func(t *testing.T) {
		t.Parallel()
		l := openLog(t, t.TempDir(), 500)
		writeEvents(t, l, 20)
		f := follow(t, l, audit.Head{Sequence: 25, Hash: [32]byte{1}})
		writeEvents(t, l, 2)
		if got := drain(t, f); !slices.Equal(got, sequence(21, 22)) || !f.Misplaced {
			t.Errorf("got %v, misplaced %t", got, f.Misplaced)
		}
	})
	t.Run("a line was cut off", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		l := openLog(t, dir, 1<<20)
		writeEvents(t, l, 2)
		f := follow(t, l, audit.Head{})
		live, err := os.OpenFile(filepath.Join(dir, "events.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = live.WriteString(`{"requestId":"cut`)
		if got := drain(t, f); !slices.Equal(got, sequence(1, 2)) {
			t.Errorf("got %v", got)
		}
		_, _ = live.WriteString("\n")
		_ = live.Close()
		writeEvents(t, l, 1)
		if got := drain(t, f); !slices.Equal(got, []uint64{3}) {
			t.Errorf("got %v behind the cut line", got)
		}
	})
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		if _, err := audit.NewLog(&strings.Builder{}).Follow(audit.Head{}); err == nil {
			t.Error("a record that is no file is followed")
		}
	})
}
