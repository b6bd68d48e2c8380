package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// Spec is one job to run. Job, Dir, Stdout and Now are required.
type Spec struct {
	// Job is the job of the .gitlab-ci.yml. Its scripts are read, and nothing
	// else of it.
	Job *ci.Job
	// Variables of the job, unexpanded, a later one wins: what
	// gitlab.Job.Variables returns. The runner adds CI_PROJECT_DIR and
	// CI_BUILDS_DIR before them, and CI_JOB_STATUS after.
	Variables []ci.Variable
	// Resolve, if it is set, fetches the job's secrets before anything else: as
	// variables, which win over Variables. Its error is a failure of the system.
	Resolve func(context.Context, *Log) ([]ci.Variable, error)
	// IDTokens by the name of their variable. They win over Variables and are
	// masked in the output.
	IDTokens map[string]string
	// Timeout is how long the whole job may take. 0 is no limit.
	Timeout time.Duration
	// Dir is the project's directory, in which the job starts.
	Dir string
	// BuildsDir is CI_BUILDS_DIR; by default the directory that Dir is in.
	BuildsDir string
	// Files is where the files of file variables are written; GitLab Runner's is
	// Dir with ".tmp" after it. It is made where it is missing, and not removed.
	// Empty means a fresh one that is removed at the end.
	Files string
	// Home is the job's HOME. Empty means a fresh one that is removed at the end.
	// A container has its own.
	Home string
	// Shell is the path of the shell. Empty means bash in PATH, or else the first
	// of bash and sh where GitLab Runner looks for them.
	Shell string
	// Container is the image in which the job runs; nil means this machine.
	Container *Container
	// Environ is the environment of the caller, of which a few variables are
	// handed on (see the package comment). Nil means os.Environ().
	Environ []string
	// Prepare, if it is set, fills Dir before the script runs: sources, and
	// artifacts of other jobs. Its error is a failure of the system, unless it is
	// a *JobError.
	Prepare func(context.Context, *Log) error
	// Finish, if it is set, takes from Dir what is to be kept, after after_script
	// and whatever the result. Its error fails a job that had succeeded.
	Finish func(context.Context, *Log, Result) error
	// Canceled cancels the job once it is closed: the script is ended, and
	// after_script runs. The end of Run's context ends both.
	Canceled <-chan struct{}
	// Stdout gets the job's log. Stderr gets what the job writes to its standard
	// error; nil means into Stdout as well, in order, as in GitLab's job log.
	// If it is set, both are written to at the same time, each by one goroutine.
	Stdout, Stderr io.Writer
	// Colour paints the log as GitLab does, and adds the markers of its sections.
	Colour bool
	// Grace is how long the processes of a job that is ended early may take
	// before they are killed; 10 seconds if zero.
	Grace time.Duration
	// Now is the clock, for Result.Duration and the sections of the log.
	Now func() time.Time
}

// Reason is why a job failed, by the names that GitLab has for it, which are
// also those of retry:when.
type Reason string

// The reasons that a run can give. Canceled is a status in GitLab, and no reason.
const (
	ScriptFailure       Reason = "script_failure"
	JobExecutionTimeout Reason = "job_execution_timeout"
	RunnerSystemFailure Reason = "runner_system_failure"
	Canceled            Reason = "canceled"
)

// Result is how the job ended. The zero value is no success: see Run.
type Result struct {
	// Reason is empty if the job succeeded.
	Reason Reason
	// ExitCode is that of the script, or -1 where it did not come to an end.
	ExitCode int
	// Message is what follows "Job failed: " in the log.
	Message  string
	Duration time.Duration
}

// JobError is a failure of the job in what its caller does for it.
type JobError struct {
	Reason  Reason
	Message string
}

// Error is the message.
func (e *JobError) Error() string { return e.Message }

// status is CI_JOB_STATUS for after_script.
func (r Result) status() string {
	switch r.Reason {
	case "":
		return "success"
	case Canceled:
		return "canceled"
	}
	return "failed"
}

