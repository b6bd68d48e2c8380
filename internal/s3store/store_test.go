package s3store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/daypass/daypass/internal/s3store"
	"github.com/daypass/daypass/internal/s3upstream"
)

func TestOpen(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := filepath.Join(t.TempDir(), "store")
	before, _ := os.Getwd()
	if _, err := s3store.Open(t.Context(), s3store.Config{Dir: "store", Now: time.Now}); err == nil {
		t.Error("a relative directory is taken")
	}
	c, store := open(t, dir)
	if _, err := s3store.Open(t.Context(), s3store.Config{Dir: t.TempDir(), Now: time.Now}); !errors.Is(err, s3store.ErrOpen) {
		t.Errorf("a second store: %v, want ErrOpen", err)
	}
	put(t, c, bucket(t, c, "kept"), "key", "content")
	if sockets, err := filepath.Glob(filepath.Join(os.TempDir(), "daypass-s3-*")); err != nil || len(sockets) > 0 {
		t.Errorf("the store leaves a socket: %v, %v", sockets, err)
	}
	if err := errors.Join(store.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, store.Target().Endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := store.Target().Transport.RoundTrip(r); !errors.Is(err, s3store.ErrClosed) { //nolint:bodyclose // there is none
		t.Errorf("after Close: %v, %v", answer, err)
	}
	if now, _ := os.Getwd(); now != before {
		t.Errorf("the working directory is %s after Close, and was %s", now, before)
	}

	c, _ = open(t, dir)
	name := "kept"
	if content := get(t, c, &name, "key"); content != "content" {
		t.Errorf("after opening again: %q", content)
	}
}

func TestOpenRefusesFormats(t *testing.T) {
	for _, format := range []string{"", "metadata: in the sky\n"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "format"), []byte(format), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s3store.Open(t.Context(), s3store.Config{Dir: dir, Now: time.Now}); !errors.Is(err, s3store.ErrFormat) {
			t.Errorf("format %q: %v", format, err)
		}
	}
}

// TestStranger asks the store with other credentials than its own.
func TestStranger(t *testing.T) {
	_, store := open(t, t.TempDir())
	target := store.Target()
	target.Credentials = s3upstream.Static("daypass", "guessed")
	upstream, err := s3upstream.New(target, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	_, err = upstream.Do(t.Context(), &s3upstream.Request{Method: "GET"})
	var refusal *s3upstream.Refusal
	if !errors.As(err, &refusal) || refusal.Code != "SignatureDoesNotMatch" {
		t.Errorf("error is %v", err)
	}
}

const writerDir = "DAYPASS_TEST_S3STORE_WRITER"

// writeUntilKilled is the process that TestKill kills. It says each key once the
// store has acknowledged it.
func writeUntilKilled(dir string) int {
	store, err := s3store.Open(context.Background(), s3store.Config{Dir: dir, Now: time.Now})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	upstream, err := s3upstream.New(store.Target(), time.Now)
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	do := func(method, key string, content []byte) {
		response, err := upstream.Do(context.Background(), &s3upstream.Request{
			Method: method, Bucket: "bucket", Key: key, Body: bytes.NewReader(content), Length: int64(len(content)),
		})
		if err == nil {
			err = response.Body.Close()
		}
		if err != nil || response.Status >= 300 {
			fmt.Println("error", err, response)
			os.Exit(1)
		}
	}
	do("PUT", "", nil)
	for i := 0; ; i++ {
		do("PUT", fmt.Sprintf("d%d/k%d", i%7, i), content(i))
		do("PUT", "overwritten", content(i)) // whole at every moment
		fmt.Println("put", i)
	}
}

func content(i int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("%07d\n", i)), 4000) }

func TestKill(t *testing.T) {
	dir := t.TempDir()
	last := -1
	for round := range 3 {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), writerDir+"="+dir)
		if round > 0 {
			dir = t.TempDir()
			command.Env = append(os.Environ(), writerDir+"="+dir)
		}
		output, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			if _, err := fmt.Sscanf(lines.Text(), "put %d", &last); err != nil {
				t.Errorf("the writer says %q", lines.Text())
			}
			if last >= 20+13*round {
				_ = command.Process.Kill()
			}
		}
		_ = command.Wait()
		c, store := open(t, dir)
		name := "bucket"
		for i := range last + 1 {
			if got := get(t, c, &name, fmt.Sprintf("d%d/k%d", i%7, i)); got != string(content(i)) {
				t.Errorf("key %d has %d bytes", i, len(got))
			}
		}
		got := get(t, c, &name, "overwritten")
		if got != string(content(last)) && got != string(content(last+1)) {
			t.Errorf("the overwritten key has %.8q…, %d bytes; %d was acknowledged", got, len(got), last)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestResume completes an upload that a killed process was completing.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	c, store := open(t, dir)
	b := bucket(t, c, "resumed")
	created, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b, Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	part, err := c.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: b, Key: aws.String("k"), UploadId: created.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	uploads, _ := filepath.Glob(filepath.Join(dir, "buckets", *b, ".sgwtmp", "multipart", "*", *created.UploadId))
	if len(uploads) != 1 {
		t.Fatalf("uploads: %q", uploads)
	}
	if err := os.Rename(uploads[0], uploads[0]+".9dd4e461268c8034f5c8564e155c67a6-1.inprogress"); err != nil {
		t.Fatal(err)
	}
	c, _ = open(t, dir)
	_, err = c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: b, Key: aws.String("k"), UploadId: created.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1), ChecksumCRC32: part.ChecksumCRC32}}},
	})
	if err != nil || get(t, c, b, "k") != "x" {
		t.Errorf("CompleteMultipartUpload: %v", err)
	}
}

// TestLocked opens a store that another process has.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), writerDir+"="+dir)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if !bufio.NewScanner(output).Scan() {
		t.Error("the other process says nothing")
	}
	if _, err := s3store.Open(t.Context(), s3store.Config{Dir: dir, Now: time.Now}); !errors.Is(err, s3store.ErrOpen) {
		t.Errorf("Open: %v, want ErrOpen", err)
	}
	_ = command.Process.Kill()
	_ = command.Wait()
	open(t, dir)
}
