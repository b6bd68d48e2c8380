package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

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