// Run runs the job and waits for its end. A job that fails, takes too long or is
// canceled is no error: the result says so, and the log ends as GitLab's does.
// The errors are what GitLab calls a failure of the system: a Spec that cannot
// be run; ErrNoShell; an engine for containers that fails; a writer that failed;
// the context's, when it ended first. The result then has RunnerSystemFailure.
// All processes of the job are gone when Run returns.
func Run(ctx context.Context, s Spec) (Result, error) {
	failed := Result{ExitCode: -1, Reason: RunnerSystemFailure}
	if err := s.check(); err != nil {
		return failed, err
	}
	start := s.Now()
	r, err := newRun(ctx, &s)
	if cause := context.Cause(ctx); err != nil && cause == nil && (errors.Is(err, ErrCanceled) || errors.Is(err, ErrTimeout)) {
		log := &Log{W: s.Stdout, Colour: s.Colour, Now: s.Now}
		result := Result{ExitCode: -1, Reason: Canceled, Message: "canceled", Duration: s.Now().Sub(start)}
		if errors.Is(err, ErrTimeout) {
			result.Reason, result.Message = JobExecutionTimeout, timeoutWords(s.Timeout)
		}
		log.Fail("Job failed: %s", result.Message)
		return result, log.Err()
	}
	if err != nil {
		return failed, err
	}
	result, err := r.all(ctx)
	err = errors.Join(err, r.close(ctx))
	failed.Duration = s.Now().Sub(start)
	if err == nil {
		r.conclude(result)
		err = r.log.Err()
	}
	if err != nil {
		return failed, err
	}
	result.Duration = failed.Duration
	return result, nil
}

// all is everything between the making of the run and its removal.
func (r *run) all(ctx context.Context) (Result, error) {
	var job *JobError
	if len(r.Job.PreGetSources) > 0 {
		// GitLab Runner runs it at the head of its stage for sources.
		if code, err := r.shell(ctx, r.Job.PreGetSources, "running"); err != nil {
			return Result{}, err
		} else if code != 0 {
			return Result{ExitCode: code, Reason: ScriptFailure, Message: r.exitWords(code)}, nil
		}
	}
	if r.Prepare != nil {
		if err := r.Prepare(ctx, r.log); errors.As(err, &job) {
			return Result{ExitCode: -1, Reason: job.Reason, Message: job.Message}, nil
		} else if err != nil {
			return Result{}, err
		}
	}
	result, err := r.stages(ctx)
	if err != nil || r.Finish == nil {
		return result, err
	}
	switch err := r.Finish(ctx, r.log, result); {
	case errors.As(err, &job) && result.Reason == "":
		return Result{ExitCode: -1, Reason: job.Reason, Message: job.Message}, nil
	case err != nil && !errors.As(err, &job):
		return Result{}, err
	}
	return result, nil
}

// conclude writes the last line of the log.
func (r *run) conclude(result Result) {
	if result.Reason == "" {
		r.log.Note("Job succeeded")
		return
	}
	r.log.Fail("Job failed: %s", result.Message)
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
	if s.BuildsDir == "" {
		s.BuildsDir = filepath.Dir(s.jobDir())
	}
	if s.Environ == nil {
		s.Environ = os.Environ()
	}
	if s.Grace <= 0 {
		s.Grace = defaultGrace
	}
	return nil
}

// jobDir is the project's directory as the job sees it.
func (s *Spec) jobDir() string {
	if s.Container != nil {
		return s.Container.Dir
	}
	return s.Dir
}

// run is one job being run.
type run struct {
	*Spec
	log         *Log
	root        string // temporary directory, removed at the end
	argv        []string
	interpreter string // bash or sh
	env         []string
	exports     []export
	secrets     []string
	container   *container // nil without one
}

