package source

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// node is a value of JSON or YAML with its place.
type node struct {
	kind         kind
	text         string // of a string, number or boolean
	tag          string // of YAML, such as !Sub
	keys         []*node
	items        []*node // of an object, the values; in the order of keys
	line, column int
	start, end   int // of its bytes; of JSON only
}

type kind uint8

const (
	isNull kind = iota
	isString
	isLiteral
	isObject
	isList
)

// Bounds of what is read.
const (
	maxDepth = 64
	maxNodes = 4 << 20
	// An alias of YAML stands for many values.
	maxYAMLNodes = 200_000
)

// get is a member of an object, or nil; it may be asked of nil.
func (n *node) get(name string) *node {
	if n == nil || n.kind != isObject {
		return nil
	}
	for i := len(n.keys) - 1; i >= 0; i-- {
		if n.keys[i].text == name {
			return n.items[i]
		}
	}
	return nil
}

func (n *node) at(path ...string) *node {
	for _, name := range path {
		n = n.get(name)
	}
	return n
}

func (n *node) string() string {
	if n == nil || n.kind != isString && n.kind != isLiteral {
		return ""
	}
	return n.text
}

func (n *node) number() int {
	i, err := strconv.Atoi(n.string())
	if err != nil {
		return 0
	}
	return i
}

func (n *node) list() []*node {
	switch {
	case n == nil || n.kind == isNull:
		return nil
	case n.kind == isList:
		return n.items
	}
	return []*node{n}
}

func (n *node) strings() []string {
	var all []string
	for _, item := range n.list() {
		if s := item.string(); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// jsonReader builds nodes from JSON.
type jsonReader struct {
	text    string
	decoder *json.Decoder
	starts  []int // of lines
	nodes   int
	// seen is the last place of which the column was counted: a plan is one line of
	// many megabytes, and is not counted from its beginning for every value.
	seen struct{ start, offset, runes int }
}

// column is the column of an offset in its line, counted from the last one asked for
// where that is before it in the same line, as it is: values come in order.
func (r *jsonReader) column(start, offset int) int {
	s := &r.seen
	if s.start != start || s.offset > offset {
		s.start, s.offset, s.runes = start, start, 0
	}
	s.runes += utf8.RuneCountInString(r.text[s.offset:offset])
	s.offset = offset
	return s.runes + 1
}

func readJSON(text []byte) (*node, error) {
	if !json.Valid(text) {
		var any json.RawMessage
		err := json.Unmarshal(text, &any)
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	r := &jsonReader{text: string(text), decoder: json.NewDecoder(strings.NewReader(string(text))), starts: []int{0}}
	r.decoder.UseNumber()
	for i := range r.text {
		if r.text[i] == '\n' {
			r.starts = append(r.starts, i+1)
		}
	}
	return r.value(0)
}

func (r *jsonReader) next() (json.Token, int, error) {
	offset := int(r.decoder.InputOffset())
	for offset < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[offset]) >= 0 {
		offset++
	}
	token, err := r.decoder.Token()
	return token, offset, err
}

func (r *jsonReader) value(depth int) (*node, error) {
	token, offset, err := r.next()
	if err != nil {
		return nil, err
	}
	if r.nodes++; depth > maxDepth || r.nodes > maxNodes {
		return nil, fmt.Errorf("it is nested more than %d deep, or holds more than %d values", maxDepth, maxNodes)
	}
	n := &node{start: offset}
	n.line = sort.SearchInts(r.starts, offset+1)
	n.column = r.column(r.starts[n.line-1], offset)
	switch t := token.(type) {
	case string:
		n.kind, n.text = isString, t
	case json.Number:
		n.kind, n.text = isLiteral, t.String()
	case bool:
		n.kind, n.text = isLiteral, strconv.FormatBool(t)
	case json.Delim:
		n.kind = isList
		if t == '{' {
			n.kind = isObject
		}
		for r.decoder.More() {
			item, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			if n.kind == isObject {
				n.keys = append(n.keys, item)
				if item, err = r.value(depth + 1); err != nil {
					return nil, err
				}
			}
			n.items = append(n.items, item)
		}
		if _, err := r.decoder.Token(); err != nil {
			return nil, err
		}
	}
	n.end = int(r.decoder.InputOffset())
	return n, nil
}

// readYAML reads one document. Aliases are followed, as far as the bounds allow.
func readYAML(text []byte) (*node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("it is neither JSON nor YAML: %w", err)
	}
	if len(document.Content) != 1 {
		return nil, fmt.Errorf("it is empty")
	}
	nodes := 0
	return fromYAML(document.Content[0], 0, &nodes)
}

func fromYAML(y *yaml.Node, depth int, nodes *int) (*node, error) {
	if *nodes++; depth > maxDepth || *nodes > maxYAMLNodes {
		return nil, fmt.Errorf("it is nested more than %d deep, or holds more than %d values", maxDepth, maxYAMLNodes)
	}
	if y.Kind == yaml.AliasNode {
		return fromYAML(y.Alias, depth+1, nodes)
	}
	n := &node{line: y.Line, column: y.Column}
	if strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!") {
		n.tag = y.Tag
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = isObject
	case yaml.SequenceNode:
		n.kind = isList
	default:
		n.kind, n.text = isString, y.Value
		switch y.ShortTag() {
		case "!!null":
			n.kind = isNull
		case "!!int", "!!float", "!!bool":
			n.kind = isLiteral
		}
		return n, nil
	}
	for i, child := range y.Content {
		item, err := fromYAML(child, depth+1, nodes)
		if err != nil {
			return nil, err
		}
		if n.kind == isObject && i%2 == 0 {
			n.keys = append(n.keys, item)
		} else {
			n.items = append(n.items, item)
		}
	}
	return n, nil
}

// render writes a value as JSON, a line for each scalar and bracket, and notes where
// each line comes from.
type renderer struct {
	b     strings.Builder
	lines []place
}

func (r *renderer) line(n *node, text string) {
	if len(r.lines) > 0 {
		r.b.WriteByte('\n')
	}
	r.lines = append(r.lines, place{n.line, n.column})
	r.b.WriteString(text)
}

func (r *renderer) value(n *node, lead, tail string) {
	switch n.kind {
	case isObject:
		r.line(n, lead+"{")
		for i, key := range n.keys {
			comma := ","
			if i == len(n.keys)-1 {
				comma = ""
			}
			at := *n.items[i]
			if at.kind != isString { // where its name stands
				at.line, at.column = key.line, key.column
			}
			r.value(&at, quoted(key.text)+": ", comma)
		}
		r.line(n, "}"+tail)
	case isList:
		r.line(n, lead+"[")
		for i, item := range n.items {
			comma := ","
			if i == len(n.items)-1 {
				comma = ""
			}
			r.value(item, "", comma)
		}
		r.line(n, "]"+tail)
	case isString:
		r.line(n, lead+quoted(n.text)+tail)
	case isLiteral:
		text := n.text
		if !json.Valid([]byte(text)) { // YAML has more forms of numbers
			text = quoted(text)
		}
		r.line(n, lead+text+tail)
	default:
		r.line(n, lead+"null"+tail)
	}
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(text)
}
