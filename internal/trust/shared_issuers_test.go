package trust_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
)

const oidcProvider = "arn:aws:iam::123456789012:oidc-provider/"

// allowing is one Allow for a federated principal; an empty condition is none.
func allowing(principal, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Effect":"Allow","Principal":{"Federated":"` + principal + `"},"Action":"sts:AssumeRoleWithWebIdentity"` + condition + `}`
}

// wantControl asks for a sentence, or with "" for none, of a policy of
// statements.
func wantControl(t *testing.T, message string, statement int, statements ...string) {
	t.Helper()
	text := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	err := trust.CheckSharedIssuers(parse(t, text))
	if message == "" {
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		return
	}
	var control *trust.ControlError
	if !errors.As(err, &control) || control.Message != message || control.Statement != statement {
		t.Errorf("%s:\n got %#v\nwant %s", text, err, message)
	}
}

func mustEvaluate(named string, keys ...string) string {
	return "Trust policy with trusted principal " + named + " must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, " +
		strings.Join(keys, " or ") + " which is not scoped to all."
}

// The conditions that suffice for an issuer that is shared, as recorded on AWS
// (2026-09-11) for gitlab.com and Amazon Cognito.
func TestSharedIssuerConditions(t *testing.T) {
	t.Parallel()
	refused := mustEvaluate("gitlab.com", "gitlab.com:sub")
	for condition, ok := range map[string]bool{
		``:   false,
		`{}`: false,
		`{"StringEquals":{"gitlab.com:sub":"x"}}`:                                           true,
		`{"StringLike":{"gitlab.com:sub":"x:*"}}`:                                           true,
		`{"StringEqualsIgnoreCase":{"gitlab.com:sub":"x"}}`:                                 true,
		`{"ForAnyValue:StringEquals":{"gitlab.com:sub":"x"}}`:                               true,
		`{"ForAllValues:StringLike":{"gitlab.com:sub":"x"}}`:                                true,
		`{"StringEquals":{"GITLAB.COM:SUB":"x"}}`:                                           true,
		`{"StringLike":{"gitlab.com:sub":"?"}}`:                                             true,
		`{"StringLike":{"gitlab.com:sub":"**"}}`:                                            true,
		`{"StringLike":{"gitlab.com:sub":"*?"}}`:                                            true,
		`{"StringEquals":{"gitlab.com:sub":""}}`:                                            true,
		`{"StringLike":{"gitlab.com:sub":"*"}}`:                                             false,
		`{"StringEquals":{"gitlab.com:sub":"*"}}`:                                           false,
		`{"StringLike":{"gitlab.com:sub":["*","x"]}}`:                                       false,
		`{"StringLike":{"gitlab.com:sub":["x","*"]}}`:                                       false,
		`{"StringNotEquals":{"gitlab.com:sub":"x"}}`:                                        false,
		`{"StringNotLike":{"gitlab.com:sub":"x"}}`:                                          false,
		`{"StringEqualsIfExists":{"gitlab.com:sub":"x"}}`:                                   false,
		`{"StringLikeIfExists":{"gitlab.com:sub":"x:*"}}`:                                   false,
		`{"ForAnyValue:StringLikeIfExists":{"gitlab.com:sub":"x"}}`:                         false,
		`{"Null":{"gitlab.com:sub":"false"}}`:                                               false,
		`{"Bool":{"gitlab.com:sub":"true"}}`:                                                false,
		`{"StringEquals":{"gitlab.com:aud":"x"}}`:                                           false,
		`{"StringEquals":{"gitlab.com:project_id":"20","gitlab.com:aud":"x"}}`:              false,
		`{"StringEquals":{"gitlab.com:sub":"x"},"StringLike":{"gitlab.com:sub":"*"}}`:       true, // one operator suffices
		`{"StringEquals":{"gitlab.com:sub":"x","gitlab.com:aud":"*"}}`:                      true,
		`{"StringNotEquals":{"gitlab.com:sub":"x"},"StringLike":{"gitlab.com:sub":"x:a*"}}`: true,
	} {
		message := refused
		if ok {
			message = ""
		}
		wantControl(t, message, 1, allowing(oidcProvider+"gitlab.com", condition))
	}
	const cognito = "cognito-identity.amazonaws.com"
	wantControl(t, "A condition block must be present for the Cognito provider", 1, allowing(cognito, ""))
	wantControl(t, mustEvaluate(cognito, cognito+":aud"), 1, allowing(cognito, `{"StringEquals":{"`+cognito+`:sub":"x"}}`))
	wantControl(t, "", 0, allowing(cognito, `{"StringEquals":{"`+cognito+`:aud":"x"}}`))
}

