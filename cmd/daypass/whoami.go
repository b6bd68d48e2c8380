package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/client"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"
)

// identity is whom credentials make their holder.
type identity struct {
	Account     string     `json:"account"`
	ARN         string     `json:"arn"`
	UserID      string     `json:"userId"`
	AccessKeyID string     `json:"accessKeyId"`
	Source      string     `json:"source"` // where an SDK found the credentials
	Expiration  *time.Time `json:"expiration,omitempty"`
}

func newWhoami() *cobra.Command {
	var server serverFlags
	var expect client.Expectation
	var output string
	c := &cobra.Command{
		Use:   "whoami",
		Short: "Say whose credentials these are, where they were found, and until when they are good",
		Long: `Ask STS whom the credentials that an AWS SDK would find here belong to: of the
environment, a profile, a token file, a container or an instance.
` + clientExitHelp,
		Example: `  daypass whoami
  daypass exec --role ARN -- daypass whoami --expect-account 123456789012`,
		Args: noToken,
		RunE: func(c *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return usageError{fmt.Errorf("--output %q is not known; there are text and json", output)}
			}
			who, err := askWho(c, &server)
			if err != nil {
				return failed(c, err)
			}
			if err := expect.CheckARN(who.ARN); err != nil {
				return failed(c, err)
			}
			if who.Expiration != nil && time.Until(*who.Expiration) < expect.Left {
				return failed(c, &client.Error{Kind: client.Unexpected, Message: fmt.Sprintf("these credentials are good until %s, and %s were wanted", who.Expiration.Format(time.RFC3339), expect.Left)})
			}
			if output == "json" {
				return printJSON(c.OutOrStdout(), who)
			}
			return who.print(c)
		},
	}
	server.add(c)
	c.Flags().StringVar(&output, "output", "text", "`FORM`: text or json")
	complete(c, "output", "text", "json")
	c.Flags().StringVar(&expect.Account, "expect-account", "", "fail unless they are of this account, 12 `DIGITS`")
	c.Flags().StringVar(&expect.ARN, "expect-arn", "", "fail unless they are of this user, role or session, its `ARN`")
	c.Flags().DurationVar(&expect.Left, "min-remaining", 0, "fail unless they are good for this `DURATION`, where it is known how long")
	return c
}

func (who *identity) print(c *cobra.Command) error {
	rows := [][2]string{{"account", who.Account}, {"arn", who.ARN}, {"user id", who.UserID}, {"key", who.AccessKeyID}, {"from", who.Source}}
	if who.Expiration != nil {
		rows = append(rows, [2]string{"expires", who.Expiration.Format(time.RFC3339) + ", " + untilWords(time.Until(*who.Expiration))})
	}
	for _, row := range rows {
		if _, err := fmt.Fprintf(c.OutOrStdout(), "%-8s %s\n", row[0], shownCell(row[1])); err != nil {
			return err
		}
	}
	return nil
}

// askWho finds credentials as an SDK does, and asks whose they are.
func askWho(c *cobra.Command, server *serverFlags) (*identity, error) {
	ctx, cancel := context.WithTimeout(c.Context(), callTimeout)
	defer cancel()
	var options []func(*config.LoadOptions) error
	if server.profile != "" {
		options = append(options, config.WithSharedConfigProfile(server.profile))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, usageError{err}
	}
	if loaded.Region == "" {
		loaded.Region = defaultRegion
	}
	found, err := loaded.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, &client.Error{Kind: client.NoToken, Message: "there are no credentials here", Err: err}
	}
	api := sts.NewFromConfig(loaded, func(o *sts.Options) {
		if server.endpoint != "" {
			o.BaseEndpoint = &server.endpoint
		}
	})
	out, err := api.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		e := &client.Error{Kind: client.Unreachable, Message: "STS gave no answer", Err: err}
		var answer smithy.APIError
		if errors.As(err, &answer) {
			e = &client.Error{Kind: client.Denied, Code: answer.ErrorCode(), Message: answer.ErrorCode() + ": " + answer.ErrorMessage()}
		}
		return nil, e
	}
	who := &identity{aws.ToString(out.Account), aws.ToString(out.Arn), aws.ToString(out.UserId), found.AccessKeyID, found.Source, nil}
	if found.CanExpire {
		at := found.Expires.UTC()
		who.Expiration = &at
	}
	return who, nil
}
