package trust

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/policy"
)

// Some issuers serve everybody: a trust policy that admits whatever such an
// issuer signs admits the world. IAM refuses to write one (IAM User Guide,
// "Identity-provider controls for shared OIDC providers", whose table this is;
// the details were recorded on AWS, 2026-09). What was stored before is decided
// by as it stands.

// sharedIssuers says, by issuer, of which claim the condition key is that must
// be asked for; what holds a colon is a key as it stands.
var sharedIssuers = map[string]string{
	"agent.buildkite.com":            "sub",
	"api.pulumi.com/oidc":            "aud",
	"app.terraform.io":               "sub",
	"cognito-identity.amazonaws.com": "aud",
	"gitlab.com":                     "sub",
	"oidc-configuration.audit-log.githubusercontent.com": "sub",
	"oidc.codefresh.io":                     "sub",
	"oidc.vercel.com":                       "aud",
	"proidc.upbound.io":                     "sub",
	"sandboxes.cloud":                       "aud",
	"scalr.io":                              "sub",
	"studio.datachain.ai/api":               "sub",
	"tokens.cloud.shisho.dev":               "sub",
	"vstoken.actions.githubusercontent.com": "sub",
	// Azure Sentinel.
	"sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d": "sts:RoleSessionName",
	// IBM Turbonomic.
	"oidc.op1.openshiftapps.com/2c51blsaqa9gkjt0o9rt11mle8mmropu":         "sub",
	"oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb":         "sub",
	"rh-oidc.s3.us-east-1.amazonaws.com/22ejnvnnturfmt6km08idd0nt4hekbn7": "sub",
	"rh-oidc.s3.us-east-1.amazonaws.com/23e3sd27sju1hoou6ohfs68vbno607tr": "sub",
	"rh-oidc.s3.us-east-1.amazonaws.com/23ne21h005qjl3n33d8dui5dlrmv2tmg": "sub",
	"rh-oidc.s3.us-east-1.amazonaws.com/24jrf12m5dj7ljlfb4ta2frhrcoadm26": "sub",
}

// builtInIssuers are those that AWS knew before it had OpenID Connect providers,
// with the keys of which one must be asked for.
var builtInIssuers = map[string][]string{
	googleIssuer:         {"accounts.google.com:aud", "accounts.google.com:oaud", "accounts.google.com:sub"},
	"www.amazon.com":     {"www.amazon.com:app_id", "www.amazon.com:sub"},
	"graph.facebook.com": {"graph.facebook.com:app_id", "graph.facebook.com:sub"},
}

// gitHubIssuer begins the URLs of the issuers under GitHub's rule, whatever
// comes behind it (recorded on AWS, 2026-09).
const gitHubIssuer = "token.actions.githubusercontent.com"

const cognitoIssuer = "cognito-identity.amazonaws.com"

// ControlError says that a trust policy admits a shared issuer without asking
// for what tells its users apart. Message is AWS's sentence.
type ControlError struct {
	Message   string
	Statement int // from 1
}

// Error is the sentence, for logs and for the operator.
func (e *ControlError) Error() string { return "trust: " + strings.TrimSuffix(e.Message, ".") }

// CheckSharedIssuers refuses a trust policy that IAM would not write: one in
// which a statement allows sts:AssumeRoleWithWebIdentity to a shared issuer
// without a condition on the key that tells its users apart. Each statement
// stands for itself. The error is a *ControlError.
func CheckSharedIssuers(role *policy.Document) error {
	for i, s := range role.Statements() {
		if s.Denies() || !s.Covers(Action) {
			continue
		}
		for _, principal := range s.Federated() {
			if message := lacksControl(principal, s.Conditions()); message != "" {
				return &ControlError{Message: message, Statement: i + 1}
			}
		}
	}
	return nil
}

