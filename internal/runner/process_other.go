//go:build !unix

package runner

import (
	"context"
	"errors"
	"time"
)

// process stands where there are no process groups and no POSIX shells.
type process struct {
	argv            []string
	dir, script     string
	env             []string
	grace           time.Duration
	terminate, kill func()
}

func (*process) run(context.Context, *Masker, *Masker) (int, error) {
	return -1, errors.New("runner: jobs run in a POSIX shell or a container of Linux, which this system does not have; on Windows, run daypass for Linux in WSL (wsl --install)")
}

// foreignIn is of use with containers only.
func foreignIn(string, int) bool { return false }
