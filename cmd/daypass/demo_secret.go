package main

import (
	"context"
	"os"
	"strings"
)

// This file is the part of the demo that has a job read a secret of AWS Secrets
// Manager through the keyword of GitLab.

const (
	demoSecret = "myproject/deploy-key"
	// demoSecretValue has as many characters as the job says.
	demoSecretValue = "not-in-any-log-of-this-demo" //nolint:gosec // a secret of the demo, which shows that it is not shown
	demoSecretFile  = "project/secret.gitlab-ci.yml"
)

// demoSecretPermission allows to read the secret, with whatever six characters
// its ARN ends.
const demoSecretPermission = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:*:*:secret:` + demoSecret + `-??????"}]}`

const demoSecretPipeline = `use secret:
  id_tokens:
    AWS_ID_TOKEN:
      aud: ` + demoAudience + `
  secrets:
    DEPLOY_KEY:
      aws_secrets_manager:
        secret_id: ` + demoSecret + `
        role_arn: $ROLE_ARN
  script:
    - echo "the key is a file of $(wc -c < "$DEPLOY_KEY" | tr -d ' ') bytes"
    - cat "$DEPLOY_KEY"
`

// secretOfJob makes a secret, which the role of one project may read and that of
// the other may not.
func (d *demo) secretOfJob(ctx context.Context) error {
	d.title("8. A secret, through the keyword secrets: one project's job gets it, masked in its log, the other's does not")
	if err := os.WriteFile(d.path(demoSecretFile), []byte(demoSecretPipeline), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"secretsmanager", "create-secret", "--name", demoSecret, "--secret-string", demoSecretValue},
		{"iam", "put-role-policy", "--role-name", demoRole, "--policy-name", "read-secret", "--policy-document", demoSecretPermission},
	} {
		_, code, err := d.command(ctx, d.awsEnv(), d.aws, append([]string{"--endpoint-url", d.endpoint}, args...)...)
		if err != nil {
			return err
		}
		d.check("aws "+args[0]+" "+args[1], code == 0)
	}
	output, code, err := d.jobOf(ctx, demoSecretFile, "use secret", demoProject, "main", demoRole)
	if err != nil {
		return err
	}
	d.check("the job reads the secret", code == 0 && strings.Contains(output, "\nthe key is a file of 27 bytes\n"))
	d.check("which its log does not show", strings.Contains(output, "\n[MASKED]") && !strings.Contains(output, demoSecretValue))
	output, code, err = d.jobOf(ctx, demoSecretFile, "use secret", demoOtherProject, "main", demoOtherRole)
	if err != nil {
		return err
	}
	d.check("the other project's job fails before its script", code == exitFailure && !strings.Contains(output, "the key is"))
	d.check("with who, what and why not", strings.Contains(output, "is not authorized to perform: secretsmanager:GetSecretValue on resource: "+demoSecret+" because no identity-based policy allows"))
	return nil
}
