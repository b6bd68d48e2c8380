package secretsmanager_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// TestTerraform makes the calls of Terraform's AWS provider for the secret of
// examples/terraform with storage=true, for a version and a policy of it, in its
// order, as its source has them (hashicorp/terraform-provider-aws,
// internal/service/secretsmanager): created, read, changed, read, destroyed, and
// applied again. What it reads back must be what was configured.
func TestTerraform(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.now = time.Now() // the client signs by the real clock
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	apply := func(unique string) (secretARN *string) { // the provider's own unique ids are of this form
		made, err := f.admin.CreateSecret(ctx, &client.CreateSecretInput{
			ClientRequestToken: &unique, Name: aws.String("deploy"), Description: aws.String(""), ForceOverwriteReplicaSecret: false,
			Tags: []types.Tag{{Key: aws.String("from"), Value: aws.String("terraform")}},
		})
		must(err)
		return made.ARN
	}
	read := func(id *string) *client.DescribeSecretOutput {
		d, err := f.admin.DescribeSecret(ctx, &client.DescribeSecretInput{SecretId: id})
		must(err)
		return d
	}
	secretARN := apply("terraform-20261126152700000100000001")
	d := read(secretARN)
	policy, err := f.admin.GetResourcePolicy(ctx, &client.GetResourcePolicyInput{SecretId: secretARN})
	must(err)
	if *d.Name != "deploy" || d.Description != nil || d.KmsKeyId != nil || d.DeletedDate != nil || len(d.ReplicationStatus) > 0 ||
		len(d.Tags) != 1 || policy.ResourcePolicy != nil {
		t.Errorf("read back %+v, policy %v", d, policy.ResourcePolicy)
	}

	version, err := f.admin.PutSecretValue(ctx, &client.PutSecretValueInput{ // aws_secretsmanager_secret_version
		ClientRequestToken: aws.String("terraform-20261126152700000100000002"), SecretId: secretARN, SecretString: aws.String("s"),
	})
	must(err)
	value, err := f.admin.GetSecretValue(ctx, &client.GetSecretValueInput{SecretId: secretARN, VersionId: version.VersionId})
	must(err)
	if *value.SecretString != "s" || len(value.VersionStages) != 1 {
		t.Errorf("the version is %+v", value)
	}
	text := grant("Allow", "arn:aws:iam::"+account+":root", "GetSecretValue") // aws_secretsmanager_secret_policy
	_, err = f.admin.PutResourcePolicy(ctx, &client.PutResourcePolicyInput{SecretId: secretARN, ResourcePolicy: &text, BlockPublicPolicy: aws.Bool(false)})
	must(err)
	policy, err = f.admin.GetResourcePolicy(ctx, &client.GetResourcePolicyInput{SecretId: secretARN})
	must(err)
	if *policy.ResourcePolicy != text {
		t.Errorf("the policy is %s", *policy.ResourcePolicy)
	}

	_, err = f.admin.UpdateSecret(ctx, &client.UpdateSecretInput{
		ClientRequestToken: aws.String("terraform-20261126152700000100000003"), SecretId: secretARN, Description: aws.String("changed"),
	})
	must(err)
	if d := read(secretARN); *d.Description != "changed" || len(d.VersionIdsToStages) != 1 {
		t.Errorf("after the change %+v", d)
	}

	_, err = f.admin.DeleteResourcePolicy(ctx, &client.DeleteResourcePolicyInput{SecretId: secretARN})
	must(err)
	_, err = f.admin.DeleteSecret(ctx, &client.DeleteSecretInput{SecretId: secretARN, RecoveryWindowInDays: aws.Int64(30)})
	must(err)
	if read(secretARN).DeletedDate == nil { // by which the provider takes it for gone
		t.Error("what was destroyed is not marked for deletion")
	}
	unique := "terraform-20261126152700000100000004"
	_, err = f.admin.CreateSecret(ctx, &client.CreateSecretInput{ClientRequestToken: &unique, Name: aws.String("deploy")})
	var scheduled *types.InvalidRequestException // which the provider waits for
	if !errors.As(err, &scheduled) || *scheduled.Message != "You can't create this secret because a secret with this name is already scheduled for deletion." {
		t.Errorf("applied again within the recovery window: %v", err)
	}
	_, err = f.admin.DeleteSecret(ctx, &client.DeleteSecretInput{SecretId: secretARN, ForceDeleteWithoutRecovery: aws.Bool(true)})
	must(err)
	_, err = f.admin.DescribeSecret(ctx, &client.DescribeSecretInput{SecretId: secretARN})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("after the destruction: %v", err)
	}
	if again := apply(unique); *again == *secretARN {
		t.Error("applied again, the secret has the old ARN")
	}
}
