package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"

	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

// errPasswordInArguments is of what everybody on a machine can read.
var errPasswordInArguments = errors.New("--store has a password, which everybody on this machine can read in the list of processes; give the URL in DAYPASS_STORE, or the password in PGPASSFILE or PGPASSWORD")

// credentialsInURL finds a password where a URL cannot be read.
var credentialsInURL = regexp.MustCompile(`://[^/?#]*:[^/?#]*@|[?&]password=`)

// hasPassword says whether a database's URL has a password in it.
func hasPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil { // several hosts with ports, which net/url does not know
		return credentialsInURL.MatchString(text)
	}
	_, set := u.User.Password()
	return set || u.Query().Has("password")
}

func newUpgradeStore() *cobra.Command {
	var store string
	c := &cobra.Command{
		Use:   "upgrade-store",
		Short: "Bring the tables of a shared PostgreSQL store up to this version",
		Long: `Bring the tables of a PostgreSQL store up to the version of this program.

A database in a data directory is brought up to date by the server that opens it.
One that several nodes share is not: nodes of the older version may be at work. A
newer node refuses to start until this was run. Stop the older nodes first, and
make a backup.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := orStoreVariable(&store); err != nil {
				return err
			}
			if err := server.UpgradeStore(c.Context(), store); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), "the store is up to date")
			return err
		},
	}
	c.Flags().StringVar(&store, "store", "", "`URL` of the database, without a password (default: DAYPASS_STORE)")
	return c
}

// orStoreVariable takes the URL from the environment where no option gives it.
func orStoreVariable(store *string) error {
	if hasPassword(*store) {
		return usageError{errPasswordInArguments}
	}
	if *store == "" {
		*store = os.Getenv(variable("store"))
	}
	if *store == "" {
		return usageError{errors.New("which store? give --store postgres://USER@HOST:5432/DATABASE")}
	}
	return nil
}
