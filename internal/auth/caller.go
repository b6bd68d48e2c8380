package auth

import (
	"strconv"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
)

// Caller is who signed a request: a user with a long-lived key, or a role
// session. Its zero value may do nothing.
type Caller struct {
	Account     string
	ARN         string // arn:aws:iam::…:user/NAME or arn:aws:sts::…:assumed-role/ROLE/SESSION
	UserID      string // AIDA…, or AROA…:SESSION
	AccessKeyID string
	// Session is nil for a user.
	Session *session.Session

	principalType string // aws:PrincipalType
	principalARN  string // aws:PrincipalArn: for a session the role's ARN, with its path
	userName      string // aws:username, users only
	policies      []directory.Attached
}

// Request is what authorisation takes from the request besides action and
// resource: the values of the global condition keys.
type Request struct {
	Now             time.Time
	SourceIP        string
	UserAgent       string
	Region          string // of the credential scope
	SecureTransport bool
}

// Question is one thing that a caller may or may not do.
type Question struct {
	Action   string // iam:CreateRole
	Resource string // an ARN, or "*"
	// Keys are the condition keys that this operation adds, name and value in turn.
	Keys []string
	// MultiKeys are those of them that are multivalued.
	MultiKeys []MultiKey
}

// MultiKey is a multivalued condition key, which policies ask with ForAllValues
// and ForAnyValue, however many values it has today.
type MultiKey struct {
	Key    string
	Values []string
}

// Answer is a decision with what a denial needs to be told.
type Answer struct {
	policy.Evaluation
	// Source names the document that decided, "" if none did.
	Source string
}

// Decide answers one question by the caller's policies as they stand in the
// snapshot that authenticated it, about a resource of the caller's own account.
// Reasons are filled where why is not nil.
func (c *Caller) Decide(r *Request, q *Question, why *policy.Reasons) Answer {
	var keys policy.Context
	c.setPrincipalKeys(&keys)
	r.SetKeys(&keys)
	for i := 0; i+1 < len(q.Keys); i += 2 {
		keys.Set(q.Keys[i], q.Keys[i+1])
	}
	for _, k := range q.MultiKeys {
		keys.SetMulti(k.Key, k.Values)
	}
	documents := make([]*policy.Document, len(c.policies))
	for i := range c.policies {
		documents[i] = c.policies[i].Document
	}
	answer := Answer{Evaluation: policy.Evaluate(&policy.Request{
		Action:    q.Action,
		Resource:  q.Resource,
		Principal: c.principal(),
		Context:   &keys,
	}, &policy.Policies{Identity: documents, ResourceAccount: c.Account}, why)}
	if answer.Effect != policy.ImplicitDeny && answer.Document >= 0 && answer.Document < len(c.policies) {
		answer.Source = c.policies[answer.Document].Source
	}
	return answer
}

// PrincipalARN is the caller as IAM knows it, aws:PrincipalArn: a user's ARN,
// or for a session that of its role, with its path.
func (c *Caller) PrincipalARN() string { return c.principalARN }

// principal is the caller as the policies of resources and roles name it.
func (c *Caller) principal() policy.Principal {
	p := policy.Principal{ARN: c.ARN, Account: c.Account, UniqueID: c.UserID}
	if c.Session != nil {
		p.RoleARN, p.UniqueID = c.principalARN, c.Session.RoleID
	}
	return p
}

// Documents names the caller's policies in the order in which Decide counts them.
func (c *Caller) Documents() []string {
	names := make([]string, len(c.policies))
	for i := range c.policies {
		names[i] = c.policies[i].Source
	}
	return names
}

// setPrincipalKeys sets the keys that say who asks (IAM User Guide, "AWS global
// condition context keys", properties of the principal and of a role session).
func (c *Caller) setPrincipalKeys(keys *policy.Context) {
	keys.Set("aws:PrincipalArn", c.principalARN)
	keys.Set("aws:PrincipalAccount", c.Account)
	keys.Set("aws:PrincipalType", c.principalType)
	keys.Set("aws:PrincipalIsAWSService", "false")
	keys.Set("aws:userid", c.UserID)
	if c.userName != "" {
		keys.Set("aws:username", c.userName)
	}
	if c.Session == nil {
		return
	}
	keys.Set("aws:TokenIssueTime", iso8601(c.Session.IssuedAt))
	if c.Session.Provider != "" {
		keys.Set("aws:FederatedProvider", c.Session.Provider)
	}
	if c.Session.SourceIdentity != "" {
		keys.Set("aws:SourceIdentity", c.Session.SourceIdentity)
	}
	for _, tag := range c.Session.Tags {
		keys.Set("aws:PrincipalTag/"+tag.Key, tag.Value)
	}
	for _, kv := range c.Session.Context {
		if kv.Multi {
			keys.SetMulti(kv.Key, kv.Values)
		} else if len(kv.Values) == 1 {
			keys.Set(kv.Key, kv.Values[0])
		}
	}
}

// SetKeys sets the keys that say how was asked, which every decision has,
// signed request or not (same guide, properties of the network and of the
// request).
func (r *Request) SetKeys(keys *policy.Context) {
	keys.Set("aws:CurrentTime", iso8601(r.Now))
	keys.Set("aws:EpochTime", strconv.FormatInt(r.Now.Unix(), 10))
	keys.Set("aws:SecureTransport", strconv.FormatBool(r.SecureTransport))
	keys.Set("aws:ViaAWSService", "false")
	if r.SourceIP != "" {
		keys.Set("aws:SourceIp", r.SourceIP)
	}
	if r.UserAgent != "" {
		keys.Set("aws:UserAgent", r.UserAgent)
	}
	if r.Region != "" {
		keys.Set("aws:RequestedRegion", r.Region)
	}
}

func iso8601(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// Denial is AWS's sentence for an answer that is no; see policy.Denial.
func (c *Caller) Denial(q *Question, a Answer) string {
	d := policy.Denial{Caller: c.ARN, Action: q.Action, Resource: q.Resource, Evaluation: a.Evaluation}
	if _, _, managed := arn.PolicyName(a.Source); managed {
		d.Policy = a.Source
	}
	return d.String()
}
