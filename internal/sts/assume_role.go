package sts

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/trust"
)

const actionAssumeRole = "sts:AssumeRole"

// maxChained is the longest session of a role that another role's session
// assumes (IAM User Guide, "Role chaining").
const maxChained = time.Hour

// arnPattern takes no characters beyond the first plane, though AWS's pattern
// seems to: what it says is not what it does (recorded on AWS).
var arnPattern = regexp.MustCompile(`^[\t\n\r\x{20}-\x{7E}\x{85}\x{A0}-\x{D7FF}\x{E000}-\x{FFFD}]+$`)

var externalIDPattern = regexp.MustCompile(`^[\w+=,.@:/-]*$`)

// assumeRoleRequest is a decoded AssumeRole request.
type assumeRoleRequest struct {
	roleRequest

	tags           []session.Tag // as asked for, without what the caller's session hands on
	transitive     []string
	all            []session.Tag // of the session
	externalID     string
	hasExternalID  bool
	sourceIdentity string // as asked for
}

// roleRequest is what both ways to assume a role ask for.
type roleRequest struct {
	roleARN, account, roleName string
	sessionName                string
	duration                   time.Duration
	policies                   *sessionPolicies
}

// assumeRoleOperation asks for as many as three permissions. Each is decided by
// the caller's policies and the role's trust policy together.
func (s *service) assumeRoleOperation() awsapi.Operation {
	on := awsapi.Resource{Template: "arn:aws:iam::${Account}:role${Path}${RoleName}", Of: roleAsked}
	return awsapi.Signed("AssumeRole", []awsapi.Need{
		{Action: actionAssumeRole, Resource: on, Keys: assumeRoleKeys(actionAssumeRole), Trust: roleOf},
		{Action: trust.ActionTagSession, Resource: on, Keys: assumeRoleKeys(trust.ActionTagSession), Trust: roleOf, When: awsapi.When{
			Words: "with tags, or inherited ones", Of: func(c *awsapi.Call) bool { return len(assumeInput(c).all) > 0 },
		}},
		{Action: trust.ActionSetSourceIdentity, Resource: on, Keys: assumeRoleKeys(trust.ActionSetSourceIdentity), Trust: roleOf, When: awsapi.When{
			Words: "with a source identity, or an inherited one", Of: func(c *awsapi.Call) bool {
				return assumeInput(c).sourceIdentity != "" || inheritedSourceIdentity(c.Caller) != ""
			},
		}},
	}, s.assumeRole).Decoding(decodeAssumeRole)
}

func assumeInput(c *awsapi.Call) *assumeRoleRequest { return c.Input.(*assumeRoleRequest) }

// decodeAssumeRole checks the parameters as the service's model constrains them,
// and then what STS itself refuses.
func decodeAssumeRole(c *awsapi.Call) error {
	p := c.Params
	in := &assumeRoleRequest{
		externalID: p.Get("ExternalId"), hasExternalID: p.Has("ExternalId"), sourceIdentity: p.Get("SourceIdentity"),
	}
	var v awsapi.Validation
	if err := in.decode(c, &v); err != nil {
		return err
	}
	if in.hasExternalID {
		v.Length("externalId", in.externalID, 2, 1224)
		v.Pattern("externalId", in.externalID, externalIDPattern, `[\w+=,.@:\/-]*`)
	}
	if p.Has("SourceIdentity") {
		v.Length("sourceIdentity", in.sourceIdentity, trust.MinSourceIdentity, trust.MaxSourceIdentity)
		v.Pattern("sourceIdentity", in.sourceIdentity, sessionNamePattern, `[\w+=,.@-]*`)
	}
	var err error
	if in.tags, in.transitive, err = decodeTags(p, &v); err != nil {
		return err
	}
	if err := v.Err(); err != nil {
		return err
	}
	if p.Get("ProvidedContexts") != "" || p.HasAny("ProvidedContexts.member") {
		return awsapi.Invalid("Daypass does not serve the parameter ProvidedContexts; leave it out.").
			Because("a context that is ignored could be one that a policy relies on")
	}
	if err := refuseMFA(p); err != nil {
		return err
	}
	if err := in.resolve(); err != nil {
		return err
	}
	if in.all, err = sessionTagsOf(c.Caller.Session, in.tags, in.transitive); err != nil {
		return err
	}
	if err := in.policies.check(c, in.account); err != nil {
		return err
	}
	c.Input = in
	if s := c.Caller.Session; s != nil && s.Kind == session.FederatedUser {
		return refuseSession(c, "AssumeRole")
	}
	return nil
}

