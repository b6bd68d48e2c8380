package oidc

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Claims are the claims of a verified token. Names of claims are
// case-sensitive, and the last of repeated claims counts. The slices are the
// token's own and not to be changed.
type Claims struct {
	Issuer  string
	Subject string // a number is given in its digits

	// Audience is azp if the token has it, else the one aud. It is a client
	// id of the provider (AWS STS API Reference, AssumeRoleWithWebIdentity,
	// Audience).
	Audience           string
	AudClaim           []string // aud as sent, one or more
	AuthorizedParty    string   // azp
	HasAuthorizedParty bool     // azp is in the token, though perhaps empty

	AMR      []string // nil: not in the token
	Email    string
	HasEmail bool   // email is in the token, though perhaps empty
	ID       string // jti; "": not in the token

	// IssuedAt, Expires and NotBefore are iat, exp and nbf in whole seconds,
	// UTC. NotBefore is zero if the token has none. A time outside the years
	// 1970 to 9999 is given as the nearest within: the checks are on the
	// claims' own numbers.
	IssuedAt, Expires, NotBefore time.Time

	issuedAt, expires, notBefore int64
	hasNotBefore                 bool
	members                      object
}

// All is every claim by its name, as sent. The map is new at each call.
func (c *Claims) All() map[string]json.RawMessage {
	all := make(map[string]json.RawMessage, len(c.members))
	for _, m := range c.members {
		all[m.name] = slices.Clone(m.value)
	}
	return all
}

// Member is one claim as sent. It is the token's own and not to be changed.
func (c *Claims) Member(name string) (value json.RawMessage, ok bool) { return c.members.get(name) }

// FirstWithPrefix is the name of the first claim, in the token's order, whose
// name begins with prefix.
func (c *Claims) FirstWithPrefix(prefix string) (name string, ok bool) {
	for _, m := range c.members {
		if strings.HasPrefix(m.name, prefix) {
			return m.name, true
		}
	}
	return "", false
}

// read takes the claims out of the payload: presence of the required ones,
// then form, in the order of AWS's messages (recorded on AWS, 2026-09). Where
// AWS's treatment of a wrong type is not recorded, the token is refused.
func (c *Claims) read(members object) error {
	c.members = members
	for _, name := range [...]string{"iss", "sub", "aud", "iat", "exp"} {
		if _, ok := members.get(name); !ok {
			return fail(MissingClaim, name, "the token has no claim %s; AWS needs iss, sub, aud, iat and exp", name)
		}
	}
	if err := c.readIdentity(); err != nil {
		return err
	}
	if err := c.readAudience(); err != nil {
		return err
	}
	return c.readTimes()
}

func (c *Claims) readIdentity() error {
	iss, _ := c.members.get("iss")
	var ok bool
	if c.Issuer, ok = unquote(iss); !ok {
		return fail(InvalidClaim, "iss", "the token's iss is not a string")
	}
	sub, _ := c.members.get("sub")
	switch {
	case isNull(sub):
		return fail(SubjectNull, "sub", "the token's sub is null")
	case isInteger(string(sub), true):
		c.Subject = string(sub)
	default:
		if c.Subject, ok = unquote(sub); !ok {
			return fail(InvalidClaim, "sub", "the token's sub is neither a string nor a whole number")
		}
	}
	if err := c.optional("email", &c.Email); err != nil {
		return err
	}
	email, sent := c.members.get("email")
	c.HasEmail = sent && !isNull(email)
	if err := c.optional("jti", &c.ID); err != nil {
		return err
	}
	if amr, sent := c.members.get("amr"); sent && !isNull(amr) {
		if c.AMR, ok = unquoteAll(amr); !ok {
			return fail(InvalidClaim, "amr", "the token's amr is not an array of strings")
		}
	}
	return nil
}

// optional reads a string claim that may be absent; null is absent (OpenID
// Connect Core 1.0 section 5.3.2 tells issuers to leave out what they do not
// give).
func (c *Claims) optional(name string, into *string) error {
	value, sent := c.members.get(name)
	if !sent || isNull(value) {
		return nil
	}
	s, ok := unquote(value)
	if !ok {
		return fail(InvalidClaim, name, "the token's %s is not a string", name)
	}
	*into = s
	return nil
}

func (c *Claims) readAudience() error {
	aud, _ := c.members.get("aud")
	if one, ok := unquote(aud); ok {
		c.AudClaim = []string{one}
	} else if c.AudClaim, ok = unquoteAll(aud); !ok {
		return fail(InvalidClaim, "aud", "the token's aud is neither a string nor an array of strings")
	}
	if len(c.AudClaim) == 0 {
		return fail(EmptyClaim, "aud", "the token's aud is an empty array; let the issuer name one audience")
	}
	azp, sent := c.members.get("azp")
	if !sent {
		if n := len(c.AudClaim); n > 1 {
			return fail(SeveralAudiences, "aud", "the token's aud names %d audiences (%s) and there is no azp to choose one; ask the issuer for one aud", n, shownList(c.AudClaim))
		}
		c.Audience = c.AudClaim[0]
		return nil
	}
	c.HasAuthorizedParty = true
	var ok bool
	if c.AuthorizedParty, ok = unquote(azp); !ok {
		return fail(InvalidClaim, "azp", "the token's azp is not a string")
	}
	c.Audience = c.AuthorizedParty
	return nil
}

func (c *Claims) readTimes() error {
	_, c.hasNotBefore = c.members.get("nbf")
	for _, t := range [...]struct {
		name    string
		seconds *int64
		time    *time.Time
	}{
		{"iat", &c.issuedAt, &c.IssuedAt},
		{"exp", &c.expires, &c.Expires},
		{"nbf", &c.notBefore, &c.NotBefore},
	} {
		value, sent := c.members.get(t.name)
		if !sent {
			continue
		}
		seconds, ok := timestamp(value)
		if !ok {
			return fail(BadTimestamp, t.name, "the token's %s is not a whole number of seconds since 1970; fractions, exponents and null are refused", t.name)
		}
		*t.seconds, *t.time = seconds, calendar(seconds)
	}
	return nil
}

// timestamp reads an integer, or a string of digits, of at most 63 bits
// (recorded on AWS, 2026-09, but for the bound).
func timestamp(value json.RawMessage) (seconds int64, ok bool) {
	digits, quoted := unquote(value)
	if !quoted {
		digits = string(value)
	}
	if !isInteger(digits, !quoted) {
		return 0, false
	}
	seconds, err := strconv.ParseInt(digits, 10, 64)
	return seconds, err == nil
}

// calendar gives a time that can be printed and marshalled: time.Time wraps
// around on the largest integers, and JSON ends with the year 9999.
func calendar(seconds int64) time.Time {
	const year9999 = 253402300799
	return time.Unix(min(max(seconds, 0), year9999), 0).UTC()
}
