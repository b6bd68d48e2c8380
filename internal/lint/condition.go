package lint

import (
	"fmt"
	"slices"
	"strings"
)

// checkConditions examines the conditions of a statement that allows tokens.
func (c *checker) checkConditions(s *statement, sites []*site) {
	for _, cond := range s.conds {
		owner := ownerOf(cond.key, sites)
		if owner == nil {
			if isProviders(cond.key) {
				c.checkPrefix(s, cond, sites)
			}
			if !isProviders(cond.key) {
				continue
			}
		}
		c.checkValues(s, cond)
		if owner == nil {
			continue
		}
		supported := owner.checkSupported(cond)
		owner.checkOperator(cond, supported)
		owner.checkAudience(cond)
	}
}

// ownerOf is the site whose provider has a key.
func ownerOf(key string, sites []*site) *site {
	var best *site // the longest URL: a key of a.test/b:x begins with no other's
	for _, a := range sites {
		if _, ok := cutFold(key, a.provider.url+":"); ok && (best == nil || len(a.provider.url) > len(best.provider.url)) {
			best = a
		}
	}
	return best
}

// checkPrefix is about keys that are those of no provider of the statement.
func (c *checker) checkPrefix(s *statement, cond *cond, sites []*site) {
	if len(sites) == 0 {
		return
	}
	url := sites[0].provider.url
	claim := cond.key[strings.LastIndexByte(cond.key, ':')+1:]
	f := c.add("TP051", s, c.node(cond.keyAt), fmt.Sprintf("%q is no key of %s", cond.key, url))
	f.Next = fmt.Sprintf("Write %q.", url+":"+claim)
	if !cond.narrows() {
		f.Severity = Critical
		f.What += ": the token never has it, so that the condition is always met"
	}
}

// node is where a member's name stands.
func (c *checker) node(m member) *node { return &node{start: m.start, end: m.end} }

// checkValues is about values that cannot be meant.
func (c *checker) checkValues(s *statement, cond *cond) {
	if cond.empty {
		c.add("TP048", s, cond.keyAt.value, fmt.Sprintf("%s %q wants one of an empty list", cond.operator, cond.key))
	}
	for _, v := range cond.values {
		switch {
		case !cond.isText():
		case v.text == "":
			c.add("TP048", s, v.node, fmt.Sprintf("%s %q wants the empty text", cond.operator, cond.key))
		case holdsVariable(v.text):
			c.add("TP048", s, v.node, fmt.Sprintf("%s %q wants %q, and a token gives the variable no value", cond.operator, cond.key, v.text))
		case !cond.like() && wild(v.text):
			what := fmt.Sprintf("%s %q wants %q, which holds * or ? itself: it never matches", cond.operator, cond.key, v.text)
			if cond.negated {
				what = fmt.Sprintf("%s %q excludes %q, which is nobody: it takes * and ? as they are", cond.operator, cond.key, v.text)
			}
			c.add("TP040", s, v.node, what)
		}
	}
}

// alwaysThere are the claims that every token has.
var alwaysThere = []string{"sub", "aud"}

// checkSupported is about keys that AWS does not make for this provider.
func (a *site) checkSupported(cond *cond) bool {
	name, _ := cutFold(cond.key, a.provider.url+":")
	if a.extended || slices.ContainsFunc(a.keys, func(k string) bool { return strings.EqualFold(k, name) }) {
		return true
	}
	f := a.add("TP050", a.statement, a.node(cond.keyAt), fmt.Sprintf("AWS makes no condition key of the claim %s of %s", name, a.provider.url))
	if !cond.narrows() {
		f.Severity = Critical
		f.What += ": the condition is always met"
	}
	if a.family == gitLab && slices.Contains(gitLabComponents, name) {
		f.Next = fmt.Sprintf("Make %s a part of the subject (ci_id_token_sub_claim_components), and take the condition away.", name)
	}
	return false
}

// checkOperator is about operators that are wider, or narrower, than one thinks.
// Mends are offered for keys that AWS has alone: elsewhere they would be no mending.
func (a *site) checkOperator(cond *cond, supported bool) {
	name, _ := cutFold(cond.key, a.provider.url+":")
	plain := cond.base
	switch {
	case strings.EqualFold(name, "amr"): // has several values
	case cond.prefix == "ForAllValues:":
		f := a.add("TP042", a.statement, a.node(cond.at), fmt.Sprintf("%s %q is true where the token has no such key", cond.operator, cond.key))
		if slices.Contains(alwaysThere, strings.ToLower(name)) {
			f.Severity = Medium
			f.What = fmt.Sprintf("%s %q holds only since every token has %s", cond.operator, cond.key, name)
		} else {
			a.without(f, cond)
		}
		if supported && !cond.negated {
			f.mend(a.policy.text, a.statement.under(cond, plain)...)
		}
	case cond.ifExists:
		f := a.add("TP043", a.statement, a.node(cond.at), fmt.Sprintf("%s %q passes a token without the claim", cond.operator, cond.key))
		if slices.Contains(alwaysThere, strings.ToLower(name)) {
			f.Severity = Low
			f.What = fmt.Sprintf("%s %q: every token has %s, so that IfExists says nothing", cond.operator, cond.key, name)
		} else {
			a.without(f, cond)
		}
		if supported && !cond.negated {
			f.mend(a.policy.text, a.statement.under(cond, cond.prefix+plain)...)
		}
	}
	if cond.base == "StringEqualsIgnoreCase" && cond.narrows() {
		f := a.add("TP046", a.statement, a.node(cond.at), fmt.Sprintf("%q is compared without regard to case", cond.key))
		f.mend(a.policy.text, a.statement.under(cond, cond.prefix+"StringEquals")...)
	}
	if cond.base == "StringLike" && len(cond.values) > 0 && !slices.ContainsFunc(cond.values, func(v value) bool { return wild(v.text) || holdsVariable(v.text) }) {
		f := a.add("TP041", a.statement, a.node(cond.at), fmt.Sprintf("%s %q has no wildcard", cond.operator, cond.key))
		f.mend(a.policy.text, a.statement.under(cond, strings.Replace(cond.operator, "StringLike", "StringEquals", 1))...)
	}
}

// without gives a finding the token that has no such claim, if there is one.
func (a *site) without(f *Finding, cond *cond) {
	name, _ := cutFold(cond.key, a.provider.url+":")
	w := a.find(want{accept: func(w *Witness) bool {
		for _, k := range w.token.Keys {
			if strings.EqualFold(k.Name, name) {
				return false
			}
		}
		return true
	}})
	if w != nil {
		w.Says += ", without the claim " + name
		f.Witness = w
	}
}

// checkAudience is about an audience that says nothing.
func (a *site) checkAudience(cond *cond) {
	name, _ := cutFold(cond.key, a.provider.url+":")
	if !strings.EqualFold(name, "aud") || !cond.narrows() {
		return
	}
	for _, v := range cond.values {
		if v.text == "https://"+a.provider.url || v.text == a.provider.url {
			a.add("TP053", a.statement, v.node, fmt.Sprintf("the audience %q is the issuer's own URL", v.text))
		}
	}
}
