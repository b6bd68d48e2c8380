package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/backup"
	"github.com/daypass/daypass/internal/masterkey"
)

func newKey(t testing.TB) *masterkey.Key {
	t.Helper()
	key, err := masterkey.Create(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// written is a backup of three files.
func written(t testing.TB, key backup.Sealer, recipients ...backup.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := backup.NewWriter(&b, backup.Header{Version: "v1", Created: noon, Revision: 7, Accounts: []string{"123456789012"}}, recipients...)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"one", "", strings.Repeat("three", 300)} {
		if err := w.Add(fmt.Sprintf("dir/%d", i), int64(len(text)), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(key); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(text []byte, identities ...backup.Identity) (*backup.Contents, map[string]string, error) {
	files := map[string]string{}
	c, err := backup.Read(bytes.NewReader(text), func(name string, _ int64, file io.Reader) error {
		got, err := io.ReadAll(file)
		files[name] = string(got)
		return err
	}, identities...)
	return c, files, err
}

func TestReadIsTheInverseOfWrite(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	recipients, err := backup.Recipients([]string{"age125egeyf94mnu50cmneu7rk8tuklej9gr5mpa2zmf5x90mt2x7a9q9gu7kf"})
	if err != nil {
		t.Fatal(err)
	}
	identities, err := backup.Identities(strings.NewReader("AGE-SECRET-KEY-1PKLWX022EL2SKYDNKFYTR6ZY33H8QT797ZZG9QPTKAY0EQE82VSSYE2585\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"clear": written(t, key), "encrypted": written(t, key, recipients...)} {
		c, files, err := read(text, identities...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(files) != 3 || files["dir/0"] != "one" || len(files["dir/2"]) != 1500 || c.Header.Revision != 7 || !c.Header.Created.Equal(noon) {
			t.Errorf("%s: read %v, %v", name, files, c.Header)
		}
		if err := c.CheckSeal(key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.CheckSeal(newKey(t)); !errors.Is(err, backup.ErrSeal) {
			t.Errorf("%s: another key's seal: %v", name, err)
		}
	}
	if _, _, err := read(written(t, key, recipients...)); !errors.Is(err, backup.ErrEncrypted) {
		t.Errorf("without identity: %v", err)
	}
}

// A backup that was cut off anywhere, or of which any byte was changed, is refused, or
// gives the same files: there are bits in the headers of gzip and tar that say nothing.
func TestDamageIsSeen(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	text := written(t, key)
	_, want, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(text); n += 3 { // each is 40 KiB of gzip's tables
		if _, _, err := read(text[:n]); !errors.Is(err, backup.ErrDamaged) {
			t.Fatalf("cut off after %d of %d bytes: %v", n, len(text), err)
		}
		changed := bytes.Clone(text)
		changed[n] ^= 0x10
		c, got, err := read(changed)
		if err != nil {
			if !errors.Is(err, backup.ErrDamaged) && !errors.Is(err, backup.ErrNewer) {
				t.Fatalf("byte %d changed: %v", n, err)
			}
			continue
		}
		if c.CheckSeal(key) == nil && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("byte %d changed, and it is read as %v", n, got)
		}
	}
}

// Who does not have the key can write a backup that is whole, and not one that is sealed.
func TestForgedManifest(t *testing.T) {
	t.Parallel()
	c, _, err := read(written(t, newKey(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckSeal(newKey(t)); !errors.Is(err, backup.ErrSeal) {
		t.Errorf("a forged backup is taken: %v", err)
	}
}

// No file leads out of the directory that a backup is taken apart in.
func TestNames(t *testing.T) {
	t.Parallel()
	w, err := backup.NewWriter(io.Discard, backup.Header{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "../a", "/a", "a/../b", "a//b", "a\\b", "C:a", "a\x00", "manifest.json", "manifest.seal", "daypass-backup.json"} {
		if err := w.Add(name, 0, strings.NewReader("")); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestPassphraseOfAFewLetters(t *testing.T) {
	t.Parallel()
	if _, _, err := backup.Passphrase("secret\n"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

// Whatever stands there is refused or read; nothing is kept under a name that leads out.
func FuzzRead(f *testing.F) {
	f.Add(written(f, newKey(f)))
	f.Add([]byte("age-encryption.org/v1\n-> "))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := backup.Read(bytes.NewReader(text), func(name string, size int64, file io.Reader) error {
			if !filepath.IsLocal(name) {
				t.Errorf("a file is named %q", name)
			}
			_, err := io.CopyN(io.Discard, file, size)
			return err
		})
		if err == nil || errors.Is(err, backup.ErrDamaged) || errors.Is(err, backup.ErrNewer) || errors.Is(err, backup.ErrEncrypted) {
			return
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v", err)
		}
	})
}
