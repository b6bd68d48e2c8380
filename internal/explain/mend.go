package explain

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/unverified"
)

// mending is a token on its way to one whose claims can be read: package oidc
// gives claims only of a token that it verified, and so the claims of a token
// that cannot be verified, for want of keys or because of a mistake, are signed
// once more, by a key that is worth nothing.
type mending struct {
	text    string // as it was sent, or as it was mended
	members map[string]json.RawMessage
}

// newMending reads the parts of a token. The error is package oidc's where the
// payload cannot be read at all.
func newMending(raw string) (*mending, error) {
	m := &mending{text: raw}
	payload, ok := payloadOf(raw)
	if ok && json.Unmarshal(payload, &m.members) == nil && m.members != nil {
		return m, nil
	}
	_, err := oidc.Parse(raw)
	if err == nil {
		err = errors.New("the token's payload cannot be read")
	}
	return nil, err
}

func payloadOf(raw string) ([]byte, bool) {
	parts := strings.Split(strings.TrimSpace(raw), ".")
	if len(parts) != 3 {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	return payload, err == nil
}

// payloadMember is a claim that is a string, of a token that nobody verified.
func payloadMember(raw, name string) (string, bool) {
	payload, _ := payloadOf(raw)
	var members map[string]json.RawMessage
	var value string
	if json.Unmarshal(payload, &members) != nil || members[name] == nil || json.Unmarshal(members[name], &value) != nil {
		return "", false
	}
	return value, true
}

// mend puts in order what package oidc refused, and reports whether it could.
func (m *mending) mend(err error) bool {
	var fault *oidc.Error
	if !errors.As(err, &fault) {
		return false
	}
	switch fault.Kind {
	case oidc.NotAJWT, oidc.UnsupportedAlgorithm, oidc.TooLarge:
		// The payload is known to be readable: it is the header, the signature or
		// the length, none of which stays.
		if strings.HasSuffix(m.text, ".") || unverified.Made(m.text) {
			return false
		}
	case oidc.SubjectNull:
		m.members["sub"] = json.RawMessage(`""`)
	case oidc.BadTimestamp:
		m.members[fault.Claim] = json.RawMessage("0")
	case oidc.SeveralAudiences:
		m.members["azp"] = firstAudience(m.members["aud"])
	case oidc.MissingClaim, oidc.EmptyClaim, oidc.InvalidClaim:
		switch fault.Claim {
		case "iss", "sub":
			m.members[fault.Claim] = json.RawMessage(`""`)
		case "aud":
			m.members["aud"] = json.RawMessage(noAudience)
		case "iat", "exp":
			m.members[fault.Claim] = json.RawMessage("0")
		default:
			delete(m.members, fault.Claim)
		}
	default:
		return false
	}
	m.sign()
	return true
}

// noAudience stands in the place of an aud that is missing or empty, which no
// provider has.
const noAudience = `"(none)"`

func firstAudience(aud json.RawMessage) json.RawMessage {
	var all []json.RawMessage
	if json.Unmarshal(aud, &all) == nil && len(all) > 0 {
		return all[0]
	}
	return json.RawMessage(`""`)
}

// claims gives the claims of the token, mended, whatever its times: the trust
// policy does not see them.
func (m *mending) claims() (*oidc.Claims, error) {
	m.members["iat"], m.members["exp"] = json.RawMessage("0"), json.RawMessage("0")
	delete(m.members, "nbf")
	m.sign()
	u, err := oidc.Parse(m.text)
	if err != nil {
		return nil, err
	}
	claims, err := u.Verify(unverified.Keys(), audiencesOf(m.text, u), time.Unix(0, 0))
	if isKind(err, oidc.AudienceNotRegistered) { // an empty one, which no provider has
		m.members["aud"] = json.RawMessage(noAudience)
		delete(m.members, "azp")
		return m.claims()
	}
	return claims, err
}

// validAt is a time at which the token's own times stand in no way of its
// signature.
func (m *mending) validAt(u *oidc.Unverified) time.Time {
	audiences := audiencesOf(m.text, u)
	at := time.Unix(0, 0)
	for range 3 {
		var fault *oidc.Error
		if !errors.As(u.Check(audiences, at), &fault) || fault.Limit == 0 {
			break
		}
		at = time.Unix(fault.Limit, 0)
	}
	return at
}

// sign makes the members a token whose signature is worth nothing.
func (m *mending) sign() {
	payload, err := json.Marshal(m.members)
	if err != nil { // each member was read from JSON
		return
	}
	if text, err := unverified.Sign(payload); err == nil {
		m.text = text
	}
}
