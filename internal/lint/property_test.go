package lint_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/lint"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"

	"pgregory.net/rapid"
)

const oidcProvider = "arn:aws:iam::123456789012:oidc-provider/"

var issuers = []string{"gitlab.com", "gitlab.example.com", "token.actions.githubusercontent.com", "oidc.eks.eu-west-1.amazonaws.com/id/A", "app.terraform.io", "ci.example.com/oidc"}

// pieces are what patterns and subjects are drawn of.
var pieces = []string{
	"project_path:", "project_id:", "repo:", "system:serviceaccount:", "organization:", "mygroup", "my", "org", "@", "12", "/", "app", "p", "-evil",
	":", "ref_type:", "branch", "tag", ":ref:", "ref:refs/heads/", "main", "release/", "x", "environment:", "prod", "pull_request", "*", "*", "?", "ref_protected:true",
	":project:", ":workspace:", ":run_phase:", "plan",
}

var wholes = []string{
	"project_path:mygroup/app:ref_type:branch:ref:main", "project_path:mygroup/app:ref_type:tag:ref:main", "project_path:mygroup/app:ref_type:branch:ref:x/app",
	"project_path:mygroup-evil/app:ref_type:branch:ref:main", "project_path:mygroup/app-evil:ref_type:branch:ref:main", "project_id:12:ref_type:branch:ref:main",
	"repo:org/app:ref:refs/heads/main", "repo:org/app:pull_request", "repo:org-evil/x:ref:refs/heads/x/app", "repo:org@12/app@12:ref:refs/heads/main",
	"repo:org/app:environment:prod", "system:serviceaccount:my:app", "organization:org:project:app:workspace:prod:run_phase:plan", "environment:prod",
	"project_path:mygroup/*:ref_type:branch:ref:main", "project_path:mygroup*", "project_path:mygroup/app*", "project_path:mygroup/app:*", "repo:org/app:*", "repo:org*", "repo:org/*",
	"repo:org@*/app@*", "repo:org/app:ref:refs/heads/main*", "project_path:mygroup/app:ref_type:*:ref:main", "**", "repo:org/app:environment:prod*",
}

func drawSubject(t *rapid.T, what string) string {
	if rapid.Bool().Draw(t, what+" is whole") {
		return rapid.SampledFrom(wholes).Draw(t, what)
	}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 9).Draw(t, what), "")
}

