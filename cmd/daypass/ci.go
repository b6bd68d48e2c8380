package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/gitlab/instance"
	"github.com/daypass/daypass/internal/runner"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newCI() *cobra.Command {
	c := &cobra.Command{
		Use:   "ci",
		Short: "Run GitLab CI/CD jobs on this machine, with ID tokens",
	}
	group(c)
	c.AddCommand(newCIRun(), newCIToken())
	return c
}

// jobFlags say which job of which project on which ref a token speaks of.
type jobFlags struct {
	issuer, project, branch, tag, source string
	protected                            bool
}

func (f *jobFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.issuer, "issuer", "", "issuer's `DIR`ectory, made where it is missing (default: issuer in Daypass's data directory)")
	c.Flags().StringVar(&f.project, "project", "", "project `PATH`, such as mygroup/myproject (default: from the git remote origin)")
	c.Flags().StringVar(&f.branch, "branch", "", "run on this branch `NAME` (default: the one that git has checked out)")
	c.Flags().StringVar(&f.tag, "tag", "", "run on this tag `NAME`")
	c.Flags().StringVar(&f.source, "source", "push", "pipeline `SOURCE`, the variable CI_PIPELINE_SOURCE")
	c.Flags().BoolVar(&f.protected, "protected", false, "the branch or tag is protected")
}

// job makes the job that the flags and the repository in dir describe.
func (f *jobFlags) job(ctx context.Context, dir string, issuer *gitlab.Issuer, definition *ci.Job, variables []ci.Variable) (*gitlab.Job, error) {
	if f.branch != "" && f.tag != "" {
		return nil, usageError{errors.New("give --branch or --tag, not both")}
	}
	if f.project != "" && !strings.Contains(f.project, "/") {
		return nil, usageError{fmt.Errorf("--project %q is not GROUP/NAME", f.project)}
	}
	repository := readRepository(ctx, dir)
	project := f.project
	if project == "" {
		project = repository.project
	}
	if project == "" {
		return nil, usageError{errors.New("no project is known: git names no remote origin here; give --project GROUP/NAME")}
	}
	j := gitlab.Job{
		ServerURL: issuer.URL(), Project: gitlab.Project{Path: project}, Protected: f.protected,
		Pipeline: gitlab.Pipeline{Source: f.source}, SHA: repository.sha, CommitMessage: repository.message,
		StartedAt: time.Now(), ProjectVariables: variables,
	}
	switch {
	case f.tag != "":
		j.Ref, j.RefType = f.tag, "tag"
	case f.branch != "":
		j.Ref = f.branch
	default:
		j.Ref = repository.branch
	}
	return gitlab.NewJob(j, definition)
}

// runFlags are what `ci run` takes besides.
type runFlags struct {
	jobFlags
	file, endpoint, region string
	variables              []string
}

