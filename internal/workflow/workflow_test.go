package workflow_test

import (
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/workflow"
)

const deploy = `name: deploy
on:
  push: {branches: [main]}
  pull_request:
permissions: {contents: read}
env: {AWS_REGION: eu-central-1}
jobs:
  test:
    runs-on: ubuntu-latest
    steps: [{run: make test}]
  deploy:
    runs-on: ubuntu-latest
    environment: {name: production, url: https://x.example}
    permissions:
      id-token: write
    timeout-minutes: 90
    container: alpine:3.22
    steps:
      - uses: aws-actions/configure-aws-credentials@v6
        with: {role-to-assume: "arn:aws:iam::123456789012:role/deploy"}
      - run: |
          aws s3 ls
        env: {A: b}
  call:
    permissions: write-all
    uses: acme/app/.github/workflows/x.yml@main
`

func TestParse(t *testing.T) {
	t.Parallel()
	w, err := workflow.Parse([]byte(deploy))
	if err != nil {
		t.Fatal(err)
	}
	if !workflow.Is([]byte(deploy)) || strings.Join(w.Events, " ") != "push pull_request" || len(w.Jobs) != 3 {
		t.Fatalf("the workflow is %+v", w)
	}
	j := &w.Jobs[1]
	if j.ID != "deploy" || j.Line != 11 || j.Environment != "production" || !j.MayAskForToken() || j.Timeout != 90*time.Minute ||
		j.Container != "alpine:3.22" || len(j.Steps) != 2 || j.Steps[0].With["role-to-assume"] == "" || j.Steps[1].RunLine != 22 ||
		len(j.Env) != 1 || j.Env[0].Value != "eu-central-1" {
		t.Errorf("the job is %+v", j)
	}
	if w.Jobs[0].MayAskForToken() || !w.Jobs[2].MayAskForToken() || w.Jobs[2].Uses == "" {
		t.Errorf("the jobs are %+v", w.Jobs)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", "a workflow is a map"},
		{"on: push\njob: {}", `line 2: a workflow has no key "job"`},
		{"on: push", "jobs is missing"},
		{"jobs: {}", "on is missing"},
		{"on: push\njobs:\n  a:\n    permission: {id-token: write}", `line 4: the job a has no key "permission"`},
		{"on: push\njobs:\n  a:\n    permissions: {id-token: yes}", "id-token is read, write or none"},
		{"on: push\njobs:\n  a:\n    permissions: [id-token]", "permissions is a map"},
		{"on: push\njobs:\n  a:\n    steps:\n    - runs: x", `line 5: a step has no key "runs"`},
		{"on: push\njobs:\n  a: {}\n  a: {}", "line 4"},
	} {
		if _, err := workflow.Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: the error is %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(deploy))
	f.Add([]byte("on: push\njobs: {a: &a {steps: [*a]}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := workflow.Parse(text)
		if err == nil && (w == nil || !workflow.Is(text)) {
			t.Error("it was read, and is no workflow")
		}
	})
}