// newRun makes the directories, the environment, and the container.
func newRun(ctx context.Context, s *Spec) (_ *run, err error) {
	r := &run{Spec: s, log: &Log{W: s.Stdout, Colour: s.Colour, Now: s.Now}}
	if r.root, err = os.MkdirTemp("", "daypass-job-"); err != nil {
		return nil, fmt.Errorf("runner: make a temporary directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(r.root))
		}
	}()
	home, tmp := filepath.Join(r.root, "home"), filepath.Join(r.root, "tmp")
	for _, dir := range []string{home, tmp} {
		if err = os.Mkdir(dir, 0o700); err != nil {
			return nil, fmt.Errorf("runner: make a temporary directory: %w", err)
		}
	}
	if s.Home != "" {
		home = s.Home
	}
	files := s.Files
	if files == "" {
		files = filepath.Join(r.root, "variables")
	}
	if err = r.resolve(ctx); err != nil {
		return nil, err
	}
	r.env = baseEnvironment(s.Environ, home, tmp)
	seen := files
	if s.Container != nil {
		seen = s.Container.filesDir()
	}
	if r.exports, r.secrets, err = s.exports(files, seen); err != nil {
		return nil, err
	}
	return r, r.prepareExecutor(ctx, files)
}

// resolve fetches the job's secrets.
func (r *run) resolve(ctx context.Context) error {
	if r.Resolve == nil {
		return nil
	}
	defer r.log.Section("resolve_secrets", "Resolving secrets")()
	secrets, err := r.Resolve(ctx, r.log)
	r.Variables = slices.Concat(r.Variables, secrets)
	return err
}

// prepareExecutor finds the shell of this machine, or makes the container.
func (r *run) prepareExecutor(ctx context.Context, files string) (err error) {
	if c := r.Container; c != nil {
		defer r.log.Section("prepare_executor", `Preparing the "docker" executor`)()
		r.log.Say("Using %s with image %s ...", c.Engine.name(), c.Image)
		r.interpreter = "bash"
		// Images are pulled here, and services waited for: the job's time counts,
		// and it can be canceled.
		limited, stop := limit(ctx, r.Timeout)
		defer stop()
		limited, release := cancelable(limited, r.Canceled)
		defer release()
		r.container, err = c.start(limited, r, files)
		if cause := context.Cause(limited); err != nil && cause != nil {
			err = errors.Join(cause, err)
		}
		return err
	}
	defer r.log.Section("prepare_executor", `Preparing the "shell" executor`)()
	if err := r.useShell(); err != nil {
		return err
	}
	r.log.Say("Using Shell (%s) executor...", r.interpreter)
	return nil
}

// useShell finds the shell of this machine.
func (r *run) useShell() (err error) {
	path := r.Shell
	if path == "" {
		if path, err = findShell(valueOf(r.env, "PATH")); err != nil {
			return err
		}
	} else if _, err = os.Stat(path); err != nil {
		return fmt.Errorf("%w at %s: %w", ErrNoShell, path, err)
	}
	r.argv, r.interpreter = shellCommand(path)
	return nil
}

// close removes what the run made. What is left in the temporary directories is
// the job's; that it cannot be removed must not pass unseen.
func (r *run) close(ctx context.Context) error {
	var err error
	if r.container != nil {
		err = r.container.remove(ctx)
	}
	if removeErr := os.RemoveAll(r.root); removeErr != nil {
		err = errors.Join(err, fmt.Errorf("runner: remove the job's temporary directory: %w", removeErr))
	}
	return err
}

// shell runs the items in one shell.
func (r *run) shell(ctx context.Context, items []string, status string) (int, error) {
	if err := r.log.Err(); err != nil {
		return -1, err
	}
	all := append(append([]export(nil), r.exports...), export{"CI_JOB_STATUS", status})
	stdout := NewMasker(r.Stdout, r.secrets)
	var stderr *Masker
	if r.Stderr != nil {
		stderr = NewMasker(r.Stderr, r.secrets)
	}
	p := process{argv: r.argv, dir: r.Dir, env: r.env, grace: r.Grace}
	p.script = writeScript(r.interpreter, r.jobDir(), items, all, r.Colour)
	if r.container != nil {
		return r.container.run(ctx, p, stdout, stderr)
	}
	return p.run(ctx, stdout, stderr)
}

// drain is how long output is still read after the shell ended and all of its
// group was killed. Only a process that left the group can hold it open.
const drain = time.Second

// errLog says that the job's log could not be written.
var errLog = errors.New("runner: write the log")
