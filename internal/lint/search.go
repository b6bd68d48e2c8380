package lint

import (
	"strings"
)

// shape is one form that the subjects of an issuer have: literal text and fields in
// turn.
type shape struct {
	parts []part
	// says describes the token to a person; {name} is the field of that name.
	says string
	// claims are further claims that such a token has, {name} as in says.
	claims map[string]string
	// hidden are claims that say how the token differs from one that was meant and
	// that no condition sees. They are told, and not put into the token.
	hidden map[string]string
}

// part is literal text, or a field if it has a charset.
type part struct {
	literal string
	field   string // the field's name
	charset *charset
}

// charset is how a field is written.
type charset struct {
	// chars are the characters that a field may hold.
	chars string
	// words are tried first, so that what is found can be read.
	words []string
	// valid decides about a whole field.
	valid func(string) bool
}

// begins reports whether a field may begin so. What could not begin a field must
// not be written: the search takes places for the same whose last characters are.
func (c *charset) begins(text string) bool { return c.valid(text) || c.valid(text+"a") }

// constraint limits a field: its text with prefix and suffix around it must be in
// the language, or must not where not is set.
type constraint struct {
	field          string
	prefix, suffix string
	language       *language
	not            bool
}

// search looks for a text of a shape.
type search struct {
	shape *shape
	// needed are languages that the text must be in, watched those on which the
	// answer of goal depends in another manner: a Deny, another policy.
	needed, watched []*language
	constraints     []constraint
	words           []string // that may help
	// goal is asked about each text that is found; the search ends where it agrees.
	goal func(text string, fields map[string]string) bool
	// effort is what all searches on a role have left; see Effort.
	effort *int
}

// Bounds of one search. What is found in practice is found within some hundred
// steps.
const (
	maxNodes  = 30000
	maxGoals  = 60
	maxLength = 600 // bytes of a subject
)

// visit is a place in the search: what was written so far, and where all languages
// are.
type visit struct {
	text     string
	part     int
	inPart   int // where the field began
	needed   []places
	watched  []places
	held     []places // of the constraints on the current field
	fields   []string // of the parts before, names and texts in turn
	letters  int      // single characters so far: words read better
	boundary byte     // of the field's last character: what may follow depends on it
}

// find carries out the search breadth first, words before characters.
func (s *search) find() bool {
	first := &visit{}
	for _, l := range s.needed {
		first.needed = append(first.needed, l.start())
	}
	for _, l := range s.watched {
		first.watched = append(first.watched, l.start())
	}
	queue, seen, goals := []*visit{first}, map[string]bool{}, 0
	s.enterField(first)
	chars := s.characters()
	for n := 0; len(queue) > 0 && n < maxNodes && *s.effort > 0; n++ {
		v := queue[0]
		queue = queue[1:]
		if v.part == len(s.shape.parts) {
			if s.complete(v) {
				if goals++; s.goal(v.text, fieldMap(v.fields)) {
					return true
				}
				if goals >= maxGoals {
					return false
				}
			}
			continue
		}
		for _, next := range s.moves(v, chars) {
			if key := next.key(); !seen[key] {
				seen[key] = true
				queue = append(queue, next)
			}
		}
	}
	return false
}

// moves are the next places: literal text as one step; a field ends, or goes on by
// a word or a character.
func (s *search) moves(v *visit, chars string) []*visit {
	p := s.shape.parts[v.part]
	var next []*visit
	if p.charset == nil {
		if n := s.write(v, p.literal); n != nil {
			n.part++
			s.enterField(n)
			next = append(next, n)
		}
		return next
	}
	if n := s.endField(v, p); n != nil {
		next = append(next, n)
	}
	field := v.text[v.inPart:]
	for _, list := range [][]string{p.charset.words, s.words} {
		for _, word := range list {
			if fits(word, p.charset.chars) && p.charset.begins(field+word) {
				if n := s.write(v, word); n != nil {
					next = append(next, n)
				}
			}
		}
	}
	for i := range len(chars) {
		if strings.IndexByte(p.charset.chars, chars[i]) < 0 || !p.charset.begins(field+chars[i:i+1]) {
			continue
		}
		if n := s.write(v, chars[i:i+1]); n != nil {
			n.letters++
			next = append(next, n)
		}
	}
	return next
}

