package s3

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a client may let a body stand still. The listener bounds
// whole requests and replies, which bodies of any size outlive; in the place of
// that, one that does not move is ended.
const patience = 60 * time.Second

// watch ends a connection on which the client neither sends what is waited for
// nor takes what is sent to it. While the store is waited for, the client is not
// to blame, and nothing runs against it.
type watch struct {
	connection       *http.ResponseController
	reading, writing waiting
}

func newWatch(w http.ResponseWriter, patience time.Duration) *watch {
	connection := http.NewResponseController(w)
	return &watch{
		connection: connection,
		reading:    waiting{patience: patience, end: connection.SetReadDeadline},
		writing:    waiting{patience: patience, end: connection.SetWriteDeadline},
	}
}

// lift puts the watch in the place of the listener's bounds, for a request whose
// caller was let in.
func (w *watch) lift() {
	_ = w.connection.SetReadDeadline(time.Time{})  // where that cannot be, the listener's bounds stay
	_ = w.connection.SetWriteDeadline(time.Time{}) // likewise
	w.reading.allow()
	w.writing.allow()
}

// stop ends the watch: the connection's next request has its own.
func (w *watch) stop() {
	w.reading.forbid()
	w.writing.forbid()
}

// waiting is one direction.
type waiting struct {
	patience time.Duration
	end      func(time.Time) error

	mu     sync.Mutex // guards what follows
	on     bool
	timer  *time.Timer
	inside int // calls that wait for the client
}

func (w *waiting) allow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = true
}

func (w *waiting) forbid() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = false
	if w.timer != nil {
		w.timer.Stop()
	}
}

// begin says that a call begins to wait, which ends says of it.
func (w *waiting) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inside++
	switch {
	case !w.on || w.inside > 1:
	case w.timer == nil:
		w.timer = time.AfterFunc(w.patience, w.lose)
	default:
		w.timer.Reset(w.patience)
	}
}

func (w *waiting) ends() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inside--
	if w.inside == 0 && w.timer != nil {
		w.timer.Stop()
	}
}

// lose ends the calls that wait, by a deadline that is over.
func (w *waiting) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.on && w.inside > 0 {
		_ = w.end(time.Unix(1, 0)) // a connection that is gone ends them too
	}
}

// requestBody is the client's body under watch. The store's sender may be in one
// Read when the request is over already, or another reads the rest.
type requestBody struct {
	io.ReadCloser

	watch        *watch
	begun, ended atomic.Bool
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.begun.Store(true)
	b.watch.reading.begin()
	defer b.watch.reading.ends()
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended.Store(true)
	}
	return n, err
}

// copySize is how much of an object is in memory on its way to the client.
const copySize = 32 << 10

var copies = sync.Pool{New: func() any { return new([copySize]byte) }}

// watchedWriter is the client's end of a reply under watch. What it is given in
// one piece, copySize or piece of an object, the client must take within the time.
type watchedWriter struct {
	io.Writer
	watch *watch
}

func (w watchedWriter) Write(p []byte) (int, error) {
	w.watch.writing.begin()
	defer w.watch.writing.ends()
	return w.Writer.Write(p)
}

// piece is how much of a file a client is given at once. As long as it takes that
// much within the time, it is not given up.
const piece = 128 << 10

// ReadFrom implements io.ReaderFrom: a file goes to the client by itself, piece by
// piece, where the system can do that.
func (w watchedWriter) ReadFrom(r io.Reader) (n int64, err error) {
	to, can := w.Writer.(io.ReaderFrom)
	limited, isLimited := r.(*io.LimitedReader)
	if !can || !isLimited {
		buffer := copies.Get().(*[copySize]byte)
		defer copies.Put(buffer)
		return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buffer[:])
	}
	for err == nil && limited.N > 0 {
		part := &io.LimitedReader{R: limited.R, N: min(limited.N, piece)}
		var more int64
		more, err = w.take(to, part)
		n += more
		limited.N -= more
		if part.N > 0 { // it ends early
			break
		}
	}
	return n, err
}

func (w watchedWriter) take(to io.ReaderFrom, r io.Reader) (int64, error) {
	w.watch.writing.begin()
	defer w.watch.writing.ends()
	return to.ReadFrom(r)
}

// maxUnread is how much of a body that nobody wants is read after the reply. Most
// clients read no reply before they have sent their body, and of a connection
// that is closed on them they may never read it. It is above the 8 MiB in which
// the aws CLI sends parts; who sends more in one piece mostly asks first (Expect:
// 100-continue), as the SDKs do.
const maxUnread = 16 << 20

// readRest reads what is left of the body of a request that was answered without
// it, within the bound. A client that asked whether to send it, and was told
// something else, sends nothing.
func (q *request) readRest(w http.ResponseWriter) {
	asks := q.Request.Header.Get("Expect") != "" && !q.body.begun.Load()
	if asks || q.body.ended.Load() || q.Request.ContentLength == 0 || q.Request.ProtoMajor != 1 {
		return
	}
	if http.NewResponseController(w).Flush() != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, q.body, maxUnread) // whatever comes of it, the reply was sent
}
