package iam

// What tests outside the package look at.
var (
	ParseProviderURL = parseProviderURL
	PercentEncode    = percentEncode
	Size             = size
)

// Quotas that take long to reach through the API.
const (
	MaxProviders = maxProviders
	MaxProfiles  = maxProfiles
)
