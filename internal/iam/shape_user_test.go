package iam_test

var userShapes = shapes{
	requests: [][]string{
		{"CreateUser", "UserName", "eve", "PermissionsBoundary", shapedPolicy, "Tags.member.1.Key", "team", "Tags.member.1.Value", "data"},
		{"GetUser", "UserName", "eve"},
		{"ListUsers", "MaxItems", "1"},
		{"UpdateUser", "UserName", "eve", "NewPath", "/people/"},
		{"TagUser", "UserName", "eve", "Tags.member.1.Key", "unit", "Tags.member.1.Value", "x"},
		{"ListUserTags", "UserName", "eve", "MaxItems", "1"},
		{"UntagUser", "UserName", "eve", "TagKeys.member.1", "unit"},
		{"PutUserPolicy", "UserName", "eve", "PolicyName", "p", "PolicyDocument", writePolicy},
		{"PutUserPolicy", "UserName", "eve", "PolicyName", "q", "PolicyDocument", writePolicy},
		{"GetUserPolicy", "UserName", "eve", "PolicyName", "p"},
		{"ListUserPolicies", "UserName", "eve", "MaxItems", "1"},
		{"AttachUserPolicy", "UserName", "eve", "PolicyArn", shapedPolicy},
		{"AttachUserPolicy", "UserName", "eve", "PolicyArn", shapedWriting},
		{"ListAttachedUserPolicies", "UserName", "eve", "MaxItems", "1"},
		{"PutUserPermissionsBoundary", "UserName", "eve", "PermissionsBoundary", shapedPolicy},
		{"ListMFADevices", "UserName", "eve"},
		{"ListVirtualMFADevices"},
		{"ListSSHPublicKeys", "UserName", "eve"},
		{"ListSigningCertificates", "UserName", "eve"},
		{"ListServiceSpecificCredentials", "UserName", "eve"},
	},
	deletions: [][]string{
		{"DeleteUserPermissionsBoundary", "UserName", "eve"},
		{"DetachUserPolicy", "UserName", "eve", "PolicyArn", shapedPolicy},
		{"DetachUserPolicy", "UserName", "eve", "PolicyArn", shapedWriting},
		{"DeleteUserPolicy", "UserName", "eve", "PolicyName", "p"},
		{"DeleteUserPolicy", "UserName", "eve", "PolicyName", "q"},
		{"DeleteUser", "UserName", "eve"},
	},
	lacking: map[string][]string{
		"there are no passwords": {
			"GetLoginProfile", "DeleteLoginProfile",
			"CreateUserResult/User/PasswordLastUsed", "GetUserResult/User/PasswordLastUsed",
			"ListUsersResult/Users/member/PasswordLastUsed", "GetGroupResult/Users/member/PasswordLastUsed",
		},
		"lists of users tell neither tags nor boundary (recorded)": {
			"ListUsersResult/Users/member/PermissionsBoundary", "ListUsersResult/Users/member/Tags",
			"GetGroupResult/Users/member/PermissionsBoundary", "GetGroupResult/Users/member/Tags",
		},
		"there are no MFA devices, SSH keys, certificates and credentials for single services": {
			"ListMFADevicesResult/Marker", "ListVirtualMFADevicesResult/Marker", "ListSSHPublicKeysResult/Marker",
			"ListSigningCertificatesResult/Marker", "ListServiceSpecificCredentialsResult/Marker",
		},
	},
}
