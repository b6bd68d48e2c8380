package session

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
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
		{"37 hours", "Expires", func(g *Grant) { g.Expires = g.IssuedAt.Add(MaxDuration + time.Second) }},
		{"unknown kind", "Kind", func(g *Grant) { g.Kind = principalKinds }},
		{"a role that is a user", "UserID", func(g *Grant) { g.UserID = "AIDAJ2UCCR6DPCEXAMPLE" }},
		{"a role with a user's name", "UserName", func(g *Grant) { g.UserName = "bob" }},
		{"eleven policies", "PolicyARNs", func(g *Grant) { g.PolicyARNs = strings.Split("a,b,c,d,e,f,g,h,i,j,k", ",") }},
		{"empty policy ARN", "PolicyARNs", func(g *Grant) { g.PolicyARNs = []string{"a", ""} }},
		{"17 ancestors", "Ancestors", func(g *Grant) { g.Ancestors = slices.Repeat([]string{"ASIAQAAAAAAAQAAAAAAA"}, 17) }},
		{"chained from nothing", "Ancestors", func(g *Grant) { g.Chained = true }},
		{"an ancestor with a long-lived key", "Ancestors", func(g *Grant) { g.Ancestors = []string{"AKIAQAAAAAAAQAAAAAAA"} }},
		{"a short ancestor", "Ancestors", func(g *Grant) { g.Ancestors = []string{"ASIAQAAAAAAAQAAAAAA"} }},
		{"an ancestor in small letters", "Ancestors", func(g *Grant) { g.Ancestors = []string{"ASIAqaaaaaaaqaaaaaaa"} }},
		{"an ancestor with a line break", "Ancestors", func(g *Grant) { g.Ancestors = []string{"ASIAQAAAAAAAQAAAAAA\n"} }},
		{"a user without id", "UserID", func(g *Grant) { *g = *userGrant(UserSession); g.UserID = "" }},
		{"a role's id", "UserID", func(g *Grant) { *g = *userGrant(FederatedUser); g.UserID = "AROAJ2UCCR6DPCEXAMPLE" }},
		{"a user without name", "UserName", func(g *Grant) { *g = *userGrant(FederatedUser); g.UserName = "" }},
		{"a federated user without name", "SessionName", func(g *Grant) { *g = *userGrant(FederatedUser); g.SessionName = "" }},
		{"a user session with a name", "SessionName", func(g *Grant) { *g = *userGrant(UserSession); g.SessionName = "bob" }},
		{"a user session with a policy", "Policy", func(g *Grant) { *g = *userGrant(UserSession); g.Policy = "{}" }},
		{"a user session with a managed policy", "PolicyARNs", func(g *Grant) { *g = *userGrant(UserSession); g.PolicyARNs = []string{"a"} }},
		{"a user session with tags", "Tags", func(g *Grant) { *g = *userGrant(UserSession); g.Tags = []Tag{{Key: "a"}} }},
		{"a user that is a role", "RoleID", func(g *Grant) { *g = *userGrant(UserSession); g.RoleID = "AROAJ2UCCR6DPCEXAMPLE" }},
		{"a user with a role's name", "RoleName", func(g *Grant) { *g = *userGrant(FederatedUser); g.RoleName = "deploy" }},
		{"a user with a role's path", "RolePath", func(g *Grant) { *g = *userGrant(FederatedUser); g.RolePath = "/" }},
		{"a user with ancestors", "Ancestors", func(g *Grant) { *g = *userGrant(FederatedUser); g.Ancestors = []string{"ASIAQAAAAAAAQAAAAAAA"} }},
		{"a user that is chained", "Chained", func(g *Grant) { *g = *userGrant(UserSession); g.Chained = true }},
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
	full := string(appendGrant(nil, chainedGrant()))
	for i := range len(full) {
		if decodeGrant(full[:i], &g) {
			t.Errorf("with everything, decodes when cut to %d bytes", i)
		}
	}
	user := string(appendGrant(nil, userGrant(UserSession)))
	account := binary.AppendUvarint(nil, accountNumber(typicalGrant().Account))
	end := 1 + len(account) // the account stands behind the version
	long := good[:end-1] + string([]byte{good[end-1] | 0x80, 0}) + good[end:]
	for name, s := range map[string]string{
		"trailing byte":             good + "\x00",
		"unknown version":           "\x04" + good[1:],
		"tags announced, none":      "\x02" + good[1:],
		"no tags in version 2":      "\x02" + good[1:] + "\x00",
		"tags in version 1":         "\x01" + tagged[1:],
		"neither 0 nor 1":           tagged[:len(tagged)-1] + "\x02",
		"more tags than bytes":      "\x02" + good[1:] + "\x7f" + tagged[len(good)+1:],
		"version 3 of nothing new":  "\x03" + good[1:end] + "\x00" + good[end:] + "\x00\x00\x00\x00\x00",
		"version 3 of tags alone":   "\x03" + tagged[1:end] + "\x00" + tagged[end:] + "\x00\x00\x00\x00",
		"version 3 in version 2":    "\x02" + full[1:end] + full[end+1:],
		"a byte after version 3":    full + "\x00",
		"unknown kind":              user[:end] + "\x03" + user[end+1:],
		"chained neither 0 nor 1":   user[:len(user)-2] + "\x02\x00",
		"more ancestors than bytes": user[:len(user)-1] + "\x01",
		"17 ancestors":              user[:len(user)-1] + "\x11" + strings.Repeat("x", 17*ancestorBytes),
		"version 0":                 "\x00" + good[1:],
		"number in a longer form":   long,
		"huge number":               "\x01" + strings.Repeat("\xff", 20),
	} {
		if decodeGrant(s, &g) {
			t.Errorf("%s: decodes", name)
		}
	}
}

