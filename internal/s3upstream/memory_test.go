package s3upstream_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/s3upstream"
)

// TestMemory holds requests in the middle of their bodies, in both directions.
// What the server holds is counted with them, since it is in this process.
func TestMemory(t *testing.T) {
	const requests, limit = 64, 256 << 10
	let, ready := make(chan struct{}), make(chan struct{}, requests)
	object := make([]byte, 1<<20)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			_, _ = io.ReadFull(r.Body, make([]byte, 64<<10))
			ready <- struct{}{}
			<-let
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		w.Header().Set("Content-Length", "1000000000")
		for range 100 {
			_, _ = w.Write(object) // more than what lies in sockets
		}
	})
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := heap()
	var group sync.WaitGroup
	body := make([]byte, 1<<20-1) // one for all
	for range requests {
		group.Go(func() {
			response, err := c.Do(context.Background(), &s3upstream.Request{Method: "PUT", Bucket: "b", Key: "k", Body: bytes.NewReader(body), Length: int64(len(body))})
			if err != nil {
				t.Error(err)
				return
			}
			_ = response.Body.Close()
		})
	}
	for range requests {
		<-ready
	}
	if each := (heap() - before) / requests; each > limit {
		t.Errorf("a PUT holds %d bytes", each)
	} else {
		t.Logf("a PUT holds %d bytes", each)
	}
	close(let)
	group.Wait()

	before = heap()
	responses := make([]*s3upstream.Response, requests)
	chunk := make([]byte, 32<<10)
	ctx, cancel := context.WithCancel(t.Context())
	for i := range responses {
		var err error
		if responses[i], err = c.Do(ctx, &s3upstream.Request{Method: "GET", Bucket: "b", Key: "k"}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(responses[i].Body, chunk); err != nil {
			t.Fatal(err)
		}
	}
	if each := (heap() - before) / requests; each > limit {
		t.Errorf("a GET holds %d bytes", each)
	} else {
		t.Logf("a GET holds %d bytes", each)
	}
	cancel()
	for _, r := range responses {
		_ = r.Body.Close()
	}
}

// BenchmarkStream is a request by itself, to a server that does nothing.
func BenchmarkStream(b *testing.B) {
	object := make([]byte, 8<<20)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		_, _ = w.Write(object)
	}))
	b.Cleanup(server.Close)
	c, err := s3upstream.New(s3upstream.Target{Endpoint: server.URL, Region: "r", Credentials: s3upstream.Static("a", "b")}, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	for _, method := range []string{"GET", "PUT"} {
		b.Run(method+"-8MiB", func(b *testing.B) {
			b.SetBytes(int64(len(object)))
			b.ReportAllocs()
			buffer := make([]byte, 32<<10)
			for b.Loop() {
				r := &s3upstream.Request{Method: method, Bucket: "b", Key: "k"}
				if method == http.MethodPut {
					r.Body, r.Length = bytes.NewReader(object), int64(len(object))
				}
				response, err := c.Do(b.Context(), r)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, response.Body, buffer); err != nil {
					b.Fatal(err)
				}
				_ = response.Body.Close()
			}
		})
	}
}
