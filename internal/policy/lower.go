package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// equalLower reports whether two texts are the same in lower case. That is not
// Unicode's case folding: ſ is not s, and Σ at the end of a word is ς. A byte
// of got that is not UTF-8 equals nothing.
//
// Source: published captures of AWS, 2026; they also show that characters
// outside the Basic Multilingual Plane keep their case.
func equalLower[T string | []byte](wanted T, got string) bool {
	w, g := lowering[T]{text: wanted}, lowering[string]{text: got}
	for {
		a, more := w.next()
		b, moreToo := g.next()
		if a != b || more != moreToo {
			return false
		}
		if !more {
			return true
		}
	}
}

// lowering reads a text in lower case, one character after the other.
type lowering[T string | []byte] struct {
	text   T
	offset int
	dot    bool // the combining dot of İ comes next
}

// next returns the next character; one that is not UTF-8 is -1.
func (l *lowering[T]) next() (r rune, more bool) {
	switch {
	case l.dot:
		l.dot = false
		return combiningDot, true
	case l.offset == len(l.text):
		return 0, false
	case l.text[l.offset] < utf8.RuneSelf:
		l.offset++
		return rune(lowerASCII(l.text[l.offset-1])), true
	}
	r, size := runeAt(l.text, l.offset)
	start := l.offset
	l.offset += size
	switch {
	case r == utf8.RuneError && size == 1:
		return -1, true
	case r > 0xFFFF:
		return r, true
	case r == 'İ':
		l.dot = true
		return 'i', true
	case r == 'Σ' && casedBefore(l.text, start) && !casedFrom(l.text, l.offset):
		return 'ς', true
	default:
		return unicode.ToLower(r), true
	}
}

const combiningDot = '\u0307'

func runeAt[T string | []byte](text T, offset int) (rune, int) {
	return utf8.DecodeRuneInString(string(text[offset:min(offset+utf8.UTFMax, len(text))]))
}

// casedBefore and casedFrom say whether a letter that has case comes next, when
// what the Unicode Standard (section 3.13) calls case-ignorable is skipped. No Σ
// is skipped, so that all looks together are linear in the text.
func casedBefore[T string | []byte](text T, offset int) bool {
	for offset > 0 {
		r, size := utf8.DecodeLastRuneInString(string(text[max(0, offset-utf8.UTFMax):offset]))
		if !isCaseIgnorable(r) {
			return isCased(r)
		}
		offset -= size
	}
	return false
}

func casedFrom[T string | []byte](text T, offset int) bool {
	for offset < len(text) {
		r, size := runeAt(text, offset)
		if !isCaseIgnorable(r) {
			return isCased(r)
		}
		offset += size
	}
	return false
}

func isCased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Uppercase, unicode.Other_Lowercase)
}

func isCaseIgnorable(r rune) bool {
	return strings.ContainsRune("'.:·’‧", r) || unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}
