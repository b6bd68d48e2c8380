package session

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestMintRefuses(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	for _, tt := range []struct {
		name, field string
		spoil       func(g *Grant)
	}{
		{"zero grant", "Account", func(g *Grant) { *g = Grant{} }},
		{"account", "Account", func(g *Grant) { g.Account = "12345678901x" }},
		{"no role id", "RoleID", func(g *Grant) { g.RoleID = "" }},
		{"a user's id", "RoleID", func(g *Grant) { g.RoleID = "AIDAJ2UCCR6DPCEXAMPLE" }},
		{"no role name", "RoleName", func(g *Grant) { g.RoleName = "" }},
		{"no session name", "SessionName", func(g *Grant) { g.SessionName = "" }},
		{"no issue time", "IssuedAt", func(g *Grant) { g.IssuedAt = time.Time{} }},
		{"no expiry", "Expires", func(g *Grant) { g.Expires = time.Time{} }},
		{"half a second", "IssuedAt", func(g *Grant) { g.IssuedAt = g.IssuedAt.Add(time.Second / 2) }},
		{"half a second more", "Expires", func(g *Grant) { g.Expires = g.Expires.Add(time.Second / 2) }},
		{"no time at all", "Expires", func(g *Grant) { g.Expires = g.IssuedAt }},
		{"backwards", "Expires", func(g *Grant) { g.Expires = g.IssuedAt.Add(-time.Second) }},
		{"year 10000", "Expires", func(g *Grant) { g.Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"empty key", "Context", func(g *Grant) { g.Context[1].Key = "" }},
		{"key twice", "Context", func(g *Grant) { g.Context[1].Key = strings.ToUpper(g.Context[0].Key) }},
		{"single key without value", "Context", func(g *Grant) { g.Context[0].Values = nil }},
		{"single key with two values", "Context", func(g *Grant) { g.Context[0].Values = []string{"a", "b"} }},
		{"empty tag key", "Tags", func(g *Grant) { g.Tags = []Tag{{Key: "team"}, {Value: "x"}} }},
		{"tag twice", "Tags", func(g *Grant) { g.Tags = []Tag{{Key: "Team"}, {Key: "cost"}, {Key: "tEAM"}} }},
	} {
		g := typicalGrant()
		tt.spoil(g)
		c, err := keys.Mint(g, rand.Reader)
		var e *GrantError
		if !errors.As(err, &e) || e.Field != tt.field || c != (Credentials{}) {
			t.Errorf("%s: Mint = %v, %v, want a *GrantError of %s", tt.name, c, err, tt.field)
		}
	}
	if _, err := keys.Mint(nil, rand.Reader); err == nil {
		t.Error("a nil grant is minted")
	}
	if _, err := keys.Mint(typicalGrant(), iotest.ErrReader(io.ErrNoProgress)); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("without randomness: %v", err)
	}
}

func TestMintBoundsTheToken(t *testing.T) {
	t.Parallel()
	keys, g := newKeys(t), typicalGrant()
	// The token grows with the grant up to its bound and not past it.
	g.TokenID = ""
	size := len(appendGrant(nil, g)) + sealOverhead
	g.TokenID = strings.Repeat("x", MaxTokenLength/4*3-size-1) // its length takes one byte more
	c := mint(t, keys, g)
	if len(c.SessionToken) != MaxTokenLength {
		t.Errorf("the largest token has %d characters, want %d", len(c.SessionToken), MaxTokenLength)
	}
	if _, err := keys.Open(c.AccessKeyID, c.SessionToken); err != nil {
		t.Errorf("the largest token: %v", err)
	}
	g.TokenID += "x"
	if _, err := keys.Mint(g, rand.Reader); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a larger one: %v, want ErrTooLarge", err)
	}
}

func TestDecodeGrantRefuses(t *testing.T) {
	t.Parallel()
	good := string(appendGrant(nil, typicalGrant()))
	var g Grant
	if !decodeGrant(good, &g) {
		t.Fatal("a grant does not decode")
	}
	for i := range len(good) {
		if decodeGrant(good[:i], &g) {
			t.Errorf("decodes when cut to %d bytes", i)
		}
	}
	withTags := typicalGrant()
	withTags.Tags = []Tag{{Key: "team", Value: "data", Transitive: true}}
	tagged := string(appendGrant(nil, withTags))
	for i := range len(tagged) {
		if decodeGrant(tagged[:i], &g) {
			t.Errorf("with tags, decodes when cut to %d bytes", i)
		}
	}
	account := binary.AppendUvarint(nil, accountNumber(typicalGrant().Account))
	end := 1 + len(account) // the account stands behind the version
	long := good[:end-1] + string([]byte{good[end-1] | 0x80, 0}) + good[end:]
	for name, s := range map[string]string{
		"trailing byte":           good + "\x00",
		"unknown version":         "\x03" + good[1:],
		"tags announced, none":    "\x02" + good[1:],
		"no tags in version 2":    "\x02" + good[1:] + "\x00",
		"tags in version 1":       "\x01" + tagged[1:],
		"neither 0 nor 1":         tagged[:len(tagged)-1] + "\x02",
		"more tags than bytes":    "\x02" + good[1:] + "\x7f" + tagged[len(good)+1:],
		"version 0":               "\x00" + good[1:],
		"number in a longer form": long,
		"huge number":             "\x01" + strings.Repeat("\xff", 20),
	} {
		if decodeGrant(s, &g) {
			t.Errorf("%s: decodes", name)
		}
	}
}

