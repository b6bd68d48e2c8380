//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package durable

import (
	"fmt"
	"os"
)

// CanLock says whether this system has locks that TryLock knows how to take.
const CanLock = false

// TryLock opens the file and locks nothing: see CanLock.
func TryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("durable: %w", err)
	}
	return f, nil
}
