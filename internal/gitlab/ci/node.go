package ci

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// MaxSize is the largest document that Parse takes, in bytes: 1 MiB, GitLab's
// own limit for one file (GitLab Docs, "Application limits", "Maximum size and
// depth of CI/CD configuration YAML files").
const MaxSize = 1 << 20

// maxNodes bounds the work that a small text can ask for by aliases,
// !reference and extends, all of which multiply what they name.
const maxNodes = 200_000

// maxRead bounds how many script items and variables all jobs together may
// have, since each job has those of default and of the whole file as well.
const maxRead = 1_000_000

// maxNesting bounds how deep maps and arrays may stand in each other. GitLab
// allows 100 (ci_max_total_yaml_depth, same page).
const maxNesting = 100

// kind says what a node is, with the types that GitLab's YAML 1.1 reader
// (Ruby's Psych) gives to plain scalars.
type kind int

const (
	nullNode kind = iota
	stringNode
	boolNode
	numberNode // integer or float; the written text is kept
	otherNode  // date, symbol: types that GitLab does not accept anywhere
	sequenceNode
	mapNode
	referenceNode // !reference [a, b], not yet resolved
)

// node is one value of the document, with aliases and merge keys applied.
// Nodes are never changed once built, so they may be shared.
type node struct {
	kind         kind
	text         string // scalars
	items        []*node
	entries      []entry // maps, in file order; keys are unique
	line, column int
}

// entry is one key of a map and its value.
type entry struct {
	key   string
	at    *node // the key, for its place
	value *node
}

// get returns the entry of a map, and false where there is none. A nil node has
// no entries.
func (n *node) get(key string) (entry, bool) {
	if n == nil {
		return entry{}, false
	}
	for _, e := range n.entries {
		if e.key == key {
			return e, true
		}
	}
	return entry{}, false
}

// composer turns the nodes of the YAML library into ours.
type composer struct {
	*faults
	budget int
	open   map[*yaml.Node]bool // anchors being expanded, to find cycles
	index  map[*node]map[string]int
}

// find is get for maps that may be large and are asked often.
func (c *composer) find(n *node, key string) (entry, bool) {
	if len(n.entries) < 16 {
		return n.get(key)
	}
	if c.index[n] == nil {
		c.index[n] = make(map[string]int, len(n.entries))
		for i, e := range n.entries {
			c.index[n][e.key] = i
		}
	}
	i, ok := c.index[n][key]
	if !ok {
		return entry{}, false
	}
	return n.entries[i], true
}

// errTooLarge ends composing: going on would do the work that it refuses.
var errTooLarge = errors.New("ci: document grows too large")

// compose reads the text into one map. Without an error the map is there, unless
// f holds faults.
func compose(f *faults, text []byte) (*node, *composer, error) {
	if len(text) > MaxSize {
		f.add(nil, "the document is %d bytes; the limit is %d", len(text), MaxSize)
		return nil, nil, nil
	}
	doc, ok := load(f, text)
	if !ok {
		return nil, nil, nil
	}
	c := &composer{faults: f, budget: maxNodes, open: map[*yaml.Node]bool{}, index: map[*node]map[string]int{}}
	root, err := c.node(doc.Content[0], 0)
	if err == nil && root != nil && root.kind != mapNode {
		f.add(root, "the document should be a map of keywords and jobs, and is %s", root.kind)
	}
	return root, c, err
}

// load parses exactly one YAML document.
func load(f *faults, text []byte) (*yaml.Node, bool) {
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		f.add(nil, "%s", err)
		return nil, false
	}
	var doc yaml.Node
	if err := loader.Load(&doc); errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		f.add(nil, "the document is empty: write at least one job with a script")
		return nil, false
	} else if err != nil {
		addLoadError(f, text, err)
		return nil, false
	}
	var more yaml.Node
	switch err := loader.Load(&more); {
	case errors.Is(err, io.EOF):
		return &doc, true
	case err != nil:
		addLoadError(f, text, err)
	default:
		f.add(at(&more), "a second YAML document (spec:inputs before ---) is not supported yet")
	}
	return nil, false
}

