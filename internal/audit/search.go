package audit

import (
	"bytes"
	"container/heap"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
)

// Record is one event of a record, as it was found.
type Record struct {
	Event
	Sequence uint64 `json:"sequence"` // 1 for the writer's first event; 0 for one from before there were numbers
	Previous string `json:"previous"` // hash of the event before, see Head
	Line     []byte `json:"-"`        // as it stands in the file, without its line break
}

// Decode reads a line as Write writes it. A member that no event has is an error.
func Decode(line []byte) (*Record, error) {
	r := &Record{Line: line}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("audit: the line is no event: %w", err)
	}
	return r, nil
}

// Cost is what a search read.
type Cost struct {
	Files, Indexes int
	Blocks         int   // of segments; a live file is read whole
	Bytes          int64 // of events
	NoEvents       int   // lines that are none, as a crash leaves one; Verify tells of them
}

// Search finds the events of a record that q matches. path is that of its live
// file; what several processes wrote beside one another is one record here.
//
// Events come in the order in which they were written, or, newest first, the other
// way about; those of several writers are ordered by the time at which they began.
// The segments behind are not read but for the blocks that their indexes name, and
// an index that is missing is made. An error ends the search: what it could not
// read it does not pass over. A line that is no event is passed over, and counted
// where it was read.
func Search(path string, q Query, newestFirst bool, cost *Cost) iter.Seq2[Record, error] {
	if cost == nil {
		cost = new(Cost)
	}
	return func(yield func(Record, error) bool) {
		stems, err := writersOf(path)
		if err != nil {
			yield(Record{}, err)
			return
		}
		var ways []iter.Seq2[Record, error]
		for _, stem := range stems {
			ways = append(ways, searchWriter(stem, q, newestFirst, cost))
		}
		merge(ways, newestFirst, yield)
	}
}

// merge gives the records of several searches by time.
func merge(ways []iter.Seq2[Record, error], newestFirst bool, yield func(Record, error) bool) {
	if len(ways) == 1 {
		ways[0](yield)
		return
	}
	h := heads{newestFirst: newestFirst}
	defer func() {
		for _, o := range h.open {
			o.stop()
		}
	}()
	for _, way := range ways {
		next, stop := iter.Pull2(way)
		h.open = append(h.open, &pulled{next: next, stop: stop})
	}
	for _, o := range slices.Clone(h.open) {
		if !o.pull() {
			h.open = slices.DeleteFunc(h.open, func(p *pulled) bool { return p == o })
			o.stop()
		}
	}
	heap.Init(&h)
	for len(h.open) > 0 {
		first := h.open[0]
		if !yield(first.record, first.err) || first.err != nil {
			return
		}
		if first.pull() {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
			first.stop()
		}
	}
}

// pulled is a search and the record that it is at.
type pulled struct {
	next   func() (Record, error, bool)
	stop   func()
	record Record
	err    error
}

func (p *pulled) pull() (ok bool) {
	p.record, p.err, ok = p.next()
	return ok
}

// heads implements heap.Interface.
type heads struct {
	open        []*pulled
	newestFirst bool
}

func (h *heads) Len() int      { return len(h.open) }
func (h *heads) Swap(i, j int) { h.open[i], h.open[j] = h.open[j], h.open[i] }
func (h *heads) Push(x any)    { h.open = append(h.open, x.(*pulled)) }
func (h *heads) Less(i, j int) bool {
	a, b := h.open[i], h.open[j]
	if a.err != nil || b.err != nil {
		return a.err != nil
	}
	if h.newestFirst {
		a, b = b, a
	}
	return a.record.Time.Before(b.record.Time)
}

func (h *heads) Pop() any {
	last := h.open[len(h.open)-1]
	h.open = h.open[:len(h.open)-1]
	return last
}

// search is a search through one writer's record.
type search struct {
	q           Query
	newestFirst bool
	cost        *Cost
	words       [][]byte // of each a line must have one for the query to match it
}

