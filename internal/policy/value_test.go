package policy_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
)

// captures is the source of a rule that AWS's pages do not give: answers of the
// live service that others recorded and published. They were not repeated.
const captures = "published captures of AWS, 2026"

func TestNumericOperators(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		wanted, got string
		compared    int // got to wanted: below, at or above 0
	}{
		{"1", "1", 0},
		{"1", "2", 1},
		{"2", "1", -1},
		{"1", "01", 0},
		{"01", "1", 0},
		{"1", "+1", 0},
		{"+1", "1", 0},
		{"1", "1.0", 0},
		{"1.", "1", 0},
		{"1", "1e0", 0},
		{"10", "1E1", 0},
		{"0.1", "1e-1", 0},
		{"9007199254740993", "9007199254740992", -1}, // more than a float64 can tell apart
		// Beyond the captures: any size and precision.
		{"0", "-0", 0},
		{"0", "0.000e5", 0},
		{"-1", "-2", -1},
		{"-1", "1", 1},
		{"1", "-1", -1},
		{"0", "-1", -1},
		{"0", "1", 1},
		{"0.5", ".5", 0},
		{"10", "9.999", -1},
		{"0.001", "0.0010000000000000000000000001", 1},
		{"1e2147483647", "1e2147483646", -1},
		{"-1e2147483647", "-1e2147483646", 1},
		{"1e-2147483647", "0", -1},
		{"12300", "123e2", 0},
		{"12300", "12301", 1},
		{"100", "20", -1},
	} {
		table := []conditionCase{}
		for operator, holds := range map[string]bool{
			"NumericEquals": tc.compared == 0, "NumericNotEquals": tc.compared != 0,
			"NumericLessThan": tc.compared < 0, "NumericLessThanEquals": tc.compared <= 0,
			"NumericGreaterThan": tc.compared > 0, "NumericGreaterThanEquals": tc.compared >= 0,
		} {
			table = append(table, conditionCase{operator, strconv.Quote(tc.wanted), one(tc.got), holds})
		}
		testConditions(t, captures, table)
	}
	var unconvertible []conditionCase
	for _, got := range []string{"no-number", "", "NaN", "Infinity", " 1", "1 ", "1,0", "0x1", "1e", "1e2147483648", "-", "١"} {
		unconvertible = append(unconvertible,
			conditionCase{"NumericEquals", `1`, one(got), false},
			conditionCase{"NumericNotEquals", `1`, one(got), true},
			conditionCase{"NumericNotEquals", `["1","2"]`, one(got), true},
			conditionCase{"NumericLessThan", `1`, one(got), false},
			conditionCase{"NumericLessThanEquals", `1`, one(got), false},
			conditionCase{"NumericGreaterThan", `1`, one(got), false},
			conditionCase{"NumericGreaterThanEquals", `1`, one(got), false})
	}
	testConditions(t, captures+": what is no number is unequal to all", unconvertible)
	testConditions(t, captures+": sets of what may be numbers", []conditionCase{
		{"ForAnyValue:NumericEquals", `1`, multi("no-number"), false},
		{"ForAnyValue:NumericEquals", `1`, multi("no-number", "1"), true},
		{"ForAllValues:NumericEquals", `1`, multi("no-number", "1"), false},
		{"ForAnyValue:NumericNotEquals", `1`, multi("no-number", "1"), true},
		{"ForAllValues:NumericNotEquals", `1`, multi("no-number", "2"), true},
		{"ForAllValues:NumericNotEquals", `1`, multi("no-number", "1"), false},
	})
	testConditions(t, "IAM User Guide, Numeric condition operators, …IfExists", []conditionCase{
		{"NumericLessThanEquals", `10`, one("10"), true},
		{"NumericLessThan", `[5,20]`, one("10"), true},
		{"NumericLessThan", `20`, absent, false},
		{"NumericNotEquals", `20`, absent, true},
		{"NumericLessThanIfExists", `20`, absent, true},
		{"NumericLessThanIfExists", `20`, one("30"), false},
		{"NumericLessThan", `20`, multi("1"), false},
	})
}

