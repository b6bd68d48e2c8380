package gitlab

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // x5t is SHA-1 by definition
	"crypto/x509"
	"crypto/x509/pkix"
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
	// retired are published and sign nothing. GitLab has none.
	retired []*rsa.PublicKey
}

// Rotate gives keys with a fresh CI key. With GitLab, which has no overlap, the
// old one is gone: tokens that it signed fail from now on, wherever the key set
// is read anew. KeepOld leaves its public half in the key set, with those kept
// before, for those who test what publishes or caches key sets.
//
// Source: GitLab Docs, "OpenID Connect", which has the setting replaced.
func (k *Keys) Rotate(keepOld bool) (*Keys, error) {
	if k == nil || k.user == nil || k.ci == nil {
		return nil, errors.New("gitlab: there are no keys to rotate")
	}
	ci, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("gitlab: make the CI key: %w", err)
	}
	next := &Keys{user: k.user, ci: ci}
	if keepOld {
		next.retired = append([]*rsa.PublicKey{&k.ci.PublicKey}, k.retired...)
	}
	return next, nil
}

// public are the keys of the key set, in its order.
func (k *Keys) public() []*rsa.PublicKey {
	return append([]*rsa.PublicKey{&k.user.PublicKey, &k.ci.PublicKey}, k.retired...)
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

// MarshalPEM writes the keys as two PKCS#8 blocks, the user key first, and those
// that were kept at a rotation as public keys after them. The result is secret:
// keep it in a file that only its owner can read.
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
	for _, key := range k.retired {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil, fmt.Errorf("gitlab: write a key: %w", err)
		}
		if err := pem.Encode(&out, &pem.Block{Type: "PUBLIC KEY", Bytes: der}); err != nil {
			return nil, fmt.Errorf("gitlab: write a key: %w", err)
		}
	}
	return out.Bytes(), nil
}

// nextBlock takes the block that text begins with. pem.Decode skips what it
// cannot read, a damaged block as well, so what it found must stand at the very
// beginning.
func nextBlock(text []byte, name string) (*pem.Block, []byte, error) {
	block, after := pem.Decode(text)
	if block == nil {
		return nil, nil, fmt.Errorf("%w: the %s is missing or not PEM", ErrDamagedKeys, name)
	}
	if !bytes.HasPrefix(bytes.TrimLeft(text, "\r\n"), pem.EncodeToMemory(block)) {
		return nil, nil, fmt.Errorf("%w: something other than a plain block stands where the %s should be", ErrDamagedKeys, name)
	}
	return block, after, nil
}

// ParseKeys reads what MarshalPEM wrote: two PKCS#8 blocks, public keys if there
// are any, and nothing else. Anything less is ErrDamagedKeys with the reason.
func ParseKeys(text []byte) (*Keys, error) {
	names := []string{"user key", "CI key"}
	keys := make([]*rsa.PrivateKey, 0, len(names))
	rest := text
	for _, name := range names {
		block, after, err := nextBlock(rest, name)
		if err != nil {
			return nil, err
		}
		key, err := parseKey(block)
		if err != nil {
			return nil, fmt.Errorf("%w: the %s %s", ErrDamagedKeys, name, err.Error())
		}
		keys, rest = append(keys, key), after
	}
	k := &Keys{user: keys[0], ci: keys[1]}
	for len(bytes.TrimSpace(rest)) > 0 {
		block, after, err := nextBlock(rest, "end of the file or a retired key")
		if err != nil {
			return nil, err
		}
		key, err := parseRetired(block)
		if err != nil {
			return nil, fmt.Errorf("%w: a retired key %s", ErrDamagedKeys, err.Error())
		}
		k.retired, rest = append(k.retired, key), after
	}
	all := k.public()
	for i, key := range all {
		for _, other := range all[:i] {
			if key.Equal(other) {
				return nil, fmt.Errorf("%w: two keys are the same", ErrDamagedKeys)
			}
		}
	}
	return k, nil
}

func parseRetired(block *pem.Block) (*rsa.PublicKey, error) {
	if block.Type != "PUBLIC KEY" || len(block.Headers) > 0 {
		return nil, errors.New("is not a plain block PUBLIC KEY")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("is not readable")
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("is not an RSA key")
	}
	return key, checkSize(key)
}

func checkSize(key *rsa.PublicKey) error {
	if n := key.N.BitLen(); n < keyBits || n > 2*keyBits {
		return fmt.Errorf("has %d bits; %d to %d are taken", n, keyBits, 2*keyBits)
	}
	return nil
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
	return key, checkSize(&key.PublicKey)
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

// certificateThumbprint is the header x5t (RFC 7515, section 4.1.7) of issuers
// that have a certificate to their key: the SHA-1 of one that the key signs
// itself, the same for one key at all times. Nobody publishes it; those who
// verify find the key by kid.
func certificateThumbprint(key *rsa.PrivateKey) (string, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ID token signing key"},
		NotBefore: certificateDate, NotAfter: certificateDate.AddDate(100, 0, 0), SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return "", fmt.Errorf("gitlab: make the certificate of the key: %w", err)
	}
	sum := sha1.Sum(der) //nolint:gosec // x5t is SHA-1 by definition
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}
