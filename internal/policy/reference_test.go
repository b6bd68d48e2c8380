package policy_test

import (
	"encoding/json"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/daypass/daypass/internal/policy"
)

// A second evaluator, made to be plain: it knows no compiled form and no index,
// leaves numbers, dates and addresses to the standard library, and follows the
// prose of the IAM User Guide. agreement_test.go holds it against Decide.

type object = map[string]any

// plainDocument is a document as encoding/json reads it.
type plainDocument struct {
	root      object
	variables bool
}

func readPlain(d *policy.Document) plainDocument {
	var root object
	if err := json.Unmarshal([]byte(d.String()), &root); err != nil {
		panic(err)
	}
	return plainDocument{root, root["Version"] == "2012-10-17"}
}

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

// symbol is a UTF-16 unit, or a wildcard.
type symbol int

const (
	star     symbol = -1
	question symbol = -2
)

func literal(text string) []symbol {
	var symbols []symbol
	for _, unit := range utf16.Encode([]rune(text)) {
		symbols = append(symbols, symbol(unit))
	}
	return symbols
}

func pattern(text string) []symbol {
	symbols := literal(text)
	for i, s := range symbols {
		switch s {
		case '*':
			symbols[i] = star
		case '?':
			symbols[i] = question
		}
	}
	return symbols
}

// fill puts the values of variables in. It reports false where one has none.
func fill(text string, read func(string) []symbol, variables bool, keys *policy.Context) ([]symbol, bool) {
	var symbols []symbol
	for {
		begin := strings.Index(text, "${")
		if begin < 0 || !variables {
			return append(symbols, read(text)...), true
		}
		symbols = append(symbols, read(text[:begin])...)
		end := begin + strings.Index(text[begin:], "}")
		name, fallback, hasFallback := strings.Cut(text[begin+2:end], ", '")
		text = text[end+1:]
		if name == "*" || name == "?" || name == "$" {
			symbols = append(symbols, literal(name)...)
			continue
		}
		got, multi, present := keys.Get(name)
		switch {
		case multi:
			return nil, false
		case present:
			symbols = append(symbols, literal(got[0])...)
		case hasFallback:
			symbols = append(symbols, literal(strings.TrimSuffix(fallback, "'"))...)
		default:
			return nil, false
		}
	}
}

func wild(p, v []symbol) bool {
	switch {
	case len(p) == 0:
		return len(v) == 0
	case p[0] == star:
		return wild(p[1:], v) || len(v) > 0 && wild(p, v[1:])
	case len(v) == 0:
		return false
	default:
		return (p[0] == question || p[0] == v[0]) && wild(p[1:], v[1:])
	}
}

// arnParts returns nil for what is no ARN.
func arnParts(s []symbol) [][]symbol {
	var parts [][]symbol
	for len(parts) < 5 {
		i := slices.Index(s, ':')
		if i < 0 {
			return nil
		}
		parts, s = append(parts, s[:i]), s[i+1:]
	}
	parts = append(parts, s)
	if !slices.Equal(parts[0], literal("arn")) || len(parts[1]) == 0 || len(parts[2]) == 0 || len(parts[5]) == 0 {
		return nil
	}
	return parts
}

func plainNumber(s string) *big.Rat {
	if strings.ContainsAny(s, "/xXpP_") { // which big.Rat reads, and AWS does not
		return nil
	}
	number, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil
	}
	return number
}

func plainDate(s string) *time.Time {
	if number := plainNumber(s); number != nil && number.IsInt() && !strings.Contains(s, ".") && len(s) != 4 {
		at := time.Unix(number.Num().Int64(), 0)
		return &at
	}
	for _, layout := range []string{"2006-01", "2006-01-02", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, s); err == nil {
			at = at.Truncate(time.Millisecond)
			return &at
		}
	}
	return nil
}

func plainNetwork(s string) *net.IPNet {
	if !strings.Contains(s, "/") {
		s += map[bool]string{true: "/128", false: "/32"}[strings.Contains(s, ":")]
	}
	ip, network, err := net.ParseCIDR(s)
	if err != nil || ip.To4() == nil && !ip.Equal(network.IP) {
		return nil
	}
	return network
}

