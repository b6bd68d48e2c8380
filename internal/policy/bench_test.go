package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
)

// benchmarkDocument has n statements, of which the last may match.
func benchmarkDocument(tb testing.TB, n int) *policy.Document {
	tb.Helper()
	var statements []string
	for i := range n - 1 {
		statements = append(statements, fmt.Sprintf(
			`{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"arn:aws:s3:::bucket-%d/*","Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/team-%d-*"}}}`, i, i))
	}
	statements = append(statements,
		`{"Effect":"Allow","Action":["s3:Get*","s3:Put*"],"Resource":"arn:aws:s3:::deploy/*","Condition":{"StringEquals":{"aws:PrincipalAccount":"123456789012"},"StringLike":{"aws:userid":"*:Job-*"}}}`)
	return mustParse(tb, policy.Identity, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
}

// alikeDocument has n statements that only their conditions tell apart.
func alikeDocument(tb testing.TB, n int) *policy.Document {
	tb.Helper()
	var statements []string
	for i := range n {
		statements = append(statements, fmt.Sprintf(
			`{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"arn:aws:s3:::deploy/*","Condition":{"StringLike":{"gitlab.example.com:sub":"project_path:group-%d/*:ref:main"}}}`, n-1-i))
	}
	return mustParse(tb, policy.Identity, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
}

// variablesDocument has n statements, all of which hold variables.
func variablesDocument(tb testing.TB, n int) *policy.Document {
	tb.Helper()
	var statements []string
	for i := range n {
		bucket := fmt.Sprintf("b-%d", i)
		if i == n-1 {
			bucket = "deploy"
		}
		statements = append(statements, fmt.Sprintf(
			`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::%s/${aws:username, 'app'}/*","Condition":{"StringLike":{"aws:userid":"*:${k:job}*"},"ArnLike":{"k:role":"arn:aws:iam::${aws:PrincipalAccount}:role/*"},"StringEqualsIgnoreCase":{"k:job":"${k:job}"}}}`, bucket))
	}
	return mustParse(tb, policy.Identity, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
}

func benchmarkContext() *policy.Context {
	keys := &policy.Context{}
	for i, key := range []string{
		"aws:PrincipalArn", "aws:PrincipalType", "aws:PrincipalIsAWSService", "aws:TokenIssueTime", "aws:FederatedProvider",
		"gitlab.example.com:aud", "gitlab.example.com:sub", "aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:SourceIp",
	} {
		keys.Set(key, fmt.Sprint("value-", i))
	}
	keys.Set("gitlab.example.com:sub", "project_path:group-0/web:ref:main")
	keys.Set("k:job", "Job-17")
	keys.Set("k:role", "arn:aws:iam::"+account+":role/ci/deploy")
	keys.Set("aws:PrincipalAccount", account)
	keys.Set("aws:userid", "AROAEXAMPLE:Job-17")
	return keys
}

func benchmarkCases(tb testing.TB) map[string]func() bool {
	keys := benchmarkContext()
	allowed := &policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::deploy/app/v1.tar", Context: keys}
	denied := &policy.Request{Action: "s3:DeleteObject", Resource: "arn:aws:s3:::deploy/app/v1.tar", Context: keys}
	other := &policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::deploy/bob/v1.tar", Context: keys}
	cases := map[string]func() bool{}
	for _, n := range []int{1, 20, 500} {
		docs := []*policy.Document{benchmarkDocument(tb, n)}
		cases[fmt.Sprintf("statements=%d/allow", n)] = func() bool { return policy.Decide(allowed, docs, nil).Allowed() }
		cases[fmt.Sprintf("statements=%d/deny", n)] = func() bool { return !policy.Decide(denied, docs, nil).Allowed() }
		alike := []*policy.Document{alikeDocument(tb, n)}
		cases[fmt.Sprintf("alike=%d/allow", n)] = func() bool { return policy.Decide(allowed, alike, nil).Allowed() }
		variables := []*policy.Document{variablesDocument(tb, n)}
		cases[fmt.Sprintf("variables=%d/allow", n)] = func() bool { return policy.Decide(allowed, variables, nil).Allowed() }
		cases[fmt.Sprintf("variables=%d/deny", n)] = func() bool { return !policy.Decide(other, variables, nil).Allowed() }
	}
	return cases
}

func BenchmarkDecide(b *testing.B) {
	for name, decided := range benchmarkCases(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !decided() {
					b.Fatal("the other decision")
				}
			}
		})
	}
}

func BenchmarkDecideWithReasons(b *testing.B) {
	docs := []*policy.Document{benchmarkDocument(b, 20)}
	r := &policy.Request{Action: "s3:DeleteObject", Resource: "arn:aws:s3:::deploy/x", Context: benchmarkContext()}
	var why policy.Reasons
	b.ReportAllocs()
	for b.Loop() {
		policy.Decide(r, docs, &why)
	}
}

func BenchmarkParse(b *testing.B) {
	text := benchmarkDocument(b, 20).String()
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := policy.Parse(policy.Identity, text); err != nil {
			b.Fatal(err)
		}
	}
}

// Not parallel: AllocsPerRun counts for the whole process.
func TestDecideDoesNotAllocate(t *testing.T) {
	for name, decided := range benchmarkCases(t) {
		if !decided() {
			t.Errorf("%s: the other decision", name)
		}
		if n := testing.AllocsPerRun(100, func() { decided() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for _, value := range []string{"arn:aws:iam::123456789012:ROLE/😀", "10.50", "2030-01-31T23:59:59.5+01:00", "2001:db8::7", "203.0.113.7", "not: valid", ""} {
		keys := &policy.Context{}
		keys.Set("k:k", value)
		r := &policy.Request{Action: "s3:GetObject", Resource: "*", Context: keys}
		for base, wanted := range operatorValues() {
			d := mustParse(t, policy.Identity, identity(`"Effect":"Deny","Action":"*","Resource":"*","Condition":{"`+base+`":{"k:k":"`+wanted+`"}}`))
			docs := []*policy.Document{d}
			if n := testing.AllocsPerRun(10, func() { policy.Decide(r, docs, nil) }); n != 0 {
				t.Errorf("%s of %q: %v allocations", base, value, n)
			}
		}
	}
}
