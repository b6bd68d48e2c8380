package ci_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

var update = flag.Bool("update", false, "write what the corpus gives into it; read the difference before you believe it")

// TestCorpus reads the pipelines of testdata/corpus. Each file is one: its
// .gitlab-ci.yml, other files of its repository, and situations. A situation has
// a section "facts NAME" and a section "want NAME": the jobs in order with all
// that is not GitLab's default, or the errors with their carets.
func TestCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d pipelines: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			testPipeline(t, a)
			if *update {
				if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// testPipeline checks all situations of one pipeline, or writes what they give.
func testPipeline(t *testing.T, a *txtar.Archive) {
	files := map[string]string{}
	want := map[string]int{}
	situations := 0
	for i, f := range a.Files {
		switch kind, name, _ := strings.Cut(f.Name, " "); kind {
		case "want":
			want[name] = i
		case "facts":
			situations++
		default:
			files[f.Name] = string(f.Data)
		}
	}
	if situations == 0 || len(want) != situations && !*update {
		t.Fatalf("%d situations, of which %d say what is wanted", situations, len(want))
	}
	for _, f := range slices.Clone(a.Files) {
		kind, name, _ := strings.Cut(f.Name, " ")
		if kind != "facts" {
			continue
		}
		got := decided(t, files, string(f.Data))
		i, ok := want[name]
		switch {
		case *update && ok:
			a.Files[i].Data = []byte(got)
		case *update:
			a.Files = append(a.Files, txtar.File{Name: "want " + name, Data: []byte(got)})
		case !ok:
			t.Errorf("there is no section %q", "want "+name)
		default:
			if d := cmp.Diff(string(a.Files[i].Data), got); d != "" {
				t.Errorf("%s (-want +got):\n%s", name, d)
			}
		}
	}
}

// decided is the text of a situation's pipeline.
func decided(t *testing.T, files map[string]string, facts string) string {
	t.Helper()
	known := parseFacts(t, files, facts)
	var out strings.Builder
	file, err := ci.Read(ci.Source{
		Name: ".gitlab-ci.yml", Text: []byte(files[".gitlab-ci.yml"]), Facts: known.Facts, SkipForeign: known.skip,
	})
	var pipeline *ci.Pipeline
	if err == nil {
		for _, w := range file.Lint() {
			fmt.Fprintf(&out, "warning %s\n", w.Detail())
		}
		pipeline, err = file.Pipeline(known.Facts)
	}
	var all ci.Errors
	var empty *ci.EmptyError
	switch {
	case errors.As(err, &all):
		return out.String() + all.Detail() + "\n"
	case errors.As(err, &empty):
		return out.String() + empty.Error() + "\n"
	case err != nil:
		t.Fatal(err)
	}
	writePipeline(&out, pipeline)
	return out.String()
}

// corpusFacts are the facts of a situation, and its repository.
type corpusFacts struct {
	ci.Facts
	skip    bool
	files   map[string]string
	changed map[string][]string
}

func (f *corpusFacts) Files() ([]string, error) {
	var out []string
	for name := range f.files {
		out = append(out, name)
	}
	slices.Sort(out)
	return out, nil
}

func (f *corpusFacts) Changed(compareTo string) ([]string, bool, error) {
	list, ok := f.changed[compareTo]
	if !ok && compareTo != "" {
		return nil, false, fmt.Errorf("git knows no %q", compareTo)
	}
	return list, ok, nil
}

func (f *corpusFacts) ReadFile(name string) ([]byte, error) {
	text, ok := f.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

// parseFacts reads lines: SOURCE REF, tag NAME, merge_request_event SOURCE
// TARGET; var NAME=VALUE for the settings; changed PATHS; since REF PATHS; file
// PATH; skip-include.
func parseFacts(t *testing.T, files map[string]string, text string) *corpusFacts {
	t.Helper()
	f := &corpusFacts{files: files, changed: map[string][]string{}}
	f.Repository = f
	f.files = map[string]string{}
	for name, data := range files {
		f.files[name] = data
	}
	predefined := func(name, value string) {
		f.Predefined = append(f.Predefined, ci.Variable{Name: name, Value: value, Raw: true})
	}
	predefined("CI_PROJECT_PATH", "mygroup/myproject")
	predefined("CI_DEFAULT_BRANCH", "main")
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "var":
			name, value, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "var ")), "=")
			f.Settings = append(f.Settings, ci.Variable{Name: name, Value: value})
		case "changed":
			f.changed[""] = append([]string{}, words[1:]...)
		case "since":
			f.changed[words[1]] = words[2:]
		case "file":
			f.files[words[1]] = "x"
		case "skip-include":
			f.skip = true
		case "tag":
			predefined("CI_PIPELINE_SOURCE", "push")
			predefined("CI_COMMIT_REF_NAME", words[1])
			predefined("CI_COMMIT_TAG", words[1])
		case "merge_request_event":
			predefined("CI_PIPELINE_SOURCE", words[0])
			predefined("CI_COMMIT_REF_NAME", words[1])
			predefined("CI_MERGE_REQUEST_IID", "1")
			predefined("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", words[2])
		case "push", "web", "schedule", "api", "trigger":
			predefined("CI_PIPELINE_SOURCE", words[0])
			predefined("CI_COMMIT_REF_NAME", words[1])
			predefined("CI_COMMIT_BRANCH", words[1])
		default:
			t.Fatalf("no fact: %s", line)
		}
	}
	return f
}

