package iam_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func (f *fixture) createAlias(t *testing.T, alias string) error {
	t.Helper()
	_, err := f.admin.CreateAccountAlias(t.Context(), &iamclient.CreateAccountAliasInput{AccountAlias: &alias})
	return err
}

func (f *fixture) deleteAlias(t *testing.T, alias string) error {
	t.Helper()
	_, err := f.admin.DeleteAccountAlias(t.Context(), &iamclient.DeleteAccountAliasInput{AccountAlias: &alias})
	return err
}

func (f *fixture) wantAlias(t *testing.T, want ...string) {
	t.Helper()
	out := noError[*iamclient.ListAccountAliasesOutput](t)(f.admin.ListAccountAliases(t.Context(), nil))
	if diff := cmp.Diff(want, out.AccountAliases, cmpopts.EquateEmpty()); diff != "" || out.IsTruncated {
		t.Errorf("aliases, truncated %t:\n%s", out.IsTruncated, diff)
	}
}

func TestAccountAlias(t *testing.T) {
	t.Parallel()
	f := start(t)
	const other = "210987654321"
	f.AddAccount(t, other)
	stranger := &fixture{f.Server, iamclient.NewFromConfig(f.UserOf(t, other, "administrator", awsapitest.Administrator))}
	taken := func(alias string) fault {
		return fault{http.StatusConflict, "EntityAlreadyExists", "The account alias " + alias + " already exists."}
	}
	absent := func(alias string) fault {
		return fault{http.StatusNotFound, "NoSuchEntity", "The account alias with name " + alias + " cannot be found."}
	}
	f.wantAlias(t)
	wantFault(t, f.deleteAlias(t, "first"), absent("first"))
	for _, alias := range []string{"first", "second"} { // the second replaces the first
		if err := f.createAlias(t, alias); err != nil {
			t.Fatal(err)
		}
		f.wantAlias(t, alias)
	}
	stranger.wantAlias(t)
	wantFault(t, f.createAlias(t, "second"), taken("second"))
	wantFault(t, stranger.createAlias(t, "second"), taken("second"))
	wantFault(t, stranger.deleteAlias(t, "second"), absent("second"))
	wantFault(t, f.deleteAlias(t, "first"), absent("first"))
	if err := stranger.createAlias(t, "first"); err != nil {
		t.Errorf("an alias that was replaced is free: %v", err)
	}
	if err := f.deleteAlias(t, "second"); err != nil {
		t.Fatal(err)
	}
	f.wantAlias(t)
	stranger.wantAlias(t, "first")
	if err := stranger.createAlias(t, "second"); err != nil {
		t.Errorf("an alias that was deleted is free: %v", err)
	}

	// Another process gave the account an alias that this one has not seen.
	if _, err := f.Store.Update(t.Context(), func(tx store.Tx) error {
		if err := store.PutRecord(tx, store.AccountAliasID("unseen"), store.AccountAlias{Account: account, Alias: "unseen"}); err != nil {
			return err
		}
		return store.PutRecord(tx, store.AccountID(account), store.Account{Account: account, Alias: "unseen"})
	}); err != nil {
		t.Fatal(err)
	}
	if err := f.createAlias(t, "seen"); err != nil {
		t.Fatal(err)
	}
	f.wantAlias(t, "seen")
	if err := stranger.createAlias(t, "unseen"); err != nil {
		t.Errorf("an alias that was replaced is free, also where another process gave it: %v", err)
	}
}

