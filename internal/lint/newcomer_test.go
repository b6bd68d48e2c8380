package lint_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/lint"

	"github.com/google/go-cmp/cmp"
)

func onProvider(url, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + oidcProvider + url + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + condition + `}]}`
}

func onGitLab(condition string) string { return onProvider("gitlab.com", condition) }

// Who is newly admitted by a change is found, and nobody where nobody is.
func TestNewcomers(t *testing.T) {
	t.Parallel()
	main := onGitLab(`{"StringEquals":{"gitlab.com:sub":"project_path:mygroup/app:ref_type:branch:ref:main"}}`)
	group := onGitLab(`{"StringLike":{"gitlab.com:sub":"project_path:mygroup/*"}}`)
	glued := onGitLab(`{"StringLike":{"gitlab.com:sub":"project_path:mygroup*"}}`)
	protected := onGitLab(`{"StringEquals":{"gitlab.com:sub":"project_path:mygroup/app:ref_type:branch:ref:main","gitlab.com:ref_protected":"true"}}`)
	for _, c := range []struct {
		name, before, after string
		want                string // in a subject; "" for nobody
		claim               string
	}{
		{"a role that is new", "", main, "mygroup/app:ref_type:branch:ref:main", ""},
		{"the same", main, main, "", ""},
		{"narrower", group, main, "", ""},
		{"wider", main, group, "project_path:mygroup/", ""},
		{"the separator is gone", group, glued, "project_path:mygroup-evil/", ""},
		{"the separator is put in", glued, group, "", ""},
		{"a guard is gone", protected, main, "mygroup/app:ref_type:branch:ref:main", "false"},
		{"a guard is added", main, protected, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found, err := lint.Newcomers(lint.Role{TrustPolicy: c.before}, lint.Role{TrustPolicy: c.after})
			if err != nil {
				t.Fatal(err)
			}
			if (len(found) > 0) != (c.want != "") {
				t.Fatalf("newcomers are %+v", found)
			}
			after := document(t, c.after)
			for _, w := range found {
				if !w.Admitted(after) || c.before != "" && w.Admitted(document(t, c.before)) {
					t.Errorf("%+v is no newcomer", w)
				}
				if !strings.Contains(w.Subject, c.want) || w.Claims["ref_protected"] != c.claim {
					t.Errorf("the newcomer is %+v", w)
				}
			}
		})
	}
	var unreadable *lint.UnreadableError
	if _, err := lint.Newcomers(lint.Role{}, lint.Role{TrustPolicy: "{"}); !errors.As(err, &unreadable) {
		t.Errorf("error is %v", err)
	}
}

const gitHubURL = "token.actions.githubusercontent.com"

