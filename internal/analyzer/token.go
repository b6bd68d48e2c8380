package analyzer

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
	"github.com/daypass/daypass/internal/unverified"
)

// GetDecisionInput names a request of the record.
type GetDecisionInput struct {
	RequestID string `json:"requestId"`
}

// GetDecisionOutput is one decision, explained.
type GetDecisionOutput struct {
	Decision      Decision          `json:"decision"`
	Message       string            `json:"message,omitempty"` // as the client was told
	Effect        string            `json:"effect,omitempty"`  // Allow, ImplicitDeny, ExplicitDeny; of a refusal
	TokenVerified bool              `json:"tokenVerified"`
	Audience      []string          `json:"audience,omitempty"`
	Claims        map[string]string `json:"claims,omitempty"` // those that name the job
	Session       string            `json:"session,omitempty"`
	Explanation   *Explanation      `json:"explanation"`
	// Now is what the policies, as they are now, say of a request like this one:
	// "admitted" or "denied" of a token, as far as it is known, by the role's trust
	// policy; "allowed" or "denied" of another; "" where that cannot be asked.
	Now string `json:"now,omitempty"`
}

func (s *service) getDecision(c *awsapi.Call, in *GetDecisionInput) (*GetDecisionOutput, error) {
	if in.RequestID == "" {
		return nil, awsapi.Invalid("requestId is needed.")
	}
	asked := find{Query: audit.Query{RequestID: in.RequestID}, Max: 1}
	here, err := s.findHere(c.Request.Context(), c.Account, &asked)
	if err != nil {
		return nil, err
	}
	all, silent := []*found{here}, []string(nil)
	if len(here.events) == 0 {
		if all, silent, err = s.findAll(c.Request.Context(), c.Account, func(string) find { return asked }); err != nil {
			return nil, err
		}
	}
	for _, f := range all {
		if len(f.events) > 0 {
			out := s.explain(c, f.events[0])
			out.Decision.Node = f.node
			return out, nil
		}
	}
	if len(silent) > 0 {
		return nil, awsapi.Error(400, "ResourceNotFoundException",
			"There is no decision "+in.RequestID+" in this account, as far as nodes told: "+strings.Join(silent, ", ")+" did not.")
	}
	return nil, notFound("decision", in.RequestID)
}

func (s *service) explain(c *awsapi.Call, e *audit.Event) *GetDecisionOutput {
	out := &GetDecisionOutput{
		Decision: decisionOf(e, c.Account), Message: e.Message, Effect: e.Decision, TokenVerified: e.Verified,
		Audience: e.Audience, Claims: e.Claims, Session: e.Session,
	}
	documents, known := documentsOf(c.Snapshot, c.Account, e.Principal, e.Documents)
	out.Explanation = explained(e.Reasons, documents, known)
	if e.Operation != "AssumeRoleWithWebIdentity" {
		explainPermission(c, e, out)
		return out
	}
	if !e.Verified || e.Issuer == "" {
		return out
	}
	_, name, _ := arn.RoleName(e.Role)
	role, ok := c.Snapshot.Role(c.Account, name)
	if !ok {
		return out
	}
	token, err := unverified.Sign(claimsOf(e))
	if err != nil {
		return out
	}
	q := s.question(c.Snapshot, role, token, &auth.Request{Now: e.Time, SourceIP: e.SourceIP, UserAgent: e.UserAgent, SecureTransport: wasOverTLS(e)})
	q.RoleSessionName = e.RoleSessionName
	report := explain.Explain(q)
	if report.Trust == nil {
		return out
	}
	out.Now = "denied"
	if report.Verdict() == explain.Admitted {
		out.Now = "admitted"
		return out
	}
	out.Explanation.Notes = notesOf(report)
	if e.Outcome() == audit.Denied {
		out.Explanation.Fix = fixOf(report, role)
	}
	return out
}

// wasOverTLS reports whether a request came over TLS, as far as its event tells: where no
// policy asked for that, it is taken for granted, as by tryToken.
func wasOverTLS(e *audit.Event) bool {
	if e.Reasons != nil {
		for i := range e.Reasons.Statements {
			for _, condition := range e.Reasons.Statements[i].Conditions {
				if condition.Present && strings.EqualFold(condition.Key, "aws:SecureTransport") {
					return slices.Equal(condition.Got, []string{"true"})
				}
			}
		}
	}
	return true
}

