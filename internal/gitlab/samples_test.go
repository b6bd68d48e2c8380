package gitlab_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/idtoken"
)

func decoded(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// claimsOf is what a token says, jti apart, which is that of the samples.
func claimsOf(t *testing.T, i *gitlab.Issuer, j *gitlab.Job) map[string]any {
	t.Helper()
	claims, err := i.Claims(j, []string{sampleAud}, at)
	if err != nil {
		t.Fatal(err)
	}
	claims.Set("jti", "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b")
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, text)
}

// TestSampleOfAFork: the token tells of the fork, and of the project by the
// claims that begin with job_.
func TestSampleOfAFork(t *testing.T) {
	t.Parallel()
	j := newJob(t, func(j *gitlab.Job) {
		fork(j)
		j.User = gitlab.User{ID: 12, Login: "contributor", AccessLevel: "owner"}
	})
	got := claimsOf(t, newIssuer(t, "https://gitlab.example.com"), j)
	if diff := cmp.Diff(decoded(t, sample(t, "gitlab_id_token_merge_request_from_fork.json")), got); diff != "" {
		t.Errorf("(-sample +token):\n%s", diff)
	}
}

// TestForkByVersion: before the fix the token told of the project itself, as if
// its own branch had run.
func TestForkByVersion(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	for v, want := range map[gitlab.Version]string{
		{Major: 18, Minor: 2}: "project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1",
		{Major: 18, Minor: 3}: "project_path:contributor/my-project:ref_type:branch:ref:feature-branch-1",
	} {
		got := claimsOf(t, i, newJob(t, func(j *gitlab.Job) { fork(j); j.Version = v }))
		if got["sub"] != want {
			t.Errorf("%s: sub %q, want %q", v, got["sub"], want)
		}
	}
}

func TestSampleWithAllThatIsOptional(t *testing.T) {
	t.Parallel()
	j := newJob(t, func(j *gitlab.Job) {
		j.Source = "scan_execution_policy"
		j.User.Identities = []gitlab.UserIdentity{{Provider: "github", ExternUID: "2435223452345"}, {Provider: "bitbucket", ExternUID: "john.smith"}}
		j.User.GroupsDirect = []string{"mygroup/mysubgroup", "myothergroup/myothersubgroup"}
		j.Environment = &gitlab.Environment{Name: "test-environment2"}
		j.PolicyConfig = &gitlab.PolicyConfig{
			URL: "https://gitlab.example.com/my-group/my-policy-project/-/blob/ab035e64eca9a7a85bd62e485d3593f52a2804ac/.gitlab/security-policies/policy.yml",
			SHA: "ab035e64eca9a7a85bd62e485d3593f52a2804ac",
		}
	})
	got := claimsOf(t, newIssuer(t, "https://gitlab.example.com"), j)
	if diff := cmp.Diff(decoded(t, sample(t, "gitlab_id_token_all_optional.json")), got); diff != "" {
		t.Errorf("(-sample +token):\n%s", diff)
	}
}

// TestLegacySamples compares the variables of old with their samples, which are
// of GitLab 14 and 15.
func TestLegacySamples(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	j := newJob(t, func(j *gitlab.Job) { j.Version = gitlab.Oldest })
	tokens, err := i.LegacyTokens(j, at, bytes.NewReader(make([]byte, 64)))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(tokens)); !slices.Equal(got, []string{"CI_JOB_JWT", "CI_JOB_JWT_V1", "CI_JOB_JWT_V2"}) || tokens["CI_JOB_JWT"] != tokens["CI_JOB_JWT_V1"] {
		t.Errorf("variables %v", got)
	}
	for _, name := range []string{"CI_JOB_JWT_V1", "CI_JOB_JWT_V2"} {
		header, payload := verify(t, tokens[name], i.KeySet())
		if header["typ"] != "JWT" || len(header) != 3 {
			t.Errorf("%s: header %v", name, header)
		}
		got := decoded(t, payload)
		got["jti"] = "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b"
		if diff := cmp.Diff(decoded(t, sample(t, "gitlab_legacy_"+name+".json")), got); diff != "" {
			t.Errorf("%s (-sample +token):\n%s", name, diff)
		}
	}
}

