package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts in testdata/script are the promises of the README: each drives
// the real binary, and through it the real aws CLI.

// binDir holds the daypass under test.
var binDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
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
		return m.Run()
	}())
}

// awsCLI is one aws CLI on this machine. Both generations are in use, and they
// differ where scripts notice: in exit codes and in what they read.
type awsCLI struct {
	path, version string
	refused       string // exit code for an error that the service answers
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
		found = append(found, awsCLI{path: path, version: strings.ReplaceAll(version, "/", "-"), refused: fmt.Sprint(refusedCode(version))})
	}
	if len(found) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no aws CLI; \"make setup\" installs it on Debian")
		}
		t.Skip("there is no aws CLI on this machine; \"make setup\" installs it on Debian")
	}
	return found
}

func TestScripts(t *testing.T) {
	t.Parallel()
	for _, cli := range awsCLIs(t) {
		t.Run(cli.version, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Dir:                 "testdata/script",
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup:               func(e *testscript.Env) error { return setUpScript(e, cli) },
				Condition:           condition,
				Cmds:                map[string]func(*testscript.TestScript, bool, []string){"waitfor": waitFor, "exits": exits, "private": private, "certificate": certificate},
			})
		})
	}
}

// setUpScript gives a script an empty home, the daypass under test and one aws CLI.
func setUpScript(e *testscript.Env, cli awsCLI) error {
	bin := filepath.Join(e.WorkDir, ".bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	// The CLI may be a launcher that looks at its own place: run it where it is.
	script := "#!/bin/sh\nexec '" + cli.path + "' \"$@\"\n"
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
	e.Setenv("REFUSED", cli.refused)
	e.Setenv("PYTHON", pythonWithBoto3())
	e.Setenv("DAYPASS", filepath.Join(binDir, "daypass")) // for scripts that change PATH
	return nil
}

// condition answers [boto3]. Where CI is true there is boto3, or the script fails.
func condition(name string) (bool, error) {
	if name != "boto3" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return os.Getenv("CI") == "true" || pythonWithBoto3() != "", nil
}

// pythonWithBoto3 is a python3 that can import boto3, "" where there is none.
var pythonWithBoto3 = sync.OnceValue(func() string {
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if path, err := exec.LookPath(name); err == nil && exec.Command(path, "-c", "import boto3").Run() == nil {
			return path
		}
	}
	return ""
})

// waitFor VAR FILE waits until the file is there and sets VAR to its text.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor VAR FILE")
	}
	path := ts.MkAbs(args[1])
	for range 600 { // 30 seconds
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
	ts.Fatalf("%s did not appear within 30 seconds", args[1])
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

// certificate writes a server's certificate for 127.0.0.1 with its key, and the
// authority that signed it: cert.pem, key.pem and ca.pem.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: certificate")
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Authority of a script"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	ts.Check(err)
	serverDER, err := x509.CreateCertificate(rand.Reader, server, authority, serverKey.Public(), authorityKey)
	ts.Check(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(serverKey)
	ts.Check(err)
	for name, block := range map[string]*pem.Block{
		"ca.pem":   {Type: "CERTIFICATE", Bytes: authorityDER},
		"cert.pem": {Type: "CERTIFICATE", Bytes: serverDER},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(block), 0o600))
	}
}
