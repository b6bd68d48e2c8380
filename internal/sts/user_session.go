package sts

import (
	"net/http"
	"regexp"
	"strconv"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/trust"
)

// The life of a user's temporary credentials, in seconds (service model).
const (
	defaultUserDuration = 43200
	maxUserDuration     = 129600
)

// refuseMFA answers a one-time password: Daypass knows no MFA device, so that
// none is right.
func refuseMFA(p awsapi.Params) error {
	if !p.Has("SerialNumber") && !p.Has("TokenCode") {
		return nil
	}
	return (&awsapi.Fault{Kind: awsapi.AccessDenied, Message: "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."}).
		Because("Daypass knows no MFA devices; leave out SerialNumber and TokenCode")
}

// refuseSession answers a call that needs a user's long-lived key.
func refuseSession(c *awsapi.Call, operation string) error {
	if c.Caller.Session == nil {
		return nil
	}
	return (&awsapi.Fault{Kind: awsapi.AccessDenied, Message: "Cannot call " + operation + " with session credentials"}).
		Because("%s takes a user's long-lived access key", operation)
}

// refuseUserSession answers a call that temporary credentials of a user may not
// make, whatever policies say. Those of GetSessionToken may call AssumeRole,
// GetCallerIdentity and GetWebIdentityToken, those of GetFederationToken only
// GetCallerIdentity (STS API Reference, both operations; the third published
// captures of AWS, 2026-09). What STS answers to others is not known; it is
// taken to be what it says to GetSessionToken itself.
func refuseUserSession(c *awsapi.Call, operation string) error {
	if s := c.Caller.Session; s == nil || s.Kind == session.AssumedRole {
		return nil
	}
	return refuseSession(c, operation)
}

// sessionTokenResult is the reply of GetSessionToken.
type sessionTokenResult struct{ credentials session.Credentials }

