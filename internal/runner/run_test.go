package runner_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
)

// job is one job of a file, with what it needs to run.
type job struct {
	*testing.T
	spec runner.Spec
	log  bytes.Buffer
}

// newJob reads the job "job" of a .gitlab-ci.yml. Its aws is a stand-in: a
// shell script with the given body, which stands for the CLI.
func newJob(t *testing.T, file, aws string) *job {
	t.Helper()
	p, err := ci.Parse(".gitlab-ci.yml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	definition, err := p.Job("job")
	if err != nil {
		t.Fatal(err)
	}
	made, err := gitlab.NewJob(gitlab.Job{
		ServerURL: "https://gitlab.example.com",
		Project:   gitlab.Project{ID: 20, Path: "my-group/my-project"},
		Pipeline:  gitlab.Pipeline{ID: 574},
		ProjectVariables: []ci.Variable{
			{Name: "ROLE_ARN", Value: "arn:aws:iam::123456789012:role/deploy"},
		},
	}, definition)
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "aws"), []byte("#!/bin/sh\n"+aws+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	j := &job{T: t}
	j.spec = runner.Spec{
		Job: definition, Variables: made.Variables(), Dir: t.TempDir(), Stdout: &j.log,
		Environ: []string{"PATH=" + bin + ":" + os.Getenv("PATH")},
		Now:     func() time.Time { return time.Unix(1_700_000_000, 0) },
		// A SIGTERM that meets bash between fork and exec is lost; the default
		// would let such a test wait 10 seconds.
		Grace: 50 * time.Millisecond,
	}
	return j
}

// run runs the job and asks for its exit code; it returns the log.
func (j *job) run(want int) string {
	j.Helper()
	result, err := runner.Run(context.Background(), j.spec)
	if err != nil {
		j.Fatalf("Run: %v\n%s", err, &j.log)
	}
	if result.ExitCode != want || (result.Reason == "") != (want == 0) {
		j.Fatalf("exit code %d (%s), want %d\n%s", result.ExitCode, result.Reason, want, &j.log)
	}
	return j.log.String()
}

// script is what the stage step_script wrote, of a log without colour.
func scriptOf(log string) string {
	_, log, _ = strings.Cut(log, "stage of the job script\n")
	return log
}

func TestLogIsExact(t *testing.T) {
	t.Parallel()
	j := newJob(t, `
job:
  before_script:
    - export GREETING=hello
  script:
    - echo "$GREETING $CI_PROJECT_PATH $CI_JOB_STATUS"
    - |
      if true; then
        echo "it's two"
      fi
    - ""
    - "  pwd -P   "
  after_script:
    - echo "after $CI_JOB_STATUS [$GREETING]"
    - exit 3
`, "")
	dir, err := filepath.EvalSymlinks(j.spec.Dir)
	if err != nil {
		t.Fatal(err)
	}
	want := `Preparing the "shell" executor
Using Shell (bash) executor...
Executing "step_script" stage of the job script
$ export GREETING=hello
$ echo "$GREETING $CI_PROJECT_PATH $CI_JOB_STATUS"
hello my-group/my-project running
$ if true; then # collapsed multi-line command
it's two

$ pwd -P
` + dir + `
Running after_script
Running after script...
$ echo "after $CI_JOB_STATUS [$GREETING]"
after success []
$ exit 3
WARNING: after_script failed, but job will continue unaffected: exit status 3
Job succeeded
`
	if diff := cmp.Diff(want, j.run(0)); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// The tutorial's scripts, by the number of their document. The CLI ends with 254
// when AWS refuses.
const (
	script000 = `
job:
  script:
    - >
      STS=($(aws sts assume-role-with-web-identity
      --role-arn ${ROLE_ARN}
      --role-session-name "GitLabRunner-${CI_PROJECT_ID}-${CI_PIPELINE_ID}"
      --web-identity-token $TOKEN
      --output text))
    - export AWS_ACCESS_KEY_ID="${STS[0]}"
    - export AWS_SECRET_ACCESS_KEY="${STS[1]}"
    - export AWS_SESSION_TOKEN="${STS[2]}"
    - echo "identity $AWS_ACCESS_KEY_ID/$AWS_SECRET_ACCESS_KEY/$AWS_SESSION_TOKEN"
`
	script003 = `
job:
  script:
    - >
      export $(printf "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s"
      $(aws sts assume-role-with-web-identity
      --role-arn ${ROLE_ARN}
      --role-session-name "GitLabRunner-${CI_PROJECT_ID}-${CI_PIPELINE_ID}"
      --web-identity-token ${TOKEN}))
    - echo "identity $AWS_ACCESS_KEY_ID/$AWS_SECRET_ACCESS_KEY/$AWS_SESSION_TOKEN"
`
	script004 = `
job:
  script:
    # this is split out for correct exit code handling
    - >
      out=$(aws sts assume-role-with-web-identity
      --role-arn ${ROLE_ARN}
      --role-session-name "GitLabRunner-${CI_PROJECT_ID}-${CI_PIPELINE_ID}"
      --web-identity-token ${TOKEN})
    - export $(printf "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s" $out)
    - echo "identity $AWS_ACCESS_KEY_ID/$AWS_SECRET_ACCESS_KEY/$AWS_SESSION_TOKEN"
`
	awsWorks   = `echo "$@" >&2; echo ASIAX SECRET SESSION`
	awsRefuses = `echo "An error occurred (AccessDenied)" >&2; exit 254`
)

func TestTutorialScripts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, aws string
		code      int
		identity  string // what the last command says, or empty where it must not run
	}{
		"000 works":                {script000, awsWorks, 0, "identity ASIAX/SECRET/SESSION"},
		"000 fails":                {script000, awsRefuses, 254, ""},
		"003 works":                {script003, awsWorks, 0, "identity ASIAX/SECRET/SESSION"},
		"003 swallows a failure":   {script003, awsRefuses, 0, "identity //"},
		"004 works":                {script004, awsWorks, 0, "identity ASIAX/SECRET/SESSION"},
		"004 stops at the failure": {script004, awsRefuses, 254, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJob(t, c.file, c.aws)
			j.spec.IDTokens = map[string]string{"TOKEN": "head.body.signature"}
			log := j.run(c.code)
			if got := strings.Contains(log, "\nidentity "); got != (c.identity != "") {
				t.Errorf("last command ran: %v\n%s", got, log)
			}
			if !strings.Contains(log, c.identity) {
				t.Errorf("no %q in the log:\n%s", c.identity, log)
			}
			if c.aws == awsWorks && !strings.Contains(log,
				"--role-arn arn:aws:iam::123456789012:role/deploy --role-session-name GitLabRunner-20-574 --web-identity-token [MASKED]") {
				t.Errorf("the CLI was called otherwise:\n%s", log)
			}
		})
	}
}

