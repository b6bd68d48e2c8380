package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
)

const (
	killDirVariable = "DAYPASS_STORETEST_KILL_DIR" // set in the child process alone
	killRounds      = 3
	killWriters     = 4
	killAfter       = 60 // acknowledged updates
)

// KillDuringWrites asks for durability. It runs the calling test again in a
// process of its own, which opens the store that open keeps in dir and writes
// without end; it kills that process with SIGKILL, opens the store itself and
// asks whether every acknowledged update is there and no part of another. It
// does so several times on one store.
//
// The calling test must do nothing but call this. What it cannot ask is
// whether the disk kept its word: that takes pulling the plug.
func KillDuringWrites(t *testing.T, open func(ctx context.Context, dir string) (store.Store, error)) {
	t.Helper()
	if dir := os.Getenv(killDirVariable); dir != "" {
		writeUntilKilled(t, dir, open)
		return
	}
	dir := t.TempDir()
	for round := range killRounds {
		acknowledged := killedChild(t, dir)
		s, err := open(t.Context(), dir)
		if err != nil {
			t.Fatalf("round %d: the store does not open after the kill: %v", round, err)
		}
		checkAfterKill(t, s, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killedChild starts the child, kills it and returns the last update that each
// writer had acknowledged.
func killedChild(t *testing.T, dir string) map[string]int {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	child := exec.CommandContext(t.Context(), executable, "-test.run=^"+t.Name()+"$", "-test.count=1")
	child.Env = append(os.Environ(), killDirVariable+"="+dir)
	child.ExtraFiles = []*os.File{writer} // 3 in the child
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[string]int{}
	lines := 0
	for scanner := bufio.NewScanner(reader); scanner.Scan(); {
		var series string
		var n int
		if _, err := fmt.Sscanf(scanner.Text(), "%s %d", &series, &n); err != nil {
			break // the kill cut the line: not acknowledged
		}
		acknowledged[series] = max(acknowledged[series], n)
		if lines++; lines == killAfter {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			// Go on reading: what it said before it died counts.
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	if lines < killAfter {
		t.Fatalf("the child died after %d updates, before it was killed", lines)
	}
	return acknowledged
}

// writeUntilKilled is the child. Each update of a writer adds one to its
// counter and makes two records of that number, one of them in place of an
// older one that it deletes; then it marks the number as used.
func writeUntilKilled(t *testing.T, dir string, open func(ctx context.Context, dir string) (store.Store, error)) {
	t.Helper()
	s, err := open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	report := os.NewFile(3, "report")
	var wg sync.WaitGroup
	for i := range killWriters {
		wg.Go(func() {
			series := fmt.Sprintf("w%d", i)
			for t.Context().Err() == nil {
				var n int
				_, err := s.Update(t.Context(), func(tx store.Tx) error {
					var err error
					if n, err = addOne(tx, roleID(series)); err != nil {
						return err
					}
					if n > 1 {
						err = tx.Delete(roleID(name(series+"-last", n-1)))
					}
					return errors.Join(err,
						tx.Put(roleID(name(series+"-last", n)), nil),
						tx.Put(roleID(name(series, n)), []byte(strconv.Itoa(n))))
				})
				if err != nil {
					t.Error(err)
					return
				}
				if first, err := s.UseOnce(t.Context(), series, strconv.Itoa(n), onceAt, onceAt.Add(time.Hour)); err != nil || !first {
					t.Errorf("the use of %s %d is first: %v, %v", series, n, first, err)
					return
				}
				// One write of less than a pipe's buffer: it is not mixed with others.
				if _, err := fmt.Fprintf(report, "%s %d\n", series, n); err != nil {
					return // the parent is gone
				}
			}
		})
	}
	wg.Wait()
}

func checkAfterKill(t *testing.T, s store.Store, acknowledged map[string]int) {
	t.Helper()
	st := state{}
	revision, err := follow(t.Context(), s, st, 0, 7)
	if err != nil {
		t.Fatal(err)
	}
	wantRevision(t, s, revision)
	total, records := 0, 0
	for i := range killWriters {
		series := fmt.Sprintf("w%d", i)
		n := 0
		if document, there := st[roleID(series)]; there {
			if n, err = strconv.Atoi(document); err != nil {
				t.Fatal(err)
			}
			records += n + 2 // the counter, its numbers, the last of them once more
		}
		if last := acknowledged[series]; last > 0 {
			wantFirst(t, s, series, strconv.Itoa(last), onceAt, onceAt.Add(time.Hour), false)
		}
		if n < acknowledged[series] || n > acknowledged[series]+1 {
			t.Errorf("%s is at %d; %d was acknowledged and one more may have been under way", series, n, acknowledged[series])
		}
		for k := 1; k <= n; k++ {
			if st[roleID(name(series, k))] != strconv.Itoa(k) {
				t.Errorf("%s lacks what update %d wrote", series, k)
			}
		}
		if _, there := st[roleID(name(series+"-last", n))]; n > 0 && !there {
			t.Errorf("%s lacks its last record %d", series, n)
		}
		total += n
	}
	if int64(total) != revision {
		t.Errorf("%d updates are there at revision %d", total, revision)
	}
	if len(st) != records {
		t.Errorf("there are %d records, want %d: a part of an update was kept", len(st), records)
	}
}
