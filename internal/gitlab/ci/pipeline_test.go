package ci_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

func parse(t *testing.T, text string) *ci.File {
	t.Helper()
	p, err := ci.Parse(".gitlab-ci.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func job(t *testing.T, text, name string) *ci.Job {
	t.Helper()
	j, err := parse(t, text).Job(name)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func diff(want, got any) string {
	return cmp.Diff(want, got, cmpopts.IgnoreUnexported(ci.Job{}), cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(ci.Job{}, "Definition", "Position", "When"), cmpopts.IgnoreTypes(ci.Position{}))
}

func TestTutorial000(t *testing.T) {
	t.Parallel()
	got := job(t, `
assume role:
    script:
        - >
          STS=($(aws sts assume-role-with-web-identity
          --role-arn ${ROLE_ARN}
          --role-session-name "GitLabRunner-${CI_PROJECT_ID}-${CI_PIPELINE_ID}"
          --web-identity-token $CI_JOB_JWT_V2
          --duration-seconds 3600
          --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]'
          --output text))
        - export AWS_ACCESS_KEY_ID="${STS[0]}"
        - aws sts get-caller-identity
`, "assume role")
	want := &ci.Job{
		Name: "assume role", Stage: "test",
		Script: []string{
			`STS=($(aws sts assume-role-with-web-identity --role-arn ${ROLE_ARN} --role-session-name ` +
				`"GitLabRunner-${CI_PROJECT_ID}-${CI_PIPELINE_ID}" --web-identity-token $CI_JOB_JWT_V2 ` +
				`--duration-seconds 3600 --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text))` + "\n",
			`export AWS_ACCESS_KEY_ID="${STS[0]}"`,
			"aws sts get-caller-identity",
		},
	}
	if d := diff(want, got); d != "" {
		t.Errorf("job (-want +got):\n%s", d)
	}
}

func TestTutorial001(t *testing.T) {
	t.Parallel()
	got := job(t, `stages:
  - deploy
.authenticate: &authenticate
  - echo "$CI_JOB_JWT_V2" > $AWS_WEB_IDENTITY_TOKEN_FILE
deploy:
  stage: deploy
  image:
    name: public.ecr.aws/aws-cli/aws-cli:latest
  variables:
    AWS_ROLE_ARN: arn:aws:iam:::role/Gitalb-mypoject-S3FullAccess-role # or injected
    AWS_WEB_IDENTITY_TOKEN_FILE: /tmp/web-identity-token
    AWS_DEFAULT_REGION: eu-west-1
  script:
    - *authenticate
    - aws s3 ls
`, "deploy")
	want := &ci.Job{
		Name: "deploy", Stage: "deploy", Image: &ci.Image{Name: "public.ecr.aws/aws-cli/aws-cli:latest"},
		Script: []string{`echo "$CI_JOB_JWT_V2" > $AWS_WEB_IDENTITY_TOKEN_FILE`, "aws s3 ls"},
		Variables: []ci.Variable{
			{Name: "AWS_ROLE_ARN", Value: "arn:aws:iam:::role/Gitalb-mypoject-S3FullAccess-role"},
			{Name: "AWS_WEB_IDENTITY_TOKEN_FILE", Value: "/tmp/web-identity-token"},
			{Name: "AWS_DEFAULT_REGION", Value: "eu-west-1"},
		},
	}
	if d := diff(want, got); d != "" {
		t.Errorf("job (-want +got):\n%s", d)
	}
}

func TestTutorial004(t *testing.T) {
	t.Parallel()
	got := job(t, `assume role:
  id_tokens:
    GITLAB_OIDC_TOKEN:
      aud: https://gitlab.example.com
  script:
    # this is split out for correct exit code handling
    - >
      aws_sts_output=$(aws sts assume-role-with-web-identity
      --output text)
    - export $(printf "AWS_ACCESS_KEY_ID=%s" $aws_sts_output)
    - aws sts get-caller-identity
`, "assume role")
	want := &ci.Job{
		Name: "assume role", Stage: "test",
		IDTokens: []ci.IDToken{{Name: "GITLAB_OIDC_TOKEN", Aud: []string{"https://gitlab.example.com"}}},
		Script: []string{
			"aws_sts_output=$(aws sts assume-role-with-web-identity --output text)\n",
			`export $(printf "AWS_ACCESS_KEY_ID=%s" $aws_sts_output)`,
			"aws sts get-caller-identity",
		},
	}
	if d := diff(want, got); d != "" {
		t.Errorf("job (-want +got):\n%s", d)
	}
}

const whole = `
stages: [build, deploy]
variables:
  GLOBAL: g
  BOTH: global
  OPTION: {value: a, description: for the form, options: [a, b]}
default:
  image: ruby
  before_script: [default before]
  after_script: default after
  timeout: 1h 30m
  tags: [linux]
  id_tokens: {DEFAULT: {aud: d}}
.hidden: anything
plain:
  stage: build
  script: one
own:
  stage: .post
  image: {name: alpine, entrypoint: [""]}
  before_script: []
  after_script:
    - [a, [b, [c]]]
  id_tokens:
    A: {aud: [x, y]}
    B: {aud: [x]}
  timeout: 90 minutes
  environment: {name: review/$CI_COMMIT_REF_SLUG, url: https://x, action: prepare, deployment_tier: testing}
  variables:
    OWN: o
    BOTH: job
    RAW: {value: $X, expand: no}
  script: [two]
`

func TestDefaultAndGlobals(t *testing.T) {
	t.Parallel()
	p := parse(t, whole)
	if d := cmp.Diff([]string{".pre", "build", "deploy", ".post"}, p.Stages); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]ci.Entry{{Name: "plain", Stage: "build", Line: 15}, {Name: "own", Stage: ".post", Line: 18}}, p.Jobs(), cmpopts.IgnoreTypes(ci.Position{})); d != "" {
		t.Error(d)
	}
	plain, err := p.Job("plain")
	if err != nil {
		t.Fatal(err)
	}
	if len(plain.Warnings) != 1 || plain.Warnings[0].String() != ".gitlab-ci.yml:12:3: default:tags has no effect here: the job runs on this machine" {
		t.Errorf("warnings %v", plain.Warnings)
	}
	if at := plain.At("tags").String(); at != ".gitlab-ci.yml:12:3" {
		t.Errorf("tags at %s", at)
	}
	plain.Warnings = nil
	if d := diff(&ci.Job{
		Name: "plain", Stage: "build", Image: &ci.Image{Name: "ruby"}, Timeout: 90 * time.Minute, Tags: []string{"linux"},
		BeforeScript: []string{"default before"}, Script: []string{"one"}, AfterScript: []string{"default after"},
		Variables: []ci.Variable{{Name: "GLOBAL", Value: "g"}, {Name: "BOTH", Value: "global"}, {Name: "OPTION", Value: "a"}},
		IDTokens:  []ci.IDToken{{Name: "DEFAULT", Aud: []string{"d"}}},
	}, plain); d != "" {
		t.Errorf("plain (-want +got):\n%s", d)
	}
	own, err := p.Job("own")
	if err != nil {
		t.Fatal(err)
	}
	own.Warnings = nil
	if d := diff(&ci.Job{
		Name: "own", Stage: ".post", Image: &ci.Image{Name: "alpine", Entrypoint: []string{""}}, Timeout: 90 * time.Minute, Tags: []string{"linux"},
		Script: []string{"two"}, AfterScript: []string{"a", "b", "c"},
		Variables: []ci.Variable{
			{Name: "GLOBAL", Value: "g"},
			{Name: "OPTION", Value: "a"},
			{Name: "OWN", Value: "o"},
			{Name: "BOTH", Value: "job"},
			{Name: "RAW", Value: "$X", Raw: true},
		},
		IDTokens:    []ci.IDToken{{Name: "A", Aud: []string{"x", "y"}, List: true}, {Name: "B", Aud: []string{"x"}, List: true}},
		Environment: &ci.Environment{Name: "review/$CI_COMMIT_REF_SLUG", URL: "https://x", Action: "prepare", Tier: "testing"},
	}, own); d != "" {
		t.Errorf("own (-want +got):\n%s", d)
	}
}

