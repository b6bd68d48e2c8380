package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/daypass/daypass/internal/policy"
	"pgregory.net/rapid"
)

// dice draw the documents and requests of the properties: rapid's, which finds
// small examples, or plain ones, which are many times faster.
type dice interface {
	// roll returns a number from 0 on, less than n.
	roll(n int, what string) int
}

type rapidDice struct{ t *rapid.T }

func (d rapidDice) roll(n int, what string) int { return rapid.IntRange(0, n-1).Draw(d.t, what) }

type plainDice struct{ r *rand.Rand }

func (d plainDice) roll(n int, _ string) int { return d.r.IntN(n) }

func pick[T any](d dice, what string, pool ...T) T { return pool[d.roll(len(pool), what)] }

// The pools are small, so that things meet.
const (
	roleARN    = "arn:aws:iam::123456789012:role/ci/r"
	sessionARN = "arn:aws:sts::123456789012:assumed-role/r/s"
	roleID     = "AROAEXAMPLE00000001"
	userID     = "AIDAEXAMPLE00000001"
	stranger   = "arn:aws:iam::999999999999:user/y"
)

var canonicalID = strings.Repeat("0f", 32)

func drawTexts(d dice, what string, pool ...string) any {
	if d.roll(2, what+" alone") == 0 {
		return pick(d, what, pool...)
	}
	texts := make([]any, 1+d.roll(3, what+" count"))
	for i := range texts {
		texts[i] = pick(d, what, pool...)
	}
	return texts
}

var stringBases = []string{"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"}

// drawOperator returns an operator without prefix and suffix, and values that
// it takes. Session policies take more.
func drawOperator(d dice, kind policy.Kind) (base string, pool []string) {
	order := []string{"Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"}
	var malformed []string
	switch d.roll(10, "family") {
	case 0, 1, 2, 3:
		return pick(d, "operator", stringBases...), []string{
			"a", "A", "ab", "a*", "?", "", "😀", "é", "true", "arn:aws:s3:::a", "*b",
			"${k:a}", "${k:a}*", "x${k:m}", "${k:m, 'a'}", "${k:c, 'ab'}", "${*}", "a${?}${$}", "${K:B}b",
		}
	case 4, 5:
		base = "Arn" + pick(d, "operator", "Equals", "Like", "NotEquals", "NotLike")
		pool = []string{"arn:aws:s3:::a", "arn:*:s?:::a*", "arn:aws:iam::1:x", "${k:a}", "arn:aws:s3:::${k:b}", "arn:aws:${k:a, 's3'}:::a?"}
		malformed = []string{"a", "arn:aws:s3"}
	case 6:
		base, pool = "Numeric"+pick(d, "operator", order...), []string{"1", "1.0", "01", "+1", "1e0", "2", "-3", "10", "0", "1.50"}
		malformed = []string{"NaN", "a", ""}
	case 7:
		base, pool = "Date"+pick(d, "operator", order...), []string{"2030-01-01", "2030-01-01T00:00:00Z", "1893456000", "2030-01-01T01:00+01:00", "2029-12", "2030-01-01T00:00:00.001Z"}
		malformed = []string{"2030", "tomorrow"}
	case 8:
		base, pool = pick(d, "operator", "IpAddress", "NotIpAddress"), []string{"192.0.2.0/24", "192.0.2.7", "0.0.0.0/0", "2001:db8::/32", "::/0", "192.0.2.9/30"}
		malformed = []string{"192.0.2", "2001:db8::1/32"}
	default:
		return pick(d, "operator", "Bool", "BinaryEquals"), []string{"true", "YQ=="}
	}
	if kind == policy.Session {
		pool = append(pool, malformed...)
	}
	return base, pool
}

func drawConditions(d dice, kind policy.Kind) object {
	conditions := object{}
	for range d.roll(3, "operators") {
		operator, pool := "Null", []string{"true", "false"}
		if d.roll(12, "null") != 0 {
			operator, pool = drawOperator(d, kind)
			if operator == "BinaryEquals" {
				pool = pool[1:]
			}
			operator = pick(d, "prefix", "", "", "ForAllValues:", "ForAnyValue:") + operator + pick(d, "suffix", "", "", "IfExists")
		}
		block := object{}
		for range 1 + d.roll(2, "keys") {
			block[pick(d, "key", "k:a", "k:b", "k:M", "k:n")] = drawTexts(d, "wanted", pool...)
		}
		conditions[operator] = block
	}
	return conditions
}

func drawPrincipal(d dice, kind policy.Kind) any {
	all := []any{
		"*",
		object{"AWS": "*"},
		object{"AWS": account},
		object{"AWS": "arn:aws:iam::" + account + ":root"},
		object{"AWS": user},
		object{"Federated": provider},
		object{"Federated": []any{"x.example", provider}, "AWS": []any{user}},
		object{"AWS": []any{account, roleARN, sessionARN}},
		object{"AWS": []any{account, roleARN}},
		object{"AWS": roleARN},
		object{"AWS": sessionARN},
		object{"AWS": []any{account, user}},
		object{"AWS": []any{roleID, userID}},
		object{"Service": "ec2.amazonaws.com"},
		object{"CanonicalUser": canonicalID},
		object{"CanonicalUser": canonicalID, "AWS": []any{userID, roleARN}},
	}
	return pick(d, "principal", all...)
}

