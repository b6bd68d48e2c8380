package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/daypass/daypass/bench/process"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// operation is one thing that both accounts are asked. i counts the calls; roles
// is how many roles the account began with.
type operation struct {
	name string
	call func(ctx context.Context, d *process.Daypass, i, roles int) error
}

var operations = []operation{
	{"CreateRole", func(ctx context.Context, d *process.Daypass, i, _ int) error {
		return d.CreateRole(ctx, newRole(i), process.TrustPolicy(issuerURL(i%fewProviders), "a", "b"))
	}},
	{"GetRole", func(ctx context.Context, d *process.Daypass, i, roles int) error {
		_, err := d.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(roleName(spread(i, roles)))})
		return err
	}},
	{"ListRoles, a page of 100", func(ctx context.Context, d *process.Daypass, _, _ int) error {
		out, err := d.IAM.ListRoles(ctx, &iam.ListRolesInput{MaxItems: aws.Int32(100)})
		if err == nil && len(out.Roles) != 100 {
			return fmt.Errorf("a page of %d", len(out.Roles))
		}
		return err
	}},
	{"UpdateAssumeRolePolicy", func(ctx context.Context, d *process.Daypass, i, roles int) error {
		_, err := d.IAM.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
			RoleName:       aws.String(roleName(spread(i, roles))),
			PolicyDocument: aws.String(process.TrustPolicy(issuerURL(i%fewProviders), "a", "changed"+strconv.Itoa(i))),
		})
		return err
	}},
	{"PutRolePolicy", func(ctx context.Context, d *process.Daypass, i, roles int) error {
		_, err := d.IAM.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: aws.String(roleName(spread(i, roles))), PolicyName: aws.String("deploy"), PolicyDocument: aws.String(permissions(i)),
		})
		return err
	}},
	{"DeleteRole", func(ctx context.Context, d *process.Daypass, i, _ int) error {
		_, err := d.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String(newRole(i))})
		return err
	}},
	{"CreateOpenIDConnectProvider", func(ctx context.Context, d *process.Daypass, i, _ int) error {
		_, err := d.IAM.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
			Url: aws.String("https://" + newIssuer(i)), ThumbprintList: []string{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
		})
		return err
	}},
	{"GetOpenIDConnectProvider", func(ctx context.Context, d *process.Daypass, i, _ int) error {
		_, err := d.IAM.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerARN(newIssuer(i)))})
		return err
	}},
	{"DeleteOpenIDConnectProvider", func(ctx context.Context, d *process.Daypass, i, _ int) error {
		_, err := d.IAM.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerARN(newIssuer(i)))})
		return err
	}},
}

func newRole(i int) string { return "new-" + strconv.Itoa(i) }

func newIssuer(i int) string { return fmt.Sprintf("new%05d.example.com", i) }

func providerARN(url string) string {
	return "arn:aws:iam::" + process.Account + ":oidc-provider/" + url
}

// spread goes through the roles of an account in steps, so that neighbours in
// time are none in the store.
func spread(i, roles int) int { return i * 7919 % roles }
