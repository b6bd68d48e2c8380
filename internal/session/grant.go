package session

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
)

// The binary form of a grant. A number is an unsigned varint in its shortest
// form; a string is its length in bytes, then the bytes.
//
//	version byte: 1 for a grant without tags, 2 for one with
//	account number
//	role id, role name, role path, session name
//	issued at, seconds since 1970; seconds from there to expiry
//	provider, source identity, token id
//	number of context keys, then for each:
//	    key; one byte, 0 for a single value and 1 for a multivalued key;
//	    single: the value; multivalued: the number of values, then the values
//	version 2: number of tags, at least one, then for each:
//	    key, value; one byte, 1 for a transitive tag and 0 for another
//
// There is one spelling of a grant, and nothing may follow it. A grant without
// tags stays version 1, so that earlier programs open it while nodes are
// upgraded one by one.
const (
	grantVersion       = 1
	taggedGrantVersion = 2
)

// latestTime bounds both times: 9999-12-31T23:59:59Z, the last that AWS's
// timestamp format can write.
const latestTime = 253402300799

// validate holds a grant against its contract. It does not ask whether the
// names are AWS's: that is the business of whoever made the role.
func (g *Grant) validate() error {
	switch {
	case g == nil:
		return &GrantError{Field: "Account", Problem: "is missing: the grant is nil"}
	case !arn.ValidAccount(g.Account):
		return &GrantError{Field: "Account", Problem: "is not 12 digits"}
	case len(g.RoleID) != uniqueIDLength || !strings.HasPrefix(g.RoleID, "AROA"):
		return &GrantError{Field: "RoleID", Problem: "is not a role's unique id (AROA and 17 characters)"}
	case g.RoleName == "":
		return &GrantError{Field: "RoleName", Problem: "is empty"}
	case g.SessionName == "":
		return &GrantError{Field: "SessionName", Problem: "is empty"}
	}
	if err := validateTime("IssuedAt", g.IssuedAt); err != nil {
		return err
	}
	if err := validateTime("Expires", g.Expires); err != nil {
		return err
	}
	if !g.Expires.After(g.IssuedAt) {
		return &GrantError{Field: "Expires", Problem: "is not later than IssuedAt"}
	}
	if err := validateContext(g.Context); err != nil {
		return err
	}
	return validateTags(g.Tags)
}

func validateTime(field string, t time.Time) error {
	switch {
	case t.Nanosecond() != 0:
		return &GrantError{Field: field, Problem: "is not a whole second"}
	case t.Unix() < 0 || t.Unix() > latestTime:
		return &GrantError{Field: field, Problem: "is not between the years 1970 and 9999"}
	}
	return nil
}

// validateContext refuses what two readers could read in two ways. Condition
// keys are compared without regard to case (IAM User Guide, "Condition").
func validateContext(context []KeyValue) error {
	for i, kv := range context {
		switch {
		case kv.Key == "":
			return &GrantError{Field: "Context", Problem: fmt.Sprintf("has an empty key at %d", i)}
		case !kv.Multi && len(kv.Values) != 1:
			return &GrantError{Field: "Context", Problem: fmt.Sprintf("has %d values for the single-valued key %q", len(kv.Values), kv.Key)}
		}
		for _, earlier := range context[:i] {
			if strings.EqualFold(earlier.Key, kv.Key) {
				return &GrantError{Field: "Context", Problem: fmt.Sprintf("has the key %q twice", kv.Key)}
			}
		}
	}
	return nil
}

// validateTags refuses what would make two condition keys one. Tag keys are
// compared without regard to case (IAM User Guide, "Pass session tags in AWS
// STS").
func validateTags(tags []Tag) error {
	for i := range tags {
		if tags[i].Key == "" {
			return &GrantError{Field: "Tags", Problem: fmt.Sprintf("has an empty key at %d", i)}
		}
		for _, earlier := range tags[:i] {
			if strings.EqualFold(earlier.Key, tags[i].Key) {
				return &GrantError{Field: "Tags", Problem: fmt.Sprintf("has the key %q twice", tags[i].Key)}
			}
		}
	}
	return nil
}

