//go:build unix

package main

import (
	"syscall"

	"github.com/spf13/cobra"
)

// runInstead makes this process the program: its signals, its exit code and its
// terminal are its own. It returns only if that fails.
func runInstead(_ *cobra.Command, path string, args, environ []string) error {
	return cannotRun(args[0], syscall.Exec(path, args, environ)) //nolint:gosec // it is what a person asked for
}