func TestNumbersAndBooleans(t *testing.T) {
	t.Parallel()
	got := job(t, `
variables: {INT: 12, ZERO: 0, NEG: -3, BIG: 123456789012, QUOTED: "012", TEXT: 1a, VERSION: 1.2.3, N: n}
job:
  variables:
    A: {value: $X, expand: on}
    B: {value: $X, expand: OFF}
    C: {value: $X, expand: True}
    D: {value: 7, expand: No}
  script: [x]
`, "job")
	want := []ci.Variable{
		{Name: "INT", Value: "12"},
		{Name: "ZERO", Value: "0"},
		{Name: "NEG", Value: "-3"},
		{Name: "BIG", Value: "123456789012"},
		{Name: "QUOTED", Value: "012"},
		{Name: "TEXT", Value: "1a"},
		{Name: "VERSION", Value: "1.2.3"},
		{Name: "N", Value: "n"},
		{Name: "A", Value: "$X"},
		{Name: "B", Value: "$X", Raw: true},
		{Name: "C", Value: "$X"},
		{Name: "D", Value: "7", Raw: true},
	}
	if d := cmp.Diff(want, got.Variables); d != "" {
		t.Errorf("variables (-want +got):\n%s", d)
	}
}

func TestLargeFile(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, ".t%d: {script: [echo %d]}\nj%d: {extends: .t%d, after_script: !reference [.t%d, script]}\n", i, i, i, i, 499-i)
	}
	p := parse(t, b.String())
	for _, i := range []int{0, 250, 499} {
		j, err := p.Job(fmt.Sprintf("j%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{fmt.Sprintf("echo %d", i), fmt.Sprintf("echo %d", 499-i)}, append(j.Script, j.AfterScript...)); d != "" {
			t.Errorf("j%d: %s", i, d)
		}
	}
}

