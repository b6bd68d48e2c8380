package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/ledger"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
)

func newPublishPlan() *cobra.Command {
	var f publishFlags
	c := &cobra.Command{
		Use:   "plan",
		Short: "Say which keys would come, change and go; write nothing",
		Long: `Read the issuer's keys, the ledger and what is public, and say what apply would
do. Keys are told by their RFC 7638 thumbprint. Nothing is written.

Exit status: 0 nothing is to do; 2 apply would change something; 1 it could not be
found out; 3 refused, as apply would; 64 a wrong call.`,
		Example: `  daypass publish plan --from https://gitlab.internal --ca ca.pem --issuer https://oidc.example.com --to s3://oidc-example-an --expected-bucket-owner 123456789012`,
		Args:    noToken,
		RunE: func(c *cobra.Command, _ []string) error {
			err := f.plan(c)
			var usage usageError
			if errors.As(err, &usage) {
				return planUsage(c, err)
			}
			return publishError(c, err)
		},
	}
	c.SetFlagErrorFunc(planUsage)
	f.addAll(c)
	f.addSource(c)
	return c
}

// planUsage is a wrong call of plan: 2 is taken.
func planUsage(c *cobra.Command, err error) error {
	_, _ = fmt.Fprintf(c.ErrOrStderr(), "daypass: %s; see \"%s --help\"\n", inWords(err), c.CommandPath())
	return &exitError{exitPlanUsage}
}

var errNoSource = usageError{errors.New("where are the issuer's keys? Give --from https://gitlab.internal or --from-file FILE")}

// asked is what the issuer's keys, as they are now, ask to be published.
func (f *publishFlags) asked(c *cobra.Command) (*publish.Publisher, ledger.Request, error) {
	upstream, err := f.upstream()
	if err != nil {
		return nil, ledger.Request{}, err
	}
	if upstream == nil {
		return nil, ledger.Request{}, errNoSource
	}
	p, err := f.setUp(c)
	if err != nil {
		return nil, ledger.Request{}, err
	}
	request, err := f.request(c, p, upstream)
	return p, request, err
}

func (f *publishFlags) plan(c *cobra.Command) error {
	p, request, err := f.asked(c)
	if err != nil {
		return err
	}
	preview, err := p.Plan(c.Context(), request)
	if err != nil {
		return err
	}
	if f.output == "json" {
		err = writeIndented(c.OutOrStdout(), struct {
			*publish.Preview
			Changes bool `json:"changes"`
		}{preview, preview.Changes()})
		if err != nil {
			return err
		}
	} else {
		w := c.OutOrStdout()
		printPlan(w, preview.Plan)
		if preview.Unfinished {
			_, _ = lipgloss.Fprintln(w, "a publisher was stopped; apply finishes its work first")
		}
		if preview.PutBack {
			_, _ = lipgloss.Fprintln(w, badStyle.Render("the target has not what the ledger says: somebody else wrote there. Apply puts it back"))
		}
		if !preview.Changes() {
			_, _ = lipgloss.Fprintln(w, "nothing to do")
		}
		f.noNeed(w)
	}
	if preview.Changes() {
		return &exitError{exitPlanChanges}
	}
	return nil
}

func newPublishApply() *cobra.Command {
	var f publishFlags
	c := &cobra.Command{
		Use:   "apply",
		Short: "Publish what the issuer's keys ask for",
		Long: `Publish what plan tells. Each change is first written into the ledger; then the
keys, which are read back through the public URL; then the configuration, likewise;
then the issuer is examined as AWS meets it. A publisher that is stopped at any
point leaves what admits every valid token, and the next one goes on.

The first key must be approved by a person. A later one needs a live ID token that
it signed, or approval. A key that the issuer has no more stays until every token
that it signed is over and no cache needs it; it goes in a run of its own. An
issuer that does not answer changes nothing.` + publishExitCodes,
		Example: `  daypass publish apply --from https://gitlab.internal --ca ca.pem --issuer https://oidc.example.com --to s3://oidc-example-an --expected-bucket-owner 123456789012 --ledger oidc.jsonl --approve THUMBPRINT
  daypass publish apply … --proof-token-env GITLAB_OIDC_TOKEN`,
		Args: noToken,
		RunE: func(c *cobra.Command, _ []string) error { return publishError(c, f.apply(c)) },
	}
	f.addAll(c)
	f.addSource(c)
	return c
}

func (f *publishFlags) apply(c *cobra.Command) error {
	p, request, err := f.asked(c)
	if err != nil {
		return err
	}
	return f.follow(c, p, request)
}

func (f *publishFlags) follow(c *cobra.Command, p *publish.Publisher, request ledger.Request) error {
	before, err := p.State(c.Context())
	if err != nil {
		return err
	}
	result, err := p.Follow(c.Context(), request)
	if err != nil {
		return err
	}
	return f.endPublish(c, result, before == nil)
}

func newPublishVerify() *cobra.Command {
	var f publicFlags
	var source publishSource
	var path, head, output string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Hold what is public against the ledger; no credentials are needed",
		Long: `Read the public documents and hold them against a copy of the ledger: is every key
that the ledger tells of public, and no other, and was the ledger itself edited?
Prints who vouched for which key, and when. It needs no credentials.

A ledger that somebody wrote anew is found by a hash that was kept elsewhere
(--head, as apply printed it). With --from the issuer is asked too.

Exit status: 0 all is as the ledger says; 4 something is not; 1 it could not be
found out, or not all of it; 2 a wrong call.`,
		Example: `  daypass publish verify --issuer https://oidc.example.com --ledger oidc.jsonl`,
		Args:    noToken,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case output != "text" && output != "json":
				return usageError{fmt.Errorf("--output %q is neither text nor json", output)}
			case path == "":
				return usageError{errors.New("which ledger? Give a copy of it with --ledger FILE")}
			}
			reader, err := f.reader()
			if err != nil {
				return err
			}
			upstream, err := source.upstream()
			if err != nil {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return usageError{fmt.Errorf("--ledger: %w", err)}
			}
			v := publish.Verify(c.Context(), publish.VerifyConfig{Issuer: f.issuer, Public: reader, Ledger: text, Head: head, Upstream: upstream, Now: time.Now})
			return endVerify(c, v, output)
		},
	}
	f.add(c)
	source.add(c)
	c.Flags().StringVar(&path, "ledger", "", "`FILE` with a copy of the ledger")
	c.Flags().StringVar(&head, "head", "", "a `HASH` of the ledger that was kept elsewhere")
	c.Flags().StringVar(&output, "output", "text", "`FORM` of the output: text or json")
	return c
}

func endVerify(c *cobra.Command, v *publish.Verification, output string) error {
	if err := c.Context().Err(); err != nil {
		return err
	}
	if output == "json" {
		if err := writeIndented(c.OutOrStdout(), v); err != nil {
			return err
		}
	} else {
		printVerification(c.OutOrStdout(), v)
	}
	if v.Verified {
		return nil
	}
	for _, p := range v.Problems {
		if p.Code != "unreachable" && p.Code != "upstream" {
			return &exitError{exitNotAsPromised}
		}
	}
	return &exitError{exitFailure}
}
