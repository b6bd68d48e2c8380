package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/doctor"
	"github.com/daypass/daypass/internal/publish/ledger"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
)

func newPublishValidate() *cobra.Command {
	var f validateFlags
	c := &cobra.Command{
		Use:   "validate",
		Short: "Check from outside that ID tokens and what is published agree",
		Long: `Check from outside that ID tokens and what is published agree: all that GitLab's
own task ci:validate_id_token_configuration checks, and what that does not: https,
certificates and their order, the byte-for-byte issuer, redirects, what kind of
document comes, keys that AWS cannot use, caching, clocks. The task must run on the
GitLab server, and ends with 0 whatever it found.

The task takes the token of its own making; here it is one of a job, which needs
not end up anywhere: it is sent to nobody. With --from the keys of the instance are
compared, too. With --public-ca or --resolve it can be tried before the public sees it.

Exit status: 0 nothing stands in the way; 1 something does; 2 a wrong call.`,
		Example: `  daypass publish validate --issuer https://oidc.example.com --token-env GITLAB_OIDC_TOKEN
  daypass publish validate --issuer https://oidc.example.com --from https://gitlab.internal --ca ca.pem --no-token`,
		Args: noToken,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	f.publicFlags.add(c)
	f.reportFlags.add(c)
	f.tokenFlags.add(c)
	c.Flags().StringVar(&f.from, "from", "", "`URL` of the GitLab instance from inside, whose keys are compared")
	c.Flags().StringVar(&f.ca, "ca", "", "authorities of your own, PEM `FILE`, that vouch for --from")
	c.Flags().BoolVar(&f.noToken, "no-token", false, "leave out what only a token can tell, such as which key signs")
	return c
}

type validateFlags struct {
	publicFlags
	reportFlags
	tokenFlags
	from, ca string
	noToken  bool
}

func (f *validateFlags) run(c *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	reader, err := f.reader()
	if err != nil {
		return err
	}
	if err := ledger.CheckIssuer(f.issuer); err != nil {
		return usageError{err}
	}
	token, err := f.read(c)
	switch {
	case err != nil:
		return err
	case token == nil && !f.noToken:
		return usageError{errors.New("which token? Give one of a job with --token-env or --token-file; without one it is not known which key signs, nor what tokens name as their issuer. --no-token leaves that out")}
	case token != nil && f.noToken:
		return usageError{errors.New("give a token or --no-token, not both")}
	}
	private, err := f.private()
	if err != nil {
		return err
	}
	report := doctor.Issuer(c.Context(), doctor.IssuerConfig{
		URL: f.issuer, For: doctor.For(f.relying), Now: time.Now, Private: private, Resolve: reader.Resolve, GitLab: f.from, Token: token,
	})
	if f.format == "text" {
		if err := printGitLabChecks(c.OutOrStdout(), gitlabChecks(report)); err != nil {
			return usageError{fmt.Errorf("write the report: %w", err)}
		}
	}
	return f.end(c, "what is published at "+f.issuer, report)
}

// private are the authorities of --ca and --public-ca; nil for none.
func (f *validateFlags) private() (*x509.CertPool, error) {
	var pool *x509.CertPool
	for flag, file := range map[string]string{"--ca": f.ca, "--public-ca": f.publicCA} {
		if file == "" {
			continue
		}
		if pool == nil {
			pool = x509.NewCertPool()
		}
		if _, err := withCertificates(pool, file); err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", flag, err)}
		}
	}
	return pool, nil
}

// gitlabCheck is a step of GitLab's task, as the doctor's checks answer it.
type gitlabCheck struct {
	what    string
	says    string // by GitLab, where it fails
	verdict doctor.Level
}

// gitlabChecks goes through the steps of GitLab's task in their order
// (lib/tasks/ci/validate_id_token_configuration_task.rb of GitLab 18.1): which of
// the doctor's checks and faults each of them is.
func gitlabChecks(r *doctor.Report) []gitlabCheck {
	const otherIssuer, unknownKey = "discovery-other-issuer", "key-unknown"
	steps := []struct {
		gitlabCheck
		checks      []string // of the doctor
		codes, less []string // faults more, and less
	}{
		{gitlabCheck{what: "the OpenID configuration can be read", says: "Error while accessing OpenID configuration"}, []string{"D12"}, nil, []string{otherIssuer}},
		{gitlabCheck{what: "its issuer is the token's, byte for byte", says: "issuer: value incorrectly configured"}, []string{"T04"}, []string{otherIssuer}, nil},
		{gitlabCheck{what: "the keys can be read", says: "Error while accessing JWKS URI"}, []string{"D13"}, nil, nil},
		{gitlabCheck{what: "the token's kid is among them", says: "No JWK found with kid"}, []string{"T02"}, []string{unknownKey}, nil},
		{gitlabCheck{what: "the key confirms the token, whose times and claims are good", says: "JWT verification failed"}, []string{"T03", "T06", "T08"}, nil, nil},
	}
	hasToken := slices.ContainsFunc(r.Findings, func(f doctor.Finding) bool { return f.Check == "T01" })
	var all []gitlabCheck
	for _, step := range steps {
		step.verdict = doctor.OK
		if step.checks[0][0] == 'T' && !hasToken {
			step.verdict = doctor.Skipped
		}
		for i := range r.Findings {
			of := &r.Findings[i]
			mine := slices.Contains(step.checks, of.Check) && !slices.Contains(step.less, of.Code) || slices.Contains(step.codes, of.Code)
			switch {
			case mine && of.Level == doctor.Error:
				step.verdict = doctor.Error
			case mine && of.Level == doctor.Skipped && step.verdict == doctor.OK:
				step.verdict = doctor.Skipped
			}
		}
		all = append(all, step.gitlabCheck)
	}
	return all
}

func printGitLabChecks(w io.Writer, all []gitlabCheck) error {
	_, err := lipgloss.Fprintln(w, titleStyle.Render("As GitLab's ci:validate_id_token_configuration asks"))
	for _, check := range all {
		l := levels[check.verdict]
		line := l.style.Render(fmt.Sprintf("%s %-8s", l.mark, l.word)) + " " + check.what
		if check.verdict == doctor.Error {
			line += dimStyle.Render("  GitLab says: " + check.says)
		}
		if err == nil {
			_, err = lipgloss.Fprintln(w, line)
		}
	}
	if err == nil {
		_, err = lipgloss.Fprintln(w)
	}
	return err
}
