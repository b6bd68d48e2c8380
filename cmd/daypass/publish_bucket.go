package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/bucket"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
)

func newPublishBucket() *cobra.Command {
	c := &cobra.Command{Use: "bucket", Short: "Emit the right bucket for an issuer, or check one"}
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
	var target publishTarget
	c := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with a bucket, or with a bucket's policy",
		Long: `Say what is wrong with a bucket as it stands: public access block, ownership of
objects, versions, encryption, lifecycle rules, its policy, and what a reader
without credentials gets. The engine that decides requests decides about the
policy. What cannot be looked at is told, and is not taken for good.

With --policy only that policy is looked at, without asking anybody.

Exit codes: 0 nothing is wrong; 1 something is, or could not be looked at; 2 usage.`,
		Example: `  daypass publish bucket check --bucket oidc-example --account 123456789012 --region eu-north-1 --publisher arn:aws:iam::123456789012:role/publisher
  daypass publish bucket check --policy policy.json --bucket oidc-example --account 123456789012 --region eu-north-1 --publisher arn:aws:iam::123456789012:role/publisher`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := l.Check(); err != nil {
				return usageError{err}
			}
			if output != "text" && output != "json" {
				return usageError{fmt.Errorf("--output is text or json, not %q", output)}
			}
			found, err := examineBucket(c, &target, l, file)
			if err != nil {
				return err
			}
			if output == "json" {
				if err := writeIndented(c.OutOrStdout(), append([]bucket.Finding{}, found...)); err != nil {
					return err
				}
			} else {
				printBucketFindings(c.OutOrStdout(), found, file != "")
			}
			if len(found) > 0 {
				return &exitError{exitFailure}
			}
			return nil
		},
	}
	l = layoutFlags(c)
	c.Flags().StringVar(&file, "policy", "", "look at the policy in this `FILE` alone; - for standard input")
	c.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	c.Flags().StringVar(&target.endpoint, "endpoint-url", "", "`URL` of another store that speaks S3")
	c.Flags().StringVar(&target.profile, "profile", "", "the `PROFILE` with credentials that may read the bucket's settings")
	c.Flags().BoolVar(&target.pathStyle, "path-style", false, "address the bucket in the path, as most other stores want it")
	return c
}

// examineBucket looks at a bucket, or at a policy alone.
func examineBucket(c *cobra.Command, target *publishTarget, l *bucket.Layout, policy string) ([]bucket.Finding, error) {
	if policy != "" {
		text, err := readPolicy(c, policy)
		if err != nil {
			return nil, err
		}
		return bucket.Examine(text, l)
	}
	target.region, target.owner = l.Region, l.Account
	config, err := target.bucket(c.Context(), l.Bucket, 0)
	if err != nil {
		return nil, err
	}
	state, err := publish.BucketState(c.Context(), config)
	if err != nil {
		return nil, err
	}
	return state.Examine(l)
}

func printBucketFindings(w io.Writer, found []bucket.Finding, policyAlone bool) {
	for _, f := range found {
		_, _ = lipgloss.Fprintf(w, "%s: %s\n  why: %s\n  fix: %s\n", badStyle.Render(f.Severity), f.What, f.Why, f.Fix)
	}
	switch {
	case len(found) > 0:
	case !policyAlone:
		_, _ = lipgloss.Fprintln(w, goodStyle.Render("the bucket is as it should be: strangers read the documents and the ledger, and nothing was found that they can do beyond"))
	default:
		_, _ = lipgloss.Fprintln(w, goodStyle.Render("by this policy strangers read the documents and the ledger, and nothing was found that they can do beyond"))
	}
}

func readPolicy(c *cobra.Command, file string) (string, error) {
	var text []byte
	var err error
	switch file {
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
