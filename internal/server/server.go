// Package server puts the rooms together: it opens the data directory, makes
// the services and the front door, listens, and says when it answers.
package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/analyzer"
	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/audit/sink"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/iam"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/lastuse"
	"github.com/daypass/daypass/internal/metrics"
	"github.com/daypass/daypass/internal/peers"
	"github.com/daypass/daypass/internal/ratelimit"
	"github.com/daypass/daypass/internal/revocation"
	"github.com/daypass/daypass/internal/s3"
	"github.com/daypass/daypass/internal/secretsmanager"
	"github.com/daypass/daypass/internal/sts"
	"github.com/daypass/daypass/internal/tracing"
)

// DefaultAccount is the account of a first start that names none.
const DefaultAccount = "000000000000"

// maxHeaderBytes bounds a request's header, which has a GET's whole query, a token of
// 20,000 characters among it.
const maxHeaderBytes = 64 << 10

// followInterval is how often the node asks whether another process wrote to its
// store. Where it did not learn that for staleBound, it decides nothing: requests
// wait for as long as stalePatience, and are then refused at once, until the store
// answers. So nobody is admitted on what was revoked more than staleBound ago.
const (
	followInterval = 250 * time.Millisecond
	staleBound     = time.Second
	stalePatience  = 5 * time.Second
)

// Config is what must be known before the store opens.
type Config struct {
	// DataDir holds everything that lasts: database, master key, the
	// administrator's credentials, events. It is made, mode 0700, where it is
	// missing.
	DataDir string
	// Store is the URL of the PostgreSQL database that holds what several nodes share;
	// "" keeps it in DataDir, in SQLite. It may have a password in it.
	Store string
	// Listen is host:port. Without a certificate the host must be loopback.
	Listen string
	// Account is made by the first start: 12 digits.
	Account string
	// PublicURL is the URL under which others reach the server, https unless its
	// host is loopback, without a path. The issuers of outbound federation are
	// URLs below it. "" is the endpoint where that is on loopback; elsewhere it
	// means that no account can be made an issuer, for an address to listen on
	// is none that others know.
	PublicURL string
	// CertFile and KeyFile are the PEM files for https; both or neither.
	CertFile, KeyFile string
	// ACME is where the certificate comes from in the place of files; nil for nowhere.
	ACME *ACME
	// EventsFile receives one JSON line for each request (see audit.Open); "" is
	// events.jsonl in the data directory, "-" is Stdout.
	EventsFile string
	// Retention says how long the record of events is kept. It must then be a file
	// with segments; see audit.Open.
	Retention audit.Retention
	// Sinks are where the record of events is handed on to. It must then be a file
	// whose name ends with .jsonl.
	Sinks []sink.Config
	// ReadyFile receives the endpoint URL once the server answers; "" for none.
	ReadyFile string
	// ExplainToCaller adds to each denial why it was denied. Off by default: it
	// tells a stranger what the trust policies ask for.
	ExplainToCaller bool
	// EncodeDenials adds to each denial its encoded form, for
	// sts:DecodeAuthorizationMessage. Off by default: AWS's STS and IAM do not.
	EncodeDenials bool
	// ExtendedClaims are the URLs, with https://, of the providers whose tokens'
	// claims are all condition keys. Off by default: AWS has no such keys, so a
	// trust policy that names one does something else there.
	ExtendedClaims []string
	// OneUseTokens are the URLs, with https://, of the providers of whose
	// tokens each is good for one exchange.
	OneUseTokens []string
	// Issuers says where issuers' keys come from, and how they are reached.
	Issuers jwks.Settings
	// S3 is how Amazon S3 is served.
	S3 S3
	// Keys says where the master key is, and when keys are rotated.
	Keys Keys
	// Limits bound how often somebody may ask, and how much is done at once.
	Limits Limits
	// Timeouts are how long the server waits for a client.
	Timeouts Timeouts
	// TrustedProxies are the addresses whose X-Forwarded-For and X-Forwarded-Proto are
	// believed; of nobody else's.
	TrustedProxies []netip.Prefix
	// Services are AWS services behind the gateway.
	Services []Service
	// Roots are the certificate authorities trusted for issuers; nil is the
	// system's.
	Roots *x509.CertPool

	// SignIn is the provider by which people sign in to the console; nil for none.
	SignIn *SignIn
	// Traces says where requests are traced to.
	Traces tracing.Settings

	// NoConsole serves no console.
	NoConsole bool
	// AdminListen is host:port for who operates the server: /healthz, /readyz,
	// /metrics. Whoever reaches it may ask. "" is nowhere.
	AdminListen string
	// Version is that of the binary, which metrics tell.
	Version metrics.Build

	// Hurry is closed when requests that are under way should have no more time to
	// end; nil is never.
	Hurry <-chan struct{}

	Stdout io.Writer
	Log    *slog.Logger
	Now    func() time.Time
	Random io.Reader

	tracer *tracing.Tracer // nil: none
}

