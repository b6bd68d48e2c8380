//go:build unix

package runner

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
)

// errFound ends a search.
var errFound = errors.New("found")

// foreignIn reports whether a directory holds what is another user's.
func foreignIn(dir string, uid int) bool {
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return errFound // what cannot be read is not ours
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // it is gone
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != uid {
			return errFound
		}
		return nil
	})
	return errors.Is(err, errFound)
}
