// Package goldentest compares what a test makes with what is kept of it: documents
// that are made from code, and tables that nobody may change unseen.
package goldentest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Compare fails the test where a file is not what was made. Where update is set, it
// writes the file first; the flag is the calling package's own, since go test hands a
// flag to every package that it tests.
func Compare(t testing.TB, update bool, path string, made []byte) {
	t.Helper()
	if update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), string(made)); diff != "" {
		t.Errorf("%s is not what the test makes; -update writes it (-file +made):\n%s", path, diff)
	}
}
