package policy

import (
	"strings"
	"unicode/utf8"
)

// glob is a pattern in which * stands for any text, the empty text included,
// and ? for one UTF-16 unit. Both stand for every character, also for slash,
// colon and line end; no backslash escapes them. A character outside the Basic
// Multilingual Plane is two units, so that it takes two ?.
//
// Source: IAM User Guide, "String condition operators" (StringLike) and
// "Resource"; for the units, published captures of AWS, 2026.
type glob struct {
	// text is valid UTF-8 but for anyRun and anyUnit, which stand for the
	// wildcards. If shape is globExact or globPrefix it holds neither. It is in
	// lower case if fold.
	text  string
	shape globShape
	fold  bool // ASCII letters are compared without regard to case
}

// The wildcards of a compiled pattern are bytes that no UTF-8 text holds. So a
// pattern can also hold the characters * and ? themselves, from ${*}, ${?} or
// the value of a policy variable.
const (
	anyRun  = '\xff' // *
	anyUnit = '\xfe' // ?
)

// Replacers never change; wildcardBytes compiles and wildcardSigns undoes it.
var (
	wildcardBytes = strings.NewReplacer("*", string([]byte{anyRun}), "?", string([]byte{anyUnit}))
	wildcardSigns = strings.NewReplacer(string([]byte{anyRun}), "*", string([]byte{anyUnit}), "?")
)

type globShape uint8

const (
	globExact  globShape = iota // no wildcard: the zero glob matches the empty text only
	globPrefix                  // one wildcard, a * at the end
	globOther
)

// newGlob compiles a pattern in which every * and ? is a wildcard. The pattern
// is valid UTF-8.
func newGlob(pattern string) glob { return compiledGlob(wildcardBytes.Replace(pattern)) }

// newFoldGlob takes a pattern of ASCII characters.
func newFoldGlob(pattern string) glob {
	g := newGlob(strings.ToLower(pattern))
	g.fold = true
	return g
}

// compiledGlob takes a text whose wildcards are already anyRun and anyUnit.
func compiledGlob(text string) glob {
	switch n := len(literalPrefix(text)); {
	case n == len(text):
		return glob{text: text, shape: globExact}
	case n == len(text)-1 && text[n] == anyRun:
		return glob{text: text[:n], shape: globPrefix}
	default:
		return glob{text: text, shape: globOther}
	}
}

// literalPrefix is the part of a compiled pattern before its first wildcard.
func literalPrefix(text string) string {
	for i := range len(text) {
		if text[i] >= anyUnit {
			return text[:i]
		}
	}
	return text
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
		return matchPattern(g.text, value, g.fold)
	}
}

// matchPattern walks a compiled pattern and a value together. On a mismatch it
// goes back to the last * only, and lets that take one unit more: an earlier *
// could not gain anything that the last one cannot.
//
// What is literal is compared byte by byte. A pattern holds whole characters,
// so that the cursor is between two of them whenever it meets a wildcard.
func matchPattern[P string | []byte](pattern P, value string, fold bool) bool {
	var at, retry unitCursor // in value
	p, afterStar := 0, -1    // in pattern
	for at.offset < len(value) {
		if p < len(pattern) {
			switch c := pattern[p]; {
			case c == anyRun:
				p++
				afterStar, retry = p, at
				continue
			case c == anyUnit:
				p++
				at = at.next(value)
				continue
			case !at.half && (c == value[at.offset] || fold && c == lowerASCII(value[at.offset])):
				p++
				at.offset++
				continue
			}
		}
		if afterStar < 0 {
			return false
		}
		retry = retry.next(value)
		p, at = afterStar, retry
	}
	for p < len(pattern) && pattern[p] == anyRun {
		p++
	}
	return p == len(pattern)
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