// TestHeaderAndKeysOfSamples compares members and types; the values are keys'.
func TestHeaderAndKeysOfSamples(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	token, err := i.IDToken(newJob(t, func(*gitlab.Job) {}), []string{"a"}, at, bytes.NewReader(make([]byte, 16)))
	if err != nil {
		t.Fatal(err)
	}
	header, _ := verify(t, token, i.KeySet())
	want := decoded(t, sample(t, "gitlab_jose_header.json"))
	if len(header["kid"].(string)) != len(want["kid"].(string)) {
		t.Errorf("kid %v, sample %v", header["kid"], want["kid"])
	}
	want["kid"] = header["kid"]
	if diff := cmp.Diff(want, header); diff != "" {
		t.Errorf("header (-sample +token):\n%s", diff)
	}
	shape := func(text []byte) (all [][]string) {
		var set struct{ Keys []map[string]string }
		if err := json.Unmarshal(text, &set); err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Keys {
			all = append(all, append(slices.Sorted(maps.Keys(k)), k["kty"], k["use"], k["alg"], k["e"]))
		}
		return all
	}
	if diff := cmp.Diff(shape(sample(t, "gitlab_jwks_shape.json")), shape(i.KeySet())); diff != "" {
		t.Errorf("key set (-sample +ours):\n%s", diff)
	}
}

// TestDiscoverySamples: the recorded answer of gitlab.com is ours but for claims
// that newer code adds; the published one has another issuer.
func TestDiscoverySamples(t *testing.T) {
	t.Parallel()
	const bucket = "https://example-oidc-configuration-s3-bucket.s3.eu-north-1.amazonaws.com"
	i, err := gitlab.NewIssuer(gitlab.Config{URL: "https://gitlab.example.com", IDTokensURL: bucket, Declared: true, Keys: testKeys(t)})
	if err != nil {
		t.Fatal(err)
	}
	published, err := i.Published()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(compact(t, sample(t, "gitlab_openid-configuration_published_for_private_instance.json")), string(published)); diff != "" {
		t.Errorf("published (-sample +ours):\n%s", diff)
	}
	own := decoded(t, i.Discovery())
	if own["issuer"] != "https://gitlab.example.com" || own["jwks_uri"] != "https://gitlab.example.com/oauth/discovery/keys" {
		t.Errorf("the instance's own document has the issuer %v, keys at %v", own["issuer"], own["jwks_uri"])
	}
	recorded := decoded(t, []byte(strings.ReplaceAll(string(sample(t, "gitlab_com_openid-configuration_recorded.json")), "https://gitlab.com", "https://gitlab.example.com")))
	claims, before := own["claims_supported"].([]any), recorded["claims_supported"].([]any)
	if n := len(before); len(claims) != n+6 || !cmp.Equal(claims[:n], before) {
		t.Errorf("claims_supported %v", claims)
	}
	recorded["claims_supported"] = claims
	if diff := cmp.Diff(recorded, own); diff != "" {
		t.Errorf("(-recorded +ours):\n%s", diff)
	}
}

