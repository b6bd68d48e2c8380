package server_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestRoleLastUsed: a role is used when a session of it signs a request, and not
// when the session begins. The node that saw it tells at once, whoever starts
// after it has ended tells too, and so does another node on the same data.
func TestRoleLastUsed(t *testing.T) {
	t.Parallel()
	issuer, token := serveIssuer(t, t.TempDir())
	dir := t.TempDir()
	first := mustStart(t, newConfig(dir))
	admin := iamclient.NewFromConfig(first.administrator(t, dir))
	provider := register(t, admin, issuer.Issuer.URL(), issuer.Thumbprint)
	createRole(t, admin, "deploy", `{"Federated":"`+provider+`"}`, `"sts:AssumeRoleWithWebIdentity"`, 3600)
	second := mustStart(t, newConfig(dir))

	session := exchange(t, first, "arn:aws:iam::123456789012:role/deploy", token)
	if use := roleLastUsed(t, admin, "deploy"); use.LastUsedDate != nil || use.Region != nil {
		t.Errorf("used by the exchange alone: %v in %v", use.LastUsedDate, aws.ToString(use.Region))
	}
	before := time.Now().Truncate(time.Second)
	signed := first.config(session)
	signed.Region = "eu-central-1"
	// The session may do nothing; a request that is denied is a use too.
	if _, err := iamclient.NewFromConfig(signed).ListRoles(t.Context(), &iamclient.ListRolesInput{}); err == nil {
		t.Fatal("a role without policies may list roles")
	}
	wantUsed := func(who string, use *iamtypes.RoleLastUsed) {
		t.Helper()
		if use.LastUsedDate == nil || use.LastUsedDate.Before(before) || time.Since(*use.LastUsedDate) > time.Minute || aws.ToString(use.Region) != "eu-central-1" {
			t.Errorf("%s tells %v in %v", who, use.LastUsedDate, aws.ToString(use.Region))
		}
	}
	wantUsed("the node itself", roleLastUsed(t, admin, "deploy"))

	first.mustStop(t)
	other := iamclient.NewFromConfig(second.administrator(t, dir))
	for range 40 {
		if roleLastUsed(t, other, "deploy").LastUsedDate != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	wantUsed("another node", roleLastUsed(t, other, "deploy"))
	second.mustStop(t)
	third := mustStart(t, newConfig(dir))
	wantUsed("a node started again", roleLastUsed(t, iamclient.NewFromConfig(third.administrator(t, dir)), "deploy"))
}

func roleLastUsed(t *testing.T, admin *iamclient.Client, name string) *iamtypes.RoleLastUsed {
	t.Helper()
	out, err := admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return out.Role.RoleLastUsed
}

// exchange trades a token for a session of a role.
func exchange(t *testing.T, r *running, role, token string) aws.Credentials {
	t.Helper()
	out, err := stsclient.NewFromConfig(r.config(aws.Credentials{})).AssumeRoleWithWebIdentity(t.Context(), &stsclient.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("job-1"), WebIdentityToken: &token,
	})
	if err != nil {
		t.Fatal(err)
	}
	k := out.Credentials
	return aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey, SessionToken: *k.SessionToken}
}
