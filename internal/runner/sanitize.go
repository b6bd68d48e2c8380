package runner

import (
	"bytes"
	"io"
)

// sanitizer is a writer that hides what looks like a secret though nobody named
// it: the values of some parameters of URLs, among them those that a presigned
// request of AWS carries, and GitLab's personal access tokens. What begins such
// a value stays to be seen.
//
// Source: GitLab Runner's common/buildlogger, urlsanitizer and tokensanitizer
// (August 2026). It is not safe for concurrent use.
type sanitizer struct {
	w       io.Writer
	pending []byte // may be the beginning of a mark
	ends    func(byte) bool
	shown   bool // [MASKED] stands for the value already
	out     []byte
}

// marks are what a secret follows.
var marks = func() (list [][]byte) {
	for _, name := range []string{
		"private_token", "authenticity_token", "rss_token",
		"x-amz-signature", "x-amz-credential", "x-amz-security-token",
	} {
		list = append(list, []byte("?"+name+"="), []byte("&"+name+"="))
	}
	return append(list, []byte(tokenPrefix))
}()

const tokenPrefix = "glpat-"

// endsParameter reports whether a byte ends the value of a parameter.
func endsParameter(c byte) bool { return c == '?' || c == '&' || c <= ' ' || c == 0x7f }

// endsToken reports whether a byte ends a token with a prefix.
func endsToken(c byte) bool {
	switch {
	case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '-', c == '.', c == '_', c == '=':
		return false
	}
	return true
}

// Write passes p on with the values replaced.
func (s *sanitizer) Write(p []byte) (int, error) {
	s.pending = append(s.pending, p...)
	return len(p), s.flush(false)
}

// end writes what was kept back.
func (s *sanitizer) end() error { return s.flush(true) }

func (s *sanitizer) flush(end bool) error {
	buf, out := s.pending, s.out[:0]
	for len(buf) > 0 {
		if s.ends != nil {
			n := 0
			for n < len(buf) && !s.ends(buf[n]) {
				n++
			}
			if n > 0 && !s.shown {
				out, s.shown = append(out, masked...), true
			}
			if buf = buf[n:]; len(buf) > 0 {
				s.ends = nil
			}
			continue
		}
		// The case of a parameter's name does not matter, that of a token's does.
		i := bytes.IndexAny(buf, "?&g")
		if i < 0 {
			out, buf = append(out, buf...), nil
			break
		}
		out, buf = append(out, buf[:i]...), buf[i:]
		mark, undecided := markOf(buf)
		if undecided && !end {
			break
		}
		if mark == 0 {
			out, buf = append(out, buf[0]), buf[1:]
			continue
		}
		out = append(out, buf[:mark]...)
		if s.ends, s.shown = endsToken, false; buf[0] != tokenPrefix[0] {
			// A parameter without a value is shown as if it had one.
			out, s.ends, s.shown = append(out, masked...), endsParameter, true
		}
		buf = buf[mark:]
	}
	s.pending = append(s.pending[:0], buf...)
	if s.out = out; len(out) == 0 {
		return nil
	}
	_, err := s.w.Write(out)
	return err
}

// markOf returns the length of the mark with which buf begins, 0 for none, and
// whether more bytes could make it one.
func markOf(buf []byte) (length int, undecided bool) {
	for _, m := range marks {
		n := min(len(m), len(buf))
		same := bytes.Equal(buf[:n], m[:n])
		if m[0] != tokenPrefix[0] {
			same = bytes.EqualFold(buf[:n], m[:n])
		}
		switch {
		case !same:
		case n == len(m):
			return n, false
		default:
			undecided = true
		}
	}
	return 0, undecided
}
