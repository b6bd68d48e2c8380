// Package unverified signs the payload of a token that nobody verified once more, by
// a key that everybody can have, so that those who explain can look at its claims:
// package oidc gives claims of verified tokens alone, and for a server that is right.
//
// What it signs proves nothing. No server holds Keys, and what is made here leaves
// neither explain nor doctor.
package unverified

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"

	"github.com/daypass/daypass/internal/oidc"
)

const keyID = "unverified"

// header is that of every token made here.
var header = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"JWT","kid":"` + keyID + `"}`))

// key is made of a text that everybody can read.
var key, keys = func() (*ecdsa.PrivateKey, *oidc.KeySet) {
	scalar := sha256.Sum256([]byte("daypass explain"))
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		panic(fmt.Sprintf("unverified: %v", err)) // a constant
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		panic(fmt.Sprintf("unverified: %v", err))
	}
	encode := base64.RawURLEncoding.EncodeToString
	set, err := oidc.ParseKeySet(fmt.Appendf(nil, `{"keys":[{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}]}`, keyID, encode(point[1:33]), encode(point[33:])))
	if err != nil {
		panic(fmt.Sprintf("unverified: %v", err))
	}
	return private, set
}()

// Keys confirm what Sign signs, and nothing else.
func Keys() *oidc.KeySet { return keys }

// Sign makes a token of a payload. The signature is deterministic (RFC 6979).
func Sign(payload []byte) (string, error) {
	signed := header + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(signed))
	der, err := key.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("unverified: %w", err)
	}
	var parts struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &parts); err != nil {
		return "", fmt.Errorf("unverified: %w", err)
	}
	signature := make([]byte, 64)
	parts.R.FillBytes(signature[:32])
	parts.S.FillBytes(signature[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// Made reports whether a token has the header of those that Sign makes.
func Made(token string) bool { return strings.HasPrefix(token, header+".") }
