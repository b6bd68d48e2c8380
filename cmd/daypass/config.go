package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/strictyaml"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"
)

// maxConfiguration bounds the file: it is read before anything is known of it.
const maxConfiguration = 1 << 20

// The comments of the structs below are docs/configuration.md, which a test
// keeps fresh: "go test ./cmd/daypass -run TestConfigurationManual -update".

// configuration is read by `daypass serve --config FILE`, or from the file that
// DAYPASS_CONFIG names. It is YAML, and optional as a whole and in each key. It
// holds what must be known before the server's data is opened; what AWS has as
// a resource (providers, roles, policies) is changed through AWS's API.
//
// A key that is not listed here, one that is given twice, and one without a
// value are refused, with their line. Paths are relative to the folder of the
// file. A flag overrides an environment variable, which overrides the file. The
// file is read when the server starts, and not again. For example:
//
//	listen: 0.0.0.0:443
//	tlsCert: tls/chain.pem
//	tlsKey: tls/key.pem
//	data: /var/lib/daypass
//	providers:
//	  - url: https://gitlab.example.com
//	    ca: tls/private-ca.pem
//	    extendedClaims: true
//	  - url: https://gitlab.isolated.example
//	    keysFile: keys/isolated.json
//	egress:
//	  denyPrivate: true
//	  allow: [10.1.2.0/24]
type configuration struct {
	// Listen is the address to listen on, HOST:PORT; port 0 takes a free one.
	// Without a certificate the host must be loopback, since credentials must
	// not travel unencrypted.
	Listen string `yaml:"listen"`
	// AdminListen is the address, HOST:PORT, on which those who operate the server
	// ask for `/healthz`, `/readyz` and `/metrics` (see docs/monitoring.md). Nobody
	// has to sign there: let only them reach it. By default it is a free port on
	// loopback, which the log names; `none` is none.
	AdminListen string `yaml:"adminListen"`
	// Data is the directory of everything that lasts: database, master key,
	// the administrator's credentials, events. By default it is `daypass` in the
	// user's data directory.
	Data string `yaml:"data"`
	// Store is the URL of a PostgreSQL database that several nodes share,
	// `postgres://USER@HOST:5432/DATABASE` (docs/clusters.md). By default it is a
	// database in the data directory, for one node. The password may be in the URL,
	// though not on the command line, in PGPASSWORD, or in the file that PGPASSFILE
	// names.
	Store string `yaml:"store"`
	// Account is the account that the first start makes, 12 digits.
	Account string `yaml:"account"`
	// MasterKey says where the master key's set is, under which secrets lie:
	// `file:PATH`, `env:VARIABLE`, or `credential:NAME`, a credential that systemd
	// gave to the service (LoadCredential=). By default it is the file `master.key`
	// in the data directory, which the first start makes. See docs/keys.md.
	MasterKey string `yaml:"masterKey"`
	// MasterKeyKMS is the KMS that encrypts the master key's set where it is:
	// `aws-kms://ARN` of a key of AWS KMS, or `exec:/PATH/TO/COMMAND`, which is
	// called with `encrypt` or `decrypt`. It is asked when the server starts and when
	// the set changes.
	MasterKeyKMS string `yaml:"masterKeyKms"`
	// Keys says how old keys become before the server rotates them.
	Keys keysConfiguration `yaml:"keys"`
	// TLSCert is the file of the certificate chain for https, in PEM form. It
	// goes together with `tlsKey`. Files that change are read anew within 5 seconds;
	// what does not fit leaves the old certificate in place, and the log says so.
	TLSCert string `yaml:"tlsCert"`
	// TLSKey is the file of the certificate's private key, in PEM form.
	TLSKey string `yaml:"tlsKey"`
	// ACME is where the certificate comes from in the place of files.
	ACME *acmeConfiguration `yaml:"acme"`
	// IssuerCA is a file of certificate authorities, in PEM form, that are
	// trusted for issuers besides the system's.
	IssuerCA string `yaml:"issuerCa"`
	// Events is the file to which one JSON line is appended for each request (see
	// docs/audit.md); `-` is stdout. By default it is `events.jsonl` in the data directory. A file
	// whose name ends with .jsonl is continued in another when it has 16 MiB.
	Events string `yaml:"events"`
	// Audit says where the record of requests is handed on to.
	Audit auditConfiguration `yaml:"audit"`
	// LogFormat is the form of the log, which goes to stderr: `logfmt`, or `json`, one
	// object a line.
	LogFormat string `yaml:"logFormat"`
	// LogLevel is the least level that is logged: `debug`, `request` (a line for each
	// request), `info`, `warn` or `error`. By default it is `info`. A server that was
	// started with a configuration file reads this key anew when it gets SIGHUP; see
	// docs/monitoring.md.
	LogLevel string `yaml:"logLevel"`
	// ReadyFile is a file to which the endpoint's URL is written once the
	// server answers. It is removed when the server stops.
	ReadyFile string `yaml:"readyFile"`
	// Traces says where requests are traced to, for OpenTelemetry.
	Traces tracesConfiguration `yaml:"traces"`
	// ExplainToCaller adds to each denial why it was denied. It tells strangers
	// what trust policies ask for.
	ExplainToCaller bool `yaml:"explainToCaller"`
	// EncodeDenials adds to each denial its encoded form, which tells a stranger
	// nothing: who has the permission decodes it with
	// sts:DecodeAuthorizationMessage. Events have it in any case. AWS's STS and
	// IAM send none.
	EncodeDenials bool `yaml:"encodeDenials"`
	// PublicURL is the URL under which others reach the server,
	// https://HOST or https://HOST:PORT; it is needed for outbound federation. By
	// default it is the endpoint, where that is on loopback.
	PublicURL string `yaml:"publicUrl"`
	// ExtendedClaims lists the URLs of providers whose tokens' claims are all
	// condition keys, which AWS does not do. The same can be said of a provider
	// in `providers`.
	ExtendedClaims []string `yaml:"extendedClaims"`
	// StaleKeys is how long an issuer's keys may still be used when their time
	// is over and the issuer cannot be reached, such as `24h` or `90m`; `0s` is
	// never. An issuer that answers wrongly is not one that cannot be reached.
	// Events of tokens that were verified so have `staleKeys`. By default it is
	// `24h`.
	StaleKeys *duration `yaml:"staleKeys"`
	// Providers are settings of single OIDC providers. A provider is registered
	// through IAM; it needs no entry here, and an entry registers none.
	Providers []providerConfiguration `yaml:"providers"`
	// Egress says which addresses the server may connect to when it fetches an
	// issuer's documents.
	Egress egressConfiguration `yaml:"egress"`
	// S3 says how Amazon S3 is served, and where objects are kept.
	S3 s3Configuration `yaml:"s3"`
	// Limits bounds how often somebody may ask, and how much is done at once.
	Limits limitsConfiguration `yaml:"limits"`
	// Timeouts is how long the server waits for clients.
	Timeouts timeoutsConfiguration `yaml:"timeouts"`
	// TrustedProxies are the addresses, such as `10.0.0.0/8`, of proxies before the
	// server whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, for
	// `aws:SourceIp`, `aws:SecureTransport`, limits and the record. They must set both
	// headers themselves. By default nobody's are believed.
	TrustedProxies []netip.Prefix `yaml:"trustedProxies"`
	// Console says how the console is served (docs/console.md).
	Console consoleConfiguration `yaml:"console"`
	// Upstreams lists AWS services behind the gateway, which Daypass does not serve
	// itself: who may do what is decided here, and the service knows the gateway's
	// credentials only. See docs/upstream.md.
	Upstreams []serviceConfiguration `yaml:"upstreams"`
}

