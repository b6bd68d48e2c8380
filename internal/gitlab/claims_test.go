package gitlab_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/ci"
)

// branchClaims is the sample of a branch; the others are told by what differs.
const branchClaims = `{"project_id":"20","project_path":"my-group/my-project","namespace_id":"72",` +
	`"namespace_path":"my-group","user_id":"1","user_login":"sample-user","user_email":"sample-user@example.com",` +
	`"user_access_level":"developer","job_project_id":"20","job_project_path":"my-group/my-project",` +
	`"job_namespace_id":"72","job_namespace_path":"my-group","pipeline_id":"574","pipeline_source":"push",` +
	`"job_id":"302","ref":"main","ref_type":"branch","ref_path":"refs/heads/main","ref_protected":"true",` +
	`"runner_id":1,"runner_environment":"self-hosted","sha":"714a629c0b401fdce83e847fc9589983fc6f46bc",` +
	`"project_visibility":"private",` +
	`"ci_config_ref_uri":"gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",` +
	`"ci_config_sha":"714a629c0b401fdce83e847fc9589983fc6f46bc","job_source":"push",` +
	`"jti":"235b3a54-b797-45c7-ae9a-f72d7bc6ef5b","iss":"https://gitlab.example.com","iat":1681395193,` +
	`"nbf":1681395188,"exp":1681398793,"sub":"project_path:my-group/my-project:ref_type:branch:ref:main",` +
	`"aud":"https://gitlab.example.com"}`

func replaced(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(branchClaims) }

const (
	environmentClaims = `,"environment":"production","environment_protected":"true","deployment_tier":"production","environment_action":"start"}`
	sampleAud         = "https://gitlab.example.com"
)

func production(j *gitlab.Job) {
	j.Environment = &gitlab.Environment{Name: "production", Protected: true}
}

var samples = []struct {
	name   string // of the file, and what the case shows
	issuer string
	aud    []string
	change func(*gitlab.Job)
	want   string
}{
	{"branch", "", nil, func(*gitlab.Job) {}, branchClaims},
	{
		"tag", "", nil,
		func(j *gitlab.Job) { j.ID, j.RefType, j.Ref = 303, "tag", "1.0" },
		replaced(`"job_id":"302"`, `"job_id":"303"`, `"ref":"main","ref_type":"branch"`, `"ref":"1.0","ref_type":"tag"`,
			"refs/heads/main", "refs/tags/1.0", "branch:ref:main", "tag:ref:1.0"),
	},
	{
		"merge_request", "", nil,
		func(j *gitlab.Job) {
			j.Ref, j.Protected, j.Pipeline.Source = "feature-branch-1", false, "merge_request_event"
		},
		replaced(`"push"`, `"merge_request_event"`, `"ref":"main"`, `"ref":"feature-branch-1"`,
			"refs/heads/main", "refs/heads/feature-branch-1", "ref:main", "ref:feature-branch-1",
			`"ref_protected":"true"`, `"ref_protected":"false"`),
	},
	{
		"aud_array", "",
		[]string{"https://gcp.com", "https://aws.com"},
		func(*gitlab.Job) {},
		replaced(`"aud":"https://gitlab.example.com"`, `"aud":["https://gcp.com","https://aws.com"]`),
	},
	{"environment", "", nil, production, strings.TrimSuffix(branchClaims, "}") + environmentClaims},
	{
		"environment_custom_sub", "", nil,
		func(j *gitlab.Job) {
			production(j)
			j.SubClaimComponents = []string{"project_id", "ref_type", "ref", "ref_protected", "environment_protected", "deployment_tier"}
		},
		strings.TrimSuffix(replaced("project_path:my-group/my-project:ref_type:branch:ref:main",
			"project_id:20:ref_type:branch:ref:main:ref_protected:true:environment_protected:true:deployment_tier:production"), "}") +
			environmentClaims,
	},
	{
		"project_id_sub", "", nil,
		func(j *gitlab.Job) { j.SubClaimComponents = []string{"project_id", "ref_type", "ref"} },
		replaced("project_path:my-group/my-project:ref_type", "project_id:20:ref_type"),
	},
	{
		"custom_issuer", "https://example-oidc-configuration-s3-bucket.s3.eu-north-1.amazonaws.com", nil, func(*gitlab.Job) {},
		replaced(`"iss":"https://gitlab.example.com"`, `"iss":"https://example-oidc-configuration-s3-bucket.s3.eu-north-1.amazonaws.com"`),
	},
}

