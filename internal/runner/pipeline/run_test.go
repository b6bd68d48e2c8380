package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
	"github.com/daypass/daypass/internal/runner/pipeline"
	"github.com/daypass/daypass/internal/runner/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// played is a pipeline with its logs.
type played struct {
	*testing.T
	options pipeline.Options
	mu      sync.Mutex
	logs    map[string]*bytes.Buffer // by job and attempt: "build 1"
	most    int                      // jobs that ran at the same time
}

type logFile struct {
	io.Writer
	close func() error
}

func (l logFile) Close() error { return l.close() }

// newPlayed makes a pipeline over a git work tree with the file "source".
func newPlayed(t *testing.T, jobs ...*ci.Job) *played {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "source"), []byte("of the work tree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("git", "-C", root, "init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	dir := t.TempDir()
	sources, err := workspace.Take(t.Context(), root, filepath.Join(dir, "sources"), "")
	if err != nil {
		t.Fatal(err)
	}
	p := &played{T: t, logs: map[string]*bytes.Buffer{}}
	for _, j := range jobs {
		if j.Stage == "" {
			j.Stage = "test"
		}
		if j.When == "" {
			j.When = "on_success"
		}
	}
	p.options = pipeline.Options{
		Stages: []string{"build", "test", "deploy"}, Jobs: jobs, Concurrency: 4,
		Sources: sources, Ref: "main", Project: "mygroup/myproject", Dir: dir, Now: time.Now,
		Start: func(_ context.Context, s pipeline.Start) (runner.Spec, error) {
			variables := append([]ci.Variable{{Name: "CI_JOB_NAME", Value: s.Job.Name}}, s.Job.Variables...)
			return runner.Spec{
				Job: s.Job, Variables: append(variables, s.Dotenv...), Grace: 50 * time.Millisecond,
			}, nil
		},
		Log: func(j *ci.Job, attempt int) (io.WriteCloser, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			b := &bytes.Buffer{}
			p.logs[fmt.Sprint(j.Name, " ", attempt)] = b
			return logFile{b, func() error { return nil }}, nil
		},
		Changed: func(reports []pipeline.Report) {
			running := 0
			for _, r := range reports {
				if r.State == pipeline.Running {
					running++
				}
			}
			p.most = max(p.most, running)
		},
	}
	return p
}

func (p *played) run(want pipeline.State) pipeline.Result {
	p.Helper()
	result, err := pipeline.Run(context.Background(), p.options)
	if err != nil || result.State != want {
		p.Fatalf("Run: %s, %v, want %s\n%s", result.State, err, want, p.all())
	}
	builds, err := os.ReadDir(filepath.Join(p.options.Dir, "builds"))
	if err != nil && !errors.Is(err, os.ErrNotExist) || len(builds) > 0 {
		p.Errorf("directories of jobs are left: %v, %v", builds, err)
	}
	return result
}

func (p *played) all() string {
	var out strings.Builder
	for name, log := range p.logs {
		fmt.Fprintf(&out, "--- %s\n%s", name, log)
	}
	return out.String()
}

// says asks for a text in a log.
func (p *played) says(log, want string) {
	p.Helper()
	b := p.logs[log]
	if b == nil || !strings.Contains(b.String(), want) {
		p.Errorf("no %q in the log of %s:\n%v", want, log, b)
	}
}

func states(result pipeline.Result) string {
	var out []string
	for _, r := range result.Jobs {
		out = append(out, fmt.Sprintf("%s %s %d", r.Job.Name, r.State, r.Attempt))
	}
	return strings.Join(out, ", ")
}

func script(lines ...string) []string { return lines }

