package policy

import (
	"encoding/base64"
	"net/netip"
	"strings"
)

// wantedValue is a value of the document, compiled for the test that reads it.
type wantedValue struct {
	text string // as written
	// variables is not nil if the value holds policy variables; then only text
	// is set besides.
	variables *template

	plain   string       // stringEquals, stringEqualsIgnoreCase: with ${*}, ${?} and ${$} put in
	glob    glob         // stringLike
	arn     *[6]glob     // arnLike; nil if the value is no ARN
	number  decimal      // numeric
	date    int64        // date, in milliseconds
	network netip.Prefix // ipAddress
	// readable says whether number, date or network could be read. In a session
	// policy it may be false (see grammar.anyLiteral); such a value matches nothing.
	readable bool
	truth    bool // boolean, null
}

// compileValue returns the value for an operator, or what is wrong with it.
func (p *parser) compileValue(op *operator, text string) (v wantedValue, fault string) {
	v.text = text
	switch op.test {
	case stringEquals, stringEqualsIgnoreCase:
		v.plain, v.variables, fault = compileText(text, textForm{variables: p.variables})
		return v, fault
	case stringLike, arnLike:
		var compiled string
		compiled, v.variables, fault = compileText(text, textForm{variables: p.variables, wildcards: true})
		switch {
		case fault != "" || v.variables != nil:
			return v, fault
		case op.test == stringLike:
			v.glob = compiledGlob(compiled)
			return v, ""
		}
		return v, p.checkLiteral(v.setARN(compiled), "is no ARN; write arn:partition:service:region:account:resource, each of which may hold wildcards")
	}
	if p.variables && strings.Contains(text, "${") {
		return v, "holds a policy variable, which only the String and Arn operators take; write the value itself"
	}
	return v, p.compileLiteral(op.test, &v)
}

// compileLiteral reads a value that is not text.
func (p *parser) compileLiteral(t test, v *wantedValue) (fault string) {
	switch t {
	case numeric:
		v.number, v.readable = parseDecimal(v.text)
		return p.checkLiteral(v.readable, "is no number; write digits, such as 10 or 0.5")
	case date:
		v.date, v.readable = parseDate(v.text)
		return p.checkLiteral(v.readable, "is no date; write 2030-01-31T23:59:59Z, 2030-01-31, or the seconds since 1970")
	case ipAddress:
		v.network, v.readable = parseIPNetwork(v.text)
		return p.checkLiteral(v.readable, "is no IP address; write one such as 203.0.113.7, or a network such as 203.0.113.0/24 or 2001:db8::/32, whose bits behind the prefix are 0 for IPv6")
	case binary:
		// Refused in session policies too: published captures of AWS, 2026.
		if _, err := base64.StdEncoding.Strict().DecodeString(v.text); err != nil || strings.ContainsAny(v.text, "\r\n") {
			return "is not base64; encode the bytes in the standard alphabet, with padding"
		}
	case boolean, null:
		v.truth = isTrue(v.text)
	}
	return ""
}

// checkLiteral passes a fault on where this kind of policy has checked literals.
func (p *parser) checkLiteral(ok bool, fault string) string {
	if ok || p.anyLiteral {
		return ""
	}
	return fault
}

// setARN compiles an ARN with its wildcards. It reports whether it is one.
func (v *wantedValue) setARN(compiled string) bool {
	parts, ok := splitARN(compiled)
	if !ok {
		return false
	}
	v.arn = new([6]glob)
	for i := range parts {
		v.arn[i] = compiledGlob(parts[i])
	}
	return true
}

// requestValue is one value of the request, read for the test once, however
// many values the document wants.
type requestValue struct {
	text     string
	arn      [6]string
	number   decimal
	date     int64
	ip       netip.Addr
	readable bool // number or date could be read
}

