package policy

import (
	"cmp"
	"slices"
	"strings"
)

// index finds the statements of a long document that can match a request. Each
// statement stands in one place only: in always, or in one of the others under
// the beginnings of text that it needs there. A statement that does not stand
// where the request leads cannot match it.
type index struct {
	always    []int32
	resources prefixes
	actions   prefixes
	keys      []keyIndex
}

// keyIndex holds statements with a condition on key.
type keyIndex struct {
	key      string
	prefixes prefixes
}

// indexed is the number of statements from which on an index pays.
const indexed = 8

// gate is one thing without which a statement cannot match: that a text of the
// request begins with one of the prefixes. No prefix begins another.
type gate struct {
	kind     gateKind
	key      string // of a condition, by lowerKey
	prefixes []string
}

type gateKind uint8

const (
	byResource gateKind = iota
	byAction
	byKey
)

// newIndex returns nil for a document that is better read from end to end.
func newIndex(statements []statement) *index {
	if len(statements) < indexed {
		return nil
	}
	gates := make([][]gate, len(statements))
	crowd := crowds{}
	for i := range statements {
		gates[i] = statements[i].gates()
		crowd.add(gates[i])
	}
	x := &index{actions: prefixes{fold: true}}
	for i := range gates {
		x.put(int32(i), crowd.smallest(gates[i], len(statements)))
	}
	x.resources.sort()
	x.actions.sort()
	for i := range x.keys {
		x.keys[i].prefixes.sort()
	}
	return x
}

// crowds counts the statements that share a prefix, and those that share a key.
type crowds map[crowd]int

type crowd struct {
	kind        gateKind
	key, prefix string
}

func (c crowds) add(gates []gate) {
	for _, g := range gates {
		for _, prefix := range g.prefixes {
			c[crowd{g.kind, g.key, prefix}]++
		}
		if g.kind == byKey {
			c[crowd{kind: byKey, key: g.key}]++
		}
	}
}

// keyShare is how many of a document's statements, one in so many, must name a
// key in a condition for it to be looked up in each request.
const keyShare = 16

// smallest returns the gate that fewest others stand at, nil if there is none.
func (c crowds) smallest(gates []gate, statements int) *gate {
	var best *gate
	var fewest int
	for i := range gates {
		g := &gates[i]
		if g.kind == byKey && c[crowd{kind: byKey, key: g.key}]*keyShare < statements {
			continue
		}
		total := 0
		for _, prefix := range g.prefixes {
			total += c[crowd{g.kind, g.key, prefix}]
		}
		if best == nil || total < fewest {
			best, fewest = g, total
		}
	}
	return best
}

func (x *index) put(statement int32, g *gate) {
	switch {
	case g == nil:
		x.always = append(x.always, statement)
	case g.kind == byResource:
		x.resources.put(statement, g.prefixes)
	case g.kind == byAction:
		x.actions.put(statement, g.prefixes)
	default:
		i := slices.IndexFunc(x.keys, func(k keyIndex) bool { return k.key == g.key })
		if i < 0 {
			i = len(x.keys)
			x.keys = append(x.keys, keyIndex{key: g.key})
		}
		x.keys[i].prefixes.put(statement, g.prefixes)
	}
}

// visit calls found for every statement that can match, in no order. It may do
// so more than once, where a key has several values.
func (x *index) visit(r *Request, found func(int32)) {
	for _, statement := range x.always {
		found(statement)
	}
	x.resources.visit(r.Resource, found)
	x.actions.visit(r.Action, found)
	for i := range x.keys {
		values, _, _ := r.Context.Get(x.keys[i].key)
		for _, value := range values {
			x.keys[i].prefixes.visit(value, found)
		}
	}
}

// gates lists what the statement cannot match without.
func (s *statement) gates() []gate {
	var gates []gate
	add := func(kind gateKind, key string, texts []string) {
		if texts = shortest(texts); len(texts) > 0 {
			gates = append(gates, gate{kind, key, texts})
		}
	}
	if s.resource != nil && !s.resource.not {
		add(byResource, "", s.resource.prefixes())
	}
	if !s.action.not {
		add(byAction, "", s.action.prefixes())
	}
	for i := range s.conditions {
		if c := &s.conditions[i]; c.needsPrefix() {
			add(byKey, lowerKey(c.key), c.prefixes())
		}
	}
	return gates
}

// lowerKey gives keys that Context takes for one the same spelling. It leaves
// all but ASCII letters as they are, because Context does: a key in a spelling
// that Context does not know would not be found, and its Deny passed over.
func lowerKey(key string) string {
	lower := []byte(key)
	for i, b := range lower {
		lower[i] = lowerASCII(b)
	}
	return string(lower)
}