// Each statement stands for itself, and only an Allow of the exchange matters
// (recorded on AWS, 2026-09-11).
func TestSharedIssuerStatements(t *testing.T) {
	t.Parallel()
	const gitlab = oidcProvider + "gitlab.com"
	good, bad := allowing(gitlab, `{"StringEquals":{"gitlab.com:sub":"x"}}`), allowing(gitlab, "")
	refused := mustEvaluate("gitlab.com", "gitlab.com:sub")
	wantControl(t, "", 0, good)
	wantControl(t, refused, 2, good, bad)
	wantControl(t, refused, 1, bad, good)
	wantControl(t, "", 0, strings.Replace(bad, "Allow", "Deny", 1))
	wantControl(t, "", 0, strings.Replace(bad, "sts:AssumeRoleWithWebIdentity", "sts:TagSession", 1))
	wantControl(t, "", 0, strings.Replace(bad, `"sts:AssumeRoleWithWebIdentity"`, `["sts:TagSession","sts:AssumeRole"]`, 1))
	wantControl(t, refused, 1, strings.Replace(bad, `"sts:AssumeRoleWithWebIdentity"`, `["sts:TagSession","sts:assumeRoleWith*"]`, 1))
	wantControl(t, refused, 1, strings.Replace(bad, `"`+gitlab+`"`, `["`+oidcProvider+`gitlab.example.com","`+gitlab+`"]`, 1))
	// Nobody but its own users can have a token of an issuer that is not shared.
	for _, url := range []string{"gitlab.example.com", "gitlab.com/", "gitlab.com.example.com", "sub.gitlab.com", "app.terraform.io/x", "token.actions.example.ghe.com"} {
		wantControl(t, "", 0, allowing(oidcProvider+url, ""))
	}
	wantControl(t, "", 0, `{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRoleWithWebIdentity"}`)
	if err := trust.CheckSharedIssuers(nil); err != nil {
		t.Errorf("no document: %v", err)
	}
}

// The issuers of AWS's table, with the key for each (IAM User Guide,
// "Identity-provider controls for shared OIDC providers", of 2026-09).
func TestSharedIssuers(t *testing.T) {
	t.Parallel()
	for issuer, key := range map[string]string{
		"agent.buildkite.com": "agent.buildkite.com:sub", "oidc.codefresh.io": "oidc.codefresh.io:sub",
		"studio.datachain.ai/api": "studio.datachain.ai/api:sub", "scalr.io": "scalr.io:sub",
		"oidc-configuration.audit-log.githubusercontent.com": "oidc-configuration.audit-log.githubusercontent.com:sub",
		"vstoken.actions.githubusercontent.com":              "vstoken.actions.githubusercontent.com:sub",
		"tokens.cloud.shisho.dev":                            "tokens.cloud.shisho.dev:sub",
		"app.terraform.io":                                   "app.terraform.io:sub", "proidc.upbound.io": "proidc.upbound.io:sub",
		"api.pulumi.com/oidc": "api.pulumi.com/oidc:aud", "sandboxes.cloud": "sandboxes.cloud:aud", "oidc.vercel.com": "oidc.vercel.com:aud",
		"sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d":                "sts:RoleSessionName",
		"rh-oidc.s3.us-east-1.amazonaws.com/22ejnvnnturfmt6km08idd0nt4hekbn7": "rh-oidc.s3.us-east-1.amazonaws.com/22ejnvnnturfmt6km08idd0nt4hekbn7:sub",
	} {
		wantControl(t, mustEvaluate(issuer, key), 1, allowing(oidcProvider+issuer, ""))
		wantControl(t, "", 0, allowing(oidcProvider+issuer, `{"StringLike":{"`+key+`":"x*"}}`))
	}
}

