package policy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/daypass/daypass/internal/policy"
	"pgregory.net/rapid"
)

// A second evaluator, made to be plain: it reads the JSON each time, knows no
// compiled form, and follows the prose of the IAM User Guide. The properties at
// the end hold it against Decide.

type object = map[string]any

func list(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var texts []string
		for _, item := range v {
			texts = append(texts, item.(string))
		}
		return texts
	default:
		return nil
	}
}

// wild matches recursively on UTF-16 units.
func wild(pattern, value string) bool {
	return wildUnits(utf16.Encode([]rune(pattern)), utf16.Encode([]rune(value)))
}

func wildUnits(p, v []uint16) bool {
	if len(p) == 0 {
		return len(v) == 0
	}
	switch {
	case p[0] == '*':
		return wildUnits(p[1:], v) || len(v) > 0 && wildUnits(p, v[1:])
	case len(v) == 0:
		return false
	default:
		return (p[0] == '?' || p[0] == v[0]) && wildUnits(p[1:], v[1:])
	}
}

func plainValue(base, wanted, got string) bool {
	switch base {
	case "StringEquals":
		return wanted == got
	case "StringEqualsIgnoreCase":
		return strings.ToLower(wanted) == strings.ToLower(got)
	case "StringLike":
		return wild(wanted, got)
	case "ArnEquals", "ArnLike":
		w, g := strings.SplitN(wanted, ":", 6), strings.SplitN(got, ":", 6)
		for i := range 6 {
			if !wild(w[i], g[i]) {
				return false
			}
		}
		return true
	case "Bool":
		return (strings.ToLower(wanted) == "true") == (strings.ToLower(got) == "true")
	default:
		panic(base)
	}
}

func plainCondition(operator, key string, wanted []string, keys *policy.Context) bool {
	got, multi, present := keys.Get(key)
	if operator == "Null" {
		return slices.Contains(wanted, map[bool]string{true: "false", false: "true"}[present])
	}
	ifExists := strings.HasSuffix(operator, "IfExists")
	base := strings.TrimSuffix(operator, "IfExists")
	prefix := ""
	if i := strings.Index(base, ":"); i >= 0 {
		prefix, base = base[:i], base[i+1:]
	}
	negated := strings.Contains(base, "Not")
	base = strings.Replace(base, "Not", "", 1)
	holds := func(value string) bool {
		if parts := strings.SplitN(value, ":", 6); strings.HasPrefix(base, "Arn") && (len(parts) < 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "") {
			return false
		}
		some := slices.ContainsFunc(wanted, func(w string) bool { return plainValue(base, w, value) })
		return some != negated
	}
	switch {
	case !present && ifExists:
		return true
	case prefix == "ForAllValues":
		return !slices.ContainsFunc(got, func(v string) bool { return !holds(v) })
	case prefix == "ForAnyValue":
		return slices.ContainsFunc(got, holds)
	case !present:
		return negated
	case multi:
		return false
	default:
		return holds(got[0])
	}
}

func plainPrincipal(principal any, who policy.Principal, deny bool) bool {
	types, ok := principal.(object)
	if !ok {
		types = object{"AWS": "*"}
	}
	aws := list(types["AWS"])
	everyone := slices.Contains(aws, "*")
	switch {
	case everyone && deny:
		return true
	case who.Federated != "":
		return slices.Contains(list(types["Federated"]), who.Federated)
	case who.ARN == "":
		return false
	default:
		return everyone || slices.Contains(aws, who.ARN) || slices.Contains(aws, who.Account) ||
			slices.Contains(aws, "arn:aws:iam::"+who.Account+":root")
	}
}

func plainStatement(s object, r *policy.Request) bool {
	if principal, ok := s["Principal"]; ok && !plainPrincipal(principal, r.Principal, s["Effect"] == "Deny") {
		return false
	}
	action := func(pattern string) bool { return wild(strings.ToLower(pattern), strings.ToLower(r.Action)) }
	resource := func(pattern string) bool { return wild(pattern, r.Resource) }
	for element, fits := range map[string]func(string) bool{"Action": action, "Resource": resource} {
		if v, ok := s[element]; ok && !slices.ContainsFunc(list(v), fits) {
			return false
		}
		if v, ok := s["Not"+element]; ok && slices.ContainsFunc(list(v), fits) {
			return false
		}
	}
	conditions, _ := s["Condition"].(object)
	for operator, block := range conditions {
		for key, wanted := range block.(object) {
			if !plainCondition(operator, key, list(wanted), r.Context) {
				return false
			}
		}
	}
	return true
}

func plainDecide(r *policy.Request, docs []*policy.Document) policy.Effect {
	effect := policy.ImplicitDeny
	for _, d := range docs {
		var root object
		if d == nil || json.Unmarshal([]byte(d.String()), &root) != nil {
			return policy.ExplicitDeny
		}
		for _, s := range root["Statement"].([]any) {
			if !plainStatement(s.(object), r) {
				continue
			}
			if s.(object)["Effect"] == "Deny" {
				return policy.ExplicitDeny
			}
			effect = policy.Allow
		}
	}
	return effect
}

