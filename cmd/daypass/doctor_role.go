package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/daypass/daypass/internal/doctor"

	"github.com/spf13/cobra"
)

// roleFlags are those of `doctor role`.
type roleFlags struct {
	reportFlags
	tokenFlags
	serverFlags
	policy, from, issuer, session string
	clientIDs                     []string
}

func newDoctorRole() *cobra.Command {
	var f roleFlags
	c := &cobra.Command{
		Use:   "role [NAME|ARN]",
		Short: "Examine a role: provider, ARN, action, condition keys, audience, and a token against it",
		Long: `Examine a role, as a running server has it, or IAM, or files:

  --endpoint-url   a server that speaks IAM: Daypass, or https://iam.amazonaws.com
  --from           what daypass export or aws iam get-account-authorization-details
                   wrote
  --policy         the document alone

With a token the trust policy is decided by, as if the token's signature were good,
by the engine that decides in the server; "daypass explain" says more of that
decision. How wide a policy is open is the matter of "daypass lint".
` + callerHelp,
		Example: `  daypass doctor role deploy --endpoint-url http://127.0.0.1:8350 --token-env GITLAB_OIDC_TOKEN
  daypass doctor role arn:aws:iam::123456789012:role/deploy --policy trust.json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return noToken(c, args[1:])
			}
			for _, a := range args {
				if compact.MatchString(a) {
					return noToken(c, args)
				}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, strings.Join(args, "")) },
	}
	f.reportFlags.add(c)
	f.tokenFlags.add(c)
	f.serverFlags.add(c)
	c.Flags().StringVar(&f.policy, "policy", "", "the trust policy is in this `FILE`")
	c.Flags().StringVar(&f.from, "from", "", "the account is in this `PATH`, a directory of daypass export or a file of get-account-authorization-details")
	c.Flags().StringVar(&f.issuer, "issuer", "", "with --policy: the `URL` of the one provider that the account has")
	c.Flags().StringArrayVar(&f.clientIDs, "client-id", nil, "a client `ID` of the provider; may be given again")
	c.Flags().StringVar(&f.session, "role-session-name", "", "the `NAME` of the session that is asked for, which policies can test (default: doctor)")
	return c
}

func (f *roleFlags) run(c *cobra.Command, asked string) error {
	if err := f.check(); err != nil {
		return err
	}
	token, err := f.read(c)
	if err != nil {
		return err
	}
	config, err := f.role(c, asked)
	if err != nil {
		if c.Context().Err() != nil {
			return err
		}
		return usageError{err}
	}
	config.For, config.Token, config.SessionName = doctor.For(f.relying), token, f.session
	if token != nil {
		token.Issuer, token.ClientIDs = f.issuer, f.clientIDs
	}
	title := asked
	if title == "" {
		title = f.policy
	}
	return f.end(c, "role "+title, doctor.Role(config))
}

// role finds the role.
func (f *roleFlags) role(c *cobra.Command, asked string) (doctor.RoleConfig, error) {
	switch {
	case f.policy != "" && f.from != "":
		return doctor.RoleConfig{}, errors.New("give --policy or --from, not both")
	case f.policy != "":
		return f.fromPolicy(asked)
	case asked == "":
		return doctor.RoleConfig{}, errors.New("which role? Give its name or its ARN, or --policy FILE")
	case f.from != "":
		return doctor.RoleFromArchive(f.from, asked)
	}
	return f.fromServer(c, asked)
}

func (f *roleFlags) fromPolicy(asked string) (doctor.RoleConfig, error) {
	if asked != "" && !strings.HasPrefix(asked, "arn:") {
		return doctor.RoleConfig{}, fmt.Errorf("with --policy the role is named by its ARN, and %q is none", asked)
	}
	text, err := os.ReadFile(f.policy)
	if err != nil {
		return doctor.RoleConfig{}, err
	}
	config := doctor.RoleConfig{From: f.policy, ARN: asked, TrustPolicy: string(text), NoProviders: "only the trust policy is known; --issuer and --client-id tell of the provider"}
	if f.issuer != "" {
		config.Providers = []doctor.RoleProvider{{URL: strings.TrimPrefix(f.issuer, "https://"), ClientIDs: f.clientIDs}}
	}
	return config, nil
}

// fromServer asks IAM for the role and the providers of its account.
func (f *roleFlags) fromServer(c *cobra.Command, asked string) (doctor.RoleConfig, error) {
	config := doctor.RoleConfig{NoProviders: "the server was not asked for the account's providers"}
	name := asked
	if strings.HasPrefix(asked, "arn:") {
		config.ARN, name = asked, asked[strings.LastIndexByte(asked, '/')+1:]
	}
	var role struct {
		ARN    string `xml:"GetRoleResult>Role>Arn"`
		Policy string `xml:"GetRoleResult>Role>AssumeRolePolicyDocument"`
	}
	if err := f.callService(c, iamService, "GetRole", url.Values{"RoleName": {name}}, &role); err != nil {
		return config, err
	}
	policy, err := url.PathUnescape(role.Policy)
	if err != nil {
		return config, fmt.Errorf("the server's trust policy cannot be read: %w", err)
	}
	config.From, config.Made, config.TrustPolicy = f.endpoint, role.ARN, policy
	var list struct {
		ARNs []string `xml:"ListOpenIDConnectProvidersResult>OpenIDConnectProviderList>member>Arn"`
	}
	if err := f.callService(c, iamService, "ListOpenIDConnectProviders", nil, &list); err != nil {
		config.NoProviders = inWords(err)
		return config, nil
	}
	config.Providers = []doctor.RoleProvider{}
	for _, provider := range list.ARNs {
		if !strings.Contains(policy, provider) { // of the others, that they are there is enough
			_, u, _ := strings.Cut(provider, ":oidc-provider/")
			config.Providers = append(config.Providers, doctor.RoleProvider{URL: u})
			continue
		}
		var one struct {
			URL       string   `xml:"GetOpenIDConnectProviderResult>Url"`
			ClientIDs []string `xml:"GetOpenIDConnectProviderResult>ClientIDList>member"`
		}
		if err := f.callService(c, iamService, "GetOpenIDConnectProvider", url.Values{"OpenIDConnectProviderArn": {provider}}, &one); err != nil {
			return config, err
		}
		config.Providers = append(config.Providers, doctor.RoleProvider{URL: one.URL, ClientIDs: one.ClientIDs})
	}
	return config, nil
}
