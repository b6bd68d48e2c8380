package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// revocation is one as the server tells of it, in XML, and as it is shown.
type revocation struct {
	ID           string `xml:"RevocationId" json:"revocationId"`
	Kind         string `xml:"Kind" json:"kind"`
	RoleName     string `xml:"RoleName" json:"roleName,omitempty"`
	IssuedBefore string `xml:"IssuedBefore" json:"issuedBefore,omitempty"`
	AccessKeyID  string `xml:"AccessKeyId" json:"accessKeyId,omitempty"`
	TokenID      string `xml:"TokenId" json:"tokenId,omitempty"`
	ProviderARN  string `xml:"ProviderArn" json:"providerArn,omitempty"`
	Reason       string `xml:"Reason" json:"reason,omitempty"`
	Created      string `xml:"Created" json:"created,omitempty"`
	Until        string `xml:"Until" json:"until,omitempty"`
}

// of is what a revocation ends.
func (r *revocation) of() string { return r.RoleName + r.AccessKeyID + r.TokenID } // it has one of them

// revokeFlags are the flags of `sessions revoke`, each a parameter of RevokeSessions.
type revokeFlags struct {
	role, key, token               string
	issuedBefore, provider, reason string
}

func newSessionsRevoke() *cobra.Command {
	var flags revokeFlags
	var server serverFlags
	c := &cobra.Command{
		Use:   "revoke",
		Short: "End sessions of a role, one session, or what one token began",
		Long: `End sessions before they expire, on a running server. Give one of --role-name,
--access-key-id and --token-id. Every node refuses the sessions within a second:

  --role-name      those of a role that were issued up to --issued-before, or now
  --access-key-id  one session and all that was chained from it
  --token-id       all that was begun with the identity token of that jti, which
                   is good for no further exchange either

"daypass sessions list" tells access keys and jti. The id of the revocation is
printed; "daypass sessions revocations delete" takes it back. The caller needs a
policy with daypass:RevokeSessions.
` + callerHelp,
		Example: `  daypass sessions revoke --role-name deploy --endpoint-url http://127.0.0.1:8350
  daypass sessions revoke --role-name deploy --issued-before 2026-11-26T12:00:00Z --reason "runner 7 was lost"`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			parameters, err := flags.parameters(c)
			if err != nil {
				return err
			}
			var reply struct {
				ID string `xml:"RevokeSessionsResult>RevocationId"`
			}
			if err := server.call(c, "RevokeSessions", parameters, &reply); err != nil {
				return err
			}
			if reply.ID == "" {
				return errors.New("the server's answer names no revocation; see \"daypass sessions revocations\" for whether there is one")
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), reply.ID)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&flags.role, "role-name", "", "end sessions of the role with this `NAME`")
	f.StringVar(&flags.issuedBefore, "issued-before", "", "of the role's sessions, end those issued up to this `TIME`, such as 2026-11-26T12:00:00Z (default: now)")
	f.StringVar(&flags.key, "access-key-id", "", "end the session with this access key `ID`, ASIA and 16 characters")
	f.StringVar(&flags.token, "token-id", "", "end what the identity token with this `JTI` began")
	f.StringVar(&flags.provider, "provider-arn", "", "the token is one of the provider with this `ARN` (default: of any)")
	f.StringVar(&flags.reason, "reason", "", "keep this `TEXT` with the revocation")
	server.add(c)
	return c
}

// parameters are those of the request. A flag that was given has a value, and
// goes with what it is about: the server would not miss it.
func (r *revokeFlags) parameters(c *cobra.Command) (url.Values, error) {
	v := url.Values{}
	for _, parameter := range [...]struct{ flag, name, value string }{
		{"role-name", "RoleName", r.role},
		{"access-key-id", "AccessKeyId", r.key},
		{"token-id", "TokenId", r.token},
		{"issued-before", "IssuedBefore", r.issuedBefore},
		{"provider-arn", "ProviderArn", r.provider},
		{"reason", "Reason", r.reason},
	} {
		if !c.Flags().Changed(parameter.flag) {
			continue
		}
		if parameter.value == "" {
			return nil, usageError{fmt.Errorf("--%s is empty; give it a value or leave it out", parameter.flag)}
		}
		v.Set(parameter.name, parameter.value)
	}
	named := 0
	for _, name := range [...]string{"RoleName", "AccessKeyId", "TokenId"} {
		if v.Has(name) {
			named++
		}
	}
	switch {
	case named != 1:
		return nil, usageError{errors.New("give one of --role-name, --access-key-id and --token-id")}
	case v.Has("IssuedBefore") && !v.Has("RoleName"):
		return nil, usageError{errors.New("--issued-before goes with --role-name only")}
	case v.Has("ProviderArn") && !v.Has("TokenId"):
		return nil, usageError{errors.New("--provider-arn goes with --token-id only")}
	}
	if v.Has("IssuedBefore") {
		if _, err := time.Parse(time.RFC3339, r.issuedBefore); err != nil {
			return nil, usageError{fmt.Errorf("--issued-before %q is no time; write it as 2026-11-26T12:00:00Z", r.issuedBefore)}
		}
	}
	return v, nil
}

func newSessionsRevocations() *cobra.Command {
	var server serverFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "revocations",
		Short: "List what was revoked, or take a revocation back",
		Long: `List the revocations of the caller's account, on a running server. One is kept
for as long as a session that it ends could otherwise be alive. The caller needs
a policy with daypass:ListRevocations.
` + callerHelp,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			var reply struct {
				List []*revocation `xml:"ListRevocationsResult>Revocations>member"`
			}
			if err := server.call(c, "ListRevocations", nil, &reply); err != nil {
				return err
			}
			return printRevocations(c.OutOrStdout(), reply.List, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	server.add(c)
	c.AddCommand(newRevocationsDelete())
	return c
}

func printRevocations(w io.Writer, list []*revocation, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		for _, r := range list {
			if err := encoder.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	rows := make([][]string, len(list))
	for i, r := range list {
		rows[i] = []string{r.ID, r.Kind, r.of(), r.IssuedBefore, r.Created, r.Until, r.ProviderARN, r.Reason}
	}
	return printTable(w, []string{"REVOCATION", "KIND", "OF", "ISSUED BEFORE", "CREATED", "UNTIL", "PROVIDER", "REASON"}, rows)
}

func newRevocationsDelete() *cobra.Command {
	var server serverFlags
	c := &cobra.Command{
		Use:   "delete ID",
		Short: "Take a revocation back",
		Long: `Take a revocation back: the sessions that it ended, and that have not expired,
go on. The caller needs a policy with daypass:DeleteRevocation.
` + callerHelp,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
				return usageError{fmt.Errorf("give the id of one revocation; \"%s\" lists them", c.Parent().CommandPath())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return server.call(c, "DeleteRevocation", url.Values{"RevocationId": {args[0]}}, nil)
		},
	}
	server.add(c)
	return c
}