// TestClaimsByVersion says which claims each version brought, on a job that has
// all of them.
func TestClaimsByVersion(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	has := func(v gitlab.Version) map[string]any {
		return claimsOf(t, i, newJob(t, func(j *gitlab.Job) {
			j.Version, j.TargetAudience = v, "https://iam.example"
			j.Environment = &gitlab.Environment{Name: "x"}
			j.User.Identities = []gitlab.UserIdentity{{Provider: "p", ExternUID: "u"}}
			j.PolicyConfig = &gitlab.PolicyConfig{URL: "u", SHA: j.SHA}
		}))
	}
	for _, c := range []struct {
		version gitlab.Version
		claims  string // that the version has and the one before it has not
	}{
		{gitlab.Version{Major: 16, Minor: 0}, "ref_path runner_environment runner_id sha user_identities"},
		{gitlab.Version{Major: 16, Minor: 2}, "ci_config_ref_uri ci_config_sha"},
		{gitlab.Version{Major: 16, Minor: 3}, "project_visibility"},
		{gitlab.Version{Major: 16, Minor: 5}, "environment_action"},
		{gitlab.Version{Major: 16, Minor: 9}, "user_access_level"},
		{gitlab.Version{Major: 16, Minor: 10}, "target_audience"},
		{gitlab.Version{Major: 16, Minor: 11}, "groups_direct"},
		{gitlab.Version{Major: 18, Minor: 4}, "job_namespace_id job_namespace_path job_project_id job_project_path"},
		{gitlab.Version{Major: 18, Minor: 9}, "job_config job_source"},
	} {
		before := gitlab.Version{Major: c.version.Major, Minor: c.version.Minor - 1}
		if c.version.Minor == 0 {
			before = gitlab.Version{Major: c.version.Major - 1, Minor: 11}
		}
		older, newer := has(before), has(c.version)
		var brought []string
		for name := range newer {
			if _, ok := older[name]; !ok {
				brought = append(brought, name)
			}
		}
		slices.Sort(brought)
		if strings.Join(brought, " ") != c.claims || len(newer) != len(older)+len(brought) {
			t.Errorf("%s brings %v, want %s", c.version, brought, c.claims)
		}
	}
	// Behind a flag that is off: the claim goes again.
	if got := has(gitlab.Version{Major: 17, Minor: 3}); got["groups_direct"] != nil {
		t.Errorf("17.3 has groups_direct %v", got["groups_direct"])
	}
	if got := has(gitlab.Version{Major: 17, Minor: 2}); !cmp.Equal(got["groups_direct"], []any{}) {
		t.Errorf("17.2 has groups_direct %v", got["groups_direct"])
	}
}

// TestNullClaims: null is said, not left out.
func TestNullClaims(t *testing.T) {
	t.Parallel()
	got := claimsOf(t, newIssuer(t, "https://gitlab.example.com"), newJob(t, func(j *gitlab.Job) {
		j.User.AccessLevel, j.ConfigPath = "none", ".gitlab-ci.yml@my-group/templates"
	}))
	for _, name := range []string{"user_access_level", "ci_config_ref_uri", "ci_config_sha"} {
		if v, ok := got[name]; !ok || v != nil {
			t.Errorf("%s: %v, there %v", name, v, ok)
		}
	}
}

func TestSubComponentsByVersion(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	for _, c := range []struct{ version, components, want string }{
		{"17.9", "project_path", "GitLab has this setting from 17.10 on, not in 17.9"},
		{"17.10", "project_path", "project_path:my-group/my-project"},
		{"17.10", "project_path,ref", "project_path:my-group/my-project:ref:main"},
		{"17.10", "", "is too short (minimum is 1 character)"},
		{"17.10", "ref", "project_path must be the first element of the sub claim"},
		{"17.10", "project_path,ref_protected", "ref_protected is not an allowed sub claim component"},
		{"18.7", "project_path,ref_protected,deployment_tier", "project_path:my-group/my-project:ref_protected:true"},
		{"18.7", "project_id,ref", "project_path must be the first element of the sub claim"},
		{"19.0", "project_id,ref", "project_id:20:ref:main"},
		{"19.0", "ref,project_id", "project_path or project_id must be the first element of the sub claim"},
		{"19.6", "project_path,user_login", "user_login is not an allowed sub claim component"},
		{"19.6", "job_project_id", "job_project_id is not an allowed sub claim component"},
		// GitLab does not look for repetitions.
		{"19.6", "project_id,ref,ref", "project_id:20:ref:main:ref:main"},
	} {
		v, err := gitlab.ParseVersion(c.version)
		if err != nil {
			t.Fatal(err)
		}
		in := exampleJob()
		in.Version, in.SubClaimComponents = v, []string{}
		if c.components != "" {
			in.SubClaimComponents = strings.Split(c.components, ",")
		}
		j, err := gitlab.NewJob(in, nil)
		got := fmt.Sprint(err)
		if err == nil {
			got = claimsOf(t, i, j)["sub"].(string)
		}
		if got != c.want && (err == nil || !strings.Contains(got, "ci_id_token_sub_claim_components: "+c.want)) {
			t.Errorf("%s, %q: %s, want %s", c.version, c.components, got, c.want)
		}
	}
}

