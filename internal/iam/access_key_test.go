package iam_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func (f *fixture) createKey(t *testing.T, user string) *types.AccessKey {
	t.Helper()
	return noError[*iamclient.CreateAccessKeyOutput](t)(f.admin.CreateAccessKey(t.Context(), &iamclient.CreateAccessKeyInput{UserName: &user})).AccessKey
}

func (f *fixture) lastUsed(t *testing.T, id string) (*iamclient.GetAccessKeyLastUsedOutput, error) {
	t.Helper()
	return f.admin.GetAccessKeyLastUsed(t.Context(), &iamclient.GetAccessKeyLastUsedInput{AccessKeyId: &id})
}

func noKey(id string) fault {
	return fault{http.StatusNotFound, "NoSuchEntity", "The Access Key with id " + id + " cannot be found."}
}

func noLoginProfile(user string) fault {
	return fault{http.StatusNotFound, "NoSuchEntity", "Login Profile for User " + user + " cannot be found."}
}

// TestAccessKeyLife has a key act at once, not while it is inactive, and never
// again when it was deleted. Its secret is told once.
func TestAccessKeyLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/", "Ann")
	must(t)(f.admin.PutUserPolicy(t.Context(), &iamclient.PutUserPolicyInput{UserName: aws.String("ann"), PolicyName: aws.String("p"), PolicyDocument: aws.String(awsapitest.Administrator)}))
	key := f.createKey(t, "ann")
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(*key.AccessKeyId) || len(*key.SecretAccessKey) != 40 || key.Status != types.StatusTypeActive || *key.UserName != "Ann" || key.CreateDate == nil {
		t.Errorf("created %s of %s, %s, a secret of %d characters", *key.AccessKeyId, *key.UserName, key.Status, len(*key.SecretAccessKey))
	}
	own := iamclient.NewFromConfig(f.Config(aws.Credentials{AccessKeyID: *key.AccessKeyId, SecretAccessKey: *key.SecretAccessKey}))
	must(t)(own.GetUser(t.Context(), nil))
	unknown := fault{http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid"}
	setStatus := func(status types.StatusType) {
		t.Helper()
		must(t)(f.admin.UpdateAccessKey(t.Context(), &iamclient.UpdateAccessKeyInput{UserName: aws.String("ann"), AccessKeyId: key.AccessKeyId, Status: status}))
	}
	list := func() []types.AccessKeyMetadata {
		t.Helper()
		return noError[*iamclient.ListAccessKeysOutput](t)(f.admin.ListAccessKeys(t.Context(), &iamclient.ListAccessKeysInput{UserName: aws.String("ann")})).AccessKeyMetadata
	}
	setStatus(types.StatusTypeInactive)
	_, err := own.GetUser(t.Context(), nil)
	wantFault(t, err, unknown)
	if keys := list(); len(keys) != 1 || keys[0].Status != types.StatusTypeInactive || !keys[0].CreateDate.Equal(*key.CreateDate) {
		t.Errorf("keys %v", keys)
	}
	setStatus(types.StatusTypeActive)
	must(t)(own.GetUser(t.Context(), nil))
	second := f.createKey(t, "ann")
	_, err = f.admin.CreateAccessKey(t.Context(), &iamclient.CreateAccessKeyInput{UserName: aws.String("ann")})
	wantFault(t, err, fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"})
	if keys := list(); len(keys) != 2 || *keys[0].AccessKeyId != *key.AccessKeyId || *keys[1].AccessKeyId != *second.AccessKeyId {
		t.Errorf("keys %v, want them in order of creation", keys)
	}
	must(t)(own.DeleteAccessKey(t.Context(), &iamclient.DeleteAccessKeyInput{AccessKeyId: key.AccessKeyId})) // with itself
	_, err = own.GetUser(t.Context(), nil)
	wantFault(t, err, unknown)
	if keys := list(); len(keys) != 1 || *keys[0].AccessKeyId != *second.AccessKeyId {
		t.Errorf("keys %v", keys)
	}
	third := f.createKey(t, "ann") // there is room again

	for _, secret := range []string{*key.SecretAccessKey, *second.SecretAccessKey, *third.SecretAccessKey} {
		for _, event := range f.Events() {
			if strings.Contains(event, secret) {
				t.Errorf("an event holds a secret: %s", event)
			}
		}
		if reply := f.call(t, "ListAccessKeys", "UserName", "ann"); strings.Contains(reply.Body, secret) {
			t.Error("the secret is told again")
		}
	}
	record, err := f.Store.Get(t.Context(), store.AccessKeyID(account, *second.AccessKeyId))
	if err != nil || strings.Contains(string(record.Document), *second.SecretAccessKey) {
		t.Errorf("the store has the secret in the clear (%v)", err)
	}
}

func TestAccessKeyPages(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/", "ann")
	first, second := f.createKey(t, "ann"), f.createKey(t, "ann")
	page := func(marker *string) *iamclient.ListAccessKeysOutput {
		t.Helper()
		return noError[*iamclient.ListAccessKeysOutput](t)(f.admin.ListAccessKeys(t.Context(), &iamclient.ListAccessKeysInput{UserName: aws.String("ann"), MaxItems: aws.Int32(1), Marker: marker}))
	}
	one := page(nil)
	two := page(one.Marker)
	if !one.IsTruncated || two.IsTruncated || *one.AccessKeyMetadata[0].AccessKeyId != *first.AccessKeyId || *two.AccessKeyMetadata[0].AccessKeyId != *second.AccessKeyId {
		t.Errorf("pages %v, %v", one, two)
	}
	// Who deletes what a page lists finds the rest in the next.
	must(t)(f.admin.DeleteAccessKey(t.Context(), &iamclient.DeleteAccessKeyInput{UserName: aws.String("ann"), AccessKeyId: first.AccessKeyId}))
	if rest := page(one.Marker); len(rest.AccessKeyMetadata) != 1 || *rest.AccessKeyMetadata[0].AccessKeyId != *second.AccessKeyId {
		t.Errorf("then %v", rest.AccessKeyMetadata)
	}
}

// A key of another user, or of another account, is not there.
func TestAccessKeyOfAnother(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/", "ann")
	f.createUser(t, "/", "bob")
	anns := *f.createKey(t, "ann").AccessKeyId
	const other = "210987654321"
	f.AddAccount(t, other)
	foreign := *noError[*iamclient.CreateAccessKeyOutput](t)(iamclient.NewFromConfig(f.UserOf(t, other, "root", awsapitest.Administrator)).CreateAccessKey(t.Context(), nil)).AccessKey.AccessKeyId
	for _, c := range []struct{ user, key string }{{"bob", anns}, {"ann", foreign}, {"ann", "AKIAIOSFODNN7EXAMPLE"}} {
		_, err := f.admin.DeleteAccessKey(t.Context(), &iamclient.DeleteAccessKeyInput{UserName: &c.user, AccessKeyId: &c.key})
		wantFault(t, err, noKey(c.key))
		_, err = f.admin.UpdateAccessKey(t.Context(), &iamclient.UpdateAccessKeyInput{UserName: &c.user, AccessKeyId: &c.key, Status: types.StatusTypeInactive})
		wantFault(t, err, noKey(c.key))
	}
	_, err := f.admin.DeleteAccessKey(t.Context(), &iamclient.DeleteAccessKeyInput{AccessKeyId: &anns}) // the caller's own are meant
	wantFault(t, err, noKey(anns))
	if key, ok := f.Directory.Snapshot().AccessKey(anns); !ok || !key.Active {
		t.Error("ann's key was changed")
	}
}

func TestAccessKeyConstraints(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/", "ann")
	id := *f.createKey(t, "ann").AccessKeyId
	failed, constraint := "1 validation error detected: Value at '", "' failed to satisfy constraint: "
	for _, c := range []struct {
		request       []string
		code, message string
	}{
		{[]string{"UpdateAccessKey", "AccessKeyId", id}, "ValidationError", failed + "status" + constraint + "Member must not be null"},
		{[]string{"UpdateAccessKey", "AccessKeyId", id, "Status", "foo"}, "ValidationError", failed + "status" + constraint + "Member must satisfy enum value set"},
		{[]string{"UpdateAccessKey", "AccessKeyId", id, "Status", "inactive"}, "ValidationError", failed + "status" + constraint + "Member must satisfy enum value set"},
		{[]string{"UpdateAccessKey", "AccessKeyId", id, "Status", "Expired"}, "InvalidInput", "The status of an access key cannot be set to Expired."},
		{[]string{"UpdateAccessKey", "Status", "Active"}, "ValidationError", failed + "accessKeyId" + constraint + "Member must not be null"},
		{[]string{"DeleteAccessKey"}, "ValidationError", failed + "accessKeyId" + constraint + "Member must not be null"},
		{[]string{"DeleteAccessKey", "AccessKeyId", strings.Repeat("A", 15)}, "ValidationError", failed + "accessKeyId" + constraint + "Member must have length greater than or equal to 16"},
		{[]string{"DeleteAccessKey", "AccessKeyId", strings.Repeat("A", 129)}, "ValidationError", failed + "accessKeyId" + constraint + "Member must have length less than or equal to 128"},
		{[]string{"DeleteAccessKey", "AccessKeyId", "AKIAIOSFODNN7/EXAMPLE"}, "ValidationError", failed + "accessKeyId" + constraint + `Member must satisfy regular expression pattern: [\w]+`},
		{[]string{"GetAccessKeyLastUsed"}, "ValidationError", failed + "accessKeyId" + constraint + "Member must not be null"},
		{[]string{"ListVirtualMFADevices", "AssignmentStatus", "some"}, "ValidationError", failed + "assignmentStatus" + constraint + "Member must satisfy enum value set: [Any, Assigned, Unassigned]"},
		{[]string{"ListServiceSpecificCredentials", "AllUsers", "perhaps"}, "MalformedInput", ""},
	} {
		t.Log(c.request)
		wantCall(t, f.call(t, c.request[0], append(c.request[1:], "UserName", "ann")...), fault{http.StatusBadRequest, c.code, c.message})
	}
	if key, ok := f.Directory.Snapshot().AccessKey(id); !ok || !key.Active {
		t.Error("the key was changed")
	}
	// A secret that was put in the place of an id is told to nobody.
	secret := "wJalrXUtnFEMIaK7MDENGabPxRfiCYEXAMPLEKEY"
	wantCall(t, f.call(t, "DeleteAccessKey", "UserName", "ann", "AccessKeyId", secret), noKey("(not of the form of an access key id)"))
	reply := f.call(t, "GetAccessKeyLastUsed", "AccessKeyId", secret)
	if strings.Contains(reply.Body, secret) || strings.Contains(strings.Join(f.Events(), ""), secret) {
		t.Error("a secret in the place of an id is in a reply or an event")
	}
}

func TestAccessKeyLastUsed(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/people/", "ann")
	id := *f.createKey(t, "ann").AccessKeyId
	never := noError[*iamclient.GetAccessKeyLastUsedOutput](t)(f.lastUsed(t, id))
	if use := never.AccessKeyLastUsed; *never.UserName != "ann" || use.LastUsedDate != nil || *use.Region != "N/A" || *use.ServiceName != "N/A" {
		t.Errorf("never used: %s %+v", *never.UserName, use)
	}
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.LastUseID(account, id), store.LastUse{Account: account, ID: id, At: at, Region: "eu-central-1", Service: "sts"})
	})
	if err != nil {
		t.Fatal(err)
	}
	used := noError[*iamclient.GetAccessKeyLastUsedOutput](t)(f.lastUsed(t, id)).AccessKeyLastUsed
	if used.LastUsedDate == nil || !used.LastUsedDate.Equal(at) || *used.Region != "eu-central-1" || *used.ServiceName != "sts" {
		t.Errorf("used: %+v", used)
	}
	f.LastUse.Note(account, id, "", "iam", at.Add(time.Minute)) // by Signature V4A, and not written yet
	used = noError[*iamclient.GetAccessKeyLastUsedOutput](t)(f.lastUsed(t, id)).AccessKeyLastUsed
	if used.LastUsedDate == nil || !used.LastUsedDate.Equal(at.Add(time.Minute)) || *used.Region != "N/A" || *used.ServiceName != "iam" {
		t.Errorf("used later: %+v", used)
	}

	// A key that is not there is denied to everybody, in another sentence.
	const other = "210987654321"
	f.AddAccount(t, other)
	foreign, err := f.UserOf(t, other, "root").Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"AKIAIOSFODNN7EXAMPLE", foreign.AccessKeyID} {
		_, err := f.lastUsed(t, key)
		wantFault(t, err, fault{http.StatusForbidden, "AccessDenied", "User: arn:aws:iam::123456789012:user/administrator is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key " + key})
	}
	nobody := f.as(t, "nobody")
	_, err = nobody.lastUsed(t, id)
	wantFault(t, err, denied("nobody", "GetAccessKeyLastUsed", "arn:aws:iam::123456789012:user/people/ann"))
	_, err = nobody.lastUsed(t, foreign.AccessKeyID)
	wantFault(t, err, denied("nobody", "GetAccessKeyLastUsed", "access key "+foreign.AccessKeyID))

	must(t)(f.admin.DeleteAccessKey(t.Context(), &iamclient.DeleteAccessKeyInput{UserName: aws.String("ann"), AccessKeyId: &id}))
	if _, there := f.Directory.Snapshot().LastUse(account, id); there {
		t.Error("the last use of a deleted key is kept")
	}
}

