package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/client"
	"github.com/daypass/daypass/internal/explain"

	"github.com/spf13/cobra"
)

// Exit codes of what gets credentials. They are not those of shells (1, 2, from 126
// on), so that a script can tell why a job has none.
const (
	exitNoToken     = 40
	exitDenied      = 41
	exitUnreachable = 42
	exitUnexpected  = 43
)

// clientExitHelp is the end of the help of what gets credentials.
const clientExitHelp = `
It ends with 40 if there is no ID token, or more than one that could be meant;
with 41 if STS denies; with 42 if STS gives no answer; with 43 if the credentials
are not those that were expected; with 2 for a wrong call, and with 1 else.`

// environment is this process's, as a map.
func environment() map[string]string {
	env := map[string]string{}
	for _, entry := range os.Environ() {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			env[name] = value
		}
	}
	return env
}

// clientFlags are what a job says about the credentials that it wants.
type clientFlags struct {
	role, sessionName, policyFile string
	tokenEnv, tokenFile, audience string
	region, endpoint              string
	then, policyARNs, tags        []string
	externalID                    string
	duration, wait                time.Duration
	expectAccount, expectARN      string
	minRemaining                  time.Duration
}

func (f *clientFlags) add(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.role, "role", "", "the `ARN` of the role (default: AWS_ROLE_ARN)")
	s.StringArrayVar(&f.then, "then", nil, "go on to the role with this `ARN`, with the credentials of the one before; may be given several times. AWS gives a chained session an hour at most")
	s.StringVar(&f.tokenEnv, "token-env", "", "the ID token is in the environment variable `NAME` (default: it is looked for)")
	s.StringVar(&f.tokenFile, "token-file", "", "the ID token is in `FILE`")
	s.StringVar(&f.audience, "audience", "", "the ID token's `AUD`: which of a job's tokens is meant, and for which one is asked (default there: "+client.DefaultAudience+")")
	s.StringVar(&f.sessionName, "session-name", "", "the session's name: a `TEMPLATE` in which {CLAIM} is a claim of the token and {env:NAME} a variable (default: AWS_ROLE_SESSION_NAME, or one that names the job)")
	s.DurationVar(&f.duration, "duration", 0, "how long the credentials are to be good for, 15m to 12h (default: 1h)")
	s.DurationVar(&f.minRemaining, "min-remaining", 0, "fail unless the credentials are good for this `DURATION`")
	s.StringVar(&f.expectAccount, "expect-account", "", "fail unless they are of this account, 12 `DIGITS`")
	s.StringVar(&f.expectARN, "expect-arn", "", "fail unless they are of this role or session, its `ARN`")
	s.StringVar(&f.policyFile, "policy", "", "allow the session no more than the policy in `FILE` does")
	s.StringArrayVar(&f.policyARNs, "policy-arn", nil, "allow the session no more than the managed policy with this `ARN` does; may be given several times")
	s.StringArrayVar(&f.tags, "tag", nil, "a session tag `KEY=VALUE` for the roles of --then; tags of the first role are claims of the token")
	s.StringVar(&f.externalID, "external-id", "", "the external `ID` that the last role of --then asks for")
	s.StringVar(&f.region, "region", "", "the `REGION` whose STS is asked (default: AWS_REGION, AWS_DEFAULT_REGION or us-east-1)")
	s.StringVar(&f.endpoint, "endpoint-url", "", "the `URL` of STS (default: AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL or AWS's own)")
	for _, name := range []string{"token", "web-identity-token"} {
		s.Var(tokenInArguments{}, name, "never: others on this machine would see it")
		_ = s.MarkHidden(name) // it is there: added a line before
	}
	s.DurationVar(&f.wait, "wait-propagation", 0, "ask again for this `DURATION` if access is denied, for a role that was made a moment ago")
}

// tokenInArguments is a flag that people try and that there is not.
type tokenInArguments struct{}

func (tokenInArguments) String() string { return "" }
func (tokenInArguments) Type() string   { return "string" }

// Set refuses, and repeats nothing: what was given may be a token.
func (tokenInArguments) Set(string) error { return errTokenInArguments }

var errTokenInArguments = errors.New("a token is never an argument, where others on this machine see it: name its variable with --token-env or its file with --token-file, and end this token's life if you can")

