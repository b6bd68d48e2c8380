package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/ledger"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
)

// publishError gives an error of publish its exit code.
func publishError(c *cobra.Command, err error) error {
	var refusal *publish.Refusal
	exit := 0
	switch {
	case err == nil || c.Context().Err() != nil:
		return err
	case errors.As(err, &refusal):
		exit = exitRefused
		err = fmt.Errorf("refused (%s): %w", refusal.Rule, err)
	case errors.Is(err, publish.ErrChanged):
		exit = exitBusy
	default:
		return err
	}
	_, _ = fmt.Fprintf(c.ErrOrStderr(), "daypass: %s\n", inWords(err))
	return &exitError{exit}
}

func writeIndented(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// printPlan tells the keys, one a line.
func printPlan(w io.Writer, p *ledger.Plan) {
	for _, l := range p.Lines {
		style := dimStyle
		switch l.Sign {
		case "+":
			style = goodStyle
		case "-":
			style = badStyle
		case "~", "?":
			style = warnStyle
		}
		_, _ = lipgloss.Fprintf(w, "%s\n", style.Render(l.Sign+" "+l.Thumbprint+"  "+l.Text))
		if l.Kid != l.Thumbprint {
			_, _ = lipgloss.Fprintf(w, "  kid %q\n", l.Kid)
		}
	}
	for _, later := range p.Later {
		_, _ = lipgloss.Fprintln(w, "later: "+later)
	}
	for _, t := range p.Unpublished {
		_, _ = lipgloss.Fprintln(w, warnStyle.Render("warning: the issuer has the key "+t+", and nobody vouches for it; if it signs ID tokens, those are refused"))
	}
}

// endPublish prints what was done. First says that nothing was published before.
func (f *publishFlags) endPublish(c *cobra.Command, r *publish.Result, first bool) error {
	if f.output == "json" {
		if err := writeIndented(c.OutOrStdout(), r); err != nil {
			return err
		}
	} else {
		f.printResult(c.OutOrStdout(), r, first)
	}
	if r.Failed {
		return &exitError{exitDoesNotWork}
	}
	return nil
}

func (f *publishFlags) printResult(w io.Writer, r *publish.Result, first bool) {
	say := func(text string) { _, _ = lipgloss.Fprintln(w, text) }
	printPlan(w, r.Plan)
	for _, text := range r.Warnings {
		say(warnStyle.Render("warning: " + text))
	}
	for _, text := range r.Checks {
		if strings.Contains(text, "FAILED") {
			say(badStyle.Render(text))
			continue
		}
		say(text)
	}
	switch {
	case !r.Changed:
		say("nothing to do: what is public is what it should be")
	case r.Failed:
		say(badStyle.Render("published, but those who trust the issuer will not get along with it; \"daypass doctor issuer " + f.issuer + "\" tells more"))
	default:
		say(goodStyle.Render("published: " + f.issuer))
	}
	say("ledger head " + r.Head)
	if first {
		say(f.trustWords())
	}
	f.noNeed(w)
}

// trustWords say what follows from the issuer's URL, which trust policies get
// wrong where they keep the instance's own.
func (f *publishFlags) trustWords() string {
	host := strings.TrimPrefix(f.issuer, "https://")
	return `
In IAM and in trust policies the public host now stands, and not that of GitLab:
  provider       arn:aws:iam::ACCOUNT:oidc-provider/` + host + `
  condition keys ` + host + `:sub, ` + host + `:aud
A policy that still names the old host's keys admits nobody. All who
verify this GitLab's ID tokens (Vault, Google Cloud, Azure) see the new issuer too.
Next: set ci_id_tokens_issuer_url to ` + f.issuer + ` in GitLab ("daypass publish
gitlab-settings" says where), and run "daypass doctor issuer ` + f.issuer + `".`
}

// noNeed says where publishing is not needed at all.
func (f *publishFlags) noNeed(w io.Writer) {
	if f.relying == "daypass" {
		_, _ = lipgloss.Fprintln(w, "\nA Daypass server needs none of this: give its provider a keysFile, or a discoveryUrl\nthat it reaches from inside (docs/configuration.md), and nothing has to be public.")
	}
}

// printVerification is the auditor's page.
func printVerification(w io.Writer, v *publish.Verification) {
	say := func(format string, args ...any) { _, _ = lipgloss.Fprintf(w, format+"\n", args...) }
	say("%s", titleStyle.Render("issuer "+v.Issuer))
	say("ledger head %s", v.Head)
	say("\nkeys")
	for i := range v.Keys {
		k := &v.Keys[i]
		seen := goodStyle.Render("public")
		if !k.Public {
			seen = badStyle.Render("NOT PUBLIC")
		}
		say("  %s  %s, %s\n    %s by %s, %s", k.Thumbprint, k.Status, seen, k.How, k.By, k.Since.Format(time.RFC3339))
	}
	say("\nchanges")
	for _, h := range v.History {
		say("  %s  %s\n    %s", h.Time.Format(time.RFC3339), h.By, h.Change)
	}
	for _, note := range v.Notes {
		say("note: %s", note)
	}
	say("")
	for _, p := range v.Problems {
		say("%s", badStyle.Render(p.Code+": "+p.Text))
	}
	if v.Verified {
		say("%s", goodStyle.Render("verified: what is public is what the ledger says"))
	}
}