func newCIRun() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [JOB]",
		Short: "Run one job of a .gitlab-ci.yml under bash, with its id_tokens",
		Long: `Run one job of a .gitlab-ci.yml as GitLab's runner does: its id_tokens minted by
the issuer in --issuer, its before_script and script in one bash with errexit
and pipefail, its after_script afterwards. The exit status is the script's.

The job gets GitLab's variables and none of this environment's AWS settings.
With --endpoint, the aws CLI and the SDKs in it talk to that server.

A keyword of the file that this version does not know, or that would change the
job in a way that it does not serve, is an error with line and column.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("one job is run at a time; if this is one name, quote it: %s", quote(strings.Join(args, " ")))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return f.run(c, name)
		},
	}
	f.add(c)
	c.Flags().StringVar(&f.file, "file", ".gitlab-ci.yml", "the pipeline's `FILE`; the job runs in its directory")
	c.Flags().StringVar(&f.endpoint, "endpoint", "", "`URL` of the server that plays AWS for the job")
	c.Flags().StringVar(&f.region, "region", "us-east-1", "AWS_DEFAULT_REGION for the job, a `NAME`, with --endpoint, unless a --variable sets it")
	c.Flags().StringArrayVar(&f.variables, "variable", nil, "project variable `NAME=VALUE` for the job; may be given again")
	return c
}

// run picks the job, mints its tokens, and runs it.
func (f *runFlags) run(c *cobra.Command, name string) error {
	definition, err := f.pick(c, name)
	if err != nil {
		return err
	}
	variables, err := f.projectVariables()
	if err != nil {
		return err
	}
	for _, name := range removedTokens(definition, variables) {
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "note: the script uses %s, which is empty: GitLab removed it in 17.0; declare the token with id_tokens\n", name)
	}
	dir, err := filepath.Abs(filepath.Dir(f.file))
	if err != nil {
		return err
	}
	issuer, stop, err := publishIssuer(c, f.issuer)
	if err != nil {
		return err
	}
	defer stop()
	job, err := f.job(c.Context(), dir, issuer.Issuer, definition, variables)
	if err != nil {
		return err
	}
	tokens, err := issuer.Issuer.IDTokens(job, time.Now(), rand.Reader)
	if err != nil {
		return err
	}
	environ, cleanUp, err := f.environ(c.Context())
	if err != nil {
		return err
	}
	defer cleanUp()
	result, err := runner.Run(c.Context(), runner.Spec{
		Job: definition, Variables: job.Variables(), IDTokens: tokens, Dir: dir, Environ: environ,
		Stdout: c.OutOrStdout(), Colour: onTerminal(c), Now: time.Now,
	})
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "Job failed: exit code %d\n", result.ExitCode)
		return &exitError{result.ExitCode}
	}
	_, _ = fmt.Fprintln(c.ErrOrStderr(), "Job succeeded")
	return nil
}

// pick reads the file and finds the job; without a name, the only one.
func (f *runFlags) pick(c *cobra.Command, name string) (*ci.Job, error) {
	text, err := os.ReadFile(f.file)
	if err != nil {
		return nil, fmt.Errorf("%w; give the pipeline's file with --file", err)
	}
	pipeline, err := ci.Parse(f.file, text)
	if err != nil {
		return nil, err
	}
	if name == "" {
		jobs := pipeline.Jobs()
		if len(jobs) != 1 {
			names := make([]string, len(jobs))
			for i, j := range jobs {
				names[i] = fmt.Sprintf("%q", j.Name)
			}
			return nil, usageError{fmt.Errorf("%s has %d jobs; name one of %s", f.file, len(jobs), strings.Join(names, ", "))}
		}
		name = jobs[0].Name
	}
	job, err := pipeline.Job(name)
	if err != nil {
		return nil, err
	}
	for _, w := range append(pipeline.Warnings, job.Warnings...) {
		_, _ = fmt.Fprintln(c.ErrOrStderr(), "note:", w)
	}
	return job, nil
}

// projectVariables are those given by --variable, and, with --endpoint, what
// brings AWS clients there. What the caller gives wins.
func (f *runFlags) projectVariables() ([]ci.Variable, error) {
	var variables []ci.Variable
	if f.endpoint != "" {
		if u, err := url.Parse(f.endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, usageError{fmt.Errorf("--endpoint %q is no URL such as http://127.0.0.1:8350", f.endpoint)}
		}
		variables = append(variables,
			ci.Variable{Name: "AWS_ENDPOINT_URL", Value: f.endpoint, Raw: true},
			ci.Variable{Name: "AWS_ENDPOINT_URL_STS", Value: f.endpoint, Raw: true}, // aws-sdk-go-v2's web identity chain reads only this one
			ci.Variable{Name: "AWS_DEFAULT_REGION", Value: f.region, Raw: true},
		)
	}
	for _, v := range f.variables {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("--variable %q is not NAME=VALUE", v)}
		}
		variables = append(variables, ci.Variable{Name: name, Value: value})
	}
	return variables, nil
}

var removedToken = regexp.MustCompile(`\bCI_JOB_JWT(_V[12])?\b`)

// removedTokens lists the predefined tokens of old GitLab that the job's
// scripts use and nothing in the job or the project's variables sets (GitLab,
// "Deprecations and removals by version", 17.0).
func removedTokens(job *ci.Job, project []ci.Variable) []string {
	var names []string
	for _, line := range slices.Concat(job.BeforeScript, job.Script, job.AfterScript) {
		names = append(names, removedToken.FindAllString(line, -1)...)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool {
		return slices.ContainsFunc(job.IDTokens, func(t ci.IDToken) bool { return t.Name == name }) ||
			slices.ContainsFunc(slices.Concat(job.Variables, project), func(v ci.Variable) bool { return v.Name == name })
	})
}

// publishIssuer opens the issuer and serves it while the job runs, unless
// another process does already.
func publishIssuer(c *cobra.Command, dir string) (i *instance.Instance, stop func(), err error) {
	if i, err = openInstance(c, dir); err != nil {
		return nil, nil, err
	}
	l, err := i.Listen(c.Context(), time.Now())
	if errors.Is(err, instance.ErrServed) {
		return i, func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(c.Context())
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := i.Serve(ctx, l, slog.New(slog.DiscardHandler)); err != nil {
			_, _ = fmt.Fprintln(c.ErrOrStderr(), "daypass: the issuer stopped:", err)
		}
	}()
	return i, func() { cancel(); <-served }, nil
}

func onTerminal(c *cobra.Command) bool {
	f, ok := c.OutOrStdout().(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
}

func newCIToken() *cobra.Command {
	var f jobFlags
	var audiences []string
	c := &cobra.Command{
		Use:   "token",
		Short: "Print one ID token, as a job would get it",
		Long: `Print one ID token for a project and ref, as a job with a timeout of one hour
would get it. It is a credential: whoever reads it can use it until it expires.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if len(audiences) == 0 {
				return usageError{errors.New("a token needs an audience; give --aud AUDIENCE")}
			}
			i, err := openInstance(c, f.issuer)
			if err != nil {
				return err
			}
			job, err := f.job(c.Context(), ".", i.Issuer, nil, nil)
			if err != nil {
				return err
			}
			token, err := i.Issuer.IDToken(job, audiences, time.Now(), rand.Reader)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), token)
			return err
		},
	}
	f.add(c)
	c.Flags().StringArrayVar(&audiences, "aud", nil, "the token's `AUDIENCE`; given more than once, aud is an array")
	return c
}
