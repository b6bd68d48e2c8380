package trust

import (
	"encoding/json"
	"strings"
)

// ownKeys are the keys that AWS has for the tokens of every provider.
var ownKeys = [...]string{"aud", "oaud", "sub", "amr", "email"}

// specificKeys are the keys that AWS has for the tokens of some issuers only
// (Service Authorization Reference, "Actions, resources, and condition keys for
// AWS Security Token Service"; IAM User Guide, "Available keys for AWS web
// identity federation"). An issuer that no row names has none: that a
// self-managed GitLab sends the same claims as gitlab.com makes no difference.
//
// The keys for Amazon Cognito, Facebook and Login with Amazon are left out:
// Daypass takes the tokens of OpenID Connect providers that were registered.
//
// Of google/organization_number it is not known which claim AWS reads. Its table
// writes google:organization_number, Google documents an object google with the
// number in it, and only the first is read here.
var specificKeys = [...]issuerKeys{
	{"gitlab.com", same(
		"namespace_id", "project_id", "user_id", "user_login", "user_email", "user_access_level",
		"ref_protected", "pipeline_source", "runner_environment")},
	{"token.actions.githubusercontent.com", gitHub},
	{"token.actions.githubusercontent.com/{}", gitHub},
	{"token.actions.{}.ghe.com", gitHub},
	{"github.com/enterprises/{}", gitHub},
	{"agent.buildkite.com", buildkite},
	{"agent.{}.buildkite.dev", buildkite},
	{"agent.{}.buildkite.site", buildkite},
	{googleIssuer, []claimKey{{claim: "google:organization_number", key: "google/organization_number", numeric: true}}},
	{"oidc.circleci.com/org/{}", same("oidc.circleci.com/project-id")},
	{"idcs-{}.identity.oraclecloud.com", same("rpst_id")},
}

var (
	gitHub = same(
		"actor", "actor_id", "job_workflow_ref", "repository", "repository_id", "repository_owner_id",
		"workflow", "ref", "environment", "enterprise_id")
	buildkite = same(
		"organization_slug", "organization_id", "pipeline_slug", "pipeline_id", "cluster_name", "cluster_id", "build_branch")
)

// issuerKeys are the keys of the issuers that one row names.
type issuerKeys struct {
	// issuer is the provider's URL, byte for byte; {} in it stands for one name
	// of ASCII letters, digits, - and _.
	issuer string
	keys   []claimKey
}

// claimKey says which claim a key is made of.
type claimKey struct {
	claim, key string
	numeric    bool // AWS gives the key the type Numeric; what is no number is absent
}

// same are keys of the names of their claims.
func same(names ...string) []claimKey {
	keys := make([]claimKey, len(names))
	for i, name := range names {
		keys[i] = claimKey{claim: name, key: name}
	}
	return keys
}

// providerKeys gives the keys that AWS has for the tokens of this provider and
// not of all; nil for most.
func providerKeys(url string) []claimKey {
	for i := range specificKeys {
		if specificKeys[i].match(url) {
			return specificKeys[i].keys
		}
	}
	return nil
}

func (r *issuerKeys) match(url string) bool {
	before, after, open := strings.Cut(r.issuer, "{}")
	if !open {
		return url == r.issuer
	}
	name, ok := strings.CutPrefix(url, before)
	if !ok {
		return false
	}
	name, ok = strings.CutSuffix(name, after)
	return ok && isName(name)
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// read gives the key's value. A list or an object is never flattened.
func (k *claimKey) read(all map[string]json.RawMessage) (value string, ok bool) {
	value, ok = claimText(all[k.claim])
	return value, ok && (!k.numeric || isNumber(value))
}

func isNumber(s string) bool {
	return s != "" && (s[0] == '-' || '0' <= s[0] && s[0] <= '9') && json.Valid([]byte(s))
}

// awsKey reports whether name is a key that AWS has for the tokens of this
// provider. The case of letters does not count in names of keys.
func awsKey(url, name string) bool {
	for _, own := range ownKeys {
		if strings.EqualFold(own, name) {
			return true
		}
	}
	for _, k := range providerKeys(url) {
		if strings.EqualFold(k.key, name) {
			return true
		}
	}
	return false
}

// KeyNames lists the condition keys, without the provider's URL, that AWS has for
// the tokens of a provider: those of every provider, then those of this issuer.
// Whatever else a token says is no key, except where extended claims are on.
func KeyNames(url string) []string {
	names := append([]string(nil), ownKeys[:]...)
	for _, k := range providerKeys(url) {
		names = append(names, k.key)
	}
	return names
}

// HasKey reports whether AWS makes a condition key url:name of the tokens of the
// provider with this URL, which is without its scheme. Names of keys are compared
// without regard to the case of letters.
func HasKey(url, name string) bool { return awsKey(url, name) }