func TestDateOperators(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		wanted, got string
		compared    int
	}{
		{"2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z", 0},
		{"2030-01-01T00:00:00Z", "2030-01-02T00:00:00Z", 1},
		{"2030-01-01T00:00:00Z", "1893456000", 0},
		{"2030-01-01T00:00:00Z", "+1893456000", 0},
		{"1893456000", "2029-12-31T23:59:59Z", -1},
		{"2030-01-01T00:00:00Z", "2030-01-01", 0},
		{"2030-01-01T00:00:00Z", "2030-01-01T00:00:00", 0},
		{"2030-01-01T00:00:00Z", "2030-01-01T00:00:00.0001Z", 0},
		{"2030-01-01T00:00:00.1231Z", "2030-01-01T00:00:00.1239Z", 0},
		{"2030-01-01T00:00:00.123Z", "2030-01-01T00:00:00.124Z", 1},
		// W3C, "Date and Time Formats", which the IAM User Guide refers to.
		{"2030-01-01T00:00Z", "2030-01-01T01:00+01:00", 0},
		{"2030-01-01T00:00Z", "2029-12-31T19:00:00-05:00", 0},
		{"2030-01", "2030-01-01", 0},
		{"2030-01-01T00:00:00.5Z", "2030-01-01T00:00:00.500Z", 0},
		{"2028-02-29", "2028-02-28", -1},
		{"0", "1970-01-01", 0},
		{"-1", "1969-12-31T23:59:59Z", 0},
	} {
		table := []conditionCase{}
		for operator, holds := range map[string]bool{
			"DateEquals": tc.compared == 0, "DateNotEquals": tc.compared != 0,
			"DateLessThan": tc.compared < 0, "DateLessThanEquals": tc.compared <= 0,
			"DateGreaterThan": tc.compared > 0, "DateGreaterThanEquals": tc.compared >= 0,
		} {
			table = append(table, conditionCase{operator, strconv.Quote(tc.wanted), one(tc.got), holds})
		}
		testConditions(t, captures, table)
	}
	var unconvertible []conditionCase
	for _, got := range append(malformedLiterals()["DateEquals"], "2030-01-01T00:00:00z") {
		unconvertible = append(unconvertible,
			conditionCase{"DateEquals", `"2030-01-01"`, one(got), false},
			conditionCase{"DateNotEquals", `"2030-01-01"`, one(got), true},
			conditionCase{"DateLessThan", `"2030-01-01"`, one(got), false},
			conditionCase{"DateGreaterThan", `"1960-01-01"`, one(got), false})
	}
	testConditions(t, captures+": what is no date is unequal to all", unconvertible)
	testConditions(t, "unquoted seconds", []conditionCase{{"DateLessThan", `1893456000`, one("2029-12-31"), true}})
}

func TestBinaryEquals(t *testing.T) {
	t.Parallel()
	testConditions(t, captures, []conditionCase{
		{"BinaryEquals", `"YQ=="`, one("YQ=="), true},
		{"BinaryEquals", `"YQ=="`, one("Yg=="), false},
		{"BinaryEquals", `"YQ=="`, one("YQ"), false},
		{"BinaryEquals", `"YQ=="`, one("YR=="), false},
		{"BinaryEquals", `"YQ=="`, one("no-binary"), false},
		{"BinaryEquals", `"YQ=="`, one(""), false},
		{"BinaryEquals", `"YQ=="`, one(" YQ== "), false},
		{"BinaryEquals", `["Yg==","YQ=="]`, one("YQ=="), true},
		{"BinaryEqualsIfExists", `"YQ=="`, absent, true},
	})
}

