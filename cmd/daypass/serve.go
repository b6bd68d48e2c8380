package main

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	var config server.Config
	var caFile string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve STS and IAM",
		Long: `Serve STS and IAM on one endpoint.

The first start makes the account and writes its administrator's access key to
the file "credentials" in the data directory, in the format of the AWS CLI:

  AWS_SHARED_CREDENTIALS_FILE=DIR/credentials \
    aws --endpoint-url http://127.0.0.1:PORT iam list-roles

Without a certificate only loopback addresses are served, since credentials
must not travel unencrypted.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := completeServe(&config, caFile); err != nil {
				return err
			}
			config.Stdout, config.Log = c.OutOrStdout(), newLog(c)
			config.Now, config.Random = time.Now, rand.Reader
			collectGarbageLess()
			return server.Run(c.Context(), config)
		},
	}
	f := c.Flags()
	f.StringVar(&config.Listen, "listen", "127.0.0.1:8350", "address to listen on, `HOST:PORT`; port 0 takes a free one")
	f.StringVar(&config.DataDir, "data", "", "data `DIR`ectory (default: daypass in the user's data directory)")
	f.StringVar(&config.Account, "account", server.DefaultAccount, "account made by the first start, 12 `DIGITS`")
	f.StringVar(&config.ReadyFile, "ready-file", "", "write the endpoint URL to this `FILE` once the server answers")
	f.StringVar(&config.EventsFile, "events", "", "append one JSON line for each request to this `FILE`, - for stdout (default: events.jsonl in the data directory)")
	f.StringVar(&config.PublicURL, "public-url", "", "the `URL` under which others reach the server, https://HOST[:PORT]; needed for outbound federation (default: the endpoint, where that is on loopback)")
	f.StringVar(&config.CertFile, "tls-cert", "", "certificate chain for https, PEM `FILE`")
	f.StringVar(&config.KeyFile, "tls-key", "", "its private key, PEM `FILE`")
	f.StringVar(&caFile, "issuer-ca", "", "trust these certificate authorities for issuers besides the system's, PEM `FILE`")
	f.BoolVar(&config.ExplainToCaller, "explain-to-caller", false, "add to each denial why it was denied; tells strangers what trust policies ask for")
	f.StringArrayVar(&config.ExtendedClaims, "extended-claims", nil, "make every claim of this provider's tokens a condition key, which AWS does not; its `URL`, as often as there are providers")
	return c
}

// collectGarbageLess trades memory for throughput. What a server keeps is some
// megabytes and what a request throws away is some ten kilobytes, so Go's
// default collects hundreds of times a second under load. GOGC still wins.
func collectGarbageLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

func completeServe(config *server.Config, caFile string) error {
	if config.DataDir == "" {
		dir, err := userDataDir()
		if err != nil {
			return err
		}
		config.DataDir = dir
	}
	if caFile == "" {
		return nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return fmt.Errorf("--issuer-ca: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("--issuer-ca: %s holds no certificate in PEM form", caFile)
	}
	config.Roots = roots
	return nil
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
