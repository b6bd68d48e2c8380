package main

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	return serveCommand(func(c *cobra.Command, settings *configuration, file string) error {
		if err := settings.complete(c, file, os.Getenv); err != nil {
			return err
		}
		config, err := settings.server()
		if err != nil {
			return err
		}
		log, stopLog, err := settings.serverLog(c, file)
		if err != nil {
			return err
		}
		defer stopLog()
		config.Stdout, config.Log = c.OutOrStdout(), log
		config.Now, config.Random, config.Version = time.Now, rand.Reader, build()
		hurry, stop := secondSignal(c.Context())
		defer stop()
		config.Hurry = hurry
		return tendingGarbage(c.Context(), func() error { return server.Run(c.Context(), config) })
	})
}

// serveCommand makes the command, which parses its flags and calls run.
func serveCommand(run func(c *cobra.Command, settings *configuration, file string) error) *cobra.Command {
	var settings configuration
	var file string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve STS, IAM and S3",
		Long: `Serve STS, IAM and S3 on one endpoint.

The first start makes the account and writes its administrator's access key to
the file "credentials" in the data directory, in the format of the AWS CLI:

  AWS_SHARED_CREDENTIALS_FILE=DIR/credentials \
    aws --endpoint-url http://127.0.0.1:PORT iam list-roles

Without a certificate only loopback addresses are served, since credentials
must not travel unencrypted.

A signal (SIGINT, SIGTERM) ends the server: it takes no more requests, and those
under way have ten seconds. A second signal cuts them off at once. SIGHUP has a
server with a configuration file read logLevel anew; without a file it ends it.

Each option is also an environment variable (DAYPASS_TLS_CERT for --tls-cert)
and, but for --config, a key of the configuration file (tlsCert). An option
overrides the environment, and that the file, which has more keys: see
docs/configuration.md.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return run(c, &settings, file) },
	}
	f := c.Flags()
	f.StringVar(&file, "config", "", "read settings from this YAML `FILE`")
	f.StringVar(&settings.Listen, "listen", "127.0.0.1:8350", "address to listen on, `HOST:PORT`; port 0 takes a free one")
	f.StringVar(&settings.AdminListen, "admin-listen", "127.0.0.1:0", "address of /healthz, /readyz and /metrics, `HOST:PORT`, or none; port 0 takes a free one")
	f.StringVar(&settings.Data, "data", "", "data `DIR`ectory (default: daypass in the user's data directory)")
	f.StringVar(&settings.Store, "store", "", "`URL` of a PostgreSQL database that several nodes share, without a password, which PGPASSFILE or DAYPASS_STORE may have (default: a database in the data directory)")
	f.StringVar(&settings.Account, "account", server.DefaultAccount, "account made by the first start, 12 `DIGITS`")
	f.StringVar(&settings.MasterKey, "master-key", "", "where the master key is, `SOURCE`: file:PATH, env:VARIABLE or credential:NAME (default: master.key in the data directory)")
	f.StringVar(&settings.MasterKeyKMS, "master-key-kms", "", "the KMS that encrypts the master key where it is, `URI`: aws-kms://ARN or exec:/PATH/TO/COMMAND")
	f.StringVar(&settings.ReadyFile, "ready-file", "", "write the endpoint URL to this `FILE` once the server answers")
	f.StringVar(&settings.Events, "events", "", "append one JSON line for each request to this `FILE`, - for stdout (default: events.jsonl in the data directory)")
	f.StringVar(&settings.LogFormat, "log-format", "logfmt", "form of the log on stderr, `FORMAT`: logfmt or json")
	f.StringVar(&settings.LogLevel, "log-level", "info", "least `LEVEL` that is logged: debug, request (a line for each request), info, warn or error")
	f.StringVar(&settings.TLSCert, "tls-cert", "", "certificate chain for https, PEM `FILE`")
	f.StringVar(&settings.TLSKey, "tls-key", "", "its private key, PEM `FILE`")
	f.StringVar(&settings.IssuerCA, "issuer-ca", "", "trust these certificate authorities for issuers besides the system's, PEM `FILE`")
	f.BoolVar(&settings.ExplainToCaller, "explain-to-caller", false, "add to each denial why it was denied; tells strangers what trust policies ask for")
	f.BoolVar(&settings.EncodeDenials, "encode-denials", false, "add to each denial its encoded form, for sts:DecodeAuthorizationMessage")
	f.StringVar(&settings.PublicURL, "public-url", "", "the `URL` under which others reach the server, https://HOST[:PORT]; needed for outbound federation (default: the endpoint, where that is on loopback)")
	f.StringArrayVar(&settings.ExtendedClaims, "extended-claims", nil, "make every claim of this provider's tokens a condition key, which AWS does not; its `URL`, as often as there are providers")
	return c
}

// secondSignal is closed when another signal comes once ctx has ended, which the
// first one does.
func secondSignal(ctx context.Context) (second <-chan struct{}, stop func()) {
	hurry, done := make(chan struct{}), make(chan struct{})
	signals := make(chan os.Signal, 1)
	go func() {
		select {
		case <-ctx.Done():
		case <-done:
			return
		}
		signal.Notify(signals, endSignals()...)
		select {
		case <-signals:
			close(hurry)
		case <-done:
		}
	}()
	return hurry, func() { signal.Stop(signals); close(done) }
}

// dataDir is the data directory that was given, that of the environment, which a server
// takes as well, or that of the user.
func dataDir(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if dir := os.Getenv("DAYPASS_DATA"); dir != "" {
		return dir, nil
	}
	return userDataDir()
}

// userDataDir is where a person's data lives: XDG_DATA_HOME, or its default
// (XDG Base Directory Specification).
func userDataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "daypass"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.Join(errors.New("no data directory is known; give --data DIR"), err)
	}
	return filepath.Join(home, ".local", "share", "daypass"), nil
}
