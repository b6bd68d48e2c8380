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
	file, err := f.openFileOf(max(after.Sequence, 1))
	if err != nil {
		return err
	}
	f.readFrom(file)
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
func (f *Follower) openFileOf(sequence uint64) (*os.File, error) {
	for {
		path, err := f.fileOf(sequence)
		if err != nil {
			return nil, err
		}
		file, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		path, err = f.fileOf(sequence)
		if err == nil && isAt(file, path) {
			return file, nil
		}
		_ = file.Close() // only read
		if err != nil {
			return nil, err
		}
	}
}

// isAt reports whether a path is that of an open file.
func isAt(file *os.File, path string) bool {
	there, err := os.Stat(path)
	if err != nil {
		return false
	}
	now, err := file.Stat()
	return err == nil && os.SameFile(there, now)
}

// fileOf is the file that has the event of a number, or will have it: the last that
// begins with it or before. Where none does it is the first there is. The live file is
// looked at before the others are looked for: so one that gets its last name meanwhile
// is among them, and is not passed over.
func (f *Follower) fileOf(sequence uint64) (string, error) {
	live := f.stem + liveSuffix
	begins, err := f.begins(live, sequence)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // which it is between two files
		return "", err
	}
	if err == nil && begins {
		return live, nil
	}
	isThere := err == nil
	segments, err := segmentsOf(f.stem)
	if err != nil {
		return "", err
	}
	path := live
	for i, s := range segments {
		if i == 0 || s.first <= sequence {
			path = s.path
		}
	}
	if path == live && !isThere {
		return "", fmt.Errorf("audit: the record %s is gone", live)
	}
	return path, nil
}

// begins reports whether a file begins with the event of a number, or before.
func (f *Follower) begins(path string, sequence uint64) (bool, error) {
	part, err := openPart(path, true)
	if err != nil {
		return false, err
	}
	defer part.Close() //nolint:errcheck // only read
	first, ok, err := firstLink(part, part.size)
	return ok && first.Sequence <= sequence, err
}

func (f *Follower) rewind(to int64) error {
	if _, err := f.file.Seek(to, io.SeekStart); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	f.reader.Reset(f.file)
	f.offset, f.part = to, nil
	return nil
}

// readFrom goes on at the beginning of another file.
func (f *Follower) readFrom(file *os.File) {
	if f.file != nil {
		_ = f.file.Close() // only read
	}
	f.file, f.reader, f.offset, f.part = file, bufio.NewReaderSize(file, 64<<10), 0, nil
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
// end. It may be this one under another name.
func (f *Follower) next() (moved bool, err error) {
	file, err := f.openFileOf(f.at.Sequence + 1)
	if err != nil {
		return false, err
	}
	if sameFile(file, f.file) {
		return false, file.Close()
	}
	now, err := f.file.Stat() // after the other was found: no more comes to this one
	if err != nil {
		return false, errors.Join(fmt.Errorf("audit: %w", err), file.Close())
	}
	if now.Size() > f.offset+int64(len(f.part)) { // this one has more
		return true, file.Close()
	}
	f.readFrom(file)
	return true, nil
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
