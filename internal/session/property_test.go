package session

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func drawGrant() *rapid.Generator[*Grant] {
	text := rapid.StringN(0, 40, 100)
	return rapid.Custom(func(t *rapid.T) *Grant {
		issued := time.Unix(rapid.Int64Range(0, latestTime-1).Draw(t, "issued"), 0).UTC()
		lasts := rapid.Int64Range(1, min(129600, latestTime-issued.Unix())).Draw(t, "lasts")
		g := &Grant{
			Account:  rapid.StringMatching(`[0-9]{12}`).Draw(t, "account"),
			IssuedAt: issued, Expires: issued.Add(time.Duration(lasts) * time.Second),
			Provider: text.Draw(t, "provider"), SourceIdentity: text.Draw(t, "sourceIdentity"), TokenID: text.Draw(t, "tokenID"),
		}
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9:/.]{1,30}`), 0, 6, rapid.ID[string]).Draw(t, "keys")
		for _, key := range keys {
			kv := KeyValue{Key: key, Multi: rapid.Bool().Draw(t, "multi"), Values: []string{text.Draw(t, "value")}}
			if kv.Multi {
				kv.Values = rapid.SliceOfN(text, 0, 4).Draw(t, "values")
			}
			g.Context = append(g.Context, kv)
		}
		for _, key := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9 _.:/=+@-]{1,30}`), 0, 4, rapid.ID[string]).Draw(t, "tags") {
			g.Tags = append(g.Tags, Tag{Key: key, Value: text.Draw(t, "tag"), Transitive: rapid.Bool().Draw(t, "transitive")})
		}
		drawPrincipal(t, g)
		if rapid.Bool().Draw(t, "origin") {
			for _, name := range g.Origin.names() {
				*name = text.Draw(t, "name")
			}
		}
		return g
	})
}

// drawPrincipal draws who a grant is of, and what only that kind has.
func drawPrincipal(t *rapid.T, g *Grant) {
	text := rapid.StringN(0, 40, 100)
	name := rapid.StringMatching(`[\w+=,.@-]{2,64}`)
	g.Kind = PrincipalKind(rapid.IntRange(0, int(principalKinds)-1).Draw(t, "kind"))
	if g.Kind == AssumedRole {
		g.RoleID = rapid.StringMatching(`AROA[A-Z2-7]{17}`).Draw(t, "roleID")
		g.RoleName, g.RolePath = name.Draw(t, "roleName"), text.Draw(t, "rolePath")
		g.Ancestors = rapid.SliceOfN(rapid.StringMatching(`ASIA[A-Z2-7]{16}`), 0, MaxAncestors).Draw(t, "ancestors")
		g.Chained = len(g.Ancestors) > 0 && rapid.Bool().Draw(t, "chained")
	} else {
		g.UserID = rapid.StringMatching(`AIDA[A-Z2-7]{17}`).Draw(t, "userID")
		g.UserName = name.Draw(t, "userName")
	}
	if g.Kind == UserSession {
		g.Tags = nil
		return
	}
	g.SessionName = name.Draw(t, "sessionName")
	g.Policy = text.Draw(t, "policy")
	g.PolicyARNs = rapid.SliceOfN(rapid.StringN(1, 40, 100), 0, maxPolicyARNs).Draw(t, "policyARNs")
}

