package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/doctor"
	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/ledger"
	"github.com/daypass/daypass/internal/sdkhttp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"
)

// Exit codes of daypass publish, besides those of daypass. 2 is a wrong call,
// but for plan, where it is that something is to be done, and a wrong call is 64.
const (
	exitPlanChanges   = 2
	exitRefused       = 3 // a rule of safety was not met; nothing was changed
	exitNotAsPromised = 4 // verify: what is public is not what the ledger says
	exitDoesNotWork   = 5 // it is published, and an examination of it found something
	exitBusy          = 6 // another publisher was first, again and again
	exitPlanUsage     = 64
)

const publishExitCodes = `

Exit status: 0 it is done, or nothing was to do; 1 it could not be done; 2 a wrong
call; 3 refused, a rule of safety was not met and nothing was changed; 5 it is
published, and doctor, proof token or canary found something wrong; 6 another
publisher was first; 130 it was interrupted.`

// publishFlags are those of the commands that write.
type publishFlags struct {
	publishSource
	publicFlags
	publishTarget
	tokenFlags  // the proof token
	ledger      string
	by          string
	approve     []string
	maxAge      time.Duration
	jobTimeout  time.Duration
	overlap     time.Duration
	wait        time.Duration
	relying     string
	canaryRole  string
	stsEndpoint string
	output      string
}

// publicFlags say what the public sees, and how it is read.
type publicFlags struct {
	issuer   string
	publicCA string
	resolve  []string
}

func (f *publicFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.issuer, "issuer", "", "the public `URL` of the issuer, as tokens have it in iss; final")
	c.Flags().StringVar(&f.publicCA, "public-ca", "", "authorities of your own, PEM `FILE`, that may vouch for the public URL; AWS does not know them")
	c.Flags().StringArrayVar(&f.resolve, "resolve", nil, "take the public HOST to have this address, `HOST:ADDRESS`; may be given again")
}

func (f *publicFlags) reader() (publish.Reader, error) {
	r := publish.Reader{Now: time.Now, Resolve: map[string]netip.Addr{}}
	if f.issuer == "" {
		return r, usageError{errors.New("which issuer? Give its public URL with --issuer https://oidc.example.com")}
	}
	for _, text := range f.resolve {
		host, addr, err := doctor.ParseResolve(text)
		if err != nil {
			return r, usageError{fmt.Errorf("--resolve: %w", err)}
		}
		r.Resolve[host] = addr
	}
	var err error
	r.Roots, err = (&networkFlags{ca: f.publicCA}).all()
	return r, err
}

// publishSource says where the issuer's keys are read.
type publishSource struct {
	from, fromFile, ca, pin, keys string
}

func (f *publishSource) add(c *cobra.Command) {
	c.Flags().StringVar(&f.from, "from", "", "`URL` of the instance from inside, https://gitlab.internal")
	c.Flags().StringVar(&f.fromFile, "from-file", "", "its keys in a `FILE`, a JWK Set or public PEM, where it cannot be reached from here")
	c.Flags().StringVar(&f.ca, "ca", "", "authorities of your own, PEM `FILE`, that vouch for --from, besides the system's")
	c.Flags().StringVar(&f.pin, "pin", "", "`SHA256` in base64 of a public key in --from's chain, asked for besides")
}

// upstream is nil where none was named.
func (f *publishSource) upstream() (*publish.Upstream, error) {
	switch {
	case f.from != "" && f.fromFile != "":
		return nil, usageError{errors.New("give --from or --from-file, not both")}
	case f.from == "" && f.fromFile == "":
		return nil, nil
	}
	if f.pin != "" {
		if err := publish.CheckPin(f.pin); err != nil {
			return nil, usageError{fmt.Errorf("--pin: %w", err)}
		}
	}
	roots, err := (&networkFlags{ca: f.ca}).all()
	return &publish.Upstream{URL: f.from, File: f.fromFile, Reader: publish.Reader{Roots: roots, Pin: f.pin, Now: time.Now}}, err
}

// publishTarget says where it is published.
type publishTarget struct {
	to, endpoint, region, owner, profile string
	pathStyle                            bool
	accept                               []string
}

func (f *publishTarget) add(c *cobra.Command) {
	c.Flags().StringVar(&f.to, "to", "", "`TARGET`: s3://BUCKET[/PREFIX], or a directory that a web server serves")
	c.Flags().StringVar(&f.endpoint, "endpoint-url", "", "`URL` of another store that speaks S3")
	c.Flags().StringVar(&f.region, "region", "", "the bucket's `REGION`")
	c.Flags().StringVar(&f.profile, "profile", "", "the `PROFILE` with the credentials for the bucket")
	c.Flags().StringVar(&f.owner, "expected-bucket-owner", "", "the account that must own the bucket, 12 `DIGITS`; needed for AWS")
	c.Flags().BoolVar(&f.pathStyle, "path-style", false, "address the bucket in the path, as most other stores want it")
	c.Flags().StringArrayVar(&f.accept, "accept", nil, "accept `WHAT` is refused otherwise: unversioned, a bucket without versions")
}

