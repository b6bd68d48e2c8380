package directory_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// broken parses as nothing that is understood: it has an element of no policy.
const broken = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Unless":"x"}]}`

// write goes to the store past the directory, as nobody should.
func write(t *testing.T, st store.Store, id store.ID, record any) {
	t.Helper()
	document, ok := record.(json.RawMessage)
	if !ok {
		var err error
		if document, err = store.Encode(record); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := st.Update(t.Context(), func(tx store.Tx) error { return tx.Put(id, document) }); err != nil {
		t.Fatal(err)
	}
}

// wantProblem asks for exactly one line that names what is wrong.
func wantProblem(t *testing.T, s *directory.Snapshot, words ...string) {
	t.Helper()
	problems := s.Problems()
	if len(problems) != 1 {
		t.Fatalf("problems are %q, want one", problems)
	}
	for _, word := range words {
		if !strings.Contains(problems[0], word) {
			t.Errorf("problem is %q, want it to hold %q", problems[0], word)
		}
	}
}

// A document that cannot be read stays in its place as one that denies, and is
// named until it is put right.
func TestUnreadableDocuments(t *testing.T) {
	t.Parallel()
	roleID, policyID, userID := store.RoleID(account, "r"), store.PolicyID(account, "p"), store.UserID(account, "u")
	withTrust, withInline, withPolicy := role("r"), role("r"), role("r")
	withTrust.TrustPolicy = strings.Replace(trusts, `"Action"`, `"Unless":"x","Action"`, 1)
	withInline.InlinePolicies = []store.InlinePolicy{{Name: "good", Document: allow}, {Name: "bad", Document: broken}}
	withPolicy.AttachedPolicies = []string{"arn:aws:iam::123456789012:policy/p"}
	managed := store.Policy{Account: account, Name: "p", Path: "/", DefaultVersion: "v1", Versions: []store.PolicyVersion{{ID: "v1", Document: broken}}}

	d, f := newDirectory(t)
	st := f.open(t)
	write(t, st, roleID, withTrust)
	refresh(t, d)
	wantProblem(t, d.Snapshot(), "the trust policy of arn:aws:iam::123456789012:role/team/r", "denies", "Unless")
	if r, ok := d.Snapshot().Role(account, "r"); !ok || r.Trust() != nil {
		t.Errorf("role is %+v, %v; want it there without a trust policy", r, ok)
	}

	write(t, st, roleID, withInline)
	refresh(t, d)
	wantProblem(t, d.Snapshot(), "inline policy bad of arn:aws:iam::123456789012:role/team/r", "denies")
	docs := rolePolicies(t, d.Snapshot())
	if len(docs) != 2 || docs[0].Document == nil || docs[1].Document != nil || docs[1].Source != "inline policy bad" {
		t.Errorf("documents are %+v, want good and then bad without a document", docs)
	}

	write(t, st, policyID, managed)
	write(t, st, roleID, withPolicy)
	refresh(t, d)
	wantProblem(t, d.Snapshot(), "arn:aws:iam::123456789012:policy/p", "denies")
	wantDenying(t, d.Snapshot())

	// A version that is not there, and a policy that is gone, deny as well.
	managed.DefaultVersion = "v2"
	write(t, st, policyID, managed)
	refresh(t, d)
	wantDenying(t, d.Snapshot())
	update(t, d, func(tx store.Tx) error { return tx.Delete(policyID) })
	wantDenying(t, d.Snapshot())

	write(t, st, userID, store.User{Account: account, Name: "u", Path: "/", InlinePolicies: []store.InlinePolicy{{Name: "bad", Document: ""}}})
	refresh(t, d)
	wantProblem(t, d.Snapshot(), "inline policy bad of arn:aws:iam::123456789012:user/u", "denies")
	user, ok := d.Snapshot().User(account, "u")
	if !ok {
		t.Fatal("the user is not there")
	}
	if docs := d.Snapshot().UserPolicies(nil, user); len(docs) != 1 || docs[0].Document != nil {
		t.Errorf("the user's documents are %+v", docs)
	}
	update(t, d, func(tx store.Tx) error { return tx.Delete(userID) })
	if problems := d.Snapshot().Problems(); len(problems) != 0 {
		t.Errorf("problems of a user who is gone: %q", problems)
	}
}

func rolePolicies(t *testing.T, s *directory.Snapshot) []directory.Attached {
	t.Helper()
	r, ok := s.Role(account, "r")
	if !ok {
		t.Fatal("the role is not there")
	}
	return s.RolePolicies(nil, r)
}

// wantDenying asks for one document that is attached and cannot be read.
func wantDenying(t *testing.T, s *directory.Snapshot) {
	t.Helper()
	docs := rolePolicies(t, s)
	if len(docs) != 1 || docs[0].Document != nil || docs[0].Source != "arn:aws:iam::123456789012:policy/p" {
		t.Errorf("documents are %+v, want one that denies", docs)
	}
}

// A record that is no record of its kind leaves nothing of its former self,
// and is named.
func TestUnreadableRecords(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"no JSON": `{"account":`, "a list": `[]`, "a newer version's": `{"account":"123456789012","name":"r","bornOf":"v9"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, f := newDirectory(t)
			update(t, d, putRole(role("r")))
			write(t, f.open(t), store.RoleID(account, "r"), json.RawMessage(document))
			refresh(t, d)
			wantProblem(t, d.Snapshot(), "role", account+"/r", "denied")
			if _, ok := d.Snapshot().Role(account, "r"); ok {
				t.Error("the role of before is still there")
			}
			update(t, d, putRole(role("r")))
			if problems := d.Snapshot().Problems(); len(problems) != 0 {
				t.Errorf("problems after it was put right: %q", problems)
			}
		})
	}
}

// An access key that cannot be read stops the node from going on, rather than
// being left out: no request could be answered rightly.
func TestUnreadableAccessKey(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"no JSON": `{"id":`, "of another id": `{"account":"123456789012","id":"AKIAANOTHER"}`, "a newer version's": `{"id":"AKIAEXAMPLE","bornOf":"v9"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, f := newDirectory(t)
			write(t, f.open(t), store.AccessKeyID(account, "AKIAEXAMPLE"), json.RawMessage(document))
			if err := d.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "access key AKIAEXAMPLE") {
				t.Errorf("Refresh: %v, want an error that names the key", err)
			}
		})
	}
}

