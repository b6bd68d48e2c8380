package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestUpstream runs the scripts of the gateway before services that are not ours.
func TestUpstream(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts(clients{aws: awsCLIs(t)[0]}, "testdata/upstream"))
}

// moto VAR starts moto's server, which answers as AWS's services do, and sets a
// variable to its URL. It keeps nothing.
func moto(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: moto VAR")
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	port := l.Addr().(*net.TCPAddr).Port
	ts.Check(l.Close())
	log, err := os.Create(ts.MkAbs("moto.log"))
	ts.Check(err)
	daemon := exec.Command(motoServer(), "-H", "127.0.0.1", "-p", fmt.Sprint(port)) //nolint:gosec // a number
	daemon.Stdout, daemon.Stderr = log, log
	ts.Check(daemon.Start())
	ts.Defer(func() { _ = daemon.Process.Kill(); _ = daemon.Wait(); _ = log.Close() })
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	for range 1200 { // a minute, until it answers
		response, err := http.Get(url + "/moto-api/") //nolint:noctx // of a test's own server
		if err == nil {
			_ = response.Body.Close()
			ts.Setenv(args[0], url)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("moto_server does not answer\n%s", ts.ReadFile("moto.log"))
}

// motoServer is moto's server: that on PATH, or the one that setup put beside the
// tests.
func motoServer() string {
	if path, err := exec.LookPath("moto_server"); err == nil {
		return path
	}
	path, err := filepath.Abs(filepath.Join("testdata", "moto", "bin", "moto_server"))
	if err != nil {
		return "moto_server"
	}
	return path
}
