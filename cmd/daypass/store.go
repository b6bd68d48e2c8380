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

func newMigrateStore() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use:   "migrate-store",
		Short: "Move a store from a data directory to PostgreSQL, or back",
		Long: `Move all that a data directory's database has to a PostgreSQL database, so that
several nodes can share it: records, their revisions and tombstones, and the marks
of tokens that were used.

  daypass migrate-store --from /var/lib/daypass --to postgres://daypass@db.example.com/daypass

Stop the server first. One that is still running decides nothing any more once all
was moved. The target must be empty. It is written in one transaction, which is
committed when every row was read back; a run that is interrupted leaves both as
they were. The file of the old database is kept as daypass.db.moved.

The master key stays in the data directory, which is a node's of the new store from
then on: start its server with --store. Copy master.key to the other nodes.

With a URL in --from and a directory in --to, which has the master key, it goes back.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if from == "" || to == "" {
				return usageError{errors.New("give --from and --to: a data directory, and the URL of a PostgreSQL database")}
			}
			if hasPassword(from) || hasPassword(to) {
				return usageError{errors.New("a URL has a password, which everybody on this machine can read in the list of processes; give it in PGPASSFILE or PGPASSWORD")}
			}
			moved, err := server.MigrateStore(c.Context(), from, to)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "moved, and read back: %d records and %d tombstones up to revision %d, %d marks\n", moved.Records, moved.Tombstones, moved.Revision, moved.Marks)
			return err
		},
	}
	c.Flags().StringVar(&from, "from", "", "what is moved: a data `DIR`ectory, or a URL")
	c.Flags().StringVar(&to, "to", "", "where to: a `URL`, or a data directory")
	return c
}
