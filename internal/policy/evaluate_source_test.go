package policy_test

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"

	"github.com/google/go-cmp/cmp"
)

// TestDenial: AWS's sentences (IAM User Guide, "Troubleshoot access denied error
// messages"; the policy's ARN since January 2026, AWS's announcement).
func TestDenial(t *testing.T) {
	t.Parallel()
	const managed = "arn:aws:iam::123456789012:policy/guard"
	const denied = "User: " + user + " is not authorized to perform: codedeploy:ListDeployments on resource: arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:* "
	for _, tt := range []struct {
		kind     policy.Kind
		explicit bool
		policy   string
		want     string
	}{
		{policy.Identity, false, "", "because no identity-based policy allows the codedeploy:ListDeployments action"},
		{policy.Boundary, false, "", "because no permissions boundary allows the codedeploy:ListDeployments action"},
		{policy.Session, false, "", "because no session policy allows the codedeploy:ListDeployments action"},
		{policy.Resource, false, "", "because no resource-based policy allows the codedeploy:ListDeployments action"},
		{policy.Trust, false, "", "because no role trust policy allows the codedeploy:ListDeployments action"},
		{policy.Identity, true, "", "with an explicit deny in an identity-based policy"},
		{policy.Boundary, true, "", "with an explicit deny in a permissions boundary"},
		{policy.Session, true, "", "with an explicit deny in a session policy"},
		{policy.Resource, true, "", "with an explicit deny in a resource-based policy"},
		{policy.Trust, true, "", "with an explicit deny in the role trust policy"},
		{policy.Identity, true, managed, "with an explicit deny in an identity-based policy: " + managed},
		{policy.Boundary, true, managed, "with an explicit deny in a permissions boundary: " + managed},
		{policy.Identity, false, managed, "because no identity-based policy allows the codedeploy:ListDeployments action"},
		{0, false, "", "because no identity-based policy allows the codedeploy:ListDeployments action"},
	} {
		d := policy.Denial{
			Caller: user, Action: "codedeploy:ListDeployments", Resource: "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:*",
			Evaluation: policy.Evaluation{Kind: tt.kind}, Policy: tt.policy,
		}
		if tt.explicit {
			d.Evaluation.Effect = policy.ExplicitDeny
		}
		if diff := cmp.Diff(denied+tt.want, d.String()); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.kind, diff)
		}
	}
}

// TestStatementSpans: the first is the example of the aws CLI's
// simulate-custom-policy, the second the shape of AdministratorAccess, whose
// place many published replies show, the third the bucket policy of a published
// capture of 2025 in short.
func TestStatementSpans(t *testing.T) {
	t.Parallel()
	at := func(line, column int) policy.Position { return policy.Position{Line: line, Column: column} }
	const s = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	for name, c := range map[string]struct {
		text string
		want []policy.Span
	}{
		"alone": {
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}`,
			[]policy.Span{{Start: at(1, 38), End: at(1, 167)}},
		},
		"lines": {
			"{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}",
			[]policy.Span{{Start: at(3, 17), End: at(8, 6)}},
		},
		"list": {
			`{"Version":"2012-10-17","Statement":[` + s + `,` + s + `]}`,
			[]policy.Span{{Start: at(1, 38), End: at(1, 87)}, {Start: at(1, 87), End: at(1, 137)}},
		},
		"spread": {
			"{\"Statement\": [" + s + " ,\n  " + s + "\n]}",
			[]policy.Span{{Start: at(1, 16), End: at(1, 65)}, {Start: at(1, 65), End: at(2, 52)}},
		},
		"characters": {
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::ö"}]}`,
			[]policy.Span{{Start: at(1, 38), End: at(1, 100)}},
		},
	} {
		if diff := cmp.Diff(c.want, mustParse(t, policy.Identity, c.text).StatementSpans()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, d := range []*policy.Document{nil, {}} {
		if spans, keys := d.StatementSpans(), d.ContextKeys(); spans != nil || keys != nil {
			t.Errorf("a document that was not read: %v, %v", spans, keys)
		}
	}
}

// TestContextKeys: the first is the example of the aws CLI's
// get-context-keys-for-custom-policy.
func TestContextKeys(t *testing.T) {
	t.Parallel()
	const dated = `"Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"arn:aws:dynamodb:us-west-2:123456789012:table/${aws:username}","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2015-08-16T12:00:00Z"}}}}`
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"resource and condition": {`{"Version":"2012-10-17",` + dated, []string{"aws:username", "aws:CurrentTime"}},
		"older version":          {`{"Version":"2008-10-17",` + dated, []string{"aws:CurrentTime"}},
		"version last":           {`{` + strings.TrimSuffix(dated, "}") + `,"Version":"2012-10-17"}`, []string{"aws:username", "aws:CurrentTime"}},
		"none":                   {identity(`"Effect":"Allow","Action":"*","Resource":"*"`), nil},
		"once each": {
			identity(`"Effect":"Allow","Action":"*","NotResource":["arn:aws:s3:::${aws:PrincipalTag/team, 'x'}/${aws:userid}/${*}","*"],` +
				`"Condition":{"StringLike":{"AWS:UserId":["${aws:username}a","b"],"aws:x":"${$}"},"Null":{"aws:x":"true"}}`),
			[]string{"aws:PrincipalTag/team", "aws:userid", "aws:username", "aws:x"},
		},
	} {
		if diff := cmp.Diff(c.want, mustParse(t, policy.Identity, c.text).ContextKeys()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Every document has one span for each of its statements, in order and inside
// the text, and Decide's numbers count them.
func FuzzStatementSpans(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"} , {"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`)
	f.Add("{\"Statement\":{\"Effect\":\"Deny\",\n\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::${aws:username}\"},\"Version\":\"2012-10-17\"}")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := policy.Parse(policy.Identity, text)
		if err != nil {
			return
		}
		spans := d.StatementSpans()
		var why policy.Reasons
		policy.Decide(nil, []*policy.Document{d}, &why)
		if len(spans) != len(why.Statements) {
			t.Fatalf("%d spans of %d statements in %q", len(spans), len(why.Statements), text)
		}
		before := policy.Position{Line: 1, Column: 1}
		later := func(p policy.Position) bool {
			return p.Line > before.Line || p.Line == before.Line && p.Column >= before.Column
		}
		for i, s := range spans {
			if !later(s.Start) {
				t.Fatalf("statement %d of %q begins at %v, before %v", i+1, text, s.Start, before)
			}
			before = s.Start
			if !later(s.End) || s.End == s.Start {
				t.Fatalf("statement %d of %q ends at %v, begins at %v", i+1, text, s.End, s.Start)
			}
			before = s.End
			if why.Statements[i].Line > s.End.Line {
				t.Fatalf("statement %d of %q ends at %v, is of line %d", i+1, text, s.End, why.Statements[i].Line)
			}
		}
		for _, key := range d.ContextKeys() {
			if key == "" {
				t.Fatalf("an empty key of %q", text)
			}
		}
	})
}