// decode reads the parameters that both ways to assume a role have.
func (in *roleRequest) decode(c *awsapi.Call, v *awsapi.Validation) error {
	p := c.Params
	in.roleARN, in.sessionName = p.Get("RoleArn"), p.Get("RoleSessionName")
	c.Event.Role, c.Event.RoleSessionName = in.roleARN, in.sessionName
	v.Required("roleArn", p.Has("RoleArn"))
	v.Required("roleSessionName", p.Has("RoleSessionName"))
	if p.Has("RoleArn") {
		v.Pattern("roleArn", in.roleARN, arnPattern, `[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`)
		v.Length("roleArn", in.roleARN, minARN, maxARN)
	}
	if p.Has("RoleSessionName") {
		v.Length("roleSessionName", in.sessionName, 2, 64)
		v.Pattern("roleSessionName", in.sessionName, sessionNamePattern, `[\w+=,.@-]*`)
	}
	var err error
	if in.policies, err = decodeSessionPolicies(p, v); err != nil {
		return err
	}
	in.duration, err = decodeDuration(p, v, defaultDuration, maxDuration)
	return err
}

// decodeDuration reads DurationSeconds, from minDuration to most.
func decodeDuration(p awsapi.Params, v *awsapi.Validation, without, most int) (time.Duration, error) {
	seconds, sent, err := p.Int("DurationSeconds")
	if err != nil {
		return 0, err
	}
	if !sent {
		seconds = without
	}
	v.Range("durationSeconds", seconds, minDuration, most)
	return time.Duration(seconds) * time.Second, nil
}

// resolve reads the role's name off its ARN.
func (in *roleRequest) resolve() error {
	var ok bool
	if in.account, in.roleName, ok = arn.RoleName(in.roleARN); !ok {
		return awsapi.Invalid(in.roleARN + " is invalid")
	}
	return nil
}

// role finds the role. One of another path is another role.
func (in *roleRequest) role(c *awsapi.Call) (*directory.Role, bool) {
	role, ok := c.Snapshot.Role(in.account, in.roleName)
	if !ok || !strings.EqualFold(role.ARN, in.roleARN) {
		return nil, false
	}
	return role, true
}

// missing says to the operator why there is no such role.
func (in *roleRequest) missing(c *awsapi.Call) string {
	if role, ok := c.Snapshot.Role(in.account, in.roleName); ok {
		return "the role " + in.roleName + " has another path: its ARN is " + role.ARN
	}
	return "there is no role " + in.roleName + " in account " + in.account
}