// A grant without tags is written as version 1, which earlier programs open; a
// grant with tags is not, for they would leave the tags out.
func TestVersionFollowsTags(t *testing.T) {
	t.Parallel()
	g := typicalGrant()
	if v := appendGrant(nil, g)[0]; v != 1 {
		t.Errorf("without tags: version %d, want 1", v)
	}
	g.Tags = []Tag{{Key: "team"}}
	if v := appendGrant(nil, g)[0]; v != 2 {
		t.Errorf("with tags: version %d, want 2", v)
	}
}

// A token whose seal is right and whose version is not known is refused: it is
// a later program's.
func TestOpenRefusesUnknownVersion(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	plain := appendGrant(nil, typicalGrant())
	plain[0] = taggedGrantVersion + 1
	id := "ASIAQAAAAAAAAAAAAAAA"
	sealed, err := keys.seal.Encrypt(plain, []byte(id))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open(id, tokenEncoding.EncodeToString(sealed)); !errors.Is(err, ErrInvalid) {
		t.Errorf("Open = %v, want ErrInvalid", err)
	}
}

func TestParseKeysRefuses(t *testing.T) {
	t.Parallel()
	good, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(f func(r *ring)) []byte {
		t.Helper()
		var r ring
		if err := json.Unmarshal(good, &r); err != nil {
			t.Fatal(err)
		}
		f(&r)
		spoiled, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return spoiled
	}
	if _, err := ParseKeys(spoil(func(*ring) {})); err != nil {
		t.Fatalf("the ring unspoiled: %v", err)
	}
	for name, spoiled := range map[string][]byte{
		"empty":           nil,
		"not JSON":        []byte("ring"),
		"cut short":       good[:len(good)-1],
		"something after": append(bytes.Clone(good), '1'),
		"unknown field":   bytes.Replace(good, []byte(`"version":1`), []byte(`"version":1,"more":1`), 1),
		"unknown version": spoil(func(r *ring) { r.Version = 2 }),
		"other key id":    spoil(func(r *ring) { r.Keys[0].ID++ }),
		"one key twice":   spoil(func(r *ring) { r.Keys[1] = r.Keys[0] }),
		"no secret":       spoil(func(r *ring) { r.Keys[0].Secret = nil }),
		"short secret":    spoil(func(r *ring) { r.Keys[1].Secret = r.Keys[1].Secret[:31] }),
		"primary is last": spoil(func(r *ring) { r.Keys[0], r.Keys[1] = r.Keys[1], r.Keys[0] }),
		"no next":         spoil(func(r *ring) { r.Keys = r.Keys[:1] }),
		"no keys":         spoil(func(r *ring) { r.Keys = nil }),
		"no keyset":       spoil(func(r *ring) { r.Keyset = nil }),
		"keyset cut":      spoil(func(r *ring) { r.Keyset = r.Keyset[:len(r.Keyset)-1] }),
		"other keyset": spoil(func(r *ring) {
			var o ring
			if err := json.Unmarshal(other, &o); err != nil {
				t.Fatal(err)
			}
			r.Keyset = o.Keyset
		}),
	} {
		keys, err := ParseKeys(spoiled)
		if keys != nil || !errors.Is(err, ErrRing) {
			t.Errorf("%s: ParseKeys = %v, %v, want ErrRing", name, keys, err)
		}
		if _, err := RotateKeys(spoiled); !errors.Is(err, ErrRing) {
			t.Errorf("%s: RotateKeys = %v, want ErrRing", name, err)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	c := mint(t, keys, typicalGrant())
	s, err := keys.Open(c.AccessKeyID, c.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{c, &c, *s, s} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, c.SecretAccessKey) || strings.Contains(text, c.SessionToken) {
				t.Errorf("%s of %T shows a secret", verb, v)
			}
		}
	}
}

// FuzzDecodeGrant: what decodes is written back as it was; nothing panics.
func FuzzDecodeGrant(f *testing.F) {
	f.Add(string(appendGrant(nil, typicalGrant())))
	g := typicalGrant()
	g.Context = append(g.Context, KeyValue{Key: "gitlab.example.com:amr", Multi: true, Values: []string{"a", "b"}}, KeyValue{Key: "x", Multi: true})
	f.Add(string(appendGrant(nil, g)))
	g.Tags = []Tag{{Key: "team", Value: "data", Transitive: true}, {Key: "empty"}}
	f.Add(string(appendGrant(nil, g)))
	f.Add("")
	f.Add("\x01\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, s string) {
		var g Grant
		if !decodeGrant(s, &g) {
			return
		}
		if got := string(appendGrant(nil, &g)); got != s {
			t.Errorf("decodes and is written otherwise:\n%q\n%q", s, got)
		}
	})
}

func BenchmarkMint(b *testing.B) {
	keys, g := newKeys(b), typicalGrant()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keys.Mint(g, rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	keys := newKeys(b)
	c := mint(b, keys, typicalGrant())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keys.Open(c.AccessKeyID, c.SessionToken); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenForged(b *testing.B) {
	keys := newKeys(b)
	c, other := mint(b, keys, typicalGrant()), mint(b, keys, typicalGrant())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keys.Open(c.AccessKeyID, other.SessionToken); err == nil {
			b.Fatal("opens")
		}
	}
}
