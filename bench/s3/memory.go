package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/bench/process"
	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/server"
)

// What is measured is a process that has server.Run, twice: with the floor, which
// is another process, for its store; and with the embedded store. The clients are
// in a third. So the one is the whole of what the gateway holds of a request, its
// connections to both sides with it, and nothing that the store or the client
// holds; and the other is that without a connection to the store, and with what
// the store holds.
//
// The requests stand in the middle of their bodies: the client of a GET has taken
// part of it and then takes nothing, the client of a PUT has sent part of it and
// then sends nothing. The gateway collects its garbage, and tells how much of its
// heap and of its stacks is in use (runtime.MemStats: HeapInuse, StackInuse).
// That is done several times, with the bodies moved on in between; the most
// counts.

const (
	memoryBar = 256 << 10 // bytes for a request
	held      = 64 << 20  // length of the bodies, more than sockets can hold
	step      = 256 << 10 // by which they are moved on
	looks     = 3
)

// gatewayFile tells the gateway's process where its store is: its zero value, that
// it is the embedded one.
type gatewayFile struct{ Store, AccessKeyID, SecretAccessKey string }

// serveGateway is the gateway whose memory is measured. On an address that it
// prints it tells how much it has in use.
func serveGateway(ctx context.Context, dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "gateway.json"))
	if err != nil {
		return err
	}
	var file gatewayFile
	if err := json.Unmarshal(text, &file); err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	told := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		runtime.GC()
		runtime.GC() // the first leaves what sync.Pool has for the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		_, _ = fmt.Fprintln(w, m.HeapInuse+m.StackInuse) // who asks sees it missing
	})}
	go func() { _ = told.Serve(l) }()
	defer func() { _ = told.Close() }()
	fmt.Println(l.Addr())
	s3 := server.S3{Embedded: true}
	if file.Store != "" {
		s3 = server.S3{Upstreams: []server.Upstream{{Name: "floor", Target: s3upstream.Target{
			Endpoint: "http://" + file.Store, Region: region, Credentials: s3upstream.Static(file.AccessKeyID, file.SecretAccessKey),
		}, Account: process.Account, Shared: true}}}
	}
	return server.Run(ctx, server.Config{
		DataDir: filepath.Join(dir, "data"), Listen: "127.0.0.1:0", Account: process.Account, ReadyFile: filepath.Join(dir, "ready"),
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Stdout: os.Stdout,
		S3: s3,
	})
}

// gateway is that process.
type gateway struct {
	*endpoint

	memory string // where it tells
}

func (s *servers) startGateway(ctx context.Context, dir string, file gatewayFile) (*gateway, error) {
	text, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "gateway.json"), text, 0o600)); err != nil {
		return nil, err
	}
	memory, pid, err := s.processes.StartSelf(ctx, "-gateway", dir)
	if err != nil {
		return nil, err
	}
	d, err := process.Connect(ctx, filepath.Join(dir, "ready"), filepath.Join(dir, "data"), pid)
	if err != nil {
		return nil, err
	}
	at, err := admitted(ctx, d, s.issuer)
	return &gateway{at, memory}, err
}

