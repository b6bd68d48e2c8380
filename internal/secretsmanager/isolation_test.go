package secretsmanager_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestIsolation: whoever may do everything in one account asks every operation
// about a secret of another that has no policy, by its whole ARN. It is denied, and
// nothing is told or changed.
func TestIsolation(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.AddAccount(t, other)
	secretARN := f.create(t, "zebra", "stripes")
	before := f.call(t, f.AdminConfig, "DescribeSecret", `{"SecretId":"zebra"}`).Body
	all := f.UserOf(t, other, "all", document(statement("Allow", "*", "*", "")))
	const tok = `"ClientRequestToken":"` + token2 + `"`
	more := map[string]string{
		"PutSecretValue": `,"SecretString":"x",` + tok, "UpdateSecret": `,"SecretString":"x",` + tok,
		"UpdateSecretVersionStage": `,"VersionStage":"AWSCURRENT","MoveToVersionId":"` + token + `"`,
		"TagResource":              `,"Tags":[{"Key":"k","Value":"v"}]`, "UntagResource": `,"TagKeys":["k"]`,
		"PutResourcePolicy": `,"ResourcePolicy":"{}"`, "ValidateResourcePolicy": `,"ResourcePolicy":"{}"`,
		"ReplicateSecretToRegions": `,"AddReplicaRegions":[{"Region":"eu-west-1"}]`, "RemoveRegionsFromReplication": `,"RemoveReplicaRegions":["eu-west-1"]`,
		"DeleteSecret": `,"ForceDeleteWithoutRecovery":true`,
	}
	table, err := os.ReadFile(filepath.Join("testdata", "operations.golden"))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for line := range strings.Lines(string(table)) {
		operation := strings.Split(line, "\t")[1]
		if !strings.Contains(line, "${SecretId}") || operation == "CreateSecret" {
			continue
		}
		asked++
		f.refused(t, all, operation, `{"SecretId":"`+secretARN+`"`+more[operation]+`}`, "AccessDeniedException", "because no resource-based policy allows the secretsmanager:"+operation+" action")
	}
	if asked != 19 {
		t.Errorf("%d operations were asked", asked)
	}
	for operation, body := range map[string]string{"ListSecrets": `{}`, "BatchGetSecretValue": `{"Filters":[{"Key":"name","Values":["zebra"]}]}`} {
		if r := f.call(t, all, operation, body); r.Status != 200 || strings.Contains(r.Body, "zebra") {
			t.Errorf("%s: %s", operation, r.Body)
		}
	}
	if r := f.call(t, all, "CreateSecret", `{"Name":"zebra",`+tok+`}`); r.Status != 200 || !strings.Contains(r.Body, other) {
		t.Errorf("a name that another account has: %s", r.Body)
	}
	if after := f.call(t, f.AdminConfig, "DescribeSecret", `{"SecretId":"zebra"}`).Body; after != before {
		t.Errorf("it was %s, and is %s", before, after)
	}
}
