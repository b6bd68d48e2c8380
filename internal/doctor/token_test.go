package doctor

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/oidc"
)

const goodHeader = `{"alg":"RS256","kid":"one","typ":"JWT"}`

// clientID is the audience of the tests' tokens.
const clientID = "sts.amazonaws.com"

// payload is a token's with the required claims, but for those that more
// replaces.
func payload(more string) string {
	return fmt.Sprintf(`{"iss":"https://gitlab.example.com","sub":"project_path:a/b:ref_type:branch:ref:main","aud":%q,"iat":%d,"exp":%d%s}`,
		clientID, start.Unix()-60, start.Unix()+3600, more)
}

// without is payload without a claim.
func without(t *testing.T, name string) string {
	t.Helper()
	m, err := parseMembers([]byte(payload("")))
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, one := range m {
		if one.name != name {
			parts = append(parts, fmt.Sprintf("%q:%s", one.name, one.value))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func tokenConfig(t testing.TB, raw string) TokenConfig {
	t.Helper()
	keys, err := oidc.ParseKeySet([]byte(goodKeys()))
	if err != nil {
		t.Fatal(err)
	}
	return TokenConfig{Raw: raw, Now: start, Issuer: "https://gitlab.example.com", ClientIDs: []string{"other", clientID}, Keys: keys}
}

func TestGoodToken(t *testing.T) {
	t.Parallel()
	c := tokenConfig(t, sign(t, goodHeader, payload(`,"user_email":"ann@example.com","user_login":"ann"`))+"\n")
	r := Token(c)
	want(t, r)
	for _, check := range checks {
		if check.ID[0] == 'T' && r.worst(check.ID) != OK {
			t.Errorf("%s is %s", check.ID, r.worst(check.ID))
		}
	}
	text := asJSON(t, r)
	for _, part := range strings.Split(strings.TrimSpace(c.Raw), ".") {
		if strings.Contains(text, part) {
			t.Error("the report holds a part of the token")
		}
	}
	if strings.Contains(text, "ann") {
		t.Errorf("the report names a person: %s", text)
	}
	c.ShowPersonal = true
	contains(t, asJSON(t, Token(c)), `ann@example.com`, `"conditionKey": "gitlab.example.com:sub"`)
}

// TestTokenForms: what is no token, and what people hand over instead.
func TestTokenForms(t *testing.T) {
	t.Parallel()
	good := sign(t, goodHeader, payload(""))
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct{ raw, code string }{
		"nothing":        {" \n", "token-empty"},
		"bearer":         {"Bearer " + good, "token-bearer"},
		"quoted":         {`"` + good + `"`, "token-quoted"},
		"a name":         {"$GITLAB_OIDC_TOKEN", "token-masked"},
		"masked":         {"[MASKED]", "token-masked"},
		"GitHub's":       {`{"value":"x"}`, "token-object"},
		"one part":       {"glpat-1234567890", "token-parts"},
		"five parts":     {"a.b.c.d.e", "token-parts"},
		"cut":            {good[:len(good)-1], "token-base64"},
		"padded":         {parts[0] + "==." + parts[1] + "." + parts[2], "token-base64"},
		"a list":         {sign(t, goodHeader, "[]"), "token-json"},
		"no JSON":        {sign(t, "hello", payload("")), "token-json"},
		"far too long":   {sign(t, goodHeader, payload(`,"groups_direct":["`+strings.Repeat("a", 20000)+`"]`)), "token-long"},
		"a header twice": {sign(t, `{"alg":"RS256","alg":"RS256","kid":"one"}`, payload("")), "header-repeats"},
		"crit":           {sign(t, `{"alg":"RS256","kid":"one","crit":["exp"]}`, payload("")), "header-extension"},
		"alg none":       {sign(t, `{"alg":"none","kid":"one"}`, payload("")), "header-algorithm"},
		"HS256":          {sign(t, `{"alg":"HS256","kid":"one"}`, payload("")), "header-algorithm"},
		"no kid":         {sign(t, `{"alg":"RS256"}`, payload("")), "header-no-kid"},
		"an access":      {sign(t, `{"alg":"RS256","kid":"one","typ":"at+jwt"}`, payload("")), "header-access-token"},
		"kid a number":   {sign(t, `{"alg":"RS256","kid":1}`, payload("")), "header-bad-kid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, Token(tokenConfig(t, c.raw)), c.code)
		})
	}
	want(t, Token(tokenConfig(t, parts[0]+"."+parts[1]+".")), "token-base64", "signature-wrong")
	r := Token(tokenConfig(t, sign(t, `{"alg":"RS256","kid":""}`, payload(""))))
	want(t, r, "header-bad-kid", "key-unknown")
}

// TestClaims: a second claim of a name takes the first's place, which each case
// uses; claim-repeats is told of all.
func TestClaims(t *testing.T) {
	t.Parallel()
	at := func(name string, from time.Duration) string {
		return fmt.Sprintf(`,%q:%d`, name, start.Add(from).Unix())
	}
	for name, c := range map[string]struct {
		more  string
		codes []string
		aws   string // AWS's text of the first
	}{
		"iss of another type":    {`,"iss":1`, []string{"claim-type"}, errInvalid},
		"another issuer":         {`,"iss":"https://gitlab.example.com/"`, []string{"iss-other"}, "No OpenIDConnect provider found in your account for https://gitlab.example.com/"},
		"no scheme":              {`,"iss":"gitlab.example.org"`, []string{"iss-not-https", "iss-other"}, errProvider},
		"sub null":               {`,"sub":null`, []string{"sub-null"}, "Unknown error validating third-party token"},
		"sub a number":           {`,"sub":7`, []string{"+sub-number"}, ""},
		"sub true":               {`,"sub":true`, []string{"claim-type"}, ""},
		"sub empty":              {`,"sub":""`, []string{"sub-empty"}, errDenied},
		"email a number":         {`,"email":7`, []string{"claim-type"}, ""},
		"amr a string":           {`,"amr":"x"`, []string{"claim-type"}, ""},
		"aud []":                 {`,"aud":[]`, []string{"aud-empty"}, "Claim is not allowed to be empty: aud"},
		"aud a number":           {`,"aud":7`, []string{"claim-type"}, ""},
		"aud empty":              {`,"aud":""`, []string{"aud-blank"}, errInvalid},
		"aud another":            {`,"aud":"sts.amazonaws.com/"`, []string{"aud-not-registered"}, errInvalid},
		"two aud":                {`,"aud":["other","sts.amazonaws.com"]`, []string{"aud-several"}, "Token audience contains more than one audience while authorized party is not present"},
		"a list of one":          {`,"aud":["other"]`, nil, ""},
		"two aud and azp":        {`,"aud":["x","y"],"azp":"other"`, []string{"azp-counts"}, errInvalid},
		"azp not registered":     {`,"azp":"x"`, []string{"azp-counts", "aud-not-registered"}, errInvalid},
		"azp a number":           {`,"azp":7`, []string{"claim-type"}, ""},
		"expired":                {at("exp", -301*time.Second), []string{"time-expired", "time-order"}, fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", start.Unix()-300, start.Unix()-301)},
		"tolerated":              {at("exp", -300*time.Second), []string{"time-tolerated", "time-order"}, "Token expired"},
		"expires soon":           {at("exp", 30*time.Second), []string{"time-soon"}, "Token expired"},
		"from the future":        {at("iat", 301*time.Second), []string{"time-future"}, fmt.Sprintf("Token issued in the future: %d", start.Unix()+301)},
		"tolerated future":       {at("iat", 300*time.Second), nil, ""},
		"not yet":                {at("nbf", 301*time.Second), []string{"time-early"}, fmt.Sprintf("Token not yet valid: current date/time %d must be after or equal to the not-before date/time %d", start.Unix()+300, start.Unix()+301)},
		"a fraction":             {`,"exp":1.5`, []string{"time-form"}, "Invalid timestamp in token claims."},
		"null":                   {`,"nbf":null`, []string{"time-form"}, "Invalid timestamp in token claims."},
		"digits as a string":     {fmt.Sprintf(`,"exp":"%d"`, start.Unix()+600), nil, ""},
		"a leading zero":         {fmt.Sprintf(`,"exp":"0%d"`, start.Unix()+600), nil, ""},
		"the end of time":        {`,"exp":9223372036854775807`, nil, ""},
		"beyond the end of time": {`,"exp":9223372036854775808`, []string{"time-form"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Token(tokenConfig(t, sign(t, goodHeader, payload(c.more))))
			codes := c.codes
			if r.has("claim-repeats") {
				codes = append(slices.Clone(codes), "claim-repeats")
			}
			want(t, r, codes...)
			if c.aws != "" {
				wantText(t, r, c.codes[0], c.aws)
			}
		})
	}
	for _, name := range requiredClaims {
		r := Token(tokenConfig(t, sign(t, goodHeader, without(t, name))))
		want(t, r, "claim-missing")
		wantText(t, r, "claim-missing", "Missing a required claim: "+name)
	}
}

// TestNotCompared: what was not told is not held against the token.
func TestNotCompared(t *testing.T) {
	t.Parallel()
	r := Token(TokenConfig{Raw: sign(t, goodHeader, payload("")), Now: start})
	want(t, r, "+iss-not-compared", "+aud-not-compared")
	if r.worst("T08") != Skipped || !strings.Contains(r.skipped["T08"], "--jwks") {
		t.Errorf("of the signature is said %q", r.skipped["T08"])
	}
	r = Token(TokenConfig{Raw: sign(t, goodHeader, payload("")), Now: start, NoKeys: "connection refused"})
	want(t, r, "keys-not-known")
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	keys := func(set string) *oidc.KeySet {
		parsed, err := oidc.ParseKeySet([]byte(set))
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	good := sign(t, goodHeader, payload(""))
	elsewhere := sign(t, goodHeader, payload(`,"x":1`))
	mixed := good[:strings.LastIndexByte(good, '.')] + elsewhere[strings.LastIndexByte(elsewhere, '.'):]
	for name, c := range map[string]struct {
		raw  string
		keys string
		code string
	}{
		"another's":      {mixed, goodKeys(), "signature-wrong"},
		"rotated":        {good, keySet(jwk(`,"kid":"two"`)), "key-unknown"},
		"of two, no kid": {sign(t, `{"alg":"RS256"}`, payload("")), keySet(jwk(`,"kid":"one"`), jwk(`,"kid":"two"`)), "key-unknown"},
		"key_ops":        {good, keySet(jwk(`,"kid":"one","key_ops":["verify"]`)), "signature-wrong"},
		"expired too":    {sign(t, goodHeader, strings.Replace(payload(""), fmt.Sprint(start.Unix()+3600), "10", 1)), keySet(jwk(`,"kid":"two"`)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := tokenConfig(t, c.raw)
			config.Keys = keys(c.keys)
			r := Token(config)
			switch {
			case c.code == "":
				want(t, r, "time-expired", "time-order")
			case name == "of two, no kid":
				want(t, r, c.code, "header-no-kid")
			default:
				want(t, r, c.code)
			}
		})
	}
}

func TestAWSClaims(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::123456789012:role/deploy"
	for name, c := range map[string]struct {
		more  string
		codes []string
		aws   string
	}{
		"tags":                 {`,"https://aws.amazon.com/tags":{"principal_tags":{"a":["b"]},"transitive_tag_keys":["a"]}`, nil, ""},
		"flat tags":            {`,"https://aws.amazon.com/tags/principal_tags/a":"b"`, nil, ""},
		"a tag no list":        {`,"https://aws.amazon.com/tags":{"principal_tags":{"a":"b"}}`, []string{"tags-claim"}, "principal_tags passed in claim is not in correct format."},
		"roles":                {`,"https://aws.amazon.com/roles":["` + role + `"]`, nil, ""},
		"another role":         {`,"https://aws.amazon.com/roles":["arn:aws:iam::123456789012:role/other"]`, []string{"roles-claim"}, "The target role ARN is not present in the roles claim of the identity token"},
		"no role":              {`,"https://aws.amazon.com/roles":["deploy"]`, []string{"roles-claim"}, "The roles claim contains no valid role ARNs"},
		"source identity":      {`,"https://aws.amazon.com/source_identity":"ann"`, nil, ""},
		"no source identity":   {`,"https://aws.amazon.com/source_identity":"a b"`, []string{"source-identity-claim"}, ""},
		"something else":       {`,"https://aws.amazon.com/else":1`, []string{"aws-claim-unknown"}, ""},
		"two of them are told": {`,"https://aws.amazon.com/else":1,"https://aws.amazon.com/roles":7`, []string{"aws-claim-unknown", "roles-claim"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := tokenConfig(t, sign(t, goodHeader, payload(c.more)))
			config.RoleARN = role
			r := Token(config)
			want(t, r, c.codes...)
			if c.aws != "" {
				wantText(t, r, c.codes[0], c.aws)
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	const gitLab = `,"project_path":"a/b","pipeline_id":"1","job_id":"2","ref_type":"branch"`
	replace := func(pairs ...string) string {
		p := strings.TrimSuffix(payload(gitLab), "}")
		return strings.NewReplacer(pairs...).Replace(p)
	}
	for name, c := range map[string]struct {
		payload string
		codes   []string
		says    string
	}{
		"GitLab":             {replace() + "}", []string{"+gitlab-few-keys"}, "GitLab CI/CD, id_tokens, of gitlab.example.com: sub of project_path, ref_type, ref"},
		"gitlab.com":         {replace("https://gitlab.example.com", "https://gitlab.com") + "}", nil, "of gitlab.com"},
		"CI_JOB_JWT_V2":      {replace(clientID, "https://gitlab.example.com") + "}", []string{"+gitlab-v2", "aud-not-registered"}, ""},
		"CI_JOB_JWT":         {replace(`"aud":"`+clientID+`",`, "", "https://gitlab.example.com", "gitlab.example.com", "project_path:a/b:ref_type:branch:ref:main", "job_1") + "}", []string{"gitlab-v1", "claim-missing", "iss-not-https"}, ""},
		"a merge request":    {replace() + `,"pipeline_source":"merge_request_event"}`, []string{"+gitlab-mr-pipeline"}, ""},
		"no such ref_type":   {replace(":ref_type:branch:", ":ref_type:mr:") + "}", []string{"gitlab-mr"}, ""},
		"GitHub":             {replace("https://gitlab.example.com", "https://token.actions.githubusercontent.com", "project_path:a/b:ref_type:branch:ref:main", "repo:a/b:ref:refs/heads/main") + `,"repository":"a/b","workflow":"x"}`, nil, "names alone"},
		"GitHub, immutable":  {replace("https://gitlab.example.com", "https://token.actions.githubusercontent.com", "project_path:a/b:ref_type:branch:ref:main", "repo:a@1/b@2:ref:refs/heads/main") + `,"repository":"a/b","workflow":"x"}`, []string{"+github-immutable"}, "immutable"},
		"GitHub environment": {replace("https://gitlab.example.com", "https://token.actions.githubusercontent.com", "project_path:a/b:ref_type:branch:ref:main", "repo:a/b:environment:prod") + `,"repository":"a/b","workflow":"x"}`, []string{"+github-environment"}, ""},
		"GitHub PR":          {replace("https://gitlab.example.com", "https://token.actions.githubusercontent.com", "project_path:a/b:ref_type:branch:ref:main", "repo:a/b:pull_request") + `,"repository":"a/b","workflow":"x"}`, []string{"+github-pull-request"}, ""},
		"AWS":                {payload(`,"https://sts.amazonaws.com/":{}`), []string{"outbound-token"}, ""},
		"Buildkite":          {strings.ReplaceAll(payload(`,"organization_slug":"x"`), "https://gitlab.example.com", "https://agent.buildkite.com"), nil, "Buildkite"},
		"nobody known":       {payload(""), nil, "no CI system that is known here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := tokenConfig(t, sign(t, goodHeader, c.payload))
			config.Issuer = ""
			r := Token(config)
			want(t, r, c.codes...)
			contains(t, r.seen["T09"], c.says)
		})
	}
}

// TestIssuerWithToken: the token is held against the keys that were just
// fetched.
func TestIssuerWithToken(t *testing.T) {
	t.Parallel()
	i := server{}.start(t)
	with := func(raw string) *Report {
		return examine(t, i, func(c *IssuerConfig) { c.Token = &TokenConfig{Raw: raw, ClientIDs: []string{clientID}} })
	}
	good := strings.ReplaceAll(payload(""), "https://gitlab.example.com", i.url)
	want(t, with(sign(t, goodHeader, good)), onThisMachine...)
	want(t, with(sign(t, `{"alg":"RS256","kid":"two"}`, good)), append(onThisMachine[:2:2], "token-fails", "key-unknown")...)
	want(t, with(sign(t, goodHeader, payload(""))), append(onThisMachine[:2:2], "token-fails", "iss-other")...)
	want(t, with(""), append(onThisMachine[:2:2], "token-fails", "token-empty")...)
}

// FuzzToken: whatever package oidc refuses, the doctor does, and what it calls an
// error of form, claims, audience or times, package oidc refuses.
func FuzzToken(f *testing.F) {
	f.Add(goodHeader, payload(""))
	f.Add(`{"alg":"RS256","kid":"one","b64":false}`, payload(`,"azp":""`))
	f.Add(`{"alg":"ES256"}`, payload(`,"aud":["a","b"]`))
	f.Add(`{"alg":"RS256","kid":null}`, payload(`,"nbf":"1e3","jti":7`))
	f.Add(`{}`, `{"iss":null,"sub":-7,"aud":"\ud800","iat":"-1","exp":-1}`)
	f.Add(`[]`, `{"iss":"x","sub":"x","aud":["`+clientID+`"],"iat":1,"exp":"00000000000000000009999999999","amr":null,"email":null}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		base := base64.RawURLEncoding
		config := TokenConfig{ // the signature is another question, and costs time
			Raw: base.EncodeToString([]byte(header)) + "." + base.EncodeToString([]byte(payload)) + ".AA",
			Now: start, Issuer: "https://gitlab.example.com", ClientIDs: []string{"other", clientID},
		}
		r := Token(config)
		u, err := oidc.Parse(config.Raw)
		if err == nil {
			err = u.Check(config.ClientIDs, config.Now)
		}
		var refused *oidc.Error
		if errors.As(err, &refused) && r.Passed {
			t.Errorf("refused (%v) and not told", err)
		}
		if r.has("token-refused") {
			t.Errorf("refused (%v) and told in the words of package oidc only", err)
		}
		for _, finding := range r.Findings {
			if finding.Level == Error && slices.Contains([]string{"T01", "T02", "T03", "T05", "T06"}, finding.Check) && err == nil {
				t.Errorf("told is %s (%s), and it is not refused", finding.Code, finding.Seen)
			}
		}
	})
}

// TestRefusedOtherwise: the net under the doctor's own look at a token.
func TestRefusedOtherwise(t *testing.T) {
	t.Parallel()
	c := tokenConfig(t, "no token")
	e := &tokenExam{Report: newReport("", AWS), c: &c}
	e.holdAgainstOIDC()
	want(t, e.finish("T"), "token-refused")
}
