package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"

	"github.com/google/go-cmp/cmp"
)

var revocationMade = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

func revocation(kind string, change func(r *store.Revocation)) *store.Revocation {
	r := &store.Revocation{
		Account: "123456789012", ID: "r1", Kind: kind, Reason: "left the company",
		Created: revocationMade, Until: revocationMade.Add(37 * time.Hour),
	}
	switch kind {
	case store.RevocationRole:
		r.RoleName, r.RoleID, r.Before = "deploy", "AROAEXAMPLEEXAMPLE234", revocationMade
	case store.RevocationSession:
		r.AccessKeyID = "ASIAQAAAAAAAQAAAAAAA"
	case store.RevocationToken:
		r.TokenID, r.Provider = "jti", "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
	}
	if change != nil {
		change(r)
	}
	return r
}

func TestRevocationCheck(t *testing.T) {
	t.Parallel()
	role, session, token := store.RevocationRole, store.RevocationSession, store.RevocationToken
	for _, r := range []*store.Revocation{
		revocation(role, nil), revocation(session, nil), revocation(token, nil),
		revocation(token, func(r *store.Revocation) { r.Provider = "" }),
		revocation(role, func(r *store.Revocation) { r.RoleName, r.Reason = "", "" }),
	} {
		if err := r.Check(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
		document, err := store.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		var read store.Revocation
		if err := store.Decode(document, &read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*r, read); diff != "" {
			t.Error(diff)
		}
	}
	for name, r := range map[string]*store.Revocation{
		"zero":                  {},
		"no kind":               revocation("", nil),
		"unreadable":            revocation(store.RevocationUnreadable, nil),
		"no account":            revocation(session, func(r *store.Revocation) { r.Account = "" }),
		"no id":                 revocation(session, func(r *store.Revocation) { r.ID = "" }),
		"never made":            revocation(session, func(r *store.Revocation) { r.Created = time.Time{} }),
		"never over":            revocation(session, func(r *store.Revocation) { r.Until = time.Time{} }),
		"over at once":          revocation(session, func(r *store.Revocation) { r.Until = r.Created }),
		"a role's name alone":   revocation(role, func(r *store.Revocation) { r.RoleID = "" }),
		"a user's id":           revocation(role, func(r *store.Revocation) { r.RoleID = "AIDAEXAMPLEEXAMPLE234" }),
		"no time":               revocation(role, func(r *store.Revocation) { r.Before = time.Time{} }),
		"a role and a session":  revocation(role, func(r *store.Revocation) { r.AccessKeyID = "ASIAQAAAAAAAQAAAAAAA" }),
		"a role and a token":    revocation(role, func(r *store.Revocation) { r.TokenID = "jti" }),
		"no access key":         revocation(session, func(r *store.Revocation) { r.AccessKeyID = "" }),
		"a long-lived key":      revocation(session, func(r *store.Revocation) { r.AccessKeyID = "AKIAQAAAAAAAQAAAAAAA" }),
		"a session and a role":  revocation(session, func(r *store.Revocation) { r.RoleName = "deploy" }),
		"a session and a time":  revocation(session, func(r *store.Revocation) { r.Before = revocationMade }),
		"a session and a token": revocation(session, func(r *store.Revocation) { r.TokenID = "jti" }),
		"no token":              revocation(token, func(r *store.Revocation) { r.TokenID = "" }),
		"a token and a session": revocation(token, func(r *store.Revocation) { r.AccessKeyID = "ASIAQAAAAAAAQAAAAAAA" }),
		"a token and a role":    revocation(token, func(r *store.Revocation) { r.RoleID = "AROAEXAMPLEEXAMPLE234" }),
	} {
		if err := r.Check(); !errors.Is(err, store.ErrInvalidRevocation) {
			t.Errorf("%s: %v, want ErrInvalidRevocation", name, err)
		}
	}
}
