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
	src          *source
	line, column int32
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

// budget bounds the work of one pipeline; see maxNodes.
type budget struct {
	*faults
	left int
}

// spend takes from the budget, and ends the reading when it is used up.
func (b *budget) spend(place *node, n int) error {
	if b.left < 0 {
		return errTooLarge
	}
	if b.left -= n; b.left < 0 {
		b.add(place, "aliases, references, extends and includes make more than %d values of this document", maxNodes)
		return errTooLarge
	}
	return nil
}

// composer turns the nodes of the YAML library into ours, for one file.
type composer struct {
	*budget
	src  *source
	open map[*yaml.Node]bool // anchors being expanded, to find cycles
}

// errTooLarge ends composing: going on would do the work that it refuses.
var errTooLarge = errors.New("ci: document grows too large")

// compose reads one file into one map. The node is nil, or no map, where the
// budget holds faults.
func compose(b *budget, src *source) (*node, error) {
	c := &composer{budget: b, src: src, open: map[*yaml.Node]bool{}}
	if len(src.text) > MaxSize {
		b.add(&node{src: src}, "the document is %d bytes; the limit is %d", len(src.text), MaxSize)
		return nil, nil
	}
	doc, ok := c.load()
	if !ok {
		return nil, nil
	}
	root, err := c.node(doc.Content[0], 0)
	if err == nil && root != nil && root.kind != mapNode {
		b.add(root, "the document should be a map of keywords and jobs, and is %s", root.kind)
		return nil, nil
	}
	return root, err
}

// load parses exactly one YAML document.
func (c *composer) load() (*yaml.Node, bool) {
	text, nowhere := c.src.text, &node{src: c.src}
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		c.add(nowhere, "%s", err)
		return nil, false
	}
	var doc yaml.Node
	if err := loader.Load(&doc); errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		c.add(nowhere, "the document is empty: write at least one job with a script")
		return nil, false
	} else if err != nil {
		c.addLoadError(err)
		return nil, false
	}
	var more yaml.Node
	switch err := loader.Load(&more); {
	case errors.Is(err, io.EOF):
		return &doc, true
	case err != nil:
		c.addLoadError(err)
	default:
		c.addHint(c.at(&more), "write the values of the inputs into the file, and take spec and --- away",
			"a second YAML document, as after spec:inputs, cannot be read here")
	}
	return nil, false
}

// addLoadError takes the place and the words out of an error of the library.
func (c *composer) addLoadError(err error) {
	text := c.src.text
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		c.add(&node{src: c.src}, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	place := &node{src: c.src, line: int32(min(le.Mark.Line, len(text)+1)), column: int32(le.Mark.Column)}
	if place.line == 0 {
		// The byte reader knows an offset only.
		before := text[:min(max(le.Mark.Index, 0), len(text))]
		place.line = int32(bytes.Count(before, []byte("\n")) + 1)
		place.column = int32(len(before) - bytes.LastIndexByte(before, '\n'))
	}
	message := strings.TrimPrefix(le.Message, "yaml: ")
	if le.ContextMsg != "" {
		message = le.ContextMsg + ": " + message
	}
	hint := ""
	if strings.Contains(message, "cannot start any token") &&
		strings.HasPrefix(strings.TrimLeft(c.src.line(int(place.line)), " "), "\t") {
		hint = "a tab cannot indent; use spaces"
	}
	c.addHint(place, hint, "not valid YAML: %s", message)
}

// at gives the place of a YAML node.
func (c *composer) at(n *yaml.Node) *node {
	return &node{src: c.src, line: int32(n.Line), column: int32(n.Column)}
}

// node converts one YAML node. A nil result stands for a fault already told.
// The error is errTooLarge or nil.
func (c *composer) node(y *yaml.Node, depth int) (*node, error) {
	place := c.at(y)
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
	n := c.at(y)
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
	n := c.at(y)
	n.kind = referenceNode
	if y.Kind == yaml.SequenceNode {
		for _, item := range y.Content {
			if item.Kind != yaml.ScalarNode {
				n.items = nil
				break
			}
			word := c.at(item)
			word.kind, word.text = stringNode, item.Value
			n.items = append(n.items, word)
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
	n := c.at(y)
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
				c.add(c.at(k), "<< stands twice in one map; write << : [*first, *second]")
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
			c.add(c.at(k), "the key %q stands twice in one map", name)
			continue
		}
		written[name] = true
		if v == nil {
			continue
		}
		e := entry{key: name, at: c.at(k), value: v}
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
		c.add(c.at(k), "the key of a map should be a string")
		return "", false
	}
	quoted := k.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	if kd := plainKind(k.Value); !quoted && kd != stringNode && kd != numberNode {
		// GitLab reads "on:" as the key true.
		c.add(c.at(k), "the key %s is %s in YAML 1.1, as GitLab reads it; quote it", k.Value, kd)
		return "", false
	}
	if strings.ContainsRune(k.Value, 0) {
		c.add(c.at(k), "a key may not hold a NUL character")
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
