package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// drainTimeout is how long requests that are under way when the server is to
	// end have to come to their end.
	drainTimeout = 10 * time.Second
	// cutTimeout is how long a request takes at most to notice that its connection
	// is cut.
	cutTimeout = 5 * time.Second
)

// requests counts those that are under way.
type requests struct {
	http.Handler

	count atomic.Int64
	all   sync.WaitGroup
}

// ServeHTTP implements http.Handler.
func (r *requests) ServeHTTP(w http.ResponseWriter, asked *http.Request) {
	r.count.Add(1)
	r.all.Add(1)
	defer func() {
		r.count.Add(-1)
		r.all.Done()
	}()
	r.Handler.ServeHTTP(w, asked)
}

// drain ends the server: it takes no more requests, lets those that are under way
// end, and cuts off the connections of what is left after drainTimeout, or when
// Hurry says so. It returns when none is at work. What was cut off is logged and is
// no error: the client of an upload has no answer, and the store has nothing of it.
func (r *requests) drain(ctx context.Context, c *Config, s *http.Server) error {
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	go func() {
		select {
		case <-c.Hurry: // nil waits for ever
			cancel()
		case <-patience.Done():
		}
	}()
	if running := r.count.Load(); running > 0 {
		c.Log.Info("ending; requests under way have time to end", "requests", running, "time", drainTimeout)
	}
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
