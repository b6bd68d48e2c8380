package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/gitlab/instance"
	"github.com/daypass/daypass/internal/runner"
	"github.com/daypass/daypass/internal/runner/pipeline"
	"github.com/daypass/daypass/internal/runner/workspace"

	"github.com/spf13/cobra"
)

// runFlags are what `ci run` takes besides.
type runFlags struct {
	jobFlags
	file, root, endpoint, region string
	shell                        string
	variables, masked, files     []string
	manual                       []string
	concurrency                  int
	inPlace, ignoreImage, plain  bool
	ignoreServices               bool
	withNeeds                    bool
	skipInclude, list, graph     bool
	noCache, clearCache          bool
	keep                         string
}

func newCIRun() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [JOB...]",
		Short: "Run a .gitlab-ci.yml, or some of its jobs, with its id_tokens",
		Long: `Run the pipeline of a .gitlab-ci.yml as GitLab does: the jobs that its rules
admit, in the order of stages and needs, several at a time; each with the
id_tokens that it declares, minted by the issuer in --issuer. With names of jobs,
run those and no others, whatever their when says.

Each job runs in a fresh copy of the work tree, with what git tracks and what it
would add, changes that are not committed included; artifacts go from job to job, and caches from run to run.
Its before_script and script run in one shell with errexit and pipefail, its
after_script afterwards. A job with an image runs in a container, where docker or
podman answers.

A job gets GitLab's variables and none of this environment's AWS settings. With
--endpoint, the aws CLI and the SDKs in it talk to that server, and its secrets
with aws_secrets_manager are fetched there, by its own token and role.

The exit status is 0 if the pipeline passes, and 1 if it fails; of a single job
it is the script's.

A keyword of the file that this version does not know, or that would change the
job in a way that it does not serve, is an error with line and column.`,
		RunE: f.run,
	}
	f.add(c)
	flags := c.Flags()
	flags.StringVar(&f.file, "file", ".gitlab-ci.yml", "the pipeline's `FILE`")
	flags.StringVar(&f.root, "root", "", "the project's `DIR`ectory (default: the top of the git work tree that the file is in, or the file's directory)")
	flags.StringVar(&f.endpoint, "endpoint", "", "`URL` of the server that plays AWS for the jobs")
	flags.StringVar(&f.region, "region", "us-east-1", "AWS_DEFAULT_REGION for the jobs, a `NAME`, with --endpoint, unless a --var sets it")
	flags.StringArrayVar(&f.variables, "var", nil, "project variable `NAME=VALUE` for the jobs; may be given again")
	flags.StringArrayVar(&f.variables, "variable", nil, "`NAME=VALUE`, as --var")
	flags.StringArrayVar(&f.masked, "masked", nil, "project variable `NAME=VALUE` that is masked in the logs; may be given again")
	flags.StringArrayVar(&f.files, "var-file", nil, "project variable of type file, `NAME=PATH`; may be given again")
	flags.StringArrayVar(&f.manual, "manual", nil, "run the manual `JOB` when its turn comes; may be given again, and \"all\" is all")
	flags.BoolVar(&f.withNeeds, "needs", false, "with named jobs, run those that they need as well")
	flags.IntVar(&f.concurrency, "concurrency", 0, "run at most `N` jobs at a time (default: the number of CPUs; 1 with --in-place)")
	flags.BoolVar(&f.inPlace, "in-place", false, "run the jobs in the project's directory itself, and not in copies of it")
	flags.BoolVar(&f.ignoreImage, "ignore-image", false, "run jobs that name an image under the shell of this machine, without their services")
	flags.BoolVar(&f.ignoreServices, "ignore-services", false, "run jobs that have services without them")
	flags.BoolVar(&f.noCache, "no-cache", false, "run the jobs without the caches of earlier runs, and keep none")
	flags.BoolVar(&f.clearCache, "clear-cache", false, "remove the project's caches before")
	flags.StringVar(&f.shell, "shell", "", "`PATH` of the shell for jobs without a container (default: bash, or else the sh that GitLab Runner would find)")
	flags.StringVar(&f.keep, "keep", "", "keep each job's log, artifacts and reports in this `DIR`ectory")
	flags.BoolVar(&f.skipInclude, "skip-include", false, "leave out includes of templates, components and other projects, where they would be an error")
	flags.BoolVar(&f.list, "list", false, "list the jobs and run none, as \"ci list\" does")
	flags.BoolVar(&f.graph, "graph", false, "show the jobs below their stages and run none, as \"ci list --graph\" does")
	flags.BoolVar(&f.plain, "plain", false, "write logs as they come, each line with its job, also on a terminal")
	return c
}

