package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
)

// RoleConfig says which role to examine. TrustPolicy is needed; what is left out
// is not examined, and the report says so.
type RoleConfig struct {
	From        string // where it was read, for the report
	For         For    // "" is AWS
	ARN         string // as it was asked for; "" where only a policy is there
	Made        string // the ARN as the role was made; "" where it is not known
	TrustPolicy string // the document
	// Providers are those of the account; nil is that they are not known.
	// NoProviders says then how to learn them.
	Providers   []RoleProvider
	NoProviders string
	// Token is held against the role; nil for none.
	Token *TokenConfig
	// SessionName is that which would be asked for; "" is "doctor".
	SessionName string
}

// RoleProvider is an OpenID Connect provider of an account.
type RoleProvider struct {
	URL       string // without its scheme
	ClientIDs []string
}

// roleExam is one examination under way.
type roleExam struct {
	*Report
	c          *RoleConfig
	role       arn.ARN // the zero ARN where it is not known
	statements []policy.StatementView
	trusted    []string // URLs of the providers that an Allow names, without scheme
}

// Role examines a role's trust policy. Whether it admits a token is the decision
// of package trust, as at the server.
func Role(c RoleConfig) *Report {
	if c.SessionName == "" {
		c.SessionName = "doctor"
	}
	e := &roleExam{Report: newReport(c.From, c.For), c: &c}
	e.examineRoleARN()
	document, err := policy.Parse(policy.Trust, c.TrustPolicy)
	if err != nil {
		var syntax *policy.SyntaxError
		detail := err.Error()
		if errors.As(err, &syntax) {
			detail = fmt.Sprintf("line %d, column %d: %s", syntax.Line, syntax.Column, syntax.Detail)
			e.foundAWS("policy-unreadable", syntax.Message, "%s", detail)
		} else {
			e.found("policy-unreadable", "%s", detail)
		}
		e.skipRole("the trust policy must be mended first")
		return e.finish("R")
	}
	e.statements = document.Statements()
	e.ok("R01", "%s", number(len(e.statements), "statement"))
	var control *trust.ControlError
	if err := trust.CheckSharedIssuers(document); errors.As(err, &control) {
		e.foundAWS("policy-open", control.Message, "statement %d", control.Statement)
	}
	e.examineTrusted()
	e.examineActions()
	e.examineConditions()
	e.examineDecision(document)
	e.skipRole("there is nothing to hold it against")
	if c.Token == nil {
		return e.finish("R")
	}
	return e.finish("R", "T")
}

func (e *roleExam) skipRole(why string) {
	for _, check := range checks {
		if check.ID[0] == 'R' && e.skipped[check.ID] == "" {
			e.skip(check.ID, "%s", why)
		}
	}
}

// partitions are AWS's (AWS General Reference, "Amazon Resource Names (ARNs)").
var partitions = []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}

// examineRoleARN is R02.
func (e *roleExam) examineRoleARN() {
	asked := e.c.ARN
	if asked == "" {
		asked = e.c.Made
	}
	if asked == "" {
		e.skip("R02", "no ARN was given")
		return
	}
	a, err := arn.Parse(asked)
	if err != nil {
		e.found("role-arn-form", "%s: %v", shown(asked), err)
		return
	}
	switch name, isRole := strings.CutPrefix(a.Resource, "role/"); {
	case a.Service == "sts" && strings.HasPrefix(a.Resource, "assumed-role/"):
		e.found("role-arn-session", "%s", shown(asked))
	case a.Service != "iam" || !isRole || name == "" || strings.HasSuffix(name, "/"):
		e.found("role-arn-form", "%s is no role's", shown(asked))
	case !arn.ValidAccount(a.Account):
		e.found("role-arn-form", "%s: the account is %s, and must be 12 digits", shown(asked), shown(a.Account))
	case !slices.Contains(partitions, a.Partition):
		e.found("role-arn-form", "%s: there is no partition %s", shown(asked), shown(a.Partition))
	default:
		e.role = a
	}
	if made := e.c.Made; made != "" && asked != made {
		e.found("role-arn-other", "asked is %s, the role is %s", shown(asked), shown(made))
	}
	if strings.HasSuffix(a.Resource, "/GitHubActions") {
		e.found("role-name-reserved", "%s", shown(asked))
	}
	e.ok("R02", "%s", asked)
}

