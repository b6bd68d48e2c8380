package policy

import "strings"

// The sentences of IAM on an identity policy, recorded on AWS with CreatePolicy
// (2026), and for faults of which AWS says only that its older reader failed.
const (
	oldVersion    = "Policy document must be version 2012-10-17 or greater."
	legacyParsing = "The policy failed legacy parsing"
	sameSid       = "Statement IDs (SID) in a single policy must be unique."
	noActions     = "Policy statement must contain actions."
	noResources   = "Policy statement must contain resources."
	oneColon      = "Actions/Condition can contain only one colon."
	vendorPattern = "Resource vendor must be fully qualified and cannot contain regexes."
)

// identityGrammar is that of the policies of users and roles, of permissions
// boundaries, which are such policies, and of session policies. Those of STS for
// a session policy are known for invalid JSON alone; the others are taken to be
// IAM's.
//
// Of a document of the older version it was recorded that a managed policy may
// not be one; inline it is admitted.
func identityGrammar(kind Kind) *grammar {
	invalidJSON := syntaxErrors
	if kind == Session { // until 2025; since then STS sends its JSON reader's own words (reported by users)
		invalidJSON = "The policy is not in the valid JSON format."
	}
	return &grammar{
		kind:        kind,
		idAllowed:   kind != Session, // recorded on AWS with CreatePolicy; of STS it is not known
		anyLiteral:  kind == Session,
		resource:    true,
		notAction:   true,
		invalidJSON: invalidJSON,
		badVersion:  syntaxErrors,
		noStatement: syntaxErrors,
		badSid:      syntaxErrors,
		sameSid:     sameSid,
		missing: func(element string) string {
			switch element {
			case "Action":
				return noActions
			case "Resource":
				return noResources
			default:
				return syntaxErrors
			}
		},
		prohibited: func(string) string {
			return "Policy document should not specify a principal."
		},
		badResource:  noARN,
		resourceForm: checkResourceForm,
		admitAction:  checkAction,
		precedence:   identityPrecedence,
	}
}

// identityPrecedence is the order in which AWS tells of several faults, as far as
// recordings have documents with two of them. Syntax comes before all.
func identityPrecedence(message string) int {
	switch message {
	case oldVersion:
		return 1
	case legacyParsing:
		return 2
	case sameSid:
		return 3
	case noActions:
		return 4
	case noResources:
		return 5
	case unprefaced, oneColon:
		return 7
	}
	switch {
	case strings.HasPrefix(message, "Vendor "):
		return 7
	case strings.HasPrefix(message, "Resource "), strings.HasPrefix(message, "IAM resource "), strings.HasPrefix(message, "Partition "):
		return 6
	default:
		return 0
	}
}

// iamResources are what the resource of an ARN of IAM can begin with, in the order
// of AWS's sentence.
var iamResources = []string{
	"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/", "sms-mfa/",
	"saml-provider/", "oidc-provider/", "report/", "access-report/",
}

// checkResourceForm asks of a resource without variables that it is an ARN of a
// form that AWS stores: of a partition, of a service that is written out, and of
// no region where the service has none. AWS takes the first part for arn whatever
// it is, and fills up parts that are missing, before it looks at the partition.
func checkResourceForm(text string) (message, detail string) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) == 1 {
		return noARN(text), "is no ARN; write arn:partition:service:region:account:resource, or \"*\""
	}
	if !isPartition(parts[1]) {
		filled := append([]string{"arn"}, parts[1:]...)
		for len(filled) < 6 {
			filled = append(filled, "*")
		}
		return `Partition "` + parts[1] + `" is not valid for resource "` + strings.Join(filled, ":") + `".`, "names no partition; write aws"
	}
	switch {
	case parts[0] != "arn": // AWS's sentence for a partition that is one is not known
		return noARN(text), "does not begin with arn"
	case len(parts) == 2 && !strings.HasSuffix(text, "*"):
		return vendorPattern, "names no service; write arn:partition:service:region:account:resource"
	}
	return checkServiceForm(text, parts)
}

// checkServiceForm is checkResourceForm for what depends on the service.
func checkServiceForm(text string, parts []string) (message, detail string) {
	switch {
	case parts[2] == "" || len(parts) < 6 && !strings.HasSuffix(text, "*") || len(parts) == 6 && parts[5] == "":
		return legacyParsing, "is no ARN; write arn:partition:service:region:account:resource"
	case len(parts) < 6:
		return "", ""
	case parts[2] == "iam" && parts[3] != "":
		return "IAM resource " + text + " cannot contain region information.", "names a region; IAM has none"
	case parts[2] == "s3" && parts[3] != "" && parts[4] == "": // access points have both
		return "Resource " + text + " can not contain region information.", "names a region; buckets have none in their ARNs"
	case parts[2] == "iam" && !isIAMResource(parts[5]):
		return `IAM resource path must either be "*", root, or start with ` + strings.Join(iamResources, ", ") + ".", "is of no kind of resource that IAM has"
	}
	return "", ""
}

// isIAMResource admits also what a wildcard can make one of them. Whether AWS
// does is not known.
func isIAMResource(resource string) bool {
	written := resource
	if i := strings.IndexAny(resource, "*?"); i >= 0 {
		written = resource[:i]
	}
	for _, start := range append([]string{"root"}, iamResources...) {
		if start == resource || strings.HasSuffix(start, "/") && strings.HasPrefix(resource, start) || written != resource && strings.HasPrefix(start, written) {
			return true
		}
	}
	return false
}

func noARN(resource string) string { return "Resource " + resource + ` must be in ARN format or "*".` }
