package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// member is one name and value of a JSON object, as sent.
type member struct {
	name  string
	value json.RawMessage
}

// members are those of an object in the order sent. Names that come twice stay
// twice: to find them is what this is for.
type members []member

var errNoObject = errors.New("it is no JSON object")

// parseMembers splits a JSON object.
func parseMembers(text []byte) (members, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, errors.New("it is no JSON in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	all := members{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		text, ok := name.(string)
		if !ok {
			return nil, errNoObject
		}
		all = append(all, member{text, value})
	}
	return all, nil
}

// get is the value of a name: the last of them, as AWS takes it (recorded on
// AWS, 2026-09).
func (m members) get(name string) (json.RawMessage, bool) {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i].name == name {
			return m[i].value, true
		}
	}
	return nil, false
}

// text is a member that is a string.
func (m members) text(name string) (string, bool) {
	value, ok := m.get(name)
	if !ok {
		return "", false
	}
	return textOf(value)
}

// texts is a member that is a list of strings.
func (m members) texts(name string) ([]string, bool) {
	value, ok := m.get(name)
	if !ok {
		return nil, false
	}
	return textsOf(value)
}

// repeated are the names that come more than once.
func (m members) repeated() []string {
	count, again := map[string]int{}, []string(nil)
	for i := range m {
		if count[m[i].name]++; count[m[i].name] == 2 {
			again = append(again, m[i].name)
		}
	}
	return again
}

// textOf reads a JSON string.
func textOf(value json.RawMessage) (s string, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(value, &s) == nil
}

// textsOf reads a JSON array of strings.
func textsOf(value json.RawMessage) ([]string, bool) {
	if len(value) == 0 || value[0] != '[' {
		return nil, false
	}
	var values []json.RawMessage
	if json.Unmarshal(value, &values) != nil {
		return nil, false
	}
	list := make([]string, len(values))
	for i := range values {
		var ok bool
		if list[i], ok = textOf(values[i]); !ok {
			return nil, false
		}
	}
	return list, true
}
