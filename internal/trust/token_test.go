package trust_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
	"github.com/google/go-cmp/cmp"
)

// claims is the payload of a token.
type claims = map[string]any

var signingKey = sync.OnceValues(func() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })

// test is what a helper asks of a *testing.T, a *testing.F or a *rapid.T.
type test interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// verified signs a payload and verifies it, for there is no other way to
// claims. The time is the token's own.
func verified(tb test, payload []byte) *oidc.Claims {
	tb.Helper()
	c, err := verify(tb, payload)
	if err != nil {
		tb.Fatalf("%s: %v", payload, err)
	}
	return c
}

func verify(tb test, payload []byte) (*oidc.Claims, error) {
	tb.Helper()
	key, err := signingKey()
	if err != nil {
		tb.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	signed := b64([]byte(`{"alg":"ES256","kid":"k"}`)) + "." + b64(payload)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	point, err := key.PublicKey.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := oidc.ParseKeySet([]byte(`{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"` + b64(point[1:33]) + `","y":"` + b64(point[33:]) + `"}]}`))
	if err != nil {
		tb.Fatal(err)
	}
	token, err := oidc.Parse(signed + "." + b64(signature[:]))
	if err != nil {
		return nil, err
	}
	var named struct {
		Azp any
		Aud any
		Exp int64
	}
	if err := json.Unmarshal(payload, &named); err != nil {
		return nil, err
	}
	var clientIDs []string
	for _, name := range []any{named.Azp, named.Aud} {
		switch name := name.(type) {
		case string:
			clientIDs = append(clientIDs, name)
		case []any:
			for _, one := range name {
				if one, ok := one.(string); ok {
					clientIDs = append(clientIDs, one)
				}
			}
		}
	}
	return token.Verify(keys, clientIDs, time.Unix(named.Exp, 0))
}

// minted is a token of an issuer with the claims that AWS asks for and more.
func minted(tb test, issuer string, more claims) *oidc.Claims {
	tb.Helper()
	all := claims{"iss": issuer, "sub": "s", "aud": "sts.amazonaws.com", "iat": 1789123397, "exp": 1789123697}
	maps.Copy(all, more)
	payload, err := json.Marshal(all)
	if err != nil {
		tb.Fatal(err)
	}
	return verified(tb, payload)
}

// newToken is what trust makes of the claims, with extended claims or without.
func newToken(tb test, c *oidc.Claims, extended bool) *trust.Token {
	tb.Helper()
	url, ok := trust.ProviderURL(c.Issuer)
	if !ok {
		tb.Fatalf("issuer %s names no provider", c.Issuer)
	}
	tok, err := trust.NewToken(trust.Provider{ARN: oidcProvider + url, URL: url, ExtendedClaims: extended}, c)
	if err != nil {
		tb.Fatal(err)
	}
	return tok
}

// sample reads a payload of the shared samples.
func sample(t *testing.T, name string) *oidc.Claims {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "samples", name))
	switch {
	case err == nil:
		return verified(t, text)
	case os.Getenv("CI") == "true":
		t.Fatalf("the shared samples are missing: %v", err)
	default:
		t.Skipf("the shared samples are not here: %v", err)
	}
	return nil
}

// providersKeys are the condition keys that begin with the provider's URL,
// which is left out; the values of a multivalued key are parted by |.
func providersKeys(tok *trust.Token) map[string]string {
	var ctx policy.Context
	trust.ConditionKeys(trust.Action, tok, session(), &ctx)
	keys := map[string]string{}
	for _, key := range ctx.Keys() {
		if name, ok := strings.CutPrefix(key, tok.ProviderURL+":"); ok {
			values, multi, _ := ctx.Get(key)
			keys[name] = strings.Join(values, "|")
			if multi {
				keys[name] = "multi " + keys[name]
			}
		}
	}
	return keys
}

// Google sends its iss with and without the scheme; no other issuer may.
func TestProviderURL(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string]string{
		"https://accounts.google.com": "accounts.google.com", "accounts.google.com": "accounts.google.com",
		"https://gitlab.example.com/": "gitlab.example.com/", "https://GitLab.example.com:8443/x": "GitLab.example.com:8443/x",
		"gitlab.com": "", "http://gitlab.com": "", "HTTPS://gitlab.com": "", "http://accounts.google.com": "", "": "",
	} {
		if url, ok := trust.ProviderURL(issuer); ok != (want != "") || ok && url != want {
			t.Errorf("%s: %q, %v", issuer, url, ok)
		}
	}
}

