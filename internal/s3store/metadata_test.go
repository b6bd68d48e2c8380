package s3store

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/versity/versitygw/backend/meta"
)

// TestLargeAttributes keeps more with one file than ext4 has room for.
func TestLargeAttributes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := probeAttributes(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the file system of temporary files has no extended attributes, and CI must have them: %v", err)
		}
		t.Skip("no extended attributes here:", err)
	}
	m := &metadata{MetadataStorer: meta.XattrMeta{}, overflow: filepath.Join(dir, "overflow")}
	if err := os.Mkdir(m.overflow, dirMode); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // a test's
	large, small := bytes.Repeat([]byte("part sizes "), 10_000), []byte("small")
	for name, value := range map[string][]byte{"mp-metadata": large, "tags": large[1:], etag: small, "metadata": large[:maxAttribute]} {
		if err := m.StoreAttribute(f, dir, "file", name, value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, open := range []*os.File{f, nil} {
			if got, err := m.RetrieveAttribute(open, dir, "file", name); err != nil || !bytes.Equal(got, value) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
	}
	if names, err := m.ListAttributes(dir, "file"); err != nil || len(names) != 4 {
		t.Errorf("ListAttributes: %q, %v", names, err)
	}
	if _, err := m.RetrieveAttribute(f, dir, "file", "none"); err != meta.ErrNoSuchKey { //nolint:errorlint // the server compares so
		t.Errorf("an attribute that is not there: %v", err)
	}
	if err := os.RemoveAll(m.overflow); err != nil {
		t.Fatal(err)
	}
	if _, err := m.RetrieveAttribute(f, dir, "file", "tags"); err == nil || !strings.Contains(err.Error(), "is lost") {
		t.Errorf("a lost value: %v", err)
	}
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"": "empty", "a": "", "a/": "", "/": "begins with a slash", "a//": "two in a row", "a/./b": ". or ..", "..": ". or ..", "a/..": ". or ..",
		"...": "", "meta": "", "a/.sgwtmp": "which is the store", "a/.b.sgwtmp.12": "own files", ".b.sgwtmp.x": "", "\xff": "UTF-8", "a\x1b": "control", "a\r\n": "", strings.Repeat("x", 228): "too long",
		strings.Repeat("x/", 513): "too long",
	} {
		err := checkKey(key, false)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", key, err, want)
		}
	}
	if checkKey("a/meta/b", true) == nil {
		t.Error("with metadata in files, a key has meta")
	}
}
