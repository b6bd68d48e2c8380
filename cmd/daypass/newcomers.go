package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/daypass/daypass/internal/lint"

	"github.com/spf13/cobra"
)

// newcomerFlags are what `daypass diff` and `daypass who-can` are given.
type newcomerFlags struct {
	clientIDs        []string
	account          string
	asJSON, mayAdmit bool
	extended         bool
}

func (f *newcomerFlags) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.clientIDs, "client-id", nil, "a client `ID` of the providers, as often as there are")
	c.Flags().StringVar(&f.account, "account", "", "the account of the roles, 12 `DIGITS`, where the files do not tell")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	addKeySet(c, &f.extended)
}

func newDiff() *cobra.Command {
	var flags newcomerFlags
	c := &cobra.Command{
		Use:   "diff [flags] OLD NEW",
		Short: "Say whom a change of trust policies lets in, and whom it shuts out",
		Long: `Say whom a change of trust policies lets in that was not let in before, and whom it
shuts out, each by a token that was held against both by the deciding engine. OLD and
NEW are what "daypass lint" reads: trust policies, Terraform plans, CloudFormation
templates, dumps of accounts, archives; roles are compared by ARN or name.

A token is found for each form of subject in each statement, not every token that
there is: that none is found for a statement is no proof that it lets nobody in.

It ends with 1 where somebody is let in, which --may-admit prevents, and with 2 where
a policy cannot be read.`,
		Example: `  daypass diff trust.old.json trust.json
  git show HEAD:trust.json | daypass diff - trust.json`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return flags.diff(c, args[0], args[1]) },
	}
	flags.add(c)
	c.Flags().BoolVar(&flags.mayAdmit, "may-admit", false, "end with 0 though somebody is let in")
	return c
}

func newWhoCan() *cobra.Command {
	var flags newcomerFlags
	var role string
	c := &cobra.Command{
		Use:   "who-can [flags] FILE|DIR",
		Short: "Say who can assume a role with a token",
		Long: `Say who can assume a role with a token: for each form of subject that a statement of
its trust policy lets in, a token that the deciding engine admits. The input is what
"daypass lint" reads. Of a policy with patterns a token is an example; "daypass lint"
tells which of them nobody wanted.`,
		Example: `  daypass who-can trust.json
  daypass who-can dump.json --role deploy`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return flags.whoCan(c, args[0], role) },
	}
	flags.add(c)
	c.Flags().StringVar(&role, "role", "", "of several roles, the one with this `NAME` or ARN")
	return c
}

// admittance is whom a role lets in or shuts out.
type admittance struct {
	Role string `json:"role"`
	// In are those who are let in, Out those who no longer are.
	In  []*lint.Witness `json:"in,omitempty"`
	Out []*lint.Witness `json:"out,omitempty"`
	// Note says where the search had to give up.
	Note string `json:"note,omitempty"`
}

// roles reads roles as lint does.
func (f *newcomerFlags) roles(c *cobra.Command, stdin io.Reader, name string) ([]lint.Role, error) {
	in := &lintInput{flags: &lintFlags{account: f.account, clientIDs: f.clientIDs, allExtended: f.extended}, stdin: stdin}
	if err := in.read(c, []string{name}); err != nil {
		return nil, usageError{err}
	}
	if in.missing > 0 || len(in.roles) == 0 {
		what := "there is no trust policy in it"
		if len(in.notes) > 0 {
			what = in.notes[0]
		}
		return nil, usageError{fmt.Errorf("%s: %s", name, what)}
	}
	return in.roles, nil
}

// nameOf is what a role is compared by; a policy in a file of its own has no name.
func nameOf(r *lint.Role) string {
	if r.ARN != "" {
		return r.ARN
	}
	return r.Name
}