// inUse asks how many bytes the gateway has in use.
func (g *gateway) inUse(ctx context.Context) (int64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.memory, nil)
	if err != nil {
		return 0, err
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(reply.Body)
	if err := errors.Join(err, reply.Body.Close()); err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// settled is inUse, once the requests of before have ended.
func (g *gateway) settled(ctx context.Context) (int64, error) {
	last := int64(1 << 62)
	for range 40 {
		now, err := g.inUse(ctx)
		if err != nil {
			return 0, err
		}
		if now > last-last/50 {
			return now, nil
		}
		last = now
		time.Sleep(250 * time.Millisecond)
	}
	return last, nil
}

// stream is one kind of request that is held in its middle.
type stream struct {
	name, method, payload string
	trailer               bool
}

var streams = []stream{
	{"GET", http.MethodGet, hash(nil), false},
	{"PUT", http.MethodPut, "", false},
	{"PUT in chunks with a trailer", http.MethodPut, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", true},
}

// measureMemory prints what each kind of request holds, and says whether all are
// within the bar.
func measureMemory(ctx context.Context, o options, s *servers, dir string) (bool, error) {
	body := content(held)
	streams[1].payload = hash(body)
	key := s.floor.credentials
	reached := true
	for _, store := range []struct {
		name, dir string
		file      gatewayFile
	}{
		{"the store in another process", "gateway", gatewayFile{s.floor.address, key.AccessKeyID, key.SecretAccessKey}},
		{"the embedded store with it", "embedded", gatewayFile{}},
	} {
		g, err := s.startGateway(ctx, filepath.Join(dir, store.dir), store.file)
		if err != nil {
			return false, err
		}
		if store.file.Store == "" {
			if err := g.put(ctx, "", nil); err != nil {
				return false, err
			}
		}
		if err := g.put(ctx, "held", body); err != nil {
			return false, err
		}
		for i := range streams {
			each, err := g.measure(ctx, &streams[i], o.streams, body)
			if err != nil {
				return false, fmt.Errorf("%s, %s: %w", streams[i].name, store.name, err)
			}
			fmt.Printf("memory    %.0f KiB for each of %d streaming %s (heap and stacks in use, %s); bar: %d KiB%s\n",
				float64(each)/(1<<10), o.streams, streams[i].name, store.name, memoryBar>>10, verdict(each <= memoryBar, "ABOVE THE BAR"))
			reached = reached && each <= memoryBar
		}
	}
	return reached, nil
}

// measure holds n requests and gives how much each of them holds.
func (g *gateway) measure(ctx context.Context, kind *stream, n int, body []byte) (int64, error) {
	before, err := g.settled(ctx)
	if err != nil {
		return 0, err
	}
	all := make([]*half, n)
	defer func() {
		for _, h := range all {
			if h != nil {
				_ = h.conn.Close() // it was given up
			}
		}
	}()
	if err := each(all, func(i int) (err error) {
		all[i], err = g.begin(ctx, kind, i, body)
		return err
	}); err != nil {
		return 0, err
	}
	most := int64(0)
	for range looks {
		if err := each(all, func(i int) error { return all[i].move() }); err != nil {
			return 0, err
		}
		time.Sleep(500 * time.Millisecond) // until everything stands
		now, err := g.inUse(ctx)
		if err != nil {
			return 0, err
		}
		most = max(most, now-before)
	}
	return most / int64(n), nil
}

func each(all []*half, do func(i int) error) error {
	failures := make([]error, len(all))
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() { failures[i] = do(i) })
	}
	group.Wait()
	return errors.Join(failures...)
}

// half is a request in the middle of its body.
type half struct {
	conn net.Conn
	rest []byte    // of a PUT
	in   io.Reader // of a GET
}

func (g *gateway) begin(ctx context.Context, kind *stream, i int, body []byte) (*half, error) {
	key, length := "held", int64(0)
	header := http.Header{}
	if kind.method == http.MethodPut {
		key, length = "held"+strconv.Itoa(i), int64(len(body))
	}
	if kind.trailer {
		header.Set("Content-Encoding", "aws-chunked")
		header.Set("X-Amz-Decoded-Content-Length", strconv.Itoa(len(body)))
		header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
		length += 1 << 10 // which never come
	}
	head, err := g.sign(ctx, kind.method, key, kind.payload, length, header)
	if err != nil {
		return nil, err
	}
	if kind.trailer {
		head = fmt.Appendf(head, "%x\r\n", len(body))
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", g.address)
	if err != nil {
		return nil, err
	}
	h := &half{conn: conn}
	if _, err := conn.Write(head); err != nil {
		return h, err
	}
	if kind.method == http.MethodPut {
		h.rest = body
		return h, nil
	}
	reply, err := http.ReadResponse(bufio.NewReaderSize(conn, 4<<10), nil) //nolint:bodyclose // the connection is closed
	if err == nil && reply.StatusCode != http.StatusOK {
		err = errors.New("the gateway answered " + reply.Status)
	}
	if err == nil {
		h.in = reply.Body
	}
	return h, err
}

// move takes or sends some more of the body.
func (h *half) move() error {
	if h.in != nil {
		_, err := io.CopyN(io.Discard, h.in, step)
		return err
	}
	n, err := h.conn.Write(h.rest[:step])
	h.rest = h.rest[n:]
	return err
}
