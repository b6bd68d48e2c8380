package explain

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/oidc"
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
		if strings.HasSuffix(m.text, ".") || m.signedHere() {
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
	claims, err := u.Verify(worthlessKeys, audiencesOf(m.text, u), time.Unix(0, 0))
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

const worthlessID = "explained"

// worthlessHeader is the header of a mended token.
var worthlessHeader = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"JWT","kid":"` + worthlessID + `"}`))

func (m *mending) signedHere() bool { return strings.HasPrefix(m.text, worthlessHeader+".") }

// worthlessKey is made of a text that everybody can read. What it signs proves
// nothing, and no server holds its public half.
var worthlessKey, worthlessKeys = func() (*ecdsa.PrivateKey, *oidc.KeySet) {
	scalar := sha256.Sum256([]byte("daypass explain"))
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		panic(fmt.Sprintf("explain: %v", err)) // a constant
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		panic(fmt.Sprintf("explain: %v", err))
	}
	encode := base64.RawURLEncoding.EncodeToString
	keys, err := oidc.ParseKeySet(fmt.Appendf(nil, `{"keys":[{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}]}`, worthlessID, encode(point[1:33]), encode(point[33:])))
	if err != nil {
		panic(fmt.Sprintf("explain: %v", err))
	}
	return private, keys
}()

// sign makes the members a token of the worthless key. The signature is
// deterministic (RFC 6979).
func (m *mending) sign() {
	payload, err := json.Marshal(m.members)
	if err != nil { // each member was read from JSON
		return
	}
	signed := worthlessHeader + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(signed))
	der, err := worthlessKey.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		return
	}
	var parts struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &parts); err != nil {
		return
	}
	signature := make([]byte, 64)
	parts.R.FillBytes(signature[:32])
	parts.S.FillBytes(signature[32:])
	m.text = signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}
