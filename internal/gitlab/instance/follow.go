package instance

import (
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/daypass/daypass/internal/gitlab"
)

// follower serves an issuer as its directory has it now: keys may be rotated,
// settings changed and paths added by other processes. What cannot be read is
// not served, and neither is what was there before: a key that was taken away
// must not go on to vouch.
type follower struct {
	path func(string) string
	url  string
	log  *slog.Logger

	mu     sync.Mutex
	seen   []fs.FileInfo // guarded by mu, like those below
	issuer *gitlab.Issuer
	err    error
}

// ServeHTTP implements http.Handler.
func (f *follower) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	issuer, err := f.current()
	if err != nil {
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	issuer.Handler().ServeHTTP(w, r)
}

// current reads the directory again where it changed.
func (f *follower) current() (*gitlab.Issuer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.stat()
	if same(f.seen, now) && f.issuer != nil {
		return f.issuer, f.err
	}
	settings, err := readSettings(f.path(settingsFile))
	if err == nil {
		f.issuer, err = loadIssuer(f.path, f.url, settings)
	}
	if err != nil && (f.err == nil || f.err.Error() != err.Error()) {
		f.log.Error("the issuer cannot be read and is not served", "error", err)
	}
	f.seen, f.err = now, err
	return f.issuer, err
}

func (f *follower) stat() []fs.FileInfo {
	all := make([]fs.FileInfo, 0, 3)
	for _, name := range []string{keysFile, settingsFile, pathsDir} {
		info, err := os.Stat(f.path(name))
		if err != nil {
			info = nil // loading says why, if it matters
		}
		all = append(all, info)
	}
	return all
}

// same compares what a change of a file changes.
func same(a, b []fs.FileInfo) bool {
	if len(a) != len(b) {
		return false
	}
	for i, x := range a {
		y := b[i]
		if x == nil || y == nil {
			if x != nil || y != nil {
				return false
			}
			continue
		}
		if !os.SameFile(x, y) || x.Size() != y.Size() || !x.ModTime().Equal(y.ModTime()) {
			return false
		}
	}
	return true
}
