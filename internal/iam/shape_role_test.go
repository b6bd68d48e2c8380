package iam_test

import "strings"

var roleShapes = shapes{
	requests: [][]string{
		{"CreateRole", "RoleName", "deploy", "AssumeRolePolicyDocument", trustPolicy, "Description", "d"},
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
		{"DetachRolePolicy", "RoleName", "deploy", "PolicyArn", shapedPolicy},
		{"DeleteRolePolicy", "RoleName", "deploy", "PolicyName", "p"},
		{"DeleteRole", "RoleName", "other"},
	},
	lacking: map[string][]string{
		"there are no role templates":                  {"CreateRoleResult/Role/SourceRoleTemplate", "GetRoleResult/Role/SourceRoleTemplate", "ListRolesResult/Roles/member/SourceRoleTemplate"},
		"AWS's CreateRole does not tell it (recorded)": {"CreateRoleResult/Role/MaxSessionDuration", "CreateRoleResult/Role/RoleLastUsed", "CreateRoleResult/Role/Description"},
		"lists of roles tell a subset of the attributes (IAM API Reference, ListRoles)": {
			"ListRolesResult/Roles/member/PermissionsBoundary", "ListRolesResult/Roles/member/RoleLastUsed", "ListRolesResult/Roles/member/Tags",
		},
	},
}
