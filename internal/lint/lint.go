// Package lint says what is wrong with trust policies: what they admit that their
// authors would not want, and what in them never matches.
//
// # The way through
//
//	findings, unreadable := lint.Check([]lint.Role{{Name: "deploy", TrustPolicy: text}})
//
// Each finding of width carries a Witness: a token that the issuer could give and
// the policy admits. Search finds candidates in the issuer's grammar of names and
// refs; trust.Decide, which decides requests, admits each before it is shown. Where
// there is no such token the pattern is anchored, and nothing is reported. There is
// no second function that decides.
//
// What an author wanted is read off the pattern: what it admits if * stays within
// its part of the subject, the literal names taken as they are.
//
// # Where to look
//
//   - rule.go: the rules, as a table
//   - text.go, model.go: the policy, with places
//   - grammar.go: what issuers' subjects look like
//   - language.go, search.go: the search for subjects
//   - witness.go: from a subject to a token that is held against the policy
//   - check.go: the rules on a statement; subject.go: those on patterns of subjects;
//     condition.go: those on conditions; account.go: those on several roles
//   - fix.go: edits that only close
//   - newcomer.go: whom one policy admits and another does not
//   - migrate.go: the subjects of 2026
//   - report.go: SARIF, and GitLab's code quality
//
// It is pure: files and servers are others' business.
package lint

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/trust"
)

// Role is one role to examine. Only TrustPolicy is needed; what else is known makes
// for more findings.
type Role struct {
	Name        string // for people
	ARN         string // "" if not known
	Account     string // 12 digits; "" if not known
	TrustPolicy string
	// Providers are the account's OpenID Connect providers that are known;
	// ProvidersKnown says that these are all.
	Providers      []Provider
	ProvidersKnown bool
	// Permissions are the role's permission policies, and Attached the ARNs of
	// managed ones; PermissionsKnown says that these are all.
	Permissions      []string
	Attached         []string
	PermissionsKnown bool
	// MaxSessionDuration is in seconds; 0 if not known.
	MaxSessionDuration int
	// Effort bounds the search for tokens, in characters that are held against a
	// policy's patterns; 0 is Effort.
	Effort int
}

// Effort is what an examination takes at most where a role says nothing else: some
// seconds. A policy of a few patterns takes a thousandth of it.
const Effort = 20_000_000

// Provider is a registered OpenID Connect provider.
type Provider struct {
	ARN       string
	URL       string // the issuer without its scheme
	ClientIDs []string
	// ExtendedClaims says that the server makes every claim a condition key.
	ExtendedClaims bool
}

// Finding is one thing found.
type Finding struct {
	Rule     string   `json:"rule"`
	Name     string   `json:"name"`
	Severity Severity `json:"severity"`
	// RoleIndex counts the roles that were examined, from 0.
	RoleIndex int    `json:"-"`
	Role      string `json:"role,omitempty"`
	RoleARN   string `json:"roleArn,omitempty"`
	// Statement counts from 1; 0 is the whole policy.
	Statement int    `json:"statement,omitempty"`
	Sid       string `json:"sid,omitempty"`
	// Line and Column are places in the policy's text, from 1.
	Line   int `json:"line"`
	Column int `json:"column"`

	What string `json:"what"` // of this policy
	Why  string `json:"why"`
	Next string `json:"next"` // the step that mends it
	Link string `json:"link"`
	// Witness is a token that the policy admits; nil where the finding is not about
	// width.
	Witness *Witness `json:"witness,omitempty"`
	// Fixed is the whole policy with the finding mended: it admits nothing that the
	// policy did not. "" where only a person can mend it.
	Fixed string `json:"fixed,omitempty"`

	edits []edit
	about string // what of the policy: part of the fingerprint
}

