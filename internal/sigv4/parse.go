package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

const (
	terminator = "aws4_request"

	// maxAuthorization bounds the Authorization header, in bytes, and each
	// parameter of a presigned URL but the session token, decoded. The longest
	// that a client sends is some hundred.
	maxAuthorization = 8192
	// maxSignedHeaders bounds the names in SignedHeaders.
	maxSignedHeaders = 100
	// maxRegionSet bounds the regions in X-Amz-Region-Set, and maxRegion the
	// bytes of one. AWS has some forty regions.
	maxRegionSet = 100
	maxRegion    = 64

	iso8601Basic = "20060102T150405Z"
	httpDate     = "Mon, 02 Jan 2006 15:04:05 GMT"
)

// Parse reads what r says about its own signature. It checks form only: no
// secret, no clock.
//
// ErrMissing: r has neither an Authorization header nor a signature in its
// query. All other errors are *Error. Another algorithm, Signature Version 2 in
// the query or the form, and a signature in the header and one in the query are
// refused and never taken for unsigned.
func Parse(r *Request) (*Authorization, error) {
	q := readQuery(r.RequestURI)
	headers := r.Header["Authorization"]
	switch {
	case q.version2 || hasVersion2(r.Form):
		return nil, &Error{Kind: SignatureVersion2, Message: algorithmMessage}
	case q.signed && len(headers) > 0:
		return nil, &Error{Kind: TwoSignatures, Message: twoSignaturesMessage}
	case q.signed:
		return parseQuery(&q)
	case len(headers) == 0:
		return nil, ErrMissing
	case len(headers) > 1:
		return nil, &Error{Kind: MultipleHeaders, Message: "Only one Authorization header is allowed."}
	case len(headers[0]) > maxAuthorization:
		return nil, &Error{Kind: TooLong, Message: "Authorization header must not be longer than 8192 bytes."}
	}
	return parseHeader(r, headers[0])
}

func parseHeader(r *Request, header string) (*Authorization, error) {
	p, err := parseParameters(header)
	if err != nil {
		return nil, err
	}
	if err := p.missing(header, r.Header); err != nil {
		return nil, err
	}
	a := &Authorization{
		Algorithm: p.algorithm, Signature: p.signature,
		SecurityToken: strings.Join(r.Header["X-Amz-Security-Token"], ","),
	}
	if err := a.setCredential(p.credential); err != nil {
		return nil, err
	}
	if err := a.setSignedHeaders(p.signedHeaders); err != nil {
		return nil, err
	}
	if a.Algorithm == V4A {
		if !slices.Contains(a.SignedHeaders, "x-amz-region-set") {
			return nil, &Error{Kind: RegionSetNotSigned, Message: regionSetMessage}
		}
		if err := a.setRegionSet(strings.Join(r.Header["X-Amz-Region-Set"], ",")); err != nil {
			return nil, err
		}
	}
	date, _ := requestDate(r.Header)
	if err := a.setTime(date); err != nil {
		return nil, err
	}
	return a, nil
}

// parameters are those of the Authorization header. A parameter that is there
// and empty is not missing: AWS then finds fault with its value.
type parameters struct {
	algorithm                                     string
	credential, signedHeaders, signature          string
	hasCredential, hasSignedHeaders, hasSignature bool
}

func parseParameters(header string) (*parameters, error) {
	name, rest, _ := strings.Cut(strings.Trim(header, " \t"), " ")
	if name != V4 && name != V4A {
		detail := ""
		if name == "AWS" { // "AWS keyid:signature" (Amazon S3 User Guide, Signature Version 2)
			detail = "that of Signature Version 2 is not supported here"
		}
		return nil, &Error{Kind: UnsupportedAlgorithm, Message: algorithmMessage, detail: detail}
	}
	p := &parameters{algorithm: name}
	for more := strings.Trim(rest, " \t") != ""; more; {
		var pair string
		pair, rest, more = strings.Cut(rest, ",")
		pair = strings.Trim(pair, " \t")
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, &Error{Kind: ParameterForm, Message: "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" + hashed(header) + "'."}
		}
		if err := p.set(key, value); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *parameters) set(key, value string) error {
	var to *string
	var has *bool
	switch key {
	case "Credential":
		to, has = &p.credential, &p.hasCredential
	case "SignedHeaders":
		to, has = &p.signedHeaders, &p.hasSignedHeaders
	case "Signature":
		to, has = &p.signature, &p.hasSignature
	default:
		return &Error{Kind: UnknownParameter, Message: "Authorization header has a parameter other than 'Credential', 'SignedHeaders' and 'Signature'."}
	}
	if *has {
		return &Error{Kind: DuplicateParameter, Message: "Authorization header has the parameter '" + key + "' more than once.", detail: key}
	}
	*to, *has = value, true
	return nil
}

