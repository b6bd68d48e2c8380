package compare

import (
	"fmt"
	"strings"
)

// shape says what tells the statements of a document apart.
type shape string

const (
	// byResource gives each statement a bucket of its own, as in the policy of a
	// platform with a bucket for each team.
	byResource shape = "by-resource"
	// byCondition gives all statements the same bucket, so that only their
	// StringLike conditions tell them apart. No action and no resource rules a
	// statement out.
	byCondition shape = "by-condition"
)

// outcome is what the request of a scenario must meet.
type outcome string

const (
	allow        outcome = "allow"
	implicitDeny outcome = "implicit-deny"
	explicitDeny outcome = "explicit-deny"
)

// scenario is a document and one request. The statement that decides is the
// last, which is the worst place for an engine that walks.
type scenario struct {
	shape      shape
	statements int
	outcome    outcome
}

func (s scenario) String() string {
	return fmt.Sprintf("%s/statements=%d/%s", s.shape, s.statements, s.outcome)
}

func scenarios() []scenario {
	var all []scenario
	for _, shape := range []shape{byResource, byCondition} {
		for _, statements := range []int{1, 20, 500} {
			for _, outcome := range []outcome{allow, implicitDeny, explicitDeny} {
				all = append(all, scenario{shape, statements, outcome})
			}
		}
	}
	return all
}

// rule is one statement, free of any language.
type rule struct {
	deny     bool
	actions  []string
	resource string // a pattern
	subject  string // a pattern for subjectKey
}

// subjectKey is the condition key that the rules look at: what a GitLab job may
// do is told by the subject of its ID token.
const subjectKey = "gitlab.example.com:sub"

func (s scenario) rules() []rule {
	rules := make([]rule, s.statements)
	for i := range rules {
		rules[i] = rule{
			actions:  []string{"s3:GetObject", "s3:PutObject"},
			resource: "arn:aws:s3:::" + s.bucket(i) + "/*",
			subject:  fmt.Sprintf("project_path:group-%d/*:ref_type:branch:ref:*", i),
		}
	}
	rules[len(rules)-1].deny = s.outcome == explicitDeny
	return rules
}

func (s scenario) bucket(i int) string {
	if s.shape == byCondition {
		return "shared"
	}
	return fmt.Sprintf("team-%d", i)
}

// request is one question.
type request struct {
	action, resource, subject string
}

// request asks what the last statement answers. For an implicit deny it comes
// from a project of no group, and on by-resource asks for the bucket of no team.
func (s scenario) request() request {
	last := s.statements - 1
	r := request{
		action:   "s3:GetObject",
		resource: "arn:aws:s3:::" + s.bucket(last) + "/app/releases/v1.4.2.tar.gz",
		subject:  fmt.Sprintf("project_path:group-%d/web/frontend:ref_type:branch:ref:main", last),
	}
	if s.outcome == implicitDeny {
		r.resource = "arn:aws:s3:::" + s.bucket(s.statements) + "/app/releases/v1.4.2.tar.gz"
		r.subject = "project_path:group-none/web/frontend:ref_type:branch:ref:main"
	}
	return r
}

// iamDocument writes the rules as an identity policy.
func iamDocument(rules []rule) string {
	statements := make([]string, len(rules))
	for i, r := range rules {
		effect := "Allow"
		if r.deny {
			effect = "Deny"
		}
		statements[i] = fmt.Sprintf(`{"Effect":%q,"Action":[%s],"Resource":%q,"Condition":{"StringLike":{%q:%q}}}`,
			effect, quoted(r.actions, "%q"), r.resource, subjectKey, r.subject)
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// cedarPolicies writes the rules in Cedar. The action is the request's action
// entity, which Cedar compares before all else; resource and subject have to be
// strings of the context, because like works on strings.
func cedarPolicies(rules []rule) string {
	var b strings.Builder
	for _, r := range rules {
		effect := "permit"
		if r.deny {
			effect = "forbid"
		}
		fmt.Fprintf(&b, "%s (principal, action in [%s], resource)\nwhen { context.resource like %q && context has subject && context.subject like %q };\n",
			effect, quoted(r.actions, "Action::%q"), r.resource, r.subject)
	}
	return b.String()
}

func quoted(texts []string, format string) string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = fmt.Sprintf(format, text)
	}
	return strings.Join(list, ",")
}
