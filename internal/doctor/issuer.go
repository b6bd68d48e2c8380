package doctor

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/oidc"
)

// Bounds of the examination of an issuer.
const (
	// Bound is when AWS gives up on an issuer (GitLab Docs, "Configure OpenID
	// Connect in AWS to retrieve temporary credentials"; AWS Knowledge Center).
	Bound = 5 * time.Second
	// Slow is when the doctor warns: a cold start or a busy hour makes five
	// seconds of two.
	Slow = 2 * time.Second
	// Parallel is how many requests are made at once.
	Parallel = 20

	patience = 3 // times Bound: how long one request is watched
)

// Agents that the documents are asked for with. AWS's own is not known; that it
// is no browser's is what matters.
const (
	agent   = "daypass"
	browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// IssuerConfig says what to examine, and from where. URL and Now are needed.
type IssuerConfig struct {
	URL string
	For For // "" is AWS
	Now func() time.Time

	// Public are the authorities that count as public; nil is the system's, which
	// stand in for AWS's own list, of which only the idea is known.
	Public *x509.CertPool
	// Private are the user's own authorities; nil is none.
	Private *x509.CertPool
	// Resolve gives addresses of hosts in place of the DNS.
	Resolve map[string]netip.Addr
	// Thumbprints are those registered; nil is that none were told.
	Thumbprints []string
	// Account is the 12-digit account whose names are printed; "" for a place to
	// fill in.
	Account string
	// GitLab is the URL of the instance that signs the tokens, where the issuer is
	// a custom one; "" for none.
	GitLab string
	// Token is examined too; nil for none. Its Issuer and Keys are filled in.
	Token *TokenConfig

	// Bound, Slow and Parallel are the constants where they are zero. Parallel
	// below zero is that many requests at once are not made.
	Bound, Slow time.Duration
	Parallel    int
	// Egress says which addresses may be asked; the zero Egress is the rule of a
	// server without settings. NotLoopback forbids this machine's, which a URL that
	// names it may otherwise have asked: for whoever examines for others.
	Egress      jwks.Egress
	NotLoopback bool
	// Resolver is asked what a host's addresses are; nil is the system's. What is
	// connected to is not its business.
	Resolver *net.Resolver
}

// issuerExam is one examination under way.
type issuerExam struct {
	*Report
	*observer
	c      *IssuerConfig
	issuer *url.URL

	keysURL   *url.URL // jwks_uri; nil where it is not known
	discovery answer
	keys      answer
	keySet    *oidc.KeySet
}

// Issuer examines an issuer over the network. What is wrong with it is in the
// report; there is no error, for an issuer that cannot be asked is a finding.
func Issuer(ctx context.Context, c IssuerConfig) *Report {
	if c.Bound == 0 {
		c.Bound = Bound
	}
	if c.Slow == 0 {
		c.Slow = Slow
	}
	if c.Parallel == 0 {
		c.Parallel = Parallel
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	e := &issuerExam{Report: newReport(c.URL, c.For), c: &c}
	e.observer = &observer{
		dialer:  jwks.NewDialer(c.Egress, !c.NotLoopback && c.onLoopback()),
		resolve: c.Resolve, now: c.Now, patient: patience * c.Bound,
	}
	e.examineURL()
	if e.issuer != nil {
		if e.examineDNS(ctx, e.issuer) {
			e.examineServers(ctx)
		}
		e.examineNames(ctx)
	}
	e.examineToken()
	e.skipRest()
	if c.Token == nil {
		return e.finish("D")
	}
	return e.finish("D", "T")
}

// onLoopback reports whether the user asks for something on this machine by
// name. Nothing that a document says does.
func (c *IssuerConfig) onLoopback() bool {
	for _, named := range []string{c.URL, c.GitLab} {
		u, err := url.Parse(named)
		if err != nil {
			continue
		}
		host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
		addr, err := netip.ParseAddr(host)
		if err == nil && addr.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") {
			return true
		}
		if c.Resolve[u.Hostname()].IsLoopback() {
			return true
		}
	}
	return false
}

// examineServers asks all that can be asked of the issuer's host and of the one
// of its keys.
func (e *issuerExam) examineServers(ctx context.Context) {
	well := *e.issuer
	well.Path, well.RawPath = strings.TrimSuffix(e.issuer.Path, "/")+discoveryPath, ""
	e.discovery = e.get(ctx, &well, agent, jwks.MaxDiscoveryBytes)
	e.examineDiscovery()
	issuerTLS := e.examineTLS(ctx, e.issuer)
	keysTLS := issuerTLS
	if e.keysURL != nil {
		keysTLS = e.examineKeysHost(ctx, issuerTLS)
		e.keys = e.get(ctx, e.keysURL, agent, oidc.MaxKeySetBytes)
		e.examineKeys()
		e.examineCaching()
	}
	e.examineLatency()
	e.examineThumbprint(issuerTLS, keysTLS)
	e.examineSameAnswer(ctx, &well)
	e.examineCrowd(ctx)
	e.examineClock()
}

// examineKeysHost is examineDNS and examineTLS for the host of jwks_uri, if it
// is another one.
func (e *issuerExam) examineKeysHost(ctx context.Context, ofIssuer *tlsView) *tlsView {
	if hostPort(e.keysURL) == hostPort(e.issuer) {
		return ofIssuer
	}
	if !e.examineDNS(ctx, e.keysURL) {
		return nil
	}
	return e.examineTLS(ctx, e.keysURL)
}

// examineLatency adds up what AWS would wait for.
func (e *issuerExam) examineLatency() {
	switch {
	case e.discovery.err != nil && late(e.discovery.err):
		e.found("no-answer", "%s: no answer within %s", e.discovery.from, e.patient)
		return
	case e.discovery.err != nil:
		e.found("unreachable", "%s: %s", e.discovery.from, reason(e.discovery.err))
		return
	case e.keysURL == nil:
		e.ok("D03", "discovery document in %s; the key set is not known", round(e.discovery.took))
	case e.keys.err != nil && late(e.keys.err):
		e.found("no-answer", "%s: no answer within %s", e.keysURL, e.patient)
		return
	case e.keys.err != nil:
		e.found("unreachable", "%s: %s", e.keysURL, reason(e.keys.err))
		return
	}
	total := e.discovery.took + e.keys.took
	seen := "discovery document in " + round(e.discovery.took)
	if e.keysURL != nil {
		seen += ", key set in " + round(e.keys.took) + ", together " + round(total) + ", each over a new connection"
	}
	switch {
	case total > e.c.Bound:
		e.found("too-slow", "%s; the bound is %s", seen, e.c.Bound)
	case total > e.c.Slow:
		e.found("slow", "%s; the bound is %s", seen, e.c.Bound)
	default:
		e.ok("D03", "%s", seen)
	}
}

func round(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// examineToken has the token examined with what was found of its issuer.
func (e *issuerExam) examineToken() {
	t := e.c.Token
	if t == nil {
		e.skip("D18", "no token was given; --token-env or --token-file names one")
		return
	}
	given := *t
	given.Issuer, given.For, given.Now = e.c.URL, e.For, e.c.Now()
	if given.Keys == nil && e.keySet != nil {
		given.Keys = e.keySet
	}
	report := newReport("", e.For)
	examineToken(report, &given)
	bad := 0
	for i := range report.Findings {
		if report.Findings[i].Level == Error {
			bad++
		}
	}
	if bad > 0 {
		e.found("token-fails", "%s below", number(bad, "error"))
	} else {
		e.ok("D18", "it carries the issuer %s", shown(e.c.URL))
	}
	e.Findings = append(e.Findings, report.Findings...)
	for check, seen := range report.seen {
		e.seen[check] = seen
	}
	for check, why := range report.skipped {
		e.skipped[check] = why
	}
	e.Claims = report.Claims
}

// skipRest says of what was not looked at why.
func (e *issuerExam) skipRest() {
	for _, c := range checks {
		if c.ID[:1] == "D" && e.skipped[c.ID] == "" {
			switch {
			case e.issuer == nil:
				e.skip(c.ID, "the URL must be mended first")
			case e.has("unreachable") || e.has("no-answer") || e.has("no-such-host") || e.has("address-refused"):
				e.skip(c.ID, "the host could not be asked")
			default:
				e.skip(c.ID, "what it looks at was not answered")
			}
		}
	}
}