func drawPolicy(t *rapid.T) (issuer, text string) {
	issuer = rapid.SampledFrom(issuers).Draw(t, "issuer")
	statements := make([]any, rapid.IntRange(1, 2).Draw(t, "statements"))
	for i := range statements {
		conditions := map[string]map[string]any{}
		put := func(op, key string, value any) {
			if conditions[op] == nil {
				conditions[op] = map[string]any{}
			}
			conditions[op][key] = value
		}
		for range rapid.IntRange(0, 2).Draw(t, "conditions") {
			op := rapid.SampledFrom([]string{"StringLike", "StringLike", "StringEquals", "StringEqualsIgnoreCase", "StringNotLike", "ForAllValues:StringLike", "ForAnyValue:StringEquals", "StringLikeIfExists"}).Draw(t, "operator")
			values := make([]string, rapid.IntRange(1, 3).Draw(t, "values"))
			for j := range values {
				values[j] = drawSubject(t, "value")
			}
			put(op, issuer+":sub", values)
		}
		for range rapid.IntRange(0, 2).Draw(t, "other conditions") {
			key := rapid.SampledFrom([]string{"aud", "project_id", "repository", "ref", "environment", "ref_protected", "actor"}).Draw(t, "key")
			op := rapid.SampledFrom([]string{"StringEquals", "StringLike", "StringEqualsIfExists", "ForAllValues:StringEquals", "StringNotEquals", "Null"}).Draw(t, "operator")
			put(op, issuer+":"+key, rapid.SampledFrom([]string{"true", "12", "org/app", "refs/heads/main", "prod", "sts.amazonaws.com", "*"}).Draw(t, "value"))
		}
		s := map[string]any{
			"Effect":    rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect"),
			"Principal": map[string]any{"Federated": oidcProvider + issuer},
			"Action":    rapid.SampledFrom([]string{"sts:AssumeRoleWithWebIdentity", "sts:AssumeRole*", "sts:*"}).Draw(t, "action"),
		}
		if len(conditions) > 0 {
			s["Condition"] = conditions
		}
		statements[i] = s
	}
	document, err := json.MarshalIndent(map[string]any{"Version": "2012-10-17", "Statement": statements}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return issuer, string(document)
}

func drawToken(t *rapid.T, issuer string) *trust.Token {
	token := &trust.Token{Provider: oidcProvider + issuer, ProviderURL: issuer, Subject: drawSubject(t, "subject"), Audience: rapid.SampledFrom([]string{"sts.amazonaws.com", "true", "prod"}).Draw(t, "audience")}
	for _, key := range trust.KeyNames(issuer)[5:] {
		if rapid.Bool().Draw(t, key+" is there") {
			token.Keys = append(token.Keys, trust.Key{Name: key, Values: []string{rapid.SampledFrom([]string{"true", "false", "12", "org/app", "refs/heads/main", "prod"}).Draw(t, key)}})
		}
	}
	return token
}

func admits(role *policy.Document, token *trust.Token) bool {
	return trust.Decide(role, token, &trust.Session{RoleSessionName: "job", RoleARN: "arn:aws:iam::123456789012:role/r", Account: "123456789012"}, nil, nil).Allowed()
}

func document(t testing.TB, text string) *policy.Document {
	t.Helper()
	d, err := lint.Document(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

func countRule(findings []lint.Finding, rule string) int {
	n := 0
	for i := range findings {
		if findings[i].Rule == rule {
			n++
		}
	}
	return n
}

// Every witness is admitted; what is mended admits no token that was not admitted
// before, and has a finding less.
func TestWitnessesAndMends(t *testing.T) {
	t.Parallel()
	rules := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		issuer, text := drawPolicy(rt)
		role := lint.Role{Name: "r", TrustPolicy: text, Providers: []lint.Provider{{URL: issuer, ClientIDs: []string{"sts.amazonaws.com"}}}}
		findings, unreadable := lint.Check([]lint.Role{role})
		if len(unreadable) > 0 {
			rt.Fatalf("%v\n%s", unreadable[0].Detail, text)
		}
		checkWitnesses(t, &role, findings)
		before := document(t, text)
		for i := range findings {
			f := &findings[i]
			rules[f.Rule]++
			if f.Fixed == "" {
				continue
			}
			after := document(t, f.Fixed)
			mended := role
			mended.TrustPolicy = f.Fixed
			left, _ := lint.Check([]lint.Role{mended})
			if countRule(left, f.Rule) >= countRule(findings, f.Rule) {
				rt.Fatalf("%s (%s) is still there:\n%s\nmended:\n%s", f.Rule, f.What, text, f.Fixed)
			}
			for range 12 {
				token := drawToken(rt, issuer)
				if admits(after, token) && !admits(before, token) {
					rt.Fatalf("the mend of %s admits %+v:\n%s\nmended:\n%s", f.Rule, token, text, f.Fixed)
				}
			}
			for j := range left { // what the mended policy admits is the best of tokens to ask about
				if w := left[j].Witness; w != nil && !w.Admitted(before) {
					rt.Fatalf("the mend of %s admits %+v:\n%s\nmended:\n%s", f.Rule, w, text, f.Fixed)
				}
			}
		}
	})
	if len(rules) < 12 { // of the few policies that one run draws
		t.Errorf("only %d rules were met: %v", len(rules), slices.Sorted(maps.Keys(rules)))
	}
}

// The mends of the examples close, and there are mends for the rules that have them.
func TestMendsOfExamples(t *testing.T) {
	t.Parallel()
	mended := map[string]bool{}
	for _, file := range append(archives(t, "rules"), archives(t, "corpus")...) {
		_, all := examples(t, file)
		for _, e := range all {
			e.role.Providers = append(e.role.Providers, lint.Provider{URL: "gitlab.example.com", ClientIDs: []string{"sts.amazonaws.com"}})
			findings, _ := lint.Check([]lint.Role{e.role})
			for i := range findings {
				f := &findings[i]
				if f.Fixed == "" {
					continue
				}
				mended[f.Rule] = true
				var fixed any
				if err := json.Unmarshal([]byte(f.Fixed), &fixed); err != nil {
					t.Fatalf("%s: %v\n%s", f.Rule, err, f.Fixed)
				}
				after := e.role
				after.TrustPolicy = f.Fixed
				left, _ := lint.Check([]lint.Role{after})
				if countRule(left, f.Rule) >= countRule(findings, f.Rule) {
					t.Errorf("%s: %s: %s is still there:\n%s", file, e.name, f.Rule, f.Fixed)
				}
				newcomers, err := lint.Newcomers(e.role, after)
				if err != nil || len(newcomers) > 0 {
					t.Errorf("%s: %s: the mend of %s admits %+v, error %v", file, e.name, f.Rule, newcomers, err)
				}
			}
		}
	}
	for _, r := range lint.Rules() {
		if r.Fix != mended[r.ID] {
			t.Errorf("%s: the table says that it can be mended: %v; an example was: %v", r.ID, r.Fix, mended[r.ID])
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, dir := range []string{"rules", "corpus"} {
		for _, file := range archives(f, dir) {
			_, all := examples(f, file)
			for _, e := range all {
				f.Add(e.role.TrustPolicy)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		role := lint.Role{Name: "r", TrustPolicy: text}
		findings, unreadable := lint.Check([]lint.Role{role})
		if len(unreadable) > 0 {
			if unreadable[0].Detail == "" || unreadable[0].Line < 1 {
				t.Fatalf("no place or no words: %+v", unreadable[0].UnreadableError)
			}
			return
		}
		checkWitnesses(t, &role, findings)
		for i := range findings {
			if fixed := findings[i].Fixed; fixed != "" {
				if _, err := lint.Document(fixed); err != nil {
					t.Fatalf("%s: the mended policy cannot be read: %v\n%s", findings[i].Rule, err, fixed)
				}
			}
		}
		for _, m := range []*lint.Migration{lint.GitHubImmutable(map[string][]string{"octo-org/octo-repo": {"1", "2"}}, false), lint.GitLabProjectID(map[string][]string{"mygroup/myproject": {"20"}}, false)} {
			done, err := m.Apply(text)
			if err != nil {
				t.Fatal(fmt.Errorf("a policy that can be examined cannot be migrated: %w", err))
			}
			if _, err := lint.Document(done.Text); err != nil {
				t.Fatalf("the migrated policy cannot be read: %v\n%s", err, done.Text)
			}
		}
	})
}
