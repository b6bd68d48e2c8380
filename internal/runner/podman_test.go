package runner_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/runner"
)

// podmanOf gives a test a real engine: podman with a store of its own and an
// image that holds busybox alone, so that no registry is asked. Where podman or
// a static busybox is not installed, or containers cannot be made, the test is
// skipped, and fails where CI is "true".
func podmanOf(t *testing.T) (environ []string, image string) {
	t.Helper()
	missing := func(what string) { cannot(t, "there is no %s; make setup installs it on Debian", what) }
	for _, name := range []string{"podman", "busybox", "catatonit"} {
		if _, err := exec.LookPath(name); err != nil {
			missing(name)
		}
	}
	if out, err := exec.Command("ldd", "/bin/busybox").CombinedOutput(); err == nil {
		missing("static busybox (Debian: busybox-static): " + string(out))
	}
	if os.Getuid() != 0 {
		cannot(t, "a podman of its own needs root here")
	}
	podman, _ := exec.LookPath("podman")
	dir := t.TempDir()
	// Limits that no one has to raise, and the runtime that takes any hierarchy of
	// cgroups: a sandbox allows no more.
	write(t, filepath.Join(dir, "containers.conf"), 0o600, "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"+
		"[engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n")
	write(t, filepath.Join(dir, "bin", "podman"), 0o700, fmt.Sprintf(
		"#!/bin/sh\nexport CONTAINERS_CONF=%[1]s/containers.conf\nexec %[2]s --root %[1]s/root --runroot %[1]s/run --network-config-dir %[1]s/networks --storage-driver vfs \"$@\"\n", dir, podman))
	environ = []string{"PATH=" + filepath.Join(dir, "bin") + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + dir}
	image = "localhost/daypass-test:1"
	command := func(stdin []byte, args ...string) ([]byte, error) {
		c := exec.Command(filepath.Join(dir, "bin", "podman"), args...)
		c.Env, c.Stdin = environ, bytes.NewReader(stdin)
		return c.CombinedOutput()
	}
	if out, err := command(busyboxImage(t), "import", "--change", "EXPOSE 8080", "-", image); err != nil {
		cannot(t, "podman cannot have images here: %v: %s", err, out)
	}
	if out, err := command(nil, "run", "--rm", "--init", "--network", "host", image, "sh", "-c", "exit 0"); err != nil {
		cannot(t, "podman cannot run containers here: %v: %s", err, out)
	}
	if out, err := command(nil, "run", "--rm", image, "sh", "-c", "exit 0"); err != nil {
		cannot(t, "podman cannot make networks here: %v: %s", err, out)
	}
	return environ, image
}

// cannot skips a test, and fails it where CI is "true".
func cannot(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func write(t *testing.T, path string, mode os.FileMode, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// busyboxImage is a root file system as a tar archive.
func busyboxImage(t *testing.T) []byte {
	t.Helper()
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(h tar.Header, content []byte) {
		h.Size = int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	add(tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}, nil)
	add(tar.Header{Name: "bin/busybox", Mode: 0o755}, program)
	for _, applet := range []string{"sh", "cat", "httpd", "wget", "sleep", "kill", "chown", "ls"} {
		add(tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox"}, nil)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A job and its services under a real engine: it reaches one by its alias, is
// told of one that ended, and leaves nothing behind.
func TestPodman(t *testing.T) {
	t.Parallel()
	environ, image := podmanOf(t)
	j := newJob(t, "job: {script: ['cat left; wget -q -O - http://web:8080/page', 'echo made > made; exit 3'], after_script: ['cat made']}", "")
	engine, err := runner.FindEngine(t.Context(), environ)
	if err != nil || filepath.Base(engine.Path) != "podman" {
		cannot(t, "another engine comes first: %v, %v", engine, err)
	}
	dir := filepath.Join(t.TempDir(), "my-project")
	write(t, filepath.Join(dir, "page"), 0o600, "served by the service\n")
	write(t, filepath.Join(dir, "left"), 0o600, "of the work tree\n")
	j.spec.Dir, j.spec.Files, j.spec.Environ = dir, dir+".tmp", environ
	j.spec.Container = &runner.Container{
		Engine: engine, Image: image, PullPolicy: []string{"never"}, Name: "daypass-test-podman", Dir: "/builds/my-group/my-project",
		Services: []runner.Service{
			{Image: image, Aliases: []string{"web"}, PullPolicy: []string{"never"}, Command: []string{"httpd", "-f", "-p", "8080", "-h", "/builds/my-group/my-project"}},
			{Image: image, Aliases: []string{"ends"}, PullPolicy: []string{"never"}, Entrypoint: []string{"sh", "-c"}, Command: []string{"echo it ends; exit 4"}},
		},
	}
	log := j.run(3)
	for _, want := range []string{
		"\nHealth check error:\nservice \"daypass-test-podman-svc-1\" ended with exit code 4\n\nService container logs:\nit ends\n",
		"\nof the work tree\nserved by the service\n", "\nmade\nERROR: Job failed: exit code 3\n",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	if strings.Contains(log, "svc-0 probably") {
		t.Errorf("the service that is up is told not to be:\n%s", log)
	}
	for _, list := range [][]string{{"ps", "--all", "--quiet"}, {"network", "ls", "--quiet", "--filter", "label=daypass.job"}} {
		c := exec.Command(engine.Path, list...)
		c.Env = environ
		if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: left %q, %v", list, out, err)
		}
	}
}
