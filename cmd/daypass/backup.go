package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/backup"
	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/store"

	"github.com/spf13/cobra"
)

func newBackup() *cobra.Command {
	var job server.Backup
	var to, passphrase string
	var recipients []string
	c := &cobra.Command{
		Use:   "backup",
		Short: "Write a backup of a server's state, also while it runs",
		Long: `Write a backup of a server's state, also while it runs: all records as they are at
one moment, in SQLite or PostgreSQL alike.

Secrets in it lie sealed under the master key, which is in it only if that is asked
for and the backup is encrypted. Without the key a backup is worth nothing: keep a
copy of master.key elsewhere. Everything else, as roles and policies, can be read by
who has a backup that is not encrypted.

Objects of the embedded S3 store are not in it: see docs/backup.md.`,
		Example: `  daypass backup --to /backups/ --recipient age1… --record
  daypass backup --to - --recipient age1… | ssh elsewhere 'cat > daypass.backup'`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if job.DataDir, err = dataDir(job.DataDir); err != nil {
				return err
			}
			if job.Recipients, err = recipientsOf(recipients, passphrase); err != nil {
				return err
			}
			job.Version, job.Now = version(), time.Now()
			return writeBackup(c, &job, to)
		},
	}
	f := c.Flags()
	f.StringVar(&to, "to", "", "write it to this `FILE`, which must not exist, to a file named by the time in this directory, or with - to standard output")
	f.StringVar(&job.DataDir, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
	f.StringArrayVar(&recipients, "recipient", nil, "encrypt it for this `KEY` of age (age1…), as often as there are")
	f.StringVar(&passphrase, "passphrase-file", "", "encrypt it under the passphrase in this `FILE`")
	f.BoolVar(&job.MasterKey, "with-master-key", false, "put the master key into it, which must be encrypted")
	f.BoolVar(&job.Record, "record", false, "put the record of requests into it, as far as it has come")
	f.StringVar(&job.EventsFile, "events", "", "the record's `FILE` (default: events.jsonl in the data directory)")
	_ = c.MarkFlagRequired("to")
	c.MarkFlagsMutuallyExclusive("recipient", "passphrase-file")
	c.AddCommand(newBackupVerify())
	return c
}

func recipientsOf(keys []string, passphrase string) ([]backup.Recipient, error) {
	if passphrase != "" {
		r, _, err := passphraseOf(passphrase)
		return []backup.Recipient{r}, err
	}
	all, err := backup.Recipients(keys)
	if err != nil {
		return nil, usageError{err}
	}
	return all, nil
}

func passphraseOf(path string) (backup.Recipient, backup.Identity, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the passphrase: %w", err)
	}
	r, i, err := backup.Passphrase(string(text))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, i, nil
}

// writeBackup gives the backup its name once it is whole.
func writeBackup(c *cobra.Command, job *server.Backup, to string) (err error) {
	if to == "-" {
		job.To = c.OutOrStdout()
		header, err := job.Run(c.Context())
		if err != nil {
			return err
		}
		return sayBackup(c.ErrOrStderr(), header, "standard output")
	}
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		to = filepath.Join(to, "daypass-"+job.Now.UTC().Format("20060102T150405Z")+".backup")
	}
	f, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("the backup: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	job.To = f
	header, err := job.Run(c.Context())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), to); err != nil { // where a rename would replace what is there
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists, and is not replaced; name another file, or a directory", to)
		}
		return fmt.Errorf("the backup: %w", err)
	}
	return sayBackup(c.OutOrStdout(), header, to)
}

func sayBackup(w io.Writer, h *backup.Header, where string) error {
	key := "without the master key: keep a copy of master.key elsewhere"
	if h.MasterKey {
		key = "with the master key"
	}
	_, err := fmt.Fprintf(w, "backup of revision %d, %s, %s: %s\n", h.Revision, accountsInWords(h.Accounts), key, where)
	return err
}

func accountsInWords(accounts []string) string {
	if len(accounts) == 1 {
		return "account " + accounts[0]
	}
	return fmt.Sprintf("%d accounts", len(accounts))
}

// restoreFlags say what opens a backup.
type restoreFlags struct {
	identity, passphrase string
	job                  server.Restore
}

func (f *restoreFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.identity, "identity", "", "open it with the identities of age in this `FILE`, as age-keygen writes it")
	c.Flags().StringVar(&f.passphrase, "passphrase-file", "", "open it with the passphrase in this `FILE`")
	c.Flags().StringVar(&f.job.MasterKeyFile, "master-key", "", "the server's master key, `FILE` (default: that in the backup)")
	c.MarkFlagsMutuallyExclusive("identity", "passphrase-file")
}