// ciRun is one run, from what was asked to what is shown.
type ciRun struct {
	*runFlags
	c       *cobra.Command
	project project
	base    gitlab.Job // what all jobs have in common
	jobs    []*ci.Job
	stages  []string
	named   bool
	issuer  *instance.Instance
	environ []string
	engine  *runner.Engine // nil where no job runs in a container
	// cancelAll is workflow:auto_cancel:on_job_failure: all.
	cancelAll bool
}

func (f *runFlags) run(c *cobra.Command, names []string) error {
	r := &ciRun{runFlags: f, c: c, named: len(names) > 0}
	if err := r.checkFlags(); err != nil {
		return err
	}
	if f.list || f.graph {
		if r.named {
			return usageError{errors.New("--list and --graph tell of the whole pipeline; leave the names of jobs out")}
		}
		list := listFlags{jobFlags: f.jobFlags, root: f.root, server: exampleServer, variables: f.variables, skipInclude: f.skipInclude}
		return list.list(c, f.file, f.graph)
	}
	variables, err := f.projectVariables()
	if err != nil {
		return err
	}
	if r.project, err = findProject(c.Context(), f.file, f.root); err != nil {
		return err
	}
	text, err := os.ReadFile(f.file)
	if err != nil {
		return fmt.Errorf("%w; give the pipeline's file with --file", err)
	}
	if r.issuer, err = openInstance(c, f.issuer); err != nil {
		return err
	}
	if err := r.describe(variables); err != nil {
		return err
	}
	if err := r.decide(text, names); err != nil {
		return err
	}
	stop, err := publishIssuer(c, r.issuer)
	if err != nil {
		return err
	}
	defer stop()
	environ, cleanUp, err := f.environ(c.Context())
	if err != nil {
		return err
	}
	defer cleanUp()
	r.environ = environ
	if err := r.findEngine(); err != nil {
		return err
	}
	return r.play()
}

// checkFlags refuses what does not go together.
func (f *runFlags) checkFlags() error {
	if err := f.checkRefs(); err != nil {
		return err
	}
	if f.concurrency < 0 {
		return usageError{fmt.Errorf("--concurrency %d is less than one", f.concurrency)}
	}
	if f.concurrency == 0 {
		if f.concurrency = runtime.NumCPU(); f.inPlace {
			f.concurrency = 1
		}
	}
	return nil
}

// describe makes what all jobs have in common.
func (r *ciRun) describe(variables []ci.Variable) error {
	made, err := r.job(r.c.Context(), r.project.root, r.issuer, variables)
	if err != nil {
		return err
	}
	r.base = *made
	r.base.ConfigPath = r.project.config
	// What belongs to one job only is filled again for each.
	r.base.ID, r.base.Name, r.base.Stage, r.base.Timeout, r.base.Environment = 0, "", "", 0, r.deployment()
	return nil
}

// facts are what rules are decided on.
func (r *ciRun) facts() (ci.Facts, error) {
	predefined, err := gitlab.NewJob(r.base, nil)
	if err != nil {
		return ci.Facts{}, err
	}
	if m := r.base.MergeRequest; m != nil {
		r.project.target = m.TargetBranch
	}
	r.project.tag = r.base.RefType == "tag"
	facts := ci.Facts{Settings: r.base.ProjectVariables, Repository: &r.project}
	for _, v := range predefined.Variables() {
		// Those of a job are not known when rules are decided, and those of the
		// settings come on their own.
		if !ofOneJob(v.Name) && !slices.Contains(r.base.ProjectVariables, v) {
			facts.Predefined = append(facts.Predefined, v)
		}
	}
	return facts, nil
}

