package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzReadIndex: an index that somebody else wrote makes nothing panic, takes no
// more memory than it is long, and names only pieces of the segment.
func FuzzReadIndex(f *testing.F) {
	var record bytes.Buffer
	log := NewLog(&record)
	for n := range 3 {
		if err := log.Write(&Event{Time: time.Unix(int64(n), 0), RequestID: "r"}); err != nil {
			f.Fatal(err)
		}
	}
	blocks, pairs, err := indexOf(bytes.NewReader(record.Bytes()))
	if err != nil {
		f.Fatal(err)
	}
	size := int64(record.Len())
	f.Add(encodeIndex(size, blocks, pairs))
	f.Add([]byte(indexMagic))
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := readIndex(bytes.NewReader(text), int64(len(text)), size)
		if err != nil {
			return
		}
		found, err := x.candidates(&Query{RequestID: "r"})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range found {
			if from, to := x.bounds(i); from < 0 || from > to || to > size {
				t.Errorf("block %d is from %d to %d of %d bytes", i, from, to, size)
			}
		}
	})
}

// FuzzRecord: whatever bytes a file of events has, searches in both orders find the
// same events, and nothing fails but a line that is too long.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("{\"requestId\":\"r\"}\n{\"requestId\":\"s\"}\n\n{}"))
	f.Add([]byte("null\n[]\n{\"time\":\"x\"}\n{\"sequence\":-1}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "events.jsonl")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		var found [2][]string
		for i, newestFirst := range []bool{false, true} {
			for r, err := range Search(path, Query{}, newestFirst, nil) {
				if err != nil {
					t.Fatal(err)
				}
				found[i] = append(found[i], string(r.Line))
				_ = r.CloudTrail()
			}
		}
		for i, line := range found[0] {
			if other := found[1][len(found[1])-1-i]; line != other {
				t.Fatalf("oldest first %q, newest first %q", line, other)
			}
		}
		if len(found[0]) != len(found[1]) {
			t.Fatalf("%d and %d events", len(found[0]), len(found[1]))
		}
		report, err := Verify(path)
		if err != nil {
			t.Fatal(err)
		}
		log, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Write(&Event{RequestID: "fuzz-last"}); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		after, err := Verify(path)
		if err != nil {
			t.Fatal(err)
		}
		if after.Sound() != report.Sound() && report.Sound() {
			t.Fatalf("an event behind a sound record made it unsound: %+v", after.Findings)
		}
		last, err := first(path)
		if err != nil || !strings.Contains(last, "fuzz-last") {
			t.Fatalf("the newest is %q, %v", last, err)
		}
	})
}

func first(path string) (string, error) {
	for r, err := range Search(path, Query{}, true, nil) {
		return string(r.Line), err
	}
	return "", nil
}
