package policy

// identityGrammar is that of the policies of users and roles, of permissions
// boundaries, which are such policies, and of session policies. The sentences
// are AWS's as the projects moto and versitygw reproduce them; they were not
// compared with AWS again. Those of STS for a session policy are known for
// invalid JSON alone; the others are taken to be IAM's.
//
// AWS may ask more of a managed policy than of an inline one; both are the same
// here, and a document of the older version is admitted in both.
func identityGrammar(kind Kind) *grammar {
	invalidJSON := syntaxErrors
	if kind == Session { // until 2025; since then STS sends its JSON reader's own words (reported by users)
		invalidJSON = "The policy is not in the valid JSON format."
	}
	return &grammar{
		kind:        kind,
		anyLiteral:  kind == Session,
		resource:    true,
		notAction:   true,
		invalidJSON: invalidJSON,
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
		badResource: func(resource string) string {
			return "Resource " + resource + ` must be in ARN format or "*".`
		},
		admitAction: checkAction,
	}
}