// A grant is written in the first version that can say it, which earlier
// programs open, and in no earlier one, for those would leave something out.
func TestVersionFollowsNeed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(g *Grant)
		want   byte
	}{
		"nothing":            {func(*Grant) {}, 1},
		"tags":               {func(g *Grant) { g.Tags = []Tag{{Key: "team"}} }, 2},
		"policy":             {func(g *Grant) { g.Policy = "{}" }, 3},
		"managed policy":     {func(g *Grant) { g.PolicyARNs = []string{"a"} }, 3},
		"ancestors":          {func(g *Grant) { g.Ancestors = []string{"ASIAQAAAAAAAQAAAAAAA"} }, 3},
		"a user's session":   {func(g *Grant) { *g = *userGrant(UserSession) }, 3},
		"a federated user's": {func(g *Grant) { *g = *userGrant(FederatedUser) }, 3},
		"everything":         {func(g *Grant) { *g = *chainedGrant() }, 3},
	} {
		g := typicalGrant()
		tt.change(g)
		if v := appendGrant(nil, g)[0]; v != tt.want {
			t.Errorf("%s: version %d, want %d", name, v, tt.want)
		}
	}
}

// TestFullSessionFits mints what AWS takes at most of each: a session policy of
// 2,048 characters, ten managed ones and 50 tags (STS API Reference,
// AssumeRole), beside a chain of full length. AWS's own bound on all of it packed
// (PackedPolicySize) is not published; what it admits is short tags, as here.
func TestFullSessionFits(t *testing.T) {
	t.Parallel()
	keys, g := newKeys(t), typicalGrant()
	g.Policy = strings.Repeat("x", 2048)
	for i := range 10 {
		g.PolicyARNs = append(g.PolicyARNs, fmt.Sprintf("arn:aws:iam::012345678901:policy/team/policy-of-some-length-%d", i))
	}
	for i := range 50 {
		g.Tags = append(g.Tags, Tag{Key: fmt.Sprintf("cost-center-%02d", i), Value: "platform/team-a"})
	}
	g.Ancestors, g.Chained = slices.Repeat([]string{"ASIAQAAAAAAAQAAAAAAA"}, MaxAncestors), true
	c := mint(t, keys, g)
	t.Logf("the token has %d of %d characters", len(c.SessionToken), MaxTokenLength)
	if _, err := keys.Open(c.AccessKeyID, c.SessionToken); err != nil {
		t.Error(err)
	}
}

func TestLineage(t *testing.T) {
	t.Parallel()
	id := func(i int) string { return fmt.Sprintf("ASIA%016d", i) }
	s := &Session{AccessKeyID: id(0)}
	for i := 1; i <= MaxAncestors+5; i++ {
		before := slices.Clone(s.Ancestors)
		next := &Session{AccessKeyID: id(i)}
		next.Ancestors = s.Lineage()
		if !slices.Equal(before, s.Ancestors) {
			t.Fatal("Lineage changes its session")
		}
		var want []string
		for j := max(0, i-MaxAncestors); j < i; j++ {
			want = append(want, id(j))
		}
		want[0] = id(0)
		if !slices.Equal(next.Ancestors, want) {
			t.Fatalf("session %d has the ancestors %v, want %v", i, next.Ancestors, want)
		}
		s = next
	}
}

// A token whose seal is right and whose version is not known is refused: it is
// a later program's.
func TestOpenRefusesUnknownVersion(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	plain := appendGrant(nil, typicalGrant())
	plain[0] = originGrantVersion + 1
	id := "ASIAQAAAAAAAAAAAAAAA"
	sealed, err := keys.seal.Encrypt(plain, []byte(id))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open(id, tokenEncoding.EncodeToString(sealed)); !errors.Is(err, ErrInvalid) {
		t.Errorf("Open = %v, want ErrInvalid", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	for _, g := range []*Grant{typicalGrant(), chainedGrant(), originGrant(), userGrant(UserSession), userGrant(FederatedUser)} {
		wantNotPrinted(t, keys, g)
	}
}

func wantNotPrinted(t *testing.T, keys *Keys, g *Grant) {
	t.Helper()
	c := mint(t, keys, g)
	s, err := keys.Open(c.AccessKeyID, c.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{c, &c, *s, s} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, c.SecretAccessKey) || strings.Contains(text, c.SessionToken) || g.Policy != "" && strings.Contains(text, g.Policy) {
				t.Errorf("%s of %T shows a secret", verb, v)
			}
			if !strings.Contains(text, c.AccessKeyID) {
				t.Errorf("%s of %T does not name the access key: %s", verb, v, text)
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
	for _, g := range []*Grant{chainedGrant(), originGrant(), userGrant(UserSession), userGrant(FederatedUser)} {
		f.Add(string(appendGrant(nil, g)))
	}
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

func BenchmarkOpenFull(b *testing.B) {
	keys := newKeys(b)
	c := mint(b, keys, chainedGrant())
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
