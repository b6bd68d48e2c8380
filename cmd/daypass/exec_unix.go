//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"

	"github.com/spf13/cobra"
)

// runInstead makes this process the program: its signals, its exit code and its
// terminal are its own. It returns only if that fails.
func runInstead(_ *cobra.Command, path string, args, environ []string) error {
	return cannotRun(args[0], syscall.Exec(path, args, environ))
}

// handedOn are the signals that a program beside this one is sent. A terminal sends
// its own to both.
func handedOn(onTerminal bool) []os.Signal {
	signals := []os.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
	if !onTerminal {
		signals = append(signals, syscall.SIGINT, syscall.SIGQUIT)
	}
	return signals
}

// signalOf is the number of the signal that ended a program.
func signalOf(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return int(status.Signal())
	}
	return 0
}
