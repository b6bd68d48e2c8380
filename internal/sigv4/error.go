package sigv4

import "errors"

// ErrMissing says that a request is not signed at all: it has no Authorization
// header and no signature in its query.
var ErrMissing = errors.New("sigv4: request is not signed")

// Kind tells refusals apart. The zero Kind is none of them.
type Kind uint8

// The kinds for which AWS's Query services answer IncompleteSignature: the
// signature cannot be read.
const (
	UnsupportedAlgorithm Kind = iota + 1 // neither V4 nor V4A
	SignatureVersion2                    // in the query or the form
	TooLong                              // header, parameter or list beyond its bound
	MultipleHeaders                      // more than one Authorization header
	ParameterForm                        // a parameter without an equal sign, or wrongly encoded
	UnknownParameter                     // none of those there are
	DuplicateParameter                   // one of them, twice
	MissingParameter                     // one of them is not there
	CredentialFormat                     // not five parts, or for V4A four
	MissingDate                          // neither X-Amz-Date nor Date
	BadDate                              // a date that cannot be read
	BadExpires                           // X-Amz-Expires is no number of seconds up to a week
	lastIncomplete
)

// The kinds for which they answer SignatureDoesNotMatch: it can be read, and it
// is not good for this request, here and now.
const (
	TwoSignatures      Kind = iota + lastIncomplete + 1 // in the header and in the query
	HostNotSigned                                       // host is not in SignedHeaders
	RegionSetNotSigned                                  // nor is x-amz-region-set, for V4A
	SignedHeadersForm                                   // not lower case, not sorted, or repeated
	HeaderAbsent                                        // a signed header did not arrive
	Region                                              // of the scope or the region set: not a region's name
	Service                                             // of the scope: another service
	Terminator                                          // of the scope: not aws4_request
	DateScopeMismatch                                   // the scope's day is not the request's
	Expired                                             // more than 15 minutes old
	NotYetCurrent                                       // more than 15 minutes ahead
	PayloadMismatch                                     // X-Amz-Content-Sha256 is not the body's hash
	RequestForm                                         // the request has no canonical form
	SignatureForm                                       // of V4A: not what ECDSA gives
	Mismatch                                            // the signature is another
)

// The kinds that are S3's alone.
const (
	HeadersNotSigned   Kind = iota + Mismatch + 2 // x-amz-* or Content-MD5, outside SignedHeaders
	WrongRegion                                   // of the scope or the region set: another than is served here
	MissingPayloadHash                            // no X-Amz-Content-Sha256
	PayloadForm                                   // X-Amz-Content-Sha256 is neither a hash nor a form of body, or the wrong one
	PayloadLength                                 // the body's length is not declared, or not as a number
	BodyIncomplete                                // the body ends early, goes on too long, or its chunks cannot be read
	ChunkTooSmall                                 // a chunk below 8192 bytes that is not the last
	ChunkMismatch                                 // the signature of a chunk or of the trailer is another
	TrailerForm                                   // the trailer is not the one that X-Amz-Trailer declares
	ChecksumForm                                  // a checksum, or what is said of checksums, cannot be read
	ChecksumMismatch                              // a checksum is not the body's
	FormField                                     // a form for upload lacks a field, or has it twice
	PolicyForm                                    // the policy of a form cannot be read
	PolicyExpired                                 // or is over
	PolicyCondition                               // or does not admit this form
	EntityTooLarge                                // or a file of this size
	EntityTooSmall
)

