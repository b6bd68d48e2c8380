package iam_test

var profileShapes = shapes{
	requests: [][]string{
		{"CreateInstanceProfile", "InstanceProfileName", "build", "Path", "/ci/", "Tags.member.1.Key", "team", "Tags.member.1.Value", "ci"},
		{"CreateInstanceProfile", "InstanceProfileName", "test"},
		{"AddRoleToInstanceProfile", "InstanceProfileName", "build", "RoleName", "deploy"},
		{"AddRoleToInstanceProfile", "InstanceProfileName", "test", "RoleName", "deploy"},
		{"TagInstanceProfile", "InstanceProfileName", "build", "Tags.member.1.Key", "Team", "Tags.member.1.Value", "ci"},
		{"GetInstanceProfile", "InstanceProfileName", "build"},
		{"ListInstanceProfileTags", "InstanceProfileName", "build", "MaxItems", "1"},
		{"ListInstanceProfiles", "MaxItems", "1"},
		{"ListInstanceProfilesForRole", "RoleName", "deploy", "MaxItems", "1"},
		{"UntagInstanceProfile", "InstanceProfileName", "build", "TagKeys.member.1", "team"},
	},
	deletions: [][]string{
		{"RemoveRoleFromInstanceProfile", "InstanceProfileName", "build", "RoleName", "deploy"},
		{"RemoveRoleFromInstanceProfile", "InstanceProfileName", "test", "RoleName", "deploy"},
		{"DeleteInstanceProfile", "InstanceProfileName", "build"},
	},
	lacking: map[string][]string{
		"a profile tells of its role what CreateRole does (recorded)": inProfiles("/Roles/member", "Description", "MaxSessionDuration", "PermissionsBoundary", "RoleLastUsed", "SourceRoleTemplate", "Tags"),
		"lists of instance profiles tell no tags (recorded)":          {"ListInstanceProfilesResult/InstanceProfiles/member/Tags", "ListInstanceProfilesForRoleResult/InstanceProfiles/member/Tags"},
	},
}

// inProfiles gives paths of elements in the replies that tell an instance profile
// with its role.
func inProfiles(within string, names ...string) []string {
	var paths []string
	for _, profile := range []string{"GetInstanceProfileResult/InstanceProfile", "ListInstanceProfilesResult/InstanceProfiles/member", "ListInstanceProfilesForRoleResult/InstanceProfiles/member"} {
		for _, name := range names {
			paths = append(paths, profile+within+"/"+name)
		}
	}
	return paths
}
