package awsapi

import "net/http"

// The dialects of services that Daypass does not serve itself, and stands before as
// a gateway. They have codes and statuses; how a reply is written is the gateway's.
var (
	// EC2Query is the dialect of Amazon EC2.
	EC2Query = &Dialect{Name: "EC2Query", errors: ec2Errors, form: true}
	// RESTJSON is that of services such as AWS Lambda. It has the codes of JSON11,
	// and statuses of HTTP's meaning. CBOR (Smithy RPC v2) has JSON11's.
	RESTJSON = &Dialect{Name: "REST JSON", errors: withStatus(jsonErrors, http.StatusForbidden)}
)

// ec2Errors are the codes of EC2 (EC2 API Reference, "Error codes for the Amazon EC2
// API", common client errors; the status of AuthFailure and RequestExpired as
// recorded, those of the rest are the query dialect's).
var ec2Errors = map[Kind]wireError{
	Internal:                {"InternalError", http.StatusInternalServerError, "An internal error has occurred"},
	MissingAuthentication:   {"MissingAuthenticationToken", http.StatusBadRequest, "The request must contain either a valid (registered) AWS access key ID or X.509 certificate"},
	MalformedAuthentication: {"IncompleteSignature", http.StatusBadRequest, ""},
	UnknownAccessKey:        {"AuthFailure", http.StatusUnauthorized, "AWS was not able to validate the provided access credentials"},
	SignatureMismatch:       {"AuthFailure", http.StatusUnauthorized, "AWS was not able to validate the provided access credentials"},
	ExpiredCredentials:      {"RequestExpired", http.StatusBadRequest, "Request has expired."},
	ClockSkew:               {"RequestExpired", http.StatusBadRequest, "Request has expired."},
	PayloadMismatch:         {"AuthFailure", http.StatusUnauthorized, "AWS was not able to validate the provided access credentials"},
	AccessDenied:            {"UnauthorizedOperation", http.StatusForbidden, ""},
	UnknownOperation:        {"InvalidAction", http.StatusBadRequest, ""},
	MalformedInput:          {"MalformedQueryString", http.StatusBadRequest, ""},
	InvalidInput:            {"InvalidParameterValue", http.StatusBadRequest, ""},
	Throttled:               {"RequestLimitExceeded", http.StatusServiceUnavailable, "Request limit exceeded."},
	Unavailable:             {"Unavailable", http.StatusServiceUnavailable, "The server is overloaded and can't handle the request."},
}

// withStatus is a table whose faults of credentials and permission have a status.
func withStatus(table map[Kind]wireError, status int) map[Kind]wireError {
	other := make(map[Kind]wireError, len(table))
	for kind, row := range table {
		switch kind {
		case Internal, MalformedInput, InvalidInput, Unavailable:
		case UnknownOperation:
			row.Status = http.StatusNotFound
		case Throttled:
			row.Status = http.StatusTooManyRequests
		default:
			row.Status = status
		}
		other[kind] = row
	}
	return other
}

// Words gives code, status and message of a fault in the dialect.
func (d *Dialect) Words(f *Fault) (code string, status int, message string) {
	wire := f.onTheWire(d, nil)
	if d == EC2Query {
		switch f.Kind {
		case AccessDenied: // as EC2 begins it (recorded)
			wire.Message = "You are not authorized to perform this operation. " + wire.Message
		case UnknownAccessKey, SignatureMismatch, PayloadMismatch, ClockSkew: // which has one sentence for them
			wire.Message = d.errors[f.Kind].Message
		}
	}
	return wire.Code, wire.Status, wire.Message
}
