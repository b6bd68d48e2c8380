package idtoken_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/idtoken"
	"github.com/google/go-cmp/cmp"
)

// set makes settings of name=value, separated by semicolons.
func set(text string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		if name, value, ok := strings.Cut(part, "="); ok {
			out[name] = value
		}
	}
	return out
}

// samples lists each sample that is not GitLab's, how a token like it is asked
// for, and what of it no template can know.
var samples = []struct {
	file, kind, settings, audience string
	ttl                            time.Duration
	// differs names the claims whose value is not compared, their type is; each
	// has a reason.
	differs map[string]string
	// unsaid names claims that a token needs and the sample does not show.
	unsaid map[string]string
}{
	{file: "github_branch", kind: "github", settings: "ref_protected=true", audience: "sts.amazonaws.com"},
	{file: "github_branch_immutable", kind: "github", settings: "ref_protected=true;immutable=true", audience: "sts.amazonaws.com"},
	{file: "github_tag", kind: "github", settings: "ref=refs/tags/demo-tag", audience: "sts.amazonaws.com"},
	{file: "github_pull_request", kind: "github", settings: "pull_request=42", audience: "sts.amazonaws.com"},
	{file: "github_environment", kind: "github", settings: "ref_protected=true;environment=Production;environment_node_id=EN_kwDOexample;event_name=workflow_dispatch"},
	{file: "github_environment_colon", kind: "github", settings: "ref_protected=true;environment=Production:V1", audience: "sts.amazonaws.com"},
	{
		file: "github_custom_sub_repo_context_job_workflow_ref", kind: "github", audience: "sts.amazonaws.com",
		settings: "ref_protected=true;environment=prod;sub_keys=repo,context,job_workflow_ref;job_workflow_ref=octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
	},
	{
		file: "forgejo_branch_immutable", kind: "forgejo",
		unsaid: map[string]string{
			"iat": "the sample leaves the times out", "nbf": "likewise", "exp": "likewise; without it no reader takes a token",
		},
	},
	{
		file: "kubernetes_projected_token", kind: "kubernetes", settings: "extended=true",
	},
	{file: "kubernetes_eks_irsa_token", kind: "eks"},
	{file: "circleci_v1", kind: "circleci"},
	{file: "circleci_v2", kind: "circleci", settings: "version=2"},
	{file: "buildkite", kind: "buildkite", settings: "build_tag=v1.0.0"},
	{file: "buildkite_aws_session_tags", kind: "buildkite", settings: "build_tag=v1.0.0;aws_session_tags=organization_slug,organization_id", audience: "sts.amazonaws.com"},
	{file: "bitbucket", kind: "bitbucket"},
	{file: "bitbucket_deployment_environment", kind: "bitbucket", settings: "environment=bbbbbbbb-8888-4999-8000-111122223333"},
	{file: "terraform_hcp", kind: "terraform"},
	{
		file: "azure_devops_pipeline", kind: "azure-devops",
		differs: map[string]string{"exp": "the recorded token lives 299 seconds, that of a service connection 300: a clock between two readings"},
	},
	{file: "azure_devops_service_connection", kind: "azure-devops", settings: "service_connection=my-service-connection"},
	{file: "google_service_account", kind: "google"},
	{file: "jenkins_oidc_provider_plugin", kind: "jenkins"},
}

// notTokens are the samples that are no payload, or GitLab's, which the package
// gitlab compares.
var notTokens = []string{"gitlab_", "github_jose_header", "github_openid-configuration", "kubernetes_self_hosted_openid-configuration"}

func sampleDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "samples")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared samples are missing: %v", err)
		}
		t.Skipf("the shared samples are not here: %v", err)
	}
	return dir
}

func TestSamples(t *testing.T) {
	t.Parallel()
	dir := sampleDir(t)
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(dir, s.file+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var want map[string]any
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			k, err := idtoken.Find(s.kind)
			if err != nil {
				t.Fatal(err)
			}
			r := idtoken.Request{Settings: set(s.settings), TTL: s.ttl, Random: bytes.NewReader(make([]byte, 64))}
			if s.audience != "" {
				r.Audience = []string{s.audience}
			}
			if iat, ok := want["iat"].(float64); ok {
				r.Now = time.Unix(int64(iat), 0)
			}
			claims, err := k.Claims(r)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal(claims)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(encoded, &got); err != nil {
				t.Fatal(err)
			}
			for name := range s.unsaid {
				if _, ok := want[name]; ok {
					t.Errorf("the sample does say %s", name)
				}
				if _, ok := got[name].(float64); !ok {
					t.Errorf("%s is %v", name, got[name])
				}
				delete(got, name)
			}
			if _, ok := want["jti"]; ok {
				want["jti"] = "00000000-0000-4000-8000-000000000000" // of that randomness
			}
			for name := range s.differs {
				if kind(want[name]) != kind(got[name]) || cmp.Equal(want[name], got[name]) {
					t.Errorf("%s: sample %v, token %v", name, want[name], got[name])
				}
				want[name] = got[name]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-sample +token):\n%s", diff)
			}
		})
	}
}

// TestOrder: members stand in the order of the samples, which is the issuers'.
func TestOrder(t *testing.T) {
	t.Parallel()
	k, err := idtoken.Find("github")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := k.Claims(idtoken.Request{Random: bytes.NewReader(make([]byte, 16))})
	if err != nil {
		t.Fatal(err)
	}
	if claims[0].Name != "jti" || claims[1].Name != "sub" || claims[len(claims)-1].Name != "iat" {
		t.Errorf("order %v", claims)
	}
}

func kind(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "list"
	case map[string]any:
		return "object"
	}
	return "null"
}

// TestEverySample: a sample that comes anew needs an entry.
func TestEverySample(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(sampleDir(t), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		isOther := slices.ContainsFunc(notTokens, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		isTested := false
		for _, s := range samples {
			isTested = isTested || s.file == name
		}
		if isOther == isTested {
			t.Errorf("%s: compared here %v, elsewhere %v", name, isTested, isOther)
		}
	}
}

// TestHeader: GitHub's header has the members of its sample, every other those
// that its issuer writes.
func TestHeader(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(sampleDir(t), "github_jose_header.json"))
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]string
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}
	k, err := idtoken.Find("github")
	if err != nil {
		t.Fatal(err)
	}
	if len(k.Header) != len(header) {
		t.Errorf("header %v, sample %v", k.Header, header)
	}
	for _, name := range k.Header {
		if _, ok := header[name]; !ok {
			t.Errorf("%s is not in the sample", name)
		}
	}
}