// shortest leaves out texts that begin with another of them. It returns nil if
// one is empty, with which every text begins.
func shortest(texts []string) []string {
	slices.Sort(texts)
	var kept []string
	for _, text := range texts {
		if text == "" {
			return nil
		}
		if n := len(kept); n == 0 || !strings.HasPrefix(text, kept[n-1]) {
			kept = append(kept, text)
		}
	}
	return kept
}

func (e *resourceElement) prefixes() []string {
	texts := make([]string, len(e.patterns))
	for i := range e.patterns {
		if p := &e.patterns[i]; p.variables != nil {
			texts[i] = p.variables.literalPrefix()
		} else {
			texts[i] = literalPrefix(p.glob.text)
		}
	}
	return texts
}

// prefixes are in lower case.
func (e *actionElement) prefixes() []string {
	texts := make([]string, len(e.patterns))
	for i := range e.patterns {
		if p := &e.patterns[i]; !p.any {
			texts[i] = strings.ToLower(p.vendor) + ":" + literalPrefix(p.name.text)
		}
	}
	return texts
}

// needsPrefix says whether the condition holds only for a key that is present
// with a value that begins as one of those wanted.
func (c *condition) needsPrefix() bool {
	op := &c.operator
	return !op.negated && !op.ifExists && op.set != forAllValues &&
		(op.test == stringEquals || op.test == stringLike || op.test == arnLike)
}

func (c *condition) prefixes() []string {
	texts := make([]string, len(c.values))
	for i := range c.values {
		v := &c.values[i]
		switch {
		case c.operator.test == arnLike && (v.variables != nil || v.arn == nil):
			// It may be no ARN, and then a Deny applies whatever the value: "".
		case v.variables != nil:
			texts[i] = v.variables.literalPrefix()
		case c.operator.test == stringEquals:
			texts[i] = v.plain
		case c.operator.test == stringLike:
			texts[i] = literalPrefix(v.glob.text)
		default:
			texts[i] = arnPrefix(v.arn)
		}
	}
	return texts
}

// arnPrefix is what every ARN that fits the parts begins with.
func arnPrefix(parts *[6]glob) string {
	var b strings.Builder
	for i := range parts {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(literalPrefix(parts[i].text))
		if parts[i].shape != globExact {
			break
		}
	}
	return b.String()
}

// prefixes finds all statements that stand under a beginning of a text.
type prefixes struct {
	fold    bool // the case of ASCII letters does not count; texts are in lower case
	entries []prefixEntry
}

type prefixEntry struct {
	text string
	// parent is the entry with the longest other text that this one begins with,
	// -1 if there is none.
	parent     int32
	statements []int32
}

func (p *prefixes) put(statement int32, texts []string) {
	for _, text := range texts {
		p.entries = append(p.entries, prefixEntry{text: text, statements: []int32{statement}})
	}
}

// sort orders the entries, joins those with the same text, and finds parents.
func (p *prefixes) sort() {
	slices.SortStableFunc(p.entries, func(a, b prefixEntry) int { return cmp.Compare(a.text, b.text) })
	joined := p.entries[:0]
	for _, entry := range p.entries {
		if n := len(joined); n > 0 && joined[n-1].text == entry.text {
			joined[n-1].statements = append(joined[n-1].statements, entry.statements...)
			continue
		}
		// In this order the parent is the entry before, or one of its ancestors.
		entry.parent = int32(len(joined)) - 1
		for entry.parent >= 0 && !strings.HasPrefix(entry.text, joined[entry.parent].text) {
			entry.parent = joined[entry.parent].parent
		}
		joined = append(joined, entry)
	}
	p.entries = slices.Clip(joined)
}

// visit finds the last entry that is not after value. All entries that value
// begins with are that one or its ancestors.
func (p *prefixes) visit(value string, found func(int32)) {
	low, high := 0, len(p.entries)
	for low < high {
		middle := (low + high) / 2
		if p.compare(p.entries[middle].text, value) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	for i := int32(low) - 1; i >= 0; i = p.entries[i].parent {
		if entry := &p.entries[i]; p.begins(value, entry.text) {
			for _, statement := range entry.statements {
				found(statement)
			}
		}
	}
}

func (p *prefixes) compare(text, value string) int {
	if !p.fold {
		return strings.Compare(text, value)
	}
	for i := range min(len(text), len(value)) {
		if a, b := text[i], lowerASCII(value[i]); a != b {
			return int(a) - int(b)
		}
	}
	return len(text) - len(value)
}

func (p *prefixes) begins(value, text string) bool {
	if !p.fold {
		return strings.HasPrefix(value, text)
	}
	return len(value) >= len(text) && equalASCIIFold(value[:len(text)], text)
}
