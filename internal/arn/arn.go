// Package arn parses and builds Amazon Resource Names, the names by which
// policies speak of roles, users, providers and sessions.
//
// The form is arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE; the resource may
// itself hold colons. Source: AWS General Reference, "Amazon Resource Names
// (ARNs)", and, for the names that IAM and STS give, IAM User Guide, "IAM
// identifiers".
package arn

import (
	"fmt"
	"strings"
)

// Partition is the one partition that Daypass serves.
const Partition = "aws"

// AWS stands in place of an account in the ARNs of managed policies that AWS
// keeps: arn:aws:iam::aws:policy/….
const AWS = "aws"

// ARN is one parsed name. The zero value is no ARN.
type ARN struct {
	Partition string
	Service   string
	Region    string // empty for IAM and STS, which are global
	Account   string // 12 digits; empty for S3 buckets and objects
	Resource  string // all that follows the fifth colon
}

// Parse splits s into its six parts. It asks for the literal "arn", a
// partition, a service and a resource; it says which is missing. It does not
// ask whether the thing exists, nor whether the account is 12 digits: see
// ValidAccount.
func Parse(s string) (ARN, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ARN{}, fmt.Errorf("arn: %q is not of the form arn:partition:service:region:account:resource", s)
	}
	a := ARN{Partition: parts[1], Service: parts[2], Region: parts[3], Account: parts[4], Resource: parts[5]}
	switch {
	case a.Partition == "":
		return ARN{}, fmt.Errorf("arn: %q has no partition", s)
	case a.Service == "":
		return ARN{}, fmt.Errorf("arn: %q has no service", s)
	case a.Resource == "":
		return ARN{}, fmt.Errorf("arn: %q has no resource", s)
	}
	return a, nil
}

// String is the inverse of Parse.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// ValidAccount reports whether id is an AWS account id: exactly 12 ASCII digits.
func ValidAccount(id string) bool {
	if len(id) != 12 {
		return false
	}
	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' {
			return false
		}
	}
	return true
}

func iam(account, resource string) string {
	return "arn:" + Partition + ":iam::" + account + ":" + resource
}

// Root is the ARN of the account itself, which in a Principal stands for
// everyone to whom the account delegates.
func Root(account string) string { return iam(account, "root") }

// Role is the ARN of an IAM role. Path begins and ends with a slash; "/" is
// the default path.
func Role(account, path, name string) string { return iam(account, "role"+path+name) }

// User is the ARN of an IAM user.
func User(account, path, name string) string { return iam(account, "user"+path+name) }

// Group is the ARN of an IAM group.
func Group(account, path, name string) string { return iam(account, "group"+path+name) }

// InstanceProfile is the ARN of an instance profile.
func InstanceProfile(account, path, name string) string {
	return iam(account, "instance-profile"+path+name)
}

// Policy is the ARN of a customer managed policy.
func Policy(account, path, name string) string { return iam(account, "policy"+path+name) }

// OIDCProvider is the ARN of an OpenID Connect provider. Its url carries no
// scheme, as IAM stores it: "gitlab.example.com".
func OIDCProvider(account, url string) string { return iam(account, "oidc-provider/"+url) }

// SAMLProvider is the ARN of a SAML provider.
func SAMLProvider(account, name string) string { return iam(account, "saml-provider/"+name) }

// ServerCertificate is the ARN of a server certificate.
func ServerCertificate(account, path, name string) string {
	return iam(account, "server-certificate"+path+name)
}

// AssumedRole is the ARN of a role session. The role's path is not part of it
// (IAM User Guide, "IAM identifiers": sts assumed-role).
func AssumedRole(account, roleName, sessionName string) string {
	return "arn:" + Partition + ":sts::" + account + ":assumed-role/" + roleName + "/" + sessionName
}

// FederatedUser is the ARN of a session made by GetFederationToken.
func FederatedUser(account, name string) string {
	return "arn:" + Partition + ":sts::" + account + ":federated-user/" + name
}

// Secret is the ARN of a secret of Secrets Manager. Six characters follow its
// name, so that one that is made again under a name has another ARN.
func Secret(account, region, name, suffix string) string {
	return "arn:" + Partition + ":secretsmanager:" + region + ":" + account + ":secret:" + name + "-" + suffix
}

// OIDCProviderURL returns the url of an OpenID Connect provider's ARN, without
// scheme, and whether s is such an ARN.
func OIDCProviderURL(s string) (string, bool) {
	a, err := Parse(s)
	if err != nil || a.Service != "iam" || a.Region != "" || !ValidAccount(a.Account) {
		return "", false
	}
	url, ok := strings.CutPrefix(a.Resource, "oidc-provider/")
	return url, ok && url != ""
}

// RoleName returns the account and the last path element of a role's ARN, and
// whether s is a role's ARN.
func RoleName(s string) (account, name string, ok bool) {
	if account, name, ok = iamName(s, "role/"); !ok || !ValidAccount(account) {
		return "", "", false
	}
	return account, name, true
}

// PolicyName is RoleName for a managed policy. The account of one that AWS
// manages is AWS.
func PolicyName(s string) (account, name string, ok bool) {
	if account, name, ok = iamName(s, "policy/"); !ok || !ValidAccount(account) && account != AWS {
		return "", "", false
	}
	return account, name, true
}

func iamName(s, prefix string) (account, name string, ok bool) {
	a, err := Parse(s)
	if err != nil || a.Partition != Partition || a.Service != "iam" || a.Region != "" {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(a.Resource, prefix)
	if !ok {
		return "", "", false
	}
	name = rest[strings.LastIndexByte(rest, '/')+1:]
	return a.Account, name, name != ""
}
