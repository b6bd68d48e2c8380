package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/lint"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/suite"

	"github.com/spf13/cobra"
)

// maxInput bounds a file that is read to be explained, in bytes.
const maxInput = 64 << 20

// explainFlags are what `daypass explain` is given.
type explainFlags struct {
	tokenFile, tokenEnv, policy, role, account, event, keys string
	clientIDs, providers                                    []string
	sessionName, sourceIP, at                               string
	duration                                                time.Duration
	ci, job, environmentFile                                string
	extended, asJSON, fixOnly, fromServer, environment      bool
	server                                                  serverFlags
}

func newExplain() *cobra.Command {
	var flags explainFlags
	c := &cobra.Command{
		Use:   "explain [flags] [ERROR TEXT]",
		Short: "Say why a token was denied, or what an error means",
		Long: `Say why AWS STS denies a token, or admits it: every check in AWS's order, what
was wanted and what is there, the nearest miss, and the smallest change of the
trust policy that admits this token and no other. Nothing is sent anywhere. What
is not given is not looked at, and is named.

With an error text alone, its causes in order of likelihood, and what would tell
them apart. A text of - is read from the standard input.

What neither token nor policy tells, the job's CI file does (--ci), and the
environment of its client (--environment inside the job, --environment-file with
what env printed there): a token that the job never declared, static keys that win
over it, an exit status that the script loses. No value of a variable is shown.

Only AWS's condition keys count (--aws); --extended is for a provider with
"daypass serve --extended-claims".

It ends with 0 where nothing stands in the token's way, with 1 where something
does, and with 2 where it could not look.`,
		Example: `  daypass explain --token-env GITLAB_OIDC_TOKEN --policy trust.json --role arn:aws:iam::123456789012:role/deploy
  aws iam get-role --role-name deploy --query Role.AssumeRolePolicyDocument | daypass explain --token-file token --policy -
  daypass explain --token-env TOKEN --from dump.json --role deploy
  daypass explain "Not authorized to perform sts:AssumeRoleWithWebIdentity"
  daypass explain --cloudtrail event.json --policy trust.json
  daypass explain --ci .gitlab-ci.yml --job deploy --environment "Unable to locate credentials"`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return flags.run(c, strings.Join(args, " ")) },
	}
	f := c.Flags()
	f.StringVar(&flags.tokenEnv, "token-env", "", "the token is in the environment variable `NAME`")
	f.StringVar(&flags.tokenFile, "token-file", "", "the token is in `FILE`, - for the standard input")
	f.StringVar(&flags.policy, "policy", "", "the role's trust policy is in `FILE`, - for the standard input")
	f.StringVar(&flags.account, "from", "", "take the role from `FILE`: what \"aws iam get-account-authorization-details\" or \"terraform show -json\" printed, a CloudFormation template, a directory of \"daypass export\"")
	f.BoolVar(&flags.fromServer, "server", false, "take the role from a running server, or from IAM; see \"daypass lint --help\" for who is calling")
	flags.server.add(c)
	f.StringVar(&flags.event, "cloudtrail", "", "in the place of a token, an event of CloudTrail in `FILE`, - for the standard input")
	f.StringVar(&flags.role, "role", "", "the role's `ARN`, as the client sends it; with --from, its name will do")
	f.StringVar(&flags.ci, "ci", "", "the job is in `FILE`, a .gitlab-ci.yml or a workflow of GitHub Actions")
	f.StringVar(&flags.job, "job", "", "of the CI file, look at the job `NAME` alone")
	f.BoolVar(&flags.environment, "environment", false, "look at the environment of this process; no value of it is shown")
	f.StringVar(&flags.environmentFile, "environment-file", "", "look at the environment in `FILE`, as env or export -p printed it; - for the standard input")
	f.StringArrayVar(&flags.clientIDs, "client-id", nil, "a client `ID` of the provider, as often as it has")
	f.StringArrayVar(&flags.providers, "provider", nil, "the `ARN` of a provider of the account, as often as there are")
	f.StringVar(&flags.keys, "keys", "", "verify the signature by the JWK Set in `FILE`")
	f.StringVar(&flags.sessionName, "role-session-name", "", "the session's `NAME`")
	f.DurationVar(&flags.duration, "duration", 0, "how long a session was asked for, such as 1h")
	f.StringVar(&flags.sourceIP, "source-ip", "", "the `ADDRESS` that asks")
	f.StringVar(&flags.at, "at", "", "the `TIME` of the exchange, such as 2026-11-26T12:00:00Z (default: now)")
	addKeySet(c, &flags.extended)
	f.BoolVar(&flags.asJSON, "json", false, "print JSON")
	f.BoolVar(&flags.fixOnly, "print-fixed-policy", false, "print the mended trust policy and nothing else")
	return c
}

