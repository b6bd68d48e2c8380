package source_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/lint"
	"github.com/daypass/daypass/internal/lint/source"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, name string) (*source.File, string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := source.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return f, string(text)
}

// rulesAt are the findings of role with the text of the line at which each is.
func rulesAt(t *testing.T, f *source.File, text string) map[string]string {
	t.Helper()
	lines := strings.Split(text, "\n")
	found := map[string]string{}
	for i := range f.Roles {
		findings, unreadable := lint.Check([]lint.Role{f.Roles[i].Role})
		for _, u := range unreadable {
			t.Errorf("%s: %s", u.Role, u.Detail)
		}
		for _, finding := range findings {
			line, column := f.Roles[i].Locate(finding.Line, finding.Column)
			if line < 1 || line > len(lines) || column < 1 {
				t.Fatalf("%s is at %d:%d", finding.Rule, line, column)
			}
			found[f.Roles[i].Name+" "+finding.Rule] = strings.TrimSpace(lines[line-1])
		}
	}
	return found
}

func wantAt(t *testing.T, got, want map[string]string) {
	t.Helper()
	for key, part := range want {
		if !strings.Contains(got[key], part) || got[key] == "" {
			t.Errorf("%s is at %q, want %q", key, got[key], part)
		}
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	f, text := read(t, "template.yaml")
	wantAt(t, rulesAt(t, f, text), map[string]string{
		"Deploy TP005": "token.actions.githubusercontent.com:sub: !Sub repo:${Org}/*", "Deploy TP065": "- Effect: Allow",
		"Whole TP004": "AssumeRolePolicyDocument: !Sub |", "Joined TP025": "Fn::Join: [",
	})
	if len(f.Roles) != 3 || len(f.Notes) != 1 || !f.Notes[0].Missing || !strings.Contains(f.Notes[0].Message, "parameter Repository has no default") {
		t.Errorf("roles %d, notes %+v", len(f.Roles), f.Notes)
	}
	deploy := f.Roles[0]
	if diff := cmp.Diff([]string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, deploy.Attached); diff != "" || !deploy.PermissionsKnown || deploy.MaxSessionDuration != 3600 || deploy.Plain {
		t.Errorf("the role is %+v", deploy)
	}
	if diff := cmp.Diff([]lint.Provider{{ARN: "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com", URL: "token.actions.githubusercontent.com", ClientIDs: []string{"sts.amazonaws.com"}}}, deploy.Providers); diff != "" {
		t.Errorf("providers (-want +got):\n%s", diff)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	f, text := read(t, "plan.json")
	wantAt(t, rulesAt(t, f, text), map[string]string{
		"aws_iam_role.known TP004": `"assume_role_policy":`, "aws_iam_role.composed TP005": "{", "module.ci.aws_iam_role.inner TP002": "{",
	})
	var messages []string
	for _, note := range f.Notes {
		messages = append(messages, note.Message)
	}
	if len(f.Roles) != 3 || len(messages) != 2 || !f.Notes[1].Missing || f.Notes[0].Missing || !strings.Contains(messages[0], "aws_iam_role.composed the provider's ARN") || !strings.Contains(messages[1], "aws_iam_role.lost is known after apply") {
		t.Errorf("roles %d, notes %q", len(f.Roles), messages)
	}
	if known := f.Roles[0]; !known.PermissionsKnown || len(known.Attached) != 1 || known.MaxSessionDuration != 3600 {
		t.Errorf("the role is %+v", known)
	}
}

// What the aws CLI prints of a role, and a policy alone, can be written back.
func TestPlain(t *testing.T) {
	t.Parallel()
	const policy = `{"Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.com"}, "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringLike": {"gitlab.com:sub": "project_path:mygroup*"}}}]}`
	for name, text := range map[string]string{
		"alone": policy + "\n", "get-role": "{\n \"Role\": {\"RoleName\": \"r\", \"Arn\": \"arn:aws:iam::123456789012:role/ci/r\",\n  \"AssumeRolePolicyDocument\": " + policy + "}}",
		"list-roles": `{"Roles": [{"RoleName": "r", "Arn": "arn:aws:iam::123456789012:role/ci/r", "AssumeRolePolicyDocument": ` + policy + `}]}`,
		"template":   `{"Resources": {"r": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ` + policy + `}}}}`,
	} {
		f, err := source.Read([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := f.Roles[0]
		if !r.Plain || text[r.Start:r.End] != r.TrustPolicy {
			t.Errorf("%s: the policy is at %d to %d, plain %v", name, r.Start, r.End, r.Plain)
		}
		findings, _ := lint.Check([]lint.Role{r.Role})
		for _, finding := range findings {
			if finding.Rule != "TP004" {
				continue
			}
			line, column := r.Locate(finding.Line, finding.Column)
			if rest := strings.Split(text, "\n")[line-1][column-1:]; !strings.HasPrefix(rest, `"project_path:mygroup*"`) {
				t.Errorf("%s: the finding is at %q", name, rest)
			}
		}
		if name == "get-role" && (r.Account != "123456789012" || r.Name != "r") {
			t.Errorf("the role is %+v", r)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a": 1}`: "none of", `{"Statement": `: "JSON", "": "empty", "a: [": "YAML", "a: 1": "JSON", "[1]": "none of",
		strings.Repeat("[", 200) + strings.Repeat("]", 200): "nested",
	} {
		if _, err := source.Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v", text, err)
		}
	}
	if _, err := source.Read([]byte(`{"a": 1}`)); !errors.Is(err, source.ErrKind) {
		t.Errorf("error is %v", err)
	}
	for _, text := range []string{
		`{"Resources": {"r": {"Type": "AWS::IAM::Role"}}}`, `{"Resources": []}`,
		`{"Resources": {"r": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Fn::If": [1, 2, 3]}}}}}`,
		`{"Resources": {"a": {"Type": "AWS::IAM::OIDCProvider", "Properties": {"Url": {"Fn::Join": ["", [{"Ref": "a"}, {"Ref": "a"}]]}}}}}`,
		`{"Parameters": {"p": {"Default": {"Ref": "p"}}}, "Resources": {"r": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Ref": "p"}}}}}`,
	} {
		f, err := source.Read([]byte(text))
		if err != nil || len(f.Roles) != 0 || len(f.Notes) != 1 || !f.Notes[0].Missing && len(f.Roles) > 0 {
			t.Errorf("%s: %+v, error %v", text, f, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"template.yaml", "plan.json"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"Role":{"AssumeRolePolicyDocument":{"Statement":[]}}}`))
	f.Add([]byte("Resources: {r: {Type: 'AWS::IAM::Role', Properties: {AssumeRolePolicyDocument: !Join ['', [a, !Ref r]]}}}"))
	// Lists on one line, which took time by the square of their length.
	f.Add([]byte(`{"Roles":[` + strings.Repeat(`{},`, 1<<8) + `{"RoleName":"ä","AssumeRolePolicyDocument":{"Statement":[]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := source.Read(text)
		if err != nil {
			return
		}
		for i := range file.Roles {
			r := &file.Roles[i]
			if r.Plain && string(text[r.Start:r.End]) != r.TrustPolicy {
				t.Fatalf("the policy is not at %d to %d", r.Start, r.End)
			}
			r.Locate(1, 1)
			r.Locate(1<<30, 0)
		}
	})
}
