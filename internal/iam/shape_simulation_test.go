package iam_test

import "slices"

var simulationShapes = shapes{
	requests: [][]string{
		slices.Concat([]string{"SimulateCustomPolicy", "PolicyInputList.member.1", readPolicy}, shapedSimulation),
		slices.Concat([]string{"SimulatePrincipalPolicy", "PolicySourceArn", "arn:aws:iam::" + account + ":user/ann", "PolicyInputList.member.1", readPolicy}, shapedSimulation),
		{"GetContextKeysForCustomPolicy", "PolicyInputList.member.1", statement("Allow", "s3:*", "*", `"StringEquals":{"aws:username":"a"}`)},
		{"GetContextKeysForPrincipalPolicy", "PolicySourceArn", shapedRole},
	},
	lacking: map[string][]string{
		"there are no organizations": {"SimulateCustomPolicyResult/EvaluationResults/member/OrganizationsDecisionDetail", "SimulatePrincipalPolicyResult/EvaluationResults/member/OrganizationsDecisionDetail"},
	},
}

var shapedSimulation = []string{
	"ActionNames.member.1", "s3:GetObject", "ActionNames.member.2", "s3:PutObject", "MaxItems", "1",
	"PermissionsBoundaryPolicyInputList.member.1", readPolicy, "CallerArn", "arn:aws:iam::" + account + ":user/ann", "ResourceArns.member.1", "arn:aws:s3:::releases/a",
	"ResourceOwner", "arn:aws:iam::210987654321:root",
	"ResourcePolicy", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::releases/*"}}`,
}
