package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/runner/workspace"
)

// Container is an image in which a job runs. The project's directory is mounted
// into it, and it has the network of this machine: servers on loopback, Daypass
// before all, are where the job was told they are.
//
// One container is made for a job and started once for each of its stages, as by
// GitLab Runner's Docker executor: what script installs, after_script finds. The
// image's entry point is not put aside, unless the file says so: an image whose
// entry point is no shell fails here as it does there.
type Container struct {
	Engine *Engine
	// Image is its name, with variables expanded.
	Image string
	// Entrypoint is image:entrypoint; nil is the image's own, and [""] none.
	Entrypoint []string
	// PullPolicy is image:pull_policy, each tried in order: always,
	// if-not-present, never. None is if-not-present, where GitLab Runner's own is
	// always: a job that is tried again and again should not wait for a registry.
	PullPolicy []string
	// Platform and User are image:docker:platform and image:docker:user.
	Platform, User string
	// Name of the container; it must be unlike that of any other.
	Name string
	// Dir is the project's directory inside, such as /builds/mygroup/myproject.
	Dir string
	// Services are started before it, and removed after it.
	Services []Service
}

// filesDir is where the files of variables are seen.
func (c *Container) filesDir() string { return c.Dir + ".tmp" }

// detectShell is the command of the container: the first of the shells that
// there is. It reads the script from its standard input.
var detectShell = "for shell in " + strings.Join(shells, " ") + "; do\n" +
	"\tif [ -x \"$shell\" ]; then exec \"$shell\"; fi\ndone\necho shell not found\nexit 1\n"

