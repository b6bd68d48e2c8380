package policy

// resourceGrammar is that of the policies that stand at a resource: a bucket, a
// secret, a queue. Each service of AWS words its refusals in its own way; the
// sentences here are those of Amazon S3 as the project versitygw reproduces
// them, and were not compared with AWS again.
func resourceGrammar() *grammar {
	return &grammar{
		kind:         Resource,
		idAllowed:    true,
		principal:    true,
		notPrincipal: true,
		public:       true,
		resource:     true,
		notAction:    true,
		invalidJSON:  "This policy contains invalid Json",
		badVersion:   "The policy must contain a valid version string",
		noStatement:  "Could not parse the policy: Statement is empty!",
		badSid:       syntaxErrors,
		sameSid:      "The Statement Ids in the policy are not unique",
		missing: func(element string) string {
			return "Missing required field " + element
		},
		prohibited: func(element string) string {
			return "Has prohibited field " + element
		},
		badResource: func(string) string {
			return "Policy has invalid resource"
		},
		admitAction: func(pattern string) (message, detail string) {
			if _, fault := checkAction(pattern); fault != "" {
				return "Policy has invalid action", fault
			}
			return "", ""
		},
	}
}
