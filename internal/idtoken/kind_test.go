package idtoken_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/idtoken"
	"pgregory.net/rapid"
)

func find(t testing.TB, name string) *idtoken.Kind {
	t.Helper()
	k, err := idtoken.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sub is the subject that a kind makes of settings.
func sub(t *testing.T, kind, settings string) string {
	t.Helper()
	claims, err := find(t, kind).Claims(idtoken.Request{Settings: set(settings), Random: bytes.NewReader(make([]byte, 16))})
	if err != nil {
		t.Fatalf("%s %s: %v", kind, settings, err)
	}
	return claims.Text("sub")
}

// TestSubjects: what a subject is made of, and in which order (GitHub Docs,
// "Example subject claims": environment, then pull request, then ref).
func TestSubjects(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"github", "repo=o/r", "repo:o/r:ref:refs/heads/main"},
		{"github", "repo=o/r;ref=topic/x", "repo:o/r:ref:refs/heads/topic/x"},
		{"github", "repo=o/r;ref=refs/tags/v1", "repo:o/r:ref:refs/tags/v1"},
		{"github", "repo=o/r;pull_request=7", "repo:o/r:pull_request"},
		{"github", "repo=o/r;pull_request=7;environment=prod", "repo:o/r:environment:prod"},
		{"github", "repo=o/r;environment=a:b:c", "repo:o/r:environment:a%3Ab%3Ac"},
		{"github", "repo=o/r;immutable=true;repository_id=5;repository_owner_id=6;pull_request=1", "repo:o@6/r@5:pull_request"},
		{"github", "repo=o/r;sub_keys=repository_owner,repo;immutable=true", "repository_owner:o:repo:o@65/r@74"},
		{"github", "sub_keys=repository_id", "repository_id:74"},
		{"buildkite", "repo=a/b;subject_claim=pipeline_id;pipeline_id=x", "x"},
		{"terraform", "run_phase=plan;workspace=w", "organization:my-org:project:Default Project:workspace:w:run_phase:plan"},
		{"forgejo", "repo=o/r;pull_request=3", "repo:o-123456/r-456789:pull_request"},
		{"kubernetes", "namespace=n;service_account=s", "system:serviceaccount:n:s"},
		{"azure-devops", "org=o;project=p;pipeline=x y", "p://o/p/x y"},
		{"jenkins", "host=j.internal;job_url=https://j.internal/job/a/", "https://j.internal/job/a/"},
	} {
		if got := sub(t, c[0], c[1]); got != c[2] {
			t.Errorf("%s %s: sub %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

func TestRequestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind string
		r    idtoken.Request
		want string
	}{
		{"github", idtoken.Request{Settings: set("colour=red")}, `github has no setting "colour"; it has repo, `},
		{"github", idtoken.Request{Settings: set("repo=alone")}, `"alone" is not OWNER/NAME`},
		{"github", idtoken.Request{Settings: set("sub_keys=repo,colour")}, `sub_keys has "colour"; it may list actor, `},
		{"github", idtoken.Request{Settings: set("ref_protected=yes")}, `ref_protected "yes" should be one of true, false`},
		{"github", idtoken.Request{Audience: []string{"a", "b"}}, "at most 1 audiences, not 2"},
		{"github", idtoken.Request{Audience: []string{""}}, "an audience is empty"},
		{"azure-devops", idtoken.Request{Audience: []string{"a"}}, "always api://AzureADTokenExchange"},
		{"kubernetes", idtoken.Request{TTL: time.Minute}, "lives from 600 to any number of seconds"},
		{"eks", idtoken.Request{TTL: 48 * time.Hour}, "lives from 600 to 86400 seconds"},
		{"github", idtoken.Request{TTL: -time.Minute}, "lives from 1"},
		{"github", idtoken.Request{Extra: []idtoken.Claim{{Name: "iss", Value: "https://gitlab.com"}}}, `the claim "iss" cannot be set`},
	} {
		c.r.Random = bytes.NewReader(make([]byte, 64))
		claims, err := find(t, c.kind).Claims(c.r)
		if !errors.Is(err, idtoken.ErrRequest) || claims != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.kind, err, c.want)
		}
	}
	if _, err := idtoken.Find("travis"); !errors.Is(err, idtoken.ErrRequest) || !strings.Contains(err.Error(), "there are azure-devops, bitbucket") {
		t.Errorf("an unknown kind: %v", err)
	}
	if _, err := find(t, "github").Claims(idtoken.Request{Random: bytes.NewReader(nil)}); err == nil {
		t.Error("a token without randomness")
	}
}