func TestTutorial001WritesTokenFile(t *testing.T) {
	t.Parallel()
	j := newJob(t, `
stages:
  - deploy
.authenticate: &authenticate
  - echo "$TOKEN" > $AWS_WEB_IDENTITY_TOKEN_FILE
job:
  stage: deploy
  image:
    name: public.ecr.aws/aws-cli/aws-cli:latest
  variables:
    AWS_WEB_IDENTITY_TOKEN_FILE: $CI_PROJECT_NAME.token
    AWS_DEFAULT_REGION: eu-west-1
  script:
    - *authenticate
    - aws s3 ls
`, `echo "$AWS_DEFAULT_REGION"; wc -c < "$AWS_WEB_IDENTITY_TOKEN_FILE"`)
	j.spec.IDTokens = map[string]string{"TOKEN": "head.body.signature"}
	log := j.run(0)
	if !strings.Contains(log, "eu-west-1\n20\n") { // 19 and a newline
		t.Errorf("log:\n%s", log)
	}
	got, err := os.ReadFile(filepath.Join(j.spec.Dir, "my-project.token"))
	if err != nil || string(got) != "head.body.signature\n" {
		t.Errorf("token file %q, %v", got, err)
	}
}

func TestShellOptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string // one item
		code   int
		want   string
	}{
		"errexit":                  {"false; echo on", 1, ""},
		"errexit in a function":    {"f() { false; echo on; }; f", 1, ""},
		"pipefail":                 {"exit 7 | cat; echo on", 7, ""},
		"no nounset":               {`echo "[$NOT_SET]"`, 0, "[]\n"},
		"code of exit":             {"exit 42", 42, ""},
		"no noclobber":             {"echo a > f; echo b > f; cat f", 0, "b\n"},
		"empty standard input":     {"cat; read -r x || echo end", 0, "end\n"},
		"bash":                     {`[[ -n "$BASH_VERSION" ]] && echo yes`, 0, "yes\n"},
		"command not found":        {"no-such-command-here", 127, ""},
		"killed by a signal":       {"kill -KILL $BASHPID", 137, ""},
		"text of the job's quotes": {`printf '%s\n' "it's" '$HOME' \\`, 0, "it's\n$HOME\n\\\n"},
		"no rc file":               {`[ ! -o interactive ] && echo ${PS1-unset}`, 0, "unset\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJob(t, "job: {script: [placeholder]}", "")
			j.spec.Job.Script = []string{c.script}
			_, out, _ := strings.Cut(scriptOf(j.run(c.code)), "\n")
			out = strings.TrimSuffix(out, "Job succeeded\n")
			if c.want != "" && out != c.want {
				t.Errorf("output %q, want %q", out, c.want)
			}
			if strings.Contains(out, "on\n") {
				t.Errorf("went on after the failure: %q", out)
			}
		})
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	j := newJob(t, `
variables:
  A: one
  B: global
  PRICE: $$5
  QUOTED: it's "so" \ $A
  UNKNOWN: "[$NOT_THERE]"
  NESTED: ${C}/%A%
  C: $A-$B
  CACHE: ${CI_PROJECT_DIR}/.cache
  COPY: $TOKEN
job:
  variables:
    B: own
    RAW:
      value: $A
      expand: false
  script:
    - printf '%s\n' "$A" "$B" "$PRICE" "$QUOTED" "$UNKNOWN" "$NESTED" "$RAW"
    - cat "$FILE"; echo; ls -l "$FILE" | cut -c1-10
    - '[ "$CACHE" = "$PWD/.cache" ] && [ "$COPY" = head.body.signature ] && echo "same $COPY"'
`, "")
	j.spec.IDTokens = map[string]string{"TOKEN": "head.body.signature"}
	j.spec.Variables = append(j.spec.Variables,
		ci.Variable{Name: "A", Value: "settings"},
		ci.Variable{Name: "FILE", Value: "in the file", File: true})
	log := j.run(0)
	want := "settings\nown\n$5\nit's \"so\" \\ settings\n[]\nsettings-own/settings\n$A\n"
	if !strings.Contains(log, want) {
		t.Errorf("log:\n%s\nwant in it:\n%s", log, want)
	}
	if !strings.Contains(log, "in the file\n-rw-------\n") || !strings.Contains(log, "\nsame [MASKED]\n") {
		t.Errorf("file variable or copies:\n%s", log)
	}
}