// examineTrusted is R03: the providers that the policy trusts.
func (e *roleExam) examineTrusted() {
	for _, s := range e.statements {
		if s.Denies() {
			continue
		}
		for _, name := range s.Federated() {
			e.examineFederated(name)
		}
	}
	if len(e.trusted) == 0 && e.worst("R03") != Error {
		e.found("provider-none", "no statement that allows names an OpenID Connect provider")
	}
	if e.c.Providers == nil && len(e.trusted) > 0 {
		e.found("provider-not-compared", "%s", e.c.NoProviders)
	}
	if token := e.c.Token; token != nil && token.Issuer == "" && len(e.trusted) == 1 {
		copied := *token
		copied.Issuer = "https://" + e.trusted[0]
		e.c.Token = &copied
	}
	e.ok("R03", "%s", listed(e.trusted))
}

// examineFederated looks at one name under Federated.
func (e *roleExam) examineFederated(name string) {
	a, err := arn.Parse(name)
	url, isProvider := strings.CutPrefix(a.Resource, "oidc-provider/")
	switch {
	case err != nil && !strings.Contains(name, "/") && strings.Contains(name, ".") && !strings.Contains(name, ":"):
		return // accounts.google.com and the others that AWS knows by name
	case err != nil || a.Service != "iam" || !isProvider && !strings.HasPrefix(a.Resource, "saml-provider/"):
		e.found("provider-arn-form", "%s", shown(name))
		return
	case !isProvider:
		return // SAML's is another operation's
	}
	if strings.HasPrefix(url, "https://") {
		e.found("provider-arn-scheme", "%s", shown(name))
		url = strings.TrimPrefix(url, "https://")
	}
	if e.role != (arn.ARN{}) && a.Account != e.role.Account {
		e.found("provider-other-account", "the role is in %s, the provider in %s: %s", e.role.Account, shown(a.Account), shown(name))
	}
	if e.role != (arn.ARN{}) && a.Partition != e.role.Partition {
		e.found("provider-other-partition", "the role is in %s, the provider in %s: %s", e.role.Partition, shown(a.Partition), shown(name))
	}
	if !slices.Contains(e.trusted, url) {
		e.trusted = append(e.trusted, url)
	}
	if e.c.Providers == nil {
		return
	}
	if p := e.provider(url); p == nil {
		near := ""
		for _, other := range e.c.Providers {
			if d := difference(other.URL, url); d != "" || strings.HasPrefix(other.URL, url+"/") || strings.HasPrefix(url, other.URL+"/") {
				near = fmt.Sprintf("; there is %s%s", shown(other.URL), d)
				break
			}
		}
		e.found("provider-missing", "%s%s", shown(url), near)
	} else if len(p.ClientIDs) == 0 {
		e.found("provider-no-clients", "%s", shown(url))
	}
}

func (e *roleExam) provider(url string) *RoleProvider {
	i := slices.IndexFunc(e.c.Providers, func(p RoleProvider) bool { return p.URL == url })
	if i < 0 {
		return nil
	}
	return &e.c.Providers[i]
}

// examineActions is R04.
func (e *roleExam) examineActions() {
	covered := false
	var others []string
	for _, s := range e.statements {
		if s.Denies() || len(s.Federated()) == 0 {
			continue
		}
		if s.Covers(trust.Action) {
			covered = true
			continue
		}
		others = append(others, s.Actions()...)
	}
	switch {
	case covered:
		e.ok("R04", "%s", trust.Action)
	case len(others) > 0:
		e.found("action-other", "the statements that trust a provider allow %s", listed(others))
	default:
		e.skip("R04", "no statement trusts a provider")
	}
}

