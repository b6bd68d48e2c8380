package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/durable"
)

// RetireOperation is the operation of the event that says which events were removed.
const RetireOperation = "RetireAuditEvents"

// longestSpan is the most time that one file has events of, where age counts: a file
// goes as a whole, so events outlive their time by this.
const longestSpan = 24 * time.Hour

// Retention says how long events are kept. The zero Retention keeps all.
type Retention struct {
	For   time.Duration // removes events that are older; 0 removes none for their age
	Bytes int64         // removes the oldest beyond so many bytes of a writer's files and their indexes; 0 removes none for their size
}

// Keeps reports whether all events are kept.
func (r Retention) Keeps() bool { return r == Retention{} }

// span is how much time one file may have events of.
func (r Retention) span() time.Duration { return min(longestSpan, r.For/10) }

// Retired says what became of a record's oldest files.
type Retired struct {
	Through Head   // the last event that was removed, of this pass; zero where none was
	Events  uint64 // that were removed
	Bytes   int64  // that the writer's files still have
	Held    bool   // files stay that would go, for who has not had their events yet
}

// Retire removes the oldest files of this writer's record, as far as the retention
// says, and never the live one nor one with an event behind mayGo: somebody has not
// had that yet. Before, it writes to the record which events go and with what hash
// they ended, so that Verify can tell what was removed from what is missing. A pass
// that a crash cut short is finished by the next. It is for one goroutine.
func (l *Log) Retire(keep Retention, now time.Time, mayGo uint64) (Retired, error) {
	if l.Path() == "" || keep.Keeps() {
		return Retired{}, nil
	}
	if err := l.endOld(keep, now); err != nil {
		return Retired{}, err
	}
	files, err := l.retirable()
	if err != nil {
		return Retired{}, err
	}
	done, going, err := choose(files, keep, now, mayGo)
	if err != nil || len(going) == 0 {
		return done, errors.Join(err, removeStrayIndexes(l.file.stem))
	}
	if err := l.attest(&done, going, keep, now); err != nil {
		return Retired{Bytes: done.Bytes}, err
	}
	for _, f := range going {
		if err := removeSegment(f.path); err != nil {
			return Retired{Bytes: done.Bytes}, err
		}
	}
	return done, removeStrayIndexes(l.file.stem)
}