func TestEnvironmentOfTheCallerStaysOutside(t *testing.T) {
	t.Parallel()
	j := newJob(t, `job: {script: ["env | cut -d= -f1 | sort", 'echo "$HOME|$TMPDIR|$HTTPS_PROXY"', 'touch "$HOME/cached"']}`, "")
	j.spec.Variables = nil
	j.spec.Environ = append(j.spec.Environ,
		"AWS_ACCESS_KEY_ID=AKIACALLER", "AWS_PROFILE=admin", "AWS_CA_BUNDLE=/x", "HOME=/home/caller",
		"BASH_ENV=/tmp/evil", "LD_PRELOAD_X=1", "GITHUB_TOKEN=x", "HTTPS_PROXY=http://proxy:3128", "SHELLOPTS=xtrace")
	log := j.run(0)
	got := strings.Split(scriptOf(log), "\n")[1:]
	names := strings.Join(got, "\n")
	if strings.Contains(names, "CALLER") || strings.Contains(names, "AWS_PROFILE") || strings.Contains(names, "/home/caller") {
		t.Errorf("leaked:\n%s", log)
	}
	end := strings.Index(names, "$ echo")
	want := strings.Join([]string{
		"AWS_EC2_METADATA_DISABLED", "CI_BUILDS_DIR", "CI_JOB_STATUS", "CI_PROJECT_DIR",
		"HOME", "HTTPS_PROXY", "LANG", "OLDPWD", "PATH", "PWD", "SHLVL", "TMPDIR", "_", "",
	}, "\n")
	if diff := cmp.Diff(want, names[:end]); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	line := strings.Split(strings.Split(log, "$HTTPS_PROXY\"\n")[1], "\n")[0]
	parts := strings.Split(line, "|")
	if parts[2] != "http://proxy:3128" {
		t.Errorf("proxy %q", parts[2])
	}
	for _, dir := range parts[:2] {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", dir, err)
		}
	}
}

