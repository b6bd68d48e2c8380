package jwks

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/daypass/daypass/internal/oidc"
)

const pinnedIssuer = "https://gitlab.internal"

// pinned is a cache whose one provider has its keys in a file, and what it logs.
func pinned(t *testing.T, clock *clock, text string) (c *Cache, path string, logged *bytes.Buffer) {
	t.Helper()
	path, logged = filepath.Join(t.TempDir(), "keys.json"), &bytes.Buffer{}
	write(t, path, text)
	return clock.cache(only(pinnedIssuer, ProviderSettings{KeysFile: path}), func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(logged, nil))
	}), path, logged
}

// TestPinnedKeys: no host is asked, a new file is seen, and a bad one changes
// nothing and is logged once.
func TestPinnedKeys(t *testing.T) {
	t.Parallel()
	var clock clock
	p := Provider{Issuer: pinnedIssuer}
	c, path, logged := pinned(t, &clock, keysDocument([]string{"one"}))
	want(t, c, p, "one", true)
	want(t, c, p, "two", false)

	write(t, path, keysDocument([]string{"two"}))
	clock.advance(fileInterval - 1)
	want(t, c, p, "two", false)
	clock.advance(1)
	want(t, c, p, "two", true)
	want(t, c, p, "one", false)
	if !strings.Contains(logged.String(), "read again") {
		t.Errorf("logged %q", logged)
	}

	logged.Reset()
	for _, bad := range []string{"", "<html>", `{"keys":[{"kty":"oct","kid":"one","k":"AA"}]}`, strings.Repeat(" ", oidc.MaxKeySetBytes+1)} {
		write(t, path, bad)
		for range 3 {
			clock.advance(fileInterval)
			want(t, c, p, "two", true)
		}
	}
	if n := strings.Count(logged.String(), "the keys read before stay in use"); n != 3 {
		t.Errorf("3 problems were logged %d times: %s", n, logged)
	}
	// The same good text again, and a set that withdraws all.
	for _, good := range []string{keysDocument([]string{"two"}), `{"keys":[]}`} {
		write(t, path, good)
		clock.advance(fileInterval)
		want(t, c, p, "two", strings.Contains(good, "two"))
	}
	if thumbprint, err := c.Thumbprint(t.Context(), pinnedIssuer); thumbprint != "" || err != nil {
		t.Errorf("thumbprint %q, error %v", thumbprint, err)
	}
}

// TestPinnedKeysThatWereNeverRead: the server does not start with such a file
// (Settings.Check); one that vanishes between is an error of its own kind, and
// is looked for again.
func TestPinnedKeysThatWereNeverRead(t *testing.T) {
	t.Parallel()
	var clock clock
	c, path, _ := pinned(t, &clock, "<html>")
	for range 2 {
		_, err := c.Keys(t.Context(), Provider{Issuer: pinnedIssuer}, "one")
		wantKind(t, err, ErrKeysFile)
		if err == nil || !strings.Contains(err.Error(), "not JSON") {
			t.Errorf("error is %v", err)
		}
	}
	write(t, path, keysDocument([]string{"one"}))
	want(t, c, Provider{Issuer: pinnedIssuer}, "one", true)
}

// TestPinnedDevice: a file that would never end is not begun.
func TestPinnedDevice(t *testing.T) {
	t.Parallel()
	for _, path := range []string{t.TempDir(), "/dev/zero"} {
		if _, _, err := readKeysFile(path); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s: error is %v", path, err)
		}
	}
}

// TestPinnedCrowd: many at once, while the file changes.
func TestPinnedCrowd(t *testing.T) {
	t.Parallel()
	var clock clock
	c, path, _ := pinned(t, &clock, keysDocument([]string{"one"}))
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for range 20 {
				if keys, err := c.Keys(t.Context(), Provider{Issuer: pinnedIssuer}, "one"); err != nil || !keys.Has("one") {
					t.Errorf("keys %v, error %v", keys, err)
				}
				clock.advance(fileInterval)
			}
		})
	}
	write(t, path+".new", keysDocument([]string{"one", "two"}))
	group.Wait()
}