// A migration adds the subjects by id, and nobody else.
func TestMigrateGitHub(t *testing.T) {
	t.Parallel()
	ids := map[string][]string{"octo-org/octo-repo": {"12345", "67890"}}
	for _, c := range []struct {
		name, before string
		drop         bool
		want         lint.Migrated // Text is the list of values
		skipped      string
	}{
		{"one value", `"repo:octo-org/octo-repo:ref:refs/heads/main"`, false, lint.Migrated{
			Text: `["repo:octo-org/octo-repo:ref:refs/heads/main", "repo:octo-org@12345/octo-repo@67890:ref:refs/heads/main"]`, Added: []string{"repo:octo-org@12345/octo-repo@67890:ref:refs/heads/main"},
		}, ""},
		{"a pattern keeps its end", `["repo:octo-org/octo-repo:environment:prod-*"]`, false, lint.Migrated{
			Text: `["repo:octo-org/octo-repo:environment:prod-*", "repo:octo-org@12345/octo-repo@67890:environment:prod-*"]`, Added: []string{"repo:octo-org@12345/octo-repo@67890:environment:prod-*"},
		}, ""},
		{"any repository, anchored", `"repo:octo-org/*:ref:refs/heads/main"`, false, lint.Migrated{
			Text: `["repo:octo-org/*:ref:refs/heads/main", "repo:octo-org@12345/*:ref:refs/heads/main"]`, Added: []string{"repo:octo-org@12345/*:ref:refs/heads/main"},
		}, ""},
		{"any repository, not anchored", `"repo:octo-org/*"`, false, lint.Migrated{Text: `"repo:octo-org/*"`}, "anchored"},
		{"owner by a pattern", `"repo:octo-*"`, false, lint.Migrated{Text: `"repo:octo-*"`}, "which owner"},
		{"not known", `"repo:octo-org/other:ref:refs/heads/main"`, false, lint.Migrated{Text: `"repo:octo-org/other:ref:refs/heads/main"`}, "gh api repos/octo-org/other"},
		{"both there", `["repo:octo-org/octo-repo:pull_request", "repo:octo-org@12345/octo-repo@67890:pull_request"]`, false, lint.Migrated{
			Text: `["repo:octo-org/octo-repo:pull_request", "repo:octo-org@12345/octo-repo@67890:pull_request"]`,
		}, ""},
		{"dropped", `["repo:octo-org/octo-repo:pull_request", "repo:octo-org@12345/octo-repo@67890:pull_request"]`, true, lint.Migrated{
			Text: `"repo:octo-org@12345/octo-repo@67890:pull_request"`, Dropped: []string{"repo:octo-org/octo-repo:pull_request"},
		}, ""},
		{"dropped without knowing ids", `["repo:a/b:pull_request", "repo:a@1/b@2:pull_request"]`, true, lint.Migrated{Text: `"repo:a@1/b@2:pull_request"`, Dropped: []string{"repo:a/b:pull_request"}}, ""},
		{"not dropped while alone", `"repo:octo-org/octo-repo:pull_request"`, true, lint.Migrated{Text: `"repo:octo-org/octo-repo:pull_request"`}, "does not have"},
		{"not dropped for another end", `["repo:a/b:ref:refs/heads/main", "repo:a@1/b@2:pull_request"]`, true, lint.Migrated{Text: `["repo:a/b:ref:refs/heads/main", "repo:a@1/b@2:pull_request"]`}, "not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wrap := func(values string) string {
				return onProvider(gitHubURL, `{"StringLike":{"`+gitHubURL+`:sub":`+values+`}}`)
			}
			done, err := lint.GitHubImmutable(ids, c.drop).Apply(wrap(c.before))
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			want.Text = wrap(want.Text)
			want.Size, want.Skipped = lint.Size(want.Text), done.Skipped
			if diff := cmp.Diff(&want, done); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (len(done.Skipped) > 0) != (c.skipped != "") || c.skipped != "" && !strings.Contains(done.Skipped[0], c.skipped) {
				t.Errorf("skipped are %q", done.Skipped)
			}
			newcomers, err := lint.Newcomers(lint.Role{TrustPolicy: wrap(c.before)}, lint.Role{TrustPolicy: done.Text})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range newcomers {
				if !strings.HasPrefix(w.Subject, "repo:octo-org@12345/") {
					t.Errorf("the migration admits %q", w.Subject)
				}
			}
			if len(done.Added) > 0 == (len(newcomers) == 0) {
				t.Errorf("%d values were added, newcomers are %+v", len(done.Added), newcomers)
			}
		})
	}
}

// What was denied by path is denied by id.
func TestMigrateGitLab(t *testing.T) {
	t.Parallel()
	before := `{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Principal":{"Federated":"` + oidcProvider + `gitlab.example.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"gitlab.example.com:sub":[
    "project_path:mygroup/app:*",
    "project_path:mygroup/*:ref_type:branch:ref:main"
  ]}}},
  {"Effect":"Deny","Principal":{"Federated":"` + oidcProvider + `gitlab.example.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"gitlab.example.com:sub":"project_path:mygroup/app:ref_type:branch:ref:try"}}}
]}`
	m := lint.GitLabProjectID(map[string][]string{"mygroup/app": {"20"}}, false)
	done, err := m.Apply(before)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"    \"project_path:mygroup/*:ref_type:branch:ref:main\",\n    \"project_id:20:*\"\n", `["project_path:mygroup/app:ref_type:branch:ref:try", "project_id:20:ref_type:branch:ref:try"]`} {
		if !strings.Contains(done.Text, want) {
			t.Errorf("the policy lacks %s:\n%s", want, done.Text)
		}
	}
	if len(done.Skipped) != 1 || !strings.Contains(done.Skipped[0], "mygroup/*") {
		t.Errorf("skipped are %q", done.Skipped)
	}
	again, err := m.Apply(done.Text)
	if err != nil || again.Text != done.Text {
		t.Errorf("a second time it becomes, error %v:\n%s", err, again.Text)
	}
	dropped, err := lint.GitLabProjectID(map[string][]string{"mygroup/app": {"20"}}, true).Apply(done.Text)
	if err != nil || strings.Contains(dropped.Text, "project_path:mygroup/app") || !strings.Contains(dropped.Text, "project_id:20:ref_type:branch:ref:try") {
		t.Errorf("without legacy it becomes, error %v:\n%s", err, dropped.Text)
	}
}
