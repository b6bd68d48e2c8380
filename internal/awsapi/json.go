package awsapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// jsonErrors are the codes of the JSON dialect: those of the credentials as
// recorded on AWS, the rest as in the page "Common Errors" of the Secrets Manager
// API Reference and as the SDKs retry them (botocore's _retry.json). Every fault
// of a caller is a 400 here, a denial among them.
var jsonErrors = map[Kind]wireError{
	Internal:                {"InternalFailure", http.StatusInternalServerError, "The request processing has failed because of an unknown error, exception or failure."},
	MissingAuthentication:   {"MissingAuthenticationTokenException", http.StatusBadRequest, "Missing Authentication Token"},
	MalformedAuthentication: {"IncompleteSignatureException", http.StatusBadRequest, ""},
	UnknownAccessKey:        {"UnrecognizedClientException", http.StatusBadRequest, "The security token included in the request is invalid."},
	SignatureMismatch:       {"InvalidSignatureException", http.StatusBadRequest, queryErrors[SignatureMismatch].Message},
	ExpiredCredentials:      {"ExpiredTokenException", http.StatusBadRequest, "The security token included in the request is expired"},
	ClockSkew:               {"InvalidSignatureException", http.StatusBadRequest, ""},
	PayloadMismatch:         {"InvalidSignatureException", http.StatusBadRequest, queryErrors[SignatureMismatch].Message},
	AccessDenied:            {"AccessDeniedException", http.StatusBadRequest, ""},
	UnknownOperation:        {"UnknownOperationException", http.StatusBadRequest, ""},
	MalformedInput:          {"SerializationException", http.StatusBadRequest, ""},
	InvalidInput:            {"ValidationException", http.StatusBadRequest, ""},
	Throttled:               {"ThrottlingException", http.StatusBadRequest, "Rate exceeded"},
	Unavailable:             {"ServiceUnavailable", http.StatusServiceUnavailable, queryErrors[Unavailable].Message},
}

// jsonType is the media type of the dialect's bodies.
const jsonType = "application/x-amz-json-1.1"

// checkJSONType refuses a body that is not said to be the dialect's.
func checkJSONType(contentType string) error {
	media, _, _ := strings.Cut(contentType, ";")
	if strings.EqualFold(strings.TrimSpace(media), jsonType) {
		return nil
	}
	return (&Fault{Kind: UnknownOperation}).
		Because("the body is of type %.100q; with X-Amz-Target it must be %s", contentType, jsonType)
}

// JSON is what an operation of a service that speaks JSON11 answers: a value that
// encoding/json writes as an object.
type JSON struct{ Value any }

// WriteXML writes nothing: such a service has no replies in XML.
func (JSON) WriteXML(*XML) {}

// EpochTime is a time in a JSON reply: seconds since 1970 with milliseconds, as a
// number. The zero time is null, which replies leave out by omitzero.
type EpochTime time.Time

// IsZero is for omitzero.
func (t EpochTime) IsZero() bool { return time.Time(t).IsZero() }

// MarshalJSON implements json.Marshaler.
func (t EpochTime) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(time.Time(t).UnixMilli())/1000, 'f', -1, 64), nil
}

// jsonReplies are the replies of JSON11.
type jsonReplies struct{}

func (jsonReplies) result(a *API, c *Call, result Result) reply {
	body := []byte("{}")
	if result != nil {
		answer, ok := result.(JSON)
		if !ok {
			return a.faultReply(c, &Fault{Kind: Internal, Reason: fmt.Sprintf("%s answered with a %T", c.operation.name, result)})
		}
		var err error
		if body, err = marshalJSON(answer.Value); err != nil {
			return a.faultReply(c, &Fault{Kind: Internal, Cause: err})
		}
	}
	return reply{status: http.StatusOK, contentType: jsonType, body: body}
}

