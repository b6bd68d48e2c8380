package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// Limits of GitLab Runner: after_script has 5 minutes (RUNNER_AFTER_SCRIPT_TIMEOUT),
// and a process that was told to end has a while before it is killed.
const (
	AfterScriptTimeout = 5 * time.Minute
	defaultGrace       = 10 * time.Second
)

// Spec is one job to run. Job, Dir, Stdout and Now are required.
type Spec struct {
	// Job is the job of the .gitlab-ci.yml. Its Variables are not read: see
	// Variables.
	Job *ci.Job
	// Variables of the job, unexpanded, a later one wins: what
	// gitlab.Job.Variables returns. The runner adds CI_PROJECT_DIR and
	// CI_BUILDS_DIR before them, and CI_JOB_STATUS after.
	Variables []ci.Variable
	// IDTokens by the name of their variable. They win over Variables and are
	// masked in the output.
	IDTokens map[string]string
	// Dir is the project's directory, in which the job starts.
	Dir string
	// Home is the job's HOME. Empty means a fresh one that is removed at the end.
	Home string
	// Shell is the path of bash. Empty means the one in PATH.
	Shell string
	// Environ is the environment of the caller, of which a few variables are
	// handed on (see the package comment). Nil means os.Environ().
	Environ []string
	// Stdout gets the job's log. Stderr gets what the job writes to its standard
	// error; nil means into Stdout as well, in order, as in GitLab's job log.
	// If it is set, both are written to at the same time, each by one goroutine.
	Stdout, Stderr io.Writer
	// Colour paints the echoed commands as GitLab does.
	Colour bool
	// Grace is how long the processes of a job that is ended early may take
	// before they are killed; 10 seconds if zero.
	Grace time.Duration
	// Now is the clock, for Result.Duration.
	Now func() time.Time
}

// Result is how the job ended.
type Result struct {
	// ExitCode is that of the script: 0 if the job succeeded. It is -1 where
	// Run returned an error.
	ExitCode int
	Duration time.Duration
}

// ErrTimeout says that the job took longer than its timeout.
var ErrTimeout = errors.New("runner: the job took longer than its timeout")

// Run runs the job and waits for its end. A script that fails is no error: its
// code is in the result. The errors are: a Spec that cannot be run; ErrNoBash;
// ErrTimeout; the context's, when it ended first; a writer that failed. In the
// last three cases all processes of the job are gone when Run returns, and
// after_script does not run.
func Run(ctx context.Context, s Spec) (Result, error) {
	failed := Result{ExitCode: -1}
	if err := s.check(); err != nil {
		return failed, err
	}
	start := s.Now()
	r, err := newRun(&s)
	if err != nil {
		return failed, err
	}
	code, err := r.job(ctx)
	// What is left in the temporary directories is the job's; that it cannot be
	// removed is no reason to call the job failed, but it must not pass unseen.
	if removeErr := os.RemoveAll(r.root); removeErr != nil && err == nil {
		err = fmt.Errorf("runner: remove the job's temporary directory: %w", removeErr)
	}
	failed.Duration = s.Now().Sub(start)
	if err != nil {
		return failed, err
	}
	return Result{ExitCode: code, Duration: failed.Duration}, nil
}

// check completes the Spec and refuses what cannot be run.
func (s *Spec) check() error {
	switch {
	case s.Job == nil || len(s.Job.Script) == 0:
		return errors.New("runner: there is no job with a script to run")
	case s.Stdout == nil:
		return errors.New("runner: a job needs a writer for its log")
	case s.Now == nil:
		return errors.New("runner: a job needs a clock")
	}
	info, err := os.Stat(s.Dir)
	if err != nil {
		return fmt.Errorf("runner: the project's directory: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("runner: the project's directory %s is not a directory", s.Dir)
	}
	if s.Dir, err = filepath.Abs(s.Dir); err != nil {
		return fmt.Errorf("runner: the project's directory: %w", err)
	}
	if s.Environ == nil {
		s.Environ = os.Environ()
	}
	if s.Grace <= 0 {
		s.Grace = defaultGrace
	}
	return nil
}

// run is one job being run.
type run struct {
	*Spec
	root    string // temporary directory, removed at the end
	bash    string
	env     []string
	exports []export
	secrets []string
}

// newRun makes the directories and the environment.
func newRun(s *Spec) (_ *run, err error) {
	r := &run{Spec: s}
	if r.root, err = os.MkdirTemp("", "daypass-job-"); err != nil {
		return nil, fmt.Errorf("runner: make a temporary directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(r.root))
		}
	}()
	home, tmp, files := filepath.Join(r.root, "home"), filepath.Join(r.root, "tmp"), filepath.Join(r.root, "variables")
	for _, dir := range []string{home, tmp, files} {
		if err = os.Mkdir(dir, 0o700); err != nil {
			return nil, fmt.Errorf("runner: make a temporary directory: %w", err)
		}
	}
	if s.Home != "" {
		home = s.Home
	}
	r.env = baseEnvironment(s.Environ, home, tmp)
	if r.bash = s.Shell; r.bash == "" {
		if r.bash, err = findBash(valueOf(r.env, "PATH")); err != nil {
			return nil, err
		}
	} else if _, err = os.Stat(r.bash); err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrNoBash, r.bash, err)
	}
	if r.exports, r.secrets, err = s.exports(files); err != nil {
		return nil, err
	}
	return r, nil
}

// job runs the script, then after_script.
func (r *run) job(ctx context.Context) (int, error) {
	limited := ctx
	if r.Job.Timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeoutCause(ctx, r.Job.Timeout, ErrTimeout)
		defer cancel()
	}
	code, err := r.shell(limited, allScript(r.Job), "running")
	if err != nil {
		return -1, err
	}
	if len(r.Job.AfterScript) == 0 {
		return code, nil
	}
	return code, r.afterScript(ctx, code)
}

// afterScript runs after_script, whose failure is told and otherwise ignored.
func (r *run) afterScript(ctx context.Context, code int) error {
	status := "success"
	if code != 0 {
		status = "failed"
	}
	if err := r.say(boldGreen, "Running after script..."); err != nil {
		return err
	}
	limited, cancel := context.WithTimeoutCause(ctx, AfterScriptTimeout, ErrTimeout)
	defer cancel()
	after, err := r.shell(limited, r.Job.AfterScript, status)
	switch {
	case errors.Is(err, ErrTimeout):
		return r.say(yellow, fmt.Sprintf("WARNING: after_script took longer than %s, ignored", AfterScriptTimeout))
	case err != nil:
		return err
	case after != 0:
		return r.say(yellow, fmt.Sprintf("WARNING: after_script failed, but job will continue unaffected: exit code %d", after))
	}
	return nil
}

// say writes one line of the runner's own into the log.
func (r *run) say(sgr, line string) error {
	if _, err := io.WriteString(r.Stdout, paint(r.Colour, sgr, line)+"\n"); err != nil {
		return fmt.Errorf("runner: write the log: %w", err)
	}
	return nil
}

// shell runs the items in one bash.
func (r *run) shell(ctx context.Context, items []string, status string) (int, error) {
	all := append(append([]export(nil), r.exports...), export{"CI_JOB_STATUS", status})
	p := process{
		bash: r.bash, dir: r.Dir, env: r.env, grace: r.Grace,
		script: writeScript(items, all, r.Colour),
	}
	stdout := NewMasker(r.Stdout, r.secrets)
	var stderr *Masker
	if r.Stderr != nil {
		stderr = NewMasker(r.Stderr, r.secrets)
	}
	return p.run(ctx, stdout, stderr)
}
