// Package instance is a GitLab issuer on this machine: a directory with its
// signing keys, a private certificate authority and its URL, and the https
// server that publishes discovery document and keys.
//
// The directory holds:
//
//	url               the instance's address, chosen once: https://localhost:PORT
//	signing-keys.pem  the two RSA keys, 0600
//	ca.pem            the authority's certificate
//	ca-key.pem        its key, 0600
//	thumbprint        SHA-1 of ca.pem, as IAM wants it in --thumbprint-list
//	settings.json     what the operator chose, see Settings; not there by default
//	paths/            issuers below the URL, a file for each; likewise
//
// Another file that is missing while others are there, or that is damaged, is an
// error: a new key in its place would make every registered trust a riddle.
package instance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/gitlab"
)

// Names of the files in the directory.
const (
	urlFile        = "url"
	keysFile       = "signing-keys.pem"
	caFile         = "ca.pem"
	caKeyFile      = "ca-key.pem"
	thumbprintFile = "thumbprint"
	settingsFile   = "settings.json"
	pathsDir       = "paths"
)

// Limits of the https server.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = time.Minute
	probeTimeout      = 5 * time.Second
)

// ErrServed says that the issuer's address is taken by this very issuer in
// another process, which is as good as serving it.
var ErrServed = errors.New("instance: the issuer is already being served")

// Instance is an open directory.
type Instance struct {
	Issuer     *gitlab.Issuer
	Thumbprint string // SHA-1 of the authority's certificate, lower-case hex
	Settings   Settings

	path          func(string) string // of a file of the directory
	paths         []string            // issuers below the URL
	host, address string              // of the URL; address is where it is served
	authority     *authority
}

// ErrExists says that a directory holds an instance already.
var ErrExists = errors.New("instance: the directory holds an issuer already, whose URL stays")

// Create fills a directory that holds nothing of an instance yet. The URL must
// be one that gitlab.NewIssuer takes under the settings; empty, it is
// https://localhost with a port that is free now.
func Create(ctx context.Context, dir, url string, s Settings, now time.Time) (*Instance, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if url != "" {
		for _, u := range []string{url, s.IDTokensURL} {
			if u == "" {
				continue
			}
			if err := gitlab.CheckIssuer(u, s.Declared); err != nil {
				return nil, err
			}
		}
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	if _, err := os.Lstat(path(urlFile)); err == nil {
		return nil, ErrExists
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("instance: %w", err)
	}
	if err := create(ctx, path, url, s, now); err != nil {
		return nil, err
	}
	return Open(ctx, dir, now)
}

// Open reads the directory, or fills it where it holds nothing of an instance
// yet. The URL is then https://localhost with a port that is free now.
func Open(ctx context.Context, dir string, now time.Time) (*Instance, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("instance: %w", err)
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	text, err := os.ReadFile(path(urlFile))
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(ctx, path, "", Settings{}, now); err != nil {
			return nil, err
		}
		text, err = os.ReadFile(path(urlFile))
	}
	if err != nil {
		return nil, fmt.Errorf("instance: %w", err)
	}
	i, err := load(path, strings.TrimSpace(string(text)))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; put back what is missing, or begin in an empty directory", err)
	}
	return i, err
}

// create writes every file; the url comes last, so that a directory with a url
// is complete. It begins only where there is none of them.
func create(ctx context.Context, path func(string) string, issuerURL string, s Settings, now time.Time) error {
	for _, name := range []string{keysFile, caFile, caKeyFile, thumbprintFile, settingsFile} {
		if _, err := os.Lstat(path(name)); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, fmt.Errorf("instance: %s is there and %s is not; put back what is missing, or begin in an empty directory", path(name), path(urlFile)))
		}
	}
	keys, err := gitlab.NewKeys()
	if err != nil {
		return err
	}
	keysPEM, err := keys.MarshalPEM()
	if err != nil {
		return err
	}
	a, err := newAuthority(path(caFile), path(caKeyFile), now)
	if err != nil {
		return err
	}
	if issuerURL == "" {
		if issuerURL, err = freeURL(ctx); err != nil {
			return err
		}
	}
	if s != (Settings{}) {
		if err := writeSettings(path(settingsFile), s); err != nil {
			return err
		}
	}
	err = errors.Join(
		durable.Create(path(keysFile), keysPEM, 0o600),
		durable.Create(path(thumbprintFile), []byte(a.thumbprint()+"\n"), 0o644),
	)
	if err != nil {
		return err
	}
	return durable.Create(path(urlFile), []byte(issuerURL+"\n"), 0o644)
}

