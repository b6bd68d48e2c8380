package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"
	"github.com/daypass/daypass/internal/idtoken"

	"github.com/spf13/cobra"
)

func newCIToken() *cobra.Command {
	var f jobFlags
	var audiences []string
	var legacy, targetAudience string
	var timeout time.Duration
	var printClaims bool
	c := &cobra.Command{
		Use:   "token",
		Short: "Print one ID token, as a job would get it",
		Long: `Print one ID token for a project and ref, as a job with that timeout would get
it. It is a credential: whoever reads it can use it until it expires.

With --legacy, print one of the variables of GitLab before 17.0 instead.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case timeout < time.Second:
				return usageError{fmt.Errorf("--timeout %s is shorter than a second", timeout)}
			case legacy == "" && len(audiences) == 0:
				return usageError{errors.New("a token needs an audience; give --aud AUDIENCE")}
			case legacy != "" && (len(audiences) > 0 || targetAudience != "" || printClaims):
				return usageError{errors.New("a variable of old has the audience that GitLab gave it; give --legacy without --aud, --target-audience and --print-claims")}
			}
			if err := f.checkRefs(); err != nil { // before anything is made
				return err
			}
			i, err := openInstance(c, f.issuer)
			if err != nil {
				return err
			}
			job, err := f.job(c.Context(), ".", i, nil)
			if err != nil {
				return err
			}
			job.Timeout, job.TargetAudience = timeout, targetAudience
			var token string
			switch {
			case legacy != "":
				token, err = legacyToken(i, job, legacy)
			case printClaims:
				claims, err := i.Issuer.Claims(job, audiences, time.Now())
				if err != nil {
					return err
				}
				return writeJSON(c, claims)
			default:
				token, err = i.Issuer.IDToken(job, audiences, time.Now(), rand.Reader)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), token)
			return err
		},
	}
	f.add(c)
	c.Flags().StringArrayVar(&audiences, "aud", nil, "the token's `AUDIENCE`; given more than once, aud is an array")
	c.Flags().DurationVar(&timeout, "timeout", time.Hour, "the job's timeout, a `DURATION`, which is the life of its tokens")
	c.Flags().StringVar(&targetAudience, "target-audience", "", "the claim target_audience, an `AUDIENCE`, of the Google Cloud integration only")
	c.Flags().StringVar(&legacy, "legacy", "", "print the variable of this `NAME`: CI_JOB_JWT, CI_JOB_JWT_V1 or CI_JOB_JWT_V2, with a --gitlab-version before 17.0")
	c.Flags().BoolVar(&printClaims, "print-claims", false, "print what the token would say, unsigned, in JSON; jti is empty")
	return c
}

// legacyToken is one of the variables of GitLab before 17.0.
func legacyToken(i *instance.Instance, job *gitlab.Job, name string) (string, error) {
	tokens, err := i.Issuer.LegacyTokens(job, time.Now(), rand.Reader)
	switch {
	case err != nil:
		return "", err
	case len(tokens) == 0:
		return "", usageError{fmt.Errorf("GitLab %s has no %s: it was removed in 17.0; give --gitlab-version 16.11 or older", job.Version, name)}
	case tokens[name] == "":
		return "", usageError{fmt.Errorf("--legacy %q should be one of %s", name, strings.Join(slices.Sorted(maps.Keys(tokens)), ", "))}
	}
	return tokens[name], nil
}

func writeJSON(c *cobra.Command, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), string(text))
	return err
}

func newToken() *cobra.Command {
	c := &cobra.Command{
		Use:   "token",
		Short: "Look at an ID token; make ones like those of other CI systems, to try trust policies",
	}
	group(c)
	c.AddCommand(newTokenMint(), newTokenInspect())
	return c
}

// mintFlags are what `token mint` takes.
type mintFlags struct {
	like, dir, iss                      string
	repo, ref, tag, environment, pull   string
	audiences, settings, claims         []string
	ttl                                 time.Duration
	declared, list, printClaims, asJSON bool
}

func newTokenMint() *cobra.Command {
	var f mintFlags
	c := &cobra.Command{
		Use:   "mint --like KIND",
		Short: "Print an ID token like those of GitHub, Kubernetes, CircleCI and others",
		Long: `Print an ID token with the claims that a token of KIND has, signed by the key of
the issuer in --issuer. --list tells the kinds, and with --like the settings of
one.

The token names that issuer: its URL, with the path behind it that the real
issuer has. "daypass issuer serve" publishes a discovery document for each. With
--iss it names another, of your own: a private name, a loopback or private
address, or with --declared any host that you own. It never names an issuer that
others trust, such as GitHub's; a token in its name would be a forgery. What the
real token would say is told, unsigned, by --print-claims.

The token is a credential where the issuer is trusted. It is all that goes to
standard output.`,
		Example: `  daypass token mint --like github --repo octo-org/octo-repo --ref main --aud sts.amazonaws.com
  daypass token mint --like kubernetes --set namespace=web --set service_account=api
  daypass token mint --like github --pull-request 7 --print-claims`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return inUsage(f.run(c)) },
	}
	flags := c.Flags()
	flags.StringVar(&f.like, "like", "", "the `KIND` of token: github, kubernetes, circleci and others, see --list")
	flags.BoolVar(&f.list, "list", false, "list the kinds, or with --like the settings of one")
	flags.StringVar(&f.dir, "issuer", "", "issuer's `DIR`ectory, made where it is missing (default: issuer in Daypass's data directory)")
	flags.StringVar(&f.iss, "iss", "", "the claim iss, a `URL` of yours (default: the issuer's URL and the kind's path)")
	flags.BoolVar(&f.declared, "declared", false, "the host of --iss is yours, though its name does not show it")
	flags.StringArrayVar(&f.audiences, "aud", nil, "the `AUDIENCE`; may be given again where the kind has several (default: the kind's)")
	flags.DurationVar(&f.ttl, "ttl", 0, "how long the token lives, a `DURATION` (default: as the kind's do)")
	flags.StringVar(&f.repo, "repo", "", "the setting repo, `OWNER/NAME`")
	flags.StringVar(&f.ref, "ref", "", "the setting ref, a `REF`: main, refs/heads/main, refs/tags/v1")
	flags.StringVar(&f.tag, "tag", "", "the setting ref, a tag's `NAME`")
	flags.StringVar(&f.environment, "environment", "", "the setting environment, a `NAME`")
	flags.StringVar(&f.pull, "pull-request", "", "the setting pull_request, a `NUMBER`")
	flags.StringArrayVar(&f.settings, "set", nil, "any setting of the kind, `NAME=VALUE`; may be given again")
	flags.StringArrayVar(&f.claims, "claim", nil, "a claim beside or instead of the kind's, `NAME=JSON`; may be given again")
	flags.BoolVar(&f.printClaims, "print-claims", false, "print what the token would say, with the real issuer, unsigned, in JSON")
	flags.BoolVar(&f.asJSON, "json", false, "print token, kind, issuer and claims in JSON")
	return c
}

// inUsage makes what only the command line can mend a wrong call.
func inUsage(err error) error {
	var usage usageError
	if errors.Is(err, idtoken.ErrRequest) && !errors.As(err, &usage) {
		return usageError{err}
	}
	return err
}

func (f *mintFlags) run(c *cobra.Command) error {
	switch {
	case f.list && f.like == "":
		return listKinds(c)
	case f.like == "":
		return usageError{errors.New("say which tokens it should be like: give --like KIND; --list tells the kinds")}
	case f.like == "gitlab" && f.list:
		return listGitLabSettings(c)
	case f.like == "gitlab":
		return f.gitlab(c)
	}
	kind, err := idtoken.Find(f.like)
	if err != nil {
		return err
	}
	if f.list {
		return listSettings(c, kind)
	}
	request, err := f.request()
	if err != nil {
		return err
	}
	if f.printClaims {
		request.Issuer = f.iss
		claims, err := kind.Claims(request)
		if err != nil {
			return err
		}
		return writeJSON(c, claims)
	}
	return f.mint(c, kind, request)
}

// request gathers what was given.
func (f *mintFlags) request() (idtoken.Request, error) {
	r := idtoken.Request{
		Settings: map[string]string{}, Audience: f.audiences, Now: time.Now(), TTL: f.ttl, Random: rand.Reader,
	}
	if f.tag != "" && f.ref != "" {
		return r, usageError{errors.New("give --ref or --tag, not both")}
	}
	if f.tag != "" {
		f.ref = "refs/tags/" + f.tag
	}
	for name, value := range map[string]string{"repo": f.repo, "ref": f.ref, "environment": f.environment, "pull_request": f.pull} {
		if value != "" {
			r.Settings[name] = value
		}
	}
	for _, given := range f.settings {
		name, value, ok := strings.Cut(given, "=")
		if _, twice := r.Settings[name]; !ok || name == "" || twice {
			return r, usageError{fmt.Errorf("--set %q is not NAME=VALUE, or the setting is given twice", given)}
		}
		r.Settings[name] = value
	}
	for _, given := range f.claims {
		name, value, ok := strings.Cut(given, "=")
		if !ok || name == "" {
			return r, usageError{fmt.Errorf("--claim %q is not NAME=JSON", given)}
		}
		if !json.Valid([]byte(value)) {
			return r, usageError{fmt.Errorf("--claim %s: %s is no JSON; a text is written '%s=\"TEXT\"'", name, value, name)}
		}
		r.Extra = append(r.Extra, idtoken.Claim{Name: name, Value: json.RawMessage(value)})
	}
	return r, nil
}

// open opens the issuer, and says who the token names: --iss, or the issuer with
// the path behind it that the kind's real issuer has.
func (f *mintFlags) open(c *cobra.Command, path string) (i *instance.Instance, iss string, err error) {
	if f.iss != "" {
		if err := gitlab.CheckIssuer(f.iss, f.declared); err != nil {
			return nil, "", usageError{fmt.Errorf("--iss: %w", err)}
		}
	}
	if i, err = openInstance(c, f.dir); err != nil || f.iss != "" {
		return i, f.iss, err
	}
	if path != "" {
		if i, err = i.AddPath(path); err != nil {
			return nil, "", err
		}
	}
	return i, i.Issuer.URL() + path, nil
}

// mint makes a token of a kind.
func (f *mintFlags) mint(c *cobra.Command, kind *idtoken.Kind, request idtoken.Request) error {
	path, err := kind.IssuerPath(request.Settings)
	if err != nil {
		return err
	}
	if _, err := kind.Claims(request); err != nil { // before anything is made
		return err
	}
	i, iss, err := f.open(c, path)
	if err != nil {
		return err
	}
	request.Issuer = iss
	claims, err := kind.Claims(request)
	if err != nil {
		return err
	}
	return f.sign(c, i, claims, kind.Header)
}

// sign signs and prints.
func (f *mintFlags) sign(c *cobra.Command, i *instance.Instance, claims idtoken.Claims, header []string) error {
	token, err := i.Issuer.Sign(claims, header, f.declared)
	if err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(c, struct {
			Token  string         `json:"token"`
			Kind   string         `json:"kind"`
			Issuer string         `json:"issuer"`
			Claims idtoken.Claims `json:"claims"`
		}{token, f.like, claims.Text("iss"), claims})
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), token)
	return err
}

// The project of GitLab's tokens where none is given, as the other kinds have an
// example. Unlike "ci token", git is not asked.
const (
	exampleProject = "my-group/my-project"
	exampleBranch  = "main"
	realGitLab     = "https://gitlab.com"
)

// gitlabName is the flag of "ci token" that a setting of the other kinds is.
var gitlabName = map[string]string{"repo": "project", "pull_request": "merge-request"}

// gitlabFacts takes the settings as the flags of "ci token" that they are.
func gitlabFacts(settings map[string]string) (*jobFlags, error) {
	facts := &jobFlags{}
	flags := &cobra.Command{}
	facts.add(flags)
	for name, value := range settings {
		flag := gitlabName[name]
		if flag == "" {
			flag = strings.ReplaceAll(name, "_", "-")
		}
		if short, ok := strings.CutPrefix(value, "refs/tags/"); ok && name == "ref" {
			flag, value = "tag", short
		}
		if name == "ref" {
			value = strings.TrimPrefix(value, "refs/heads/")
		}
		if flag == "issuer" || flags.Flags().Lookup(flag) == nil {
			return nil, usageError{fmt.Errorf("gitlab has no setting %q; see --list --like gitlab", name)}
		}
		if err := flags.Flags().Set(flag, value); err != nil {
			return nil, usageError{fmt.Errorf("the setting %s: %w", name, err)}
		}
	}
	if facts.project == "" {
		facts.project = exampleProject
	}
	if facts.branch == "" && facts.ref == "" && facts.tag == "" {
		facts.branch = exampleBranch
	}
	return facts, nil
}

// gitlab makes a token of GitLab.
func (f *mintFlags) gitlab(c *cobra.Command) error {
	request, err := f.request()
	if err != nil {
		return err
	}
	facts, err := gitlabFacts(request.Settings)
	if err != nil {
		return err
	}
	if f.printClaims {
		server := realGitLab
		if f.iss != "" {
			server = f.iss
		}
		claims, err := f.gitlabClaims(facts, request, server, server)
		if err != nil {
			return err
		}
		return writeJSON(c, claims)
	}
	if _, err := f.gitlabClaims(facts, request, realGitLab, realGitLab); err != nil { // before anything is made
		return err
	}
	i, iss, err := f.open(c, "")
	if err != nil {
		return err
	}
	if f.iss == "" {
		iss = i.Issuer.IDTokensURL()
	}
	if facts.version == "" {
		facts.version = i.Settings.GitLabVersion
	}
	claims, err := f.gitlabClaims(facts, request, i.Issuer.URL(), iss)
	if err != nil {
		return err
	}
	return f.sign(c, i, claims, []string{"kid", "typ", "alg"})
}

func (f *mintFlags) gitlabClaims(facts *jobFlags, request idtoken.Request, server, iss string) (idtoken.Claims, error) {
	job, err := facts.jobAt(server, repository{}, nil)
	if err != nil {
		return nil, err
	}
	if f.ttl != 0 {
		job.Timeout = f.ttl
	}
	if f.ttl < 0 {
		return nil, usageError{fmt.Errorf("a token lives some time, not %s", f.ttl)}
	}
	audience := f.audiences
	if len(audience) == 0 {
		audience = []string{iss}
	}
	claims, err := job.Claims(iss, audience, request.Now)
	if err != nil {
		return nil, err
	}
	jti, err := idtoken.UUID(request.Random)
	if err != nil {
		return nil, err
	}
	claims.Set("jti", jti)
	return claims, claims.Override(request.Extra)
}

// listGitLabSettings tells the flags of "ci token" that are facts of a job.
func listGitLabSettings(c *cobra.Command) error {
	flags := &cobra.Command{}
	new(jobFlags).add(flags)
	_ = flags.Flags().MarkHidden("issuer") // it is there: added a line before
	_, err := fmt.Fprintf(c.OutOrStdout(), `Settings are the flags of "daypass ci token": --set merge_request=7 is its
--merge-request 7. repo is project, and pull_request is merge_request. Without a
project it is %s, without a branch or tag %s.

%s`, exampleProject, exampleBranch, flags.Flags().FlagUsages())
	return err
}

func listKinds(c *cobra.Command) error {
	kinds, err := idtoken.Kinds()
	if err != nil {
		return err
	}
	rows := [][]string{{"gitlab", "GitLab CI/CD, as \"daypass ci token\" makes them", realGitLab}}
	for _, k := range kinds {
		rows = append(rows, []string{k.Name, k.Title, k.Issuer})
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return printTable(c.OutOrStdout(), []string{"KIND", "LIKE THOSE OF", "REAL ISSUER"}, rows)
}

func listSettings(c *cobra.Command, k *idtoken.Kind) error {
	rows := make([][]string, 0, len(k.Settings))
	for _, s := range k.Settings {
		about := s.About
		if len(s.Values) > 0 {
			about += " (" + strings.Join(s.Values, ", ") + ")"
		}
		rows = append(rows, []string{s.Name, about, s.DefaultText()})
	}
	return printTable(c.OutOrStdout(), []string{"SETTING", "WHAT IT IS", "DEFAULT"}, rows)
}
