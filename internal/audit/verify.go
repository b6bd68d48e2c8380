package audit

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
)

// Finding is what Verify found wrong, or worth knowing.
type Finding struct {
	File    string
	Offset  int64 // in bytes
	Broken  bool  // the record is not what was written; else it is only worth knowing
	Message string
}

// Report is what Verify found.
type Report struct {
	Events   uint64 // with a number, in all files of all writers
	Heads    []Head // where each writer's record ends, in the order of their names
	Findings []Finding
}

// Sound reports whether nothing is missing or changed.
func (r *Report) Sound() bool {
	for _, f := range r.Findings {
		if f.Broken {
			return false
		}
	}
	return true
}

// Verify reads a record whole and follows its chain. known are heads that were
// kept elsewhere: each must be in the record as it is. Without one a record whose
// end was cut off, or that was made anew from its beginning, cannot be told from
// one that is whole.
func Verify(path string, known ...Head) (*Report, error) {
	stems, err := writersOf(path)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	met := map[Head]bool{}
	var removed uint64 // events of the only writer that the record says were removed
	told := map[Head]bool{}
	for _, stem := range stems {
		v := &verifier{report: r, wanted: known, met: met, ends: map[Head]bool{}, told: map[Head]bool{}}
		if err := v.writer(stem); err != nil {
			return nil, err
		}
		r.Heads = append(r.Heads, v.head)
		if len(stems) == 1 {
			removed = v.removed
		}
		maps.Copy(told, v.told)
	}
	for _, h := range known {
		switch {
		case met[h] || h.Sequence == 0:
		case h.Sequence <= removed, told[h]:
			r.Findings = append(r.Findings, Finding{
				File: path, Message: fmt.Sprintf("event %d, whose hash was kept, is one of those that were removed as too old or too many", h.Sequence),
			})
		default:
			r.Findings = append(r.Findings, Finding{
				File: path, Broken: true,
				Message: fmt.Sprintf("event %d with the hash that was kept is not here: the record was cut off before it, or made anew", h.Sequence),
			})
		}
	}
	return r, nil
}

// verifier follows one writer's chain.
type verifier struct {
	report *Report
	wanted []Head
	met    map[Head]bool

	head   Head
	before Head // of the line before the last
	begun  bool
	file   string

	late    *Finding      // that the record does not begin with its first event; nil where it does
	missing uint64        // how many events are not before the first
	hash    string        // of the last of them, as the first event has it
	ends    map[Head]bool // of files
	removed uint64        // up to which events the record itself says that they were removed
	told    map[Head]bool // with which it says that what was removed ended
}

func (v *verifier) writer(stem string) error {
	files, err := openRecord(stem)
	if err != nil {
		return err
	}
	defer closeAll(files)
	for _, f := range files {
		v.file = f.path
		if err := eachLine(io.NewSectionReader(f, 0, f.size), v.line); err != nil {
			return err
		}
		v.ends[v.head] = true
		if !f.live {
			if err := v.index(f); err != nil {
				return err
			}
		}
	}
	if v.late != nil {
		v.report.Findings = append(v.report.Findings, *v.late)
	}
	return nil
}

func (v *verifier) tell(offset int64, broken bool, format string, args ...any) {
	v.report.Findings = append(v.report.Findings, Finding{File: v.file, Offset: offset, Broken: broken, Message: fmt.Sprintf(format, args...)})
}

// line holds one line against the one before it.
func (v *verifier) line(offset int64, line []byte) error {
	l, err := linkOf(line)
	switch {
	case errors.Is(err, errNoLink) && !v.begun:
		return nil // written before there was a chain
	case errors.Is(err, errNoLink):
		v.tell(offset, true, "an event without a number stands between others that have one: it was put there, or its number was taken away")
		return nil
	case err != nil && isWhole(line):
		v.tell(offset, true, "the line is JSON and no event")
		return nil
	case err != nil:
		v.tell(offset, false, "the line is cut off: a crash or a full disk ended it; its request was not answered with success")
		return nil //nolint:nilerr // it is told
	}
	v.follow(offset, line, l)
	return nil
}

// follow goes on with an event that has a number.
func (v *verifier) follow(offset int64, line []byte, l link) {
	at := Head{Sequence: l.Sequence - 1}
	switch {
	case !v.begun && l.Sequence > 1:
		v.beginsLate(offset, l)
	case v.begun && l.Sequence == v.head.Sequence && l.Previous == v.before.hash():
		// A write that failed at its very end, and the event that came after it.
		v.head = v.before
	case v.begun && l.Sequence > v.head.Sequence+1:
		v.tell(offset, true, "events %d to %d are missing", v.head.Sequence+1, l.Sequence-1)
	case v.begun && l.Sequence <= v.head.Sequence:
		v.tell(offset, true, "event %d stands behind event %d", l.Sequence, v.head.Sequence)
	case l.Previous != v.head.hash():
		v.tell(offset, true, "event %d does not follow from the one before: that one was changed, or this one", l.Sequence)
	}
	v.begun = true
	v.report.Events++
	v.before = v.head
	v.head = at.after(line)
	for _, h := range v.wanted {
		if h == v.head {
			v.met[h] = true
		}
	}
	if l.Retired != "" {
		v.retired(l.Retired)
	}
}

// beginsLate notes that a record's first events are not here. Who has taken them
// away to keep them elsewhere has the head with which they ended; what the server
// removed, a later event says.
func (v *verifier) beginsLate(offset int64, l link) {
	v.late = &Finding{
		File: v.file, Offset: offset, Broken: true,
		Message: fmt.Sprintf("the record begins with event %d: what was before is not here, and neither a head that was given nor the record itself says how it ended", l.Sequence),
	}
	v.missing, v.hash = l.Sequence-1, l.Previous
	for _, h := range v.wanted {
		if h.Sequence == v.missing && h.hash() == l.Previous {
			v.met[h] = true
			v.late.Broken = false
			v.late.Message = fmt.Sprintf("the record begins with event %d, behind the head that was given", l.Sequence)
		}
	}
}

// retired goes by an event that says which events were removed (see Log.Retire). It
// says so rightly of what is missing where the chain that is here goes on from what
// it names, or leads there: then a crash left some of the files.
func (v *verifier) retired(text string) {
	h, err := ParseHead(text)
	if err != nil || v.late == nil || h.Sequence < v.missing {
		return
	}
	if h.Sequence == v.missing && h.hash() != v.hash || h.Sequence > v.missing && !v.ends[h] {
		return
	}
	v.removed, v.told[h] = max(v.removed, v.missing), true
	v.late.Broken = false
	v.late.Message = fmt.Sprintf("the record begins with event %d: those before were removed as too old or too many, as event %d says", v.missing+1, v.head.Sequence)
}

// index makes a segment's index anew, and compares: a search goes by it.
func (v *verifier) index(segment opened) error {
	path := indexPath(segment.path)
	stored, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	blocks, pairs, err := indexOf(io.NewSectionReader(segment, 0, segment.size))
	if err != nil {
		return err
	}
	if string(stored) != string(encodeIndex(segment.size, blocks, pairs)) {
		v.tell(0, true, "its index is not that of the segment, so that searches may have missed events; delete %s, and the next search makes it again", path)
	}
	return nil
}
