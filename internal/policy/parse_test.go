package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
)

const (
	provider = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
	syntax   = "Syntax errors in policy."
	legacy   = "The policy failed legacy parsing"
)

// identity and trust put one statement's members into a whole document.
func identity(members string) string {
	return `{"Version":"2012-10-17","Statement":[{` + members + `}]}`
}

func trust(members string) string { return identity(members) }

func mustParse(t testing.TB, kind policy.Kind, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse(kind, text)
	if err != nil {
		t.Fatalf("Parse(%v): %v\n%s", kind, err, text)
	}
	return d
}

func TestParseAccepts(t *testing.T) {
	t.Parallel()
	const trusted = `"Effect":"Allow","Action":"sts:AssumeRole","Principal":`
	for _, tc := range []struct {
		name string
		kind policy.Kind
		text string
	}{
		{"one statement as an object", policy.Identity, `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`},
		{"the older version", policy.Identity, `{"Version":"2008-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"]}]}`},
		{"elements in any order", policy.Identity, `{"Statement":[{"Resource":"*","Condition":{},"Sid":"A1","NotAction":"iam:*","Effect":"Allow"}],"Version":"2012-10-17"}`},
		{"several empty Sids", policy.Identity, `{"Statement":[{"Sid":"","Effect":"Allow","Action":"a:b","Resource":"*"},{"Sid":"","Effect":"Allow","Action":"a:b","NotResource":"*"}]}`},
		{"ARN patterns", policy.Identity, identity(`"Effect":"Allow","Action":"s3:Get*","Resource":["arn:aws:s3:::b/*","arn:*:s3:::b","arn:aws:s3:*","arn:aws-cn:iam::123456789012:role/?x"]`)},
		{"${ in the older version is literal", policy.Identity, `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}","Condition":{"StringEquals":{"a:b":"${*}"}}}}`},
		{"${ without version is literal", policy.Identity, `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${x}"}}`},
		{"unquoted values", policy.Identity, identity(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a:b":true},"StringEquals":{"a:b":[1,2.5,false,"x"]},"Null":{"a:c":false}}`)},
		{"all operators", policy.Identity, identity(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{` + allOperators() + `}`)},
		{"anyone", policy.Trust, trust(trusted + `"*"`)},
		{"principals of AWS", policy.Trust, trust(trusted + `{"AWS":["*","123456789012","arn:aws:iam::123456789012:root","arn:aws:iam::123456789012:role/ci/x","arn:aws:iam::123456789012:user/x","arn:aws:sts::123456789012:assumed-role/x/job=1@a"]}`)},
		{"federated principals", policy.Trust, trust(trusted + `{"Federated":["` + provider + `","arn:aws:iam::123456789012:oidc-provider/localhost:8443/a","arn:aws:iam::123456789012:saml-provider/x","cognito-identity.amazonaws.com"]}`)},
		{"services", policy.Trust, trust(trusted + `{"Service":["ec2.amazonaws.com"],"CanonicalUser":"` + strings.Repeat("0f", 32) + `"}`)},
		{"Id", policy.Trust, `{"Id":"x","Statement":{` + trusted + `"*"}}`},
		{"actions of a trust", policy.Trust, trust(`"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole","STS:assumerolewithwebidentity","sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity","sts:SetContext","sts:Assume*","sts:*e"]`)},
		{"deep enough", policy.Identity, identity(`"Effect":"Allow","Action":"s3:*","Resource":"*"`) + strings.Repeat(" \n", 100)},
	} {
		d, err := policy.Parse(tc.kind, tc.text)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if d.String() != tc.text || d.Kind() != tc.kind {
			t.Errorf("%s: the document is %v %q", tc.name, d.Kind(), d.String())
		}
	}
}

// operatorValues has every operator without prefix and suffix, with a value
// that it takes.
func operatorValues() map[string]string {
	values := map[string]string{"Bool": "true", "BinaryEquals": "YQ==", "IpAddress": "203.0.113.0/24", "NotIpAddress": "2001:db8::/32"}
	for _, base := range []string{"Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"} {
		values["String"+base] = "arn:aws:iam::123456789012:role/*"
	}
	for _, base := range []string{"Equals", "NotEquals", "Like", "NotLike"} {
		values["Arn"+base] = "arn:aws:iam::123456789012:role/*"
	}
	for _, base := range []string{"Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"} {
		values["Numeric"+base], values["Date"+base] = "10.5", "2030-01-31T23:59:59Z"
	}
	return values
}

func allOperators() string {
	var blocks []string
	for base, value := range operatorValues() {
		for _, prefix := range []string{"", "ForAllValues:", "ForAnyValue:"} {
			for _, suffix := range []string{"", "IfExists"} {
				blocks = append(blocks, `"`+prefix+base+suffix+`":{"k:k":"`+value+`"}`)
			}
		}
	}
	slices.Sort(blocks)
	return strings.Join(append(blocks, `"Null":{"k:k":"TRUE"}`), ",")
}

type refusal struct {
	name, text      string
	message, detail string // detail is a part of it
}

func testRefusals(t *testing.T, kind policy.Kind, table []refusal) {
	t.Helper()
	for _, tc := range table {
		d, err := policy.Parse(kind, tc.text)
		var e *policy.SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v, want a SyntaxError", tc.name, err)
			continue
		}
		if d != nil {
			t.Errorf("%s: a document came with the error", tc.name)
		}
		if e.Message != tc.message {
			t.Errorf("%s: message %q, want %q", tc.name, e.Message, tc.message)
		}
		if !strings.Contains(e.Detail, tc.detail) || e.Detail == "" {
			t.Errorf("%s: detail %q does not hold %q", tc.name, e.Detail, tc.detail)
		}
		if e.Line < 1 || e.Column < 1 {
			t.Errorf("%s: place %d:%d", tc.name, e.Line, e.Column)
		}
		if !strings.HasPrefix(e.Error(), "policy: ") || !strings.Contains(e.Error(), e.Detail) {
			t.Errorf("%s: error text %q", tc.name, e.Error())
		}
	}
}

// What is not JSON, or more than JSON says.
func TestParseRefusesText(t *testing.T) {
	t.Parallel()
	texts := []refusal{
		{"empty", ``, "", "not JSON"},
		{"cut off", `{"Statement":[`, "", "not JSON"},
		{"two documents", `{} {}`, "", "not JSON"},
		{"comment", "{ // x\n}", "", "not JSON"},
		{"trailing comma", `{"Statement":[],}`, "", "not JSON"},
		{"no UTF-8", "{\"Id\":\"\xff\"}", "", "not UTF-8"},
		{"half a surrogate pair", `{"Id":"\ud83d"}`, "", "surrogate"},
		{"replacement character", `{"Id":"�"}`, "", "U+FFFD"},
		{"name twice", `{"Statement":[],"Statement":[]}`, "", `"Statement" stands twice`},
		{"name twice, escaped", `{"Statement":[],"\u0053tatement":[]}`, "", `"Statement" stands twice`},
		{"name twice, deep", `{"Statement":[{"Condition":{"StringEquals":{"a:b":"x","a:b":"y"}}}]}`, "", `"a:b" stands twice`},
		{"too deep", strings.Repeat("[", 33) + strings.Repeat("]", 33), "", "more than 32 deep"},
		{"far too deep", strings.Repeat("[", 60000) + strings.Repeat("]", 60000), "", "depth"},
		{"too long", `{"Statement":[]}` + strings.Repeat(" ", 131072), "", "131072"},
	}
	for kind, message := range map[policy.Kind]string{
		policy.Identity: syntax,
		policy.Trust:    "This policy contains invalid Json",
	} {
		table := append([]refusal(nil), texts...)
		for i := range table {
			table[i].message = message
		}
		testRefusals(t, kind, table)
	}
}

// What no kind of policy may hold. None of these has a sentence of its own.
func TestParseRefusesUnknown(t *testing.T) {
	t.Parallel()
	const ok = `"Effect":"Allow","Action":"s3:*","Resource":"*"`
	condition := func(block string) string { return identity(ok + `,"Condition":` + block) }
	table := []refusal{
		{"null", `null`, syntax, "not null"},
		{"a list", `[]`, syntax, "not a list"},
		{"a string", `"x"`, syntax, "not a string"},
		{"unknown element", `{"Statement":{` + ok + `},"Comment":"x"}`, syntax, `"Comment" is no element`},
		{"element in other case", `{"statement":{` + ok + `}}`, syntax, `"statement" is no element`},
		{"statement is a string", `{"Statement":"x"}`, syntax, "not a string"},
		{"statement in a list is a string", `{"Statement":["x"]}`, syntax, "a statement is an object"},
		{"unknown element of a statement", identity(ok + `,"Conditions":{}`), syntax, `"Conditions" is no element`},
		{"its case", identity(`"effect":"Allow"`), syntax, "write Effect"},
		{"effect in other case", identity(`"Effect":"allow"`), legacy, `"Allow" or "Deny"`},
		{"effect is a list", identity(`"Effect":["Deny"]`), syntax, `"Allow" or "Deny"`},
		{"Sid is a number", identity(`"Sid":1,` + ok), syntax, "Sid is a string"},
		{"Sid with a space", identity(`"Sid":"a b",` + ok), syntax, `"a b"`},
		{"action is a number", identity(`"Effect":"Allow","Action":1,"Resource":"*"`), syntax, "a number"},
		{"action list holds null", identity(`"Effect":"Allow","Action":["a:b",null],"Resource":"*"`), syntax, "null"},
		{"condition is a list", condition(`[]`), syntax, "not a list"},
		{"condition is null", condition(`null`), syntax, "not null"},
		{"operator without key", condition(`{"StringEquals":{}}`), syntax, "at least one key"},
		{"operator is a string", condition(`{"StringEquals":"x"}`), syntax, "at least one key"},
		{"no values", condition(`{"StringEquals":{"a:b":[]}}`), syntax, "empty list"},
		{"null value", condition(`{"StringEquals":{"a:b":null}}`), syntax, "null"},
		{"object value", condition(`{"StringEquals":{"a:b":{}}}`), syntax, "an object"},
		{"list in a list", condition(`{"StringEquals":{"a:b":[["x"]]}}`), syntax, "a list"},
		{"key without vendor", condition(`{"StringEquals":{"sub":"x"}}`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.", `"sub"`},
		{"unknown operator", condition(`{"StringMatches":{"a:b":"x"}}`), syntax, `"StringMatches": it is no condition operator`},
		{"operator in other case", condition(`{"stringEquals":{"a:b":"x"}}`), syntax, "write StringEquals"},
		{"prefix in other case", condition(`{"forAnyValue:StringEquals":{"a:b":"x"}}`), syntax, "no condition operator"},
		{"two prefixes", condition(`{"ForAnyValue:ForAllValues:StringEquals":{"a:b":"x"}}`), syntax, "no condition operator"},
		{"two suffixes", condition(`{"StringEqualsIfExistsIfExists":{"a:b":"x"}}`), syntax, "no condition operator"},
		{"NullIfExists", condition(`{"NullIfExists":{"a:b":"true"}}`), syntax, "neither IfExists"},
		{"ForAnyValue:Null", condition(`{"ForAnyValue:Null":{"a:b":"true"}}`), syntax, "neither IfExists"},
		{"operator that is none", condition(`{"NumericLess":{"a:b":1}}`), syntax, `"NumericLess": it is no condition operator; known are`},
		{"ARN operator wants an ARN", condition(`{"ArnLike":{"a:b":"*"}}`), legacy, `"*" is no ARN`},
		{"ARN operator wants six parts", condition(`{"ArnEquals":{"a:b":"arn:aws:s3:*"}}`), legacy, "is no ARN"},
	}
	// Literals that IAM does not store: published captures of AWS, 2026.
	for operator, values := range malformedLiterals() {
		for _, value := range values {
			table = append(table,
				refusal{operator + " " + value, condition(`{"` + operator + `":{"a:b":"` + value + `"}}`), legacy, `"` + value + `" is no`},
				refusal{operator + " " + value + ", second", condition(`{"` + operator + `IfExists":{"a:b":["` + operatorValues()[operator] + `","` + value + `"]}}`), legacy, `"` + value + `" is no`})
		}
	}
	for _, value := range []string{"YQ", "YR==", "no-binary", " YQ==", "YQ==\\n", "Y_8="} {
		table = append(table, refusal{"binary " + value, condition(`{"BinaryEquals":{"a:b":"` + value + `"}}`), legacy, "is not base64"})
	}
	for _, variable := range []string{"${", "x${", "${}", "${aws:username", "${username}", "${:x}", "${aws:}", "${aws:a${aws:b}}", "${*", "${aws:username,'x'}", "${aws:username, x}", "${aws:username, 'x}", "${aws:username, 'x' }", "${aws:username, \\\"x\\\"}"} {
		table = append(table,
			refusal{"variable in a value " + variable, condition(`{"StringLike":{"a:b":"` + variable + `"}}`), syntax, "holds a policy variable"},
			refusal{"variable in a resource " + variable, identity(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/` + variable + `"`), syntax, "holds a policy variable"})
	}
	// IAM User Guide, "IAM policy elements: Variables and tags": String and Arn operators only.
	for operator, message := range map[string]string{"NumericEquals": legacy, "DateEquals": legacy, "Bool": syntax, "Null": syntax, "BinaryEquals": legacy, "IpAddress": legacy} {
		table = append(table, refusal{"variable under " + operator, condition(`{"` + operator + `":{"a:b":"${aws:username}"}}`), message, "only the String and Arn operators"})
	}
	table = append(table, refusal{"variable in a key", condition(`{"StringLike":{"aws:RequestTag/${x:y}":"1"}}`), syntax, "policy variable"})
	table = append(table, refusal{
		"version after the statement",
		`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${x}"},"Version":"2012-10-17"}`, syntax, "policy variable",
	})
	testRefusals(t, policy.Identity, table)
}

// malformedLiterals has values that an operator cannot read.
func malformedLiterals() map[string][]string {
	return map[string][]string{
		"NumericEquals":   {"", "NaN", "Infinity", "x", "1 ", "1,5", "0x10", "1e", "1e+", ".", "+", "--1", "1e9999999999", "1_0"},
		"NumericLessThan": {"no-number"},
		"DateEquals": {
			"", "not-a-date", "2030", "2030-13-01", "2030-02-30", "2030-00-01", "2030-01-00", "2030-1-1", "2030-01-01T", "2030-01-01T24:00Z",
			"2030-01-01T00:60Z", "2030-01-01T00:00:60Z", "2030-01-01T00:00:00.Z", "2030-01-01T00:00:00+0100", "2030-01-01T00:00:00+01", "2030-01-01 00:00:00Z",
			"2030-01-01T00:00:00ZZ", "1234567890123456", "1.5", "+", "2030-01-01T00:00:00+24:00",
		},
		"DateGreaterThan": {"tomorrow"},
		"IpAddress": {
			"", "not-an-ip", "203.0.113", "203.0.113.1.2", "203.0.113.256", "203.0.113.0/33", "203.0.113.0/", "203.0.113.0/-1", "203.0.113.0/x", "203..113.0",
			"2001:db8::1/32", "2001:db8::/129", "2001:db8:::1", "::ffff:192.0.2.1", "fe80::1%eth0", "2001:db8::g", "*",
		},
		"NotIpAddress": {"203.0.113.0/24/24"},
		"ArnEquals":    {"", "not-an-arn", "*", "arn:aws:s3:*", "ARN:aws:s3:::b", "arn::s3:::b", "arn:aws:s3:::"},
		"ArnNotLike":   {"arn:aws:s3"},
	}
}

// AWS's sentences for identity policies.
func TestParseRefusesIdentity(t *testing.T) {
	t.Parallel()
	const (
		actions   = "Policy statement must contain actions."
		resources = "Policy statement must contain resources."
		principal = "Policy document should not specify a principal."
		vendor    = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	)
	action := func(list string) string { return identity(`"Effect":"Allow","Resource":"*","Action":` + list) }
	resource := func(list string) string { return identity(`"Effect":"Allow","Action":"s3:*","Resource":` + list) }
	testRefusals(t, policy.Identity, []refusal{
		{"no statement", `{"Version":"2012-10-17"}`, syntax, "no Statement"},
		{"empty statement", `{"Version":"2012-10-17","Statement":[]}`, syntax, "empty Statement"},
		{"version", `{"Version":"2012-10-18","Statement":[]}`, syntax, "2012-10-17"},
		{"version is a number", `{"Version":2012,"Statement":[]}`, syntax, "2012-10-17"},
		{"Id is a list", `{"Id":["x"],"Statement":[]}`, syntax, "Id is a string"},
		{"effect in other case", identity(`"Effect":"denY","Action":"s3:*","Resource":"*"`), legacy, "written so"},
		{"effect that is none", identity(`"Effect":"Permit","Action":"s3:*","Resource":"*"`), syntax, "written so"},
		{"no effect", identity(`"Action":"s3:*","Resource":"*"`), syntax, "no Effect"},
		{"no action", identity(`"Effect":"Allow","Resource":"*"`), actions, "no Action"},
		{"no actions", action(`[]`), actions, "empty list"},
		{"both actions", identity(`"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"`), syntax, "both Action and NotAction"},
		{"no resource", identity(`"Effect":"Allow","Action":"s3:*"`), resources, "no Resource"},
		{"no resources", resource(`[]`), resources, "empty list"},
		{"both resources", identity(`"Effect":"Allow","Action":"s3:*","Resource":"*","NotResource":"*"`), syntax, "both Resource and NotResource"},
		{"principal", identity(`"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"`), principal, "no Principal"},
		{"not principal", identity(`"Effect":"Deny","Action":"s3:*","Resource":"*","NotPrincipal":"*"`), principal, "no NotPrincipal"},
		{"same Sid", `{"Statement":[{"Sid":"A","Effect":"Allow","Action":"a:b","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"a:b","Resource":"*"}]}`, "Statement IDs (SID) in a single policy must be unique.", `"A"`},
		{"action without vendor", action(`"GetObject"`), vendor, `"GetObject"`},
		{"empty action", action(`""`), vendor, "names no service"},
		{"wildcard without vendor", action(`"Get*"`), vendor, "names no service"},
		{"wildcard in the vendor", action(`"s*:GetObject"`), "Vendor s* is not valid", "behind the colon only"},
		{"vendor is *", action(`"*:*"`), "Vendor * is not valid", "behind the colon only"},
		{"empty vendor", action(`":GetObject"`), "Vendor  is not valid", "behind the colon only"},
		{"no name", action(`"s3:"`), syntax, "the name"},
		{"two colons", action(`"s3:Get:Object"`), "Actions/Condition can contain only one colon.", "more than one colon"},
		{"space", action(`"s3:GetObject "`), syntax, "the name"},
		{"resource is no ARN", resource(`"bucket"`), `Resource bucket must be in ARN format or "*".`, `"bucket"`},
		{"empty resource", resource(`""`), `Resource  must be in ARN format or "*".`, "no ARN"},
		{"no resource part", resource(`"arn:aws:s3:::"`), legacy, "no ARN"},
		{"no service", resource(`"arn:aws::::x"`), legacy, "no ARN"},
		{"short ARN, five parts", resource(`"arn:aws:s3::b"`), legacy, "no ARN"},
		{"partition", resource(`"arn:awz:s3:::b"`), `Partition "awz" is not valid for resource "arn:awz:s3:::b".`, "partition"},
		{"no partition", resource(`"arn::s3:::b"`), `Partition "" is not valid for resource "arn::s3:::b".`, "partition"},
		{"second in a list", resource(`["*","bucket"]`), `Resource bucket must be in ARN format or "*".`, `"bucket"`},
		{"two parts", resource(`"x:y"`), `Partition "y" is not valid for resource "arn:y:*:*:*:*".`, "partition"},
		{"no arn in front", resource(`"aws:s3:::b"`), `Partition "s3" is not valid for resource "arn:s3:::b:*".`, "partition"},
		{"eight parts", resource(`"x:y:1:2:3:4:5:6"`), `Partition "y" is not valid for resource "arn:y:1:2:3:4:5:6".`, "partition"},
		{"not arn in front", resource(`"x:aws:s3:::b"`), `Resource x:aws:s3:::b must be in ARN format or "*".`, "begin with arn"},
		{"partition alone", resource(`"arn:aws"`), "Resource vendor must be fully qualified and cannot contain regexes.", "no service"},
		{"IAM with a region", resource(`"arn:aws:iam:eu-west-1:123456789012:role/x"`), "IAM resource arn:aws:iam:eu-west-1:123456789012:role/x cannot contain region information.", "region"},
		{"a bucket with a region", resource(`"arn:aws:s3:eu-west-1::b"`), "Resource arn:aws:s3:eu-west-1::b can not contain region information.", "region"},
		{"no kind of IAM", resource(`"arn:aws:iam::123456789012:rolf/x"`), iamPaths, "no kind of resource"},
		{"no kind of IAM, with a wildcard", resource(`"arn:aws:iam::123456789012:rolf*"`), iamPaths, "no kind of resource"},
	})
}

const iamPaths = `IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`

// TestParseTellsTheFirstFault has documents with several faults. Which of them AWS
// tells of was recorded with CreatePolicy.
func TestParseTellsTheFirstFault(t *testing.T) {
	t.Parallel()
	const (
		version   = "Policy document must be version 2012-10-17 or greater."
		sids      = "Statement IDs (SID) in a single policy must be unique."
		actions   = "Policy statement must contain actions."
		resources = "Policy statement must contain resources."
		badDate   = `"Condition":{"DateLessThan":{"aws:CurrentTime":"soon"}}`
	)
	for _, tc := range []struct{ name, document, message string }{
		{"an older version", `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`, version},
		{"no version", `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`, version},
		{"no version, syntax", `{"Statement":{"Effect":"Allow","Action":{},"Resource":"*"}}`, syntax},
		{"no version, effect in other case", `{"Statement":{"Effect":"aLLow","Action":"s3:*","Resource":"*"}}`, version},
		{"no version, a bad date", `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*",` + badDate + `}}`, version},
		{"no version, a Sid twice", `{"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow"}]}`, version},
		{"a Sid twice, no action", identity(`"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow"`), sids},
		{"a Sid twice, effect in other case", identity(`"Sid":"a","Effect":"aLLow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow"`), legacy},
		{"a bad date, no action", identity(`"Effect":"Allow",` + badDate), legacy},
		{"five parts, no action", identity(`"Effect":"Allow","Resource":"arn:aws:s3::b"`), legacy},
		{"a partition, a bad date", identity(`"Effect":"Allow","Action":"s3:*","Resource":"arn:awz:s3:::b",` + badDate), legacy},
		{"neither action nor resource", identity(`"Effect":"Allow"`), actions},
		{"no vendor, no resource", identity(`"Effect":"Allow","Action":"Get"`), resources},
		{"two colons, no ARN", identity(`"Effect":"Allow","Action":"s3:a:b","Resource":"bucket"`), `Resource bucket must be in ARN format or "*".`},
		{"an empty list, both resources", identity(`"Effect":"Allow","Action":"s3:*","NotResource":[],"Resource":"*"`), syntax},
		{"an empty list, both actions", identity(`"Effect":"Allow","Action":[],"NotAction":"s3:*","Resource":"*"`), syntax},
		{"no action, an operator", identity(`"Effect":"Allow","Resource":"*","Condition":{"Is":{"a:b":"c"}}`), syntax},
	} {
		_, err := policy.ParseManaged(tc.document)
		var e *policy.SyntaxError
		if !errors.As(err, &e) || e.Message != tc.message {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.message)
		}
	}
	for _, text := range []string{
		`{"Id":"x","Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`,
		identity(`"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:iam::123456789012:*","arn:aws:iam::123456789012:ro*","arn:aws:iam::*:user/x","arn:aws:iam::123456789012:root","arn:aws:s3:eu-west-1:123456789012:accesspoint/x","arn:aws:ec2:eu-west-1::x","arn:aws:none:::x"]`),
	} {
		if d, err := policy.ParseManaged(text); err != nil || d.Kind() != policy.Identity {
			t.Errorf("%s: %v %v", text, d.Kind(), err)
		}
	}
}

// AWS's sentences for role trust policies.
func TestParseRefusesTrust(t *testing.T) {
	t.Parallel()
	const (
		onlySTS   = "AssumeRole policy may only specify STS AssumeRole actions."
		federated = "Federated principals must be valid domain names or SAML metadata ARNs"
	)
	principal := func(p string) string {
		return trust(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + p)
	}
	action := func(a string) string { return trust(`"Effect":"Allow","Principal":"*","Action":` + a) }
	table := []refusal{
		{"version", `{"Version":"x","Statement":[]}`, "The policy must contain a valid version string", "2012-10-17"},
		{"no statement", `{}`, "Could not parse the policy: Statement is empty!", "no Statement"},
		{"empty statement", `{"Statement":[]}`, "Could not parse the policy: Statement is empty!", "empty Statement"},
		{"Id is a number", `{"Id":1,"Statement":[]}`, syntax, "Id is a string"},
		{"same Sid", `{"Statement":[{"Sid":"A","Effect":"Allow","Action":"sts:Assume*","Principal":"*"},{"Sid":"A","Effect":"Deny","Action":"sts:Assume*","Principal":"*"}]}`, "The Statement Ids in the policy are not unique", `"A"`},
		{"no effect", trust(`"Action":"sts:AssumeRole","Principal":"*"`), "Missing required field Effect", "no Effect"},
		{"no principal", trust(`"Effect":"Allow","Action":"sts:AssumeRole"`), "Missing required field Principal", "no Principal"},
		{"no action", trust(`"Effect":"Allow","Principal":"*"`), "Missing required field Action", "no Action"},
		{"no actions", action(`[]`), "Missing required field Action", "empty list"},
		{"resource", trust(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"`), "Has prohibited field Resource", "no Resource"},
		{"not resource", trust(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","NotResource":"*"`), "Has prohibited field NotResource", "no NotResource"},
		{"not principal", trust(`"Effect":"Deny","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"*"}`), "AssumeRole policy must not contain NotPrincipal field.", "holds no NotPrincipal"},
		{"not action", trust(`"Effect":"Allow","NotAction":"sts:TagSession","Principal":"*"`), onlySTS, "in Action"},
		{"variable in a principal", principal(`{"AWS":"arn:aws:iam::123456789012:user/${aws:username}"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/${aws:username}"`, "no principal of AWS"},
		{"literal", trust(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Condition":{"NumericEquals":{"a:b":"x"}}`), syntax, "is no number"},
		{"empty principal", principal(`{}`), "Missing required field Principal cannot be empty!", "names nobody"},
		{"empty principal list", principal(`{"AWS":[],"Federated":[]}`), "Missing required field Principal cannot be empty!", "names nobody"},
		{"principal is null", principal(`null`), syntax, "not null"},
		{"principal is a list", principal(`["*"]`), syntax, "not a list"},
		{"principal is a name", principal(`"123456789012"`), `Invalid principal in policy: "123456789012"`, "an object"},
		{"type of principal", principal(`{"Everyone":"*"}`), syntax, `"Everyone" is no type of principal`},
		{"its case", principal(`{"federated":"x.example"}`), syntax, "write Federated"},
		{"value of a principal", principal(`{"AWS":{"x":"y"}}`), syntax, "an object"},
		{"service", principal(`{"Service":"*"}`), `Invalid principal in policy: "Service":"*"`, "service principal"},
		{"canonical user", principal(`{"CanonicalUser":"abc"}`), `Invalid principal in policy: "CanonicalUser":"abc"`, "64 hexadecimal"},
	}
	for _, a := range []string{"*", "s3:GetObject", "sts:GetCallerIdentity", "sts:Get*", "iam:*", "AssumeRole", "sts*:AssumeRole", "sts:Assume Role", ""} {
		table = append(table, refusal{"action " + a, action(`"` + a + `"`), onlySTS, `"` + a + `"`})
	}
	for _, p := range []string{
		"arn:aws:iam::123456789012:role/*", "arn:aws:iam::*:role/x", "arn:aws:iam::123456789012:*", "arn:aws:iam::123456789012:group/x",
		"arn:aws:iam::123456789012:role/", "arn:aws:iam::123456789012:rootx", "arn:aws:iam::123456789012:root/x", "arn:aws:iam::12345:root", "arn:aws:iam:eu-west-1:123456789012:root",
		"arn:aws:sts::123456789012:assumed-role/x", "arn:aws:sts::123456789012:assumed-role/x/*", "arn:aws:sts::123456789012:role/x",
		"arn:aws:s3:::bucket", "12345678901", "1234567890123", "AROAEXAMPLE", "", "**", "arn:aws:iam::123456789012:role/${x}", provider,
	} {
		table = append(table, refusal{"AWS " + p, principal(`{"AWS":"` + p + `"}`), `Invalid principal in policy: "AWS":"` + p + `"`, `"` + p + `"`})
	}
	for _, p := range []string{
		"*", "", "https://gitlab.example.com", "gitlab", "gitlab.example.com/path", "arn:aws:iam::123456789012:oidc-provider/",
		"arn:aws:iam::123456789012:oidc-provider/*", "arn:aws:iam::*:oidc-provider/gitlab.example.com", "arn:aws:iam::123456789012:role/x",
		"arn:aws:iam::123456789012:saml-provider/*", "-a.example", "a..example",
	} {
		table = append(table, refusal{"Federated " + p, principal(`{"Federated":"` + p + `"}`), federated, `"` + p + `"`})
	}
	testRefusals(t, policy.Trust, table)
}

func TestParseRefusesKinds(t *testing.T) {
	t.Parallel()
	text := identity(`"Effect":"Allow","Action":"s3:*","Resource":"*"`)
	for _, kind := range []policy.Kind{0, policy.Boundary + 1, 255} {
		var e *policy.SyntaxError
		if d, err := policy.Parse(kind, text); d != nil || !errors.As(err, &e) {
			t.Errorf("Parse(%v) = %v, %v", kind, d, err)
		}
	}
}

func TestSyntaxErrorPlace(t *testing.T) {
	t.Parallel()
	text := `{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "First", "Effect": "Allow", "Action": "s3:*", "Resource": "*"},
    {"Effect": "Allow", "Action": "s3:*", "Resource": "*",
     "Condition": {"StringEquals": {"a:é": "é", "NoColon": "x"}}, "Sid": "Second"}
  ]
}`
	_, err := policy.Parse(policy.Identity, text)
	var e *policy.SyntaxError
	if !errors.As(err, &e) {
		t.Fatalf("error %v", err)
	}
	if e.Statement != 2 || e.Sid != "Second" || e.Element != "Condition" || e.Line != 6 || e.Column != 49 {
		t.Errorf("place = statement %d, Sid %q, %q, %d:%d; want 2, Second, Condition, 6:49", e.Statement, e.Sid, e.Element, e.Line, e.Column)
	}
	if want := `policy: line 6, column 49, statement 2 (Sid "Second"), Condition: `; !strings.HasPrefix(e.Error(), want) {
		t.Errorf("error %q, want it to begin %q", e, want)
	}

	_, err = policy.Parse(policy.Identity, "{\n  \"Statement\": [],\n  \"Statement\": []\n}")
	if !errors.As(err, &e) || e.Line != 3 || e.Column != 3 || e.Statement != 0 {
		t.Errorf("duplicate: %+v, want 3:3", e)
	}
	_, err = policy.Parse(policy.Identity, "{\n\n  x}")
	if !errors.As(err, &e) || e.Line != 3 || e.Column != 3 {
		t.Errorf("not JSON: %+v, want 3:3", e)
	}
}
