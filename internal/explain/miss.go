package explain

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
)

// Miss is a part of the nearest statement that did not match.
type Miss struct {
	// Element is Principal, Action, or the operator of a condition.
	Element string `json:"element"`
	// Condition is its index in the statement, -1 for another element.
	Condition int `json:"condition"`
	// Closest is the wanted value that is most like Got, which it leaves at the byte
	// Parts; empty where there is none to compare.
	Closest string `json:"closest,omitempty"`
	Got     string `json:"got,omitempty"`
	Parts   int    `json:"parts,omitempty"`
	// Note says what is the matter, a sentence without a full stop; empty where no
	// more is known than what was wanted and what is there.
	Note   string `json:"note,omitempty"`
	Causes []int  `json:"causes,omitempty"`
}

// missing is the looking for what is the matter with one statement.
type missing struct {
	statement *policy.StatementReason
	at        int // its index in the reasons
	token     *trust.Token
	claims    *oidc.Claims
	role      *policy.Document
	session   *trust.Session
}

// misses tells what of a statement did not match.
func (m *missing) misses() []Miss {
	var all []Miss
	s := m.statement
	if !s.Principal.Matched {
		all = append(all, m.principal())
	}
	if !s.Action.Matched {
		all = append(all, Miss{
			Element: s.Action.Element, Condition: -1, Got: s.Action.Got, Closest: strings.Join(s.Action.Wanted, ", "),
			Note: "a caller with a token asks for " + s.Action.Got, Causes: []int{52},
		})
	}
	for i := range s.Conditions {
		if c := &s.Conditions[i]; !c.Matched {
			all = append(all, m.condition(i, c))
		}
	}
	return all
}

// principal says how the principal differs from the token's provider.
func (m *missing) principal() Miss {
	p := &m.statement.Principal
	miss := Miss{Element: p.Element, Condition: -1, Got: m.token.Provider, Causes: []int{51}}
	federated := make([]string, len(p.Wanted))
	for i, written := range p.Wanted { // with its type in front
		federated[i] = strings.TrimPrefix(written, "Federated ")
	}
	miss.Closest, miss.Parts = closest(federated, miss.Got)
	wanted, got := providerURL(miss.Closest), m.token.ProviderURL
	switch note := almost(wanted, got); {
	case wanted == "" && strings.Contains(miss.Closest, "*"):
		miss.Note = "a wildcard in the place of the principal does not stand for identity providers"
	case wanted == "":
		miss.Note = "the statement trusts no identity provider; name the token's under Federated"
	case wanted == got:
		miss.Note = "it is a provider of the same URL in another account or partition than the role's"
	case note != "":
		miss.Note = "it differs from the token's provider " + note
	default:
		miss.Note = "it is another issuer than the token's"
		miss.Causes = []int{51, 16}
	}
	return miss
}

// condition says what is the matter with a condition. What the policy language
// itself can tell (Hint) comes first but for sub, of which more is known.
func (m *missing) condition(at int, c *policy.ConditionReason) Miss {
	miss := Miss{Element: c.Operator, Condition: at, Note: c.Hint()}
	if !c.Present {
		m.absent(c, &miss)
		return miss
	}
	if len(c.Got) == 1 {
		miss.Got = c.Got[0]
		miss.Closest, miss.Parts = closest(c.Wanted, miss.Got)
	}
	name := m.ownKey(c.Key)
	switch {
	case strings.Contains(miss.Note, "literally"):
		miss.Causes = []int{40}
	case strings.Contains(miss.Note, "case of letters"):
		miss.Causes = []int{44}
	case strings.EqualFold(name, "aud"):
		miss.Causes = []int{24}
		if m.token.OAud != nil {
			miss.Causes = []int{26}
		}
	}
	if strings.EqualFold(name, "sub") && !negated(c.Operator) {
		if cause, note := m.subject(at, miss.Closest); cause != 0 {
			miss.Note = note
			miss.Causes = append([]int{cause}, slices.DeleteFunc(miss.Causes, func(n int) bool { return n == cause })...)
		}
	}
	return miss
}