// The pools are small, so that things meet.
func drawTexts(t *rapid.T, label string, pool ...string) any {
	if rapid.Bool().Draw(t, label+" alone") {
		return rapid.SampledFrom(pool).Draw(t, label)
	}
	return rapid.SliceOfN(rapid.SampledFrom(pool), 1, 3).Draw(t, label)
}

func drawConditions(t *rapid.T) object {
	conditions := object{}
	for range rapid.IntRange(0, 2).Draw(t, "operators") {
		operator := rapid.SampledFrom([]string{
			"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
			"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Bool", "Null",
		}).Draw(t, "operator")
		pool := []string{"a", "A", "ab", "a*", "?", "", "😀", "true", "arn:aws:s3:::a"}
		switch {
		case operator == "Null":
			pool = []string{"true", "false"}
		case strings.HasPrefix(operator, "Arn"):
			pool = []string{"arn:aws:s3:::a", "arn:*:s?:::a*", "arn:aws:iam::1:x"}
		}
		if operator != "Null" {
			operator = rapid.SampledFrom([]string{"", "ForAllValues:", "ForAnyValue:"}).Draw(t, "prefix") + operator +
				rapid.SampledFrom([]string{"", "IfExists"}).Draw(t, "suffix")
		}
		block := object{}
		for range rapid.IntRange(1, 2).Draw(t, "keys") {
			block[rapid.SampledFrom([]string{"k:a", "k:b", "k:M", "k:n"}).Draw(t, "key")] = drawTexts(t, "wanted", pool...)
		}
		conditions[operator] = block
	}
	return conditions
}

func drawStatement(t *rapid.T, kind policy.Kind, effects ...string) object {
	s := object{"Effect": rapid.SampledFrom(effects).Draw(t, "effect"), "Condition": drawConditions(t)}
	not := func(element string) string {
		if rapid.IntRange(0, 3).Draw(t, "not "+element) == 0 {
			return "Not" + element
		}
		return element
	}
	if kind == policy.Trust {
		s["Action"] = drawTexts(t, "action", "sts:*", "sts:AssumeRole", "STS:assume*", "sts:TagSession", "sts:AssumeRole?ith*")
		s["Principal"] = rapid.SampledFrom([]any{
			"*", object{"AWS": "*"}, object{"AWS": account}, object{"AWS": "arn:aws:iam::" + account + ":root"}, object{"AWS": user},
			object{"Federated": provider}, object{"Federated": []any{"x.example", provider}, "AWS": []any{user}},
		}).Draw(t, "principal")
		return s
	}
	s[not("Action")] = drawTexts(t, "action", "*", "s3:*", "S3:get*", "s3:GetObject", "iam:?et*")
	s[not("Resource")] = drawTexts(t, "resource", "*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:*:s3:::?", "arn:aws:iam::1:role/x")
	return s
}

func drawDocument(t *rapid.T, kind policy.Kind) *policy.Document {
	var statements []any
	for range rapid.IntRange(1, 3).Draw(t, "statements") {
		statements = append(statements, drawStatement(t, kind, "Allow", "Allow", "Deny"))
	}
	return compile(t, kind, statements)
}