// examineConditions is R05 to R07, of the statements that allow it.
func (e *roleExam) examineConditions() {
	var audiences, keys []string // asked for
	for i, s := range e.statements {
		if !s.Covers(trust.Action) || len(s.Federated()) == 0 && !s.Denies() {
			continue
		}
		for _, c := range s.Conditions() {
			where := fmt.Sprintf("statement %d, %s", i+1, c.Operator)
			if !slices.Contains(keys, c.Key) {
				keys = append(keys, c.Key)
			}
			name := e.examineKeyOf(where, c, s.Denies())
			if s.Denies() {
				continue
			}
			if name == "aud" {
				audiences = append(audiences, c.Values...)
				e.examineAskedAudience(where, c)
			}
			e.examineValues(where, name, c)
		}
	}
	if len(e.trusted) == 0 {
		return
	}
	switch {
	case len(audiences) == 0:
		e.found("audience-not-asked", "any client id of the provider will do")
	case e.c.Providers == nil:
		e.skip("R06", "the policy asks for %s; the provider's client ids are not known", listed(audiences))
	default:
		e.ok("R06", "%s", listed(audiences))
	}
	e.ok("R05", "%s", listed(keys))
	e.ok("R07", "%s", number(len(keys), "key"))
}

// positive reports whether an operator fails where the key is absent.
func positive(operator string) bool {
	base := strings.TrimPrefix(strings.TrimPrefix(operator, "ForAllValues:"), "ForAnyValue:")
	return !strings.HasPrefix(operator, "ForAllValues:") && !strings.Contains(base, "Not") && !strings.HasSuffix(base, "IfExists") && base != "Null"
}

// examineKeyOf looks at one condition's key. It gives the key's name without the
// provider, where it is a provider's.
func (e *roleExam) examineKeyOf(where string, c policy.ConditionView, denies bool) (name string) {
	for _, url := range e.trusted {
		prefix := url + ":"
		if len(c.Key) <= len(prefix) || !strings.EqualFold(c.Key[:len(prefix)], prefix) {
			continue
		}
		name = strings.ToLower(c.Key[len(prefix):])
		switch {
		case trust.HasKey(url, name):
		case positive(c.Operator) && !denies:
			e.found("key-not-aws", "%s: %s", where, shown(c.Key))
		default:
			e.found("key-idle", "%s: %s", where, shown(c.Key))
		}
		return name
	}
	before, last := c.Key, ""
	if i := strings.LastIndexByte(c.Key, ':'); i >= 0 {
		before, last = c.Key[:i], c.Key[i+1:]
	}
	switch {
	case strings.HasPrefix(c.Key, "https://") || strings.HasPrefix(c.Key, "http://"):
		e.found("key-scheme", "%s: %s", where, shown(c.Key))
	case len(e.trusted) > 0 && strings.ContainsAny(before, "./"):
		e.found("key-other-provider", "%s: %s begins with %s, the trusted provider is %s", where, shown(c.Key), shown(before), listed(e.trusted))
	case len(e.trusted) > 0 && last == "":
		e.found("key-other-provider", "%s: %s names no provider; the trusted one is %s", where, shown(c.Key), listed(e.trusted))
	}
	return ""
}

// examineAskedAudience is R06 for one condition.
func (e *roleExam) examineAskedAudience(where string, c policy.ConditionView) {
	if e.c.Providers == nil || !positive(c.Operator) {
		return
	}
	url, _, _ := strings.Cut(c.Key, ":aud")
	p := e.provider(url)
	if p == nil || slices.ContainsFunc(c.Values, func(v string) bool {
		return slices.Contains(p.ClientIDs, v) || strings.ContainsAny(v, "*?") && strings.Contains(c.Operator, "Like")
	}) {
		return
	}
	e.found("audience-not-registered", "%s: asked is %s, the provider's client ids are %s", where, listed(c.Values), listed(p.ClientIDs))
}

