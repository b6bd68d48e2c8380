//go:build !unix

package main

import (
	"os"
	"os/exec"

	"github.com/spf13/cobra"
)

// runInstead runs the program with this process's streams, and ends as it does: a
// process cannot become another here.
func runInstead(c *cobra.Command, path string, args, environ []string) error {
	return runBeside(c, path, args, environ)
}

// handedOn are the signals that a program beside this one is sent: the console sends
// its own to both.
func handedOn(bool) []os.Signal { return []os.Signal{os.Interrupt} }

func signalOf(*exec.ExitError) int { return 0 }