func TestArtifactsGoFromJobToJob(t *testing.T) {
	t.Parallel()
	p := newPlayed(t,
		&ci.Job{
			Name: "build", Stage: "build",
			Script: script("mkdir -p dist; echo made > dist/app; echo map > dist/app.map; echo no > other", "echo BUILD_URL=https://x/$CI_JOB_NAME > build.env"),
			Artifacts: &ci.Artifacts{
				Paths: []string{"dist/", "$CI_PROJECT_DIR/none"}, Exclude: []string{"**/*.map"},
				Dotenv: []string{"build.env"}, Reports: map[string][]string{"dotenv": {"build.env"}},
			},
		},
		&ci.Job{Name: "test", Script: script("cat source dist/app; ls; echo url=$BUILD_URL", "echo changed > dist/app")},
		&ci.Job{Name: "none", Dependencies: []string{}, Script: script("ls; echo url=[$BUILD_URL]")},
		&ci.Job{Name: "needs", Stage: "deploy", Needs: []ci.Need{{Job: "build", Artifacts: true}}, Script: script("cat dist/app")},
		&ci.Job{Name: "only order", Stage: "deploy", Needs: []ci.Need{{Job: "build"}}, Script: script("ls; echo url=[$BUILD_URL]")},
	)
	result := p.run(pipeline.Success)
	for log, wants := range map[string][]string{
		"test 1": {
			"\nDownloading artifacts\nDownloading artifacts for build (1)...\nExecuting",
			"\nof the work tree\nmade\ndist\nsource\nurl=https://x/build\n",
		},
		"none 1":       {"\nsource\nurl=[]\n"},
		"needs 1":      {"$ cat dist/app\nmade\n"},
		"only order 1": {"\nsource\nurl=[]\n"},
	} {
		for _, want := range wants {
			p.says(log, want)
		}
	}
	p.says("build 1", "Nothing is committed yet: copied 1 file of the work tree\n")
	p.says("build 1", "Uploading artifacts for successful job\nUploading artifacts...\ndist/: found 2 matching artifact files and directories\nWARNING: ")
	p.says("build 1", "none: no matching files. Ensure that the artifact path is relative to the working directory (")
	p.says("build 1", "**/*.map: excluded 1 files\n")
	names, err := workspace.Names(result.Jobs[0].Artifacts)
	if diff := cmp.Diff([]string{"dist/app"}, names); diff != "" || err != nil {
		t.Errorf("kept %v (-want +got):\n%s", err, diff)
	}
}

func TestArtifactsWhen(t *testing.T) {
	t.Parallel()
	keep := func(name, when string, code int) *ci.Job {
		return &ci.Job{
			Name: name, Stage: "build", AllowFailure: ci.AllowFailure{Allowed: true},
			Script:    script(fmt.Sprintf("echo x > %s; exit %d", name, code)),
			Artifacts: &ci.Artifacts{Paths: []string{name}, When: when},
		}
	}
	p := newPlayed(
		t, keep("a", "", 0), keep("b", "on_success", 1), keep("c", "on_failure", 1), keep("d", "on_failure", 0), keep("e", "always", 1),
		&ci.Job{Name: "list", Script: script("ls")},
	)
	if result := p.run(pipeline.Success); !result.Warnings {
		t.Error("no warnings")
	}
	p.says("list 1", "$ ls\na\nc\ne\nsource\n")
	p.says("c 1", "Uploading artifacts for failed job\n")
}

func TestDotenvThatGitLabRefuses(t *testing.T) {
	t.Parallel()
	p := newPlayed(t, &ci.Job{
		Name: "build", Script: script("printf '# no comments\\nA=1\\n' > e.env"),
		Artifacts: &ci.Artifacts{Reports: map[string][]string{"dotenv": {"e.env"}}},
	})
	p.run(pipeline.Failed)
	p.says("build 1", `ERROR: Uploading artifacts as "dotenv" to coordinator... 400 Bad Request: e.env: invalid format: line 1`)
	p.says("build 1", "\nERROR: Job failed: exit status 1\n")
}