// The provider-specific keys, by issuer: the list of the Service Authorization
// Reference. A token that has all the claims gets those of its issuer alone.
func TestProviderKeys(t *testing.T) {
	t.Parallel()
	const (
		gitHub    = "actor actor_id enterprise_id environment job_workflow_ref ref repository repository_id repository_owner_id workflow"
		gitLab    = "namespace_id pipeline_source project_id ref_protected runner_environment user_access_level user_email user_id user_login"
		buildkite = "build_branch cluster_id cluster_name organization_id organization_slug pipeline_id pipeline_slug"
	)
	everything := claims{}
	for _, name := range strings.Fields(gitHub + " " + gitLab + " " + buildkite +
		" google:organization_number google/organization_number oidc.circleci.com/project-id rpst_id project_path repository_owner google app_id id") {
		everything[name] = "1"
	}
	for url, want := range map[string]string{
		"gitlab.com":                                                     gitLab,
		"token.actions.githubusercontent.com":                            gitHub,
		"token.actions.githubusercontent.com/octo-corp":                  gitHub,
		"token.actions.octo-corp.ghe.com":                                gitHub,
		"github.com/enterprises/octo-corp":                               gitHub,
		"agent.buildkite.com":                                            buildkite,
		"agent.acme.buildkite.dev":                                       buildkite,
		"agent.acme.buildkite.site":                                      buildkite,
		"accounts.google.com":                                            "google/organization_number",
		"oidc.circleci.com/org/11111111-1111-4111-8111":                  "oidc.circleci.com/project-id",
		"idcs-9dc693e80d9b469480d7afe00e743931.identity.oraclecloud.com": "rpst_id",
	} {
		got := newToken(t, minted(t, "https://"+url, everything), false)
		if names := slices.Sorted(maps.Keys(providersKeys(got))); strings.Join(names, " ") != strings.Join(slices.Sorted(slices.Values(append(strings.Fields(want), "aud", "sub"))), " ") {
			t.Errorf("%s has the keys %q", url, names)
		}
	}
	for _, url := range []string{
		"gitlab.example.com", "gitlab.com/", "GitLab.com", "gitlab.com:8443", "www.gitlab.com", "gitlab.com.example.com",
		"token.actions.githubusercontent.com/", "token.actions.githubusercontent.com/a/b", "token.actions.githubusercontent.com.example.com",
		"token.actions..ghe.com", "token.actions.a.b.ghe.com", "token.actions.ghe.com", "token.actions.octo.ghe.com/x", "github.example.com/_services/token",
		"github.com/enterprises/", "github.com/enterprises/a/b", "agent.buildkite.com/acme", "agent.a/b.buildkite.dev", "agent.buildkite.dev",
		"accounts.google.com.example.com", "oidc.circleci.com", "oidc.circleci.com/org/", "oidc.circleci.com/org/a/b",
		"idcs-.identity.oraclecloud.com", "identity.oraclecloud.com",
	} {
		got := newToken(t, minted(t, "https://"+url, everything), false)
		if diff := cmp.Diff(map[string]string{"aud": "sts.amazonaws.com", "sub": "s"}, providersKeys(got)); diff != "" {
			t.Errorf("%s has keys of others:\n%s", url, diff)
		}
	}
}

