package ci_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// TestRefusals names, for each text, all that Parse says of it.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const ok = "job: {script: [x]}\n"
	for _, c := range []struct{ text, want string }{
		// The document.
		{"", "f: the document is empty: write at least one job with a script"},
		{"# only a comment\n", "f: the document is empty: write at least one job with a script"},
		{"- a\n", "f:1:1: the document should be a map of keywords and jobs, and is an array"},
		{"text", "f:1:1: the document should be a map of keywords and jobs, and is a string"},
		{ok + "---\n" + ok, "f:2:1: a second YAML document, as after spec:inputs, cannot be read here"},
		{"a: [", "f:2:1: not valid YAML: while parsing a flow node: did not find expected node content"},
		{"job:\n\tscript: x\n", "f:2:1: not valid YAML: while scanning for the next token: found character that cannot start any token"},
		{"job:\n  script: `x\n", "f:2:11: not valid YAML: while scanning for the next token: found character that cannot start any token"},
		{"a: b\n\x01", "f:2:1: not valid YAML: control characters are not allowed (value: 1)"},
		{"a: *nope\n", "f:1:4: not valid YAML: unknown anchor 'nope' referenced"},
		{".a: &a [x]\n", "f:1:1: jobs config should contain at least one visible job"},
		{"job: {script: [x], script: [y]}\n", `f:1:20: the key "script" stands twice in one map`},
		{ok + ok, `f:2:1: the key "job" stands twice in one map`},
		{"job: {script: [x], variables: {A: a, A: b}}\n", `f:1:38: the key "A" stands twice in one map`},
		{"on: {script: [x]}\n", "f:1:1: the key on is a boolean in YAML 1.1, as GitLab reads it; quote it"},
		{"? [a]\n: b\n" + ok, "f:1:3: the key of a map should be a string"},
		{"job: {script: !foo [x]}\n", "f:1:15: the tag !foo is not supported; only !reference is"},
		{"job: {script: !!binary aGk=}\n", "f:1:15: the tag !!binary is not supported; only !reference is"},
		{`job: {script: ["a\0b"]}`, "f:1:16: a value may not hold a NUL character: no shell can take it"},
		{
			".a: &a {stage: build}\njob: {stage: test, <<: *a, script: [x]}\n",
			`f:1:5: << comes after the key "stage", which it sets as well: GitLab takes the merged value, other YAML readers the written one; put << first`,
		},
		{"job: {<<: x, script: [x]}\n", "f:1:11: << should name a map, and names a string"},
		// Top level.
		{"include: other.yml\n" + ok, "f:1:10: Local file `other.yml` does not have project!"},
		{"stage: [a]\n" + ok, "f:1:1: jobs stage config should implement the script:, run:, or trigger: keyword"},
		{"stages: [deploy]\n" + ok, "f:2:1: job job: chosen stage test does not exist; available stages are .pre, deploy, .post"},
		{"stages: {a: b}\n" + ok, "f:1:9: stages config should be an array of strings or a nested array of strings up to 10 levels deep"},
		{"default: x\n" + ok, "f:1:10: default config should be a hash"},
		{"default: {variables: {A: b}, script: [x]}\n" + ok, "f:1:11: default config contains unknown keys: variables, script"},
		{"image: a\ndefault: {image: b}\n" + ok, "f:1:1: image is defined in top-level and `default:` entry"},
		{"true: {script: [x]}\n" + ok, "f:1:1: the key true is a boolean in YAML 1.1, as GitLab reads it; quote it"},
		{"'true': {script: [x]}\n" + ok, "f:1:1: true is a reserved word and cannot be the name of a job"},
		{"'': {script: [x]}\n" + ok, "f:1:1: the name of a job should have 1 to 255 characters"},
		// Jobs.
		{"job: {stage: test}\n", "f:1:1: jobs job config should implement the script:, run:, or trigger: keyword"},
		{"job: {script: []}\n", "f:1:15: jobs:job script can't be blank"},
		{"job: {script: null}\n", "f:1:15: jobs:job script can't be blank"},
		{"job: {script: [x], stage: nope}\n", "f:1:27: job job: chosen stage nope does not exist; available stages are .pre, build, test, deploy, .post"},
		{"job: {script: [x], scripts: [y], foo: z}\n", "f:1:20: jobs:job config contains unknown keys: scripts, foo"},
		{"job: {script: [x], Rules: [y]}\n", "f:1:20: jobs:job config contains unknown keys: Rules"},
		{"job:\n  script:\n    - echo a: b\n", "f:3:7: jobs:job:script config should be a string or a nested array of strings up to 10 levels deep"},
		{"job: {script: [true]}\n", "f:1:16: jobs:job:script config should be a string or a nested array of strings up to 10 levels deep"},
		{"job: {script: [x, 1]}\n", "f:1:19: jobs:job:script config should be a string or a nested array of strings up to 10 levels deep"},
		{"job: {script: [x], before_script: {a: b}}\n", "f:1:35: jobs:job:before_script config should be a string or a nested array of strings up to 10 levels deep"},
		{"default: {after_script: [1]}\n" + ok, "f:1:26: default:after_script config should be a string or a nested array of strings up to 10 levels deep"},
		{"job: {script: [x], timeout: 60}\n", "f:1:29: jobs:job:timeout config should be a duration"},
		{"job: {script: [x], timeout: 2 months}\n", "f:1:29: jobs:job:timeout config should not exceed the limit"},
		{"job: {script: [x], when: later}\n", "f:1:26: jobs:job when should be one of: on_success, on_failure, always, manual, delayed"},
		{"job: {script: [x], image: {entrypoint: ['']}}\n", "f:1:27: jobs:job:image name can't be blank"},
		{"job: {script: [x], image: {name: a, tag: b}}\n", "f:1:37: jobs:job:image config contains unknown keys: tag"},
		{"job: {script: [x], image: [a]}\n", "f:1:27: jobs:job:image config should be a hash or a string"},
		// id_tokens.
		{"job: {script: [x], id_tokens: {T: {}}}\n", "f:1:32: jobs:job:id_tokens:T id token config missing required keys: aud"},
		{"job: {script: [x], id_tokens: {T: {aud: a, file: true}}}\n", "f:1:44: jobs:job:id_tokens:T id token config contains unknown keys: file"},
		{"job: {script: [x], id_tokens: {T: {aud: {a: b}}}}\n", "f:1:41: jobs:job:id_tokens:T id token aud should be an array of strings or a string"},
		{"job: {script: [x], id_tokens: {T: {aud: []}}}\n", "f:1:41: jobs:job:id_tokens:T id token aud should be an array of strings or a string"},
		{"job: {script: [x], id_tokens: {T: {aud: 123}}}\n", "f:1:41: jobs:job:id_tokens:T id token aud should be an array of strings or a string"},
		{"job: {script: [x], id_tokens: {T: {aud: [a, [b]]}}}\n", "f:1:41: jobs:job:id_tokens:T id token aud should be an array of strings or a string"},
		{"job: {script: [x], id_tokens: {T: {aud: [a, a]}}}\n", "f:1:41: jobs:job:id_tokens:T id token aud should be an array of strings or a string"},
		{"job: {script: [x], id_tokens: {T: a}}\n", "f:1:35: jobs:job:id_tokens:T id token config should be a hash"},
		{"job: {script: [x], id_tokens: [T]}\n", "f:1:31: jobs:job:id_tokens config should be a hash"},
		{"job: {script: [x], id_tokens: {MY-TOKEN: {aud: a}}}\n", "f:1:32: jobs:job:id_tokens:MY-TOKEN: the name of an ID token becomes a variable: it may hold letters, digits and underscores, and not begin with a digit"},
		{"default: {id_tokens: {T: {}}}\n" + ok, "f:1:23: default:id_tokens:T id token config missing required keys: aud"},
		// variables.
		{"variables: {A: 010}\n" + ok, "f:1:16: variables:A is the number 010, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 012345678901}\n" + ok, "f:1:16: variables:A is the number 012345678901, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 1.10}\n" + ok, "f:1:16: variables:A variable definition must be either a string or a hash"},
		{"variables: {A: 1:30}\n" + ok, "f:1:16: variables:A is the number 1:30, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 1_000}\n" + ok, "f:1:16: variables:A is the number 1_000, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 0x1F}\n" + ok, "f:1:16: variables:A is the number 0x1F, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 1e3}\n" + ok, "f:1:16: variables:A is the number 1e3, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: yes}\n" + ok, "f:1:16: variables:A variable definition must be either a string or a hash"},
		{"variables: {A: 2020-01-01}\n" + ok, "f:1:16: variables:A variable definition must be either a string or a hash"},
		{"variables: {A: [b]}\n" + ok, "f:1:16: variables:A variable definition must be either a string or a hash"},
		{"variables: {A: {value: b, expand: 'no'}}\n" + ok, "f:1:35: variables:A config expand should be a boolean value"},
		{"variables: {A: {value: b, foo: c}}\n" + ok, "f:1:27: variables:A config uses invalid data keys: foo"},
		{"variables: {A B: c}\n" + ok, "f:1:13: variables:A B: the name of a variable may hold letters, digits and underscores, and not begin with a digit"},
		{"variables: [A]\n" + ok, "f:1:12: variables config should be a hash"},
		{"job: {script: [x], variables: {A: {value: b, description: c}}}\n", "f:1:46: jobs:job:variables:A config uses invalid data keys: description"},
		// environment.
		{"job: {script: [x], environment: {url: a}}\n", "f:1:33: jobs:job:environment name can't be blank"},
		{"job: {script: [x], environment: {name: a, action: go}}\n", "f:1:51: jobs:job:environment action should be start, stop, prepare, verify, or access"},
		{"job: {script: [x], environment: {name: a, deployment_tier: prod}}\n", "f:1:60: jobs:job:environment deployment tier must be one of production, staging, testing, development, or other"},
		{"job: {script: [x], environment: {name: a, foo: b}}\n", "f:1:43: jobs:job:environment config contains unknown keys: foo"},
		{"job: {script: [x], environment: {name: a, foo: }}\n", "f:1:43: jobs:job:environment config contains unknown keys: foo"},
		{"job: {script: [x], environment: {name: 1}}\n", "f:1:40: jobs:job:environment name should be a string"},
		{"job: {script: [x], environment: a:b}\n", "f:1:33: jobs:job:environment name can contain only letters, digits, '-', '_', '/', '$', '{', '}', '.', and spaces, but it cannot start or end with '/'"},
		{"job: {script: [x], environment: [a]}\n", "f:1:33: jobs:job:environment config should be a hash or a string"},
		// extends and !reference.
		{"job: {extends: .nope, script: [x]}\n", "f:1:16: job: unknown keys in `extends` (.nope)"},
		{"job: {extends: default, script: [x]}\n", "f:1:16: job: unknown keys in `extends` (default)"},
		{".a: [x]\njob: {extends: .a, script: [x]}\n", "f:2:16: job: invalid base hashes in `extends` (.a)"},
		{"job: {extends: {a: b}, script: [x]}\n", "f:1:16: jobs:job extends should be an array of strings or a string"},
		{"job: {script: !reference [.a, script]}\n", `f:1:15: !reference [".a", "script"] could not be found`},
		{"job: {script: !reference x}\n", "f:1:15: !reference should name a place, as in !reference [job, script]"},
		// Several at once, in file order.
		{"b: {script: [1]}\na: {scrpt: [x]}\n", "f:1:14: jobs:b:script config should be a string or a nested array of strings up to 10 levels deep\nf:2:5: jobs:a config contains unknown keys: scrpt"},
	} {
		p, err := ci.Parse("f", []byte(c.text))
		if err == nil || p != nil {
			t.Errorf("%q was taken, want %s", c.text, c.want)
			continue
		}
		if got := err.Error(); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// TestNotRunHere: a job that cannot be run here is refused by name, with how to
// go on, and no other job is.
func TestNotRunHere(t *testing.T) {
	t.Parallel()
	for keyword, body := range map[string]string{
		"dast_configuration": "script: [x]\n  dast_configuration: {}",
		"identity":           "script: [x]\n  identity: google_cloud",
		"inputs":             "script: [x]\n  inputs: {}",
		"run":                "stage: test\n  run: []",
		"trigger":            "stage: test\n  trigger: a/b",
	} {
		f := parse(t, "other: {script: [x]}\njob:\n  "+body+"\n")
		if _, err := f.Job("other"); err != nil {
			t.Errorf("%s: the other job: %v", keyword, err)
		}
		_, err := f.Job("job")
		var all ci.Errors
		if !errors.As(err, &all) || len(all) != 1 || all[0].Line != 4 || all[0].Hint == "" ||
			all[0].Message != "jobs:job:"+keyword+" cannot be run here" {
			t.Errorf("%s: %v", keyword, err)
		}
		p, err := f.Pipeline(onBranch)
		if err != nil || len(p.Jobs) != 2 || len(p.Jobs[0].Refused) != 0 || len(p.Jobs[1].Refused) != 1 {
			t.Errorf("%s: in the pipeline: %v", keyword, err)
		}
	}
	f := parse(t, "default: {identity: google_cloud}\na: {script: [x]}\nb: {script: [x], inherit: {default: false}}\n")
	if _, err := f.Job("a"); err == nil || err.Error() != ".gitlab-ci.yml:1:11: default:identity cannot be run here" {
		t.Errorf("a: %v", err)
	}
	if _, err := f.Job("b"); err != nil {
		t.Errorf("b: %v", err)
	}
}

// onBranch are the facts of a push to main.
var onBranch = ci.Facts{Predefined: []ci.Variable{
	{Name: "CI_PIPELINE_SOURCE", Value: "push"},
	{Name: "CI_COMMIT_REF_NAME", Value: "main"},
	{Name: "CI_COMMIT_BRANCH", Value: "main"},
	{Name: "CI_PROJECT_PATH", Value: "mygroup/myproject"},
}}

// TestSecretsAreAsked: a secret stands in the way of its job until a variable
// of the settings gives it.
func TestSecretsAreAsked(t *testing.T) {
	t.Parallel()
	f := parse(t, "job:\n  script: [x]\n  secrets:\n    PASSWORD: {vault: production/db/password}\n    OTHER: {vault: a/b}\n")
	p, err := f.Pipeline(onBranch)
	if err != nil || len(p.Jobs[0].Refused) != 2 || p.Jobs[0].Refused[0].Hint != "give its value with --variable PASSWORD=VALUE" {
		t.Fatalf("%v: %+v", err, p)
	}
	facts := onBranch
	facts.Settings = []ci.Variable{{Name: "PASSWORD", Value: "x"}}
	if p, err = f.Pipeline(facts); err != nil || len(p.Jobs[0].Refused) != 1 || len(p.Jobs[0].Secrets) != 1 || p.Jobs[0].Secrets[0].Name != "OTHER" {
		t.Errorf("%v: %+v", err, p)
	}
}

// TestNotes: what a keyword does not do here is told, and what is done is not.
func TestNotes(t *testing.T) {
	t.Parallel()
	for keyword, value := range map[string]string{
		"coverage": "/xx/", "hooks": "{}", "pages": "true", "publish": "public", "release": "{}",
		"resource_group": "a", "tags": "[a]", "environment": "{name: a, kubernetes: {agent: b}}",
	} {
		j := job(t, "job:\n  script: [x]\n  "+keyword+": "+value+"\n", "job")
		if len(j.Warnings) != 1 || j.Warnings[0].Line != 3 ||
			!strings.HasPrefix(j.Warnings[0].Message, "jobs:job:"+keyword) || !strings.Contains(j.Warnings[0].Message, "no effect here") {
			t.Errorf("%s: %v", keyword, j.Warnings)
		}
	}
	for _, text := range []string{"when: manual", "environment: {name: a, action: , url: }", "artifacts: {paths: [a]}", "rules: null", "tags: null", "image: alpine", "cache: {paths: [a]}"} {
		if j := job(t, "job:\n  script: [x]\n  "+text+"\n", "job"); len(j.Warnings) != 0 {
			t.Errorf("%s: %v", text, j.Warnings)
		}
	}
}

// TestDetail: an error shows its line, a caret under the place, and how to go on.
func TestDetail(t *testing.T) {
	t.Parallel()
	_, err := ci.Parse(".gitlab-ci.yml", []byte("テスト: {script: [x], stagee: y}\nother: {script: ["+strings.Repeat("a, ", 60)+"1, "+strings.Repeat("b, ", 60)+"c]}\n"))
	var all ci.Errors
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	want := `.gitlab-ci.yml:1:20: jobs:テスト config contains unknown keys: stagee
    1 | テスト: {script: [x], stagee: y}
      |                       ^
        did you mean stage?
.gitlab-ci.yml:2:198: jobs:other:script config should be a string or a nested array of strings up to 10 levels deep
    2 | …` + "a, " + strings.Repeat("a, ", 21) + "1, " + strings.Repeat("b, ", 10) + `b…
      |                                                                    ^
        the item is a number; quote it`
	if d := cmp.Diff(want, all.Detail()); d != "" {
		t.Error(d)
	}
	e := &ci.Error{File: "a\x1b[2Jb", Line: 1, Column: 3, Message: "m\nn", Excerpt: "\tx\x1b[1m"}
	if d := cmp.Diff("a\uFFFD[2Jb:1:3: m\uFFFDn\n    1 |  x\uFFFD[1m\n      |   ^", e.Detail()); d != "" {
		t.Error(d)
	}
}