// claimsOf puts a token's claims together from what an event tells: its names, and
// what conditions got of it.
func claimsOf(e *audit.Event) []byte {
	host := strings.TrimPrefix(e.Issuer, "https://")
	claims := map[string]any{}
	for name, value := range e.Claims {
		claims[name] = value
	}
	if e.Reasons != nil {
		for i := range e.Reasons.Statements {
			for _, condition := range e.Reasons.Statements[i].Conditions {
				at := strings.LastIndexByte(condition.Key, ':')
				if at < 0 || condition.Key[:at] != host || !condition.Present {
					continue
				}
				if name := condition.Key[at+1:]; condition.Multivalued {
					claims[name] = condition.Got
				} else if len(condition.Got) == 1 {
					claims[name] = condition.Got[0]
				}
			}
		}
	}
	claims["iss"], claims["sub"], claims["iat"], claims["exp"] = e.Issuer, e.Subject, e.Time.Unix(), e.Time.Add(time.Hour).Unix()
	if claims["aud"] = any(e.Audience); len(e.Audience) == 1 {
		claims["aud"] = e.Audience[0]
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return []byte("{}")
	}
	return text
}

// question asks explain about a role of an account.
func (s *service) question(snapshot *directory.Snapshot, role *directory.Role, token string, asked *auth.Request) *explain.Question {
	q := &explain.Question{
		Token: token, Policy: role.TrustPolicy, RoleARN: role.ARN, Providers: []string{},
		MaxSessionDuration: time.Duration(role.MaxSessionDuration) * time.Second, Now: asked.Now,
		RequestKeys: func(keys *policy.Context) {
			asked.SetKeys(keys)
			role.SetTags(keys)
		},
	}
	issuer := ""
	if u, err := oidc.Parse(strings.TrimSpace(token)); err == nil {
		issuer = u.Issuer()
	}
	for _, p := range snapshot.OIDCProviders(role.Account) {
		q.Providers = append(q.Providers, p.ARN)
		if p.Issuer == issuer {
			q.ClientIDs = slices.Concat([]string{}, p.ClientIDs)
			q.ExtendedClaims = s.extended[p.URL]
		}
	}
	return q
}

func notesOf(report *explain.Report) []string {
	notes := slices.Clone(report.Trust.Notes)
	for i := range report.Trust.Misses {
		if miss := &report.Trust.Misses[i]; miss.Note != "" {
			notes = append(notes, miss.Note)
		}
	}
	return notes
}

func fixOf(report *explain.Report, role *directory.Role) *Fix {
	if report.Fix == nil {
		return nil
	}
	return &Fix{Operation: updateTrust, RoleName: role.Name, Steps: report.Fix.Steps, Before: role.TrustPolicy, Policy: report.Fix.Policy, Warning: report.Fix.Warning}
}

// TryTokenInput is a role, and a token or the claims of one that there might be.
type TryTokenInput struct {
	RoleArn  string         `json:"roleArn"` // or its name
	Token    string         `json:"token"`
	Claims   map[string]any `json:"claims"` // iss, sub and aud are needed; iat and exp are now and in an hour
	SourceIP string         `json:"sourceIp"`
}

// TryTokenOutput says whether the role would admit the token now. Nothing is minted
// and no token is used up.
type TryTokenOutput struct {
	Verdict  string   `json:"verdict"`  // admitted or denied
	Verified bool     `json:"verified"` // the issuer's keys confirm the token; false for claims
	Note     string   `json:"note,omitempty"`
	Checks   []Check  `json:"checks"` // in AWS's order; the first that failed is what a client is told
	Issuer   string   `json:"issuer,omitempty"`
	Subject  string   `json:"subject,omitempty"`
	Audience []string `json:"audience,omitempty"`
	From     string   `json:"from,omitempty"` // the CI system that the token looks like one of

	Explanation *Explanation `json:"explanation"`
	Causes      []Cause      `json:"causes,omitempty"`
}

// Check is one thing that is asked of a token.
type Check struct {
	Name   string   `json:"name"`  // token, provider, audience, times, signature, role, trust …
	State  string   `json:"state"` // passed, failed or unknown
	Wanted []string `json:"wanted,omitempty"`
	Got    string   `json:"got,omitempty"`
	Note   string   `json:"note"`
	Answer *Answer  `json:"answer,omitempty"` // what AWS answers where the check failed
}

// Answer is what AWS STS tells a client.
type Answer = explain.Answer

// Cause is one of those of docs/causes.md.
type Cause struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
	Fix    string `json:"fix"`
	Link   string `json:"link"`
}