// Run serves until ctx ends, then lets requests in flight finish, for ten seconds
// at most.
func Run(ctx context.Context, c Config) (err error) {
	if err := c.makeAbsolute(); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	c.Timeouts = c.Timeouts.withDefaults()
	if err := c.shareObjects(); err != nil {
		return err
	}
	if err := c.openTraces(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.tracer.Close()) }()
	listener, err := listen(ctx, &c)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // Shutdown closed it already, except where start failed
	if c.PublicURL, err = publicURL(c.PublicURL, listener.endpoint, listener.loopback); err != nil {
		return err
	}
	if err := removeReady(&c); err != nil { // of a server that was killed
		return err
	}

	d, err := openData(ctx, &c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	if listener.acme != nil { // which is asked by nobody before the server accepts
		listener.kept.store, listener.kept.sealer = d.store, d.masterKey
	}
	if d.created {
		c.Log.Info("made the account; its administrator's key is in the credentials file, profile default, and nowhere else",
			"account", c.Account, "credentials", filepath.Join(c.DataDir, credentialsFile))
	}
	events, err := openEvents(&c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	d.events = events

	n, err := newNode(ctx, &c, d, listener.loopback)
	defer func() { err = errors.Join(err, n.close()) }()
	if err != nil {
		return err
	}
	for _, problem := range n.directory.Snapshot().Problems() {
		c.Log.Warn("a stored document cannot be read; what needs it is denied", "problem", problem)
	}
	err = n.serve(ctx, &c, listener)
	n.finish(ctx, &c)
	if ctx.Err() != nil {
		c.Log.Info("stopped")
	}
	return err
}

// check refuses what cannot work before anything is opened.
func (c *Config) check() error {
	if err := c.Issuers.Check(); err != nil {
		return err
	}
	if err := CheckAccount(c.Account); err != nil {
		return err
	}
	if err := (sts.Config{ExtendedClaims: c.ExtendedClaims, OneUseTokens: c.OneUseTokens}).CheckProviders(); err != nil {
		return err
	}
	if err := errors.Join(c.Keys.check(), c.Limits.check(), c.Timeouts.check()); err != nil {
		return err
	}
	if c.ACME != nil {
		if err := c.ACME.check(c); err != nil {
			return err
		}
	}
	if c.SignIn != nil {
		return c.SignIn.check()
	}
	return nil
}

// makeAbsolute makes the paths absolute: the embedded store changes the process's
// working directory.
func (c *Config) makeAbsolute() error {
	paths := []*string{&c.DataDir, &c.CertFile, &c.KeyFile, &c.EventsFile, &c.ReadyFile, &c.Keys.Master.Path}
	if c.SignIn != nil {
		paths = append(paths, &c.SignIn.ClientSecretFile)
	}
	for _, path := range paths {
		if *path == "" || path == &c.EventsFile && *path == "-" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("server: %w", err)
		}
		*path = absolute
	}
	for url, p := range c.Issuers.Providers {
		if p.KeysFile != "" {
			absolute, err := filepath.Abs(p.KeysFile)
			if err != nil {
				return fmt.Errorf("server: %w", err)
			}
			p.KeysFile = absolute
			c.Issuers.Providers[url] = p
		}
	}
	return nil
}

