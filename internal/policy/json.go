package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// Bounds of a document. AWS's own quotas, at most 10,240 characters, belong to
// the operations that store policies; these only keep the work of reading one
// in proportion.
const (
	maxBytes = 131072
	maxDepth = 32
)

// node is a JSON value that knows where it stands.
type node struct {
	offset  int // of its first byte
	shape   shape
	text    string   // of a string, decoded; of a number or boolean, as written
	members []member // of an object, in order, no name twice
	items   []node   // of an array
}

type member struct {
	name   string
	offset int
	value  node
}

type shape uint8

const (
	isNull shape = iota
	isString
	isLiteral // a number or a boolean
	isObject
	isArray
)

// String says what a node is, in an error.
func (s shape) String() string {
	switch s {
	case isString:
		return "a string"
	case isLiteral:
		return "a number or boolean"
	case isObject:
		return "an object"
	case isArray:
		return "a list"
	default:
		return "null"
	}
}

// jsonFault is what is wrong with a text as JSON.
type jsonFault struct {
	offset int
	detail string
}

func (f *jsonFault) Error() string { return f.detail }

// readJSON reads one JSON value. It is stricter than encoding/json: an object
// may not hold a name twice (the second would silently win), and text must be
// proper Unicode.
func readJSON(text string) (*node, *jsonFault) {
	switch {
	case len(text) > maxBytes:
		return nil, &jsonFault{maxBytes, fmt.Sprintf("the document has %d bytes, more than %d; split it", len(text), maxBytes)}
	case !utf8.ValidString(text):
		return nil, &jsonFault{invalidUTF8(text), "the document is not UTF-8; save it as UTF-8"}
	}
	var whole json.RawMessage
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		fault := &jsonFault{0, "the document is not JSON: " + err.Error()}
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			fault.offset = max(0, int(syntax.Offset)-1)
		}
		return nil, fault
	}
	r := &jsonReader{text: text, decoder: json.NewDecoder(strings.NewReader(text))}
	r.decoder.UseNumber()
	root, fault := r.value(1)
	if fault != nil {
		return nil, fault
	}
	return &root, nil
}

func invalidUTF8(text string) int {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return i
			}
		}
	}
	return 0
}

// jsonReader builds nodes from a text that is known to be JSON.
type jsonReader struct {
	text    string
	decoder *json.Decoder
}

// next returns a token and the offset of its first byte.
func (r *jsonReader) next() (json.Token, int, *jsonFault) {
	offset := int(r.decoder.InputOffset())
	for offset < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[offset]) >= 0 {
		offset++
	}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, offset, &jsonFault{offset, "the document is not JSON: " + err.Error()}
	}
	// encoding/json turns half a surrogate pair into U+FFFD; refusing that
	// character keeps two different texts from becoming one.
	if s, ok := token.(string); ok && strings.ContainsRune(s, utf8.RuneError) {
		return nil, offset, &jsonFault{offset, "a string holds half of a surrogate pair, or the replacement character U+FFFD; write the character that is meant"}
	}
	return token, offset, nil
}

func (r *jsonReader) value(depth int) (node, *jsonFault) {
	token, offset, fault := r.next()
	if fault != nil {
		return node{}, fault
	}
	n := node{offset: offset}
	switch t := token.(type) {
	case string:
		n.shape, n.text = isString, t
	case json.Number:
		n.shape, n.text = isLiteral, t.String()
	case bool:
		n.shape, n.text = isLiteral, fmt.Sprint(t)
	case json.Delim:
		if depth > maxDepth {
			return node{}, &jsonFault{offset, fmt.Sprintf("the document is nested more than %d deep", maxDepth)}
		}
		if t == '{' {
			n.shape = isObject
			n.members, fault = r.members(depth)
		} else {
			n.shape = isArray
			n.items, fault = r.items(depth)
		}
	}
	return n, fault
}

func (r *jsonReader) members(depth int) ([]member, *jsonFault) {
	var members []member
	seen := map[string]bool{}
	for r.decoder.More() {
		token, offset, fault := r.next()
		if fault != nil {
			return nil, fault
		}
		name, _ := token.(string) // JSON has no other member name
		if seen[name] {
			return nil, &jsonFault{offset, fmt.Sprintf("%q stands twice in one object; merge the two, for only one of them could count", name)}
		}
		seen[name] = true
		value, fault := r.value(depth + 1)
		if fault != nil {
			return nil, fault
		}
		members = append(members, member{name, offset, value})
	}
	_, _, fault := r.next() // the closing brace
	return members, fault
}

func (r *jsonReader) items(depth int) ([]node, *jsonFault) {
	var items []node
	for r.decoder.More() {
		value, fault := r.value(depth + 1)
		if fault != nil {
			return nil, fault
		}
		items = append(items, value)
	}
	_, _, fault := r.next() // the closing bracket
	return items, fault
}

// lines turns offsets into lines and columns.
type lines struct {
	text   string
	starts []int // the offset of each line
}

func newLines(text string) *lines {
	l := &lines{text: text, starts: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// line is at without the column, whose cost grows with the length of the line.
func (l *lines) line(offset int) int { return sort.SearchInts(l.starts, offset+1) }

func (l *lines) at(offset int) (line, column int) {
	offset = min(offset, len(l.text))
	line = l.line(offset)
	return line, utf8.RuneCountInString(l.text[l.starts[line-1]:offset]) + 1
}
