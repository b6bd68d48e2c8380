package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts are the promises of the README: each drives the real binary, and
// through it real clients and real issuers. Those in testdata/aws run with
// each aws CLI that is there, those in testdata/clients with each generation of
// their own client, all others once.

// binDir holds the daypass under test.
var binDir string

func TestMain(m *testing.M) {
	testscript.Main(built{m}, map[string]func(){"go-client": goClient, "go-s3": goS3, "otlp-collector": otlpCollector})
}

// built builds daypass before the tests. The test binary is also the program
// go-client of scripts, and builds nothing then.
type built struct{ m *testing.M }

func (b built) Run() int {
	dir, err := os.MkdirTemp("", "daypass-bin-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "daypass"), ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build daypass:", err)
		return 1
	}
	binDir = dir
	return b.m.Run()
}

// TestAWS runs what asks how AWS's command line gets on with Daypass, by every version of
// it that is there.
func TestAWS(t *testing.T) {
	t.Parallel()
	for _, cli := range awsCLIs(t) {
		t.Run(cli.version, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, scripts(clients{aws: cli}, "testdata/aws"))
		})
	}
}

// TestScripts runs what asks for something else, and has one aws CLI to set it up.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts(clients{aws: awsCLIs(t)[0]}, "testdata/script"))
}

// TestClients runs the scripts of clients: boto3's by every version that is
// there, since old ones differ in what they read.
func TestClients(t *testing.T) {
	t.Parallel()
	cli := awsCLIs(t)[0] // to set up
	files, err := filepath.Glob("testdata/clients/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var ofBoto3, others []string
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "boto3") {
			ofBoto3 = append(ofBoto3, file)
		} else {
			others = append(others, file)
		}
	}
	var first python
	for i, python := range pythons() {
		if i == 0 {
			first = python
		}
		t.Run("boto3-"+python.version, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, scripts(clients{aws: cli, python: python}, "", ofBoto3...))
		})
	}
	if first.path == "" {
		t.Run("boto3", func(t *testing.T) { lacking(t, "python3 with boto3") })
	}
	testscript.Run(t, scripts(clients{aws: cli, python: first}, "", others...))
}

func TestIssuers(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts(clients{aws: awsCLIs(t)[0]}, "testdata/issuers"))
}

// scripts are the parameters for the scripts of a folder, or for some files.
func scripts(c clients, dir string, files ...string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(e *testscript.Env) error { return setUpScript(e, c) },
		Condition:           func(name string) (bool, error) { return condition(c, name) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfor": waitFor, "exits": exits, "private": private,
			"certificate": certificate, "expired": expired, "proxy": proxy, "glewlwyd": glewlwyd, "moto": moto, "signin": signIn, "port": port, "postgres": postgres,
		},
	}
}

// setUpScript gives a script an empty home, the daypass under test and one aws CLI.
func setUpScript(e *testscript.Env, c clients) error {
	bin := filepath.Join(e.WorkDir, ".bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	// The CLI may be a launcher that looks at its own place: run it where it is.
	script := "#!/bin/sh\nexec '" + c.aws.path + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "aws"), []byte(script), 0o700); err != nil {
		return err
	}
	config := "[default]\nregion = eu-central-1\noutput = json\ncli_follow_urlparam = false\n"
	if err := os.WriteFile(filepath.Join(e.WorkDir, ".aws-config"), []byte(config), 0o600); err != nil {
		return err
	}
	e.Setenv("PATH", bin+":"+binDir+":"+os.Getenv("PATH"))
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("AWS_CONFIG_FILE", filepath.Join(e.WorkDir, ".aws-config"))
	e.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	e.Setenv("AWS_PAGER", "")
	e.Setenv("REFUSED", c.aws.refused)
	e.Setenv("PYTHON", c.python.path)
	e.Setenv("DAYPASS", filepath.Join(binDir, "daypass")) // for scripts that change PATH
	job, err := filepath.Abs("testdata/job.sh")
	if err != nil {
		return err
	}
	e.Setenv("JOB", job) // gives a script a job's credentials
	engine, err := filepath.Abs("../../internal/runner/testdata/engine")
	if err != nil {
		return err
	}
	e.Setenv("ENGINE", engine) // a stand-in for docker
	tour, err := filepath.Abs("testdata/tour.sh")
	if err != nil {
		return err
	}
	e.Setenv("TOUR", tour) // goes through what S3 does
	earlier, err := filepath.Abs("testdata/earlier")
	if err != nil {
		return err
	}
	e.Setenv("EARLIER", earlier) // data of earlier versions
	node, err := filepath.Abs(nodeDir)
	e.Setenv("NODE", node)
	e.Setenv("NODE_PATH", filepath.Join(node, "node_modules"))
	return err
}

// waitFor VAR FILE waits until the file is there and sets VAR to its text.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor VAR FILE")
	}
	path := ts.MkAbs(args[1])
	for range 2400 { // two minutes, which a busy machine takes to start Node.js with a large program
		text, err := os.ReadFile(path)
		if err == nil {
			ts.Setenv(args[0], strings.TrimSpace(string(text)))
			return
		}
		if !errors.Is(err, fs.ErrNotExist) {
			ts.Check(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s did not appear within two minutes", args[1])
}

// exits CODE COMMAND … runs the command and asks for its exit code. Its output
// goes to the files "out" and "err".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(ts.ReadFile("stdout")), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), []byte(ts.ReadFile("stderr")), 0o600))
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%s ended with %d, not %s\n%s%s", args[1], code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// private FILE asks that a file is there for its owner only.
func private(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: private FILE")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		ts.Fatalf("%s has mode %v", args[0], mode)
	}
}
