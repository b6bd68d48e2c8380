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
	"github.com/daypass/daypass/internal/trust"
)

// Quotas of documents, in characters without white space. Trust policies have
// what AWS grants on request, since nobody is there to ask: 4096, where a new
// account of AWS has 2048 (IAM User Guide, "IAM and AWS STS quotas", 2023).
const (
	maxTrustPolicy    = 4096
	maxManagedPolicy  = 6144
	maxInlinePolicies = 10240 // of one role, all its inline policies together
)

// trustPolicy checks the trust policy of a role: what it says, and that it does
// not open the role to all users of an issuer that everybody may use.
func trustPolicy(document string) error {
	parsed, err := parse(policy.Trust, document)
	if err != nil {
		return err
	}
	var control *trust.ControlError
	if err := trust.CheckSharedIssuers(parsed); errors.As(err, &control) {
		return awsapi.Error(http.StatusBadRequest, "MalformedPolicyDocument", control.Message).
			Because("statement %d admits all users of an issuer that is shared", control.Statement)
	} else if err != nil {
		return err
	}
	if size(document) > maxTrustPolicy {
		return limitExceeded("Cannot exceed quota for ACLSizePerRole: %d", maxTrustPolicy)
	}
	return nil
}

// identityPolicy checks an inline or managed policy. Its size is a matter of
// where it goes.
func identityPolicy(document string) error {
	_, err := parse(policy.Identity, document)
	return err
}

// parse refuses a document that cannot be decided by. AWS's sentence comes
// first, since clients look for it; what Daypass knows beyond it follows: it is
// the caller's own document, and the caller has to mend it.
func parse(kind policy.Kind, document string) (*policy.Document, error) {
	parsed, err := policy.Parse(kind, document)
	var syntax *policy.SyntaxError
	if !errors.As(err, &syntax) {
		return parsed, err
	}
	message := syntax.Message
	if syntax.Detail != "" && syntax.Detail != message {
		beyond := ": line %d, column %d: %s"
		if strings.HasSuffix(message, ".") {
			beyond = " Line %d, column %d: %s"
		}
		message += fmt.Sprintf(beyond, syntax.Line, syntax.Column, syntax.Detail)
	}
	return nil, awsapi.Error(http.StatusBadRequest, "MalformedPolicyDocument", message).Because("%s", syntax.Error())
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