func TestBurnedPath(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	for name, c := range map[string]struct {
		change  func(*gitlab.Job)
		refused bool
	}{
		"19.1":                          {func(j *gitlab.Job) { j.Version = gitlab.Version{Major: 19, Minor: 1} }, true},
		"19.0":                          {func(j *gitlab.Job) { j.Version = gitlab.Version{Major: 19, Minor: 0} }, false},
		"project id":                    {func(j *gitlab.Job) { j.SubClaimComponents = []string{"project_id", "ref_type", "ref"} }, false},
		"the fork's path is its own":    {fork, false},
		"the fork's path was another's": {func(j *gitlab.Job) { fork(j); j.MergeRequest.Source.Project.Burned = true }, true},
	} {
		j := newJob(t, func(j *gitlab.Job) { j.Project.Burned = true; c.change(j) })
		token, err := i.IDToken(j, []string{"a"}, at, bytes.NewReader(make([]byte, 16)))
		if errors.Is(err, gitlab.ErrBurnedPath) != c.refused || (token == "") != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !strings.Contains(gitlab.ErrBurnedPath.Error(), "id_token_burned_project_path") {
		t.Error("the error does not name the reason")
	}
}

func TestCustomIssuer(t *testing.T) {
	t.Parallel()
	i, err := gitlab.NewIssuer(gitlab.Config{URL: "https://gitlab.internal", IDTokensURL: "https://issuer.internal/ci", Keys: testKeys(t)})
	if err != nil {
		t.Fatal(err)
	}
	if got := claimsOf(t, i, newJob(t, func(*gitlab.Job) {}))["iss"]; got != "https://issuer.internal/ci" || i.IDTokensURL() != got {
		t.Errorf("iss %v", got)
	}
	old := newJob(t, func(j *gitlab.Job) { j.Version = gitlab.Version{Major: 18, Minor: 0} })
	if _, err := i.Claims(old, []string{"a"}, at); err == nil || !strings.Contains(err.Error(), "ci_id_tokens_issuer_url came with GitLab 18.1") {
		t.Errorf("18.0: %v", err)
	}
	for _, url := range []string{"https://gitlab.com", "https://bucket.s3.eu-north-1.amazonaws.com"} {
		if _, err := gitlab.NewIssuer(gitlab.Config{URL: "https://gitlab.internal", IDTokensURL: url, Keys: testKeys(t)}); !errors.Is(err, gitlab.ErrNotOwned) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestLegacyCondition: only where the job has no id_tokens, only before 17.0.
func TestLegacyCondition(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com:8443/git")
	for name, c := range map[string]struct {
		version gitlab.Version
		file    string
		want    int
	}{
		"15.7":           {gitlab.Oldest, "job: {script: [x]}", 3},
		"16.11":          {gitlab.Version{Major: 16, Minor: 11}, "job: {script: [x]}", 3},
		"17.0":           {gitlab.Version{Major: 17, Minor: 0}, "job: {script: [x]}", 0},
		"with id_tokens": {gitlab.Oldest, "job: {id_tokens: {A: {aud: x}}, script: [x]}", 0},
	} {
		in := exampleJob()
		in.ServerURL, in.Version = "https://gitlab.example.com:8443/git", c.version
		j, err := gitlab.NewJob(in, definition(t, c.file))
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := i.LegacyTokens(j, at, bytes.NewReader(make([]byte, 64)))
		if err != nil || len(tokens) != c.want || j.HasLegacyTokens() != (c.want > 0) {
			t.Errorf("%s: %d tokens, %v", name, len(tokens), err)
		}
		if c.want == 0 {
			continue
		}
		// V1 has the bare host, V2 the address without its path.
		_, v1 := verify(t, tokens["CI_JOB_JWT"], i.KeySet())
		_, v2 := verify(t, tokens["CI_JOB_JWT_V2"], i.KeySet())
		one, two := decoded(t, v1), decoded(t, v2)
		if _, ok := one["aud"]; ok || one["iss"] != "gitlab.example.com" || one["sub"] != "job_302" {
			t.Errorf("%s: V1 %s", name, v1)
		}
		if two["iss"] != "https://gitlab.example.com:8443" || two["aud"] != two["iss"] {
			t.Errorf("%s: V2 %s", name, v2)
		}
	}
	var byHand gitlab.Job
	if _, err := i.LegacyTokens(&byHand, at, nil); !errors.Is(err, gitlab.ErrJobNotMade) {
		t.Errorf("a job made by hand: %v", err)
	}
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]gitlab.Version{
		"15.7": {Major: 15, Minor: 7}, "18.4.2": {Major: 18, Minor: 4}, "v17.10.0-ee": {Major: 17, Minor: 10}, "19.6": gitlab.Newest,
	} {
		if got, err := gitlab.ParseVersion(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "18", "18.", "18.x", "18.4.2.1", "15.6", "14.10", "19.7", "99.0", "18.04", "-1.2", "16.12", "18.4 "} {
		if got, err := gitlab.ParseVersion(text); err == nil {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestSign: what Sign signs, and for whom.
func TestSign(t *testing.T) {
	t.Parallel()
	i, err := gitlab.NewIssuer(gitlab.Config{URL: "https://localhost:8443", Paths: []string{"/org/1"}, Keys: testKeys(t)})
	if err != nil {
		t.Fatal(err)
	}
	claims := func(iss any) idtoken.Claims {
		return idtoken.Claims{{Name: "iss", Value: iss}, {Name: "exp", Value: at.Add(time.Hour).Unix()}, {Name: "sub", Value: "a<b>&c"}}
	}
	header := []string{"typ", "alg", "x5t", "kid"}
	for _, iss := range []string{"https://localhost:8443", "https://localhost:8443/org/1", "https://ci.internal"} {
		token, err := i.Sign(claims(iss), header, false)
		if err != nil {
			t.Fatalf("%s: %v", iss, err)
		}
		got, payload := verify(t, token, i.KeySet())
		if len(got) != 4 || got["typ"] != "JWT" || got["kid"] != i.KeyID() || len(got["x5t"].(string)) != 27 || decoded(t, payload)["sub"] != "a<b>&c" {
			t.Errorf("%s: header %v, %s", iss, got, payload)
		}
	}
	token, err := i.Sign(claims("https://localhost:8443"), []string{"alg", "kid"}, false)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := verify(t, token, i.KeySet()); len(got) != 2 {
		t.Errorf("header %v", got)
	}
	for _, iss := range []any{
		"https://gitlab.com", "https://token.actions.githubusercontent.com", "https://accounts.google.com", "https://oidc.circleci.com/org/1",
		"https://GitLab.com", "https://gitlab.com.", "https://gitlab.com:443", "gitlab.com", "accounts.google.com", "", nil, 7,
		[]string{"https://localhost:8443"},
		json.RawMessage(`"https://localhost:8443"`), "https://localhost:8443/", "https://u@localhost:8443",
	} {
		if token, err := i.Sign(claims(iss), header, true); err == nil || token != "" {
			t.Errorf("signed for %v", iss)
		}
	}
	if _, err := i.Sign(claims("https://ci.acme.com"), header, false); !errors.Is(err, gitlab.ErrNotOwned) {
		t.Errorf("undeclared: %v", err)
	}
	if _, err := i.Sign(claims("https://ci.acme.com"), header, true); err != nil {
		t.Errorf("declared: %v", err)
	}
	twice := append(claims("https://localhost:8443"), idtoken.Claim{Name: "iss", Value: "https://gitlab.com"})
	if _, err := i.Sign(twice, header, false); err == nil {
		t.Error("signed two issuers")
	}
	if _, err := i.Sign(claims("https://localhost:8443")[:1], header, false); err == nil {
		t.Error("signed without exp")
	}
	for _, h := range [][]string{nil, {"alg", "jwk"}} {
		if _, err := i.Sign(claims("https://localhost:8443"), h, false); err == nil {
			t.Errorf("signed with the header %v", h)
		}
	}
}

// TestPaths: an issuer below the URL has a document of its own and the same keys.
func TestPaths(t *testing.T) {
	t.Parallel()
	i, err := gitlab.NewIssuer(gitlab.Config{URL: "https://localhost:8443/git", Paths: []string{"/org/1"}, Keys: testKeys(t)})
	if err != nil {
		t.Fatal(err)
	}
	w := get(t, i.Handler(), "GET", "/git/org/1/.well-known/openid-configuration")
	got := decoded(t, w.Body.Bytes())
	if w.Code != 200 || got["issuer"] != "https://localhost:8443/git/org/1" || got["jwks_uri"] != "https://localhost:8443/git/oauth/discovery/keys" {
		t.Errorf("%d %v", w.Code, got)
	}
	for name := range decoded(t, sample(t, "github_openid-configuration.json")) {
		if _, ok := got[name]; !ok {
			t.Errorf("%s, which GitHub's document has, is missing", name)
		}
	}
	if w := get(t, i.Handler(), "GET", "/git/org/2/.well-known/openid-configuration"); w.Code != 404 {
		t.Errorf("a path that is not there: %d", w.Code)
	}
	for _, path := range []string{"/org/1/", "org", "/a/../b", "/x y", "/?a", "/#a", "@gitlab.com", ":1"} {
		if _, err := gitlab.NewIssuer(gitlab.Config{URL: "https://localhost", Paths: []string{path}, Keys: testKeys(t)}); err == nil {
			t.Errorf("the path %q was taken", path)
		}
	}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	job := newJob(t, func(*gitlab.Job) {})
	issuerOf := func(k *gitlab.Keys) *gitlab.Issuer {
		i, err := gitlab.NewIssuer(gitlab.Config{URL: "https://localhost", Keys: k})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	kids := func(i *gitlab.Issuer) (all []string) {
		var set struct{ Keys []struct{ Kid string } }
		if err := json.Unmarshal(i.KeySet(), &set); err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Keys {
			all = append(all, k.Kid)
		}
		return all
	}
	old := issuerOf(testKeys(t))
	token, err := old.IDToken(job, []string{"a"}, at, bytes.NewReader(make([]byte, 16)))
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := testKeys(t).Rotate(false)
	if err != nil {
		t.Fatal(err)
	}
	next := issuerOf(rotated)
	if got := kids(next); len(got) != 2 || got[0] != kids(old)[0] || got[1] == old.KeyID() || next.KeyID() != got[1] {
		t.Errorf("keys %v, before %v", got, kids(old))
	}
	kept, err := testKeys(t).Rotate(true)
	if err != nil {
		t.Fatal(err)
	}
	// And once more, through its file.
	if kept, err = kept.Rotate(true); err != nil {
		t.Fatal(err)
	}
	text, err := kept.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	if kept, err = gitlab.ParseKeys(text); err != nil {
		t.Fatal(err)
	}
	withOld := issuerOf(kept)
	if got := kids(withOld); len(got) != 4 || got[3] != old.KeyID() || withOld.KeyID() != got[1] || slices.Contains(got[:3], old.KeyID()) {
		t.Errorf("keys %v, before %v", got, kids(old))
	}
	verify(t, token, withOld.KeySet())
	if bytes.Count(text, []byte("PRIVATE KEY")) != 4 {
		t.Error("the private half of a retired key was kept")
	}
	// A rotation as GitLab's ends those that were kept.
	if kept, err = kept.Rotate(false); err != nil || len(kids(issuerOf(kept))) != 2 {
		t.Errorf("%v", err)
	}
	for name, bad := range map[string][]byte{
		"the same twice": append(slices.Clone(text), text[bytes.LastIndex(text, []byte("-----BEGIN PUBLIC")):]...),
		"cut":            text[:len(text)-50],
		"text behind":    append(slices.Clone(text), "x"...),
	} {
		if _, err := gitlab.ParseKeys(bad); !errors.Is(err, gitlab.ErrDamagedKeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&gitlab.Keys{}).Rotate(false); err == nil {
		t.Error("the zero keys were rotated")
	}
}
