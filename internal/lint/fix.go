package lint

import "strings"

// ask are edits by which the statement asks for one value more. They only close: a
// condition more can be met by fewer.
func (a *site) ask(key, text string) []edit { return a.statement.ask(key, text) }

func (s *statement) ask(key, text string) []edit {
	const operator = "StringEquals"
	switch {
	case s.conditions == nil:
		return []edit{addMember(s.policy.text, s.node, "Condition", `{"`+operator+`": {`+quoted(key)+`: `+quoted(text)+`}}`)}
	case s.conditions.get(operator) == nil:
		return []edit{addMember(s.policy.text, s.conditions, operator, `{`+quoted(key)+`: `+quoted(text)+`}`)}
	}
	block := s.conditions.get(operator)
	for _, m := range block.members {
		if strings.EqualFold(m.name, key) {
			return nil
		}
	}
	return []edit{addMember(s.policy.text, block, key, quoted(text))}
}

// under are edits by which a condition stands under another operator. They are none
// where that one has the key already: the two would have to be merged by a person.
func (s *statement) under(c *cond, operator string) []edit {
	target := s.conditions.get(operator)
	alone := len(c.block.members) == 1
	if target == nil && alone {
		return []edit{{c.at.start, c.at.end, quoted(operator)}}
	}
	text := s.policy.text[c.keyAt.value.start:c.keyAt.value.end]
	if target == nil {
		return []edit{
			removal(c.block, c.keyAt),
			addMember(s.policy.text, s.conditions, operator, `{`+quoted(c.key)+`: `+text+`}`),
		}
	}
	for _, m := range target.members {
		if strings.EqualFold(m.name, c.key) {
			return nil
		}
	}
	remove := removal(c.block, c.keyAt)
	if alone {
		remove = removal(s.conditions, c.at)
	}
	return []edit{remove, addMember(s.policy.text, target, c.key, text)}
}

// removal takes a member out of its object.
func removal(object *node, m member) edit {
	var starts, ends []int
	at := 0
	for i := range object.members {
		if object.members[i].start == m.start {
			at = i
		}
		starts, ends = append(starts, object.members[i].start), append(ends, object.members[i].value.end)
	}
	return without(starts, ends, at)
}