// writePipeline writes all of a pipeline that is not GitLab's default.
func writePipeline(w *strings.Builder, p *ci.Pipeline) {
	if p.Name != "" {
		fmt.Fprintf(w, "pipeline %s\n", p.Name)
	}
	if p.AutoCancel != (ci.AutoCancel{}) {
		fmt.Fprintf(w, "auto_cancel new commit %q job failure %q\n", p.AutoCancel.OnNewCommit, p.AutoCancel.OnJobFailure)
	}
	for _, note := range p.Warnings {
		fmt.Fprintf(w, "note %s\n", note)
	}
	for _, j := range p.Jobs {
		fmt.Fprintf(w, "[%s] %s (line %d)\n", j.Stage, j.Name, j.Position.Line)
		line := func(key string, values ...string) {
			if len(values) > 0 {
				fmt.Fprintf(w, "\t%s\t%s\n", key, strings.Join(values, " | "))
			}
		}
		if j.When != "on_success" || j.StartIn != 0 {
			line("when", strings.TrimSpace(j.When+" "+strings.TrimPrefix(j.StartIn.String(), "0s")))
		}
		text(line, "confirm", j.ManualConfirmation)
		if j.AllowFailure.Allowed || j.AllowFailure.ExitCodes != nil {
			line("allow_failure", fmt.Sprint(j.AllowFailure.Allowed, " ", j.AllowFailure.ExitCodes))
		}
		writeOrder(line, j)
		if j.Retry.Max > 0 {
			line("retry", fmt.Sprint(j.Retry.Max, " ", j.Retry.When, " ", j.Retry.ExitCodes))
		}
		if j.Timeout > 0 {
			line("timeout", j.Timeout.String())
		}
		if j.Total > 0 {
			line("node", fmt.Sprintf("%d of %d", j.Index, j.Total))
		}
		writeContainers(line, j)
		line("tags", j.Tags...)
		text(line, "coverage", j.Coverage)
		text(line, "resource_group", j.ResourceGroup)
		if j.Interruptible {
			line("interruptible", "true")
		}
		for _, v := range j.Variables {
			line("variable", v.Name+"="+v.Value+strings.Repeat(" (raw)", count(v.Raw)))
		}
		for _, tok := range j.IDTokens {
			line("id_token", fmt.Sprint(tok.Name, " ", tok.Aud, strings.Repeat(" list", count(tok.List))))
		}
		for _, s := range j.Secrets {
			line("secret", fmt.Sprint(s.Name, " ", s.Provider, " ", s.Settings, " file=", s.File, " ", s.Token))
		}
		if e := j.Environment; e != nil {
			line("environment", fmt.Sprintf("%+v", *e))
		}
		for key, lines := range map[string][]string{"hook": j.PreGetSources} {
			line(key, lines...)
		}
		for _, s := range j.BeforeScript {
			line("before", fmt.Sprintf("%q", s))
		}
		for _, s := range j.Script {
			line("script", fmt.Sprintf("%q", s))
		}
		for _, s := range j.AfterScript {
			line("after", fmt.Sprintf("%q", s))
		}
		for _, r := range j.Refused {
			line("refused", r.Error(), r.Hint)
		}
		for _, note := range j.Warnings {
			line("note", note.String())
		}
	}
}

func text(line func(string, ...string), key, value string) {
	if value != "" {
		line(key, value)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// writeOrder writes needs, dependencies, artifacts and caches.
func writeOrder(line func(string, ...string), j *ci.Job) {
	if j.Needs != nil {
		list := []string{}
		for _, n := range j.Needs {
			s := n.Job
			if !n.Artifacts {
				s += " (no artifacts)"
			}
			if n.Project != "" || n.Pipeline != "" {
				s += fmt.Sprintf(" (of %s%s %s)", n.Project, n.Pipeline, n.Ref)
			}
			list = append(list, s)
		}
		line("needs", append(list, strings.Repeat("nothing", count(len(list) == 0)))[:max(1, len(list))]...)
	}
	if j.Dependencies != nil {
		line("dependencies", append(j.Dependencies, strings.Repeat("nothing", count(len(j.Dependencies) == 0)))[:max(1, len(j.Dependencies))]...)
	}
	if j.Artifacts != nil {
		line("artifacts", fmt.Sprintf("%+v", *j.Artifacts))
	}
	for _, c := range j.Cache {
		line("cache", fmt.Sprintf("%+v", c))
	}
}

func writeContainers(line func(string, ...string), j *ci.Job) {
	if i := j.Image; i != nil {
		line("image", fmt.Sprintf("%s %q %v %s %s (line %d)", i.Name, i.Entrypoint, i.PullPolicy, i.User, i.Platform, i.Position.Line))
	}
	for _, s := range j.Services {
		line("service", fmt.Sprintf("%s as %q %v %v %v", s.Name, s.Alias, s.Entrypoint, s.Command, s.Variables))
	}
}
