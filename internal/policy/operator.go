package policy

import "strings"

// operator is a condition operator, taken apart.
//
// Source of the operators: IAM User Guide, "IAM JSON policy elements: Condition
// operators". Of the sets: "Multivalued context keys".
type operator struct {
	test     test
	order    order // of numeric and date
	negated  bool  // …NotEquals, …NotLike, NotIpAddress
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
	numeric
	date
	boolean
	binary
	ipAddress
	null
)

// order is how a number or a date of the request must stand to the one wanted.
type order uint8

const (
	equal order = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// holds takes what comparing the request's value with the wanted one gave.
func (o order) holds(compared int) bool {
	switch o {
	case less:
		return compared < 0
	case lessOrEqual:
		return compared <= 0
	case greater:
		return compared > 0
	case greaterOrEqual:
		return compared >= 0
	default:
		return compared == 0
	}
}

// set is the prefix of an operator.
type set uint8

const (
	scalar set = iota // no prefix: for single-valued keys only
	forAllValues
	forAnyValue
)

type namedOperator struct {
	name string
	operator
}

// operators lists every operator without prefix and suffix. The case of letters
// counts.
func operators() []namedOperator {
	return []namedOperator{
		{"StringEquals", operator{test: stringEquals}},
		{"StringNotEquals", operator{test: stringEquals, negated: true}},
		{"StringEqualsIgnoreCase", operator{test: stringEqualsIgnoreCase}},
		{"StringNotEqualsIgnoreCase", operator{test: stringEqualsIgnoreCase, negated: true}},
		{"StringLike", operator{test: stringLike}},
		{"StringNotLike", operator{test: stringLike, negated: true}},
		{"NumericEquals", operator{test: numeric}},
		{"NumericNotEquals", operator{test: numeric, negated: true}},
		{"NumericLessThan", operator{test: numeric, order: less}},
		{"NumericLessThanEquals", operator{test: numeric, order: lessOrEqual}},
		{"NumericGreaterThan", operator{test: numeric, order: greater}},
		{"NumericGreaterThanEquals", operator{test: numeric, order: greaterOrEqual}},
		{"DateEquals", operator{test: date}},
		{"DateNotEquals", operator{test: date, negated: true}},
		{"DateLessThan", operator{test: date, order: less}},
		{"DateLessThanEquals", operator{test: date, order: lessOrEqual}},
		{"DateGreaterThan", operator{test: date, order: greater}},
		{"DateGreaterThanEquals", operator{test: date, order: greaterOrEqual}},
		{"Bool", operator{test: boolean}},
		{"BinaryEquals", operator{test: binary}},
		{"IpAddress", operator{test: ipAddress}},
		{"NotIpAddress", operator{test: ipAddress, negated: true}},
		{"ArnEquals", operator{test: arnLike}},
		{"ArnLike", operator{test: arnLike}},
		{"ArnNotEquals", operator{test: arnLike, negated: true}},
		{"ArnNotLike", operator{test: arnLike, negated: true}},
		{"Null", operator{test: null}},
	}
}

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

// parseOperator returns the operator, or why it is not one.
func parseOperator(written string) (op operator, fault string) {
	base, set, ifExists := splitOperator(written)
	known := operators()
	names := make([]string, len(known))
	for i := range known {
		if known[i].name != base {
			names[i] = known[i].name
			continue
		}
		op = known[i].operator
		op.set, op.ifExists = set, ifExists
		if op.test == null && (ifExists || set != scalar) {
			return operator{}, "Null takes neither IfExists nor a ForAllValues: or ForAnyValue: prefix"
		}
		return op, ""
	}
	return operator{}, "it is no condition operator" + didYouMean(base, names)
}