// providerConfiguration is an entry of `providers`.
type providerConfiguration struct {
	// URL is the provider's URL as it is registered, with `https://`; case and a
	// closing slash count. Each entry needs one.
	URL string `yaml:"url"`
	// CA is a file of certificate authorities, in PEM form: the only ones that
	// vouch for the hosts of this provider, in the place of the system's and of
	// `issuerCa`. The provider's thumbprints hold besides, as at AWS.
	CA string `yaml:"ca"`
	// DiscoveryURL is where the provider's discovery document is read, if not
	// at `/.well-known/openid-configuration` below its URL. The `issuer` in the
	// document must still be the provider's URL.
	DiscoveryURL string `yaml:"discoveryUrl"`
	// KeysFile is a file with the provider's keys, a JWK Set. The issuer is then
	// never asked, and need not be reachable. A changed file is seen within 5
	// seconds; one that cannot be used is logged, and the keys stay. A set
	// without any key withdraws all.
	KeysFile string `yaml:"keysFile"`
	// Proxy is the proxy for this provider, as in `egress`; `none` is none.
	Proxy proxyURL `yaml:"proxy"`
	// ExtendedClaims makes every claim of this provider's tokens a condition
	// key, which AWS does not do.
	ExtendedClaims bool `yaml:"extendedClaims"`
	// OneUseTokens makes each token of this provider good for one exchange,
	// which AWS does not do.
	OneUseTokens bool `yaml:"oneUseTokens"`
}