// endOld ends the live file where its first event is older than a file may span.
func (l *Log) endOld(keep Retention, now time.Time) error {
	if keep.For == 0 {
		return nil
	}
	live, err := openPart(l.Path(), true)
	if err != nil {
		return err
	}
	defer live.Close() //nolint:errcheck // only read
	first, ok, err := firstLink(live, live.size)
	if err != nil || !ok || !isOlder(first.Time, now, keep.span()) {
		return err
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.file.first != first.Sequence || l.broken { // it was ended meanwhile, or its last line is not whole
		return nil
	}
	return l.file.rotate()
}

// retirable is a file with what decides on it.
type retirable struct {
	segment

	last  fileEnd
	bytes int64 // with its index
}

// retirable are this writer's segments, oldest first, and in the end its live file.
func (l *Log) retirable() ([]retirable, error) {
	segments, err := segmentsOf(l.file.stem)
	if err != nil {
		return nil, err
	}
	var files []retirable
	for _, s := range append(segments, segment{path: l.Path()}) {
		f := retirable{segment: s}
		for _, path := range []string{s.path, indexPath(s.path)} {
			info, err := os.Stat(path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("audit: %w", err)
			}
			if err == nil {
				f.bytes += info.Size()
			}
		}
		files = append(files, f)
	}
	return files, nil
}

// choose says which files go: oldest first, up to one that stays.
func choose(files []retirable, keep Retention, now time.Time, mayGo uint64) (done Retired, going []retirable, err error) {
	for _, f := range files {
		done.Bytes += f.bytes
	}
	for _, f := range files[:len(files)-1] { // never the live one
		if f.last, err = endOfFile(f.path); err != nil {
			return done, nil, err
		}
		tooOld := keep.For > 0 && isOlder(f.last.time, now, keep.For)
		tooMuch := keep.Bytes > 0 && done.Bytes > keep.Bytes
		if !tooOld && !tooMuch {
			break
		}
		if f.last.head.Sequence > mayGo {
			done.Held = true
			break
		}
		going = append(going, f)
		done.Bytes -= f.bytes
	}
	return done, going, nil
}

// isOlder reports whether what has a time is older than a duration.
func isOlder(at, now time.Time, than time.Duration) bool { return !at.IsZero() && now.Sub(at) > than }

func endOfFile(path string) (fileEnd, error) {
	part, err := openPart(path, false)
	if err != nil {
		return fileEnd{}, err
	}
	defer part.Close() //nolint:errcheck // only read
	return endOf(part, part.size)
}

// attest writes which events go, once for each set of them, and makes it last.
func (l *Log) attest(done *Retired, going []retirable, keep Retention, now time.Time) error {
	oldest, newest := going[0], going[len(going)-1]
	done.Through = newest.last.head
	if done.Through.Sequence == 0 { // of before there was a chain
		return nil
	}
	done.Events = done.Through.Sequence - max(oldest.first, 1) + 1
	if done.Through == l.retired {
		return nil
	}
	err := l.Write(&Event{
		Time: now.UTC(), Service: "daypass", Operation: RetireOperation, Status: 200, Retired: done.Through.String(),
		Reason: fmt.Sprintf("events %d to %d are removed, the last of %s: %s", max(oldest.first, 1), done.Through.Sequence, newest.last.time.Format(time.RFC3339), keep),
	})
	if err != nil {
		return err
	}
	l.retired = done.Through
	_, err = l.Sync()
	return err
}

// String says how long events are kept, for people.
func (r Retention) String() string {
	var words []string
	if r.For > 0 {
		words = append(words, "events are kept for "+r.For.String())
	}
	if r.Bytes > 0 {
		words = append(words, fmt.Sprintf("%d bytes of them are kept", r.Bytes))
	}
	if len(words) == 0 {
		return "all events are kept"
	}
	return strings.Join(words, ", and ")
}

func removeSegment(path string) error {
	for _, p := range []string{path, indexPath(path)} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("audit: %w", err)
		}
	}
	return nil
}

// removeStrayIndexes removes indexes whose segment is gone: a search can make one
// while its segment is removed.
func removeStrayIndexes(stem string) error {
	entries, err := os.ReadDir(filepath.Dir(stem))
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	for _, entry := range entries {
		name, isIndex := strings.CutSuffix(entry.Name(), indexSuffix)
		if m := segmentName.FindStringSubmatch(name + liveSuffix); !isIndex || m == nil || m[1] != filepath.Base(stem) {
			continue
		}
		segment := filepath.Join(filepath.Dir(stem), name+liveSuffix)
		if _, err := os.Lstat(segment); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := removeSegment(segment); err != nil {
			return err
		}
	}
	return nil
}

// EachLeft calls f for each record that another process wrote beside this one's, where
// none writes to it any more. f has it for itself while it runs.
func (l *Log) EachLeft(f func(left *Log) error) error {
	if l.Path() == "" {
		return nil
	}
	stems, err := writersOf(l.file.base + liveSuffix)
	if err != nil {
		return err
	}
	for _, stem := range stems {
		if stem == l.file.stem {
			continue
		}
		if err := l.withLeft(stem, f); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) withLeft(stem string, f func(*Log) error) error {
	lock, err := durable.TryLock(stem + lockSuffix)
	if err != nil || lock == nil { // its process is there
		return err
	}
	left, err := openStem(&file{Options: l.file.Options, base: l.file.base, stem: stem, lock: lock})
	if err != nil {
		return err
	}
	return errors.Join(f(left), left.Close())
}

// Has reports whether the record has the event with which it once ended, or begins behind
// it: Verify says whether that is rightly so.
func (l *Log) Has(h Head) (bool, error) {
	f, err := l.Follow(h)
	if err != nil {
		return false, err
	}
	return !f.Misplaced, f.Close()
}
