package s3upstream_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"

	"github.com/daypass/daypass/internal/s3upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newClient(t testing.TB, target s3upstream.Target) *s3upstream.Client {
	t.Helper()
	if target.Region == "" {
		target.Region = "eu-central-1"
	}
	if target.Credentials == nil {
		target.Credentials = s3upstream.Static("AKIDUPSTREAM", "secret of the upstream")
	}
	c, err := s3upstream.New(target, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// serve is a client of a server of http.
func serve(t testing.TB, handler http.HandlerFunc) *s3upstream.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return newClient(t, s3upstream.Target{Endpoint: server.URL})
}

// rawServer answers each connection's requests with answer, and gives the heads.
func rawServer(t testing.TB, answer string) (string, <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	heads := make(chan string, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close() //nolint:errcheck // a test's
				reader := bufio.NewReader(conn)
				for {
					var head strings.Builder
					for {
						line, err := reader.ReadString('\n')
						if err != nil {
							return
						}
						if line == "\r\n" {
							break
						}
						head.WriteString(line)
					}
					heads <- head.String()
					if _, err := io.WriteString(conn, answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String(), heads
}

// TestPath shows that keys are encoded once, and that what is on the wire is
// what is signed.
func TestPath(t *testing.T) {
	endpoint, heads := rawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	c := newClient(t, s3upstream.Target{Endpoint: endpoint})
	for key, want := range map[string]string{
		"":              "/bucket",
		"key":           "/bucket/key",
		"a//b/../c":     "/bucket/a//b/../c",
		"a b+c":         "/bucket/a%20b%2Bc",
		"ü/日本":          "/bucket/%C3%BC/%E6%97%A5%E6%9C%AC",
		"%":             "/bucket/%25",
		"%2F%25":        "/bucket/%252F%2525",
		"a?b#c":         "/bucket/a%3Fb%23c",
		"folder/":       "/bucket/folder/",
		"/lead":         "/bucket//lead",
		"//":            "/bucket///",
		".":             "/bucket/.",
		"..":            "/bucket/..",
		"~-_.":          "/bucket/~-_.",
		"!*'();:@&=$,[": "/bucket/%21%2A%27%28%29%3B%3A%40%26%3D%24%2C%5B",
		"\x00\n\xff":    "/bucket/%00%0A%FF",
		"http://x/y":    "/bucket/http%3A//x/y",
	} {
		response, err := c.Do(t.Context(), &s3upstream.Request{
			Method: "GET", Bucket: "bucket", Key: key, Query: url.Values{"versionId": {"a b+c/"}, "acl": {""}},
		})
		if err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		_ = response.Body.Close()
		head := <-heads
		line, _, _ := strings.Cut(head, "\r\n")
		if line != "GET "+want+"?acl=&versionId=a%20b%2Bc%2F HTTP/1.1" {
			t.Errorf("%q: %s", key, line)
		}
		if err := verify(head); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// TestVirtualHost has the bucket in the Host, by way of a proxy that shows it.
func TestVirtualHost(t *testing.T) {
	proxy, heads := rawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	through, _ := url.Parse(proxy)
	c := newClient(t, s3upstream.Target{Endpoint: "http://s3.test:80/", Addressing: s3upstream.VirtualHost, Proxy: through})
	for key, want := range map[string]string{"": "/", "a//ü": "/a//%C3%BC", "/x": "//x"} {
		response, err := c.Do(t.Context(), &s3upstream.Request{Method: "GET", Bucket: "my.bucket", Key: key})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		head := <-heads
		if !strings.HasPrefix(head, "GET http://my.bucket.s3.test"+want+" HTTP/1.1\r\nHost: my.bucket.s3.test\r\n") {
			t.Errorf("%q: %q", key, head)
		}
	}
}

// TestHeaders has what goes to the store and what comes back.
func TestHeaders(t *testing.T) {
	var got *http.Request
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(context.Background())
		for name, value := range map[string]string{
			"Server": "x", "Set-Cookie": "a=b", "Keep-Alive": "timeout=5", "X-Amz-Request-Id": "REQUEST", "X-Amz-Id-2": "HOST",
			"ETag": `"e"`, "X-Amz-Meta-A": "b", "X-Amz-Version-Id": "v", "Content-Encoding": "gzip", "WWW-Authenticate": "x",
		} {
			w.Header().Set(name, value)
		}
		_, _ = io.WriteString(w, "not gzip")
	})
	header := http.Header{}
	for name, value := range map[string]string{
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIDCALLER/…", "X-Amz-Date": "20200101T000000Z", "X-Amz-Security-Token": "caller's",
		"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "X-Amz-Decoded-Content-Length": "5", "X-Amz-Trailer": "x-amz-checksum-crc32",
		"Cookie": "a=b", "Origin": "https://x", "Accept-Encoding": "gzip", "Amz-Sdk-Request": "attempt=1", "User-Agent": "aws-cli",
		"Connection": "close, X-Amz-Meta-Hop", "X-Amz-Meta-Hop": "x", "Te": "trailers", "X-Forwarded-For": "1.2.3.4", "X-Amz-Expected-Bucket-Owner": "123456789012",
		"Content-Type": "text/x", "Content-Encoding": "aws-chunked, br", "X-Amz-Meta-Kept": "  two  spaces ", "If-None-Match": "*", "Range": "bytes=0-1",
		"X-Amz-Copy-Source": "/b/k%20", "X-Amz-Checksum-Crc32": "AAAAAA==",
	} {
		header.Set(name, value)
	}
	response, err := c.Do(t.Context(), &s3upstream.Request{
		Method: "PUT", Bucket: "b", Key: "k", Header: header, Body: strings.NewReader("hello"), Length: 5,
		Query: url.Values{"X-Amz-Signature": {"x"}, "X-Amz-Credential": {"x"}, "x-amz-security-token": {"x"}, "x-id": {"PutObject"}, "partNumber": {"1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "not gzip" {
		t.Errorf("body %q, %v", body, err)
	}
	_ = response.Body.Close()
	for name, want := range map[string]string{
		"Content-Type": "text/x", "Content-Encoding": "br", "X-Amz-Meta-Kept": "two  spaces", "If-None-Match": "*", "Range": "bytes=0-1",
		"X-Amz-Copy-Source": "/b/k%20", "X-Amz-Checksum-Crc32": "AAAAAA==", "X-Amz-Content-Sha256": s3upstream.UnsignedPayload,
		"X-Amz-Date": "20261101T120000Z", "Content-Length": "5", "User-Agent": "daypass",
		"X-Amz-Security-Token": "", "X-Amz-Decoded-Content-Length": "", "X-Amz-Trailer": "", "Cookie": "", "Origin": "", "Accept-Encoding": "",
		"Amz-Sdk-Request": "", "X-Amz-Meta-Hop": "", "Te": "", "X-Forwarded-For": "", "X-Amz-Expected-Bucket-Owner": "", "Expect": "",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	if !strings.Contains(got.Header.Get("Authorization"), "Credential=AKIDUPSTREAM/20261101/eu-central-1/s3/aws4_request") || got.RequestURI != "/b/k?partNumber=1" {
		t.Errorf("%s, %s", got.RequestURI, got.Header.Get("Authorization"))
	}
	if response.RequestID != "REQUEST" || response.HostID != "HOST" || response.Length != 8 || response.Attempts != 1 {
		t.Errorf("response is %+v", response)
	}
	for name, want := range map[string]string{
		"Etag": `"e"`, "X-Amz-Meta-A": "b", "X-Amz-Version-Id": "v", "Content-Encoding": "gzip",
		"Server": "", "Set-Cookie": "", "Keep-Alive": "", "X-Amz-Request-Id": "", "X-Amz-Id-2": "", "Www-Authenticate": "", "Date": "",
	} {
		if value := response.Header.Get(name); value != want {
			t.Errorf("the response's %s is %q, want %q", name, value, want)
		}
	}
}

// TestCredentials are the store's refusals: of us, and of the caller.
func TestCredentials(t *testing.T) {
	const document = "<Error><Code>%s</Code><Message>%s</Message><CanonicalRequest>x-amz-security-token:secret</CanonicalRequest></Error>"
	tests := []struct {
		method, code, message string
		status                int
		ours                  bool
	}{
		{"GET", "InvalidAccessKeyId", "m", 403, true},
		{"GET", "SignatureDoesNotMatch", "m", 403, true},
		{"GET", "AccessDenied", "Access Denied", 403, true},
		{"GET", "ExpiredToken", "m", 400, true},
		{"GET", "RequestTimeTooSkewed", "m", 403, true},
		{"HEAD", "", "", 403, true},
		{"HEAD", "", "", 401, true},
		{"DELETE", "AccessDenied", "Access Denied because object protected by object lock.", 403, false},
		{"GET", "InvalidObjectState", "m", 403, false},
		{"GET", "NoSuchKey", "m", 404, false},
		{"GET", "InvalidRange", "m", 416, false},
		{"HEAD", "", "", 404, false},
		{"HEAD", "", "", 412, false},
		{"GET", "InternalError", "m", 500, false},
	}
	for _, tt := range tests {
		want := fmt.Sprintf(document, tt.code, tt.message)
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Request-Id", "ID")
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, want)
		})
		response, err := c.Do(t.Context(), &s3upstream.Request{Method: tt.method, Bucket: "b", Key: "k"})
		if tt.ours {
			var refusal *s3upstream.Refusal
			if !errors.As(err, &refusal) || !errors.Is(err, s3upstream.ErrCredentials) || refusal.Code != tt.code || refusal.Status != tt.status || refusal.RequestID != "ID" || strings.Contains(err.Error(), "secret") {
				t.Errorf("%+v: %v", tt, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.Status != tt.status || tt.method != "HEAD" && string(body) != want || err != nil {
			t.Errorf("%+v: %d, %q, %v", tt, response.Status, body, err)
		}
	}
	c := newClient(t, s3upstream.Target{Endpoint: "http://127.0.0.1:1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no metadata service")
	})})
	if _, err := c.Do(t.Context(), &s3upstream.Request{Method: "GET"}); !errors.Is(err, s3upstream.ErrCredentials) || !strings.Contains(err.Error(), "no metadata service") {
		t.Errorf("credentials that cannot be had: %v", err)
	}
}

// TestRetry has what is sent again and what is not.
func TestRetry(t *testing.T) {
	var asked atomic.Int32
	var fail atomic.Value
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 2 {
			return
		}
		if fail.Load() == "503" {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code></Error>")
			return
		}
		conn, _, _ := w.(http.Hijacker).Hijack()
		_ = conn.Close()
	})
	for _, how := range []string{"503", "reset"} {
		fail.Store(how)
		for method, again := range map[string]bool{"GET": true, "HEAD": true, "DELETE": false, "PUT": false} {
			asked.Store(0)
			r := &s3upstream.Request{Method: method, Bucket: "b", Key: "k"}
			if method == "PUT" {
				r.Body, r.Length = strings.NewReader("x"), 1
			}
			response, err := c.Do(t.Context(), r)
			switch {
			// net/http sends again by itself where it had kept the connection.
			case again && (err != nil || response.Status != 200 || response.Attempts < 2):
				t.Errorf("%s, %s: %v, %+v", method, how, err, response)
			case !again && how == "503" && (err != nil || response.Status != 503):
				t.Errorf("%s, %s: %v", method, how, err)
			case !again && how == "reset" && !errors.Is(err, s3upstream.ErrUnreachable):
				t.Errorf("%s, %s: %v", method, how, err)
			}
			if response != nil {
				_ = response.Body.Close()
			}
		}
	}
	asked.Store(-100)
	fail.Store("503")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	response, err := c.Do(ctx, &s3upstream.Request{Method: "GET"})
	if err == nil {
		_ = response.Body.Close()
	}
	if asked.Load() != -99 {
		t.Errorf("a context that ends within the wait: sent %d times, %v", asked.Load()+100, err)
	}
}

// TestErrors has an upstream of each fault.
func TestErrors(t *testing.T) {
	get := &s3upstream.Request{Method: "GET", Bucket: "b", Key: "k"}
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	defer tls.Close()
	roots := x509.NewCertPool()
	roots.AddCert(tls.Certificate())
	if response, err := newClient(t, s3upstream.Target{Endpoint: tls.URL, Roots: roots}).Do(t.Context(), get); err != nil || response.Status != 404 {
		t.Errorf("a private authority: %v", err)
	} else {
		_ = response.Body.Close()
	}
	garbage, _ := rawServer(t, "SSH-2.0-OpenSSH\r\n\r\n")
	redirect, _ := rawServer(t, "HTTP/1.1 301 Moved\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n")
	hangs := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	defer slow.Close()
	defer close(hangs)
	for name, tt := range map[string]struct {
		target s3upstream.Target
		want   error
	}{
		"refused":  {s3upstream.Target{Endpoint: "http://127.0.0.1:1"}, s3upstream.ErrUnreachable},
		"no name":  {s3upstream.Target{Endpoint: "http://no.such.name.invalid"}, s3upstream.ErrUnreachable},
		"tls":      {s3upstream.Target{Endpoint: tls.URL}, s3upstream.ErrTLS},
		"no tls":   {s3upstream.Target{Endpoint: strings.Replace(slow.URL, "http:", "https:", 1)}, s3upstream.ErrTLS},
		"garbage":  {s3upstream.Target{Endpoint: garbage}, s3upstream.ErrAnswer},
		"redirect": {s3upstream.Target{Endpoint: redirect}, s3upstream.ErrAnswer},
		"slow":     {s3upstream.Target{Endpoint: slow.URL, ResponseTimeout: 50 * time.Millisecond}, s3upstream.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := newClient(t, tt.target).Do(t.Context(), get); !errors.Is(err, tt.want) || errors.Is(err, s3upstream.ErrCredentials) {
				t.Errorf("error is %v, want %v", err, tt.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := newClient(t, s3upstream.Target{Endpoint: slow.URL}).Do(ctx, get); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	insecure := http.Header{"X-Amz-Server-Side-Encryption-Customer-Key": {"x"}}
	if _, err := newClient(t, s3upstream.Target{Endpoint: slow.URL}).Do(t.Context(), &s3upstream.Request{Method: "GET", Bucket: "b", Key: "k", Header: insecure}); !errors.Is(err, s3upstream.ErrInsecure) {
		t.Errorf("SSE-C over http: %v", err)
	}
	if _, err := newClient(t, s3upstream.Target{Endpoint: slow.URL}).Do(t.Context(), &s3upstream.Request{Method: "PUT", Bucket: "b", Key: "k", Body: strings.NewReader("x"), Length: -1}); !errors.Is(err, s3upstream.ErrMissingContentLength) {
		t.Errorf("no length: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	proxy, _ := url.Parse("socks5://x")
	credentials := s3upstream.Static("a", "b")
	for _, target := range []s3upstream.Target{
		{},
		{Endpoint: "ftp://x", Region: "r", Credentials: credentials},
		{Endpoint: "http://x/path", Region: "r", Credentials: credentials},
		{Endpoint: "http://u:p@x", Region: "r", Credentials: credentials},
		{Endpoint: "http://x?a", Region: "r", Credentials: credentials},
		{Endpoint: "http://x", Credentials: credentials},
		{Endpoint: "http://x", Region: "r"},
		{Endpoint: "http://x", Region: "r", Credentials: credentials, Proxy: proxy},
		{Endpoint: "http://10.0.0.1", Region: "r", Credentials: credentials, Addressing: s3upstream.VirtualHost},
	} {
		if _, err := s3upstream.New(target, time.Now); err == nil {
			t.Errorf("%+v is taken", target)
		} else if strings.Contains(err.Error(), ":p@") {
			t.Errorf("%v", err)
		}
	}
}

// failing ends a body with an error once all of it was read.
type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = f.err
	}
	return n, err
}

// TestBody has bodies that are not what was said: the store must not have them.
func TestBody(t *testing.T) {
	var whole atomic.Int32
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole.Add(1)
		}
	})
	digest := errors.New("the digest is another")
	for name, tt := range map[string]struct {
		body   io.Reader
		length int64
		want   error
	}{
		"wrong at its end": {&failing{bytes.NewReader(make([]byte, 200_000)), digest}, 200_000, digest},
		"small, wrong":     {&failing{strings.NewReader("x"), digest}, 1, digest},
		"shorter":          {bytes.NewReader(make([]byte, 1000)), 1001, io.ErrUnexpectedEOF},
		"longer":           {bytes.NewReader(make([]byte, 1001)), 1000, s3upstream.ErrBody},
		"expected, wrong":  {&failing{bytes.NewReader(make([]byte, 2<<20)), digest}, 2 << 20, digest},
	} {
		_, err := c.Do(t.Context(), &s3upstream.Request{Method: "PUT", Bucket: "b", Key: "k", Body: tt.body, Length: tt.length})
		if !errors.Is(err, s3upstream.ErrBody) || !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if whole.Load() != 0 {
		t.Errorf("the store has %d bodies", whole.Load())
	}
}

// TestExpect has a store that refuses a large body by its head.
func TestExpect(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = io.WriteString(w, "<Error><Code>PreconditionFailed</Code></Error>")
	})
	body := &counting{}
	response, err := c.Do(t.Context(), &s3upstream.Request{Method: "PUT", Bucket: "b", Key: "k", Body: body, Length: 5 << 30})
	if err != nil || response.Status != http.StatusPreconditionFailed {
		t.Fatalf("%v, %+v", err, response)
	}
	_ = response.Body.Close()
	if n := body.read.Load(); n != 0 {
		t.Errorf("%d bytes of a body that was refused", n)
	}
}

type counting struct{ read atomic.Int64 }

func (c *counting) Read(p []byte) (int, error) {
	c.read.Add(int64(len(p)))
	return len(p), nil
}

// TestCutShort has a store that breaks off in the middle of an object.
func TestCutShort(t *testing.T) {
	endpoint, _ := rawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhello")
	c := newClient(t, s3upstream.Target{Endpoint: endpoint, ResponseTimeout: 10 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	response, err := c.Do(ctx, &s3upstream.Request{Method: "GET", Bucket: "b", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if string(content) != "hello" || !errors.Is(err, s3upstream.ErrTimeout) {
		t.Errorf("%q, %v", content, err)
	}
}

// TestTrailer has a checksum behind the body: in chunks where nobody reads
// along, and left out over plain http.
func TestTrailer(t *testing.T) {
	var header http.Header
	var raw []byte
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		raw, _ = io.ReadAll(r.Body)
		if r.ContentLength != int64(len(raw)) {
			t.Errorf("Content-Length is %d of %d", r.ContentLength, len(raw))
		}
	})
	server := httptest.NewTLSServer(handler)
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	private := newClient(t, s3upstream.Target{Endpoint: server.URL, Roots: roots})
	open := serve(t, handler)
	for _, size := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		content := bytes.Repeat([]byte("*"), size)
		send := func(c *s3upstream.Client) {
			t.Helper()
			sum := crc32.NewIEEE()
			response, err := c.Do(t.Context(), &s3upstream.Request{
				Method: "PUT", Bucket: "b", Key: "k", Body: io.TeeReader(bytes.NewReader(content), sum), Length: int64(size),
				Header: http.Header{"Content-Encoding": {"aws-chunked,gzip"}, "X-Amz-Sdk-Checksum-Algorithm": {"CRC32"}},
				Trailer: &s3upstream.Trailer{Name: "X-Amz-Checksum-Crc32", Value: func() (string, error) {
					return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum.Sum32())), nil
				}},
			})
			if err != nil {
				t.Fatalf("%d: %v", size, err)
			}
			_ = response.Body.Close()
		}
		send(open)
		if !bytes.Equal(raw, content) || header.Get("X-Amz-Trailer") != "" || header.Get("X-Amz-Sdk-Checksum-Algorithm") != "" || header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%d over http: %v", size, header)
		}
		send(private)
		if size == 0 {
			continue
		}
		if header.Get("X-Amz-Content-Sha256") != "STREAMING-UNSIGNED-PAYLOAD-TRAILER" || header.Get("X-Amz-Trailer") != "x-amz-checksum-crc32" ||
			header.Get("Content-Encoding") != "aws-chunked,gzip" || header.Get("X-Amz-Decoded-Content-Length") != fmt.Sprint(size) {
			t.Errorf("%d over https: %v", size, header)
		}
		trailer := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(content)))
		if !bytes.HasSuffix(raw, []byte("\r\n0\r\nx-amz-checksum-crc32:"+trailer+"\r\n\r\n")) || bytes.Count(raw, []byte("*")) != size {
			t.Errorf("%d over https: …%q", size, raw[max(0, len(raw)-60):])
		}
	}
}

// TestRefusedInTheMiddle has a store that answers after some of a body, and
// closes the connection with the rest unread.
func TestRefusedInTheMiddle(t *testing.T) {
	const answer = "<Error><Code>NoSuchBucket</Code></Error>"
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // a test's
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadFull(conn, make([]byte, 100_000))
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
			_ = conn.Close()
		}
	}()
	c := newClient(t, s3upstream.Target{Endpoint: "http://" + listener.Addr().String()})
	for range 20 {
		response, err := c.Do(t.Context(), &s3upstream.Request{
			Method: "PUT", Bucket: "b", Key: "k", Body: bytes.NewReader(make([]byte, 1<<20-1)), Length: 1<<20 - 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.Status != http.StatusNotFound || string(body) != answer || err != nil {
			t.Errorf("%d, %q, %v", response.Status, body, err)
		}
	}
}