// egressConfiguration is what bounds the addresses of issuers. They are judged after names are
// resolved, for each connection. Of the ranges that hold an address the
// narrowest decides, and of two equal ones `deny`. Whatever is configured,
// link-local addresses and those of cloud metadata are refused, and so is
// loopback unless the server listens on loopback itself, or `allowLoopback` is
// set.
type egressConfiguration struct {
	// DenyPrivate refuses private ranges: 10.0.0.0/8, 172.16.0.0/12,
	// 192.168.0.0/16, 100.64.0.0/10, fc00::/7, fec0::/10. They are allowed by
	// default, since a self-managed GitLab often lives there.
	DenyPrivate bool `yaml:"denyPrivate"`
	// Allow lists ranges, such as `10.1.2.0/24`, that are allowed within wider
	// ones that are denied. To allow nothing else, deny `0.0.0.0/0` and `::/0`.
	Allow []prefix `yaml:"allow"`
	// Deny lists ranges that are refused.
	Deny []prefix `yaml:"deny"`
	// AllowLoopback allows issuers on this machine though the server listens
	// for others.
	AllowLoopback bool `yaml:"allowLoopback"`
	// Proxy is an http or https proxy, `http://[USER:PASSWORD@]HOST:PORT`, that
	// is asked to connect (CONNECT) to every issuer. It resolves the names, so
	// that only addresses given as such are judged here: let the proxy judge
	// the others. The proxy's own address is not judged. HTTPS_PROXY and its
	// like are not read.
	Proxy proxyURL `yaml:"proxy"`
}

// s3Configuration is how Amazon S3 is served. Without an entry buckets are kept in
// the data directory.
type s3Configuration struct {
	// Embedded keeps buckets that no upstream takes in `objects` in the data
	// directory. `false` keeps none there. By default they are kept there if the
	// file system can, which one that folds case cannot; the log says where not.
	Embedded *bool `yaml:"embedded"`
	// Hosts lists names under which buckets are reached as BUCKET.HOST
	// ("virtual-hosted style"), such as `s3.example.com`. Names and certificates
	// for `*.s3.example.com` are yours to provide. In every other host, and in the
	// listed ones themselves, the path names the bucket.
	Hosts []string `yaml:"hosts"`
	// Upstreams lists S3-compatible stores elsewhere. The first that takes a
	// bucket has it.
	Upstreams []upstreamConfiguration `yaml:"upstreams"`
}

// upstreamConfiguration is an entry of `s3.upstreams`. The store knows none of the
// callers: requests go to it under its own credentials.
type upstreamConfiguration struct {
	// Name is what buckets are remembered by; do not change it once there are
	// some. Each entry needs one.
	Name string `yaml:"name"`
	// Endpoint is the store's URL, https://HOST[:PORT] or http. Each entry needs
	// one.
	Endpoint string `yaml:"endpoint"`
	// Region is the region that requests to the store are signed for. By default
	// it is `us-east-1`.
	Region string `yaml:"region"`
	// VirtualHost names buckets in front of the store's host, as AWS wants it. By
	// default they are in the path, which every store knows.
	VirtualHost bool `yaml:"virtualHost"`
	// CredentialsFile is a file in the format of AWS's credentials with the
	// store's access key. Without it credentials are found as the AWS SDKs find
	// them: environment, shared files, the machine's role.
	CredentialsFile string `yaml:"credentialsFile"`
	// Profile is the profile in that file, or in the shared ones. By default it is
	// `default`.
	Profile string `yaml:"profile"`
	// CA is a file of certificate authorities, in PEM form, the only ones that
	// vouch for the store.
	CA string `yaml:"ca"`
	// Account is the account whose buckets the store takes; by default those of
	// all.
	Account string `yaml:"account"`
	// Prefix is what the names of the buckets that it takes begin with.
	Prefix string `yaml:"prefix"`
	// Traceparent tells the store the trace of each request that is traced, by the
	// header of that name.
	Traceparent bool `yaml:"traceparent"`
	// Shared says that the store has buckets that were not made here: those whose
	// names begin with `prefix` belong to `account`, which must be given.
	Shared bool `yaml:"shared"`
}