func (f *publishTarget) target(ctx context.Context, maxAge time.Duration) (publish.Target, error) {
	for _, what := range f.accept {
		if what != "unversioned" {
			return nil, usageError{fmt.Errorf("--accept %q: only unversioned can be accepted", what)}
		}
	}
	rest, ok := strings.CutPrefix(f.to, "s3://")
	switch {
	case f.to == "":
		return nil, usageError{errors.New("where to? Give --to s3://BUCKET or --to DIRECTORY")}
	case strings.Contains(f.to, "://") && !ok:
		return nil, usageError{fmt.Errorf("--to %q: a target is s3://BUCKET or a directory; for Google Cloud Storage and Azure, publish to a directory and upload it with their own tools (docs/publish.md)", f.to)}
	case !ok:
		return publish.NewDirectory(f.to)
	}
	c, err := f.bucket(ctx, rest, maxAge)
	if err != nil {
		return nil, err
	}
	return publish.NewS3(c)
}

// bucket is a target of BUCKET[/PREFIX].
func (f *publishTarget) bucket(ctx context.Context, rest string, maxAge time.Duration) (publish.S3Config, error) {
	name, prefix, _ := strings.Cut(rest, "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	var options []func(*config.LoadOptions) error
	if os.Getenv("AWS_CA_BUNDLE") == "" { // which the SDK adds to a client of its own alone
		options = append(options, config.WithHTTPClient(sdkhttp.Client{Client: &http.Client{Timeout: time.Minute}}))
	}
	if f.region != "" {
		options = append(options, config.WithRegion(f.region))
	}
	if f.profile != "" {
		options = append(options, config.WithSharedConfigProfile(f.profile))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return publish.S3Config{}, fmt.Errorf("the configuration of AWS's tools: %w", err)
	}
	set := func(o *s3.Options) {
		if f.endpoint != "" {
			o.BaseEndpoint = &f.endpoint
		}
		if o.Region == "" {
			o.Region = "us-east-1"
		}
		o.UsePathStyle = f.pathStyle
	}
	anonymous := func(o *s3.Options) { o.Credentials = aws.AnonymousCredentials{} }
	return publish.S3Config{
		Client: s3.NewFromConfig(c, set), Anonymous: s3.NewFromConfig(c, set, anonymous), Bucket: name, Prefix: prefix, Owner: f.owner,
		OwnerNeeded: f.endpoint == "" && c.BaseEndpoint == nil, MaxAge: maxAge,
		Public: []string{publish.ConfigurationKey, publish.KeysKey}, Unversioned: slices.Contains(f.accept, "unversioned"),
	}, nil
}

func (f *publishFlags) addAll(c *cobra.Command) {
	f.publicFlags.add(c)
	f.publishTarget.add(c)
	c.Flags().StringVar(&f.ledger, "ledger", "", "`FILE` with a local copy of the ledger; made where it is missing. Without one, a ledger that was rewritten in the target is not noticed")
	c.Flags().StringVar(&f.by, "by", "", "your `NAME` for the ledger (default: the user of this system)")
	c.Flags().StringArrayVar(&f.approve, "approve", nil, "the `THUMBPRINT` (RFC 7638, SHA-256) of a key that you compared on the GitLab server; may be given again")
	c.Flags().DurationVar(&f.maxAge, "max-age", 15*time.Minute, "how long readers may cache the documents, `TIME` as 15m")
	c.Flags().DurationVar(&f.jobTimeout, "job-timeout", time.Hour, "the longest `TIME` that a job may run, as 3h: so long its token is wanted")
	c.Flags().DurationVar(&f.overlap, "overlap", 0, "keep a key for this `TIME` after the issuer has it no more; it may be longer than is needed, not shorter")
	c.Flags().DurationVar(&f.wait, "wait", time.Minute, "how long the public URL may take to show what was written, `TIME` as 1m")
	c.Flags().StringVar(&f.relying, "for", "aws", "`WHO` is to get along with the issuer: aws, or daypass, a Daypass server that reaches what this machine reaches")
	c.Flags().StringVar(&f.env, "proof-token-env", "", "a live ID token that proves a new key is in the environment variable `NAME`; in a job, that of its id_tokens")
	c.Flags().StringVar(&f.file, "proof-token-file", "", "the same, in this `FILE`; - is standard input")
	c.Flags().StringVar(&f.canaryRole, "canary-role", "", "afterwards, exchange the proof token for this role, an `ARN`; it should have no permissions")
	c.Flags().StringVar(&f.stsEndpoint, "sts-endpoint", "", "`URL` of the STS for the canary (default: AWS's in --region)")
	c.Flags().StringVar(&f.output, "output", "text", "`FORM` of the output: text or json")
}

// addSource adds the flags on the issuer's keys.
func (f *publishFlags) addSource(c *cobra.Command) {
	f.publishSource.add(c)
	c.Flags().StringVar(&f.keys, "keys", ledger.ChooseCI, "`WHICH` keys are published: ci, those that a token or --approve vouches for; all; or kid=KID")
}

// setUp makes the publisher. Its token is read anew at each call.
func (f *publishFlags) setUp(c *cobra.Command) (*publish.Publisher, error) {
	switch {
	case f.output != "text" && f.output != "json":
		return nil, usageError{fmt.Errorf("--output %q is neither text nor json", f.output)}
	case f.relying != string(doctor.AWS) && f.relying != string(doctor.Daypass):
		return nil, usageError{fmt.Errorf("--for %q is neither aws nor daypass", f.relying)}
	case f.maxAge < time.Minute || f.maxAge > 24*time.Hour:
		return nil, usageError{fmt.Errorf("--max-age %v is not between 1m and 24h: shorter, and each exchange reads the issuer; longer, and a rotation takes days", f.maxAge)}
	case f.jobTimeout <= 0 || f.wait <= 0:
		return nil, usageError{errors.New("--job-timeout and --wait are above zero")}
	case f.overlap != 0 && f.overlap < ledger.Overlap(f.maxAge, f.jobTimeout):
		return nil, usageError{fmt.Errorf("--overlap %v is shorter than %v, which caches and jobs need", f.overlap, ledger.Overlap(f.maxAge, f.jobTimeout))}
	case f.canaryRole != "" && f.env == "" && f.file == "":
		return nil, usageError{errors.New("--canary-role exchanges the proof token: give --proof-token-env or --proof-token-file")}
	}
	reader, err := f.reader()
	if err != nil {
		return nil, err
	}
	if err := ledger.CheckIssuer(f.issuer); err != nil {
		return nil, err
	}
	target, err := f.target(c.Context(), f.maxAge)
	if err != nil {
		return nil, err
	}
	var private *x509.CertPool
	if f.publicCA != "" {
		if private, err = (&networkFlags{ca: f.publicCA}).private(); err != nil {
			return nil, err
		}
	}
	by := f.by
	if by == "" {
		by = systemUser()
	}
	return &publish.Publisher{
		Issuer: f.issuer, Target: target, Public: reader, Ledger: f.ledger, Now: time.Now, By: by, Wait: f.wait, For: doctor.For(f.relying), Private: private,
	}, nil
}

// request is what is asked for now: the issuer's keys and who vouches for them.
// It also gives the publisher the token for its examination.
func (f *publishFlags) request(c *cobra.Command, p *publish.Publisher, upstream *publish.Upstream) (ledger.Request, error) {
	r := ledger.Request{Choose: f.keys, Approve: f.approve, By: p.By, Overlap: max(f.overlap, ledger.Overlap(f.maxAge, f.jobTimeout))}
	p.ProofToken, p.Canary = "", nil
	if upstream == nil {
		return r, nil
	}
	if err := ledger.CheckChoice(f.keys); err != nil {
		return r, usageError{fmt.Errorf("--keys: %w", err)}
	}
	keys, err := upstream.Keys(c.Context())
	if err != nil {
		return r, err
	}
	r.Upstream = keys
	token, err := f.read(c)
	if err != nil || token == nil {
		return r, err
	}
	raw := strings.TrimSpace(token.Raw)
	proof, err := publish.Prove(raw, f.issuer, keys, p.Now())
	if err != nil {
		return r, err
	}
	r.Proven, r.ProvenBy = proof.Thumbprint, proof.By
	p.ProofToken = raw
	if f.canaryRole != "" {
		p.Canary = &publish.Canary{Client: f.sts(), Role: f.canaryRole, Token: raw}
	}
	return r, nil
}

func (f *publishFlags) sts() *sts.Client {
	o := sts.Options{Region: f.region, HTTPClient: sdkhttp.Client{Client: &http.Client{Timeout: time.Minute}}}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if f.stsEndpoint != "" {
		o.BaseEndpoint = &f.stsEndpoint
	}
	return sts.New(o)
}

func systemUser() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		host, _ := os.Hostname()
		return strings.TrimSuffix(u.Username+"@"+host, "@")
	}
	return "unknown"
}
