package iam_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

func noVersion(policyARN, id string) fault {
	return fault{http.StatusNotFound, "NoSuchEntity", "Policy " + policyARN + " version " + id + " does not exist or is not attachable."}
}

func (f *fixture) createVersion(t *testing.T, policyARN, document string, setAsDefault bool) (*types.PolicyVersion, error) {
	t.Helper()
	out, err := f.admin.CreatePolicyVersion(t.Context(), &iamclient.CreatePolicyVersionInput{PolicyArn: &policyARN, PolicyDocument: &document, SetAsDefault: setAsDefault})
	if err != nil {
		return nil, err
	}
	return out.PolicyVersion, nil
}

func (f *fixture) setDefault(t *testing.T, policyARN, id string) error {
	t.Helper()
	_, err := f.admin.SetDefaultPolicyVersion(t.Context(), &iamclient.SetDefaultPolicyVersionInput{PolicyArn: &policyARN, VersionId: &id})
	return err
}

func (f *fixture) deleteVersion(t *testing.T, policyARN, id string) error {
	t.Helper()
	_, err := f.admin.DeletePolicyVersion(t.Context(), &iamclient.DeletePolicyVersionInput{PolicyArn: &policyARN, VersionId: &id})
	return err
}

// versions lists the versions by pages of a size, the default one with a star.
func (f *fixture) versions(t *testing.T, policyARN string, items int32) (pages []string) {
	t.Helper()
	for p := iamclient.NewListPolicyVersionsPaginator(f.admin, &iamclient.ListPolicyVersionsInput{PolicyArn: &policyARN, MaxItems: &items}); p.HasMorePages(); {
		out := noError[*iamclient.ListPolicyVersionsOutput](t)(p.NextPage(t.Context()))
		var page []string
		for _, v := range out.Versions {
			id := *v.VersionId
			if v.IsDefaultVersion {
				id += "*"
			}
			if v.Document != nil || v.CreateDate == nil {
				t.Errorf("listed %+v", v)
			}
			page = append(page, id)
		}
		pages = append(pages, strings.Join(page, " "))
	}
	return pages
}

func TestPolicyVersions(t *testing.T) {
	t.Parallel()
	f := start(t)
	policyARN := f.createPolicy(t, "/ci/", "Read")
	v2 := noError[*types.PolicyVersion](t)(f.createVersion(t, strings.ToLower(policyARN), writePolicy, false))
	if *v2.VersionId != "v2" || v2.IsDefaultVersion || v2.Document != nil || v2.CreateDate == nil {
		t.Errorf("created %+v", v2)
	}
	v3 := noError[*types.PolicyVersion](t)(f.createVersion(t, policyARN, readPolicy+" ", true))
	if *v3.VersionId != "v3" || !v3.IsDefaultVersion {
		t.Errorf("created %+v", v3)
	}
	got := noError[*iamclient.GetPolicyVersionOutput](t)(f.admin.GetPolicyVersion(t.Context(), &iamclient.GetPolicyVersionInput{PolicyArn: &policyARN, VersionId: aws.String("v3")})).PolicyVersion
	if unescape(t, got.Document) != readPolicy+" " || !got.IsDefaultVersion {
		t.Errorf("version %+v", got)
	}
	if p := f.getPolicy(t, policyARN); *p.DefaultVersionId != "v3" {
		t.Errorf("the default is %s", *p.DefaultVersionId)
	}
	for range 2 {
		must(t)(f.createVersion(t, policyARN, readPolicy, false))
	}
	full := fault{http.StatusConflict, "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."}
	_, err := f.createVersion(t, policyARN, readPolicy, false)
	wantFault(t, err, full)
	if diff := cmp.Diff([]string{"v5 v4", "v3* v2", "v1"}, f.versions(t, policyARN, 2)); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}

	// A number never comes back, also not that of the newest version.
	wantFault(t, f.deleteVersion(t, policyARN, "v3"), fault{http.StatusConflict, "DeleteConflict", "Cannot delete the default version of a policy."})
	succeed(t, "delete", f.deleteVersion(t, policyARN, "v2"), f.deleteVersion(t, policyARN, "v5"))
	wantFault(t, f.deleteVersion(t, policyARN, "v5"), noVersion(policyARN, "v5"))
	if v := noError[*types.PolicyVersion](t)(f.createVersion(t, policyARN, readPolicy, false)); *v.VersionId != "v6" {
		t.Errorf("created %s, want v6", *v.VersionId)
	}
	succeed(t, "set the default", f.setDefault(t, policyARN, "v1"), f.deleteVersion(t, policyARN, "v3"))
	if diff := cmp.Diff([]string{"v6 v4 v1*"}, f.versions(t, policyARN, 100)); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	_, err = f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &policyARN})
	wantFault(t, err, fault{
		http.StatusConflict, "DeleteConflict",
		"This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
	})
	succeed(t, "delete", f.deleteVersion(t, policyARN, "v6"), f.deleteVersion(t, policyARN, "v4"))
	must(t)(f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &policyARN}))
	f.createPolicy(t, "/ci/", "Read")
	if v := noError[*types.PolicyVersion](t)(f.createVersion(t, policyARN, readPolicy, false)); *v.VersionId != "v2" {
		t.Errorf("a policy made again has %s, want v2", *v.VersionId)
	}
}