// imageName is what a reference to an image begins with and holds. A name that
// begins with a hyphen would be an option of the engine.
var imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$`)

// pullPolicies are GitLab's names for the engines' --pull.
var pullPolicies = map[string]string{"always": "always", "if-not-present": "missing", "never": "never"}

// proxies are handed on to the container, which has no environment of ours.
var proxies = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
}

// create is the command line that makes the container. No value of a variable is
// on it: they come with the script.
func (c *container) create(files, pull string) ([]string, error) {
	if !imageName.MatchString(c.Image) {
		return nil, fmt.Errorf("runner: %q is not the name of an image", c.Image)
	}
	args := []string{
		"create", "--name", c.Name, "--label", "daypass.job=" + c.Name, "--interactive", "--init",
		"--network", c.jobNetwork, "--workdir", c.Dir, "--pull", pull,
	}
	args = append(args, c.hosts...)
	if c.Engine.name() == "podman" {
		// On systems with SELinux a mount is closed to containers otherwise.
		args = append(args, "--security-opt", "label=disable")
	}
	for _, m := range [][2]string{{c.dir, c.Dir}, {files, c.filesDir()}} {
		mount, err := mountOption(m[0], m[1])
		if err != nil {
			return nil, err
		}
		args = append(args, mount...)
	}
	for _, name := range proxies {
		if valueOfLast(c.Engine.Environ, name) != "" {
			args = append(args, "--env", name)
		}
	}
	if c.Platform != "" {
		args = append(args, "--platform", c.Platform)
	}
	if c.User != "" {
		args = append(args, "--user", c.User)
	}
	command := []string{"sh", "-c", detectShell}
	if len(c.Entrypoint) > 0 {
		args = append(args, "--entrypoint", c.Entrypoint[0])
		command = append(slices.Clone(c.Entrypoint[1:]), command...)
	}
	return append(append(args, c.Image), command...), nil
}

// mountOption gives a container a directory of this machine.
func mountOption(source, target string) ([]string, error) {
	if strings.ContainsAny(source+target, ",\"\n") {
		return nil, fmt.Errorf("runner: the directory %q cannot be mounted into a container: its name holds a comma, a quote or a line break", source)
	}
	return []string{"--mount", "type=bind,source=" + source + ",target=" + target}, nil
}

// container is one that was made, with its services.
type container struct {
	*Container
	dir        string
	network    string // of the services; "" without
	services   []*service
	jobNetwork string   // host, or network
	hosts      []string // the options with the services' addresses
}

// start makes the container; nothing runs in it yet.
func (c *Container) start(ctx context.Context, r *run, files string) (*container, error) {
	if err := os.MkdirAll(files, 0o700); err != nil {
		return nil, fmt.Errorf("runner: make the directory of file variables: %w", err)
	}
	// The user of the image is another one. Who may reach the directory at all
	// is said by the one that holds it.
	if err := workspace.OpenToAll(files); err != nil {
		return nil, err
	}
	policies := c.PullPolicy
	if len(policies) == 0 {
		policies = []string{"if-not-present"}
	}
	made := &container{Container: c, dir: r.Dir, jobNetwork: "host"}
	if err := made.startServices(ctx, r); err != nil {
		return nil, errors.Join(err, made.remove(ctx))
	}
	var failed error
	for _, policy := range policies {
		pull, ok := pullPolicies[policy]
		if !ok {
			return nil, errors.Join(fmt.Errorf("runner: %q is not a pull policy; there are always, if-not-present, never", policy), made.remove(ctx))
		}
		args, err := made.create(files, pull)
		if err != nil {
			return nil, errors.Join(err, made.remove(ctx))
		}
		if _, err = c.Engine.output(ctx, args...); err == nil {
			return made, nil
		}
		failed = errors.Join(failed, fmt.Errorf("runner: make a container of %s: %w", c.Image, err))
	}
	return nil, errors.Join(failed, made.remove(ctx))
}

// run runs one stage: it starts the container and hands the script to its shell.
func (c *container) run(ctx context.Context, p process, stdout, stderr *Masker) (int, error) {
	p.argv = []string{c.Engine.Path, "start", "--attach", "--interactive", c.Name}
	p.env = c.Engine.Environ
	// The client hands a signal on to the first process of the container, and
	// the shell waits for what it started.
	p.terminate = func() { c.tell(ctx, "exec", c.Name, "sh", "-c", "kill -TERM -1") }
	p.kill = func() { c.tell(ctx, "kill", c.Name) }
	code, err := p.run(ctx, stdout, stderr)
	if err != nil || code == 0 {
		return code, err
	}
	// The client ends with the job's code, or with its own where it failed.
	limited, stop := context.WithTimeout(context.WithoutCancel(ctx), engineWorks)
	defer stop()
	state, err := c.Engine.output(limited, "inspect", "--type", "container", "--format", "{{.State.ExitCode}}", c.Name)
	if err != nil {
		return -1, fmt.Errorf("runner: ask how the job ended: %w", err)
	}
	if state != strconv.Itoa(code) {
		return -1, fmt.Errorf("runner: %s start ended with %d, and the container with %s", c.Engine.name(), code, state)
	}
	return code, nil
}

// tell runs a command whose failure changes nothing: the next one is harsher.
func (c *container) tell(ctx context.Context, args ...string) {
	limited, stop := context.WithTimeout(context.WithoutCancel(ctx), defaultGrace/2)
	defer stop()
	_, _ = c.Engine.output(limited, args...)
}

// remove removes the container and its services, and gives the files that they
// made to the caller.
func (c *container) remove(ctx context.Context) error {
	limited, stop := context.WithTimeout(context.WithoutCancel(ctx), engineWorks)
	defer stop()
	// The services first: they could still write.
	var err error
	for _, s := range c.services {
		err = errors.Join(err, c.removeContainer(limited, s.name))
	}
	err = errors.Join(err, c.removeContainer(limited, c.Name))
	if c.network != "" {
		if _, failed := c.Engine.output(limited, "network", "rm", c.network); failed != nil && !isMissing(failed) {
			err = errors.Join(err, failed)
		}
	}
	c.reclaim(limited)
	return err
}

// reclaim makes the caller the owner of what the job left in the project's
// directory, so that it can be removed: in a container of a system-wide engine
// the job was root. It is a second container of the same image; where that does
// not do it, the removal of the directory says so.
func (c *container) reclaim(ctx context.Context) {
	uid := os.Getuid()
	if uid <= 0 || !foreignIn(c.dir, uid) {
		return
	}
	_, _ = c.Engine.output(ctx, "run", "--rm", "--network", "none", "--user", "0", "--pull", "never",
		"--mount", "type=bind,source="+c.dir+",target="+c.Dir, "--entrypoint", "chown", c.Image,
		"-R", fmt.Sprintf("%d:%d", uid, os.Getgid()), c.Dir)
}