// serviceConfiguration is an entry of `upstreams`. For example:
//
//	upstreams:
//	  - service: ec2
//	    endpoint: https://ec2.{region}.amazonaws.com
//	    credentialsFile: ec2-credentials
type serviceConfiguration struct {
	// Service is the service's name as requests are signed for it, or as the aws
	// CLI has it: `ec2`, `sqs`, `dynamodb`. Each entry needs one; docs/upstream.md
	// has them all.
	Service string `yaml:"service"`
	// Endpoint is the service's URL, https://HOST[:PORT] or http. `{region}` in it
	// stands for the region that a request is signed for. Each entry needs one.
	Endpoint string `yaml:"endpoint"`
	// Region is the only region that is served; by default any is. The service is
	// told the region that its caller signed for.
	Region string `yaml:"region"`
	// Account is the account whose callers may use the service. By default it is
	// the one that there is; with several accounts each entry needs one.
	Account string `yaml:"account"`
	// UpstreamAccount is the account's id at the service, which ARNs in requests and
	// policies name. By default it is `account`.
	UpstreamAccount string `yaml:"upstreamAccount"`
	// CredentialsFile is a file in the format of AWS's credentials with the
	// gateway's access key. Without it, and without `roleArn`, credentials are
	// found as the AWS SDKs find them: environment, shared files, the machine's role.
	CredentialsFile string `yaml:"credentialsFile"`
	// Profile is the profile in that file, or in the shared ones. By default it is
	// `default`.
	Profile string `yaml:"profile"`
	// RoleARN is a role that the gateway takes with a token of the account's own
	// issuer (outbound federation), so that no key is stored. The token's `aud` is
	// `sts.amazonaws.com`, its `sub` is `daypass:upstream:` and the service's name.
	RoleARN string `yaml:"roleArn"`
	// STSEndpoint is the URL of the STS that is asked for the role. By default it is
	// AWS's, in `region` or else in us-east-1.
	STSEndpoint string `yaml:"stsEndpoint"`
	// Traceparent tells the service the trace of each request that is traced, by the
	// header of that name.
	Traceparent bool `yaml:"traceparent"`
	// CA is a file of certificate authorities, in PEM form, the only ones that
	// vouch for the service, and for `stsEndpoint`.
	CA string `yaml:"ca"`
}

// The values that are more than text. The library adds the line to a refusal.
type (
	duration time.Duration
	prefix   netip.Prefix
	proxyURL struct {
		url  *url.URL
		none bool
	}
)

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	value, err := time.ParseDuration(n.Value)
	if err != nil || value < 0 {
		return fmt.Errorf("%q is no duration; write it as 24h or 90m", n.Value)
	}
	*d = duration(value)
	return nil
}

