//go:build !unix

package main

import (
	"errors"
	"os/exec"

	"github.com/spf13/cobra"
)

// runInstead runs the program with this process's streams, and ends as it does. What
// interrupts this process on a console interrupts both.
func runInstead(c *cobra.Command, path string, args, environ []string) error {
	program := exec.Command(path, args[1:]...) //nolint:gosec,noctx // it is what a person asked for
	program.Args[0], program.Env = args[0], environ
	program.Stdin, program.Stdout, program.Stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
	err := program.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &exitError{exit.ExitCode()}
	}
	if err != nil {
		return cannotRun(args[0], err)
	}
	return nil
}
