package auth

import (
	"strconv"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// Caller is who signed a request: a user with a long-lived key or with the
// credentials of GetSessionToken, a role session, or a federated user; or, where
// the service takes requests that nobody signed, Anonymous. Its zero value may do
// nothing.
type Caller struct {
	Account     string // "" for Anonymous
	ARN         string // arn:aws:iam::…:user/NAME, arn:aws:sts::…:assumed-role/ROLE/SESSION or …:federated-user/NAME; "" for Anonymous
	UserID      string // AIDA…, AROA…:SESSION or ACCOUNT:NAME
	AccessKeyID string
	// Session is nil for a user with a long-lived key.
	Session *session.Session

	principalType string // aws:PrincipalType
	principalARN  string // aws:PrincipalArn: for a role session the role's ARN, with its path
	userName      string // aws:username, users only
	anonymous     bool
	tags          []store.Tag // of the user or role, aws:PrincipalTag
	policies      []directory.Attached
	boundary      []directory.Attached // one at most; none limits nothing
	limits        []directory.Attached // session policies; none limits nothing
}

// Anonymous is the caller of a request that nobody signed. He may do what the
// policy of a resource grants everyone, and nothing else (IAM User Guide, "AWS
// JSON policy elements: Principal", anonymous users).
func Anonymous() *Caller {
	return &Caller{UserID: "anonymous", principalType: "Anonymous", anonymous: true}
}

// IsAnonymous reports whether nobody signed.
func (c *Caller) IsAnonymous() bool { return c.anonymous }

// UserName is the name of the IAM user, "" for others.
func (c *Caller) UserName() string { return c.userName }

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
	// Shown is the resource as a denial names it, where that is not Resource: of a
	// secret AWS tells what the request called it.
	Shown string
	// Untold says that a denial does not name the resource.
	Untold bool
	// Quoted says that a denial puts the resource into quotation marks, as S3 does.
	Quoted bool
	// Keys sets the condition keys that this operation adds; nil for none.
	Keys func(*policy.Context)
	// Owner is the account that the resource belongs to; "" for the caller's own.
	Owner string
	// Policy is the resource's own policy, where it has one that counts.
	Policy *directory.Attached
}

// Answer is a decision with what a denial needs to be told.
type Answer struct {
	policy.Evaluation
	// Source names the document that decided, "" if none did.
	Source string
}

// contexts are used again: one has some twenty keys.
var contexts = sync.Pool{New: func() any { return new(policy.Context) }}

// Decide answers one question by the caller's policies as they stand in the
// snapshot that authenticated it, and by the resource's own. Reasons are filled
// where why is not nil.
func (c *Caller) Decide(r *Request, q *Question, why *policy.Reasons) Answer {
	keys := contexts.Get().(*policy.Context)
	defer contexts.Put(keys)
	keys.Reset()
	asked, policies := c.asks(r, q, keys)
	if policies.ResourceAccount = q.Owner; q.Owner == "" {
		policies.ResourceAccount = c.Account
	}
	beyond := ""
	if q.Policy != nil {
		policies.Resource, beyond = []*policy.Document{q.Policy.Document}, q.Policy.Source
	}
	return c.answer(policy.Evaluate(asked, policies, why), beyond)
}

// DecideTrust answers one question about acting on a role, such as
// sts:AssumeRole: the role's trust policy has a say beside the caller's own
// policies (policy.EvaluateTrust), in whichever account the role is.
func (c *Caller) DecideTrust(r *Request, q *Question, role *directory.Role, why *policy.Reasons) Answer {
	var keys policy.Context
	asked, policies := c.asks(r, q, &keys)
	policies.ResourceAccount = role.Account
	return c.answer(policy.EvaluateTrust(asked, role.Trust(), policies, why), "trust policy of "+role.ARN)
}

// Keys are the condition keys that a question is decided by.
func (c *Caller) Keys(r *Request, q *Question) *policy.Context {
	keys := &policy.Context{}
	c.asks(r, q, keys)
	return keys
}

// asks puts a question into the words of package policy.
func (c *Caller) asks(r *Request, q *Question, keys *policy.Context) (*policy.Request, *policy.Policies) {
	c.setPrincipalKeys(keys)
	r.SetKeys(keys)
	if q.Keys != nil {
		q.Keys(keys)
	}
	return &policy.Request{Action: q.Action, Resource: q.Resource, Principal: c.principal(), Context: keys},
		&policy.Policies{Identity: documentsOf(c.policies), Boundary: documentsOf(c.boundary), Session: documentsOf(c.limits)}
}

