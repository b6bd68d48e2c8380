package iam_test

var policyShapes = shapes{
	requests: [][]string{
		{"CreatePolicy", "PolicyName", "read", "PolicyDocument", readPolicy, "Description", "d", "Tags.member.1.Key", "team", "Tags.member.1.Value", "a"},
		{"TagPolicy", "PolicyArn", shapedPolicy, "Tags.member.1.Key", "use", "Tags.member.1.Value", ""},
		{"ListPolicyTags", "PolicyArn", shapedPolicy, "MaxItems", "1"},
		{"CreatePolicy", "PolicyName", "write", "PolicyDocument", writePolicy},
		{"GetPolicy", "PolicyArn", shapedPolicy},
		{"GetPolicyVersion", "PolicyArn", shapedPolicy, "VersionId", "v1"},
		{"ListPolicies", "MaxItems", "1", "Scope", "Local"},
		{"CreatePolicyVersion", "PolicyArn", shapedPolicy, "PolicyDocument", writePolicy, "SetAsDefault", "true"},
		{"SetDefaultPolicyVersion", "PolicyArn", shapedPolicy, "VersionId", "v1"},
		{"ListPolicyVersions", "PolicyArn", shapedPolicy, "MaxItems", "1"},
		{"AttachRolePolicy", "RoleName", "shaped", "PolicyArn", shapedPolicy},
		{"AttachUserPolicy", "UserName", "shaped", "PolicyArn", shapedPolicy},
		{"AttachGroupPolicy", "GroupName", "shaped", "PolicyArn", shapedPolicy},
		{"ListEntitiesForPolicy", "PolicyArn", shapedPolicy},
		{"ListEntitiesForPolicy", "PolicyArn", shapedPolicy, "MaxItems", "1"},
	},
	deletions: [][]string{
		{"DetachRolePolicy", "RoleName", "shaped", "PolicyArn", shapedPolicy},
		{"DetachUserPolicy", "UserName", "shaped", "PolicyArn", shapedPolicy},
		{"DetachGroupPolicy", "GroupName", "shaped", "PolicyArn", shapedPolicy},
		{"DeletePolicyVersion", "PolicyArn", shapedPolicy, "VersionId", "v2"},
		{"UntagPolicy", "PolicyArn", shapedPolicy, "TagKeys.member.1", "team"},
		{"DeletePolicy", "PolicyArn", shapedPolicy},
	},
	lacking: map[string][]string{
		"only GetPolicyVersion tells it (IAM API Reference, PolicyVersion)":                   {"CreatePolicyVersionResult/PolicyVersion/Document", "ListPolicyVersionsResult/Versions/member/Document"},
		"only GetPolicy tells it (IAM API Reference, Policy)":                                 {"CreatePolicyResult/Policy/Description", "ListPoliciesResult/Policies/member/Description"},
		"lists of policies tell a subset of the attributes (IAM API Reference, ListPolicies)": {"ListPoliciesResult/Policies/member/Tags"},
	},
}
