package awsapi

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Params are the parameters of a Query request. Of several values under one
// name the first on the wire wins, and a name that the operation does not ask
// for is ignored (recorded on AWS).
type Params struct{ values url.Values }

// ParseParams reads application/x-www-form-urlencoded text.
func ParseParams(encoded string) (Params, error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return Params{}, &Fault{Kind: MalformedInput, Message: "The request parameters could not be decoded.", Cause: err}
	}
	return Params{values: values}, nil
}

// Get returns a parameter, "" when it is absent.
func (p Params) Get(name string) string { return p.values.Get(name) }

// Has reports whether a parameter was sent, be it empty.
func (p Params) Has(name string) bool { return p.values.Has(name) }

// HasAny reports whether a parameter, or a member of it, was sent.
func (p Params) HasAny(name string) bool {
	for key := range p.values {
		if key == name || strings.HasPrefix(key, name+".") {
			return true
		}
	}
	return false
}

// indexBeyond is how far an index may lie beyond the number of members
// (recorded on AWS; further is MalformedInput).
const indexBeyond = 10

// List returns NAME.member.1, NAME.member.2 … in order of their indexes. An
// empty list is sent as "NAME=". Indexes may have leading zeros.
func (p Params) List(name string) ([]string, error) {
	members := map[string]string{} // by index as written
	for key, values := range p.values {
		if written, ok := strings.CutPrefix(key, name+".member."); ok && len(values) > 0 {
			members[written] = values[0]
		}
	}
	return inOrder(name, members)
}

// Structs is List for a list of structures: of NAME.member.1.FIELD it returns
// the parameter FIELD of the first. A member without a field is MalformedInput,
// and so is one whose index is spelled in two ways.
func (p Params) Structs(name string) ([]Params, error) {
	members := map[string]Params{} // by index as written
	for key, values := range p.values {
		rest, ok := strings.CutPrefix(key, name+".member.")
		if !ok {
			continue
		}
		written, field, _ := strings.Cut(rest, ".")
		if field == "" {
			return nil, &Fault{Kind: MalformedInput, Message: "Key " + key + " names no field of a list member."}
		}
		if members[written].values == nil {
			members[written] = Params{values: url.Values{}}
		}
		members[written].values[field] = values
	}
	return inOrder(name, members)
}

// inOrder gives the members of a list in order of their indexes, which are
// numbers from 1 on, each given once.
func inOrder[T any](name string, members map[string]T) ([]T, error) {
	type member struct {
		index int
		value T
	}
	ordered := make([]member, 0, len(members))
	for written, value := range members {
		index, err := strconv.Atoi(written)
		if err != nil || index < 1 {
			return nil, &Fault{Kind: MalformedInput, Message: "Key " + name + ".member." + written + " is not a valid list member."}
		}
		ordered = append(ordered, member{index, value})
	}
	slices.SortFunc(ordered, func(a, b member) int { return cmp.Compare(a.index, b.index) })
	list := make([]T, 0, len(ordered))
	for i, m := range ordered {
		if m.index > len(ordered)+indexBeyond {
			return nil, &Fault{Kind: MalformedInput, Message: "Index " + strconv.Itoa(m.index) + " of " + name + " is too far beyond its members."}
		}
		if i > 0 && ordered[i-1].index == m.index {
			return nil, &Fault{Kind: MalformedInput, Message: "Index " + strconv.Itoa(m.index) + " of " + name + " is given twice."}
		}
		list = append(list, m.value)
	}
	return list, nil
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
		return 0, true, &Fault{Kind: MalformedInput, Message: "Value " + text + " of " + name + " is not an integer."}
	}
	return int(n), true, nil
}

// Bool returns a boolean parameter, false when it was not sent. Only true,
// false, 1 and 0 are taken; anything else is MalformedInput (recorded on AWS).
func (p Params) Bool(name string) (bool, error) {
	if !p.Has(name) {
		return false, nil
	}
	switch text := p.Get(name); text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	default:
		return false, &Fault{Kind: MalformedInput, Message: "Value " + text + " of " + name + " is not a boolean; give true or false."}
	}
}