func documentsOf(attached []directory.Attached) []*policy.Document {
	if len(attached) == 0 {
		return nil
	}
	documents := make([]*policy.Document, len(attached))
	for i := range attached {
		documents[i] = attached[i].Document
	}
	return documents
}

// answer names the document that decided; beyond is the one that counts behind
// the caller's own.
func (c *Caller) answer(e policy.Evaluation, beyond string) Answer {
	a := Answer{Evaluation: e}
	if e.Effect == policy.ImplicitDeny || e.Document < 0 {
		return a
	}
	own := c.Documents()
	if e.Document < len(own) {
		a.Source = own[e.Document]
	} else {
		a.Source = beyond
	}
	return a
}

// PrincipalARN is the caller as IAM knows it, aws:PrincipalArn: a user's ARN,
// or for a session that of its role, with its path.
func (c *Caller) PrincipalARN() string { return c.principalARN }

// principal is the caller as the policies of resources and roles name it.
func (c *Caller) principal() policy.Principal {
	if c.anonymous {
		return policy.Principal{Anonymous: true}
	}
	p := policy.Principal{ARN: c.ARN, Account: c.Account, UniqueID: c.UserID}
	if c.Session != nil && c.Session.Kind == session.AssumedRole {
		p.RoleARN, p.UniqueID = c.principalARN, c.Session.RoleID
	}
	return p
}

// Reads reports whether a policy of the caller asks for a condition key that
// begins with prefix.
func (c *Caller) Reads(prefix string) bool {
	for _, list := range [][]directory.Attached{c.policies, c.boundary, c.limits} {
		for i := range list {
			if list[i].Document.Reads(prefix) {
				return true
			}
		}
	}
	return false
}

// HangsOn says on what open part of a request a policy of the caller depends, and
// which policy: see policy.Document.HangsOn.
func (c *Caller) HangsOn(action, resource string, open *policy.Open) (document, key string, hangs bool) {
	for _, list := range [][]directory.Attached{c.policies, c.boundary, c.limits} {
		for i := range list {
			if key, hangs := list[i].Document.HangsOn(action, resource, open); hangs {
				return list[i].Source, key, true
			}
		}
	}
	return "", "", false
}

// Documents names the caller's policies in the order in which Decide counts them.
func (c *Caller) Documents() []string {
	names := make([]string, 0, len(c.policies)+len(c.boundary)+len(c.limits))
	for _, list := range [][]directory.Attached{c.policies, c.boundary, c.limits} {
		for i := range list {
			names = append(names, list[i].Source)
		}
	}
	return names
}

// setPrincipalKeys sets the keys that say who asks (IAM User Guide, "AWS global
// condition context keys", properties of the principal and of a role session).
func (c *Caller) setPrincipalKeys(keys *policy.Context) {
	keys.Set("aws:PrincipalType", c.principalType)
	keys.Set("aws:PrincipalIsAWSService", "false")
	keys.Set("aws:userid", c.UserID)
	if c.anonymous { // who has neither name nor account
		return
	}
	keys.Set("aws:PrincipalArn", c.principalARN)
	keys.Set("aws:PrincipalAccount", c.Account)
	if c.userName != "" {
		keys.Set("aws:username", c.userName)
	}
	for _, tag := range c.tags {
		keys.Set("aws:PrincipalTag/"+tag.Key, tag.Value)
	}
	if c.Session == nil {
		return
	}
	// Present with temporary credentials only, and Daypass knows no MFA devices.
	keys.Set("aws:MultiFactorAuthPresent", "false")
	keys.Set("aws:TokenIssueTime", iso8601(c.Session.IssuedAt))
	if c.Session.Provider != "" && !c.Session.Chained {
		keys.Set("aws:FederatedProvider", c.Session.Provider)
	}
	if c.Session.SourceIdentity != "" {
		keys.Set("aws:SourceIdentity", c.Session.SourceIdentity)
	}
	for _, tag := range c.Session.Tags { // in place of the role's own under that key
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
	if q.Shown != "" {
		d.Resource = q.Shown
	}
	switch {
	case q.Untold:
		d.Resource = ""
	case q.Quoted:
		d.Resource = strconv.Quote(d.Resource)
	}
	if _, _, managed := arn.PolicyName(a.Source); managed {
		d.Policy = a.Source
	}
	return d.String()
}
