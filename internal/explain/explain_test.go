package explain_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	account = "123456789012"
	roleARN = "arn:aws:iam::" + account + ":role/deploy"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// issuer signs the tokens of the tests with a key of its own.
type issuer struct {
	key  *rsa.PrivateKey
	keys *oidc.KeySet
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Algorithm: "RS256", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := oidc.ParseKeySet(set)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{key, keys}
}

func (i *issuer) sign(t *testing.T, kid string, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		options = options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: i.key}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// gitLab and gitHub are the claims of a job of each, over which a case lays its
// own; nil takes a claim away.
var (
	gitLab = map[string]any{
		"iss": "https://gitlab.example.com", "aud": "sts.amazonaws.com", "sub": "project_path:acme/app:ref_type:branch:ref:main",
		"iat": now.Unix(), "nbf": now.Unix() - 5, "exp": now.Unix() + 3600, "jti": "1",
		"project_path": "acme/app", "job_project_path": "acme/app", "namespace_path": "acme", "pipeline_source": "push",
		"pipeline_id": "7", "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
	}
	gitHub = map[string]any{
		"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com", "sub": "repo:acme/app:ref:refs/heads/main",
		"iat": now.Unix(), "nbf": now.Unix() - 5, "exp": now.Unix() + 300, "jti": "1", "repository": "acme/app", "workflow_ref": "acme/app/.github/workflows/x.yml@refs/heads/main",
	}
)