// lacksControl gives AWS's sentence, or nothing where the principal is not
// shared or the conditions suffice.
func lacksControl(principal string, conditions []policy.ConditionView) string {
	issuer := principal
	if _, url, ok := strings.Cut(principal, ":oidc-provider/"); ok {
		issuer = url
	}
	if keys, ok := builtInIssuers[issuer]; ok {
		if asksForApplication(conditions, keys) {
			return ""
		}
		return "Policy trusting " + issuer + " requires a StringEquals condition on an application id"
	}
	if strings.HasPrefix(issuer, gitHubIssuer) {
		return lacksTenant(principal, conditions, []string{issuer + ":sub", issuer + ":job_workflow_ref"}, gitHubScoped)
	}
	key, shared := sharedIssuers[issuer]
	switch {
	case !shared:
		return ""
	case issuer == cognitoIssuer && len(conditions) == 0:
		return "A condition block must be present for the Cognito provider"
	case !strings.Contains(key, ":"):
		key = issuer + ":" + key
	}
	return lacksTenant(issuer, conditions, []string{key}, notAll)
}

// lacksTenant is lacksControl for the keys of one issuer, of which one must be
// asked for. AWS names GitHub's by the principal and the others by the issuer.
func lacksTenant(named string, conditions []policy.ConditionView, keys []string, scoped func(string) bool) string {
	if asksForTenant(conditions, keys, scoped) {
		return ""
	}
	return "Trust policy with trusted principal " + named + " must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, " +
		strings.Join(keys, " or ") + " which is not scoped to all."
}

// asksForTenant reports whether the keys are asked for under at least one
// operator that can only narrow, with values that are scoped. All that one
// operator asks of the keys must be scoped; another may make up for it.
func asksForTenant(conditions []policy.ConditionView, keys []string, scoped func(string) bool) bool {
	suffices := map[string]bool{} // by operator
	for _, c := range conditions {
		if !narrows(c.Operator, "StringEquals", "StringLike", "StringEqualsIgnoreCase") ||
			!slices.ContainsFunc(keys, func(key string) bool { return strings.EqualFold(key, c.Key) }) {
			continue
		}
		before, seen := suffices[c.Operator]
		suffices[c.Operator] = (before || !seen) && !slices.ContainsFunc(c.Values, func(v string) bool { return !scoped(v) })
	}
	for _, enough := range suffices {
		if enough {
			return true
		}
	}
	return false
}

// asksForApplication is the older rule, of the built-in issuers: equality, a key
// that is spelled exactly so, and any value.
func asksForApplication(conditions []policy.ConditionView, keys []string) bool {
	return slices.ContainsFunc(conditions, func(c policy.ConditionView) bool {
		return narrows(c.Operator, "StringEquals", "StringEqualsIgnoreCase") && slices.Contains(keys, c.Key)
	})
}

// narrows reports whether an operator, its prefix aside, is one of some. None
// of them has IfExists.
func narrows(operator string, of ...string) bool {
	operator = strings.TrimPrefix(strings.TrimPrefix(operator, "ForAllValues:"), "ForAnyValue:")
	return slices.Contains(of, operator)
}

// notAll takes every value but the bare wildcard: also **, and the empty value
// (recorded on AWS, 2026-09).
func notAll(value string) bool { return value != "*" }

// gitHubScoped takes no value that begins with a wildcard for any text, nor a
// blank one (recorded on AWS, 2026-09).
func gitHubScoped(value string) bool {
	return !strings.HasPrefix(value, "*") && strings.TrimSpace(value) != ""
}

// Shared reports whether everybody can have tokens of an issuer, its URL without
// scheme, so that only a condition tells its users apart.
func Shared(url string) bool {
	_, listed := sharedIssuers[url]
	_, builtIn := builtInIssuers[url]
	return listed || builtIn || strings.HasPrefix(url, gitHubIssuer)
}

// SharedIssuers lists those of AWS's table, in no order.
func SharedIssuers() []string {
	urls := []string{gitHubIssuer}
	for url := range sharedIssuers {
		urls = append(urls, url)
	}
	for url := range builtInIssuers {
		urls = append(urls, url)
	}
	return urls
}
