package trust

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/policy"
)

// MaxExtendedClaims is the most claims of a token of which extended claims make
// keys. GitLab's tokens have some forty, and the search for a key goes through
// all of them.
const MaxExtendedClaims = 256

// extend makes a key of every claim that can be one: a string, number or
// boolean has one value, a list of strings is multivalued. Never a key are
//
//   - lists of anything else and objects, which are not flattened;
//   - null;
//   - a claim whose name is that of a key of AWS's own for this provider, in
//     whatever case, for AWS decides what such a key holds;
//   - the claims under https://aws.amazon.com/, which tell STS what to do;
//   - a name that begins with a digit and holds a colon, such as 8443:sub: with
//     the URL in front it would read as a key of the provider on that port.
//
// Names of keys are compared without regard to case and names of claims with
// it. Claims that differ in case alone make one multivalued key of all their
// values, which no operator without a prefix ever matches.
func (t *Token) extend(all map[string]json.RawMessage) error {
	if len(all) > MaxExtendedClaims {
		return fail(TooManyClaims, "", "the token has %d claims, and extended claims take %d at most; switch them off for this provider, or let it send fewer", len(all), MaxExtendedClaims)
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	at := make(map[string]int, len(names)) // place in t.Keys by name in lower case
	for _, name := range names {
		if !extendable(t.ProviderURL, name) {
			continue
		}
		key, ok := extendedKey(name, all[name])
		if !ok {
			continue
		}
		lower := strings.Map(lowerASCII, name)
		if i, twice := at[lower]; twice {
			t.Keys[i].Multi = true
			t.Keys[i].Values = append(t.Keys[i].Values, key.Values...)
			continue
		}
		at[lower] = len(t.Keys)
		t.Keys = append(t.Keys, key)
	}
	return nil
}

// lowerASCII folds what policy.Context folds in the name of a key: claims whose
// names differ in other letters' case are two keys there.
func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

func extendable(url, name string) bool {
	if name == "" || strings.HasPrefix(name, awsClaims) || awsKey(url, name) {
		return false
	}
	return name[0] < '0' || name[0] > '9' || !strings.Contains(name, ":")
}

func extendedKey(name string, value json.RawMessage) (Key, bool) {
	if text, ok := claimText(value); ok {
		return Key{Name: name, Values: []string{text}}, true
	}
	list, ok := claimList(value)
	return Key{Name: name, Multi: true, Values: list}, ok
}

// claimList reads a list of strings.
func claimList(value json.RawMessage) ([]string, bool) {
	if len(value) == 0 || value[0] != '[' {
		return nil, false
	}
	var list []*string // nil where the token has null, which a string would hide
	if err := json.Unmarshal(value, &list); err != nil {
		return nil, false
	}
	texts := make([]string, len(list))
	for i, text := range list {
		if text == nil {
			return nil, false
		}
		texts[i] = *text
	}
	return texts, true
}

// NonPortable lists the condition keys that a trust policy reads, in conditions
// and in policy variables, and that AWS does not have for this token's provider:
// Daypass has them by extended claims alone. It lists none where those are off.
// Order and spelling are those of the policy.
func (t *Token) NonPortable(role *policy.Document) []string {
	if t == nil || !t.extended {
		return nil
	}
	return slices.DeleteFunc(role.ContextKeys(), func(key string) bool {
		name, ok := cutProvider(t.ProviderURL, key)
		return !ok || !extendable(t.ProviderURL, name)
	})
}

// cutProvider takes the provider's URL from a condition key.
func cutProvider(url, key string) (name string, ok bool) {
	n := len(url)
	if len(key) <= n || key[n] != ':' || !strings.EqualFold(key[:n], url) {
		return "", false
	}
	return key[n+1:], true
}