// GitHub's rule, with the principal's whole ARN in the sentence (recorded on
// AWS, 2026-09-11).
func TestGitHubControl(t *testing.T) {
	t.Parallel()
	const url = "token.actions.githubusercontent.com"
	refused := func(url string) string { return mustEvaluate(oidcProvider+url, url+":sub", url+":job_workflow_ref") }
	sub := func(value string) string { return `{"StringLike":{"` + url + `:sub":"` + value + `"}}` }
	for condition, ok := range map[string]bool{
		``:                     false,
		sub("repo:octo-org/*"): true,
		sub("repo:*"):          true,
		sub("??"):              true,
		sub("?*"):              true,
		sub("*"):               false,
		sub("*owned"):          false,
		sub("*??"):             false,
		sub(""):                false,
		sub(" "):               false,
		`{"StringEquals":{"` + url + `:job_workflow_ref":"x"}}`:                                      true,
		`{"StringEquals":{"` + url + `:job_workflow_ref":"*"}}`:                                      false,
		`{"StringEquals":{"` + url + `:repository":"octo-org/octo-repo"}}`:                           false,
		`{"StringEquals":{"` + url + `:sub":"*","` + url + `:job_workflow_ref":"x"}}`:                false, // both under one operator
		`{"StringEquals":{"` + url + `:sub":"x","` + url + `:job_workflow_ref":"*"}}`:                false,
		`{"StringEquals":{"` + url + `:sub":"x"},"StringLike":{"` + url + `:job_workflow_ref":"*"}}`: true,
		`{"StringLike":{"` + url + `:sub":["repo:a/*","*b"]}}`:                                       false,
	} {
		message := refused(url)
		if ok {
			message = ""
		}
		wantControl(t, message, 1, allowing(oidcProvider+url, condition))
	}
	// Whatever stands behind the issuer's name, and then with its own keys.
	for _, longer := range []string{url + "/octo-org", url + ".example.test", url + "other"} {
		wantControl(t, refused(longer), 1, allowing(oidcProvider+longer, sub("repo:octo-org/*")))
		wantControl(t, "", 0, allowing(oidcProvider+longer, fmt.Sprintf(`{"StringLike":{"%s:sub":"repo:octo-org/*"}}`, longer)))
	}
}

// The issuers that AWS knew first have an older rule: equality, the key exactly
// so, any value (recorded on AWS, 2026-09-11).
func TestBuiltInControl(t *testing.T) {
	t.Parallel()
	const google = "accounts.google.com"
	refused := "Policy trusting accounts.google.com requires a StringEquals condition on an application id"
	for condition, ok := range map[string]bool{
		``: false,
		`{"StringEquals":{"accounts.google.com:aud":"x"}}`:               true,
		`{"StringEquals":{"accounts.google.com:oaud":"x"}}`:              true,
		`{"StringEquals":{"accounts.google.com:sub":"*"}}`:               true,
		`{"StringEqualsIgnoreCase":{"accounts.google.com:sub":""}}`:      true,
		`{"ForAnyValue:StringEquals":{"accounts.google.com:aud":"x"}}`:   true,
		`{"StringLike":{"accounts.google.com:sub":"x"}}`:                 false,
		`{"StringEqualsIfExists":{"accounts.google.com:sub":"x"}}`:       false,
		`{"StringEquals":{"ACCOUNTS.GOOGLE.COM:AUD":"x"}}`:               false,
		`{"StringEquals":{"accounts.google.com:email":"a@example.com"}}`: false,
	} {
		message := refused
		if ok {
			message = ""
		}
		wantControl(t, message, 1, allowing(google, condition))
		wantControl(t, message, 1, allowing(oidcProvider+google, condition))
	}
	wantControl(t, "Policy trusting www.amazon.com requires a StringEquals condition on an application id", 1, allowing("www.amazon.com", ""))
	wantControl(t, "", 0, allowing("www.amazon.com", `{"StringEquals":{"www.amazon.com:app_id":"x"}}`))
	wantControl(t, "", 0, allowing("graph.facebook.com", `{"StringEquals":{"graph.facebook.com:sub":"x"}}`))
}

// The check never changes a decision: what was stored before is decided by.
func TestControlsAreForWritingAlone(t *testing.T) {
	t.Parallel()
	d := parse(t, `{"Version":"2012-10-17","Statement":[`+allowing(oidcProvider+"gitlab.com", "")+`]}`)
	tok := &trust.Token{Provider: oidcProvider + "gitlab.com", ProviderURL: "gitlab.com", Subject: mainBranch, Audience: "x"}
	if got := trust.Decide(d, tok, session(), nil, nil); got.Effect != policy.Allow {
		t.Errorf("decision is %+v", got)
	}
}