// decide reads the file, says which jobs run, and tells what is to be known of
// them.
func (r *ciRun) decide(text []byte, names []string) error {
	facts, err := r.facts()
	if err != nil {
		return err
	}
	file, err := ci.Read(ci.Source{Name: r.file, Text: text, Facts: facts, SkipForeign: r.skipInclude})
	if err != nil {
		return err
	}
	decided, err := file.Pipeline(facts)
	if err != nil {
		return err
	}
	r.stages, r.cancelAll = decided.Stages, decided.AutoCancel.OnJobFailure == "all"
	if r.jobs, err = r.choose(file, decided, names); err != nil {
		return err
	}
	if r.environment != "" && !r.named {
		return usageError{errors.New("--environment is for named jobs; name them")}
	}
	for _, w := range slices.Concat(decided.Warnings, file.Lint()) {
		if r.concerns(w) {
			r.note("%s", w.Detail())
		}
	}
	for _, j := range r.jobs {
		r.noteJob(j)
	}
	return r.refused()
}

// concerns reports whether a warning is about the file, or a job that runs; and
// whether it still holds for what this run was given.
func (r *ciRun) concerns(w ci.Warning) bool {
	rest, ofJob := strings.CutPrefix(w.Message, "jobs:")
	if ofJob && !slices.ContainsFunc(r.jobs, func(j *ci.Job) bool {
		after, ok := strings.CutPrefix(rest, j.Definition)
		return ok && (after == "" || after[0] == ' ' || after[0] == ':')
	}) {
		return false
	}
	for _, v := range r.base.ProjectVariables {
		if strings.Contains(w.Message, "uses "+v.Name+",") {
			return false // it is removed, and given here
		}
	}
	return !r.hasLegacyTokens() || !strings.Contains(w.Message, ", which GitLab removed in 17.0")
}

