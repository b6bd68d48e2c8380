package policy

import (
	"strings"
	"unicode/utf8"
)

// glob is a pattern in which * stands for any text, the empty text included,
// and ? for one UTF-16 unit. Both stand for every character, also for slash,
// colon and line end; nothing escapes them. A character outside the Basic
// Multilingual Plane is two units, so that it takes two ?.
//
// Source: IAM User Guide, "String condition operators" (StringLike) and
// "Resource"; for the units, published captures of AWS, 2026.
type glob struct {
	text  string // valid UTF-8; in lower case if fold
	shape globShape
	fold  bool // ASCII letters are compared without regard to case
}

type globShape uint8

const (
	globExact  globShape = iota // no wildcard: the zero glob matches the empty text only
	globPrefix                  // one wildcard, a * at the end
	globOther
)

func newGlob(pattern string) glob {
	g := glob{text: pattern}
	switch strings.IndexAny(pattern, "*?") {
	case -1:
		g.shape = globExact
	case len(pattern) - 1:
		if pattern[len(pattern)-1] == '*' {
			g.shape, g.text = globPrefix, pattern[:len(pattern)-1]
		} else {
			g.shape = globOther
		}
	default:
		g.shape = globOther
	}
	return g
}

// newFoldGlob takes a pattern of ASCII characters.
func newFoldGlob(pattern string) glob {
	g := newGlob(strings.ToLower(pattern))
	g.fold = true
	return g
}

// match reports whether the whole of value fits. Its time is at most
// proportional to the length of the pattern times that of the value.
func (g *glob) match(value string) bool {
	switch g.shape {
	case globExact:
		if g.fold {
			return equalASCIIFold(g.text, value)
		}
		return g.text == value
	case globPrefix:
		if len(value) < len(g.text) {
			return false
		}
		if g.fold {
			return equalASCIIFold(g.text, value[:len(g.text)])
		}
		return value[:len(g.text)] == g.text
	default:
		return g.matchAnywhere(value)
	}
}

// matchAnywhere walks pattern and value together. On a mismatch it goes back to
// the last * only, and lets that take one unit more: an earlier * could not
// gain anything that the last one cannot.
func (g *glob) matchAnywhere(value string) bool {
	pattern := g.text
	var at, retry unitCursor // in value
	p, afterStar := 0, -1    // in pattern
	for at.offset < len(value) {
		if p < len(pattern) {
			switch pattern[p] {
			case '*':
				p++
				afterStar, retry = p, at
				continue
			case '?':
				p++
				at = at.next(value)
				continue
			}
			if n := g.literal(p, value, at); n > 0 {
				p += n
				at.offset += n
				continue
			}
		}
		if afterStar < 0 {
			return false
		}
		retry = retry.next(value)
		p, at = afterStar, retry
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// literal returns the length of the pattern's character at p if the value has
// the same at the cursor, otherwise 0.
func (g *glob) literal(p int, value string, at unitCursor) int {
	if at.half {
		return 0
	}
	c := g.text[p]
	if c < utf8.RuneSelf {
		b := value[at.offset]
		if b == c || g.fold && lowerASCII(b) == c {
			return 1
		}
		return 0
	}
	_, n := utf8.DecodeRuneInString(g.text[p:])
	if strings.HasPrefix(value[at.offset:], g.text[p:p+n]) {
		return n
	}
	return 0
}

// unitCursor is a place in a text, counted in UTF-16 units: half means between
// the two units of the character at offset.
type unitCursor struct {
	offset int
	half   bool
}

// next is the place one unit on. A byte that is not UTF-8 is one unit.
func (c unitCursor) next(text string) unitCursor {
	if text[c.offset] < utf8.RuneSelf {
		return unitCursor{offset: c.offset + 1}
	}
	r, n := utf8.DecodeRuneInString(text[c.offset:])
	if r > 0xFFFF && !c.half {
		return unitCursor{offset: c.offset, half: true}
	}
	return unitCursor{offset: c.offset + n}
}
