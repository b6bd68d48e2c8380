package policy

import (
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/arn"
)

// principalElement is Principal.
type principalElement struct {
	anyone    bool // "*" or {"AWS":"*"}
	federated []string
	accounts  []string
	arns      []string
	written   []string
}

// match reports whether the element covers who asks.
//
// A caller who comes with a token is covered only by the provider's own ARN,
// byte for byte: {"AWS":"*"} does not admit a web identity (published captures
// of AWS, 2026), and the bare "*" is taken for the same. In a Deny both cover
// every caller whatsoever: how AWS reads them there is not known, and so the
// reading is the one that closes.
//
// A caller of AWS is covered by "*", by the account or its root, or by its own
// ARN (IAM User Guide, "AWS JSON policy elements: Principal").
func (e *principalElement) match(who *Principal, deny bool) bool {
	if e.anyone && deny {
		return true
	}
	if who.Federated != "" {
		return holds(e.federated, who.Federated)
	}
	if who.ARN == "" {
		return false
	}
	return e.anyone || holds(e.arns, who.ARN) || holds(e.accounts, who.Account)
}

func holds(list []string, s string) bool {
	for i := range list {
		if list[i] == s {
			return true
		}
	}
	return false
}

func (p *parser) readPrincipal(m *member, s *statement) error {
	if m.name == "NotPrincipal" {
		return p.refuse(m.offset, m.name, "AssumeRole policy must not contain NotPrincipal field.",
			"NotPrincipal is not supported; name in Principal who is meant")
	}
	s.principal = &principalElement{}
	n := &m.value
	switch {
	case n.shape == isString && n.text == "*":
		s.principal.anyone, s.principal.written = true, []string{"*"}
		return nil
	case n.shape == isString:
		return p.refuse(n.offset, m.name, fmt.Sprintf("Invalid principal in policy: %q", n.text),
			"Principal is \"*\" or an object such as {\"Federated\": \"arn:…:oidc-provider/…\"}")
	case n.shape != isObject:
		return p.refuse(n.offset, m.name, syntaxErrors, "Principal is \"*\" or an object, not %s", n.shape)
	}
	for i := range n.members {
		if err := p.readPrincipalType(&n.members[i], s.principal); err != nil {
			return err
		}
	}
	if len(s.principal.written) == 0 {
		return p.refuse(n.offset, m.name, "Missing required field Principal cannot be empty!", "Principal names nobody; name who may assume the role")
	}
	return nil
}

func (p *parser) readPrincipalType(m *member, e *principalElement) error {
	var add func(string) (message, detail string)
	switch m.name {
	case "AWS":
		add = e.addAWS
	case "Federated":
		add = e.addFederated
	case "Service":
		add = addService
	case "CanonicalUser":
		add = addCanonicalUser
	default:
		return p.refuse(m.offset, "Principal", syntaxErrors, "%q is no type of principal%s", m.name,
			didYouMean(m.name, []string{"AWS", "Federated", "Service", "CanonicalUser"}))
	}
	names, err := p.readStrings(&m.value, "Principal")
	if err != nil {
		return err
	}
	for _, name := range names {
		if message, detail := add(name.text); detail != "" {
			return p.refuse(name.offset, "Principal", message, "%s", detail)
		}
		e.written = append(e.written, m.name+" "+name.text)
	}
	return nil
}

func (e *principalElement) addAWS(name string) (message, detail string) {
	switch {
	case name == "*":
		e.anyone = true
		return "", ""
	case arn.ValidAccount(name):
		e.accounts = append(e.accounts, name)
		return "", ""
	}
	a, err := arn.Parse(name)
	if err != nil || !isAWSPrincipal(a) {
		return invalidPrincipal("AWS", name), fmt.Sprintf("%q is no principal of AWS; write a 12-digit account, or the ARN of a role, a user, a role session or an account's root, without wildcards", name)
	}
	if a.Resource == "root" {
		e.accounts = append(e.accounts, a.Account)
		return "", ""
	}
	e.arns = append(e.arns, name)
	return "", ""
}

func isAWSPrincipal(a arn.ARN) bool {
	if a.Partition != arn.Partition || a.Region != "" || !arn.ValidAccount(a.Account) || !consistsOf(a.Resource, "_+=,.@-/") {
		return false
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	switch a.Service + ":" + kind {
	case "iam:root":
		return a.Resource == "root"
	case "iam:role", "iam:user":
		return name != "" && !strings.HasSuffix(name, "/")
	case "sts:assumed-role":
		role, session, ok := strings.Cut(name, "/")
		return ok && role != "" && session != "" && !strings.Contains(session, "/")
	default:
		return false
	}
}

// addFederated admits the ARN of an identity provider, and the domain names
// that AWS knows as providers of their own; Daypass has no callers of those.
func (e *principalElement) addFederated(name string) (message, detail string) {
	url, isOIDC := arn.OIDCProviderURL(name)
	switch {
	case isOIDC && !strings.ContainsAny(url, "*?#$ \t\r\n"), isSAMLProvider(name), isDomainName(name):
		e.federated = append(e.federated, name)
		return "", ""
	}
	return "Federated principals must be valid domain names or SAML metadata ARNs",
		fmt.Sprintf("%q is no identity provider; write its ARN, arn:aws:iam::ACCOUNT:oidc-provider/URL, where URL has no https://", name)
}

func isSAMLProvider(name string) bool {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "iam" || a.Region != "" || !arn.ValidAccount(a.Account) {
		return false
	}
	provider, ok := strings.CutPrefix(a.Resource, "saml-provider/")
	return ok && provider != "" && consistsOf(provider, "._-")
}

func addService(name string) (message, detail string) {
	if isDomainName(name) {
		return "", ""
	}
	return invalidPrincipal("Service", name), fmt.Sprintf("%q is no service principal; these are domain names, such as ec2.amazonaws.com", name)
}

func addCanonicalUser(name string) (message, detail string) {
	if len(name) == 64 && strings.Trim(name, "0123456789abcdef") == "" {
		return "", ""
	}
	return invalidPrincipal("CanonicalUser", name), fmt.Sprintf("%q is no canonical user id; these are 64 hexadecimal digits", name)
}

// invalidPrincipal is a sentence on which Terraform waits and tries again.
func invalidPrincipal(kind, name string) string {
	return `Invalid principal in policy: "` + kind + `":"` + name + `"`
}

// isDomainName asks for two labels or more of letters, digits and hyphens.
func isDomainName(s string) bool {
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || !consistsOf(label, "-") || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return len(labels) > 1
}