// Bounds of DurationSeconds (STS API Reference, AssumeRoleWithWebIdentity).
const (
	shortestSession = 15 * time.Minute
	longestSession  = 12 * time.Hour
	longestChained  = time.Hour
)

// check refuses what no token could make right, before any is used.
func (f *clientFlags) check() error {
	if f.role == "" {
		return usageError{errors.New("which role? Give its ARN with --role or in AWS_ROLE_ARN")}
	}
	for _, role := range append([]string{f.role}, f.then...) {
		a, err := arn.Parse(role)
		if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") {
			return usageError{fmt.Errorf("%q is not the ARN of a role, which is written arn:aws:iam::ACCOUNT:role/NAME", role)}
		}
	}
	switch {
	case f.duration != 0 && (f.duration < shortestSession || f.duration > longestSession):
		return usageError{fmt.Errorf("--duration %s is not between 15m and 12h", f.duration)}
	case len(f.then) > 0 && f.duration > longestChained:
		return usageError{fmt.Errorf("--duration %s is more than AWS gives a session that another began (--then): 1h at most", f.duration)}
	case len(f.then) == 0 && len(f.tags) > 0:
		return usageError{errors.New("--tag is for the roles of --then; the first role's session tags are the token's claim https://aws.amazon.com/tags")}
	case len(f.then) == 0 && f.externalID != "":
		return usageError{errors.New("--external-id is for the last role of --then; AssumeRoleWithWebIdentity has none")}
	case f.minRemaining < 0, f.wait < 0:
		return usageError{errors.New("--min-remaining and --wait-propagation are not less than nothing")}
	case f.duration > 0 && f.minRemaining > f.duration:
		return usageError{fmt.Errorf("--min-remaining %s is more than --duration %s", f.minRemaining, f.duration)}
	}
	return nil
}

// exchange makes of the flags what gets the credentials.
func (f *clientFlags) exchange() (*client.Exchange, error) {
	env := environment()
	if f.role == "" {
		f.role = env["AWS_ROLE_ARN"]
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	role, err := arn.Parse(f.role)
	if err != nil {
		return nil, usageError{err}
	}
	s, err := client.STSFrom(env, f.region, f.endpoint, role.Partition)
	if err != nil {
		return nil, usageError{err}
	}
	s.Now, s.Sleep, s.Random, s.WaitPropagation = time.Now, sleep, rand.Float64, f.wait
	find := &client.Find{Env: env, EnvName: f.tokenEnv, File: f.tokenFile, Audience: f.audience, HTTP: s.HTTP, Run: runProgram}
	tokens, err := find.TokenSource()
	if err != nil {
		return nil, err
	}
	x := &client.Exchange{
		STS: s, Tokens: tokens, Env: env, RoleARN: f.role, SessionName: f.sessionName, Duration: f.duration, PolicyARNs: f.policyARNs,
		Expect: client.Expectation{Account: f.expectAccount, ARN: f.expectARN, Left: f.minRemaining},
	}
	if x.SessionName == "" {
		x.SessionName = env["AWS_ROLE_SESSION_NAME"]
	}
	if f.policyFile != "" {
		text, err := os.ReadFile(f.policyFile)
		if err != nil {
			return nil, usageError{fmt.Errorf("--policy: %w", err)}
		}
		x.Policy = string(text)
	}
	x.Then, err = f.hops()
	return x, err
}

// settings are what was given by flags and what the program that is run needs too:
// credentials of one STS are nobody's at another.
func (f *clientFlags) settings() []string {
	var settings []string
	if f.region != "" {
		settings = append(settings, "AWS_REGION="+f.region, "AWS_DEFAULT_REGION="+f.region)
	}
	if f.endpoint != "" {
		settings = append(settings, "AWS_ENDPOINT_URL_STS="+f.endpoint)
	}
	return settings
}

func (f *clientFlags) hops() ([]client.Hop, error) {
	tags := map[string]string{}
	for _, tag := range f.tags {
		key, value, ok := strings.Cut(tag, "=")
		if !ok || key == "" {
			return nil, usageError{fmt.Errorf("--tag %q is not KEY=VALUE", tag)}
		}
		tags[key] = value
	}
	hops := make([]client.Hop, len(f.then))
	for i, role := range f.then {
		hops[i] = client.Hop{RoleARN: role, Tags: tags}
	}
	if len(hops) > 0 {
		hops[len(hops)-1].ExternalID = f.externalID
	}
	return hops, nil
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runProgram gives what a program of the CI system prints. What it says of an error
// is the last line of its standard error.
func runProgram(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
		return "", fmt.Errorf("%s: %w: %s", name, err, shownCell(lines[len(lines)-1]))
	}
	return string(out), err
}

// exitOf is the exit code that an error stands for.
func exitOf(ctx context.Context, err error) int {
	var usage usageError
	var e *client.Error
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case ctx.Err() != nil:
		return exitInterrupted
	case !errors.As(err, &e):
		return exitFailure
	}
	switch e.Kind {
	case client.NoToken:
		return exitNoToken
	case client.Denied:
		return exitDenied
	case client.Unreachable:
		return exitUnreachable
	case client.Unexpected:
		return exitUnexpected
	}
	return exitFailure
}

