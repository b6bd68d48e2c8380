package iam_test

import (
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
)

var detailShapes = shapes{
	records: putDetailed,
	requests: [][]string{
		{"GetAccountAuthorizationDetails", "MaxItems", "1"},
		{"GetAccountAuthorizationDetails"},
	},
	lacking: map[string][]string{
		"details of policies do not tell it (recorded on AWS)": {"GetAccountAuthorizationDetailsResult/Policies/member/Description"},
		"details of instance profiles tell no tags, and of their roles the least (recorded on AWS of GetInstanceProfile)": {
			profilesInDetails + "Tags", profilesInDetails + "Roles/member/Description", profilesInDetails + "Roles/member/MaxSessionDuration",
			profilesInDetails + "Roles/member/PermissionsBoundary", profilesInDetails + "Roles/member/RoleLastUsed", profilesInDetails + "Roles/member/Tags",
		},
		"there are no role templates either": {profilesInDetails + "Roles/member/SourceRoleTemplate"},
	},
}

const profilesInDetails = "GetAccountAuthorizationDetailsResult/RoleDetailList/member/InstanceProfileList/member/"

// putDetailed puts one of each, with everything that can be told of it.
func putDetailed(t testing.TB, f *fixture) {
	t.Helper()
	inline := []store.InlinePolicy{{Name: "p", Document: readPolicy}}
	attached := []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
	tags := []store.Tag{{Key: "team", Value: "a"}}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.putRecords(t, map[store.ID]any{
		store.GroupID(account, "detailed"): store.Group{
			Account: account, Name: "Detailed", Path: "/", ID: "AGPADETAILED000000001", InlinePolicies: inline, AttachedPolicies: attached, Members: 1, Created: at,
		},
		store.UserID(account, "detailed"): store.User{
			Account: account, Name: "Detailed", Path: "/", ID: "AIDADETAILED000000001", Groups: []string{"AGPADETAILED000000001"}, InlinePolicies: inline,
			AttachedPolicies: attached, PermissionsBoundary: attached[0], Tags: tags, Created: at,
		},
		store.RoleID(account, "detailed"): store.Role{
			Account: account, Name: "Detailed", Path: "/", ID: "AROADETAILED000000001", TrustPolicy: trustPolicy, MaxSessionDuration: 3600, InlinePolicies: inline,
			AttachedPolicies: attached, PermissionsBoundary: attached[0], InstanceProfiles: []string{"Detailed"}, Tags: tags, Created: at,
		},
		store.InstanceProfileID(account, "detailed"): store.InstanceProfile{
			Account: account, Name: "Detailed", Path: "/", ID: "AIPADETAILED000000001", Role: "Detailed", Tags: tags, Created: at,
		},
		store.LastUseID(account, "AROADETAILED000000001"): store.LastUse{Account: account, ID: "AROADETAILED000000001", At: at, Region: "eu-central-1"},
	})
}

// putRecords writes records past the API.
func (f *fixture) putRecords(t testing.TB, records map[store.ID]any) {
	t.Helper()
	err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		for id, record := range records {
			if err := store.PutRecord(tx, id, record); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
