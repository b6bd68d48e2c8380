package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// serviceTimeout is how long services may take until they listen:
// wait_for_services_timeout of GitLab Runner's config.toml, whose default it is.
// probePause lies between two looks.
const (
	serviceTimeout = 30 * time.Second
	probePause     = 200 * time.Millisecond
)

// Service is a container beside that of a job. The services of a job have a
// network of their own, in which each is known by its aliases.
//
// GitLab Runner puts the job into that network too, where it makes one for each
// job. Here the job keeps the network of this machine, in which Daypass answers,
// and gets the aliases in its /etc/hosts. Only rootless podman, whose networks
// this machine cannot reach, has the job in the network of its services.
type Service struct {
	// Image is its name, with variables expanded.
	Image string
	// Aliases are the names under which it is reached: see ServiceAliases.
	Aliases []string
	// Entrypoint and Command replace those of the image where they are not nil.
	Entrypoint, Command []string
	// PullPolicy, Platform and User are as those of a Container.
	PullPolicy     []string
	Platform, User string
	// Variables are its environment, expanded. Secrets of the project are the
	// job's alone; which those are, is the caller's to say.
	Variables []ci.Variable
}

// reference takes the name of an image apart: the registry's host, its port, the
// path with the leading slash, tag and digest.
var reference = regexp.MustCompile(`^([^/:@]*)(:[0-9]+)?(/[^:@]*)?(?::[^/@]+)?(?:@.+)?$`)