// appendGrant writes a grant that validate has passed.
func appendGrant(b []byte, g *Grant) []byte {
	version := byte(grantVersion)
	if len(g.Tags) > 0 {
		version = taggedGrantVersion
	}
	b = append(b, version)
	b = binary.AppendUvarint(b, accountNumber(g.Account))
	b = appendString(b, g.RoleID)
	b = appendString(b, g.RoleName)
	b = appendString(b, g.RolePath)
	b = appendString(b, g.SessionName)
	b = binary.AppendUvarint(b, uint64(g.IssuedAt.Unix()))
	b = binary.AppendUvarint(b, uint64(g.Expires.Unix()-g.IssuedAt.Unix()))
	b = appendString(b, g.Provider)
	b = appendString(b, g.SourceIdentity)
	b = appendString(b, g.TokenID)
	b = binary.AppendUvarint(b, uint64(len(g.Context)))
	for _, kv := range g.Context {
		b = appendString(b, kv.Key)
		if !kv.Multi {
			b = append(b, 0)
			b = appendString(b, kv.Values[0])
			continue
		}
		b = append(b, 1)
		b = binary.AppendUvarint(b, uint64(len(kv.Values)))
		for _, value := range kv.Values {
			b = appendString(b, value)
		}
	}
	if len(g.Tags) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(g.Tags)))
	for _, tag := range g.Tags {
		b = appendString(b, tag.Key)
		b = appendString(b, tag.Value)
		transitive := byte(0)
		if tag.Transitive {
			transitive = 1
		}
		b = append(b, transitive)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func accountNumber(account string) uint64 {
	var n uint64
	for i := range len(account) {
		n = n*10 + uint64(account[i]-'0')
	}
	return n
}

func accountID(n uint64) string {
	var digits [12]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = '0' + byte(n%10)
		n /= 10
	}
	return string(digits[:])
}

// decodeGrant reads what appendGrant wrote, and nothing else. The strings of g
// share the memory of s.
func decodeGrant(s string, g *Grant) bool {
	d := decoder{rest: s}
	version := d.byte()
	if version != grantVersion && version != taggedGrantVersion {
		return false
	}
	g.Account = accountID(d.number(maxAccount))
	g.RoleID = d.string()
	g.RoleName = d.string()
	g.RolePath = d.string()
	g.SessionName = d.string()
	issued := d.number(latestTime)
	lasts := d.number(latestTime)
	g.IssuedAt = time.Unix(int64(issued), 0).UTC()
	g.Expires = time.Unix(int64(issued+lasts), 0).UTC()
	g.Provider = d.string()
	g.SourceIdentity = d.string()
	g.TokenID = d.string()
	g.Context = d.context()
	g.Tags = nil
	if version == taggedGrantVersion {
		g.Tags = d.tags()
	}
	return !d.failed && d.rest == "" && lasts > 0 && issued+lasts <= latestTime
}

// decoder eats a string from the front. Once something is not as it must be, it
// has failed for good, and gives zero values.
type decoder struct {
	rest   string
	failed bool
}

func (d *decoder) fail() { d.failed, d.rest = true, "" }

func (d *decoder) byte() byte {
	if d.rest == "" {
		d.fail()
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

// number reads a varint of at most most, in its shortest form.
func (d *decoder) number(most uint64) uint64 {
	var n uint64
	for shift := 0; shift < 63; shift += 7 {
		b := d.byte()
		n |= uint64(b&0x7f) << shift
		if b&0x80 != 0 {
			continue
		}
		if n > most || b == 0 && shift > 0 {
			break
		}
		return n
	}
	d.fail()
	return 0
}

func (d *decoder) string() string {
	n := int(d.number(MaxTokenLength))
	if n > len(d.rest) {
		d.fail()
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) context() []KeyValue {
	// Each key takes at least three bytes, each value one: a count cannot ask
	// for more memory than the token is long.
	count := int(d.number(uint64(len(d.rest) / 3)))
	if count == 0 {
		return nil
	}
	context := make([]KeyValue, count)
	single := make([]string, count) // one piece of memory for all single values
	for i := range context {
		kv := &context[i]
		kv.Key = d.string()
		switch d.byte() {
		case 0:
			single[i] = d.string()
			kv.Values = single[i : i+1 : i+1]
		case 1:
			kv.Multi = true
			kv.Values = d.values()
		default:
			d.fail()
		}
	}
	return context
}

// tags reads one tag or more: without a tag the grant would have a second
// spelling.
func (d *decoder) tags() []Tag {
	count := int(d.number(uint64(len(d.rest) / 3))) // a tag takes at least three bytes
	if count == 0 {
		d.fail()
		return nil
	}
	tags := make([]Tag, count)
	for i := range tags {
		tags[i].Key = d.string()
		tags[i].Value = d.string()
		switch d.byte() {
		case 0:
		case 1:
			tags[i].Transitive = true
		default:
			d.fail()
		}
	}
	return tags
}

func (d *decoder) values() []string {
	count := int(d.number(uint64(len(d.rest))))
	if count == 0 {
		return nil
	}
	values := make([]string, count)
	for i := range values {
		values[i] = d.string()
	}
	return values
}
