package lint

import (
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
)

// Witness is a token that a trust policy admits, shown to tell what the policy
// really says. Each was held against the policy by trust.Decide.
type Witness struct {
	// Provider is the ARN of the token's provider, Issuer its URL without scheme.
	Provider string `json:"provider"`
	Issuer   string `json:"issuer"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	// Claims are the claims that the policy asks for besides, and those that say
	// what the token is.
	Claims map[string]string `json:"claims,omitempty"`
	// Request is what the policy asks of the request: sts:RoleSessionName and
	// condition keys that are not the provider's.
	Request map[string]string `json:"request,omitempty"`
	// Says is what the token is, for a person.
	Says string `json:"says"`

	token   *trust.Token
	session *trust.Session
}

// Admitted reports whether a role's trust policy admits the witness.
func (w *Witness) Admitted(role *policy.Document) bool {
	return w != nil && w.token != nil && trust.Decide(role, w.token, w.session, nil, nil).Allowed()
}

// maxTries bounds how often values of keys are exchanged for others.
const maxTries = 24

// assemble makes a token with a subject that the statement may admit, and asks
// package trust whether the policy does; accept, if not nil, must agree. It is nil where it does not, whatever
// values of the keys that the statement asks for were tried.
func (a *site) assemble(subject string, sh *shape, fields map[string]string, accept func(*Witness) bool) *Witness {
	fixed := map[string]string{}
	for claim, text := range sh.claims {
		fixed[claim] = fill(text, fields)
	}
	choices := a.choices(fixed)
	at := make([]int, len(choices))
	for range maxTries {
		w := a.build(subject, fixed, choices, at)
		if w.Admitted(a.policy.document) && (accept == nil || accept(w)) {
			w.Says = fill(sh.says, fields)
			for claim, text := range sh.hidden {
				w.Claims[claim] = fill(text, fields)
			}
			return w
		}
		if !next(at, choices) {
			return nil
		}
	}
	return nil
}

// next counts through the values of the keys.
func next(at []int, choices []choice) bool {
	for i := range at {
		if at[i]++; at[i] < len(choices[i].values) {
			return true
		}
		at[i] = 0
	}
	return false
}

// choice is a condition key with values that might do; absent is one.
type choice struct {
	key    string
	values []string
}

const absent = "\x00absent"

// choices goes through the keys that the statement asks for, and gives for each
// what might meet all conditions on it.
func (a *site) choices(fixed map[string]string) []choice {
	byKey := map[string][]*cond{}
	for _, c := range a.statement.conds {
		byKey[strings.ToLower(c.key)] = append(byKey[strings.ToLower(c.key)], c)
	}
	keys := make([]string, 0, len(byKey))
	for key := range byKey {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	sub := strings.ToLower(a.provider.url + ":sub")
	var all []choice
	for _, key := range keys {
		if _, told := fixed[strings.TrimPrefix(key, strings.ToLower(a.provider.url)+":")]; told || key == sub {
			continue
		}
		ch := choice{key: byKey[key][0].key}
		required := false
		for _, c := range byKey[key] {
			required = required || c.narrows()
		}
		if !required && key != strings.ToLower(a.provider.url+":aud") {
			ch.values = append(ch.values, absent)
		}
		for _, c := range byKey[key] {
			ch.values = append(ch.values, c.samples()...)
		}
		ch.values = append(ch.values, absent, "other")
		all = append(all, ch)
	}
	for key, values := range a.more {
		if _, asked := byKey[strings.ToLower(key)]; !asked && !strings.EqualFold(key, a.provider.url+":sub") {
			all = append(all, choice{key, values})
		}
	}
	return all
}

// samples are values that might meet one condition.
func (c *cond) samples() []string {
	var texts []string
	for _, v := range c.values {
		switch text := v.text; {
		case c.base == "Null":
			if strings.EqualFold(text, "true") {
				texts = append(texts, absent)
			} else {
				texts = append(texts, "x")
			}
		case c.negated:
		case c.like() || strings.HasPrefix(c.base, "Arn"):
			texts = append(texts, instance(text))
		case c.base == "IpAddress":
			if p, err := netip.ParsePrefix(text); err == nil {
				texts = append(texts, p.Addr().String())
			} else {
				texts = append(texts, text)
			}
		default:
			texts = append(texts, strings.NewReplacer("${*}", "*", "${?}", "?", "${$}", "$").Replace(text))
		}
	}
	return texts
}

// instance is a text that a pattern admits.
func instance(pattern string) string {
	text := strings.NewReplacer("${*}", "\x01", "${?}", "\x02", "${$}", "$").Replace(pattern)
	text = strings.NewReplacer("*", "x", "?", "x").Replace(text)
	return strings.NewReplacer("\x01", "*", "\x02", "?").Replace(text)
}

// build puts a token together.
func (a *site) build(subject string, fixed map[string]string, choices []choice, at []int) *Witness {
	p := &a.provider
	account := p.account(a.role)
	w := &Witness{Provider: p.arn, Issuer: p.url, Subject: subject, Audience: a.audience(), Claims: map[string]string{}, Request: map[string]string{}}
	w.token = &trust.Token{Provider: p.arn, ProviderURL: p.url, Subject: subject}
	w.session = &trust.Session{RoleSessionName: "job-1", RoleARN: a.roleARN(account), Account: account}
	has := func(name string) bool {
		return slices.ContainsFunc(a.keys, func(k string) bool { return strings.EqualFold(k, name) }) || a.extended
	}
	request := map[string]string{}
	for name, text := range fixed {
		w.Claims[name] = text
		if has(name) {
			w.token.Keys = append(w.token.Keys, trust.Key{Name: name, Values: []string{text}})
		}
	}
	for i, ch := range choices {
		text := ch.values[at[i]]
		name, own := cutFold(ch.key, p.url+":")
		switch {
		case own && strings.EqualFold(name, "aud"):
			if text != absent {
				w.Audience = text
			}
		case text == absent:
		case own && strings.EqualFold(name, "oaud"):
			w.token.OAud, w.Claims["aud"] = []string{text}, text
		case own && strings.EqualFold(name, "amr"):
			w.token.AMR, w.Claims["amr"] = []string{text}, text
		case own && strings.EqualFold(name, "email"):
			w.token.Email, w.token.HasEmail, w.Claims["email"] = text, true, text
		case own && has(name):
			w.token.Keys = append(w.token.Keys, trust.Key{Name: name, Values: []string{text}})
			w.Claims[name] = text
		case own: // AWS makes no key of it
		case strings.EqualFold(ch.key, "sts:RoleSessionName"):
			w.session.RoleSessionName, w.Request[ch.key] = text, text
		case strings.EqualFold(ch.key, "sts:SourceIdentity"):
			w.token.SourceIdentity, w.Claims["https://aws.amazon.com/source_identity"] = text, text
		case strings.EqualFold(ch.key, "sts:RoleAuthorizedByIdp"):
			if strings.EqualFold(text, "true") {
				w.token.HasRoles, w.token.Roles = true, []string{w.session.RoleARN}
				w.Claims["https://aws.amazon.com/roles"] = w.session.RoleARN
			}
		case hasPrefixFold(ch.key, "aws:RequestTag/"):
			w.token.Tags = append(w.token.Tags, trust.Tag{Key: ch.key[len("aws:RequestTag/"):], Value: text})
			w.Claims["https://aws.amazon.com/tags/principal_tags/"+ch.key[len("aws:RequestTag/"):]] = text
		case hasPrefixFold(ch.key, "aws:Principal") || strings.EqualFold(ch.key, "aws:TagKeys") || strings.EqualFold(ch.key, "sts:TransitiveTagKeys"): // no request can choose these
		case isProviders(ch.key): // another provider's: the token has no such key
		default:
			request[ch.key], w.Request[ch.key] = text, text
		}
	}
	w.token.Audience = w.Audience
	w.session.RequestKeys = func(ctx *policy.Context) {
		for key, text := range request {
			ctx.Set(key, text)
		}
	}
	return w
}

// isProviders reports whether a condition key is one of an identity provider: its
// name begins with a host.
func isProviders(key string) bool {
	host, _, ok := strings.Cut(key, ":")
	host, _, _ = strings.Cut(host, "/")
	return ok && strings.Contains(host, ".") || strings.HasPrefix(key, "https://") || strings.HasPrefix(key, "http://")
}

// audience is one that the provider takes: with which it was registered, or that of
// most.
func (a *site) audience() string {
	for _, p := range a.role.Providers {
		if p.URL == a.provider.url && len(p.ClientIDs) > 0 {
			return p.ClientIDs[0]
		}
	}
	return "sts.amazonaws.com"
}

func (a *site) roleARN(account string) string {
	if a.role.ARN != "" {
		return a.role.ARN
	}
	return arn.Role(account, "/", "role")
}

// fill puts fields into a text.
func fill(text string, fields map[string]string) string {
	for name, field := range fields {
		text = strings.ReplaceAll(text, "{"+name+"}", field)
	}
	return text
}

func cutFold(s, prefix string) (string, bool) {
	if hasPrefixFold(s, prefix) {
		return s[len(prefix):], true
	}
	return "", false
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
