package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/lint"

	"github.com/spf13/cobra"
)

// Formats of findings.
const (
	formatText        = "text"
	formatJSON        = "json"
	formatSARIF       = "sarif"
	formatCodeQuality = "gitlab-code-quality"
)

var lintFormats = []string{formatText, formatJSON, formatSARIF, formatCodeQuality}

// lintFlags are the flags of `lint`.
type lintFlags struct {
	format, severity, baseline, explain string
	rules, clientIDs, extended          []string
	account                             string
	fix, writeBaseline, listRules       bool
	skipUnreadable, fromServer          bool
	allExtended                         bool
	accepted                            time.Duration
	server                              serverFlags
	threshold                           lint.Severity // of severity
}

func newLint() *cobra.Command {
	var flags lintFlags
	c := &cobra.Command{
		Use:   "lint [FILE|DIR|-]…",
		Short: "Find what trust policies admit that nobody wanted, and what in them never matches",
		Long: `Examine trust policies of roles for tokens. A finding of width shows a token that
gets in: found in the issuer's grammar of names and refs, and held against the
policy by the engine that decides requests. Where there is none, nothing is
reported. No network is used, but for --server.

Files may be, each told by its content:

  a trust policy as JSON; what "aws iam get-role" or list-roles prints
  a Terraform plan or state: terraform show -json PLAN
  a CloudFormation template, JSON or YAML
  what "aws iam get-account-authorization-details" prints
  a directory that "daypass export" wrote; any other directory: the files in it

--fix writes trust policies back, that are files or stand as objects in JSON, and
changes no more than the finding needs. A fix only closes: what it makes of the
policy admits nothing that the policy did not. What needs a person is left.

--baseline FILE accepts findings up to a date; --write-baseline makes the file of
what is found now.

Ends with 0 where there is nothing at or above --severity, with 1 where there is,
and with 2 where something could not be read.
` + callerHelp,
		Example: `  daypass lint trust.json
  terraform show -json plan | daypass lint -
  daypass lint --format gitlab-code-quality policies > gl-code-quality-report.json
  daypass lint --server --endpoint-url http://127.0.0.1:8350
  daypass lint --explain TP007`,
		RunE: flags.run,
	}
	f := c.Flags()
	f.StringVar(&flags.format, "format", formatText, "`FORM`: "+strings.Join(lintFormats, ", "))
	f.StringVar(&flags.severity, "severity", lint.Warning.String(), "`LEVEL` from which findings count and are shown: info, low, warning, medium, high, error, critical")
	f.StringSliceVar(&flags.rules, "rule", nil, "only these `RULES`, by id or name")
	f.BoolVar(&flags.fix, "fix", false, "mend what can be mended by closing, in the files")
	f.StringVar(&flags.baseline, "baseline", "", "`FILE` of findings that are accepted up to a date")
	f.BoolVar(&flags.writeBaseline, "write-baseline", false, "write the file of --baseline: what is found now is accepted")
	f.DurationVar(&flags.accepted, "accept-for", 90*24*time.Hour, "how long --write-baseline accepts a finding that it does not know yet, such as 720h")
	f.StringSliceVar(&flags.clientIDs, "client-id", nil, "client `ID`s of the providers, where the input does not tell them")
	f.StringSliceVar(&flags.extended, "extended-claims", nil, "`URL` of a provider for which the server makes every claim a condition key")
	addKeySet(c, &flags.allExtended, "extended-claims")
	f.StringVar(&flags.account, "account", "", "the roles' account, 12 `DIGITS`, where the input does not tell it")
	f.BoolVar(&flags.skipUnreadable, "skip-unreadable", false, "what cannot be read is told and does not count")
	f.StringVar(&flags.explain, "explain", "", "say what the `RULE` is about, and end")
	f.BoolVar(&flags.listRules, "list-rules", false, "list the rules, and end")
	f.BoolVar(&flags.fromServer, "server", false, "examine the roles of a running server, whose account is the caller's")
	flags.server.add(c)
	return c
}

// run carries out one call of lint.
func (l *lintFlags) run(c *cobra.Command, args []string) error {
	switch {
	case l.explain != "":
		r, ok := lint.RuleByID(l.explain)
		if !ok {
			return usageError{fmt.Errorf("there is no rule %q; --list-rules lists them", l.explain)}
		}
		_, err := fmt.Fprint(c.OutOrStdout(), r.Help())
		return err
	case l.listRules:
		return listRules(c.OutOrStdout())
	}
	if err := l.check(args); err != nil {
		return err
	}
	in := &lintInput{flags: l, stdin: c.InOrStdin()}
	if err := in.read(c, args); err != nil {
		return unreadable(err)
	}
	found := in.examine()
	if l.fix {
		fixed, err := in.mend(l)
		if err != nil {
			return err
		}
		for _, line := range fixed {
			_, _ = fmt.Fprintln(c.ErrOrStderr(), line)
		}
		found = in.examine()
	}
	return l.report(c, in, found)
}

