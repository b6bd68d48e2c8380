package iam_test

import "strings"

var roleShapes = shapes{
	requests: [][]string{
		{"CreateRole", "RoleName", "deploy", "AssumeRolePolicyDocument", trustPolicy, "Description", "d", "PermissionsBoundary", shapedPolicy, "Tags.member.1.Key", "team", "Tags.member.1.Value", "a", "Tags.member.2.Key", "use", "Tags.member.2.Value", ""},
		{"UpdateRole", "RoleName", "deploy", "MaxSessionDuration", "7200"},
		{"UpdateRoleDescription", "RoleName", "deploy", "Description", "described"},
		{"PutRolePermissionsBoundary", "RoleName", "deploy", "PermissionsBoundary", shapedPolicy},
		{"TagRole", "RoleName", "deploy", "Tags.member.1.Key", "team", "Tags.member.1.Value", "b"},
		{"ListRoleTags", "RoleName", "deploy", "MaxItems", "1"},
		{"CreateRole", "RoleName", "other", "AssumeRolePolicyDocument", trustPolicy},
		{"UpdateAssumeRolePolicy", "RoleName", "deploy", "PolicyDocument", trustPolicy},
		{"GetRole", "RoleName", "deploy"},
		{"ListRoles", "MaxItems", "1"},
		{"PutRolePolicy", "RoleName", "deploy", "PolicyName", "p", "PolicyDocument", writePolicy},
		{"PutRolePolicy", "RoleName", "deploy", "PolicyName", "q", "PolicyDocument", writePolicy},
		{"GetRolePolicy", "RoleName", "deploy", "PolicyName", "p"},
		{"ListRolePolicies", "RoleName", "deploy", "MaxItems", "1"},
		{"AttachRolePolicy", "RoleName", "deploy", "PolicyArn", shapedPolicy},
		{"AttachRolePolicy", "RoleName", "deploy", "PolicyArn", strings.Replace(shapedPolicy, "read", "write", 1)},
		{"ListAttachedRolePolicies", "RoleName", "deploy", "MaxItems", "1"},
	},
	deletions: [][]string{
		{"UntagRole", "RoleName", "deploy", "TagKeys.member.1", "team"},
		{"DeleteRolePermissionsBoundary", "RoleName", "deploy"},
		{"DetachRolePolicy", "RoleName", "deploy", "PolicyArn", shapedPolicy},
		{"DeleteRolePolicy", "RoleName", "deploy", "PolicyName", "p"},
		{"DeleteRole", "RoleName", "other"},
	},
	lacking: map[string][]string{
		"there are no role templates":                  {"CreateRoleResult/Role/SourceRoleTemplate", "GetRoleResult/Role/SourceRoleTemplate", "ListRolesResult/Roles/member/SourceRoleTemplate", "UpdateRoleDescriptionResult/Role/SourceRoleTemplate"},
		"AWS's CreateRole does not tell it (recorded)": {"CreateRoleResult/Role/MaxSessionDuration", "CreateRoleResult/Role/RoleLastUsed", "CreateRoleResult/Role/Description"},
		"AWS's UpdateRoleDescription tells nothing else that can be set (recorded)": {
			"UpdateRoleDescriptionResult/Role/MaxSessionDuration", "UpdateRoleDescriptionResult/Role/PermissionsBoundary", "UpdateRoleDescriptionResult/Role/RoleLastUsed", "UpdateRoleDescriptionResult/Role/Tags",
		},
		"lists of roles tell a subset of the attributes (IAM API Reference, ListRoles)": {
			"ListRolesResult/Roles/member/PermissionsBoundary", "ListRolesResult/Roles/member/RoleLastUsed", "ListRolesResult/Roles/member/Tags",
		},
	},
}
