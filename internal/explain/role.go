package explain

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
)

// someAccount stands where neither a role nor a policy tells the account.
const someAccount = "000000000000"

// federated are the ARNs of OpenID Connect providers that the policy names, as
// far as it can be read.
func (e *explanation) federated() []string {
	document, err := policy.Parse(policy.Trust, e.Policy)
	if err != nil {
		return nil
	}
	var all []string
	for _, statement := range document.Statements() {
		for _, principal := range statement.Federated() {
			if providerURL(principal) != "" && !slices.Contains(all, principal) {
				all = append(all, principal)
			}
		}
	}
	return all
}

// place is partition and account of the role; where its ARN is not given, those of
// a provider that the policy names.
func (e *explanation) place() (partition, account string) {
	if role, err := arn.Parse(e.RoleARN); err == nil && arn.ValidAccount(role.Account) {
		return role.Partition, role.Account
	}
	for _, principal := range e.federated() {
		if provider, err := arn.Parse(principal); err == nil && arn.ValidAccount(provider.Account) {
			return provider.Partition, provider.Account
		}
	}
	return arn.Partition, someAccount
}

// providerARN is the ARN that the provider of this URL has, or would have.
func (e *explanation) providerARN(url string) string {
	for _, known := range e.Providers {
		if providerURL(known) == url {
			return known
		}
	}
	partition, account := e.place()
	return "arn:" + partition + ":iam::" + account + ":oidc-provider/" + url
}

// role looks at the role's ARN, then at its trust policy.
func (e *explanation) role(token *trust.Token, claims *oidc.Claims) {
	name := e.roleARN(claims)
	document := e.document()
	if document == nil {
		return
	}
	if token == nil {
		e.unknown("trust", "without a token that can be read, the trust policy cannot be asked")
		return
	}
	e.ask(document, token, claims, name)
}

// roleARN looks at the form of the role's ARN, and gives an ARN to ask with.
func (e *explanation) roleARN(claims *oidc.Claims) string {
	if e.RoleARN == "" {
		partition, account := e.place()
		if e.Policy == "" {
			e.unknown("role", "the role's ARN was not given")
		}
		return "arn:" + partition + ":iam::" + account + ":role/role"
	}
	invalid := &Answer{Code: "ValidationError", Message: e.RoleARN + " is invalid"}
	check := Check{Name: "role", Got: e.RoleARN}
	role, err := arn.Parse(e.RoleARN)
	switch {
	case err != nil:
		check.Note = "this is no ARN; a role's is arn:aws:iam::ACCOUNT:role/NAME, with the path before the name"
	case role.Service != "iam" || role.Region != "" || !strings.HasPrefix(role.Resource, "role/"):
		check.Note = "this is the ARN of something else; a role's is arn:aws:iam::ACCOUNT:role/NAME"
		if role.Service == "sts" {
			check.Note = "this is the ARN of a session; give the role's own, arn:aws:iam::ACCOUNT:role/NAME"
		}
	case !arn.ValidAccount(role.Account):
		check.Note = "the account in the ARN has not 12 digits; in YAML, quote it, or a zero in front is lost"
	default:
		e.partition(role, claims)
		return e.RoleARN
	}
	check.Causes = []int{54}
	e.fail(check, invalid)
	return e.RoleARN
}

// partition looks whether role, providers and audience are of one partition.
func (e *explanation) partition(role arn.ARN, claims *oidc.Claims) {
	check := Check{Name: "role", Got: e.RoleARN}
	if !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"}, role.Partition) {
		check.Note, check.Causes = "there is no partition "+role.Partition+" of AWS", []int{71}
		e.fail(check, &Answer{Code: "ValidationError", Message: e.RoleARN + " is invalid"})
		return
	}
	if role.Partition == "aws-cn" && claims != nil && claims.Audience == "sts.amazonaws.com" {
		check.Note, check.Causes = "the role is in China, where the audience that clients ask for is sts.amazonaws.com.cn; the token's is sts.amazonaws.com", []int{71}
		e.add(check)
		return
	}
	check.State, check.Note = Passed, "it has the form of a role's ARN; whether there is such a role, only the account knows"
	e.add(check)
}

// document reads the trust policy; nil where there is none that can be read.
func (e *explanation) document() *policy.Document {
	if strings.TrimSpace(e.Policy) == "" {
		e.unknown("trust", "the role's trust policy was not given (aws iam get-role --query Role.AssumeRolePolicyDocument)")
		return nil
	}
	document, err := policy.Parse(policy.Trust, e.Policy)
	if err == nil {
		return document
	}
	check := Check{Name: "trust", Note: "the trust policy cannot be read: " + err.Error()}
	answer := &Answer{Code: "MalformedPolicyDocument", Message: err.Error()}
	var syntax *policy.SyntaxError
	if errors.As(err, &syntax) {
		answer.Message = syntax.Message
		switch {
		case strings.Contains(err.Error(), "stands twice"):
			check.Causes = []int{58}
		case strings.Contains(err.Error(), "no action of a role trust policy"):
			check.Causes = []int{52}
		}
	}
	e.fail(check, answer)
	return nil
}

