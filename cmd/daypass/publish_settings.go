package main

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"
)

// gitlabSettings are where each kind of installation has the issuer of its ID
// tokens, and what puts it into force (GitLab 18.1; GitLab documentation,
// "Configure OpenID Connect in AWS", and config/initializers/1_settings.rb).
var gitlabSettings = map[string]string{
	"linux-package": `# /etc/gitlab/gitlab.rb, then: sudo gitlab-ctl reconfigure
gitlab_rails['ci_id_tokens_issuer_url'] = '%s'
`,
	"helm": `# values.yaml, then: helm upgrade
global:
  appConfig:
    ciIdTokens:
      issuerUrl: '%s'
`,
	"docker": `# compose.yaml, the service of GitLab, then: docker compose up -d
environment:
  GITLAB_OMNIBUS_CONFIG: |
    gitlab_rails['ci_id_tokens_issuer_url'] = '%s'
`,
	"source": `# config/gitlab.yml, then restart GitLab
production: &base
  ci_id_tokens:
    issuer_url: '%s'
`,
}

func newPublishGitLabSettings() *cobra.Command {
	var kind, issuer string
	c := &cobra.Command{
		Use:   "gitlab-settings",
		Short: "Print what an administrator must set in GitLab",
		Long: `Print what an administrator must set in GitLab, 18.1 or newer, once the documents
are published. Every ID token of the instance then names the new issuer.`,
		Example: `  daypass publish gitlab-settings --kind helm --issuer https://oidc-example.s3.eu-north-1.amazonaws.com`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, ok := gitlabSettings[kind]
			if !ok {
				return usageError{fmt.Errorf("--kind is linux-package, helm, docker or source, not %q", kind)}
			}
			u, err := url.Parse(issuer)
			switch {
			case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Port() != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
				return usageError{fmt.Errorf("--issuer is https://HOST, with or without a path, not %q", issuer)}
			case issuer[len(issuer)-1] == '/' || issuer != u.String() || containsQuote(issuer):
				return usageError{fmt.Errorf("--issuer must be byte for byte what tokens will say, without a slash at its end; %q is not", issuer)}
			}
			return printSettings(c.OutOrStdout(), text, issuer, u.Host+u.Path)
		},
	}
	c.Flags().StringVar(&kind, "kind", "", "kind of installation: linux-package, helm, docker or source")
	c.Flags().StringVar(&issuer, "issuer", "", "the issuer's public URL")
	return c
}

func containsQuote(s string) bool {
	for _, r := range s {
		if r == '\'' || r == '"' || r == '\\' {
			return true
		}
	}
	return false
}

func printSettings(w io.Writer, text, issuer, host string) error {
	_, err := fmt.Fprintf(w, text+`
# It holds for every ID token of the instance: Vault, Google Cloud, Azure and all
# others who verify them see another issuer from then on. In AWS:
#   provider        arn:aws:iam::ACCOUNT:oidc-provider/%[2]s
#   condition keys  %[2]s:sub, %[2]s:aud
# Register the provider and turn the trust policies to these before you set
# this. Afterwards, with a token of a job:
#   daypass publish validate --issuer %[1]s --token-env GITLAB_OIDC_TOKEN
`, issuer, host)
	return err
}
