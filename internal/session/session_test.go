package session

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func typicalGrant() *Grant {
	issued := start
	return &Grant{
		Account: "012345678901", RoleID: "AROAJ2UCCR6DPCEXAMPLE", RoleName: "deploy-staging", RolePath: "/ci/",
		SessionName: "project-42-pipeline-1234567", IssuedAt: issued, Expires: issued.Add(time.Hour),
		Provider: "arn:aws:iam::012345678901:oidc-provider/gitlab.example.com",
		TokenID:  "0f9f1a5e-4d34-4d2c-9a7b-0e5f4c9c1b11",
		Context: []KeyValue{
			{Key: "gitlab.example.com:aud", Values: []string{"https://gitlab.example.com"}},
			{Key: "gitlab.example.com:sub", Values: []string{"project_path:group/project:ref_type:branch:ref:main"}},
		},
	}
}

// originGrant is chainedGrant with the job that began it.
func originGrant() *Grant {
	g := chainedGrant()
	g.Origin = Origin{Subject: "project_path:group/project:ref_type:branch:ref:main", Project: "group/project", Pipeline: "1234567", Job: "42"}
	return g
}

// start is when the rings of the tests are made.
var start = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

// chainedGrant is a role session with everything that a grant can have.
func chainedGrant() *Grant {
	g := typicalGrant()
	g.SourceIdentity, g.Tags = "alice@example.com", []Tag{{Key: "team", Value: "data", Transitive: true}, {Key: "empty"}}
	g.Policy = "{\n  \"Version\": \"2012-10-17\", \"Statement\": []\n}"
	g.PolicyARNs = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::012345678901:policy/ci/deploy"}
	g.Ancestors, g.Chained = []string{"ASIAQAAAAAAAQAAAAAAA", "ASIA7777777777777777"}, true
	return g
}

func userGrant(kind PrincipalKind) *Grant {
	g := typicalGrant()
	g.Kind, g.UserID, g.UserName = kind, "AIDAJ2UCCR6DPCEXAMPLE", "bob"
	g.RoleID, g.RoleName, g.RolePath, g.Provider, g.TokenID, g.Context = "", "", "", "", "", nil
	g.Expires = g.IssuedAt.Add(MaxDuration)
	if kind == UserSession {
		g.SessionName = ""
	} else {
		g.Policy, g.PolicyARNs, g.Tags = `{"Statement":[]}`, []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, []Tag{{Key: "team"}}
	}
	return g
}

func newKeys(tb testing.TB) *Keys {
	tb.Helper()
	ring, err := NewKeys(start)
	if err != nil {
		tb.Fatal(err)
	}
	return parse(tb, ring)
}

func parse(tb testing.TB, ring []byte) *Keys {
	tb.Helper()
	keys, err := ParseKeys(ring)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

// failer is what testing.TB and rapid.T have in common.
type failer interface {
	Helper()
	Error(args ...any)
	Fatal(args ...any)
}

func mint(tb failer, keys *Keys, g *Grant) Credentials {
	tb.Helper()
	c, err := keys.Mint(g, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestMintOpen(t *testing.T) {
	t.Parallel()
	keys, g := newKeys(t), typicalGrant()
	c := mint(t, keys, g)
	s, err := keys.Open(c.AccessKeyID, c.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	want := &Session{Grant: *g, AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}
	if diff := cmp.Diff(want, s, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if len(c.SecretAccessKey) != 40 || strings.Contains(c.SecretAccessKey, "=") {
		t.Errorf("the secret has %d characters, want 40 without padding", len(c.SecretAccessKey))
	}
	if account, ok := AccountOf(c.AccessKeyID); !ok || account != g.Account || !strings.HasPrefix(c.AccessKeyID, "ASIA") {
		t.Errorf("access key id %s tells account %q, %v", c.AccessKeyID, account, ok)
	}
	if !c.Expires.Equal(g.Expires) {
		t.Errorf("credentials expire at %v, want %v", c.Expires, g.Expires)
	}
	t.Logf("a typical token has %d characters", len(c.SessionToken))
}

func TestExpired(t *testing.T) {
	t.Parallel()
	g := typicalGrant()
	s := &Session{Grant: *g}
	for _, tt := range []struct {
		name string
		s    *Session
		now  time.Time
		want bool
	}{
		{"a second before", s, g.Expires.Add(-time.Second), false},
		{"at the second", s, g.Expires, true},
		{"after", s, g.Expires.Add(time.Second), true},
		{"nil session", nil, g.IssuedAt, true},
		{"zero session", &Session{}, g.IssuedAt, true},
	} {
		if got := tt.s.Expired(tt.now); got != tt.want {
			t.Errorf("%s: Expired = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestOtherRing(t *testing.T) {
	t.Parallel()
	c := mint(t, newKeys(t), typicalGrant())
	if _, err := newKeys(t).Open(c.AccessKeyID, c.SessionToken); !errors.Is(err, ErrInvalid) {
		t.Errorf("a ring without the key: %v, want ErrInvalid", err)
	}
	var none *Keys
	for name, keys := range map[string]*Keys{"nil": none, "zero": {}} {
		if _, err := keys.Open(c.AccessKeyID, c.SessionToken); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s ring: %v, want ErrInvalid", name, err)
		}
		if _, err := keys.Mint(typicalGrant(), rand.Reader); err == nil {
			t.Errorf("%s ring mints", name)
		}
	}
}