func TestAccountAliasConstraints(t *testing.T) {
	t.Parallel()
	f := start(t)
	const pattern = "Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$"
	length := func(how string) string {
		return "Value at 'accountAlias' failed to satisfy constraint: Member must have length " + how
	}
	longest := strings.Repeat("a", 63)
	for _, alias := range []string{"abc", "a-b", "123", "1-2-3", longest} {
		if err := f.createAlias(t, alias); err != nil {
			t.Errorf("%s: %v", alias, err)
		}
	}
	for alias, want := range map[string]string{
		"a--b": "1 validation error detected: " + pattern, "-ab": "1 validation error detected: " + pattern, "ab-": "1 validation error detected: " + pattern,
		"Abc": "1 validation error detected: " + pattern, "a_b": "1 validation error detected: " + pattern, "äbc": "1 validation error detected: " + pattern,
		"abc\n":       "1 validation error detected: " + pattern,
		"ab":          "2 validation errors detected: " + length("greater than or equal to 3") + "; " + pattern,
		"":            "2 validation errors detected: " + length("greater than or equal to 3") + "; " + pattern,
		longest + "a": "2 validation errors detected: " + length("less than or equal to 63") + "; " + pattern,
	} {
		t.Logf("%q", alias)
		wantFault(t, f.createAlias(t, alias), fault{http.StatusBadRequest, "ValidationError", want})
		wantFault(t, f.deleteAlias(t, alias), fault{http.StatusBadRequest, "ValidationError", want})
	}
	for _, operation := range []string{"CreateAccountAlias", "DeleteAccountAlias"} {
		wantCall(t, f.call(t, operation), fault{
			http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must not be null",
		})
	}
	wantCall(t, f.call(t, "ListAccountAliases", "MaxItems", "0"), fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1",
	})
}

// summary asks GetAccountSummary.
func (f *fixture) summary(t *testing.T) map[string]int32 {
	t.Helper()
	return noError[*iamclient.GetAccountSummaryOutput](t)(f.admin.GetAccountSummary(t.Context(), nil)).SummaryMap
}

func TestAccountSummary(t *testing.T) {
	t.Parallel()
	f := start(t)
	const none = 1<<31 - 1
	want := map[string]int32{
		"AccessKeysPerUserQuota": 2, "AccountAccessKeysPresent": 0, "AccountMFAEnabled": 0, "AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0,
		"AssumeRolePolicySizeQuota": 4096, "AttachedPoliciesPerGroupQuota": 20, "AttachedPoliciesPerRoleQuota": 20, "AttachedPoliciesPerUserQuota": 20,
		"GlobalEndpointTokenVersion": 2, "GroupPolicySizeQuota": 5120, "Groups": 0, "GroupsPerUserQuota": 10, "GroupsQuota": none,
		"InstanceProfiles": 0, "InstanceProfilesQuota": 5000, "MFADevices": 0, "MFADevicesInUse": 0, "Policies": 0, "PoliciesQuota": none,
		"PolicySizeQuota": 6144, "PolicyVersionsInUse": 0, "PolicyVersionsInUseQuota": none, "Providers": 0, "RolePolicySizeQuota": 10240,
		"Roles": 0, "RolesQuota": none, "ServerCertificates": 0, "ServerCertificatesQuota": 0, "SigningCertificatesPerUserQuota": 0,
		"UserPolicySizeQuota": 2048, "Users": 1, "UsersQuota": none, "VersionsPerPolicyQuota": 5,
	}
	if len(want) != 34 {
		t.Fatalf("AWS tells 34 numbers, not %d", len(want))
	}
	if diff := cmp.Diff(want, f.summary(t)); diff != "" {
		t.Errorf("of an account with nothing in it but its administrator:\n%s", diff)
	}
	// Another account's things do not count.
	const other = "210987654321"
	f.AddAccount(t, other)
	f.UserOf(t, other, "administrator")

	f.User(t, "ann")
	f.createRole(t, "deploy")
	f.createRole(t, "other")
	f.createProvider(t, "https://gitlab.example.com")
	f.createProfile(t, "/", "build")
	read := f.createPolicy(t, "/", "read")
	f.createPolicy(t, "/", "bounds")
	f.createPolicy(t, "/", "unused")
	for _, role := range []string{"deploy", "other"} { // one policy in use, twice
		if err := f.attach(t, role, read); err != nil {
			t.Fatal(err)
		}
	}
	for role, boundary := range map[string]string{"deploy": "bounds", "other": "read"} {
		must(t)(f.admin.PutRolePermissionsBoundary(t.Context(), &iamclient.PutRolePermissionsBoundaryInput{
			RoleName: &role, PermissionsBoundary: aws.String("arn:aws:iam::" + account + ":policy/" + boundary),
		}))
	}
	if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.GroupID(account, "g"), store.Group{Account: account, Name: "g", Path: "/", ID: "AGPAEXAMPLE"})
	}); err != nil {
		t.Fatal(err)
	}
	want["Users"], want["Groups"], want["Roles"], want["Policies"] = 2, 1, 2, 3
	want["InstanceProfiles"], want["Providers"], want["PolicyVersionsInUse"] = 1, 1, 2
	if diff := cmp.Diff(want, f.summary(t)); diff != "" {
		t.Error(diff)
	}
	must(t)(f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerARN("gitlab.example.com"))}))
	if got := f.summary(t)["Providers"]; got != 0 {
		t.Errorf("%d providers, want none", got)
	}
}

