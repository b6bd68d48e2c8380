package iam_test

var accountShapes = shapes{
	requests: [][]string{
		{"CreateAccountAlias", "AccountAlias", "example"},
		{"ListAccountAliases"},
		{"GetAccountSummary"},
		{"ListSAMLProviders"},
		{"ListServerCertificates"},
	},
	deletions: [][]string{
		{"DeleteAccountAlias", "AccountAlias", "example"},
	},
	lacking: map[string][]string{
		"there is no policy of passwords":       {"GetAccountPasswordPolicy", "DeleteAccountPasswordPolicy"},
		"an account has one alias":              {"ListAccountAliasesResult/Marker"},
		"there are no server certificates here": {"ListServerCertificatesResult/Marker"},
	},
}
