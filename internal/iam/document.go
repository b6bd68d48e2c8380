package iam

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
)

// Quotas of documents, in characters without white space. Trust policies have
// what AWS grants on request, since nobody is there to ask: 4096, where a new
// account of AWS has 2048 (IAM User Guide, "IAM and AWS STS quotas", 2023).
const (
	maxTrustPolicy   = 4096
	maxManagedPolicy = 6144
)

// trustPolicy checks the trust policy of a role: what it says, that it does not
// open the role to all users of an issuer that everybody may use, and that the
// accounts, users and roles that it names exist. It gives their unique ids by the names.
func trustPolicy(c *awsapi.Call, document string) (principals map[string]string, err error) {
	parsed, err := parse(policy.Trust, document)
	if err != nil {
		return nil, err
	}
	var control *trust.ControlError
	if err := trust.CheckSharedIssuers(parsed); errors.As(err, &control) {
		return nil, awsapi.Error(http.StatusBadRequest, "MalformedPolicyDocument", control.Message).
			Because("statement %d admits all users of an issuer that is shared", control.Statement)
	} else if err != nil {
		return nil, err
	}
	if size(document) > maxTrustPolicy {
		return nil, limitExceeded("Cannot exceed quota for ACLSizePerRole: %d", maxTrustPolicy)
	}
	for _, written := range parsed.Accounts() {
		account := written
		if a, err := arn.Parse(written); err == nil {
			account = a.Account
		}
		if !c.Snapshot.Account(account) {
			return nil, invalidPrincipal(written, "account")
		}
	}
	ids, missing := c.Snapshot.PrincipalIDs(parsed)
	if missing != "" {
		return nil, awsapi.Error(http.StatusBadRequest, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+missing+`"`).
			Because("there is no user or role %s; make it first", missing)
	}
	return ids, nil
}

// invalidPrincipal answers a principal that there is not (recorded on AWS, also of
// accounts).
func invalidPrincipal(written, kind string) error {
	return awsapi.Error(http.StatusBadRequest, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+written+`"`).
		Because("there is no %s %s; make it first", kind, written)
}

// identityPolicy checks an inline policy. Its size is a matter of where it goes.
func identityPolicy(document string) error {
	_, err := parse(policy.Identity, document)
	return err
}

// managedPolicy is identityPolicy for a version of a managed policy, of which AWS
// asks that it is of the newer version of the language.
func managedPolicy(document string) error {
	if _, err := policy.ParseManaged(document); err != nil {
		return malformed(err)
	}
	return nil
}

// parse refuses a document that cannot be decided by. AWS's sentence comes
// first, since clients look for it; what Daypass knows beyond it follows: it is
// the caller's own document, and the caller has to mend it.
func parse(kind policy.Kind, document string) (*policy.Document, error) {
	parsed, err := policy.Parse(kind, document)
	if err != nil {
		return nil, malformed(err)
	}
	return parsed, nil
}

// malformed is the answer to what Parse says.
func malformed(err error) error {
	var syntax *policy.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	message := syntax.Message
	if syntax.Detail != "" && syntax.Detail != message {
		beyond := ": line %d, column %d: %s"
		if strings.HasSuffix(message, ".") {
			beyond = " Line %d, column %d: %s"
		}
		message += fmt.Sprintf(beyond, syntax.Line, syntax.Column, syntax.Detail)
	}
	return awsapi.Error(http.StatusBadRequest, "MalformedPolicyDocument", message).Because("%s", syntax.Error())
}

// size is the length of a document as quotas count it: in characters, without
// white space (same guide).
func size(document string) int {
	n := utf8.RuneCountInString(document)
	for i := range len(document) {
		switch document[i] {
		case ' ', '\t', '\n', '\r':
			n--
		}
	}
	return n
}

// percentEncode gives a document as replies carry it.
func percentEncode(document string) string { return account.PercentEncode(document) }
