package sigv4

import "errors"

// ErrMissing says that a request is not signed at all: it has no Authorization
// header and no query authentication.
var ErrMissing = errors.New("sigv4: request is not signed")

// Kind tells refusals apart. The zero Kind is none of them.
type Kind uint8

// The kinds for which AWS's Query services answer IncompleteSignature: the
// signature cannot be read.
const (
	UnsupportedAlgorithm Kind = iota + 1 // not AWS4-HMAC-SHA256
	QueryAuthentication                  // signed in the query, or there as well
	TooLong                              // header or list beyond its bound
	MultipleHeaders                      // more than one Authorization header
	ParameterForm                        // a parameter without an equal sign
	UnknownParameter                     // none of the three
	DuplicateParameter                   // one of the three, twice
	MissingParameter                     // one of the three is not there
	CredentialFormat                     // not five parts
	MissingDate                          // neither X-Amz-Date nor Date
	BadDate                              // a date that cannot be read
	lastIncomplete
)

// The kinds for which they answer SignatureDoesNotMatch: it can be read, and it
// is not good for this request, here and now.
const (
	HostNotSigned     Kind = iota + lastIncomplete + 1 // host is not in SignedHeaders
	SignedHeadersForm                                  // not lower case, not sorted, or repeated
	HeaderAbsent                                       // a signed header did not arrive
	Region                                             // of the scope: not a region's name
	Service                                            // of the scope: another service
	Terminator                                         // of the scope: not aws4_request
	DateScopeMismatch                                  // the scope's day is not the request's
	Expired                                            // more than 15 minutes old
	NotYetCurrent                                      // more than 15 minutes ahead
	PayloadMismatch                                    // X-Amz-Content-Sha256 is not the body's hash
	RequestForm                                        // the request has no canonical form
	Mismatch                                           // the signature is another
)

// String says in words for the operator what a kind means. It holds nothing of
// the request.
func (k Kind) String() string {
	switch k {
	case UnsupportedAlgorithm:
		return "the Authorization header does not use AWS4-HMAC-SHA256"
	case QueryAuthentication:
		return "the request is signed in its query, which is not supported here; sign in the Authorization header"
	case TooLong:
		return "the Authorization header is too long"
	case MultipleHeaders:
		return "there is more than one Authorization header"
	case ParameterForm:
		return "a parameter of the Authorization header has no equal sign"
	case UnknownParameter:
		return "the Authorization header has an unknown parameter"
	case DuplicateParameter:
		return "the Authorization header has a parameter twice"
	case MissingParameter:
		return "the Authorization header lacks a parameter"
	case CredentialFormat:
		return "the credential does not have exactly five parts"
	case MissingDate:
		return "there is neither an X-Amz-Date nor a Date header"
	case BadDate:
		return "the date cannot be read"
	case HostNotSigned:
		return "the Host header is not signed"
	case SignedHeadersForm:
		return "SignedHeaders is not in lower case, sorted and without repetition"
	case HeaderAbsent:
		return "a signed header did not arrive; look for a proxy that removes it"
	case Region:
		return "the credential scope names no region"
	case Service:
		return "the credential scope is another service's"
	case Terminator:
		return "the credential scope does not end in aws4_request"
	case DateScopeMismatch:
		return "the day of the credential scope is not the day of the request"
	case Expired:
		return "the request was signed more than 15 minutes ago; compare the clocks"
	case NotYetCurrent:
		return "the request was signed more than 15 minutes ahead; compare the clocks"
	case PayloadMismatch:
		return "the body is not the one that X-Amz-Content-Sha256 declares"
	case RequestForm:
		return "the request line or a header cannot be put into canonical form"
	case Mismatch:
		return "the signature is not that of this request under this secret access key"
	case lastIncomplete:
		// A mark between the groups, never the kind of an Error.
	}
	return "unknown kind of refusal"
}

// Error is a signature that is refused.
type Error struct {
	Kind Kind
	// Message is what AWS's Query services tell the client (recorded on AWS,
	// 2026-09, where not marked otherwise). It may repeat what the client sent.
	Message string

	detail string // for the operator, never a value from the request
}

// Error tells the operator what is wrong. It repeats no value of the request,
// because a secret can stand in the wrong place.
func (e *Error) Error() string {
	if e.detail == "" {
		return "sigv4: " + e.Kind.String()
	}
	return "sigv4: " + e.Kind.String() + ": " + e.detail
}

// Incomplete reports whether the signature cannot be read, for which Query
// services answer IncompleteSignature with 400. All other errors are
// SignatureDoesNotMatch with 403, and so is an Error without a known Kind.
func (e *Error) Incomplete() bool { return e.Kind > 0 && e.Kind < lastIncomplete }

// AWS's sentences.
const (
	mismatchMessage = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	// Recorded on S3; what Query services say is not.
	algorithmMessage    = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
	hostMessage         = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
	regionMessage       = "Credential should be scoped to a valid region. "
	terminatorMessage   = "Credential should be scoped with a valid terminator: 'aws4_request'"
	dateScopeMessage    = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
	missingDateSentence = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
)

// mismatch is a refusal for which AWS has only the one sentence.
func mismatch(kind Kind, detail string) *Error {
	return &Error{Kind: kind, Message: mismatchMessage, detail: detail}
}
