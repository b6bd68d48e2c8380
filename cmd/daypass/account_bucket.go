package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

func newAccountDeleteBucketPolicy() *cobra.Command {
	return newDeletePolicy(&cobra.Command{
		Use:   "delete-bucket-policy BUCKET",
		Short: "Take the policy of a bucket away that denies everyone",
		Long: `Take the policy of an S3 bucket away, whatever it says, and print it.

A bucket policy that denies everyone denies its own account's administrator too,
who then can neither read nor delete it. At AWS the account's root user can; here
nobody who calls stands above policies, and it takes the data directory. A server
that runs on it follows within a second.

  daypass account delete-bucket-policy builds >policy.json`,
	}, "bucket", server.DeleteBucketPolicy)
}

func newAccountDeleteSecretPolicy() *cobra.Command {
	return newDeletePolicy(&cobra.Command{
		Use:   "delete-secret-policy ARN",
		Short: "Take the policy of a secret away that denies everyone",
		Long: `Take the resource policy of a secret of Secrets Manager away, whatever it says,
and print it. It is what "delete-bucket-policy" is for buckets; the secret is named
by its whole ARN. A server that runs on the data directory follows within a second.`,
	}, "secret", server.DeleteSecretPolicy)
}

// newDeletePolicy completes a command that takes the policy of one thing away.
func newDeletePolicy(c *cobra.Command, thing string, deletePolicy func(ctx context.Context, dataDir, name string) (string, error)) *cobra.Command {
	var data string
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("name one %s; see \"%s --help\"", thing, c.CommandPath())}
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		dir, err := dataDir(data)
		if err != nil {
			return err
		}
		policy, err := deletePolicy(c.Context(), dir, args[0])
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), strings.TrimSuffix(policy, "\n"))
		return err
	}
	c.Flags().StringVar(&data, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
	return c
}