// characters are those that single steps try: all that patterns name, and some
// others to stand for the rest.
func (s *search) characters() string {
	chars, seen := "", map[rune]bool{}
	add := func(r rune) {
		if !seen[r] && r < 0x7f && r > ' ' {
			seen[r] = true
			chars += string(r)
		}
	}
	for _, r := range "x1/-.a0" {
		add(r)
	}
	for _, list := range [][]*language{s.needed, s.watched} {
		for _, l := range list {
			for _, symbol := range l.symbols {
				if symbol.kind == literal {
					add(symbol.char)
				}
			}
		}
	}
	for _, c := range s.constraints {
		for _, symbol := range c.language.symbols {
			if symbol.kind == literal {
				add(symbol.char)
			}
		}
	}
	return chars
}

// write goes on by some text. It is nil where no continuation could fit.
func (s *search) write(v *visit, text string) *visit {
	if len(v.text)+len(text) > maxLength {
		return nil
	}
	n := *v
	n.text += text
	n.boundary = boundaryOf(text[len(text)-1])
	for _, list := range [][]*language{s.needed, s.watched} {
		for _, l := range list {
			*s.effort -= len(text) * (len(l.symbols)/64 + 1)
		}
	}
	n.needed = make([]places, len(v.needed))
	for i, l := range s.needed {
		if n.needed[i] = l.step(v.needed[i], text); n.needed[i].dead() {
			return nil
		}
	}
	n.watched = make([]places, len(v.watched))
	for i, l := range s.watched {
		n.watched[i] = l.step(v.watched[i], text)
	}
	n.held = make([]places, len(v.held))
	for i, c := range s.onField(v.part) {
		if n.held[i] = c.language.step(v.held[i], text); !c.not && n.held[i].dead() {
			return nil
		}
	}
	return &n
}

// boundaryOf is the last character where it is one of those that not every name
// may have next to each other, or at its end.
func boundaryOf(c byte) byte {
	if strings.IndexByte("-_./@ ", c) >= 0 {
		return c
	}
	return 'a'
}

func (s *search) onField(part int) []constraint {
	if part >= len(s.shape.parts) || s.shape.parts[part].charset == nil {
		return nil
	}
	var on []constraint
	for _, c := range s.constraints {
		if c.field == s.shape.parts[part].field {
			on = append(on, c)
		}
	}
	return on
}

func (s *search) enterField(v *visit) {
	v.inPart, v.boundary, v.held = len(v.text), 0, nil
	for _, c := range s.onField(v.part) {
		v.held = append(v.held, c.language.step(c.language.start(), c.prefix))
	}
}

func (s *search) endField(v *visit, p part) *visit {
	field := v.text[v.inPart:]
	if field == "" || !p.charset.valid(field) {
		return nil
	}
	for i, c := range s.onField(v.part) {
		if c.language.holds(c.language.step(v.held[i], c.suffix)) == c.not {
			return nil
		}
	}
	n := *v
	n.fields = append(append([]string(nil), v.fields...), p.field, field)
	n.part++
	s.enterField(&n)
	return &n
}

func (s *search) complete(v *visit) bool {
	for i, l := range s.needed {
		if !l.holds(v.needed[i]) {
			return false
		}
	}
	return true
}

func fieldMap(pairs []string) map[string]string {
	fields := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields[pairs[i]] = pairs[i+1]
	}
	return fields
}

// key tells places apart from which the search goes on differently.
func (v *visit) key() string {
	var b strings.Builder
	b.WriteByte(byte(v.part))
	if v.text == "" || v.inPart == len(v.text) {
		b.WriteByte('0') // an empty field cannot end
	}
	b.WriteByte(v.boundary)
	for _, list := range [][]places{v.needed, v.watched, v.held} {
		for _, p := range list {
			p.writeKey(&b)
		}
	}
	return b.String()
}

// fits reports whether a text consists of some characters.
func fits(text, chars string) bool {
	for i := range len(text) {
		if strings.IndexByte(chars, text[i]) < 0 {
			return false
		}
	}
	return text != ""
}