func TestIPOperators(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		wanted, got string
		within      bool
	}{
		{"192.0.2.0/24", "192.0.2.1", true},
		{"192.0.2.0/24", "192.0.3.1", false},
		{"192.0.2.0/24", "192.000.2.1", true},
		{"192.0.2.7", "192.0.2.7", true},
		{"192.0.2.7", "192.0.2.8", false},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "192.0.2.1", false},
		{"192.0.2.77/24", "192.0.2.1", true}, // host bits of IPv4 are ignored
		{"192.0.2.0/+24", "192.0.2.1", true},
		{"192.0.2.0/024", "192.0.2.1", true},
		{"192.0.2.0/24", "::ffff:192.0.2.1", true},
		{"192.0.2.0/24", "::ffff:c000:201", true},
		{"::ffff:0:0/96", "192.0.2.1", false},
		{"::ffff:0:0/96", "::ffff:192.0.2.1", false},
		{"2001:db8::4/127", "2001:db8::5", true},
		{"2001:db8::4/127", "2001:db8::6", false},
		{"2001:DB8::1", "2001:db8:0::1", true},
		{"2001:db8::1", "2001:db8::2", false},
	} {
		testConditions(t, captures+"; IAM User Guide, IP address condition operators", []conditionCase{
			{"IpAddress", strconv.Quote(tc.wanted), one(tc.got), tc.within},
			{"NotIpAddress", strconv.Quote(tc.wanted), one(tc.got), !tc.within},
		})
	}
	var malformed []conditionCase
	for _, got := range []string{"not-an-ip", "", "192.0.2.1/32", "192.0.2", "192.0.2.256", "192.0.2.1 ", "2001:db8::1%eth0", "2001:db8:::1", "::ffff:192.0.2.1/128", "0x7f.0.0.1"} {
		malformed = append(malformed,
			conditionCase{"IpAddress", `["0.0.0.0/0","::/0"]`, one(got), false},
			conditionCase{"NotIpAddress", `"192.0.2.0/24"`, one(got), false},
			conditionCase{"NotIpAddressIfExists", `"192.0.2.0/24"`, one(got), false},
			conditionCase{"ForAllValues:NotIpAddress", `"192.0.2.0/24"`, multi(got), false},
			conditionCase{"ForAnyValue:NotIpAddress", `"192.0.2.0/24"`, multi(got), false})
	}
	testConditions(t, captures+": what is no address never matches", malformed)
	testConditions(t, "IAM User Guide, Condition operators", []conditionCase{
		{"NotIpAddress", `["192.0.2.0/24","198.51.100.0/24"]`, one("198.51.100.1"), false},
		{"IpAddress", `"192.0.2.0/24"`, absent, false},
		{"NotIpAddress", `"192.0.2.0/24"`, absent, true},
		{"IpAddressIfExists", `"192.0.2.0/24"`, absent, true},
	})
}

// What Null takes for true: published captures of AWS, 2026.
func TestNullTakesAnyLiteral(t *testing.T) {
	t.Parallel()
	testConditions(t, captures, []conditionCase{
		{"Null", `"yes"`, one("a"), true}, // all but true is false
		{"Null", `"yes"`, absent, false},
		{"Null", `"TRUE"`, one("a"), false},
		{"Bool", `"yes"`, one("false"), true},
	})
}

