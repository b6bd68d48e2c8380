package lint

import (
	"strings"
)

// language is a set of texts: those that one of several patterns admits. It serves
// the search for candidates, and decides nothing: what the search finds, package
// trust is asked about.
type language struct {
	symbols []symbol
	starts  []int
	fold    bool
}

// symbol is one step of a pattern.
type symbol struct {
	kind symbolKind
	char rune
}

type symbolKind uint8

const (
	literal symbolKind = iota
	anyOne             // ?
	anyRun             // *
	accept
)

// newLanguage compiles patterns. Where they are not like, * and ? are characters.
func newLanguage(patterns []string, like, fold bool) *language {
	l := &language{fold: fold}
	for _, p := range patterns {
		if holdsVariable(p) {
			continue // no token of a CI system gives it a value
		}
		l.starts = append(l.starts, len(l.symbols))
		if fold {
			p = strings.ToLower(p)
		}
		for i := 0; i < len(p); {
			if len(p)-i >= 4 && p[i] == '$' && p[i+1] == '{' && p[i+3] == '}' && strings.IndexByte("*?$", p[i+2]) >= 0 {
				l.symbols = append(l.symbols, symbol{literal, rune(p[i+2])})
				i += 4
				continue
			}
			s := symbol{literal, rune(p[i])} // bytes: a text is matched byte by byte
			switch {
			case like && p[i] == '*':
				s.kind = anyRun
			case like && p[i] == '?':
				s.kind = anyOne
			}
			l.symbols = append(l.symbols, s)
			i++
		}
		l.symbols = append(l.symbols, symbol{kind: accept})
	}
	return l
}

// places is a set of places in a language's symbols, as bits.
type places []uint64

func (l *language) start() places {
	p := make(places, len(l.symbols)/64+1)
	for _, at := range l.starts {
		l.enter(p, at)
	}
	return p
}

// enter adds a place, and those that can be reached from it without a character.
func (l *language) enter(p places, at int) {
	for {
		p[at/64] |= 1 << (at % 64)
		if l.symbols[at].kind != anyRun {
			return
		}
		at++
	}
}

// step takes the characters of a text.
func (l *language) step(from places, text string) places {
	at := from
	for i := range len(text) {
		c := rune(text[i])
		if l.fold && 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		next := make(places, len(at))
		for w, bits := range at {
			for b := 0; bits != 0; b, bits = b+1, bits>>1 {
				if bits&1 == 0 {
					continue
				}
				here := w*64 + b
				switch s := l.symbols[here]; s.kind {
				case anyRun:
					l.enter(next, here)
				case anyOne:
					l.enter(next, here+1)
				case literal:
					if s.char == c {
						l.enter(next, here+1)
					}
				case accept: // more than the pattern has
				}
			}
		}
		at = next
	}
	return at
}

// holds reports whether what was taken is in the language.
func (l *language) holds(p places) bool {
	for w, bits := range p {
		for b := 0; bits != 0; b, bits = b+1, bits>>1 {
			if bits&1 != 0 && l.symbols[w*64+b].kind == accept {
				return true
			}
		}
	}
	return false
}

// dead reports whether nothing that follows could be in the language.
func (p places) dead() bool {
	for _, bits := range p {
		if bits != 0 {
			return false
		}
	}
	return true
}

func (p places) writeKey(b *strings.Builder) {
	for _, bits := range p {
		for range 8 {
			b.WriteByte(byte(bits))
			bits >>= 8
		}
	}
}

// runs are the pieces of patterns between wildcards, and these cut at colons and
// slashes: words of which a text is quickly put together.
func runs(patterns []string) []string {
	var words []string
	seen := map[string]bool{"": true}
	add := func(s string) {
		if !seen[s] && len(s) < 200 {
			seen[s] = true
			words = append(words, s)
		}
	}
	for _, p := range patterns {
		for _, piece := range strings.FieldsFunc(p, func(r rune) bool { return r == '*' || r == '?' }) {
			add(piece)
			for _, part := range strings.FieldsFunc(piece, func(r rune) bool { return r == ':' || r == '/' || r == '@' }) {
				add(part)
			}
			if i := strings.LastIndexByte(piece, ':'); i >= 0 {
				add(piece[i+1:])
			}
			add(strings.Trim(piece, ":/"))
		}
	}
	return words
}
