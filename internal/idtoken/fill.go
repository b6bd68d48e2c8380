package idtoken

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// filler fills in one template.
type filler struct {
	settings map[string]string
	special  map[string]any
	random   io.Reader
}

// holds reports whether a condition does. The empty one always does.
func (f *filler) holds(condition string) bool {
	if condition == "" {
		return true
	}
	for part := range strings.SplitSeq(condition, ",") {
		name, want, equal := strings.Cut(part, "=")
		list, item, within := strings.Cut(part, "~")
		bare, negated := strings.CutPrefix(part, "!")
		ok := false
		switch {
		case equal:
			ok = f.settings[name] == want
		case within:
			for given := range strings.SplitSeq(f.settings[list], ",") {
				ok = ok || given == item
			}
		case negated:
			ok = f.settings[bare] == ""
		default:
			ok = f.settings[part] != ""
		}
		if !ok {
			return false
		}
	}
	return true
}

// errAbsent says that a value inside another is not there.
var errAbsent = errors.New("absent")

// value fills in a JSON value of a template.
func (f *filler) value(raw json.RawMessage) (any, error) {
	switch raw = bytes.TrimSpace(raw); {
	case len(raw) == 0:
		return nil, errors.New("there is no value")
	case raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, err
		}
		return f.fill(s)
	case raw[0] == '[':
		return f.list(raw)
	case raw[0] == '{':
		return f.object(raw)
	}
	return raw, nil // numbers, booleans and null stand for themselves
}

func (f *filler) list(raw json.RawMessage) (any, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(items))
	for _, item := range items {
		v, err := f.value(item)
		if errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// object keeps the order of the template.
func (f *filler) object(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	out, condition, join := Claims{}, "", ""
	var inner json.RawMessage
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		var member json.RawMessage
		if err := d.Decode(&member); err != nil {
			return nil, err
		}
		switch name {
		case "$if":
			if err := json.Unmarshal(member, &condition); err != nil {
				return nil, err
			}
			continue
		case "$join":
			if err := json.Unmarshal(member, &join); err != nil {
				return nil, err
			}
			continue
		case "$parts":
			return f.join(join, member)
		case "$value":
			inner = member
			continue
		}
		v, err := f.value(member)
		if errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Claim{name, v})
	}
	if inner == nil {
		return out, nil
	}
	if !f.holds(condition) {
		return nil, errAbsent
	}
	return f.value(inner)
}

// join puts a colon between the parts that a setting lists, as the subjects are
// made that people put together themselves.
func (f *filler) join(setting string, raw json.RawMessage) (any, error) {
	var parts map[string]string
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, err
	}
	var out []string
	for name := range strings.SplitSeq(f.settings[setting], ",") {
		template, ok := parts[name]
		if !ok {
			names := slices.Sorted(maps.Keys(parts))
			return nil, fmt.Errorf("%w: %s has %q; it may list %s", ErrRequest, setting, name, strings.Join(names, ", "))
		}
		part, err := f.text(template)
		if err != nil {
			return nil, err
		}
		out = append(out, part)
	}
	return strings.Join(out, ":"), nil
}

// text fills in a template that is a string in the end.
func (f *filler) text(template string) (string, error) {
	v, err := f.fill(template)
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%q is no text", template)
	}
	return s, nil
}

// fill replaces the references in a template. What they stand for is not looked
// at again, so a setting can hold braces.
func (f *filler) fill(template string) (any, error) {
	var out strings.Builder
	for rest := template; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			out.WriteString(rest)
			break
		}
		out.WriteString(rest[:i])
		rest = rest[i:]
		if strings.HasPrefix(rest, "{{") || strings.HasPrefix(rest, "}}") {
			out.WriteByte(rest[0])
			rest = rest[2:]
			continue
		}
		end := strings.IndexByte(rest, '}')
		if end < 1 {
			return nil, fmt.Errorf("%q has a brace too many", template)
		}
		v, err := f.reference(rest[1:end])
		if err != nil {
			return nil, err
		}
		if len(template) == end+1 {
			return v, nil // the whole: it keeps its type
		}
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("{%s} is no text, and stands within one", rest[1:end])
		}
		out.WriteString(s)
		rest = rest[end+1:]
	}
	return out.String(), nil
}

func (f *filler) reference(ref string) (any, error) {
	name, filter, filtered := strings.Cut(ref, "|")
	value, err := f.lookUp(name)
	if err != nil || !filtered {
		return value, err
	}
	return apply(value, filter)
}

func (f *filler) lookUp(name string) (any, error) {
	if v, ok := f.settings[name]; ok {
		return v, nil
	}
	if v, ok := f.special[name]; ok {
		return v, nil
	}
	if seconds, ok := strings.CutPrefix(name, "iat+"); ok {
		n, err := strconv.ParseInt(seconds, 10, 64)
		iat, _ := f.special["iat"].(int64)
		return iat + n, err
	}
	if name == "uuid" && f.random != nil {
		return UUID(f.random)
	}
	return nil, fmt.Errorf("{%s} is not known here", name)
}

// UUID makes a version 4 UUID (RFC 9562, section 5.4) of 16 random bytes.
func UUID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("idtoken: make a UUID: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// apply changes a value by the filter of that name.
func apply(value any, filter string) (any, error) {
	s, ok := value.(string)
	if filter == "list" {
		if ok {
			return []string{s}, nil
		}
		return value, nil
	}
	if !ok {
		return nil, fmt.Errorf("%s changes texts only", filter)
	}
	change, ok := filters[filter]
	if !ok {
		return nil, fmt.Errorf("there is no filter %q", filter)
	}
	return change(s)
}

// filters change texts: "list" apart, which makes a list of a text.
var filters = map[string]func(string) (any, error){
	// owner and name are the parts of OWNER/NAME.
	"owner": func(s string) (any, error) {
		owner, _, ok := strings.Cut(s, "/")
		if !ok || owner == "" {
			return nil, fmt.Errorf("%q is not OWNER/NAME", s)
		}
		return owner, nil
	},
	"name": func(s string) (any, error) {
		_, name, ok := strings.Cut(s, "/")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is not OWNER/NAME", s)
		}
		return name, nil
	},
	// colon is how GitHub writes a colon within a value of sub.
	"colon": func(s string) (any, error) { return strings.ReplaceAll(s, ":", "%3A"), nil },
	// full_ref takes a short name for that of a branch.
	"full_ref": func(s string) (any, error) {
		if strings.HasPrefix(s, "refs/") {
			return s, nil
		}
		return "refs/heads/" + s, nil
	},
	"short_ref": func(s string) (any, error) { return shortRef(s), nil },
	"ref_type": func(s string) (any, error) {
		if strings.HasPrefix(s, "refs/tags/") {
			return "tag", nil
		}
		return "branch", nil
	},
	"number": func(s string) (any, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", s)
		}
		return n, nil
	},
	"boolean": func(s string) (any, error) {
		if s != "true" && s != "false" {
			return nil, fmt.Errorf("%q is neither true nor false", s)
		}
		return s == "true", nil
	},
	// items takes a list apart that is written with commas.
	"items": func(s string) (any, error) {
		if s == "" {
			return []string{}, nil
		}
		return strings.Split(s, ","), nil
	},
}

func shortRef(s string) string {
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		if short, ok := strings.CutPrefix(s, prefix); ok {
			return short
		}
	}
	return s
}
