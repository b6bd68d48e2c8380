package awsapi

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Params are the parameters of a Query request. Of several values under one
// name the first on the wire wins, and a name that the operation does not ask
// for is ignored (recorded on AWS).
type Params struct {
	values map[string]string
	names  []string // in the order in which they came
}

// ParseParams reads application/x-www-form-urlencoded text.
func ParseParams(encoded string) (Params, error) {
	p := Params{values: map[string]string{}}
	for encoded != "" {
		var pair string
		pair, encoded, _ = strings.Cut(encoded, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return Params{}, malformed("a percent-encoding of the parameters is broken").because(err)
		}
		p.add(name, value)
	}
	return p, nil
}

func (p *Params) add(name, value string) {
	if _, again := p.values[name]; again {
		return
	}
	p.values[name] = value
	p.names = append(p.names, name)
}

// malformed is MalformedInput as AWS sends it, which says nothing of what is
// wrong (recorded on AWS); the reason is for the operator.
func malformed(reason string) *Fault {
	return (&Fault{Kind: MalformedInput}).Because("%s", reason)
}

func (f *Fault) because(cause error) *Fault {
	f.Cause = cause
	return f
}

// Get returns a parameter, "" when it is absent.
func (p Params) Get(name string) string { return p.values[name] }

// Has reports whether a parameter was sent, be it empty.
func (p Params) Has(name string) bool {
	_, has := p.values[name]
	return has
}

// HasAny reports whether a parameter, or a member of it, was sent.
func (p Params) HasAny(name string) bool {
	return slices.ContainsFunc(p.names, func(key string) bool { return key == name || strings.HasPrefix(key, name+".") })
}

// indexBeyond is how far an index may lie beyond the one before it, and beyond 1
// for the first; further is MalformedInput (recorded on AWS: of a list without
// members so far, the index 11 is taken and 12 is not).
const indexBeyond = 10

// members gathers the members of a list by their indexes. A member that is
// missing between two others is one that is null, which no operation takes
// (recorded on AWS).
type members[T any] struct {
	name    string
	byIndex map[int]T
	written map[int]string // how the index is spelled
}

func newMembers[T any](name string) *members[T] {
	return &members[T]{name: name, byIndex: map[int]T{}, written: map[int]string{}}
}

// index reads an index, which may have leading zeros.
func (m *members[T]) index(written string) (int, error) {
	n, err := strconv.Atoi(written)
	if err != nil || n < 1 || written[0] == '+' {
		return 0, malformed(m.name + ".member." + written + " is no member of a list: members count from 1")
	}
	if spelled, again := m.written[n]; again && spelled != written {
		return 0, malformed("the index " + written + " of " + m.name + " is given in two spellings")
	}
	m.written[n] = written
	return n, nil
}

// list gives the members in order of their indexes.
func (m *members[T]) list() ([]T, error) {
	indexes := slices.Sorted(maps.Keys(m.byIndex))
	last, null := 1, 0
	for i, n := range indexes {
		if n > last+indexBeyond {
			return nil, malformed("the index " + strconv.Itoa(n) + " of " + m.name + " is too far beyond the member before it")
		}
		if null == 0 && n != i+1 {
			null = i + 1
		}
		last = n
	}
	if null > 0 {
		return nil, Invalid("1 validation error detected: Value null at '" + strings.ToLower(m.name[:1]) + m.name[1:] + "." + strconv.Itoa(null) +
			".member' failed to satisfy constraint: Member must not be null")
	}
	all := make([]T, len(indexes))
	for i, n := range indexes {
		all[i] = m.byIndex[n]
	}
	return all, nil
}

// List returns NAME.member.1, NAME.member.2 … in order of their indexes. An
// empty list is sent as "NAME=".
func (p Params) List(name string) ([]string, error) {
	m := newMembers[string](name)
	for _, key := range p.names {
		written, ok := strings.CutPrefix(key, name+".member.")
		if !ok {
			continue
		}
		n, err := m.index(written)
		if err != nil {
			return nil, err
		}
		m.byIndex[n] = p.values[key]
	}
	return m.list()
}

// Structs is List for a list of structures: of NAME.member.1.FIELD it returns
// the parameter FIELD of the first. A member without a field is MalformedInput,
// and so is one whose index is spelled in two ways.
func (p Params) Structs(name string) ([]Params, error) {
	m := newMembers[Params](name)
	for _, key := range p.names {
		rest, ok := strings.CutPrefix(key, name+".member.")
		if !ok {
			continue
		}
		written, field, _ := strings.Cut(rest, ".")
		if field == "" {
			return nil, malformed("the parameter " + key + " names no field of a list member")
		}
		n, err := m.index(written)
		if err != nil {
			return nil, err
		}
		member, ok := m.byIndex[n]
		if !ok {
			member = Params{values: map[string]string{}}
		}
		member.add(field, p.values[key])
		m.byIndex[n] = member
	}
	return m.list()
}

// Int returns an integer parameter, and whether it was sent. A sign and
// leading zeros are taken; anything else is MalformedInput, and so is a number
// that 32 bits do not hold (recorded on AWS).
func (p Params) Int(name string) (value int, sent bool, err error) {
	if !p.Has(name) {
		return 0, false, nil
	}
	text := p.Get(name)
	if text == "" {
		return 0, true, &Fault{Kind: MalformedInput, Message: "missing value for decimal type"}
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, true, malformed("the value of " + name + " is not an integer that 32 bits hold")
	}
	return int(n), true, nil
}

// Bool returns a boolean parameter, false when it was not sent. Only true,
// false, 1 and 0 are taken; anything else is MalformedInput (recorded on AWS).
func (p Params) Bool(name string) (bool, error) {
	if !p.Has(name) {
		return false, nil
	}
	switch p.Get(name) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	default:
		return false, malformed("the value of " + name + " is not a boolean; give true or false")
	}
}
