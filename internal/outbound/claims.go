package outbound

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// namespace is the claim under which all is that AWS says beyond the standard
// (IAM User Guide, "Understanding token claims").
const namespace = "https://sts.amazonaws.com/"

// MaxPayload is the most bytes of a token's payload, before base64 (recorded on
// AWS, 2026-09, for both algorithms, with other alphabets and with quotes).
const MaxPayload = 14984

// ErrTooLarge says that the claims need more than MaxPayload bytes.
var ErrTooLarge = errors.New("outbound: payload is too large")

// Claims is what a token says.
type Claims struct {
	Issuer   string
	Audience []string // as requested, repetitions included
	// Subject is the IAM principal: a user's ARN, or for a session that of its
	// role, with its path. AWS repeats it as principal_id.
	Subject  string
	IssuedAt time.Time
	Expires  time.Time
	ID       string // jti

	Account string
	Region  string // that the request was signed for
	// What follows is left out where it is zero.
	PrincipalTags     map[string]string
	RequestTags       map[string]string
	SessionExpires    time.Time
	SourceIdentity    string
	FederatedProvider string // ARN of the provider that the session came through
}

// audience is a string for one and a list for several (RFC 7519 section 4.1.3;
// recorded on AWS).
type audience []string

func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return marshal(a[0])
	}
	return marshal([]string(a))
}

type payload struct {
	Audience audience `json:"aud"`
	Subject  string   `json:"sub"`
	AWS      identity `json:"https://sts.amazonaws.com/"`
	Issuer   string   `json:"iss"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
}

type identity struct {
	SourceIdentity     string            `json:"source_identity,omitempty"`
	FederatedProvider  string            `json:"federated_provider,omitempty"`
	Account            string            `json:"aws_account"`
	RequestTags        map[string]string `json:"request_tags,omitempty"`
	OriginalSessionExp string            `json:"original_session_exp,omitempty"`
	SourceRegion       string            `json:"source_region"`
	PrincipalID        string            `json:"principal_id"`
	PrincipalTags      map[string]string `json:"principal_tags,omitempty"`
}

// Payload writes the claims. The one error that a caller can cause is
// ErrTooLarge.
func (c *Claims) Payload() ([]byte, error) {
	p := payload{
		Audience: c.Audience, Subject: c.Subject, Issuer: c.Issuer, ID: c.ID,
		IssuedAt: c.IssuedAt.Unix(), Expires: c.Expires.Unix(),
		AWS: identity{
			SourceIdentity: c.SourceIdentity, FederatedProvider: c.FederatedProvider, Account: c.Account,
			RequestTags: c.RequestTags, SourceRegion: c.Region, PrincipalID: c.Subject, PrincipalTags: c.PrincipalTags,
		},
	}
	if !c.SessionExpires.IsZero() {
		p.AWS.OriginalSessionExp = c.SessionExpires.UTC().Format(time.RFC3339)
	}
	text, err := marshal(p)
	if err != nil {
		return nil, fmt.Errorf("outbound: write the claims: %w", err)
	}
	if len(text) > MaxPayload {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are signed", ErrTooLarge, len(text), MaxPayload)
	}
	return text, nil
}

// marshal is json.Marshal without the escapes for HTML, which would count
// towards MaxPayload.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}