func with(base, changes map[string]any) map[string]any {
	all := maps.Clone(base)
	for name, value := range changes {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}

// statement is a trust policy of one statement.
func statement(federated, action, condition string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::%s:oidc-provider/%s"},"Action":%q,"Condition":%s}]}`, account, federated, action, condition)
}

func gitLabPolicy(condition string) string {
	return statement("gitlab.example.com", "sts:AssumeRoleWithWebIdentity", condition)
}

func gitHubPolicy(sub string) string {
	return statement("token.actions.githubusercontent.com", "sts:AssumeRoleWithWebIdentity", fmt.Sprintf(`{"StringEquals":{"token.actions.githubusercontent.com:sub":%q}}`, sub))
}

const good = `{"StringEquals":{"gitlab.example.com:sub":"project_path:acme/app:ref_type:branch:ref:main"}}`

// denial is a question whose answer is known.
type denial struct {
	cause  int
	name   string
	claims map[string]any // nil: no token
	kid    string         // "" is the right one, "-" none
	raw    string         // in the place of a token
	policy string
	ask    func(q *explain.Question)

	code, message string // of AWS
	note          string // somewhere in the report
	fix           string // in the mended policy; "" where none may be recommended
}

const (
	notAuthorized = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	noKeyMessage  = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
)

var denials = []denial{
	{cause: 5, name: "unknown kid", claims: gitLab, kid: "two", policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: noKeyMessage, note: `no key "two"`},
	{cause: 6, name: "no kid", claims: gitLab, kid: "-", policy: gitLabPolicy(good), ask: twoKeys, code: "InvalidIdentityToken", message: noKeyMessage, note: "no kid"},
	{cause: 7, name: "key_ops", claims: gitLab, policy: gitLabPolicy(good), ask: keyWith(`"use":"enc"`), code: "InvalidIdentityToken", message: noKeyMessage, note: "published but not used"},
	{cause: 14, name: "port", claims: with(gitLab, map[string]any{"iss": "https://gitlab.example.com:8443"}), policy: gitLabPolicy(good), ask: providers("gitlab.example.com"), code: "InvalidIdentityToken", message: "No OpenIDConnect provider found in your account for https://gitlab.example.com:8443"},
	{cause: 15, name: "slash", claims: with(gitLab, map[string]any{"iss": "https://gitlab.example.com/"}), policy: gitLabPolicy(good), ask: providers("gitlab.example.com"), code: "InvalidIdentityToken", message: "No OpenIDConnect provider found in your account for https://gitlab.example.com/", note: "slash at the end"},
	{cause: 15, name: "case", claims: with(gitLab, map[string]any{"iss": "https://GitLab.example.com"}), policy: gitLabPolicy(good), ask: providers("gitlab.example.com"), code: "InvalidIdentityToken", message: "No OpenIDConnect provider found in your account for https://GitLab.example.com", note: "case of letters"},
	{cause: 16, name: "custom issuer", claims: with(gitLab, map[string]any{"iss": "https://keys.s3.eu-north-1.amazonaws.com"}), policy: gitLabPolicy(good), ask: providers("gitlab.example.com"), code: "InvalidIdentityToken", message: "No OpenIDConnect provider found in your account for https://keys.s3.eu-north-1.amazonaws.com"},
	{cause: 16, name: "custom issuer, providers not known", claims: with(gitLab, map[string]any{"iss": "https://keys.s3.eu-north-1.amazonaws.com"}), policy: gitLabPolicy(good), code: "AccessDenied", message: notAuthorized, note: "another issuer"},
	{cause: 17, name: "no provider", claims: gitLab, policy: gitLabPolicy(good), ask: func(q *explain.Question) { q.Providers = []string{} }, code: "InvalidIdentityToken", message: "No OpenIDConnect provider found in your account for https://gitlab.example.com"},
	{cause: 18, name: "http", claims: with(gitLab, map[string]any{"iss": "http://gitlab.example.com"}), policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: "No OpenIDConnect provider found in your account for http://gitlab.example.com"},
	{cause: 23, name: "CI_JOB_JWT", claims: with(gitLab, map[string]any{"aud": nil}), policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: "Missing a required claim: aud"},
	{cause: 24, name: "audience", claims: gitLab, policy: gitLabPolicy(good), ask: func(q *explain.Question) { q.ClientIDs = []string{"https://gitlab.example.com"} }, code: "InvalidIdentityToken", message: "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."},
	{cause: 24, name: "audience in the policy", claims: gitLab, policy: gitLabPolicy(`{"StringEquals":{"gitlab.example.com:aud":"https://gitlab.example.com","gitlab.example.com:sub":"project_path:acme/app:ref_type:branch:ref:main"}}`), code: "AccessDenied", message: notAuthorized, fix: `["https://gitlab.example.com", "sts.amazonaws.com"]`},
	{cause: 25, name: "audiences", claims: with(gitLab, map[string]any{"aud": []string{"a", "b"}}), policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: "Token audience contains more than one audience while authorized party is not present"},
	{cause: 26, name: "azp", claims: with(gitLab, map[string]any{"azp": "other"}), policy: gitLabPolicy(good), ask: func(q *explain.Question) { q.ClientIDs = []string{"sts.amazonaws.com"} }, code: "InvalidIdentityToken", message: "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.", note: "azp"},
	{cause: 27, name: "expired", claims: with(gitLab, map[string]any{"iat": now.Unix() - 4000, "nbf": nil, "exp": now.Unix() - 400}), policy: gitLabPolicy(good), code: "ExpiredTokenException", message: fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now.Unix()-300, now.Unix()-400)},
	{cause: 28, name: "future", claims: with(gitLab, map[string]any{"iat": now.Unix() + 400, "nbf": nil}), policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: fmt.Sprintf("Token issued in the future: %d", now.Unix()+400)},
	{cause: 28, name: "not before", claims: with(gitLab, map[string]any{"nbf": now.Unix() + 400}), policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: fmt.Sprintf("Token not yet valid: current date/time %d must be after or equal to the not-before date/time %d", now.Unix()+300, now.Unix()+400)},
	{cause: 29, name: "access token", raw: "gho_notatoken", policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"},
	{cause: 29, name: "crit", raw: "crit", claims: gitLab, policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)", note: "crit"},
	{cause: 30, name: "fraction", claims: with(gitLab, map[string]any{"iat": float64(now.Unix()) + 0.5}), policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: "Invalid timestamp in token claims."},
	{cause: 31, name: "empty", raw: " ", policy: gitLabPolicy(good), code: "ValidationError", note: "the token is empty"},
	{cause: 35, name: "long", claims: with(gitLab, map[string]any{"groups_direct": strings.Repeat("g", 20000)}), policy: gitLabPolicy(good), code: "ValidationError", note: "drop claims"},
	{cause: 36, name: "tags", claims: with(gitLab, map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"a": "b"}}}), policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: "principal_tags passed in claim is not in correct format."},
	{cause: 37, name: "roles", claims: with(gitLab, map[string]any{"https://aws.amazon.com/roles": []string{"arn:aws:iam::" + account + ":role/other"}}), policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: "The target role ARN is not present in the roles claim of the identity token"},
	{cause: 38, name: "PS256", raw: "PS256", claims: gitLab, policy: gitLabPolicy(good), code: "InvalidIdentityToken", message: noKeyMessage, note: "PS256"},
	{cause: 39, name: "sub null", claims: with(gitLab, map[string]any{"sub": json.RawMessage("null")}), policy: gitLabPolicy(good), code: "InternalFailure", message: "Unknown error validating third-party token"},
	{cause: 40, name: "wildcard under StringEquals", claims: gitLab, policy: gitLabPolicy(`{"StringEquals":{"gitlab.example.com:sub":"project_path:acme/*:ref_type:branch:ref:main"}}`), code: "AccessDenied", message: notAuthorized, fix: `"project_path:acme/app:ref_type:branch:ref:main"`},
	{cause: 41, name: "immutable", claims: with(gitHub, map[string]any{"sub": "repo:acme@12/app@34:ref:refs/heads/main"}), policy: gitHubPolicy("repo:acme/app:ref:refs/heads/main"), code: "AccessDenied", message: notAuthorized, fix: "repo:acme@12/app@34:ref:refs/heads/main"},
	{cause: 42, name: "environment", claims: with(gitHub, map[string]any{"sub": "repo:acme/app:environment:production"}), policy: gitHubPolicy("repo:acme/app:ref:refs/heads/main"), code: "AccessDenied", message: notAuthorized, fix: "repo:acme/app:environment:production"},
	{cause: 42, name: "no environment", claims: gitHub, policy: gitHubPolicy("repo:acme/app:environment:production"), code: "AccessDenied", message: notAuthorized, fix: "repo:acme/app:ref:refs/heads/main"},
	{cause: 43, name: "pull request", claims: with(gitHub, map[string]any{"sub": "repo:acme/app:pull_request"}), policy: gitHubPolicy("repo:acme/app:ref:refs/heads/main"), code: "AccessDenied", message: notAuthorized},
	{cause: 44, name: "case of the project", claims: with(gitLab, map[string]any{"sub": "project_path:Acme/app:ref_type:branch:ref:main"}), policy: gitLabPolicy(good), code: "AccessDenied", message: notAuthorized, fix: "project_path:Acme/app:ref_type:branch:ref:main"},
	{cause: 45, name: "merge request", claims: with(gitLab, map[string]any{"sub": "project_path:acme/app:ref_type:branch:ref:topic", "pipeline_source": "merge_request_event"}), policy: gitLabPolicy(`{"StringLike":{"gitlab.example.com:sub":"project_path:acme/app:ref_type:mr:ref:*"}}`), code: "AccessDenied", message: notAuthorized, fix: "project_path:acme/app:ref_type:branch:ref:topic"},
	{cause: 46, name: "tag", claims: with(gitLab, map[string]any{"sub": "project_path:acme/app:ref_type:tag:ref:v1"}), policy: gitLabPolicy(good), code: "AccessDenied", message: notAuthorized, fix: "project_path:acme/app:ref_type:tag:ref:v1"},
	{cause: 47, name: "fork", claims: with(gitLab, map[string]any{"sub": "project_path:mallory/app:ref_type:branch:ref:main", "project_path": "mallory/app", "namespace_path": "mallory"}), policy: gitLabPolicy(good), code: "AccessDenied", message: notAuthorized, note: "mallory/app"},
	{cause: 48, name: "components", claims: with(gitLab, map[string]any{"sub": "project_id:20:ref_type:branch:ref:main"}), policy: gitLabPolicy(good), code: "AccessDenied", message: notAuthorized, fix: "project_id:20:ref_type:branch:ref:main"},
	{cause: 48, name: "more components", claims: with(gitLab, map[string]any{"sub": "project_path:acme/app:ref_type:branch:ref:main:ref_protected:true"}), policy: gitLabPolicy(good), code: "AccessDenied", message: notAuthorized, fix: "ref:main:ref_protected:true"},
	{cause: 49, name: "claim without a key", claims: gitLab, policy: gitLabPolicy(`{"StringEquals":{"gitlab.example.com:sub":"project_path:acme/app:ref_type:branch:ref:main","gitlab.example.com:ref_protected":"true"}}`), code: "AccessDenied", message: notAuthorized, note: "AWS makes no condition key of it"},
	{cause: 50, name: "https in the key", claims: gitLab, policy: gitLabPolicy(`{"StringEquals":{"https://gitlab.example.com:sub":"project_path:acme/app:ref_type:branch:ref:main"}}`), code: "AccessDenied", message: notAuthorized, fix: `"gitlab.example.com:sub"`},
	{cause: 50, name: "path left out of the key", claims: with(gitLab, map[string]any{"iss": "https://acme.example/api/oidc"}), policy: statement("acme.example/api/oidc", "sts:AssumeRoleWithWebIdentity", `{"StringEquals":{"acme.example:sub":"project_path:acme/app:ref_type:branch:ref:main"}}`), code: "AccessDenied", message: notAuthorized, fix: `"acme.example/api/oidc:sub"`},
	{cause: 51, name: "principal with a slash", claims: gitLab, policy: statement("gitlab.example.com/", "sts:AssumeRoleWithWebIdentity", good), code: "AccessDenied", message: notAuthorized, fix: `oidc-provider/gitlab.example.com"`},
	{cause: 51, name: "principal of another account", claims: gitLab, policy: strings.Replace(gitLabPolicy(good), account, "999999999999", 1), code: "AccessDenied", message: notAuthorized, note: "another account", fix: account + ":oidc-provider/gitlab.example.com"},
	{cause: 52, name: "AssumeRole", claims: gitLab, policy: statement("gitlab.example.com", "sts:AssumeRole", good), code: "AccessDenied", message: notAuthorized, fix: "sts:AssumeRoleWithWebIdentity"},
	{cause: 53, name: "session tags", claims: with(gitLab, map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"a": []string{"b"}}}}), policy: gitLabPolicy(good), code: "AccessDenied", message: notAuthorized, fix: "sts:TagSession"},
	{cause: 54, name: "session's ARN", claims: gitLab, policy: gitLabPolicy(good), ask: func(q *explain.Question) { q.RoleARN = "arn:aws:sts::" + account + ":assumed-role/deploy/x" }, code: "ValidationError", message: "arn:aws:sts::" + account + ":assumed-role/deploy/x is invalid", note: "ARN of a session"},
	{cause: 54, name: "zero lost", claims: gitLab, policy: gitLabPolicy(good), ask: func(q *explain.Question) { q.RoleARN = "arn:aws:iam::12345678901:role/deploy" }, code: "ValidationError", message: "arn:aws:iam::12345678901:role/deploy is invalid", note: "12 digits"},
	{cause: 58, name: "operator twice", claims: gitLab, policy: gitLabPolicy(`{"StringEquals":{"gitlab.example.com:aud":"a"},"StringEquals":{"gitlab.example.com:sub":"b"}}`), code: "MalformedPolicyDocument", note: "stands twice"},
	{cause: 63, name: "duration", claims: gitLab, policy: gitLabPolicy(good), ask: func(q *explain.Question) { q.Duration, q.MaxSessionDuration = 2*time.Hour, time.Hour }, code: "ValidationError", message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
	{cause: 66, name: "session name", claims: gitLab, policy: gitLabPolicy(good), ask: func(q *explain.Question) { q.RoleSessionName = "feature/x" }, code: "ValidationError", note: "letters, digits"},
	{cause: 77, name: "a key of SeaweedFS", claims: gitLab, policy: gitLabPolicy(`{"StringEquals":{"oidc:sub":"project_path:acme/app:ref_type:branch:ref:main"}}`), code: "AccessDenied", message: notAuthorized, note: "gitlab.example.com:sub"},
	{cause: 71, name: "partition", claims: gitLab, policy: gitLabPolicy(good), ask: func(q *explain.Question) { q.RoleARN = "arn:amazon:iam::" + account + ":role/deploy" }, code: "ValidationError", note: "no partition"},
}

