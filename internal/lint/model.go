package lint

import (
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
)

// trustPolicy is one trust policy: its text with places, and the document by which
// package policy decides.
type trustPolicy struct {
	text       string
	pos        *positions
	root       *node
	duplicates []duplicate
	statements []*statement
	document   *policy.Document
}

// duplicate is a member whose name stands once more in the same object.
type duplicate struct {
	object *node
	index  int // of the member that comes last, which counts
	first  int // of the one that is lost
}

// statement is one statement with places. Index counts from 0, as in document.
type statement struct {
	policy     *trustPolicy
	index      int
	node       *node
	sid        string
	denies     bool
	federated  []value
	aws        []value
	everyone   bool // Principal is "*"
	actions    []value
	notAction  bool
	actionNode *node
	conditions *node // nil where there are none
	conds      []*cond
}

// value is a text with its place.
type value struct {
	text string
	node *node
}

// cond is one operator applied to one key.
type cond struct {
	operator string // as written
	base     string // without prefix and IfExists
	prefix   string // ForAllValues: or ForAnyValue:, or empty
	ifExists bool
	negated  bool
	key      string // as written
	at       member // the operator's
	keyAt    member
	block    *node // the object of the operator's keys
	values   []value
	empty    bool // an empty list of values
}

// narrows reports whether a condition can be met only by a token that has the key,
// with a value of the list.
func (c *cond) narrows() bool {
	return !c.negated && !c.ifExists && c.prefix != "ForAllValues:" && c.base != "Null"
}

// text reports whether the operator compares text.
func (c *cond) isText() bool { return strings.HasPrefix(c.base, "String") }

// like reports whether * and ? are wildcards in the values.
func (c *cond) like() bool { return c.base == "StringLike" || c.base == "StringNotLike" }

// UnreadableError says why a text cannot be examined.
type UnreadableError struct {
	Line, Column int
	Detail       string
}

// Error gives the detail; the place is for whoever knows the file.
func (e *UnreadableError) Error() string { return e.Detail }

// readPolicy reads a trust policy. Its error is an *UnreadableError.
//
// What IAM would refuse, and has a rule of its own here (a name that stands twice,
// all actions, an empty list, a wildcard as provider), is put right for package
// policy alone, so that the rest can be examined; the text stays as it is.
func readPolicy(text string) (*trustPolicy, error) {
	p := &trustPolicy{text: text, pos: newPositions(text)}
	var err error
	if p.root, err = readTree(text); err != nil {
		return nil, &UnreadableError{1, 1, err.Error()}
	}
	if p.root.kind != isObject || p.root.get("Statement") == nil {
		return nil, &UnreadableError{1, 1, "this is no trust policy: it is no object with a Statement"}
	}
	p.findDuplicates(p.root)
	for i, n := range p.root.get("Statement").each() {
		if n.kind != isObject {
			line, column := p.pos.at(n.start)
			return nil, &UnreadableError{line, column, "a statement is an object"}
		}
		p.statements = append(p.statements, p.readStatement(i, n))
	}
	document, err := policy.Parse(policy.Trust, p.repaired())
	if err != nil {
		return nil, p.unreadable(err)
	}
	p.document = document
	return p, nil
}

// unreadable gives package policy's refusal the place that the text itself has.
func (p *trustPolicy) unreadable(repaired error) error {
	_, err := policy.Parse(policy.Trust, p.text)
	if err == nil || len(p.duplicates) > 0 {
		err = repaired
	}
	at := &UnreadableError{Line: 1, Column: 1, Detail: err.Error()}
	if syntax, ok := err.(*policy.SyntaxError); ok { //nolint:errorlint // Parse wraps nothing
		at.Line, at.Column, at.Detail = syntax.Line, syntax.Column, syntax.Detail
	}
	return at
}

func (p *trustPolicy) findDuplicates(n *node) {
	for i := range n.members {
		for j := range i {
			if n.members[j].name == n.members[i].name {
				p.duplicates = append(p.duplicates, duplicate{n, i, j})
				break
			}
		}
		p.findDuplicates(n.members[i].value)
	}
	for _, item := range n.items {
		p.findDuplicates(item)
	}
}

func (p *trustPolicy) readStatement(index int, n *node) *statement {
	s := &statement{policy: p, index: index, node: n, conditions: n.get("Condition")}
	if sid := n.get("Sid"); sid != nil {
		s.sid = sid.text
	}
	if effect := n.get("Effect"); effect != nil {
		s.denies = effect.text == "Deny"
	}
	if principal := n.get("Principal"); principal != nil {
		s.everyone = principal.kind == isString && principal.text == "*"
		s.federated, s.aws = valuesOf(principal.get("Federated")), valuesOf(principal.get("AWS"))
	}
	s.actionNode = n.get("Action")
	if s.actionNode == nil {
		s.actionNode, s.notAction = n.get("NotAction"), true
	}
	s.actions = valuesOf(s.actionNode)
	if s.conditions != nil {
		s.readConditions()
	}
	return s
}

func valuesOf(n *node) []value {
	var values []value
	for _, item := range n.each() {
		values = append(values, value{item.text, item})
	}
	return values
}

func (s *statement) readConditions() {
	for _, op := range lastMembers(s.conditions) {
		base, ifExists := strings.CutSuffix(op.name, "IfExists")
		prefix := ""
		for _, known := range []string{"ForAllValues:", "ForAnyValue:"} {
			if rest, ok := strings.CutPrefix(base, known); ok {
				base, prefix = rest, known
			}
		}
		for _, key := range lastMembers(op.value) {
			s.conds = append(s.conds, &cond{
				operator: op.name, base: base, prefix: prefix, ifExists: ifExists, negated: strings.Contains(base, "Not"),
				key: key.name, at: op, keyAt: key, block: op.value, values: valuesOf(key.value),
				empty: key.value.kind == isList && len(key.value.items) == 0,
			})
		}
	}
}

