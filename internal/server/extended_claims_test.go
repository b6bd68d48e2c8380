package server_test

import "testing"

// A provider that is misspelt stops the start: its claims would silently be no
// condition keys.
func TestExtendedClaimsThatAreRefused(t *testing.T) {
	t.Parallel()
	c := newConfig(t.TempDir())
	c.ExtendedClaims = []string{"https://gitlab.example.com", "gitlab.example.org"}
	wantRefused(t, c, `"gitlab.example.org" is no provider's URL`, "https://gitlab.example.com")
	c.ExtendedClaims = c.ExtendedClaims[:1]
	mustStart(t, c).mustStop(t)
}
