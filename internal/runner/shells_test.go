package runner_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
)

// shellCalled is the path of a shell.
func shellCalled(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no %s; \"make setup\" installs it on Debian", name)
		}
		t.Skipf("there is no %s on this machine", name)
	}
	return path
}

// A POSIX shell runs the same frame as bash does. What only bash has, it has not.
func TestShells(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dash", "busybox"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := shellCalled(t, name)
			for title, c := range map[string]struct {
				script string
				code   int
				want   string // after the echo of the command
			}{
				"errexit":              {"false; echo on", 1, ""},
				"variables and quotes": {`printf '%s\n' "$GREETING" "it's" '\t\\'`, 0, "hello \\t $x 'you'\nit's\n\\t\\\\\n"},
				"no noclobber":         {"echo a > f; echo b > f; cat f", 0, "b\n"},
				"empty standard input": {"cat; read -r x || echo end", 0, "end\n"},
				"no bash":              {`echo "[$BASH_VERSION]"`, 0, "[]\n"},
				"assignment's status":  {"out=$(exit 254); echo on", 254, ""},
				"export swallows it":   {"export A=$(exit 254); echo on", 0, "on\n"},
				"code of exit":         {"exit 42", 42, ""},
			} {
				t.Run(title, func(t *testing.T) {
					t.Parallel()
					j := newJob(t, "job: {script: [x]}", "")
					j.spec.Shell = path
					j.spec.Job.Script = []string{c.script}
					j.spec.Variables = append(j.spec.Variables, ci.Variable{Name: "GREETING", Value: `hello \t $x 'you'`, Raw: true})
					log := j.run(c.code)
					if !strings.Contains(log, "Using Shell (sh) executor...\n") {
						t.Errorf("log:\n%s", log)
					}
					_, out, _ := strings.Cut(scriptOf(log), "$ "+c.script+"\n")
					out, _, _ = strings.Cut(out, "Job succeeded\n")
					if out, _, _ = strings.Cut(out, "ERROR: Job failed"); out != c.want {
						t.Errorf("output %q, want %q", out, c.want)
					}
				})
			}
		})
	}
}

// The array of tutorial document 000 needs bash; sh says so with exit code 2.
func TestTutorial000NeedsBash(t *testing.T) {
	t.Parallel()
	j := newJob(t, script000, awsWorks)
	j.spec.Shell = shellCalled(t, "dash") // which Debian's sh is
	j.spec.IDTokens = map[string]string{"TOKEN": "head.body.signature"}
	if log := j.run(2); !strings.Contains(strings.ToLower(log), "syntax error") {
		t.Errorf("log:\n%s", log)
	}
}

// Without bash in PATH, the shell is one of those that GitLab Runner looks for.
func TestShellBesidePath(t *testing.T) {
	t.Parallel()
	j := newJob(t, "job: {script: ['echo found']}", "")
	j.spec.Environ = []string{"PATH=/nowhere"}
	if log := j.run(0); !strings.Contains(log, "\nfound\n") {
		t.Errorf("log:\n%s", log)
	}
}

// A canceled job's after_script runs, in its own time, and is told of it.
func TestCancel(t *testing.T) {
	t.Parallel()
	j := newJob(t, "job: {script: ['echo ready-now; sleep 1000'], after_script: ['echo status=$CI_JOB_STATUS']}", "")
	canceled := make(chan struct{})
	ready := &notify{w: &j.log, text: "\nready-now", found: make(chan struct{})}
	j.spec.Stdout, j.spec.Canceled = ready, canceled
	go func() { <-ready.found; close(canceled) }()
	result, err := runner.Run(context.Background(), j.spec)
	if err != nil || result.Reason != runner.Canceled {
		t.Fatalf("Run: %+v, %v", result, err)
	}
	want := "WARNING: script canceled externally (UI, API)\nRunning after_script\nRunning after script...\n" +
		"$ echo status=$CI_JOB_STATUS\nstatus=canceled\nERROR: Job failed: canceled\n"
	if log := j.log.String(); !strings.HasSuffix(log, want) {
		t.Errorf("log:\n%s", log)
	}
}