// ofOneJob reports whether a predefined variable is of a job and not of its
// pipeline (GitLab Docs, "Predefined CI/CD variables reference").
func ofOneJob(name string) bool {
	for _, prefix := range []string{"CI_JOB_", "CI_NODE_", "CI_RUNNER_", "CI_ENVIRONMENT_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// choose takes the named jobs out of the pipeline, or all.
func (r *ciRun) choose(file *ci.File, decided *ci.Pipeline, names []string) ([]*ci.Job, error) {
	if len(names) == 0 {
		return decided.Jobs, nil
	}
	chosen := map[string]bool{}
	for _, name := range names {
		found := false
		for _, j := range decided.Jobs {
			if j.Name == name || j.Definition == name {
				chosen[j.Name], found = true, true
			}
		}
		if !found {
			return nil, r.notChosen(file, decided, name, names)
		}
	}
	for again := r.withNeeds; again; {
		again = false
		for _, j := range decided.Jobs {
			if !chosen[j.Name] {
				continue
			}
			for _, needed := range neededBy(j, decided) {
				if !chosen[needed] {
					chosen[needed], again = true, true
				}
			}
		}
	}
	var jobs []*ci.Job
	for _, j := range decided.Jobs {
		if chosen[j.Name] {
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// neededBy are the jobs that a job waits for: its needs, or all of the stages
// before its own.
func neededBy(j *ci.Job, decided *ci.Pipeline) (names []string) {
	if j.Needs != nil {
		for _, n := range j.Needs {
			names = append(names, n.Job)
		}
		return names
	}
	stage := slices.Index(decided.Stages, j.Stage)
	for _, q := range decided.Jobs {
		if slices.Index(decided.Stages, q.Stage) < stage && q.When != "manual" && q.When != "on_failure" {
			names = append(names, q.Name)
		}
	}
	return names
}

// notChosen says why there is no job of a name.
func (r *ciRun) notChosen(file *ci.File, decided *ci.Pipeline, name string, names []string) error {
	joined := strings.Join(names, " ")
	if len(names) > 1 && slices.ContainsFunc(decided.Jobs, func(j *ci.Job) bool { return j.Name == joined || j.Definition == joined }) {
		return usageError{fmt.Errorf("if this is one name, quote it: %s", quote(joined))}
	}
	if slices.ContainsFunc(file.Jobs(), func(e ci.Entry) bool { return e.Name == name }) {
		return fmt.Errorf("%s: job %q is not in this pipeline (%s, source %s): its rules leave it out", r.file, name, r.refWords(), r.base.Pipeline.Source)
	}
	_, err := file.Job(name)
	return err
}

// refWords names the ref of the pipeline.
func (r *ciRun) refWords() string {
	if r.base.MergeRequest != nil {
		return fmt.Sprintf("merge request %d from %s", r.base.MergeRequest.IID, r.base.Ref)
	}
	return r.base.RefType + " " + r.base.Ref
}

func (r *ciRun) note(format string, args ...any) {
	_, _ = fmt.Fprintf(r.c.ErrOrStderr(), "note: "+format+"\n", args...)
}

// hasLegacyTokens reports whether the GitLab that is played has CI_JOB_JWT.
func (r *ciRun) hasLegacyTokens() bool { return r.base.Version.Before(gitlab.Version{Major: 17}) }

// noteJob tells what is other here than in GitLab.
func (r *ciRun) noteJob(j *ci.Job) {
	for _, w := range j.Warnings {
		r.note("%s", w.Detail())
	}
	if j.When == "delayed" {
		r.note("job %q starts at once here; in GitLab it waits %s", j.Name, j.StartIn)
	}
	if j.Image != nil && r.ignoreImage {
		r.note("job %q runs under the shell of this machine, and not in the image %s", j.Name, j.Image.Name)
	}
}

// refused joins what keeps jobs from being run.
func (r *ciRun) refused() error {
	var all ci.Errors
	for _, j := range r.jobs {
		for _, e := range j.Refused {
			if !r.givesSecret(j, e) {
				all = append(all, e)
			}
		}
		for i := range j.Secrets {
			if e := r.refuseSecret(j, &j.Secrets[i]); e != nil {
				all = append(all, e)
			}
		}
		if len(j.Services) > 0 && j.Image == nil && !r.ignoreImage && !r.ignoreServices {
			// As with GitLab Runner's shell executor: the machine's own names are
			// not changed for a job.
			w := ci.Error(j.Note(fmt.Sprintf("job %q has services and no image: under the shell of this machine it could not reach them by their names", j.Name),
				"give the job an image, or start what it needs on this machine, and run the job with --ignore-services", "services"))
			all = append(all, &w)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// findEngine looks for a container engine where a job has an image.
func (r *ciRun) findEngine() error {
	if r.ignoreImage {
		return nil
	}
	if !slices.ContainsFunc(r.jobs, inContainer) {
		return nil
	}
	engine, err := runner.FindEngine(r.c.Context(), r.environ)
	if err == nil {
		r.engine = engine
		return nil
	}
	var all ci.Errors
	for _, j := range r.jobs {
		if !inContainer(j) {
			continue
		}
		w := ci.Error(j.Note(fmt.Sprintf("job %q runs in an image, and there is nothing to run it with: %s", j.Name, inWords(err)),
			"start docker or podman, or run the job under the shell of this machine with --ignore-image", "image"))
		all = append(all, &w)
	}
	return all
}

// inContainer reports whether a job needs a container engine.
func inContainer(j *ci.Job) bool { return j.Image != nil }

// play runs the jobs and shows them.
func (r *ciRun) play() (err error) {
	dir, err := os.MkdirTemp("", "daypass-ci-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	caches, err := r.cacheDir()
	if err != nil {
		return err
	}
	o := pipeline.Options{
		Stages: r.stages, Jobs: r.jobs, Released: r.released, Start: r.start,
		Concurrency: r.concurrency, InPlace: r.project.root, Ref: r.base.Ref, Project: r.base.Project.Path,
		CacheDir: caches, Protected: r.base.Protected, Words: inWords,
		Dir: dir, Now: time.Now, Canceled: r.c.Context().Done(), CancelOnFailure: r.cancelAll,
	}
	if !r.inPlace {
		remote := r.base.ServerURL + "/" + r.base.Project.Path + ".git"
		o.Sources, err = workspace.Take(r.c.Context(), r.project.root, filepath.Join(dir, "sources"), remote)
		if errors.Is(err, workspace.ErrTooLarge) {
			err = fmt.Errorf("%w; run it with --in-place, or name the project's directory with --root", err)
		}
		if err != nil {
			return err
		}
	}
	ctx, stop := untilSecondSignal(r.c.Context())
	defer stop()
	v := r.newView(dir)
	o.Log, o.Changed, o.Colour = v.log, v.changed, v.coloured()
	result, err := pipeline.Run(ctx, o)
	v.finish(result)
	if err != nil {
		return err
	}
	if err := r.keepAll(result); err != nil {
		return err
	}
	return r.conclude(result)
}

// untilSecondSignal is a context that a second interrupt ends: the first, which
// ends the command's own, cancels the jobs and lets their after_script run.
func untilSecondSignal(ctx context.Context) (context.Context, func()) {
	second, stop := secondSignal(ctx)
	hard, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-second:
			cancel(errors.New("interrupted twice"))
		case <-hard.Done():
		}
	}()
	return hard, func() { stop(); cancel(nil); <-done }
}

// released reports whether a job is to be run whatever its when says: it was
// named, or is manual and --manual names it.
func (r *ciRun) released(j *ci.Job) bool {
	if r.named {
		return true
	}
	return j.When == "manual" && (slices.Contains(r.manual, "all") || slices.Contains(r.manual, j.Name) || slices.Contains(r.manual, j.Definition))
}

// start makes what one job runs with.
func (r *ciRun) start(_ context.Context, s pipeline.Start) (runner.Spec, error) {
	definition := *s.Job
	definition.Variables = slices.Concat(nodeVariables(s.Job), s.Job.Variables, s.Dotenv)
	j := r.base
	j.StartedAt = time.Now()
	// A retried job has a number of its own, as in GitLab.
	j.ID = int64(s.Number + (s.Attempt-1)*len(r.jobs))
	made, err := gitlab.NewJob(j, &definition)
	if err != nil {
		return runner.Spec{}, err
	}
	tokens, err := r.issuer.Issuer.IDTokens(made, time.Now(), rand.Reader)
	if err != nil {
		return runner.Spec{}, err
	}
	legacy, err := r.issuer.Issuer.LegacyTokens(made, time.Now(), rand.Reader)
	if err != nil {
		return runner.Spec{}, err
	}
	spec := runner.Spec{Job: s.Job, IDTokens: tokens, Timeout: made.Timeout, Shell: r.shell, Environ: r.environ}
	for name, token := range legacy {
		spec.Variables = append(spec.Variables, ci.Variable{Name: name, Value: token, Raw: true, Masked: true})
	}
	spec.Variables = append(spec.Variables, made.Variables()...)
	if spec.Resolve, err = r.resolveSecrets(s.Job, spec.Variables, tokens); err != nil {
		return spec, err
	}
	if s.Job.Image != nil && r.engine != nil {
		spec.Container, err = r.container(s.Job, spec.Variables)
	}
	return spec, err
}

// nodeVariables are the predefined variables of one instance of a job with
// parallel.
func nodeVariables(j *ci.Job) []ci.Variable {
	if j.Total == 0 {
		return nil
	}
	return []ci.Variable{
		{Name: "CI_NODE_INDEX", Value: fmt.Sprint(j.Index), Raw: true},
		{Name: "CI_NODE_TOTAL", Value: fmt.Sprint(j.Total), Raw: true},
	}
}

// keepAll copies artifacts and reports to --keep; the logs are there already.
func (r *ciRun) keepAll(result pipeline.Result) error {
	if r.keep == "" {
		return nil
	}
	for i, report := range result.Jobs {
		for from, name := range map[string]string{report.Artifacts: "artifacts", report.Reports: "reports"} {
			if from == "" {
				continue
			}
			if err := os.CopyFS(filepath.Join(r.keptIn(i, report.Job), name), os.DirFS(from)); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("keep what job %q made: %w", report.Job.Name, err)
			}
		}
	}
	return nil
}

// keptIn is the directory of one job in --keep: its number keeps names apart
// that differ in other characters only.
func (r *ciRun) keptIn(index int, j *ci.Job) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			return c
		}
		return '-'
	}, j.Name)
	return filepath.Join(r.keep, fmt.Sprintf("%02d-%s", index+1, name))
}

// conclude gives the exit status.
func (r *ciRun) conclude(result pipeline.Result) error {
	if err := r.c.Context().Err(); err != nil {
		return fmt.Errorf("the jobs were canceled: %w", context.Cause(r.c.Context()))
	}
	if len(result.Jobs) == 1 && (r.named || result.State == pipeline.Failed) {
		report := result.Jobs[0]
		switch {
		case report.Err != nil:
			return report.Err
		case report.Result.ExitCode > 0:
			return &exitError{report.Result.ExitCode}
		case report.Result.Reason != "":
			return &exitError{exitFailure}
		}
	}
	if result.State == pipeline.Failed || result.State == pipeline.Canceled {
		return &exitError{exitFailure}
	}
	return nil
}