// outcome is true, false, or that of the effect.
type outcome int

const (
	no outcome = iota
	yes
	ofEffect
)

func outcomeOf(b bool) outcome {
	if b {
		return yes
	}
	return no
}

func ordered(base string, compared int) bool {
	switch {
	case strings.HasSuffix(base, "LessThan"):
		return compared < 0
	case strings.HasSuffix(base, "LessThanEquals"):
		return compared <= 0
	case strings.HasSuffix(base, "GreaterThan"):
		return compared > 0
	case strings.HasSuffix(base, "GreaterThanEquals"):
		return compared >= 0
	default:
		return compared == 0
	}
}

func plainValue(base, wanted, got string, variables bool, keys *policy.Context) outcome {
	switch {
	case base == "StringEquals" || base == "StringEqualsIgnoreCase":
		symbols, ok := fill(wanted, literal, variables, keys)
		if base == "StringEquals" {
			return outcomeOf(ok && slices.Equal(symbols, literal(got)))
		}
		units := make([]uint16, len(symbols))
		for i, s := range symbols {
			units[i] = uint16(s)
		}
		lower := strings.ToLower(got) // not strings.EqualFold, which is another relation
		return outcomeOf(ok && strings.ToLower(string(utf16.Decode(units))) == lower)
	case base == "StringLike":
		symbols, ok := fill(wanted, pattern, variables, keys)
		return outcomeOf(ok && wild(symbols, literal(got)))
	case strings.HasPrefix(base, "Arn"):
		symbols, ok := fill(wanted, pattern, variables, keys)
		if !ok {
			return no
		}
		w, g := arnParts(symbols), arnParts(literal(got))
		if w == nil {
			return ofEffect
		}
		for i := range 6 {
			if !wild(w[i], g[i]) {
				return no
			}
		}
		return yes
	case strings.HasPrefix(base, "Numeric"):
		w, g := plainNumber(wanted), plainNumber(got)
		return outcomeOf(w != nil && g != nil && ordered(base, g.Cmp(w)))
	case strings.HasPrefix(base, "Date"):
		w, g := plainDate(wanted), plainDate(got)
		return outcomeOf(w != nil && g != nil && ordered(base, g.Compare(*w)))
	case base == "IpAddress":
		w, g := plainNetwork(wanted), net.ParseIP(got)
		// An IPv4 network has four bytes, and holds no IPv6 address.
		return outcomeOf(w != nil && w.Contains(g) && (g.To4() != nil) == (len(w.IP) == 4))
	case base == "Bool":
		return outcomeOf((strings.ToLower(wanted) == "true") == (strings.ToLower(got) == "true"))
	case base == "BinaryEquals":
		return outcomeOf(wanted == got)
	default:
		panic(base)
	}
}

