package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/lint"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
)

// reachFlags are what `daypass reach` is given.
type reachFlags struct {
	explainFlags
	all bool
}

func newReach() *cobra.Command {
	var flags reachFlags
	c := &cobra.Command{
		Use:   "reach (--from FILE|DIR | --server) (--token-env NAME | --token-file FILE)",
		Short: "Say which roles of an account a token opens, and what they may do",
		Long: `Say which roles of an account a token opens, and what their policies allow and
deny. The account is what "aws iam get-account-authorization-details" printed, a
directory of "daypass export", a Terraform plan (terraform show -json), a
CloudFormation template, or that of a running server. The token is sent nowhere, and
its signature is looked at only with --keys.

Dumps, plans and templates do not have all providers; that a provider is registered is
then taken for granted. AWS managed policies are told by name where their text is not
known.`,
		Example: `  daypass reach --from dump.json --token-env GITLAB_OIDC_TOKEN
  terraform show -json plan | daypass reach --from - --token-env GITLAB_OIDC_TOKEN
  daypass reach --server --endpoint-url http://127.0.0.1:8350 --token-file token`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	f := c.Flags()
	f.StringVar(&flags.account, "from", "", "the account, `FILE` or directory, - for the standard input")
	f.BoolVar(&flags.fromServer, "server", false, "the account of a running server, or of IAM; see \"daypass lint --help\" for who is calling")
	flags.server.add(c)
	f.StringVar(&flags.tokenEnv, "token-env", "", "the token is in the environment variable `NAME`")
	f.StringVar(&flags.tokenFile, "token-file", "", "the token is in `FILE`, - for the standard input")
	f.StringVar(&flags.keys, "keys", "", "verify the signature by the JWK Set in `FILE`")
	f.StringVar(&flags.sourceIP, "source-ip", "", "the `ADDRESS` that asks")
	f.StringVar(&flags.at, "at", "", "the `TIME` of the exchange, such as 2026-11-26T12:00:00Z (default: now)")
	addKeySet(c, &flags.extended)
	f.BoolVar(&flags.all, "all", false, "tell of roles that it does not open as well, and why")
	f.BoolVar(&flags.asJSON, "json", false, "print JSON")
	return c
}

// addKeySet adds --aws and --extended: which claims are condition keys. AWS's are the
// default for files, which are mostly AWS's.
func addKeySet(c *cobra.Command, extended *bool, others ...string) {
	c.Flags().Bool("aws", false, "only the claims of which AWS makes condition keys (the default)")
	c.Flags().BoolVar(extended, "extended", false, "every claim is a condition key, as Daypass can and AWS does not")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		for _, other := range append(others, "extended") {
			if aws, err := c.Flags().GetBool("aws"); err == nil && aws && c.Flags().Changed(other) {
				return usageError{fmt.Errorf("--aws and --%s contradict each other; give one", other)}
			}
		}
		return nil
	}
}

// reached is one role, and whether the token opens it.
type reached struct {
	Role    string          `json:"role"`
	ARN     string          `json:"arn"`
	Verdict explain.Verdict `json:"verdict"`
	// Why says of a role that is not opened what stands in the way.
	Why string `json:"why,omitempty"`
	// Powers are the statements of its policies.
	Powers []explain.Power `json:"powers,omitempty"`
	// Boundary is the ARN of its permissions boundary, which limits the powers.
	Boundary string `json:"boundary,omitempty"`
	// Partial says that the input does not tell all its policies.
	Partial bool `json:"partial,omitempty"`
}

func (f *reachFlags) run(c *cobra.Command) error {
	if f.account == "" && !f.fromServer || f.tokenEnv == "" && f.tokenFile == "" {
		return usageError{errors.New("give an account (--from, --server) and a token (--token-env or --token-file)")}
	}
	if f.account != "" && f.fromServer {
		return usageError{errors.New("--from and --server each give the account; give one")}
	}
	asked := f.explainFlags
	asked.account, asked.fromServer = "", false // the question is asked for each of its roles
	stdin := &inputs{stdin: c.InOrStdin()}
	question, _, err := asked.question(c, stdin)
	if err != nil {
		return usageError{err}
	}
	read := &lintInput{flags: &lintFlags{fromServer: f.fromServer, server: f.server}, stdin: stdin.stdin}
	var names []string
	if f.account != "" {
		names = []string{f.account}
	}
	if f.account == "-" && stdin.used {
		return usageError{errStdinTwice}
	}
	if err := read.read(c, names); err != nil {
		return usageError{err}
	}
	if len(read.roles) == 0 && len(read.notes) > 0 {
		return usageError{errors.New(read.notes[0])}
	}
	opened := 0
	all := []reached{}
	for i := range read.roles {
		one := f.reachRole(&read.roles[i], &read.places[i], question)
		if one.Verdict == explain.Admitted {
			opened++
		} else if !f.all {
			continue
		}
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(x, y reached) int { return int(y.Verdict) - int(x.Verdict) })
	if f.asJSON {
		return printJSON(c.OutOrStdout(), all)
	}
	w := &reportWriter{out: c.OutOrStdout()}
	for i := range all {
		w.reached(&all[i])
	}
	of := ""
	if len(read.roles) > 0 && read.roles[0].Account != "" {
		of = " of account " + read.roles[0].Account
	}
	w.say("The token opens %d of %s%s.", opened, counted(len(read.roles), "role"), of)
	for _, note := range read.notes {
		w.prose(warnStyle.Render("!")+" ", shownText(note), lipgloss.NewStyle())
	}
	if opened < len(read.roles) && !f.all {
		w.say("%s --all tells of the others too, and why they stay shut", titleStyle.Render("Next:"))
	} else if opened > 0 {
		w.say("%s is that more than it should? daypass lint finds which policies are too wide", titleStyle.Render("Next:"))
	}
	return w.err
}

