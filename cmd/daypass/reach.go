package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/archive"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/managedpolicy"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"

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
		Use:   "reach --from FILE|DIR (--token-env NAME | --token-file FILE)",
		Short: "Say which roles of an account a token opens, and what they may do",
		Long: `Say which roles of an account a token opens, and what their policies allow and
deny. The account is what "aws iam get-account-authorization-details" printed, or a
directory of "daypass export". Nothing is sent anywhere, and the token's signature is
looked at only with --keys.

A dump of AWS does not have the providers; that a provider is registered is then taken
for granted. AWS managed policies are told by name where their text is not known.`,
		Example: `  daypass reach --from dump.json --token-env GITLAB_OIDC_TOKEN`,
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	f := c.Flags()
	f.StringVar(&flags.account, "from", "", "the account, `FILE` or directory")
	f.StringVar(&flags.tokenEnv, "token-env", "", "the token is in the environment variable `NAME`")
	f.StringVar(&flags.tokenFile, "token-file", "", "the token is in `FILE`, - for the standard input")
	f.StringVar(&flags.keys, "keys", "", "verify the signature by the JWK Set in `FILE`")
	f.StringVar(&flags.sourceIP, "source-ip", "", "the `ADDRESS` that asks")
	f.StringVar(&flags.at, "at", "", "the `TIME` of the exchange, such as 2026-11-26T12:00:00Z (default: now)")
	f.BoolVar(&flags.extended, "extended", false, "every claim is a condition key, as Daypass can and AWS does not")
	f.BoolVar(&flags.all, "all", false, "tell of roles that it does not open as well, and why")
	f.BoolVar(&flags.asJSON, "json", false, "print JSON")
	return c
}

// reached is one role, and whether the token opens it.
type reached struct {
	Role    string          `json:"role"`
	ARN     string          `json:"arn"`
	Verdict explain.Verdict `json:"verdict"`
	// Why says of a role that is not opened what stands in the way.
	Why string `json:"why,omitempty"`
	// Powers are the statements of its policies.
	Powers []power `json:"powers,omitempty"`
	// Boundary is the ARN of its permissions boundary, which limits the powers.
	Boundary string `json:"boundary,omitempty"`
}

// power is a statement in short.
type power struct {
	Policy string `json:"policy"`
	Effect string `json:"effect,omitempty"`
	// Actions and Resources are as written; of NotAction and NotResource, those that
	// are left out.
	Actions     []string `json:"actions,omitempty"`
	NotAction   bool     `json:"notAction,omitempty"`
	Resources   []string `json:"resources,omitempty"`
	NotResource bool     `json:"notResource,omitempty"`
	// Conditions is how many there are.
	Conditions int `json:"conditions,omitempty"`
	// Unknown says that the policy's text is not known.
	Unknown bool `json:"unknown,omitempty"`
}

func (f *reachFlags) run(c *cobra.Command) error {
	if f.account == "" || f.tokenEnv == "" && f.tokenFile == "" {
		return usageError{errors.New("give an account (--from) and a token (--token-env or --token-file)")}
	}
	name := f.account
	f.account = "" // the question is asked for each of its roles
	question, _, err := f.question(c, &inputs{stdin: c.InOrStdin()})
	if err != nil {
		return usageError{err}
	}
	read, err := archive.Read(name)
	if err != nil {
		return usageError{err}
	}
	a := read.Account
	for i := range a.Providers {
		question.Providers = append(question.Providers, arn.OIDCProvider(a.ID, a.Providers[i].URL))
	}
	opened := 0
	all := []reached{}
	for i := range a.Roles {
		one := reachRole(a, &a.Roles[i], question)
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
	w.say("The token opens %d of %s of account %s.", opened, counted(len(a.Roles), "role"), a.ID)
	return w.err
}

// reachRole asks whether a token opens a role, and lists its powers if so.
func reachRole(a *account.Account, role *store.Role, question *explain.Question) reached {
	q := *question
	q.RoleARN, q.Policy = arn.Role(a.ID, role.Path, role.Name), role.TrustPolicy
	q.MaxSessionDuration = time.Duration(role.MaxSessionDuration) * time.Second
	if provider := providerOf(a, &q); provider != nil {
		q.ClientIDs = provider.ClientIDs
	}
	report := explain.Explain(&q)
	one := reached{Role: role.Name, ARN: q.RoleARN, Verdict: report.Verdict(), Boundary: role.PermissionsBoundary}
	if one.Verdict == explain.Admitted {
		one.Powers = powersOf(a, role)
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

// providerOf is the provider that the token is one of; nil where the account has
// none, or is not known to have any.
func providerOf(a *account.Account, q *explain.Question) *store.OIDCProvider {
	issuer := explain.Explain(&explain.Question{Token: q.Token, Now: q.Now}).Issuer
	for i := range a.Providers {
		if "https://"+a.Providers[i].URL == issuer {
			return &a.Providers[i]
		}
	}
	return nil
}

// powersOf lists the statements of a role's policies.
func powersOf(a *account.Account, role *store.Role) []power {
	var all []power
	for _, inline := range role.InlinePolicies {
		all = append(all, powers(inline.Name, inline.Document)...)
	}
	for _, attached := range role.AttachedPolicies {
		text, ok := managedText(a, attached)
		if !ok {
			all = append(all, power{Policy: attached, Unknown: true})
			continue
		}
		all = append(all, powers(attached[strings.LastIndexByte(attached, '/')+1:], text)...)
	}
	return all
}

// managedText is the text of a managed policy, of the account's or of AWS's.
func managedText(a *account.Account, policyARN string) (string, bool) {
	for i := range a.Policies {
		p := &a.Policies[i]
		if arn.Policy(a.ID, p.Path, p.Name) != policyARN {
			continue
		}
		for j := range p.Versions {
			if p.Versions[j].ID == p.DefaultVersion {
				return p.Versions[j].Document, true
			}
		}
	}
	if p, ok := managedpolicy.Find(policyARN); ok {
		return p.Document, true
	}
	return "", false
}

func powers(name, text string) []power {
	document, err := policy.Parse(policy.Identity, text)
	if err != nil {
		return []power{{Policy: name, Unknown: true}}
	}
	var all []power
	for _, s := range document.Statements() {
		p := power{
			Policy: name, Effect: "Allow", Actions: s.Actions(), NotAction: s.ActionElement() == "NotAction",
			Resources: s.Resources(), NotResource: s.ResourceElement() == "NotResource", Conditions: len(s.Conditions()),
		}
		if s.Denies() {
			p.Effect = "Deny"
		}
		all = append(all, p)
	}
	return all
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
	w.say("%s %s  %s", goodStyle.Render("✔"), titleStyle.Render(shownText(r.Role)), dimStyle.Render(shownText(r.ARN)))
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
	if len(r.Powers) == 0 {
		w.say("    it has no policies, and may do nothing")
	}
	w.say("")
}
