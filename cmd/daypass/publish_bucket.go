package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/bucket"

	"github.com/spf13/cobra"
)

func newPublishBucket() *cobra.Command {
	c := &cobra.Command{Use: "bucket", Short: "Emit the right bucket for an issuer, or check the policy of one"}
	group(c)
	c.AddCommand(newPublishBucketCheck(), newPublishBucketEmit())
	return c
}

// layoutFlags add the flags of a layout.
func layoutFlags(c *cobra.Command) *bucket.Layout {
	l := &bucket.Layout{Public: []string{publish.ConfigurationKey, publish.KeysKey, publish.LedgerKey}}
	c.Flags().StringVar(&l.Bucket, "bucket", "", "the bucket's name, without dots; with the suffix -ACCOUNT-REGION-an nobody else can ever take it")
	c.Flags().StringVar(&l.Account, "account", "", "the 12-digit id of the account that owns it")
	c.Flags().StringVar(&l.Region, "region", "", "the bucket's region")
	c.Flags().StringVar(&l.Publisher, "publisher", "", "ARN of the role that publishes")
	c.Flags().StringVar(&l.BreakGlass, "break-glass", "", "ARN of the role that alone may change the bucket's policy or delete the bucket")
	return l
}

func newPublishBucketCheck() *cobra.Command {
	var l *bucket.Layout
	var file, output string
	c := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with a bucket's policy",
		Long: `Say what is wrong with a bucket's policy: what it lets strangers do beyond reading
the documents and the ledger, and what it leaves unread. The engine that decides
requests decides. Only the policy is looked at: public access block, versioning
and ACLs are not.

Exit codes: 0 nothing is wrong; 1 something is; 2 usage.`,
		Example: `  aws s3api get-bucket-policy --bucket oidc-example --query Policy --output text | daypass publish bucket check --policy - --bucket oidc-example --account 123456789012 --region eu-north-1 --publisher arn:aws:iam::123456789012:role/publisher`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := l.Check(); err != nil {
				return usageError{err}
			}
			if output != "text" && output != "json" {
				return usageError{fmt.Errorf("--output is text or json, not %q", output)}
			}
			text, err := readPolicy(c, file)
			if err != nil {
				return err
			}
			found, err := bucket.Examine(text, l)
			if err != nil {
				return err
			}
			if output == "json" {
				if err := writeIndented(c.OutOrStdout(), append([]bucket.Finding{}, found...)); err != nil {
					return err
				}
			} else {
				printBucketFindings(c.OutOrStdout(), found)
			}
			if len(found) > 0 {
				return &exitError{exitFailure}
			}
			return nil
		},
	}
	l = layoutFlags(c)
	c.Flags().StringVar(&file, "policy", "", "file with the bucket's policy; - for standard input")
	c.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return c
}

func printBucketFindings(w io.Writer, found []bucket.Finding) {
	for _, f := range found {
		_, _ = fmt.Fprintf(w, "%s: %s\n  why: %s\n  fix: %s\n", badStyle.Render(f.Severity), f.What, f.Why, f.Fix)
	}
	if len(found) == 0 {
		_, _ = fmt.Fprintln(w, goodStyle.Render("by this policy strangers read the documents and the ledger, and nothing was found that they can do beyond"))
	}
}

func readPolicy(c *cobra.Command, file string) (string, error) {
	var text []byte
	var err error
	switch file {
	case "":
		return "", usageError{fmt.Errorf("which policy? Give a file, or - for standard input")}
	case "-":
		text, err = io.ReadAll(io.LimitReader(c.InOrStdin(), 1<<20))
	default:
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return "", usageError{err}
	}
	return string(text), nil
}

func newPublishBucketEmit() *cobra.Command {
	var l *bucket.Layout
	c := &cobra.Command{
		Use:   "emit terraform|cloudformation|policy|publisher-policy",
		Short: "Write the right bucket for an issuer",
		Long: `Write the right bucket for an issuer: as Terraform or CloudFormation, its policy
alone, or the policy that the publisher's role needs. Anybody reads the two
documents and the ledger, and only the publisher writes.

Block Public Access must be open for bucket policies in the account, too.`,
		Example: `  daypass publish bucket emit cloudformation --bucket oidc-123456789012-eu-north-1-an --account 123456789012 --region eu-north-1 --publisher arn:aws:iam::123456789012:role/publisher`,
		Args:    oneArgument("what is to be emitted?"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := l.Check(); err != nil {
				return usageError{err}
			}
			var text string
			var err error
			switch args[0] {
			case "terraform":
				text, err = l.Terraform()
			case "cloudformation":
				text, err = l.CloudFormation()
			case "policy":
				text, err = bucket.Text(l.Policy())
			case "publisher-policy":
				text, err = bucket.Text(l.PublisherPolicy())
			default:
				return usageError{fmt.Errorf("%q is none of terraform, cloudformation, policy, publisher-policy", args[0])}
			}
			if err == nil {
				_, err = fmt.Fprintln(c.OutOrStdout(), strings.TrimSuffix(text, "\n"))
			}
			return err
		},
	}
	l = layoutFlags(c)
	return c
}
