package policy

import (
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/arn"
)

// principalElement is Principal or NotPrincipal.
type principalElement struct {
	not       bool
	anyone    bool // "*" or {"AWS":"*"}
	public    bool // anyone includes callers without credentials
	federated []string
	services  []string
	accounts  []string
	arns      []string // of users, roles and sessions
	ids       []string // AIDA…, AROA…: of users and roles since deleted
	canonical []string
	written   []string
	entities  []stringAt // the users and roles among arns and ids, and where they are written
	delegated []string   // the accounts as written
}

// match reports whether the element covers who asks.
//
// A caller who comes with a token is covered only by the provider's own ARN,
// byte for byte: {"AWS":"*"} does not admit a web identity (published captures
// of AWS, 2026), and the bare "*" is taken for the same. In a Deny both cover
// every caller whatsoever: how AWS reads them there is not known, and so the
// reading is the one that closes.
//
// A caller of AWS is covered by "*", by the account or its root, by the ARN of
// the caller or of a session's role, and by the unique id, which is how AWS
// shows a user or role that was deleted: one made again under the same name has
// another (IAM User Guide, "AWS JSON policy elements: Principal").
func (e *principalElement) match(who *Principal, deny bool) bool {
	if e.not {
		return !e.spares(who)
	}
	if e.anyone && deny {
		return true
	}
	switch {
	case who.Federated != "":
		return holds(e.federated, who.Federated)
	case who.Service != "":
		return holds(e.services, who.Service)
	case who.Anonymous:
		return e.anyone && e.public
	case who.ARN == "":
		return false
	}
	return e.anyone || e.namesCaller(who) || e.namesRole(who) || e.namesAccount(who)
}

// spares reports whether NotPrincipal lists the caller. It must list every name
// that the caller goes by: of a user, the account and the user; of a session,
// the account, the role and the session (IAM User Guide, "AWS JSON policy
// elements: NotPrincipal").
func (e *principalElement) spares(who *Principal) bool {
	switch {
	case e.anyone:
		return true
	case who.Bounded:
		return false
	case who.Federated != "":
		return holds(e.federated, who.Federated)
	case who.Service != "":
		return holds(e.services, who.Service)
	case who.Anonymous || who.ARN == "":
		return false
	case !e.namesAccount(who):
		return false
	case who.RoleARN != "":
		return e.namesRole(who) && holds(e.arns, who.ARN)
	default:
		return e.namesCaller(who) || strings.HasSuffix(who.ARN, ":root")
	}
}

func (e *principalElement) namesCaller(who *Principal) bool {
	return holds(e.arns, who.ARN) || holds(e.ids, who.UniqueID)
}

func (e *principalElement) namesRole(who *Principal) bool {
	return who.RoleARN != "" && (holds(e.arns, who.RoleARN) || holds(e.ids, who.UniqueID))
}

func (e *principalElement) namesAccount(who *Principal) bool {
	return holds(e.accounts, who.Account) || holds(e.canonical, who.CanonicalUser)
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
	if m.name == "NotPrincipal" && !p.notPrincipal {
		return p.refuse(m.offset, m.name, "AssumeRole policy must not contain NotPrincipal field.",
			"%s holds no NotPrincipal; name in Principal who is meant", p.kind.noun())
	}
	if s.principal != nil {
		return p.refuse(m.offset, m.name, syntaxErrors, "the statement has both Principal and NotPrincipal; keep one")
	}
	s.principal = &principalElement{not: m.name == "NotPrincipal", public: p.public}
	n := &m.value
	switch {
	case n.shape == isString && n.text == "*":
		s.principal.anyone, s.principal.written = true, []string{"*"}
		return nil
	case n.shape == isString:
		return p.refuse(n.offset, m.name, fmt.Sprintf("Invalid principal in policy: %q", n.text),
			"%s is \"*\" or an object such as {\"Federated\": \"arn:…:oidc-provider/…\"}", m.name)
	case n.shape != isObject:
		return p.refuse(n.offset, m.name, syntaxErrors, "%s is \"*\" or an object, not %s", m.name, n.shape)
	}
	for i := range n.members {
		if err := p.readPrincipalType(&n.members[i], m.name, s.principal); err != nil {
			return err
		}
	}
	if len(s.principal.written) == 0 {
		return p.refuse(n.offset, m.name, "Missing required field Principal cannot be empty!", "%s names nobody; name who is meant", m.name)
	}
	return nil
}

func (p *parser) readPrincipalType(m *member, element string, e *principalElement) error {
	var add func(string) (message, detail string)
	switch m.name {
	case "AWS":
		add = e.addAWS
	case "Federated":
		add = e.addFederated
	case "Service":
		add = e.addService
	case "CanonicalUser":
		add = e.addCanonicalUser
	default:
		return p.refuse(m.offset, element, syntaxErrors, "%q is no type of principal%s", m.name,
			didYouMean(m.name, []string{"AWS", "Federated", "Service", "CanonicalUser"}))
	}
	names, err := p.readStrings(&m.value, element)
	if err != nil {
		return err
	}
	for _, name := range names {
		if message, detail := add(name.text); detail != "" {
			return p.refuse(name.offset, element, message, "%s", detail)
		}
		if m.name == "AWS" && isEntity(name.text) {
			e.entities = append(e.entities, name)
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
		e.accounts, e.delegated = append(e.accounts, name), append(e.delegated, name)
		return "", ""
	case isUniqueID(name):
		e.ids = append(e.ids, name)
		return "", ""
	}
	a, err := arn.Parse(name)
	if err != nil || !isAWSPrincipal(a) {
		return invalidPrincipal("AWS", name), fmt.Sprintf("%q is no principal of AWS; write a 12-digit account, or the ARN of a role, a user, a role session or an account's root, without wildcards", name)
	}
	if a.Resource == "root" {
		e.accounts, e.delegated = append(e.accounts, a.Account), append(e.delegated, name)
		return "", ""
	}
	e.arns = append(e.arns, name)
	return "", ""
}

// isUniqueID takes the ids of users and roles, which are 16 characters or more
// (IAM User Guide, "IAM identifiers", unique identifiers). Whether there is such
// a user or role is for others to ask.
func isUniqueID(name string) bool {
	rest, isRole := strings.CutPrefix(name, "AROA")
	if !isRole {
		var isUser bool
		if rest, isUser = strings.CutPrefix(name, "AIDA"); !isUser {
			return false
		}
	}
	return len(name) >= 16 && strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
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
	case "sts:federated-user":
		return name != "" && !strings.Contains(name, "/")
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

func (e *principalElement) addService(name string) (message, detail string) {
	if isDomainName(name) {
		e.services = append(e.services, name)
		return "", ""
	}
	return invalidPrincipal("Service", name), fmt.Sprintf("%q is no service principal; these are domain names, such as ec2.amazonaws.com", name)
}

func (e *principalElement) addCanonicalUser(name string) (message, detail string) {
	if len(name) == 64 && strings.Trim(name, "0123456789abcdef") == "" {
		e.canonical = append(e.canonical, name)
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
