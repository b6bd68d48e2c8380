package analyzer

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/policy"
)

// Explanation is how policies decided.
type Explanation struct {
	// Documents are the policies that were asked, as they are now; one that changed
	// since the decision may not have the statements that decided.
	Documents  []Document  `json:"documents"`
	Statements []Statement `json:"statements"`
	// Nearest is the index in Statements of the one that missed by least, or -1.
	Nearest int `json:"nearest"`
	// Notes are sentences on what did not match, without full stops.
	Notes []string `json:"notes,omitempty"`
	// Fix is the smallest change of a policy that admits the token, or allows the
	// request, and no other; nil where there is none to recommend.
	Fix *Fix `json:"fix,omitempty"`
}

// Document is a policy with its text.
type Document struct {
	Name string `json:"name"`
	Text string `json:"text,omitempty"` // "" where it is not there any more, or not of this account
}

// Statement is one statement's account.
type Statement struct {
	Document   int       `json:"document"` // index in Documents
	Statement  int       `json:"statement"`
	Sid        string    `json:"sid,omitempty"`
	Effect     string    `json:"effect"`
	Matched    bool      `json:"matched"`
	Place      *Place    `json:"place,omitempty"` // of the statement
	Elements   []Element `json:"elements"`        // Principal, Action, Resource as far as there are
	Conditions []Verdict `json:"conditions"`
}

// Element is Principal, Action or Resource, or a Not form.
type Element struct {
	Name    string   `json:"name"`
	Matched bool     `json:"matched"`
	Wanted  []string `json:"wanted"`
	Got     string   `json:"got,omitempty"`
	Place   *Place   `json:"place,omitempty"`
}

// Verdict is that of one condition.
type Verdict struct {
	Operator string   `json:"operator"`
	Key      string   `json:"key"`
	Matched  bool     `json:"matched"`
	Present  bool     `json:"present"` // the request has the key
	Wanted   []string `json:"wanted"`
	Got      []string `json:"got"`
	Place    *Place   `json:"place,omitempty"`
}

// Place is where something stands in a policy's text.
type Place = explain.Place

// Fix is a change of a role's trust policy, or of an inline policy of a role or user.
type Fix struct {
	// Operation is that of IAM which puts it in force: UpdateAssumeRolePolicy,
	// PutRolePolicy or PutUserPolicy.
	Operation string `json:"operation"`
	// Of the three names those are set that the operation takes.
	RoleName   string   `json:"roleName,omitempty"`
	UserName   string   `json:"userName,omitempty"`
	PolicyName string   `json:"policyName,omitempty"`
	Steps      []string `json:"steps"`
	Before     string   `json:"before"` // "" where there is no such policy yet
	Policy     string   `json:"policy"` // the whole policy after the change
	Warning    string   `json:"warning,omitempty"`
}

// The operations of IAM that put a fix in force.
const (
	updateTrust   = "UpdateAssumeRolePolicy"
	putRolePolicy = "PutRolePolicy"
	putUserPolicy = "PutUserPolicy"
)

// explained puts reasons into the words of this API. What stands in documents of
// other accounts is left out.
func explained(reasons *policy.Reasons, documents []Document, known []bool) *Explanation {
	x := &Explanation{Documents: documents, Statements: []Statement{}, Nearest: -1}
	if reasons == nil {
		return x
	}
	nearest := reasons.Nearest()
	for i := range reasons.Statements {
		r := &reasons.Statements[i]
		if r.Document < 0 || r.Document >= len(documents) || !known[r.Document] {
			continue
		}
		if r == nearest {
			x.Nearest = len(x.Statements)
		}
		x.Statements = append(x.Statements, statementOf(r, documents[r.Document].Text))
	}
	return x
}

