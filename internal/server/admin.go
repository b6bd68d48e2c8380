package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/durable"
)

// Limits of the admin listener: it is asked by machines, for little.
const (
	adminHeaderBytes  = 16 << 10
	adminReadTimeout  = 10 * time.Second
	adminWriteTimeout = 30 * time.Second
	adminIdleTimeout  = 2 * time.Minute
)

// serveAdmin begins to answer those who operate the server, on an address of its
// own: what it tells is nobody else's business, and every path of the main one can
// be a bucket. It answers until closed, also while requests come to their end.
func (w *watch) serveAdmin(ctx context.Context, c *Config, inFlight *atomic.Int64) (closed func(), err error) {
	w.measure(inFlight)
	if c.AdminListen == "" {
		return func() {}, nil
	}
	if _, _, err := net.SplitHostPort(c.AdminListen); err != nil {
		return nil, optionErrorf("server: --admin-listen %q is not HOST:PORT", c.AdminListen)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.AdminListen)
	if err != nil {
		return nil, fmt.Errorf("server: --admin-listen: %w; give another address, or none for no such listener", err)
	}
	address, ok := l.Addr().(*net.TCPAddr)
	loopback := ok && address.IP.IsLoopback()
	url := "http://" + l.Addr().String()
	s := &http.Server{
		Handler: w.adminHandler(loopback), MaxHeaderBytes: adminHeaderBytes, ReadHeaderTimeout: adminReadTimeout,
		ReadTimeout: adminReadTimeout, WriteTimeout: adminWriteTimeout, IdleTimeout: adminIdleTimeout,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn),
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			c.Log.Error("the admin listener ended", "error", err)
		}
	}()
	if err := durable.Replace(adminFile(c.DataDir), []byte(url+"\n"), 0o600); err != nil {
		c.Log.Warn("the address of the admin listener could not be written to the data directory, where daypass status looks for it", "error", err)
	}
	c.Log.Info("answers who operates this server: /healthz, /readyz, /metrics", "admin", url)
	if !loopback {
		c.Log.Warn("the admin listener is not on loopback: whoever reaches it may read metrics, which name issuers; let only who operates the server reach it", "admin", url)
	}
	return func() {
		_ = s.Close() // nobody is answered any more
		<-served
		if text, err := os.ReadFile(adminFile(c.DataDir)); err == nil && string(bytes.TrimSpace(text)) == url { // else another server's
			_ = os.Remove(adminFile(c.DataDir)) // an address where nobody answers says so itself
		}
	}, nil
}

// adminHandler is what the admin listener answers.
func (w *watch) adminHandler(loopback bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { writeText(rw, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", w.serveReady)
	mux.Handle("GET /metrics", w.metrics.Handler())
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		// A page in a browser on this machine may name any host and mean this one
		// (DNS rebinding).
		if host, _, err := net.SplitHostPort(r.Host); loopback && (err != nil && !isLoopback(r.Host) || err == nil && !isLoopback(host)) {
			http.Error(rw, "this address is called by its own name only", http.StatusMisdirectedRequest)
			return
		}
		rw.Header().Set("Cache-Control", "no-store")
		rw.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(rw, r)
	})
}

// serveReady answers 200 where all checks are good, else 503, with a line for each
// or, with ?format=json, an object.
func (w *watch) serveReady(rw http.ResponseWriter, r *http.Request) {
	checks := w.checks(r.Context())
	status := http.StatusOK
	var text bytes.Buffer
	for _, check := range checks {
		word := "ok    "
		if !check.OK {
			status, word = http.StatusServiceUnavailable, "FAILED"
		}
		fmt.Fprintf(&text, "%s %-10s %s\n", word, check.Name, check.Detail)
	}
	if r.URL.Query().Get("format") == "json" {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(status)
		_ = json.NewEncoder(rw).Encode(map[string]any{"ready": status == http.StatusOK, "checks": checks}) // who went away is told nothing
		return
	}
	writeText(rw, status, text.String())
}

func writeText(rw http.ResponseWriter, status int, text string) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, text) // who went away is told nothing
}
