package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// cutTimeout is how long a request takes at most to notice that its connection
	// is cut.
	cutTimeout = 5 * time.Second
	// freshTimeout is how long a connection that was accepted may take to bring its first
	// request, when the server is to end.
	freshTimeout = time.Second
)

// requests counts those that are under way, and connections on which none has come yet.
type requests struct {
	http.Handler

	count atomic.Int64
	all   sync.WaitGroup

	mu    sync.Mutex
	fresh map[net.Conn]bool
}

// connKey is under which a request's context has its connection.
type connKey struct{}

// watch has a server tell of its connections.
func (r *requests) watch(s *http.Server) {
	r.fresh = map[net.Conn]bool{}
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, conn)
	}
	s.ConnState = func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			r.mu.Lock()
			r.fresh[conn] = true
			r.mu.Unlock()
		case http.StateClosed, http.StateHijacked:
			r.answers(conn)
		}
	}
}

// answers notes that a connection is not new any more.
func (r *requests) answers(conn net.Conn) {
	r.mu.Lock()
	delete(r.fresh, conn)
	r.mu.Unlock()
}

func (r *requests) isFresh() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.fresh) > 0
}

// ServeHTTP implements http.Handler.
func (r *requests) ServeHTTP(w http.ResponseWriter, asked *http.Request) {
	r.count.Add(1)
	r.all.Add(1)
	defer func() {
		r.count.Add(-1)
		r.all.Done()
	}()
	if conn, ok := asked.Context().Value(connKey{}).(net.Conn); ok {
		r.answers(conn)
	}
	r.Handler.ServeHTTP(w, asked)
}

// drain ends the server: it takes no more requests, lets those that are under way
// end, and cuts off the connections of what is left after Timeouts.Drain, or when
// Hurry says so. It returns when none is at work. What was cut off is logged and is
// no error: the client of an upload has no answer, and the store has nothing of it.
func (r *requests) drain(ctx context.Context, c *Config, s *http.Server) error {
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Timeouts.Drain)
	defer cancel()
	go func() {
		select {
		case <-c.Hurry: // nil waits for ever
			cancel()
		case <-patience.Done():
		}
	}()
	if running := r.count.Load(); running > 0 {
		c.Log.Info("ending; requests under way have time to end", "requests", running, "time", c.Timeouts.Drain)
	}
	// http.Server drops a connection that is new when it is told to end, though its
	// request is on the way.
	fresh, done := context.WithTimeout(patience, freshTimeout)
	for r.isFresh() && fresh.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	done()
	err := s.Shutdown(patience)
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	if running := r.count.Load(); running > 0 {
		c.Log.Warn("requests were cut off", "requests", running)
	}
	err = s.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.all.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(cutTimeout):
		c.Log.Error("requests do not end although they were cut off", "requests", r.count.Load())
	}
	return err
}
