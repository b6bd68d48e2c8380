package managedpolicy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/managedpolicy"
	"github.com/daypass/daypass/internal/policy"
)

// named is every policy that people may rely on to be there.
const named = `
AdministratorAccess PowerUserAccess ReadOnlyAccess job-function/ViewOnlyAccess SecurityAudit job-function/Billing
IAMFullAccess IAMReadOnlyAccess IAMUserChangePassword IAMUserSSHKeys IAMSelfManageServiceSpecificCredentials
AmazonS3FullAccess AmazonS3ReadOnlyAccess SecretsManagerReadWrite AmazonEC2FullAccess AmazonEC2ReadOnlyAccess
AmazonEC2ContainerRegistryPullOnly AmazonEC2ContainerRegistryReadOnly AmazonEC2ContainerRegistryPowerUser AmazonEC2ContainerRegistryFullAccess
AmazonECS_FullAccess AWSLambda_FullAccess AWSLambda_ReadOnlyAccess
service-role/AWSLambdaBasicExecutionRole service-role/AWSLambdaVPCAccessExecutionRole service-role/AWSLambdaSQSQueueExecutionRole service-role/AWSLambdaRole
AmazonSSMReadOnlyAccess AmazonSSMFullAccess AmazonSSMManagedInstanceCore
CloudWatchReadOnlyAccess CloudWatchFullAccess CloudWatchFullAccessV2 CloudWatchLogsFullAccess CloudWatchLogsReadOnlyAccess CloudWatchAgentServerPolicy
AmazonDynamoDBFullAccess AmazonDynamoDBReadOnlyAccess AmazonSQSFullAccess AmazonSQSReadOnlyAccess AmazonSNSFullAccess AmazonSNSReadOnlyAccess
AmazonRDSReadOnlyAccess AmazonRDSFullAccess AmazonRoute53FullAccess AmazonRoute53ReadOnlyAccess
AWSCloudFormationFullAccess AWSCloudFormationReadOnlyAccess CloudFrontFullAccess CloudFrontReadOnlyAccess
AWSKeyManagementServicePowerUser AmazonVPCReadOnlyAccess AmazonVPCFullAccess
AmazonEKSClusterPolicy AmazonEKSWorkerNodePolicy AmazonEKS_CNI_Policy service-role/AmazonECSTaskExecutionRolePolicy
AWSCertificateManagerReadOnly AWSCertificateManagerFullAccess`

func TestAll(t *testing.T) {
	t.Parallel()
	all := managedpolicy.All()
	var arns []string
	names, ids := map[string]bool{}, map[string]bool{}
	first := time.Date(2015, time.February, 6, 0, 0, 0, 0, time.UTC)
	for i, p := range all {
		arns = append(arns, p.ARN())
		lower := strings.ToLower(p.Name)
		switch {
		case i > 0 && strings.ToLower(all[i-1].Name) >= lower:
			t.Errorf("%s stands after %s", p.Name, all[i-1].Name)
		case names[lower]:
			t.Errorf("%s is there twice", p.Name)
		case ids[p.ID]:
			t.Errorf("%s has the id of another", p.Name)
		}
		names[lower], ids[p.ID] = true, true
		if !regexp.MustCompile(`^ANPA[A-Z2-7]{17}$`).MatchString(p.ID) {
			t.Errorf("%s: id %q", p.Name, p.ID)
		}
		if !regexp.MustCompile(`^v[1-9][0-9]*$`).MatchString(p.DefaultVersion) {
			t.Errorf("%s: version %q", p.Name, p.DefaultVersion)
		}
		if p.Created.Before(first) || p.Updated.Before(p.Created) || p.Created.Location() != time.UTC {
			t.Errorf("%s: made %v, changed %v", p.Name, p.Created, p.Updated)
		}
		if p.Description == "" || len(p.Description) > 1000 || !strings.HasSuffix(p.Description, ".") {
			t.Errorf("%s: description %q", p.Name, p.Description)
		}
		if _, err := arn.Parse(p.ARN()); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	for path := range strings.FieldsSeq(named) {
		if !slices.Contains(arns, "arn:aws:iam::aws:policy/"+path) {
			t.Errorf("%s is not there", path)
		}
	}
	if want := len(strings.Fields(named)); len(all) != want {
		t.Errorf("%d policies, %d are named here", len(all), want)
	}
	all[0] = nil
	if managedpolicy.All()[0] == nil {
		t.Error("a caller can change what others get of All")
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, p := range managedpolicy.All() {
		for _, name := range []string{p.ARN(), strings.ToLower(p.ARN()), strings.ToUpper(p.ARN())} {
			if got, ok := managedpolicy.Find(name); !ok || got != p {
				t.Errorf("Find(%s) = %v, %v", name, got, ok)
			}
		}
	}
	for _, name := range []string{
		"", "AdministratorAccess", "arn:aws:iam::aws:policy/", "arn:aws:iam::aws:policy/NoSuchPolicy",
		"arn:aws:iam::aws:policy/ViewOnlyAccess",                   // without its path
		"arn:aws:iam::aws:policy/job-function/AdministratorAccess", // with another
		"arn:aws:iam::123456789012:policy/AdministratorAccess",
		"arn:aws-cn:iam::aws:policy/AdministratorAccess",
		"arn:aws:iam::aws:policy/AdministratorAccess ",
		"arn:aws:iam::aws:policy//AdministratorAccess",
	} {
		if got, ok := managedpolicy.Find(name); ok || got != nil {
			t.Errorf("Find(%q) = %v, %v", name, got, ok)
		}
	}
}

// Each file is the document of a policy, and each document can be decided by and
// is written as the others are.
func TestDocuments(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("documents", "*.json"))
	if err != nil || len(files) != len(managedpolicy.All()) {
		t.Errorf("%d files for %d policies, %v", len(files), len(managedpolicy.All()), err)
	}
	for _, p := range managedpolicy.All() {
		if _, err := policy.Parse(policy.Identity, p.Document); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if strings.Contains(p.Document, `"Deny"`) {
			t.Errorf("%s denies: it would take from what other policies allow", p.Name)
		}
		for _, s := range statements(t, p) {
			if !slices.IsSortedFunc(s.Action, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }) {
				t.Errorf("%s: the actions of %q are in no order", p.Name, s.Sid)
			}
			if unique := slices.Compact(slices.Clone(s.Action)); len(unique) != len(s.Action) {
				t.Errorf("%s: an action of %q is there twice", p.Name, s.Sid)
			}
		}
	}
}

// statement is what tests look at in the text of a document.
type statement struct {
	Sid       string
	Action    list
	NotAction list
	Resource  list
}

// list is a text or several.
type list []string

func (l *list) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

func statements(t *testing.T, p *managedpolicy.Policy) []statement {
	t.Helper()
	var document struct{ Statement []statement }
	if err := json.Unmarshal([]byte(p.Document), &document); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	return document.Statement
}

// lines reads a file of testdata, without comments and empty lines.
func lines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			found = append(found, line)
		}
	}
	return found
}
