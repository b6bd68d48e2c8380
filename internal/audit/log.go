package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Log writes events as JSON, one a line, each bound to the one before it by its
// number and that one's hash, so that an event that was taken out or changed is
// missed (see Verify). It is safe for concurrent use.
type Log struct {
	writing sync.Mutex // an event is written whole before the next
	w       io.Writer  // nil: file
	file    *file
	head    Head
	broken  bool // the last write failed, perhaps within a line
	retired Head // up to which events the record says that they were removed; Retire's alone

	told    func(*Event, error) // nil: nobody
	refuses func() error        // nil: never
}

// NewLog writes to w, one Write for each event. Its chain begins anew.
func NewLog(w io.Writer) *Log { return &Log{w: w} }

// Head is the end of what has been written.
func (l *Log) Head() Head {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.head
}

// Tell has f called with each event and what became of writing it, for who counts
// requests: all that are answered come by here. f must be quick, safe for
// concurrent use, and keep nothing of the event. Call it before the first Write.
func (l *Log) Tell(f func(*Event, error)) { l.told = f }

// Refuse has f say whether requests are to be refused because of what becomes of
// their events elsewhere. f must be quick and safe for concurrent use. Call it
// before the first request.
func (l *Log) Refuse(f func() error) { l.refuses = f }

// Refusing is why no request may be carried out now, nil where none is refused.
// Whoever answers requests asks before a request does anything. Events can be
// written meanwhile: those of the refused requests are.
func (l *Log) Refusing() error {
	if l.refuses == nil {
		return nil
	}
	return l.refuses()
}

// Write appends one event. An error means that the event is not, or not
// wholly, on the record. What a failed write left behind is ended by a line
// break before the next event, so that it spoils no line but its own.
func (l *Log) Write(e *Event) error {
	err := l.write(e)
	if l.told != nil {
		l.told(e, err)
	}
	return err
}

func (l *Log) write(e *Event) error {
	encoded, err := json.Marshal(bounded(e))
	if err != nil {
		return fmt.Errorf("audit: encode the event: %w", err)
	}
	encoded = withoutTokens(encoded)
	l.writing.Lock()
	defer l.writing.Unlock()
	text := appendLink(encoded, l.head)
	after := l.head.after(text)
	text = append(text, '\n')
	if l.broken {
		text = append([]byte{'\n'}, text...)
	}
	w := l.w
	if l.file != nil {
		l.file.makeRoom(len(text), l.head)
		w = l.file.live
	}
	_, err = w.Write(text)
	l.broken = err != nil
	if err != nil {
		return fmt.Errorf("audit: write the event: %w", err)
	}
	l.head = after
	return nil
}

// Probe reports whether events can be written: where the last write failed it
// tries again, with the line break that ends what was left behind.
func (l *Log) Probe() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if !l.broken {
		return nil
	}
	w := l.w
	if l.file != nil {
		w = l.file.live
	}
	if _, err := w.Write([]byte{'\n'}); err != nil {
		return fmt.Errorf("audit: write to the record: %w", err)
	}
	l.broken = false
	return nil
}

// Sync makes what was written last, where it is a file, and gives the head that it
// ended with.
func (l *Log) Sync() (Head, error) {
	l.writing.Lock()
	head, file := l.head, l.file
	var live *os.File
	if file != nil && file.stem != "" {
		live = file.live
	}
	l.writing.Unlock()
	if live == nil {
		return head, nil
	}
	// Outside the lock, so that no request waits. A file that became a segment
	// meanwhile was synced then, and is closed.
	if err := live.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		return Head{}, fmt.Errorf("audit: %w", err)
	}
	return head, nil
}

// Path is that of the live file; "" where what is written to has no segments.
func (l *Log) Path() string {
	if l.file == nil || l.file.stem == "" {
		return ""
	}
	return l.file.stem + liveSuffix
}

// Close closes the file, where Open opened one.
func (l *Log) Close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.file == nil {
		return nil
	}
	return l.file.close()
}
