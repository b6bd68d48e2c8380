package analyzer

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/lint"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
	"github.com/daypass/daypass/internal/unverified"
)

// DescribeAccessInput names a role.
type DescribeAccessInput struct {
	RoleName string `json:"roleName"`
}

// DescribeAccessOutput says who can assume it.
type DescribeAccessOutput struct {
	RoleARN  string    `json:"roleArn"`
	Policy   string    `json:"policy"`
	Ways     []Way     `json:"ways"`     // statements of the trust policy, in words
	Admitted []Witness `json:"admitted"` // tokens that the policy admits, one of each form of subject
	Findings []Finding `json:"findings"`
	Note     string    `json:"note,omitempty"`
}

// Way is one statement of a trust policy.
type Way struct {
	Effect string `json:"effect"`
	Words  string `json:"words"`
	Place  *Place `json:"place,omitempty"`
}

// Witness is a token that the policy admits; the function that decides requests
// admitted it.
type Witness struct {
	Issuer   string            `json:"issuer"`
	Subject  string            `json:"subject"`
	Audience string            `json:"audience"`
	Claims   map[string]string `json:"claims,omitempty"`
	Request  map[string]string `json:"request,omitempty"` // what the policy asks of the request besides
	Says     string            `json:"says"`
}

func (s *service) describeAccess(c *awsapi.Call, in *DescribeAccessInput) (*DescribeAccessOutput, error) {
	role, err := roleNamed(c, in.RoleName)
	if err != nil {
		return nil, err
	}
	out := &DescribeAccessOutput{RoleARN: role.ARN, Policy: role.TrustPolicy, Ways: []Way{}, Admitted: []Witness{}}
	examined := s.lintRole(c.Snapshot, role)
	out.Findings = findingsOf(examined)
	document, err := policy.Parse(policy.Trust, role.TrustPolicy)
	if err != nil {
		out.Note = "the trust policy cannot be read, so that nobody can assume the role"
		return out, nil //nolint:nilerr // it is what there is to tell
	}
	for i, statement := range document.Statements() {
		out.Ways = append(out.Ways, wayOf(statement, placeOf(role.TrustPolicy, i)))
	}
	found, err := lint.Newcomers(lint.Role{}, examined)
	if err != nil {
		out.Note = "the search for tokens was not finished: the patterns are too many or too intricate"
	}
	for _, w := range found {
		out.Admitted = append(out.Admitted, Witness{
			Issuer: w.Issuer, Subject: w.Subject, Audience: w.Audience, Claims: w.Claims, Request: w.Request, Says: w.Says,
		})
	}
	if len(found) == 0 && out.Note == "" {
		out.Note = "no token was found that the role admits"
	}
	return out, nil
}

func placeOf(document string, statement int) *Place {
	at, ok := explain.PlaceOf(document, "Statement", statement)
	if !ok {
		return nil
	}
	return &at
}

// wayOf tells of a statement in words.
func wayOf(s policy.StatementView, at *Place) Way {
	w := Way{Effect: "Allow", Place: at}
	verb := " may "
	if s.Denies() {
		w.Effect, verb = "Deny", " must not "
	}
	who := "whom the statement names under AWS or Service"
	switch federated := s.Federated(); {
	case len(federated) > 0:
		names := make([]string, len(federated))
		for i, name := range federated {
			_, url, ok := strings.Cut(name, ":oidc-provider/")
			if names[i] = name; ok {
				names[i] = url
			}
		}
		who = "whoever has a token of " + strings.Join(names, " or ")
	case s.Everyone():
		who = "everyone"
	}
	actions := strings.Join(s.Actions(), ", ")
	if s.ActionElement() == "NotAction" {
		actions = "do everything but " + actions
	} else {
		actions = "call " + actions
	}
	var conditions []string
	for _, c := range s.Conditions() {
		conditions = append(conditions, conditionInWords(c))
	}
	w.Words = who + verb + actions
	if len(conditions) > 0 {
		w.Words += " where " + strings.Join(conditions, " and ")
	}
	return w
}