// reachRole asks whether a token opens a role, and lists its powers if so.
func (f *reachFlags) reachRole(role *lint.Role, place *rolePlace, question *explain.Question) reached {
	q := *question
	f.takeRole(&q, role)
	report := explain.Explain(&q)
	one := reached{Role: role.Name, ARN: q.RoleARN, Verdict: report.Verdict(), Boundary: place.boundary, Partial: !role.PermissionsKnown}
	if one.Verdict == explain.Admitted {
		for _, p := range place.policies {
			one.Powers = append(one.Powers, powers(p.name, p.text)...)
		}
		return one
	}
	if failure := report.Failure(); failure != nil {
		one.Why = failure.Note
		if t := report.Trust; failure.Name == "trust" && t != nil && len(t.Misses) > 0 {
			one.Why += ": " + cmp.Or(t.Misses[0].Note, t.Misses[0].Element)
		}
	}
	return one
}

// roleOf is the role of a name; an empty one where there is none.
func roleOf(a *account.Account, name string) *store.Role {
	for i := range a.Roles {
		if a.Roles[i].Name == name {
			return &a.Roles[i]
		}
	}
	return &store.Role{}
}

// policiesOf are the permissions policies of a role of an account.
func policiesOf(a *account.Account, role *store.Role) []namedPolicy {
	var all []namedPolicy
	for _, inline := range role.InlinePolicies {
		all = append(all, namedPolicy{inline.Name, inline.Document})
	}
	for _, attached := range role.AttachedPolicies {
		all = append(all, managedText(a, attached))
	}
	return all
}

// managedText is a managed policy, of the account's or of AWS's.
func managedText(a *account.Account, policyARN string) namedPolicy {
	for i := range a.Policies {
		p := &a.Policies[i]
		if arn.Policy(a.ID, p.Path, p.Name) != policyARN {
			continue
		}
		for j := range p.Versions {
			if p.Versions[j].ID == p.DefaultVersion {
				return namedPolicy{p.Name, p.Versions[j].Document}
			}
		}
	}
	return attachedText(policyARN)
}

// powers are the statements of a policy's text.
func powers(name, text string) []explain.Power {
	document, err := policy.Parse(policy.Identity, text)
	if err != nil {
		document = nil // what it says is not known
	}
	return explain.PowersOf(name, document)
}

// allBut lists patterns, or what they leave out.
func allBut(patterns []string, not bool) string {
	if not {
		return "all but " + shownText(someOf(patterns))
	}
	return shownText(someOf(patterns))
}

func (w *reportWriter) reached(r *reached) {
	if r.Verdict != explain.Admitted {
		w.say("%s %s  %s", badStyle.Render("✘"), shownText(r.Role), dimStyle.Render(shownText(r.Why)))
		return
	}
	w.say("%s %s  %s", goodStyle.Render("✔"), titleStyle.Render(shownText(r.Role)), dimStyle.Render(shownText(cmp.Or(r.ARN, "no ARN yet"))))
	if r.Boundary != "" {
		w.say("    within the permissions boundary %s", shownText(r.Boundary))
	}
	for i := range r.Powers {
		p := &r.Powers[i]
		switch {
		case p.Unknown:
			w.say("    %s  what it says is not known", shownText(p.Policy))
		default:
			line := fmt.Sprintf("%s %s on %s", p.Effect, allBut(p.Actions, p.NotAction), allBut(p.Resources, p.NotResource))
			if p.Conditions > 0 {
				line += ", under " + counted(p.Conditions, "condition")
			}
			w.say("    %s  %s", line, dimStyle.Render("("+shownText(p.Policy)+")"))
		}
	}
	switch {
	case r.Partial:
		w.say("    %s", dimStyle.Render("the input does not tell whether it has other policies"))
	case len(r.Powers) == 0:
		w.say("    it has no policies, and may do nothing")
	}
	w.say("")
}
