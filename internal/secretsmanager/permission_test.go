package secretsmanager_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func statement(effect, action, resource, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return fmt.Sprintf(`{"Effect":%q,"Action":%q,"Resource":%q%s}`, effect, action, resource, condition)
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const secrets = "arn:aws:secretsmanager:eu-central-1:" + account + ":secret:"

// TestPermissions asks by policies on resources and on each condition key of the
// service.
func TestPermissions(t *testing.T) {
	t.Parallel()
	f := start(t)
	blue := f.do(t, "CreateSecret", `{"Name":"team/blue","SecretString":"x","ClientRequestToken":"`+token+`","Tags":[{"Key":"team","Value":"blue"}]}`)["ARN"].(string)
	f.do(t, "PutSecretValue", `{"SecretId":"team/blue","SecretString":"y","ClientRequestToken":"`+token2+`"}`)
	f.create(t, "team/red", "x")
	allow := func(action, resource, condition string) string {
		return document(statement("Allow", "secretsmanager:"+action, resource, condition))
	}
	create := func(more string) string {
		return `{"Name":"team/new","ClientRequestToken":"` + token3 + `"` + more + `}`
	}
	for i, c := range []struct {
		policy, operation, body string
		denied                  string // what the denial names; "" for allowed
	}{
		{allow("GetSecretValue", secrets+"team/blue-??????", ""), "GetSecretValue", `{"SecretId":"team/blue"}`, ""},
		{allow("GetSecretValue", secrets+"team/blue-??????", ""), "GetSecretValue", `{"SecretId":"team/red"}`, "team/red"},
		{allow("GetSecretValue", secrets+"team/blue", ""), "GetSecretValue", `{"SecretId":"team/blue"}`, "team/blue"},
		{allow("GetSecretValue", blue, ""), "GetSecretValue", `{"SecretId":"` + blue + `"}`, ""},
		{allow("GetSecretValue", blue, ""), "GetSecretValue", `{"SecretId":"team/none"}`, "team/none"},
		{allow("DescribeSecret", blue, ""), "GetSecretValue", `{"SecretId":"` + blue + `"}`, blue},
		{allow("GetSecretValue", "*", `{"ArnEquals":{"secretsmanager:SecretId":"`+blue+`"}}`), "GetSecretValue", `{"SecretId":"team/blue"}`, ""},
		{allow("GetSecretValue", "*", `{"StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}`), "GetSecretValue", `{"SecretId":"team/blue"}`, ""},
		{allow("GetSecretValue", "*", `{"ForAnyValue:StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}`), "GetSecretValue", `{"SecretId":"team/blue"}`, ""},
		{allow("GetSecretValue", "*", `{"StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}`), "GetSecretValue", `{"SecretId":"team/blue","VersionStage":"AWSPREVIOUS"}`, "team/blue"},
		{allow("GetSecretValue", "*", `{"StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}`), "GetSecretValue", `{"SecretId":"team/blue","VersionId":"` + token + `"}`, "team/blue"},
		{allow("GetSecretValue", "*", `{"StringEquals":{"secretsmanager:VersionId":"`+token+`"}}`), "GetSecretValue", `{"SecretId":"team/blue","VersionId":"` + token + `"}`, ""},
		{allow("GetSecretValue", "*", `{"StringEquals":{"secretsmanager:ResourceTag/team":"blue"}}`), "GetSecretValue", `{"SecretId":"team/blue"}`, ""},
		{allow("GetSecretValue", "*", `{"StringEquals":{"aws:ResourceTag/team":"blue"}}`), "GetSecretValue", `{"SecretId":"team/red"}`, "team/red"},
		{allow("GetSecretValue", "*", `{"StringEquals":{"secretsmanager:SecretPrimaryRegion":"eu-central-1","aws:ResourceAccount":"`+account+`"}}`), "GetSecretValue", `{"SecretId":"team/blue"}`, ""},
		{allow("GetSecretValue", "*", `{"Null":{"secretsmanager:resource/AllowRotationLambdaArn":"true"}}`), "GetSecretValue", `{"SecretId":"team/blue"}`, ""},
		{allow("CreateSecret", secrets+"team/*", ""), "CreateSecret", create(``), ""},
		{allow("CreateSecret", secrets+"team/new-??????", ""), "CreateSecret", create(``), ""},
		{allow("CreateSecret", secrets+"team/other-??????", ""), "CreateSecret", create(``), "team/new"},
		{allow("CreateSecret", "*", ""), "CreateSecret", create(`,"Tags":[{"Key":"team","Value":"blue"}]`), "team/new"}, // no TagResource
		{allow("*", "*", `{"StringEquals":{"aws:RequestTag/team":"blue"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`), "CreateSecret", create(`,"Tags":[{"Key":"team","Value":"blue"}]`), ""},
		{allow("*", "*", `{"StringEquals":{"aws:RequestTag/team":"blue"}}`), "CreateSecret", create(`,"Tags":[{"Key":"team","Value":"red"}]`), "team/new"},
		{allow("CreateSecret", "*", `{"StringEquals":{"secretsmanager:Name":"team/new","secretsmanager:Description":"d"}}`), "CreateSecret", create(`,"Description":"d"`), ""},
		{allow("CreateSecret", "*", `{"StringEquals":{"secretsmanager:KmsKeyId":"alias/aws/secretsmanager"}}`), "CreateSecret", create(``), "team/new"},
		{allow("UpdateSecret", "*", `{"StringEquals":{"secretsmanager:KmsKeyId":"alias/aws/secretsmanager"}}`), "UpdateSecret", `{"SecretId":"team/red","KmsKeyId":"alias/aws/secretsmanager"}`, ""},
		{allow("DeleteSecret", "*", `{"NumericGreaterThanEquals":{"secretsmanager:RecoveryWindowInDays":"14"}}`), "DeleteSecret", `{"SecretId":"team/new","RecoveryWindowInDays":7}`, "team/new"},
		{allow("DeleteSecret", "*", `{"Bool":{"secretsmanager:ForceDeleteWithoutRecovery":"false"}}`), "DeleteSecret", `{"SecretId":"team/new","ForceDeleteWithoutRecovery":true}`, "team/new"},
		{allow("DeleteSecret", "*", `{"NumericGreaterThanEquals":{"secretsmanager:RecoveryWindowInDays":"14"}}`), "DeleteSecret", `{"SecretId":"team/red","RecoveryWindowInDays":14}`, ""},
		{allow("TagResource", "*", `{"StringEquals":{"aws:RequestTag/team":"blue"}}`), "TagResource", `{"SecretId":"team/blue","Tags":[{"Key":"team","Value":"red"}]}`, "team/blue"},
		{allow("UntagResource", "*", `{"ForAllValues:StringEquals":{"aws:TagKeys":["other"]}}`), "UntagResource", `{"SecretId":"team/blue","TagKeys":["team"]}`, "team/blue"},
		{allow("UpdateSecretVersionStage", "*", `{"StringNotEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}`), "UpdateSecretVersionStage", `{"SecretId":"team/blue","VersionStage":"AWSCURRENT","RemoveFromVersionId":"` + token2 + `","MoveToVersionId":"` + token + `"}`, "team/blue"},
		{allow("PutResourcePolicy", "*", `{"Bool":{"secretsmanager:BlockPublicPolicy":"true"}}`), "PutResourcePolicy", `{"SecretId":"team/blue","ResourcePolicy":"{}"}`, "team/blue"},
		{allow("ListSecrets", secrets+"*", ""), "ListSecrets", `{}`, "*"},
		{allow("BatchGetSecretValue", "*", ""), "BatchGetSecretValue", `{"Filters":[{"Key":"name","Values":["x"]}]}`, "*"},
		{allow("GetRandomPassword", "*", ""), "GetRandomPassword", `{}`, ""},
	} {
		user := f.User(t, fmt.Sprintf("user%d", i), c.policy)
		r := f.call(t, user, c.operation, c.body)
		if c.denied == "" {
			if r.Status != 200 {
				t.Errorf("%d: %s %s: %s", i, c.operation, c.body, r.Body)
			}
			if c.operation == "CreateSecret" {
				f.do(t, "DeleteSecret", `{"SecretId":"team/new","ForceDeleteWithoutRecovery":true}`)
			}
			continue
		}
		if !strings.Contains(r.Body, "AccessDeniedException") || !strings.Contains(r.Body, " on resource: "+c.denied+" because") {
			t.Errorf("%d: %s %s: %s", i, c.operation, c.body, r.Body)
		}
	}
	one := f.User(t, "one", document(statement("Allow", "secretsmanager:BatchGetSecretValue", "*", ""), statement("Allow", "secretsmanager:GetSecretValue", blue, "")))
	r := f.call(t, one, "BatchGetSecretValue", `{"SecretIdList":["team/blue","team/none"]}`)
	if r.Status != 200 || !strings.Contains(r.Body, `"SecretString":"y"`) || !strings.Contains(r.Body, `"ErrorCode":"AccessDeniedException"`) || !strings.Contains(r.Body, "on resource: team/none because") {
		t.Errorf("batch: %s", r.Body)
	}
}

// put attaches a resource policy.
func (f *fixture) put(t *testing.T, secret, policy string) {
	t.Helper()
	quoted, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	f.do(t, "PutResourcePolicy", `{"SecretId":"`+secret+`","ResourcePolicy":`+string(quoted)+`}`)
}

func grant(effect, principal, action string) string {
	return document(fmt.Sprintf(`{"Effect":%q,"Principal":{"AWS":%q},"Action":"secretsmanager:%s","Resource":"*"}`, effect, principal, action))
}

// TestResourcePolicy: within an account a secret's policy or the caller's may
// allow; between accounts both must, and the secret is named by its whole ARN.
func TestResourcePolicy(t *testing.T) {
	t.Parallel()
	f := start(t)
	secretARN := f.create(t, "shared", "x")
	f.AddAccount(t, other)
	get := `{"SecretId":"` + secretARN + `"}`
	nobody := f.User(t, "nobody")
	all := f.UserOf(t, other, "all", document(statement("Allow", "*", "*", "")))
	poor := f.UserOf(t, other, "poor")
	allowed := func(who aws.Config, body string) {
		t.Helper()
		if r := f.call(t, who, "GetSecretValue", body); r.Status != 200 {
			t.Errorf("denied: %s", r.Body)
		}
	}
	denied := func(who aws.Config, body, why string) {
		t.Helper()
		f.refused(t, who, "GetSecretValue", body, "AccessDeniedException", why)
	}
	denied(nobody, get, "no identity-based policy allows")
	denied(all, get, "no resource-based policy allows")

	f.put(t, "shared", grant("Allow", "arn:aws:iam::"+account+":user/nobody", "GetSecretValue"))
	allowed(nobody, get)
	allowed(nobody, `{"SecretId":"shared"}`)
	denied(all, get, "no resource-based policy allows")
	f.refused(t, nobody, "DescribeSecret", get, "AccessDeniedException", "secretsmanager:DescribeSecret on resource: "+secretARN)

	f.put(t, "shared", grant("Allow", other, "GetSecretValue"))
	allowed(all, get)
	denied(poor, get, "no identity-based policy allows")
	f.refused(t, all, "PutSecretValue", `{"SecretId":"`+secretARN+`","SecretString":"y","ClientRequestToken":"`+token3+`"}`, "AccessDeniedException", "no resource-based policy allows")
	denied(all, `{"SecretId":"`+secretARN[:len(secretARN)-7]+`"}`, "no resource-based policy allows") // not the whole ARN
	f.refused(t, all, "GetSecretValue", `{"SecretId":"shared"}`, "ResourceNotFoundException", "")     // of their own account
	if r := f.call(t, all, "BatchGetSecretValue", `{"SecretIdList":["`+secretARN+`"]}`); !strings.Contains(r.Body, `"SecretString":"x"`) {
		t.Errorf("batch: %s", r.Body)
	}

	f.put(t, "shared", grant("Deny", account, "GetSecretValue"))
	denied(f.AdminConfig, get, "with an explicit deny in a resource-based policy")
	f.do(t, "DeleteResourcePolicy", `{"SecretId":"shared"}`)
	allowed(f.AdminConfig, get)
	if r := f.call(t, all, "ListSecrets", `{}`); r.Status != 200 || strings.Contains(r.Body, "shared") {
		t.Errorf("another account's list: %s", r.Body)
	}
	if !strings.Contains(strings.Join(f.Events(), "\n"), `"documents":["inline policy policyA","policy of secret `+secretARN+`"]`) {
		t.Error("no event tells of the policy that denied")
	}
}