func twoKeys(q *explain.Question) {
	set := `{"keys":[` + ecKey("a") + `,` + ecKey("b") + `]}`
	q.Keys, _ = oidc.ParseKeySet([]byte(set))
}

func ecKey(kid string) string {
	// The base point of P-256, which is a public key like any other.
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":%q,"x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}`, kid)
}

func keyWith(member string) func(*explain.Question) {
	return func(q *explain.Question) {
		q.Keys, _ = oidc.ParseKeySet([]byte(`{"keys":[` + strings.Replace(ecKey("one"), "{", "{"+member+",", 1) + `]}`))
	}
}

func providers(urls ...string) func(*explain.Question) {
	return func(q *explain.Question) {
		for _, url := range urls {
			q.Providers = append(q.Providers, "arn:aws:iam::"+account+":oidc-provider/"+url)
		}
	}
}

func (d *denial) question(t *testing.T, i *issuer) *explain.Question {
	t.Helper()
	q := &explain.Question{Policy: d.policy, RoleARN: roleARN, Keys: i.keys, Now: now}
	kid := map[string]string{"": "one", "-": ""}
	if d.claims != nil {
		name, ok := kid[d.kid]
		if !ok {
			name = d.kid
		}
		q.Token = i.sign(t, name, d.claims)
	}
	switch d.raw {
	case "":
	case "crit", "PS256":
		header := map[string]string{"crit": `{"alg":"RS256","kid":"one","crit":["x"],"x":1}`, "PS256": `{"alg":"PS256","kid":"one"}`}[d.raw]
		_, rest, _ := strings.Cut(q.Token, ".")
		q.Token = base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
	default:
		q.Token = d.raw
	}
	if d.ask != nil {
		d.ask(q)
	}
	return q
}

// TestDenials leads from each symptom to its cause, and asks of each change that
// is recommended that it admits the token, by the engine.
func TestDenials(t *testing.T) {
	t.Parallel()
	signer := newIssuer(t)
	for i := range denials {
		d := &denials[i]
		t.Run(fmt.Sprintf("%d %s", d.cause, d.name), func(t *testing.T) {
			t.Parallel()
			q := d.question(t, signer)
			report := explain.Explain(q)
			if report.Verdict() != explain.Denied {
				t.Fatalf("verdict is %s", report.Verdict())
			}
			failure := report.Failure()
			if failure.Answer == nil || failure.Answer.Code != d.code || d.message != "" && failure.Answer.Message != d.message {
				t.Errorf("AWS answers %+v, want %s: %s", failure.Answer, d.code, d.message)
			}
			causes := report.Causes()
			if !slices.ContainsFunc(causes, func(c explain.Cause) bool { return c.Number == d.cause }) {
				t.Errorf("causes are %v, want %d", numbers(causes), d.cause)
			}
			text, err := json.Marshal(report)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), strings.Trim(string(mustJSON(d.note)), `"`)) {
				t.Errorf("%q is not in %s", d.note, text)
			}
			checkFix(t, q, report, d.fix)
		})
	}
}

