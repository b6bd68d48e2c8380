//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestSocketActivation holds the server's socket, as systemd does, while one process
// after the other serves on it under load: no request fails. Each says when it is ready,
// and that it ends.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	socket, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close(); _ = l.Close() })
	short, err := os.MkdirTemp("", "daypass-notify-") //nolint:usetesting // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	states, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(short, "s"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = states.Close() })
	heard := func() string {
		t.Helper()
		b := make([]byte, 100)
		if err := states.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := states.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	start := func() *exec.Cmd {
		t.Helper()
		command := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"`, "sh", filepath.Join(binDir, "daypass"), "serve", "--data", filepath.Join(dir, "data"), "--admin-listen", "none")
		command.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(short, "s"))
		command.ExtraFiles = []*os.File{socket}
		log := &strings.Builder{}
		command.Stderr = log
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = command.Process.Kill()
			_ = command.Wait()
			if t.Failed() {
				t.Log(log)
			}
		})
		if state := heard(); state != "READY=1" {
			t.Fatalf("it says %q", state)
		}
		return command
	}
	process := start()
	profile, err := config.LoadSharedConfigProfile(t.Context(), "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{filepath.Join(dir, "data", "credentials")}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + l.Addr().String()
	client := sts.New(sts.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return profile.Credentials, nil }),
	})
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var answered atomic.Int64
	for range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				if _, err := client.GetCallerIdentity(context.WithoutCancel(ctx), &sts.GetCallerIdentityInput{}); err != nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				answered.Add(1)
			}
		})
	}
	for range 3 {
		time.Sleep(300 * time.Millisecond)
		if err := process.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if state := heard(); state != "STOPPING=1" {
			t.Fatalf("it says %q", state)
		}
		if err := process.Wait(); err != nil {
			t.Fatal(err)
		}
		process = start()
	}
	enough := max(100, answered.Load()+20) // some of them to the last of the processes
	for deadline := time.Now().Add(2 * time.Minute); answered.Load() < enough; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) || t.Failed() {
			t.Errorf("%d requests have shown little, of %d", answered.Load(), enough)
			break
		}
	}
	stop()
	load.Wait()
}

// TestSocketsThatAreNotServed: of several sockets, and of one that is none of TCP, nothing
// is served.
func TestSocketsThatAreNotServed(t *testing.T) {
	t.Parallel()
	datagram, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	file, err := datagram.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close(); _ = datagram.Close() })
	for n, want := range map[int]string{1: "the socket that was handed over", 2: "hands over 2 sockets, and one is served"} {
		command := exec.Command("/bin/sh", "-c", fmt.Sprintf(`LISTEN_PID=$$ LISTEN_FDS=%d exec "$@"`, n), "sh", filepath.Join(binDir, "daypass"), "serve", "--data", filepath.Join(t.TempDir(), "data"))
		command.ExtraFiles = []*os.File{file, file}
		if output, err := command.CombinedOutput(); err == nil || !strings.Contains(string(output), want) {
			t.Errorf("%d sockets: %v, %s", n, err, output)
		}
	}
}
