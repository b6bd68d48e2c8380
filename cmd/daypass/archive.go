package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

// Forms of an export.
const (
	formatDirectory = "directory"
	formatDetails   = "authorization-details"
)

func newExport() *cobra.Command {
	var data, format string
	var export server.Export
	c := &cobra.Command{
		Use:   "export DIR",
		Short: "Write an account to a directory of JSON files, to be kept under version control",
		Long: `Write an account to a directory of JSON files: OIDC providers, managed policies
with their versions, groups, users, roles, instance profiles. Policy documents are
files of their own, byte for byte. The same account gives the same bytes, so that
a version control system shows what changed; what is no longer there is removed
from the directory. A server may be running.

Secrets are not written: no access keys of users, no keys of outbound federation.

--format authorization-details writes one file in place of the directory, or to
stdout: what "aws iam get-account-authorization-details" prints. It tells less.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 0 && format != formatDetails {
				return usageError{fmt.Errorf("name one directory; see \"%s --help\"", c.CommandPath())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if format != formatDirectory && format != formatDetails {
				return usageError{fmt.Errorf("--format is %s or %s, not %q", formatDirectory, formatDetails, format)}
			}
			if err := orUserData(&data); err != nil {
				return err
			}
			export.DataDir, export.Details, export.Output = data, format == formatDetails, c.OutOrStdout()
			if len(args) > 0 && (args[0] != "-" || !export.Details) {
				export.Target = args[0]
			}
			done, err := export.Run(c.Context())
			if err != nil {
				return err
			}
			for _, line := range done.Unreadable {
				if _, err := fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", line); err != nil {
					return err
				}
			}
			if export.Target == "" {
				return nil
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "account %s is in %s; access keys and other secrets are not\n", done.Account, export.Target)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&data, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
	f.StringVar(&export.Account, "account", "", "the account, 12 `DIGITS` (default: the only one)")
	f.StringVar(&format, "format", formatDirectory, "`FORM`: "+formatDirectory+" or "+formatDetails)
	return c
}

func newImport() *cobra.Command {
	var data string
	var from server.Import
	c := &cobra.Command{
		Use:   "import DIR|FILE",
		Short: "Make an account what a directory of JSON files says, or a dump of a real AWS account",
		Long: `Make an account what a directory says that "daypass export" wrote, or a person.
Or read a FILE that "aws iam get-account-authorization-details" printed, also of
a real AWS account, so that its policies can be examined here.

Everything is checked first, as if it were sent to the API, and all that is wrong
is told, with file and line. Then all of it is written at once, or nothing. The
account is made if it is not there. What exists already must be the same, unless
--replace makes the account equal to the files: what they do not have is deleted,
users with their access keys; users who stay keep theirs. A server may be running;
it follows within a second.

A trust policy may name users and roles that are not here: they are nobody, and a
warning says so. Of a dump, what Daypass cannot read or does not have is kept
and denies, with a warning; of a directory only with --as-is. What a dump does not
tell (OIDC providers, alias, descriptions, how long sessions last) stays as it is.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("name one directory or file; see \"%s --help\"", c.CommandPath())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := orUserData(&data); err != nil {
				return err
			}
			from.DataDir, from.Source, from.Now, from.Random = data, args[0], time.Now(), rand.Reader
			done, err := from.Run(c.Context())
			if err != nil {
				return err
			}
			return reportImport(c.OutOrStdout(), c.ErrOrStderr(), done, from.DryRun)
		},
	}
	f := c.Flags()
	f.StringVar(&data, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
	f.StringVar(&from.Account, "account", "", "import only if it is this account, 12 `DIGITS`")
	f.BoolVar(&from.Replace, "replace", false, "change and delete what is there and is not the same")
	f.BoolVar(&from.AsIs, "as-is", false, "keep what can be kept though the API would refuse it, with a warning")
	f.BoolVar(&from.DryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}

// reportImport tells problems on stderr, as compilers do, and changes on stdout.
func reportImport(stdout, stderr io.Writer, done *server.Imported, dryRun bool) error {
	failures := 0
	for _, problem := range done.Problems {
		if !problem.Warning {
			failures++
		}
		if _, err := fmt.Fprintln(stderr, problem); err != nil {
			return err
		}
	}
	if done.Refused {
		return fmt.Errorf("%s; nothing was imported", counted(failures, "problem"))
	}
	counts := map[string]int{}
	for _, change := range done.Changes {
		counts[change.What]++
		keys := ""
		if change.AccessKeys > 0 {
			keys = ", with " + counted(change.AccessKeys, "access key")
		}
		if _, err := fmt.Fprintf(stdout, "%-7s %s %s%s\n", change.What, change.Kind, change.Name, keys); err != nil {
			return err
		}
	}
	would := ""
	if dryRun {
		would = "; nothing was written"
	}
	_, err := fmt.Fprintf(stdout, "account %s: %d created, %d changed, %d deleted%s\n", done.Account, counts["created"], counts["changed"], counts["deleted"], would)
	return err
}

// orUserData puts the user's data directory in place of none.
func orUserData(data *string) error {
	if *data != "" {
		return nil
	}
	dir, err := userDataDir()
	if err != nil {
		return errors.Join(err, errors.New("name a data directory with --data"))
	}
	*data = dir
	return nil
}