// node is what serves, over an open data directory.
type node struct {
	handler   http.Handler
	running   *requests
	services  []*awsapi.Service // that are answered here
	directory *directory.Directory
	lastUse   *lastuse.Tracker
	record    *record
	sealer    directory.Sealer
	objects   *s3.Handler // nil: none are served
	watch     *watch
	presence  *presence
	peers     *peers.Peers // nil: the store has no other nodes
	analyzer  *analyzer.Analyzer
	sinks     *sink.Sinks // nil: none
	closers   []func() error
}

// newNode makes the services and the front door. The node is to be closed, also
// after an error.
func newNode(ctx context.Context, c *Config, d *data, loopback bool) (*node, error) {
	n := &node{sealer: d.masterKey, running: &requests{}}
	dir, err := directory.Open(ctx, d.store, d.masterKey)
	if err != nil {
		return n, err
	}
	if err := dir.Limit(ctx, directory.Staleness{Now: c.Now, Bound: staleBound, Patience: stalePatience}); err != nil {
		return n, err
	}
	uses := lastuse.New(dir)
	providerKeys := jwks.New(jwks.Config{Now: c.Now, AllowLoopback: loopback, Roots: c.Roots, Settings: c.Issuers, Log: c.Log})
	n.directory, n.lastUse, n.watch = dir, uses, newWatch(c, d, dir, providerKeys)
	calls := storeCalls{d.store, n.watch.metrics}
	stsService, err := sts.New(sts.Config{
		ProviderKeys: providerKeys, Random: c.Random, Marks: calls, ExtendedClaims: c.ExtendedClaims,
		OneUseTokens: c.OneUseTokens, PublicURL: c.PublicURL, Issuers: ratelimit.New[string](c.Limits.Issuer),
	})
	if err != nil {
		return n, err
	}
	iamService, err := iam.New(iam.Config{
		Directory: dir, ProviderKeys: providerKeys, Random: c.Random, PublicURL: c.PublicURL, MasterKey: d.masterKey, LastUses: uses,
		ExtendedClaims: c.ExtendedClaims, Log: c.Log,
	})
	if err != nil {
		return n, err
	}
	revocations, err := revocation.New(revocation.Config{Directory: dir, Random: c.Random})
	if err != nil {
		return n, err
	}
	secrets, err := secretsmanager.New(secretsmanager.Config{
		Directory: dir, Values: calls, MasterKey: d.masterKey, Random: c.Random, Log: c.Log,
	})
	if err != nil {
		return n, err
	}
	if err := n.openPeers(c, d); err != nil {
		return n, err
	}
	if n.analyzer, err = n.newAnalyzer(c, d, providerKeys, loopback); err != nil {
		return n, err
	}
	n.services = []*awsapi.Service{stsService, iamService, secrets, revocations, n.analyzer.Service}
	api, err := awsapi.New(awsapi.Config{
		Services: n.services, Directory: dir, LastUse: uses,
		Events: d.events, Traces: c.tracer, Log: c.Log, Now: c.Now, Random: c.Random, ExplainToCaller: c.ExplainToCaller, EncodeDenials: c.EncodeDenials, Pace: c.Limits.pace(), Crowded: c.Limits.crowded(n.running.count.Load),
	})
	if err != nil {
		return n, err
	}
	if n.presence, err = n.present(ctx, c, d); err != nil {
		return n, err
	}
	if n.record, err = openedRecord(d.store, d.events, c.Retention); err != nil {
		return n, err
	}
	n.watch.record = n.record
	if err := n.openSinks(c, d.events); err != nil {
		return n, err
	}
	objects, err := n.openS3(ctx, c, api, dir)
	if err != nil {
		return n, err
	}
	n.objects = objects
	gateway, err := n.openUpstream(c, api, dir)
	if err != nil {
		return n, err
	}
	front := &router{api: api, s3: objects, upstream: gateway, issuers: issuers{dir: dir, publicURL: c.PublicURL}}
	if !c.NoConsole {
		if front.console, err = n.newConsole(c, api, front, d.masterKey, providerKeys); err != nil {
			return n, err
		}
	}
	n.handler = front
	if len(c.TrustedProxies) > 0 {
		n.handler = forwarded{front, c.TrustedProxies}
	}
	return n, nil
}

