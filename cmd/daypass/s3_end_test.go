package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestS3End: a server that is told to end lets requests end that do, cuts off the
// others when their time is over or another signal comes, leaves nothing of an
// upload that was cut off, and ends with 0.
func TestS3End(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]bool{"after the time": false, "second signal": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testS3End(t, second)
		})
	}
}

func testS3End(t *testing.T, second bool) {
	e := startEnding(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 4<<20) // more than sockets hold
	for key, body := range map[string][]byte{"old": []byte("old"), "large": large} {
		_, err := e.objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: bytes.NewReader(body)})
		e.must(err)
	}
	cut, over, ends := e.begin("cut"), e.begin("old"), e.begin("ends")
	download := e.dial("GET", "large", 0)
	head := make([]byte, 64<<10)
	_, err := io.ReadFull(download, head)
	e.must(err)

	e.must(e.server.Process.Signal(syscall.SIGTERM))
	e.waitForLog("ending; requests under way have time to end")
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", e.address()); err == nil {
		_ = conn.Close() // it should not be
		t.Error("the server takes connections when it is to end")
	}
	if status := ends.finish(); status != http.StatusOK {
		t.Errorf("an upload that ends in time is answered with %d", status)
	}
	if second {
		e.must(e.server.Process.Signal(syscall.SIGTERM))
	}
	began := time.Now()
	if err := e.wait(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, e.log())
	}
	if took := time.Since(began); second == (took > 8*time.Second) {
		t.Errorf("the server ended after %v", took)
	}
	if log := e.log(); !strings.Contains(log, "requests were cut off") || !strings.Contains(log, "requests=3") || !strings.Contains(log, "stopped") || strings.Contains(log, "level=ERROR") {
		t.Errorf("the server says\n%s", log)
	}
	for name, u := range map[string]*slowUpload{"a new object": cut, "an object that is there": over} {
		if status := u.status(); status != 0 {
			t.Errorf("the upload of %s that was cut off is answered with %d", name, status)
		}
	}
	if rest, err := io.Copy(io.Discard, download); rest > int64(len(large)) || err == nil && rest+int64(len(head)) >= int64(len(large)) {
		t.Errorf("the download that was cut off came to %d bytes, %v", rest, err)
	}
	e.checkAfterCut()
}

// checkAfterCut starts the server again and looks for what the uploads left.
func (e *ending) checkAfterCut() {
	e.t.Helper()
	kill := e.serve(1)
	defer kill()
	if got := e.get("old"); got != "old" {
		e.t.Errorf("an object is %d bytes after an upload over it was cut off", len(got))
	}
	if got := e.get("ends"); got != slowBody {
		e.t.Errorf("the object of an upload that ended has %d bytes", len(got))
	}
	if got := e.get("cut"); got != "NoSuchKey" {
		e.t.Errorf("an upload that was cut off left %q", got)
	}
	uploads, err := e.objects.ListMultipartUploads(e.t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("bucket")})
	if err != nil || len(uploads.Uploads) > 0 {
		e.t.Errorf("uploads: %+v, %v", uploads, err)
	}
	found, _ := filepath.Glob(filepath.Join(e.dir, "data", "objects", "buckets", "bucket", ".sgwtmp", "*"))
	for _, path := range found {
		e.t.Errorf("%s is left", path)
	}
}

// ending is a server that is told to end.
type ending struct {
	*crash
	server *exec.Cmd
	ended  chan error
	stderr string // file
}

func startEnding(t *testing.T) *ending {
	t.Helper()
	e := &ending{crash: &crash{t: t, dir: t.TempDir()}, ended: make(chan error, 1)}
	e.must(os.Mkdir(e.temporary(), 0o700))
	e.stderr = filepath.Join(e.dir, "stderr")
	log, err := os.Create(e.stderr)
	e.must(err)
	ready := filepath.Join(e.dir, "ready")
	e.server = exec.Command(filepath.Join(binDir, "daypass"), "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(e.dir, "data"), "--ready-file", ready)
	e.server.Stderr = log
	e.must(e.server.Start())
	e.must(log.Close())
	go func() { e.ended <- e.server.Wait() }()
	t.Cleanup(func() { _ = e.server.Process.Kill() }) // which fails where it has ended
	for range 2400 {                                  // two minutes
		if endpoint, err := os.ReadFile(ready); err == nil {
			e.connect(strings.TrimSpace(string(endpoint)), filepath.Join(e.dir, "data", "credentials"))
			_, err := e.objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")})
			e.must(err)
			return e
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the server does not answer\n%s", e.log())
	return nil
}

func (e *ending) log() string {
	text, err := os.ReadFile(e.stderr)
	e.must(err)
	return string(text)
}

func (e *ending) waitForLog(what string) {
	e.t.Helper()
	for range 2400 {
		if strings.Contains(e.log(), what) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	e.t.Fatalf("the server does not say %q\n%s", what, e.log())
}

func (e *ending) wait() error {
	select {
	case err := <-e.ended:
		return err
	case <-time.After(60 * time.Second):
		return errors.New("it does not end")
	}
}

// get is an object's content, or the code of the error.
func (c *crash) get(key string) string {
	out, err := c.objects.GetObject(c.t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key})
	if answers(err, "NoSuchKey") {
		return "NoSuchKey"
	}
	c.must(err)
	text, err := io.ReadAll(out.Body)
	c.must(errors.Join(err, out.Body.Close()))
	return string(text)
}

// slowBody is what slow uploads are to put.
var slowBody = strings.Repeat("slow", 1<<18)

// slowUpload is an upload whose second half has not been sent.
type slowUpload struct {
	net.Conn
	t *testing.T
}

// begin sends half of an object.
func (c *crash) begin(key string) *slowUpload {
	c.t.Helper()
	u := &slowUpload{c.dial("PUT", key, len(slowBody)), c.t}
	_, err := io.WriteString(u, slowBody[:len(slowBody)/2])
	c.must(err)
	return u
}

// finish sends the rest, and gives the status of the answer.
func (u *slowUpload) finish() int {
	u.t.Helper()
	if _, err := io.WriteString(u, slowBody[len(slowBody)/2:]); err != nil {
		u.t.Fatal(err)
	}
	return u.status()
}

// status is that of the answer, 0 for none.
func (u *slowUpload) status() int {
	response, err := http.ReadResponse(bufio.NewReader(u), nil)
	if err != nil {
		return 0
	}
	_ = response.Body.Close() // nothing of it is asked
	return response.StatusCode
}

// dial sends the head of a presigned request on a connection of its own.
func (c *crash) dial(method, key string, length int) net.Conn {
	c.t.Helper()
	signer := s3.NewPresignClient(c.objects)
	var target string
	if method == "GET" {
		request, err := signer.PresignGetObject(c.t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key})
		c.must(err)
		target = request.URL
	} else {
		request, err := signer.PresignPutObject(c.t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, ContentLength: aws.Int64(int64(length))})
		c.must(err)
		target = request.URL
	}
	return c.dialURL(method, target, length)
}

// dialURL sends the head of a request to a presigned URL.
func (c *crash) dialURL(method, target string, length int) net.Conn {
	c.t.Helper()
	parsed, err := url.Parse(target)
	c.must(err)
	conn, err := new(net.Dialer).DialContext(c.t.Context(), "tcp", c.address())
	c.must(err)
	c.t.Cleanup(func() { _ = conn.Close() }) // or is by then
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", method, parsed.RequestURI(), c.address(), length)
	c.must(err)
	return conn
}

// address is the server's host and port.
func (c *crash) address() string {
	return strings.TrimPrefix(*c.objects.Options().BaseEndpoint, "http://")
}