// read reports whether the test can be made at all. What should be an ARN or an
// IP address and is none never matches, not even a negated operator. What should
// be a number or a date and is none is merely equal to nothing. (Published
// captures of AWS, 2026.)
func (r *requestValue) read(t test, text string) (ok bool) {
	r.text = text
	switch t {
	case arnLike:
		r.arn, ok = splitARN(text)
		return ok
	case ipAddress:
		r.ip, ok = parseIP(text)
		return ok
	case numeric:
		r.number, r.readable = parseDecimal(text)
	case date:
		r.date, r.readable = parseDate(text)
	}
	return true
}

// verdict is how a value of the request stands to one wanted.
type verdict uint8

const (
	differs verdict = iota
	fits
	// broken is the answer of an Arn operator whose wanted value is no ARN.
	broken
)

func verdictOf(ok bool) verdict {
	if ok {
		return fits
	}
	return differs
}

// match compares one value of the request with the one wanted. A wanted value
// with a variable that has no value is null, to which nothing is equal or like
// (IAM User Guide, "IAM policy elements: Variables and tags", on variables
// without a value).
func (v *wantedValue) match(op *operator, got *requestValue, keys *Context) verdict {
	switch op.test {
	case stringEquals:
		if v.variables != nil {
			return verdictOf(v.variables.equal(got.text, keys))
		}
		return verdictOf(v.plain == got.text)
	case stringEqualsIgnoreCase:
		if v.variables != nil {
			return verdictOf(v.variables.equalLower(got.text, keys))
		}
		return verdictOf(equalLower(v.plain, got.text))
	case stringLike:
		if v.variables != nil {
			ok, _ := v.variables.matchGlob(got.text, keys)
			return verdictOf(ok)
		}
		return verdictOf(v.glob.match(got.text))
	case arnLike:
		return v.matchARN(&got.arn, keys)
	case numeric:
		return verdictOf(v.readable && got.readable && op.order.holds(got.number.compare(&v.number)))
	case date:
		return verdictOf(v.readable && got.readable && op.order.holds(compareDates(got.date, v.date)))
	case boolean:
		return verdictOf(isTrue(got.text) == v.truth)
	case binary:
		// Both are base64. The wanted one is in its only form, so that what is
		// equal is equal as text.
		return verdictOf(v.text == got.text)
	case ipAddress:
		return verdictOf(v.readable && v.network.Contains(got.ip))
	default:
		return differs
	}
}

func (v *wantedValue) matchARN(got *[6]string, keys *Context) verdict {
	if v.variables != nil {
		return v.variables.matchARN(got, keys)
	}
	if v.arn == nil {
		return broken
	}
	for i := range v.arn {
		if !v.arn[i].match(got[i]) {
			return differs
		}
	}
	return fits
}

// longestARN is how much text variables may put into an ARN.
const longestARN = 1 << 16

// matchARN is matchGlob for an ARN, part by part. The text is taken apart after
// the variables were put in: one may hold a whole ARN (published captures of
// AWS, 2026).
func (t *template) matchARN(got *[6]string, keys *Context) verdict {
	var stack [stackSize]byte
	pattern, ok := t.expand(stack[:0], keys, longestARN)
	if !ok {
		if t.missing(keys) != "" {
			return differs
		}
		return broken
	}
	var parts [6][]byte
	for i := range parts {
		end := len(pattern)
		if i < 5 {
			if end = indexColon(pattern); end < 0 {
				return broken
			}
		}
		parts[i] = pattern[:end]
		pattern = pattern[min(end+1, len(pattern)):]
	}
	if string(parts[0]) != "arn" || len(parts[1]) == 0 || len(parts[2]) == 0 || len(parts[5]) == 0 {
		return broken
	}
	for i := range parts {
		if !matchPattern(parts[i], got[i], false) {
			return differs
		}
	}
	return fits
}

func indexColon(text []byte) int {
	for i := range text {
		if text[i] == ':' {
			return i
		}
	}
	return -1
}

func compareDates(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
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