// Values: strings as they are, numbers and booleans as the token writes them;
// null is no claim, and lists and objects are not flattened.
func TestProviderKeyValues(t *testing.T) {
	t.Parallel()
	own := map[string]string{"aud": "sts.amazonaws.com", "sub": "s"}
	for issuer, c := range map[string]struct {
		name string
		key  string
		want map[any]string // "" is absent
	}{
		"https://gitlab.com": {"project_id", "project_id", map[any]string{
			"20": "20", 20: "20", json.Number("1e3"): "1e3", true: "true", "a\u00e9\n": "a\u00e9\n", nil: "",
		}},
		"accounts.google.com": {"google:organization_number", "google/organization_number", map[any]string{
			json.Number("12345678901234567890"): "12345678901234567890", "123": "123", "-1.5": "-1.5",
			"x": "", true: "", "": "", "0x10": "", "1 2": "",
		}},
	} {
		for value, want := range c.want {
			got := providersKeys(newToken(t, minted(t, issuer, claims{c.name: value}), false))
			wanted := maps.Clone(own)
			if want != "" {
				wanted[c.key] = want
			}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("%s %v:\n%s", c.name, value, diff)
			}
		}
		for _, value := range []any{[]string{"20"}, []string{}, claims{"id": "20"}} {
			if diff := cmp.Diff(own, providersKeys(newToken(t, minted(t, issuer, claims{c.name: value}), false))); diff != "" {
				t.Errorf("%s %v:\n%s", c.name, value, diff)
			}
		}
	}
	// An empty value is a value.
	if diff := cmp.Diff(map[string]string{"aud": "sts.amazonaws.com", "sub": "s", "environment": ""},
		providersKeys(newToken(t, minted(t, "https://token.actions.githubusercontent.com", claims{"environment": ""}), false))); diff != "" {
		t.Error(diff)
	}
}

// The keys that every provider has.
func TestKeysOfEveryProvider(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		more claims
		want map[string]string
	}{
		{claims{}, map[string]string{"aud": "sts.amazonaws.com", "sub": "s"}},
		{claims{"azp": "client"}, map[string]string{"aud": "client", "oaud": "sts.amazonaws.com", "sub": "s"}},
		{claims{"azp": "client", "aud": []string{"a", "b"}}, map[string]string{"aud": "client", "oaud": "multi a|b", "sub": "s"}},
		{claims{"amr": []string{"mfa", "pwd"}, "email": "a@example.com"}, map[string]string{"aud": "sts.amazonaws.com", "sub": "s", "amr": "multi mfa|pwd", "email": "a@example.com"}},
		{claims{"amr": []string{}, "email": nil, "email_verified": true}, map[string]string{"aud": "sts.amazonaws.com", "sub": "s", "amr": "multi "}},
		{claims{"oaud": "forged", "project_id": "20", "ref_protected": "true"}, map[string]string{"aud": "sts.amazonaws.com", "sub": "s"}},
	} {
		if diff := cmp.Diff(c.want, providersKeys(newToken(t, minted(t, "https://gitlab.example.com", c.more), false))); diff != "" {
			t.Errorf("%v:\n%s", c.more, diff)
		}
	}
}

