package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Exit codes of a command that could not be run, as shells have them.
const (
	exitCannotRun = 126
	exitNoProgram = 127
)

// codedError ends the process with a code of its own.
type codedError struct {
	error
	code int
}

// Unwrap gives what was wrong.
func (e codedError) Unwrap() error { return e.error }

// lookProgram finds a program as a shell does.
func lookProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	return "", cannotRun(name, err)
}

func cannotRun(name string, err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return codedError{fmt.Errorf("there is no command %s", shownCell(name)), exitNoProgram}
	}
	return codedError{fmt.Errorf("%s cannot be run: %w", shownCell(name), err), exitCannotRun}
}

// cacheDir is where kept credentials live.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("where credentials are kept: %w; name a directory with --cache-dir, or keep none with --no-cache", err)
	}
	return filepath.Join(dir, "daypass", "credentials"), nil
}