func TestTokensAreMasked(t *testing.T) {
	t.Parallel()
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
	j := newJob(t, `
job:
  script:
    - echo "$TOKEN"
    - printf %s "${TOKEN:0:20}"; printf '%s\n' "${TOKEN:20}"
    - echo "$TOKEN" >&2
    - echo "$PASSWORD"
  after_script:
    - echo "$TOKEN"
`, "")
	var stderr bytes.Buffer
	j.spec.Stderr = &stderr
	j.spec.IDTokens = map[string]string{"TOKEN": token}
	j.spec.Variables = append(j.spec.Variables,
		ci.Variable{Name: "TOKEN", Value: "loses to the ID token"},
		ci.Variable{Name: "PASSWORD", Value: "hunter22", Masked: true})
	log := j.run(0)
	if strings.Contains(log+stderr.String(), token) || strings.Contains(log, "hunter22") {
		t.Errorf("a secret is in the log:\n%s%s", log, &stderr)
	}
	if got := strings.Count(log, "[MASKED]\n"); got != 4 {
		t.Errorf("%d values masked, want 4:\n%s", got, log)
	}
	if got := stderr.String(); got != "[MASKED]\n" {
		t.Errorf("standard error %q", got)
	}
}

// notify is a writer that tells when a text has passed.
type notify struct {
	w     io.Writer
	text  string
	seen  strings.Builder
	found chan struct{}
}

func (n *notify) Write(p []byte) (int, error) {
	before := strings.Contains(n.seen.String(), n.text)
	n.seen.Write(p)
	if !before && strings.Contains(n.seen.String(), n.text) {
		close(n.found)
	}
	return n.w.Write(p)
}

func TestEndOfContextKillsTheGroup(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"waits for a child":  "sleep 1000 & echo $! > child; echo ready-now; wait",
		"ignores SIGTERM":    "trap '' TERM; sleep 1000 & echo $! > child; echo ready-now; wait",
		"child in the front": "(echo $BASHPID > child; echo ready-now; exec sleep 1000)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJob(t, "job: {script: [x], after_script: ['touch after']}", "")
			j.spec.Job.Script = []string{"true\n" + script}
			ready := &notify{w: &j.log, text: "ready-now", found: make(chan struct{})}
			j.spec.Stdout = ready
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				<-ready.found
				cancel()
			}()
			result, err := runner.Run(ctx, j.spec)
			if !errors.Is(err, context.Canceled) || result.ExitCode != -1 {
				t.Errorf("Run: %+v, %v", result, err)
			}
			if _, err := os.Stat(filepath.Join(j.spec.Dir, "after")); err == nil {
				t.Error("after_script ran")
			}
			pid, err := os.ReadFile(filepath.Join(j.spec.Dir, "child"))
			if err != nil {
				t.Fatal(err)
			}
			if !gone(t, strings.TrimSpace(string(pid))) {
				t.Errorf("process %s of the job is alive", pid)
			}
		})
	}
}

// gone reports whether a process has ended. A zombie has: whoever inherited it
// is to collect it. A killed process takes a moment to become one, so it looks
// many times before it says no.
func gone(t *testing.T, pid string) bool {
	t.Helper()
	for range 50_000 {
		status, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
		if err != nil || strings.Contains(string(status), ") Z ") || strings.Contains(string(status), ") X ") {
			return true
		}
		runtime.Gosched()
	}
	return false
}