// An import can keep the ARN of another account's policy. It denies, also where
// that account lives here: its administrator says nothing of what others may do.
func TestPolicyOfAnotherAccountDenies(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	const other = "210987654321"
	foreign := "arn:aws:iam::" + other + ":policy/p"
	group := store.Group{Account: account, Name: "g", Path: "/", ID: "AGPA1", AttachedPolicies: []string{foreign}}
	user := store.User{Account: account, Name: "u", Path: "/", ID: "AIDA1", Groups: []string{group.ID}, AttachedPolicies: []string{foreign}, PermissionsBoundary: foreign}
	r := role("r")
	r.AttachedPolicies, r.PermissionsBoundary = []string{foreign}, foreign
	p := store.Policy{
		Account: other, Name: "p", Path: "/", DefaultVersion: "v1",
		Versions: []store.PolicyVersion{{ID: "v1", Document: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`}},
	}
	update(t, d, putRole(r))
	for id, record := range map[store.ID]any{store.GroupID(account, "g"): group, store.UserID(account, "u"): user, store.PolicyID(other, "p"): p} {
		update(t, d, func(tx store.Tx) error { return store.PutRecord(tx, id, record) })
	}
	s := d.Snapshot()
	u, _ := s.User(account, "u")
	all := slices.Concat(rolePolicies(t, s), s.UserPolicies(nil, u), s.Boundary(account, foreign))
	if len(all) != 4 {
		t.Fatalf("documents are %+v, want 4", all)
	}
	for _, attached := range all {
		if attached.Source != foreign || attached.Document != nil {
			t.Errorf("%+v, want a document that denies", attached)
		}
	}
	if _, ok := s.PolicyFor(other, foreign); !ok {
		t.Error("the account itself does not have it")
	}
}