// Lower-casing looks at the neighbours of a sigma, and leaves characters outside
// the Basic Multilingual Plane alone: published captures of AWS, 2026.
func TestLowerCase(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		wanted, got string
		same        bool
	}{
		{"prod", "PrOd", true},
		{"I", "ı", false},
		{"i", "İ", false},
		{"İ", "i\u0307", true},
		{"K", "\u212a", true},
		{"s", "ſ", false},
		{"ß", "ẞ", true},
		{"ß", "SS", false},
		{"Σ", "ς", false},
		{"Σ", "σ", true},
		{"ΟΣ", "ος", true},
		{"ΟΣ", "οσ", false},
		{"ΟΣΑ", "οσα", true},
		{"ΟΣ.Α", "οσ.α", true}, // the point is skipped
		{"Ο.Σ", "ο.ς", true},
		{"É", "é", true},
		{"é", "e\u0301", false},
		{"𐐀", "𐐨", false},
		{"𐐀", "𐐀", true},
	} {
		table := []conditionCase{
			{"StringEqualsIgnoreCase", strconv.Quote(tc.wanted), one(tc.got), tc.same},
			{"StringNotEqualsIgnoreCase", strconv.Quote(tc.wanted), one(tc.got), !tc.same},
		}
		testConditions(t, captures, table)
		var keys policy.Context
		keys.Set("k:k", tc.got)
		keys.Set("k:v", tc.wanted)
		if got := meets(t, `{"StringEqualsIgnoreCase":{"k:k":"${k:v}"}}`, &keys); got != tc.same {
			t.Errorf("%q against the variable %q = %v, want %v", tc.got, tc.wanted, got, tc.same)
		}
	}
}

