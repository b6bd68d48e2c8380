package suite

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/sts"
)

// Options are what a run needs besides the suite.
type Options struct {
	// Now is the time at which everything is asked.
	Now time.Time
	// Like makes the claims of a token of a kind, such as "gitlab", of the keys that
	// a case gives. Nil knows no kind.
	Like func(kind string, settings map[string]any) (map[string]any, error)
}

// defaultAudience is what aws-actions and most guides use.
const defaultAudience = "sts.amazonaws.com"

// Run decides every case. The error is that of a case that could not be asked,
// such as a token of an unknown kind.
func (s *Suite) Run(o Options) (*Result, error) {
	result := &Result{Suite: s.name, covered: newCoverage(s)}
	for i := range s.Tests {
		c := &s.Tests[i]
		r := &running{suite: s, test: c, role: s.Roles[c.Role], options: o, covered: result.covered}
		outcome, err := r.run()
		if err != nil {
			return nil, fmt.Errorf("suite: %s: line %d: %w", s.name, c.line, err)
		}
		result.Outcomes = append(result.Outcomes, outcome)
	}
	return result, nil
}

// running is one case on its way to its outcome.
type running struct {
	suite   *Suite
	test    *Case
	role    *Role
	options Options
	covered *coverage
}

func (r *running) run() (Outcome, error) {
	o := Outcome{Name: r.test.Name, Role: r.test.Role, Line: r.test.line, Wanted: r.test.Expect}
	var report *explain.Report
	if r.test.Token != nil {
		var err error
		if report, err = r.exchange(); err != nil {
			return o, err
		}
	}
	switch {
	case len(r.test.Do) == 0:
		r.judgeToken(&o, report)
	case report != nil && report.Verdict() != explain.Admitted:
		o.Got = "deny"
		o.Passed = false
		o.Why = append([]string{"the token has to be admitted first, and is not:"}, lines(report)...)
	default:
		r.judgeRequests(&o, report)
	}
	return o, nil
}

// exchange puts the token to the role's trust policy.
func (r *running) exchange() (*explain.Report, error) {
	token, err := r.token()
	if err != nil {
		return nil, err
	}
	report := explain.Explain(&explain.Question{
		Token: token, Policy: r.role.trust.text, RoleARN: r.roleARN(), ClientIDs: r.role.ClientIDs,
		RoleSessionName: r.test.SessionName, ExtendedClaims: r.suite.ExtendedClaims, Now: r.options.Now,
		RequestKeys: func(keys *policy.Context) {
			request := r.request()
			request.SetKeys(keys)
			r.setKeys(keys)
			for name, value := range r.role.Tags {
				keys.Set("aws:ResourceTag/"+name, value)
				keys.Set("iam:ResourceTag/"+name, value)
			}
		},
	})
	if report.Trust != nil {
		r.covered.trust(r.test.Role, report.Trust.Reasons)
	}
	return report, nil
}

func (r *running) roleARN() string { return arn.Role(r.suite.Account, r.role.Path, r.test.Role) }

func (r *running) request() *auth.Request {
	return &auth.Request{Now: r.options.Now, SecureTransport: true}
}

func (r *running) setKeys(keys *policy.Context) {
	for name, values := range r.test.Keys {
		if len(values) == 1 {
			keys.Set(name, values[0])
		} else {
			keys.SetMulti(name, values)
		}
	}
}