func TestJobIsACopy(t *testing.T) {
	t.Parallel()
	p := parse(t, whole)
	first, err := p.Job("own")
	if err != nil {
		t.Fatal(err)
	}
	first.Script[0], first.IDTokens[0].Aud[0], first.Environment.Name, first.Variables[0].Value = "!", "!", "!", "!"
	second, err := p.Job("own")
	if err != nil {
		t.Fatal(err)
	}
	if second.Script[0] != "two" || second.IDTokens[0].Aud[0] != "x" || second.Environment.Name == "!" || second.Variables[0].Value != "g" {
		t.Errorf("changed through the first: %+v", second)
	}
}

func TestExtendsAndReferences(t *testing.T) {
	t.Parallel()
	const file = `
.setup: {script: [s1, s2], variables: {A: a, B: b}}
.vars:
  variables: {B: vars, C: c}
  before_script: [vars before]
  id_tokens: {ONE: {aud: one}}
.base:
  extends: .vars
  environment: {name: prod, url: https://base}
  tags: [x]
  script: [base]
  retry: 2
job:
  extends: [.setup, .base]
  variables: {C: job, A: null}
  id_tokens: {TWO: {aud: two}}
  environment: {url: https://job}
  retry: null
  before_script:
    - !reference [.setup, script]
    - mine
  after_script: !reference [.chain, script]
.chain:
  script: [!reference [.setup, script], last]
merged:
  <<: &m {stage: build, script: [m]}
  stage: deploy
merged list:
  <<: [*m, {script: [other], timeout: 1h}]
`
	p := parse(t, file)
	got, err := p.Job("job")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0].Message, "jobs:job:tags") {
		t.Errorf("warnings %v", got.Warnings)
	}
	got.Warnings = nil
	if d := diff(&ci.Job{
		Name: "job", Stage: "test", BeforeScript: []string{"s1", "s2", "mine"}, Script: []string{"base"},
		AfterScript: []string{"s1", "s2", "last"}, Tags: []string{"x"},
		Variables:   []ci.Variable{{Name: "A"}, {Name: "B", Value: "vars"}, {Name: "C", Value: "job"}},
		IDTokens:    []ci.IDToken{{Name: "ONE", Aud: []string{"one"}}, {Name: "TWO", Aud: []string{"two"}}},
		Environment: &ci.Environment{Name: "prod", URL: "https://job", Action: "start"},
	}, got); d != "" {
		t.Errorf("job (-want +got):\n%s", d)
	}
	for name, want := range map[string]*ci.Job{
		"merged":      {Name: "merged", Stage: "deploy", Script: []string{"m"}},
		"merged list": {Name: "merged list", Stage: "build", Script: []string{"m"}, Timeout: time.Hour},
	} {
		got, err := p.Job(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// chain writes jobs of which each extends the next, n of them above the last.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ".j%d: {extends: .j%d}\n", i, i+1)
	}
	fmt.Fprintf(&b, ".j%d: {script: [x]}\njob: {extends: .j0}\n", n)
	return b.String()
}