// getSessionToken gives a user temporary credentials with all of the user's
// rights. It asks for no permission: no policy controls it (IAM User Guide,
// "Permissions for GetSessionToken").
func (s *service) getSessionToken(c *awsapi.Call) (awsapi.Result, error) {
	var v awsapi.Validation
	lasts, err := decodeDuration(c.Params, &v, defaultUserDuration, maxUserDuration)
	if err != nil {
		return nil, err
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	if err := refuseSession(c, "GetSessionToken"); err != nil {
		return nil, err
	}
	if err := refuseMFA(c.Params); err != nil {
		return nil, err
	}
	grant := newGrant(c, lasts)
	grant.Kind, grant.Account, grant.UserID, grant.UserName = session.UserSession, c.Caller.Account, c.Caller.UserID, c.Caller.UserName()
	credentials, err := s.mintGrant(c, grant)
	if err != nil {
		return nil, err
	}
	c.Event.Session = c.Caller.ARN
	return sessionTokenResult{credentials}, nil
}

// WriteXML implements awsapi.Result.
func (r sessionTokenResult) WriteXML(x *awsapi.XML) { writeCredentials(x, r.credentials) }

// federationRequest is a decoded GetFederationToken request.
type federationRequest struct {
	name     string
	policies *sessionPolicies
	tags     []session.Tag
}

var federatedNamePattern = regexp.MustCompile(`^[\w+=,.@-]*$`)

// federationOperation asks for permission on the federated user that it makes.
func (s *service) federationOperation() awsapi.Operation {
	on := awsapi.Resource{Template: "arn:aws:sts::${Account}:federated-user/${Name}", Of: func(c *awsapi.Call) string {
		return arn.FederatedUser(c.Account, federationInput(c).name)
	}}
	keys := func(c *awsapi.Call, keys *policy.Context) {
		trust.SetTagKeys(tagsAsked(federationInput(c).tags), nil, keys)
	}
	return awsapi.Signed("GetFederationToken", []awsapi.Need{
		{Action: "sts:GetFederationToken", Resource: on, Keys: keys},
		{Action: trust.ActionTagSession, Resource: on, Keys: keys, When: awsapi.When{
			Words: "with tags", Of: func(c *awsapi.Call) bool { return len(federationInput(c).tags) > 0 },
		}},
	}, s.getFederationToken).Decoding(decodeFederation)
}

func federationInput(c *awsapi.Call) *federationRequest { return c.Input.(*federationRequest) }

func decodeFederation(c *awsapi.Call) error {
	p := c.Params
	in := &federationRequest{name: p.Get("Name")}
	var v awsapi.Validation
	v.Required("name", p.Has("Name"))
	if p.Has("Name") {
		v.Length("name", in.name, 2, 32)
		v.Pattern("name", in.name, federatedNamePattern, `[\w+=,.@-]*`)
	}
	var err error
	if in.policies, err = decodeSessionPolicies(p, &v); err != nil {
		return err
	}
	if _, err = decodeDuration(p, &v, defaultUserDuration, maxUserDuration); err != nil {
		return err
	}
	tags, _, err := decodeTags(p, &v)
	if err != nil {
		return err
	}
	if err := v.Err(); err != nil {
		return err
	}
	if err := refuseSession(c, "GetFederationToken"); err != nil {
		return err
	}
	if in.tags, err = sessionTagsOf(nil, tags, nil); err != nil {
		return err
	}
	c.Input = in
	return in.policies.check(c, c.Account)
}

// federationResult is the reply of GetFederationToken.
type federationResult struct {
	credentials      session.Credentials
	id, arn          string
	packedPolicySize int
}

// getFederationToken begins a session of a federated user, who may do what both
// the caller's policies and the session policies allow.
func (s *service) getFederationToken(c *awsapi.Call) (awsapi.Result, error) {
	in := federationInput(c)
	var v awsapi.Validation // its range was checked when it was decoded
	lasts, err := decodeDuration(c.Params, &v, defaultUserDuration, maxUserDuration)
	if err != nil {
		return nil, err
	}
	grant := newGrant(c, lasts)
	grant.Kind, grant.Account, grant.UserID, grant.UserName = session.FederatedUser, c.Caller.Account, c.Caller.UserID, c.Caller.UserName()
	grant.SessionName, grant.Tags = in.name, in.tags
	in.policies.set(grant)
	credentials, err := s.mintGrant(c, grant)
	if err != nil {
		return nil, err
	}
	result := &federationResult{credentials: credentials, id: grant.Account + ":" + in.name, arn: arn.FederatedUser(grant.Account, in.name)}
	if !in.policies.none() || len(in.tags) > 0 { // 0 without (recorded on AWS)
		result.packedPolicySize = packedPolicies(grant)
	}
	c.Event.Session = result.arn
	return result, nil
}

// WriteXML implements awsapi.Result.
func (r *federationResult) WriteXML(x *awsapi.XML) {
	writeCredentials(x, r.credentials)
	x.Open("FederatedUser")
	x.Text("FederatedUserId", r.id)
	x.Text("Arn", r.arn)
	x.Close()
	x.Text("PackedPolicySize", strconv.Itoa(r.packedPolicySize))
}

// accessKeyInfo is the reply of GetAccessKeyInfo.
type accessKeyInfo struct{ account string }

var accessKeyPattern = regexp.MustCompile(`^[\w]*$`)

// getAccessKeyInfo reads the account off an access key id. It says nothing of
// whether there is such a key (STS API Reference, GetAccessKeyInfo).
func getAccessKeyInfo(c *awsapi.Call) (awsapi.Result, error) {
	if err := refuseUserSession(c, "GetAccessKeyInfo"); err != nil {
		return nil, err
	}
	id := c.Params.Get("AccessKeyId")
	var v awsapi.Validation
	v.Required("accessKeyId", c.Params.Has("AccessKeyId"))
	if c.Params.Has("AccessKeyId") {
		v.Length("accessKeyId", id, 16, 128)
		v.Pattern("accessKeyId", id, accessKeyPattern, `[\w]*`)
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	account, ok := session.AccountOf(id)
	if !ok {
		return nil, awsapi.Error(http.StatusBadRequest, "ValidationError", "Invalid Access Key ID").
			Because("the id is not of AWS's form, which tells the account")
	}
	return accessKeyInfo{account}, nil
}

// WriteXML implements awsapi.Result.
func (r accessKeyInfo) WriteXML(x *awsapi.XML) { x.Text("Account", r.account) }
