package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrTimeout and ErrCanceled are why a stage of a job was ended early.
var (
	ErrTimeout  = errors.New("runner: the job took longer than its timeout")
	ErrCanceled = errors.New("runner: the job was canceled")
)

// AfterScriptTimeout is how long after_script may take, unless
// RUNNER_AFTER_SCRIPT_TIMEOUT says otherwise.
const AfterScriptTimeout = 5 * time.Minute

// defaultGrace is how long processes may take to end before they are killed.
const defaultGrace = 10 * time.Second

// stageTimeout reads the variable with which a job sets the timeout of a stage:
// a duration such as 10m. What is no such duration is told, and not used, as by
// GitLab Runner (GitLab Docs, "Configuring runners", "Set script and
// after_script timeouts").
func (r *run) stageTimeout(name string, otherwise time.Duration) time.Duration {
	text := strings.TrimSpace(valueIn(r.exports, name))
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		r.log.Warn("Ignoring malformed %s timeout: %s", name, text)
	case d < 0:
		r.log.Warn("Ignoring relative %s timeout: %s", name, text)
	case d > 0:
		return d
	}
	return otherwise
}

// limit bounds a context by a duration, where that is not zero.
func limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, ErrTimeout)
}

// cancelable is ctx, ended with ErrCanceled when the job is canceled.
func cancelable(ctx context.Context, canceled <-chan struct{}) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-canceled:
			cancel(ErrCanceled)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

// stages runs the script, then after_script, as GitLab Runner's executeScript
// does: what cancels the script or outlasts RUNNER_SCRIPT_TIMEOUT leaves
// after_script its time; what ends the whole job, its timeout before all, does
// not.
func (r *run) stages(ctx context.Context) (Result, error) {
	whole, stop := limit(ctx, r.Timeout)
	defer stop()
	scriptTime := r.stageTimeout("RUNNER_SCRIPT_TIMEOUT", 0)
	script, stopScript := limit(whole, scriptTime)
	defer stopScript()
	script, release := cancelable(script, r.Canceled)
	defer release()

	end := r.log.Section("step_script", `Executing "step_script" stage of the job script`)
	code, err := r.shell(script, allScript(r.Job), "running")
	end()
	result := Result{ExitCode: code}
	switch cause := context.Cause(script); {
	case err == nil && code == 0:
	case err == nil:
		result.Reason, result.Message = ScriptFailure, r.exitWords(code)
	case context.Cause(whole) != nil:
		return r.ended(err)
	case errors.Is(err, ErrCanceled) && errors.Is(cause, ErrCanceled):
		r.log.Warn("script canceled externally (UI, API)")
		result = Result{ExitCode: -1, Reason: Canceled, Message: "canceled"}
	case errors.Is(err, ErrTimeout):
		result = Result{ExitCode: -1, Reason: JobExecutionTimeout, Message: fmt.Sprintf("script took longer than RUNNER_SCRIPT_TIMEOUT (%s)", scriptTime)}
	default:
		return Result{}, err
	}
	release()
	return r.afterScript(ctx, whole, result)
}

// ended is the result of a job whose time is over, or whose context ended.
func (r *run) ended(err error) (Result, error) {
	if errors.Is(err, ErrTimeout) {
		return Result{
			ExitCode: -1, Reason: JobExecutionTimeout,
			Message: timeoutWords(r.Timeout),
		}, nil
	}
	return Result{}, err
}

// timeoutWords are GitLab Runner's of a job that took too long.
func timeoutWords(d time.Duration) string {
	return fmt.Sprintf("execution took longer than %s seconds", d)
}

// exitWords is how GitLab Runner names an exit code: its shell executor in Go's
// words, its Docker executor in its own.
func (r *run) exitWords(code int) string {
	if r.container != nil {
		return fmt.Sprintf("exit code %d", code)
	}
	return fmt.Sprintf("exit status %d", code)
}

// afterScript runs after_script. Its failure is told and otherwise ignored,
// unless the job sets AFTER_SCRIPT_IGNORE_ERRORS to false.
func (r *run) afterScript(ctx, whole context.Context, result Result) (Result, error) {
	if len(r.Job.AfterScript) == 0 {
		return result, nil
	}
	end := r.log.Section("after_script", "Running after_script")
	defer end()
	r.log.Note("Running after script...")
	limited, stop := limit(whole, r.stageTimeout("RUNNER_AFTER_SCRIPT_TIMEOUT", AfterScriptTimeout))
	defer stop()
	code, err := r.shell(limited, r.Job.AfterScript, result.status())
	words := r.exitWords(code)
	switch {
	case err == nil && code == 0:
		return result, nil
	case err == nil:
	case ctx.Err() != nil || errors.Is(err, errLog):
		return Result{}, err
	case context.Cause(whole) != nil:
		return r.ended(err)
	case errors.Is(err, ErrTimeout):
		words, code = "context deadline exceeded", -1
	default:
		return Result{}, err
	}
	if strings.EqualFold(valueIn(r.exports, "AFTER_SCRIPT_IGNORE_ERRORS"), "false") {
		if result.Reason == "" {
			result = Result{ExitCode: code, Reason: ScriptFailure, Message: words}
		}
		return result, nil
	}
	r.log.Warn("after_script failed, but job will continue unaffected: %s", words)
	return result, nil
}
