package iam_test

import "strings"

var providerShapes = shapes{
	requests: [][]string{
		{"CreateOpenIDConnectProvider", "Url", "https://gitlab.example.com", "ClientIDList.member.1", "a", "ThumbprintList.member.1", strings.Repeat("a", 40)},
		{"GetOpenIDConnectProvider", "OpenIDConnectProviderArn", shapedProvider},
		{"ListOpenIDConnectProviders"},
	},
	deletions: [][]string{
		{"DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", shapedProvider},
	},
}
