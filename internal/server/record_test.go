package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/daypass/daypass/internal/server"
)

// TestRecordEnd: a server that has stopped has kept in its store how far its events
// had come, so that a record which is cut off or made anew shows it.
func TestRecordEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		r := mustStart(t, newConfig(dir))
		for range 3 {
			r.do(t, http.MethodGet, "/?Action=GetCallerIdentity&Version=2011-06-15", nil)
		}
		r.mustStop(t)
	}
	sound := func(what string, want bool) {
		t.Helper()
		v, err := server.VerifyRecord(t.Context(), dir, "")
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if v.Sound() != want || v.Kept != 1 {
			t.Errorf("%s: sound %v, %d heads kept: %+v", what, v.Sound(), v.Kept, v.Findings)
		}
	}
	sound("whole", true)
	path := filepath.Join(dir, "events.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	sound("cut off", false)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := server.VerifyRecord(t.Context(), dir, ""); err == nil {
		t.Error("a record that is gone is no error")
	}
}