// unreadable is the end of a call whose input could not be read at all.
func unreadable(err error) error { return usageError{err} }

// check refuses calls that contradict themselves.
func (l *lintFlags) check(args []string) error {
	if err := l.threshold.UnmarshalText([]byte(l.severity)); err != nil {
		return usageError{fmt.Errorf("--severity is info, low, warning, medium, high, error or critical, not %q", l.severity)}
	}
	for i, id := range l.rules {
		r, ok := lint.RuleByID(id)
		if !ok {
			return usageError{fmt.Errorf("there is no rule %q; --list-rules lists them", id)}
		}
		if r.Online {
			return usageError{fmt.Errorf("%s is not run: only the issuer could tell; see --explain %[1]s", r.ID)}
		}
		l.rules[i] = r.ID
	}
	switch {
	case !slices.Contains(lintFormats, l.format):
		return usageError{fmt.Errorf("--format is %s, not %q", strings.Join(lintFormats, ", "), l.format)}
	case len(args) == 0 && !l.fromServer:
		return usageError{errors.New("name a file or directory, or - for standard input, or ask a --server; see \"daypass lint --help\"")}
	case l.writeBaseline && l.baseline == "":
		return usageError{errors.New("--write-baseline needs the name of the file: --baseline FILE")}
	case l.writeBaseline && l.accepted <= 0:
		return usageError{errors.New("--accept-for is not above zero")}
	case l.fix && l.fromServer:
		return usageError{errors.New("--fix writes files, not a server's roles; write the policies to files, mend them there, and put them with \"aws iam update-assume-role-policy\"")}
	case l.account != "" && !isAccount(l.account):
		return usageError{fmt.Errorf("account %q is not 12 digits", l.account)}
	}
	for i, url := range l.extended {
		l.extended[i] = strings.TrimPrefix(url, "https://")
	}
	return nil
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// wants reports whether a finding counts.
func (l *lintFlags) wants(f *lint.Finding) bool {
	return (len(l.rules) == 0 || slices.Contains(l.rules, f.Rule)) && (f.Severity >= l.threshold || slices.Contains(l.rules, f.Rule))
}

// report writes what was found and gives the exit code.
func (l *lintFlags) report(c *cobra.Command, in *lintInput, found []lint.Located) error {
	var counting []lint.Located
	hidden := 0
	for i := range found {
		switch {
		case l.wants(&found[i].Finding):
			counting = append(counting, found[i])
		case len(l.rules) == 0:
			hidden++
		}
	}
	notes := in.notes
	if l.baseline != "" {
		b, err := readBaseline(l.baseline, l.writeBaseline)
		if err != nil {
			return unreadable(err)
		}
		now := time.Now()
		if l.writeBaseline {
			return l.accept(c, b, counting, now)
		}
		var told []string
		counting, told = b.apply(counting, now)
		notes = append(notes, told...)
	}
	for _, note := range notes {
		_, _ = fmt.Fprintln(c.ErrOrStderr(), strings.Map(printable, note))
	}
	var err error
	switch l.format {
	case formatJSON:
		err = lint.WriteJSON(c.OutOrStdout(), counting)
	case formatSARIF:
		err = lint.WriteSARIF(c.OutOrStdout(), counting, version())
	case formatCodeQuality:
		err = lint.WriteCodeQuality(c.OutOrStdout(), counting)
	default:
		err = printFindings(c.OutOrStdout(), counting, in, hidden)
	}
	switch {
	case err != nil:
		return err
	case in.missing > 0 && !l.skipUnreadable:
		return &exitError{exitUsage}
	case len(counting) > 0:
		return &exitError{exitFailure}
	}
	return nil
}

// accept writes the baseline.
func (l *lintFlags) accept(c *cobra.Command, b *baseline, found []lint.Located, now time.Time) error {
	if err := b.write(l.baseline, found, now, l.accepted); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.ErrOrStderr(), "%s accepts %s; say in it why, for each\n", l.baseline, counted(len(found), "finding"))
	return err
}

func listRules(w io.Writer) error {
	var rows [][]string
	for _, r := range lint.Rules() {
		marks := []string{}
		if r.Width {
			marks = append(marks, "witness")
		}
		if r.Fix {
			marks = append(marks, "fix")
		}
		if r.Online {
			marks = append(marks, "not run: online")
		}
		rows = append(rows, []string{r.ID, r.Name, r.Severity.String(), strings.Join(marks, ", ")})
	}
	return printTable(w, []string{"RULE", "NAME", "SEVERITY", "HAS"}, rows)
}