func (f *explainFlags) run(c *cobra.Command, text string) error {
	in := &inputs{stdin: c.InOrStdin()}
	if text == "-" {
		read, err := in.read("-")
		if err != nil {
			return usageError{err}
		}
		text = string(read)
	}
	question, given, err := f.question(c, in)
	if err != nil {
		return usageError{err}
	}
	if !given {
		if strings.TrimSpace(text) == "" {
			return usageError{errors.New("what is to be explained? Give a token (--token-env, --token-file), a trust policy (--policy), a CI file (--ci), or an error text; see \"daypass explain --help\"")}
		}
		return f.symptom(c.OutOrStdout(), text)
	}
	report := explain.Explain(question)
	switch {
	case f.fixOnly && report.Fix == nil:
		return errors.New("there is no change to recommend; see the report without --print-fixed-policy")
	case f.fixOnly:
		_, err = io.WriteString(c.OutOrStdout(), strings.TrimSuffix(report.Fix.Policy, "\n")+"\n")
		return err
	case f.asJSON:
		err = printJSON(c.OutOrStdout(), explained{report, report.Verdict(), report.Causes()})
	default:
		w := &reportWriter{out: c.OutOrStdout()}
		if jobsOnly(question, report) {
			w.jobs(report)
		} else {
			w.report(report)
		}
		if text != "" {
			w.say("")
			w.symptom(explain.Symptom(text), report.Causes())
		}
		err = w.err
	}
	if err == nil && (report.JobFails() || report.Verdict() == explain.Denied) {
		return &exitError{exitFailure}
	}
	return err
}

// explained is a report as it is printed in JSON.
type explained struct {
	*explain.Report
	Verdict explain.Verdict `json:"verdict"`
	Causes  []explain.Cause `json:"causes,omitempty"`
}

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// symptom prints what an error text alone tells.
func (f *explainFlags) symptom(out io.Writer, text string) error {
	causes := explain.Symptom(text)
	if f.asJSON {
		return printJSON(out, map[string]any{"causes": causes})
	}
	w := &reportWriter{out: out}
	w.symptom(causes, nil)
	if len(causes) == 0 {
		return errors.Join(w.err, &exitError{exitFailure})
	}
	return w.err
}

// question gathers what was given, and whether anything was.
func (f *explainFlags) question(c *cobra.Command, in *inputs) (q *explain.Question, given bool, err error) {
	q = &explain.Question{
		RoleARN: f.role, ClientIDs: f.clientIDs, Providers: f.providers,
		RoleSessionName: f.sessionName, Duration: f.duration, ExtendedClaims: f.extended, Now: time.Now(),
	}
	if f.at != "" {
		if q.Now, err = time.Parse(time.RFC3339, f.at); err != nil {
			return nil, false, fmt.Errorf("--at %q is no time; write it as 2026-11-26T12:00:00Z", f.at)
		}
	}
	if q.RequestKeys, err = f.requestKeys(q.Now); err != nil {
		return nil, false, err
	}
	if err := f.token(c, in, q); err != nil {
		return nil, false, err
	}
	if f.policy != "" && (f.account != "" || f.fromServer) || f.account != "" && f.fromServer {
		return nil, false, errors.New("--policy, --from and --server each give the trust policy; give one")
	}
	if f.policy != "" {
		text, err := in.read(f.policy)
		if err != nil {
			return nil, false, err
		}
		q.Policy = suite.Unwrap(text)
	}
	if f.account != "" || f.fromServer {
		if err := f.fromRoles(c, in, q); err != nil {
			return nil, false, err
		}
	}
	if f.keys != "" {
		text, err := in.read(f.keys)
		if err != nil {
			return nil, false, err
		}
		if q.Keys, err = oidc.ParseKeySet(text); err != nil {
			return nil, false, fmt.Errorf("--keys %s: %w", f.keys, err)
		}
	}
	if err := f.jobs(c, in, q); err != nil {
		return nil, false, err
	}
	tokenGiven := f.tokenEnv != "" || f.tokenFile != "" || f.event != ""
	return q, tokenGiven || f.policy != "" || f.account != "" || f.fromServer || f.role != "" || len(q.Jobs) > 0 || q.Environment != nil, nil
}

// jobsOnly reports whether nothing was given but a job and its environment, so that
// there is no decision of AWS to tell.
func jobsOnly(q *explain.Question, r *explain.Report) bool {
	return (len(q.Jobs) > 0 || q.Environment != nil) && q.Token == "" && q.Event == nil && q.Policy == "" && r.Failure() == nil
}

