package gitlab_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/ci"
)

// values are the variables by name; later ones win.
func values(j *gitlab.Job) map[string]string {
	out := map[string]string{}
	for _, v := range j.Variables() {
		out[v.Name] = v.Value
	}
	return out
}

// fork makes a job of a merge request from a fork.
func fork(j *gitlab.Job) {
	j.Ref, j.Protected, j.Pipeline.Source = "feature-branch-1", false, "merge_request_event"
	j.MergeRequest = &gitlab.MergeRequest{Source: &gitlab.Fork{
		Project: gitlab.Project{ID: 91, Path: "contributor/my-project"}, Namespace: gitlab.Namespace{ID: 140},
	}}
}

func newJob(t *testing.T, change func(*gitlab.Job)) *gitlab.Job {
	t.Helper()
	in := exampleJob()
	change(&in)
	j, err := gitlab.NewJob(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestVariables(t *testing.T) {
	t.Parallel()
	j := newJob(t, func(j *gitlab.Job) {
		j.ServerURL = "https://gitlab.example.com:8443/git"
		j.Project.Path, j.Namespace = "Top/Sub.Group/my_project", gitlab.Namespace{ID: 72}
		j.Ref, j.CommitMessage = "Feature/Ünicode_$X", "Title $HOME\n\nBody"
		j.Name, j.Image = "assume role", "alpine"
		j.StartedAt = at
		j.Environment = &gitlab.Environment{Name: "production", URL: "https://x.example"}
	})
	want := map[string]string{
		"CI": "true", "GITLAB_CI": "true", "CI_SERVER": "yes", "CI_SERVER_NAME": "GitLab",
		"CI_SERVER_VERSION": "19.6.0", "CI_SERVER_VERSION_MAJOR": "19", "CI_SERVER_VERSION_MINOR": "6", "CI_SERVER_VERSION_PATCH": "0",
		"CI_SERVER_URL": "https://gitlab.example.com:8443/git", "CI_SERVER_HOST": "gitlab.example.com",
		"CI_SERVER_FQDN": "gitlab.example.com:8443", "CI_SERVER_PORT": "8443", "CI_SERVER_PROTOCOL": "https",
		"CI_API_V4_URL":      "https://gitlab.example.com:8443/git/api/v4",
		"CI_API_GRAPHQL_URL": "https://gitlab.example.com:8443/git/api/graphql",
		"CI_PROJECT_ID":      "20", "CI_PROJECT_NAME": "my_project", "CI_PROJECT_TITLE": "my_project",
		"CI_PROJECT_PATH": "Top/Sub.Group/my_project", "CI_PROJECT_PATH_SLUG": "top-sub-group-my-project",
		"CI_PROJECT_NAMESPACE": "Top/Sub.Group", "CI_PROJECT_NAMESPACE_ID": "72", "CI_PROJECT_ROOT_NAMESPACE": "Top",
		"CI_PROJECT_URL":        "https://gitlab.example.com:8443/git/Top/Sub.Group/my_project",
		"CI_PROJECT_VISIBILITY": "private", "CI_DEFAULT_BRANCH": "main", "CI_CONFIG_PATH": ".gitlab-ci.yml",
		"CI_COMMIT_SHA": "714a629c0b401fdce83e847fc9589983fc6f46bc", "CI_COMMIT_SHORT_SHA": "714a629c",
		"CI_COMMIT_REF_NAME": "Feature/Ünicode_$X", "CI_COMMIT_BRANCH": "Feature/Ünicode_$X",
		"CI_COMMIT_REF_SLUG": "feature--nicode--x", "CI_COMMIT_REF_PROTECTED": "true",
		"CI_COMMIT_TITLE": "Title $HOME", "CI_COMMIT_MESSAGE": "Title $HOME\n\nBody",
		"CI_PIPELINE_ID": "574", "CI_PIPELINE_IID": "1", "CI_PIPELINE_SOURCE": "push",
		"CI_PIPELINE_URL":        "https://gitlab.example.com:8443/git/Top/Sub.Group/my_project/-/pipelines/574",
		"CI_PIPELINE_CREATED_AT": "2023-04-13T14:13:13Z",
		"CI_JOB_ID":              "302", "CI_JOB_NAME": "assume role", "CI_JOB_NAME_SLUG": "assume-role", "CI_JOB_STAGE": "test",
		"CI_JOB_URL":     "https://gitlab.example.com:8443/git/Top/Sub.Group/my_project/-/jobs/302",
		"CI_JOB_TIMEOUT": "3600", "CI_JOB_IMAGE": "alpine", "CI_JOB_STARTED_AT": "2023-04-13T14:13:13Z",
		"CI_NODE_TOTAL": "1", "CI_RUNNER_ID": "1",
		"GITLAB_USER_ID": "1", "GITLAB_USER_LOGIN": "sample-user", "GITLAB_USER_NAME": "sample-user",
		"GITLAB_USER_EMAIL":   "sample-user@example.com",
		"CI_ENVIRONMENT_NAME": "production", "CI_ENVIRONMENT_SLUG": "production", "CI_ENVIRONMENT_TIER": "production",
		"CI_ENVIRONMENT_ACTION": "start", "CI_ENVIRONMENT_URL": "https://x.example",
	}
	if diff := cmp.Diff(want, values(j)); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	expanded, err := ci.ExpandAll(j.Variables())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range expanded {
		if v.Value != want[v.Name] {
			t.Errorf("%s is %q after expanding, and was %q", v.Name, v.Value, want[v.Name])
		}
	}
}

func TestVariablesByPipeline(t *testing.T) {
	t.Parallel()
	names := []string{"CI_COMMIT_BRANCH", "CI_COMMIT_TAG", "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"}
	for name, c := range map[string]struct {
		change func(*gitlab.Job)
		want   []string // by names; "-" is absent
	}{
		"branch": {func(*gitlab.Job) {}, []string{"main", "-", "-", "-", "-"}},
		"tag":    {func(j *gitlab.Job) { j.RefType, j.Ref = "tag", "1.0" }, []string{"-", "1.0", "-", "-", "-"}},
		"merge request": {func(j *gitlab.Job) {
			j.Ref, j.Pipeline.Source, j.MergeRequest = "fix", "merge_request_event", &gitlab.MergeRequest{IID: 7}
		}, []string{"-", "-", "7", "main", "fix"}},
	} {
		got := values(newJob(t, c.change))
		for i, n := range names {
			v, ok := got[n]
			if !ok {
				v = "-"
			}
			if v != c.want[i] {
				t.Errorf("%s: %s is %q, want %q", name, n, v, c.want[i])
			}
		}
	}
}

// TestVariablesOfAFork: the job runs in the project, and its variables say so.
func TestVariablesOfAFork(t *testing.T) {
	t.Parallel()
	got := values(newJob(t, fork))
	for name, want := range map[string]string{
		"CI_PROJECT_PATH": "my-group/my-project", "CI_PROJECT_ID": "20", "CI_MERGE_REQUEST_PROJECT_PATH": "my-group/my-project",
		"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "contributor/my-project", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "91",
		"CI_MERGE_REQUEST_SOURCE_PROJECT_URL": "https://gitlab.example.com/contributor/my-project",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	j, err := gitlab.NewJob(gitlab.Job{
		ServerURL: "https://localhost", Project: gitlab.Project{Path: "a/b"},
		ProjectVariables: []ci.Variable{{Name: "B", Value: "settings"}},
	}, &ci.Job{Name: "x", Stage: "deploy", Timeout: time.Minute, Variables: []ci.Variable{
		{Name: "A", Value: "file"}, {Name: "B", Value: "file"}, {Name: "CI_JOB_NAME", Value: "file"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := values(j)
	if got["A"] != "file" || got["B"] != "settings" || got["CI_JOB_NAME"] != "file" || got["CI_JOB_STAGE"] != "deploy" || got["CI_JOB_TIMEOUT"] != "60" {
		t.Errorf("A %q, B %q, CI_JOB_NAME %q, stage %q, timeout %q",
			got["A"], got["B"], got["CI_JOB_NAME"], got["CI_JOB_STAGE"], got["CI_JOB_TIMEOUT"])
	}
}

func TestDefaultsAreStable(t *testing.T) {
	t.Parallel()
	in := gitlab.Job{ServerURL: "https://localhost", Project: gitlab.Project{Path: "a/b"}}
	one, err := gitlab.NewJob(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := gitlab.NewJob(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(values(one), values(two)) {
		t.Error("two jobs from one input differ")
	}
	if one.Protected || one.Ref != "main" || one.Namespace.Path != "a" || one.Project.ID == one.Namespace.ID {
		t.Errorf("defaults: %+v", one)
	}
}

func TestEnvironmentSlugAndTier(t *testing.T) {
	t.Parallel()
	// The names are those of GitLab's lib/gitlab/slug/environment_spec.rb; the
	// last six characters were reckoned apart, since that spec replaces the hash.
	for _, c := range []struct{ name, slug, tier string }{
		{"staging", "staging", "staging"},
		{"staging-12345678901234567", "staging-123456789-s729ne", "staging"},
		{"9-staging-123456789012345", "env-9-staging-123-f6hm7j", "staging"},
		{"staging-1234567890123456", "staging-1234567890123456", "staging"},
		{"staging-12345678-01234567", "staging-12345678-f21q2q", "staging"},
		{"production", "production", "production"},
		{"PRODUCTION", "production-vl4voz", "production"},
		{"Prod/eu", "prod-eu-mn22vu", "production"},
		{"review/1-foo", "review-1-foo-9tdj0u", "development"},
		{"Test", "test-h507c5", "testing"},
		{"customer", "customer", "other"},
		{"acpt", "acpt", "testing"},
		{"pre-live", "pre-live", "staging"},
		{"foo-", "foo", "other"},
		{"foo--bar", "foo-bar-q006cp", "other"},
		{"1-foo", "env-1-foo-1k46wz", "other"},
	} {
		got := values(newJob(t, func(j *gitlab.Job) { j.Environment = &gitlab.Environment{Name: c.name} }))
		if got["CI_ENVIRONMENT_SLUG"] != c.slug || got["CI_ENVIRONMENT_TIER"] != c.tier {
			t.Errorf("%s: slug %q, tier %q; want %q, %q", c.name,
				got["CI_ENVIRONMENT_SLUG"], got["CI_ENVIRONMENT_TIER"], c.slug, c.tier)
		}
	}
}

func TestNewJobRefusals(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*gitlab.Job){
		`server URL ""`:               func(j *gitlab.Job) { j.ServerURL = "" },
		`server URL "https://x/"`:     func(j *gitlab.Job) { j.ServerURL = "https://x/" },
		`project path "one"`:          func(j *gitlab.Job) { j.Project.Path = "one" },
		`project path "a/b:c"`:        func(j *gitlab.Job) { j.Project.Path = "a/b:c" },
		`project path "a/../b"`:       func(j *gitlab.Job) { j.Project.Path = "a/../b" },
		`namespace path "x"`:          func(j *gitlab.Job) { j.Namespace.Path = "x" },
		`ref "refs/heads/main"`:       func(j *gitlab.Job) { j.Ref = "refs/heads/main" },
		`ref "a:ref_type:tag"`:        func(j *gitlab.Job) { j.Ref = "a:ref_type:tag" },
		`ref "a b"`:                   func(j *gitlab.Job) { j.Ref = "a b" },
		`ref ""`:                      func(j *gitlab.Job) { j.RefType = "tag" },
		`ref type "mr"`:               func(j *gitlab.Job) { j.RefType, j.Ref = "mr", "x" },
		`sha "714A"`:                  func(j *gitlab.Job) { j.SHA = "714A" },
		`pipeline source "cron"`:      func(j *gitlab.Job) { j.Pipeline.Source = "cron" },
		`a merge request goes with`:   func(j *gitlab.Job) { j.MergeRequest = &gitlab.MergeRequest{} },
		`never a tag`:                 func(j *gitlab.Job) { j.RefType, j.Ref, j.Pipeline.Source = "tag", "1", "merge_request_event" },
		`timeout 721h0m0s`:            func(j *gitlab.Job) { j.Timeout = 721 * time.Hour },
		`timeout 1ms`:                 func(j *gitlab.Job) { j.Timeout = time.Millisecond },
		`user access level "admin"`:   func(j *gitlab.Job) { j.User.AccessLevel = "admin" },
		`user login "a b"`:            func(j *gitlab.Job) { j.User.Login = "a b" },
		`project visibility "secret"`: func(j *gitlab.Job) { j.Project.Visibility = "secret" },
		`runner environment "x"`:      func(j *gitlab.Job) { j.Runner.Environment = "x" },
		`id -1`:                       func(j *gitlab.Job) { j.ID = -1 },
		`environment name "a:b"`:      func(j *gitlab.Job) { j.Environment = &gitlab.Environment{Name: "a:b"} },
		`environment name ""`:         func(j *gitlab.Job) { j.Environment = &gitlab.Environment{} },
		`environment action "go"`:     func(j *gitlab.Job) { j.Environment = &gitlab.Environment{Name: "a", Action: "go"} },
		`deployment tier "prod"`:      func(j *gitlab.Job) { j.Environment = &gitlab.Environment{Name: "a", Tier: "prod"} },
		`version 15.6 is not one of`:  func(j *gitlab.Job) { j.Version = gitlab.Version{Major: 15, Minor: 6} },
		`job source "me"`:             func(j *gitlab.Job) { j.Source = "me" },
		`configuration of a policy`:   func(j *gitlab.Job) { j.PolicyConfig = &gitlab.PolicyConfig{URL: "x"} },
		`project path "fork"`:         func(j *gitlab.Job) { fork(j); j.MergeRequest.Source.Project.Path = "fork" },
		`is the project itself`:       func(j *gitlab.Job) { fork(j); j.MergeRequest.Source.Project.Path = j.Project.Path },
		`circular variable reference`: func(j *gitlab.Job) {
			j.Environment = &gitlab.Environment{Name: "a"}
			j.ProjectVariables = []ci.Variable{{Name: "A", Value: "$B"}, {Name: "B", Value: "$A"}}
		},
	} {
		in := exampleJob()
		change(&in)
		if j, err := gitlab.NewJob(in, nil); err == nil || j != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %s, got %v", want, err)
		}
	}
}

func TestNewJobLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	in := exampleJob()
	in.Pipeline.Source, in.MergeRequest = "merge_request_event", &gitlab.MergeRequest{}
	in.Environment = &gitlab.Environment{Name: "a"}
	in.SubClaimComponents = []string{"project_id"}
	if _, err := gitlab.NewJob(in, nil); err != nil {
		t.Fatal(err)
	}
	if *in.MergeRequest != (gitlab.MergeRequest{}) || *in.Environment != (gitlab.Environment{Name: "a"}) ||
		!slices.Equal(in.SubClaimComponents, []string{"project_id"}) {
		t.Errorf("changed: %+v %+v", in.MergeRequest, in.Environment)
	}
}
