package awsapi

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
)

// Denied is what an encoded authorization message tells of a request beyond the
// decision itself.
type Denied struct {
	PrincipalID   string // AIDA…, AROA…:SESSION
	PrincipalName string // of an IAM user
	PrincipalARN  string
	Keys          *policy.Context // the condition keys that were decided by
}

// The decoded message, member by member as AWS writes it (replies of
// DecodeAuthorizationMessage that users published).
type (
	denialMessage struct {
		Allowed           bool                   `json:"allowed"`
		ExplicitDeny      bool                   `json:"explicitDeny"`
		MatchedStatements items[denialStatement] `json:"matchedStatements"`
		Failures          items[denialValue]     `json:"failures"`
		Context           denialContext          `json:"context"`
	}
	denialStatement struct {
		ID              string                 `json:"statementId"`
		Effect          string                 `json:"effect"`
		Principals      items[denialValue]     `json:"principals"`
		PrincipalGroups items[denialValue]     `json:"principalGroups"`
		Actions         items[denialValue]     `json:"actions"`
		Resources       items[denialValue]     `json:"resources"`
		Conditions      items[denialCondition] `json:"conditions"`
	}
	denialContext struct {
		Principal  denialPrincipal        `json:"principal"`
		Action     string                 `json:"action"`
		Resource   string                 `json:"resource"`
		Conditions items[denialCondition] `json:"conditions"`
	}
	denialPrincipal struct {
		ID   string `json:"id"`
		Name string `json:"name,omitempty"`
		ARN  string `json:"arn"`
	}
	denialCondition struct {
		Key    string             `json:"key"`
		Values items[denialValue] `json:"values"`
	}
	denialValue struct {
		Value string `json:"value"`
	}
	items[T any] struct {
		Items []T `json:"items"`
	}
)

func valuesOf(values []string) items[denialValue] {
	list := items[denialValue]{Items: make([]denialValue, len(values))}
	for i, v := range values {
		list.Items[i].Value = v
	}
	return list
}

// messageOf puts a denial into the words of DecodeAuthorizationMessage.
func messageOf(f *Fault) *denialMessage {
	m := &denialMessage{
		MatchedStatements: items[denialStatement]{Items: []denialStatement{}}, Failures: valuesOf(nil),
		Context: denialContext{
			Principal: denialPrincipal{ID: f.Denied.PrincipalID, Name: f.Denied.PrincipalName, ARN: f.Denied.PrincipalARN},
			Action:    f.Action, Resource: f.Resource, Conditions: items[denialCondition]{Items: []denialCondition{}},
		},
	}
	for _, key := range f.Denied.Keys.Keys() {
		values, _, _ := f.Denied.Keys.Get(key)
		m.Context.Conditions.Items = append(m.Context.Conditions.Items, denialCondition{Key: key, Values: valuesOf(values)})
	}
	if f.Why == nil || f.Why.Effect != policy.ExplicitDeny {
		return m
	}
	m.ExplicitDeny = true
	for i := range f.Why.Statements {
		if s := &f.Why.Statements[i]; s.Matched && s.Effect == "Deny" {
			m.MatchedStatements.Items = append(m.MatchedStatements.Items, statementOf(s, f.Denied.PrincipalID))
		}
	}
	return m
}

func statementOf(s *policy.StatementReason, principalID string) denialStatement {
	d := denialStatement{
		ID: s.Sid, Effect: "DENY", Principals: valuesOf([]string{principalID}), PrincipalGroups: valuesOf(nil),
		Actions: valuesOf(s.Action.Wanted), Resources: valuesOf(s.Resource.Wanted),
		Conditions: items[denialCondition]{Items: []denialCondition{}},
	}
	for _, c := range s.Conditions {
		d.Conditions.Items = append(d.Conditions.Items, denialCondition{Key: c.Key, Values: valuesOf(c.Wanted)})
	}
	return d
}

// sealDenial is the encoded message of a denial, for the account whose request
// it was: "" where it cannot be made, which denies no less. A message that does
// not fit leaves the condition keys out.
func sealDenial(keys *session.Keys, account string, f *Fault) string {
	if f.Denied == nil {
		return ""
	}
	m := messageOf(f)
	for {
		text, err := json.Marshal(m)
		if err != nil {
			return ""
		}
		sealed, err := keys.SealMessage(append([]byte(account+"\n"), text...))
		if errors.Is(err, session.ErrMessageTooLarge) && len(m.Context.Conditions.Items) > 0 {
			m.Context.Conditions.Items = m.Context.Conditions.Items[:0]
			continue
		}
		return sealed // "" with any other error
	}
}

// OpenDenial gives the text of an encoded message that a denial in this account
// carried. The only error is session.ErrMessage.
func OpenDenial(keys *session.Keys, account, encoded string) (string, error) {
	sealed, err := keys.OpenMessage(encoded)
	if err != nil {
		return "", err
	}
	text, ok := strings.CutPrefix(string(sealed), account+"\n")
	if !ok || account == "" {
		return "", session.ErrMessage
	}
	return text, nil
}

// DenialKeys gives the condition keys that a denial in this account was decided by,
// of its encoded message. AWS writes of a key its values and not whether it can have
// several: multi says so. The only error is session.ErrMessage.
func DenialKeys(keys *session.Keys, account, encoded string, multi func(key string) bool) (*policy.Context, error) {
	text, err := OpenDenial(keys, account, encoded)
	if err != nil {
		return nil, err
	}
	var m denialMessage
	if json.Unmarshal([]byte(text), &m) != nil || len(m.Context.Conditions.Items) == 0 { // they did not fit
		return nil, session.ErrMessage
	}
	all := &policy.Context{}
	for _, c := range m.Context.Conditions.Items {
		values := make([]string, len(c.Values.Items))
		for i, v := range c.Values.Items {
			values[i] = v.Value
		}
		if len(values) != 1 || multi(c.Key) {
			all.SetMulti(c.Key, values)
		} else {
			all.Set(c.Key, values[0])
		}
	}
	return all, nil
}