func TestStageTimeouts(t *testing.T) {
	t.Parallel()
	set := func(name, value string) ci.Variable { return ci.Variable{Name: name, Value: value} }
	for name, c := range map[string]struct {
		script, after string
		variables     []ci.Variable
		reason        runner.Reason
		want          string // at the end of the log
	}{
		"script's": {
			"sleep 1000", "echo status=$CI_JOB_STATUS",
			[]ci.Variable{set("RUNNER_SCRIPT_TIMEOUT", "50ms")},
			runner.JobExecutionTimeout,
			"\nstatus=failed\nERROR: Job failed: script took longer than RUNNER_SCRIPT_TIMEOUT (50ms)\n",
		},
		"after_script's": {
			"true", "sleep 1000",
			[]ci.Variable{set("RUNNER_AFTER_SCRIPT_TIMEOUT", "50ms")},
			"",
			"\nWARNING: after_script failed, but job will continue unaffected: context deadline exceeded\nJob succeeded\n",
		},
		"malformed": {
			"true", "true",
			[]ci.Variable{set("RUNNER_SCRIPT_TIMEOUT", "soon"), set("RUNNER_AFTER_SCRIPT_TIMEOUT", "-5m")},
			"",
			"$ true\nRunning after_script\nRunning after script...\nWARNING: Ignoring relative RUNNER_AFTER_SCRIPT_TIMEOUT timeout: -5m\n$ true\nJob succeeded\n",
		},
		"after_script's errors count": {
			"true", "exit 3",
			[]ci.Variable{set("AFTER_SCRIPT_IGNORE_ERRORS", "false")},
			runner.ScriptFailure,
			"$ exit 3\nERROR: Job failed: exit status 3\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJob(t, "job: {script: [x]}", "")
			j.spec.Job.Script, j.spec.Job.AfterScript = []string{c.script}, []string{c.after}
			j.spec.Variables = append(j.spec.Variables, c.variables...)
			result, err := runner.Run(context.Background(), j.spec)
			if err != nil || result.Reason != c.reason {
				t.Errorf("Run: %+v, %v", result, err)
			}
			if log := j.log.String(); !strings.HasSuffix(log, c.want) {
				t.Errorf("log:\n%s\nwant at its end:\n%s", log, c.want)
			}
		})
	}
}

// What the caller does around the script is part of the job.
func TestPrepareAndFinish(t *testing.T) {
	t.Parallel()
	j := newJob(t, "job: {script: ['cat made; echo more > kept'], after_script: ['echo after >> kept']}", "")
	j.spec.Prepare = func(_ context.Context, log *runner.Log) error {
		log.Say("sources")
		return os.WriteFile(filepath.Join(j.spec.Dir, "made"), []byte("made before\n"), 0o600)
	}
	var kept []byte
	j.spec.Finish = func(_ context.Context, log *runner.Log, r runner.Result) (err error) {
		log.Say("uploads after %q", r.Reason)
		kept, err = os.ReadFile(filepath.Join(j.spec.Dir, "kept"))
		return err
	}
	log := j.run(0)
	if string(kept) != "more\nafter\n" || !strings.Contains(log, "\nsources\nExecuting") ||
		!strings.HasSuffix(log, "uploads after \"\"\nJob succeeded\n") {
		t.Errorf("kept %q, log:\n%s", kept, log)
	}

	j = newJob(t, "job: {script: ['echo ran']}", "")
	j.spec.Prepare = func(context.Context, *runner.Log) error {
		return &runner.JobError{Reason: "missing_dependency_failure", Message: "no artifacts"}
	}
	if result, err := runner.Run(context.Background(), j.spec); err != nil || result.Reason != "missing_dependency_failure" ||
		!strings.HasSuffix(j.log.String(), "\nERROR: Job failed: no artifacts\n") || strings.Contains(j.log.String(), "echo ran") {
		t.Errorf("Run: %+v, %v\n%s", result, err, &j.log)
	}

	lost := errors.New("disk is full")
	j = newJob(t, "job: {script: ['true']}", "")
	j.spec.Finish = func(context.Context, *runner.Log, runner.Result) error { return lost }
	if result, err := runner.Run(context.Background(), j.spec); !errors.Is(err, lost) || result.Reason != runner.RunnerSystemFailure {
		t.Errorf("Run: %+v, %v", result, err)
	}
}

// A process of the job that will not end is killed after the grace.
func TestCancelKillsAfterGrace(t *testing.T) {
	t.Parallel()
	j := newJob(t, "job: {script: [x]}", "")
	j.spec.Job.Script = []string{"trap '' TERM; echo ready-now; while true; do sleep 1000; done"}
	canceled := make(chan struct{})
	ready := &notify{w: &j.log, text: "\nready-now", found: make(chan struct{})}
	j.spec.Stdout, j.spec.Canceled, j.spec.Grace = ready, canceled, 10*time.Millisecond
	go func() { <-ready.found; close(canceled) }()
	if result, err := runner.Run(context.Background(), j.spec); err != nil || result.Reason != runner.Canceled {
		t.Errorf("Run: %+v, %v", result, err)
	}
}
