package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/doctor"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

func newDoctor() *cobra.Command {
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find what keeps an issuer, a token or a role from working with AWS",
		Long: `Find what keeps an issuer, a token or a role from working with AWS. Everything
that is in the way is told, and not only the first of it: what was seen, why it
matters to AWS, what AWS answers, and the next step.

The exit status is 0 only where nothing stands in the way, 1 where something
does, and 2 where the examination could not be made.`,
	}
	group(c)
	c.AddCommand(newDoctorIssuer(), newDoctorToken(), newDoctorRole())
	return c
}

// reportFlags say for whom a report is, and in which form.
type reportFlags struct{ format, relying string }

func (f *reportFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.format, "format", "text", "`FORM` of the report: text or json")
	c.Flags().StringVar(&f.relying, "for", "aws", "`WHO` is to get along with it: aws, or daypass, a Daypass server that reaches what this machine reaches")
}

func (f *reportFlags) check() error {
	switch {
	case f.format != "text" && f.format != "json":
		return usageError{fmt.Errorf("--format %q is neither text nor json", f.format)}
	case f.relying != string(doctor.AWS) && f.relying != string(doctor.Daypass):
		return usageError{fmt.Errorf("--for %q is neither aws nor daypass", f.relying)}
	}
	return nil
}

// end prints a report. Its exit code says whether something stands in the way.
func (f *reportFlags) end(c *cobra.Command, title string, r *doctor.Report) error {
	if err := c.Context().Err(); err != nil {
		return err // what was broken off has found what is not there
	}
	var err error
	if f.format == "json" {
		err = r.WriteJSON(c.OutOrStdout())
	} else {
		err = printReport(c.OutOrStdout(), title, r)
	}
	if err != nil {
		return usageError{fmt.Errorf("write the report: %w", err)}
	}
	if !r.Passed {
		return &exitError{exitFailure}
	}
	return nil
}

// tokenFlags say where a token is. It is never an argument: others on the
// machine see those, and shells keep them.
type tokenFlags struct {
	env, file    string
	showPersonal bool
}

func (f *tokenFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.env, "token-env", "", "the token is in the environment variable `NAME`")
	c.Flags().StringVar(&f.file, "token-file", "", "the token is in this `FILE`; - is standard input")
	c.Flags().BoolVar(&f.showPersonal, "show-personal", false, "show claims about people whole: user_email, user_login and the like")
}

// maxTokenFile is what is read of a token: enough to say of a longer one how
// long it is.
const maxTokenFile = 1 << 20

// read gives the token, and where it was; nil if none was named.
func (f *tokenFlags) read(c *cobra.Command) (*doctor.TokenConfig, error) {
	t := &doctor.TokenConfig{Now: time.Now(), ShowPersonal: f.showPersonal}
	switch {
	case f.env != "" && f.file != "":
		return nil, usageError{errors.New("give --token-env or --token-file, not both")}
	case f.env != "":
		value, ok := os.LookupEnv(f.env)
		if !ok {
			return nil, usageError{fmt.Errorf("there is no environment variable %q%s", f.env, candidates())}
		}
		t.Raw, t.From = value, "the variable "+f.env
	case f.file == "-":
		text, err := io.ReadAll(io.LimitReader(c.InOrStdin(), maxTokenFile))
		if err != nil {
			return nil, usageError{fmt.Errorf("read the token from standard input: %w", err)}
		}
		t.Raw, t.From = string(text), "standard input"
	case f.file != "":
		file, err := os.Open(f.file)
		if err != nil {
			return nil, usageError{fmt.Errorf("read the token: %w", err)}
		}
		defer file.Close() //nolint:errcheck // only read
		text, err := io.ReadAll(io.LimitReader(file, maxTokenFile))
		if err != nil {
			return nil, usageError{fmt.Errorf("read the token: %w", err)}
		}
		t.Raw, t.From = string(text), f.file
	default:
		return nil, nil
	}
	return t, nil
}

// compact is the form of a token.
var compact = regexp.MustCompile(`^eyJ[\w-]+\.[\w-]+\.[\w-]+$`)

