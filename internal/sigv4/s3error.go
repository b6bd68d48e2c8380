package sigv4

import (
	"encoding/hex"
	"strconv"
	"time"
)

// S3Error is a request to S3 that is refused, with what S3 says of it. Its codes
// and sentences are those of Amazon S3 as recorded, of which those marked in
// this file as another server's or as Daypass's own are not.
type S3Error struct {
	Kind   Kind
	Code   string // InvalidRequest
	Status int    // of HTTP
	// Message and Elements may repeat what the client sent, secrets included.
	Message Echo
	// Elements stand in S3's reply between Message and RequestId, in this order.
	Elements []Element

	detail string // for the operator, never a value from the request
}

// Element is an element of S3's reply.
type Element struct {
	Name  string
	Value Echo
}

// Error tells the operator what is wrong. It repeats no value of the request,
// because a secret can stand in the wrong place.
func (e *S3Error) Error() string {
	return (&Error{Kind: e.Kind, detail: e.detail}).Error()
}

// with adds an element.
func (e *S3Error) with(name, value string) *S3Error {
	e.Elements = append(e.Elements, Element{name, echo(value)})
	return e
}

// because adds what the operator is told beside the kind.
func (e *S3Error) because(detail string) *S3Error {
	e.detail = detail
	return e
}

// The status of a refusal by what stands in the request, and by who sent it.
const (
	badRequest     = 400
	forbidden      = 403
	lengthRequired = 411
)

func s3Error(kind Kind, code string, status int, message string) *S3Error {
	return &S3Error{Kind: kind, Code: code, Status: status, Message: echo(message)}
}

func accessDenied(kind Kind, message string) *S3Error {
	return s3Error(kind, "AccessDenied", forbidden, message)
}

func invalidRequest(kind Kind, message string) *S3Error {
	return s3Error(kind, "InvalidRequest", badRequest, message)
}

// invalidArgument is S3's word for a header or a form's field with a wrong value.
func invalidArgument(kind Kind, message, name, value string) *S3Error {
	return s3Error(kind, "InvalidArgument", badRequest, message).with("ArgumentName", name).with("ArgumentValue", value)
}

// s3Mismatch is a signature that is not that of the request.
func s3Mismatch(kind Kind, accessKeyID, toSign, signature string) *S3Error {
	e := s3Error(kind, "SignatureDoesNotMatch", forbidden, "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
	e.with("AWSAccessKeyId", accessKeyID)
	if toSign == "" {
		return e.with("SignatureProvided", signature)
	}
	return e.with("StringToSign", toSign).with("SignatureProvided", signature).with("StringToSignBytes", spacedHex(toSign))
}

// spacedHex writes each byte as two digits, as S3 does it of what was signed.
func spacedHex(text string) string {
	b := make([]byte, 0, 3*len(text))
	for i := range len(text) {
		if i > 0 {
			b = append(b, ' ')
		}
		b = hex.AppendEncode(b, []byte{text[i]})
	}
	return string(b)
}

// serverTime is how S3 prints its own times.
func serverTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func number[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// place is where a signature stands. It gives faults of the credential their
// code and the beginning of their sentence.
type place uint8

const (
	inHeader place = iota
	inQuery
	inForm
)

// malformed is a fault of the signature's parameters.
func (p place) malformed(kind Kind, message string) *S3Error {
	if p == inHeader {
		return s3Error(kind, "AuthorizationHeaderMalformed", badRequest, "The authorization header is malformed; "+message)
	}
	return s3Error(kind, "AuthorizationQueryParametersError", badRequest, message)
}

// credential is a fault of the credential, which is value.
func (p place) credential(kind Kind, message, value string) *S3Error {
	switch p {
	case inForm:
		return invalidArgument(kind, message, "X-Amz-Credential", value)
	case inQuery:
		message = "Error parsing the X-Amz-Credential parameter; " + message
	}
	return p.malformed(kind, message)
}

// S3's sentences. The ones in the first group are recorded on S3.
const (
	headersNotSignedMessage = "There were headers present in the request which were not signed"
	tooSkewedMessage        = "The difference between the request time and the current time is too large."
	oneMechanismMessage     = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
	missingInQueryMessage   = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
	weekMessage             = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"

	// These are versitygw's (github.com/versity/versitygw 1.8.0, s3err), which
	// takes its words from S3.
	unsupportedTypeMessage  = "Unsupported Authorization Type"
	threeComponentsMessage  = "the authorization header requires three components: Credential, SignedHeaders, and Signature."
	malformedCredential     = `the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`
	dateMismatchMessage     = "Invalid credential date. Date is not the same as X-Amz-Date."
	missingDateMessage      = "AWS authentication requires a valid Date or x-amz-date header."
	queryDateMessage        = `X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`
	queryAlgorithmMessage   = `X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"`
	expiresNumberMessage    = "X-Amz-Expires should be a number"
	expiresNegativeMessage  = "X-Amz-Expires must be non-negative"
	missingHashMessage      = "Missing required header for this request: x-amz-content-sha256"
	contentSHA256Message    = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
	wrongHashUseMessage     = "The value of x-amz-content-sha256 header is invalid."
	anonymousPayloadMessage = "Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER."

	// MinIO's.
	notYetValidMessage = "Request is not valid yet"

	// Daypass's own.
	expiresZeroMessage   = "X-Amz-Expires must be at least 1 second"
	malformedListMessage = "a parameter is malformed, unknown or there more than once."
	tooLongMessage       = "a parameter is too long."
)
