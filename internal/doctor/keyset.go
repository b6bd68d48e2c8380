package doctor

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/oidc"
)

// publishedKey is one key of a set, as published.
type publishedKey struct {
	number  int // from 1
	text    json.RawMessage
	members members
	kid     string
	hasKID  bool
	kty     string
	usable  bool // package oidc, and so AWS, uses it
}

func (k *publishedKey) String() string {
	if k.hasKID {
		return fmt.Sprintf("key %d, kid %s", k.number, shown(k.kid))
	}
	return fmt.Sprintf("key %d", k.number)
}

// readKeys parts a JWK Set into its keys (RFC 7517 section 5).
func readKeys(text []byte) (set members, keys []publishedKey, err error) {
	set, err = parseMembers(text)
	if err != nil {
		return nil, nil, err
	}
	list, ok := set.get("keys")
	var documents []json.RawMessage
	if !ok || list[0] != '[' || json.Unmarshal(list, &documents) != nil {
		return nil, nil, fmt.Errorf("it has no array named keys")
	}
	for i, document := range documents {
		k := publishedKey{number: i + 1, text: document}
		if k.members, err = parseMembers(document); err == nil {
			k.kid, k.hasKID = k.members.text("kid")
			k.hasKID = k.hasKID && k.kid != ""
			k.kty, _ = k.members.text("kty")
			alone, err := oidc.ParseKeySet(slices.Concat([]byte(`{"keys":[`), document, []byte("]}")))
			k.usable = err == nil && alone.Len() == 1
		}
		keys = append(keys, k)
	}
	return set, keys, nil
}

// examineKeys is D13. Which keys are used, package oidc says, as it does to the
// server; here it is said why not.
func (e *issuerExam) examineKeys() {
	a := &e.keys
	if a.err != nil || !e.examineAnswer(a, "keys") {
		return
	}
	e.examineContentType(a, "keys-content-type")
	set, keys, err := readKeys(a.body)
	if err != nil {
		e.found("keys-not-json", "%s: %v: it begins %s", a.from, err, beginning(a.body))
		return
	}
	if e.keySet, err = oidc.ParseKeySet(a.body); err != nil {
		e.found("keys-not-json", "%s: %v", a.from, err)
		return
	}
	if again := set.repeated(); len(again) > 0 {
		e.found("keys-repeats", "%s", listed(again))
	}
	e.examineKeyCounts(keys)
	var all []string
	for i := range keys {
		e.examineKey(&keys[i])
		if keys[i].usable {
			all = append(all, describeKey(&keys[i]))
		}
	}
	e.examineKIDs(keys)
	if e.keySet.Len() == 0 {
		e.found("keys-none", "%s has %s, and none can be used", a.from, number(len(keys), "key"))
		return
	}
	e.ok("D13", "%s has %s that can be used: %s", a.from, number(e.keySet.Len(), "key"), strings.Join(all[:min(len(all), 6)], "; "))
}

// examineKeyCounts holds the set to AWS's quotas.
func (e *issuerExam) examineKeyCounts(keys []publishedKey) {
	count := map[string]int{}
	for i := range keys {
		count[keys[i].kty]++
	}
	for _, kty := range []string{"RSA", "EC"} {
		if n := count[kty]; n > oidc.MaxKeysPerType {
			e.found("keys-too-many", "%d %s keys", n, kty)
		}
	}
}

