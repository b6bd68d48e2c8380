package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
	"github.com/daypass/daypass/internal/runner/workspace"
)

// outcome is the end of one attempt.
type outcome struct {
	result runner.Result
	err    error // a failure of the system, which is the job's
	lost   error // what ends the pipeline: a log that cannot be written

	artifacts, reports string
	dotenv             []ci.Variable
}

// attempts runs one job, again and again where it fails and its retry says so.
type attempts struct {
	*running
	index  int
	job    *ci.Job
	inputs []input
}

func (a *attempts) run(ctx context.Context) {
	for attempt := 1; ; attempt++ {
		out := a.attempt(ctx, attempt)
		final := out.lost != nil || attempt > a.job.Retry.Max || !retries(a.job.Retry, out.result) || a.isStopped(ctx)
		a.done <- ended{a.index, final, out}
		if final {
			return
		}
	}
}

func (a *attempts) isStopped(ctx context.Context) bool {
	select {
	case <-a.stop:
		return true
	default:
		return ctx.Err() != nil
	}
}

// retries reports whether a failure is one that retry names. Without when and
// exit_codes, all are (GitLab's Gitlab::Ci::Build::AutoRetry).
func retries(r ci.Retry, result runner.Result) bool {
	switch {
	case result.Reason == "" || result.Reason == runner.Canceled:
		return false
	case len(r.When) == 0 && len(r.ExitCodes) == 0:
		return true
	}
	return slices.Contains(r.When, "always") || slices.Contains(r.When, string(result.Reason)) ||
		slices.Contains(r.ExitCodes, result.ExitCode)
}

// attempt runs the job once.
func (a *attempts) attempt(ctx context.Context, number int) (out outcome) {
	log, err := a.Log(a.job, number)
	if err != nil {
		return outcome{result: systemFailure, err: err, lost: err}
	}
	defer func() { out.lost = errors.Join(out.lost, log.Close()) }()
	// One directory for each attempt: what an earlier one left is not found.
	root := filepath.Join(a.Dir, "builds", fmt.Sprintf("%d-%d", a.index+1, number))
	defer func() {
		if err := os.RemoveAll(root); err != nil {
			out.lost = errors.Join(out.lost, fmt.Errorf("pipeline: remove the directory of job %q: %w", a.job.Name, err))
		}
	}()
	spec, err := a.spec(ctx, number, root, log)
	if err != nil {
		// The job's variables or tokens cannot be had: no fault of its script.
		(&runner.Log{W: log, Colour: a.Colour, Now: a.Now}).Fail("Job failed (system failure): %s", a.words(err))
		return outcome{result: systemFailure, err: err}
	}
	w := &work{attempts: a, spec: &spec, store: filepath.Join(a.Dir, "artifacts", fmt.Sprintf("%d-%d", a.index+1, number))}
	spec.Prepare, spec.Finish = w.prepare, w.finish
	out.result, out.err = runner.Run(ctx, spec)
	if out.err != nil {
		(&runner.Log{W: log, Colour: a.Colour, Now: a.Now}).Fail("Job failed (system failure): %s", a.words(out.err))
	}
	out.artifacts, out.reports, out.dotenv = w.artifacts, w.reports, w.dotenv
	return out
}

// words is an error as a log tells it.
func (a *attempts) words(err error) string {
	if a.Words == nil {
		return err.Error()
	}
	return a.Words(err)
}

var systemFailure = runner.Result{ExitCode: -1, Reason: runner.RunnerSystemFailure}

// spec completes what the caller makes.
func (a *attempts) spec(ctx context.Context, number int, root string, log io.Writer) (runner.Spec, error) {
	start := Start{Job: a.job, Number: a.index + 1, Attempt: number}
	for _, in := range a.inputs {
		start.Dotenv = append(start.Dotenv, in.dotenv...)
	}
	spec, err := a.Start(ctx, start)
	if err != nil {
		return spec, err
	}
	spec.Stdout, spec.Colour, spec.Now, spec.Canceled = log, a.Colour, a.Now, a.stop
	if a.Sources == nil {
		spec.Dir = a.InPlace
		return spec, nil
	}
	spec.Dir = filepath.Join(root, filepath.FromSlash(a.Project))
	spec.Files = spec.Dir + ".tmp"
	if spec.BuildsDir = root; spec.Container != nil {
		spec.BuildsDir = strings.TrimSuffix(spec.Container.Dir, "/"+a.Project)
	}
	return spec, os.MkdirAll(spec.Dir, 0o700)
}

// work is what is done around the script.
type work struct {
	*attempts
	spec  *runner.Spec
	store string // for artifacts and, beside it, reports

	artifacts, reports string // set where something was kept
	dotenv             []ci.Variable
}

// prepare fills the job's directory.
func (w *work) prepare(ctx context.Context, log *runner.Log) error {
	if err := w.sources(log); err != nil {
		return err
	}
	if w.Sources == nil {
		return nil // artifacts and what would be cached are where they were made
	}
	if err := w.restoreCaches(ctx, log); err != nil {
		return err
	}
	if err := w.downloadArtifacts(log); err != nil || w.spec.Container == nil {
		return err
	}
	return workspace.OpenToAll(w.spec.Dir)
}

