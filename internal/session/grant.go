package session

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
)

// The binary form of a grant. A number is an unsigned varint in its shortest
// form; a string is its length in bytes, then the bytes.
//
//	version byte: 1 for a grant without tags, 2 for one with, 3 or 4 for one
//	    that needs what only that version has
//	account number
//	from version 3 on: kind, one byte
//	role id, role name, role path, session name; of another kind than
//	    a role: user id, user name, session name
//	issued at, seconds since 1970; seconds from there to expiry
//	provider, source identity, token id
//	number of context keys, then for each:
//	    key; one byte, 0 for a single value and 1 for a multivalued key;
//	    single: the value; multivalued: the number of values, then the values
//	from version 2 on: number of tags, in version 2 at least one, then for each:
//	    key, value; one byte, 1 for a transitive tag and 0 for another
//	from version 3 on: policy; number of policy ARNs, then those; one byte, 1 for a
//	    chained session and 0 for another; number of ancestors, then for each
//	    the ten bytes that its access key id spells in base32 behind "ASIA"
//	version 4: all of version 3; origin: subject, project, pipeline, job
//
// There is one spelling of a grant, and nothing may follow it. A grant that
// needs nothing of a later version stays one of an earlier, so that earlier
// programs open it while nodes are upgraded one by one.
//
// A policy is not compressed, though it would shrink well: what a compressor
// writes may change with its release, and the grant would have two spellings. A
// policy of 2,048 characters, ten ARNs and 50 short tags fit as they are.
const (
	grantVersion       = 1
	taggedGrantVersion = 2
	fullGrantVersion   = 3
	originGrantVersion = 4
)

// ancestorBytes is what an access key id is but for its prefix.
const ancestorBytes = (accessKeyIDLength - prefixOfID) * 5 / 8

// latestTime bounds both times: 9999-12-31T23:59:59Z, the last that AWS's
// timestamp format can write.
const latestTime = 253402300799