// privateMembers are parts of private and of symmetric keys (RFC 7518 sections
// 6.2.2, 6.3.2, 6.4).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// examineKey says what is wrong with one key.
func (e *issuerExam) examineKey(k *publishedKey) {
	m := k.members
	if m == nil {
		e.found("key-no-object", "%s", k)
		return
	}
	told := rank(Warning)
	before := len(e.Findings)
	for _, secret := range privateMembers {
		if _, sent := m.get(secret); sent {
			e.found("key-private", "%s has the member %s", k, secret)
			break
		}
	}
	if !k.hasKID {
		e.found("key-no-kid", "%s", k)
	}
	if use, sent := m.get("use"); sent {
		if text, ok := textOf(use); !ok || text != "sig" {
			e.found("key-use", "%s has use %s", k, shown(string(use)))
		}
	}
	if _, sent := m.get("key_ops"); sent {
		e.found("key-ops", "%s", k)
	}
	if again := m.repeated(); len(again) > 0 {
		e.found("key-repeats", "%s: %s", k, listed(again))
	}
	if k.kty != "RSA" && k.kty != "EC" {
		e.found("key-type", "%s has kty %s", k, shown(k.kty))
	}
	if alg, sent := m.text("alg"); sent && !slices.Contains(algorithms, alg) && (k.kty == "RSA" || k.kty == "EC") {
		e.found("key-algorithm", "%s has alg %s", k, shown(alg))
	}
	e.examineModulus(k)
	if !k.usable && !slices.ContainsFunc(e.Findings[before:], func(f Finding) bool { return rank(f.Level) >= told || f.Code == "key-use" || f.Code == "key-type" }) {
		e.found("key-unusable", "%s: %s", k, e.whyUnusable(k))
	}
}

// whyUnusable is package oidc's reason.
func (e *issuerExam) whyUnusable(k *publishedKey) string {
	alone, err := oidc.ParseKeySet(slices.Concat([]byte(`{"keys":[`), k.text, []byte("]}")))
	if err != nil {
		return err.Error()
	}
	_, why, ok := strings.Cut(alone.Unused(), " is not used: ")
	if !ok {
		return alone.Unused()
	}
	return why
}

// examineModulus looks at the numbers of an RSA key.
func (e *issuerExam) examineModulus(k *publishedKey) {
	if k.kty != "RSA" {
		return
	}
	text, _ := k.members.text("n")
	n, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(n) == 0 {
		return // unusable, and said so
	}
	if bits := new(big.Int).SetBytes(n).BitLen(); bits < minRSA {
		e.found("key-small", "%s has a modulus of %d bits", k, bits)
	}
	if n[0] == 0 {
		e.found("key-leading-zero", "%s", k)
	}
}

// examineKIDs looks for names that mean two keys, and says which kids can be
// computed.
func (e *issuerExam) examineKIDs(keys []publishedKey) {
	first, thumbprints := map[string]*publishedKey{}, 0
	for i := range keys {
		k := &keys[i]
		if !k.hasKID {
			continue
		}
		if k.kid == jwkThumbprint(k.members) {
			thumbprints++
		}
		before := first[k.kid]
		switch {
		case before == nil:
			first[k.kid] = k
		case jwkThumbprint(before.members) == jwkThumbprint(k.members) && jwkThumbprint(k.members) != "":
			e.found("key-twice", "keys %d and %d have the kid %s", before.number, k.number, shown(k.kid))
		default:
			e.found("key-kid-twice", "keys %d and %d have the kid %s", before.number, k.number, shown(k.kid))
		}
	}
	if thumbprints > 0 {
		e.found("key-kid-thumbprint", "%d of %s", thumbprints, number(len(keys), "key"))
	}
}

// jwkThumbprint is a key's name by RFC 7638 section 3, with SHA-256; "" for a key
// whose members are not there.
func jwkThumbprint(m members) string {
	kty, _ := m.text("kty")
	needed := map[string][]string{"RSA": {"e", "kty", "n"}, "EC": {"crv", "kty", "x", "y"}}[kty]
	if needed == nil {
		return ""
	}
	var b bytes.Buffer
	for i, name := range needed {
		value, ok := m.text(name)
		if !ok || strings.ContainsAny(value, "\"\\") {
			return ""
		}
		fmt.Fprintf(&b, `%s"%s":"%s"`, []string{"{", ","}[min(i, 1)], name, value)
	}
	b.WriteByte('}')
	sum := sha256.Sum256(b.Bytes())
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// describeKey is a key in a line.
func describeKey(k *publishedKey) string {
	kind := k.kty
	if crv, ok := k.members.text("crv"); ok {
		kind += " " + crv
	}
	if n, ok := k.members.text("n"); ok {
		if bytes, err := base64.RawURLEncoding.DecodeString(n); err == nil {
			kind += fmt.Sprintf(" %d", new(big.Int).SetBytes(bytes).BitLen())
		}
	}
	return fmt.Sprintf("%s, kid %s", kind, shown(k.kid))
}
