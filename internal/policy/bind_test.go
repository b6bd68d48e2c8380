package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
)

const twoPrincipals = `{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/ci/deploy","444455556666","arn:aws:iam::111122223333:user\/alice"]},"Action":"sts:AssumeRole"},
  {"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"sts:AssumeRole"},
  {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"sts:TagSession"}
]}`

func parsed(t *testing.T, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse(policy.Trust, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEntities(t *testing.T) {
	t.Parallel()
	want := []string{"arn:aws:iam::111122223333:role/ci/deploy", "arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/bob"}
	if got := parsed(t, twoPrincipals).Entities(); !slices.Equal(got, want) {
		t.Errorf("entities %q, want %q", got, want)
	}
	if got := parsed(t, twoPrincipals).Accounts(); !slices.Equal(got, []string{"444455556666"}) {
		t.Errorf("accounts %q", got)
	}
	roots := parsed(t, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["arn:aws:iam::111122223333:root","111122223333","111122223333","*"]}}}`)
	if got := roots.Accounts(); !slices.Equal(got, []string{"arn:aws:iam::111122223333:root", "111122223333"}) {
		t.Errorf("accounts %q", got)
	}
	if got := (*policy.Document)(nil).Accounts(); got != nil {
		t.Errorf("a document that was not read names the accounts %q", got)
	}
	if got := (*policy.Document)(nil).Entities(); got != nil {
		t.Errorf("a document that was not read names %q", got)
	}
}

// TestBind has who made again a user under the same name be somebody else.
func TestBind(t *testing.T) {
	t.Parallel()
	session := policy.Principal{
		ARN: "arn:aws:sts::111122223333:assumed-role/deploy/job", Account: "111122223333",
		RoleARN: "arn:aws:iam::111122223333:role/ci/deploy", UniqueID: "AROAOLD",
	}
	user := func(name, id string) policy.Principal {
		return policy.Principal{ARN: "arn:aws:iam::111122223333:user/" + name, Account: "111122223333", UniqueID: id}
	}
	again := session
	again.UniqueID = "AROANEW"
	bound := parsed(t, twoPrincipals).Bind(map[string]string{
		"arn:aws:iam::111122223333:role/ci/deploy": "AROAOLD",
		"arn:aws:iam::111122223333:user/bob":       "",
	})
	for _, tt := range []struct {
		name   string
		who    policy.Principal
		action string
		want   policy.Effect
	}{
		{"the role that was there", session, "sts:AssumeRole", policy.Allow},
		{"the role made again", again, "sts:AssumeRole", policy.ImplicitDeny},
		{"a name that was not bound", user("alice", "AIDAALICE"), "sts:AssumeRole", policy.Allow},
		{"the deny of nobody", user("bob", "AIDABOB"), "sts:AssumeRole", policy.ImplicitDeny},
		{"the allow of nobody", user("bob", "AIDABOB"), "sts:TagSession", policy.ImplicitDeny},
		{"another account", policy.Principal{ARN: "arn:aws:iam::444455556666:user/x", Account: "444455556666", UniqueID: "AIDAX"}, "sts:AssumeRole", policy.Allow},
	} {
		got := policy.Decide(&policy.Request{Action: tt.action, Resource: "arn:aws:iam::111122223333:role/r", Principal: tt.who}, []*policy.Document{bound}, nil)
		if got.Effect != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got.Effect, tt.want)
		}
	}
	if bound.String() != twoPrincipals {
		t.Error("binding changed the text")
	}
	var unread *policy.Document
	if unread.Bind(map[string]string{"a": "b"}) != nil {
		t.Error("binding made a document of one that was not read")
	}
}

func TestRename(t *testing.T) {
	t.Parallel()
	got := parsed(t, twoPrincipals).Rename(func(name string) string {
		if strings.HasSuffix(name, "bob") {
			return "AIDABOB"
		}
		if strings.HasSuffix(name, "alice") {
			return "AIDAALICE"
		}
		return name
	})
	want := strings.ReplaceAll(twoPrincipals, `"arn:aws:iam::111122223333:user/bob"`, `"AIDABOB"`)
	want = strings.ReplaceAll(want, `"arn:aws:iam::111122223333:user\/alice"`, `"AIDAALICE"`)
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := parsed(t, twoPrincipals).Rename(func(name string) string { return name }); got != twoPrincipals {
		t.Errorf("names that stay changed the text: %s", got)
	}
}