// failed tells why there are no credentials, on standard error, and gives the error
// that ends the process with the right code.
func failed(c *cobra.Command, err error) error {
	var exit *exitError
	if errors.As(err, &exit) {
		return err
	}
	code := exitOf(c.Context(), err)
	w := c.ErrOrStderr()
	_, _ = fmt.Fprintf(w, "daypass: %s\n", inWords(err))
	var e *client.Error
	if errors.As(err, &e) && e.Kind == client.Denied {
		tellDenial(w, e)
	}
	return &exitError{code}
}

// tellDenial tells what the token alone says, and what to do next.
func tellDenial(w io.Writer, e *client.Error) {
	row := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(w, "  %-8s %s\n", name, shownCell(value))
		}
	}
	row("role", e.Role)
	row("request", e.RequestID)
	if e.Role == "" {
		return
	}
	if e.Token == nil { // of a further role
		_, _ = fmt.Fprintf(w, "Next: the trust policy of %s must name the role before it, and that role's own policies must allow sts:AssumeRole on it.\n", shownCell(e.Role))
		return
	}
	row("token", e.Token.From)
	row("iss", e.Token.Claim("iss"))
	row("aud", strings.Join(e.Token.Audience(), ", "))
	row("sub", e.Token.Claim("sub"))
	if at, ok := e.Token.Expiry(); ok {
		row("expires", at.Format(time.RFC3339)+", "+untilWords(time.Until(at)))
	}
	tellOfToken(w, e)
	flag := e.Token.Flag
	if flag == "" {
		flag = "--token-file FILE"
	}
	_, _ = fmt.Fprintf(w, "Next: daypass explain %s --role %s --policy TRUST-POLICY.json\n", flag, shownCell(e.Role))
	_, _ = fmt.Fprintf(w, "      daypass doctor issuer %s\n", shownCell(e.Token.Claim("iss")))
}

// tellOfToken tells what can be seen without the trust policy: each check that the
// token or the role's ARN fails, and what to do about it.
func tellOfToken(w io.Writer, e *client.Error) {
	report := explain.Explain(&explain.Question{Token: e.Token.Raw(), RoleARN: e.Role, Now: time.Now()})
	for _, check := range report.Checks {
		if check.State == explain.Failed {
			_, _ = fmt.Fprintf(w, "  %-8s %s\n", check.Name, shownCell(check.Note))
		}
	}
	for _, cause := range report.Causes() {
		_, _ = fmt.Fprintf(w, "  cause    %s: %s\n", shownCell(cause.Title), shownCell(cause.Fix))
	}
	if report.Failure() == nil {
		_, _ = fmt.Fprintln(w, "The token alone shows no fault; what the role's trust policy makes of it, the next command tells.")
	}
}

func untilWords(left time.Duration) string {
	if left < 0 {
		return "which was " + (-left).Round(time.Second).String() + " ago"
	}
	return "in " + left.Round(time.Second).String()
}

// mask hides the credentials in the log of GitHub Actions, which reads such lines on
// standard error too (GitHub Docs, "Workflow commands", add-mask).
func mask(c *cobra.Command, env map[string]string, given client.Credentials) {
	if env["GITHUB_ACTIONS"] != "true" {
		return
	}
	for _, value := range given.Masks() {
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "::add-mask::%s\n", value)
	}
}
