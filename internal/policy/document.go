package policy

import "fmt"

// Document is a policy that was read whole. It never changes and may be used by
// many goroutines at once. The zero Document is one that was not read: Decide
// takes it, like a nil *Document, for an explicit deny.
type Document struct {
	kind       Kind
	text       string
	statements []statement
	index      *index // nil where looking at every statement costs less
}

// Kind is the kind that the document was parsed as.
func (d *Document) Kind() Kind {
	if d == nil {
		return 0
	}
	return d.kind
}

// String is the text that was parsed, byte for byte.
func (d *Document) String() string {
	if d == nil {
		return ""
	}
	return d.text
}

// grammar is what one kind of policy asks for beyond the language that all
// kinds share, with AWS's sentence for each fault.
type grammar struct {
	kind Kind
	// idAllowed says whether the document may have the element Id.
	idAllowed bool
	// principal and resource say whether a statement names these.
	principal, resource bool
	// notAction and notPrincipal say whether these may stand for Action and
	// Principal.
	notAction, notPrincipal bool
	// public says whether "*" as principal covers callers without credentials.
	public bool
	// anyLiteral says whether numbers, dates, IP addresses and ARNs in conditions
	// go unchecked: STS takes such a session policy, and the value then matches
	// nothing, while IAM refuses to store it (published captures of AWS, 2026).
	anyLiteral bool

	invalidJSON string
	badVersion  string
	noStatement string
	badSid      string
	sameSid     string
	// missing and prohibited return the sentence for an element.
	missing    func(element string) string
	prohibited func(element string) string
	// badResource returns the sentence for a Resource that is no ARN.
	badResource func(resource string) string
	// resourceForm returns the sentence for a resource that is no ARN of this
	// kind's, and the detail; nil where badResource is the only one.
	resourceForm func(text string) (message, detail string)
	// precedence orders sentences where a document has several faults; 0 is told
	// at once. Where it is nil, the first in the document is told.
	precedence func(message string) int
	// managed says that the document is of a managed policy, which has the newer
	// version of the language.
	managed bool
	// admitAction checks one action pattern. It returns AWS's sentence and the
	// detail of what is wrong, or two empty strings.
	admitAction func(pattern string) (message, detail string)
}

func grammarOf(kind Kind) (*grammar, bool) {
	switch kind {
	case Identity, Session, Boundary:
		return identityGrammar(kind), true
	case Trust:
		return trustGrammar(), true
	case Resource:
		return resourceGrammar(), true
	default:
		return nil, false
	}
}

// Parse reads a policy document of one kind: at most 131,072 bytes, nested at
// most 32 deep. Its error is always a *SyntaxError.
//
// Source: IAM User Guide, "Grammar of the IAM JSON policy language".
func Parse(kind Kind, text string) (*Document, error) {
	g, ok := grammarOf(kind)
	if !ok {
		return nil, &SyntaxError{
			Message: syntaxErrors, Line: 1, Column: 1,
			Detail: fmt.Sprintf("%v is no kind of policy; ask for policy.Identity or another of its kind", kind),
		}
	}
	return parse(g, text)
}

// ParseManaged is Parse for what somebody makes a version of a managed policy: of
// the kind Identity, and of the version 2012-10-17 (recorded on AWS). What is
// stored is read by Parse.
func ParseManaged(text string) (*Document, error) {
	g := identityGrammar(Identity)
	g.managed = true
	return parse(g, text)
}

func parse(g *grammar, text string) (*Document, error) {
	p := &parser{grammar: g, lines: newLines(text), document: &Document{kind: g.kind, text: text}}
	root, fault := readJSON(text)
	if fault != nil {
		return nil, p.refuse(fault.offset, "", g.invalidJSON, "%s", fault.detail)
	}
	if err := p.readDocument(root); err != nil {
		return nil, err
	}
	if p.fault != nil {
		return nil, p.fault
	}
	p.document.index = newIndex(p.document.statements)
	return p.document, nil
}

