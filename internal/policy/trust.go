package policy

import (
	"fmt"
	"strings"
)

const onlyAssumeRoleActions = "AssumeRole policy may only specify STS AssumeRole actions."

// trustGrammar is that of the policies that say who may assume a role. The
// sentence on invalid JSON comes from published captures of AWS; the others are
// AWS's as versitygw and public issues quote them, and were not compared with
// AWS again.
func trustGrammar() *grammar {
	return &grammar{
		kind:        Trust,
		idAllowed:   true,
		principal:   true,
		invalidJSON: "This policy contains invalid Json",
		badVersion:  "The policy must contain a valid version string",
		noStatement: "Could not parse the policy: Statement is empty!",
		badSid:      syntaxErrors,
		sameSid:     "The Statement Ids in the policy are not unique",
		missing: func(element string) string {
			return "Missing required field " + element
		},
		prohibited: func(element string) string {
			return "Has prohibited field " + element
		},
		admitAction: checkTrustAction,
	}
}

// checkTrustAction admits an action pattern that can mean an action on a role's
// trust, and no action of another service. All actions of STS, "sts:*", are too
// many (published captures of AWS, 2026-09); narrower patterns are admitted.
//
// Source: IAM User Guide, "Update a role trust policy", and the actions that
// the Service Authorization Reference lists for AWS STS on a role.
func checkTrustAction(pattern string) (message, detail string) {
	if _, fault := checkAction(pattern); fault != "" {
		return onlyAssumeRoleActions, fault
	}
	asked := newActionPattern(pattern)
	if !asked.any && !strings.HasSuffix(pattern, ":*") {
		for _, action := range [...]string{
			"AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML",
			"TagSession", "SetSourceIdentity", "SetContext",
		} {
			if asked.match("sts", action) {
				return "", ""
			}
		}
	}
	return onlyAssumeRoleActions, fmt.Sprintf("%q is no action of a role trust policy; for a caller with an ID token write sts:AssumeRoleWithWebIdentity", pattern)
}