func TestExtraClaims(t *testing.T) {
	t.Parallel()
	claims, err := find(t, "github").Claims(idtoken.Request{
		Random: bytes.NewReader(make([]byte, 16)), Issuer: "https://localhost:1",
		Extra: []idtoken.Claim{{Name: "sub", Value: "x"}, {Name: "enterprise", Value: json.RawMessage(`{"a":[1]}`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	if claims.Text("iss") != "https://localhost:1" || claims[1] != (idtoken.Claim{Name: "sub", Value: "x"}) || !bytes.HasSuffix(text, []byte(`,"enterprise":{"a":[1]}}`)) {
		t.Errorf("%s", text)
	}
	if _, err := json.Marshal(idtoken.Claims{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("two claims of one name")
	}
}

func TestIssuerPath(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"github", "", ""},
		{"circleci", "org_id=o", "/org/o"},
		{"eks", "cluster_id=C", "/id/C"},
		{"bitbucket", "workspace=w", "/2.0/workspaces/w/pipelines-config/identity/oidc"},
		{"jenkins", "", "/oidc"},
	} {
		if got, err := find(t, c[0]).IssuerPath(set(c[1])); err != nil || got != c[2] {
			t.Errorf("%s: %q, %v, want %q", c[0], got, err, c[2])
		}
	}
}

var oneLine = regexp.MustCompile(`^[^\n]{3,}$`)

// TestKindsAreWhole: each says where it is from, and its settings what they are.
func TestKindsAreWhole(t *testing.T) {
	t.Parallel()
	kinds, err := idtoken.Kinds()
	if err != nil {
		t.Fatal(err)
	}
	if len(kinds) < 11 {
		t.Errorf("%d kinds", len(kinds))
	}
	for _, k := range kinds {
		if !oneLine.MatchString(k.Title) || !oneLine.MatchString(k.Source) || !strings.HasPrefix(k.Issuer, "https://") || len(k.Header) < 2 {
			t.Errorf("%s: %+v", k.Name, k)
		}
		for i, s := range k.Settings {
			if !oneLine.MatchString(s.About) || slices.ContainsFunc(k.Settings[:i], func(o idtoken.Setting) bool { return o.Name == s.Name }) {
				t.Errorf("%s: setting %s", k.Name, s.Name)
			}
		}
		claims, err := k.Claims(idtoken.Request{Random: bytes.NewReader(make([]byte, 64))})
		if err != nil {
			t.Errorf("%s by its defaults: %v", k.Name, err)
		}
		for _, name := range []string{"iss", "sub", "aud", "iat", "exp"} {
			if !claims.Has(name) {
				t.Errorf("%s has no %s", k.Name, name)
			}
		}
	}
}

// TestSettingsAreNeverTemplates: what a setting holds is told as it is, whatever
// it looks like, in every claim.
func TestSettingsAreNeverTemplates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.StringMatching(`[{}|a-z$":,\\]{1,12}`).Draw(r, "value")
		claims, err := find(t, "terraform").Claims(idtoken.Request{
			Settings: map[string]string{"organization": value}, Random: bytes.NewReader(make([]byte, 16)),
		})
		if err != nil {
			r.Fatal(err)
		}
		text, err := json.Marshal(claims)
		if err != nil {
			r.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			r.Fatal(err)
		}
		if got["terraform_organization_name"] != value || !strings.HasPrefix(got["sub"].(string), "organization:"+value+":project:") {
			r.Fatalf("%s", text)
		}
	})
}
