package secretsmanager_test

import (
	"strings"
	"testing"
)

// TestRefusals holds which code and sentence each fault of a caller gets. No value
// that was sent is in any of them.
func TestRefusals(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.create(t, "there", "one")
	f.create(t, "going", "one")
	f.do(t, "DeleteSecret", `{"SecretId":"going"}`)
	f.do(t, "PutSecretValue", `{"SecretId":"there","SecretString":"two","ClientRequestToken":"`+token2+`"}`)
	const (
		parameter  = "InvalidParameterException"
		request    = "InvalidRequestException"
		validation = "ValidationException"
		missing    = "ResourceNotFoundException"
		tok        = `"ClientRequestToken":"` + token3 + `"`
		marked     = "You can't perform this operation on the secret because it was marked for deletion."
	)
	long := strings.Repeat("x", 65537)
	labels := `"` + strings.Join(strings.Split("abcdefghijklmnopqrst", ""), `","`) + `"`
	for _, c := range []struct{ operation, body, code, message string }{
		{"CreateSecret", `{` + tok + `}`, validation, "Value at 'name' failed to satisfy constraint: Member must not be null"},
		{"CreateSecret", `{"Name":"a b",` + tok + `}`, validation, "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"},
		{"CreateSecret", `{"Name":"` + strings.Repeat("n", 513) + `",` + tok + `}`, validation, "'name' failed to satisfy constraint: Member must have length less than or equal to 512"},
		{"CreateSecret", `{"Name":"a"}`, request, "You must provide a ClientRequestToken value."},
		{"CreateSecret", `{"Name":"a","ClientRequestToken":"short"}`, validation, "'clientRequestToken'"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"SecretString":"` + long + `"}`, validation, "'secretString' failed to satisfy constraint: Member must have length less than or equal to 65536"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"SecretString":"` + strings.Repeat("é", 32769) + `"}`, validation, "'secretString' failed to satisfy constraint: Member must have length less than or equal to 65536"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"SecretString":""}`, validation, "'secretString'"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"SecretBinary":""}`, validation, "'secretBinary'"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"SecretString":"x","SecretBinary":"eA=="}`, parameter, "You can't specify both"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"Description":"` + strings.Repeat("d", 2049) + `"}`, validation, "'description'"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"KmsKeyId":"alias/mine"}`, "EncryptionFailure", "leave KmsKeyId out"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"Type":"Other"}`, parameter, "leave Type out"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"AddReplicaRegions":[{"Region":"eu-west-1"}]}`, parameter, "does not replicate"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"Tags":[{"Key":"k"},{"Key":"k"}]}`, parameter, "comes twice"},
		{"CreateSecret", `{"Name":"a",` + tok + `,"Tags":[{"Key":"aws:k"}]}`, parameter, "aws:"},
		{"CreateSecret", `{"Name":"there",` + tok + `}`, "ResourceExistsException", "The operation failed because the secret there already exists."},
		{"CreateSecret", `{"Name":"there",` + tok + `,"SecretString":"x"}`, "ResourceExistsException", "already exists"},
		{"CreateSecret", `{"Name":"there","ClientRequestToken":"` + token + `","SecretString":"other"}`, "ResourceExistsException", "You can't use ClientRequestToken " + token + " because that value is already in use for a version of secret arn:aws:"},
		{"CreateSecret", `{"Name":"going",` + tok + `}`, request, "You can't create this secret because a secret with this name is already scheduled for deletion."},
		{"CreateSecret", `{"Name":"a",` + tok + `,"Colour":"red"}`, validation, `The member "Colour" of the request is not known`},
		{"GetSecretValue", `{}`, validation, "'secretId'"},
		{"GetSecretValue", `{"SecretId":"none"}`, missing, "Secrets Manager can't find the specified secret."},
		{"GetSecretValue", `{"SecretId":"There"}`, missing, ""},
		{"GetSecretValue", `{"SecretId":"arn:aws:secretsmanager:us-east-1:` + account + `:secret:there"}`, missing, ""},
		{"GetSecretValue", `{"SecretId":"arn:aws:secretsmanager:eu-central-1:` + account + `:secret:there-AAAAAA"}`, missing, ""},
		{"GetSecretValue", `{"SecretId":"there","VersionId":"` + token3 + `"}`, missing, "Secrets Manager can't find the specified secret value for VersionId: " + token3},
		{"GetSecretValue", `{"SecretId":"there","VersionStage":"AWSPENDING"}`, missing, "Secrets Manager can't find the specified secret value for staging label: AWSPENDING"},
		{"GetSecretValue", `{"SecretId":"there","VersionId":"` + token + `","VersionStage":"AWSCURRENT"}`, request, "You provided a VersionStage that is not associated to the provided VersionId."},
		{"GetSecretValue", `{"SecretId":"going"}`, request, marked},
		{"PutSecretValue", `{"SecretId":"there",` + tok + `}`, request, "You must provide either SecretString or SecretBinary."},
		{"PutSecretValue", `{"SecretId":"there","SecretString":"x","ClientRequestToken":"` + token + `"}`, "ResourceExistsException", token},
		{"PutSecretValue", `{"SecretId":"there","SecretString":"x",` + tok + `,"VersionStages":[]}`, validation, "'versionStages'"},
		{"PutSecretValue", `{"SecretId":"there","SecretString":"x",` + tok + `,"VersionStages":[` + labels + `]}`, "LimitExceededException", "20 staging labels"},
		{"PutSecretValue", `{"SecretId":"there","SecretString":"x",` + tok + `,"RotationToken":"t"}`, parameter, "RotationToken"},
		{"PutSecretValue", `{"SecretId":"going","SecretString":"x",` + tok + `}`, request, marked},
		{"UpdateSecret", `{"SecretId":"there","SecretString":"x"}`, request, "ClientRequestToken"},
		{"UpdateSecret", `{"SecretId":"going","Description":"x"}`, request, marked},
		{"UpdateSecretVersionStage", `{"SecretId":"there","VersionStage":"AWSCURRENT"}`, parameter, "You must specify"},
		{"UpdateSecretVersionStage", `{"SecretId":"there","VersionStage":"AWSCURRENT","MoveToVersionId":"` + token + `"}`, parameter, "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version " + token2 + ", so you must explicitly reference that version in RemoveFromVersionId."},
		{"UpdateSecretVersionStage", `{"SecretId":"there","VersionStage":"AWSCURRENT","RemoveFromVersionId":"` + token2 + `"}`, parameter, "can't be completely removed"},
		{"UpdateSecretVersionStage", `{"SecretId":"there","VersionStage":"AWSCURRENT","RemoveFromVersionId":"` + token + `","MoveToVersionId":"` + token + `"}`, parameter, "is not attached to version " + token},
		{"UpdateSecretVersionStage", `{"SecretId":"there","VersionStage":"x","MoveToVersionId":"` + token3 + `"}`, parameter, "Not a valid version: " + token3},
		{"DeleteSecret", `{"SecretId":"there","RecoveryWindowInDays":6}`, parameter, "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."},
		{"DeleteSecret", `{"SecretId":"there","RecoveryWindowInDays":7,"ForceDeleteWithoutRecovery":true}`, parameter, "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."},
		{"DeleteSecret", `{"SecretId":"going"}`, request, "already scheduled for deletion"},
		{"DeleteSecret", `{"SecretId":"none"}`, missing, ""},
		{"TagResource", `{"SecretId":"there"}`, validation, "'tags'"},
		{"TagResource", `{"SecretId":"going","Tags":[]}`, request, marked},
		{"UntagResource", `{"SecretId":"there"}`, validation, "'tagKeys'"},
		{"ListSecrets", `{"MaxResults":101}`, validation, "'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"},
		{"ListSecrets", `{"MaxResults":9223372036854775807}`, validation, "'maxResults'"},
		{"ListSecrets", `{"NextToken":"x"}`, "InvalidNextTokenException", ""},
		{"ListSecrets", `{"SortBy":"colour"}`, validation, "Member must satisfy enum value set: [created-date, last-accessed-date, last-changed-date, name]"},
		{"ListSecrets", `{"Filters":[{"Key":"colour","Values":["x"]}]}`, validation, "'filters.1.member.key'"},
		{"ListSecrets", `{"Filters":[{"Key":"name"}]}`, validation, "'filters.1.member.values'"},
		{"BatchGetSecretValue", `{}`, parameter, "Either 'SecretIdList' or 'Filters' must be provided, but not both."},
		{"BatchGetSecretValue", `{"SecretIdList":["a"],"MaxResults":1}`, parameter, "'Filters' not specified."},
		{"BatchGetSecretValue", `{"SecretIdList":[]}`, validation, "'secretIdList'"},
		{"GetRandomPassword", `{"PasswordLength":3}`, parameter, "Password length is too short based on the required types."},
		{"GetRandomPassword", `{"PasswordLength":0}`, validation, "'passwordLength'"},
		{"GetRandomPassword", `{"ExcludeNumbers":true,"ExcludePunctuation":true,"ExcludeUppercase":true,"ExcludeLowercase":true}`, parameter, "No characters are left"},
		{"PutResourcePolicy", `{"SecretId":"there","ResourcePolicy":"{"}`, "MalformedPolicyDocumentException", "This policy contains invalid Json"},
		{"PutResourcePolicy", `{"SecretId":"there","ResourcePolicy":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\",\"Resource\":\"*\"}}"}`, "MalformedPolicyDocumentException", "unsupported action"},
		{"PutResourcePolicy", `{"SecretId":"there","ResourcePolicy":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::` + account + `:role/none\"},\"Action\":\"*\",\"Resource\":\"*\"}}"}`, "MalformedPolicyDocumentException", "unsupported principal"},
		{"PutResourcePolicy", `{"SecretId":"there","BlockPublicPolicy":true,"ResourcePolicy":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\"}}"}`, "PublicPolicyException", "broad access"},
		{"RotateSecret", `{"SecretId":"there",` + tok + `,"RotationRules":{"AutomaticallyAfterDays":1}}`, request, "no Lambda functions"},
		{"CancelRotateSecret", `{"SecretId":"there"}`, request, "no Lambda functions"},
		{"ReplicateSecretToRegions", `{"SecretId":"there","AddReplicaRegions":[{"Region":"eu-west-1"}]}`, parameter, "does not replicate"},
		{"RemoveRegionsFromReplication", `{"SecretId":"there","RemoveReplicaRegions":["eu-west-1"]}`, parameter, "does not replicate"},
		{"StopReplicationToReplica", `{"SecretId":"there"}`, parameter, "does not replicate"},
	} {
		f.refused(t, f.AdminConfig, c.operation, c.body, c.code, c.message)
	}
	if got := f.do(t, "DescribeSecret", `{"SecretId":"there"}`)["VersionIdsToStages"].(map[string]any); len(got) != 2 {
		t.Errorf("what was refused left labels on %v", got)
	}
	if e := strings.Join(f.Events(), "\n"); !strings.Contains(e, `account `+account+` has no secret \"none\" in eu-central-1`) {
		t.Error("no event says where a secret was looked for")
	}
	odd := f.AdminConfig
	odd.Region = "eu_*"
	r := f.call(t, odd, "ListSecrets", `{}`)
	if r.Status != 400 || !strings.Contains(r.Body, "InvalidSignatureException") || !strings.Contains(r.Body, "valid region") {
		t.Errorf("a region that is none: %d %s", r.Status, r.Body)
	}
}