func conditionInWords(c policy.ConditionView) string {
	name := c.Key
	if at := strings.LastIndexByte(name, ':'); at >= 0 && strings.Contains(name[:at], ".") {
		name = name[at+1:] // the provider was named
	}
	quoted := make([]string, len(c.Values))
	for i, v := range c.Values {
		quoted[i] = quote(v)
	}
	values := strings.Join(quoted, " or ")
	operator := strings.TrimSuffix(c.Operator, "IfExists")
	end := ""
	if operator != c.Operator {
		end = ", if it is there"
	}
	switch operator {
	case "StringEquals":
		return name + " is " + values + end
	case "StringLike":
		return name + " is like " + values + end
	case "StringNotEquals":
		return name + " is not " + values + end
	case "StringNotLike":
		return name + " is not like " + values + end
	}
	return name + " " + c.Operator + " " + values
}

// ListReachInput is an issuer and what is known of the tokens of a project.
type ListReachInput struct {
	Issuer string         `json:"issuer"` // URL of a registered provider
	Claims map[string]any `json:"claims"` // project_path or repository, or sub and whatever else
}

// ListReachOutput are the roles that such tokens open.
type ListReachOutput struct {
	Roles []Reached `json:"roles"`
	Asked int       `json:"asked"` // how many roles the account has
}

// Reached is a role that a token opens.
type Reached struct {
	RoleName string  `json:"roleName"`
	RoleARN  string  `json:"roleArn"`
	Subject  string  `json:"subject"` // of the token that opens it
	Audience string  `json:"audience"`
	Powers   []Power `json:"powers"`
	Boundary string  `json:"boundary,omitempty"` // ARN of what limits the powers
}

// Power is a statement of a policy in short.
type Power = explain.Power

// maxReached bounds a reply.
const maxReached = 1000

func (s *service) listReach(c *awsapi.Call, in *ListReachInput) (*ListReachOutput, error) {
	url := strings.TrimPrefix(in.Issuer, "https://")
	provider, ok := c.Snapshot.OIDCProvider(c.Account, url)
	if !ok {
		return nil, notFound("identity provider", in.Issuer)
	}
	if len(in.Claims) == 0 {
		return nil, awsapi.Invalid("Give claims, such as project_path.")
	}
	tokens, err := s.candidates(provider, in.Claims, c.Now)
	if err != nil {
		return nil, err
	}
	asked := &auth.Request{Now: c.Now, SourceIP: c.Event.SourceIP, UserAgent: c.Event.UserAgent, SecureTransport: true}
	out := &ListReachOutput{Roles: []Reached{}}
	keys := &policy.Context{}
	for role := range c.Snapshot.RolesAfter(c.Account, "") {
		if out.Asked++; out.Asked%256 == 0 && c.Request.Context().Err() != nil {
			return nil, c.Request.Context().Err()
		}
		more, err := s.literal(role, provider, in.Claims, c.Now)
		if err != nil {
			return nil, err
		}
		for _, token := range slices.Concat(more, tokens) {
			if !admits(role, token, asked, keys) {
				continue
			}
			if len(out.Roles) == maxReached {
				return nil, awsapi.Invalid("The project reaches more than 1,000 roles; ask with more claims.")
			}
			out.Roles = append(out.Roles, reached(c.Snapshot, role, token))
			break
		}
	}
	return out, nil
}

// admits asks what the exchange asks.
func admits(role *directory.Role, token *trust.Token, asked *auth.Request, keys *policy.Context) bool {
	if token.AuthorizeRole(role.ARN) != nil {
		return false
	}
	session := &trust.Session{RoleSessionName: "session", RoleARN: role.ARN, Account: role.Account, RequestKeys: func(keys *policy.Context) {
		asked.SetKeys(keys)
		role.SetTags(keys)
	}}
	return trust.Decide(role.Trust(), token, session, keys, nil).Allowed()
}

func reached(snapshot *directory.Snapshot, role *directory.Role, token *trust.Token) Reached {
	r := Reached{RoleName: role.Name, RoleARN: role.ARN, Subject: token.Subject, Audience: token.Audience, Powers: []Power{}, Boundary: role.PermissionsBoundary}
	for _, a := range snapshot.RolePolicies(nil, role) {
		r.Powers = append(r.Powers, explain.PowersOf(a.Source, a.Document)...)
	}
	return r
}

