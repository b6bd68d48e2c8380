package ledger

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/oidc"
)

// Key is a public key as it is published: the members that verifying needs, and
// nothing else. What the issuer says besides (x5c, key_ops and the like) is
// dropped: AWS rejects a key with key_ops (recorded, 2026-09), and a certificate
// tells names from inside.
type Key struct {
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	Use string `json:"use"` // sig
	Alg string `json:"alg"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// Thumbprint is the key's RFC 7638 thumbprint with SHA-256, in base64url: the
// name under which people approve it. It depends on the key's numbers alone,
// and not on its kid.
func (k Key) Thumbprint() string {
	// The required members in the order of their names (RFC 7638 section 3.2).
	// Their values are base64url or a curve's name, which JSON does not escape.
	text := `{"e":"` + k.E + `","kty":"RSA","n":"` + k.N + `"}`
	if k.Kty == "EC" {
		text = `{"crv":"` + k.Crv + `","kty":"EC","x":"` + k.X + `","y":"` + k.Y + `"}`
	}
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// privateMembers are those of private and symmetric keys (RFC 7518 section 6).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// ParseKeys reads what an issuer or a person gives: a JWK Set, a JWK, or PEM
// with public keys, whose kid is then their thumbprint, as GitLab has it. One key
// that may not be published spoils all, since nobody knows then what else is
// wrong. The errors are *Refusal and hold no part of a key.
func ParseKeys(text []byte) ([]Key, error) {
	if bytes.Contains(text, []byte("-----BEGIN")) {
		return parsePEM(text)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, refuse("not-json", "it is neither JSON nor PEM; is it a login page?")
	}
	switch {
	case members["keys"] != nil:
		if err := json.Unmarshal(text, &set); err != nil {
			return nil, refuse("not-json", "its member keys is no array")
		}
	case members["kty"] != nil:
		set.Keys = []json.RawMessage{text}
	default:
		return nil, refuse("not-json", "it has neither keys nor kty, so it is no JWK Set and no JWK")
	}
	var keys []Key
	for _, document := range set.Keys {
		k, err := normalise(document)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(keys, func(o Key) bool { return o.Kid == k.Kid }) {
			return nil, refuse("kid-repeated", "two keys have the kid %s", shown(k.Kid))
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, refuse("empty", "there is no key in it")
	}
	return keys, checkUsable(keys)
}

// checkUsable asks the package that verifies tokens whether it takes the keys.
func checkUsable(keys []Key) error {
	set, err := oidc.ParseKeySet(RenderKeys(keys))
	if err != nil {
		return refuse("key-unusable", "%v", err)
	}
	for _, k := range keys {
		if !set.Has(k.Kid) {
			return refuse("key-unusable", "no token could be verified with it: %s", set.Unused())
		}
	}
	return nil
}

// normalise reads one JWK.
func normalise(document json.RawMessage) (Key, error) {
	var members map[string]json.RawMessage // a map, since struct fields match names without regard to case
	if err := json.Unmarshal(document, &members); err != nil {
		return Key{}, refuse("not-json", "a member of keys is no object")
	}
	text := func(name string) (s string) {
		if json.Unmarshal(members[name], &s) != nil {
			return ""
		}
		return s
	}
	for name := range members {
		if slices.Contains(privateMembers, strings.ToLower(name)) {
			return Key{}, refuse("private-key", "the key %s has the member %s, a part of a private or symmetric key. Nothing is published; whoever has seen it can sign, so replace the key", shown(text("kid")), name)
		}
	}
	k := Key{Kty: text("kty"), Kid: text("kid"), Use: "sig", Alg: text("alg"), N: text("n"), E: text("e"), Crv: text("crv"), X: text("x"), Y: text("y")}
	if use := text("use"); members["use"] != nil && use != "sig" {
		return Key{}, refuse("key-use", "the key %s has use %s, which is not sig", shown(k.Kid), shown(use))
	}
	if k.Kid == "" || len(k.Kid) > 256 {
		return Key{}, refuse("kid-missing", "a key has no kid, or one of more than 256 bytes; a token could not name it")
	}
	switch k.Kty {
	case "RSA":
		return k.rsa()
	case "EC":
		return k.ec()
	case "oct":
		return Key{}, refuse("oct", "the key %s is symmetric (oct): who can verify with it can sign with it", shown(k.Kid))
	}
	return Key{}, refuse("key-type", "the key %s has kty %s, which is neither RSA nor EC", shown(k.Kid), shown(k.Kty))
}

// The algorithms that AWS verifies, by type (IAM User Guide, OIDC providers).
var (
	rsaAlgorithms = []string{"RS256", "RS384", "RS512"}
	ecAlgorithms  = map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
)

func (k Key) rsa() (Key, error) {
	n, err := base64.RawURLEncoding.DecodeString(k.N)
	e, err2 := base64.RawURLEncoding.DecodeString(k.E)
	if err != nil || err2 != nil {
		return Key{}, refuse("key-unusable", "the key %s has an n or e that is no base64url", shown(k.Kid))
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	switch {
	case modulus.BitLen() < 2048:
		return Key{}, refuse("key-short", "the key %s has %d bits; RSA keys need 2048 or more (RFC 7518 section 3.3)", shown(k.Kid), modulus.BitLen())
	case exponent.Cmp(big.NewInt(65537)) != 0:
		return Key{}, refuse("key-exponent", "the key %s has a public exponent that is not 65537", shown(k.Kid))
	case k.Alg == "":
		k.Alg = "RS256" // GitLab's
	case !slices.Contains(rsaAlgorithms, k.Alg):
		return Key{}, refuse("key-algorithm", "the key %s has alg %s; AWS verifies %s", shown(k.Kid), shown(k.Alg), strings.Join(rsaAlgorithms, ", "))
	}
	// Numbers without leading zeros, so that a key has one form and thumbprint.
	k.N, k.E = base64.RawURLEncoding.EncodeToString(modulus.Bytes()), base64.RawURLEncoding.EncodeToString(exponent.Bytes())
	k.Crv, k.X, k.Y = "", "", ""
	return k, nil
}

func (k Key) ec() (Key, error) {
	alg, ok := ecAlgorithms[k.Crv]
	if !ok {
		return Key{}, refuse("key-type", "the key %s is on the curve %s; AWS verifies P-256, P-384 and P-521", shown(k.Kid), shown(k.Crv))
	}
	if k.Alg != "" && k.Alg != alg {
		return Key{}, refuse("key-algorithm", "the key %s on %s has alg %s, which is not %s", shown(k.Kid), k.Crv, shown(k.Alg), alg)
	}
	k.Alg, k.N, k.E = alg, "", ""
	return k, nil
}

// parsePEM reads public keys. Anything that is not one is refused.
func parsePEM(text []byte) ([]Key, error) {
	var keys []Key
	for rest := bytes.TrimSpace(text); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		block, after := pem.Decode(rest)
		if block == nil {
			return nil, refuse("not-json", "it has something that is not PEM")
		}
		rest = after
		if strings.Contains(block.Type, "PRIVATE") {
			return nil, refuse("private-key", "it holds a private key (%s). Nothing is published. Give the public half alone: openssl pkey -in KEY -pubout", shown(block.Type))
		}
		k, err := publicPEM(block)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, refuse("empty", "there is no key in it")
	}
	return keys, checkUsable(keys)
}

func publicPEM(block *pem.Block) (Key, error) {
	var public any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return Key{}, refuse("key-type", "%s is no public key", shown(block.Type))
	}
	if err != nil {
		return Key{}, refuse("key-unusable", "the public key cannot be read")
	}
	k := Key{Use: "sig", Kid: "-"}
	encode := base64.RawURLEncoding.EncodeToString
	switch p := public.(type) {
	case *rsa.PublicKey:
		k.Kty, k.N, k.E = "RSA", encode(p.N.Bytes()), encode(big.NewInt(int64(p.E)).Bytes())
		k, err = k.rsa()
	case *ecdsa.PublicKey:
		point, bytesErr := p.Bytes()
		if bytesErr != nil {
			return Key{}, refuse("key-unusable", "the point is not on its curve")
		}
		half := (len(point) - 1) / 2 // uncompressed: 4, x, y
		k.Kty, k.Crv, k.X, k.Y = "EC", curveName(p.Curve), encode(point[1:1+half]), encode(point[1+half:])
		k, err = k.ec()
	default:
		return Key{}, refuse("key-type", "the public key is neither RSA nor EC")
	}
	k.Kid = k.Thumbprint()
	return k, err
}

func curveName(c elliptic.Curve) string { return c.Params().Name }

// RenderKeys is the JWK Set that is published. The same keys give the same bytes.
func RenderKeys(keys []Key) []byte {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, func(a, b Key) int { return strings.Compare(a.Kid, b.Kid) })
	if sorted == nil {
		sorted = []Key{}
	}
	return render(struct {
		Keys []Key `json:"keys"`
	}{sorted})
}

// Discovery is the discovery document that is published: what OpenID Connect
// Discovery 1.0 section 3 requires of an issuer whose tokens come without a
// sign-in. GitLab's own document names endpoints inside, and is not copied.
func Discovery(issuer, jwksURI string, keys []Key) []byte {
	algorithms := []string{"RS256"} // required (OpenID Connect Discovery 1.0 section 3)
	for _, k := range keys {
		if !slices.Contains(algorithms, k.Alg) {
			algorithms = append(algorithms, k.Alg)
		}
	}
	slices.Sort(algorithms)
	return render(struct {
		Issuer        string   `json:"issuer"`
		JWKSURI       string   `json:"jwks_uri"`
		ResponseTypes []string `json:"response_types_supported"`
		SubjectTypes  []string `json:"subject_types_supported"`
		Algorithms    []string `json:"id_token_signing_alg_values_supported"`
		Claims        []string `json:"claims_supported"`
	}{issuer, jwksURI, []string{"id_token"}, []string{"public"}, algorithms, []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti"}})
}

// render is a document's bytes, with a line break at the end.
func render(document any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		panic(fmt.Sprint("ledger: strings do not become JSON: ", err)) // they always do
	}
	return b.Bytes()
}

// shown is a text from outside, cut and with nothing that moves a terminal.
func shown(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return fmt.Sprintf("%q", s)
}