// TestDefaultVersionDecides changes which version decides for whom it is attached to.
func TestDefaultVersionDecides(t *testing.T) {
	t.Parallel()
	f := start(t)
	policyARN := f.createPolicy(t, "/", "listing")
	user := f.as(t, "ann")
	must(t)(f.admin.AttachUserPolicy(t.Context(), &iamclient.AttachUserPolicyInput{UserName: aws.String("ann"), PolicyArn: &policyARN}))
	may := func() bool {
		_, err := user.admin.ListRoles(t.Context(), nil)
		return err == nil
	}
	must(t)(f.createVersion(t, policyARN, allowing("iam:ListRoles"), false))
	if may() {
		t.Error("a version that is not the default decides")
	}
	succeed(t, "set the default", f.setDefault(t, policyARN, "v2"))
	if !may() {
		t.Error("the default version does not decide")
	}
	must(t)(f.createVersion(t, policyARN, readPolicy, true))
	if may() {
		t.Error("the version that was the default still decides")
	}
}

// TestUpdateDate follows the newest version, and nothing else.
func TestUpdateDate(t *testing.T) {
	t.Parallel()
	f := start(t)
	policyARN := f.createPolicy(t, "/", "read")
	past := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		p, err := store.GetRecord[store.Policy](tx, store.PolicyID(account, "read"))
		p.Created, p.Updated = past, past
		return errors.Join(err, store.PutRecord(tx, store.PolicyID(account, "read"), p))
	}); err != nil {
		t.Fatal(err)
	}
	v2 := noError[*types.PolicyVersion](t)(f.createVersion(t, policyARN, writePolicy, false))
	p := f.getPolicy(t, policyARN)
	if !p.CreateDate.Equal(past) || !p.UpdateDate.Equal(*v2.CreateDate) {
		t.Errorf("created %v, updated %v, want the time of the new version, %v", p.CreateDate, p.UpdateDate, v2.CreateDate)
	}
	updated := *p.UpdateDate
	succeed(t, "change", f.setDefault(t, policyARN, "v2"), f.deleteVersion(t, policyARN, "v1"))
	must(t)(f.admin.TagPolicy(t.Context(), &iamclient.TagPolicyInput{PolicyArn: &policyARN, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))
	if p := f.getPolicy(t, policyARN); !p.UpdateDate.Equal(updated) {
		t.Errorf("updated %v, want %v", p.UpdateDate, updated)
	}
}

