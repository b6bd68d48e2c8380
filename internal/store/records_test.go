package store_test

import (
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"

	"github.com/google/go-cmp/cmp"
)

// A record written back must lose nothing, so what a type does not know is
// refused where it is read.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"a member of a newer version": `{"account":"123456789012","created":"2026-11-21T00:00:00Z","tomorrow":"x"}`,
		"a second document":           `{"account":"123456789012"}{"account":"210987654321"}`,
		"text after it":               `{"account":"123456789012"}x`,
		"half of one":                 `{"account":`,
		"another type":                `{"account":1}`,
		"nothing":                     ``,
	} {
		var a store.Account
		if err := store.Decode([]byte(document), &a); err == nil {
			t.Errorf("%s: %q was read as %+v", name, document, a)
		}
	}
}

func TestEncodeDecode(t *testing.T) {
	t.Parallel()
	description := ""
	want := store.Role{
		Account: "123456789012", Name: "deploy", Path: "/ci/", ID: "AROAEXAMPLEEXAMPLE234", Description: &description,
		MaxSessionDuration: 3600, TrustPolicy: "{\n \"<&>\"}", InlinePolicies: []store.InlinePolicy{{Name: "a", Document: "{}"}},
		AttachedPolicies: []string{"arn:aws:iam::123456789012:policy/p"}, Created: time.Date(2026, 11, 21, 5, 26, 39, 0, time.UTC),
	}
	document, err := store.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	var got store.Role
	if err := store.Decode(document, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Names of IAM entities are one without regard to case; URLs are not.
func TestRecordIDs(t *testing.T) {
	t.Parallel()
	if store.RoleID("1", "Deploy") != store.RoleID("1", "dEPLOY") || store.PolicyID("1", "P") != store.PolicyID("1", "p") || store.UserID("1", "U") != store.UserID("1", "u") {
		t.Error("a name in another case is another record")
	}
	if store.OIDCProviderID("1", "host/A") == store.OIDCProviderID("1", "host/a") || store.RoleID("1", "a") == store.RoleID("2", "a") {
		t.Error("two records have one id")
	}
}
