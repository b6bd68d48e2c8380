// Package policy is the IAM policy language: it reads documents, decides
// requests by them, and tells why.
//
// # The way through
//
//	document, err := policy.Parse(policy.Identity, text)
//	decision := policy.Decide(&policy.Request{…}, []*policy.Document{document}, nil)
//	if decision.Allowed() { … }
//
// Parse does all that can fail. What it does not understand it refuses by name,
// with the line and column and the next step (see SyntaxError), so that no part
// of a document is ever skipped. Decide cannot fail: it returns Allow,
// ExplicitDeny or ImplicitDeny. Pass a *Reasons in place of the last nil to
// learn what each statement and each condition wanted and got; the decision is
// the same with and without.
//
// # Where to look
//
//   - document.go, statement.go: the grammar that all kinds of policy share
//   - identity.go, trust.go, resource_policy.go: what one kind asks for, and
//     AWS's sentences for it
//   - principal.go, action.go, resource.go, condition.go: one element each
//   - operator.go, value.go: the condition operators, and one value of them;
//     number.go, date.go, ip.go, lower.go: how values are read and compared
//   - glob.go: the wildcards * and ?; variable.go: policy variables
//   - decide.go: the decision; reasons.go, hint.go: its account of itself
//   - evaluate.go: the decision by all policies of a request, which is put
//     together from decisions; evaluate_denial.go: AWS's sentence for a no
//   - index.go: which statements of a long document need no look
//
// Source of the language: IAM User Guide, "Grammar of the IAM JSON policy
// language" and "Policy evaluation logic". Where AWS's pages are silent, a rule
// names "published captures of AWS": answers of the live service that others
// recorded and published. They were not repeated for Daypass.
package policy

import "fmt"

// Kind says where a policy is attached, which decides what it must and must
// not hold. The zero Kind is none, and Parse refuses it.
type Kind uint8

const (
	// Identity is a policy of a user or a role: it names no principal.
	Identity Kind = iota + 1
	// Trust is the policy of a role that says who may assume it: it names no
	// resource, because the resource is the role.
	Trust
	// Resource is a policy of a bucket, a secret or the like: it names whom it
	// is about, and what.
	Resource
	// Session is a policy that comes with a request for credentials and limits
	// what they may do.
	Session
	// Boundary is a policy of a user or a role that limits what its identity
	// policies may allow.
	Boundary
)

// String names the kind as IAM's documentation does.
func (k Kind) String() string {
	switch k {
	case Identity:
		return "identity-based policy"
	case Trust:
		return "role trust policy"
	case Resource:
		return "resource-based policy"
	case Session:
		return "session policy"
	case Boundary:
		return "permissions boundary"
	default:
		return fmt.Sprintf("policy.Kind(%d)", uint8(k))
	}
}

// MarshalText writes the kind as String does.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText is the inverse of MarshalText. An unknown text is an error, and
// leaves no kind.
func (k *Kind) UnmarshalText(text []byte) error {
	*k = 0
	for _, known := range [...]Kind{Identity, Trust, Resource, Session, Boundary} {
		if known.String() == string(text) {
			*k = known
			return nil
		}
	}
	return fmt.Errorf("policy: %q is no kind of policy", text)
}

// noun is the kind with its article.
func (k Kind) noun() string {
	if k == Identity {
		return "an " + k.String()
	}
	return "a " + k.String()
}

// Effect is what a request meets. The zero Effect denies.
type Effect uint8

const (
	// ImplicitDeny means that no statement allows the request.
	ImplicitDeny Effect = iota
	// Allow means that a statement allows the request and none denies it.
	Allow
	// ExplicitDeny means that a statement denies the request, or that a
	// document could not be read: nothing else can allow it then.
	ExplicitDeny
)

// String is "ImplicitDeny", "Allow" or "ExplicitDeny".
func (e Effect) String() string {
	switch e {
	case ImplicitDeny:
		return "ImplicitDeny"
	case Allow:
		return "Allow"
	case ExplicitDeny:
		return "ExplicitDeny"
	default:
		return fmt.Sprintf("policy.Effect(%d)", uint8(e))
	}
}

// MarshalText writes the effect as String does.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText is the inverse of MarshalText. An unknown text is an error, and
// leaves ImplicitDeny.
func (e *Effect) UnmarshalText(text []byte) error {
	*e = ImplicitDeny
	for _, known := range [...]Effect{ImplicitDeny, Allow, ExplicitDeny} {
		if known.String() == string(text) {
			*e = known
			return nil
		}
	}
	return fmt.Errorf("policy: %q is no effect", text)
}

// Decision is the answer to one request. The zero Decision denies.
type Decision struct {
	Effect Effect `json:"effect"`
	// Document and Statement are the indices, from 0, of the first statement
	// that gave the effect: the first Deny that matched, otherwise the first
	// Allow. Both are -1 when none did. Statement alone is -1 when a document
	// that could not be read denied.
	Document  int `json:"document"`
	Statement int `json:"statement"`
}

// Allowed reports whether the request may go on.
func (d Decision) Allowed() bool { return d.Effect == Allow }

// Principal is who asks. The zero Principal is nobody, whom no Allow covers that
// names principals. A Principal is federated, a service, anonymous or a caller
// of AWS; where it is several, the first in this order counts.
type Principal struct {
	// Federated is the ARN of the identity provider that vouches for a caller
	// who comes with a token.
	Federated string
	// Service is the name of an AWS service that calls on its own behalf.
	Service string
	// Anonymous is a caller without credentials. Only "*" covers it, and only in
	// a resource policy.
	Anonymous bool

	// ARN is a caller of AWS: a user, or a role session.
	ARN string
	// Account is the 12-digit account of the caller with that ARN.
	Account string
	// RoleARN is the ARN, with its path, of the role of a session.
	RoleARN string
	// UniqueID is the id of the user, AIDA…, or of the session's role, AROA….
	UniqueID string
	// CanonicalUser is Amazon S3's id of the caller's account.
	CanonicalUser string
	// Bounded says that the user or role has a permissions boundary. A Deny with
	// NotPrincipal covers every such caller (IAM User Guide, "AWS JSON policy
	// elements: NotPrincipal").
	Bounded bool
}

// Request is one question. Both Action and Resource must be given: an action
// that is not of the form vendor:name and an empty resource are never allowed.
type Request struct {
	Action    string // sts:AssumeRoleWithWebIdentity
	Resource  string // an ARN, or "*" where the action has no resource
	Principal Principal
	Context   *Context // the condition keys; nil has none
}
