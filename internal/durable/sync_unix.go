//go:build !windows

package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// syncDir makes the name of a new file last.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("durable: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("durable: keep the name of %s: %w", path, err)
	}
	return nil
}
