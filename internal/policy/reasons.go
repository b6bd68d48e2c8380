package policy

import (
	"slices"
	"strconv"
	"strings"
)

// Reasons is the account of one decision: what every statement wanted and what
// it got. It shares no memory with the documents nor with the request's
// Context.
type Reasons struct {
	Decision
	// Kind says which policies decided, where policies of several kinds were
	// asked (Evaluation.Kind); Decide leaves it out.
	Kind       Kind              `json:"kind,omitempty"`
	Statements []StatementReason `json:"statements"`
}

// StatementReason tells of one statement.
type StatementReason struct {
	// Document and Statement are indices from 0. Statement is -1 for a document
	// that could not be read.
	Document  int `json:"document"`
	Statement int `json:"statement"`
	// Kind is that of the list of Policies in which the document stands; Decide
	// leaves it out.
	Kind       Kind              `json:"kind,omitempty"`
	Sid        string            `json:"sid,omitempty"`
	Effect     string            `json:"effect"` // Allow or Deny, as written
	Line       int               `json:"line"`   // where the statement begins, from 1
	Matched    bool              `json:"matched"`
	Principal  ElementReason     `json:"principal"`
	Action     ElementReason     `json:"action"`
	Resource   ElementReason     `json:"resource"`
	Conditions []ConditionReason `json:"conditions"`
}

// ElementReason tells of Principal, Action or Resource, or their Not forms. An
// element that the statement does not have is not Present and has Matched.
type ElementReason struct {
	Element string   `json:"element,omitempty"` // as written: Action or NotAction
	Present bool     `json:"present"`
	Matched bool     `json:"matched"`
	Wanted  []string `json:"wanted,omitempty"`
	// Resolved is Wanted with the request's values in place of policy variables.
	// It is empty where there are none. A variable without a value stays as it is
	// written, and its text matches nothing.
	Resolved []string `json:"resolved,omitempty"`
	Got      string   `json:"got,omitempty"`
}

// ConditionReason tells of one operator applied to one key.
type ConditionReason struct {
	Operator    string   `json:"operator"` // as written, with prefix and IfExists
	Key         string   `json:"key"`      // as written
	Wanted      []string `json:"wanted"`
	Resolved    []string `json:"resolved,omitempty"` // as in ElementReason
	Got         []string `json:"got"`                // one empty string is an empty value, not an absent key
	Present     bool     `json:"present"`            // the request carries the key
	Multivalued bool     `json:"multivalued,omitempty"`
	Matched     bool     `json:"matched"`
}

// statement makes room for one statement. Without reasons it returns nil, on
// which the methods of StatementReason do nothing.
func (r *Reasons) statement(document, index int, s *statement) *StatementReason {
	if r == nil {
		return nil
	}
	effect := "Allow"
	if s.deny {
		effect = "Deny"
	}
	absent := ElementReason{Matched: true}
	r.Statements = append(r.Statements, StatementReason{
		Document: document, Statement: index, Sid: s.sid, Effect: effect, Line: s.line,
		Principal: absent, Action: absent, Resource: absent, Conditions: []ConditionReason{},
	})
	return &r.Statements[len(r.Statements)-1]
}

func (s *StatementReason) setPrincipal(e *principalElement, who *Principal, matched bool) {
	if s == nil {
		return
	}
	got := "nobody"
	switch {
	case who.Federated != "":
		got = "Federated " + who.Federated
	case who.Service != "":
		got = "Service " + who.Service
	case who.Anonymous:
		got = "a caller without credentials"
	case who.RoleARN != "":
		got = "AWS " + who.ARN + " of " + who.RoleARN
	case who.ARN != "":
		got = "AWS " + who.ARN
	}
	s.Principal = ElementReason{
		Element: notPrefix(e.not) + "Principal", Present: true, Matched: matched,
		Wanted: slices.Clone(e.written), Got: got,
	}
}

func (s *StatementReason) setAction(e *actionElement, got string, matched bool) {
	if s == nil {
		return
	}
	s.Action = ElementReason{
		Element: notPrefix(e.not) + "Action", Present: true, Matched: matched,
		Wanted: slices.Clone(e.written), Got: got,
	}
}

func (s *StatementReason) setResource(e *resourceElement, r *Request, matched bool) {
	if s == nil {
		return
	}
	s.Resource = ElementReason{
		Element: notPrefix(e.not) + "Resource", Present: true, Matched: matched,
		Wanted: slices.Clone(e.written), Got: r.Resource,
	}
	for i := range e.patterns {
		if e.patterns[i].variables != nil {
			s.Resource.Resolved = resolve(s.Resource.Wanted, func(i int) *template { return e.patterns[i].variables }, r.Context)
			break
		}
	}
}

// resolve puts the values of variables into those texts that have a template.
func resolve(texts []string, templateOf func(int) *template, keys *Context) []string {
	resolved := slices.Clone(texts)
	for i := range resolved {
		if t := templateOf(i); t != nil {
			resolved[i] = t.resolve(keys)
		}
	}
	return resolved
}

func notPrefix(not bool) string {
	if not {
		return "Not"
	}
	return ""
}

