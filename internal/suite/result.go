package suite

import (
	"fmt"
	"maps"
	"slices"

	"github.com/daypass/daypass/internal/policy"
)

// Outcome is what came of one case. The zero Outcome did not pass.
type Outcome struct {
	Name   string `json:"name"`
	Role   string `json:"role"`
	Line   int    `json:"line"`
	Passed bool   `json:"passed"`
	// Wanted and Got are "allow" or "deny".
	Wanted string `json:"wanted"`
	Got    string `json:"got"`
	// Why says of a case that did not pass what decided it, a line each.
	Why []string `json:"why,omitempty"`
}

// Result is what came of a suite.
type Result struct {
	Suite    string    `json:"suite"`
	Outcomes []Outcome `json:"tests"`

	covered *coverage
}

// Failed is how many cases did not pass.
func (r *Result) Failed() int {
	failed := 0
	for i := range r.Outcomes {
		if !r.Outcomes[i].Passed {
			failed++
		}
	}
	return failed
}

// Statement is a statement of a policy of the suite.
type Statement struct {
	Role string `json:"role"`
	File string `json:"file"`
	// Number counts from 1.
	Number int    `json:"statement"`
	Sid    string `json:"sid,omitempty"`
	Line   int    `json:"line"`
}

// String names the statement.
func (s *Statement) String() string {
	name := fmt.Sprintf("%s:%d: statement %d", s.File, s.Line, s.Number)
	if s.Sid != "" {
		name += " (" + s.Sid + ")"
	}
	return name + " of role " + s.Role
}

// Uncovered are the statements that matched in no case, and how many statements
// there are: what could be left out without a test that fails.
func (r *Result) Uncovered() (uncovered []Statement, all int) {
	for _, statement := range r.covered.statements {
		all++
		if !statement.matched {
			uncovered = append(uncovered, statement.Statement)
		}
	}
	return uncovered, all
}

// coverage remembers which statements matched.
type coverage struct {
	statements []*covered
	// trustOf and permissionsOf give the statements of a role's trust policy, and of
	// each of its other documents as policy.Evaluate counts them: policies, boundary.
	trustOf       map[string][]*covered
	permissionsOf map[string][][]*covered
}

type covered struct {
	Statement
	matched bool
}

func newCoverage(s *Suite) *coverage {
	c := &coverage{trustOf: map[string][]*covered{}, permissionsOf: map[string][][]*covered{}}
	for _, name := range slices.Sorted(maps.Keys(s.Roles)) {
		role := s.Roles[name]
		if role.Trust != "" {
			c.trustOf[name] = c.add(name, policy.Trust, &role.trust)
		}
		for i := range role.permissions {
			c.permissionsOf[name] = append(c.permissionsOf[name], c.add(name, policy.Identity, &role.permissions[i]))
		}
		if role.boundary != nil {
			c.permissionsOf[name] = append(c.permissionsOf[name], c.add(name, policy.Boundary, role.boundary))
		}
	}
	return c
}

// add lists the statements of a document, as a decision tells them.
func (c *coverage) add(role string, kind policy.Kind, d *document) []*covered {
	parsed, err := policy.Parse(kind, d.text)
	if err != nil {
		return nil
	}
	why := &policy.Reasons{}
	policy.Decide(&policy.Request{}, []*policy.Document{parsed}, why)
	var all []*covered
	for i := range why.Statements {
		s := &why.Statements[i]
		all = append(all, &covered{Statement: Statement{Role: role, File: d.file, Number: s.Statement + 1, Sid: s.Sid, Line: s.Line}})
	}
	c.statements = append(c.statements, all...)
	return all
}

func (c *coverage) trust(role string, why *policy.Reasons) { mark(c.trustOf[role], why, 0) }

func (c *coverage) permissions(role string, why *policy.Reasons) {
	for i, document := range c.permissionsOf[role] {
		mark(document, why, i)
	}
}

// mark notes the statements of one document that matched.
func mark(statements []*covered, why *policy.Reasons, document int) {
	for i := range why.Statements {
		s := &why.Statements[i]
		if s.Document == document && s.Matched && s.Statement >= 0 && s.Statement < len(statements) {
			statements[s.Statement].matched = true
		}
	}
}