// absent says why the request does not carry a key.
func (m *missing) absent(c *policy.ConditionReason, miss *Miss) {
	at := strings.LastIndexByte(c.Key, ':')
	switch url := m.token.ProviderURL; {
	case m.ownKey(c.Key) != "":
		miss.Causes = []int{49}
		miss.Note = "AWS makes no condition key of this claim for " + url + "; it has sub and aud, and for some issuers a few more"
	case strings.HasPrefix(c.Key, "oidc:"):
		miss.Causes = []int{77}
		miss.Note = "this is a key of SeaweedFS; AWS's and Daypass's begin with the issuer: write " + url + c.Key[at:]
	case at < 0 || globalKey(c.Key):
		// the hint says all
	case strings.HasPrefix(c.Key, "https://") || strings.HasPrefix(c.Key, "http://"):
		miss.Causes = []int{50}
	case almost(c.Key[:at], url) != "":
		miss.Causes = []int{50}
		miss.Note = "the key's provider differs from the token's " + almost(c.Key[:at], url) + "; write " + url + c.Key[at:]
	default:
		miss.Causes = []int{50, 16}
		miss.Note = "the key is of another issuer than the token's; the token's keys begin with " + url + ":"
	}
}

// globalKey reports whether a key is no provider's.
func globalKey(key string) bool {
	service, _, _ := strings.Cut(key, ":")
	return slices.Contains([]string{"aws", "sts", "iam", "saml"}, strings.ToLower(service))
}

// ownKey is the name of a key of the token's provider; empty for another key.
func (m *missing) ownKey(key string) string {
	n := len(m.token.ProviderURL)
	if len(key) > n+1 && key[n] == ':' && strings.EqualFold(key[:n], m.token.ProviderURL) {
		return key[n+1:]
	}
	return ""
}

var (
	immutableSubject = regexp.MustCompile(`^repo:([^/@:]+)@[0-9]+/([^/@:]+)@[0-9]+(:.*)?$`)
	mergeRequestType = regexp.MustCompile(`ref_type:(mr|merge_request)(:|$)`)
	refType          = regexp.MustCompile(`ref_type:([a-z]+)`)
)

// subject finds, of a sub that did not match, the known reasons. Where it can, it
// asks whether another sub would have matched.
func (m *missing) subject(at int, wanted string) (cause int, note string) {
	got := m.token.Subject
	if parts := immutableSubject.FindStringSubmatch(got); parts != nil && m.matches(at, "repo:"+parts[1]+"/"+parts[2]+parts[3]) {
		return 41, "the token's sub has the immutable form with ids, and the policy the old one"
	}
	if mergeRequestType.MatchString(wanted) {
		return 45, "GitLab writes no such ref_type: a merge request's pipeline has ref_type:branch and its source branch"
	}
	if path, jobPath := m.claim("project_path"), m.claim("job_project_path"); path != "" && jobPath != "" && path != jobPath &&
		m.matches(at, strings.Replace(got, path, jobPath, 1)) {
		return 47, "the token is of a merge request from the fork " + path + ", and names the fork; the policy trusts " + jobPath
	}
	if is := refType.FindStringSubmatch(got); is != nil {
		for _, other := range []string{"branch", "tag"} {
			if is[1] != other && strings.Contains(wanted, "ref_type:"+other) {
				return 46, "the pipeline is for a " + is[1] + ", and the policy trusts a " + other
			}
		}
	}
	if strings.HasPrefix(got, "repo:") {
		return m.gitHubSubject(wanted)
	}
	if strings.HasPrefix(wanted, "project_path:") && !strings.HasPrefix(got, "project_path:") ||
		strings.HasPrefix(wanted, "repo:") && !strings.HasPrefix(got, "repo:") {
		return 48, "the token's sub has another form than the policy waits for"
	}
	if components(got) != "" && components(wanted) != "" && components(got) != components(wanted) && !strings.ContainsAny(wanted, "*?") {
		return 48, "the token's sub is made of " + components(got) + ", and the policy waits for " + components(wanted)
	}
	return 0, ""
}

