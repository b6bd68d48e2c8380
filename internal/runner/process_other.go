//go:build !unix

package runner

import (
	"context"
	"errors"
	"time"
)

// process stands where there are no process groups and no bash.
type process struct {
	bash, dir, script string
	env               []string
	grace             time.Duration
}

func (*process) run(context.Context, *Masker, *Masker) (int, error) {
	return -1, errors.New("runner: jobs are run by bash, on Unix systems only")
}