// lastMembers are an object's members without those that a later one of the same
// name displaces, as programs read JSON.
func lastMembers(n *node) []member {
	var kept []member
	for i, m := range n.members {
		displaced := false
		for _, later := range n.members[i+1:] {
			displaced = displaced || later.name == m.name
		}
		if !displaced {
			kept = append(kept, m)
		}
	}
	return kept
}

// webIdentity reports whether the statement allows to assume the role with a token.
func (s *statement) webIdentity() bool {
	views := s.policy.document.Statements()
	return !s.denies && s.index < len(views) && views[s.index].Covers(trust.Action)
}

// on gives the conditions on a key of a provider.
func (s *statement) on(url, name string) []*cond {
	var found []*cond
	for _, c := range s.conds {
		if strings.EqualFold(c.key, url+":"+name) {
			found = append(found, c)
		}
	}
	return found
}

// narrowed reports whether the statement asks for one of the keys in a manner that
// a token without it, or with another value, does not meet.
func (s *statement) narrowed(url string, names ...string) bool {
	for _, name := range names {
		for _, c := range s.on(url, name) {
			if c.narrows() && !c.everything() {
				return true
			}
		}
	}
	return false
}

// exact reports whether the statement asks for one value or more of a key, whole.
func (s *statement) exact(url string, names ...string) bool {
	for _, name := range names {
		for _, c := range s.on(url, name) {
			open := !c.narrows()
			for _, v := range c.values {
				open = open || c.like() && wild(v.text) || holdsVariable(v.text)
			}
			if !open {
				return true
			}
		}
	}
	return false
}

// everything reports whether a value of the condition admits every text, or any
// text of one character or more.
func (c *cond) everything() bool {
	for _, v := range c.values {
		if c.like() && v.text != "" && strings.Trim(v.text, "*?") == "" {
			return true
		}
	}
	return false
}

func wild(s string) bool {
	return strings.ContainsAny(strings.ReplaceAll(strings.ReplaceAll(s, "${*}", ""), "${?}", ""), "*?")
}

// holdsVariable reports whether a text holds a policy variable other than the three
// that stand for a character.
func holdsVariable(s string) bool {
	for {
		_, rest, found := strings.Cut(s, "${")
		if !found {
			return false
		}
		if len(rest) < 2 || rest[1] != '}' || strings.IndexByte("*?$", rest[0]) < 0 {
			return true
		}
		s = rest
	}
}

// noValue stands in place of an empty list of values. It holds a character that no
// token has in a name.
const noValue = "\u0001"

// repaired renders the policy so that package policy can decide by it.
func (p *trustPolicy) repaired() string {
	var b strings.Builder
	p.render(&b, p.root, "")
	return b.String()
}

// render writes a node; name is that of the member that it is of.
func (p *trustPolicy) render(b *strings.Builder, n *node, name string) {
	switch {
	case n.kind == isObject:
		b.WriteByte('{')
		for i, m := range lastMembers(n) {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quoted(m.name) + ":")
			below := m.name
			if name == "Condition" || strings.HasPrefix(name, "operator:") {
				below = "operator:" + name
			}
			p.render(b, m.value, below)
		}
		b.WriteByte('}')
	case n.kind == isList && len(n.items) == 0 && strings.HasPrefix(name, "operator:operator:"):
		b.WriteString(quoted(noValue))
	case n.kind == isList:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			p.render(b, item, name)
		}
		b.WriteByte(']')
	case n.kind == isString:
		b.WriteString(quoted(repairedText(name, n.text)))
	default:
		b.WriteString(n.text)
	}
}

// unreachableProvider is what no token comes from: it stands for a provider that
// IAM would not take as a principal.
const unreachableProvider = "unreachable.invalid"

func repairedText(name, text string) string {
	switch name {
	case "Action", "NotAction":
		if text == "*" || strings.EqualFold(text, "sts:*") {
			return "sts:AssumeRole*"
		}
	case "Federated":
		a, err := arn.Parse(text)
		_, isOIDC := arn.OIDCProviderURL(text)
		if err == nil && !isOIDC && !strings.HasPrefix(a.Resource, "saml-provider/") || strings.ContainsAny(text, "*?# ") {
			return unreachableProvider
		}
	case "AWS":
		for _, partition := range []string{"arn:aws-cn:", "arn:aws-us-gov:"} {
			if rest, ok := strings.CutPrefix(text, partition); ok {
				return "arn:aws:" + rest
			}
		}
	}
	return text
}

// provider is a principal of a statement: an OpenID Connect provider.
type provider struct {
	value
	arn string // as written
	url string // the issuer without its scheme
}

// providers gives the OpenID Connect providers that a statement names, and the
// domain names that AWS knows as such.
func (s *statement) providers() []provider {
	var found []provider
	for _, v := range s.federated {
		if _, url, ok := strings.Cut(v.text, ":oidc-provider/"); ok && url != "" {
			found = append(found, provider{v, v.text, url})
		} else if trust.Shared(v.text) {
			found = append(found, provider{v, v.text, v.text})
		}
	}
	return found
}

// account is the 12 digits in a provider's ARN, or those of the role.
func (p provider) account(r *Role) string {
	if a, err := arn.Parse(p.arn); err == nil && arn.ValidAccount(a.Account) {
		return a.Account
	}
	if r.Account != "" {
		return r.Account
	}
	return "000000000000"
}