// TestSampleClaims compares text, so that the order of members counts.
func TestSampleClaims(t *testing.T) {
	t.Parallel()
	for _, c := range samples {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.issuer == "" {
				c.issuer = "https://gitlab.example.com"
			}
			if c.aud == nil {
				c.aud = []string{sampleAud}
			}
			in := exampleJob()
			c.change(&in)
			j, err := gitlab.NewJob(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			claims, err := newIssuer(t, c.issuer).Claims(j, c.aud, at)
			if err != nil {
				t.Fatal(err)
			}
			claims.Set("jti", "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b")
			got, err := json.Marshal(claims)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("own vector (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(compact(t, sample(t, "gitlab_id_token_"+c.name+".json")), string(got)); diff != "" {
				t.Errorf("shared sample (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOptionalUserClaims(t *testing.T) {
	t.Parallel()
	in := exampleJob()
	in.User.Identities = []gitlab.UserIdentity{{Provider: "github", ExternUID: "2435223452345"}}
	in.User.GroupsDirect = []string{"mygroup/mysubgroup"}
	j, err := gitlab.NewJob(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t, "https://gitlab.example.com")
	claims, err := i.Claims(j, []string{sampleAud}, at)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	want := `"aud":"https://gitlab.example.com","user_identities":[{"provider":"github","extern_uid":"2435223452345"}],"groups_direct":["mygroup/mysubgroup"]}`
	if !strings.HasSuffix(string(got), want) {
		t.Errorf("claims %s\nwant at the end %s", got, want)
	}
	in.User.GroupsDirect = make([]string, 201)
	if j, err = gitlab.NewJob(in, nil); err != nil {
		t.Fatal(err)
	}
	if claims, err = i.Claims(j, []string{sampleAud}, at); err != nil || claims.Has("groups_direct") {
		t.Errorf("201 groups: %v, %v", claims.Get("groups_direct"), err)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	for _, c := range []struct {
		timeout time.Duration
		life    int64
	}{{0, 300}, {time.Minute, 60}, {90 * time.Minute, 5400}} {
		j, err := gitlab.NewJob(exampleJob(), nil)
		if err != nil {
			t.Fatal(err)
		}
		j.Timeout = c.timeout
		// A fraction of a second never makes a token valid longer.
		got, err := i.Claims(j, []string{"a"}, at.Add(999*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		if iat, nbf, exp := got.Get("iat"), got.Get("nbf"), got.Get("exp"); iat != int64(1681395193) || nbf != int64(1681395188) || exp != 1681395193+c.life {
			t.Errorf("timeout %s: iat %v, nbf %v, exp %v", c.timeout, iat, nbf, exp)
		}
	}
}

// verify checks a token against a key set with nothing but the standard
// library, and returns its header and its payload.
func verify(t *testing.T, token string, keySet []byte) (header map[string]any, payload []byte) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts", len(parts))
	}
	decode := func(s string) []byte {
		b, err := base64.RawURLEncoding.Strict().DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := json.Unmarshal(decode(parts[0]), &header); err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(keySet, &set); err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		if k["kid"] != header["kid"] {
			continue
		}
		key := &rsa.PublicKey{
			N: new(big.Int).SetBytes(decode(k["n"])),
			E: int(new(big.Int).SetBytes(decode(k["e"])).Int64()),
		}
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], decode(parts[2])); err != nil {
			t.Fatal(err)
		}
		return header, decode(parts[1])
	}
	t.Fatalf("no key %v in the set", header["kid"])
	return nil, nil
}

func TestIDToken(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	j, err := gitlab.NewJob(exampleJob(), nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := i.IDToken(j, []string{sampleAud}, at, bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	if err != nil {
		t.Fatal(err)
	}
	header, payload := verify(t, token, i.KeySet())
	if want := map[string]any{"kid": i.KeyID(), "typ": "JWT", "alg": "RS256"}; !reflect.DeepEqual(header, want) {
		t.Errorf("header %v, want %v", header, want)
	}
	want := replaced("235b3a54-b797-45c7-ae9a-f72d7bc6ef5b", "ffffffff-ffff-4fff-bfff-ffffffffffff")
	if diff := cmp.Diff(want, string(payload)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
}

func TestIDTokenNeedsRandomness(t *testing.T) {
	t.Parallel()
	j, err := gitlab.NewJob(exampleJob(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := newIssuer(t, "https://gitlab.example.com").IDToken(j, []string{"a"}, at, bytes.NewReader(nil)); err == nil {
		t.Errorf("a token without randomness: %d bytes", len(token))
	}
}

func TestIDTokenRefusals(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	made, err := gitlab.NewJob(exampleJob(), nil)
	if err != nil {
		t.Fatal(err)
	}
	byHand := exampleJob()
	for name, c := range map[string]struct {
		job *gitlab.Job
		aud []string
	}{
		"no audience":    {made, nil},
		"empty audience": {made, []string{"a", ""}},
		"not NewJob's":   {&byHand, []string{"a"}},
		"no job":         {nil, []string{"a"}},
	} {
		token, err := i.IDToken(c.job, c.aud, at, bytes.NewReader(make([]byte, 16)))
		if err == nil || token != "" {
			t.Errorf("%s: token of %d bytes, %v", name, len(token), err)
		}
	}
	if _, err := i.IDTokens(&byHand, at, nil); !errors.Is(err, gitlab.ErrJobNotMade) {
		t.Errorf("IDTokens: %v", err)
	}
}

func TestIDTokensOfAFile(t *testing.T) {
	t.Parallel()
	p, err := ci.Parse(".gitlab-ci.yml", []byte(`
variables: {HOST: gitlab.example.com, NESTED: "https://${HOST}", LATER: "$$X-$RUNNERS"}
job:
  timeout: 30m
  environment: review/$CI_COMMIT_REF_SLUG
  id_tokens:
    ONE: {aud: $NESTED}
    LIST: {aud: ["%CI_SERVER_URL%"]}
    LATER: {aud: $LATER}
    TWO: {aud: [sts.amazonaws.com, "x-$NOT_THERE-${CI_PROJECT_ID}"]}
  script: [x]
empty:
  id_tokens: {T: {aud: $NOT_THERE}}
  script: [x]
`))
	if err != nil {
		t.Fatal(err)
	}
	definition, err := p.Job("job")
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t, "https://gitlab.example.com")
	in := exampleJob()
	in.Ref = "Feature/A"
	j, err := gitlab.NewJob(in, definition)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := i.IDTokens(j, at, bytes.NewReader(bytes.Repeat([]byte{1}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ONE":  `"aud":"https://gitlab.example.com"`,
		"LIST": `"aud":["https://gitlab.example.com"]`,
		// What only the runner would expand stays as it is.
		"LATER": `"aud":"$$X-$RUNNERS"`,
		"TWO":   `"aud":["sts.amazonaws.com","x--20"]`,
	} {
		_, payload := verify(t, tokens[name], i.KeySet())
		want += `,"environment":"review/feature-a","environment_protected":"false","deployment_tier":"development","environment_action":"start"}`
		if !strings.HasSuffix(string(payload), want) || !strings.Contains(string(payload), `"exp":1681396993`) {
			t.Errorf("%s: %s\nwant at the end %s", name, payload, want)
		}
	}
	if definition, err = p.Job("empty"); err != nil {
		t.Fatal(err)
	}
	if j, err = gitlab.NewJob(exampleJob(), definition); err != nil {
		t.Fatal(err)
	}
	if tokens, err := i.IDTokens(j, at, bytes.NewReader(make([]byte, 16))); err == nil || !strings.Contains(err.Error(), "T: aud") {
		t.Errorf("an audience that expands to nothing: %v, %v", tokens, err)
	}
}

var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestTokenProperties(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "https://gitlab.example.com")
	rapid.Check(t, func(r *rapid.T) {
		in := gitlab.Job{
			ServerURL: "https://gitlab.example.com",
			Project:   gitlab.Project{Path: drawPath(r)},
			Ref:       rapid.StringMatching(`[a-zA-Z0-9_][a-zA-Z0-9_/#%&=é-]{0,20}[a-z]`).Filter(plainRef).Draw(r, "ref"),
			RefType:   rapid.SampledFrom([]string{"branch", "tag"}).Draw(r, "type"),
			Protected: rapid.Bool().Draw(r, "protected"),
		}
		j, err := gitlab.NewJob(in, nil)
		if err != nil {
			r.Fatal(err)
		}
		aud := rapid.SliceOfN(rapid.StringMatching(`[a-z:/.<>&]{1,10}`), 1, 3).Draw(r, "aud")
		random := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "random")
		token, err := i.IDToken(j, aud, at, bytes.NewReader(random))
		if err != nil {
			r.Fatal(err)
		}
		_, payload := verify(t, token, i.KeySet())
		var got struct {
			Sub, JTI string
			Aud      any
			Ref      string `json:"ref_path"`
		}
		if err := json.Unmarshal(payload, &got); err != nil {
			r.Fatal(err)
		}
		if want := fmt.Sprintf("project_path:%s:ref_type:%s:ref:%s", in.Project.Path, in.RefType, in.Ref); got.Sub != want {
			r.Fatalf("sub %q, want %q", got.Sub, want)
		}
		if !uuid4.MatchString(got.JTI) {
			r.Fatalf("jti %q is no version 4 UUID", got.JTI)
		}
		if s, ok := got.Aud.(string); ok != (len(aud) == 1) || ok && s != aud[0] {
			r.Fatalf("aud %v of %q", got.Aud, aud)
		}
	})
}

func drawPath(r *rapid.T) string {
	return rapid.StringMatching(`[a-z][a-z0-9_-]{0,8}(/[a-zA-Z0-9_][a-z0-9_.-]{0,8}){1,3}`).Draw(r, "path")
}

func plainRef(s string) bool {
	return !strings.Contains(s, "//") && !strings.HasPrefix(s, "refs/") && !strings.HasSuffix(s, ".lock")
}

func BenchmarkIDToken(b *testing.B) {
	i := newIssuer(b, "https://gitlab.example.com")
	j, err := gitlab.NewJob(exampleJob(), nil)
	if err != nil {
		b.Fatal(err)
	}
	random := bytes.NewReader(make([]byte, 16))
	b.ReportAllocs()
	for b.Loop() {
		random.Reset(make([]byte, 16))
		if _, err := i.IDToken(j, []string{sampleAud}, at, random); err != nil {
			b.Fatal(err)
		}
	}
}
