package iam

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
)

// Quotas of documents, in characters without white space. Trust policies have
// what AWS grants on request, since nobody is there to ask: 4096, where a new
// account of AWS has 2048 (IAM User Guide, "IAM and AWS STS quotas", 2023).
const (
	maxTrustPolicy    = 4096
	maxManagedPolicy  = 6144
	maxInlinePolicies = 10240 // of one role, all its inline policies together
)

// trustPolicy checks the trust policy of a role.
func trustPolicy(document string) error {
	if err := parse(policy.Trust, document); err != nil {
		return err
	}
	if size(document) > maxTrustPolicy {
		return limitExceeded("Cannot exceed quota for ACLSizePerRole: %d", maxTrustPolicy)
	}
	return nil
}

// identityPolicy checks an inline or managed policy. Its size is a matter of
// where it goes.
func identityPolicy(document string) error { return parse(policy.Identity, document) }

// parse refuses a document that cannot be decided by. AWS's sentence comes
// first, since clients look for it; what Daypass knows beyond it follows: it is
// the caller's own document, and the caller has to mend it.
func parse(kind policy.Kind, document string) error {
	_, err := policy.Parse(kind, document)
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

// percentEncode gives a document as replies carry it: percent-encoded after
// RFC 3986, all but unreserved characters.
func percentEncode(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}
