package policy

import (
	"encoding/json"
	"strings"
)

// Position is a place in the text of a document. Line and Column count from 1; a
// column is a character, not a byte.
type Position struct{ Line, Column int }

// Span is where a statement stands, as AWS's policy simulator tells it.
type Span struct{ Start, End Position }

// StatementSpans gives the place of each statement, in order. An end is the
// place behind the closing brace. A start is the place behind what comes before
// the statement: the bracket that opens the list, or the closing brace of the
// statement before. A statement that is in no list starts behind its own
// opening brace. A document that was not read has none.
//
// Source: replies of the policy simulator that AWS's API Reference and the aws
// CLI's examples show; for the second statement of a list, published captures
// of AWS, 2025.
func (d *Document) StatementSpans() []Span {
	if d == nil || d.kind == 0 {
		return nil
	}
	w := &spanWalker{decoder: json.NewDecoder(strings.NewReader(d.text)), lines: newLines(d.text)}
	w.next() // the document's brace
	for w.decoder.More() {
		if w.next() != "Statement" {
			w.skip()
			continue
		}
		return w.statements()
	}
	return nil
}

// spanWalker reads a text that is known to be a document. It cannot fail: what
// fails ends the walk.
type spanWalker struct {
	decoder *json.Decoder
	lines   *lines
}

func (w *spanWalker) next() json.Token {
	token, err := w.decoder.Token()
	if err != nil {
		return nil
	}
	return token
}

// skip passes over one value.
func (w *spanWalker) skip() {
	var value json.RawMessage
	_ = w.decoder.Decode(&value) // only a text that is no document fails here
}

// here is the place behind what was read last.
func (w *spanWalker) here() Position {
	line, column := w.lines.at(int(w.decoder.InputOffset()))
	return Position{line, column}
}

func (w *spanWalker) statements() []Span {
	if w.next() == json.Delim('{') {
		start := w.here()
		for w.decoder.More() {
			w.next() // a name
			w.skip()
		}
		w.next() // the closing brace
		return []Span{{start, w.here()}}
	}
	var spans []Span
	start := w.here() // before More, which passes over white space
	for w.decoder.More() {
		w.skip()
		end := w.here()
		spans = append(spans, Span{start, end})
		start = end
	}
	return spans
}

// ContextKeys lists the condition keys that the document reads, in conditions
// and in policy variables, in order of appearance. A key is listed once, as it
// is first written, for the case of its letters does not count.
func (d *Document) ContextKeys() []string {
	if d == nil || d.kind == 0 {
		return nil
	}
	root, fault := readJSON(d.text)
	if fault != nil {
		return nil // not of a document that was parsed
	}
	keys := contextKeys{had: map[string]bool{}}
	for i := range root.members {
		if m := &root.members[i]; m.name == "Version" {
			keys.variables = m.value.text == version2012
		}
	}
	for i := range root.members {
		if m := &root.members[i]; m.name == "Statement" {
			keys.ofStatements(&m.value)
		}
	}
	return keys.list
}

// contextKeys gathers keys.
type contextKeys struct {
	variables bool // the document's version has policy variables
	list      []string
	had       map[string]bool // by lower case
}

func (k *contextKeys) add(key string) {
	if folded := strings.ToLower(key); !k.had[folded] {
		k.had[folded] = true
		k.list = append(k.list, key)
	}
}

func (k *contextKeys) ofStatements(n *node) {
	for i := range n.items {
		k.ofStatements(&n.items[i])
	}
	for i := range n.members {
		switch m := &n.members[i]; m.name {
		case "Resource", "NotResource":
			k.ofText(&m.value)
		case "Condition":
			for j := range m.value.members {
				for l := range m.value.members[j].value.members {
					condition := &m.value.members[j].value.members[l]
					k.add(condition.name)
					k.ofText(&condition.value)
				}
			}
		}
	}
}

// ofText adds the keys of the policy variables in a string or a list of them:
// what stands in ${…} up to a comma. The escapes ${*}, ${?} and ${$} name none
// (IAM User Guide, "IAM policy elements: Variables and tags").
func (k *contextKeys) ofText(n *node) {
	for i := range n.items {
		k.ofText(&n.items[i])
	}
	for text := n.text; k.variables; {
		_, rest, found := strings.Cut(text, "${")
		if !found {
			return
		}
		inside, after, closed := strings.Cut(rest, "}")
		if !closed {
			return
		}
		key, _, _ := strings.Cut(inside, ",")
		if key = strings.TrimSpace(key); strings.Contains(key, ":") {
			k.add(key)
		}
		text = after
	}
}
