package runner_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
)

// The examples of GitLab Docs, "Services", and what else a reference can be.
func TestServiceAliases(t *testing.T) {
	t.Parallel()
	for image, want := range map[string][]string{
		"postgres":                           {"postgres"},
		"postgres:11.7":                      {"postgres"},
		"tutum/wordpress:latest":             {"tutum__wordpress", "tutum-wordpress"},
		"name/with:tag":                      {"name__with", "name-with"},
		"registry.example.com:5000/a/b:1":    {"registry.example.com__a__b", "registry.example.com-a-b"},
		"registry.example.com:5000/a/b":      {"registry.example.com__a__b", "registry.example.com-a-b"},
		"mysql:8@sha256:00112233445566":      {"mysql"},
		"registry.example.com/x@sha256:0011": {"registry.example.com__x", "registry.example.com-x"},
	} {
		if got := runner.ServiceAliases(image, ""); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
	if got, want := runner.ServiceAliases("postgres:16", "db, pg db"), []string{"postgres", "db", "pg"}; !slices.Equal(got, want) {
		t.Errorf("aliases %q, want %q", got, want)
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	j, state := inContainer(t, "job: {script: ['echo ran; exit 3'], after_script: ['echo after']}")
	j.spec.Container.Services = []runner.Service{
		{
			Image: "example.com/db:1", Aliases: []string{"example.com__db", "db"}, Command: []string{"serve", "-v"},
			Variables: []ci.Variable{{Name: "POSTGRES_PASSWORD", Value: "hunter22 $x"}, {Name: "TEXT", Value: "two\nlines"}, {Name: "DOCKER_HOST", Value: "a\nb"}},
		},
		{
			Image: "example.com/other", Aliases: []string{"other", "db"}, Entrypoint: []string{"sh", "-c"}, Command: []string{"x"},
			PullPolicy: []string{"never", "always"}, Platform: "linux/arm64", User: "7",
		},
	}
	log := j.run(3)
	want := "Using docker with image example.com/tools:1 ...\nStarting service example.com/db:1...\n" +
		"WARNING: service example.com/db:1 does not get the variable DOCKER_HOST: it has more than one line, and docker reads it itself\n" +
		"Starting service example.com/other...\nWaiting for services to be up and running (timeout 30 seconds)...\n"
	if !strings.Contains(log, want) {
		t.Errorf("no %q in\n%s", want, log)
	}
	const name = "daypass-job-1"
	mount := " --mount type=bind,source=" + j.spec.Dir + ",target=/builds/my-group/my-project"
	told := calls(t, state)
	root := between(told[2], "--env-file ", "/daypass-job-1-svc-0.env")
	second := "run --detach --name " + name + "-svc-1 --label daypass.job=" + name + " --network " + name + " --network-alias other --network-alias db --pull %s" +
		mount + " --env-file " + root + "/daypass-job-1-svc-1.env --platform linux/arm64 --user 7 --entrypoint sh example.com/other -c x "
	for i, want := range []string{
		1: "network create --label daypass.job=" + name + " " + name + " ",
		2: "run --detach --name " + name + "-svc-0 --label daypass.job=" + name + " --network " + name + " --network-alias example.com__db --network-alias db --pull missing" +
			mount + " --env-file " + root + "/daypass-job-1-svc-0.env --env TEXT example.com/db:1 serve -v ",
		3: "inspect --type container " + name + "-svc-0 ",
		4: strings.Replace(second, "%s", "never", 1),
		5: "rm --force --volumes " + name + "-svc-1 ",
		6: strings.Replace(second, "%s", "always", 1),
		7: "inspect --type container " + name + "-svc-1 ",
	} {
		if want != "" && told[i] != want {
			t.Errorf("call %d:\n%s\nwant\n%s", i, told[i], want)
		}
	}
	// The job's own has the network of this machine, and finds them by address.
	created := told[slices.IndexFunc(told, func(c string) bool { return strings.HasPrefix(c, "create ") })]
	want = " --network host --workdir /builds/my-group/my-project --pull missing " +
		"--add-host example.com__db:192.0.2.0 --add-host db:192.0.2.0 --add-host other:192.0.2.1 --mount "
	if !strings.Contains(created, want) {
		t.Errorf("no %q in %s", want, created)
	}
	ends := []string{
		"rm --force --volumes " + name + "-svc-0 ", "rm --force --volumes " + name + "-svc-1 ",
		"rm --force --volumes " + name + " ", "network rm " + name,
	}
	if got := told[len(told)-len(ends):]; !slices.Equal(got, ends) {
		t.Errorf("at the end: %q", got)
	}
	env, err := os.ReadFile(filepath.Join(state, "env-"+name+"-svc-0"))
	if want := "CI_PROJECT_DIR=/builds/my-group/my-project\nPOSTGRES_PASSWORD=hunter22 $x\n"; err != nil || string(env) != want {
		t.Errorf("environment: %q, %v, want %q", env, err, want)
	}
	if strings.Contains(strings.Join(told, "\n"), "hunter22") {
		t.Error("a variable's value is on a command line")
	}
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

// A service that does not come up is told with what it wrote, and the job runs.
func TestServiceThatIsNotUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ image, port, why string }{
		"is up":    {"example.com/db", "", ""},
		"portless": {"example.com/portless", "", `service "daypass-job-1-svc-0" has no exposed ports`},
		"ends":     {"example.com/ends", "81", `service "daypass-job-1-svc-0" ended with exit code 4`},
		"wrong":    {"example.com/db", "http", `HEALTHCHECK_TCP_PORT is no port: "http"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, state := inContainer(t, "job: {script: ['echo ran']}")
			j.spec.Variables = append(j.spec.Variables, ci.Variable{Name: "PASSWORD", Value: "hunter22", Masked: true})
			why := c.why
			j.spec.Container.Services = []runner.Service{{
				Image: c.image, Aliases: []string{"s"}, Variables: []ci.Variable{{Name: "HEALTHCHECK_TCP_PORT", Value: c.port}},
			}}
			log := j.run(0)
			want := "*** WARNING: Service daypass-job-1-svc-0 probably didn't start properly.\n\nHealth check error:\n" + why +
				"\n\nService container logs:\na line, with [MASKED]\nand one of the other output\n\n*********\n"
			if why == "" && strings.Contains(log, "WARNING") || why != "" && !strings.Contains(log, want) {
				t.Errorf("log:\n%s\nwant\n%s", log, want)
			}
			if !strings.Contains(log, "\nran\n") {
				t.Errorf("the job did not run:\n%s", log)
			}
			if told := calls(t, state); told[len(told)-1] != "network rm daypass-job-1" {
				t.Errorf("calls %v", told)
			}
		})
	}
}

// What was started is removed also where the rest does not come to be.
func TestServicesAreRemoved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*runner.Spec)
		reason runner.Reason
		want   string
	}{
		"no such service": {func(s *runner.Spec) { s.Container.Services[1].Image = "example.com/missing" }, runner.RunnerSystemFailure, "start the service example.com/missing: docker run: docker: manifest for"},
		"cannot start":    {func(s *runner.Spec) { s.Container.Services[1].Image = "example.com/broken" }, runner.RunnerSystemFailure, "no-such-program"},
		"no such image":   {func(s *runner.Spec) { s.Container.Image = "example.com/missing" }, runner.RunnerSystemFailure, "manifest for example.com/missing not found"},
		"an option":       {func(s *runner.Spec) { s.Container.Services[1].Image = "--privileged" }, runner.RunnerSystemFailure, `"--privileged" is not the name of an image`},
		"an alias":        {func(s *runner.Spec) { s.Container.Services[1].Aliases = []string{"a:b"} }, runner.RunnerSystemFailure, `"a:b" cannot be the name of a host`},
		"time is over":    {func(s *runner.Spec) { waits(s); s.Timeout = 3 * time.Second }, runner.JobExecutionTimeout, ""},
		"canceled": {func(s *runner.Spec) {
			waits(s)
			canceled := make(chan struct{})
			s.Canceled = canceled
			s.Stdout = &notify{w: s.Stdout, text: "\nWaiting for services", found: make(chan struct{})}
			go func() { <-s.Stdout.(*notify).found; close(canceled) }()
		}, runner.Canceled, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, state := inContainer(t, "job: {script: ['echo ran']}")
			j.spec.Container.Services = []runner.Service{{Image: "example.com/db", Aliases: []string{"db"}}, {Image: "example.com/db", Aliases: []string{"db2"}}}
			c.change(&j.spec)
			result, err := runner.Run(context.Background(), j.spec)
			if result.Reason != c.reason || c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("Run: %+v, %v, want %s %s\n%s", result, err, c.reason, c.want, &j.log)
			}
			left, err := filepath.Glob(filepath.Join(state, "*daypass-job-1*"))
			left = slices.DeleteFunc(left, func(name string) bool { return strings.HasPrefix(filepath.Base(name), "env-") })
			if err != nil || len(left) > 0 || strings.Contains(j.log.String(), "\nran\n") {
				t.Errorf("left: %v, %v\n%s\n%s", left, err, &j.log, strings.Join(calls(t, state), "\n"))
			}
		})
	}
}

// waits has a service that never listens.
func waits(s *runner.Spec) {
	s.Container.Services[1].Image = "example.com/never"
}