// openEvents opens the record of events, readable by its owner only.
func openEvents(c *Config) (*audit.Log, error) {
	if c.EventsFile == "-" {
		return audit.NewLog(c.Stdout), nil
	}
	path := c.EventsFile
	if path == "" {
		path = filepath.Join(c.DataDir, eventsFile)
	}
	return audit.Open(path, audit.Options{Log: c.Log})
}

// serve owns five goroutines, and those of the admin listener, of sinks and of other
// nodes' questions: one accepts, one follows the store, one looks after what is in it,
// one follows the master key, and the caller's waits for the end and joins them.
func (n *node) serve(ctx context.Context, c *Config, l *listener) error {
	running := n.running
	running.Handler = n.handler
	s := &http.Server{
		Handler: running, MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: c.Timeouts.Header,
		ReadTimeout: c.Timeouts.Request, WriteTimeout: c.Timeouts.Reply, IdleTimeout: c.Timeouts.Idle,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn),
	}
	running.watch(s)
	closeAdmin, err := n.watch.serveAdmin(ctx, c, &running.count)
	if err != nil {
		return err
	}
	defer closeAdmin()
	// Also while requests come to their end: they are decided on a fresh state, or
	// refused.
	following, stopFollowing := context.WithCancel(context.WithoutCancel(ctx))
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		n.directory.Follow(following, followInterval, c.Log)
	}()
	n.lookAfter(ctx, c)
	unrotated := n.rotateKeys(ctx, c, false)
	var kept sync.WaitGroup
	kept.Go(func() { n.upkeep(following, c, unrotated) })
	kept.Go(func() { n.presence.follow(following, c) })
	if n.sinks != nil {
		kept.Go(func() { n.sinks.Run(following) })
	}
	if n.peers != nil {
		kept.Go(func() { n.peers.Run(following, n.analyzer.Answer) })
	}
	defer func() { stopFollowing(); <-followed; kept.Wait() }()

	if l.acme != nil {
		kept.Go(func() { fetchCertificates(following, c, l.kept, l.acme) })
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	if err := announce(c, l.endpoint); err != nil {
		return errors.Join(err, s.Close(), ignoreClosed(<-served))
	}
	select {
	case err := <-served:
		return fmt.Errorf("server: %w", err)
	case <-ctx.Done():
	}
	n.watch.ending.Store(true)
	if err := l.door.Shut(); err != nil {
		c.Log.Warn("the socket could not be shut; who comes now is refused", "error", err)
	}
	if err := notify(context.WithoutCancel(ctx), "STOPPING=1", os.Getenv); err != nil {
		c.Log.Warn("the service manager was not told that this server ends", "error", err)
	}
	err = errors.Join(running.drain(ctx, c, s), ignoreClosed(<-served))
	return errors.Join(err, removeReady(c))
}

// announce says that the server answers. The socket has been accepting since
// listen, so who reads the ready file can connect.
func announce(c *Config, endpoint string) error {
	if c.ReadyFile != "" {
		if err := durable.Replace(c.ReadyFile, []byte(endpoint+"\n"), 0o644); err != nil {
			return fmt.Errorf("server: write the ready file: %w", err)
		}
	}
	c.Log.Info("serving", "endpoint", endpoint, "data", c.DataDir)
	return notify(context.Background(), "READY=1", os.Getenv)
}

// removeReady takes the ready file away: there is none while no server answers.
func removeReady(c *Config) error {
	if c.ReadyFile == "" {
		return nil
	}
	if err := os.Remove(c.ReadyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("server: remove the ready file: %w", err)
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
