package policy

import "strings"

// Hint says what is likely wrong with a condition, for the mistakes that are
// made most, and how to mend it. It is empty where there is nothing to say.
func (c ConditionReason) Hint() string {
	op, fault := parseOperator(c.Operator)
	if fault != "" || op.test == null {
		return ""
	}
	base, _, _ := splitOperator(c.Operator)
	switch {
	case c.Matched == op.negated && c.unresolved() != "":
		return "the request has no single value for " + c.unresolved() + ", so that the value wanted matches nothing; give the variable a default: ${key, 'text'}"
	case op.test == stringEquals && c.Matched == op.negated && c.anyPair(likeMatches):
		return base + " compares * and ? literally; use " + strings.Replace(base, "Equals", "Like", 1)
	case c.Matched:
		return ""
	case strings.HasPrefix(c.Key, "https://"):
		return "the keys of a provider begin with its URL without https://; use " + strings.TrimPrefix(c.Key, "https://")
	case !c.Present && !op.negated:
		return "the request does not carry the key " + c.Key + "; check its spelling and the provider's URL in front of it"
	case c.Multivalued && op.set == scalar:
		return c.Key + " is multivalued and never matches without a prefix; use ForAnyValue:" + c.Operator + " or ForAllValues:" + c.Operator
	case c.unreadable(op.test) != "":
		return c.unreadable(op.test)
	case !op.negated && (op.test == stringEquals || op.test == stringLike) && c.anyPair(matchesButForCase):
		return "the values differ in the case of letters only, which counts"
	}
	return ""
}

func (c *ConditionReason) anyPair(is func(wanted, got string) bool) bool {
	for _, wanted := range c.Wanted {
		for _, got := range c.Got {
			if is(wanted, got) {
				return true
			}
		}
	}
	return false
}

func likeMatches(wanted, got string) bool {
	g := newGlob(wanted)
	return g.shape != globExact && wanted != got && g.match(got)
}

// matchesButForCase takes wildcards as such also for StringEquals: both its
// mistakes at once are reported as this one.
func matchesButForCase(wanted, got string) bool {
	g := newGlob(strings.ToLower(wanted))
	return wanted != got && g.match(strings.ToLower(got))
}

// unresolved returns the first variable that has no value.
func (c *ConditionReason) unresolved() string {
	for i := range min(len(c.Wanted), len(c.Resolved)) {
		_, t, fault := compileText(c.Wanted[i], textForm{variables: true})
		if fault != "" || t == nil {
			continue
		}
		for _, part := range t.parts {
			if name := "${" + part.key + "}"; part.key != "" && strings.Contains(c.Resolved[i], name) {
				return name
			}
		}
	}
	return ""
}

// unreadable says that a value of the request is not what the test reads.
func (c *ConditionReason) unreadable(t test) string {
	var kind string
	switch t {
	case numeric:
		kind = "number"
	case date:
		kind = "date"
	case ipAddress:
		kind = "IP address"
	case arnLike:
		kind = "ARN"
	default:
		return ""
	}
	for _, got := range c.Got {
		var value requestValue
		ok := value.read(t, got)
		if t == numeric || t == date {
			ok = value.readable
		}
		if !ok {
			return "the request's value is no " + kind + ", and such a value does not meet the condition"
		}
	}
	return ""
}