// missing says all that is not there in one go, a sentence for each, as AWS does.
func (p *parameters) missing(header string, headers map[string][]string) error {
	var message, names string
	for _, want := range []struct {
		name string
		has  bool
	}{{"Credential", p.hasCredential}, {"Signature", p.hasSignature}, {"SignedHeaders", p.hasSignedHeaders}} {
		if !want.has {
			message += "Authorization header requires '" + want.name + "' parameter. "
			names += " " + want.name
		}
	}
	if p.algorithm == V4A && len(headers["X-Amz-Region-Set"]) == 0 {
		message += missingRegionSetSentence
		names += " X-Amz-Region-Set"
	}
	kind := MissingParameter
	if message == "" {
		kind = MissingDate
	}
	if _, ok := requestDate(headers); !ok {
		message += missingDateSentence
	}
	if message == "" {
		return nil
	}
	return &Error{Kind: kind, Message: message + "(Hashed with SHA-256 and encoded with Base64) Authorization=" + hashed(header), detail: strings.TrimPrefix(names, " ")}
}

func hashed(header string) string {
	sum := sha256.Sum256([]byte(header))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// setCredential reads keyid/date/region/service/term, for V4A without the
// region. What the parts are worth is asked later; only the last has one
// possible value.
func (a *Authorization) setCredential(credential string) error {
	switch slashes := strings.Count(credential, "/"); {
	case a.Algorithm == V4A && slashes != 3:
		return &Error{Kind: CredentialFormat, Message: fourPartsMessage + credential + "'"}
	case a.Algorithm != V4A && slashes != 4:
		return &Error{Kind: CredentialFormat, Message: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + credential + "'"}
	}
	var term string
	a.AccessKeyID, credential, _ = strings.Cut(credential, "/")
	a.Date, credential, _ = strings.Cut(credential, "/")
	if a.Algorithm != V4A {
		a.Region, credential, _ = strings.Cut(credential, "/")
	}
	a.Service, term, _ = strings.Cut(credential, "/")
	if term != terminator {
		return &Error{Kind: Terminator, Message: terminatorMessage, value: term}
	}
	return nil
}

func (a *Authorization) setSignedHeaders(list string) error {
	if strings.Count(list, ";") >= maxSignedHeaders {
		return &Error{Kind: TooLong, Message: "SignedHeaders must not name more than 100 headers.", detail: "SignedHeaders names more than 100"}
	}
	names := strings.Split(list, ";")
	host := false
	for i, name := range names {
		if name == "host" || name == ":authority" {
			host = true
		} else if !isHeaderName(name) && list != "" {
			return mismatch(SignedHeadersForm, "")
		}
		if i > 0 && names[i-1] >= name {
			return mismatch(SignedHeadersForm, "")
		}
	}
	if !host {
		return &Error{Kind: HostNotSigned, Message: hostMessage}
	}
	a.SignedHeaders = names
	return nil
}

// setRegionSet reads the list of X-Amz-Region-Set. What its parts are worth,
// CheckService asks.
func (a *Authorization) setRegionSet(list string) error {
	if strings.Count(list, ",") >= maxRegionSet || len(list) > maxAuthorization {
		return &Error{Kind: TooLong, Message: "X-Amz-Region-Set must not name more than 100 regions.", detail: "X-Amz-Region-Set names more than 100"}
	}
	a.RegionSet = strings.Split(list, ",")
	for i, region := range a.RegionSet {
		a.RegionSet[i] = strings.Trim(region, " \t")
	}
	return nil
}

// isHeaderName reports whether name is a header's name (RFC 9110, section
// 5.6.2, token) in lower case.
func isHeaderName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case strings.IndexByte("-_.!#$%&'*+^`|~", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}

// requestDate gives the date that counts: X-Amz-Date, and Date only in its
// absence. Several of one are joined, which no form of date survives.
func requestDate(header map[string][]string) (string, bool) {
	for _, name := range [...]string{"X-Amz-Date", "Date"} {
		if values := header[name]; len(values) > 0 {
			return strings.Trim(strings.Join(values, ","), " \t"), true
		}
	}
	return "", false
}

// setTime reads the date in either of its two forms, whichever header it came
// in, and holds it against the day of the scope.
func (a *Authorization) setTime(date string) error {
	layout := iso8601Basic
	if len(date) != len(iso8601Basic) {
		layout = httpDate
	}
	t, err := time.Parse(layout, date)
	// time.Parse is more lenient than either form, with fractions of a second
	// for one; writing the time again shows it.
	if err != nil || t.Format(layout) != date {
		return badDate(date)
	}
	a.Time = t.UTC()
	if a.Time.Format("20060102") != a.Date {
		return &Error{Kind: DateScopeMismatch, Message: dateScopeMessage, value: a.Date + " " + a.Time.Format("20060102")}
	}
	return nil
}

func badDate(date string) *Error {
	return &Error{Kind: BadDate, Message: "Date must be in ISO-8601 'basic format'. Got '" + date + "'. See http://en.wikipedia.org/wiki/ISO_8601", value: date}
}
