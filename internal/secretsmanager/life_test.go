package secretsmanager_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
)

// neverWritten says what replies never have: there is no rotation, no replica, no
// key of KMS and no secret of a service.
func neverWritten(path string) bool {
	for _, part := range []string{
		"Rotat", "Replicat", "KmsKeyId", "OwningService", "PrimaryRegion", "/Type", "Replica",
	} {
		if strings.Contains(path, part) && !strings.HasSuffix(path, "KmsKeyIds") {
			return true
		}
	}
	return false
}

// TestLife leads a secret through every operation, and has every reply have every
// member that it can.
func TestLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	made := f.do(t, "CreateSecret", `{"Name":"prod/db","Description":"the database","SecretString":"{\"password\":\"one\"}",
		"ClientRequestToken":"`+token+`","Tags":[{"Key":"team","Value":"blue"}]}`)
	secretARN := made["ARN"].(string)
	if !regexp.MustCompile(`^arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-[A-Za-z0-9]{6}$`).MatchString(secretARN) || made["VersionId"] != token {
		t.Fatalf("made %v", made)
	}
	partial := secretARN[:len(secretARN)-7]
	for _, id := range []string{"prod/db", secretARN, partial} {
		got := f.do(t, "GetSecretValue", `{"SecretId":"`+id+`"}`)
		if got["SecretString"] != `{"password":"one"}` || got["VersionId"] != token || got["CreatedDate"] != float64(f.now.UnixMilli())/1000 {
			t.Errorf("%s: %v", id, got)
		}
	}
	f.do(t, "PutSecretValue", `{"SecretId":"prod/db","SecretBinary":"AAEC/w==","ClientRequestToken":"`+token2+`"}`)
	if got := f.do(t, "GetSecretValue", `{"SecretId":"prod/db"}`); got["SecretBinary"] != "AAEC/w==" || got["SecretString"] != nil {
		t.Errorf("after PutSecretValue: %v", got)
	}
	if got := f.do(t, "GetSecretValue", `{"SecretId":"prod/db","VersionStage":"AWSPREVIOUS"}`); got["VersionId"] != token {
		t.Errorf("AWSPREVIOUS is %v", got)
	}
	f.do(t, "UpdateSecret", `{"SecretId":"prod/db","SecretString":"three","Description":"changed","ClientRequestToken":"`+token3+`"}`)
	f.do(t, "UpdateSecretVersionStage", `{"SecretId":"prod/db","VersionStage":"AWSCURRENT","RemoveFromVersionId":"`+token3+`","MoveToVersionId":"`+token2+`"}`)
	d := f.do(t, "DescribeSecret", `{"SecretId":"prod/db"}`)
	if diff := cmp.Diff(map[string]any{token2: []any{"AWSCURRENT"}, token3: []any{"AWSPREVIOUS"}}, d["VersionIdsToStages"]); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if d["Description"] != "changed" || d["LastAccessedDate"] != float64(f.now.Truncate(24*time.Hour).Unix()) {
		t.Errorf("described %v", d)
	}
	first := f.do(t, "ListSecretVersionIds", `{"SecretId":"prod/db","IncludeDeprecated":true,"MaxResults":2}`)
	rest := f.do(t, "ListSecretVersionIds", `{"SecretId":"prod/db","IncludeDeprecated":true,"MaxResults":2,"NextToken":"`+first["NextToken"].(string)+`"}`)
	if len(first["Versions"].([]any)) != 2 || len(rest["Versions"].([]any)) != 1 || rest["NextToken"] != nil {
		t.Errorf("pages are %v, %v", first, rest)
	}
	if got := f.do(t, "ListSecretVersionIds", `{"SecretId":"prod/db"}`); len(got["Versions"].([]any)) != 2 {
		t.Errorf("with labels: %v", got)
	}
	f.do(t, "TagResource", `{"SecretId":"prod/db","Tags":[{"Key":"team","Value":"red"},{"Key":"more","Value":""}]}`)
	f.do(t, "UntagResource", `{"SecretId":"prod/db","TagKeys":["more","none"]}`)
	if got := f.do(t, "DescribeSecret", `{"SecretId":"prod/db"}`)["Tags"]; !cmp.Equal(got, []any{map[string]any{"Key": "team", "Value": "red"}}) {
		t.Errorf("tags are %v", got)
	}

	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:DeleteSecret","Resource":"*","Condition":{"StringEquals":{"aws:username":"nobody"}}}]}`
	quoted, _ := json.Marshal(policy)
	f.do(t, "PutResourcePolicy", `{"SecretId":"prod/db","BlockPublicPolicy":true,"ResourcePolicy":`+string(quoted)+`}`)
	if got := f.do(t, "GetResourcePolicy", `{"SecretId":"prod/db"}`); got["ResourcePolicy"] != policy {
		t.Errorf("the policy is %v", got)
	}
	f.do(t, "DeleteResourcePolicy", `{"SecretId":"prod/db"}`)
	if got := f.do(t, "GetResourcePolicy", `{"SecretId":"prod/db"}`); got["ResourcePolicy"] != nil {
		t.Errorf("the policy is %v", got)
	}
	if got := f.do(t, "ValidateResourcePolicy", `{"SecretId":"prod/db","ResourcePolicy":`+string(quoted)+`}`); got["PolicyValidationPassed"] != true {
		t.Errorf("validated %v", got)
	}
	if got := f.do(t, "ValidateResourcePolicy", `{"ResourcePolicy":"{}"}`); got["PolicyValidationPassed"] != false {
		t.Errorf("validated %v", got)
	}
	f.do(t, "GetRandomPassword", `{}`)

	f.create(t, "prod/api", "key")
	f.do(t, "GetSecretValue", `{"SecretId":"prod/api"}`)
	batch := f.do(t, "BatchGetSecretValue", `{"SecretIdList":["prod/db","prod/api","none"]}`)
	if len(batch["SecretValues"].([]any)) != 2 || !cmp.Equal(batch["Errors"], []any{map[string]any{
		"SecretId": "none", "ErrorCode": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret.",
	}}) {
		t.Errorf("batch %v", batch)
	}
	batch = f.do(t, "BatchGetSecretValue", `{"Filters":[{"Key":"name","Values":["prod/"]}],"MaxResults":1}`)
	if next, ok := batch["NextToken"].(string); !ok || len(batch["SecretValues"].([]any)) != 1 {
		t.Errorf("batch by filter %v", batch)
	} else if batch = f.do(t, "BatchGetSecretValue", `{"Filters":[{"Key":"name","Values":["prod/"]}],"NextToken":"`+next+`"}`); batch["NextToken"] != nil {
		t.Errorf("the second page %v", batch)
	}

	gone := f.do(t, "DeleteSecret", `{"SecretId":"prod/db","RecoveryWindowInDays":7}`)
	if gone["DeletionDate"] != float64(f.now.AddDate(0, 0, 7).UnixMilli())/1000 {
		t.Errorf("deleted %v", gone)
	}
	if got := f.do(t, "DescribeSecret", `{"SecretId":"prod/db"}`); got["DeletedDate"] != gone["DeletionDate"] {
		t.Errorf("described %v", got)
	}
	if got := f.do(t, "ListSecrets", `{"IncludePlannedDeletion":true}`); len(got["SecretList"].([]any)) != 2 {
		t.Errorf("listed %v", got)
	}
	f.do(t, "ListSecrets", `{"IncludePlannedDeletion":true,"MaxResults":1}`)
	if got := f.do(t, "ListSecrets", `{}`); len(got["SecretList"].([]any)) != 1 {
		t.Errorf("listed %v", got)
	}
	f.do(t, "RestoreSecret", `{"SecretId":"prod/db"}`)
	f.do(t, "DeleteSecret", `{"SecretId":"prod/db","ForceDeleteWithoutRecovery":true}`)
	f.do(t, "DeleteSecret", `{"SecretId":"prod/db","ForceDeleteWithoutRecovery":true}`)
	f.refused(t, f.AdminConfig, "GetSecretValue", `{"SecretId":"prod/db"}`, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	if again := f.create(t, "prod/db", "again"); again == secretARN {
		t.Error("a secret that was made again has the ARN of the old one")
	}
	f.do(t, "DeleteSecret", `{"SecretId":"prod/api","ForceDeleteWithoutRecovery":true}`)
	f.shapes.wantAll(t, neverWritten)
}

// TestSDK drives the service with a client as users have it, which fills in the
// token.
func TestSDK(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.now = time.Now() // the client signs by the real clock
	ctx := t.Context()
	made, err := f.admin.CreateSecret(ctx, &client.CreateSecretInput{Name: aws.String("a"), SecretBinary: []byte{1, 2, 255}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.admin.GetSecretValue(ctx, &client.GetSecretValueInput{SecretId: made.ARN})
	if err != nil || string(got.SecretBinary) != "\x01\x02\xff" || *got.VersionId != *made.VersionId || time.Since(*got.CreatedDate) > time.Hour {
		t.Errorf("%+v %v", got, err)
	}
	list := client.NewListSecretsPaginator(f.admin, &client.ListSecretsInput{MaxResults: aws.Int32(2)})
	for _, name := range []string{"d", "c", "b"} {
		if _, err := f.admin.CreateSecret(ctx, &client.CreateSecretInput{Name: &name}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for list.HasMorePages() {
		page, err := list.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.SecretList {
			names = append(names, *s.Name)
		}
	}
	if len(names) != 4 || names[0] != "a" {
		t.Errorf("listed %q", names)
	}
}
