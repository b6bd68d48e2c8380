package runner_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
)

// engineOf gives a test the stand-in for the docker command line, and the
// directory in which it keeps what it was told. No real engine is in these tests.
func engineOf(t *testing.T) (environ []string, state string) {
	t.Helper()
	if _, err := exec.LookPath("setsid"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no setsid (Debian: util-linux): %v", err)
		}
		t.Skip("the stand-in for docker needs setsid")
	}
	bin, err := filepath.Abs("testdata/engine")
	if err != nil {
		t.Fatal(err)
	}
	state = t.TempDir()
	return []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "DOCKER_STATE=" + state, "HTTP_PROXY=http://secret-proxy:3128"}, state
}

// inContainer makes a job run in an image.
func inContainer(t *testing.T, file string) (*job, string) {
	t.Helper()
	j := newJob(t, file, "")
	environ, state := engineOf(t)
	engine, err := runner.FindEngine(t.Context(), environ)
	if err != nil {
		t.Fatal(err)
	}
	j.spec.Dir = filepath.Join(t.TempDir(), "my-project")
	if err := os.Mkdir(j.spec.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	j.spec.Files = j.spec.Dir + ".tmp"
	j.spec.Environ = environ
	j.spec.Container = &runner.Container{
		Engine: engine, Image: "example.com/tools:1", Name: "daypass-job-1", Dir: "/builds/my-group/my-project",
	}
	return j, state
}

func calls(t *testing.T, state string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(state, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func TestContainer(t *testing.T) {
	t.Parallel()
	j, state := inContainer(t, `
job:
  script:
    - echo "in $CONTAINER, $CI_BUILDS_DIR"
    - echo "$PASSWORD" > left; cat "$FILE"; echo
    - exit 3
  after_script:
    - echo "in $CONTAINER, after $CI_JOB_STATUS"; cat left
`)
	j.spec.Variables = append(j.spec.Variables,
		ci.Variable{Name: "PASSWORD", Value: "hunter22", Masked: true},
		ci.Variable{Name: "FILE", Value: "in the file", File: true})
	log := j.run(3)
	for _, want := range []string{
		"Preparing the \"docker\" executor\nUsing docker with image example.com/tools:1 ...\n",
		"\nin daypass-job-1, /builds/my-group\n", "\nin the file\n",
		"\nin daypass-job-1, after failed\n[MASKED]\n", "\nERROR: Job failed: exit code 3\n",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in the log:\n%s", want, log)
		}
	}
	told := calls(t, state)
	var verbs []string
	for _, c := range told {
		verb, _, _ := strings.Cut(c, " ")
		verbs = append(verbs, verb)
	}
	// One container for both stages, which is gone at the end.
	if want := []string{"ps", "create", "start", "inspect", "start", "rm"}; !slices.Equal(verbs, want) {
		t.Errorf("calls %v, want %v", verbs, want)
	}
	create := told[1]
	for _, want := range []string{
		"create --name daypass-job-1 --label daypass.job=daypass-job-1 --interactive --init --network host --workdir /builds/my-group/my-project --pull missing ",
		" --mount type=bind,source=" + j.spec.Dir + ",target=/builds/my-group/my-project ",
		" --mount type=bind,source=" + j.spec.Files + ",target=/builds/my-group/my-project.tmp ",
		" --env HTTP_PROXY ", " example.com/tools:1 sh -c for shell in /usr/local/bin/bash ",
	} {
		if !strings.Contains(create, want) {
			t.Errorf("no %q in %s", want, create)
		}
	}
	for _, secret := range []string{"hunter22", "in the file", "secret-proxy"} {
		if strings.Contains(strings.Join(told, "\n"), secret) {
			t.Errorf("%s is on a command line", secret)
		}
	}
	if left, err := filepath.Glob(filepath.Join(state, "daypass*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// The trap of tutorial document 001: the image's entry point is aws. It is put
// aside where the file says so.
func TestContainerEntrypoint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entrypoint []string
		code       int
		want       string
	}{
		"the image's": {nil, 252, "\naws: error: argument command: Invalid choice: sh\nERROR: Job failed: exit code 252\n"},
		"none":        {[]string{""}, 0, "\nran\nJob succeeded\n"},
		"another":     {[]string{"/usr/bin/env", "EXTRA=1"}, 0, "\nran1\nJob succeeded\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, state := inContainer(t, "job: {script: ['echo ran$EXTRA']}")
			j.spec.Container.Image, j.spec.Container.Entrypoint = "example.com/aws-cli", c.entrypoint
			if log := j.run(c.code); !strings.HasSuffix(log, c.want) {
				t.Errorf("log:\n%s\n%s", log, strings.Join(calls(t, state), "\n"))
			}
		})
	}
}

func TestContainerIsCanceled(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"ends when told": "echo ready-now; sleep 1000",
		"does not":       "trap '' TERM; echo ready-now; while true; do sleep 1000; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, state := inContainer(t, "job: {script: [x], after_script: ['echo after']}")
			j.spec.Job.Script = []string{script}
			canceled := make(chan struct{})
			ready := &notify{w: &j.log, text: "\nready-now", found: make(chan struct{})}
			j.spec.Stdout, j.spec.Canceled, j.spec.Grace = ready, canceled, 200*time.Millisecond
			go func() { <-ready.found; close(canceled) }()
			result, err := runner.Run(context.Background(), j.spec)
			if err != nil || result.Reason != runner.Canceled || !strings.Contains(j.log.String(), "\nafter\n") {
				t.Errorf("Run: %+v, %v\n%s\n%s", result, err, &j.log, strings.Join(calls(t, state), "\n"))
			}
			if told := calls(t, state); !strings.HasPrefix(told[len(told)-1], "rm --force --volumes daypass-job-1") {
				t.Errorf("calls %v", told)
			}
		})
	}
}

func TestContainerRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*runner.Container)
		want   string
	}{
		"an option for a name": {func(c *runner.Container) { c.Image = "--privileged" }, `runner: "--privileged" is not the name of an image`},
		"no image":             {func(c *runner.Container) { c.Image = "" }, `runner: "" is not the name of an image`},
		"missing":              {func(c *runner.Container) { c.Image = "example.com/missing" }, "runner: make a container of example.com/missing: docker create: docker: manifest for example.com/missing not found"},
		"never pulled":         {func(c *runner.Container) { c.PullPolicy = []string{"never"} }, "runner: make a container of example.com/tools:1: docker create: docker: no such image, and it is not to be pulled"},
		"unknown policy":       {func(c *runner.Container) { c.PullPolicy = []string{"sometimes"} }, `runner: "sometimes" is not a pull policy; there are always, if-not-present, never`},
		"comma":                {func(c *runner.Container) { c.Dir = "/a,readonly" }, "its name holds a comma"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, _ := inContainer(t, "job: {script: ['echo ran']}")
			c.change(j.spec.Container)
			result, err := runner.Run(context.Background(), j.spec)
			if err == nil || !strings.Contains(err.Error(), c.want) || result.Reason != runner.RunnerSystemFailure {
				t.Errorf("Run: %+v, %v\nwant %s", result, err, c.want)
			}
		})
	}
	t.Run("a second policy", func(t *testing.T) {
		t.Parallel()
		j, _ := inContainer(t, "job: {script: ['echo ran']}")
		j.spec.Container.PullPolicy = []string{"never", "always"}
		j.run(0)
	})
	t.Run("the engine breaks", func(t *testing.T) {
		t.Parallel()
		j, state := inContainer(t, "job: {script: ['echo ran']}")
		if err := os.WriteFile(filepath.Join(state, "breaks"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if result, err := runner.Run(context.Background(), j.spec); err == nil || result.Reason != runner.RunnerSystemFailure {
			t.Errorf("Run: %+v, %v\n%s", result, err, &j.log)
		}
	})
}

// A client whose engine does not answer is no engine.
func TestFindEngine(t *testing.T) {
	t.Parallel()
	environ, state := engineOf(t)
	if e, err := runner.FindEngine(t.Context(), environ); err != nil || filepath.Base(e.Path) != "docker" {
		t.Errorf("FindEngine: %v, %v", e, err)
	}
	if err := os.WriteFile(filepath.Join(state, "down"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := runner.FindEngine(t.Context(), environ)
	if !errors.Is(err, runner.ErrNoEngine) || !strings.Contains(err.Error(), "docker ps: Cannot connect to the Docker daemon. Is it running?; podman ps: Error: no podman answers") {
		t.Errorf("FindEngine: %v", err)
	}
	_, err = runner.FindEngine(t.Context(), []string{"PATH=/nowhere:relative"})
	if !errors.Is(err, runner.ErrNoEngine) || !strings.Contains(err.Error(), "there is no docker on PATH; there is no podman on PATH") {
		t.Errorf("FindEngine: %v", err)
	}
}