// admitting is a trust policy for a provider's URL.
func admitting(t *testing.T, url, action, condition string) *policy.Document {
	t.Helper()
	return parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"`+oidcProvider+url+`"},"Action":`+action+`,"Condition":`+condition+`}]}`)
}

// Trust policies that people write, against the tokens that issuers send.
func TestSamples(t *testing.T) {
	t.Parallel()
	const (
		web     = `"sts:AssumeRoleWithWebIdentity"`
		gitHub  = "token.actions.githubusercontent.com"
		gitLab  = "gitlab.example.com"
		circle  = "oidc.circleci.com/org/11111111-1111-4111-8111-111111111111"
		onMain  = `{"StringLike":{"gitlab.example.com:sub":"project_path:my-group/*:ref_type:branch:ref:main"}}`
		mainRef = `{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:octo-org/octo-repo:ref:refs/heads/main","token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}`
		byID    = `{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:octo-org@65/octo-repo@74:*"}}`
		byClaim = `{"StringEquals":{"token.actions.githubusercontent.com:repository_id":"74","token.actions.githubusercontent.com:repository_owner_id":"65","token.actions.githubusercontent.com:ref":"refs/heads/main"}}`
		inEnv   = `{"StringEquals":{"token.actions.githubusercontent.com:environment":"Production"}}`
		shared  = `{"StringLike":{"token.actions.githubusercontent.com:job_workflow_ref":"octo-org/octo-automation/.github/workflows/oidc.yml@*"}}`
		pulls   = `{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:octo-org/octo-repo:pull_request"}}`
	)
	for _, c := range []struct {
		url, action, condition string
		admits, refuses        []string // names of samples
	}{
		// GitLab, "Configure OpenID Connect in AWS to retrieve temporary credentials": filters on sub.
		{gitLab, web, onMain, []string{"gitlab_id_token_branch"}, []string{"gitlab_id_token_tag", "gitlab_id_token_merge_request", "gitlab_id_token_project_id_sub"}},
		{gitLab, web, `{"StringLike":{"gitlab.example.com:sub":"project_path:my-group/*:ref_type:tag:ref:*"}}`, []string{"gitlab_id_token_tag"}, []string{"gitlab_id_token_branch"}},
		{gitLab, web, `{"StringLike":{"gitlab.example.com:sub":"project_id:20:*environment_protected:true:deployment_tier:production"}}`, []string{"gitlab_id_token_environment_custom_sub"}, []string{"gitlab_id_token_environment"}},
		// A self-managed GitLab has no keys but those of every provider.
		{gitLab, web, `{"StringEquals":{"gitlab.example.com:project_id":"20"}}`, nil, []string{"gitlab_id_token_branch"}},
		{gitLab, web, `{"StringEquals":{"gitlab.com:project_id":"20"}}`, nil, []string{"gitlab_id_token_branch"}},
		// GitHub, "Configuring OpenID Connect in Amazon Web Services", and its immutable subjects.
		{gitHub, web, mainRef, []string{"github_branch"}, []string{"github_branch_immutable", "github_pull_request", "github_environment", "github_tag"}},
		{gitHub, web, byID, []string{"github_branch_immutable"}, []string{"github_branch"}},
		{gitHub, web, byClaim, []string{"github_branch", "github_branch_immutable", "github_environment"}, []string{"github_pull_request", "github_tag"}},
		{gitHub, web, inEnv, []string{"github_environment"}, []string{"github_branch", "github_pull_request", "github_environment_colon"}},
		{gitHub, web, shared, []string{"github_custom_sub_repo_context_job_workflow_ref"}, []string{"github_branch"}},
		{gitHub, web, pulls, []string{"github_pull_request"}, []string{"github_branch"}},
		// GitHub sends ref_protected, and AWS has no key of that name for it.
		{gitHub, web, `{"StringEquals":{"token.actions.githubusercontent.com:ref_protected":"true"}}`, nil, []string{"github_branch"}},
		// Buildkite, "OIDC in Buildkite Pipelines": session tags need an action of their own.
		{"agent.buildkite.com", web, `{"StringEquals":{"agent.buildkite.com:organization_slug":"acme-inc","agent.buildkite.com:build_branch":"main"}}`, []string{"buildkite"}, []string{"buildkite_aws_session_tags"}},
		{"agent.buildkite.com", `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`, `{"StringEquals":{"aws:RequestTag/organization_id":"f892efa9-103e-4d28-97a1-3b8616a0994d"}}`, []string{"buildkite_aws_session_tags"}, []string{"buildkite"}},
		{"agent.buildkite.com", `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`, `{"ForAllValues:StringEquals":{"aws:TagKeys":"organization_slug"}}`, []string{"buildkite"}, []string{"buildkite_aws_session_tags"}},
		{"agent.buildkite.com", web, `{"StringEquals":{"agent.buildkite.com:build_number":"1"}}`, nil, []string{"buildkite"}},
		// Google: aud is azp, and oaud is what the token calls aud.
		{"accounts.google.com", web, `{"StringEquals":{"accounts.google.com:aud":"113774264463038321964","accounts.google.com:oaud":"https://example-audience","accounts.google.com:sub":"113774264463038321964"}}`, []string{"google_service_account"}, nil},
		{"accounts.google.com", web, `{"StringEquals":{"accounts.google.com:aud":"https://example-audience"}}`, nil, []string{"google_service_account"}},
		{circle, web, `{"StringEquals":{"` + circle + `:oidc.circleci.com/project-id":"22222222-2222-4222-8222-222222222222"}}`, []string{"circleci_v1", "circleci_v2"}, nil},
		{circle, web, `{"Null":{"` + circle + `:oidc.circleci.com/vcs-ref":"false"}}`, nil, []string{"circleci_v2"}},
	} {
		d := admitting(t, c.url, c.action, c.condition)
		for _, want := range []struct {
			admitted bool
			names    []string
		}{{true, c.admits}, {false, c.refuses}} {
			for _, name := range want.names {
				tok := newToken(t, sample(t, name+".json"), false)
				if got, why := decide(t, d, tok); got.Allowed() != want.admitted {
					t.Errorf("%s, %s: %v\n%v", name, c.condition, got.Effect, why)
				}
			}
		}
	}
}

