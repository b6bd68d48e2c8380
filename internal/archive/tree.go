package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxDepth is how deep JSON may be nested: a policy document may be 32 deep, in
// a file of details 6 deeper.
const maxDepth = 64

// node is a JSON value with its place.
type node struct {
	line    int
	text    string // of a string
	names   []string
	members []*node // of an object, beside names, or of a list
}

// member finds a member of an object or, by its number from 0, of a list.
func (n *node) member(name string) *node {
	if n == nil {
		return nil
	}
	i := slices.Index(n.names, name)
	if n.names == nil {
		var err error
		if i, err = strconv.Atoi(name); err != nil {
			return nil
		}
	}
	if i < 0 || i >= len(n.members) {
		return nil
	}
	return n.members[i]
}

// lineAt gives the line of what a path of members leads to, as far as it goes.
func (n *node) lineAt(path string) int {
	for name := range strings.SplitSeq(path, "/") {
		next := n.member(name)
		if next == nil {
			break
		}
		n = next
	}
	if n == nil {
		return 1
	}
	return n.line
}

// lineError is something wrong at a line.
type lineError struct {
	line    int
	message string
}

// Error implements error.
func (e *lineError) Error() string { return e.message }

// parser reads JSON with the places of its values.
type parser struct {
	text    []byte
	d       *json.Decoder
	counted int // bytes of which the lines are counted
	line    int
}

// parseTree reads one JSON value. A name that an object has twice is an error:
// one of the two would be lost.
func parseTree(text []byte) (*node, error) {
	p := &parser{text: text, d: json.NewDecoder(bytes.NewReader(text)), line: 1}
	if !utf8.Valid(text) {
		return nil, &lineError{1, "the file is not UTF-8"}
	}
	p.d.UseNumber()
	n, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := p.d.Token(); !errors.Is(err, io.EOF) {
		return nil, &lineError{p.now(), "there is more behind the JSON value"}
	}
	return n, nil
}

// now is the line that the decoder has come to.
func (p *parser) now() int {
	at := int(p.d.InputOffset())
	p.line += bytes.Count(p.text[p.counted:at], []byte{'\n'})
	p.counted = at
	return p.line
}

// token reads the next token.
func (p *parser) token() (json.Token, error) {
	token, err := p.d.Token()
	if err == nil {
		return token, nil
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at := min(int(syntax.Offset), len(p.text))
		return nil, &lineError{1 + bytes.Count(p.text[:max(at-1, 0)], []byte{'\n'}), err.Error()}
	}
	return nil, &lineError{1 + bytes.Count(p.text, []byte{'\n'}), "the JSON ends before it is complete"}
}

func (p *parser) value(depth int) (*node, error) {
	token, err := p.token()
	if err != nil {
		return nil, err
	}
	n := &node{line: p.now()}
	delim, ok := token.(json.Delim)
	if !ok {
		n.text, _ = token.(string)
		return n, nil
	}
	if depth == maxDepth {
		return nil, &lineError{n.line, fmt.Sprintf("the JSON is nested more than %d deep", maxDepth)}
	}
	if delim == '{' {
		n.names = []string{}
	}
	for p.d.More() {
		if delim == '{' {
			name, err := p.token()
			if err != nil {
				return nil, err
			}
			text, _ := name.(string)
			if slices.Contains(n.names, text) {
				return nil, &lineError{p.now(), fmt.Sprintf("%q is there twice", text)}
			}
			n.names = append(n.names, text)
		}
		member, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, member)
	}
	_, err = p.token()
	return n, err
}

// decode reads JSON into a record and gives its tree. Unknown says what a member
// is that the record does not have.
func decode(text []byte, record any, unknown func(line int, path string)) (*node, error) {
	n, err := parseTree(text)
	if err != nil {
		return nil, err
	}
	if err := compare(n, reflect.TypeOf(record).Elem(), "", unknown); err != nil {
		return nil, err
	}
	err = json.Unmarshal(text, record)
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) {
		at := min(int(mistyped.Offset), len(text))
		return nil, &lineError{1 + bytes.Count(text[:at], []byte{'\n'}), fmt.Sprintf("%s cannot be a JSON %s", mistyped.Field, mistyped.Value)}
	}
	if err != nil {
		return nil, &lineError{n.line, err.Error()}
	}
	return n, nil
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// compare walks a tree beside the type that it is to become. It finds members
// that the type lacks, by their exact names, and times that are none.
func compare(n *node, t reflect.Type, path string, unknown func(line int, path string)) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if timeType := reflect.TypeFor[time.Time](); t == timeType || t.Kind() == reflect.Struct && t.NumField() == 1 && t.Field(0).Type == timeType {
		if _, err := time.Parse(time.RFC3339, n.text); err != nil {
			return &lineError{n.line, fmt.Sprintf("%s: %q is no time such as 2026-01-31T12:00:00Z", path, n.text)}
		}
		return nil
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		for i, name := range n.names {
			field, ok := fieldOf(t, name)
			if !ok {
				unknown(n.members[i].line, strings.TrimPrefix(path+"."+name, "."))
				continue
			}
			if err := compare(n.members[i], field, strings.TrimPrefix(path+"."+name, "."), unknown); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i, member := range n.members {
			if err := compare(member, t.Elem(), path+"."+strconv.Itoa(i), unknown); err != nil {
				return err
			}
		}
	}
	return nil
}

// fieldOf finds the field of a struct that a member of that name is read into.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" {
			if found, ok := fieldOf(f.Type, name); ok {
				return found, true
			}
			continue
		}
		if tag == name || tag == "" && f.Name == name {
			return f.Type, true
		}
	}
	return nil, false
}

// readFile reads a file of at most max bytes. Links are followed within the root
// only; what is no file is refused without being opened.
func readFile(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("archive: %s is no file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("archive: read %s: %w", name, err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("archive: %s has more than %d bytes", name, limit)
	}
	return text, nil
}
