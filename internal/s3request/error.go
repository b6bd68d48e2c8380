package s3request

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Error is a request that S3 refuses, in S3's words where they are known.
type Error struct {
	Code     string
	Status   int // of HTTP
	Message  string
	Elements []Element // further elements of the reply's Error, in order
	// Allow are the methods for the Allow header of a reply with status 405.
	Allow []string
}

// Element is one element of an error's XML: BucketName, ArgumentName.
type Element struct{ Name, Value string }

// Error tells the operator; the values of elements, which are the client's, are
// left out.
func (e *Error) Error() string { return "s3request: " + e.Code + ": " + e.Message }

// Sentences of S3: S3 API Reference, "Error responses", and recorded on S3.
const (
	uriMessage        = "Couldn't parse the specified URI."
	bucketNameMessage = "The specified bucket is not valid."
	keyTooLongMessage = "Your key is too long"
	methodMessage     = "The specified method is not allowed against this resource."
	conflictMessage   = "Conflicting query string parameters: "
	unexpectedMessage = "Unexpected query string parameter"
	versionMessage    = "This operation does not accept a version-id."
	emptyVersion      = "Version id cannot be the empty string"
	partMessage       = "Part number must be an integer between 1 and 10000, inclusive"
	partAloneMessage  = "This operation does not accept partNumber without uploadId"
	noUploadMessage   = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
	keyMissingMessage = "A key must be specified"
	partOfNone        = "Object must have a valid key name."
	formMessage       = "Bucket POST must be of the enclosure-type multipart/form-data"
	conditionMessage  = "At least one of the pre-conditions you specified did not hold"
	notCopyMessage    = "You can only specify a copy source header for copy requests."
	sourceMessage     = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
	sourceBucket      = "Invalid copy source bucket name"
	sourceKey         = "Invalid copy source object key"
	sourceEncoding    = "Invalid copy source encoding"
	taggingMessage    = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."
	encodingMessage   = "Invalid Encoding Method specified in Request"
	websiteMessage    = "The website parameter must not have a value"
	headerMessage     = "A header you provided implies functionality that is not implemented"
	xmlMessage        = "The XML you provided was not well-formed or did not validate against our published schema"
	tooBigMessage     = "Your request was too big."
	noBodyMessage     = "Request Body is empty"
	userKeyMessage    = "The bucket POST must contain the specified field name. If it is specified, check the order of the fields."
	tagKeyMessage     = "The TagKey you have provided is invalid"
	tagValueMessage   = "The TagValue you have provided is invalid"
	tagTwiceMessage   = "Cannot provide multiple Tags with the same key"
	tagCountMessage   = "Object tags cannot be greater than 10"
	lockModeMessage   = "Unknown wormMode directive."
	lockDateMessage   = "The retain until date must be provided in ISO 8601 format"
	lockPairMessage   = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
	holdMessage       = "Legal Hold must be either of 'ON' or 'OFF'"
	trailerMessage    = "The value specified in the x-amz-trailer header is not supported"
	directiveMetadata = "Unknown metadata directive."
	directiveTagging  = "Unknown tagging directive."
)

// Sentences of Daypass, for what S3 has no sentence for because it takes it.
const (
	twiceMessage = "The request has more than one value for a header or query parameter of which one is allowed"
	hostMessage  = "The host of the request is none that this endpoint serves"
	formTwice    = "The form has more than one field of this name"
)

func fail(status int, code, message string, elements ...Element) *Error {
	return &Error{Code: code, Status: status, Message: message, Elements: elements}
}

func invalidURI(target string) *Error {
	return fail(400, "InvalidURI", uriMessage, Element{"URI", target})
}

// invalidArgument names the argument and repeats its value, as S3 does.
func invalidArgument(message, name, value string) *Error {
	return fail(400, "InvalidArgument", message, Element{"ArgumentName", name}, Element{"ArgumentValue", value})
}

func invalidRequest(message string) *Error { return fail(400, "InvalidRequest", message) }

// notImplemented names the operation, the service or the header that is not
// served.
func notImplemented(what string) *Error {
	return fail(501, "NotImplemented", "This is not implemented: "+what)
}

func headerNotImplemented(name string) *Error {
	return fail(501, "NotImplemented", headerMessage, Element{"Header", name})
}

func invalidBucketName(name string) *Error {
	return fail(400, "InvalidBucketName", bucketNameMessage, Element{"BucketName", name})
}

func keyTooLong(size int) *Error {
	return fail(400, "KeyTooLongError", keyTooLongMessage,
		Element{"Size", strconv.Itoa(size)}, Element{"MaxSizeAllowed", strconv.Itoa(MaxKeyLength)})
}

func methodNotAllowed(method, resourceType string, allow []string) *Error {
	e := fail(405, "MethodNotAllowed", methodMessage, Element{"Method", method}, Element{"ResourceType", resourceType})
	e.Allow = allow
	return e
}

// conflict names the parameters in order of the alphabet, whatever order they
// were sent in (recorded on S3).
func conflict(names []string) *Error {
	names = slices.Sorted(slices.Values(names))
	return invalidArgument(conflictMessage+strings.Join(names, ", "), "ResourceType", names[0])
}

func unexpected(name string) *Error { return invalidArgument(unexpectedMessage, "ResourceType", name) }

func malformedXML() *Error { return fail(400, "MalformedXML", xmlMessage) }

// EncodeKey writes a key for a path: what RFC 3986 calls unreserved, and the
// slash, as they are, every other byte in percent-encoding with upper-case
// digits. It is the encoding of S3's own signature (S3 API Reference,
// "Authenticating Requests: Using the Authorization Header", UriEncode).
func EncodeKey(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(key), "+", "%20"), "%2F", "/")
}