// The one key of the type Numeric (Service Authorization Reference).
func TestGoogleOrganizationNumber(t *testing.T) {
	t.Parallel()
	tok := newToken(t, minted(t, "accounts.google.com", claims{"google:organization_number": json.Number("123456789012"), "azp": "client"}), false)
	for condition, admitted := range map[string]bool{
		`{"NumericEquals":{"accounts.google.com:google/organization_number":"123456789012"}}`:         true,
		`{"NumericEquals":{"accounts.google.com:google/organization_number":123456789013}}`:           false,
		`{"NumericLessThan":{"accounts.google.com:google/organization_number":"1"}}`:                  false,
		`{"NumericEqualsIfExists":{"accounts.google.com:google:organization_number":"1"}}`:            true, // no such key
		`{"NumericGreaterThanEquals":{"accounts.google.com:google/organization_number":"1.2345e11"}}`: true,
	} {
		if got, _ := decide(t, admitting(t, "accounts.google.com", `"sts:AssumeRoleWithWebIdentity"`, condition), tok); got.Allowed() != admitted {
			t.Errorf("%s: %v", condition, got.Effect)
		}
	}
}

// The same for gitlab.com, whose tokens are those of a GitLab of one's own with
// another issuer, from this package alone.
func TestGitLabDotCom(t *testing.T) {
	t.Parallel()
	job := claims{
		"sub": mainBranch, "aud": "https://gitlab.com", "project_id": "20", "namespace_id": "72", "user_id": "1", "user_login": "sample-user",
		"user_access_level": "developer", "ref_protected": "true", "pipeline_source": "push", "runner_environment": "gitlab-hosted", "runner_id": 1,
		"project_path": "mygroup/myproject", "environment": "production",
	}
	for condition, admitted := range map[string]bool{
		`{"StringEquals":{"gitlab.com:sub":"` + mainBranch + `","gitlab.com:namespace_id":"72","gitlab.com:project_id":"20"}}`: true,
		`{"StringEquals":{"gitlab.com:project_id":["19","20"],"gitlab.com:ref_protected":"true"}}`:                             true,
		`{"Bool":{"gitlab.com:ref_protected":"true"}}`:                                                                         true,
		`{"Bool":{"gitlab.com:ref_protected":"false"}}`:                                                                        false,
		`{"StringEquals":{"gitlab.com:namespace_id":"71"}}`:                                                                    false,
		`{"StringNotEquals":{"gitlab.com:pipeline_source":"merge_request_event"}}`:                                             true,
		`{"Null":{"gitlab.com:user_email":"true"}}`:                                                                            true, // the claim is optional
		`{"StringEquals":{"gitlab.com:project_path":"mygroup/myproject"}}`:                                                     false,
		`{"StringEquals":{"gitlab.com:environment":"production"}}`:                                                             false,
		`{"StringEquals":{"gitlab.com:runner_id":"1"}}`:                                                                        false,
	} {
		tok := newToken(t, minted(t, "https://gitlab.com", job), false)
		if got, _ := decide(t, admitting(t, "gitlab.com", `"sts:AssumeRoleWithWebIdentity"`, condition), tok); got.Allowed() != admitted {
			t.Errorf("%s: %v", condition, got.Effect)
		}
	}
}

func BenchmarkNewToken(b *testing.B) {
	job := claims{"project_id": "20", "namespace_id": "72", "user_login": "sample-user", "ref_protected": "true", "pipeline_source": "push"}
	for i := range 25 {
		job["claim_"+strings.Repeat("x", i)] = "value"
	}
	for name, c := range map[string]struct {
		issuer   string
		extended bool
	}{
		"plain": {"https://gitlab.example.com", false}, "gitlab.com": {"https://gitlab.com", false}, "extended": {"https://gitlab.example.com", true},
	} {
		b.Run(name, func(b *testing.B) {
			payload := minted(b, c.issuer, job)
			url, _ := trust.ProviderURL(c.issuer)
			p := trust.Provider{ARN: oidcProvider + url, URL: url, ExtendedClaims: c.extended}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := trust.NewToken(p, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
