package explain

import (
	"slices"
	"strings"
)

// edit is a policy in which one statement is being changed, with the rest of its text
// left as it is.
type edit struct {
	text      string
	statement int      // its index
	steps     []string // what was changed, a sentence each without a full stop
	stuck     bool     // something could not be changed
}

// path is where something of the statement stands.
func (e *edit) path(more []string) []any {
	path := []any{"Statement", e.statement}
	for _, name := range more {
		path = append(path, name)
	}
	return path
}

// replace writes one text in the place of another, in a value or in a list.
func (e *edit) replace(step, old, text string, where ...string) {
	value, ok := find(e.text, e.path(where)...)
	if !ok {
		e.stuck = true
		return
	}
	spans := texts(e.text, value)
	at := slices.IndexFunc(spans, func(s span) bool { return unquoted(e.text[s.start:s.end]) == old })
	if at < 0 {
		e.stuck = true
		return
	}
	e.splice(spans[at], quoted(text), step)
}

// append adds a text to a list, or makes a list of a text.
func (e *edit) append(step, text string, where ...string) {
	value, ok := find(e.text, e.path(where)...)
	spans := texts(e.text, value)
	if !ok || len(spans) == 0 {
		e.stuck = true
		return
	}
	last := spans[len(spans)-1]
	if e.text[value.start] != '[' {
		e.splice(value, "["+e.text[value.start:value.end]+", "+quoted(text)+"]", step)
		return
	}
	separator := ", "
	if len(spans) > 1 { // as the items stand now: on a line each, or not
		separator = e.text[spans[len(spans)-2].end:last.start]
	} else if strings.TrimSpace(e.text[value.start+1:last.start]) == "" && last.start > value.start+1 {
		separator = "," + e.text[value.start+1:last.start]
	}
	e.splice(span{last.end, last.end}, separator+quoted(text), step)
}

// rename gives a member another name.
func (e *edit) rename(step, old, name string, where ...string) {
	value, ok := find(e.text, append(e.path(where), old)...)
	if !ok {
		e.stuck = true
		return
	}
	end := strings.LastIndexByte(e.text[:value.start], ':')
	end = strings.LastIndexByte(e.text[:end], '"') + 1
	e.splice(span{end - len(quoted(old)), end}, quoted(name), step)
}

func (e *edit) splice(at span, text, step string) {
	e.text = e.text[:at.start] + text + e.text[at.end:]
	e.steps = append(e.steps, step)
}

// add puts a statement behind the last one.
func (e *edit) add(step, statement string) {
	all, ok := find(e.text, "Statement")
	if !ok || all.start == all.end {
		e.stuck = true
		return
	}
	if e.text[all.start] != '[' {
		e.splice(all, "["+e.text[all.start:all.end]+", "+statement+"]", step)
		return
	}
	last := span{all.start + 1, all.start + 1}
	separator := ""
	each(e.text, all, func(_ string, _ int, at span) { last, separator = at, ", " })
	if before := e.text[all.start+1 : last.end]; separator != "" && strings.HasPrefix(strings.TrimLeft(before, " \t"), "\n") {
		separator = "," + before[:len(before)-len(strings.TrimLeft(before, " \t\r\n"))]
	}
	e.splice(span{last.end, last.end}, separator+statement, step)
}
