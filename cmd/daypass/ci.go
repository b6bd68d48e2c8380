package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/gitlab/instance"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newCI() *cobra.Command {
	c := &cobra.Command{
		Use:   "ci",
		Short: "Run GitLab CI/CD jobs on this machine, with ID tokens",
	}
	group(c)
	c.AddCommand(newCIRun(), newCIList(), newCILint(), newCIToken())
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
	j, err := f.describe(ctx, dir, variables)
	if err != nil {
		return nil, err
	}
	if j.Project.Path == "" {
		return nil, usageError{errors.New("no project is known: git names no remote origin here; give --project GROUP/NAME")}
	}
	j.ServerURL = issuer.URL()
	return gitlab.NewJob(j, definition)
}

// describe is the job as far as the flags and the repository in dir tell of it:
// without a server, and without a project where none is known.
func (f *jobFlags) describe(ctx context.Context, dir string, variables []ci.Variable) (gitlab.Job, error) {
	if f.branch != "" && f.tag != "" {
		return gitlab.Job{}, usageError{errors.New("give --branch or --tag, not both")}
	}
	if f.project != "" && !strings.Contains(f.project, "/") {
		return gitlab.Job{}, usageError{fmt.Errorf("--project %q is not GROUP/NAME", f.project)}
	}
	repository := readRepository(ctx, dir)
	j := gitlab.Job{
		Project: gitlab.Project{Path: cmp.Or(f.project, repository.project)}, Protected: f.protected,
		Pipeline: gitlab.Pipeline{Source: f.source}, SHA: repository.sha, CommitMessage: repository.message,
		StartedAt: time.Now(), ProjectVariables: variables,
	}
	switch {
	case f.tag != "":
		j.Ref, j.RefType = f.tag, "tag"
	default:
		j.Ref = cmp.Or(f.branch, repository.branch)
	}
	return j, nil
}

// projectVariables are those given by --var and its like, and, with --endpoint, what
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
	for _, given := range []struct {
		flag   string
		values []string
		make   func(name, value string) (ci.Variable, error)
	}{
		{"var", f.variables, func(name, value string) (ci.Variable, error) {
			return ci.Variable{Name: name, Value: value}, nil
		}},
		{"masked", f.masked, func(name, value string) (ci.Variable, error) {
			return ci.Variable{Name: name, Value: value, Masked: true}, nil
		}},
		{"var-file", f.files, func(name, path string) (ci.Variable, error) {
			text, err := os.ReadFile(path)
			return ci.Variable{Name: name, Value: string(text), File: true, Raw: true}, err
		}},
	} {
		for _, v := range given.values {
			name, value, ok := strings.Cut(v, "=")
			if !ok || name == "" {
				// The text may be a secret: it is not shown.
				return nil, usageError{fmt.Errorf("what --%s was given is not NAME=VALUE", given.flag)}
			}
			variable, err := given.make(name, value)
			if err != nil {
				return nil, fmt.Errorf("--%s %s: %w", given.flag, name, err)
			}
			variables = append(variables, variable)
		}
	}
	return variables, nil
}

// publishIssuer serves the issuer while jobs run, unless another process does
// already.
func publishIssuer(c *cobra.Command, i *instance.Instance) (stop func(), err error) {
	l, err := i.Listen(c.Context(), time.Now())
	if errors.Is(err, instance.ErrServed) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	// It outlives an interrupt: the jobs that it cancels still have their
	// after_script.
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.Context()))
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := i.Serve(ctx, l, slog.New(slog.DiscardHandler)); err != nil {
			_, _ = fmt.Fprintln(c.ErrOrStderr(), "daypass: the issuer stopped:", err)
		}
	}()
	return func() { cancel(); <-served }, nil
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
