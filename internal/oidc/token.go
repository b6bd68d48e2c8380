// Package oidc reads and verifies OpenID Connect ID tokens as AWS STS does,
// and the key sets with which issuers let them be verified.
//
// A token goes through three steps, and each gives out only what it may:
//
//	token, err := oidc.Parse(raw)            // form and claims; nothing is believed
//	err = token.Check(clientIDs, now)        // audience and times, before keys are fetched
//	claims, err := token.Verify(keys, clientIDs, now)
//
// Between the steps the caller finds the registered provider that
// token.Issuer names, and its keys. An Unverified has no claims to read by
// mistake: only Verify gives Claims.
//
// The rules are AWS's where AWS is stricter or laxer than the standards: six
// algorithms, 300 seconds of tolerance, whole seconds only, azp in the place
// of aud, the last of repeated claims. Every refusal is an *Error, with AWS's
// sentence for the client (Message) and ours for the operator (Error).
//
// The package is pure: time and keys come as arguments.
package oidc

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// MaxTokenBytes is the longest token that is read, in bytes, surrounding white
// space included (AWS STS API Reference, AssumeRoleWithWebIdentity,
// WebIdentityToken: 4 to 20000 characters).
const MaxTokenBytes = 20000

// Skew is the tolerance on exp, iat and nbf (recorded on AWS, 2026-09).
const Skew = 300 * time.Second

// Unverified is a token whose signature nobody has checked. It tells which
// provider and which key it wants to be checked with, and nothing that a
// decision could rest on. It is immutable and safe for concurrent use.
type Unverified struct {
	signed    string // header and payload as sent: what the signature is over
	signature []byte
	alg       string
	kid       string
	hasKID    bool
	claims    Claims
}

// Parse reads a token in the compact serialization (RFC 7515 section 7.1). It
// trims white space around it, for a token file ends in a newline; it bounds
// it before it splits it. Header and claims must have the form that AWS asks
// for, the header first.
//
// A key, a key's URL or a certificate in the header is never looked at: keys
// come from the registered issuer alone. An unknown crit is refused, and so is
// every crit, since no extension is implemented (RFC 7515 section 4.1.11).
func Parse(raw string) (*Unverified, error) {
	u, payload, err := parseCompact(raw)
	if err != nil {
		return nil, err
	}
	members, err := parseObject(payload)
	if err != nil {
		return nil, fail(NotAJWT, "", "the token's payload %v", err)
	}
	if err := u.claims.read(members); err != nil {
		return nil, err
	}
	return u, nil
}

// parseCompact reads all but the claims, and decodes the payload.
func parseCompact(raw string) (u *Unverified, payload []byte, err error) {
	if len(raw) > MaxTokenBytes {
		return nil, nil, fail(TooLarge, "", "the token has %d bytes; at most %d are read: let the issuer drop claims", len(raw), MaxTokenBytes)
	}
	raw = strings.TrimSpace(raw)
	if n := strings.Count(raw, "."); n != 2 {
		parts := "one part"
		if n > 0 {
			parts = strconv.Itoa(n+1) + " parts"
		}
		return nil, nil, fail(NotAJWT, "", "the token has %s where a signed token has three%s", parts, hint(raw, n))
	}
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	header, err := decode("header", raw[:first])
	if err != nil {
		return nil, nil, err
	}
	if payload, err = decode("payload", raw[first+1:last]); err != nil {
		return nil, nil, err
	}
	signature, err := decode("signature", raw[last+1:])
	if err != nil {
		return nil, nil, err
	}
	u = &Unverified{signed: raw[:last], signature: signature}
	return u, payload, u.readHeader(header)
}

// hint names the usual cause of a wrong number of parts.
func hint(raw string, dots int) string {
	switch {
	case raw == "":
		return ": it is empty; was the variable or file set?"
	case dots == 4:
		return ": five parts are an encrypted token; ask the issuer for a signed one"
	case dots == 0:
		return ": this may be an access token, or a variable's name in the place of its value"
	default:
		return ""
	}
}

// decode is base64url without padding, with unused bits zero, so that no two
// texts are one token (RFC 7515 section 2). encoding/base64 skips line ends;
// here they are refused.
func decode(part, text string) ([]byte, error) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, fail(NotAJWT, "", "the token's %s is not base64url; was it cut, quoted, masked or given a prefix?", part)
	}
	return decoded, nil
}

func (u *Unverified) readHeader(header []byte) error {
	members, err := parseObject(header)
	if err != nil {
		return fail(NotAJWT, "", "the token's header %v", err)
	}
	for i, m := range members {
		if _, again := members[:i].get(m.name); again {
			return fail(NotAJWT, "", "the token's header repeats %s", shown(m.name))
		}
		switch m.name {
		case "crit", "b64":
			return fail(NotAJWT, "", "the token's header has %s, an extension that is not understood here", m.name)
		case "kid":
			u.hasKID = true
			var ok bool
			if u.kid, ok = unquote(m.value); !ok {
				return fail(NotAJWT, "", "the token's kid is not a string")
			}
		case "alg":
			var ok bool
			if u.alg, ok = unquote(m.value); !ok {
				return fail(NotAJWT, "", "the token's alg is not a string")
			}
		}
	}
	if keyType(u.alg) == "" {
		return fail(UnsupportedAlgorithm, "", "the token's alg is %s; RS256, RS384, RS512, ES256, ES384 and ES512 are accepted: let the issuer sign with RS256", shown(u.alg))
	}
	return nil
}

// keyType is the type of key that alg asks for, "" if alg is not accepted:
// the algorithms of IAM User Guide, "Create an OpenID Connect (OIDC) identity
// provider in IAM", with the curves of RFC 7518 section 3.4.
func keyType(alg string) string {
	switch alg {
	case "RS256", "RS384", "RS512":
		return "RSA"
	case "ES256":
		return "P-256"
	case "ES384":
		return "P-384"
	case "ES512":
		return "P-521"
	default:
		return ""
	}
}

// Issuer is the token's iss. It chooses the provider, among those that are
// registered, and through it the keys; it proves nothing.
func (u *Unverified) Issuer() string { return u.claims.Issuer }

// KeyID is the header's kid, "" if there is none.
func (u *Unverified) KeyID() string { return u.kid }

// UnverifiedNames is what the token says of itself, for the record of a
// refused request and for nothing else: sub, aud as sent, and jti.
func (u *Unverified) UnverifiedNames() (subject string, audience []string, tokenID string) {
	return u.claims.Subject, u.claims.AudClaim, u.claims.ID
}

// String keeps the token out of logs.
func (u *Unverified) String() string { return "unverified token of " + shown(u.claims.Issuer) }

// GoString keeps the token out of logs.
func (u *Unverified) GoString() string { return u.String() }