// candidates are tokens that a project's jobs could have: those of the claims, under
// every client id of the provider; where they name no subject, the subjects of a
// branch, a tag and a pull request.
func (s *service) candidates(p *directory.OIDCProvider, claims map[string]any, now time.Time) ([]*trust.Token, error) {
	if _, ok := claims["sub"]; ok {
		return s.tokens(p, claims, nil, now)
	}
	var subjects []string
	if project, ok := claims["project_path"].(string); ok { // GitLab, "OpenID Connect in AWS", sub
		for _, ref := range []string{"branch:ref:main", "branch:ref:master", "branch:ref:feature", "tag:ref:v1.0.0"} {
			subjects = append(subjects, "project_path:"+project+":ref_type:"+ref)
		}
	}
	if repository, ok := claims["repository"].(string); ok { // GitHub, "OpenID Connect reference", sub
		for _, ref := range []string{"ref:refs/heads/main", "ref:refs/heads/master", "ref:refs/heads/feature", "ref:refs/tags/v1.0.0", "pull_request", "environment:production"} {
			subjects = append(subjects, "repo:"+repository+":"+ref)
		}
	}
	if len(subjects) == 0 {
		return nil, awsapi.Invalid("Give sub, project_path or repository among the claims.")
	}
	return s.tokens(p, claims, subjects, now)
}

// literal are tokens of the subjects that a role's own trust policy names of the
// project: refs that nobody would guess.
func (s *service) literal(role *directory.Role, p *directory.OIDCProvider, claims map[string]any, now time.Time) ([]*trust.Token, error) {
	if _, ok := claims["sub"]; ok {
		return nil, nil
	}
	prefix := ""
	if project, ok := claims["project_path"].(string); ok {
		prefix = "project_path:" + project + ":"
	} else if repository, ok := claims["repository"].(string); ok {
		prefix = "repo:" + repository + ":"
	}
	var subjects []string
	for _, statement := range role.Trust().Statements() {
		for _, c := range statement.Conditions() {
			for _, value := range c.Values {
				if strings.EqualFold(c.Key, p.URL+":sub") && strings.HasPrefix(value, prefix) && len(subjects) < 32 {
					subjects = append(subjects, strings.NewReplacer("*", "main", "?", "x").Replace(value))
				}
			}
		}
	}
	if len(subjects) == 0 {
		return nil, nil
	}
	return s.tokens(p, claims, subjects, now)
}

// tokens makes tokens that nobody vouches for. They leave this function's callers as
// names alone.
func (s *service) tokens(p *directory.OIDCProvider, claims map[string]any, subjects []string, now time.Time) ([]*trust.Token, error) {
	audiences := p.ClientIDs
	if aud, ok := claims["aud"].(string); ok {
		audiences = []string{aud}
	}
	if subjects == nil {
		sub, _ := claims["sub"].(string)
		subjects = []string{sub}
	}
	var all []*trust.Token
	for _, subject := range subjects {
		for _, audience := range audiences {
			one := map[string]any{}
			for name, value := range claims {
				one[name] = value
			}
			addRef(one, subject)
			one["iss"], one["sub"], one["aud"] = p.Issuer, subject, audience
			one["iat"], one["exp"] = now.Unix(), now.Add(time.Hour).Unix()
			text, err := json.Marshal(one)
			if err != nil {
				return nil, err
			}
			signed, err := unverified.Sign(text)
			if err != nil {
				return nil, err
			}
			token, err := s.read(p, signed, now)
			if err != nil {
				return nil, awsapi.Invalid("No token has such claims: " + err.Error())
			}
			all = append(all, token)
		}
	}
	return all, nil
}

// addRef gives a token of GitLab the claims of the ref that its subject names.
func addRef(claims map[string]any, subject string) {
	_, rest, ok := strings.Cut(subject, ":ref_type:")
	if !ok {
		return
	}
	kind, ref, _ := strings.Cut(rest, ":ref:")
	for name, value := range map[string]string{"ref_type": kind, "ref": ref} {
		if _, given := claims[name]; !given {
			claims[name] = value
		}
	}
}

func (s *service) read(p *directory.OIDCProvider, signed string, now time.Time) (*trust.Token, error) {
	u, err := oidc.Parse(signed)
	if err != nil {
		return nil, err
	}
	_, audiences, _ := u.UnverifiedNames()
	claims, err := u.Verify(unverified.Keys(), audiences, now)
	if err != nil {
		return nil, err
	}
	return trust.NewToken(trust.Provider{ARN: p.ARN, URL: p.URL, ExtendedClaims: s.extended[p.URL]}, claims)
}
