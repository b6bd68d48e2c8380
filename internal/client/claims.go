package client

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"
)

// maxToken bounds an ID token in bytes (STS API Reference, WebIdentityToken).
const maxToken = 20000

// Token is an ID token, and what it says of itself, which nobody has verified.
type Token struct {
	raw    string
	claims map[string]any
	// From says for people where it was found: "the variable GITLAB_OIDC_TOKEN".
	From string
	// Flag is how other commands of Daypass are told to read the same token, "" where
	// they cannot.
	Flag string
}

// NewToken reads a token. What is none is an error, which does not repeat it.
func NewToken(raw, from string) (*Token, error) {
	raw = strings.TrimSpace(raw)
	parts := strings.Split(raw, ".")
	switch {
	case raw == "":
		return nil, noToken("%s is empty", from)
	case len(raw) > maxToken:
		return nil, noToken("%s has %d bytes; AWS STS takes tokens of %d at most", from, len(raw), maxToken)
	case len(parts) != 3:
		return nil, noToken("%s is no ID token: it has %d parts between dots, and a JSON Web Token has 3", from, len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, noToken("%s is no ID token: its second part is not base64url", from)
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var claims map[string]any
	if err := d.Decode(&claims); err != nil || claims == nil {
		return nil, noToken("%s is no ID token: its claims are not a JSON object", from)
	}
	return &Token{raw: raw, claims: claims, From: from}, nil
}

// String says where the token is from, and hides it.
func (t *Token) String() string { return "the ID token in " + t.From }

// GoString is String.
func (t *Token) GoString() string { return t.String() }

// LogValue implements slog.LogValuer: it is String.
func (t *Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Raw is the token itself. It is a credential.
func (t *Token) Raw() string { return t.raw }

// Claim is a claim's text: of a string its own, of a number or a boolean as JSON
// writes it. It is "" for all else, and for what is not there.
func (t *Token) Claim(name string) string {
	switch v := t.claims[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	}
	return ""
}

// Audience is aud, one or several.
func (t *Token) Audience() []string {
	switch v := t.claims["aud"].(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, each := range v {
			if text, ok := each.(string); ok {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}

// Expiry is exp; ok is false where there is none that is a time.
func (t *Token) Expiry() (at time.Time, ok bool) {
	number, ok := t.claims["exp"].(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > math.MaxInt32*100 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}