func (s *service) tryToken(c *awsapi.Call, in *TryTokenInput) (*TryTokenOutput, error) {
	role, err := roleNamed(c, in.RoleArn)
	if err != nil {
		return nil, err
	}
	if (in.Token == "") == (in.Claims == nil) {
		return nil, awsapi.Invalid("Give one of token and claims.")
	}
	if len(in.Token) > oidc.MaxTokenBytes {
		return nil, awsapi.Invalid("The token has more than 20,000 characters.")
	}
	if _, err := netip.ParseAddr(in.SourceIP); in.SourceIP != "" && err != nil {
		return nil, awsapi.Invalid("The value of sourceIp is no IP address.")
	}
	token := in.Token
	if in.Claims != nil {
		if token, err = tokenOf(in.Claims, c.Now); err != nil {
			return nil, err
		}
	}
	asked := &auth.Request{Now: c.Now, SourceIP: in.SourceIP, UserAgent: c.Event.UserAgent, SecureTransport: true}
	if in.SourceIP == "" {
		asked.SourceIP = c.Event.SourceIP
	}
	q := s.question(c.Snapshot, role, token, asked)
	out := &TryTokenOutput{Explanation: explained(nil, nil, nil), Checks: []Check{}}
	if in.Claims != nil {
		out.Note = "claims that were filled in; no issuer vouches for them"
	} else {
		q.Keys, out.Note = s.keysFor(c, token)
	}
	report := explain.Explain(q)
	out.Verdict, out.Issuer, out.Subject, out.Audience, out.From = "denied", report.Issuer, report.Subject, report.Audience, report.From
	for i := range report.Checks {
		check := &report.Checks[i]
		if check.Name == "signature" {
			out.Verified = in.Claims == nil && check.State == explain.Passed
		}
		out.Checks = append(out.Checks, Check{check.Name, check.State.String(), check.Wanted, check.Got, check.Note, check.Answer})
	}
	for _, cause := range report.Causes() {
		out.Causes = append(out.Causes, Cause{cause.Number, cause.Title, cause.Fix, cause.Link})
	}
	if report.Verdict() == explain.Admitted {
		out.Verdict = "admitted"
	}
	if report.Trust != nil {
		out.Explanation = explained(report.Trust.Reasons, []Document{{Name: "trust policy of " + role.ARN, Text: role.TrustPolicy}}, []bool{true})
		out.Explanation.Nearest, out.Explanation.Notes, out.Explanation.Fix = report.Trust.Nearest, notesOf(report), fixOf(report, role)
	}
	return out, nil
}

// keysFor gives the keys of the registered provider that a token names; otherwise
// why there are none. Nobody else is asked.
func (s *service) keysFor(c *awsapi.Call, token string) (*oidc.KeySet, string) {
	u, err := oidc.Parse(strings.TrimSpace(token))
	if err != nil {
		return nil, ""
	}
	url, named := trust.ProviderURL(u.Issuer())
	provider, ok := c.Snapshot.OIDCProvider(c.Account, url)
	if !named || !ok {
		return nil, "the token's signature was not verified: the account has no provider for its issuer"
	}
	keys, err := s.ProviderKeys.Keys(c.Request.Context(), jwks.Provider{Issuer: provider.Issuer, Thumbprints: provider.Thumbprints}, u.KeyID())
	if err != nil {
		return nil, "the token's signature was not verified: " + jwks.Reason(err)
	}
	return keys.KeySet, ""
}

// tokenOf makes an unverified token of claims.
func tokenOf(claims map[string]any, now time.Time) (string, error) {
	all := map[string]any{"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	for name, value := range claims {
		all[name] = value
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("analyzer: claims: %w", err)
	}
	if len(text) > oidc.MaxTokenBytes/2 {
		return "", awsapi.Invalid("The claims have more than 10,000 bytes.")
	}
	return unverified.Sign(text)
}

// roleNamed finds a role of the caller's account by its name or ARN.
func roleNamed(c *awsapi.Call, asked string) (*directory.Role, error) {
	name := asked
	if strings.HasPrefix(asked, "arn:") {
		account, of, ok := arn.RoleName(asked)
		if !ok || account != c.Account {
			return nil, notFound("role", asked)
		}
		name = of
	}
	if name == "" {
		return nil, awsapi.Invalid("The name of a role is needed.")
	}
	role, ok := c.Snapshot.Role(c.Account, name)
	if !ok {
		return nil, notFound("role", asked)
	}
	return role, nil
}