// freeURL is localhost with a port that is free now.
func freeURL(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("instance: find a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return "https://localhost:" + port, errors.Join(err, l.Close())
}

func loadKeys(path func(string) string) (*gitlab.Keys, error) {
	text, err := os.ReadFile(path(keysFile))
	if err != nil {
		return nil, fmt.Errorf("instance: %w", err)
	}
	keys, err := gitlab.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("instance: %s: %w", path(keysFile), err)
	}
	return keys, nil
}

// loadIssuer makes the issuer of the directory, with further paths if there are
// some.
func loadIssuer(path func(string) string, issuerURL string, s Settings, more ...string) (*gitlab.Issuer, error) {
	keys, err := loadKeys(path)
	if err != nil {
		return nil, err
	}
	paths, err := readPaths(path(pathsDir))
	if err != nil {
		return nil, err
	}
	return gitlab.NewIssuer(gitlab.Config{
		URL: issuerURL, IDTokensURL: s.IDTokensURL, Declared: s.Declared, Paths: append(paths, more...), Keys: keys,
	})
}

func load(path func(string) string, issuerURL string) (*Instance, error) {
	u, err := url.Parse(issuerURL)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("instance: %s holds %q, which is no https URL", path(urlFile), issuerURL)
	}
	settings, err := readSettings(path(settingsFile))
	if err != nil {
		return nil, err
	}
	issuer, err := loadIssuer(path, issuerURL, settings)
	if err != nil {
		return nil, err
	}
	paths, err := readPaths(path(pathsDir))
	if err != nil {
		return nil, err
	}
	a, err := loadAuthority(path(caFile), path(caKeyFile))
	if err != nil {
		return nil, err
	}
	recorded, err := os.ReadFile(path(thumbprintFile))
	if err != nil {
		return nil, fmt.Errorf("instance: %w", err)
	}
	if strings.TrimSpace(string(recorded)) != a.thumbprint() {
		return nil, fmt.Errorf("instance: %s is not the thumbprint of %s; put back the file that belongs to it", path(thumbprintFile), path(caFile))
	}
	address := settings.Listen
	if address == "" {
		port := u.Port()
		if port == "" {
			port = "443"
		}
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return &Instance{
		Issuer: issuer, Thumbprint: a.thumbprint(), Settings: settings, authority: a, path: path, paths: paths,
		host: u.Hostname(), address: address,
	}, nil
}

// Address is where the issuer is served, HOST:PORT.
func (i *Instance) Address() string { return i.address }

// Listen takes the issuer's address, with a certificate made for now. It is
// ErrServed where another process serves this issuer there already.
func (i *Instance) Listen(ctx context.Context, now time.Time) (net.Listener, error) {
	certificate, err := i.authority.issue(i.host, now)
	if err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", i.address)
	if errors.Is(err, syscall.EADDRINUSE) {
		if probeErr := i.probe(ctx); probeErr != nil {
			return nil, fmt.Errorf("instance: %s, the issuer's address, is taken by something that is not this issuer: %w", i.address, probeErr)
		}
		return nil, ErrServed
	}
	if err != nil {
		return nil, fmt.Errorf("instance: %w", err)
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"},
	}), nil
}

// probe asks whoever holds the address whether it is this issuer: only this
// authority's certificate will do.
func (i *Instance) probe(ctx context.Context) error {
	roots := x509.NewCertPool()
	roots.AddCert(i.authority.certificate)
	dialer := &tls.Dialer{
		NetDialer: &net.Dialer{Timeout: probeTimeout},
		Config:    &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: i.host},
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", i.address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Serve publishes on l until ctx ends, what the directory holds at each request.
// It joins the goroutine that it starts.
func (i *Instance) Serve(ctx context.Context, l net.Listener, log *slog.Logger) error {
	s := &http.Server{
		Handler:           &follower{path: i.path, url: i.Issuer.URL(), log: log},
		ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("instance: %w", err)
	case <-ctx.Done():
	}
	err := s.Close()
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}
