package analyzer

import (
	"errors"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/lint"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
)

// LintPolicyInput is a policy that somebody writes.
type LintPolicyInput struct {
	Kind     string `json:"kind"` // trust or permission
	Document string `json:"document"`
	RoleName string `json:"roleName"` // whose trust policy it is or will be; may be left out
}

// LintPolicyOutput is what is wrong with it.
type LintPolicyOutput struct {
	Errors   []PolicyError `json:"errors"` // why it cannot be put; at most one of the text, and AWS's control
	Findings []Finding     `json:"findings"`
}

// PolicyError says why a document is refused.
type PolicyError struct {
	Message string `json:"message"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
}

// Finding is one thing that package lint found.
type Finding struct {
	Rule     string `json:"rule"`
	Name     string `json:"name"`
	Severity string `json:"severity"` // info, low, warning, medium, high, error, critical
	Message  string `json:"message"`
	Why      string `json:"why,omitempty"`
	Witness  string `json:"witness,omitempty"` // a token that the policy admits, in words
	Mend     string `json:"mend,omitempty"`    // the next step
	Fixed    string `json:"fixed,omitempty"`   // the whole policy, mended; it admits nothing more
	Link     string `json:"link,omitempty"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
}

// Bounds of what is examined while somebody waits.
const (
	maxDocument = 128 << 10 // bytes; the largest policy that IAM takes has 10 KB without white space
	effort      = lint.Effort / 20
)

func (s *service) lintPolicy(c *awsapi.Call, in *LintPolicyInput) (*LintPolicyOutput, error) {
	if len(in.Document) > maxDocument {
		return nil, awsapi.Invalid("The document has more than 131,072 bytes.")
	}
	kind := policy.Trust
	switch in.Kind {
	case "trust":
	case "permission":
		kind = policy.Identity
	default:
		return nil, awsapi.Invalid("The value of kind is neither trust nor permission.")
	}
	out := &LintPolicyOutput{Errors: []PolicyError{}, Findings: []Finding{}}
	document, err := policy.Parse(kind, in.Document)
	var syntax *policy.SyntaxError
	switch {
	case errors.As(err, &syntax):
		message := syntax.Detail
		if message == "" {
			message = syntax.Message
		}
		out.Errors = append(out.Errors, PolicyError{message, max(1, syntax.Line), max(1, syntax.Column)})
		return out, nil
	case err != nil:
		return nil, err
	case kind != policy.Trust:
		return out, nil
	}
	var control *trust.ControlError
	if errors.As(trust.CheckSharedIssuers(document), &control) {
		e := PolicyError{Message: control.Message, Line: 1, Column: 1}
		if at := placeOf(in.Document, control.Statement-1); at != nil {
			e.Line, e.Column = at.Line, at.Column
		}
		out.Errors = append(out.Errors, e)
	}
	role := lint.Role{Name: in.RoleName, Account: c.Account, TrustPolicy: in.Document, Effort: effort}
	if known, ok := c.Snapshot.Role(c.Account, in.RoleName); ok {
		role = s.lintRole(c.Snapshot, known)
		role.TrustPolicy = in.Document
	}
	role.Providers, role.ProvidersKnown = s.lintProviders(c.Snapshot, c.Account), true
	out.Findings = findingsOf(role)
	return out, nil
}

// lintRole is a role as package lint takes it.
func (s *service) lintRole(snapshot *directory.Snapshot, role *directory.Role) lint.Role {
	l := lint.Role{
		Name: role.Name, ARN: role.ARN, Account: role.Account, TrustPolicy: role.TrustPolicy, Attached: role.AttachedPolicies,
		PermissionsKnown: true, MaxSessionDuration: role.MaxSessionDuration, Effort: effort,
		Providers: s.lintProviders(snapshot, role.Account), ProvidersKnown: true,
	}
	for _, a := range snapshot.RolePolicies(nil, role) {
		if a.Document != nil {
			l.Permissions = append(l.Permissions, a.Document.String())
		}
	}
	return l
}

func (s *service) lintProviders(snapshot *directory.Snapshot, account string) []lint.Provider {
	var all []lint.Provider
	for _, p := range snapshot.OIDCProviders(account) {
		all = append(all, lint.Provider{ARN: p.ARN, URL: p.URL, ClientIDs: p.ClientIDs, ExtendedClaims: s.extended[p.URL]})
	}
	return all
}

func findingsOf(role lint.Role) []Finding {
	findings, unreadable := lint.Check([]lint.Role{role})
	all := []Finding{}
	for i := range findings {
		f := &findings[i]
		one := Finding{
			Rule: f.Rule, Name: f.Name, Severity: f.Severity.String(), Message: f.What, Why: f.Why, Mend: f.Next, Fixed: f.Fixed,
			Link: f.Link, Line: f.Line, Column: f.Column,
		}
		if w := f.Witness; w != nil {
			one.Witness = "it admits " + inWords(w)
		}
		all = append(all, one)
	}
	for i := range unreadable {
		u := unreadable[i].UnreadableError
		all = append(all, Finding{Rule: "", Name: "unreadable", Severity: lint.Warning.String(), Message: u.Error(), Line: 1, Column: 1})
	}
	return all
}

// inWords tells of a token.
func inWords(w *lint.Witness) string {
	text := "sub " + quote(w.Subject) + " of " + w.Issuer
	if w.Says != "" {
		text += ": " + w.Says
	}
	return text
}

func quote(text string) string { return "\u201c" + text + "\u201d" }

// ExamineIssuerInput names an issuer.
type ExamineIssuerInput struct {
	URL string `json:"url"` // with https://
}

// ExamineIssuerOutput is what the doctor found.
type ExamineIssuerOutput struct {
	Checks []IssuerCheck `json:"checks"`
}

func (s *service) examineIssuer(c *awsapi.Call, in *ExamineIssuerInput) (*ExamineIssuerOutput, error) {
	if in.URL == "" || len(in.URL) > 2048 {
		return nil, awsapi.Invalid("The URL of an issuer is needed, of at most 2,048 characters.")
	}
	select {
	case s.examined <- struct{}{}:
		defer func() { <-s.examined }()
	default:
		return nil, (&awsapi.Fault{Kind: awsapi.Throttled, Message: "Two issuers are being examined; try again in half a minute."}).
			Because("an examination makes some forty connections; two are made at once")
	}
	checks := s.Examine(c.Request.Context(), in.URL)
	if checks == nil {
		checks = []IssuerCheck{}
	}
	return &ExamineIssuerOutput{Checks: checks}, nil
}
