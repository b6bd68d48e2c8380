package awsapitest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Shared is the path of recorded data that lies beside the repository, as seen
// from a package two folders deep. Where it is absent the test is skipped, or
// fails if CI is "true".
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{"..", "..", "..", "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not there, and CI must have it: %v", path, err)
		}
		t.Skipf("%s is not there", path)
	}
	return path
}

// ReadShared is the text of a file of Shared.
func ReadShared(t testing.TB, elem ...string) string {
	t.Helper()
	text, err := os.ReadFile(Shared(t, elem...))
	must(t, err)
	return string(text)
}

// ReadSharedJSON reads a file of Shared into a value.
func ReadSharedJSON(t testing.TB, into any, elem ...string) {
	t.Helper()
	must(t, json.Unmarshal([]byte(ReadShared(t, elem...)), into))
}

// Element is an element of a reply. Space is its namespace; Text is "" where it
// holds elements, or nothing but white space. It has no attributes, as those of
// replies.
type Element struct {
	Space, Name, Text string
	Children          []*Element
}

// ParseElement reads a whole document. Text beside elements, attributes,
// comments and instructions are errors: no reply of AWS has them.
func ParseElement(text string) (*Element, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	root := &Element{}
	open := []*Element{root}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		current := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			for _, a := range token.Attr {
				if a.Name.Local != "xmlns" && a.Name.Space != "xmlns" {
					return nil, fmt.Errorf("<%s> has the attribute %s", token.Name.Local, a.Name.Local)
				}
			}
			child := &Element{Space: token.Name.Space, Name: token.Name.Local}
			current.Children = append(current.Children, child)
			open = append(open, child)
		case xml.EndElement:
			open = open[:len(open)-1]
			if strings.TrimSpace(current.Text) == "" {
				current.Text = ""
			} else if len(current.Children) > 0 {
				return nil, fmt.Errorf("<%s> holds text beside elements: %q", current.Name, current.Text)
			}
		case xml.CharData:
			current.Text += string(token)
		default:
			return nil, fmt.Errorf("a %T in a reply", token)
		}
	}
	if len(root.Children) != 1 || strings.TrimSpace(root.Text) != "" {
		return nil, fmt.Errorf("%d elements and the text %q where one element was expected", len(root.Children), root.Text)
	}
	return root.Children[0], nil
}

// MustElement is ParseElement of what must be well-formed.
func MustElement(t testing.TB, text string) *Element {
	t.Helper()
	e, err := ParseElement(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return e
}

// Child is the first child of a name, nil where there is none.
func (e *Element) Child(names ...string) *Element {
	for _, name := range names {
		var found *Element
		for _, child := range e.Children {
			if child.Name == name {
				found = child
				break
			}
		}
		if found == nil {
			return nil
		}
		e = found
	}
	return e
}

// Without is a copy without the children of a name, on any level.
func (e *Element) Without(name string) *Element {
	c := &Element{Space: e.Space, Name: e.Name, Text: e.Text}
	for _, child := range e.Children {
		if child.Name != name {
			c.Children = append(c.Children, child.Without(name))
		}
	}
	return c
}

// Sorted is a copy in which the members of each structure are in order of their
// names. Elements of one name keep their order, and so the members of a list.
func (e *Element) Sorted() *Element {
	c := &Element{Space: e.Space, Name: e.Name, Text: e.Text}
	for _, child := range e.Children {
		c.Children = append(c.Children, child.Sorted())
	}
	slices.SortStableFunc(c.Children, func(a, b *Element) int { return strings.Compare(a.Name, b.Name) })
	return c
}

// SetSpace puts an element and all in it into a namespace.
func (e *Element) SetSpace(namespace string) {
	e.Space = namespace
	for _, child := range e.Children {
		child.SetSpace(namespace)
	}
}
