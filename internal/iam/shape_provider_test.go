package iam_test

import "strings"

var providerShapes = shapes{
	requests: [][]string{
		{
			"CreateOpenIDConnectProvider", "Url", "https://gitlab.example.com", "ClientIDList.member.1", "a", "ThumbprintList.member.1", strings.Repeat("a", 40),
			"Tags.member.1.Key", "team", "Tags.member.1.Value", "ci",
		},
		{"TagOpenIDConnectProvider", "OpenIDConnectProviderArn", shapedProvider, "Tags.member.1.Key", "Team", "Tags.member.1.Value", "ci"},
		{"TagOpenIDConnectProvider", "OpenIDConnectProviderArn", shapedProvider, "Tags.member.1.Key", "gone", "Tags.member.1.Value", ""},
		{"UntagOpenIDConnectProvider", "OpenIDConnectProviderArn", shapedProvider, "TagKeys.member.1", "gone"},
		{"ListOpenIDConnectProviderTags", "OpenIDConnectProviderArn", shapedProvider, "MaxItems", "1"},
		{"AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", shapedProvider, "ClientID", "b"},
		{"RemoveClientIDFromOpenIDConnectProvider", "OpenIDConnectProviderArn", shapedProvider, "ClientID", "b"},
		{"UpdateOpenIDConnectProviderThumbprint", "OpenIDConnectProviderArn", shapedProvider, "ThumbprintList.member.1", strings.Repeat("b", 40)},
		{"GetOpenIDConnectProvider", "OpenIDConnectProviderArn", shapedProvider},
		{"ListOpenIDConnectProviders"},
	},
	deletions: [][]string{
		{"DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", shapedProvider},
	},
}
