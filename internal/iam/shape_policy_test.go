package iam_test

var policyShapes = shapes{
	requests: [][]string{
		{"CreatePolicy", "PolicyName", "read", "PolicyDocument", readPolicy, "Description", "d", "Tags.member.1.Key", "team", "Tags.member.1.Value", "a"},
		{"CreatePolicy", "PolicyName", "write", "PolicyDocument", writePolicy},
		{"GetPolicy", "PolicyArn", shapedPolicy},
		{"GetPolicyVersion", "PolicyArn", shapedPolicy, "VersionId", "v1"},
		{"ListPolicies", "MaxItems", "1", "Scope", "Local"},
	},
	deletions: [][]string{
		{"DeletePolicy", "PolicyArn", shapedPolicy},
	},
	lacking: map[string][]string{
		"only GetPolicy tells it (IAM API Reference, Policy)":                                 {"CreatePolicyResult/Policy/Description", "ListPoliciesResult/Policies/member/Description"},
		"lists of policies tell a subset of the attributes (IAM API Reference, ListPolicies)": {"ListPoliciesResult/Policies/member/Tags"},
	},
}