// examineValues is R07 for one condition: values that no token has.
func (e *roleExam) examineValues(where, name string, c policy.ConditionView) {
	base := strings.TrimPrefix(strings.TrimPrefix(c.Operator, "ForAllValues:"), "ForAnyValue:")
	if strings.HasPrefix(base, "StringEquals") {
		for _, v := range c.Values {
			if strings.ContainsAny(strings.ReplaceAll(strings.ReplaceAll(v, "${*}", ""), "${?}", ""), "*?") {
				e.found("operator-wildcard", "%s %s: %s", where, shown(c.Key), shown(v))
			}
		}
	}
	if strings.HasPrefix(c.Operator, "ForAllValues:") && name != "" {
		e.found("operator-for-all", "%s %s", where, shown(c.Key))
	}
	if strings.HasPrefix(c.Operator, "ForAnyValue:") && (name == "sub" || name == "aud") {
		e.found("operator-for-any", "%s %s", where, shown(c.Key))
	}
	if name != "sub" {
		return
	}
	for _, v := range c.Values {
		if strings.Contains(v, ":ref_type:mr") || strings.Contains(v, ":ref_type:merge_request") {
			e.found("sub-merge-request", "%s: %s", where, shown(v))
		}
	}
}

// examineDecision is R08.
func (e *roleExam) examineDecision(document *policy.Document) {
	token := e.c.Token
	if token == nil {
		e.skip("R08", "no token was given; --token-env or --token-file names one")
		return
	}
	if e.role.Partition != "" && e.role.Partition != arn.Partition {
		e.skip("R08", "decisions are made for the partition %s", arn.Partition)
		return
	}
	given := *token
	given.For = e.For
	if given.RoleARN == "" {
		given.RoleARN = e.roleARN()
	}
	if url, ok := strings.CutPrefix(given.Issuer, "https://"); ok && given.ClientIDs == nil {
		if p := e.provider(url); p != nil {
			given.ClientIDs = p.ClientIDs
		}
	}
	exam := &tokenExam{Report: newReport("", e.For), c: &given, raw: strings.TrimSpace(given.Raw)}
	examineTokenInto(exam)
	e.Findings = append(e.Findings, exam.Findings...)
	for check, seen := range exam.seen {
		e.seen[check] = seen
	}
	for check, why := range exam.skipped {
		e.skipped[check] = why
	}
	e.Claims = exam.Claims
	if exam.claims == nil {
		e.skip("R08", "the token must be mended first")
		return
	}
	e.decide(document, exam)
}

// roleARN is the ARN that is decided about.
func (e *roleExam) roleARN() string {
	if e.c.Made != "" {
		return e.c.Made
	}
	if e.role != (arn.ARN{}) {
		return e.role.String()
	}
	return ""
}

// decide asks package trust, as if the token's signature were good.
func (e *roleExam) decide(document *policy.Document, exam *tokenExam) {
	account := e.role.Account
	if account == "" && len(e.statements) > 0 { // the policy's own provider's
		for _, s := range e.statements {
			for _, name := range s.Federated() {
				if a, err := arn.Parse(name); err == nil && account == "" {
					account = a.Account
				}
			}
		}
	}
	p := exam.provider()
	p.ARN = arn.OIDCProvider(account, p.URL)
	t, err := trust.NewToken(p, exam.claims)
	if err != nil {
		e.skip("R08", "the token must be mended first")
		return
	}
	asked := &trust.Session{RoleSessionName: e.c.SessionName, RoleARN: e.roleARN(), Account: account}
	why := &policy.Reasons{}
	decision := trust.Decide(document, t, asked, nil, why)
	if decision.Allowed() {
		e.ok("R08", "statement %d admits a token of %s with sub %s", decision.Statement+1, shown(p.URL), shown(t.Subject))
		return
	}
	seen := "it does not allow " + decision.Action
	if nearest := why.Nearest(); nearest != nil && decision.Effect != policy.ExplicitDeny {
		seen += "; nearest comes\n" + strings.TrimRight(nearest.String(), "\n")
	} else {
		seen += "\n" + strings.TrimRight(why.String(), "\n")
	}
	for _, note := range t.Explain(why) {
		seen += "\n" + note
	}
	e.found("role-denies", "%s", seen)
}