func TestBackgroundProcessDoesNotOutliveTheJob(t *testing.T) {
	t.Parallel()
	j := newJob(t, "job: {script: ['sleep 1000 & echo $! > child', 'echo done']}", "")
	j.run(0)
	pid, err := os.ReadFile(filepath.Join(j.spec.Dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	if !gone(t, strings.TrimSpace(string(pid))) {
		t.Errorf("process %s of the job is alive", pid)
	}
}

// A process that leaves the group is out of the runner's reach; it must not hold
// the job up by the output that it keeps open.
func TestProcessThatLeavesTheGroup(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setsid"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no setsid (Debian: util-linux): %v", err)
		}
		t.Skip("there is no setsid to leave a process group with")
	}
	j := newJob(t, "job: {script: ['setsid sleep 1000 & echo $! > child', 'echo done']}", "")
	log := j.run(0)
	text, err := os.ReadFile(filepath.Join(j.spec.Dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill() // it may be gone already, if it never left
	}
	if !strings.HasSuffix(log, "\ndone\nJob succeeded\n") {
		t.Errorf("log:\n%s", log)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	j := newJob(t, "job: {script: ['sleep 1000'], after_script: ['touch after']}", "")
	j.spec.Timeout = 50 * time.Millisecond
	result, err := runner.Run(context.Background(), j.spec)
	if err != nil || result.Reason != runner.JobExecutionTimeout || result.ExitCode != -1 {
		t.Errorf("Run: %+v, %v", result, err)
	}
	if log := j.log.String(); !strings.HasSuffix(log, "\nERROR: Job failed: execution took longer than 50ms seconds\n") {
		t.Errorf("log:\n%s", log)
	}
	if _, err := os.Stat(filepath.Join(j.spec.Dir, "after")); err == nil {
		t.Error("after_script ran after the job's own timeout")
	}
}

type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestLostLogEndsTheJob(t *testing.T) {
	t.Parallel()
	j := newJob(t, "job: {script: ['sleep 1000']}", "")
	j.spec.Stdout = broken{}
	if _, err := runner.Run(context.Background(), j.spec); !errors.Is(err, errBroken) {
		t.Errorf("Run: %v", err)
	}
}

func TestColour(t *testing.T) {
	t.Parallel()
	j := newJob(t, "job: {script: ['true']}", "")
	j.spec.Colour = true
	want := "section_start:1700000000:prepare_executor\r\x1b[0K\x1b[36;1mPreparing the \"shell\" executor\x1b[0;m\n" +
		"Using Shell (bash) executor...\n" +
		"section_end:1700000000:prepare_executor\r\x1b[0K" +
		"section_start:1700000000:step_script\r\x1b[0K\x1b[36;1mExecuting \"step_script\" stage of the job script\x1b[0;m\n" +
		"\x1b[32;1m$ true\x1b[0;m\n" +
		"section_end:1700000000:step_script\r\x1b[0K" +
		"\x1b[32;1mJob succeeded\x1b[0;m\n"
	if diff := cmp.Diff(want, j.run(0)); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestAfterScriptSeesTheFailure(t *testing.T) {
	t.Parallel()
	j := newJob(t, "job: {script: ['exit 5'], after_script: ['echo status=$CI_JOB_STATUS']}", "")
	if log := j.run(5); !strings.Contains(log, "\nstatus=failed\n") {
		t.Errorf("log:\n%s", log)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*runner.Spec)
		want   string
	}{
		"named shell":  {func(s *runner.Spec) { s.Shell = "/nowhere/bash" }, "runner: no shell was found at /nowhere/bash: stat /nowhere/bash: no such file or directory"},
		"no directory": {func(s *runner.Spec) { s.Dir = "/nowhere" }, "runner: the project's directory: stat /nowhere: no such file or directory"},
		"no script":    {func(s *runner.Spec) { s.Job = &ci.Job{} }, "runner: there is no job with a script to run"},
		"bad name": {
			func(s *runner.Spec) { s.Variables = []ci.Variable{{Name: "A-B", Value: "secret"}} },
			`runner: "A-B" cannot be the name of a variable in a shell`,
		},
		"NUL": {
			func(s *runner.Spec) { s.IDTokens = map[string]string{"T": "secret\x00"} },
			"runner: variable T holds a NUL character, which no shell can take",
		},
		"circle": {
			func(s *runner.Spec) { s.Variables = []ci.Variable{{Name: "A", Value: "$B"}, {Name: "B", Value: "$A"}} },
			`runner: ci: variable A: circular variable reference detected: ["A" "B"]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJob(t, "job: {script: ['echo ran']}", "")
			c.change(&j.spec)
			result, err := runner.Run(context.Background(), j.spec)
			if err == nil || err.Error() != c.want || result.ExitCode != -1 {
				t.Errorf("Run: %+v, %v\nwant %s", result, err, c.want)
			}
			if strings.Contains(j.log.String(), "echo ran") || result.Reason != runner.RunnerSystemFailure {
				t.Errorf("something ran, or no reason: %+v\n%s", result, &j.log)
			}
		})
	}
}