// candidates names the variables that hold what looks like a token.
func candidates() string {
	var names []string
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); compact.MatchString(value) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return ""
	}
	return "; what looks like a token is in " + strings.Join(names, ", ")
}

// noToken refuses a token among the arguments without repeating it.
func noToken(c *cobra.Command, args []string) error {
	for _, a := range args {
		if compact.MatchString(a) || strings.HasPrefix(a, "eyJ") {
			return usageError{errTokenInArguments}
		}
	}
	return noArguments(c, args)
}

// networkFlags say how an issuer is reached and believed.
type networkFlags struct {
	ca          string
	thumbprints []string
}

func (f *networkFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.ca, "ca", "", "certificate authorities of your own, PEM `FILE`")
	c.Flags().StringArrayVar(&f.thumbprints, "thumbprint", nil, "a `SHA1` that is registered in IAM, to compare; may be given again")
}

// private are the authorities of --ca, alone; nil for none.
func (f *networkFlags) private() (*x509.CertPool, error) {
	if f.ca == "" {
		return nil, nil
	}
	pool, err := withCertificates(x509.NewCertPool(), f.ca)
	if err != nil {
		return nil, usageError{fmt.Errorf("--ca: %w", err)}
	}
	return pool, nil
}

// all are those besides the system's; nil is the system's alone.
func (f *networkFlags) all() (*x509.CertPool, error) {
	if f.ca == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err == nil {
		pool, err = withCertificates(pool, f.ca)
	}
	if err != nil {
		return nil, usageError{fmt.Errorf("--ca: %w", err)}
	}
	return pool, nil
}

// issuerFlags are those of `doctor issuer`.
type issuerFlags struct {
	reportFlags
	networkFlags
	tokenFlags
	resolve           []string
	clientIDs         []string
	account, instance string
	parallel          int
	role              string
}

func newDoctorIssuer() *cobra.Command {
	var f issuerFlags
	c := &cobra.Command{
		Use:   "issuer URL",
		Short: "Examine an issuer: DNS, TLS as it is sent, documents, keys, caching, limits",
		Long: `Examine an OpenID Connect issuer as AWS meets it: the URL's form, DNS, latency,
TLS 1.2, the certificates in the order in which they are sent (browsers, curl and
Go accept an order that AWS does not), dates, names, thumbprint, the discovery
document and the key set, cache headers, many requests at once, redirects, clocks.

It asks the issuer and nobody else, some thirty requests in all. A private GitLab
is examined from inside with --ca; with --resolve before its name is in the DNS.
What only a look from the public internet can settle, the report names.

The authorities of this system stand in for AWS's own list. With a token its
claims are examined too; the token itself is sent nowhere.

docs/doctor.md lists all that can be found.`,
		Example: `  daypass doctor issuer https://gitlab.example.com
  daypass doctor issuer https://gitlab.internal --ca ca.pem --thumbprint 1c58…
  daypass doctor issuer https://oidc.example.com --gitlab https://gitlab.internal --ca ca.pem`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("which issuer? Give its URL: \"%s https://gitlab.example.com\"", c.CommandPath())}
			}
			return noToken(c, args[:0])
		},
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	f.reportFlags.add(c)
	f.networkFlags.add(c)
	f.tokenFlags.add(c)
	c.Flags().StringArrayVar(&f.resolve, "resolve", nil, "take HOST to have this address, `HOST:ADDRESS`; may be given again")
	c.Flags().StringArrayVar(&f.clientIDs, "client-id", nil, "a client `ID` of the provider, for the token; may be given again")
	c.Flags().StringVar(&f.role, "role-arn", "", "the `ARN` of the role that the token is for")
	c.Flags().StringVar(&f.account, "account", "", "the account whose names are printed, 12 `DIGITS`")
	c.Flags().StringVar(&f.instance, "gitlab", "", "the `URL` of the GitLab instance whose keys a custom issuer publishes")
	c.Flags().IntVar(&f.parallel, "parallel", doctor.Parallel, "make so `MANY` requests at once; 0 makes none")
	return c
}

