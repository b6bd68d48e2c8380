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
	nearest := &t.Reasons.Statements[t.Nearest]
	f := &fixing{edit: edit{text: e.Policy, statement: nearest.Statement}, nearest: nearest, token: token}
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

// fixing is a trust policy whose nearest statement is being changed.
type fixing struct {
	edit

	nearest *policy.StatementReason
	token   *trust.Token
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
	c := &f.nearest.Conditions[miss.Condition]
	switch {
	case !c.Present && slices.Contains(miss.Causes, 50):
		at := strings.LastIndexByte(c.Key, ':')
		key := f.token.ProviderURL + c.Key[at:]
		if name := c.Key[at+1:]; !strings.EqualFold(name, "sub") && !strings.EqualFold(name, "aud") {
			f.stuck = true
			return
		}
		f.rename("name the key "+key, c.Key, key, "Condition", c.Operator)
	case !takesValue(c, miss.Got):
		f.stuck = true
	case slices.Contains(miss.Causes, 40), slices.Contains(miss.Causes, 44), slices.Contains(miss.Causes, 45):
		f.replace("write "+miss.Got+" in the place of "+miss.Closest, miss.Closest, miss.Got, "Condition", c.Operator, c.Key)
	default:
		f.append("admit "+miss.Got+" as well", miss.Got, "Condition", c.Operator, c.Key)
	}
}

// takesValue reports whether a value of the request can be written among those that a
// condition wants, and then stands for itself alone.
func takesValue(c *policy.ConditionReason, value string) bool {
	return c.Present && value != "" && (c.Operator == "StringEquals" || c.Operator == "StringLike") && !strings.ContainsAny(value, "*?$")
}

func (f *fixing) addAction(action string) {
	f.append("allow "+action, action, "Action")
}