// withinLimits holds the duration against the role's, and then that of chaining
// (recorded on AWS, in this order).
func (in *roleRequest) withinLimits(role *directory.Role, chained bool) error {
	if in.duration > time.Duration(role.MaxSessionDuration)*time.Second {
		return awsapi.Invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if chained && in.duration > maxChained {
		return awsapi.Invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return nil
}

func roleOf(c *awsapi.Call) (*directory.Role, bool) { return assumeInput(c).role(c) }

// roleAsked is the role's own ARN, or what was asked for where there is none.
func roleAsked(c *awsapi.Call) string {
	if role, ok := roleOf(c); ok {
		return role.ARN
	}
	return assumeInput(c).roleARN
}

// assumeRoleKeys sets the condition keys that one of the actions sees of the
// request and of the role.
func assumeRoleKeys(action string) func(*awsapi.Call, *policy.Context) {
	return func(c *awsapi.Call, keys *policy.Context) {
		in := assumeInput(c)
		asked := trust.Asked{
			RoleSessionName: in.sessionName, ExternalID: in.externalID, HasExternalID: in.hasExternalID,
			SourceIdentity: in.sourceIdentity, Tags: tagsAsked(in.tags), TransitiveTagKeys: in.transitive,
		}
		asked.SetKeys(action, keys)
		if role, ok := in.role(c); ok {
			role.SetTags(keys)
		}
	}
}

func inheritedSourceIdentity(caller *auth.Caller) string {
	if caller.Session == nil {
		return ""
	}
	return caller.Session.SourceIdentity
}

// assumeRole begins a session of a role for a caller whom policies allow it.
func (s *service) assumeRole(c *awsapi.Call) (awsapi.Result, error) {
	in := assumeInput(c)
	role, ok := in.role(c)
	if !ok { // it was there when permission was asked, in the same snapshot
		return nil, &awsapi.Fault{Kind: awsapi.Internal}
	}
	l := lineageOf(c.Caller)
	if err := in.withinLimits(role, l.chained); err != nil {
		return nil, err
	}
	identity := inheritedSourceIdentity(c.Caller)
	if identity != "" && in.sourceIdentity != "" && identity != in.sourceIdentity {
		return nil, awsapi.Invalid("The source identity is already set for this assume role session")
	}
	if identity == "" {
		identity = in.sourceIdentity
	}
	grant := newGrant(c, in.duration)
	grant.Account, grant.RoleID, grant.RoleName, grant.SessionName = role.Account, role.ID, role.Name, in.sessionName
	grant.SourceIdentity, grant.Tags = identity, in.all
	in.policies.set(grant)
	l.set(grant)
	credentials, err := s.mintGrant(c, grant)
	if err != nil {
		return nil, err
	}
	result := &assumeRoleResult{
		credentials: credentials, sourceIdentity: identity,
		roleID: role.ID + ":" + in.sessionName, arn: arn.AssumedRole(role.Account, role.Name, in.sessionName),
	}
	if !in.policies.none() || len(in.all) > 0 {
		result.packedPolicySize = strconv.Itoa(packedPolicies(grant))
	}
	c.Event.Session, c.Event.SourceIdentity = result.arn, identity
	return result, nil
}

// lineage is from which sessions a new one descends.
type lineage struct {
	ancestors []string
	// chained says that a role session began it.
	chained           bool
	provider, tokenID string
	origin            session.Origin
}

// lineageOf is the lineage of what a caller begins. Whoever revokes a session,
// or the token that it came from, ends what descends from it.
func lineageOf(caller *auth.Caller) lineage {
	parent := caller.Session
	if parent == nil {
		return lineage{}
	}
	return lineage{
		chained: parent.Kind == session.AssumedRole, provider: parent.Provider, tokenID: parent.TokenID, ancestors: parent.Lineage(), origin: parent.Origin,
	}
}

func (l *lineage) set(g *session.Grant) {
	g.Ancestors, g.Chained, g.Provider, g.TokenID, g.Origin = l.ancestors, l.chained, l.provider, l.tokenID, l.origin
}

type assumeRoleResult struct {
	credentials      session.Credentials
	roleID           string
	arn              string
	sourceIdentity   string // "" for none
	packedPolicySize string // "" where nothing was packed
}

// WriteXML implements awsapi.Result.
func (r *assumeRoleResult) WriteXML(x *awsapi.XML) {
	x.Open("AssumedRoleUser")
	x.Text("AssumedRoleId", r.roleID)
	x.Text("Arn", r.arn)
	x.Close()
	writeCredentials(x, r.credentials)
	if r.sourceIdentity != "" {
		x.Text("SourceIdentity", r.sourceIdentity)
	}
	if r.packedPolicySize != "" {
		x.Text("PackedPolicySize", r.packedPolicySize)
	}
}