// kindWords say for the operator what a kind means.
var kindWords = [...]string{ //nolint:gosec // words, no credentials (G101)
	UnsupportedAlgorithm: "the request is signed with neither AWS4-HMAC-SHA256 nor AWS4-ECDSA-P256-SHA256",
	SignatureVersion2:    "the request is signed with Signature Version 2, which is not supported here; use Version 4",
	TooLong:              "the signature or a part of it is too long",
	MultipleHeaders:      "there is more than one Authorization header",
	ParameterForm:        "a parameter of the signature has no equal sign or is wrongly encoded",
	UnknownParameter:     "the signature has an unknown parameter",
	DuplicateParameter:   "the signature has a parameter twice",
	MissingParameter:     "the signature lacks a parameter",
	CredentialFormat:     "the credential does not have exactly five parts, or four for AWS4-ECDSA-P256-SHA256",
	MissingDate:          "there is neither an X-Amz-Date nor a Date header",
	BadDate:              "the date cannot be read",
	BadExpires:           "X-Amz-Expires is not a number of seconds up to a week",
	TwoSignatures:        "the request is signed in its Authorization header and in its query; sign it in one of them",
	HostNotSigned:        "the Host header is not signed",
	RegionSetNotSigned:   "the X-Amz-Region-Set header is not signed",
	SignedHeadersForm:    "SignedHeaders is not in lower case, sorted and without repetition",
	HeaderAbsent:         "a signed header did not arrive; look for a proxy that removes it",
	Region:               "the credential scope or the region set names no region",
	Service:              "the credential scope is another service's",
	Terminator:           "the credential scope does not end in aws4_request",
	DateScopeMismatch:    "the day of the credential scope is not the day of the request",
	Expired:              "the request was signed more than 15 minutes ago; compare the clocks",
	NotYetCurrent:        "the request was signed more than 15 minutes ahead; compare the clocks",
	PayloadMismatch:      "the body is not the one that X-Amz-Content-Sha256 declares",
	RequestForm:          "the request line or a header cannot be put into canonical form",
	SignatureForm:        "the signature is not an ECDSA signature in DER and lower-case hexadecimal",
	Mismatch:             "the signature is not that of this request under this secret access key",
	HeadersNotSigned:     "the request has x-amz-* or Content-MD5 headers that are not signed; look for a proxy that adds them",
	WrongRegion:          "the request is signed for another region",
	MissingPayloadHash:   "the request has no X-Amz-Content-Sha256 header",
	PayloadForm:          "X-Amz-Content-Sha256 does not say what the body is",
	PayloadLength:        "the length of the body is not declared, or not as a number",
	BodyIncomplete:       "the body is not as long as declared, or its chunks cannot be read",
	ChunkTooSmall:        "a chunk of the body is smaller than 8192 bytes and not the last",
	ChunkMismatch:        "the signature of a chunk or of the trailer is not the right one",
	TrailerForm:          "the trailer is not the one that X-Amz-Trailer declares",
	ChecksumForm:         "a checksum, or what is said of checksums, cannot be read",
	ChecksumMismatch:     "a checksum is not that of the body",
	FormField:            "the form for upload lacks a field, or has it more than once",
	PolicyForm:           "the policy of the form cannot be read",
	PolicyExpired:        "the policy of the form has expired",
	PolicyCondition:      "the policy of the form does not admit it",
	EntityTooLarge:       "the file is larger than the policy of the form admits",
	EntityTooSmall:       "the file is smaller than the policy of the form admits",
}

// String says in words for the operator what a kind means. It holds nothing of
// the request.
func (k Kind) String() string {
	if int(k) < len(kindWords) && kindWords[k] != "" {
		return kindWords[k]
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
	value  string // what of the request is at fault, for S3's sentences
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

	// These are recorded on DynamoDB and Kinesis, whose signatures are checked by
	// the same front end (mhart/dynalite and mhart/kinesalite test what AWS
	// answered). On STS and IAM they are not recorded.
	twoSignaturesMessage     = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
	missingQueryEndOfMessage = "Re-examine the query-string parameters."
)

// Sentences that are Daypass's own, in the form of AWS's: what AWS says there is
// not recorded.
const (
	fourPartsMessage         = "Credential must have exactly 4 slash-delimited elements, e.g. keyid/date/service/term, got '"
	missingRegionSetSentence = "Authorization header requires existence of a 'X-Amz-Region-Set' header. "
	regionSetMessage         = "'X-Amz-Region-Set' must be a 'SignedHeader' in the AWS Authorization."
	expiresMessage           = "X-Amz-Expires must be a number of seconds, at most 604800."
)

func missingInQuerySentence(name string) string {
	return "AWS query-string parameters must include '" + name + "'. "
}

// mismatch is a refusal for which AWS has only the one sentence.
func mismatch(kind Kind, detail string) *Error {
	return &Error{Kind: kind, Message: mismatchMessage, detail: detail}
}
