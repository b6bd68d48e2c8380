package trust

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/policy"
)

// Explain says, a sentence each, what the reasons of a denial cannot know: of a
// condition that failed since its key is absent, that the token has a claim of
// that name, and why it is no key. Sentences have no full stop.
func (t *Token) Explain(why *policy.Reasons) []string {
	if t == nil || t.claims == nil || why == nil {
		return nil
	}
	all := t.claims.All()
	var notes []string
	told := map[string]bool{}
	for i := range why.Statements {
		for _, c := range why.Statements[i].Conditions {
			name, ok := cutProvider(t.ProviderURL, c.Key)
			value, sent := all[name]
			if !ok || c.Present || !sent || told[c.Key] {
				continue
			}
			told[c.Key] = true
			switch {
			case composite(value) && (t.extended || awsKey(t.ProviderURL, name)):
				notes = append(notes, "the claim "+shown(name)+" is a list or an object, of which no condition key is made")
			case !t.extended && extendable(t.ProviderURL, name):
				notes = append(notes, fmt.Sprintf("the token has the claim %s, and AWS makes no condition key of it; "+
					"Daypass does with --extended-claims https://%s, which works nowhere else", shown(name), t.ProviderURL))
			}
		}
	}
	return notes
}

// maxShown bounds, in bytes, a name that a token sent and a person reads.
const maxShown = 128

// shown quotes a name, so that it can forge no line.
func shown(s string) string {
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return strconv.Quote(s)
}
