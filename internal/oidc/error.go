package oidc

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is what is wrong with a token or a key set. A caller chooses the wire's
// error code from it. The zero Kind is not in use.
type Kind int

const (
	// NotAJWT: not three parts of strict base64url around two JSON objects, or
	// a header that asks for an extension (crit, b64).
	NotAJWT Kind = iota + 1
	// TooLarge: longer than MaxTokenBytes.
	TooLarge
	// UnsupportedAlgorithm: alg is none of RS256 RS384 RS512 ES256 ES384 ES512.
	UnsupportedAlgorithm
	// MissingClaim: iss, sub, aud, iat or exp is absent; see Error.Claim.
	MissingClaim
	// EmptyClaim: aud is an array without an element.
	EmptyClaim
	// InvalidClaim: a claim has a JSON type that is not understood, for
	// example an aud that is a number.
	InvalidClaim
	// SubjectNull: sub is null.
	SubjectNull
	// SeveralAudiences: aud names more than one and there is no azp.
	SeveralAudiences
	// BadTimestamp: iat, exp or nbf is not a whole number of seconds.
	BadTimestamp
	// AudienceNotRegistered: the audience is no client id of the provider.
	AudienceNotRegistered
	// Expired: exp is more than Skew ago.
	Expired
	// IssuedInFuture: iat is more than Skew ahead.
	IssuedInFuture
	// NotYetValid: nbf is more than Skew ahead.
	NotYetValid
	// UnknownKey: the issuer publishes no usable key of the token's kid.
	UnknownKey
	// BadSignature: the key does not confirm the signature, or has key_ops, which
	// AWS answers alike (recorded, 2026-09).
	BadSignature
	// BadKeySet: the issuer's document is no JWK Set (only from ParseKeySet).
	BadKeySet
)

// Error is every error of this package. It never holds the token.
type Error struct {
	Kind  Kind
	Claim string // the claim's name, where one claim is at fault

	// Current and Limit are the two times that were compared, in Unix seconds,
	// as AWS prints them: Current already has the 300 seconds of tolerance
	// taken off (Expired) or added (NotYetValid), Limit is the claim's value.
	Current, Limit int64

	// Reason says what was found and what would help, for the operator. It may
	// name values of claims, cut to a bearable length.
	Reason string
}

// Error is the reason, for logs and for the operator.
func (e *Error) Error() string { return "oidc: " + e.Reason }

const (
	// notValidated replaced "Incorrect token audience" in 2026 (recorded on
	// AWS, 2026-09).
	notValidated = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	// noKey has two spaces, as AWS sends it (recorded on AWS, 2026-09).
	noKey  = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	notJWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
)

// Message is what AWS tells the client, recorded on AWS, 2026-09. Not recorded,
// and so our choice: TooLarge (the form of other constraint errors of STS),
// UnsupportedAlgorithm (users report the missing-key sentence, since AWS finds
// no key for such a token), InvalidClaim and BadKeySet.
func (e *Error) Message() string {
	switch e.Kind {
	case NotAJWT:
		return notJWT
	case TooLarge:
		return "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to " + strconv.Itoa(MaxTokenBytes)
	case MissingClaim:
		return "Missing a required claim: " + e.Claim
	case EmptyClaim:
		return "Claim is not allowed to be empty: " + e.Claim
	case SubjectNull:
		return "Unknown error validating third-party token"
	case SeveralAudiences:
		return "Token audience contains more than one audience while authorized party is not present"
	case BadTimestamp:
		return "Invalid timestamp in token claims."
	case Expired:
		return fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", e.Current, e.Limit)
	case IssuedInFuture:
		return fmt.Sprintf("Token issued in the future: %d", e.Limit)
	case NotYetValid:
		return fmt.Sprintf("Token not yet valid: current date/time %d must be after or equal to the not-before date/time %d", e.Current, e.Limit)
	case UnknownKey, UnsupportedAlgorithm, BadKeySet:
		return noKey
	default: // AudienceNotRegistered, InvalidClaim, BadSignature
		return notValidated
	}
}

// Code is AWS's error code for Message (recorded on AWS, 2026-09).
func (e *Error) Code() string {
	switch e.Kind {
	case Expired:
		return "ExpiredTokenException"
	case SubjectNull:
		return "InternalFailure"
	case TooLarge:
		return "ValidationError"
	default:
		return "InvalidIdentityToken"
	}
}

func fail(kind Kind, claim, reason string, args ...any) *Error {
	return &Error{Kind: kind, Claim: claim, Reason: fmt.Sprintf(reason, args...)}
}

// maxShown bounds, in bytes, one value that an Error repeats: a reason is read
// by a person, and a claim may be 20,000 bytes long.
const maxShown = 256

// shown quotes a value for a reason, cut to maxShown.
func shown(s string) string {
	if len(s) > maxShown {
		return strconv.Quote(strings.ToValidUTF8(s[:maxShown], "")) + " (cut)"
	}
	return strconv.Quote(s)
}

// shownList quotes at most five values.
func shownList(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	quoted := make([]string, 0, 6)
	for i, v := range values {
		if i == 5 {
			quoted = append(quoted, fmt.Sprintf("and %d more", len(values)-5))
			break
		}
		quoted = append(quoted, shown(v))
	}
	return strings.Join(quoted, ", ")
}
