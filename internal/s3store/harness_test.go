package s3store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/daypass/daypass/internal/s3store"
	"github.com/daypass/daypass/internal/s3upstream"
)

func TestMain(m *testing.M) {
	if step := os.Getenv(stepEnv); step != "" {
		if err := runSteps(os.Getenv(writerDir), step); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(writerDir); dir != "" {
		os.Exit(writeUntilKilled(dir))
	}
	goleak.VerifyTestMain(m,
		// It sleeps ten seconds at a time, and ends when it wakes after Close.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// It is started once in a process, for the Date header.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
	)
}

// gateway turns path-style requests into calls of s3upstream. It verifies and
// decides nothing: that is the work of others.
type gateway struct {
	client *s3upstream.Client
	t      testing.TB
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, err := g.request(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response, err := g.client.Do(r.Context(), request)
	if err != nil {
		status := http.StatusBadGateway
		if errors.Is(err, s3upstream.ErrBody) {
			status = http.StatusBadRequest
		}
		if errors.Is(err, s3upstream.ErrNotImplemented) {
			status = http.StatusNotImplemented
		}
		http.Error(w, err.Error(), status)
		return
	}
	defer response.Body.Close() //nolint:errcheck // read
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	if response.Status >= http.StatusBadRequest { // the store has not read it, and the client writes it before it listens
		_, _ = io.Copy(io.Discard, r.Body)
	}
	w.WriteHeader(response.Status)
	if _, err := io.Copy(w, response.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (g *gateway) request(r *http.Request) (*s3upstream.Request, error) {
	raw, _, _ := strings.Cut(r.RequestURI, "?")
	path, err := url.PathUnescape(strings.TrimPrefix(raw, "/"))
	if err != nil {
		return nil, err
	}
	bucket, key, _ := strings.Cut(path, "/")
	request := &s3upstream.Request{
		Method: r.Method, Bucket: bucket, Key: key, Query: r.URL.Query(), Header: r.Header,
		Body: r.Body, Length: r.ContentLength, PayloadHash: r.Header.Get("X-Amz-Content-Sha256"),
	}
	if strings.HasPrefix(request.PayloadHash, "STREAMING-") {
		decoder := &chunkDecoder{r: bufio.NewReader(r.Body)}
		request.Body, request.PayloadHash = decoder, ""
		if request.Length, err = strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64); err != nil {
			return nil, err
		}
		if name := r.Header.Get("X-Amz-Trailer"); name != "" {
			request.Trailer = &s3upstream.Trailer{Name: name, Value: func() (string, error) { return decoder.trailer(name) }}
		}
	}
	return request, nil
}

// chunkDecoder reads aws-chunked without looking at signatures.
type chunkDecoder struct {
	r     *bufio.Reader
	left  int64
	ended bool
	lines []string
}

func (d *chunkDecoder) Read(p []byte) (int, error) {
	if d.ended {
		return 0, io.EOF
	}
	if d.left == 0 {
		line, err := d.line()
		if err != nil {
			return 0, err
		}
		size, _, _ := strings.Cut(line, ";")
		if d.left, err = strconv.ParseInt(size, 16, 64); err != nil {
			return 0, err
		}
		if d.left == 0 {
			for {
				line, err := d.line()
				if err != nil && !errors.Is(err, io.EOF) {
					return 0, err
				}
				if line == "" {
					d.ended = true
					return 0, io.EOF
				}
				d.lines = append(d.lines, line)
			}
		}
	}
	n, err := d.r.Read(p[:min(int64(len(p)), d.left)])
	d.left -= int64(n)
	if d.left == 0 && err == nil {
		_, err = d.line()
	}
	return n, err
}

func (d *chunkDecoder) line() (string, error) {
	line, err := d.r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func (d *chunkDecoder) trailer(name string) (string, error) {
	for _, line := range d.lines {
		if n, value, _ := strings.Cut(line, ":"); strings.EqualFold(n, name) {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("no trailer %s in %q", name, d.lines)
}

// open opens a store in dir, and a client that comes to it through a gateway.
func open(t testing.TB, dir string) (*s3.Client, *s3store.Store) {
	t.Helper()
	store, err := s3store.Open(context.Background(), s3store.Config{Dir: dir, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := s3upstream.New(store.Target(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(&gateway{client: upstream, t: t})
	t.Cleanup(func() {
		server.Close()
		upstream.Close()
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return client(server), store
}

func client(server *httptest.Server) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(server.URL), Region: "eu-central-1", UsePathStyle: true, HTTPClient: server.Client(), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "of the caller, to the gateway"}, nil
		}),
	})
}

func bucket(t testing.TB, c *s3.Client, name string) *string {
	t.Helper()
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return &name
}

func put(t testing.TB, c *s3.Client, bucket *string, key, content string) *s3.PutObjectOutput {
	t.Helper()
	out, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(content)})
	if err != nil {
		t.Fatalf("PutObject %q: %v", key, err)
	}
	return out
}

func get(t testing.TB, c *s3.Client, bucket *string, key string) string {
	t.Helper()
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: &key})
	if err != nil {
		t.Fatalf("GetObject %q: %v", key, err)
	}
	defer out.Body.Close() //nolint:errcheck // read
	content, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatalf("GetObject %q: %v", key, err)
	}
	return string(content)
}

// code is the S3 code of an error, with the status if it has no code.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