func nest(n int) string {
	return "job: {script: " + strings.Repeat("[", n) + "x" + strings.Repeat("]", n) + "}"
}

func references(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ".r%d: {script: [!reference [.r%d, script]]}\n", i, i+1)
	}
	fmt.Fprintf(&b, ".r%d: {script: [x]}\njob: {script: !reference [.r0, script]}\n", n)
	return b.String()
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want string // in the error, or empty where it is within the limit
	}{
		"extends 10 levels":    {chain(9), ""},
		"extends too deep":     {chain(12), "nesting too deep in `extends`"},
		"script 10 in it":      {nest(11), ""},
		"script too deep":      {nest(12), "nested array of strings up to 10 levels deep"},
		"references 10 levels": {references(8), ""},
		"references too deep":  {references(11), "nested more than 10 levels deep"},
		"large":                {strings.Repeat("#", ci.MaxSize+1), "the limit is 1048576"},
		"very deep":            {strings.Repeat("[", 200) + strings.Repeat("]", 200), "more than 100 deep"},
		"extremely deep":       {strings.Repeat("[", 20_000), "not valid YAML"},
		"alias bomb": {
			"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + bomb("b", "a") + bomb("c", "b") + bomb("d", "c") + bomb("e", "d") + bomb("f", "e") + bomb("g", "f"),
			"make more than 200000 values",
		},
		"reference bomb":  {referenceBomb(), "make more than 200000 values"},
		"default bomb":    {defaultBomb(), "more than 1000000 script items and variables"},
		"alias in itself": {"a: &a [*a]", "stands inside of its own anchor"},
		"circle":          {"a: {extends: b}\nb: {extends: a}", "circular dependency detected in `extends`"},
		"own parent":      {"a: {extends: a, script: [x]}", "circular dependency detected in `extends`"},
		"reference circle": {
			".a: {script: !reference [.b, script]}\n.b: {script: !reference [.a, script]}",
			`!reference [".a", "script"] is part of a circular chain`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ci.Parse("f", []byte(c.text))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func bomb(name, of string) string {
	return name + ": &" + name + " [" + strings.Repeat("*"+of+",", 9) + "*" + of + "]\n"
}

func referenceBomb() string {
	var b strings.Builder
	for i := range 8 {
		fmt.Fprintf(&b, ".r%d: {script: [%s]}\n", i, strings.Repeat(fmt.Sprintf("!reference [.r%d, script],", i+1), 10))
	}
	return b.String() + ".r8: {script: [x]}\njob: {script: !reference [.r0, script]}\n"
}

func defaultBomb() string {
	var b strings.Builder
	b.WriteString("default: {before_script: [" + strings.Repeat("x,", 10_000) + "x]}\n")
	for i := range 101 {
		fmt.Fprintf(&b, "j%d: {script: [x]}\n", i)
	}
	return b.String()
}

func TestUnknownJob(t *testing.T) {
	t.Parallel()
	p := parse(t, whole)
	for name, want := range map[string]string{
		"nope":    `.gitlab-ci.yml: there is no job "nope"; the jobs are ["plain" "own"]`,
		".hidden": `.gitlab-ci.yml: ".hidden" is a hidden job, which never runs; the jobs are ["plain" "own"]`,
	} {
		_, err := p.Job(name)
		var unknown *ci.UnknownJobError
		if !errors.As(err, &unknown) || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsAreMatchable(t *testing.T) {
	t.Parallel()
	_, err := ci.Parse("f.yml", []byte("job:\n  script: [x]\n  stagee: y\nother: {}\n"))
	var all ci.Errors
	var first *ci.Error
	if !errors.As(err, &all) || len(all) != 2 || !errors.As(err, &first) {
		t.Fatalf("%T %v", err, err)
	}
	want := &ci.Error{File: "f.yml", Line: 3, Column: 3, Message: "jobs:job config contains unknown keys: stagee", Hint: "did you mean stage?", Excerpt: "  stagee: y"}
	if d := cmp.Diff(want, first); d != "" {
		t.Error(d)
	}
}
