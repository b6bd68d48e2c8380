package awsapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/policy"
)

// Kind says what went wrong in terms that every dialect has a code for. The
// zero Kind is Internal: what nobody classified tells the client nothing.
type Kind uint8

// The kinds of fault. Modelled stands for an error that the service's own
// model names, such as NoSuchEntity, and which therefore brings its code.
const (
	Internal Kind = iota
	MissingAuthentication
	MalformedAuthentication
	UnknownAccessKey
	SignatureMismatch
	ExpiredCredentials
	ClockSkew
	PayloadMismatch
	AccessDenied
	UnknownOperation
	MalformedInput
	InvalidInput
	Throttled
	Unavailable
	Modelled
)

var kindNames = [...]string{
	"Internal", "MissingAuthentication", "MalformedAuthentication", "UnknownAccessKey", "SignatureMismatch",
	"ExpiredCredentials", "ClockSkew", "PayloadMismatch", "AccessDenied", "UnknownOperation", "MalformedInput",
	"InvalidInput", "Throttled", "Unavailable", "Modelled",
}

// String is the word for the kind in events.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Fault is an error as a client is told of it. Message is for the client;
// Reason, Why and Cause are for the operator.
type Fault struct {
	Kind    Kind
	Code    string // only for Modelled; every other kind's code is in the dialect's table
	Status  int    // only for Modelled
	Message string // "" means the table's message

	Reason    string          // one sentence: what was wrong and what would help
	Why       *policy.Reasons // of a decision that denied
	Documents []string        // names of the documents that Why counts
	Action    string          // what was denied
	Resource  string
	Account   string  // whose policies denied; "" means the caller's
	Denied    *Denied // for the encoded message of a denial; nil for none
	Cause     error

	// Overtaken says that the store is not as the request was decided on: another
	// node or process wrote. Nothing was changed, and the request is decided once more,
	// on the newest state, before the client hears of it.
	Overtaken bool
}

// Error is for logs and tests; clients get Code and Message.
func (f *Fault) Error() string {
	text := f.Kind.String()
	if f.Code != "" {
		text = f.Code
	}
	if f.Message != "" {
		text += ": " + f.Message
	}
	if f.Reason != "" {
		text += " (" + f.Reason + ")"
	}
	if f.Cause != nil {
		text += ": " + f.Cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// Error makes a fault that the service's model names, with its code and status
// as in the model.
func Error(status int, code, message string) *Fault {
	return &Fault{Kind: Modelled, Status: status, Code: code, Message: message}
}

func isOvertaken(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.Overtaken
}

// Because gives the operator's sentence to a fault.
func (f *Fault) Because(format string, args ...any) *Fault {
	f.Reason = fmt.Sprintf(format, args...)
	return f
}

// Invalid is a ValidationError with AWS's sentence.
func Invalid(message string) *Fault { return &Fault{Kind: InvalidInput, Message: message} }

// asFault is the one place where an error becomes a fault. What has no kind is
// internal.
func asFault(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		if _, known := queryErrors[f.Kind]; known || f.Kind == Modelled {
			return f
		}
		return &Fault{Kind: Internal, Cause: f} // a kind that nobody gave a row
	}
	var a *auth.Error
	if errors.As(err, &a) {
		return &Fault{Kind: authKinds[a.Kind], Message: a.Message, Reason: a.Reason, Cause: a.Cause}
	}
	return &Fault{Kind: Internal, Cause: err}
}

// authKinds translates the kinds of the floor below. A kind that is missing
// here is Internal, which refuses.
var authKinds = map[auth.Kind]Kind{
	auth.Missing:      MissingAuthentication,
	auth.Malformed:    MalformedAuthentication,
	auth.UnknownKey:   UnknownAccessKey,
	auth.BadSignature: SignatureMismatch,
	auth.Expired:      ExpiredCredentials,
	auth.Skew:         ClockSkew,
	auth.Payload:      PayloadMismatch,
}

// wireError is a row of a dialect's table: what a kind looks like to a client.
type wireError struct {
	Code    string
	Status  int
	Message string // used where the fault brings none
}

// queryErrors are the codes of the Query dialect, as recorded on STS and IAM.
var queryErrors = map[Kind]wireError{
	Internal:                {"InternalFailure", http.StatusInternalServerError, "The request processing has failed because of an unknown error, exception or failure."},
	MissingAuthentication:   {"MissingAuthenticationToken", http.StatusForbidden, "Request is missing Authentication Token"},
	MalformedAuthentication: {"IncompleteSignature", http.StatusBadRequest, ""},
	UnknownAccessKey:        {"InvalidClientTokenId", http.StatusForbidden, "The security token included in the request is invalid."},
	SignatureMismatch:       {"SignatureDoesNotMatch", http.StatusForbidden, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."},
	ExpiredCredentials:      {"ExpiredToken", http.StatusForbidden, "The security token included in the request is expired"},
	ClockSkew:               {"SignatureDoesNotMatch", http.StatusForbidden, ""},
	PayloadMismatch:         {"SignatureDoesNotMatch", http.StatusForbidden, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."},
	AccessDenied:            {"AccessDenied", http.StatusForbidden, ""},
	UnknownOperation:        {"InvalidAction", http.StatusBadRequest, ""},
	MalformedInput:          {"MalformedInput", http.StatusBadRequest, ""},
	InvalidInput:            {"ValidationError", http.StatusBadRequest, ""},
	Throttled:               {"Throttling", http.StatusBadRequest, "Rate exceeded"},
	Unavailable:             {"ServiceUnavailable", http.StatusServiceUnavailable, "The request has failed due to a temporary failure of the server."},
}

// onTheWire gives code, status and message of a fault in a dialect, as the service
// says it; the service is nil where the request named none.
func (f *Fault) onTheWire(dialect *Dialect, service *Service) wireError {
	if f.Kind == Modelled {
		return wireError{Code: f.Code, Status: f.Status, Message: f.Message}
	}
	row, ok := dialect.errors[f.Kind]
	if !ok {
		row = dialect.errors[Internal]
	}
	if row.Code == dialect.errors[Internal].Code && service != nil && service.InternalCode != "" {
		row.Code = service.InternalCode
	}
	if f.Message != "" && f.Kind != Internal {
		row.Message = f.Message
	}
	if f.Kind == UnknownAccessKey && service != nil && service.Name == "iam" {
		// IAM's sentence has no full stop, STS's has (raw replies that users published).
		row.Message = strings.TrimSuffix(row.Message, ".")
	}
	return row
}
