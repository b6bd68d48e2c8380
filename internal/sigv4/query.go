package sigv4

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// maxSecurityToken bounds the session token of a presigned URL, decoded, as the
// server's bound on headers does it for one in the header.
const maxSecurityToken = 16384

// maxExpires is the longest that X-Amz-Expires may be, a week (Amazon S3 API
// Reference, "Authenticating requests: using query parameters").
const maxExpires = 604800

// The parameters of a presigned URL (IAM User Guide, "Authentication methods",
// query string; X-Amz-Region-Set as the published signers have it). The first
// five must be there, and AWS tells of those that are not in this order.
const (
	queryAlgorithm = iota
	queryCredential
	querySignature
	querySignedHeaders
	queryDate
	queryExpires
	querySecurityToken
	queryRegionSet
	queryContentSHA256
	queryCount
)

const firstOptional = queryExpires

var queryNames = [queryCount]string{
	"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date",
	"X-Amz-Expires", "X-Amz-Security-Token", "X-Amz-Region-Set", "X-Amz-Content-Sha256",
}

// query is what a request's query says of signatures.
type query struct {
	signed   bool // it has a parameter that only a presigned URL has
	version2 bool // or one of Signature Version 2

	raw   [queryCount]string // values as they stood on the wire
	count [queryCount]int    // how often each is there
	other string             // the name that was spelled in other case, as AWS spells it
}

// readQuery looks through the query without judging it: whoever signs in the
// header may have parameters of any name.
func readQuery(uri string) query {
	var q query
	_, rest, _ := strings.Cut(uri, "?")
	for rest != "" {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, value, _ := strings.Cut(pair, "=")
		if name, ok := decodeName(name); ok { // Verify refuses what is not
			q.note(name, value)
		}
	}
	return q
}

// decodeName decodes a parameter's name, as far as it can be one of those that
// are looked for here.
func decodeName(name string) (string, bool) {
	if len(name) > maxEncodedName {
		return "", false
	}
	if strings.IndexByte(name, '%') < 0 { // none that is looked for has a space
		return name, true
	}
	var space [maxEncodedName]byte
	decoded, ok := appendDecoded(space[:0], name)
	return string(decoded), ok
}

// maxEncodedName is the length of the longest name with every byte encoded.
const maxEncodedName = 3 * len("X-Amz-Content-Sha256")

func (q *query) note(name, value string) {
	if isVersion2(name) {
		q.version2 = true
		return
	}
	if len(name) < len("X-Amz-") || !strings.EqualFold(name[:len("X-Amz-")], "X-Amz-") {
		return
	}
	for i, known := range queryNames {
		if !strings.EqualFold(name, known) {
			continue
		}
		q.signed = q.signed || i <= querySignature
		if name != known {
			q.other = known
			return
		}
		q.raw[i] = value
		q.count[i]++
	}
}

// isVersion2 knows a parameter of Signature Version 2, of Query services
// (SignatureVersion) and of S3's presigned URLs (AWS General Reference,
// "Signature Version 2 signing process"). Both had the first two.
func isVersion2(name string) bool {
	return name == "AWSAccessKeyId" || name == "Signature" || name == "SignatureVersion"
}

// hasVersion2 looks for them among the parameters of a form, where a POST of
// Signature Version 2 had them.
func hasVersion2(form []byte) bool {
	for len(form) > 0 {
		var pair []byte
		pair, form, _ = bytes.Cut(form, []byte("&"))
		name, _, _ := bytes.Cut(pair, []byte("="))
		if len(name) > maxEncodedName {
			continue // before it is copied
		}
		if name, ok := decodeName(string(name)); ok && isVersion2(name) {
			return true
		}
	}
	return false
}

// parseQuery is Parse for a presigned URL.
func parseQuery(q *query) (*Authorization, error) {
	if q.other != "" {
		return nil, &Error{Kind: UnknownParameter, Message: "AWS query-string parameters must be spelled as '" + q.other + "' is. " + missingQueryEndOfMessage, detail: "one like " + q.other + ", in other case"}
	}
	values, err := q.values()
	if err != nil {
		return nil, err
	}
	if err := q.missing(values[queryAlgorithm]); err != nil {
		return nil, err
	}
	a := &Authorization{
		Algorithm: values[queryAlgorithm], InQuery: true, Signature: values[querySignature],
		SecurityToken: values[querySecurityToken], contentSHA256: values[queryContentSHA256],
	}
	if a.Algorithm != V4 && a.Algorithm != V4A {
		return nil, &Error{Kind: UnsupportedAlgorithm, Message: algorithmMessage}
	}
	if err := a.setCredential(values[queryCredential]); err != nil {
		return nil, err
	}
	if err := a.setSignedHeaders(values[querySignedHeaders]); err != nil {
		return nil, err
	}
	if a.Algorithm == V4A {
		if err := a.setRegionSet(values[queryRegionSet]); err != nil {
			return nil, err
		}
	}
	if q.count[queryExpires] > 0 {
		if err := a.setExpires(values[queryExpires]); err != nil {
			return nil, err
		}
	}
	if len(values[queryDate]) != len(iso8601Basic) { // the other form is a header's
		return nil, badDate(values[queryDate])
	}
	if err := a.setTime(values[queryDate]); err != nil {
		return nil, err
	}
	return a, nil
}

// values decodes the parameters. One that is there twice could be read as
// either, and is refused.
func (q *query) values() (values [queryCount]string, err error) {
	for i, name := range queryNames {
		if q.count[i] > 1 {
			return values, &Error{Kind: DuplicateParameter, Message: "AWS query-string parameters must include '" + name + "' only once. " + missingQueryEndOfMessage, detail: name}
		}
		values[i] = q.raw[i]
		if strings.ContainsAny(values[i], "%+") {
			decoded, ok := appendDecoded(nil, values[i])
			if !ok {
				return values, &Error{Kind: ParameterForm, Message: "The value of '" + name + "' is not percent-encoded. " + missingQueryEndOfMessage, detail: name}
			}
			values[i] = string(decoded)
		}
		bound := maxAuthorization
		if i == querySecurityToken {
			bound = maxSecurityToken
		}
		if len(values[i]) > bound {
			return values, &Error{Kind: TooLong, Message: "The value of '" + name + "' must not be longer than " + strconv.Itoa(bound) + " bytes.", detail: name}
		}
	}
	return values, nil
}

// missing says all that is not there in one go, a sentence for each, as AWS does.
func (q *query) missing(algorithm string) error {
	var message, names string
	for i, name := range queryNames {
		needed := i < firstOptional || i == queryRegionSet && algorithm == V4A
		if needed && q.count[i] == 0 {
			message += missingInQuerySentence(name)
			names += " " + name
		}
	}
	if message == "" {
		return nil
	}
	return &Error{Kind: MissingParameter, Message: message + missingQueryEndOfMessage, detail: strings.TrimPrefix(names, " ")}
}

// setExpires reads X-Amz-Expires. Nobody asks it yet (see the package); what is
// no number of seconds is refused all the same.
func (a *Authorization) setExpires(text string) error {
	seconds, err := strconv.ParseUint(text, 10, 32)
	if err != nil || seconds > maxExpires {
		return &Error{Kind: BadExpires, Message: expiresMessage, value: text}
	}
	a.Expires = time.Duration(seconds) * time.Second
	return nil
}
