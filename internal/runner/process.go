//go:build unix

package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// process is one shell with a group of its own, or the client of an engine whose
// container has the shell.
type process struct {
	argv        []string
	dir, script string
	env         []string
	grace       time.Duration
	// terminate and kill reach what the group does not hold; nil for nothing.
	terminate, kill func()
}

// run starts the shell, gives it the script on its standard input, and copies
// its output. With a nil stderr both outputs go to stdout, in order. When it
// returns, no process of the group is left.
func (p *process) run(ctx context.Context, stdout, stderr *Masker) (int, error) {
	if err := context.Cause(ctx); err != nil {
		return -1, ended(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.Command(p.argv[0], p.argv[1:]...) //nolint:noctx // the context ends the whole process group, below, and not the shell alone
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.Stdin = strings.NewReader(p.script)
	// A job that ends before it has read its script is no fault of the runner.
	cmd.WaitDelay = drain
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

	out, err := newCopier(stdout, cancel)
	if err != nil {
		return -1, err
	}
	cmd.Stdout, cmd.Stderr = out.write, out.write
	copiers := []*copier{out}
	if stderr != nil {
		second, err := newCopier(stderr, cancel)
		if err != nil {
			return -1, errors.Join(err, out.abandon())
		}
		cmd.Stderr = second.write
		copiers = append(copiers, second)
	}
	if err := cmd.Start(); err != nil {
		for _, c := range copiers {
			err = errors.Join(err, c.abandon())
		}
		return -1, fmt.Errorf("runner: start the shell: %w", err)
	}
	for _, c := range copiers {
		c.start()
	}
	waited := make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	waitErr := p.wait(ctx, cmd.Process.Pid, waited)
	for _, c := range copiers {
		if err := c.finish(); err != nil {
			cancel(err)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return -1, ended(err)
	}
	return exitCode(waitErr)
}

// wait returns when the shell has ended, by itself or because ctx did. Then it kills
// what is left of the group: a job leaves nothing behind.
func (p *process) wait(ctx context.Context, pid int, waited <-chan error) error {
	// The group outlives its leader as long as it has members, so its number is
	// not used again while there is something to kill. ESRCH means there is not.
	signal := func(s syscall.Signal) { _ = syscall.Kill(-pid, s) }
	defer signal(syscall.SIGKILL)
	select {
	case err := <-waited:
		return err
	case <-ctx.Done():
	}
	if p.terminate != nil {
		p.terminate()
	}
	signal(syscall.SIGTERM)
	timer := time.NewTimer(p.grace)
	defer timer.Stop()
	select {
	case err := <-waited:
		return err
	case <-timer.C:
	}
	if p.kill != nil {
		p.kill()
	}
	signal(syscall.SIGKILL)
	return <-waited
}

// ended words the end by the context.
func ended(cause error) error {
	if errors.Is(cause, ErrTimeout) || errors.Is(cause, ErrCanceled) || errors.Is(cause, errLog) {
		return cause
	}
	return fmt.Errorf("runner: the job was ended: %w", cause)
}

// exitCode takes the code out of what Wait returned. A shell that died of a
// signal has 128 and its number, as bash itself would say.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return 0, nil
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return -1, fmt.Errorf("runner: wait for the shell: %w", err)
}

// copier moves one output from its pipe through a Masker.
type copier struct {
	to          *Masker
	read, write *os.File
	cancel      context.CancelCauseFunc
	reading     atomic.Bool // the goroutine is waiting in Read
	done        chan error
}

func newCopier(to *Masker, cancel context.CancelCauseFunc) (*copier, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("runner: make a pipe: %w", err)
	}
	return &copier{to: to, read: r, write: w, cancel: cancel, done: make(chan error, 1)}, nil
}

// start begins to copy. The end of the pipe that the job writes to is closed
// here, so that reading ends when the last process of the job has ended.
func (c *copier) start() {
	closed := c.write.Close()
	go func() {
		err := errors.Join(c.copy(), c.to.Close(), closed)
		if err != nil {
			err = fmt.Errorf("%w: %w", errLog, err)
			c.cancel(err) // a job whose log is lost is ended
		}
		c.done <- err
	}()
}

// copy moves bytes until the end of the pipe, or until finish closes it.
func (c *copier) copy() error {
	buf := make([]byte, 32<<10)
	for {
		c.reading.Store(true)
		n, err := c.read.Read(buf)
		c.reading.Store(false)
		if n > 0 {
			if _, err := c.to.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrClosed):
			return nil
		case err != nil:
			return err
		}
	}
}

// finish waits for the rest of the output, after the group was killed. A reader
// that still waits for more is held up by a process that left the group.
func (c *copier) finish() error {
	for {
		select {
		case err := <-c.done:
			_ = c.read.Close() // read to its end, or closed below
			return err
		case <-time.After(drain):
			if c.reading.Load() {
				_ = c.read.Close() // makes Read return; its error is the one above
			}
		}
	}
}

// abandon closes a copier that was never started.
func (c *copier) abandon() error { return errors.Join(c.read.Close(), c.write.Close()) }
