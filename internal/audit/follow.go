package audit

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// Line is one event as it stands in the record.
type Line struct {
	Head        // of the record when it ended with this line
	Text []byte // without its line break
}

// A Follower reads one process's record in the order in which it was written, while
// it is written and across its files. It is for one goroutine.
type Follower struct {
	stem   string
	at     Head // of the last line that was given
	file   *os.File
	reader *bufio.Reader
	offset int64  // in file, behind the last whole line
	part   []byte // a line that is not whole yet
	// Missing is how many events could not be given because their files were
	// retired before. Misplaced says that the record lacks the event after which the
	// follower was to begin, so that it began with the first that there is.
	Missing   uint64
	Misplaced bool
}

// Follow gives what comes after the event with which the record ended at after: the
// zero Head is its beginning. The log must have segments (see Path).
//
// A record that ends before after, as one does that lost its end with the machine,
// is followed from its end on. One that has another event in that place was made
// anew, and is given whole: rather twice than not at all.
func (l *Log) Follow(after Head) (*Follower, error) {
	if l.Path() == "" {
		return nil, errors.New("audit: events that are written to no file of their own cannot be followed; let events be a file whose name ends with .jsonl")
	}
	f := &Follower{stem: l.file.stem}
	head := l.Head()
	if after.Sequence > head.Sequence {
		after, f.Misplaced = head, true
	}
	if err := f.seek(after); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// seek places the follower behind an event.
func (f *Follower) seek(after Head) error {
	if err := f.openFileOf(max(after.Sequence, 1)); err != nil {
		return err
	}
	f.at = after
	if after.Sequence == 0 {
		return nil
	}
	for {
		begin := f.offset
		line, err := f.read()
		switch {
		case err != nil:
			return err
		case line != nil && line.Head == after:
			return nil
		case line != nil && line.Sequence > after.Sequence:
			l, err := linkOf(line.Text)
			if line.Sequence > after.Sequence+1 || err == nil && l.Previous == after.hash() { // what was before is retired
				return f.rewind(begin)
			}
			fallthrough
		case line == nil: // another record
			f.Misplaced = true
			return f.seek(Head{})
		}
	}
}

// openFileOf opens the file of an event. The live one can get its last name between
// being found and being opened: what was opened must be what is found then.
func (f *Follower) openFileOf(sequence uint64) error {
	for {
		path, err := f.fileOf(sequence)
		if err != nil {
			return err
		}
		if err := f.open(path); errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if path, err = f.fileOf(sequence); err != nil {
			return err
		}
		if is, err := f.reads(path); is || err != nil {
			return err
		}
	}
}

// reads reports whether a path is that of the open file.
func (f *Follower) reads(path string) (bool, error) {
	other, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("audit: %w", err)
	}
	now, err := f.file.Stat()
	if err != nil {
		return false, fmt.Errorf("audit: %w", err)
	}
	return os.SameFile(other, now), nil
}

// fileOf is the file that has the event of a number, or will have it: the last that
// begins with it or before. Where none does it is the first there is.
func (f *Follower) fileOf(sequence uint64) (string, error) {
	segments, err := segmentsOf(f.stem)
	if err != nil {
		return "", err
	}
	live := f.stem + liveSuffix
	path := live
	for i, s := range segments {
		if i == 0 || s.first <= sequence {
			path = s.path
		}
	}
	part, err := openPart(live, true)
	if errors.Is(err, os.ErrNotExist) && path != live { // between two files
		return path, nil
	}
	if err != nil {
		return "", err
	}
	defer part.Close() //nolint:errcheck // only read
	if first, ok, err := firstLink(part, part.size); err != nil || ok && first.Sequence <= sequence {
		return live, err
	}
	return path, nil
}

func (f *Follower) rewind(to int64) error {
	if _, err := f.file.Seek(to, io.SeekStart); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	f.reader.Reset(f.file)
	f.offset, f.part = to, nil
	return nil
}

func (f *Follower) open(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if f.file != nil {
		_ = f.file.Close() // only read
	}
	f.file, f.reader, f.offset, f.part = file, bufio.NewReaderSize(file, 64<<10), 0, nil
	return nil
}

// read gives the file's next event; nil where there is none yet. Lines that are no
// events are passed over, as a crash leaves one; Verify tells of them.
func (f *Follower) read() (*Line, error) {
	for {
		piece, err := f.reader.ReadSlice('\n')
		f.part = append(f.part, piece...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if len(f.part) > maxLine {
				return nil, fmt.Errorf("audit: the line at byte %d of %s is longer than %d bytes", f.offset, f.file.Name(), maxLine)
			}
			continue
		case errors.Is(err, io.EOF):
			return nil, nil //nolint:nilnil // see above
		case err != nil:
			return nil, fmt.Errorf("audit: read the record: %w", err)
		}
		f.offset += int64(len(f.part))
		text := trimBreak(f.part)
		f.part = nil
		if len(text) == 0 {
			continue
		}
		if l, err := linkOf(text); err == nil {
			return &Line{Head: Head{Sequence: l.Sequence, Hash: sha256.Sum256(text)}, Text: text}, nil
		}
	}
}

// next goes on to the file after, where there is one and this one was read to its
// end.
func (f *Follower) next() (moved bool, err error) {
	path, err := f.fileOf(f.at.Sequence + 1)
	if err != nil {
		return false, err
	}
	if same, err := f.reads(path); err != nil || same {
		return false, err
	}
	now, err := f.file.Stat() // after the other was found: no more comes to this one
	if err != nil {
		return false, fmt.Errorf("audit: %w", err)
	}
	if now.Size() > f.offset+int64(len(f.part)) {
		return true, nil // this one has more
	}
	return true, f.openFileOf(f.at.Sequence + 1)
}

// Next gives the next events: at most so many, and no more once they have so many
// bytes. None and no error mean that there are no more now.
func (f *Follower) Next(events int, bytes int64) ([]Line, error) {
	var lines []Line
	for size := int64(0); len(lines) < events && size < bytes; {
		line, err := f.read()
		if err != nil {
			return lines, err
		}
		if line == nil {
			if moved, err := f.next(); err != nil || !moved {
				return lines, err
			}
			continue
		}
		if f.at.Sequence > 0 && line.Sequence > f.at.Sequence+1 { // retired
			f.Missing += line.Sequence - f.at.Sequence - 1
		}
		f.at = line.Head
		lines, size = append(lines, *line), size+int64(len(line.Text))
	}
	return lines, nil
}

// Behind is about how many bytes the follower has yet to read.
func (f *Follower) Behind() (int64, error) {
	var behind int64
	segments, err := segmentsOf(f.stem)
	if err != nil {
		return 0, err
	}
	paths := []string{f.stem + liveSuffix}
	for _, s := range segments {
		if s.first > f.at.Sequence {
			paths = append(paths, s.path)
		}
	}
	now, err := f.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && !os.SameFile(info, now) {
			behind += info.Size()
		}
	}
	return behind + now.Size() - f.offset, nil
}

// At is the last event that was given.
func (f *Follower) At() Head { return f.at }

// Close closes what is open.
func (f *Follower) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