// UnmarshalYAML implements yaml.Unmarshaler. A single address is its own range.
func (p *prefix) UnmarshalYAML(n *yaml.Node) error {
	if addr, err := netip.ParseAddr(n.Value); err == nil && addr.Zone() == "" {
		*p = prefix(netip.PrefixFrom(addr, addr.BitLen()))
		return nil
	}
	value, err := netip.ParsePrefix(n.Value)
	if err != nil || value != value.Masked() {
		return fmt.Errorf("%q is no range of addresses; write it as 10.1.2.0/24, with no bit set behind the prefix", n.Value)
	}
	*p = prefix(value)
	return nil
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (p *proxyURL) UnmarshalYAML(n *yaml.Node) error {
	return p.set(n.Value)
}

// set repeats nothing of the text, which may hold a password.
func (p *proxyURL) set(text string) error {
	*p = proxyURL{none: text == "none"}
	if p.none {
		return nil
	}
	var err error
	if p.url, err = url.Parse(text); err != nil || p.url.Scheme != "http" && p.url.Scheme != "https" || p.url.Host == "" {
		return errors.New("proxy is no URL; write it as http://HOST:PORT")
	}
	return nil
}

// proxyVariable may hold a password, which then need not be in the file.
const proxyVariable = "DAYPASS_EGRESS_PROXY"

// readConfiguration reads the file into c. What the file does not say stays.
func readConfiguration(c *configuration, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if info.Size() > maxConfiguration {
		return fmt.Errorf("configuration: %s has more than %d bytes", path, maxConfiguration)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if err := strictyaml.Read(text, c); err != nil {
		return fmt.Errorf("configuration: %s: %w", path, err)
	}
	c.resolve(filepath.Dir(path))
	return nil
}

// resolve makes the paths of a file relative to its folder.
func (c *configuration) resolve(folder string) {
	paths := []*string{&c.Data, &c.TLSCert, &c.TLSKey, &c.IssuerCA, &c.ReadyFile}
	if c.Events != "-" {
		paths = append(paths, &c.Events)
	}
	for i := range c.Providers {
		paths = append(paths, &c.Providers[i].CA, &c.Providers[i].KeysFile)
	}
	for i := range c.S3.Upstreams {
		paths = append(paths, &c.S3.Upstreams[i].CA, &c.S3.Upstreams[i].CredentialsFile)
	}
	for i := range c.Upstreams {
		paths = append(paths, &c.Upstreams[i].CA, &c.Upstreams[i].CredentialsFile)
	}
	for i := range c.Audit.Sinks {
		paths = append(paths, &c.Audit.Sinks[i].CA, &c.Audit.Sinks[i].AuthorizationFile, &c.Audit.Sinks[i].CredentialsFile)
	}
	if c.ACME != nil {
		paths = append(paths, &c.ACME.CA)
	}
	if c.Console.SignIn != nil {
		paths = append(paths, &c.Console.SignIn.ClientSecretFile)
	}
	if path, ok := strings.CutPrefix(c.MasterKey, "file:"); ok && !filepath.IsAbs(path) {
		c.MasterKey = "file:" + filepath.Join(folder, path)
	}
	for _, path := range paths {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(folder, *path)
		}
	}
}

// serveOptions are the flags that are keys of the file as well: tls-cert is
// tlsCert there, and DAYPASS_TLS_CERT in the environment.
var serveOptions = []string{
	"listen", "admin-listen", "data", "store", "account", "master-key", "master-key-kms", "tls-cert", "tls-key", "issuer-ca", "events", "log-format", "log-level", "ready-file", "explain-to-caller", "encode-denials", "public-url", "extended-claims",
}

// variable is the environment variable of a flag. Others that begin like it
// are none of ours: Kubernetes sets DAYPASS_PORT for a service of that name.
func variable(flag string) string {
	return "DAYPASS_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// complete lays the file, the environment and the flags over the defaults.
// The flags have been parsed into c, over which the file is read; so they are
// set once more in the end.
func (c *configuration) complete(command *cobra.Command, path string, environment func(string) string) error {
	flags := command.Flags()
	given := map[string][]string{}
	for _, name := range serveOptions {
		switch flag := flags.Lookup(name); {
		case flag.Changed:
			given[name] = []string{flag.Value.String()}
			if list, ok := flag.Value.(interface{ GetSlice() []string }); ok {
				given[name] = list.GetSlice()
			}
		case environment(variable(name)) != "":
			given[name] = []string{environment(variable(name))}
			if flag.Value.Type() == "stringArray" {
				given[name] = strings.Fields(environment(variable(name)))
			}
		}
	}
	if path == "" {
		path = environment(variable("config"))
	}
	if path != "" {
		if err := readConfiguration(c, path); err != nil {
			return usageError{err}
		}
	}
	for name, values := range given {
		value := flags.Lookup(name).Value
		if list, ok := value.(interface{ Replace([]string) error }); ok {
			if err := list.Replace(values); err != nil {
				return usageError{fmt.Errorf("%s: %w", name, err)}
			}
			continue
		}
		if err := value.Set(values[0]); err != nil {
			// Of a flag that was given on the command line this was checked before.
			return usageError{fmt.Errorf("%s: write true or false, not %q", variable(name), values[0])}
		}
	}
	if flags.Changed("data") && c.Data == "" {
		return usageError{errors.New("--data is empty; give a directory, or leave --data out")}
	}
	if flags.Changed("store") && hasPassword(c.Store) {
		return usageError{errPasswordInArguments}
	}
	if proxy := environment(proxyVariable); proxy != "" {
		if err := c.Egress.Proxy.set(proxy); err != nil {
			return usageError{fmt.Errorf("%s: %w", proxyVariable, err)}
		}
	}
	return nil
}

// server is c as the server takes it.
func (c *configuration) server() (config server.Config, err error) {
	config = server.Config{
		DataDir: c.Data, Store: c.Store, Listen: c.Listen, Account: c.Account, CertFile: c.TLSCert, KeyFile: c.TLSKey,
		EventsFile: c.Events, ReadyFile: c.ReadyFile, ExplainToCaller: c.ExplainToCaller, EncodeDenials: c.EncodeDenials, PublicURL: c.PublicURL, ExtendedClaims: c.ExtendedClaims,
		Issuers: jwks.Settings{Proxy: c.Egress.Proxy.url, Egress: jwks.Egress{
			Allow: ranges(c.Egress.Allow), Deny: ranges(c.Egress.Deny),
			DenyPrivate: c.Egress.DenyPrivate, AllowLoopback: c.Egress.AllowLoopback,
		}},
	}
	config.Traces = c.Traces.server()
	config.NoConsole = c.Console.Enabled != nil && !*c.Console.Enabled
	config.SignIn = c.Console.SignIn.server()
	config.Limits, config.TrustedProxies = c.Limits.server(), c.TrustedProxies
	if c.AdminListen != "none" {
		config.AdminListen = c.AdminListen
	}
	if config.Keys, err = c.keys(); err != nil {
		return config, err
	}
	if config.ACME, err = c.ACME.server(); err != nil {
		return config, err
	}
	if c.StaleKeys != nil {
		if config.Issuers.StaleFor = time.Duration(*c.StaleKeys); config.Issuers.StaleFor == 0 {
			config.Issuers.StaleFor = -1 // which is how jwks says never
		}
	}
	if config.DataDir == "" {
		if config.DataDir, err = userDataDir(); err != nil {
			return config, err
		}
	}
	if c.IssuerCA != "" {
		roots, err := x509.SystemCertPool()
		if err != nil {
			return config, fmt.Errorf("read the system's certificate authorities: %w", err)
		}
		if config.Roots, err = withCertificates(roots, c.IssuerCA); err != nil {
			return config, fmt.Errorf("issuer CA: %w", err)
		}
	}
	if err := c.providers(&config); err != nil {
		return config, err
	}
	if config.S3, err = c.S3.server(); err != nil {
		return config, err
	}
	if config.Timeouts, err = c.Timeouts.server(); err != nil {
		return config, err
	}
	if config.Retention, err = c.Audit.retention(); err != nil {
		return config, err
	}
	if config.Sinks, err = c.Audit.sinks(); err != nil {
		return config, err
	}
	config.Services, err = c.services()
	return config, err
}

func (c *configuration) providers(config *server.Config) error {
	config.Issuers.Providers = make(map[string]jwks.ProviderSettings, len(c.Providers))
	for i, p := range c.Providers {
		if p.URL == "" {
			return usageError{fmt.Errorf("configuration: providers[%d] has no url", i)}
		}
		if _, twice := config.Issuers.Providers[p.URL]; twice {
			return usageError{fmt.Errorf("configuration: providers[%d]: %s has an entry before", i, p.URL)}
		}
		settings := jwks.ProviderSettings{DiscoveryURL: p.DiscoveryURL, KeysFile: p.KeysFile, Proxy: p.Proxy.url, NoProxy: p.Proxy.none}
		if p.CA != "" {
			var err error
			if settings.Roots, err = withCertificates(x509.NewCertPool(), p.CA); err != nil {
				return fmt.Errorf("configuration: providers[%d].ca: %w", i, err)
			}
		}
		config.Issuers.Providers[p.URL] = settings
		if p.ExtendedClaims {
			config.ExtendedClaims = append(config.ExtendedClaims, p.URL)
		}
		if p.OneUseTokens {
			config.OneUseTokens = append(config.OneUseTokens, p.URL)
		}
	}
	return nil
}

func ranges(list []prefix) []netip.Prefix {
	converted := make([]netip.Prefix, len(list))
	for i, p := range list {
		converted[i] = netip.Prefix(p)
	}
	return converted
}

// withCertificates adds those of a PEM file to a pool.
func withCertificates(pool *x509.CertPool, path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", path)
	}
	return pool, nil
}
