package policy

// identityGrammar is that of the policies of users and roles. The sentences are
// AWS's as the projects moto and versitygw reproduce them; they were not
// compared with AWS again.
//
// AWS may ask more of a managed policy than of an inline one; both are the same
// here, and a document of the older version is admitted in both.
func identityGrammar() *grammar {
	return &grammar{
		kind:        Identity,
		resource:    true,
		notAction:   true,
		invalidJSON: syntaxErrors,
		badVersion:  syntaxErrors,
		noStatement: syntaxErrors,
		badSid:      syntaxErrors,
		sameSid:     "Statement IDs (SID) in a single policy must be unique.",
		missing: func(element string) string {
			switch element {
			case "Action":
				return "Policy statement must contain actions."
			case "Resource":
				return "Policy statement must contain resources."
			default:
				return syntaxErrors
			}
		},
		prohibited: func(string) string {
			return "Policy document should not specify a principal."
		},
		admitAction: checkAction,
	}
}
