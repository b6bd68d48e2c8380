package idtoken

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Claim is one member of a token's payload. Value is what encoding/json writes:
// a string, a number, a boolean, a list, an object as Claims, or nil for null.
type Claim struct {
	Name  string
	Value any
}

// Claims are a payload, its members in the order in which the issuer writes
// them. The zero value says nothing.
type Claims []Claim

// Has reports whether there is a claim of that name.
func (c Claims) Has(name string) bool {
	return slices.ContainsFunc(c, func(m Claim) bool { return m.Name == name })
}

// Get is the claim's value, or nil where there is none.
func (c Claims) Get(name string) any {
	for _, m := range c {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// Text is the claim's value where it is a string, and "" otherwise.
func (c Claims) Text(name string) string {
	s, _ := c.Get(name).(string)
	return s
}

// Set gives the claim another value, in its place; a new one goes to the end.
func (c *Claims) Set(name string, value any) {
	for i := range *c {
		if (*c)[i].Name == name {
			(*c)[i].Value = value
			return
		}
	}
	*c = append(*c, Claim{name, value})
}

// Override sets further claims, each at its place or at the end. One of them may
// not be iss, which says under whose name the token is: ErrRequest.
func (c *Claims) Override(extra []Claim) error {
	for _, m := range extra {
		if m.Name == "iss" || m.Name == "" {
			return fmt.Errorf("%w: the claim %q cannot be set beside the others", ErrRequest, m.Name)
		}
		c.Set(m.Name, m.Value)
	}
	return nil
}

// MarshalJSON writes the members in order. Two of one name are an error: of two
// readers each could take another.
func (c Claims) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	seen := make(map[string]bool, len(c))
	for i, m := range c {
		if seen[m.Name] {
			return nil, fmt.Errorf("idtoken: claim %q is there twice", m.Name)
		}
		seen[m.Name] = true
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.Value)
		if err != nil {
			return nil, fmt.Errorf("idtoken: claim %q: %w", m.Name, err)
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