func compile(t *rapid.T, kind policy.Kind, statements []any) *policy.Document {
	text, err := json.Marshal(object{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	d, err := policy.Parse(kind, string(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

func drawRequest(t *rapid.T) *policy.Request {
	keys := &policy.Context{}
	pool := rapid.SampledFrom([]string{"a", "A", "ab", "", "😀", "true", "FALSE", "arn:aws:s3:::a", "arn:aws:s3:::abc"})
	for _, key := range []string{"k:a", "K:B"} {
		if rapid.Bool().Draw(t, key+" present") {
			keys.Set(key, pool.Draw(t, key))
		}
	}
	for _, key := range []string{"k:m", "k:n"} {
		if rapid.Bool().Draw(t, key+" present") {
			keys.SetMulti(key, rapid.SliceOfN(pool, 0, 3).Draw(t, key))
		}
	}
	return &policy.Request{
		Action:   rapid.SampledFrom([]string{"s3:GetObject", "s3:PutObject", "iam:GetRole", "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:TagSession"}).Draw(t, "action"),
		Resource: rapid.SampledFrom([]string{"*", "arn:aws:s3:::b", "arn:aws:s3:::b/k", "arn:aws:iam::1:role/x"}).Draw(t, "resource"),
		Principal: rapid.SampledFrom([]policy.Principal{
			{}, {Federated: provider}, {Federated: provider + "x"}, {ARN: user, Account: account}, {ARN: "arn:aws:iam::1:user/y", Account: "1"},
		}).Draw(t, "principal"),
		Context: keys,
	}
}

func drawKind(t *rapid.T) policy.Kind {
	return rapid.SampledFrom([]policy.Kind{policy.Identity, policy.Trust}).Draw(t, "kind")
}

func drawDocuments(t *rapid.T, kind policy.Kind) []*policy.Document {
	docs := make([]*policy.Document, rapid.IntRange(0, 3).Draw(t, "documents"))
	for i := range docs {
		docs[i] = drawDocument(t, kind)
	}
	return docs
}

func TestDecideAgreesWithReference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		docs, r := drawDocuments(t, drawKind(t)), drawRequest(t)
		if got, want := policy.Decide(r, docs, nil).Effect, plainDecide(r, docs); got != want {
			t.Fatalf("%v, want %v\n%v\n%+v", got, want, docs, r)
		}
	})
}

// With and without reasons the decision is the same, and the reasons bear it out.
func TestReasonsDoNotChangeTheDecision(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		docs, r := drawDocuments(t, drawKind(t)), drawRequest(t)
		if rapid.IntRange(0, 9).Draw(t, "unread") == 0 {
			docs = append(docs, nil)
		}
		var why policy.Reasons
		got := policy.Decide(r, docs, nil)
		if told := policy.Decide(r, docs, &why); told != got || why.Decision != got {
			t.Fatalf("%+v with reasons, %+v without", told, got)
		}
		first := policy.Decision{Document: -1, Statement: -1}
		for i := range why.Statements {
			s := &why.Statements[i]
			all := s.Principal.Matched && s.Action.Matched && s.Resource.Matched
			for _, c := range s.Conditions {
				all = all && c.Matched
			}
			if s.Statement >= 0 && all != s.Matched {
				t.Fatalf("statement matched %v, its elements %v:\n%v", s.Matched, all, s)
			}
			switch {
			case !s.Matched:
			case s.Effect == "Deny" && first.Effect != policy.ExplicitDeny:
				first = policy.Decision{Effect: policy.ExplicitDeny, Document: s.Document, Statement: s.Statement}
			case s.Effect == "Allow" && first.Effect == policy.ImplicitDeny:
				first = policy.Decision{Effect: policy.Allow, Document: s.Document, Statement: s.Statement}
			}
		}
		if first != got {
			t.Fatalf("the reasons add up to %+v, the decision is %+v", first, got)
		}
	})
}

// A further Deny, or a document that cannot be read, only closes; a further
// Allow never undoes a Deny.
func TestDenyOnlyCloses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := drawKind(t)
		docs, r := drawDocuments(t, kind), drawRequest(t)
		before := policy.Decide(r, docs, nil).Effect
		at := rapid.IntRange(0, len(docs)).Draw(t, "at")

		deny := compile(t, kind, []any{drawStatement(t, kind, "Deny")})
		after := policy.Decide(r, slices.Insert(slices.Clone(docs), at, deny), nil).Effect
		if after != before && after != policy.ExplicitDeny {
			t.Fatalf("with a Deny more, %v became %v", before, after)
		}
		allow := compile(t, kind, []any{drawStatement(t, kind, "Allow")})
		after = policy.Decide(r, slices.Insert(slices.Clone(docs), at, allow), nil).Effect
		if after != before && (before != policy.ImplicitDeny || after != policy.Allow) {
			t.Fatalf("with an Allow more, %v became %v", before, after)
		}
		after = policy.Decide(r, slices.Insert(slices.Clone(docs), at, nil), nil).Effect
		if after != policy.ExplicitDeny {
			t.Fatalf("with a document that cannot be read, %v", after)
		}
	})
}

// The order of documents, and of the statements in one, never matters.
func TestOrderNeverMatters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := drawKind(t)
		r := drawRequest(t)
		var statements []any
		for range rapid.IntRange(1, 5).Draw(t, "statements") {
			statements = append(statements, drawStatement(t, kind, "Allow", "Deny"))
		}
		want := policy.Decide(r, []*policy.Document{compile(t, kind, statements)}, nil).Effect
		moved := rapid.Permutation(statements).Draw(t, "moved")
		if got := policy.Decide(r, []*policy.Document{compile(t, kind, moved)}, nil).Effect; got != want {
			t.Fatalf("moved in one document: %v, want %v", got, want)
		}
		var docs []*policy.Document
		for _, s := range moved {
			docs = append(docs, compile(t, kind, []any{s}))
		}
		if got := policy.Decide(r, docs, nil).Effect; got != want {
			t.Fatalf("one document each: %v, want %v", got, want)
		}
	})
}

// The properties would be empty if one effect were all that is ever drawn.
func TestReferenceMeetsAllEffects(t *testing.T) {
	t.Parallel()
	gen := rapid.Custom(func(t *rapid.T) policy.Effect {
		return policy.Decide(drawRequest(t), drawDocuments(t, drawKind(t)), nil).Effect
	})
	seen := map[policy.Effect]int{}
	for seed := range 300 {
		seen[gen.Example(seed)]++
	}
	for _, e := range []policy.Effect{policy.ImplicitDeny, policy.Allow, policy.ExplicitDeny} {
		if seen[e] < 15 {
			t.Errorf("%v was drawn %d times of 300", e, seen[e])
		}
	}
}
