package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"

	"github.com/spf13/cobra"
)

func newIssuer() *cobra.Command {
	c := &cobra.Command{
		Use:   "issuer",
		Short: "A GitLab-compatible ID-token issuer on this machine",
	}
	group(c)
	c.AddCommand(newIssuerServe(), newIssuerConfigure(), newIssuerRotateKey(), newIssuerKeys(), newIssuerDiscovery())
	return c
}

func newIssuerServe() *cobra.Command {
	var dir, readyFile string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Publish the issuer's discovery document and keys over https",
		Long: `Publish GitLab's discovery document and keys over https on loopback.

The first start makes the directory: signing keys, a private certificate
authority, and the issuer's URL with a port that is free then and stays. The
file "thumbprint" in it is what IAM wants in --thumbprint-list.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			log := newLog(c)
			issuer, err := openInstance(c, dir)
			if err != nil {
				return err
			}
			l, err := issuer.Listen(c.Context(), time.Now())
			if errors.Is(err, instance.ErrServed) {
				return fmt.Errorf("%w, at %s: leave that process running, or stop it first", err, issuer.Issuer.URL())
			}
			if err != nil {
				return err
			}
			log.Info("publishing", "issuer", issuer.Issuer.URL(), "thumbprint", issuer.Thumbprint)
			if readyFile == "" {
				return issuer.Serve(c.Context(), l, log)
			}
			if err := durable.Replace(readyFile, []byte(issuer.Issuer.URL()+"\n"), 0o644); err != nil {
				return errors.Join(err, l.Close())
			}
			return errors.Join(issuer.Serve(c.Context(), l, log), os.Remove(readyFile))
		},
	}
	issuerDir(c, &dir)
	c.Flags().StringVar(&readyFile, "ready-file", "", "write the issuer's URL to this `FILE` once it is served")
	return c
}

// issuerDir is a flag that most commands of an issuer have.
func issuerDir(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "dir", "", "issuer's `DIR`ectory (default: issuer in Daypass's data directory)")
}

// orDefaultDir is the directory, or the one beside the server's data.
func orDefaultDir(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	data, err := userDataDir()
	return filepath.Join(data, "issuer"), err
}

func newIssuerConfigure() *cobra.Command {
	var dir, url string
	var s instance.Settings
	c := &cobra.Command{
		Use:   "configure",
		Short: "Make an issuer under a URL of yours, or change its settings",
		Long: `Make an issuer under a URL of yours, or change the settings of one. What is not
given stays.

Tokens are signed only in the name of an issuer that is yours: on loopback, under
a private address (10.1.2.3) or a private name (gitlab.internal, a name without
dots), or, with --declared, under any host that you own. An issuer that others
trust, such as gitlab.com or token.actions.githubusercontent.com, is never taken.

--id-tokens-issuer-url is GitLab's setting ci_id_tokens_issuer_url: tokens name
that issuer, while the instance's own discovery document keeps its own, so that
it can never fit them. What "daypass issuer discovery" and "daypass issuer keys"
print belongs at that URL.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := orDefaultDir(dir)
			if err != nil {
				return err
			}
			_, err = os.Stat(filepath.Join(dir, "url"))
			switch {
			case err == nil && url != "":
				return usageError{fmt.Errorf("%s: %w; give another --dir", dir, instance.ErrExists)}
			case err == nil:
				err = instance.Configure(dir, func(now *instance.Settings) { changed(c, now, s) })
			case errors.Is(err, fs.ErrNotExist):
				_, err = instance.Create(c.Context(), dir, url, s, time.Now())
			}
			if errors.Is(err, gitlab.ErrNotOwned) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			i, err := openInstance(c, dir)
			if err != nil {
				return err
			}
			version, err := i.Settings.Version()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "instance:   %s\nID tokens:  %s\nGitLab:     %s\nserved at:  %s\nthumbprint: %s\n",
				i.Issuer.URL(), i.Issuer.IDTokensURL(), version, i.Address(), i.Thumbprint)
			return err
		},
	}
	issuerDir(c, &dir)
	c.Flags().StringVar(&url, "url", "", "the instance's `URL`, of a new issuer (default https://localhost with a port that is free)")
	c.Flags().BoolVar(&s.Declared, "declared", false, "the hosts of the URLs are yours, though their names do not show it")
	c.Flags().StringVar(&s.IDTokensURL, "id-tokens-issuer-url", "", "the `URL` that ID tokens name as their issuer, empty for the instance's")
	c.Flags().StringVar(&s.GitLabVersion, "gitlab-version", "", "the `VERSION` of GitLab that is played, empty for the newest, "+gitlab.Newest.String())
	c.Flags().StringVar(&s.Listen, "listen", "", "serve at this `ADDRESS` (default 127.0.0.1 and the URL's port)")
	return c
}

// changed takes the settings that were given on the command line.
func changed(c *cobra.Command, now *instance.Settings, given instance.Settings) {
	for flag, take := range map[string]func(){
		"declared":             func() { now.Declared = given.Declared },
		"id-tokens-issuer-url": func() { now.IDTokensURL = given.IDTokensURL },
		"gitlab-version":       func() { now.GitLabVersion = given.GitLabVersion },
		"listen":               func() { now.Listen = given.Listen },
	} {
		if c.Flags().Changed(flag) {
			take()
		}
	}
}

func newIssuerRotateKey() *cobra.Command {
	var dir string
	var keep bool
	c := &cobra.Command{
		Use:   "rotate-key",
		Short: "Give the issuer a new key for ID tokens",
		Long: `Give the issuer a new key for ID tokens, as replacing ci_jwt_signing_key does in
GitLab. There is no overlap: tokens that are out fail wherever the key set is read
anew, and new ones fail where a cache, for up to a day, still has the old set.

--keep-old leaves the old key in the key set, which GitLab cannot, to try what
publishes and caches key sets. A later rotation without it takes all old keys away.

A process that serves the issuer publishes the new key from its next request on.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := orDefaultDir(dir)
			if err != nil {
				return err
			}
			kid, err := instance.RotateKey(dir, keep)
			if err != nil {
				return fmt.Errorf("rotate the key of the issuer in %s: %w", dir, err)
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), kid)
			return err
		},
	}
	issuerDir(c, &dir)
	c.Flags().BoolVar(&keep, "keep-old", false, "leave the old key in the key set")
	return c
}

func newIssuerKeys() *cobra.Command {
	return newIssuerDocument("keys", "Print the key set, as it is served at /oauth/discovery/keys",
		func(i *gitlab.Issuer) ([]byte, error) { return i.KeySet(), nil })
}

func newIssuerDiscovery() *cobra.Command {
	return newIssuerDocument("discovery", "Print the discovery document that fits ID tokens, to be published at their issuer's URL",
		(*gitlab.Issuer).Published)
}

func newIssuerDocument(use, short string, document func(*gitlab.Issuer) ([]byte, error)) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			i, err := openInstance(c, dir)
			if err != nil {
				return err
			}
			text, err := document(i.Issuer)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), string(text))
			return err
		},
	}
	issuerDir(c, &dir)
	return c
}

// openInstance opens the issuer's directory, by default beside the server's data.
func openInstance(c *cobra.Command, dir string) (*instance.Instance, error) {
	dir, err := orDefaultDir(dir)
	if err != nil {
		return nil, err
	}
	i, err := instance.Open(c.Context(), dir, time.Now())
	if err != nil {
		return nil, fmt.Errorf("open the issuer in %s: %w", dir, err)
	}
	return i, nil
}