func TestPolicyVersionRefusals(t *testing.T) {
	t.Parallel()
	f := start(t)
	policyARN, absent := f.createPolicy(t, "/", "read"), arn.Policy(account, "/", "absent")
	for given, id := range map[string]string{policyARN: "v9", absent: "v1", arn.Policy(account, "/other/", "read"): "v1"} {
		_, err := f.admin.GetPolicyVersion(t.Context(), &iamclient.GetPolicyVersionInput{PolicyArn: &given, VersionId: &id})
		wantFault(t, err, noVersion(given, id))
		wantFault(t, f.setDefault(t, given, id), noVersion(given, id))
		wantFault(t, f.deleteVersion(t, given, id), noVersion(given, id))
	}
	_, err := f.createVersion(t, absent, readPolicy, false)
	wantFault(t, err, noPolicy(absent))
	_, err = f.admin.ListPolicyVersions(t.Context(), &iamclient.ListPolicyVersionsInput{PolicyArn: &absent})
	wantFault(t, err, noPolicy(absent))
	for _, document := range []struct {
		text string
		want fault
	}{
		{"{", fault{http.StatusBadRequest, "MalformedPolicyDocument", "Syntax errors in policy."}},
		{strings.Replace(readPolicy, "2012-10-17", "2008-10-17", 1), fault{http.StatusBadRequest, "MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater."}},
		{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`, fault{http.StatusBadRequest, "MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater."}},
		{sized(6145), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144"}},
	} {
		_, err := f.createVersion(t, policyARN, document.text, true)
		wantFaultPrefix(t, fmt.Sprintf("%.40s", document.text), err, document.want)
	}
	if diff := cmp.Diff([]string{"v1*"}, f.versions(t, policyARN, 10)); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}

	failed := "1 validation error detected: Value at '"
	for _, c := range []struct {
		action, parameter, value string
		want                     fault
	}{
		{"GetPolicyVersion", "VersionId", "1", fault{400, "ValidationError", failed + `versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`}},
		{"SetDefaultPolicyVersion", "VersionId", "v0", fault{400, "ValidationError", failed + `versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`}},
		{"DeletePolicyVersion", "VersionId", "V1", fault{400, "ValidationError", failed + `versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`}},
		{"DeletePolicyVersion", "Other", "", fault{400, "ValidationError", failed + "versionId' failed to satisfy constraint: Member must not be null"}},
		{"CreatePolicyVersion", "Other", "", fault{400, "ValidationError", failed + "policyDocument' failed to satisfy constraint: Member must not be null"}},
		{"ListPolicyVersions", "Marker", "YQ", fault{400, "ValidationError", "Invalid Marker."}},
		{"ListPolicyVersions", "MaxItems", "1001", fault{400, "ValidationError", failed + "maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000"}},
		{"ListPolicyVersions", "PolicyArn", "arn:aws:iam::123456789012:role/x", fault{400, "ValidationError", "Invalid ARN:  Could not be parsed!"}},
		{"ListPolicyVersions", "PolicyArn", "arn:aws-cn:iam::123456789012:policy/read", fault{400, "ValidationError", "Invalid ARN partition"}},
		{"GetPolicy", "PolicyArn", "short", fault{400, "ValidationError", failed + "policyArn' failed to satisfy constraint: Member must have length greater than or equal to 20"}},
	} {
		t.Log(c.action, c.parameter, c.value)
		wantCall(t, f.call(t, c.action, "PolicyArn", policyARN, c.parameter, c.value), c.want)
	}
	wantCall(t, f.call(t, "CreatePolicyVersion", "PolicyArn", policyARN, "PolicyDocument", readPolicy, "SetAsDefault", "yes"), fault{400, "MalformedInput", ""})
}

// TestVersionsOfOldRecords: a record that knows no last number has v1 only.
func TestVersionsOfOldRecords(t *testing.T) {
	t.Parallel()
	f := start(t)
	if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.PolicyID(account, "old"), store.Policy{
			Account: account, Name: "old", Path: "/", ID: "ANPA" + idOf("old"), DefaultVersion: "v1", Versions: []store.PolicyVersion{{ID: "v1", Document: readPolicy}},
		})
	}); err != nil {
		t.Fatal(err)
	}
	if v := noError[*types.PolicyVersion](t)(f.createVersion(t, arn.Policy(account, "/", "old"), readPolicy, false)); *v.VersionId != "v2" {
		t.Errorf("created %s, want v2", *v.VersionId)
	}
}