// downloadArtifacts gives the job those of others.
func (w *work) downloadArtifacts(log *runner.Log) error {
	var give []input
	for _, in := range w.inputs {
		if in.artifacts != "" {
			give = append(give, in)
		}
	}
	if len(give) == 0 {
		return nil
	}
	defer log.Section("download_artifacts", "Downloading artifacts")()
	for _, in := range give {
		log.Note("Downloading artifacts for %s (%d)...", in.name, in.number)
		if err := workspace.Extract(in.artifacts, w.spec.Dir); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) sources(log *runner.Log) error {
	defer log.Section("get_sources", "Getting source from Git repository")()
	s := w.Sources
	if s == nil {
		log.Say("Running in place, in %s", w.spec.Dir)
		return nil
	}
	switch {
	case s.Commit != "":
		log.Note("Checking out %.8s as detached HEAD (ref is %s)...", s.Commit, w.Ref)
		if s.Changed > 0 {
			log.Say("With the work tree's %s not committed", count(s.Changed, "change"))
		}
	case s.Git:
		log.Say("Nothing is committed yet: copied %s of the work tree", count(s.Files, "file"))
	default:
		log.Say("No git work tree: copied %s", count(s.Files, "file"))
	}
	return s.Checkout(w.spec.Dir, w.spec.Container != nil)
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// finish keeps caches and artifacts, and reads reports.
func (w *work) finish(ctx context.Context, log *runner.Log, result runner.Result) error {
	if err := w.saveCaches(ctx, log, result); err != nil {
		return err
	}
	return w.uploadArtifacts(ctx, log, result)
}

func (w *work) uploadArtifacts(ctx context.Context, log *runner.Log, result runner.Result) error {
	a := w.job.Artifacts
	if a == nil {
		return nil
	}
	state, words, when := "on_success", "successful", a.When == "" || a.When == "on_success" || a.When == "always"
	if result.Reason != "" {
		state, words, when = "on_failure", "failed", a.When == "on_failure" || a.When == "always"
	}
	keep := when && (len(a.Paths) > 0 || a.Untracked)
	if !keep && len(a.Reports) == 0 {
		return nil
	}
	defer log.Section("upload_artifacts_"+state, "Uploading artifacts for "+words+" job")()
	expand, err := w.expander()
	if err != nil {
		return err
	}
	if keep {
		asked := workspace.Artifacts{Paths: expand(a.Paths), Exclude: expand(a.Exclude), Untracked: a.Untracked}
		if w.artifacts, err = w.collect(ctx, log, w.store, asked); err != nil {
			return err
		}
	}
	// Reports are kept whatever became of the job.
	for _, kind := range slices.Sorted(maps.Keys(a.Reports)) {
		store := w.store + "-reports"
		kept, err := w.collect(ctx, log, filepath.Join(store, kind), workspace.Artifacts{Paths: expand(a.Reports[kind])})
		if err != nil {
			return err
		}
		if kept != "" {
			w.reports = store
		}
		if kept != "" && kind == "dotenv" {
			if err := w.readDotenv(log, kept); err != nil {
				return err
			}
		}
	}
	return nil
}

// collect keeps files and says what it found. It returns the directory, or ""
// where there was nothing.
func (w *work) collect(ctx context.Context, log *runner.Log, store string, asked workspace.Artifacts) (string, error) {
	log.Note("Uploading artifacts...")
	found, excluded, err := workspace.Collect(ctx, w.spec.Dir, store, asked)
	if err != nil {
		return "", err
	}
	total := w.tellFound(log, found)
	for _, pattern := range slices.Sorted(maps.Keys(excluded)) {
		log.Say("%s: excluded %d files", pattern, excluded[pattern])
	}
	if total == 0 {
		log.Fail("No files to upload")
		return "", nil
	}
	return store, nil
}

// tellFound says what each path gave, and returns how much that is.
func (w *work) tellFound(log *runner.Log, found []workspace.Found) int {
	total := 0
	for _, f := range found {
		total += f.Files
		switch {
		case f.Outside:
			log.Warn("%s: artifact path is not a subpath of project directory", f.Pattern)
		case f.Files == 0 && f.Pattern == "untracked":
			log.Warn("untracked: no files")
		case f.Files == 0:
			log.Warn("%s: no matching files. Ensure that the artifact path is relative to the working directory (%s)", f.Pattern, w.spec.Dir)
		case f.Pattern == "untracked":
			log.Say("untracked: found %d files", f.Files)
		default:
			log.Say("%s: found %d matching artifact files and directories", f.Pattern, f.Files)
		}
	}
	return total
}

// readDotenv reads the reports below a directory. One that GitLab would not take
// fails the job, as its refusal does there.
func (w *work) readDotenv(log *runner.Log, dir string) error {
	names, err := workspace.Names(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return fmt.Errorf("pipeline: read the dotenv report: %w", err)
		}
		pairs, err := workspace.ParseDotenv(text)
		if err != nil {
			log.Fail(`Uploading artifacts as "dotenv" to coordinator... 400 Bad Request: %s: %v`, name, err)
			return &runner.JobError{Reason: runner.ScriptFailure, Message: "exit status 1"}
		}
		for _, p := range pairs {
			w.dotenv = append(w.dotenv, ci.Variable{Name: p.Name, Value: p.Value})
		}
	}
	return nil
}

// expander expands variables in the paths of artifacts, as the runner does.
func (w *work) expander() (func([]string) []string, error) {
	dir := w.spec.Dir
	if w.spec.Container != nil {
		dir = w.spec.Container.Dir
	}
	expanded, err := ci.ExpandAll(slices.Concat([]ci.Variable{{Name: "CI_PROJECT_DIR", Value: dir, Raw: true}}, w.spec.Variables))
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	values := map[string]string{}
	for _, v := range expanded {
		values[v.Name] = v.Value
	}
	return func(paths []string) []string {
		var out []string
		for _, p := range paths {
			p = os.Expand(p, func(name string) string { return values[name] })
			if w.spec.Container != nil && strings.HasPrefix(p, dir+"/") {
				p = strings.TrimPrefix(p, dir+"/")
			}
			if p != "" {
				out = append(out, p)
			}
		}
		return out
	}, nil
}