func drawStatement(d dice, kind policy.Kind, effects ...string) object {
	s := object{"Effect": pick(d, "effect", effects...), "Condition": drawConditions(d, kind)}
	not := func(element string) string {
		if d.roll(4, "not "+element) == 0 {
			return "Not" + element
		}
		return element
	}
	switch kind {
	case policy.Trust:
		s["Principal"] = drawPrincipal(d, kind)
	case policy.Resource:
		if s["Effect"] == "Deny" {
			s[not("Principal")] = drawPrincipal(d, kind)
		} else {
			s["Principal"] = drawPrincipal(d, kind)
		}
	}
	if kind == policy.Trust {
		s["Action"] = drawTexts(d, "action", "sts:Assume*", "sts:AssumeRole", "STS:assume*", "sts:TagSession", "sts:AssumeRole?ith*")
		return s
	}
	s[not("Action")] = drawTexts(d, "action", "*", "s3:*", "S3:get*", "s3:GetObject", "iam:?et*", "sts:*")
	s[not("Resource")] = drawTexts(d, "resource", "*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:*:s3:::?", "arn:aws:iam::1:role/x",
		"arn:aws:s3:::${k:a}", "arn:aws:s3:::b/${k:c, 'k'}", "arn:aws:s3:::${k:m}*", "arn:aws:s3:::${*}", "arn:${k:b}:*")
	return s
}

func drawStatements(d dice, kind policy.Kind, effects ...string) []any {
	count := 1 + d.roll(3, "statements")
	if d.roll(3, "long") == 0 {
		count = 8 + d.roll(5, "statements") // long enough for an index
	}
	statements := make([]any, count)
	for i := range statements {
		statements[i] = drawStatement(d, kind, effects...)
	}
	return statements
}

func drawDocument(t rapid.TB, d dice, kind policy.Kind) *policy.Document {
	return compile(t, d, kind, drawStatements(d, kind, "Allow", "Allow", "Deny"))
}

// compile makes a document, mostly of the version with variables.
func compile(t rapid.TB, d dice, kind policy.Kind, statements []any) *policy.Document {
	version := pick(d, "version", "2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17")
	return compileVersion(t, kind, version, statements)
}

func compileVersion(t rapid.TB, kind policy.Kind, version string, statements []any) *policy.Document {
	if version == "2008-10-17" { // in which a variable is text, and so no ARN
		text, err := json.Marshal(statements)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `Arn`) || strings.Contains(string(text), `"arn:${`) {
			version = "2012-10-17"
		}
	}
	text, err := json.Marshal(object{"Version": version, "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := policy.Parse(kind, string(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return doc
}

func drawRequest(d dice) *policy.Request {
	keys := &policy.Context{}
	pool := []string{
		"a", "A", "ab", "", "😀", "É", "true", "FALSE", "arn:aws:s3:::a", "arn:aws:s3:::abc", "arn:aws:iam::1:x", "*", "b", "aws", "a?$",
		"1", "01.00", "2", "-3.0", "no-number", "2030-01-01T00:00:00Z", "2029-12-31", "1893456000", "192.0.2.9", "::ffff:192.0.2.7", "2001:db8::1", "YQ==",
	}
	for _, key := range []string{"k:a", "K:B"} {
		if d.roll(3, key+" present") > 0 {
			keys.Set(key, pick(d, key, pool...))
		}
	}
	for _, key := range []string{"k:m", "k:n"} {
		if d.roll(2, key+" present") == 0 {
			continue
		}
		values := make([]string, d.roll(4, key+" count"))
		for i := range values {
			values[i] = pick(d, key, pool...)
		}
		keys.SetMulti(key, values)
	}
	return &policy.Request{
		Action:   pick(d, "action", "s3:GetObject", "S3:PUTObject", "iam:GetRole", "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:TagSession"),
		Resource: pick(d, "resource", "*", "arn:aws:s3:::b", "arn:aws:s3:::b/k", "arn:aws:s3:::a", "arn:aws:s3:::*", "arn:aws:iam::1:role/x"),
		Principal: pick(d, "principal", []policy.Principal{
			{},
			{Federated: provider},
			{Federated: provider + "x"},
			{ARN: user, Account: account},
			{ARN: user, Account: account, UniqueID: userID, CanonicalUser: canonicalID},
			{ARN: sessionARN, Account: account, RoleARN: roleARN, UniqueID: roleID},
			{ARN: sessionARN, Account: account, RoleARN: roleARN, Bounded: true},
			{ARN: stranger, Account: "999999999999"},
			{Service: "ec2.amazonaws.com"},
			{Anonymous: true},
		}...),
		Context: keys,
	}
}

func drawKind(d dice) policy.Kind {
	return pick(d, "kind", policy.Identity, policy.Trust, policy.Resource, policy.Session, policy.Boundary)
}

func drawDocuments(t rapid.TB, d dice, kind policy.Kind) []*policy.Document {
	docs := make([]*policy.Document, d.roll(4, "documents"))
	for i := range docs {
		docs[i] = drawDocument(t, d, kind)
	}
	return docs
}

// tell shows an example that failed.
func tell(docs []*policy.Document, r *policy.Request) string {
	var b strings.Builder
	for _, d := range docs {
		fmt.Fprintf(&b, "%v %v\n", d.Kind(), d)
	}
	fmt.Fprintf(&b, "%s on %s by %+v\n", r.Action, r.Resource, r.Principal)
	for _, key := range r.Context.Keys() {
		values, multi, _ := r.Context.Get(key)
		fmt.Fprintf(&b, "%s = %q (multivalued %v)\n", key, values, multi)
	}
	return b.String()
}