func statementOf(r *policy.StatementReason, text string) Statement {
	place := func(path ...any) *Place {
		if text == "" || r.Statement < 0 {
			return nil
		}
		at, ok := explain.PlaceOf(text, slices.Concat([]any{"Statement", r.Statement}, path)...)
		if !ok {
			return nil
		}
		return &at
	}
	s := Statement{
		Document: r.Document, Statement: r.Statement, Sid: r.Sid, Effect: r.Effect, Matched: r.Matched, Place: place(),
		Elements: []Element{}, Conditions: []Verdict{},
	}
	for _, e := range [...]*policy.ElementReason{&r.Principal, &r.Action, &r.Resource} {
		if e.Present {
			s.Elements = append(s.Elements, Element{Name: e.Element, Matched: e.Matched, Wanted: e.Wanted, Got: e.Got, Place: place(e.Element)})
		}
	}
	for i := range r.Conditions {
		c := &r.Conditions[i]
		s.Conditions = append(s.Conditions, Verdict{
			Operator: c.Operator, Key: c.Key, Matched: c.Matched, Present: c.Present, Wanted: c.Wanted, Got: c.Got,
			Place: place("Condition", c.Operator, c.Key),
		})
	}
	return s
}

// documentsOf finds the texts of the documents that an event names. known says of
// each whether it is the account's to see.
func documentsOf(snapshot *directory.Snapshot, account, principal string, names []string) (documents []Document, known []bool) {
	own := map[string]string{}
	for _, a := range attachedTo(snapshot, account, principal) {
		if a.Document != nil {
			own[a.Source] = a.Document.String()
		}
	}
	for _, name := range names {
		d := Document{Name: name, Text: own[name]}
		ok := !strings.HasPrefix(name, "policy of ")
		if role, is := strings.CutPrefix(name, "trust policy of "); is {
			of, roleName, _ := arn.RoleName(role)
			if ok = of == account; ok {
				if r, there := snapshot.Role(account, roleName); there {
					d.Text = r.TrustPolicy
				}
			}
		}
		if bucket, is := strings.CutPrefix(name, "policy of bucket "); is {
			if b, there := snapshot.Bucket(bucket); there && b.Account == account {
				ok = true
				d.Text = b.Policy
			}
		}
		if secret, is := strings.CutPrefix(name, "policy of secret "); is {
			parsed, err := arn.Parse(secret)
			ok = err == nil && parsed.Account == account
		}
		documents, known = append(documents, d), append(known, ok)
	}
	return documents, known
}

// attachedTo are the policies of a principal: of a session, its role's.
func attachedTo(snapshot *directory.Snapshot, account, principal string) []directory.Attached {
	p, ok := principalOf(snapshot, account, principal)
	if !ok {
		return nil
	}
	return append(p.policies, p.boundary...)
}

// principal is a user, or the role of a session.
type principal struct {
	as       policy.Principal
	inline   []explain.InlinePolicy
	policies []directory.Attached // the inline ones first
	boundary []directory.Attached
	fix      Fix // with the names that a change of an inline policy takes
}

// principalOf finds the one of an ARN, in this account.
func principalOf(snapshot *directory.Snapshot, account, principalARN string) (p principal, ok bool) {
	parsed, err := arn.Parse(principalARN)
	if err != nil || parsed.Account != account {
		return p, false
	}
	p.as = policy.Principal{ARN: principalARN, Account: account}
	kind, rest, _ := strings.Cut(parsed.Resource, "/")
	switch kind {
	case "assumed-role":
		name, _, _ := strings.Cut(rest, "/")
		role, ok := snapshot.Role(account, name)
		if !ok {
			return p, false
		}
		p.as.RoleARN, p.as.UniqueID = role.ARN, role.ID
		for _, own := range role.InlinePolicies {
			p.inline = append(p.inline, explain.InlinePolicy{Name: own.Name, Text: own.Document})
		}
		p.policies, p.boundary = snapshot.RolePolicies(nil, role), snapshot.Boundary(account, role.PermissionsBoundary)
		p.fix = Fix{Operation: putRolePolicy, RoleName: role.Name}
	case "user":
		user, ok := snapshot.User(account, rest[strings.LastIndexByte(rest, '/')+1:])
		if !ok {
			return p, false
		}
		p.as.UniqueID = user.ID
		for _, own := range user.InlinePolicies {
			p.inline = append(p.inline, explain.InlinePolicy{Name: own.Name, Text: own.Document})
		}
		p.policies, p.boundary = snapshot.UserPolicies(nil, user), snapshot.Boundary(account, user.PermissionsBoundary)
		p.fix = Fix{Operation: putUserPolicy, UserName: user.Name}
	default:
		return p, false
	}
	return p, true
}