func TestRetry(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retry  ci.Retry
		script string // marks holds a file of this test's
		state  pipeline.State
		tries  int
	}{
		"until it works":         {ci.Retry{Max: 2}, "[ -e MARK ] || { touch MARK; exit 1; }", pipeline.Success, 2},
		"at most":                {ci.Retry{Max: 2}, "exit 1", pipeline.Failed, 3},
		"none":                   {ci.Retry{}, "exit 1", pipeline.Failed, 1},
		"another reason":         {ci.Retry{Max: 2, When: []string{"runner_system_failure"}}, "exit 1", pipeline.Failed, 1},
		"the reason":             {ci.Retry{Max: 1, When: []string{"script_failure"}}, "exit 1", pipeline.Failed, 2},
		"the exit code":          {ci.Retry{Max: 1, ExitCodes: []int{3, 4}}, "exit 4", pipeline.Failed, 2},
		"another exit code":      {ci.Retry{Max: 1, ExitCodes: []int{3, 4}}, "exit 5", pipeline.Failed, 1},
		"reason beside the code": {ci.Retry{Max: 1, When: []string{"script_failure"}, ExitCodes: []int{3}}, "exit 5", pipeline.Failed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mark := filepath.Join(t.TempDir(), "mark")
			p := newPlayed(t, &ci.Job{Name: "j", Retry: c.retry, Script: script("touch left; " + strings.ReplaceAll(c.script, "MARK", mark))})
			result := p.run(c.state)
			if got := result.Jobs[0].Attempt; got != c.tries || len(p.logs) != c.tries {
				t.Errorf("%d attempts, %d logs, want %d", got, len(p.logs), c.tries)
			}
		})
	}
}

func TestAllowFailureWithExitCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]pipeline.State{137: pipeline.Success, 1: pipeline.Failed} {
		p := newPlayed(
			t,
			&ci.Job{Name: "a", Stage: "build", AllowFailure: ci.AllowFailure{ExitCodes: []int{42, 137}}, Script: script(fmt.Sprint("exit ", code))},
			&ci.Job{Name: "b"},
		)
		p.options.Jobs[1].Script = script("true")
		result := p.run(want)
		if result.Warnings != (want == pipeline.Success) || result.Jobs[0].AllowedToFail != (want == pipeline.Success) {
			t.Errorf("exit code %d: %+v", code, result)
		}
	}
}

// A job that is a failure of the system says so, and can be retried for it.
func TestSystemFailure(t *testing.T) {
	t.Parallel()
	p := newPlayed(t, &ci.Job{Name: "a", Script: script("true"), Retry: ci.Retry{Max: 1, When: []string{"runner_system_failure"}}}, &ci.Job{Name: "b", Script: script("true")})
	inner := p.options.Start
	p.options.Start = func(ctx context.Context, s pipeline.Start) (runner.Spec, error) {
		if s.Job.Name == "a" {
			return runner.Spec{}, errors.New("no token can be had")
		}
		return inner(ctx, s)
	}
	result := p.run(pipeline.Failed)
	if got := states(result); got != "a failed 2, b success 1" || result.Jobs[0].Err == nil {
		t.Errorf("%s, %v", got, result.Jobs[0].Err)
	}
	p.says("a 2", "ERROR: Job failed (system failure): no token can be had\n")
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	var jobs []*ci.Job
	for i := range 6 {
		jobs = append(jobs, &ci.Job{Name: fmt.Sprint("j", i), Script: script("true")})
	}
	p := newPlayed(t, jobs...)
	p.options.Concurrency = 2
	p.run(pipeline.Success)
	if p.most > 2 {
		t.Errorf("%d jobs at a time, at most 2 may be", p.most)
	}
	for _, j := range jobs {
		j.ResourceGroup = "production"
	}
	p = newPlayed(t, jobs...)
	p.run(pipeline.Success)
	if p.most != 1 {
		t.Errorf("%d jobs of a resource group at a time", p.most)
	}
}

