package policy_test

import (
	"testing"

	"github.com/daypass/daypass/internal/policy"
)

// keyed is a request's context in short: the values of k:k.
type keyed struct {
	absent bool
	multi  bool
	values []string
}

func one(value string) keyed       { return keyed{values: []string{value}} }
func multi(values ...string) keyed { return keyed{multi: true, values: values} }
func (k keyed) set(c *policy.Context) {
	switch {
	case k.absent:
	case k.multi:
		c.SetMulti("k:k", k.values)
	default:
		c.Set("k:k", k.values[0])
	}
}

var absent = keyed{absent: true}

type conditionCase struct {
	operator, wanted string // wanted is JSON
	got              keyed
	want             bool
}

// meets decides by a policy of one condition, and checks that the reasons say
// the same.
func meets(t *testing.T, condition string, keys *policy.Context) bool {
	t.Helper()
	d := mustParse(t, policy.Identity, identity(`"Effect":"Allow","Action":"*","Resource":"*","Condition":`+condition))
	r := &policy.Request{Action: "s3:GetObject", Resource: "*", Context: keys}
	docs := []*policy.Document{d}
	got := policy.Decide(r, docs, nil)
	var why policy.Reasons
	if told := policy.Decide(r, docs, &why); told != got || why.Decision != got {
		t.Errorf("%s: %v with reasons, %v without", condition, told, got)
	}
	for _, c := range why.Statements[0].Conditions {
		if !c.Matched && got.Allowed() {
			t.Errorf("%s: allowed over a condition that failed", condition)
		}
	}
	return got.Allowed()
}

func testConditions(t *testing.T, source string, table []conditionCase) {
	t.Helper()
	for _, tc := range table {
		var keys policy.Context
		tc.got.set(&keys)
		if got := meets(t, `{"`+tc.operator+`":{"k:k":`+tc.wanted+`}}`, &keys); got != tc.want {
			t.Errorf("%s %s against %+v = %v, want %v (%s)", tc.operator, tc.wanted, tc.got, got, tc.want, source)
		}
	}
}

func TestStringOperators(t *testing.T) {
	t.Parallel()
	testConditions(t, "IAM User Guide, String condition operators", []conditionCase{
		{"StringEquals", `"a"`, one("a"), true},
		{"StringEquals", `"a"`, one("A"), false},
		{"StringEquals", `"a*"`, one("ab"), false},
		{"StringEquals", `"a*"`, one("a*"), true},
		{"StringEquals", `["x","a"]`, one("a"), true},
		{"StringNotEquals", `"a"`, one("a"), false},
		{"StringNotEquals", `"a"`, one("b"), true},
		{"StringNotEquals", `["a","b"]`, one("b"), false},
		{"StringEqualsIgnoreCase", `"aÉ"`, one("Aé"), true},
		{"StringEqualsIgnoreCase", `"a"`, one("b"), false},
		{"StringEqualsIgnoreCase", `"a"`, one("ab"), false},
		{"StringEqualsIgnoreCase", `"ab"`, one("a"), false},
		{"StringNotEqualsIgnoreCase", `"a"`, one("A"), false},
		{"StringNotEqualsIgnoreCase", `"a"`, one("b"), true},
		{"StringLike", `"a*"`, one("ab"), true},
		{"StringLike", `"a?"`, one("a"), false},
		{"StringLike", `"A*"`, one("ab"), false},
		{"StringNotLike", `"a*"`, one("ab"), false},
		{"StringNotLike", `["x*","a*"]`, one("ab"), false},
		{"StringNotLike", `"a*"`, one("b"), true},
		{"StringEquals", `1`, one("1"), true},
		{"StringEquals", `true`, one("true"), true},
	})
	testConditions(t, "lower-casing, not folding: published captures of AWS, 2026", []conditionCase{
		{"StringEqualsIgnoreCase", `"s"`, one("ſ"), false}, // folding makes these equal
		{"StringEqualsIgnoreCase", `"σ"`, one("ς"), false},
		{"StringEqualsIgnoreCase", `"k"`, one("\u212a"), true}, // the Kelvin sign's lower case is k
		{"StringEqualsIgnoreCase", `"i"`, one("İ"), false},
		{"StringEqualsIgnoreCase", `"İ"`, one("İ"), true},
		{"StringEqualsIgnoreCase", `"ÿ"`, one("\xff"), false},
	})
	testConditions(t, "wildcards cross everything and count UTF-16 units: published captures of AWS, 2026", []conditionCase{
		{"StringLike", `"a*z"`, one("a/:\nz"), true},
		{"StringLike", `"?"`, one("😀"), false},
		{"StringLike", `"??"`, one("😀"), true},
	})
}