// token reads the token or the event.
func (f *explainFlags) token(c *cobra.Command, in *inputs, q *explain.Question) error {
	given := 0
	for _, name := range []string{"token-env", "token-file", "cloudtrail"} {
		if c.Flags().Changed(name) {
			given++
		}
	}
	if given > 1 {
		return errors.New("give one of --token-env, --token-file and --cloudtrail")
	}
	switch {
	case f.tokenEnv != "":
		value, ok := os.LookupEnv(f.tokenEnv)
		if !ok {
			return fmt.Errorf("the environment has no variable %s; did the job declare it under id_tokens?", f.tokenEnv)
		}
		if q.Token = value; value == "" {
			q.Token = " " // one that is there and empty
		}
	case f.tokenFile != "":
		text, err := in.read(f.tokenFile)
		if err != nil {
			return err
		}
		if q.Token = string(text); q.Token == "" {
			q.Token = " "
		}
	case f.event != "":
		text, err := in.read(f.event)
		if err != nil {
			return err
		}
		q.Event, err = explain.ParseEvent(text)
		return err
	}
	return nil
}

// fromRoles takes trust policy, ARN and limits of a role from what lint reads: a
// dump, an archive, a plan, a template, a server.
func (f *explainFlags) fromRoles(c *cobra.Command, in *inputs, q *explain.Question) error {
	read := &lintInput{flags: &lintFlags{fromServer: f.fromServer, server: f.server}, stdin: in.stdin}
	var names []string
	if f.account != "" {
		names = []string{f.account}
	}
	if f.account == "-" && in.used {
		return errStdinTwice
	}
	if err := read.read(c, names); err != nil {
		return err
	}
	var others []string
	for i := range read.roles {
		role := &read.roles[i]
		// A plan does not know the ARN yet, and the one role of it may be given one.
		only := len(read.roles) == 1 && (f.role == "" || role.ARN == "" && strings.HasPrefix(f.role, "arn:"))
		if f.role != role.ARN && f.role != role.Name && !only {
			others = append(others, role.Name)
			continue
		}
		f.takeRole(q, role)
		return nil
	}
	switch {
	case len(read.roles) == 0 && len(read.notes) > 0:
		return errors.New(read.notes[0])
	case f.role == "":
		return fmt.Errorf("which role? Give --role; there are %s", someOf(others))
	}
	return fmt.Errorf("there is no role %s; there are %s", f.role, someOf(others))
}

// takeRole asks about a role that was found.
func (f *explainFlags) takeRole(q *explain.Question, role *lint.Role) {
	q.Policy, q.MaxSessionDuration = role.TrustPolicy, time.Duration(role.MaxSessionDuration)*time.Second
	if q.RoleARN = role.ARN; role.ARN == "" && strings.HasPrefix(f.role, "arn:") {
		q.RoleARN = f.role
	}
	if !role.ProvidersKnown || q.Providers != nil {
		return
	}
	issuer := explain.Explain(&explain.Question{Token: q.Token, Event: q.Event, Now: q.Now}).Issuer
	q.Providers = []string{}
	for _, provider := range role.Providers {
		q.Providers = append(q.Providers, cmp.Or(provider.ARN, arn.OIDCProvider(role.Account, provider.URL)))
		if q.ClientIDs == nil && "https://"+provider.URL == issuer {
			q.ClientIDs = append([]string{}, provider.ClientIDs...)
		}
	}
}

// someOf lists some names.
func someOf(names []string) string {
	const most = 8
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// requestKeys are the condition keys that say how was asked.
func (f *explainFlags) requestKeys(now time.Time) (func(*policy.Context), error) {
	var address netip.Addr
	if f.sourceIP != "" {
		var err error
		if address, err = netip.ParseAddr(f.sourceIP); err != nil {
			return nil, fmt.Errorf("--source-ip %q is no IP address", f.sourceIP)
		}
	}
	return func(keys *policy.Context) {
		keys.Set("aws:CurrentTime", now.UTC().Format(time.RFC3339))
		keys.Set("aws:EpochTime", fmt.Sprint(now.Unix()))
		keys.Set("aws:SecureTransport", "true")
		if address.IsValid() {
			keys.Set("aws:SourceIp", address.String())
		}
	}, nil
}

var errStdinTwice = errors.New("the standard input can be read once; give a file for the other")

// inputs reads files, and the standard input once.
type inputs struct {
	stdin io.Reader
	used  bool
}

func (in *inputs) read(name string) ([]byte, error) {
	from := in.stdin
	if name == "-" {
		if in.used {
			return nil, errStdinTwice
		}
		in.used = true
	} else {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // only read
		from = file
	}
	text, err := io.ReadAll(io.LimitReader(from, maxInput+1))
	if err == nil && len(text) > maxInput {
		err = fmt.Errorf("%s has more than %d bytes", name, maxInput)
	}
	return text, err
}