// token makes the case's token. Nobody signed it, which is not looked at without
// the issuer's keys.
func (r *running) token() (string, error) {
	claims := maps.Clone(r.test.Token)
	if kind, ok := claims["like"]; ok {
		if r.options.Like == nil {
			return "", fmt.Errorf("like: %v: no kinds of token are known here", kind)
		}
		delete(claims, "like")
		for name, value := range map[string]string{"iss": r.suite.Issuer, "aud": r.suite.Audience} {
			if _, given := claims[name]; !given && value != "" {
				claims[name] = value
			}
		}
		made, err := r.options.Like(fmt.Sprint(kind), claims)
		if err != nil {
			return "", err
		}
		claims = made
	}
	now := r.options.Now.Unix()
	defaults := map[string]any{"iss": r.suite.Issuer, "aud": defaultAudience, "iat": now, "exp": now + 300}
	if r.suite.Audience != "" {
		defaults["aud"] = r.suite.Audience
	}
	if sub, ok := gitLabSubject(claims); ok {
		defaults["sub"] = sub
	}
	for name, value := range defaults {
		if _, given := claims[name]; !given && value != "" {
			claims[name] = value
		}
	}
	if claims["iss"] == nil {
		return "", errors.New("the token has no iss; give the suite an issuer")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("the token's claims are no JSON: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","typ":"JWT","kid":"suite"}`)) + "." + encode(payload) + "." + encode([]byte("nobody signed this")), nil
}

// gitLabSubject is the sub that GitLab makes of project_path and ref by default.
func gitLabSubject(claims map[string]any) (string, bool) {
	project, _ := claims["project_path"].(string)
	ref, _ := claims["ref"].(string)
	if project == "" || ref == "" {
		return "", false
	}
	kind, _ := claims["ref_type"].(string)
	if kind == "" {
		kind = "branch"
	}
	return "project_path:" + project + ":ref_type:" + kind + ":ref:" + ref, true
}

// judgeToken holds what became of the token against what was expected.
func (r *running) judgeToken(o *Outcome, report *explain.Report) {
	o.Got = "deny"
	if report.Verdict() == explain.Admitted {
		o.Got = "allow"
	}
	o.Passed = o.Got == o.Wanted
	switch {
	case !o.Passed && o.Got == "allow":
		o.Why = []string{"the trust policy admits the token, by " + allowedBy(report)}
	case !o.Passed:
		o.Why = lines(report)
	case r.test.Because != "" && !isBecause(r.test.Because, report):
		o.Passed = false
		o.Why = append([]string{"it is denied, but not because of " + r.test.Because + ":"}, lines(report)...)
	}
}

// judgeRequests asks for each pair of action and resource.
func (r *running) judgeRequests(o *Outcome, report *explain.Report) {
	caller := r.caller(report)
	o.Passed, o.Got = true, r.test.Expect
	for _, action := range r.test.Do {
		for _, resource := range r.test.On {
			why := &policy.Reasons{}
			question := &auth.Question{Action: action, Resource: resource, Keys: r.setKeys, Owner: r.test.Owner}
			if r.test.resource != nil {
				document, _ := policy.Parse(policy.Resource, r.test.resource.text) // nil denies
				question.Policy = &directory.Attached{Source: r.test.Policy, Document: document}
			}
			answer := caller.Decide(r.request(), question, why)
			r.covered.permissions(r.test.Role, why)
			got := "deny"
			if answer.Allowed() {
				got = "allow"
			}
			switch {
			case got != r.test.Expect:
				o.Passed, o.Got = false, got
				o.Why = append(o.Why, r.whyNot(action, resource, got, &answer, why)...)
			case r.test.Because != "" && !isReason(r.test.Because, why):
				o.Passed = false
				o.Why = append(o.Why, fmt.Sprintf("%s on %s is denied, but not because of %s", action, resource, r.test.Because))
			}
		}
	}
}

// whyNot says of one request what decided it.
func (r *running) whyNot(action, resource, got string, answer *auth.Answer, why *policy.Reasons) []string {
	switch {
	case got == "allow":
		return []string{fmt.Sprintf("%s on %s is allowed, by statement %d of %s", action, resource, answer.Statement+1, answer.Source)}
	case answer.Effect == policy.ExplicitDeny:
		return []string{fmt.Sprintf("%s on %s is denied, by statement %d of %s", action, resource, answer.Statement+1, answer.Source)}
	}
	all := []string{fmt.Sprintf("%s on %s is denied: no statement allows it", action, resource)}
	if answer.Kind == policy.Boundary {
		all[0] = fmt.Sprintf("%s on %s is denied: the permissions boundary does not allow it", action, resource)
	}
	for i := range why.Statements {
		s := &why.Statements[i]
		if s.Effect == "Allow" && !s.Matched && s.Action.Matched {
			all = append(all, missedBy(s)...)
		}
	}
	return all
}

// missedBy says by what a statement about the action missed.
func missedBy(s *policy.StatementReason) []string {
	var all []string
	if !s.Resource.Matched {
		all = append(all, fmt.Sprintf("  statement %d is for %s", s.Statement+1, strings.Join(s.Resource.Wanted, ", ")))
	}
	for _, c := range s.Conditions {
		if !c.Matched {
			all = append(all, fmt.Sprintf("  statement %d wants %s %s to be %s, and it is %s", s.Statement+1, c.Operator, c.Key, strings.Join(c.Wanted, ", "), shownValues(c.Got, c.Present)))
		}
	}
	return all
}

func shownValues(values []string, present bool) string {
	if !present {
		return "not there"
	}
	return strings.Join(values, ", ")
}

// caller is the session that the token, or nobody in particular, began.
func (r *running) caller(report *explain.Report) *auth.Caller {
	grant := session.Grant{
		Account: r.suite.Account, Kind: session.AssumedRole, RoleName: r.test.Role, RoleID: "AROAEXAMPLEEXAMPLE001",
		SessionName: "test", IssuedAt: r.options.Now, Expires: r.options.Now.Add(time.Hour),
	}
	if r.test.SessionName != "" {
		grant.SessionName = r.test.SessionName
	}
	if report != nil && report.Token != nil {
		grant.Provider, grant.SourceIdentity = report.Token.Provider, report.Token.SourceIdentity
		grant.Context, grant.Tags = sts.SessionContext(report.Token)
	}
	var tags []store.Tag
	for _, name := range slices.Sorted(maps.Keys(r.role.Tags)) {
		tags = append(tags, store.Tag{Key: name, Value: r.role.Tags[name]})
	}
	var boundary []directory.Attached
	if r.role.boundary != nil {
		boundary = attached(policy.Boundary, []document{*r.role.boundary})
	}
	return auth.RoleSession(r.roleARN(), tags, attached(policy.Identity, r.role.permissions), boundary, &session.Session{Grant: grant})
}

// attached parses documents that Read parsed before. One that fails denies.
func attached(kind policy.Kind, documents []document) []directory.Attached {
	var all []directory.Attached
	for _, d := range documents {
		parsed, _ := policy.Parse(kind, d.text)
		all = append(all, directory.Attached{Source: d.file, Document: parsed})
	}
	return all
}
