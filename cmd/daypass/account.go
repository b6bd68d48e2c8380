package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

func newAccount() *cobra.Command {
	c := &cobra.Command{
		Use:   "account",
		Short: "Make and list accounts; find the credentials of their administrators; open buckets",
		Long: `Make and list the accounts of a data directory, and find the credentials of
their administrators, beside a server that runs on it or while none does.

Each account has its own users, groups, roles, policies and providers. Nobody in
one account sees anything of another, and a role is assumed across accounts only
where its trust policy and the caller's own policies both allow it, as at AWS.`,
	}
	group(c)
	c.AddCommand(newAccountCreate(), newAccountList(), newAccountCredentials(), newAccountDeleteBucketPolicy(), newAccountDeleteSecretPolicy())
	return c
}

// accountOptions are those that all commands on accounts have.
type accountOptions struct {
	data   string
	asJSON bool
}

func (o *accountOptions) add(c *cobra.Command, jsonUsage string) *cobra.Command {
	c.Flags().StringVar(&o.data, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
	c.Flags().BoolVar(&o.asJSON, "json", false, jsonUsage)
	return c
}

func newAccountCreate() *cobra.Command {
	var o accountOptions
	return o.add(&cobra.Command{
		Use:   "create [ID]",
		Short: "Make an account, with an administrator",
		Long: `Make an account of 12 digits, or of an id that is drawn where none is given,
with an IAM user "administrator" who may do everything in it.

The administrator's access key is written, once, to the file credentials-ID in
the data directory, profile ID, readable by its owner only. A server that runs on
the directory has the account within a second. To be that administrator:

  export AWS_SHARED_CREDENTIALS_FILE=DIR/credentials-ID AWS_PROFILE=ID AWS_DEFAULT_REGION=us-east-1`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("name one account at most, by its id; see \"%s --help\"", c.CommandPath())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := dataDir(o.data)
			if err != nil {
				return err
			}
			account := ""
			if len(args) == 1 {
				account = args[0]
			}
			made, err := server.CreateAccount(c.Context(), dir, account, rand.Reader, time.Now())
			if err != nil {
				return err
			}
			return o.print(c, &made)
		},
	}, "one JSON object")
}

func newAccountCredentials() *cobra.Command {
	var o accountOptions
	var drop string
	var makes bool
	c := o.add(&cobra.Command{
		Use:   "credentials ID",
		Short: "Say where the credentials of an account's administrator are, or make others",
		Long: `Say in which file of the data directory the access key of an account's
administrator is. Where no file has one that works, a further key is made, in the
file credentials-ID, profile ID, readable by its owner only.

A user has two access keys at most. If there are two, --delete-key says which of
them goes. An account that was imported from AWS may have no administrator;
--make-administrator makes one, who may do everything in it.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("name one account, by its id; see \"%s --help\"", c.CommandPath())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := dataDir(o.data)
			if err != nil {
				return err
			}
			found, err := server.AdministratorCredentials(c.Context(), dir, server.CredentialsRequest{
				Account: args[0], DeleteKey: drop, MakeAdministrator: makes, Random: rand.Reader, Now: time.Now(),
			})
			if err != nil {
				return err
			}
			return o.print(c, &found)
		},
	}, "one JSON object")
	c.Flags().StringVar(&drop, "delete-key", "", "delete the access key of this `ID` and make another in its place")
	c.Flags().BoolVar(&makes, "make-administrator", false, "where the account has no user \"administrator\", make it")
	return c
}

// print says where credentials are. The secret is in the file alone.
func (o *accountOptions) print(c *cobra.Command, k *server.Credentials) error {
	if o.asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(k)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "account      %s\ncredentials  %s\nprofile      %s\n", k.Account, k.File, k.Profile)
	return err
}

func newAccountList() *cobra.Command {
	var o accountOptions
	return o.add(&cobra.Command{
		Use:   "list",
		Short: "List the accounts, and how much each has",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := dataDir(o.data)
			if err != nil {
				return err
			}
			accounts, err := server.ListAccounts(c.Context(), dir)
			if err != nil {
				return err
			}
			return o.printList(c, accounts)
		},
	}, "one JSON object a line")
}

func (o *accountOptions) printList(c *cobra.Command, accounts []server.Account) error {
	if o.asJSON {
		encoder := json.NewEncoder(c.OutOrStdout())
		for i := range accounts {
			if err := encoder.Encode(&accounts[i]); err != nil {
				return err
			}
		}
		return nil
	}
	rows := make([][]string, len(accounts))
	for i, a := range accounts {
		rows[i] = []string{a.Account, a.Alias, a.Created.UTC().Format(time.RFC3339)}
		for _, n := range []int{a.Users, a.Groups, a.Roles, a.Policies, a.Providers, a.InstanceProfiles} {
			rows[i] = append(rows[i], strconv.Itoa(n))
		}
	}
	return printTable(c.OutOrStdout(), []string{"ACCOUNT", "ALIAS", "CREATED", "USERS", "GROUPS", "ROLES", "POLICIES", "PROVIDERS", "PROFILES"}, rows)
}
