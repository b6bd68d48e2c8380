package lint

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// node is a JSON value and where it stands. In contrast to package policy's own,
// an object may hold a name twice: that is one of the findings.
type node struct {
	start, end int // of its bytes
	kind       kind
	text       string // of a string, decoded; of anything else that is no list or object, as written
	members    []member
	items      []*node
}

type member struct {
	name       string
	start, end int // of the quoted name
	value      *node
}

type kind uint8

const (
	isScalar kind = iota // null, number or boolean
	isString
	isObject
	isList
)

// maxNesting is how deep a document may be nested. Package policy takes 32.
const maxNesting = 40

// readTree reads a text as JSON. The error is for a person.
func readTree(text string) (*node, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("the document is not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		return nil, fmt.Errorf("the document is not JSON: %w", err)
	}
	r := &treeReader{text: text}
	n := r.value(0)
	if r.tooDeep {
		return nil, fmt.Errorf("the document is nested more than %d deep", maxNesting)
	}
	return n, nil
}

// treeReader reads a text that is known to be JSON.
type treeReader struct {
	text    string
	at      int
	tooDeep bool
}

func (r *treeReader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
}

func (r *treeReader) value(depth int) *node {
	r.space()
	n := &node{start: r.at}
	switch {
	case r.tooDeep || depth > maxNesting:
		r.tooDeep = true
		return n
	case r.text[r.at] == '{':
		n.kind = isObject
		r.list('}', func() {
			start := r.at
			name := r.str()
			m := member{name: name, start: start, end: r.at}
			r.space()
			r.at++ // the colon
			m.value = r.value(depth + 1)
			n.members = append(n.members, m)
		})
	case r.text[r.at] == '[':
		n.kind = isList
		r.list(']', func() { n.items = append(n.items, r.value(depth+1)) })
	case r.text[r.at] == '"':
		n.kind, n.text = isString, r.str()
	default:
		for r.at < len(r.text) && strings.IndexByte(" \t\r\n,]}", r.text[r.at]) < 0 {
			r.at++
		}
		n.text = r.text[n.start:r.at]
	}
	n.end = r.at
	return n
}

// list reads what is between two brackets.
func (r *treeReader) list(closing byte, item func()) {
	r.at++
	for {
		r.space()
		switch {
		case r.tooDeep:
			return
		case r.text[r.at] == closing:
			r.at++
			return
		case r.text[r.at] == ',':
			r.at++
			r.space()
		}
		if r.text[r.at] != closing {
			item()
		}
	}
}

func (r *treeReader) str() string {
	start := r.at
	for r.at++; r.text[r.at] != '"'; r.at++ {
		if r.text[r.at] == '\\' {
			r.at++
		}
	}
	r.at++
	var s string
	_ = json.Unmarshal([]byte(r.text[start:r.at]), &s) // it is known to be a string
	return s
}

// get is the value of a member, the last of that name, or nil.
func (n *node) get(name string) *node {
	var found *node
	for i := range n.members {
		if n.members[i].name == name {
			found = n.members[i].value
		}
	}
	return found
}

// each is the items of a list, and a value that is none alone: where IAM takes a
// list, it takes one thing.
func (n *node) each() []*node {
	switch {
	case n == nil:
		return nil
	case n.kind == isList:
		return n.items
	default:
		return []*node{n}
	}
}

// positions turns offsets into lines and columns.
type positions struct {
	text   string
	starts []int
}

func newPositions(text string) *positions {
	p := &positions{text: text, starts: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			p.starts = append(p.starts, i+1)
		}
	}
	return p
}

// at gives line and column from 1; a column is a character.
func (p *positions) at(offset int) (line, column int) {
	offset = min(max(offset, 0), len(p.text))
	line = sort.SearchInts(p.starts, offset+1)
	return line, utf8.RuneCountInString(p.text[p.starts[line-1]:offset]) + 1
}

// edit puts text in the place of some bytes.
type edit struct {
	start, end int
	text       string
}

// apply makes edits that do not overlap.
func apply(text string, edits []edit) string {
	sorted := append([]edit(nil), edits...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].start < sorted[j].start })
	var b strings.Builder
	at := 0
	for _, e := range sorted {
		if e.start < at {
			return text // they overlap: nothing is changed
		}
		b.WriteString(text[at:e.start])
		b.WriteString(e.text)
		at = e.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// quoted is a text as JSON, with the characters of URLs as they are.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// addMember inserts a member behind the last of an object, in the manner in which
// that one stands.
func addMember(text string, object *node, name, value string) edit {
	if len(object.members) == 0 {
		return edit{object.start, object.end, "{" + quoted(name) + ": " + value + "}"}
	}
	last := object.members[len(object.members)-1]
	return edit{last.value.end, last.value.end, "," + spaceBefore(text, last.start, len(object.members) > 1) + quoted(name) + ": " + value}
}

// spaceBefore is the white space in front of a place, if it breaks the line, or
// one space. A first member that stands directly behind its brace tells nothing.
func spaceBefore(text string, at int, several bool) string {
	start := at
	for start > 0 && strings.IndexByte(" \t\r\n", text[start-1]) >= 0 {
		start--
	}
	if space := text[start:at]; strings.Contains(space, "\n") || several && space == "" {
		return space
	}
	return " "
}

// without removes a member or item that has neighbours: from i's start to the next
// one's, or from the end of the one before.
func without(starts, ends []int, i int) edit {
	switch {
	case i+1 < len(starts):
		return edit{starts[i], starts[i+1], ""}
	case i > 0:
		return edit{ends[i-1], ends[i], ""}
	default:
		return edit{starts[i], ends[i], ""}
	}
}
