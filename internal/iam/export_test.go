package iam

// What tests outside the package look at.
var (
	ParseProviderURL = parseProviderURL
	PercentEncode    = percentEncode
	Size             = size
)