// gitHubSubject is subject for the forms of GitHub's sub.
func (m *missing) gitHubSubject(wanted string) (cause int, note string) {
	got := m.token.Subject
	switch hasEnvironment, wantsEnvironment := strings.Contains(got, ":environment:"), strings.Contains(wanted, ":environment:"); {
	case strings.HasSuffix(got, ":pull_request") && !strings.HasSuffix(wanted, ":pull_request"):
		return 43, "the job is of a pull request, and its sub says no more than that"
	case hasEnvironment && !wantsEnvironment:
		return 42, "the job has an environment, which stands in sub in the place of the branch"
	case !hasEnvironment && wantsEnvironment:
		return 42, "the policy waits for an environment, and the job has none"
	case !strings.HasPrefix(wanted, "repo:"):
		return 48, "the token's sub has another form than the policy waits for"
	}
	return 0, ""
}

// components are the names in a sub of GitLab: project_path:…:ref_type:…:ref:….
func components(sub string) string {
	var names []string
	parts := strings.Split(sub, ":")
	for i := 0; i+1 < len(parts); i += 2 {
		if !slices.Contains([]string{"project_path", "project_id", "ref_type", "ref", "ref_protected", "environment_protected", "deployment_tier"}, parts[i]) {
			return ""
		}
		names = append(names, parts[i])
	}
	return strings.Join(names, ", ")
}

// matches reports whether the condition would match if the token had another sub.
func (m *missing) matches(condition int, sub string) bool {
	other := *m.token
	other.Subject = sub
	why := &policy.Reasons{}
	trust.Decide(m.role, &other, m.session, nil, why)
	if m.at >= len(why.Statements) || condition >= len(why.Statements[m.at].Conditions) {
		return false
	}
	return why.Statements[m.at].Conditions[condition].Matched
}

// claim is a claim that is a text; empty for another.
func (m *missing) claim(name string) string {
	var text string
	if m.claims == nil {
		return ""
	}
	if value, ok := m.claims.Member(name); !ok || json.Unmarshal(value, &text) != nil {
		return ""
	}
	return text
}

// negated reports whether an operator wants another value.
func negated(operator string) bool { return strings.Contains(operator, "Not") }

// closest is the value that is most like got: by what both begin with, then by
// what both end with. Parts is where they part.
func closest(values []string, got string) (value string, parts int) {
	best := -1
	for _, v := range values {
		front := common(v, got)
		back := min(common(reversed(v), reversed(got)), len(v)-front, len(got)-front)
		if front+back > best {
			best, value, parts = front+back, v, front
		}
	}
	return value, parts
}

// common is how many bytes two texts begin with alike, in whole characters.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && n < len(b) && b[n]&0xC0 == 0x80 {
		n--
	}
	return n
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// missCauses are the causes of the misses, each once.
func missCauses(all []Miss) []int {
	var causes []int
	for i := range all {
		for _, cause := range all[i].Causes {
			if !slices.Contains(causes, cause) {
				causes = append(causes, cause)
			}
		}
	}
	return causes
}

// from names the CI system that a token looks like one of, by its claims.
func from(c *oidc.Claims) string {
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { _, ok := c.Member(name); return !ok })
	}
	switch {
	case has("project_path", "pipeline_source", "ref_path"), has("namespace_path", "project_path", "pipeline_id"):
		return "GitLab"
	case has("repository", "workflow_ref"), has("repository_owner", "runner_environment"):
		return "GitHub Actions"
	case has("kubernetes.io"):
		return "Kubernetes"
	case has("oidc.circleci.com/project-id"):
		return "CircleCI"
	case has("organization_slug", "pipeline_slug"):
		return "Buildkite"
	case has("pipelineUuid", "stepUuid"), has("repositoryUuid"):
		return "Bitbucket Pipelines"
	case has("terraform_workspace_id"):
		return "HCP Terraform"
	}
	return ""
}