// marshalJSON writes a value without escaping what is special in HTML only.
func marshalJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("awsapi: write the reply: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// fault: the member for the message is spelled with a capital
// where the model of the service has it so, which is for the errors that the model
// names and for denials (seen in replies of Secrets Manager that users published).
func (jsonReplies) fault(c *Call, f *Fault, wire wireError, message string) reply {
	member := "message"
	if (f.Kind == Modelled || f.Kind == AccessDenied || f.Kind == Internal) && c.service != nil && c.service.MessageMember != "" {
		member = c.service.MessageMember
	}
	return reply{status: wire.Status, contentType: jsonType, errorType: wire.Code, body: JSONError(wire.Code, member, message)}
}

// JSONError is the body of an error in the JSON dialect; member names the message,
// which is left out where it is empty.
func JSONError(code, member, message string) []byte {
	body := append([]byte(`{"__type":`), quoteJSON(code)...)
	if message != "" {
		body = append(append(body, ','), quoteJSON(member)...)
		body = append(append(body, ':'), quoteJSON(message)...)
	}
	return append(body, '}')
}

// quoteJSON writes a string, which always can be written.
func quoteJSON(text string) []byte {
	quoted, err := marshalJSON(strings.ToValidUTF8(text, "\uFFFD"))
	if err != nil {
		return []byte(`""`)
	}
	return quoted
}

// maxJSONDepth is how deep objects and lists of a request may lie in one another.
// No operation takes more than four.
const maxJSONDepth = 32

// unserializable is SerializationException; it says what is wrong, as AWS's does
// (replies that users published), and never repeats a value, which may be secret.
func unserializable(format string, args ...any) *Fault {
	f := &Fault{Kind: MalformedInput, Message: fmt.Sprintf(format, args...)}
	f.Reason = f.Message
	return f
}

// readJSON reads a body into objects (map[string]any), lists, strings, numbers
// (json.Number), booleans and nil. It is strict where encoding/json is not: names
// count with their case, no name comes twice, and text that is no Unicode is
// refused, not replaced.
func readJSON(body []byte) (map[string]any, error) {
	if !utf8.Valid(body) {
		return nil, unserializable("The request body is not UTF-8.")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	r := jsonReader{decoder: decoder, replaced: mayReplace(body)}
	value, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, unserializable("Something follows the JSON object of the request body.")
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, unserializable("The request body is not a JSON object.")
	}
	return object, nil
}

// mayReplace reports whether a body itself holds U+FFFD, which encoding/json puts
// in place of half a surrogate pair.
func mayReplace(body []byte) bool {
	return bytes.Contains(body, []byte("\uFFFD")) || bytes.Contains(bytes.ToLower(body), []byte(`\ufffd`))
}

type jsonReader struct {
	decoder  *json.Decoder
	replaced bool
}

func (r *jsonReader) value(depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, unserializable("The request body has more than %d levels.", maxJSONDepth)
	}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, unserializable("The request body is not JSON.")
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			return r.list(depth)
		}
		return r.object(depth)
	case string:
		if !r.replaced && strings.ContainsRune(token, utf8.RuneError) {
			return nil, unserializable("The request body holds half of a surrogate pair.")
		}
		return token, nil
	default:
		return token, nil
	}
}

func (r *jsonReader) object(depth int) (any, error) {
	object := map[string]any{}
	for r.decoder.More() {
		name, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		key, _ := name.(string)
		if _, twice := object[key]; twice {
			return nil, unserializable("A name comes twice in one object of the request body.")
		}
		if object[key], err = r.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return object, r.end()
}

func (r *jsonReader) list(depth int) (any, error) {
	list := []any{}
	for r.decoder.More() {
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, r.end()
}

func (r *jsonReader) end() error {
	if _, err := r.decoder.Token(); err != nil {
		return unserializable("The request body is not JSON.")
	}
	return nil
}

// jsonInteger reads a number without a fraction that 64 bits hold.
func jsonInteger(n json.Number) (int64, bool) {
	if i, err := n.Int64(); err == nil {
		return i, true
	}
	f, err := n.Float64() // 7.0 and 1e2 are integers as well
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}