// ask has the trust policy decide.
func (e *explanation) ask(document *policy.Document, token *trust.Token, claims *oidc.Claims, roleARN string) {
	asked := *token
	if asked.HasRoles && e.RoleARN != "" && asked.AuthorizeRole(roleARN) != nil {
		asked.Roles = []string{roleARN} // that was told; here it is about the policy
	} else if asked.HasRoles && e.RoleARN == "" {
		asked.Roles = []string{roleARN}
	}
	_, account := e.place()
	session := &trust.Session{RoleSessionName: cmp.Or(e.RoleSessionName, "session"), RoleARN: roleARN, Account: account, RequestKeys: e.RequestKeys}
	why := &policy.Reasons{}
	decision := trust.Decide(document, &asked, session, nil, why)
	t := &Trust{Action: decision.Action, Reasons: why, Nearest: nearest(why)}
	e.report.Trust = t
	if decision.Allowed() {
		e.passed("trust", "the trust policy admits the token")
		e.control(document, t)
		return
	}
	t.Notes = append(t.Notes, asked.Explain(why)...)
	check := Check{Name: "trust", Note: "the trust policy does not admit the token"}
	switch {
	case decision.Action == trust.ActionTagSession, decision.Action == trust.ActionSetSourceIdentity:
		check.Note = "the trust policy admits the token, but not what it brings: it does not allow " + decision.Action
		check.Causes = []int{53}
	case decision.Effect == policy.ExplicitDeny:
		check.Note = "a statement of the trust policy denies it"
	default:
		t.Misses = e.misses(document, t, &asked, claims, session)
		check.Causes = missCauses(t.Misses)
	}
	e.fail(check, &Answer{Code: "AccessDenied", Message: notAuthorizedMessage})
	e.control(document, t)
	// Where the provider or the role is wrong, the policy need not be.
	if decision.Effect != policy.ExplicitDeny && !e.failed("provider") && !e.failed("role") {
		e.report.Fix = e.fix(t, &asked, session)
	}
}

// misses tells what the nearest statement missed by.
func (e *explanation) misses(document *policy.Document, t *Trust, token *trust.Token, claims *oidc.Claims, session *trust.Session) []Miss {
	if t.Nearest < 0 {
		t.Notes = append(t.Notes, "no statement of the trust policy allows anything")
		return nil
	}
	m := &missing{statement: &t.Reasons.Statements[t.Nearest], at: t.Nearest, token: token, claims: claims, role: document, session: session}
	return m.misses()
}

// control notes what IAM would say if the policy were written today.
func (e *explanation) control(document *policy.Document, t *Trust) {
	var control *trust.ControlError
	if errors.As(trust.CheckSharedIssuers(document), &control) {
		t.Notes = append(t.Notes, "IAM would not write this policy today, and will refuse its next change: "+strings.TrimSuffix(control.Message, "."))
	}
}

// nearest is the Allow statement that misses by the fewest elements, the first
// of several; -1 where there is none.
func nearest(why *policy.Reasons) int {
	best, least := -1, 0
	for i := range why.Statements {
		s := &why.Statements[i]
		if s.Effect != "Allow" || s.Statement < 0 {
			continue
		}
		missing := 0
		for _, matched := range []bool{s.Principal.Matched, s.Action.Matched, s.Resource.Matched} {
			if !matched {
				missing += 2 // a whole element is more than a condition
			}
		}
		for _, c := range s.Conditions {
			if !c.Matched {
				missing++
			}
		}
		if best < 0 || missing < least {
			best, least = i, missing
		}
	}
	return best
}

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// session looks at name and duration of the session.
func (e *explanation) session() {
	if e.RoleSessionName != "" && !sessionName.MatchString(e.RoleSessionName) {
		e.fail(Check{Name: "session", Got: e.RoleSessionName, Note: "the session's name must have 2 to 64 letters, digits and =,.@_+-", Causes: []int{66}},
			&Answer{Code: "ValidationError", Message: "1 validation error detected: Value '" + e.RoleSessionName + `' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`})
	}
	if e.Duration == 0 {
		return
	}
	limit := cmp.Or(e.MaxSessionDuration, 12*time.Hour)
	if e.Duration > limit {
		e.fail(Check{Name: "session", Wanted: []string{"at most " + limit.String()}, Got: e.Duration.String(), Note: "the role allows shorter sessions than were asked for", Causes: []int{63}},
			&Answer{Code: "ValidationError", Message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."})
	}
}
