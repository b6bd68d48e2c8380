package trust

import "fmt"

// Kind is what is wrong with a claim that tells STS what to do. The zero Kind is
// not in use.
type Kind uint8

const (
	// UnknownClaim is a claim under https://aws.amazon.com/ that Daypass does not
	// know. It may forbid something, and so is not passed over.
	UnknownClaim Kind = iota + 1
	// TooManyClaims: more than MaxExtendedClaims, where those are on.
	TooManyClaims
	// RolesFormat: the claim roles is neither a string nor a list.
	RolesFormat
	// NoRoles: the claim roles holds no ARN of a role.
	NoRoles
	// RoleNotListed: the role asked for is not in the claim roles.
	RoleNotListed
	// TagsFormat: the claim tags, or one of the claims below it, has another form
	// than session tags have.
	TagsFormat
	// PrincipalTagsFormat: the tags themselves have.
	PrincipalTagsFormat
	// DuplicateTag: two tags whose keys differ at most in case.
	DuplicateTag
	// NotATag: a transitive tag key that is the key of no tag.
	NotATag
	// SourceIdentityFormat: the claim source_identity cannot be one.
	SourceIdentityFormat
)

// Error is every error of this package.
type Error struct {
	Kind  Kind
	Claim string // the claim's name; "" where no one claim is at fault
	// Reason says what was found and what would help, for the operator.
	Reason string
}

// Error is the reason, for logs and for the operator.
func (e *Error) Error() string { return "trust: " + e.Reason }

// Message is what AWS tells the client, or empty where it is told no more than
// that it is not authorized. Those of the roles and the two of the tags' format
// were recorded on AWS, 2026-09; which of these two AWS sends in which case is
// known for values that are no lists of one. DuplicateTag and NotATag are AWS's
// for the parameters of AssumeRole. SourceIdentityFormat is not known, and made
// after those of the tags.
func (e *Error) Message() string {
	switch e.Kind {
	case RolesFormat:
		return "The roles claim is not in a supported format"
	case NoRoles:
		return "The roles claim contains no valid role ARNs"
	case RoleNotListed:
		return "The target role ARN is not present in the roles claim of the identity token"
	case TagsFormat:
		return "Session tags passed in claim are not in correct format."
	case PrincipalTagsFormat:
		return "principal_tags passed in claim is not in correct format."
	case DuplicateTag:
		return "Duplicate tag keys found. Please note that Tag keys are case insensitive."
	case NotATag:
		return "The specified transitive tag key must be included in the requested tags."
	case SourceIdentityFormat:
		return "Source identity passed in claim is not in correct format."
	default: // UnknownClaim, TooManyClaims
		return ""
	}
}

// Code is AWS's error code for Message; where there is no message, that of a
// caller who is not authorized.
func (e *Error) Code() string {
	switch e.Kind {
	case UnknownClaim, TooManyClaims:
		return "AccessDenied"
	case DuplicateTag, NotATag: // as for the parameters of AssumeRole
		return "InvalidParameterValue"
	default:
		return "InvalidIdentityToken"
	}
}

func fail(kind Kind, claim, reason string, args ...any) *Error {
	return &Error{Kind: kind, Claim: claim, Reason: fmt.Sprintf(reason, args...)}
}