func (f *issuerFlags) run(c *cobra.Command, url string) error {
	if err := errors.Join(f.check(), server.CheckAccount(f.account)); err != nil {
		return err
	}
	if f.parallel < 0 || f.parallel > 100 {
		return usageError{fmt.Errorf("--parallel %d is not between 0 and 100", f.parallel)}
	}
	private, err := f.private()
	if err != nil {
		return err
	}
	token, err := f.read(c)
	if err != nil {
		return err
	}
	config := doctor.IssuerConfig{
		URL: url, For: doctor.For(f.relying), Now: time.Now, Private: private, Thumbprints: f.thumbprints,
		Account: f.account, GitLab: f.instance, Token: token, Parallel: f.parallel, Resolve: map[string]netip.Addr{},
	}
	if f.parallel == 0 {
		config.Parallel = -1
	}
	if token != nil {
		token.ClientIDs, token.RoleARN = f.clientIDs, f.role
	}
	for _, text := range f.resolve {
		host, addr, err := doctor.ParseResolve(text)
		if err != nil {
			return usageError{fmt.Errorf("--resolve: %w", err)}
		}
		config.Resolve[host] = addr
	}
	return f.end(c, "issuer "+url, doctor.Issuer(c.Context(), config))
}

// doctorTokenFlags are those of `doctor token`.
type doctorTokenFlags struct {
	reportFlags
	networkFlags
	tokenFlags
	issuer, role, jwks string
	clientIDs          []string
	online             bool
}

func newDoctorToken() *cobra.Command {
	var f doctorTokenFlags
	c := &cobra.Command{
		Use:   "token",
		Short: "Examine an ID token: claims, audience, times, header, size, session tags, signature",
		Long: `Examine an ID token: everything that AWS asks of it, and not only the first thing
that is wrong. The token is read from a variable, a file or standard input. It is
sent nowhere; with --online the issuer that --issuer names is asked for its keys.

Claims are printed, those about people masked unless --show-personal is given; the
signature never is.`,
		Example: `  daypass doctor token --token-env GITLAB_OIDC_TOKEN --issuer https://gitlab.example.com --client-id https://gitlab.example.com
  daypass ci token … | daypass doctor token --token-file -`,
		Args: noToken,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	f.reportFlags.add(c)
	f.networkFlags.add(c)
	f.tokenFlags.add(c)
	c.Flags().StringVar(&f.issuer, "issuer", "", "the provider's `URL`, with https://, to compare with iss")
	c.Flags().StringArrayVar(&f.clientIDs, "client-id", nil, "a client `ID` of the provider, to compare with the audience; may be given again")
	c.Flags().StringVar(&f.role, "role-arn", "", "the `ARN` of the role that the token is for, to compare with the claim roles")
	c.Flags().StringVar(&f.jwks, "jwks", "", "verify the signature with the keys in this `FILE`")
	c.Flags().BoolVar(&f.online, "online", false, "fetch the keys of --issuer, and verify the signature with them")
	return c
}

func (f *doctorTokenFlags) run(c *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	switch {
	case f.online && f.issuer == "":
		return usageError{errors.New("which issuer is to be asked? Give --issuer; a URL that only a token names is never asked")}
	case f.online && f.jwks != "":
		return usageError{errors.New("give --online or --jwks, not both")}
	}
	token, err := f.read(c)
	if err != nil {
		return err
	}
	if token == nil {
		return usageError{fmt.Errorf("which token? Give --token-env NAME or --token-file FILE%s", candidates())}
	}
	token.For, token.Issuer, token.ClientIDs, token.RoleARN = doctor.For(f.relying), f.issuer, f.clientIDs, f.role
	switch {
	case f.jwks != "":
		text, err := os.ReadFile(f.jwks)
		if err != nil {
			return usageError{fmt.Errorf("--jwks: %w", err)}
		}
		if token.Keys, err = oidc.ParseKeySet(text); err != nil {
			return usageError{fmt.Errorf("--jwks %s: %w", f.jwks, err)}
		}
	case f.online:
		roots, err := f.all()
		if err != nil {
			return err
		}
		if token.Keys, err = doctor.FetchKeys(c.Context(), f.issuer, f.thumbprints, roots, time.Now); err != nil {
			token.NoKeys = err.Error()
		}
	}
	return f.end(c, "token from "+token.From, doctor.Token(*token))
}
