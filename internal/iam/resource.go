package iam

import (
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
)

// On what each action is asked for (Service Authorization Reference, "Resource
// types defined by AWS Identity and Access Management"). A thing that exists is
// asked for under its own ARN, with its path and in its own spelling, however
// the request spells it: a policy that denies a role denies it under every
// spelling that finds it.
var (
	onRole        = awsapi.Resource{Template: "arn:aws:iam::${Account}:role${Path}${RoleName}", Of: roleARN}
	onNewRole     = awsapi.Resource{Template: "arn:aws:iam::${Account}:role${Path}${RoleName}", Of: newRoleARN}
	onPolicy      = awsapi.Resource{Template: "arn:aws:iam::${Account}:policy${Path}${PolicyName}", Of: policyARN}
	onNewPolicy   = awsapi.Resource{Template: "arn:aws:iam::${Account}:policy${Path}${PolicyName}", Of: newPolicyARN}
	onProvider    = awsapi.Resource{Template: "${OpenIDConnectProviderArn}", Of: providerARN}
	onNewProvider = awsapi.Resource{Template: "arn:aws:iam::${Account}:oidc-provider/${Url}", Of: newProviderARN}

	// The three lists name no resource in the reference. What AWS asks for is
	// told by its denials, as users have published them.
	onRolePath   = awsapi.Resource{Template: "arn:aws:iam::${Account}:role${PathPrefix}", Of: rolePath}
	onPolicyPath = awsapi.Resource{Template: "policy path ${PathPrefix}", Of: policyPath}
	onProviders  = awsapi.Resource{Template: "arn:aws:iam::${Account}:oidc-provider/*", Of: allProviders}
)

func roleARN(c *awsapi.Call) string {
	name := c.Params.Get("RoleName")
	if role, ok := c.Snapshot.Role(c.Account, name); ok {
		return role.ARN
	}
	return arn.Role(c.Account, "/", name)
}

func newRoleARN(c *awsapi.Call) string {
	return arn.Role(c.Account, pathOf(c.Params, "Path"), c.Params.Get("RoleName"))
}

func policyARN(c *awsapi.Call) string {
	given := c.Params.Get("PolicyArn")
	if p, ok := ownPolicy(c, given); ok {
		return p.ARN
	}
	return given
}

func newPolicyARN(c *awsapi.Call) string {
	return arn.Policy(c.Account, pathOf(c.Params, "Path"), c.Params.Get("PolicyName"))
}

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

func rolePath(c *awsapi.Call) string {
	return arn.Role(c.Account, pathOf(c.Params, "PathPrefix"), "")
}

func policyPath(c *awsapi.Call) string { return "policy path " + pathOf(c.Params, "PathPrefix") }

func allProviders(c *awsapi.Call) string { return arn.OIDCProvider(c.Account, "*") }

// policyARNKey is the condition key iam:PolicyARN of attaching and detaching.
func policyARNKey(c *awsapi.Call, keys *policy.Context) { keys.Set("iam:PolicyARN", policyARN(c)) }

// pathOf gives a path parameter, "/" where it was not sent.
func pathOf(p awsapi.Params, name string) string {
	if p.Has(name) {
		return p.Get(name)
	}
	return "/"
}

// ownPolicy finds a policy of the caller's account. Another account's is not
// there for this caller.
func ownPolicy(c *awsapi.Call, policyARN string) (*directory.Policy, bool) {
	p, ok := c.Snapshot.Policy(policyARN)
	if !ok || p.Account != c.Account {
		return nil, false
	}
	return p, true
}
