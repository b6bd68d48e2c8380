package policy

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHangsOn(t *testing.T) {
	t.Parallel()
	const prefix = "arn:aws:ec2:eu-central-1:123456789012:subnet/"
	tests := []struct {
		name, statement string
		open            Open
		key             string
		hangs           bool
	}{
		{"all", `"Effect":"Allow","Action":"*","Resource":"*"`, Open{Any: true, Prefix: prefix}, "", false},
		{"a Deny of one", `"Effect":"Deny","Action":"*","Resource":"` + prefix + `subnet-1"`, Open{Any: true, Prefix: prefix}, "", true},
		{"a Deny of all", `"Effect":"Deny","Action":"*","Resource":"` + prefix + `*"`, Open{Any: true, Prefix: prefix}, "", false},
		{"a Deny of another type", `"Effect":"Deny","Action":"*","Resource":"arn:aws:ec2:*:*:vpc/vpc-1"`, Open{Any: true, Prefix: prefix}, "", false},
		{"a Deny of another action", `"Effect":"Deny","Action":"ec2:StopInstances","Resource":"` + prefix + `subnet-1"`, Open{Any: true, Prefix: prefix}, "", false},
		{"a Deny of all but one", `"Effect":"Deny","Action":"*","NotResource":"` + prefix + `subnet-1"`, Open{Any: true, Prefix: prefix}, "", false},
		{"an Allow of all but one", `"Effect":"Allow","Action":"*","NotResource":"` + prefix + `subnet-1"`, Open{Any: true, Prefix: prefix}, "", true},
		{"an Allow of all of short names", `"Effect":"Allow","Action":"*","Resource":"` + prefix + `?"`, Open{Any: true, Prefix: prefix}, "", true},
		{"a Deny by a variable", `"Effect":"Deny","Action":"*","Resource":"` + prefix + `${aws:username}"`, Open{Any: true, Prefix: prefix}, "", true},
		{"anything, a Deny of something", `"Effect":"Deny","Action":"*","Resource":"arn:aws:logs:*:*:log-group:prod"`, Open{Any: true}, "", true},
		{"a key", `"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"ec2:Owner":"x"}}`, Open{Keys: is("ec2:Owner")}, "ec2:Owner", true},
		{"a known key", `"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"ec2:Region":"x"}}`, Open{Keys: is("ec2:Owner")}, "", false},
		{"a key on another resource", `"Effect":"Deny","Action":"*","Resource":"arn:aws:ec2:*:*:vpc/*","Condition":{"StringEquals":{"ec2:Owner":"x"}}`, Open{Keys: is("ec2:Owner")}, "", false},
		{"a key in a variable", `"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"${ec2:Owner}"}}`, Open{Keys: is("ec2:Owner")}, "ec2:Owner", true},
		{"a key in a resource", `"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*:*:subnet/${ec2:Owner, 'x'}"`, Open{Keys: is("ec2:Owner")}, "ec2:Owner", true},
	}
	for _, tt := range tests {
		d, err := Parse(Identity, `{"Version":"2012-10-17","Statement":[{`+tt.statement+`}]}`)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		if key, hangs := d.HangsOn("ec2:RunInstances", prefix+"subnet-2", &tt.open); key != tt.key || hangs != tt.hangs {
			t.Errorf("%s: %q, %t; want %q, %t", tt.name, key, hangs, tt.key, tt.hangs)
		}
	}
}

func is(key string) func(string) bool { return func(k string) bool { return SameKey(k, key) } }

// TestHangsOnIsSafe: what a document allows on the resource that stands for all, and
// that does not hang on which it is, it allows on every one of them.
func TestHangsOnIsSafe(t *testing.T) {
	t.Parallel()
	const prefix = "arn:aws:s:::t/"
	rapid.Check(t, func(t *rapid.T) {
		pattern := func(label string) string {
			head := rapid.SampledFrom([]string{"arn:aws:s:::", "arn:aws:s:::t", "arn:aws:s:::t/", "arn:aws:s:::?/", "arn:aws:*:*:*:", "arn:*:s:::t/", "arn:*:*:*:*:"}).Draw(t, label)
			return head + rapid.StringOfN(rapid.SampledFrom([]rune("ab*?/t")), 1, 5, -1).Draw(t, label)
		}
		var statements []string
		for range rapid.IntRange(1, 3).Draw(t, "statements") {
			statements = append(statements, `{"Effect":"`+rapid.SampledFrom([]string{"Allow", "Deny"}).Draw(t, "effect")+`","Action":"*","`+
				rapid.SampledFrom([]string{"Resource", "NotResource"}).Draw(t, "element")+`":["`+pattern("one")+`","`+pattern("two")+`"]}`)
		}
		statements = append(statements, rapid.SampledFrom([]string{
			`{"Effect":"Allow","Action":"*","Resource":"*"}`, `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s:::t/*"}`,
		}).Draw(t, "all"))
		d, err := Parse(Identity, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
		if err != nil {
			t.Fatal(err)
		}
		open := &Open{Any: true, Prefix: prefix}
		if _, hangs := d.HangsOn("s:Do", "", open); hangs {
			return
		}
		var keys Context
		allows := func(resource string) bool {
			return Decide(&Request{Action: "s:Do", Resource: resource, Context: &keys}, []*Document{d}, nil).Effect == Allow
		}
		if !allows(open.Resource()) {
			return
		}
		if id := rapid.StringOfN(rapid.SampledFrom([]rune("abt/")), 0, 6, -1).Draw(t, "id"); !allows(prefix + id) {
			t.Fatalf("allowed on %s and not on %s%s", open.Resource(), prefix, id)
		}
	})
}
