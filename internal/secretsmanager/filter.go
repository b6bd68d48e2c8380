package secretsmanager

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/store"
)

// filter chooses secrets (API Reference, Filter): one of its values must match. All
// of several filters must.
type filter struct {
	Key    string
	Values []string
}

const shownFilterValue = `^\!?[a-zA-Z0-9 :_@\/\+\=\.\-\!]*$`

var filterValue = regexp.MustCompile(`^!?[a-zA-Z0-9 :_@/+=.!-]*$`)

func (v *checks) filters(filters []filter) {
	if len(filters) > 10 {
		v.Constraint("filters", "", "Member must have length less than or equal to 10")
	}
	for i, f := range filters {
		at := fmt.Sprintf("filters.%d.member.", i+1)
		v.OneOf(at+"key", f.Key, "description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all")
		if len(f.Values) < 1 || len(f.Values) > 10 {
			v.Constraint(at+"values", "", "Member must have length between 1 and 10")
		}
		for _, value := range f.Values {
			v.Length(at+"values", value, 0, 512)
			v.Pattern(at+"values", value, filterValue, shownFilterValue)
		}
	}
}

func matchesAll(s *store.Secret, filters []filter) bool {
	for _, f := range filters {
		if !slices.ContainsFunc(f.Values, func(value string) bool { return f.matches(s, value) }) {
			return false
		}
	}
	return true
}

// matches reports whether a secret is one of a value: of all others, where that
// begins with "!".
func (f *filter) matches(s *store.Secret, value string) bool {
	wanted, not := strings.CutPrefix(value, "!")
	return f.has(s, wanted) != not
}

// has: every key but all is matched from its beginning on; of the description each
// word is, without regard to case (API Reference, Filter).
func (f *filter) has(s *store.Secret, wanted string) bool {
	tag := func(of func(store.Tag) string) bool {
		return slices.ContainsFunc(s.Tags, func(t store.Tag) bool { return strings.HasPrefix(of(t), wanted) })
	}
	switch f.Key {
	case "name":
		return strings.HasPrefix(s.Name, wanted)
	case "description":
		return hasWord(s.Description, wanted)
	case "tag-key":
		return tag(func(t store.Tag) string { return t.Key })
	case "tag-value":
		return tag(func(t store.Tag) string { return t.Value })
	case "primary-region":
		return strings.HasPrefix(s.Region, wanted)
	case "all":
		for word := range strings.FieldsSeq(strings.ToLower(wanted)) {
			if !slices.ContainsFunc(attributes(s), func(text string) bool { return strings.Contains(strings.ToLower(text), word) }) {
				return false
			}
		}
		return true
	default: // owning-service: no service makes secrets here
		return false
	}
}

// hasWord reports whether a text has what is wanted at the beginning of a word.
func hasWord(text, wanted string) bool {
	text, wanted = strings.ToLower(text), strings.ToLower(wanted)
	for at := 0; ; {
		if strings.HasPrefix(text[at:], wanted) {
			return true
		}
		next := strings.IndexByte(text[at:], ' ')
		if next < 0 {
			return false
		}
		at += next + 1
	}
}

func attributes(s *store.Secret) []string {
	all := []string{s.Name, s.Description, s.Region}
	for _, t := range s.Tags {
		all = append(all, t.Key, t.Value)
	}
	return all
}