// ServiceAliases are the names of a service: those that its image gives it, and
// those of alias, between which there are spaces or commas. Of the image's name,
// tag, digest and the port of the registry are left out; slashes are written as
// two underscores, and once more as a hyphen, since a host's name has no
// underscore (GitLab Docs, "Services", "Accessing the services"; GitLab Runner,
// helpers/docker SplitNameAndVersion).
func ServiceAliases(image, alias string) []string {
	name := image
	if m := reference.FindStringSubmatch(image); m != nil {
		name = m[1] + m[3]
		if m[2] != "" && m[3] == "" {
			name = m[1] // name:1234 is a tag
		}
	}
	all := []string{strings.ReplaceAll(name, "/", "__"), strings.ReplaceAll(name, "/", "-")}
	all = append(all, strings.Fields(strings.ReplaceAll(alias, ",", " "))...)
	var out []string
	for _, a := range all {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// hostName is what can be an alias: what is a name in /etc/hosts.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// service is one that was started.
type service struct {
	Service
	name string // of the container
	ip   string // in the services' network; "" where it has none
}

// startServices makes the network, starts the services, and waits for them. One
// that does not come up is told and is no error, as by GitLab Runner.
func (c *container) startServices(ctx context.Context, r *run) error {
	if len(c.Services) == 0 {
		return nil
	}
	c.network = c.Name
	if _, err := c.Engine.output(ctx, "network", "create", "--label", "daypass.job="+c.Name, c.network); err != nil {
		return fmt.Errorf("runner: make the network of the services: %w", err)
	}
	for i, s := range c.Services {
		r.log.Say("Starting service %s...", s.Image)
		started := &service{Service: s, name: fmt.Sprintf("%s-svc-%d", c.Name, i)}
		c.services = append(c.services, started)
		if err := c.startService(ctx, r, started); err != nil {
			return fmt.Errorf("runner: start the service %s: %w", s.Image, err)
		}
	}
	r.log.Say("Waiting for services to be up and running (timeout %d seconds)...", int(serviceTimeout.Seconds()))
	limited, stop := context.WithTimeout(ctx, serviceTimeout)
	defer stop()
	failed := make([]error, len(c.services))
	var all sync.WaitGroup
	for i, s := range c.services {
		all.Go(func() { failed[i] = c.await(limited, s) })
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for i, s := range c.services {
		if failed[i] != nil {
			c.warn(ctx, r, s, failed[i])
		}
	}
	return c.joinServices(ctx, r)
}

// startService starts one.
func (c *container) startService(ctx context.Context, r *run, s *service) error {
	given, environ, err := c.serviceEnvironment(r, s)
	if err != nil {
		return err
	}
	policies := s.PullPolicy
	if len(policies) == 0 {
		policies = []string{"if-not-present"}
	}
	var failed error
	for _, policy := range policies {
		args, err := c.runService(s, policy, given)
		if err != nil {
			return err
		}
		e := *c.Engine
		e.Environ = environ
		if _, err = e.output(ctx, args...); err == nil {
			state, err := c.inspect(ctx, s.name)
			if err != nil {
				return err
			}
			s.ip = state.NetworkSettings.Networks[c.network].IPAddress
			return nil
		}
		failed = errors.Join(failed, err)
		// It may have been made and not have started.
		_, _ = c.Engine.output(ctx, c.rm(s.name)...)
	}
	return failed
}

// runService is the command line that starts a service. No value of a variable
// is on it.
func (c *container) runService(s *service, policy string, given []string) ([]string, error) {
	pull, ok := pullPolicies[policy]
	switch {
	case !imageName.MatchString(s.Image):
		return nil, fmt.Errorf("%q is not the name of an image", s.Image)
	case !ok:
		return nil, fmt.Errorf("%q is not a pull policy; there are always, if-not-present, never", policy)
	}
	args := []string{"run", "--detach", "--name", s.name, "--label", "daypass.job=" + c.Name, "--network", c.network}
	for _, alias := range s.Aliases {
		if !hostName.MatchString(alias) {
			return nil, fmt.Errorf("%q cannot be the name of a host; give it another alias", alias)
		}
		args = append(args, "--network-alias", alias)
	}
	args = append(args, "--pull", pull)
	if c.Engine.name() == "podman" {
		args = append(args, "--security-opt", "label=disable")
	}
	mount, err := mountOption(c.dir, c.Dir)
	if err != nil {
		return nil, err
	}
	args = append(append(args, mount...), given...)
	if s.Platform != "" {
		args = append(args, "--platform", s.Platform)
	}
	if s.User != "" {
		args = append(args, "--user", s.User)
	}
	command := s.Command
	if len(s.Entrypoint) > 0 {
		args = append(args, "--entrypoint", s.Entrypoint[0])
		command = slices.Concat(s.Entrypoint[1:], s.Command)
	}
	return append(append(args, s.Image), command...), nil
}

// serviceEnvironment are the options that give a service its variables, and the
// environment of the client. They come by a file, which has one line for each;
// those of several lines come by the client's environment, unless the client
// itself would read them.
func (c *container) serviceEnvironment(r *run, s *service) (options, environ []string, err error) {
	var lines strings.Builder
	environ = slices.Clone(c.Engine.Environ)
	var byClient []string
	for _, v := range append([]ci.Variable{{Name: "CI_PROJECT_DIR", Value: c.Dir}}, s.Variables...) {
		switch {
		case v.File:
		case !shellName.MatchString(v.Name) || strings.ContainsRune(v.Value, 0):
			return nil, nil, fmt.Errorf("variable %q cannot be that of a container", v.Name)
		case !strings.ContainsAny(v.Value, "\r\n"):
			lines.WriteString(v.Name + "=" + v.Value + "\n")
		case readByClient(c.Engine.Environ, v.Name):
			r.log.Warn("service %s does not get the variable %s: it has more than one line, and %s reads it itself", s.Image, v.Name, c.Engine.name())
		default:
			byClient = append(byClient, "--env", v.Name)
			environ = append(environ, v.Name+"="+v.Value)
		}
	}
	path := filepath.Join(r.root, s.name+".env")
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		return nil, nil, err
	}
	return append([]string{"--env-file", path}, byClient...), environ, nil
}

// readByClient reports whether a client of an engine may go by a variable.
func readByClient(environ []string, name string) bool {
	for _, prefix := range []string{"DOCKER_", "BUILDKIT_", "CONTAINER", "PODMAN_", "XDG_", "LD_", "GO", "SSL_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == "PATH" || name == "HOME" || slices.ContainsFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}

// containerState is what is read of an engine's inspect.
type containerState struct {
	State struct {
		Running  bool
		ExitCode int
	}
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
}

func (c *container) inspect(ctx context.Context, name string) (state containerState, err error) {
	var all []containerState
	if err := c.inspectInto(ctx, "container", name, &all); err != nil || len(all) == 0 {
		return state, errors.Join(err, errors.New("the engine does not tell of the container"))
	}
	return all[0], nil
}

func (c *container) inspectInto(ctx context.Context, kind, name string, into any) error {
	text, err := c.Engine.output(ctx, "inspect", "--type", kind, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("read what %s inspect says: %w", c.Engine.name(), err)
	}
	return nil
}

// port is the one that says that a service is up: HEALTHCHECK_TCP_PORT, or the
// lowest that its image exposes (GitLab Docs, "Services", "How the health check
// of services works").
func (c *container) port(ctx context.Context, s *service) (int, error) {
	for _, v := range slices.Backward(s.Variables) {
		if v.Name != "HEALTHCHECK_TCP_PORT" || v.Value == "" {
			continue
		}
		port, err := strconv.ParseUint(v.Value, 10, 16)
		if err != nil || port == 0 {
			return 0, fmt.Errorf("HEALTHCHECK_TCP_PORT is no port: %q", v.Value)
		}
		return int(port), nil
	}
	var images []struct {
		Config struct{ ExposedPorts map[string]struct{} }
	}
	if err := c.inspectInto(ctx, "image", s.Image, &images); err != nil {
		return 0, err
	}
	lowest := 0
	for _, image := range images {
		for exposed := range image.Config.ExposedPorts {
			number, protocol, _ := strings.Cut(exposed, "/")
			if port, err := strconv.ParseUint(number, 10, 16); err == nil && protocol != "udp" && (lowest == 0 || int(port) < lowest) {
				lowest = int(port)
			}
		}
	}
	if lowest == 0 {
		return 0, fmt.Errorf("service %q has no exposed ports", s.name)
	}
	return lowest, nil
}

// await waits until a service listens. One that has ended is not waited for.
func (c *container) await(ctx context.Context, s *service) error {
	port, err := c.port(ctx, s)
	if err != nil {
		return err
	}
	for {
		if c.listens(ctx, s, port) {
			return nil
		}
		state, err := c.inspect(ctx, s.name)
		if err == nil && !state.State.Running {
			return fmt.Errorf("service %q ended with exit code %d", s.name, state.State.ExitCode)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("service %q timeout: nothing listens on port %d", s.name, port)
		case <-time.After(probePause):
		}
	}
}

// listens reports whether a service listens on a port. Whether it does is asked
// in the container, since not every engine's networks can be reached from here;
// where that cannot be asked, for the image has no cat, it is tried.
func (c *container) listens(ctx context.Context, s *service, port int) bool {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if text, err := c.Engine.output(ctx, "exec", s.name, "cat", table); err == nil && listening(text, port) {
			return true
		}
	}
	if s.ip == "" {
		return false
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.ip, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was said
	return true
}

// listening reads Linux's table of TCP sockets (proc_pid_net(5)): the second
// column is the local address in hexadecimal, the fourth 0A for one that listens.
// One on loopback is none that a job could reach.
func listening(table string, port int) bool {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 4 || f[3] != "0A" {
			continue
		}
		address, number, _ := strings.Cut(f[1], ":")
		loopback := len(address) == 8 && strings.HasSuffix(address, "7F") || address == "00000000000000000000000001000000"
		if n, err := strconv.ParseUint(number, 16, 16); err == nil && int(n) == port && !loopback {
			return true
		}
	}
	return false
}

// warn tells of a service that did not come up, and what it wrote.
func (c *container) warn(ctx context.Context, r *run, s *service, why error) {
	limited, stop := context.WithTimeout(ctx, engineWorks)
	defer stop()
	logs, err := c.Engine.combined(limited, "logs", s.name)
	if err != nil {
		logs = err.Error()
	}
	r.log.Say("\n%s Service %s probably didn't start properly.\n\nHealth check error:\n%v\n\nService container logs:",
		paint(r.Colour, yellow, "*** WARNING:"), s.name, why)
	masked := NewMasker(r.Stdout, r.secrets)
	_, err = masked.Write([]byte(logs + "\n"))
	if err = errors.Join(err, masked.Close()); err == nil {
		r.log.Say("\n%s\n", paint(r.Colour, yellow, "*********"))
	}
}

// joinServices lets the job reach its services.
func (c *container) joinServices(ctx context.Context, r *run) error {
	if c.Engine.name() == "podman" {
		rootless, err := c.Engine.output(ctx, "info", "--format", "{{.Host.Security.Rootless}}")
		if err != nil {
			return err
		}
		if rootless == "true" {
			r.log.Warn("podman is rootless: the job is in the network of its services, and does not reach servers on this machine's loopback")
			c.jobNetwork = c.network
			return nil
		}
	}
	known := map[string]bool{}
	for _, s := range c.services {
		for _, alias := range s.Aliases {
			if s.ip != "" && !known[alias] {
				known[alias] = true
				c.hosts = append(c.hosts, "--add-host", alias+":"+s.ip)
			}
		}
	}
	return nil
}

// rm is the command line that removes a container at once.
func (c *container) rm(name string) []string {
	args := []string{"rm", "--force", "--volumes"}
	if c.Engine.name() == "podman" {
		args = append(args, "--time", "0") // docker waits for none
	}
	return append(args, name)
}

func (c *container) removeContainer(ctx context.Context, name string) error {
	if _, err := c.Engine.output(ctx, c.rm(name)...); err != nil && !isMissing(err) {
		return err
	}
	return nil
}

// isMissing reports whether an engine says that there is no such thing.
func isMissing(err error) bool {
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "no such") || strings.Contains(text, "not found")
}