func TestArnOperators(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::123456789012:role/ci/x"
	table := []conditionCase{}
	for _, base := range []string{"Equals", "Like"} {
		for _, tc := range []conditionCase{
			{"", `"arn:aws:iam::123456789012:role/ci/x"`, one(role), true},
			{"", `"arn:aws:iam::123456789012:role/*"`, one(role), true},
			{"", `"arn:*:iam::*:role/ci/?"`, one(role), true},
			{"", `"arn:aws:iam::123456789012:ROLE/*"`, one(role), false},
			{"", `"arn:aws:iam::1*:*"`, one(role), true},
			// each part by itself: the * of one part does not reach into the next
			{"", `"arn:aws:i*:role/ci/x:*:x"`, one(role), false},
			{"", `"arn:aws:*:*:*:x"`, one("arn:aws:iam::123456789012:role/x"), false},
			{"", `"arn:aws:s3:::b*c"`, one("arn:aws:s3:::b:/c"), true},
		} {
			tc.operator = "Arn" + base
			table = append(table, tc, conditionCase{"ArnNot" + base, tc.wanted, tc.got, !tc.want})
		}
		for _, malformed := range []string{"", "x", "*", "arn:aws:iam::1", "ARN:aws:iam::1:x", "arn::iam::1:x", "arn:aws:iam::1:"} {
			table = append(table,
				conditionCase{"Arn" + base, `"arn:*:*:*:*:*"`, one(malformed), false},
				conditionCase{"ArnNot" + base, `"arn:aws:iam::1:role/x"`, one(malformed), false},
				conditionCase{"ArnNot" + base + "IfExists", `"arn:aws:iam::1:role/x"`, one(malformed), false},
				conditionCase{"ForAnyValue:ArnNot" + base, `"arn:aws:iam::1:role/x"`, multi(malformed), false},
				conditionCase{"ForAllValues:ArnNot" + base, `"arn:aws:iam::1:role/x"`, multi(malformed), false})
		}
	}
	testConditions(t, "IAM User Guide, ARN condition operators; malformed: published captures of AWS, 2026", table)
}

func TestBoolAndNull(t *testing.T) {
	t.Parallel()
	testConditions(t, "Bool: published captures of AWS, 2026", []conditionCase{
		{"Bool", `"true"`, one("true"), true},
		{"Bool", `true`, one("TRUE"), true},
		{"Bool", `"True"`, one("true"), true},
		{"Bool", `"true"`, one("false"), false},
		{"Bool", `"false"`, one("false"), true},
		{"Bool", `"false"`, one("anything"), true},
		{"Bool", `"false"`, one(""), true},
		{"Bool", `"true"`, one("1"), false},
		{"Bool", `"true"`, one(" true"), false},
		{"Bool", `"anything"`, one("false"), true},
		{"Bool", `["true","false"]`, one("x"), true},
		{"Bool", `"false"`, absent, false},
		{"BoolIfExists", `"true"`, absent, true},
		{"Bool", `"true"`, multi("true"), false},
		{"ForAnyValue:Bool", `"true"`, multi("false", "true"), true},
		{"ForAllValues:Bool", `"true"`, multi("false", "true"), false},
	})
	testConditions(t, "IAM User Guide, Condition operator to check existence of condition keys", []conditionCase{
		{"Null", `"true"`, absent, true},
		{"Null", `"false"`, absent, false},
		{"Null", `"true"`, one("a"), false},
		{"Null", `"false"`, one("a"), true},
		{"Null", `false`, one(""), true}, // an empty value is present: published captures of AWS, 2026
		{"Null", `true`, one(""), false},
		{"Null", `"false"`, multi("a", "b"), true},
		{"Null", `"false"`, multi(), true}, // a key without values is present: published captures of AWS, 2026
		{"Null", `"true"`, multi(), false},
		{"Null", `["true","false"]`, absent, true},
	})
}

