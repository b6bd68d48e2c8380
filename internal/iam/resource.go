package iam

import (
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

// target is on what an action is asked for (Service Authorization Reference,
// "Resource types defined by AWS Identity and Access Management"). A thing that
// exists is asked for under its own ARN, with its path and in its own spelling,
// however the request spells it: a policy that denies a role denies it under
// every spelling that finds it.
type target struct {
	awsapi.Resource
	// tags are those of the thing, which are condition keys; nil where it has none.
	tags func(*awsapi.Call) []store.Tag
	// iamTags says that iam:ResourceTag names them beside aws:ResourceTag.
	iamTags bool
}

func newTarget(template string, of func(*awsapi.Call) string) target {
	return target{Resource: awsapi.Resource{Template: template, Of: of}}
}

// taggedTarget is newTarget for a thing that has tags.
func taggedTarget(template string, of func(*awsapi.Call) string, tags func(*awsapi.Call) []store.Tag) target {
	t := newTarget(template, of)
	t.tags = tags
	return t
}

// setKeys sets the condition keys of the thing acted on.
func (t *target) setKeys(c *awsapi.Call, keys *policy.Context) {
	if t.tags == nil {
		return
	}
	tags := t.tags(c)
	setResourceTags(keys, "aws:ResourceTag/", tags)
	if t.iamTags {
		setResourceTags(keys, "iam:ResourceTag/", tags)
	}
}

var (
	onRole        = target{awsapi.Resource{Template: "arn:aws:iam::${Account}:role${Path}${RoleName}", Of: roleARN}, roleTags, true}
	onNewRole     = newTarget("arn:aws:iam::${Account}:role${Path}${RoleName}", newRoleARN)
	onUser        = target{awsapi.Resource{Template: "arn:aws:iam::${Account}:user${Path}${UserName}", Of: userARN}, userTags, true}
	onNewUser     = newTarget("arn:aws:iam::${Account}:user${Path}${UserName}", newUserARN)
	onGroup       = newTarget("arn:aws:iam::${Account}:group${Path}${GroupName}", groupARN)
	onNewGroup    = newTarget("arn:aws:iam::${Account}:group${Path}${GroupName}", newGroupARN)
	onProfile     = taggedTarget("arn:aws:iam::${Account}:instance-profile${Path}${InstanceProfileName}", profileARN, profileTags)
	onNewProfile  = newTarget("arn:aws:iam::${Account}:instance-profile${Path}${InstanceProfileName}", newProfileARN)
	onPolicy      = taggedTarget("arn:aws:iam::${Account}:policy${Path}${PolicyName}", policyARN, policyTags)
	onNewPolicy   = newTarget("arn:aws:iam::${Account}:policy${Path}${PolicyName}", newPolicyARN)
	onProvider    = taggedTarget("${OpenIDConnectProviderArn}", providerARN, providerTags)
	onNewProvider = newTarget("arn:aws:iam::${Account}:oidc-provider/${Url}", newProviderARN)
	onNothing     = newTarget("*", func(*awsapi.Call) string { return "*" })

	// The lists name no resource in the reference. What AWS asks for is told by
	// its denials, as users have published them.
	onRolePath    = newTarget("arn:aws:iam::${Account}:role${PathPrefix}", underPath(arn.Role))
	onUserPath    = newTarget("arn:aws:iam::${Account}:user${PathPrefix}", underPath(arn.User))
	onGroupPath   = newTarget("arn:aws:iam::${Account}:group${PathPrefix}", underPath(arn.Group))
	onProfilePath = newTarget("arn:aws:iam::${Account}:instance-profile${PathPrefix}", underPath(arn.InstanceProfile))
	onPolicyPath  = newTarget("policy path ${PathPrefix}", policyPath)
	onProviders   = newTarget("arn:aws:iam::${Account}:oidc-provider/*", allProviders)
	// By analogy with the providers above.
	onSAMLProviders   = newTarget("arn:aws:iam::${Account}:saml-provider/*", allSAMLProviders)
	onCertificatePath = newTarget("arn:aws:iam::${Account}:server-certificate${PathPrefix}", underPath(arn.ServerCertificate))
)

// namedARN gives the ARN of the role, user, … that a parameter names: its own
// where it exists, otherwise one at path "/".
func namedARN(parameter string, find func(*directory.Snapshot, string, string) (string, bool), made func(account, path, name string) string) func(*awsapi.Call) string {
	return func(c *awsapi.Call) string {
		name := c.Params.Get(parameter)
		if own, ok := find(c.Snapshot, c.Account, name); ok {
			return own
		}
		return made(c.Account, "/", name)
	}
}

// newARN gives the ARN of what the request makes.
func newARN(parameter string, made func(account, path, name string) string) func(*awsapi.Call) string {
	return func(c *awsapi.Call) string {
		return made(c.Account, pathOf(c.Params, "Path"), c.Params.Get(parameter))
	}
}

func underPath(made func(account, path, name string) string) func(*awsapi.Call) string {
	return func(c *awsapi.Call) string { return made(c.Account, pathOf(c.Params, "PathPrefix"), "") }
}

var (
	roleARN = namedARN("RoleName", func(s *directory.Snapshot, account, name string) (string, bool) {
		role, ok := s.Role(account, name)
		if !ok {
			return "", false
		}
		return role.ARN, true
	}, arn.Role)
	groupARN = namedARN("GroupName", func(s *directory.Snapshot, account, name string) (string, bool) {
		group, ok := s.Group(account, name)
		if !ok {
			return "", false
		}
		return group.ARN, true
	}, arn.Group)
	profileARN = namedARN("InstanceProfileName", func(s *directory.Snapshot, account, name string) (string, bool) {
		profile, ok := s.InstanceProfile(account, name)
		if !ok {
			return "", false
		}
		return profile.ARN, true
	}, arn.InstanceProfile)

	newRoleARN    = newARN("RoleName", arn.Role)
	newUserARN    = newARN("UserName", arn.User)
	newGroupARN   = newARN("GroupName", arn.Group)
	newProfileARN = newARN("InstanceProfileName", arn.InstanceProfile)
	newPolicyARN  = newARN("PolicyName", arn.Policy)
)

// userARN is the user whom a request names, or who sends it where it names none.
func userARN(c *awsapi.Call) string {
	name := userName(c)
	if user, ok := c.Snapshot.User(c.Account, name); ok {
		return user.ARN
	}
	return arn.User(c.Account, "/", name)
}

// userName is the parameter UserName, or the name of the user who sends the
// request where that is not sent. Of many operations it may be left out (IAM API
// Reference, GetUser, CreateAccessKey and others).
func userName(c *awsapi.Call) string {
	if c.Params.Has("UserName") {
		return c.Params.Get("UserName")
	}
	return c.Caller.UserName()
}

func roleTags(c *awsapi.Call) []store.Tag {
	if role, ok := c.Snapshot.Role(c.Account, c.Params.Get("RoleName")); ok {
		return role.Tags
	}
	return nil
}

func userTags(c *awsapi.Call) []store.Tag {
	if user, ok := c.Snapshot.User(c.Account, userName(c)); ok {
		return user.Tags
	}
	return nil
}

func profileTags(c *awsapi.Call) []store.Tag {
	if profile, ok := c.Snapshot.InstanceProfile(c.Account, c.Params.Get("InstanceProfileName")); ok {
		return profile.Tags
	}
	return nil
}

func policyTags(c *awsapi.Call) []store.Tag {
	if p, ok := visiblePolicy(c, c.Params.Get("PolicyArn")); ok {
		return p.Tags
	}
	return nil
}

func providerTags(c *awsapi.Call) []store.Tag {
	if provider, ok := findProvider(c, c.Params.Get("OpenIDConnectProviderArn")); ok {
		return provider.Tags
	}
	return nil
}

func policyARN(c *awsapi.Call) string { return spelled(c, c.Params.Get("PolicyArn")) }

// providerARN is the ARN as given: the url of a provider has one spelling.
func providerARN(c *awsapi.Call) string { return c.Params.Get("OpenIDConnectProviderArn") }

// newProviderARN is the ARN under which the provider will be found. Of a URL
// that cannot be one it is what was sent; the operation refuses that URL.
func newProviderARN(c *awsapi.Call) string {
	given := c.Params.Get("Url")
	url, err := parseProviderURL(given)
	if err != nil {
		url = strings.TrimPrefix(given, "https://")
	}
	return arn.OIDCProvider(c.Account, url)
}

func policyPath(c *awsapi.Call) string { return "policy path " + pathOf(c.Params, "PathPrefix") }

func allProviders(c *awsapi.Call) string { return arn.OIDCProvider(c.Account, "*") }

func allSAMLProviders(c *awsapi.Call) string { return arn.SAMLProvider(c.Account, "*") }

// policyARNKey is the condition key iam:PolicyARN of attaching and detaching.
func policyARNKey(c *awsapi.Call, keys *policy.Context) { keys.Set("iam:PolicyARN", policyARN(c)) }

// pathOf gives a path parameter, "/" where it was not sent.
func pathOf(p awsapi.Params, name string) string {
	if p.Has(name) {
		return p.Get(name)
	}
	return "/"
}

// visiblePolicy finds a managed policy that the caller's account can use: its
// own, or one of AWS. Another account's is not there for this caller.
func visiblePolicy(c *awsapi.Call, policyARN string) (*directory.Policy, bool) {
	return c.Snapshot.PolicyFor(c.Account, policyARN)
}
