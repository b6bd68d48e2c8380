package ci_test

import (
	"strings"
	"testing"

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
		{ok + "---\n" + ok, "f:2:1: a second YAML document (spec:inputs before ---) is not supported yet"},
		{"a: [", "f:2:1: not valid YAML: while parsing a flow node: did not find expected node content"},
		{"job:\n\tscript: x\n", "f:2:1: not valid YAML: while scanning for the next token: found character that cannot start any token (a tab cannot indent; use spaces)"},
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
		{"include: other.yml\n" + ok, "f:1:1: include is not supported yet"},
		{"workflow: {rules: [{when: always}]}\n" + ok, "f:1:1: workflow is not supported yet"},
		{"stage: [a]\n" + ok, "f:1:1: root config contains unknown keys: stage (a job would be a map with a script)"},
		{"stages: [deploy]\n" + ok, "f:2:1: job job: chosen stage test does not exist; available stages are .pre, deploy, .post"},
		{"stages: {a: b}\n" + ok, "f:1:9: stages config should be an array of strings"},
		{"default: x\n" + ok, "f:1:10: default config should be a hash"},
		{"default: {variables: {A: b}, script: [x]}\n" + ok, "f:1:11: default config contains unknown keys: variables, script"},
		{"image: a\ndefault: {image: b}\n" + ok, "f:1:1: image is defined in top-level and `default:` entry"},
		{"true: {script: [x]}\n" + ok, "f:1:1: the key true is a boolean in YAML 1.1, as GitLab reads it; quote it"},
		{"'true': {script: [x]}\n" + ok, "f:1:1: true is a reserved word and cannot be the name of a job"},
		{"'': {script: [x]}\n" + ok, "f:1:1: the name of a job should have 1 to 255 characters"},
		// Jobs.
		{"job: {stage: test}\n", "f:1:1: jobs:job config should implement the script:, run:, or trigger: keyword"},
		{"job: {script: []}\n", "f:1:15: jobs:job script can't be blank"},
		{"job: {script: null}\n", "f:1:1: jobs:job config should implement the script:, run:, or trigger: keyword"},
		{"job: {script: [x], stage: nope}\n", "f:1:27: job job: chosen stage nope does not exist; available stages are .pre, build, test, deploy, .post"},
		{"job: {script: [x], scripts: [y], foo: z}\n", "f:1:20: jobs:job config contains unknown keys: scripts, foo"},
		{"job: {script: [x], Rules: [y]}\n", "f:1:20: jobs:job config contains unknown keys: Rules"},
		{"job:\n  script:\n    - echo a: b\n", "f:3:7: jobs:job:script config should be a string or a nested array of strings up to 10 levels deep" +
			` (a ": " makes a map of an unquoted item; quote the item or write it as a block after |)`},
		{"job: {script: [true]}\n", "f:1:16: jobs:job:script config should be a string or a nested array of strings up to 10 levels deep (the item is a boolean; quote it)"},
		{"job: {script: [x, 1]}\n", "f:1:19: jobs:job:script config should be a string or a nested array of strings up to 10 levels deep (the item is a number; quote it)"},
		{"job: {script: [x], before_script: {a: b}}\n", "f:1:35: jobs:job:before_script config should be a string or a nested array of strings up to 10 levels deep" +
			` (a ": " makes a map of an unquoted item; quote the item or write it as a block after |)`},
		{"default: {after_script: [1]}\n" + ok, "f:1:26: default:after_script config should be a string or a nested array of strings up to 10 levels deep (the item is a number; quote it)"},
		{"job: {script: [x], timeout: 60}\n", "f:1:29: jobs:job:timeout config should be a duration of at most 1 month, such as 1h 30m"},
		{"job: {script: [x], timeout: 2 months}\n", "f:1:29: jobs:job:timeout config should be a duration of at most 1 month, such as 1h 30m"},
		{"job: {script: [x], when: later}\n", "f:1:26: jobs:job when should be one of: on_success, on_failure, always, manual, delayed, never"},
		{"job: {script: [x], image: {entrypoint: ['']}}\n", "f:1:27: jobs:job:image config missing required keys: name"},
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
		{"job: {script: [x], id_tokens: {T: a}}\n", "f:1:35: jobs:job:id_tokens:T id token config should be a hash with aud"},
		{"job: {script: [x], id_tokens: [T]}\n", "f:1:31: jobs:job:id_tokens config should be a hash"},
		{"job: {script: [x], id_tokens: {MY-TOKEN: {aud: a}}}\n", "f:1:32: jobs:job:id_tokens:MY-TOKEN: the name of an ID token becomes a variable: it may hold letters, digits and underscores, and not begin with a digit"},
		{"default: {id_tokens: {T: {}}}\n" + ok, "f:1:23: default:id_tokens:T id token config missing required keys: aud"},
		// variables.
		{"variables: {A: 010}\n" + ok, "f:1:16: variables:A is the number 010, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 012345678901}\n" + ok, "f:1:16: variables:A is the number 012345678901, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 1.10}\n" + ok, "f:1:16: variables:A is the number 1.10, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 1:30}\n" + ok, "f:1:16: variables:A is the number 1:30, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 1_000}\n" + ok, "f:1:16: variables:A is the number 1_000, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 0x1F}\n" + ok, "f:1:16: variables:A is the number 0x1F, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: 1e3}\n" + ok, "f:1:16: variables:A is the number 1e3, which YAML 1.1 may read as another one; quote it"},
		{"variables: {A: yes}\n" + ok, "f:1:16: variables:A is the boolean yes; a variable is a string or a number: quote it"},
		{"variables: {A: 2020-01-01}\n" + ok, "f:1:16: variables:A is a date or a symbol in YAML 1.1; quote it"},
		{"variables: {A: }\n" + ok, `f:1:16: variables:A is empty; write "" for an empty string`},
		{"variables: {A: [b]}\n" + ok, "f:1:16: variables:A variable definition must be either a string or a hash"},
		{"variables: {A: {value: b, expand: 'no'}}\n" + ok, "f:1:35: variables:A config expand should be a boolean value"},
		{"variables: {A: {value: b, foo: c}}\n" + ok, "f:1:27: variables:A variable definition contains unknown keys: foo"},
		{"variables: {A B: c}\n" + ok, "f:1:13: variables:A B: the name of a variable may hold letters, digits and underscores, and not begin with a digit"},
		{"variables: [A]\n" + ok, "f:1:12: variables config should be a hash"},
		{"job: {script: [x], variables: {A: {value: b, description: c}}}\n", "f:1:46: jobs:job:variables:A variable definition contains unknown keys: description"},
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
		{".a: [x]\njob: {extends: .a, script: [x]}\n", "f:2:16: job: invalid base hash in `extends` (.a): it is an array"},
		{"job: {extends: {a: b}, script: [x]}\n", "f:1:16: jobs:job:extends should be an array of strings or a string"},
		{"job: {script: !reference [.a, script]}\n", `f:1:15: !reference [".a", "script"] could not be found`},
		{"job: {script: !reference x}\n", "f:1:15: !reference should name a place, as in !reference [job, script]"},
		// Several at once, in file order.
		{"b: {script: [1]}\na: {scrpt: [x]}\n", "f:1:14: jobs:b:script config should be a string or a nested array of strings up to 10 levels deep (the item is a number; quote it)" +
			"\nf:2:5: jobs:a config contains unknown keys: scrpt"},
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

// TestNotSupportedYet: every keyword that would change the job is refused by
// name, for the job that has it, and for no other.
func TestNotSupportedYet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ keyword, value string }{
		{"dast_configuration", "{}"},
		{"except", "[main]"},
		{"hooks", "{}"},
		{"identity", "google_cloud"},
		{"inherit", "{default: false}"},
		{"inputs", "{}"},
		{"only", "[main]"},
		{"pages", "true"},
		{"parallel", "2"},
		{"publish", "public"},
		{"release", "{}"},
		{"rules", "[{when: always}]"},
		{"run", "[]"},
		{"secrets", "{}"},
		{"services", "[postgres]"},
		{"trigger", "a/b"},
		{"cache", "{paths: [a]}"},
	} {
		text := "other: {script: [x]}\njob:\n  script: [x]\n  " + c.keyword + ": " + c.value + "\n"
		p, err := ci.Parse("f", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", c.keyword, err)
			continue
		}
		if _, err := p.Job("other"); err != nil {
			t.Errorf("%s: the other job: %v", c.keyword, err)
		}
		_, err = p.Job("job")
		if err == nil || !strings.HasPrefix(err.Error(), "f:4:") ||
			!strings.HasSuffix(err.Error(), ": jobs:job:"+c.keyword+" is not supported yet") {
			t.Errorf("%s: %v", c.keyword, err)
		}
	}
	for text, want := range map[string]string{
		"default: {services: [a]}\njob: {script: [x]}":                       "f:1:11: default:services is not supported yet",
		"services: [a]\njob: {script: [x]}":                                  "f:1:1: root:services is not supported yet",
		"default: {cache: {paths: [a]}}\njob: {script: [x]}":                 "f:1:18: jobs:job:cache is not supported yet",
		"job: {script: [x], when: never}":                                    "f:1:26: jobs:job:when: never is not supported yet",
		"job: {script: [x], environment: {name: a, kubernetes: {agent: b}}}": "f:1:43: jobs:job:environment:kubernetes is not supported yet",
		"job: {trigger: a/b, rules: [a]}":                                    "f:1:7: jobs:job:trigger is not supported yet\nf:1:21: jobs:job:rules is not supported yet",
		".t: {rules: [a]}\njob: {extends: .t, script: [x]}":                  "f:1:6: jobs:job:rules is not supported yet",
	} {
		p, err := ci.Parse("f", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if _, err = p.Job("job"); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for keyword, value := range map[string]string{
		"allow_failure": "true", "artifacts": "{paths: [a]}", "coverage": "/x/", "dependencies": "[]", "interruptible": "true",
		"needs": "[a]", "resource_group": "a", "retry": "2", "tags": "[a]", "start_in": "1 hour", "manual_confirmation": "sure?",
		"when": "manual", "image": "alpine", "environment": "{name: a, on_stop: b}",
	} {
		j := job(t, "job:\n  script: [x]\n  "+keyword+": "+value+"\n", "job")
		if len(j.Warnings) != 1 || j.Warnings[0].Line != 3 ||
			!strings.HasPrefix(j.Warnings[0].Message, "jobs:job:"+keyword) || !strings.Contains(j.Warnings[0].Message, "no effect here") {
			t.Errorf("%s: %v", keyword, j.Warnings)
		}
	}
	for _, text := range []string{"when: on_success", "when: always", "environment: {name: a, action: , url: }", "cache: {}", "cache: []", "rules: null", "timeout: 1h"} {
		if j := job(t, "job:\n  script: [x]\n  "+text+"\n", "job"); len(j.Warnings) != 0 {
			t.Errorf("%s: %v", text, j.Warnings)
		}
	}
}