func checkFix(t *testing.T, q *explain.Question, report *explain.Report, want string) {
	t.Helper()
	if want == "" {
		if report.Fix != nil {
			t.Errorf("a change is recommended: %v", report.Fix.Steps)
		}
		return
	}
	if report.Fix == nil {
		t.Fatal("no change is recommended")
	}
	if !strings.Contains(report.Fix.Policy, want) || report.Fix.Diff == "" {
		t.Errorf("%q is not in the mended policy %s, with the diff %q", want, report.Fix.Policy, report.Fix.Diff)
	}
	mended := *q
	mended.Policy = report.Fix.Policy
	again := explain.Explain(&mended)
	if again.Trust == nil || !again.Trust.Reasons.Allowed() {
		t.Errorf("the mended policy does not admit the token: %s", mustJSON(again))
	}
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func numbers(causes []explain.Cause) []int {
	var all []int
	for i := range causes {
		all = append(all, causes[i].Number)
	}
	return all
}

// TestAdmitted has every check pass.
func TestAdmitted(t *testing.T) {
	t.Parallel()
	signer := newIssuer(t)
	q := &explain.Question{
		Token: "\n" + signer.sign(t, "one", gitLab) + "\n", Policy: gitLabPolicy(good), RoleARN: roleARN, Keys: signer.keys, Now: now,
		ClientIDs: []string{"sts.amazonaws.com"}, RoleSessionName: "job-1", Duration: time.Hour, MaxSessionDuration: time.Hour,
		RequestKeys: func(c *policy.Context) { c.Set("aws:SourceIp", "203.0.113.1") },
	}
	providers("gitlab.example.com")(q)
	report := explain.Explain(q)
	if report.Verdict() != explain.Admitted || report.From != "GitLab" || len(report.Causes()) != 0 || report.Fix != nil {
		t.Errorf("the report is %s", mustJSON(report))
	}
	for _, check := range report.Checks {
		if check.State != explain.Passed {
			t.Errorf("%s: %s: %s", check.Name, check.State, check.Note)
		}
	}
}

// TestEverythingIsTold has several things wrong at once, each of which is told.
func TestEverythingIsTold(t *testing.T) {
	t.Parallel()
	signer := newIssuer(t)
	q := &explain.Question{
		Token:  signer.sign(t, "two", with(gitLab, map[string]any{"iat": 1.5, "nbf": nil, "exp": now.Unix() - 1000, "aud": []string{"a", "b"}, "sub": "project_path:Acme/app:ref_type:branch:ref:main"})),
		Policy: gitLabPolicy(good), RoleARN: roleARN, Keys: signer.keys, Now: now, ClientIDs: []string{"sts.amazonaws.com"}, Duration: 13 * time.Hour,
	}
	causes := numbers(explain.Explain(q).Causes())
	for _, want := range []int{25, 30, 24, 27, 44, 63} {
		if !slices.Contains(causes, want) {
			t.Errorf("cause %d is not among %v", want, causes)
		}
	}
}

// TestNothingIsTakenForGranted: what was not verified has not passed, whatever else
// is wrong with the token.
func TestNothingIsTakenForGranted(t *testing.T) {
	t.Parallel()
	signer, stranger := newIssuer(t), newIssuer(t)
	for name, c := range map[string]struct {
		by     *issuer
		claims map[string]any
		check  string
		want   explain.State
	}{
		"azp, the right key":      {signer, with(gitLab, map[string]any{"azp": "other"}), "signature", explain.Passed},
		"azp, another key":        {stranger, with(gitLab, map[string]any{"azp": "other"}), "signature", explain.Failed},
		"never valid":             {stranger, with(gitLab, map[string]any{"exp": now.Unix() - 10_000}), "signature", explain.Unknown},
		"empty audience":          {stranger, with(gitLab, map[string]any{"aud": ""}), "signature", explain.Unknown},
		"empty audience, expired": {signer, with(gitLab, map[string]any{"aud": "", "exp": now.Unix() - 1000}), "times", explain.Unknown},
		"no audience, expired":    {signer, with(gitLab, map[string]any{"aud": nil, "nbf": nil, "iat": now.Unix() - 2000, "exp": now.Unix() - 1000}), "times", explain.Failed},
	} {
		report := explain.Explain(&explain.Question{Token: c.by.sign(t, "one", c.claims), Policy: gitLabPolicy(good), RoleARN: roleARN, Keys: signer.keys, Now: now})
		found := false
		for _, check := range report.Checks {
			if check.Name == c.check {
				if found = true; check.State != c.want {
					t.Errorf("%s: %s is %s, want %s: %s", name, c.check, check.State, c.want, check.Note)
				}
				break
			}
		}
		if !found {
			t.Errorf("%s: there is no check of %s", name, c.check)
		}
	}
}

// TestNothingGiven says what is missing, and denies.
func TestNothingGiven(t *testing.T) {
	t.Parallel()
	if v := (&explain.Report{}).Verdict(); v != explain.Denied {
		t.Errorf("the zero report is %s", v)
	}
	report := explain.Explain(&explain.Question{Now: now})
	if report.Verdict() != explain.Open || report.Failure() != nil {
		t.Errorf("the report is %s", mustJSON(report))
	}
}

// TestDeny tells a Deny statement apart, for which there is no change to recommend.
func TestDeny(t *testing.T) {
	t.Parallel()
	signer := newIssuer(t)
	text := strings.Replace(gitLabPolicy(good), `"Statement":[`, `"Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:*Identity","Condition":{"StringLike":{"gitlab.example.com:sub":"*main"}}},`, 1)
	report := explain.Explain(&explain.Question{Token: signer.sign(t, "one", gitLab), Policy: text, RoleARN: roleARN, Now: now})
	if failure := report.Failure(); failure == nil || failure.Name != "trust" || !strings.Contains(failure.Note, "denies") || report.Fix != nil {
		t.Errorf("the report is %s", mustJSON(report))
	}
}