// TestOneSpelling: decoding undoes appending for any grant, in the least version.
func TestOneSpelling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := drawGrant().Draw(t, "grant")
		written := string(appendGrant(nil, g))
		var read Grant
		if !decodeGrant(written, &read) || string(appendGrant(nil, &read)) != written {
			t.Fatalf("written as %q, read as %+v", written, read)
		}
		if err := read.validate(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOpenUndoesMint(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		g := drawGrant().Draw(t, "grant")
		c, err := keys.Mint(g, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s, err := keys.Open(c.AccessKeyID, c.SessionToken)
		if err != nil {
			t.Fatal(err)
		}
		want := &Session{Grant: *g, AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}
		if diff := cmp.Diff(want, s, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		if strings.Contains(c.SessionToken, "\n") || len(c.SessionToken) > MaxTokenLength {
			t.Fatalf("token of %d characters, or in lines", len(c.SessionToken))
		}
	})
}

func TestAnyChangeIsInvalid(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	c := mint(t, keys, typicalGrant())
	refused := func(what, id, token string) {
		t.Helper()
		if s, err := keys.Open(id, token); s != nil || !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: Open = %v, %v, want ErrInvalid", what, s, err)
		}
	}
	for i := range c.AccessKeyID {
		id := []byte(c.AccessKeyID)
		id[i] ^= 1
		refused("a changed access key id", string(id), c.SessionToken)
	}
	// Every character of the token by every other, of base64 and outside it.
	for i := range c.SessionToken {
		for by := byte(1); by != 0; by++ {
			token := []byte(c.SessionToken)
			token[i] ^= by
			refused("a changed token", c.AccessKeyID, string(token))
		}
	}
	for i := range len(c.SessionToken) {
		refused("a shorter token", c.AccessKeyID, c.SessionToken[:i])
		refused("a token with a line break", c.AccessKeyID, c.SessionToken[:i]+"\n"+c.SessionToken[i:])
		refused("a token with a carriage return", c.AccessKeyID, c.SessionToken[:i]+"\r"+c.SessionToken[i:])
	}
	other := mint(t, keys, typicalGrant())
	refused("another session's token", c.AccessKeyID, other.SessionToken)
	refused("a longer token", c.AccessKeyID, c.SessionToken+"AAAA")
	refused("a token with a line break at its end", c.AccessKeyID, c.SessionToken+"\n")
	refused("the token twice", c.AccessKeyID, c.SessionToken+c.SessionToken)
	refused("no token", c.AccessKeyID, "")
	refused("no access key id", "", c.SessionToken)
	refused("an endless token", c.AccessKeyID, strings.Repeat("A", MaxTokenLength+4))
}

// Two sessions of one grant share nothing that could sign for the other.
func TestSessionsDiffer(t *testing.T) {
	t.Parallel()
	keys, g := newKeys(t), typicalGrant()
	// The same bytes give the same access key id; token and secret still differ,
	// because the seal has a nonce of its own.
	same := func() *strings.Reader { return strings.NewReader(strings.Repeat("x", 10)) }
	a, err := keys.Mint(g, same())
	if err != nil {
		t.Fatal(err)
	}
	b, err := keys.Mint(g, same())
	if err != nil {
		t.Fatal(err)
	}
	if a.AccessKeyID != b.AccessKeyID {
		t.Errorf("access key ids %s and %s of the same bytes", a.AccessKeyID, b.AccessKeyID)
	}
	if a.SessionToken == b.SessionToken || a.SecretAccessKey == b.SecretAccessKey {
		t.Error("two sessions share a token or a secret")
	}
}

func TestAccessKeyIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		account := rapid.StringMatching(`[0-9]{12}`).Draw(t, "account")
		prefix := rapid.SampledFrom([]string{"AKIA", "ASIA"}).Draw(t, "prefix")
		random := rapid.SliceOfN(rapid.Byte(), 10, 10).Draw(t, "random")
		id, err := NewAccessKeyID(prefix, account, strings.NewReader(string(random)))
		if err != nil {
			t.Fatal(err)
		}
		if len(id) != 20 || !strings.HasPrefix(id, prefix) || strings.Trim(id[4:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
			t.Fatalf("access key id %q", id)
		}
		if got, ok := AccountOf(id); !ok || got != account {
			t.Fatalf("AccountOf(%q) = %q, %v, want %q", id, got, ok, account)
		}
		other := rapid.StringMatching(`[0-9]{12}`).Draw(t, "other")
		if !OfAccount(id, account) || OfAccount(id, other) != (other == account) {
			t.Fatalf("OfAccount(%q) is wrong for %q or %q", id, account, other)
		}
	})
}