// newcomers asks whom one policy lets in and another does not.
func newcomers(before, after lint.Role) (found []*lint.Witness, note string, err error) {
	found, err = lint.Newcomers(before, after)
	var gaveUp *lint.UnreadableError
	if errors.As(err, &gaveUp) && found != nil {
		return found, gaveUp.Error(), nil
	}
	if err != nil {
		return nil, "", usageError{fmt.Errorf("%s: %w", nameOf(&after), err)}
	}
	return found, "", nil
}

func (f *newcomerFlags) diff(c *cobra.Command, old, changed string) error {
	before, err := f.roles(c, c.InOrStdin(), old)
	if err != nil {
		return err
	}
	after, err := f.roles(c, c.InOrStdin(), changed)
	if err != nil {
		return err
	}
	one := len(before) == 1 && len(after) == 1 // two files with a policy each
	was := map[string]lint.Role{}
	for i := range before {
		was[nameOf(&before[i])] = before[i]
	}
	var all []admittance
	for i := range after {
		role := after[i]
		then, ok := was[nameOf(&role)]
		if one {
			then, ok = before[0], true
		}
		delete(was, nameOf(&then))
		a := admittance{Role: nameOf(&role)}
		if a.In, a.Note, err = newcomers(then, role); err != nil {
			return err
		}
		if ok {
			if a.Out, _, err = newcomers(role, then); err != nil {
				return err
			}
		}
		all = append(all, a)
	}
	for name, role := range was { // that are gone
		a := admittance{Role: name}
		if a.Out, a.Note, err = newcomers(lint.Role{}, role); err != nil {
			return err
		}
		all = append(all, a)
	}
	in, err := f.print(c, all, "Nobody new is let in, and nobody is shut out.")
	if err == nil && in > 0 && !f.mayAdmit {
		return &exitError{exitFailure}
	}
	return err
}

func (f *newcomerFlags) whoCan(c *cobra.Command, name, role string) error {
	roles, err := f.roles(c, c.InOrStdin(), name)
	if err != nil {
		return err
	}
	var all []admittance
	for i := range roles {
		if role != "" && role != roles[i].Name && role != roles[i].ARN {
			continue
		}
		a := admittance{Role: nameOf(&roles[i])}
		if a.In, a.Note, err = newcomers(lint.Role{}, roles[i]); err != nil {
			return err
		}
		all = append(all, a)
	}
	if all == nil {
		return usageError{fmt.Errorf("%s has no role %s", name, role)}
	}
	_, err = f.print(c, all, "No token was found that is let in.")
	return err
}

// print tells of each role, and counts who is let in.
func (f *newcomerFlags) print(c *cobra.Command, all []admittance, nobody string) (in int, err error) {
	out := 0
	for i := range all {
		in += len(all[i].In)
		out += len(all[i].Out)
	}
	if f.asJSON {
		return in, printJSON(c.OutOrStdout(), all)
	}
	w := &reportWriter{out: c.OutOrStdout()}
	for i := range all {
		a := &all[i]
		if len(a.In)+len(a.Out) == 0 && a.Note == "" {
			continue
		}
		if a.Role != "" {
			w.say("%s", titleStyle.Render(shownText(a.Role)))
		}
		for _, witness := range a.In {
			w.witness(warnStyle.Render("+"), witness)
		}
		for _, witness := range a.Out {
			w.witness(dimStyle.Render("-"), witness)
		}
		if a.Note != "" {
			w.say("  %s %s", warnStyle.Render("!"), shownText(a.Note))
		}
	}
	if in+out == 0 {
		w.say("%s", nobody)
	} else if in > 0 {
		w.say("%s is somebody among them who should not get in? daypass lint names the pattern that admits them", titleStyle.Render("Next:"))
	}
	return in, w.err
}

func (w *reportWriter) witness(mark string, of *lint.Witness) {
	w.say("  %s %s", mark, shownText(of.Says))
	w.say("      iss https://%s; sub %s%s", shownText(of.Issuer), shownText(of.Subject), shownText(witnessDetails(of)))
}
