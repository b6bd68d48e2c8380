package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrNoEngine says that no container engine answers on this machine.
var ErrNoEngine = errors.New("runner: no container engine answers")

// engineAnswers is how long an engine may take to say that it is there, and
// engineWorks how long one of its commands that moves no data may take.
const (
	engineAnswers = 10 * time.Second
	engineWorks   = 30 * time.Second
)

// Engine is the command line of a container engine: docker, or podman, which
// takes the same commands.
type Engine struct {
	// Path of the client.
	Path string
	// Environ is its environment: it finds its engine and its registries by it.
	Environ []string
}

// FindEngine looks for docker, then podman, on the PATH of the environment, and
// asks each whether its engine answers: a client alone runs nothing. The error is
// ErrNoEngine with what each said.
func FindEngine(ctx context.Context, environ []string) (*Engine, error) {
	var said []error
	for _, name := range []string{"docker", "podman"} {
		path := findProgram(valueOfLast(environ, "PATH"), name)
		if path == "" {
			said = append(said, fmt.Errorf("there is no %s on PATH", name))
			continue
		}
		e := &Engine{Path: path, Environ: environ}
		limited, stop := context.WithTimeout(ctx, engineAnswers)
		_, err := e.output(limited, "ps", "--quiet")
		stop()
		if err == nil {
			return e, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		said = append(said, err)
	}
	words := make([]string, len(said))
	for i, err := range said {
		words[i] = err.Error()
	}
	return nil, fmt.Errorf("%w: %s", ErrNoEngine, strings.Join(words, "; "))
}

// findProgram looks in the absolute directories of a PATH.
func findProgram(pathList, name string) string {
	for _, dir := range filepath.SplitList(pathList) {
		if path := filepath.Join(dir, name); filepath.IsAbs(dir) && executable(path) {
			return path
		}
	}
	return ""
}

// valueOfLast is the value of a variable of an environment, of which the last
// one counts.
func valueOfLast(environ []string, name string) string {
	for _, kv := range slices.Backward(environ) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// name is docker or podman, or whatever the program is called.
func (e *Engine) name() string { return filepath.Base(e.Path) }

// output runs a command of the engine and returns what it printed. The error has
// the line of its standard error that tells of one; before that, clients tell that
// they pull an image.
func (e *Engine) output(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, e.Path, args...)
	c.Env = e.Environ
	c.WaitDelay = drain
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %s", e.name(), args[0], e.complaint(said.String(), err))
	}
	return strings.TrimSpace(out.String()), nil
}

// complaint is the line that says what is wrong: the first that begins as the
// clients' errors do, or the first of all.
func (e *Engine) complaint(said string, err error) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, e.name()+": ") {
			return line
		}
	}
	if lines[0] == "" {
		return err.Error()
	}
	return lines[0]
}

// combined is output with what the command wrote on its standard error as well.
func (e *Engine) combined(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, e.Path, args...)
	c.Env = e.Environ
	c.WaitDelay = drain
	text, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", e.name(), args[0], err)
	}
	return strings.TrimSpace(string(text)), nil
}
