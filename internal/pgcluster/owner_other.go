//go:build !unix

package pgcluster

import (
	"errors"
	"os/exec"
)

// owner is none: what starts a server here is a shell.
type owner struct{}

func findOwner() (owner, error) {
	return owner{}, errors.Join(ErrMissing, errors.ErrUnsupported)
}

func (owner) take(string) error { return nil }
func (owner) run(*exec.Cmd)     {}
