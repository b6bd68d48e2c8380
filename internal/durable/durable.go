// Package durable writes files that are whole or not there, and stay when the
// machine stops.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace writes a file so that a reader sees the old content or the new, whole.
// The file ends with the given mode. Errors name the path.
func Replace(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("durable: write %s: %w", path, err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("durable: write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return syncDir(path)
}

// Create writes a file that must not exist yet: errors.Is(err, fs.ErrExist) if
// it does, and it is left as it is. Errors name the path.
func Create(path string, content []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("durable: %w", err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("durable: write %s: %w", path, errors.Join(err, os.Remove(path)))
	}
	return syncDir(path)
}
