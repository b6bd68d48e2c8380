package ci_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// FuzzParse: whatever the text is, Read says yes or says why, with places inside
// of the text; what it takes can be decided, and what is decided holds together.
// The second text is that of a file to include.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		whole, chain(3), references(3), "job: {script: x}", "a: &a {<<: *a}", "job: {extends: [a, b]}", "? !reference [a]\n: b",
		"job: {script: !reference [job, script]}", "%YAML 1.1\n---\na: b", "\ufeffjob: {script: [x]}", "a: !!str 1", "<<: {job: {script: [x]}}",
		"job: {script: [x], variables: {A: 010, B: 0x1, C: 1:2, D: .inf}}", "*a : b", "&a a: b\n*a : c", "include: '**.yml'",
	} {
		f.Add([]byte(seed), []byte(seed))
	}
	files, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		texts := [][]byte{nil, []byte("job: {script: x}")}
		for _, file := range a.Files {
			if strings.HasSuffix(file.Name, ".yml") && texts[0] == nil {
				texts[0] = file.Data
			} else if strings.HasSuffix(file.Name, ".yml") {
				texts[1] = file.Data
			}
		}
		f.Add(texts[0], texts[1])
	}
	f.Fuzz(func(t *testing.T, text, included []byte) {
		known := &corpusFacts{files: map[string]string{"f": string(text), "ci/base.yml": string(included), "a.yml": string(included)}}
		known.Predefined = onBranch.Predefined
		known.Repository = known
		p, err := ci.Read(ci.Source{Name: "f", Text: text, Facts: known.Facts, SkipForeign: len(text)%2 == 0})
		if err != nil {
			if p != nil {
				t.Fatal("a file beside an error")
			}
			checkErrors(t, err, max(len(text), len(included)))
			return
		}
		for _, w := range p.Lint() {
			_ = w.Detail()
		}
		decided, err := p.Pipeline(known.Facts)
		var empty *ci.EmptyError
		switch {
		case errors.As(err, &empty):
		case err != nil:
			checkErrors(t, err, max(len(text), len(included)))
		default:
			checkPipeline(t, decided)
		}
	})
}

func checkErrors(t *testing.T, err error, lines int) {
	t.Helper()
	var all ci.Errors
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("%T: %v", err, err)
	}
	for _, e := range all {
		if e.Line < 0 || e.Column < 0 || e.Line > lines+1 || e.Message == "" || strings.ContainsAny(e.Detail(), "\x1b\x00\r") {
			t.Fatalf("no place in the text: %v", e)
		}
	}
}

// checkPipeline: stages in order, names of one job each, needs that are there,
// and jobs that have something to run.
func checkPipeline(t *testing.T, p *ci.Pipeline) {
	t.Helper()
	names := map[string]bool{}
	stage := 0
	for _, j := range p.Jobs {
		at := slices.Index(p.Stages, j.Stage)
		if at < stage || names[j.Name] {
			t.Fatalf("job %q of stage %q", j.Name, j.Stage)
		}
		stage, names[j.Name] = at, true
	}
	for _, j := range p.Jobs {
		if len(j.Script) == 0 && len(j.Refused) == 0 || !slices.Contains([]string{"on_success", "on_failure", "always", "manual", "delayed"}, j.When) {
			t.Fatalf("job %+v", j)
		}
		for _, n := range j.Needs {
			if n.Project == "" && n.Pipeline == "" && !names[n.Job] {
				t.Fatalf("%q needs %q", j.Name, n.Job)
			}
		}
		for _, token := range j.IDTokens {
			if len(token.Aud) == 0 {
				t.Fatalf("token without aud: %+v", token)
			}
		}
		if p := j.At("script"); p.Line < 1 {
			t.Fatalf("script at %s", p)
		}
	}
}

// large is a file of n jobs, as large repositories have them: extends, needs,
// rules with changes, references, a matrix for each tenth.
func large(n int) []byte {
	var b strings.Builder
	b.WriteString(`
stages: [build, test, deploy]
default:
  image: golang:1.26
  before_script: [go version, go env]
  id_tokens: {AWS: {aud: sts.amazonaws.com}}
variables: {A: a, B: b, C: $A-$B, D: d, E: e}
.rules:
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH || $CI_COMMIT_TAG =~ /^v\\d+/
    - changes: ["services/$SERVICE/**/*", "shared/**/*.{go,proto}"]
.base: {extends: .rules, retry: 1, artifacts: {paths: [bin/], expire_in: 1 day}}
`)
	for i := range n / 2 {
		fmt.Fprintf(&b, "build %d:\n  extends: .base\n  stage: build\n  variables: {SERVICE: s%d}\n  script:\n    - make -C services/$SERVICE\n    - make -C services/$SERVICE check\n", i, i)
		fmt.Fprintf(&b, "deploy %d:\n  extends: .base\n  stage: deploy\n  variables: {SERVICE: s%d}\n  needs: [build %d]\n  environment: production/s%d\n  script: [!reference [.base, script], ./deploy]\n", i, i, i, i)
		if i%10 == 0 {
			b.WriteString("  parallel: {matrix: [{REGION: [eu-west-1, us-east-1]}]}\n")
		}
	}
	return []byte(strings.ReplaceAll(b.String(), "!reference [.base, script]", "!reference [.base, artifacts, paths]"))
}

func BenchmarkRead1000Jobs(b *testing.B) {
	text := large(1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ci.Parse("f", text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPipeline1000Jobs(b *testing.B) {
	f, err := ci.Parse("f", large(1000))
	if err != nil {
		b.Fatal(err)
	}
	known := &corpusFacts{changed: map[string][]string{"": {"a/b.go", "services/s7/x.go", "shared/x/y.go", "README.md"}}}
	known.Predefined = append(slices.Clone(onBranch.Predefined), ci.Variable{Name: "CI_DEFAULT_BRANCH", Value: "trunk"})
	known.Repository = known
	b.ReportAllocs()
	for b.Loop() {
		p, err := f.Pipeline(known.Facts)
		if err != nil || len(p.Jobs) != 1050 {
			b.Fatal(len(p.Jobs), err)
		}
	}
}
