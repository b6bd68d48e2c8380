package masterkey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func create(tb testing.TB) (*Key, string) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "master.key")
	key, err := Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	return key, path
}

func TestCreateLoad(t *testing.T) {
	t.Parallel()
	created, path := create(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode(); mode != 0o600 {
		t.Errorf("mode %v, want -rw-------", mode)
	}
	loaded, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]*Key{{created, loaded}, {loaded, created}} {
		sealed, err := pair[0].Seal([]byte("secret"), []byte("record"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(sealed, []byte("secret")) {
			t.Error("the sealed value shows the secret")
		}
		plain, err := pair[1].Open(sealed, []byte("record"))
		if err != nil || string(plain) != "secret" {
			t.Errorf("Open = %q, %v", plain, err)
		}
	}
}

func TestCreateNeverReplaces(t *testing.T) {
	t.Parallel()
	_, path := create(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path); !errors.Is(err, ErrExists) || !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("Create over a key: %v, want ErrExists with the path", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file changed (%v)", err)
	}
}

func TestCreateWithoutDirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none", "master.key")
	var e *FileError
	if _, err := Create(path); !errors.As(err, &e) || e.Path != path || e.Next == "" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create = %v, want a *FileError that names the file and the next step", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	change := func(f func(text []byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			t.Helper()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	field := func(name string, value any) func(t *testing.T, path string) {
		return change(func(text []byte) []byte {
			var m map[string]any
			if err := json.Unmarshal(text, &m); err != nil {
				panic(err)
			}
			m[name] = value
			text, err := json.Marshal(m)
			if err != nil {
				panic(err)
			}
			return text
		})
	}
	mode := func(mode fs.FileMode) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			t.Helper()
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, path string)
		want  error
		says  string
	}{
		{"missing", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, ErrMissing, "restore"},
		{"a directory", func(t *testing.T, path string) {
			t.Helper()
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, ErrPermissions, "regular file"},
		{"group can read", mode(0o640), ErrPermissions, "0640"},
		{"group can write", mode(0o620), ErrPermissions, "chmod 600"},
		{"others can read", mode(0o604), ErrPermissions, "chmod 600"},
		{"all can read", mode(0o644), ErrPermissions, "0644"},
		{"empty", change(func([]byte) []byte { return nil }), ErrDamaged, "restore"},
		{"cut short", change(func(text []byte) []byte { return text[:len(text)/2] }), ErrDamaged, "restore"},
		{"something after", change(func(text []byte) []byte { return append(text, "{}"...) }), ErrDamaged, "follows"},
		{"too long", change(func(text []byte) []byte { return append(text, bytes.Repeat([]byte(" "), maxFile)...) }), ErrDamaged, "longer"},
		{"unknown version", field("version", 3), ErrDamaged, "version is 3"},
		{"unknown field", field("more", 1), ErrDamaged, "restore"},
		{"no key", field("keyset", ""), ErrDamaged, "sum"},
		{"no sum", field("sum", ""), ErrDamaged, "sum"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, path := create(t)
			tt.spoil(t, path)
			key, err := Load(path)
			if key != nil || !errors.Is(err, tt.want) {
				t.Fatalf("Load = %v, %v, want %v", key, err, tt.want)
			}
			if text := err.Error(); !strings.Contains(text, path) || !strings.Contains(text, tt.says) {
				t.Errorf("%q does not name the file and say %q", text, tt.says)
			}
			if _, err := os.Stat(path); tt.name == "missing" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Load made a file (%v)", err)
			}
		})
	}
}

// Every changed byte of the key in the file is found when it is loaded, and not
// only when the first secret does not open.
func TestLoadFindsEveryChangedByte(t *testing.T) {
	t.Parallel()
	_, path := create(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var from file
	if err := json.Unmarshal(text, &from); err != nil {
		t.Fatal(err)
	}
	for i := range from.Keyset {
		changed := from
		changed.Keyset = bytes.Clone(from.Keyset)
		changed.Keyset[i] ^= 1
		text, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(text, nil); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d changed: %v, want ErrDamaged", i, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	key, _ := create(t)
	other, _ := create(t)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		associated := rapid.SliceOf(rapid.Byte()).Draw(t, "associated")
		sealed, err := key.Seal(plain, associated)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := key.Open(sealed, associated); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Open = %q, %v, want %q", got, err, plain)
		}
		refused := func(what string, k *Key, sealed, associated []byte) {
			if got, err := k.Open(sealed, associated); got != nil || !errors.Is(err, ErrOpen) {
				t.Fatalf("%s: Open = %q, %v, want ErrOpen", what, got, err)
			}
		}
		refused("another key", other, sealed, associated)
		refused("other associated data", key, sealed, append(bytes.Clone(associated), 0))
		changed := bytes.Clone(sealed)
		changed[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "by")
		refused("a changed byte", key, changed, associated)
		refused("cut short", key, sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "length")], associated)
	})
}

func TestZeroKey(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]*Key{"nil": nil, "zero": {}} {
		if _, err := k.Seal([]byte("x"), nil); err == nil {
			t.Errorf("%s key seals", name)
		}
		if _, err := k.Open([]byte("x"), nil); !errors.Is(err, ErrOpen) {
			t.Errorf("%s key opens: %v", name, err)
		}
	}
}

func TestKeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	key, _ := create(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, key); got != "master key" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	key, _ := create(b)
	sealed, err := key.Seal([]byte("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), []byte("record"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Open(sealed, []byte("record")); err != nil {
			b.Fatal(err)
		}
	}
}
