package gitlab

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// keyBits is the size of the RSA keys that NewKeys makes (GitLab Docs, "OpenID
// Connect": the documented way to set ci_jwt_signing_key makes 2048 bits).
const keyBits = 2048

// ErrDamagedKeys says that stored keys cannot be used. They are never replaced
// in silence: with new keys every token that is out would fail, and a provider
// that pinned the old ones would trust nothing.
var ErrDamagedKeys = errors.New("gitlab: damaged signing keys")

// Keys are the two RSA keys of a GitLab Community Edition: the one for users
// who sign in (openid_connect_signing_key) and the one for CI/CD ID tokens
// (ci_jwt_signing_key). Both are published; only the second signs here. The
// zero value holds none. Keys are immutable.
type Keys struct {
	user, ci *rsa.PrivateKey
}

// NewKeys makes two fresh keys from the system's randomness.
func NewKeys() (*Keys, error) {
	user, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("gitlab: make the user key: %w", err)
	}
	ci, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("gitlab: make the CI key: %w", err)
	}
	return &Keys{user: user, ci: ci}, nil
}

// MarshalPEM writes the keys as two PKCS#8 blocks, the user key first. The
// result is secret: keep it in a file that only its owner can read.
func (k *Keys) MarshalPEM() ([]byte, error) {
	if k == nil || k.user == nil || k.ci == nil {
		return nil, errors.New("gitlab: there are no keys to write")
	}
	var out bytes.Buffer
	for _, key := range []*rsa.PrivateKey{k.user, k.ci} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("gitlab: write a key: %w", err)
		}
		if err := pem.Encode(&out, &pem.Block{Type: "PRIVATE KEY", Bytes: der}); err != nil {
			return nil, fmt.Errorf("gitlab: write a key: %w", err)
		}
	}
	return out.Bytes(), nil
}

// ParseKeys reads what MarshalPEM wrote: exactly two PKCS#8 blocks and nothing
// else. Anything less is ErrDamagedKeys with the reason.
func ParseKeys(text []byte) (*Keys, error) {
	names := []string{"user key", "CI key"}
	keys := make([]*rsa.PrivateKey, 0, len(names))
	rest := text
	for _, name := range names {
		block, after := pem.Decode(rest)
		if block == nil {
			return nil, fmt.Errorf("%w: the %s is missing or not PEM", ErrDamagedKeys, name)
		}
		// pem.Decode skips what it cannot read, a damaged block as well, so what
		// it found must stand at the very beginning.
		if !bytes.HasPrefix(bytes.TrimLeft(rest, "\r\n"), pem.EncodeToMemory(block)) {
			return nil, fmt.Errorf("%w: something other than a plain PKCS#8 block stands where the %s should be", ErrDamagedKeys, name)
		}
		key, err := parseKey(block)
		if err != nil {
			return nil, fmt.Errorf("%w: the %s %s", ErrDamagedKeys, name, err.Error())
		}
		keys, rest = append(keys, key), after
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%w: something stands after the two keys", ErrDamagedKeys)
	}
	if keys[0].Equal(keys[1]) {
		return nil, fmt.Errorf("%w: the two keys are the same", ErrDamagedKeys)
	}
	return &Keys{user: keys[0], ci: keys[1]}, nil
}

func parseKey(block *pem.Block) (*rsa.PrivateKey, error) {
	if block.Type != "PRIVATE KEY" || len(block.Headers) > 0 {
		return nil, errors.New("is not a plain PKCS#8 block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("is not readable as PKCS#8")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("is not an RSA key")
	}
	if err := key.Validate(); err != nil {
		return nil, errors.New("is not a valid RSA key")
	}
	if n := key.N.BitLen(); n < keyBits || n > 2*keyBits {
		return nil, fmt.Errorf("has %d bits; %d to %d are taken", n, keyBits, 2*keyBits)
	}
	return key, nil
}

// keyID is the RFC 7638 thumbprint of the public key under SHA-256, in unpadded
// base64url: what GitLab uses as kid.
func keyID(key *rsa.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("gitlab: thumbprint of a key: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// publicKey is one entry of the key set, with GitLab's six members in its order.
type publicKey struct {
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	E   string `json:"e"`
	N   string `json:"n"`
	Use string `json:"use"`
	Alg string `json:"alg"`
}

func newPublicKey(key *rsa.PublicKey) (publicKey, error) {
	kid, err := keyID(key)
	if err != nil {
		return publicKey{}, err
	}
	return publicKey{
		Kty: "RSA",
		Kid: kid,
		E:   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		N:   base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		Use: "sig",
		Alg: "RS256",
	}, nil
}
