package explain

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"

	"github.com/rogpeppe/go-internal/diff"
)

// maxTrustPolicy is the quota of a trust policy, in characters without white
// space, if nobody asked for more (IAM User Guide, "IAM and AWS STS quotas").
const maxTrustPolicy = 2048

// Fix is a change of the trust policy under which it admits the token, and no
// more than that: a value that is added is the token's own, never a pattern.
type Fix struct {
	// Steps say what is changed, a sentence each without a full stop.
	Steps []string `json:"steps"`
	// Policy is the whole policy after the change.
	Policy string `json:"policy"`
	// Diff is the change in the unified format.
	Diff string `json:"diff"`
	// Warning says what to think of before; empty where there is nothing.
	Warning string `json:"warning,omitempty"`
}

// notToBeFixed are causes under which the denial is right, and to admit the token
// would be the mistake: pull requests, forks.
var notToBeFixed = []int{43, 47}

// fix looks for the smallest change; nil where there is none that could be
// recommended. The engine has admitted the token under what is returned.
func (e *explanation) fix(t *Trust, token *trust.Token, session *trust.Session) *Fix {
	if t.Nearest < 0 {
		return nil
	}
	f := &fixing{text: e.Policy, statement: &t.Reasons.Statements[t.Nearest], token: token}
	if t.Action != trust.Action {
		f.addAction(t.Action)
	}
	for i := range t.Misses {
		miss := &t.Misses[i]
		if slices.ContainsFunc(miss.Causes, func(n int) bool { return slices.Contains(notToBeFixed, n) }) {
			return nil
		}
		f.mend(miss)
	}
	if len(f.steps) == 0 || f.stuck {
		return nil
	}
	document, err := policy.Parse(policy.Trust, f.text)
	if err != nil || !trust.Decide(document, token, session, nil, nil).Allowed() {
		return nil
	}
	before, after := spread(e.Policy), spread(f.text)
	fix := &Fix{Steps: f.steps, Policy: f.text, Diff: string(diff.Diff("trust policy", []byte(before), "trust policy, mended", []byte(after)))}
	var control *trust.ControlError
	switch {
	case errors.As(trust.CheckSharedIssuers(document), &control):
		fix.Warning = "IAM will refuse it all the same: " + control.Message
	case len(strings.Join(strings.Fields(f.text), "")) > maxTrustPolicy:
		fix.Warning = "the policy has more than 2,048 characters then, which needs a higher quota, or a second role"
	}
	return fix
}

// spread sets a policy that stands on one line on several, for the diff.
func spread(text string) string {
	text = strings.TrimSpace(text)
	var all any
	if strings.Contains(text, "\n") || json.Unmarshal([]byte(text), &all) != nil {
		return text + "\n"
	}
	var b strings.Builder
	indented := json.RawMessage(text)
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if encoder.Encode(indented) != nil {
		return text + "\n"
	}
	return b.String()
}

// fixing is a policy that is being changed.
type fixing struct {
	text      string
	statement *policy.StatementReason
	token     *trust.Token
	steps     []string
	stuck     bool // something cannot be mended
}

// mend mends one miss.
func (f *fixing) mend(miss *Miss) {
	switch {
	case miss.Condition >= 0:
		f.condition(miss)
	case miss.Element == "Action":
		f.addAction(trust.Action)
	case miss.Element == "Principal" && (providerURL(miss.Closest) == f.token.ProviderURL || almost(providerURL(miss.Closest), f.token.ProviderURL) != ""):
		f.replace("trust "+f.token.Provider+" in the place of "+miss.Closest, miss.Closest, f.token.Provider, "Principal", "Federated")
	default:
		f.stuck = true
	}
}

func (f *fixing) condition(miss *Miss) {
	c := &f.statement.Conditions[miss.Condition]
	switch {
	case !c.Present && slices.Contains(miss.Causes, 50):
		at := strings.LastIndexByte(c.Key, ':')
		key := f.token.ProviderURL + c.Key[at:]
		if name := c.Key[at+1:]; !strings.EqualFold(name, "sub") && !strings.EqualFold(name, "aud") {
			f.stuck = true
			return
		}
		f.rename("name the key "+key, c.Key, key, "Condition", c.Operator)
	case !c.Present || negated(c.Operator) || miss.Got == "" || c.Operator != "StringEquals" && c.Operator != "StringLike" || strings.ContainsAny(miss.Got, "*?$"):
		f.stuck = true
	case slices.Contains(miss.Causes, 40), slices.Contains(miss.Causes, 44), slices.Contains(miss.Causes, 45):
		f.replace("write "+miss.Got+" in the place of "+miss.Closest, miss.Closest, miss.Got, "Condition", c.Operator, c.Key)
	default:
		f.append("admit "+miss.Got+" as well", miss.Got, "Condition", c.Operator, c.Key)
	}
}

func (f *fixing) addAction(action string) {
	f.append("allow "+action, action, "Action")
}

// path is where something of the statement stands.
func (f *fixing) path(more []string) []any {
	path := []any{"Statement", f.statement.Statement}
	for _, name := range more {
		path = append(path, name)
	}
	return path
}

// replace writes one text in the place of another, in a value or in a list.
func (f *fixing) replace(step, old, text string, where ...string) {
	value, ok := find(f.text, f.path(where)...)
	if !ok {
		f.stuck = true
		return
	}
	spans := texts(f.text, value)
	at := slices.IndexFunc(spans, func(s span) bool { return unquoted(f.text[s.start:s.end]) == old })
	if at < 0 {
		f.stuck = true
		return
	}
	f.splice(spans[at], quoted(text), step)
}

// append adds a text to a list, or makes a list of a text.
func (f *fixing) append(step, text string, where ...string) {
	value, ok := find(f.text, f.path(where)...)
	spans := texts(f.text, value)
	if !ok || len(spans) == 0 {
		f.stuck = true
		return
	}
	last := spans[len(spans)-1]
	if f.text[value.start] != '[' {
		f.splice(value, "["+f.text[value.start:value.end]+", "+quoted(text)+"]", step)
		return
	}
	separator := ", "
	if len(spans) > 1 { // as the items stand now: on a line each, or not
		separator = f.text[spans[len(spans)-2].end:last.start]
	} else if strings.TrimSpace(f.text[value.start+1:last.start]) == "" && last.start > value.start+1 {
		separator = "," + f.text[value.start+1:last.start]
	}
	f.splice(span{last.end, last.end}, separator+quoted(text), step)
}

// rename gives a member another name.
func (f *fixing) rename(step, old, name string, where ...string) {
	value, ok := find(f.text, append(f.path(where), old)...)
	if !ok {
		f.stuck = true
		return
	}
	end := strings.LastIndexByte(f.text[:value.start], ':')
	end = strings.LastIndexByte(f.text[:end], '"') + 1
	f.splice(span{end - len(quoted(old)), end}, quoted(name), step)
}

func (f *fixing) splice(at span, text, step string) {
	f.text = f.text[:at.start] + text + f.text[at.end:]
	f.steps = append(f.steps, step)
}