// Two jobs that wait for each other's file show that they run together.
func TestJobsOfAStageRunTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meet := func(mine, other string) []string {
		return script(fmt.Sprintf("mkfifo %s/%s 2>/dev/null || true", dir, mine), fmt.Sprintf("mkfifo %s/%s 2>/dev/null || true", dir, other),
			fmt.Sprintf("if [ %s = a ]; then echo met > %s/a; else cat %s/a; fi", mine, dir, dir))
	}
	p := newPlayed(t, &ci.Job{Name: "a", Script: meet("a", "b")}, &ci.Job{Name: "b", Script: meet("b", "a")})
	p.run(pipeline.Success)
	p.says("b 1", "\nmet\n")
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	p := newPlayed(
		t,
		&ci.Job{Name: "runs", Stage: "build", Retry: ci.Retry{Max: 2}, Script: script("echo ready-now; sleep 1000"), AfterScript: script("echo after=$CI_JOB_STATUS")},
		&ci.Job{Name: "later", Script: script("true")},
	)
	canceled := make(chan struct{})
	p.options.Canceled = canceled
	once := sync.Once{}
	p.options.Changed = func(reports []pipeline.Report) {
		if reports[0].State == pipeline.Running {
			once.Do(func() { close(canceled) })
		}
	}
	result := p.run(pipeline.Canceled)
	if got := states(result); got != "runs canceled 1, later canceled 0" {
		t.Error(got)
	}
	p.says("runs 1", "\nafter=canceled\n")
}

func TestCancelOnFailure(t *testing.T) {
	t.Parallel()
	p := newPlayed(t, &ci.Job{Name: "fails", Script: script("exit 1")}, &ci.Job{Name: "long", Script: script("sleep 1000")})
	p.options.CancelOnFailure = true
	result := p.run(pipeline.Failed)
	if got := states(result); got != "fails failed 1, long canceled 1" {
		t.Error(got)
	}
}

func TestEndOfContext(t *testing.T) {
	t.Parallel()
	p := newPlayed(t, &ci.Job{Name: "long", Script: script("sleep 1000"), AfterScript: script("echo after")}, &ci.Job{Name: "later", Stage: "deploy", Script: script("true")})
	ctx, cancel := context.WithCancel(context.Background())
	once := sync.Once{}
	p.options.Changed = func(reports []pipeline.Report) {
		if reports[0].State == pipeline.Running {
			once.Do(cancel)
		}
	}
	result, err := pipeline.Run(ctx, p.options)
	if got := states(result); err != nil || result.State == pipeline.Success || !strings.HasSuffix(got, "later canceled 0") {
		t.Errorf("%s, %s, %v", result.State, got, err)
	}
	if strings.Contains(p.logs["long 1"].String(), "Running after_script") {
		t.Errorf("after_script ran:\n%s", p.all())
	}
}

func TestLogThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	p := newPlayed(t, &ci.Job{Name: "a", Script: script("true")}, &ci.Job{Name: "b", Stage: "deploy", Script: script("true")})
	full := errors.New("disk is full")
	p.options.Log = func(*ci.Job, int) (io.WriteCloser, error) { return nil, full }
	if result, err := pipeline.Run(context.Background(), p.options); !errors.Is(err, full) || result.State != pipeline.Failed {
		t.Errorf("Run: %+v, %v", result, err)
	}
}

func TestInPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPlayed(
		t,
		&ci.Job{Name: "a", Stage: "build", Script: script("echo made > made"), Artifacts: &ci.Artifacts{Paths: []string{"made"}}},
		&ci.Job{Name: "b", Script: script("cat made")},
	)
	p.options.Sources, p.options.InPlace = nil, dir
	p.run(pipeline.Success)
	p.says("b 1", "$ cat made\nmade\n")
	if _, err := os.Stat(filepath.Join(dir, "made")); err != nil {
		t.Error(err)
	}
}