// parser reads one document and remembers where it is.
type parser struct {
	*grammar
	lines    *lines
	document *Document

	variables bool // the document's version has policy variables
	number    int  // of the statement being read, from 1; 0 outside
	sid       string
	sids      map[string]bool

	fault *SyntaxError // found so far, of those that are not told at once
	told  int          // its precedence
}

// refuse makes the error for the thing at an offset. It returns nil where a fault
// that is told before this one may still follow; the document is refused then all
// the same.
func (p *parser) refuse(offset int, element, message, detail string, args ...any) error {
	e := &SyntaxError{
		Message: message, Detail: fmt.Sprintf(detail, args...),
		Statement: p.number, Sid: p.sid, Element: element,
	}
	e.Line, e.Column = p.lines.at(offset)
	if p.precedence == nil {
		return e
	}
	precedence := p.precedence(message)
	if precedence == 0 {
		return e
	}
	if p.fault == nil || precedence < p.told {
		p.fault, p.told = e, precedence
	}
	return nil
}

// The versions of the language. A document without Version is of the older
// (IAM User Guide, "IAM JSON policy elements: Version").
const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

func (p *parser) readDocument(root *node) error {
	if root.shape != isObject {
		return p.refuse(root.offset, "", syntaxErrors, "a policy is a JSON object, not %s", root.shape)
	}
	var statements *node
	for i := range root.members {
		m := &root.members[i]
		var err error
		switch m.name {
		case "Version":
			err = p.readVersion(&m.value)
		case "Id":
			err = p.readID(m)
		case "Statement":
			statements = &m.value
		default:
			err = p.refuse(m.offset, m.name, syntaxErrors, "%q is no element of a policy; the elements are %s", m.name, "Version, Id, Statement")
		}
		if err != nil {
			return err
		}
	}
	if statements == nil {
		return p.refuse(root.offset, "Statement", p.noStatement, "the policy has no Statement; add one")
	}
	if p.managed && !p.variables {
		if err := p.refuse(root.offset, "Version", oldVersion, "the version of a managed policy is %q; write \"Version\": %q", version2012, version2012); err != nil {
			return err
		}
	}
	return p.readStatements(statements)
}

func (p *parser) readVersion(n *node) error {
	if n.shape != isString || n.text != version2008 && n.text != version2012 {
		return p.refuse(n.offset, "Version", p.badVersion, "the version is not %q; write that, it names the policy language and is not a date of yours", version2012)
	}
	p.variables = n.text == version2012
	return nil
}

func (p *parser) readID(m *member) error {
	if !p.idAllowed {
		return p.refuse(m.offset, "Id", syntaxErrors, "%s has no Id; remove it", p.kind.noun())
	}
	if m.value.shape != isString {
		return p.refuse(m.value.offset, "Id", syntaxErrors, "Id is a string, not %s", m.value.shape)
	}
	return nil
}

func (p *parser) readStatements(n *node) error {
	list := []node{*n}
	switch n.shape {
	case isObject:
	case isArray:
		list = n.items
	default:
		return p.refuse(n.offset, "Statement", syntaxErrors, "Statement is an object or a list of objects, not %s", n.shape)
	}
	if len(list) == 0 {
		return p.refuse(n.offset, "Statement", p.noStatement, "the policy has an empty Statement; add one")
	}
	p.sids = make(map[string]bool, len(list))
	p.document.statements = make([]statement, len(list))
	for i := range list {
		p.number, p.sid = i+1, ""
		if err := p.readStatement(&list[i], &p.document.statements[i]); err != nil {
			return err
		}
	}
	return nil
}

// stringAt is a string of the document and its place.
type stringAt struct {
	text   string
	offset int
}

// readStrings reads one string or a list of strings, which may be empty.
func (p *parser) readStrings(n *node, element string) ([]stringAt, error) {
	list := []node{*n}
	if n.shape == isArray {
		list = n.items
	}
	texts := make([]stringAt, len(list))
	for i := range list {
		if list[i].shape != isString {
			return nil, p.refuse(list[i].offset, element, syntaxErrors, "%s is a string or a list of strings, and holds %s", element, list[i].shape)
		}
		texts[i] = stringAt{list[i].text, list[i].offset}
	}
	return texts, nil
}
