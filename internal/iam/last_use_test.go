package iam_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

// GetRole tells of the last use at once, for 400 days, and forgets it with the
// role. A signature that names no one region leaves the region out.
func TestRoleLastUsed(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	role := func() string {
		t.Helper()
		stored, ok := f.Directory.Snapshot().Role(account, "deploy")
		if !ok {
			t.Fatal("there is no role")
		}
		return stored.ID
	}
	for _, step := range []struct {
		ago    time.Duration
		region string
		told   bool
	}{
		{401 * 24 * time.Hour, "eu-west-1", false},
		{399 * 24 * time.Hour, "eu-west-2", true},
		{time.Hour, "", true},
	} {
		at := time.Now().Add(-step.ago).UTC().Truncate(time.Second)
		f.LastUse.Note(account, role(), step.region, "sts", at)
		for _, where := range []string{"memory", "store"} {
			use := noError[*iamclient.GetRoleOutput](t)(f.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("deploy")})).Role.RoleLastUsed
			if told := use.LastUsedDate != nil; told != step.told || told && !use.LastUsedDate.Equal(at) {
				t.Errorf("used %v ago: %s tells %v", step.ago, where, use.LastUsedDate)
			}
			if step.told && aws.ToString(use.Region) != step.region || (use.Region != nil) != (step.told && step.region != "") {
				t.Errorf("used %v ago: %s tells region %v", step.ago, where, use.Region)
			}
			if err := f.LastUse.Flush(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	must(t)(f.admin.DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("deploy")}))
	f.createRole(t, "deploy")
	if use := noError[*iamclient.GetRoleOutput](t)(f.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("deploy")})).Role.RoleLastUsed; use.LastUsedDate != nil {
		t.Errorf("made again, the role was used at %v", use.LastUsedDate)
	}
}
