package jwks

import (
	"errors"
	"testing"
	"time"
)

func TestIssuersTellOfFetches(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
	if all := c.Issuers(); len(all) != 0 {
		t.Fatalf("before any token: %+v", all)
	}
	want(t, c, i.provider(), "one", true)
	begun := clock.now()
	pinned := i.provider()
	pinned.Thumbprints = []string{"0000000000000000000000000000000000000000"}
	want(t, c, pinned, "one", true) // the same issuer, held under a thumbprint
	all := c.Issuers()
	if len(all) != 1 || all[0].Issuer != i.provider().Issuer || all[0].Keys != 1 || all[0].Fetches != 2 || all[0].Failures != 0 ||
		!all[0].Fetched.Equal(begun) || !all[0].Expires.After(begun) || all[0].Failure != nil {
		t.Fatalf("after two fetches: %+v", all)
	}
	clock.advance(time.Hour)
	i.answer(discoveryPath, unavailable)
	if _, err := c.Keys(t.Context(), i.provider(), "one"); err != nil {
		t.Fatal(err) // the old keys serve
	}
	all = c.Issuers()
	if len(all) != 1 || all[0].Fetches != 3 || all[0].Failures != 1 || !errors.Is(all[0].Failure, ErrUnreachable) || all[0].Keys != 1 || !all[0].Fetched.Equal(begun) {
		t.Fatalf("after the issuer went away: %+v", all)
	}
}