func (s *StatementReason) addCondition(c *condition, keys *Context, matched bool) {
	if s == nil {
		return
	}
	got, multi, present := keys.Get(c.key)
	reason := ConditionReason{
		Operator: c.written, Key: c.key, Got: append([]string{}, got...),
		Present: present, Multivalued: multi, Matched: matched,
	}
	variables := false
	for i := range c.values {
		reason.Wanted = append(reason.Wanted, c.values[i].text)
		variables = variables || c.values[i].variables != nil
	}
	if variables {
		reason.Resolved = resolve(reason.Wanted, func(i int) *template { return c.values[i].variables }, keys)
	}
	s.Conditions = append(s.Conditions, reason)
}

func (s *StatementReason) setMatched(matched bool) {
	if s != nil {
		s.Matched = matched
	}
}

// failures counts what did not match: elements, and conditions one by one.
func (s *StatementReason) failures() (elements, conditions int) {
	for _, e := range [...]*ElementReason{&s.Principal, &s.Action, &s.Resource} {
		if !e.Matched {
			elements++
		}
	}
	for i := range s.Conditions {
		if !s.Conditions[i].Matched {
			conditions++
		}
	}
	return elements, conditions
}

// Nearest returns the Allow that came nearest to matching: the one in which the
// fewest elements and conditions failed; among equals the one whose principal,
// action and resource failed least, then the first. It returns nil when no
// Allow failed.
func (r *Reasons) Nearest() *StatementReason {
	var nearest *StatementReason
	var fewest, fewestElements int
	for i := range r.Statements {
		s := &r.Statements[i]
		if s.Matched || s.Effect != "Allow" {
			continue
		}
		elements, conditions := s.failures()
		total := elements + conditions
		if nearest == nil || total < fewest || total == fewest && elements < fewestElements {
			nearest, fewest, fewestElements = s, total, elements
		}
	}
	return nearest
}

// String tells the decision and, for each statement, what did not match, over
// several indented lines. Values are quoted, so that none can forge a line.
func (r *Reasons) String() string {
	var b strings.Builder
	switch r.Effect {
	case Allow:
		b.WriteString("Allow: " + place(r.Document, r.Statement) + " allows it\n")
	case ExplicitDeny:
		b.WriteString("ExplicitDeny: " + place(r.Document, r.Statement) + " denies it\n")
	default:
		by := "statement"
		if r.Kind != 0 {
			by = r.Kind.String()
		}
		b.WriteString("ImplicitDeny: no " + by + " allows it\n")
	}
	for i := range r.Statements {
		r.Statements[i].write(&b)
	}
	return b.String()
}

// place counts from 1, as people do.
func place(document, statement int) string {
	text := "document " + strconv.Itoa(document+1)
	if statement < 0 {
		return text + ", which cannot be read,"
	}
	return text + " statement " + strconv.Itoa(statement+1)
}

// String is the part of Reasons.String that tells of this statement.
func (s *StatementReason) String() string {
	var b strings.Builder
	s.write(&b)
	return b.String()
}

func (s *StatementReason) write(b *strings.Builder) {
	b.WriteString("  " + place(s.Document, s.Statement))
	if s.Statement < 0 {
		b.WriteString(" denies everything\n")
		return
	}
	if s.Sid != "" {
		b.WriteString(" " + strconv.Quote(s.Sid))
	}
	b.WriteString(" (" + s.Effect + ", line " + strconv.Itoa(s.Line))
	if s.Kind != 0 {
		b.WriteString(" of the " + s.Kind.String())
	}
	b.WriteString(")")
	if s.Matched {
		b.WriteString(" matches\n")
	} else {
		b.WriteString(" does not match\n")
	}
	for _, e := range [...]*ElementReason{&s.Principal, &s.Action, &s.Resource} {
		if !e.Matched {
			b.WriteString("    " + e.Element + "\n")
			writeLine(b, "wanted", quoteAll(e.Wanted))
			writeResolved(b, e.Resolved)
			writeLine(b, "got", strconv.Quote(e.Got))
		}
	}
	for i := range s.Conditions {
		s.Conditions[i].write(b)
	}
}

// write tells of a condition that failed. One that matched is told only when
// there is a hint about it.
func (c *ConditionReason) write(b *strings.Builder) {
	hint := c.Hint()
	if c.Matched && hint == "" {
		return
	}
	b.WriteString("    Condition " + strconv.Quote(c.Operator) + " " + strconv.Quote(c.Key))
	if c.Matched {
		b.WriteString(" matches")
	}
	b.WriteString("\n")
	writeLine(b, "wanted", quoteAll(c.Wanted))
	writeResolved(b, c.Resolved)
	switch {
	case !c.Present:
		writeLine(b, "got", "absent")
	case len(c.Got) == 0:
		writeLine(b, "got", "present, without a value")
	default:
		writeLine(b, "got", quoteAll(c.Got))
	}
	if hint != "" {
		writeLine(b, "hint", hint)
	}
}

// writeResolved stands under what is wanted.
func writeResolved(b *strings.Builder, resolved []string) {
	if len(resolved) > 0 {
		writeLine(b, "which is", quoteAll(resolved))
	}
}

func writeLine(b *strings.Builder, label, text string) {
	b.WriteString("      " + label + strings.Repeat(" ", max(1, len("wanted ")-len(label))) + text + "\n")
}

func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	return strings.Join(quoted, ", ")
}
