package unverified_test

import (
	"testing"
	"time"

	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/unverified"
)

// TestSign has claims come out of a payload, by these keys and by no others.
func TestSign(t *testing.T) {
	t.Parallel()
	token, err := unverified.Sign([]byte(`{"iss":"https://x.example","sub":"s","aud":"a","iat":0,"exp":0}`))
	if err != nil || !unverified.Made(token) || unverified.Made("a.b.c") {
		t.Fatalf("%q, %v", token, err)
	}
	u, err := oidc.Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := u.Verify(unverified.Keys(), []string{"a"}, time.Unix(0, 0))
	if err != nil || claims.Subject != "s" {
		t.Errorf("%+v, %v", claims, err)
	}
	other, err := oidc.ParseKeySet([]byte(`{"keys":[{"kty":"EC","crv":"P-256","kid":"unverified","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Verify(other, []string{"a"}, time.Unix(0, 0)); err == nil {
		t.Error("another key confirms it")
	}
}
