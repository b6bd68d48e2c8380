package s3

import (
	"io"
	"net/http"
	"time"
)

// patience is how long a client may let a body stand still. The listener bounds
// whole requests and replies, which bodies of any size outlive; in the place of
// that, one that does not move is ended.
const patience = 60 * time.Second

// watch ends a connection whose bodies stand still.
type watch struct {
	timer *time.Timer
}

// newWatch lifts the listener's bounds from a request whose caller was let in.
func newWatch(w http.ResponseWriter) *watch {
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Time{})  // where that cannot be, the listener's bounds stay
	_ = connection.SetWriteDeadline(time.Time{}) // likewise
	return &watch{time.AfterFunc(patience, func() {
		over := time.Unix(1, 0)
		_ = connection.SetReadDeadline(over)
		_ = connection.SetWriteDeadline(over)
	})}
}

// moved says that a body moved. A nil watch takes it.
func (w *watch) moved() {
	if w != nil {
		w.timer.Reset(patience)
	}
}

func (w *watch) stop() {
	if w != nil {
		w.timer.Stop()
	}
}

// watchedReader tells a watch of what is read.
type watchedReader struct {
	io.Reader
	watch *watch
}

func (r watchedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.watch.moved()
	}
	return n, err
}

// watchedWriter tells a watch of what is written.
type watchedWriter struct {
	io.Writer
	watch *watch
}

func (w watchedWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if n > 0 {
		w.watch.moved()
	}
	return n, err
}
