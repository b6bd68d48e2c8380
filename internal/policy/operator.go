package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// operator is a condition operator, taken apart.
//
// Source of the operators: IAM User Guide, "IAM JSON policy elements: Condition
// operators". Of the sets: "Multivalued context keys".
type operator struct {
	test     test
	negated  bool // String…NotEquals, …NotLike
	ifExists bool
	set      set
}

// test is what an operator asks of one value. The zero test is none.
type test uint8

const (
	stringEquals test = iota + 1
	stringEqualsIgnoreCase
	stringLike
	arnLike // ArnEquals is the same (IAM User Guide, "Amazon Resource Name (ARN) condition operators")
	boolean
	null
)

// set is the prefix of an operator.
type set uint8

const (
	scalar set = iota // no prefix: for single-valued keys only
	forAllValues
	forAnyValue
)

// splitOperator takes prefix and suffix from an operator as written.
func splitOperator(written string) (base string, set set, ifExists bool) {
	base, ifExists = strings.CutSuffix(written, "IfExists")
	if rest, ok := strings.CutPrefix(base, "ForAllValues:"); ok {
		return rest, forAllValues, ifExists
	}
	if rest, ok := strings.CutPrefix(base, "ForAnyValue:"); ok {
		return rest, forAnyValue, ifExists
	}
	return base, scalar, ifExists
}

// parseOperator returns the operator, or why it is not one. The case of letters
// counts.
func parseOperator(written string) (op operator, fault string) {
	base, set, ifExists := splitOperator(written)
	op.set, op.ifExists = set, ifExists
	switch base {
	case "StringEquals":
		op.test = stringEquals
	case "StringNotEquals":
		op.test, op.negated = stringEquals, true
	case "StringEqualsIgnoreCase":
		op.test = stringEqualsIgnoreCase
	case "StringNotEqualsIgnoreCase":
		op.test, op.negated = stringEqualsIgnoreCase, true
	case "StringLike":
		op.test = stringLike
	case "StringNotLike":
		op.test, op.negated = stringLike, true
	case "ArnEquals", "ArnLike":
		op.test = arnLike
	case "ArnNotEquals", "ArnNotLike":
		op.test, op.negated = arnLike, true
	case "Bool":
		op.test = boolean
	case "Null":
		if ifExists || set != scalar {
			return operator{}, "Null takes neither IfExists nor a ForAllValues: or ForAnyValue: prefix"
		}
		op.test = null
	default:
		return operator{}, unknownOperator(base)
	}
	return op, ""
}

func unknownOperator(base string) string {
	switch base {
	case "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
		"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
		"BinaryEquals", "IpAddress", "NotIpAddress":
		return "the operator " + base + " is not supported yet; remove the condition, or keep the statement out"
	}
	return "it is no condition operator" + didYouMean(base, []string{
		"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
		"ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike", "Bool", "Null",
	})
}

// wantedValue is a value of the document, compiled for the test that reads it.
type wantedValue struct {
	text  string
	glob  glob    // stringLike
	lower string  // stringEqualsIgnoreCase
	arn   [6]glob // arnLike
	truth bool    // boolean, null
}

// compileValue returns the value, or why the test cannot read it.
func compileValue(t test, text string) (v wantedValue, fault string) {
	v.text = text
	switch t {
	case stringLike:
		v.glob = newGlob(text)
	case stringEqualsIgnoreCase:
		v.lower = strings.Map(lowerRune, text)
	case arnLike:
		parts, ok := splitARN(text)
		if !ok {
			return v, "is no ARN; write arn:partition:service:region:account:resource, each of which may hold wildcards"
		}
		for i := range parts {
			v.arn[i] = newGlob(parts[i])
		}
	case boolean:
		v.truth = isTrue(text)
	case null:
		v.truth = isTrue(text)
		if !v.truth && !equalASCIIFold(text, "false") {
			return v, "is neither true (the key is absent) nor false (the key is present)"
		}
	}
	return v, ""
}

// match reports whether one value of the request is the one wanted.
func (v *wantedValue) match(t test, got string) bool {
	switch t {
	case stringEquals:
		return v.text == got
	case stringEqualsIgnoreCase:
		return equalLower(v.lower, got)
	case stringLike:
		return v.glob.match(got)
	case arnLike:
		parts, ok := splitARN(got)
		if !ok {
			return false
		}
		for i := range parts {
			if !v.arn[i].match(parts[i]) {
				return false
			}
		}
		return true
	case boolean:
		return isTrue(got) == v.truth
	default:
		return false
	}
}

// isTrue reads a boolean: "true" in any case is true, all else is false
// (published captures of AWS, 2026).
func isTrue(s string) bool { return equalASCIIFold(s, "true") }

// splitARN takes an ARN into its six parts, without allocating. Partition,
// service and resource must not be empty.
func splitARN(s string) (parts [6]string, ok bool) {
	for i := range 5 {
		head, tail, found := strings.Cut(s, ":")
		if !found {
			return parts, false
		}
		parts[i], s = head, tail
	}
	parts[5] = s
	return parts, parts[0] == "arn" && parts[1] != "" && parts[2] != "" && s != ""
}

// equalLower compares lower, which is in lower case, with what got becomes in
// lower case. This is not Unicode's case folding: ſ is not s (published
// captures of AWS, 2026).
func equalLower(lower, got string) bool {
	for got != "" {
		r, n := utf8.DecodeRuneInString(got)
		if r == utf8.RuneError || lower == "" {
			return false // no document holds U+FFFD, see jsonReader
		}
		want, m := utf8.DecodeRuneInString(lower)
		if lowerRune(r) != want {
			return false
		}
		got, lower = got[n:], lower[m:]
	}
	return lower == ""
}

// lowerRune leaves U+0130 (I with dot above) alone. Its lower case is two
// characters, and taking the first of them would make it equal to i.
func lowerRune(r rune) rune {
	if r == 'İ' {
		return r
	}
	return unicode.ToLower(r)
}
