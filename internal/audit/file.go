package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/durable"
)

// SegmentBytes is how large a file of events grows before the next is begun. A
// search reads the live file whole, and of each segment a small part.
const SegmentBytes = 16 << 20

// maxWriters bounds how many processes write to one directory.
const maxWriters = 64

// Options say how a record is kept.
type Options struct {
	SegmentBytes int64        // 0 is SegmentBytes
	Log          *slog.Logger // is told what did not stop anything; nil tells nobody
}

// file is the live file of a record. Events are appended to NAME.jsonl; a full one
// becomes NAME-SEQUENCE.jsonl, SEQUENCE being that of its first event, and is not
// written to again.
//
// A process has its record for itself. Where another process writes to NAME, this
// one takes NAME.2, and so on: chains of two writers cannot be one. Readers read
// all of them (see Record).
type file struct {
	Options
	base  string // path without ".jsonl", as it was asked for
	stem  string // path without ".jsonl" of what this process writes
	live  *os.File
	lock  *os.File
	size  int64
	first uint64 // sequence of the live file's first event; 0 while there is none
}

// Open opens a record for appending, and makes it where there is none, readable by
// its owner only. path is that of its live file and ends with .jsonl, or is any
// other file, which then never is cut into segments. The chain goes on where the
// file ends; what a crash left of an event is ended by a line break.
func Open(path string, o Options) (*Log, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = SegmentBytes
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	stem, hasSegments := strings.CutSuffix(path, liveSuffix)
	if info, err := os.Stat(path); !hasSegments || err == nil && !info.Mode().IsRegular() {
		return openPlain(path)
	}
	f := &file{Options: o, base: stem}
	if err := f.takeStem(stem); err != nil {
		return nil, err
	}
	return openStem(f)
}

// openStem opens the record of a name that is this process's.
func openStem(f *file) (*Log, error) {
	l := &Log{file: f}
	if err := f.open(l); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return l, nil
}

// openPlain opens what is no regular file, or is named as no record is: a pipe, a
// device. It has no end that could be read.
func openPlain(path string) (*Log, error) {
	live, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: open the event log: %w", err)
	}
	return &Log{file: &file{live: live}}, nil
}

// takeStem takes the first name that no other process writes to.
func (f *file) takeStem(stem string) error {
	for n := 1; n <= maxWriters; n++ {
		name := nthStem(stem, n)
		lock, err := durable.TryLock(name + lockSuffix)
		if err != nil {
			return err
		}
		if lock != nil {
			f.stem, f.lock = name, lock
			return nil
		}
	}
	return fmt.Errorf("audit: %d other processes write events to %s*; give this one another directory", maxWriters, stem)
}

// open opens the live file and finds its end.
func (f *file) open(l *Log) error {
	live, err := os.OpenFile(f.stem+liveSuffix, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("audit: open the event log: %w", err)
	}
	f.live = live
	if f.size, err = live.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("audit: open the event log: %w", err)
	}
	end, err := endOf(live, f.size)
	if err != nil {
		return err
	}
	l.head, l.broken = end.head, end.torn
	if first, ok, err := firstLink(live, f.size); err != nil {
		return err
	} else if ok {
		f.first = first.Sequence
	}
	if l.head.Sequence > 0 {
		return nil
	}
	// A live file without events goes on where the last segment ended.
	segments, err := segmentsOf(f.stem)
	if err != nil || len(segments) == 0 {
		return err
	}
	last := segments[len(segments)-1]
	content, err := os.Open(last.path)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = content.Close() }() // it was only read
	info, err := content.Stat()
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	end, err = endOf(content, info.Size())
	l.head = end.head
	return err
}

// makeRoom begins the next file where n more bytes would be too many for this
// one. What fails leaves this one as it is: a record in one large file is better
// than none.
func (f *file) makeRoom(n int, head Head) {
	if f.stem == "" {
		return
	}
	if f.size > 0 && f.size+int64(n) > f.SegmentBytes {
		if err := f.rotate(); err != nil {
			f.Log.Error("the file of events could not be ended; events go on in it", "file", f.stem+liveSuffix, "error", err)
			f.size = 0 // it is tried again when as much again is written
		}
	}
	if f.first == 0 {
		f.first = head.Sequence + 1
	}
	f.size += int64(n)
}

// rotate gives the live file its last name and begins another.
func (f *file) rotate() error {
	if err := f.live.Sync(); err != nil {
		return err
	}
	path, last := f.stem+liveSuffix, segmentPath(f.stem, f.first)
	if _, err := os.Lstat(last); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("audit: %s is there already, and would be lost", last), err)
	}
	if err := os.Rename(path, last); err != nil {
		return err
	}
	next, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return errors.Join(err, os.Rename(last, path))
	}
	old := f.live
	f.live, f.size, f.first = next, 0, 0
	return old.Close()
}

func (f *file) close() error {
	var err error
	if f.live != nil {
		err = f.live.Close()
	}
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// maxLine bounds one line of a record, in bytes; Write makes none as long.
const maxLine = 16 << 20

// fileEnd is what the end of a file says.
type fileEnd struct {
	head Head      // of its last whole event with a number; zero where it has none
	time time.Time // of that event
	torn bool      // the file ends within a line
}

// endOf reads a file from its end until it meets a whole event that has a number.
func endOf(r io.ReaderAt, size int64) (fileEnd, error) {
	var end fileEnd
	for length := min(size, 64<<10); ; length = min(size, length*4) {
		text := make([]byte, length)
		if _, err := r.ReadAt(text, size-length); err != nil && !errors.Is(err, io.EOF) {
			return fileEnd{}, fmt.Errorf("audit: read the event log: %w", err)
		}
		end.torn = length > 0 && text[length-1] != '\n'
		whole := text
		if length < size { // the first line may begin before
			whole = text[bytes.IndexByte(text, '\n')+1:]
		}
		lines(whole, func(_ int, line []byte) bool {
			if l, err := linkOf(line); err == nil {
				end.head, end.time = Head{Sequence: l.Sequence, Hash: sha256.Sum256(line)}, l.Time
			}
			return true
		})
		if end.head.Sequence > 0 || length == size || length > maxLine {
			return end, nil
		}
	}
}

// firstLink is the link of a file's first event that has one.
func firstLink(r io.ReaderAt, size int64) (link, bool, error) {
	var found link
	var ok bool
	err := eachLine(io.NewSectionReader(r, 0, size), func(_ int64, line []byte) error {
		if l, err := linkOf(line); err == nil {
			found, ok = l, true
			return errStop
		}
		return nil
	})
	return found, ok, err
}
