package main

import (
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

func newAccountDeleteBucketPolicy() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "delete-bucket-policy BUCKET",
		Short: "Take the policy of a bucket away that denies everyone",
		Long: `Take the policy of an S3 bucket away, whatever it says, and print it.

A bucket policy that denies everyone denies its own account's administrator too,
who then can neither read nor delete it. At AWS the account's root user can; here
nobody who calls stands above policies, and it takes the data directory. A server
that runs on it follows within a second.

  daypass account delete-bucket-policy builds >policy.json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("name one bucket; see \"%s --help\"", c.CommandPath())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := dataDir(data)
			if err != nil {
				return err
			}
			policy, err := server.DeleteBucketPolicy(c.Context(), dir, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), strings.TrimSuffix(policy, "\n"))
			return err
		},
	}
	c.Flags().StringVar(&data, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
	return c
}
