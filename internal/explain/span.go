package explain

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// span is where a JSON value stands in a text.
type span struct{ start, end int }

// find gives the place of the value at a path of member names and indices. What
// AWS lets stand alone in the place of a list of one has the index 0.
func find(text string, path ...any) (span, bool) {
	at := span{0, len(text)}
	for _, step := range path {
		var ok bool
		switch step := step.(type) {
		case string:
			at, ok = child(text, at, step, -1)
		case int:
			if at = trimmed(text, at); text[at.start] == '[' {
				at, ok = child(text, at, "", step)
			} else {
				ok = step == 0
			}
		}
		if !ok {
			return span{}, false
		}
	}
	return trimmed(text, at), true
}

// trimmed leaves white space out.
func trimmed(text string, at span) span {
	for at.start < at.end && strings.IndexByte(" \t\r\n", text[at.start]) >= 0 {
		at.start++
	}
	for at.end > at.start && strings.IndexByte(" \t\r\n", text[at.end-1]) >= 0 {
		at.end--
	}
	return at
}

// child finds a member of an object by its name, or an item of a list by its
// index.
func child(text string, in span, name string, index int) (span, bool) {
	found, ok := span{}, false
	each(text, in, func(member string, i int, at span) {
		if !ok && (index < 0 && member == name || index >= 0 && i == index) {
			found, ok = at, true
		}
	})
	return found, ok
}

// each calls do for each member or item; for none where the value has none, or is
// no JSON.
func each(text string, in span, do func(member string, index int, at span)) {
	in = trimmed(text, in)
	if in.start == in.end || text[in.start] != '{' && text[in.start] != '[' {
		return
	}
	object := text[in.start] == '{'
	decoder := json.NewDecoder(strings.NewReader(text[in.start:in.end]))
	if _, err := decoder.Token(); err != nil {
		return
	}
	for i := 0; decoder.More(); i++ {
		var name string
		if object {
			token, err := decoder.Token()
			if err != nil {
				return
			}
			name, _ = token.(string)
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return
		}
		end := in.start + int(decoder.InputOffset())
		do(name, i, span{end - len(value), end})
	}
}

// texts are the places of the strings of a value: of itself, or of its items.
func texts(text string, value span) []span {
	if value.start == value.end {
		return nil
	}
	if text[value.start] == '"' {
		return []span{value}
	}
	var all []span
	each(text, value, func(_ string, _ int, at span) {
		if text[at.start] == '"' {
			all = append(all, at)
		}
	})
	return all
}

// quoted is a text as JSON, without the escapes that only HTML needs.
func quoted(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(text) != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// unquoted is the text of a JSON string.
func unquoted(text string) string {
	var s string
	if json.Unmarshal([]byte(text), &s) != nil {
		return ""
	}
	return s
}

// Place is where something stands in a document. Lines and columns count from 1, a
// column is a character; the end is behind the last.
type Place struct {
	Line      int `json:"line"`
	Column    int `json:"column"`
	EndLine   int `json:"endLine"`
	EndColumn int `json:"endColumn"`
}

// PlaceOf finds the value at a path of member names and indices, such as
// "Statement", 0, "Condition", "StringEquals". What AWS lets stand alone in the place
// of a list of one has the index 0.
func PlaceOf(document string, path ...any) (Place, bool) {
	at, ok := find(document, path...)
	if !ok {
		return Place{}, false
	}
	line, column := lineOf(document, at.start)
	endLine, endColumn := lineOf(document, at.end)
	return Place{line, column, endLine, endColumn}, true
}

func lineOf(text string, offset int) (line, column int) {
	before := text[:offset]
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}