// TestOtherCredentials asks for what a user of Daypass cannot have, as Terraform
// does before it deletes one.
func TestOtherCredentials(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createUser(t, "/", "Ann")
	ann := aws.String("ann")
	mfa := noError[*iamclient.ListMFADevicesOutput](t)(f.admin.ListMFADevices(t.Context(), &iamclient.ListMFADevicesInput{UserName: ann}))
	ssh := noError[*iamclient.ListSSHPublicKeysOutput](t)(f.admin.ListSSHPublicKeys(t.Context(), &iamclient.ListSSHPublicKeysInput{UserName: ann}))
	certificates := noError[*iamclient.ListSigningCertificatesOutput](t)(f.admin.ListSigningCertificates(t.Context(), &iamclient.ListSigningCertificatesInput{UserName: ann}))
	services := noError[*iamclient.ListServiceSpecificCredentialsOutput](t)(f.admin.ListServiceSpecificCredentials(t.Context(), &iamclient.ListServiceSpecificCredentialsInput{UserName: ann}))
	virtual := noError[*iamclient.ListVirtualMFADevicesOutput](t)(f.admin.ListVirtualMFADevices(t.Context(), &iamclient.ListVirtualMFADevicesInput{AssignmentStatus: types.AssignmentStatusTypeAny}))
	for what, list := range map[string]struct {
		n         int
		truncated bool
	}{
		"MFA devices": {len(mfa.MFADevices), mfa.IsTruncated}, "SSH keys": {len(ssh.SSHPublicKeys), ssh.IsTruncated},
		"certificates": {len(certificates.Certificates), certificates.IsTruncated}, "credentials": {len(services.ServiceSpecificCredentials), services.IsTruncated},
		"virtual MFA devices": {len(virtual.VirtualMFADevices), virtual.IsTruncated},
	} {
		if list.n != 0 || list.truncated {
			t.Errorf("%s: %d, truncated %t", what, list.n, list.truncated)
		}
	}
	must(t)(f.admin.ListServiceSpecificCredentials(t.Context(), &iamclient.ListServiceSpecificCredentialsInput{AllUsers: aws.Bool(true)}))
	_, err := f.admin.ListVirtualMFADevices(t.Context(), &iamclient.ListVirtualMFADevicesInput{Marker: aws.String("!")})
	wantFault(t, err, fault{http.StatusBadRequest, "ValidationError", "Invalid Marker."})
	_, err = f.admin.GetLoginProfile(t.Context(), &iamclient.GetLoginProfileInput{UserName: ann})
	wantFault(t, err, noLoginProfile("ann"))
	_, err = f.admin.DeleteLoginProfile(t.Context(), &iamclient.DeleteLoginProfileInput{UserName: ann})
	wantFault(t, err, noLoginProfile("ann"))
}
