package policy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
)

// Whatever the text: Parse never panics, returns a document or a SyntaxError
// with a message and a place, and what it returns can be decided, with the same
// answer with reasons and without.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		``, `{}`, `null`, `{"Statement":[]}`,
		`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`,
		identity(`"Sid":"A","Effect":"Deny","NotAction":["iam:Get*"],"NotResource":["arn:aws:s3:::b/*"],"Condition":{"ForAnyValue:StringLike":{"k:k":["a*",1,true]}}`),
		identity(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{` + allOperators() + `}`),
		identity(`"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::${k:k, 'x'}/${*}*","${k:k}"],"Condition":{"StringLike":{"k:k":"${k:k}?"},"ArnNotLike":{"k:k":"${k:k}"}}`),
		identity(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"NumericEquals":{"k:k":"x"},"DateLessThan":{"k:k":"2030-01"},"NotIpAddress":{"k:k":"::1/3"},"ArnLike":{"k:k":"x"}}`),
		identity(`"Effect":"Deny","Action":"s3:*","Resource":"*","NotPrincipal":{"AWS":["` + account + `","AROAEXAMPLE00000001"],"Service":"ec2.amazonaws.com"}`),
		strings.Replace(identity(strings.Repeat(`"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b","Condition":{"StringEquals":{"k:k":"a"}}},{`, 9)), `{}]`, `{"Effect":"Allow","Action":"*","Resource":"*"}]`, 1),
		trust(`"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"` + provider + `","AWS":["*","` + account + `"]},"Condition":{"StringEquals":{"gitlab.example.com:sub":"😀"}}`),
		`{"Statement":[],"Statement":[]}`, "{\"Id\":\"\\ud83d\"}", "{\"Id\":\"\xff\"}", "{\"Version\":\n\"2012\"}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []policy.Kind{policy.Identity, policy.Trust, policy.Resource, policy.Session, policy.Boundary} {
			d, err := policy.Parse(kind, text)
			if err != nil {
				var e *policy.SyntaxError
				if d != nil || !errors.As(err, &e) || e.Message == "" || e.Detail == "" || e.Line < 1 || e.Column < 1 {
					t.Fatalf("Parse = %v, %#v", d, err)
				}
				continue
			}
			if d.String() != text {
				t.Fatalf("the document's text is %q", d.String())
			}
			var keys policy.Context
			keys.Set("k:k", text)
			keys.SetMulti("gitlab.example.com:sub", []string{"", text})
			r := &policy.Request{
				Action: "sts:AssumeRole", Resource: text,
				Principal: policy.Principal{Federated: provider}, Context: &keys,
			}
			why := &policy.Reasons{}
			docs := []*policy.Document{d}
			if got, told := policy.Decide(r, docs, nil), policy.Decide(r, docs, why); got != told || why.String() == "" {
				t.Fatalf("%+v with reasons, %+v without", told, got)
			}
			r.Principal = policy.Principal{}
			if (kind == policy.Trust || kind == policy.Resource) && policy.Decide(r, docs, nil).Allowed() {
				t.Fatalf("nobody is admitted by %s", text)
			}
		}
	})
}

// What a document wants and what a request brings: no value makes a condition
// panic, and none meets both an operator and the one that negates it.
func FuzzCondition(f *testing.F) {
	for _, seed := range [][3]string{
		{"NumericEquals", "1", "+01.0e0"},
		{"NumericEquals", "1e2147483647", "-1e-2147483647"},
		{"DateEquals", "2030-01-31T23:59:59.5+01:00", "1893456000"},
		{"IpAddress", "192.0.2.0/24", "::ffff:192.0.2.1"},
		{"IpAddress", "2001:db8::/32", "1:2:3:4:5:6:7:8"},
		{"ArnEquals", "arn:aws:s3:::b*", "arn:aws:s3:::b"},
		{"StringEqualsIgnoreCase", "ΟΣ", "ος"},
		{"StringLike", "${k:k}*", "\xff"},
		{"StringEquals", "${k:v, 'x'}${*}", "x*"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, operator, wanted, got string) {
		value, err := json.Marshal(wanted)
		if err != nil {
			t.Fatal(err)
		}
		negated := strings.NewReplacer("Equals", "NotEquals", "Like", "NotLike", "IpAddress", "NotIpAddress").Replace(operator)
		parse := func(operator string) *policy.Document {
			d, err := policy.Parse(policy.Session, identity(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"`+operator+`":{"k:k":`+string(value)+`}}`))
			if err != nil {
				return nil
			}
			return d
		}
		d, not := parse(operator), parse(negated)
		if d == nil || not == nil || operator == negated || strings.Contains(operator, "For") || strings.Contains(operator, "IfExists") {
			return
		}
		keys := &policy.Context{}
		keys.Set("k:k", got)
		r := &policy.Request{Action: "s3:GetObject", Resource: "*", Context: keys}
		if policy.Decide(r, []*policy.Document{d}, nil).Allowed() && policy.Decide(r, []*policy.Document{not}, nil).Allowed() {
			t.Errorf("%q meets %s and %s of %q", got, operator, negated, wanted)
		}
	})
}
