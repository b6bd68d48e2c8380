package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"
	"github.com/daypass/daypass/internal/pgcluster"
	"github.com/daypass/daypass/internal/pythontest"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/rogpeppe/go-internal/testscript"
)

// clients are those of one run of scripts, where a machine may have several.
type clients struct {
	aws    awsCLI
	python python
}

// lacking skips a test for what the machine has not, and fails it where CI is
// true: there everything is to be tested.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("there is no %s; \"make setup\" installs it on Debian", what)
	}
	t.Skipf("there is no %s on this machine; \"make setup\" installs it on Debian", what)
}

// awsCLI is one aws CLI on this machine. Both generations are in use, and they
// differ where scripts notice: in exit codes and in what they read.
type awsCLI struct {
	path, version    string
	refused          string // exit code for an error that the service answers
	readsEndpointURL bool
}

// awsCLIs finds the CLI on PATH and, where that is another one, the system's.
func awsCLIs(t *testing.T) []awsCLI {
	t.Helper()
	var found []awsCLI
	seen := map[string]bool{}
	for _, name := range []string{"aws", "/usr/bin/aws", "/usr/local/bin/aws"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "--version").CombinedOutput()
		version, _, _ := strings.Cut(string(out), " ")
		if err != nil || seen[version] {
			continue
		}
		seen[version] = true
		found = append(found, awsCLI{
			path: pythontest.Program(path), version: strings.ReplaceAll(version, "/", "-"),
			refused: fmt.Sprint(refusedCode(version)), readsEndpointURL: readsEndpointURL(version),
		})
	}
	if len(found) == 0 {
		lacking(t, "aws CLI")
	}
	return found
}

// python is a python3 that can import boto3.
type python struct{ path, version string } // version is boto3's

var pythons = sync.OnceValue(func() []python {
	var found []python
	seen := map[string]bool{}
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "-c", "import boto3; print(boto3.__version__)").Output()
		version := strings.TrimSpace(string(out))
		if err != nil || seen[version] {
			continue
		}
		seen[version] = true
		found = append(found, python{path: pythontest.Interpreter(path), version: version})
	}
	return found
})

// readsEndpointURL reports whether this boto3 reads AWS_ENDPOINT_URL: since
// 1.28 (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
func (p python) readsEndpointURL() bool {
	major, rest, _ := strings.Cut(p.version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	m, err := strconv.Atoi(minor)
	return err == nil && major == "1" && m >= 28
}

// nodeDir has the packages from npm, and what runs on them.
const nodeDir = "testdata/node"

// nodeLacks says what is missing for scripts that run Node.js, "" for nothing.
var nodeLacks = sync.OnceValue(func() string {
	out, err := exec.Command("node", "--version").Output()
	major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
	if version, bad := strconv.Atoi(major); err != nil || bad != nil || version < 18 {
		return "Node.js 18 or newer"
	}
	if _, err := os.Stat(filepath.Join(nodeDir, "node_modules", ".package-lock.json")); err != nil {
		return "node_modules in cmd/daypass/" + nodeDir
	}
	return ""
})

// versitygw builds versitygw's server into binDir, which scripts have on PATH.
var versitygw = sync.OnceValue(func() error {
	build := exec.Command("go", "build", "-o", filepath.Join(binDir, "versitygw"), "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = "testdata/versitygw"
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build versitygw: %w\n%s", err, text)
	}
	return nil
})

// port VAR sets a variable to a port of loopback that nobody listens on.
func port(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: port VAR")
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	_, number, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], number)
}

// condition answers what scripts ask of the machine and of their client. What a
// machine lacks is an error where CI is true.
func condition(c clients, name string) (bool, error) {
	lacks := ""
	switch name {
	case "node":
		lacks = nodeLacks()
	case "glewlwyd", "rclone", "s3cmd":
		if _, err := exec.LookPath(name); err != nil {
			lacks = name
		}
	case "postgres":
		if !pgcluster.Installed() {
			lacks = "PostgreSQL server"
		}
	case "moto":
		if err := exec.Command(motoServer(), "--help").Run(); err != nil {
			lacks = "moto_server"
		}
	case "large":
		return os.Getenv("DAYPASS_TEST_LARGE") != "", nil
	case "versitygw":
		return true, versitygw()
	case "cli-reads-endpoint-url":
		return c.aws.readsEndpointURL, nil
	case "boto3-reads-endpoint-url":
		return c.python.readsEndpointURL(), nil
	default:
		return false, fmt.Errorf("unknown condition %q", name)
	}
	if lacks != "" && os.Getenv("CI") == "true" {
		return false, fmt.Errorf("there is no %s; \"make setup\" installs it on Debian", lacks)
	}
	return lacks == "", nil
}

// expired FILE ISSUER AUDIENCE writes a token that expired an hour ago. For
// main of mygroup/myproject, it is the issuer's of that directory.
func expired(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: expired FILE ISSUER AUDIENCE")
	}
	then := time.Now().Add(-2 * time.Hour)
	i, err := instance.Open(context.Background(), ts.MkAbs(args[1]), time.Now())
	ts.Check(err)
	job, err := gitlab.NewJob(gitlab.Job{
		ServerURL: i.Issuer.URL(), Project: gitlab.Project{Path: "mygroup/myproject"}, Ref: "main", Pipeline: gitlab.Pipeline{Source: "push"},
	}, nil)
	ts.Check(err)
	token, err := i.Issuer.IDToken(job, []string{args[2]}, then, rand.Reader)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(token+"\n"), 0o600))
}

// goClient is the program go-client: what a program on aws-sdk-go-v2 does that
// leaves everything to the SDK's defaults. It prints who it is or, with the
// argument list-roles, how many roles it sees.
func goClient() {
	err := func(ctx context.Context) error {
		c, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return err
		}
		if len(os.Args) > 1 && os.Args[1] == "list-roles" {
			reply, err := iam.NewFromConfig(c).ListRoles(ctx, nil)
			if err == nil {
				fmt.Println(len(reply.Roles))
			}
			return err
		}
		reply, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, nil)
		if err == nil {
			fmt.Println(*reply.Arn)
		}
		return err
	}(context.Background())
	if fault := smithy.APIError(nil); errors.As(err, &fault) {
		fmt.Fprintln(os.Stderr, fault.ErrorCode()+":", fault.ErrorMessage())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
