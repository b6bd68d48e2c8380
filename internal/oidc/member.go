package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// member is one name and value of a JSON object, the value as it was sent.
type member struct {
	name  string
	value json.RawMessage
}

// object is a JSON object in the order it was sent. encoding/json would match
// names to struct fields without regard to case, and so would let "AUD" stand
// for aud; its maps would lose the order and cost as much as the signature.
type object []member

var (
	errNotJSON   = errors.New("is not JSON in UTF-8")
	errNotObject = errors.New("is not a JSON object")
)

// parseObject splits a JSON object into its members. The values alias doc.
func parseObject(doc []byte) (object, error) {
	if !utf8.Valid(doc) || !json.Valid(doc) {
		return nil, errNotJSON
	}
	// From here on the text is valid JSON, which is all that the steps below
	// rely on to stay within it.
	i := skipSpace(doc, 0)
	if doc[i] != '{' {
		return nil, errNotObject
	}
	names := string(doc) // one copy, of which the names are parts
	members := make(object, 0, min(bytes.Count(doc, []byte{','})+1, 64))
	for i = skipSpace(doc, i+1); doc[i] != '}'; {
		end := i + stringEnd(doc[i:])
		name := names[i+1 : end-1]
		if strings.IndexByte(name, '\\') >= 0 {
			name, _ = unquote(doc[i:end])
		}
		i = skipSpace(doc, end)
		i = skipSpace(doc, i+1) // past the colon
		end = i + valueEnd(doc[i:])
		members = append(members, member{name: name, value: json.RawMessage(doc[i:end])})
		if i = skipSpace(doc, end); doc[i] == ',' {
			i = skipSpace(doc, i+1)
		}
	}
	return members, nil
}

// get is the value of name: the last of them if the object repeats it
// (recorded on AWS, 2026-09).
func (o object) get(name string) (json.RawMessage, bool) {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].name == name {
			return o[i].value, true
		}
	}
	return nil, false
}

// skipSpace is the first index from i on that is no white space (RFC 8259
// section 2).
func skipSpace(s []byte, i int) int {
	for s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n' {
		i++
	}
	return i
}

// stringEnd is the length of the JSON string that s begins with.
func stringEnd(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// valueEnd is the length of the JSON value that s begins with.
func valueEnd(s []byte) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += stringEnd(s[i:]) - 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // the end of the object around a number or a literal
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

// unquote reads a JSON string; ok is false if value is of another type.
func unquote(value json.RawMessage) (s string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	if err := json.Unmarshal(value, &s); err != nil {
		return "", false
	}
	return s, true
}

// unquoteAll reads a JSON array of strings.
func unquoteAll(value json.RawMessage) (list []string, ok bool) {
	if len(value) == 0 || value[0] != '[' {
		return nil, false
	}
	var values []json.RawMessage
	if err := json.Unmarshal(value, &values); err != nil {
		return nil, false
	}
	list = make([]string, len(values))
	for i := range values {
		if list[i], ok = unquote(values[i]); !ok {
			return nil, false
		}
	}
	return list, true
}

func isNull(value json.RawMessage) bool { return string(value) == "null" }

// isInteger reports whether s is one or more ASCII digits, after a minus sign
// if signed.
func isInteger(s string, signed bool) bool {
	if signed && len(s) > 1 && s[0] == '-' {
		s = s[1:]
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