func TestAbsentKey(t *testing.T) {
	t.Parallel()
	const arn = `"arn:aws:iam::1:role/x"`
	var table []conditionCase
	for base, negated := range map[string]bool{
		"StringEquals": false, "StringEqualsIgnoreCase": false, "StringLike": false, "ArnEquals": false, "ArnLike": false,
		"StringNotEquals": true, "StringNotEqualsIgnoreCase": true, "StringNotLike": true, "ArnNotEquals": true, "ArnNotLike": true,
	} {
		table = append(table,
			conditionCase{base, arn, absent, negated},
			conditionCase{base + "IfExists", arn, absent, true},
			conditionCase{"ForAllValues:" + base, arn, absent, true},
			conditionCase{"ForAnyValue:" + base, arn, absent, false},
			conditionCase{"ForAllValues:" + base + "IfExists", arn, absent, true},
			conditionCase{"ForAnyValue:" + base + "IfExists", arn, absent, true})
	}
	testConditions(t, "IAM User Guide, Condition operators, …IfExists, Multivalued context keys", table)
	testConditions(t, "an empty value is present: published captures of AWS, 2026", []conditionCase{
		{"StringEquals", `""`, one(""), true},
		{"StringEquals", `"a"`, one(""), false},
		{"StringEqualsIfExists", `"a"`, one(""), false},
		{"StringNotEquals", `""`, one(""), false},
		{"StringLike", `"*"`, one(""), true},
	})
}

func TestSets(t *testing.T) {
	t.Parallel()
	testConditions(t, "IAM User Guide, Multivalued context keys", []conditionCase{
		{"ForAllValues:StringEquals", `["a","b"]`, multi("a", "b"), true},
		{"ForAllValues:StringEquals", `["a","b"]`, multi("a"), true},
		{"ForAllValues:StringEquals", `["a","b"]`, multi("a", "c"), false},
		{"ForAllValues:StringEquals", `["a"]`, multi(), true},
		{"ForAnyValue:StringEquals", `["a","b"]`, multi("c", "b"), true},
		{"ForAnyValue:StringEquals", `["a","b"]`, multi("c"), false},
		{"ForAnyValue:StringEquals", `["a"]`, multi(), false},
		{"ForAllValues:StringNotEquals", `["a"]`, multi("b", "c"), true},
		{"ForAllValues:StringNotEquals", `["a"]`, multi("b", "a"), false},
		{"ForAnyValue:StringNotEquals", `["a"]`, multi("b", "a"), true},
		{"ForAnyValue:StringNotEquals", `["a"]`, multi("a"), false},
		{"ForAnyValue:StringNotEquals", `["a"]`, multi(), false},
		{"ForAnyValue:StringLike", `"a*"`, multi("b", "ab"), true},
		{"ForAllValues:StringLike", `"a*"`, multi("b", "ab"), false},
		// a single-valued key is a set of one
		{"ForAllValues:StringEquals", `"a"`, one("a"), true},
		{"ForAllValues:StringEquals", `"a"`, one("b"), false},
		{"ForAnyValue:StringEquals", `"a"`, one("a"), true},
	})
	testConditions(t, "a key with an empty set is present: published captures of AWS, 2026", []conditionCase{
		{"ForAnyValue:StringEqualsIfExists", `"a"`, multi(), false},
		{"ForAllValues:StringEqualsIfExists", `"a"`, multi(), true},
	})
	testConditions(t, "a multivalued key never matches a scalar operator: published captures of AWS, 2026", []conditionCase{
		{"StringEquals", `"a"`, multi("a"), false},
		{"StringNotEquals", `"b"`, multi("a"), false},
		{"StringEqualsIfExists", `"a"`, multi("a"), false},
		{"StringNotEqualsIfExists", `"b"`, multi("a"), false},
		{"StringLike", `"*"`, multi("a"), false},
		{"StringNotLike", `"b"`, multi(), false},
		{"ArnNotLike", `"arn:aws:iam::1:role/x"`, multi("arn:aws:iam::1:role/y"), false},
	})
}

// AND over operators and keys, OR over the values of one (IAM User Guide,
// "Condition with multiple context keys or values").
func TestConditionLogic(t *testing.T) {
	t.Parallel()
	var keys policy.Context
	keys.Set("a:x", "1")
	keys.Set("a:y", "2")
	for condition, want := range map[string]bool{
		`{}`:                                     true,
		`{"StringEquals":{"a:x":"1","a:y":"2"}}`: true,
		`{"StringEquals":{"a:x":"1","a:y":"3"}}`: false,
		`{"StringEquals":{"a:x":["0","1"],"a:y":["2","3"]}}`:         true,
		`{"StringEquals":{"a:x":"1"},"StringLike":{"a:y":"?"}}`:      true,
		`{"StringEquals":{"a:x":"1"},"StringLike":{"a:y":"3*"}}`:     false,
		`{"StringEquals":{"a:x":"1"},"StringNotEquals":{"a:y":"2"}}`: false,
		`{"StringEquals":{"A:X":"1"}}`:                               true, // keys: the case does not count
		`{"StringEquals":{"a:x":"1","A:X":"2"}}`:                     false,
	} {
		if got := meets(t, condition, &keys); got != want {
			t.Errorf("%s = %v, want %v", condition, got, want)
		}
	}
}
