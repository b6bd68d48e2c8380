package sigv4

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// S3Authorization is what a request to S3 says about its own signature. Until
// Verify has said nil it is a claim. Its zero value does not verify.
type S3Authorization struct {
	Signed Authorization
	// ContentSHA256 is what is signed of the body: its hash, UNSIGNED-PAYLOAD or
	// one of the STREAMING-… forms. It is the condition key s3:x-amz-content-sha256.
	ContentSHA256 string

	date string // as it was sent
}

// ParseS3 reads what a request to S3 says about its own signature, and asks that
// all of its headers that must be are signed: host, Content-MD5 and x-amz-*
// (Amazon S3 API Reference, "Authenticating Requests: Using the Authorization
// Header"; recorded). It checks form only: no secret, no clock. RequestURI must
// be raw. PayloadHash is not looked at.
//
// ErrMissing: r is anonymous, see AnonymousS3. All other errors are *S3Error.
func ParseS3(r *Request) (*S3Authorization, error) {
	a, err := Parse(r)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return nil, err
		}
		return nil, s3ParseError(r, e)
	}
	a.s3 = true
	s := &S3Authorization{Signed: *a}
	s.date, _ = requestDate(r.Header)
	if a.InQuery && a.Expires == 0 {
		if q := readQuery(r.RequestURI); q.count[queryExpires] == 0 {
			return nil, inQuery.missing("X-Amz-Expires")
		}
		return nil, inQuery.malformed(BadExpires, expiresZeroMessage)
	}
	if missing := unsignedHeaders(r.Header, a.SignedHeaders); missing != nil {
		return nil, headersNotSigned(missing...)
	}
	if err := s.setContentSHA256(r); err != nil {
		return nil, err
	}
	return s, nil
}

