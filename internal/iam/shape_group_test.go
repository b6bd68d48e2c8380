package iam_test

// shapedWriting is a policy that policyShapes makes beside shapedPolicy.
const shapedWriting = "arn:aws:iam::" + account + ":policy/write"

var groupShapes = shapes{
	requests: [][]string{
		{"CreateGroup", "GroupName", "team"},
		{"CreateGroup", "GroupName", "other"},
		{"AddUserToGroup", "GroupName", "team", "UserName", "eve"},
		{"AddUserToGroup", "GroupName", "other", "UserName", "eve"},
		{"AddUserToGroup", "GroupName", "team", "UserName", "ann"},
		{"GetGroup", "GroupName", "team", "MaxItems", "1"},
		{"ListGroups", "MaxItems", "1"},
		{"ListGroupsForUser", "UserName", "eve", "MaxItems", "1"},
		{"UpdateGroup", "GroupName", "team", "NewPath", "/people/"},
		{"PutGroupPolicy", "GroupName", "team", "PolicyName", "p", "PolicyDocument", writePolicy},
		{"PutGroupPolicy", "GroupName", "team", "PolicyName", "q", "PolicyDocument", writePolicy},
		{"GetGroupPolicy", "GroupName", "team", "PolicyName", "p"},
		{"ListGroupPolicies", "GroupName", "team", "MaxItems", "1"},
		{"AttachGroupPolicy", "GroupName", "team", "PolicyArn", shapedPolicy},
		{"AttachGroupPolicy", "GroupName", "team", "PolicyArn", shapedWriting},
		{"ListAttachedGroupPolicies", "GroupName", "team", "MaxItems", "1"},
	},
	deletions: [][]string{
		{"RemoveUserFromGroup", "GroupName", "team", "UserName", "eve"},
		{"RemoveUserFromGroup", "GroupName", "other", "UserName", "eve"},
		{"DetachGroupPolicy", "GroupName", "team", "PolicyArn", shapedPolicy},
		{"DetachGroupPolicy", "GroupName", "team", "PolicyArn", shapedWriting},
		{"DeleteGroupPolicy", "GroupName", "team", "PolicyName", "p"},
		{"DeleteGroup", "GroupName", "other"},
	},
}