func (f *restoreFlags) run(ctx context.Context, from string, stdin io.Reader) (_ *server.Restored, err error) {
	switch {
	case f.passphrase != "":
		_, i, err := passphraseOf(f.passphrase)
		if err != nil {
			return nil, err
		}
		f.job.Identities = []backup.Identity{i}
	case f.identity != "":
		file, err := os.Open(f.identity)
		if err != nil {
			return nil, fmt.Errorf("the identities: %w", err)
		}
		defer file.Close() //nolint:errcheck // only read
		if f.job.Identities, err = backup.Identities(file); err != nil {
			return nil, fmt.Errorf("%s: %w", f.identity, err)
		}
	}
	if f.job.From = stdin; from != "-" {
		file, err := os.Open(from)
		if err != nil {
			return nil, fmt.Errorf("the backup: %w", err)
		}
		defer file.Close() //nolint:errcheck // only read
		f.job.From = file
	}
	return f.job.Run(ctx)
}

// oneBackup takes one argument.
func oneBackup(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("name one backup, or - for standard input; see \"%s --help\"", c.CommandPath())}
	}
	return nil
}

func newBackupVerify() *cobra.Command {
	var flags restoreFlags
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Restore a backup into a temporary place, open all that is in it, and forget it",
		Long: `Restore a backup into a temporary directory, and ask what a restore and the start of a
server would ask: that every file is as it was written, and by who has the master key;
that the store opens, and each access key, signing key, secret and the ring of session
keys under the master key; that no event is missing from the record of requests.`,
		Example: `  daypass backup verify daypass.backup --identity key.txt --master-key master.key`,
		Args:    oneBackup,
		RunE: func(c *cobra.Command, args []string) error {
			done, err := flags.run(c.Context(), args[0], c.InOrStdin())
			if err != nil {
				return err
			}
			return sayRestored(c, done, "it can be restored")
		},
	}
	flags.add(c)
	return c
}

func newRestore() *cobra.Command {
	var flags restoreFlags
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory, or fill an empty PostgreSQL store, from a backup",
		Long: `Make a data directory from a backup, or with --store fill an empty PostgreSQL store.

The backup is read to its end and opened before the directory gets its name; after an
error nothing is there. Nothing is restored over what is there: name a directory that
does not exist, or an empty one, and stop the old server before the new one starts.

Keys, roles, secrets and sessions are as they were at the moment of the backup. What was
revoked, rotated or deleted since then is as it was before: do it again.`,
		Example: `  daypass restore daypass.backup --to /var/lib/daypass --identity key.txt
  daypass restore daypass.backup --to ./data --master-key master.key --store postgres://daypass@db/daypass`,
		Args: oneBackup,
		RunE: func(c *cobra.Command, args []string) error {
			done, err := flags.run(c.Context(), args[0], c.InOrStdin())
			if err != nil {
				return err
			}
			return sayRestored(c, done, "restored to "+flags.job.To)
		},
	}
	flags.add(c)
	c.Flags().StringVar(&flags.job.To, "to", "", "the data `DIR`ectory to make")
	c.Flags().StringVar(&flags.job.Store, "store", "", "fill this empty PostgreSQL store, `URL`; DIR is then of its first node")
	_ = c.MarkFlagRequired("to")
	return c
}

func sayRestored(c *cobra.Command, done *server.Restored, what string) error {
	var text strings.Builder
	fmt.Fprintf(&text, "backup of %s, revision %d, %s, by daypass %s: %s\n",
		done.Created.Format(time.RFC3339), done.Revision, accountsInWords(done.Accounts), done.Version, what)
	if done.Record {
		fmt.Fprintf(&text, "record of requests: %d events, without a gap\n", done.Events)
		for _, h := range done.Heads {
			fmt.Fprintf(&text, "  ends at %s\n", h)
		}
	}
	if n := done.Store.Records[store.KindBucket]; n > 0 {
		fmt.Fprintf(&text, "buckets: %d. Objects of the embedded store are not in a backup; docs/backup.md says how they are copied\n", n)
	}
	for _, line := range done.Store.Unreadable {
		if _, err := fmt.Fprintf(c.ErrOrStderr(), "daypass: warning: as on the server, a document cannot be read, and what needs it is denied: %s\n", line); err != nil {
			return err
		}
	}
	_, err := io.WriteString(c.OutOrStdout(), text.String())
	return err
}
