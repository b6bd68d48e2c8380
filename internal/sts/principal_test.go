package sts_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/store"
)

// TestPrincipalMadeAgain: a role trusts the user and the role that its trust
// policy named when it was put, and nobody who has the name since.
func TestPrincipalMadeAgain(t *testing.T) {
	t.Parallel()
	f := start(t)
	const annARN, buildARN = "arn:aws:iam::" + account + ":user/ann", "arn:aws:iam::" + account + ":role/build"
	ann := f.User(t, "ann")
	first, ok := f.Directory.Snapshot().User(account, "ann")
	if !ok {
		t.Fatal("ann is not there")
	}
	build := f.putRole(t, store.Role{Name: "build", TrustPolicy: principal(adminARN, allActions, `{}`)})
	ids := map[string]string{annARN: first.ID, buildARN: build.ID}
	for _, r := range []store.Role{
		{Name: "forAnn", TrustPolicy: principal(annARN, allActions, `{}`), Principals: ids},
		{Name: "forAnnByID", TrustPolicy: principal(first.ID, allActions, `{}`), Principals: map[string]string{first.ID: first.ID}},
		{Name: "forBuild", TrustPolicy: principal(buildARN, allActions, `{}`), Principals: ids},
	} {
		r.InlinePolicies = []store.InlinePolicy{{Name: "touch", Document: touch}}
		f.putRole(t, r)
	}
	session := f.as(f.wantGiven(t, f.assumeAs(t, f.AdminConfig, "build")).Role)
	assumes := func(what string, status int) {
		t.Helper()
		for role, reply := range map[string]int{
			"forAnn": f.assumeAs(t, ann, "forAnn").Status, "forAnnByID": f.assumeAs(t, ann, "forAnnByID").Status, "forBuild": f.assumeAs(t, session, "forBuild").Status,
		} {
			if reply != status {
				t.Errorf("%s: AssumeRole of %s: %d, want %d", what, role, reply, status)
			}
		}
	}
	assumes("those who were named", http.StatusOK)

	// Renamed, ann is still ann.
	f.update(t, func(tx store.Tx) error {
		if err := tx.Delete(store.UserID(account, "ann")); err != nil {
			return err
		}
		renamed := first.User
		renamed.Name = "anne"
		return store.PutRecord(tx, store.UserID(account, "anne"), renamed)
	})
	credentials, err := ann.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.update(t, func(tx store.Tx) error {
		id := store.AccessKeyID(account, credentials.AccessKeyID)
		key, err := store.GetRecord[store.AccessKey](tx, id)
		if err != nil {
			return err
		}
		key.UserName = "anne"
		return store.PutRecord(tx, id, key)
	})
	assumes("renamed", http.StatusOK)

	// Made again, both are somebody else.
	f.update(t, func(tx store.Tx) error { return tx.Delete(store.UserID(account, "anne")) })
	ann = f.User(t, "ann")
	f.update(t, func(tx store.Tx) error { return tx.Delete(store.RoleID(account, "build")) })
	f.putRole(t, store.Role{Name: "build", TrustPolicy: principal(adminARN, allActions, `{}`)})
	session = f.as(f.wantGiven(t, f.assumeAs(t, f.AdminConfig, "build")).Role)
	assumes("made again", http.StatusForbidden)
	bare := "User: " + annARN + " is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::" + account + ":role/forAnn"
	wantFault(t, f.assumeAs(t, ann, "forAnn"), http.StatusForbidden, "AccessDenied", bare)

	// Until the trust policy is put again, which finds the new ones.
	second, _ := f.Directory.Snapshot().User(account, "ann")
	f.putRole(t, store.Role{Name: "forAnn", TrustPolicy: principal(annARN, allActions, `{}`), Principals: map[string]string{annARN: second.ID}})
	if r := f.assumeAs(t, ann, "forAnn"); r.Status != http.StatusOK {
		t.Errorf("put again: %d %s", r.Status, r.Body)
	}
}

// TestRoleTagsAreKeys: the tags of the role that is to be assumed are condition
// keys of its trust policy and of its caller's policies, whoever asks.
func TestRoleTagsAreKeys(t *testing.T) {
	t.Parallel()
	f := start(t)
	inline := []store.InlinePolicy{{Name: "touch", Document: touch}}
	for _, key := range []string{"aws:ResourceTag/team", "iam:ResourceTag/Team"} {
		condition := `{"StringEquals":{"` + key + `":"a"}}`
		admits := strings.Replace(f.trust(account, f.condition(subject)), `"StringEquals":{`, `"StringEquals":{"`+key+`":"a",`, 1)
		if !strings.Contains(admits, key) {
			t.Fatalf("no condition in %s", admits)
		}
		for tag, status := range map[string]int{"a": http.StatusOK, "b": http.StatusForbidden, "": http.StatusForbidden} {
			var tags []store.Tag
			if tag != "" {
				tags = []store.Tag{{Key: "Team", Value: tag}}
			}
			f.putRole(t, store.Role{Name: "signed", TrustPolicy: principal(adminARN, allActions, condition), InlinePolicies: inline, Tags: tags})
			if r := f.assumeAs(t, f.AdminConfig, "signed"); r.Status != status {
				t.Errorf("%s, tag %q: AssumeRole: %d %s", key, tag, r.Status, r.Body)
			}
			f.putRole(t, store.Role{Name: "open", TrustPolicy: principal(account, allActions, `{}`), Tags: tags})
			ann := f.User(t, "ann", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Condition":`+condition+`}}`)
			if r := f.assumeAs(t, ann, "open"); r.Status != status {
				t.Errorf("%s, tag %q: AssumeRole by the caller's policy: %d %s", key, tag, r.Status, r.Body)
			}
			f.putRole(t, store.Role{Name: "token", TrustPolicy: admits, Tags: tags})
			if r := f.assume(t, f.token(t), "RoleArn", "arn:aws:iam::"+account+":role/token"); r.Status != status {
				t.Errorf("%s, tag %q: AssumeRoleWithWebIdentity: %d %s", key, tag, r.Status, r.Body)
			}
		}
	}
}
