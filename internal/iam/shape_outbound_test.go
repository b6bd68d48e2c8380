package iam_test

var outboundShapes = shapes{
	requests: [][]string{
		{"EnableOutboundWebIdentityFederation"},
		{"GetOutboundWebIdentityFederationInfo"},
		{"DisableOutboundWebIdentityFederation"},
	},
}