// Fingerprint names the finding across edits elsewhere in the file: by rule, role
// and what it is about.
func (f *Finding) Fingerprint() string {
	name := f.RoleARN
	if name == "" {
		name = f.Role
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Rule, name, f.about}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Unreadable is a role whose policy cannot be examined, or not to the end.
type Unreadable struct {
	RoleIndex int
	Role      string
	*UnreadableError
}

// Check examines roles. Findings are in order of roles and places.
func Check(roles []Role) (findings []Finding, unreadable []Unreadable) {
	var read []checked
	for i := range roles {
		p, err := readPolicy(roles[i].TrustPolicy)
		if err != nil {
			unreadable = append(unreadable, Unreadable{i, roles[i].Name, err.(*UnreadableError)}) //nolint:errorlint,forcetypeassert // readPolicy's errors are all of this type
			continue
		}
		c := newChecker(&roles[i], p)
		c.index = i
		c.check()
		if c.effort <= 0 {
			unreadable = append(unreadable, Unreadable{i, roles[i].Name, &UnreadableError{1, 1, "its patterns are too many, or too intricate, to be examined to the end; write them with fewer wildcards, or split the role"}})
		}
		read = append(read, checked{&roles[i], p, c.findings, i})
	}
	findings = checkTogether(read)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(a.RoleIndex-b.RoleIndex, a.Line-b.Line, a.Column-b.Column, strings.Compare(a.Rule, b.Rule))
	})
	return findings, unreadable
}

// checked is a role with what was found of it alone.
type checked struct {
	role     *Role
	policy   *trustPolicy
	findings []Finding
	index    int
}

// checker examines one role.
type checker struct {
	role     *Role
	policy   *trustPolicy
	index    int
	findings []Finding
	effort   int // what is left of it
}

func newChecker(r *Role, p *trustPolicy) *checker {
	effort := r.Effort
	if effort <= 0 {
		effort = Effort
	}
	return &checker{role: r, policy: p, effort: effort}
}

// site is one provider in one statement that allows tokens.
type site struct {
	*checker
	statement *statement
	provider  provider
	family    *family
	shared    bool
	extended  bool     // every claim is a key
	keys      []string // that AWS has for this provider, without its URL
	subjects  []subjectValue
	more      map[string][]string // values of keys that the statement does not ask for
}

// subjectValue is one value that is asked of the subject.
type subjectValue struct {
	cond  *cond
	index int
	text  string
}

// sites are all doors for tokens.
func (c *checker) sites() []*site {
	var sites []*site
	for _, s := range c.policy.statements {
		if !s.webIdentity() {
			continue
		}
		for _, p := range s.providers() {
			if repairedText("Federated", p.text) != p.text {
				continue // nobody comes from there
			}
			sites = append(sites, c.newSite(s, p))
		}
	}
	return sites
}

func (c *checker) newSite(s *statement, p provider) *site {
	a := &site{checker: c, statement: s, provider: p, shared: trust.Shared(p.url), keys: trust.KeyNames(p.url)}
	for _, known := range c.role.Providers {
		a.extended = a.extended || known.URL == p.url && known.ExtendedClaims
	}
	var patterns []string
	for _, cond := range s.on(p.url, "sub") {
		if !cond.isText() || cond.negated {
			continue
		}
		for i, v := range cond.values {
			a.subjects = append(a.subjects, subjectValue{cond, i, v.text})
			patterns = append(patterns, v.text)
		}
	}
	a.family = familyOf(p.url, patterns)
	return a
}

// add notes a finding. Where may be nil: the statement, or the policy.
func (c *checker) add(id string, s *statement, where *node, what string) *Finding {
	r, _ := RuleByID(id)
	f := Finding{
		Rule: r.ID, Name: r.Name, Severity: r.Severity, RoleIndex: c.index, Role: c.role.Name, RoleARN: c.role.ARN,
		What: what, Why: r.Why, Next: r.Next, Link: r.Link, about: what,
	}
	offset := c.policy.root.start
	if s != nil {
		f.Statement, f.Sid, offset = s.index+1, s.sid, s.node.start
	}
	if where != nil {
		offset = where.start
	}
	f.Line, f.Column = c.policy.pos.at(offset)
	c.findings = append(c.findings, f)
	return &c.findings[len(c.findings)-1]
}

// mend gives the finding edits that close.
func (f *Finding) mend(text string, edits ...edit) {
	f.edits = edits
	f.Fixed = apply(text, edits)
	// Of a text that stood twice, what was without effect may be what nobody can read.
	if _, err := readPolicy(f.Fixed); f.Fixed == text || err != nil {
		f.edits, f.Fixed = nil, ""
	}
}