// validate holds a grant against its contract. It does not ask whether the
// names are AWS's: that is the business of whoever made the role.
func (g *Grant) validate() error {
	if g == nil {
		return &GrantError{Field: "Account", Problem: "is missing: the grant is nil"}
	}
	if !arn.ValidAccount(g.Account) {
		return &GrantError{Field: "Account", Problem: "is not 12 digits"}
	}
	if err := g.validatePrincipal(); err != nil {
		return err
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
	if g.Expires.Sub(g.IssuedAt) > MaxDuration {
		return &GrantError{Field: "Expires", Problem: "is more than 36 hours later than IssuedAt"}
	}
	if err := validateContext(g.Context); err != nil {
		return err
	}
	if err := validateTags(g.Tags); err != nil {
		return err
	}
	return g.validateChain()
}

// validatePrincipal asks for what the kind has, and that it has nothing else: a
// grant with both a role and a user could be read in two ways.
func (g *Grant) validatePrincipal() error {
	if g.Kind >= principalKinds {
		return &GrantError{Field: "Kind", Problem: "is none that this program knows"}
	}
	if g.Kind == AssumedRole {
		switch {
		case len(g.RoleID) != uniqueIDLength || !strings.HasPrefix(g.RoleID, "AROA"):
			return &GrantError{Field: "RoleID", Problem: "is not a role's unique id (AROA and 17 characters)"}
		case g.RoleName == "":
			return &GrantError{Field: "RoleName", Problem: "is empty"}
		case g.SessionName == "":
			return &GrantError{Field: "SessionName", Problem: "is empty"}
		}
		return mustBeEmpty("a role session", []field{{"UserID", g.UserID == ""}, {"UserName", g.UserName == ""}})
	}
	switch {
	case len(g.UserID) != uniqueIDLength || !strings.HasPrefix(g.UserID, "AIDA"):
		return &GrantError{Field: "UserID", Problem: "is not a user's unique id (AIDA and 17 characters)"}
	case g.UserName == "":
		return &GrantError{Field: "UserName", Problem: "is empty"}
	case g.Kind == FederatedUser && g.SessionName == "":
		return &GrantError{Field: "SessionName", Problem: "is empty"}
	}
	none := []field{
		{"RoleID", g.RoleID == ""},
		{"RoleName", g.RoleName == ""},
		{"RolePath", g.RolePath == ""},
		{"Ancestors", len(g.Ancestors) == 0},
		{"Chained", !g.Chained},
	}
	if g.Kind == UserSession {
		none = append(none, field{"SessionName", g.SessionName == ""}, field{"Policy", g.Policy == ""},
			field{"PolicyARNs", len(g.PolicyARNs) == 0}, field{"Tags", len(g.Tags) == 0})
	}
	return mustBeEmpty("a "+g.Kind.String(), none)
}

// field is a field of a grant, and whether it is empty.
type field struct {
	name  string
	empty bool
}

func mustBeEmpty(what string, fields []field) error {
	for _, f := range fields {
		if !f.empty {
			return &GrantError{Field: f.name, Problem: "is set, and " + what + " has none"}
		}
	}
	return nil
}

// validateChain asks that what a revocation goes by is there.
func (g *Grant) validateChain() error {
	switch {
	case len(g.PolicyARNs) > maxPolicyARNs:
		return &GrantError{Field: "PolicyARNs", Problem: fmt.Sprintf("has %d elements, at most %d are allowed", len(g.PolicyARNs), maxPolicyARNs)}
	case slices.Contains(g.PolicyARNs, ""):
		return &GrantError{Field: "PolicyARNs", Problem: "has an empty element"}
	case len(g.Ancestors) > MaxAncestors:
		return &GrantError{Field: "Ancestors", Problem: fmt.Sprintf("has %d elements, at most %d are allowed", len(g.Ancestors), MaxAncestors)}
	case g.Chained && len(g.Ancestors) == 0:
		return &GrantError{Field: "Ancestors", Problem: "is empty, and the session is chained"}
	}
	for _, name := range g.Origin.names() {
		if len(*name) > MaxOriginName {
			return &GrantError{Field: "Origin", Problem: fmt.Sprintf("has a name of %d bytes, at most %d are allowed", len(*name), MaxOriginName)}
		}
	}
	for i, id := range g.Ancestors {
		if _, ok := ancestorOf(id); !ok {
			return &GrantError{Field: "Ancestors", Problem: fmt.Sprintf("has at %d what is not a session's access key id (ASIA and 16 characters)", i)}
		}
	}
	return nil
}

// ancestorOf gives the bytes that an access key id of a session spells.
func ancestorOf(id string) (raw [ancestorBytes]byte, ok bool) {
	if len(id) != accessKeyIDLength || id[:prefixOfID] != "ASIA" {
		return raw, false
	}
	// The decoder skips line breaks; it then gives fewer bytes than there are.
	n, err := base32.StdEncoding.WithPadding(base32.NoPadding).Decode(raw[:], []byte(id[prefixOfID:]))
	return raw, err == nil && n == len(raw)
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

// version is the first that can say all of a grant.
func (g *Grant) version() byte {
	switch {
	case g.Origin != Origin{}:
		return originGrantVersion
	case g.Kind != AssumedRole || g.Policy != "" || len(g.PolicyARNs) > 0 || len(g.Ancestors) > 0 || g.Chained:
		return fullGrantVersion
	case len(g.Tags) > 0:
		return taggedGrantVersion
	}
	return grantVersion
}

// appendGrant writes a grant that validate has passed.
func appendGrant(b []byte, g *Grant) []byte {
	version := g.version()
	b = append(b, version)
	b = binary.AppendUvarint(b, accountNumber(g.Account))
	if version >= fullGrantVersion {
		b = append(b, byte(g.Kind))
	}
	if g.Kind == AssumedRole {
		b = appendString(b, g.RoleID)
		b = appendString(b, g.RoleName)
		b = appendString(b, g.RolePath)
	} else {
		b = appendString(b, g.UserID)
		b = appendString(b, g.UserName)
	}
	b = appendString(b, g.SessionName)
	b = binary.AppendUvarint(b, uint64(g.IssuedAt.Unix()))
	b = binary.AppendUvarint(b, uint64(g.Expires.Unix()-g.IssuedAt.Unix()))
	b = appendString(b, g.Provider)
	b = appendString(b, g.SourceIdentity)
	b = appendString(b, g.TokenID)
	b = appendContext(b, g.Context)
	if version >= taggedGrantVersion {
		b = appendTags(b, g.Tags)
	}
	if version < fullGrantVersion {
		return b
	}
	b = appendString(b, g.Policy)
	b = appendStrings(b, g.PolicyARNs)
	b = appendBool(b, g.Chained)
	b = binary.AppendUvarint(b, uint64(len(g.Ancestors)))
	for _, id := range g.Ancestors {
		raw, _ := ancestorOf(id) // validate has seen to it
		b = append(b, raw[:]...)
	}
	if version >= originGrantVersion {
		for _, name := range g.Origin.names() {
			b = appendString(b, *name)
		}
	}
	return b
}

// names are the names of an origin in the order in which they are written.
func (o *Origin) names() [4]*string {
	return [...]*string{&o.Subject, &o.Project, &o.Pipeline, &o.Job}
}

func appendContext(b []byte, context []KeyValue) []byte {
	b = binary.AppendUvarint(b, uint64(len(context)))
	for _, kv := range context {
		b = appendString(b, kv.Key)
		b = appendBool(b, kv.Multi)
		if kv.Multi {
			b = appendStrings(b, kv.Values)
		} else {
			b = appendString(b, kv.Values[0])
		}
	}
	return b
}

func appendTags(b []byte, tags []Tag) []byte {
	b = binary.AppendUvarint(b, uint64(len(tags)))
	for _, tag := range tags {
		b = appendString(b, tag.Key)
		b = appendString(b, tag.Value)
		b = appendBool(b, tag.Transitive)
	}
	return b
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

func appendBool(b []byte, is bool) []byte {
	if is {
		return append(b, 1)
	}
	return append(b, 0)
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
// share the memory of s. What a grant may not be, validate says when it is
// minted; here it is only that no grant has two spellings.
func decodeGrant(s string, g *Grant) bool {
	*g = Grant{}
	d := decoder{rest: s}
	version := d.byte()
	if version < grantVersion || version > originGrantVersion {
		return false
	}
	g.Account = accountID(d.number(maxAccount))
	if version >= fullGrantVersion {
		if g.Kind = PrincipalKind(d.byte()); g.Kind >= principalKinds {
			return false
		}
	}
	if g.Kind == AssumedRole {
		g.RoleID = d.string()
		g.RoleName = d.string()
		g.RolePath = d.string()
	} else {
		g.UserID = d.string()
		g.UserName = d.string()
	}
	g.SessionName = d.string()
	issued := d.number(latestTime)
	lasts := d.number(latestTime)
	g.IssuedAt = time.Unix(int64(issued), 0).UTC()
	g.Expires = time.Unix(int64(issued+lasts), 0).UTC()
	g.Provider = d.string()
	g.SourceIdentity = d.string()
	g.TokenID = d.string()
	g.Context = d.context()
	if version >= taggedGrantVersion {
		g.Tags = d.tags()
	}
	if version >= fullGrantVersion {
		g.Policy = d.string()
		g.PolicyARNs = d.values()
		g.Chained = d.bool()
		g.Ancestors = d.ancestors()
	}
	if version >= originGrantVersion {
		for _, name := range g.Origin.names() {
			*name = d.string()
		}
	}
	// A grant that an earlier version can say is not of a later one.
	return !d.failed && d.rest == "" && lasts > 0 && issued+lasts <= latestTime && g.version() == version
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

func (d *decoder) bool() bool {
	b := d.byte()
	if b > 1 {
		d.fail()
	}
	return b == 1
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
		if kv.Multi = d.bool(); kv.Multi {
			kv.Values = d.values()
			continue
		}
		single[i] = d.string()
		kv.Values = single[i : i+1 : i+1]
	}
	return context
}

func (d *decoder) tags() []Tag {
	count := int(d.number(uint64(len(d.rest) / 3))) // a tag takes at least three bytes
	if count == 0 {
		return nil
	}
	tags := make([]Tag, count)
	for i := range tags {
		tags[i].Key = d.string()
		tags[i].Value = d.string()
		tags[i].Transitive = d.bool()
	}
	return tags
}

func (d *decoder) ancestors() []string {
	count := int(d.number(MaxAncestors))
	if count*ancestorBytes > len(d.rest) {
		d.fail()
		return nil
	}
	if count == 0 {
		return nil
	}
	ancestors := make([]string, count)
	var id [accessKeyIDLength]byte
	copy(id[:], "ASIA")
	for i := range ancestors {
		base32.StdEncoding.Encode(id[prefixOfID:], []byte(d.rest[:ancestorBytes]))
		d.rest = d.rest[ancestorBytes:]
		ancestors[i] = string(id[:])
	}
	return ancestors
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
