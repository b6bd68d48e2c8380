package runner

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// masked is what stands in the output for a hidden value, as in GitLab.
const masked = "[MASKED]"

// Masker is a writer that hides values on their way to another writer, also
// where a value arrives in pieces; and, as GitLab Runner does, what looks like a
// secret without being one of the values: signatures, credentials and security
// tokens in the parameters of a URL, and tokens that begin with glpat-. Values that overlap are hidden as one, so no
// part of either remains. Close must be called at the end, since a Masker keeps
// back what may be the beginning of a value. It is not safe for concurrent use.
type Masker struct {
	w       *sanitizer
	values  [][]byte
	first   [256]bool // bytes with which a value begins
	pending []byte    // received and not yet decided
	hidden  int       // so many bytes of pending belong to a value already replaced
	out     []byte    // kept to be used again
	closed  bool
}

// NewMasker returns a Masker for the values. White space around a value is not
// part of it, as in GitLab Runner: the line break at the end of a key would keep
// the key from being found. Empty ones are left out: there is nothing to see of
// them.
func NewMasker(w io.Writer, values []string) *Masker {
	m := &Masker{w: &sanitizer{w: w}}
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			m.values = append(m.values, []byte(v))
			m.first[v[0]] = true
		}
	}
	// The longest first, so that it wins over one that it begins with.
	slices.SortFunc(m.values, func(a, b []byte) int { return len(b) - len(a) })
	return m
}

// Write passes p on with the values replaced. It returns len(p) unless the
// writer below fails.
func (m *Masker) Write(p []byte) (int, error) {
	if m.closed {
		return 0, io.ErrClosedPipe
	}
	m.pending = append(m.pending, p...)
	if err := m.flush(false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes what was kept back. It does not close the writer below.
func (m *Masker) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	if err := m.flush(true); err != nil {
		return err
	}
	return m.w.end()
}

// flush decides byte after byte of pending, as far as it can. At the end it can
// decide all.
func (m *Masker) flush(end bool) error {
	buf := m.pending
	out := m.out[:0]
	i := 0
	for ; i < len(buf); i++ {
		if m.hidden <= 0 {
			// Most of a log is none of this: copy it in one go.
			plain := i
			for i < len(buf) && !m.first[buf[i]] {
				i++
			}
			if out = append(out, buf[plain:i]...); i == len(buf) {
				break
			}
		}
		if m.first[buf[i]] {
			n, undecided := m.match(buf[i:])
			if undecided && !end {
				break
			}
			if n > 0 && m.hidden <= 0 {
				out = append(out, masked...)
			}
			m.hidden = max(m.hidden, n)
		}
		if m.hidden > 0 {
			m.hidden--
			continue
		}
		out = append(out, buf[i])
	}
	m.pending = append(m.pending[:0], buf[i:]...)
	if m.out = out; len(out) == 0 {
		return nil
	}
	_, err := m.w.Write(out)
	return err
}

// match returns the length of the longest value with which buf begins, and
// whether more bytes could make it a longer one.
func (m *Masker) match(buf []byte) (length int, undecided bool) {
	for _, v := range m.values {
		switch n := min(len(v), len(buf)); {
		case !bytes.Equal(v[:n], buf[:n]):
		case n == len(v):
			return n, undecided
		default:
			undecided = true
		}
	}
	return 0, undecided
}