// addLoadError takes the place and the words out of an error of the library.
func addLoadError(f *faults, text []byte, err error) {
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		f.add(nil, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	place := &node{line: le.Mark.Line, column: le.Mark.Column}
	if place.line == 0 {
		// The byte reader knows an offset only.
		before := text[:min(max(le.Mark.Index, 0), len(text))]
		place.line = bytes.Count(before, []byte("\n")) + 1
		place.column = len(before) - bytes.LastIndexByte(before, '\n')
	}
	message := strings.TrimPrefix(le.Message, "yaml: ")
	if le.ContextMsg != "" {
		message = le.ContextMsg + ": " + message
	}
	lines := bytes.SplitN(text, []byte("\n"), place.line+1)
	if strings.Contains(message, "cannot start any token") && place.line <= len(lines) &&
		bytes.HasPrefix(bytes.TrimLeft(lines[place.line-1], " "), []byte("\t")) {
		message += " (a tab cannot indent; use spaces)"
	}
	f.add(place, "not valid YAML: %s", message)
}

// at gives the place of a YAML node.
func at(n *yaml.Node) *node { return &node{line: n.Line, column: n.Column} }

// spend takes from the budget, and ends the reading when it is used up.
func (c *composer) spend(place *node, n int) error {
	if c.budget < 0 {
		return errTooLarge
	}
	if c.budget -= n; c.budget < 0 {
		c.add(place, "aliases, references and extends make more than %d values of this document", maxNodes)
		return errTooLarge
	}
	return nil
}

// node converts one YAML node. A nil result stands for a fault already told.
// The error is errTooLarge or nil.
func (c *composer) node(y *yaml.Node, depth int) (*node, error) {
	place := at(y)
	if err := c.spend(place, 1); err != nil {
		return nil, err
	}
	if depth > maxNesting {
		c.add(place, "maps and arrays stand more than %d deep in each other", maxNesting)
		return nil, errTooLarge
	}
	if y.Kind == yaml.AliasNode {
		if c.open[y.Alias] {
			c.add(place, "the alias *%s stands inside of its own anchor", y.Value)
			return nil, nil
		}
		c.open[y.Alias] = true
		defer delete(c.open, y.Alias)
		return c.node(y.Alias, depth+1)
	}
	tagged := y.Style&yaml.TaggedStyle != 0
	switch {
	case tagged && y.Tag == "!reference":
		return c.reference(y)
	case tagged && (y.Tag != "!!str" || y.Kind != yaml.ScalarNode):
		c.add(place, "the tag %s is not supported; only !reference is", y.Tag)
		return nil, nil
	case y.Kind == yaml.SequenceNode:
		return c.sequence(y, depth)
	case y.Kind == yaml.MappingNode:
		return c.mapping(y, depth)
	case y.Kind == yaml.ScalarNode:
		place.text, place.kind = y.Value, stringNode
		if y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 && !tagged {
			place.kind = plainKind(y.Value)
		}
		if strings.ContainsRune(place.text, 0) {
			c.add(place, "a value may not hold a NUL character: no shell can take it")
			return nil, nil
		}
		return place, nil
	}
	c.add(place, "not a value that this reader knows")
	return nil, nil
}

func (c *composer) sequence(y *yaml.Node, depth int) (*node, error) {
	n := at(y)
	n.kind = sequenceNode
	for _, item := range y.Content {
		v, err := c.node(item, depth+1)
		if err != nil {
			return nil, err
		}
		if v != nil {
			n.items = append(n.items, v)
		}
	}
	return n, nil
}

// reference keeps the path of a !reference; resolver replaces it later, since
// it may name what stands further down.
func (c *composer) reference(y *yaml.Node) (*node, error) {
	n := at(y)
	n.kind = referenceNode
	if y.Kind == yaml.SequenceNode {
		for _, item := range y.Content {
			if item.Kind != yaml.ScalarNode {
				n.items = nil
				break
			}
			n.items = append(n.items, &node{kind: stringNode, text: item.Value, line: item.Line, column: item.Column})
		}
	}
	if len(n.items) == 0 {
		c.add(n, "!reference should name a place, as in !reference [job, script]")
		return nil, nil
	}
	return n, c.spend(n, len(n.items))
}

// mapping converts a map and applies its merge key.
func (c *composer) mapping(y *yaml.Node, depth int) (*node, error) {
	n := at(y)
	n.kind = mapNode
	place := map[string]int{}
	written := map[string]bool{} // keys of the text, as opposed to merged ones
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		v, err := c.node(y.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if k.Kind == yaml.ScalarNode && k.Tag == "!!merge" {
			if written["<<"] {
				c.add(at(k), "<< stands twice in one map; write << : [*first, *second]")
			}
			written["<<"] = true
			if v != nil {
				if err := c.merge(n, v, place, written); err != nil {
					return nil, err
				}
			}
			continue
		}
		name, ok := c.key(k)
		if !ok {
			continue
		}
		if written[name] {
			c.add(at(k), "the key %q stands twice in one map", name)
			continue
		}
		written[name] = true
		if v == nil {
			continue
		}
		e := entry{key: name, at: at(k), value: v}
		if i, merged := place[name]; merged {
			n.entries[i] = e
			continue
		}
		place[name] = len(n.entries)
		n.entries = append(n.entries, e)
	}
	return n, nil
}

// key reads the name of a map entry.
func (c *composer) key(k *yaml.Node) (string, bool) {
	if k.Kind == yaml.AliasNode {
		k = k.Alias
	}
	if k.Kind != yaml.ScalarNode {
		c.add(at(k), "the key of a map should be a string")
		return "", false
	}
	quoted := k.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	if kd := plainKind(k.Value); !quoted && kd != stringNode && kd != numberNode {
		// GitLab reads "on:" as the key true.
		c.add(at(k), "the key %s is %s in YAML 1.1, as GitLab reads it; quote it", k.Value, kd)
		return "", false
	}
	if strings.ContainsRune(k.Value, 0) {
		c.add(at(k), "a key may not hold a NUL character")
		return "", false
	}
	return k.Value, true
}

// merge applies the value of a merge key: a map, or an array of maps of which
// the first one that has a key wins (YAML 1.1, "Merge Key").
func (c *composer) merge(n, v *node, place map[string]int, written map[string]bool) error {
	maps := []*node{v}
	if v.kind == sequenceNode {
		maps = v.items
	}
	taken := map[string]bool{}
	for _, m := range maps {
		if m.kind != mapNode {
			c.add(m, "<< should name a map, and names %s", m.kind)
			continue
		}
		if err := c.spend(m, len(m.entries)); err != nil {
			return err
		}
		for _, e := range m.entries {
			if written[e.key] {
				// Psych lets the merge win here, other readers the written key.
				c.add(m, "<< comes after the key %q, which it sets as well: "+
					"GitLab takes the merged value, other YAML readers the written one; put << first", e.key)
				continue
			}
			if taken[e.key] {
				continue
			}
			taken[e.key] = true
			place[e.key] = len(n.entries)
			n.entries = append(n.entries, e)
		}
	}
	return nil
}

// Psych's rules for plain scalars; the regular expressions are our own reading
// of YAML 1.1's types (yaml.org/type) with Psych's additions of "," in integers
// and of symbols.
var (
	plainBool   = regexp.MustCompile(`^(?i:yes|true|on|no|false|off)$`)
	plainNull   = regexp.MustCompile(`^(~|(?i:null))?$`)
	plainNumber = regexp.MustCompile(`^[-+]?(0b[01_,]+|0x[0-9a-fA-F_,]+|[0-9][0-9_,]*(:[0-5]?[0-9])*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9_]+([eE][-+]?[0-9]+)?|\.(?i:inf))$|^\.(?i:nan)$`)
	plainDate   = regexp.MustCompile(`^\d{4}-\d{1,2}-\d{1,2}($|[Tt\s])`)
	plainSymbol = regexp.MustCompile(`^:[^:\s]`)
)

// plainKind gives the type of an unquoted scalar in YAML 1.1.
func plainKind(s string) kind {
	switch {
	case plainNull.MatchString(s):
		return nullNode
	case plainBool.MatchString(s):
		return boolNode
	case plainNumber.MatchString(s):
		return numberNode
	case plainDate.MatchString(s), plainSymbol.MatchString(s):
		return otherNode
	}
	return stringNode
}

// String names a kind in an error message.
func (k kind) String() string {
	switch k {
	case nullNode:
		return "empty"
	case stringNode:
		return "a string"
	case boolNode:
		return "a boolean"
	case numberNode:
		return "a number"
	case otherNode:
		return "a date or a symbol"
	case sequenceNode:
		return "an array"
	case mapNode:
		return "a map"
	case referenceNode:
		return "a reference"
	}
	return fmt.Sprintf("kind %d", int(k))
}
