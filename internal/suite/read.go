package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/strictyaml"

	"go.yaml.in/yaml/v4"
)

// texts is one text or a list of texts.
type texts []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *texts) UnmarshalYAML(n *yaml.Node) error {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	*t = texts{}
	for _, item := range items {
		if item.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: this must be a text, or a list of texts", item.Line)
		}
		*t = append(*t, item.Value)
	}
	return nil
}

// Read reads a suite and the policies that it names. Open gives the text of a file
// by its path as the suite writes it. Everything that is wrong is told at once.
func Read(name string, text []byte, open func(path string) ([]byte, error)) (*Suite, error) {
	s := &Suite{name: name}
	if err := strictyaml.Read(text, s); err != nil {
		return nil, fmt.Errorf("suite: %s: %w", name, err)
	}
	for i, line := range strictyaml.Lines(text, "tests") {
		s.Tests[i].line = line
	}
	r := &reader{suite: s, open: open}
	for _, role := range slices.Sorted(maps.Keys(s.Roles)) {
		r.role(role, s.Roles[role])
	}
	r.account()
	for i := range s.Tests {
		r.test(&s.Tests[i])
	}
	if len(s.Tests) == 0 {
		r.wrong("there are no tests in it")
	}
	return s, errors.Join(r.errors...)
}

// reader collects what is wrong.
type reader struct {
	suite  *Suite
	open   func(path string) ([]byte, error)
	errors []error
}

func (r *reader) wrong(format string, args ...any) {
	r.errors = append(r.errors, fmt.Errorf("suite: %s: %s", r.suite.name, fmt.Sprintf(format, args...)))
}

func (r *reader) role(name string, role *Role) {
	if role == nil || role.Trust == "" && role.Permissions == nil {
		r.wrong("role %s has neither trust nor permissions", name)
		return
	}
	if role.Path == "" {
		role.Path = "/"
	}
	if !strings.HasPrefix(role.Path, "/") || !strings.HasSuffix(role.Path, "/") {
		r.wrong("role %s: a path begins and ends with a slash", name)
	}
	if role.Trust != "" {
		role.trust = r.document(policy.Trust, role.Trust)
	}
	for _, file := range role.Permissions {
		role.permissions = append(role.permissions, r.document(policy.Identity, file))
	}
	if role.Boundary != "" {
		boundary := r.document(policy.Boundary, role.Boundary)
		role.boundary = &boundary
	}
}

// document reads a policy, and refuses one that the engine cannot read.
func (r *reader) document(kind policy.Kind, file string) document {
	text, err := r.open(file)
	if err != nil {
		r.wrong("%v", err)
		return document{file: file}
	}
	d := document{file: file, text: Unwrap(text)}
	if _, err := policy.Parse(kind, d.text); err != nil {
		r.wrong("%s: %v", file, err)
	}
	return d
}

// Unwrap takes a policy out of what people keep it in: the document itself, a JSON
// text of it, or what aws iam get-role, get-role-policy, get-policy-version and
// s3api get-bucket-policy print around it.
func Unwrap(text []byte) string {
	var quoted string
	if json.Unmarshal(text, &quoted) == nil {
		return quoted
	}
	var around struct {
		Role           *struct{ AssumeRolePolicyDocument json.RawMessage }
		PolicyDocument json.RawMessage
		PolicyVersion  *struct{ Document json.RawMessage }
		Policy         string
	}
	if json.Unmarshal(text, &around) != nil {
		return string(text)
	}
	switch {
	case around.Role != nil && around.Role.AssumeRolePolicyDocument != nil:
		return string(around.Role.AssumeRolePolicyDocument)
	case around.PolicyDocument != nil:
		return string(around.PolicyDocument)
	case around.PolicyVersion != nil && around.PolicyVersion.Document != nil:
		return string(around.PolicyVersion.Document)
	case around.Policy != "":
		return around.Policy
	}
	return string(text)
}

// account finds the account of the roles.
func (r *reader) account() {
	s := r.suite
	if s.Account != "" {
		if !arn.ValidAccount(s.Account) {
			r.wrong("account %s has not 12 digits; write it in quotation marks, or a zero in front is lost", s.Account)
		}
		return
	}
	accounts := map[string]bool{}
	for _, role := range s.Roles {
		if role == nil {
			continue
		}
		document, _ := policy.Parse(policy.Trust, role.trust.text) // nil has no statements
		for _, statement := range document.Statements() {
			for _, principal := range statement.Federated() {
				if provider, err := arn.Parse(principal); err == nil && arn.ValidAccount(provider.Account) {
					accounts[provider.Account] = true
				}
			}
		}
	}
	switch found := slices.Sorted(maps.Keys(accounts)); len(found) {
	case 0:
		s.Account = "123456789012"
	case 1:
		s.Account = found[0]
	default:
		r.wrong("which account are the roles of? Their trust policies name %s; say account", strings.Join(found, ", "))
	}
}

func (r *reader) test(c *Case) {
	where := fmt.Sprintf("line %d", c.line)
	if c.Name == "" {
		r.wrong("%s: the test has no name", where)
	}
	if c.Role == "" && len(r.suite.Roles) == 1 {
		for name := range r.suite.Roles {
			c.Role = name
		}
	}
	role := r.suite.Roles[c.Role]
	switch {
	case c.Role == "":
		r.wrong("%s: which role? There are several, so name one", where)
	case role == nil:
		r.wrong("%s: there is no role %s above", where, c.Role)
	case c.Token != nil && role.Trust == "":
		r.wrong("%s: role %s has no trust policy to put a token to", where, c.Role)
	}
	switch {
	case c.Token == nil && len(c.Do) == 0:
		r.wrong("%s: there is nothing to test; give a token, or do", where)
	case len(c.Do) == 0 && (len(c.On) > 0 || c.Policy != "" || c.Owner != ""):
		r.wrong("%s: on, policy and owner go with do", where)
	}
	if c.Expect != "allow" && c.Expect != "deny" {
		r.wrong("%s: expect is %q; write allow or deny", where, c.Expect)
	}
	if c.Because != "" && c.Expect != "deny" {
		r.wrong("%s: because goes with expect: deny", where)
	}
	for _, action := range c.Do {
		if service, name, ok := strings.Cut(action, ":"); !ok || service == "" || name == "" || strings.ContainsAny(action, "*?") {
			r.wrong("%s: %q is no action; write one as s3:GetObject, without wildcards", where, action)
		}
	}
	if len(c.On) == 0 {
		c.On = texts{"*"}
	}
	if c.Policy != "" {
		document := r.document(policy.Resource, c.Policy)
		c.resource = &document
	}
}
