package policy_test

import (
	"errors"
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
		trust(`"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"` + provider + `","AWS":["*","` + account + `"]},"Condition":{"StringEquals":{"gitlab.example.com:sub":"😀"}}`),
		`{"Statement":[],"Statement":[]}`, "{\"Id\":\"\\ud83d\"}", "{\"Id\":\"\xff\"}", "{\"Version\":\n\"2012\"}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []policy.Kind{policy.Identity, policy.Trust} {
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
			if r.Principal = (policy.Principal{}); kind == policy.Trust && policy.Decide(r, docs, nil).Allowed() {
				t.Fatalf("nobody is admitted by %s", text)
			}
		}
	})
}