// plainCondition is one operator on one key, in a statement of the effect.
func plainCondition(operator, key string, wanted []string, variables, deny bool, keys *policy.Context) bool {
	got, multi, present := keys.Get(key)
	if operator == "Null" {
		return slices.Contains(wanted, map[bool]string{true: "false", false: "true"}[present])
	}
	ifExists := strings.HasSuffix(operator, "IfExists")
	base := strings.TrimSuffix(operator, "IfExists")
	prefix, rest, prefixed := strings.Cut(base, ":")
	if prefixed {
		base = rest
	}
	negated := strings.Contains(base, "Not")
	base = strings.Replace(base, "Not", "", 1)
	holds := func(value string) bool {
		switch {
		case strings.HasPrefix(base, "Arn") && arnParts(literal(value)) == nil:
			return false
		case base == "IpAddress" && net.ParseIP(value) == nil:
			return false
		}
		for _, w := range wanted {
			switch plainValue(base, w, value, variables, keys) {
			case yes:
				return !negated
			case ofEffect:
				return deny
			}
		}
		return negated
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

// names are all that a caller of AWS goes by.
type names struct{ account, role, self []string }

func namesOf(who policy.Principal) names {
	n := names{
		account: []string{who.Account, "arn:aws:iam::" + who.Account + ":root", who.CanonicalUser},
		self:    []string{who.ARN},
	}
	if who.RoleARN != "" {
		n.role = []string{who.RoleARN, who.UniqueID}
	} else {
		n.self = append(n.self, who.UniqueID)
	}
	return n
}

// plainPrincipal is Principal of a document in which "*" is open to the public
// or not.
func plainPrincipal(principal any, who policy.Principal, deny, public bool) bool {
	types, ok := principal.(object)
	if !ok {
		types = object{"AWS": "*"}
	}
	everyone := slices.Contains(list(types["AWS"]), "*")
	listed := append(list(types["AWS"]), list(types["CanonicalUser"])...)
	n := namesOf(who)
	switch {
	case everyone && deny:
		return true
	case who.Federated != "":
		return slices.Contains(list(types["Federated"]), who.Federated)
	case who.Service != "":
		return slices.Contains(list(types["Service"]), who.Service)
	case who.Anonymous:
		return everyone && public
	case who.ARN == "":
		return false
	}
	return everyone || slices.ContainsFunc(slices.Concat(n.account, n.role, n.self), func(name string) bool {
		return name != "" && slices.Contains(listed, name)
	})
}

// plainNotPrincipal says whether a Deny with NotPrincipal reaches the caller.
func plainNotPrincipal(principal any, who policy.Principal) bool {
	types, ok := principal.(object)
	if !ok || slices.Contains(list(types["AWS"]), "*") {
		return false
	}
	listed := append(list(types["AWS"]), list(types["CanonicalUser"])...)
	has := func(names []string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return name != "" && slices.Contains(listed, name) })
	}
	n := namesOf(who)
	switch {
	case who.Bounded:
		return true
	case who.Federated != "":
		return !slices.Contains(list(types["Federated"]), who.Federated)
	case who.Service != "":
		return !slices.Contains(list(types["Service"]), who.Service)
	case who.Anonymous || who.ARN == "":
		return true
	}
	return !has(n.account) || n.role != nil && !has(n.role) || !has(n.self)
}

func plainResource(s object, r *policy.Request, variables bool) bool {
	element, not := s["Resource"], false
	if element == nil {
		element, not = s["NotResource"], true
	}
	if element == nil {
		return true
	}
	unknown := false
	for _, text := range list(element) {
		symbols, ok := fill(text, pattern, variables, r.Context)
		if ok && wild(symbols, literal(r.Resource)) {
			return !not
		}
		unknown = unknown || !ok
	}
	return not && (s["Effect"] == "Deny" || !unknown)
}

func plainStatement(s object, r *policy.Request, variables, public bool) bool {
	deny := s["Effect"] == "Deny"
	if principal, ok := s["Principal"]; ok && !plainPrincipal(principal, r.Principal, deny, public) {
		return false
	}
	if principal, ok := s["NotPrincipal"]; ok && !plainNotPrincipal(principal, r.Principal) {
		return false
	}
	action := func(text string) bool {
		return wild(pattern(strings.ToLower(text)), literal(strings.ToLower(r.Action)))
	}
	if v, ok := s["Action"]; ok && !slices.ContainsFunc(list(v), action) {
		return false
	}
	if v, ok := s["NotAction"]; ok && slices.ContainsFunc(list(v), action) {
		return false
	}
	if !plainResource(s, r, variables) {
		return false
	}
	conditions, _ := s["Condition"].(object)
	for operator, block := range conditions {
		for key, wanted := range block.(object) {
			if !plainCondition(operator, key, list(wanted), variables, deny, r.Context) {
				return false
			}
		}
	}
	return true
}

// plainDecide also finds the statement: the first Deny, otherwise the first Allow.
func plainDecide(r *policy.Request, docs []plainDocument, public bool) policy.Decision {
	decision := policy.Decision{Document: -1, Statement: -1}
	for i, d := range docs {
		for j, item := range d.root["Statement"].([]any) {
			s := item.(object)
			switch {
			case !plainStatement(s, r, d.variables, public):
			case s["Effect"] == "Deny":
				return policy.Decision{Effect: policy.ExplicitDeny, Document: i, Statement: j}
			case decision.Effect == policy.ImplicitDeny:
				decision = policy.Decision{Effect: policy.Allow, Document: i, Statement: j}
			}
		}
	}
	return decision
}