// A session policy may hold literals that IAM would not store. Numbers, dates
// and addresses then equal nothing, and are not equal to everything. An ARN that
// is none ends the comparison where it stands: an Allow does not apply and a Deny
// does. (Published captures of AWS, 2026, which these repeat one by one.)
func TestMalformedLiteralsInSessionPolicies(t *testing.T) {
	t.Parallel()
	const userARN = "arn:aws:iam::123456789012:user/test"
	for _, tc := range []struct {
		operator, wanted, got string
		allow, deny           bool // does an Allow apply, does a Deny
	}{
		{"NumericEquals", `"NaN"`, "1", false, false},
		{"NumericNotEquals", `"NaN"`, "1", true, true},
		{"NumericNotEquals", `"NaN"`, "no-number", true, true},
		{"NumericLessThan", `"NaN"`, "1", false, false},
		{"NumericEquals", `["NaN","1"]`, "1", true, true},
		{"DateEquals", `"not-a-date"`, "2030-01-01T00:00:00Z", false, false},
		{"DateEquals", `"not-a-date"`, "not-a-date", false, false},
		{"DateNotEquals", `"not-a-date"`, "2030-01-01T00:00:00Z", true, true},
		{"DateNotEquals", `"not-a-date"`, "not-a-date", true, true},
		{"IpAddress", `"not-an-ip"`, "192.0.2.1", false, false},
		{"IpAddress", `"not-an-ip"`, "not-an-ip", false, false},
		{"NotIpAddress", `"not-an-ip"`, "192.0.2.1", true, true},
		{"NotIpAddress", `"not-an-ip"`, "not-an-ip", false, false},
		{"IpAddress", `"2001:db8::5/64"`, "2001:db8::1", false, false}, // host bits
		{"IpAddress", `"2001:db8::5/64"`, "2001:db8::5", false, false},
		{"NotIpAddress", `"2001:db8::5/64"`, "2001:db8::5", true, true},
		{"ArnLike", `"not-an-arn"`, userARN, false, true},
		{"ArnLike", `"not-an-arn"`, "not-an-arn", false, false},
		{"ArnNotLike", `"not-an-arn"`, userARN, false, true},
		{"ArnNotLike", `"not-an-arn"`, "not-an-arn", false, false},
		{"ArnLike", `["not-an-arn","arn:aws:iam::*:user/*"]`, userARN, false, true},
		{"ArnLike", `["arn:aws:iam::*:user/*","not-an-arn"]`, userARN, true, true},
		{"ArnLike", `["not-an-arn","arn:aws:iam::*:role/*"]`, userARN, false, true},
		{"ArnLike", `["arn:aws:iam::*:role/*","not-an-arn"]`, userARN, false, true},
		{"ArnNotLike", `["not-an-arn","arn:aws:iam::*:user/*"]`, userARN, false, true},
		{"ArnNotLike", `["arn:aws:iam::*:user/*","not-an-arn"]`, userARN, false, false},
		{"ArnNotLike", `["not-an-arn","arn:aws:iam::*:role/*"]`, userARN, false, true},
		{"ArnNotLike", `["arn:aws:iam::*:role/*","not-an-arn"]`, userARN, false, true},
	} {
		var keys policy.Context
		keys.Set("k:k", tc.got)
		r := &policy.Request{Action: "s3:GetObject", Resource: "*", Context: &keys}
		condition := `"Action":"*","Resource":"*","Condition":{"` + tc.operator + `":{"k:k":` + tc.wanted + `}}`
		allow := mustParse(t, policy.Session, identity(`"Effect":"Allow",`+condition))
		deny := mustParse(t, policy.Session, identity(`"Effect":"Deny",`+condition))
		if got := decide(t, r, allow).Allowed(); got != tc.allow {
			t.Errorf("%s %s against %q: an Allow applies %v, want %v", tc.operator, tc.wanted, tc.got, got, tc.allow)
		}
		if got := decide(t, r, deny).Effect == policy.ExplicitDeny; got != tc.deny {
			t.Errorf("%s %s against %q: a Deny applies %v, want %v", tc.operator, tc.wanted, tc.got, got, tc.deny)
		}
	}
	for _, value := range []string{"no-binary", "YQ"} {
		if _, err := policy.Parse(policy.Session, identity(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"BinaryEquals":{"k:k":"`+value+`"}}`)); err == nil {
			t.Errorf("a session policy took the binary %q", value)
		}
	}
}

// Nothing that a request or a document holds takes more than its share of time;
// these would not end otherwise.
func TestNoValueTakesLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 100_000)
	sigmas := strings.Repeat("Σ'", 30_000)
	var variables strings.Builder
	for range 10_000 {
		variables.WriteString("${k:big}")
	}
	var keys policy.Context
	keys.Set("k:n", "1e-2147483647")
	keys.Set("k:long", long)
	keys.Set("k:s", sigmas)
	keys.Set("k:big", strings.Repeat("b", 10_000))
	keys.Set("k:arn", "arn:aws:s3:::b")
	for condition, want := range map[string]bool{
		`{"NumericLessThan":{"k:n":"1e2147483647"}}`:                                  true,
		`{"NumericEquals":{"k:long":"` + long[1:] + `e1"}}`:                           false,
		`{"StringEqualsIgnoreCase":{"k:s":"` + sigmas + `"}}`:                         true,
		`{"StringLike":{"k:long":"` + strings.Repeat("*9", 1000) + `8"}}`:             false,
		`{"StringLike":{"k:long":"` + variables.String() + `"}}`:                      false,
		`{"StringEqualsIgnoreCase":{"k:long":"` + variables.String() + `"}}`:          false,
		`{"ArnLike":{"k:arn":"arn:aws:s3:::` + variables.String() + `"}}`:             false,
		`{"ArnLike":{"k:arn":"` + strings.Repeat("${k:n, 'x'}", 5000) + `:a:b:c:"}}`:  false,
		`{"IpAddress":{"k:long":"192.0.2.0/24"}}`:                                     false,
		`{"DateEquals":{"k:long":"2030-01-01"}}`:                                      false,
		`{"NotIpAddress":{"k:k":["` + strings.Repeat(`::/0","`, 10_000) + `::/0"]}}`:  true,
		`{"StringNotLike":{"k:n":["` + strings.Repeat(`*1*","`, 10_000) + `::/0"]}}`:  false,
		`{"StringEquals":{"k:long":"${k:long}"}}`:                                     true,
		`{"StringNotEquals":{"k:long":["${k:absent}","${k:absent, 'x'}"],"k:n":"1"}}`: true,
	} {
		if got := meets(t, condition, &keys); got != want {
			t.Errorf("%.80s = %v, want %v", condition, got, want)
		}
	}
}
