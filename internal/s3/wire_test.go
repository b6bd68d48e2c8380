package s3_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const unsigned = "UNSIGNED-PAYLOAD"

// wire is a connection of a client that keeps to no rules.
type wire struct {
	net.Conn
	t testing.TB
}

func (g *gateway) dial(t testing.TB) *wire {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(g.URL, "http://"))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &wire{conn, t}
}

// signHead makes the head of a request, signed, and gives the signature too.
func (g *gateway) signHead(t testing.TB, client *s3.Client, method, target, hash string, length int64, header map[string]string) (head, signature string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, g.URL+target, nil)
	must(t, err)
	r.Header.Set("X-Amz-Content-Sha256", hash)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	r.ContentLength = length
	must(t, v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).
		SignHTTP(t.Context(), g.credentialsOf(t, client), r, hash, "s3", "eu-central-1", time.Now()))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", method, target, r.Host, length)
	must(t, r.Header.Write(&b))
	b.WriteString("\r\n")
	_, signature, _ = strings.Cut(r.Header.Get("Authorization"), "Signature=")
	return b.String(), signature
}

func (w *wire) write(text string) {
	w.t.Helper()
	must(w.t, w.SetWriteDeadline(time.Now().Add(20*time.Second)))
	_, err := io.WriteString(w, text)
	must(w.t, err)
}

// answer reads a reply to its end.
func (w *wire) answer() reply {
	w.t.Helper()
	must(w.t, w.SetReadDeadline(time.Now().Add(20*time.Second)))
	response, err := http.ReadResponse(bufio.NewReader(w), nil)
	must(w.t, err)
	defer func() { must(w.t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	must(w.t, err)
	return reply{response.StatusCode, response.Header, string(body)}
}

func wantReply(t testing.TB, what string, got reply, status int, code string) {
	t.Helper()
	if got.Status != status || code != "" && !strings.Contains(got.Body, "<Code>"+code+"</Code>") {
		t.Errorf("%s: %d %s, want %d %s", what, got.Status, got.Body, status, code)
	}
}

func wantAbsent(t testing.TB, g *gateway, bucket, key string) {
	t.Helper()
	if text, _, wrong := g.content(t, bucket, key); wrong != "NoSuchKey" {
		t.Errorf("%s is there, with %d bytes %s", key, len(text), wrong)
	}
}

// TestPatience: bodies may take as long as they move, both ways, and no longer.
// The patience is long beside the pauses, so that a machine that stands still for
// two seconds is not taken for a client that does.
func TestPatience(t *testing.T) {
	t.Parallel()
	const patience = 3 * time.Second
	g := start(t, nil)
	bucket := g.bucket(t)
	const size = 32 << 20 // more than the kernel holds of a connection
	_, err := g.admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("large"), Body: strings.NewReader(strings.Repeat("x", size))})
	must(t, err)
	g.handler.SetPatience(patience)

	t.Run("put slowly", func(t *testing.T) {
		t.Parallel()
		w := g.dial(t)
		head, _ := g.signHead(t, g.admin, "PUT", "/"+bucket+"/slow", unsigned, 8, nil)
		w.write(head)
		for range 8 {
			time.Sleep(patience / 4)
			w.write("x")
		}
		wantReply(t, "slow", w.answer(), 200, "")
	})
	t.Run("put and stall", func(t *testing.T) {
		t.Parallel()
		w := g.dial(t)
		head, _ := g.signHead(t, g.admin, "PUT", "/"+bucket+"/stalled", unsigned, 8, nil)
		w.write(head + "xxxx")
		wantReply(t, "stalled", w.answer(), 400, "RequestTimeout")
		wantAbsent(t, g, bucket, "stalled")
	})
	t.Run("get slowly", func(t *testing.T) {
		t.Parallel()
		if n := g.take(t, bucket, 16, patience/8); n != size {
			t.Errorf("%d bytes came of %d", n, size)
		}
	})
	t.Run("get and stall", func(t *testing.T) {
		t.Parallel()
		if n := g.take(t, bucket, 1, 3*patience); n == size {
			t.Error("all came to a client that stood still")
		}
	})
	t.Run("between requests", func(t *testing.T) {
		t.Parallel()
		w := g.dial(t)
		for range 2 {
			head, _ := g.signHead(t, g.admin, "PUT", "/"+bucket+"/kept", unsigned, 1, nil)
			w.write(head + "x")
			wantReply(t, "on a connection that is kept", w.answer(), 200, "")
			time.Sleep(2 * patience)
		}
	})
}