// unsignedHeaders gives those that S3 wants signed and are not, in lower case
// and sorted.
func unsignedHeaders(header map[string][]string, signed []string) []string {
	var missing []string
	for name := range header {
		if !strings.HasPrefix(name, "X-Amz-") && name != "Content-Md5" {
			continue
		}
		if name = strings.ToLower(name); !slices.Contains(signed, name) {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

func headersNotSigned(names ...string) *S3Error {
	list := strings.Join(names, ", ")
	return accessDenied(HeadersNotSigned, headersNotSignedMessage).with("HeadersNotSigned", list)
}

// setContentSHA256 finds what stands for the body in the canonical request. In a
// presigned URL it is UNSIGNED-PAYLOAD unless something else is said (Amazon S3
// API Reference, "Authenticating Requests: Using Query Parameters").
func (s *S3Authorization) setContentSHA256(r *Request) error {
	header := r.Header["X-Amz-Content-Sha256"]
	value := strings.Trim(strings.Join(header, ","), " \t")
	if s.Signed.InQuery && s.Signed.contentSHA256 != "" {
		value = s.Signed.contentSHA256
	}
	switch {
	case value == "" && s.Signed.InQuery:
		value = unsignedPayload
	case len(header) == 0 && !s.Signed.InQuery:
		return invalidRequest(MissingPayloadHash, missingHashMessage)
	}
	form, streaming := streamingForms[value]
	switch {
	case !streaming && value != unsignedPayload && !isSHA256(value):
		return invalidArgument(PayloadForm, contentSHA256Message, "x-amz-content-sha256", value)
	case streaming && form.algorithm != "" && form.algorithm != s.Signed.Algorithm:
		return invalidRequest(PayloadForm, wrongHashUseMessage).because("its chunks are signed by another algorithm than the request")
	}
	s.ContentSHA256 = value
	return nil
}

// s3ParseError says in S3's words what Parse found.
func s3ParseError(r *Request, e *Error) *S3Error {
	authorization := strings.Join(r.Header["Authorization"], ",")
	at := inHeader
	if len(r.Header["Authorization"]) == 0 {
		at = inQuery
	}
	switch e.Kind {
	case SignatureVersion2:
		return invalidRequest(e.Kind, algorithmMessage)
	case UnsupportedAlgorithm:
		switch {
		case at == inQuery:
			return at.malformed(e.Kind, queryAlgorithmMessage)
		case e.detail != "": // that of Signature Version 2
			return invalidRequest(e.Kind, algorithmMessage).because(e.detail)
		}
		return invalidArgument(e.Kind, unsupportedTypeMessage, "Authorization", authorization)
	case TwoSignatures, MultipleHeaders:
		return invalidArgument(e.Kind, oneMechanismMessage, "Authorization", authorization)
	case TooLong:
		return at.malformed(e.Kind, tooLongMessage).because(e.detail)
	case MissingParameter:
		return at.missing(e.detail)
	case MissingDate:
		return accessDenied(e.Kind, missingDateMessage)
	case BadDate:
		if at == inQuery {
			return at.malformed(e.Kind, queryDateMessage)
		}
		return accessDenied(e.Kind, missingDateMessage)
	case BadExpires:
		return badS3Expires(e.value)
	case HostNotSigned:
		return headersNotSigned("host")
	case RegionSetNotSigned:
		return headersNotSigned("x-amz-region-set")
	case CredentialFormat, Terminator, DateScopeMismatch:
		return at.badCredential(e, "")
	default:
		return at.malformed(e.Kind, malformedListMessage).because(e.detail)
	}
}

// missing tells of parameters that are not there, whose names are given.
func (p place) missing(names string) *S3Error {
	message := missingInQueryMessage
	if p == inHeader {
		first, more, _ := strings.Cut(names, " ")
		message = "missing " + first + "."
		if strings.Count(more, " ") == 1 { // the other two
			message = threeComponentsMessage
		}
	}
	return p.malformed(MissingParameter, message).because(names)
}

// badCredential tells of a credential, which is value.
func (p place) badCredential(e *Error, value string) *S3Error {
	switch e.Kind {
	case Terminator:
		return p.credential(e.Kind, "incorrect terminal "+strconv.Quote(e.value)+`. This endpoint uses "aws4_request".`, value)
	case DateScopeMismatch:
		scope, day, _ := strings.Cut(e.value, " ")
		if _, err := time.Parse("20060102", scope); err != nil {
			return p.credential(e.Kind, "incorrect date format "+strconv.Quote(scope)+`. This date in the credential must be in the format "yyyyMMdd".`, value)
		}
		if p == inHeader {
			return p.malformed(e.Kind, dateMismatchMessage)
		}
		message := "Invalid credential date " + strconv.Quote(scope) + ". This date is not the same as X-Amz-Date: " + strconv.Quote(day) + "."
		if p == inForm {
			return p.credential(e.Kind, message, value)
		}
		return p.malformed(e.Kind, message)
	}
	return p.credential(e.Kind, malformedCredential, value)
}

func badS3Expires(value string) *S3Error {
	message := expiresNumberMessage
	if digits, negative := strings.CutPrefix(value, "-"); isDigits(digits) {
		message = weekMessage
		if negative {
			message = expiresNegativeMessage
		}
	}
	return inQuery.malformed(BadExpires, message)
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// CheckScope asks that the credential is scoped to one of the regions, of which
// the first is named to the client as the right one, and then to s3. For V4A one
// of them must be in the region set. Which regions are right for a bucket is for
// the caller to say. The region's fault is told first (recorded).
func (s *S3Authorization) CheckScope(regions ...string) error {
	at := inHeader
	if s.Signed.InQuery {
		at = inQuery
	}
	return s.Signed.checkS3Scope(at, regions, "")
}

func (a *Authorization) checkS3Scope(at place, regions []string, credential string) error {
	claimed := []string{a.Region}
	if a.Algorithm == V4A {
		claimed = a.RegionSet
	}
	inRegion := slices.ContainsFunc(claimed, func(claim string) bool {
		return slices.ContainsFunc(regions, func(region string) bool {
			return claim == region && region != "" || a.Algorithm == V4A && matchesRegion(claim, region)
		})
	})
	switch {
	case !inRegion:
		expected := ""
		if len(regions) > 0 {
			expected = regions[0]
		}
		message := "the region '" + strings.Join(claimed, ",") + "' is wrong; expecting '" + expected + "'"
		return at.credential(WrongRegion, message, credential).with("Region", expected).because("this is '" + expected + "'")
	case a.Service != "s3":
		return at.credential(Service, "incorrect service "+strconv.Quote(a.Service)+`. This endpoint belongs to "s3".`, credential)
	}
	return nil
}

// matchesRegion reports whether a region of a set, in which "*" stands for any
// part, is that region.
func matchesRegion(pattern, region string) bool {
	if len(pattern) > maxRegion || !isRegion(pattern, true) || region == "" {
		return false
	}
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(region, parts[0])
	if len(parts) == 1 {
		return ok && rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		var found bool
		_, rest, found = strings.Cut(rest, part)
		ok = ok && found
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}

// CheckTime asks that the request was signed within MaxSkew of now or, for a
// presigned URL, not later than that and not longer ago than X-Amz-Expires; the
// bounds are within. That it ends with its session is for the caller to see.
func (s *S3Authorization) CheckTime(now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	late := s.Signed.Time.After(now.Add(MaxSkew))
	if !s.Signed.InQuery {
		kind := NotYetCurrent
		if s.Signed.Time.Before(now.Add(-MaxSkew)) {
			kind = Expired
		} else if !late {
			return nil
		}
		return s3Error(kind, "RequestTimeTooSkewed", forbidden, tooSkewedMessage).
			with("RequestTime", s.date).with("ServerTime", serverTime(now)).
			with("MaxAllowedSkewMilliseconds", number(MaxSkew.Milliseconds()))
	}
	if late {
		return accessDenied(NotYetCurrent, notYetValidMessage)
	}
	if end := s.Signed.Time.Add(s.Signed.Expires); now.After(end) {
		return accessDenied(Expired, "Request has expired").because("it is a presigned URL").
			with("X-Amz-Expires", number(int64(s.Signed.Expires/time.Second))).
			with("Expires", serverTime(end)).with("ServerTime", serverTime(now))
	}
	return nil
}

// signer is the key that verifies a request and the chunks of its body.
type signer struct {
	algorithm string
	mac       [sha256.Size]byte
	public    *ecdsa.PublicKey
}

func (a *Authorization) signer(secretAccessKey string) signer {
	k := signer{}
	switch a.Algorithm {
	case V4:
		k.algorithm, k.mac = V4, signingKey(secretAccessKey, a.Date, a.Region, a.Service)
	case V4A:
		if key, ok := verifyingKey(secretAccessKey, a.AccessKeyID); ok {
			k.algorithm, k.public = V4A, key
		}
	}
	return k
}

// verify gives what is wrong with a signature, 0 for nothing.
func (k *signer) verify(toSign []byte, signature string) Kind {
	switch {
	case k.algorithm == V4 && verifyMAC(&k.mac, toSign, signature):
		return 0
	case k.algorithm == V4A:
		return verifyDER(k.public, toSign, signature)
	}
	return Mismatch
}

// Verify asks that s, which must be ParseS3's of the same r, holds the signature
// of r under the secret, and gives what r says of its body. Scope and time are
// not asked. An empty secret verifies nothing. Signatures of V4 are compared in
// constant time.
//
// The path is signed as it stands on the wire, every segment kept and encoded
// once (Amazon S3 API Reference, as at ParseS3).
//
// Where the signature is another, the error's elements are those of S3's reply:
// the string to sign and the canonical request, which has the session token.
func (s *S3Authorization) Verify(r *Request, secretAccessKey string) (*Payload, error) {
	a := &s.Signed
	if secretAccessKey == "" || !a.s3 {
		return nil, s3Mismatch(Mismatch, a.AccessKeyID, "", a.Signature).because("there is no secret access key to verify it with")
	}
	signed := *r
	signed.PayloadHash = s.ContentSHA256
	var space [2048]byte
	canonical, err := canonicalRequest(space[:0], &signed, a.SignedHeaders, form{pathVerbatim, a.InQuery})
	if err != nil {
		var e *Error
		errors.As(err, &e)
		return nil, s3Mismatch(e.Kind, a.AccessKeyID, "", a.Signature).because(e.detail)
	}
	var text [256]byte
	toSign := a.stringToSign(text[:0], canonical)
	key := a.signer(secretAccessKey)
	if kind := key.verify(toSign, a.Signature); kind != 0 {
		return nil, s3Mismatch(kind, a.AccessKeyID, string(toSign), a.Signature).
			with("CanonicalRequest", string(canonical)).with("CanonicalRequestBytes", spacedHex(string(canonical)))
	}
	p := &Payload{declared: s.ContentSHA256, header: r.Header, length: r.ContentLength}
	if form, ok := streamingForms[s.ContentSHA256]; ok && !a.InQuery {
		// A presigned URL is never chunk-decoded (recorded on S3).
		p.form, p.chunked = form, true
		p.chain = chain{
			signer: key, previous: a.Signature, accessKeyID: a.AccessKeyID,
			scope: string(a.appendScope(nil)), canonical: string(canonical),
		}
	}
	return p, nil
}

// AnonymousS3 gives what a request says of its body that is not signed, for
// which ParseS3 said ErrMissing. It may not be signed either.
func AnonymousS3(r *Request) (*Payload, error) {
	value := strings.Trim(strings.Join(r.Header["X-Amz-Content-Sha256"], ","), " \t")
	form, streaming := streamingForms[value]
	switch {
	case value == "":
		value = unsignedPayload
	case streaming && form.algorithm != "":
		return nil, invalidRequest(PayloadForm, anonymousPayloadMessage)
	case !streaming && value != unsignedPayload && !isSHA256(value):
		return nil, invalidArgument(PayloadForm, contentSHA256Message, "x-amz-content-sha256", value)
	}
	return &Payload{declared: value, header: r.Header, length: r.ContentLength, form: form, chunked: streaming}, nil
}
