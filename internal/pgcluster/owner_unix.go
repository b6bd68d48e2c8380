//go:build unix

package pgcluster

import (
	"fmt"
	"os"
	"os/exec"
	osuser "os/user"
	"strconv"
	"syscall"
)

// owner is whose a server is: the user postgres's where this process is root's, under
// whom a server does not start; otherwise this process's own.
type owner struct{ credential *syscall.Credential }

func findOwner() (owner, error) {
	if os.Getuid() != 0 {
		return owner{}, nil
	}
	found, err := osuser.Lookup("postgres")
	if err != nil {
		return owner{}, fmt.Errorf("pgcluster: the server does not run as root, and there is no user postgres: %w", err)
	}
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		return owner{}, err
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		return owner{}, err
	}
	return owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func (o owner) take(dir string) error {
	if o.credential == nil {
		return nil
	}
	return os.Chown(dir, int(o.credential.Uid), int(o.credential.Gid))
}

func (o owner) run(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Credential: o.credential} }