// take gets the large object, with a pause after each of the first pieces of 2 MiB,
// and gives how much came.
func (g *gateway) take(t testing.TB, bucket string, pauses int, pause time.Duration) int64 {
	t.Helper()
	w := g.dial(t)
	must(t, w.Conn.(*net.TCPConn).SetReadBuffer(64<<10))
	head, _ := g.signHead(t, g.admin, "GET", "/"+bucket+"/large", unsigned, 0, nil)
	w.write(head)
	response, err := http.ReadResponse(bufio.NewReader(w), nil)
	must(t, err)
	defer response.Body.Close() //nolint:errcheck // it may be cut off
	var all int64
	for ; err == nil; pauses-- {
		var n int64
		n, err = io.CopyN(io.Discard, response.Body, 2<<20)
		all += n
		if pauses > 0 {
			time.Sleep(pause)
		}
	}
	return all
}

// TestEarlyRefusals: who sends a body that is not wanted reads why, whether he
// asks before he sends, or sends all of it first.
func TestEarlyRefusals(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "there", "")
	stranger := g.user(t, "stranger")
	const large = 12 << 20
	for name, tt := range map[string]struct {
		client *s3.Client
		header map[string]string
		key    string
		status int
		code   string
	}{
		"denied":      {client: stranger, key: "new", status: 403, code: "AccessDenied"},
		"there":       {client: g.admin, key: "there", header: map[string]string{"If-None-Match": "*"}, status: 412, code: "PreconditionFailed"},
		"another":     {client: g.admin, key: "there", header: map[string]string{"If-Match": `"x"`}, status: 412, code: "PreconditionFailed"},
		"not there":   {client: g.admin, key: "new", header: map[string]string{"If-Match": `"x"`}, status: 404, code: "NoSuchKey"},
		"of no kind":  {client: g.admin, key: "new", header: map[string]string{"X-Amz-Storage-Class": "GLACIER"}, status: 501, code: "NotImplemented"},
		"no checksum": {client: g.admin, key: "new", header: map[string]string{"X-Amz-Checksum-Crc32": "x"}, status: 400, code: "InvalidRequest"},
	} {
		t.Run(name, func(t *testing.T) {
			w := g.dial(t)
			header := map[string]string{"Expect": "100-continue"}
			for n, value := range tt.header {
				header[n] = value
			}
			head, _ := g.signHead(t, tt.client, "PUT", "/"+bucket+"/"+tt.key, unsigned, 1<<30, header)
			w.write(head)
			wantReply(t, "asked", w.answer(), tt.status, tt.code)

			w = g.dial(t)
			head, _ = g.signHead(t, tt.client, "PUT", "/"+bucket+"/"+tt.key, unsigned, large, tt.header)
			w.write(head)
			for range large >> 20 {
				w.write(strings.Repeat("x", 1<<20))
			}
			wantReply(t, "sent", w.answer(), tt.status, tt.code)
		})
	}
	if text, _, _ := g.content(t, bucket, "there"); text != "content of there" {
		t.Errorf("the object is now %.20q", text)
	}
	wantAbsent(t, g, bucket, "new")

	// What nobody wants is not read for ever.
	w := g.dial(t)
	head, _ := g.signHead(t, stranger, "PUT", "/"+bucket+"/new", unsigned, 1<<30, nil)
	w.write(head)
	sent := 0
	for ; sent < 1<<10; sent++ {
		must(t, w.SetWriteDeadline(time.Now().Add(20*time.Second)))
		if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
			break
		}
	}
	if sent < 12 || sent > 64 {
		t.Errorf("%d MiB were read of a body that nobody wants", sent)
	}
}

// TestGone: a client that goes away in the middle of a PUT leaves no object, and
// one that goes away in the middle of a GET leaves nothing that runs (goleak).
func TestGone(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	bucket := g.bucket(t)
	sizes := []int{0, 100, 3 << 20}
	for _, size := range sizes {
		w := g.dial(t)
		head, _ := g.signHead(t, g.admin, "PUT", "/"+bucket+"/k"+strconv.Itoa(size), unsigned, 4<<20, nil)
		w.write(head + strings.Repeat("x", size))
		time.Sleep(50 * time.Millisecond)
		must(t, w.Close())
	}
	for range 500 {
		if strings.Count(strings.Join(g.Events(), "\n"), `"operation":"PutObject"`) == len(sizes) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, size := range sizes {
		wantAbsent(t, g, bucket, "k"+strconv.Itoa(size))
	}
	_, err := g.admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("large"), Body: strings.NewReader(strings.Repeat("x", 32<<20))})
	must(t, err)
	for range 5 {
		w := g.dial(t)
		head, _ := g.signHead(t, g.admin, "GET", "/"+bucket+"/large", unsigned, 0, nil)
		w.write(head)
		_, err := io.CopyN(io.Discard, w, 1<<20)
		must(t, err)
		must(t, w.Close())
	}
}
