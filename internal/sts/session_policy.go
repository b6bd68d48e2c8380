package sts

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
)

// Limits of session policies (service model; STS API Reference, AssumeRole,
// Policy and PolicyArns).
const (
	maxSessionPolicy = 2048 // characters
	maxPolicyARNs    = 10
	minARN, maxARN   = 20, 2048
)

// policyPattern is what an inline session policy may be written in.
var policyPattern = regexp.MustCompile(`^[\t\n\r\x{20}-\x{FF}]+$`)

// sessionPolicies are the policies that a request asks its session to be
// limited by. None limits nothing.
type sessionPolicies struct {
	inline string
	arns   []string
}

// decodeSessionPolicies reads the parameters Policy and PolicyArns.
func decodeSessionPolicies(p awsapi.Params, v *awsapi.Validation) (*sessionPolicies, error) {
	s := &sessionPolicies{inline: p.Get("Policy")}
	if p.Has("Policy") {
		v.Length("policy", s.inline, 1, maxSessionPolicy)
		if s.inline != "" {
			v.Pattern("policy", s.inline, policyPattern, `[\u0009\u000A\u000D\u0020-\u00FF]+`)
		}
	}
	members, err := p.Structs("PolicyArns")
	if err != nil {
		return nil, err
	}
	for i, member := range members {
		name := "policyArns." + strconv.Itoa(i+1) + ".member.arn"
		value := member.Get("arn")
		v.Required(name, member.Has("arn"))
		if member.Has("arn") {
			v.Length(name, value, minARN, maxARN)
		}
		s.arns = append(s.arns, value)
	}
	v.Size("policyArns", awsapi.ShowList(s.arns), len(s.arns), maxPolicyARNs)
	return s, nil
}

// check reads the inline policy, and asks that the managed ones are there, and of
// the account of the session or of AWS. What STS says of an ARN that is not was not
// found in any recording; the code is the one of its neighbours.
func (s *sessionPolicies) check(c *awsapi.Call, account string) error {
	if s.inline != "" {
		if _, err := policy.Parse(policy.Session, s.inline); err != nil {
			return malformedPolicy(err)
		}
	}
	total := utf8.RuneCountInString(s.inline)
	for _, policyARN := range s.arns {
		if _, _, ok := arn.PolicyName(policyARN); !ok {
			return awsapi.Invalid("The specified ARN is not valid: " + policyARN)
		}
		if _, ok := c.Snapshot.PolicyFor(account, policyARN); !ok {
			return awsapi.Invalid("Policy "+policyARN+" does not exist or is not attachable.").
				Because("account %s has no managed policy of this ARN; session policies are those of the role's own account and those of AWS", account)
		}
		total += len(policyARN)
	}
	return nil
}

// malformedPolicy answers an inline policy that cannot be decided by. Its owner
// is the caller, who is told where the fault is.
func malformedPolicy(err error) error {
	var syntax *policy.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	message := syntax.Message
	if syntax.Detail != "" && syntax.Detail != message {
		message = strings.TrimSuffix(message, ".") + ". Line " + strconv.Itoa(syntax.Line) + ", column " + strconv.Itoa(syntax.Column) + ": " + syntax.Detail
	}
	return awsapi.Error(http.StatusBadRequest, "MalformedPolicyDocument", message).Because("%s", syntax.Error())
}

// set puts the policies into a grant.
func (s *sessionPolicies) set(g *session.Grant) { g.Policy, g.PolicyARNs = s.inline, s.arns }

// none reports whether nothing was asked for.
func (s *sessionPolicies) none() bool { return s.inline == "" && len(s.arns) == 0 }