func searchWriter(stem string, q Query, newestFirst bool, cost *Cost) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		files, err := openRecord(stem)
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer closeAll(files)
		s := &search{q: q, newestFirst: newestFirst, cost: cost, words: q.words()}
		if newestFirst {
			slices.Reverse(files)
		}
		for _, f := range files {
			cost.Files++
			through := s.throughSegment
			if f.live {
				through = s.throughLive
			}
			if err := through(f, yield); err != nil {
				if !errors.Is(err, errStop) {
					yield(Record{}, err)
				}
				return
			}
		}
	}
}

// words are the query's values as they stand in a line's JSON: to look for them is
// many times as fast as to decode a line. A value with a character that JSON may
// spell in several ways is none.
func (q *Query) words() [][]byte {
	var all [][]byte
	for _, t := range q.terms() {
		if t.member == 'i' || t.member == 'r' || t.member == 'f' { // spelt otherwise
			continue
		}
		if word, err := json.Marshal(t.value); err == nil && string(word) == `"`+t.value+`"` {
			all = append(all, word)
		}
	}
	return all
}

// throughSegment reads the blocks that the index names.
func (s *search) throughSegment(f opened, yield func(Record, error) bool) error {
	x, done, err := openIndex(f)
	if err != nil {
		return err
	}
	defer done()
	s.cost.Indexes++
	blocks, err := x.candidates(&s.q)
	if err != nil {
		return err
	}
	if s.newestFirst {
		slices.Reverse(blocks)
	}
	for _, i := range blocks {
		from, to := x.bounds(i)
		text := make([]byte, to-from) // records keep pieces of it
		if _, err := f.ReadAt(text, from); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("audit: read %s: %w", f.path, err)
		}
		s.cost.Blocks++
		s.cost.Bytes += int64(len(text))
		if err := s.throughText(text, yield); err != nil {
			return err
		}
	}
	return nil
}

// throughLive reads the file piece by piece, from that end where the order begins.
func (s *search) throughLive(f opened, yield func(Record, error) bool) error {
	if !s.newestFirst {
		return eachLine(io.NewSectionReader(f, 0, f.size), func(_ int64, line []byte) error {
			s.cost.Bytes += int64(len(line)) + 1
			return s.line(bytes.Clone(line), yield)
		})
	}
	var rest []byte // the beginning of a piece belongs to a line that begins before it
	for end := f.size; end > 0; {
		begin := max(0, end-blockBytes)
		text := make([]byte, end-begin, end-begin+int64(len(rest)))
		if _, err := f.ReadAt(text, begin); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("audit: read %s: %w", f.path, err)
		}
		s.cost.Bytes += int64(len(text))
		text = append(text, rest...)
		end, rest = begin, nil
		if begin > 0 {
			first := bytes.IndexByte(text, '\n')
			if first < 0 {
				if len(text) > maxLine {
					return fmt.Errorf("audit: %s has a line longer than %d bytes", f.path, maxLine)
				}
				rest = text
				continue
			}
			rest, text = text[:first+1], text[first+1:]
		}
		if err := s.throughText(text, yield); err != nil {
			return err
		}
	}
	return nil
}

func (s *search) throughText(text []byte, yield func(Record, error) bool) error {
	var found [][]byte
	lines(text, func(_ int, line []byte) bool {
		found = append(found, line)
		return true
	})
	if s.newestFirst {
		slices.Reverse(found)
	}
	for _, line := range found {
		if err := s.line(line, yield); err != nil {
			return err
		}
	}
	return nil
}

// line yields the line's event if the query matches it.
func (s *search) line(line []byte, yield func(Record, error) bool) error {
	for _, word := range s.words {
		if !bytes.Contains(line, word) {
			return nil
		}
	}
	r := Record{Line: line}
	if json.Unmarshal(line, &r) != nil {
		s.cost.NoEvents++
		return nil //nolint:nilerr // it is counted
	}
	if !s.q.Matches(&r.Event) {
		return nil
	}
	if !yield(r, nil) {
		return errStop
	}
	return nil
}