// TestWhatAnAccountHasNot asks for what there is none of.
func TestWhatAnAccountHasNot(t *testing.T) {
	t.Parallel()
	f := start(t)
	_, err := f.admin.GetAccountPasswordPolicy(t.Context(), nil)
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "The Password Policy with domain name 123456789012 cannot be found."})
	_, err = f.admin.DeleteAccountPasswordPolicy(t.Context(), nil)
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "The account policy with name PasswordPolicy cannot be found."})
	saml := noError[*iamclient.ListSAMLProvidersOutput](t)(f.admin.ListSAMLProviders(t.Context(), nil))
	if saml.SAMLProviderList == nil || len(saml.SAMLProviderList) != 0 {
		t.Errorf("SAML providers %v, want an empty list", saml.SAMLProviderList)
	}
	certificates := noError[*iamclient.ListServerCertificatesOutput](t)(f.admin.ListServerCertificates(t.Context(), &iamclient.ListServerCertificatesInput{PathPrefix: aws.String("/cloudfront/")}))
	if certificates.ServerCertificateMetadataList == nil || len(certificates.ServerCertificateMetadataList) != 0 || certificates.IsTruncated {
		t.Errorf("server certificates %+v, want an empty list", certificates)
	}
	wantCall(t, f.call(t, "ListServerCertificates", "PathPrefix", "cloudfront"), fault{
		http.StatusBadRequest, "ValidationError",
		"The specified value for pathPrefix is invalid. It must begin with the / character and contain only alphanumeric characters and/or / characters.",
	})
	wantCall(t, f.call(t, "ListServerCertificates", "Marker", "!"), fault{http.StatusBadRequest, "ValidationError", "Invalid Marker."})
}

func parseTime(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// recordedAliases holds ListAccountAliases against AWS's reply.
func recordedAliases(t *testing.T, r awsapitest.RecordedBody) {
	f := start(t)
	if err := f.createAlias(t, r.Body.Child("ListAccountAliasesResult", "AccountAliases", "member").Text); err != nil {
		t.Fatal(err)
	}
	got := awsapitest.MustElement(t, f.call(t, "ListAccountAliases").Body)
	if diff := cmp.Diff(r.Body.Without("RequestId").Sorted(), got.Without("RequestId").Sorted()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// recordedSummary asks that all numbers which AWS told in 2013 are told, and
// those that count the same, of an account with one user.
func recordedSummary(t *testing.T, r awsapitest.RecordedBody) {
	got := start(t).summary(t)
	for _, entry := range r.Body.Child("GetAccountSummaryResult", "SummaryMap").Children {
		key, value := entry.Child("key").Text, entry.Child("value").Text
		number, told := got[key]
		if !told {
			t.Errorf("%s is not told", key)
		}
		if counts := !strings.HasSuffix(key, "Quota"); counts && value != map[int32]string{0: "0", 1: "1"}[number] {
			t.Errorf("%s is %d, want %s", key, number, value)
		}
	}
}

// recordedCertificates holds the empty list against AWS's, without its members.
func recordedCertificates(t *testing.T, r awsapitest.RecordedBody) {
	got := awsapitest.MustElement(t, start(t).call(t, "ListServerCertificates").Body)
	if diff := cmp.Diff(r.Body.Without("RequestId").Without("member").Sorted(), got.Without("RequestId").Sorted()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
