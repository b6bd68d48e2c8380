package server_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"

	s3client "github.com/aws/aws-sdk-go-v2/service/s3"
	smclient "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
)

// open opens a connection and sends a text.
func (r *running) open(t *testing.T, text string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// ends waits for the server to close a connection, and gives what it said before.
func ends(t *testing.T, conn net.Conn, within time.Duration) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the server does not close the connection within %v; it says %q", within, text)
	}
	return string(text)
}

const slowRequest = "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\n"

// TestCrowd: while as many requests are under way as may be, others are refused as
// unavailable in the words of each protocol, without their bodies being waited for, and
// on the record; then they are served.
func TestCrowd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newConfig(dir)
	c.AdminListen = "127.0.0.1:0"
	c.Limits.Requests = 3
	c.S3 = server.S3{Upstreams: anyUpstream()}
	r := mustStart(t, c)
	admin, config := r.admin(t, dir), r.administrator(t, dir)
	call := func() error {
		_, err := stsclient.NewFromConfig(once(config)).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{})
		return err
	}
	if err := call(); err != nil {
		t.Fatal(err)
	}
	var slow []net.Conn
	for range 3 {
		slow = append(slow, r.open(t, slowRequest))
	}
	underWay := func(n int) func() bool {
		return func() bool {
			_, body := r.get(t, admin+"/metrics", "")
			return strings.Contains(body, fmt.Sprintf("daypass_requests_in_flight %d\n", n))
		}
	}
	soon(t, "three requests are under way", underWay(3))
	if err := call(); codeOf(err) != "ServiceUnavailable" || !strings.Contains(err.Error(), "StatusCode: 503") {
		t.Errorf("a form is answered with %v", err)
	}
	if _, err := smclient.NewFromConfig(once(config)).ListSecrets(t.Context(), &smclient.ListSecretsInput{}); !strings.Contains(fmt.Sprint(err), "StatusCode: 503") {
		t.Errorf("JSON is answered with %v", err)
	}
	objects := s3client.NewFromConfig(once(config), func(o *s3client.Options) { o.UsePathStyle = true })
	if _, err := objects.ListBuckets(t.Context(), &s3client.ListBucketsInput{}); codeOf(err) != "ServiceUnavailable" || !strings.Contains(err.Error(), "StatusCode: 503") {
		t.Errorf("S3 is answered with %v", err)
	}
	refused := r.open(t, strings.Replace(slowRequest, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)) // and no body
	if text := ends(t, refused, 20*time.Second); !strings.HasPrefix(text, "HTTP/1.1 503 ") {
		t.Errorf("a request whose body does not come is answered with %q", text)
	}
	if status, _ := r.get(t, admin+"/readyz", ""); status != http.StatusOK {
		t.Errorf("readyz answers %d", status)
	}
	for _, conn := range slow {
		_ = conn.Close()
	}
	soon(t, "no request is under way", underWay(0))
	if err := call(); err != nil {
		t.Errorf("the others are gone, and yet %v", err)
	}
	events := read(t, dir, "events.jsonl")
	if n := strings.Count(events, "more requests are under way than limits.requests lets"); n != 4 {
		t.Errorf("%d refusals are on the record: %s", n, events)
	}
	for _, operation := range []string{`"service":"secretsmanager","operation":"ListSecrets"`, `"service":"s3","operation":"ListBuckets"`} {
		if !strings.Contains(events, operation) {
			t.Errorf("the record does not name %s", operation)
		}
	}
}

// TestConnections: who comes while as many connections are open as may be, waits until
// one is closed, which idle ones are.
func TestConnections(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newConfig(dir)
	c.Limits.Connections = 2
	c.Timeouts = server.Timeouts{Header: time.Second, Request: 2 * time.Second, Idle: time.Second}
	r := mustStart(t, c)
	const whole = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	begins := time.Now()
	silent, idle := r.open(t, "GET"), r.open(t, whole)
	waiting := r.open(t, strings.Replace(whole, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
	if text := ends(t, waiting, 20*time.Second); !strings.HasPrefix(text, "HTTP/1.1 ") || time.Since(begins) < 900*time.Millisecond {
		t.Errorf("after %v the third connection is answered with %q", time.Since(begins), text)
	}
	if text := ends(t, silent, 20*time.Second); strings.Contains(text, "200") {
		t.Errorf("half a header is answered with %q", text)
	}
	if text := ends(t, idle, 20*time.Second); !strings.HasPrefix(text, "HTTP/1.1 302 ") {
		t.Errorf("the connection that is idle was answered with %q", text)
	}
	slow := r.open(t, slowRequest)
	if text := ends(t, slow, 20*time.Second); !strings.HasPrefix(text, "HTTP/1.1 400 ") {
		t.Errorf("a request without its body is answered with %q", text)
	}
	_, err := stsclient.NewFromConfig(r.administrator(t, dir)).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{})
	if err != nil {
		t.Error(err)
	}
}

// TestLimitsThatCannotBe: what makes no sense is refused before anything is opened.
func TestLimitsThatCannotBe(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*server.Config){
		"limits.requests is -1":    func(c *server.Config) { c.Limits.Requests = -1 },
		"limits.connections is -1": func(c *server.Config) { c.Limits.Connections = -1 },
		"timeouts.idle is 2h0m0s":  func(c *server.Config) { c.Timeouts.Idle = 2 * time.Hour },
		"timeouts.drain is -1s":    func(c *server.Config) { c.Timeouts.Drain = -time.Second },
	} {
		c := newConfig(t.TempDir())
		change(&c)
		if _, err := start(t, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
