package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/gitlab/instance"

	"github.com/spf13/cobra"
)

func newIssuer() *cobra.Command {
	c := &cobra.Command{
		Use:   "issuer",
		Short: "A GitLab-compatible ID-token issuer on this machine",
	}
	group(c)
	c.AddCommand(newIssuerServe())
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
	c.Flags().StringVar(&dir, "dir", "", "issuer's `DIR`ectory (default: issuer in Daypass's data directory)")
	c.Flags().StringVar(&readyFile, "ready-file", "", "write the issuer's URL to this `FILE` once it is served")
	return c
}

// openInstance opens the issuer's directory, by default beside the server's data.
func openInstance(c *cobra.Command, dir string) (*instance.Instance, error) {
	if dir == "" {
		data, err := userDataDir()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(data, "issuer")
	}
	i, err := instance.Open(c.Context(), dir, time.Now())
	if err != nil {
		return nil, fmt.Errorf("open the issuer in %s: %w", dir, err)
	}
	return i, nil
}
