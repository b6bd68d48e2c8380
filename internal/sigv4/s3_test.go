package sigv4

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"
)

// presignedS3 is a presigned GET of /b/k, signed by the published signer.
func presignedS3(t tb, method, target string, expires string, header http.Header) *Request {
	t.Helper()
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	if expires != "" {
		target += separator + "X-Amz-Expires=" + expires
	}
	r, err := http.NewRequest(method, "https://s3.example.com"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	if header == nil {
		r.Header = http.Header{}
	}
	credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: testSecret, SessionToken: "TOKEN"}
	signed, kept, err := v4.NewSigner(rawPath).PresignHTTP(r.Context(), credentials, r, unsignedPayload, "s3", "us-east-1", s3Time)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	got := &Request{Method: method, RequestURI: strings.TrimPrefix(signed, "https://"+u.Host), Host: u.Host, Header: http.Header{}}
	for name, values := range kept {
		if name != "Host" {
			got.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	return got
}

func rawPath(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }

// TestAcceptsSDKForS3 holds the rules of S3 against the published signer with
// the options of its S3 client, in header and query.
func TestAcceptsSDKForS3(t *testing.T) {
	t.Parallel()
	text := rapid.StringN(0, 12, 40)
	rapid.Check(t, func(t *rapid.T) {
		path := "/" + strings.Join(rapid.SliceOfN(rapid.OneOf(text, rapid.SampledFrom([]string{"", ".", "..", "a b", "+", "%2F"})), 0, 5).Draw(t, "segments"), "/")
		query := url.Values{}
		for range rapid.IntRange(0, 4).Draw(t, "parameters") {
			query.Add(text.Draw(t, "name"), text.Draw(t, "value"))
		}
		header := http.Header{}
		for range rapid.IntRange(0, 4).Draw(t, "headers") {
			header.Add("X-Amz-Meta-"+rapid.StringMatching(`[A-Za-z0-9-]{1,12}`).Draw(t, "header"), rapid.StringMatching(`[ -~]{0,30}`).Draw(t, "value"))
		}
		target := escapePath(path) + "?" + query.Encode()
		var r *Request
		if rapid.Bool().Draw(t, "in query") {
			r = presignedS3(t, "GET", target, strconv.Itoa(rapid.IntRange(1, maxExpires).Draw(t, "expires")), header)
		} else {
			r = signedBySDKForS3(t, target, header)
		}
		reader := accept(t, r, strings.NewReader(""), testSecret, s3Time)
		if _, err := io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
		s, _ := ParseS3(r)
		if err := s.Signed.Verify(r, testSecret); err == nil {
			t.Fatal("verifies by the rules of the other services")
		}
		changed := *r
		changed.RequestURI = strings.Replace(r.RequestURI, "/", "//", 1)
		if _, err := s.Verify(&changed, testSecret); s3Kind(err) != Mismatch {
			t.Fatalf("verifies with another path: %v", err)
		}
	})
}

// escapePath encodes all but what is never encoded and slashes.
func escapePath(path string) string {
	b, _ := appendEncodedAll(nil, path)
	return string(b)
}

func appendEncodedAll(b []byte, s string) ([]byte, bool) {
	for i := range len(s) {
		b = appendEncoded(b, s[i], isPathByte)
	}
	return b, true
}

func signedBySDKForS3(t tb, target string, header http.Header) *Request {
	t.Helper()
	r, err := http.NewRequest("PUT", "https://s3.example.com"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	r.Header.Set("X-Amz-Content-Sha256", emptyHash)
	credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: testSecret, SessionToken: "TOKEN"}
	if err := v4.NewSigner(rawPath).SignHTTP(r.Context(), credentials, r, emptyHash, "s3", "us-east-1", s3Time); err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return &Request{Method: got.Method, RequestURI: got.RequestURI, Host: got.Host, Header: got.Header}
}

// TestS3ErrorTable holds the refusals of a request's head against S3's words.
func TestS3ErrorTable(t *testing.T) {
	t.Parallel()
	const (
		headerMalformed = "AuthorizationHeaderMalformed"
		queryMalformed  = "AuthorizationQueryParametersError"
		malformed       = "The authorization header is malformed; "
		inCredential    = "Error parsing the X-Amz-Credential parameter; "
	)
	edit := func(old, now string) func(*Request) {
		return func(r *Request) {
			if header := r.Header["Authorization"]; header != nil {
				header[0] = strings.Replace(header[0], old, now, 1)
			}
			r.RequestURI = strings.Replace(r.RequestURI, url.QueryEscape(old), url.QueryEscape(now), 1)
		}
	}
	set := func(name string, values ...string) func(*Request) {
		return func(r *Request) {
			if r.Header[name] = values; values == nil {
				delete(r.Header, name)
			}
		}
	}
	uri := func(old, now string) func(*Request) {
		return func(r *Request) { r.RequestURI = strings.Replace(r.RequestURI, old, now, 1) }
	}
	for _, tt := range []struct {
		name     string
		inQuery  bool
		change   func(*Request)
		at       time.Duration
		code     string
		status   int
		message  string
		elements string
	}{
		{"another region", false, edit("us-east-1", "eu-central-1"), 0, headerMalformed, 400, malformed + "the region 'eu-central-1' is wrong; expecting 'us-east-1'", "Region=us-east-1"},
		{"another region", true, edit("us-east-1", "eu-central-1"), 0, queryMalformed, 400, inCredential + "the region 'eu-central-1' is wrong; expecting 'us-east-1'", "Region=us-east-1"},
		{"another region and service", false, edit("us-east-1/s3", "x/sts"), 0, headerMalformed, 400, malformed + "the region 'x' is wrong; expecting 'us-east-1'", "Region=us-east-1"},
		{"another service", false, edit("/s3/", "/sts/"), 0, headerMalformed, 400, malformed + `incorrect service "sts". This endpoint belongs to "s3".`, ""},
		{"another service", true, edit("/s3/", "/sts/"), 0, queryMalformed, 400, inCredential + `incorrect service "sts". This endpoint belongs to "s3".`, ""},
		{"another terminator", false, edit("aws4_request", "aws4"), 0, headerMalformed, 400, malformed + `incorrect terminal "aws4". This endpoint uses "aws4_request".`, ""},
		{"another day", false, edit("20260911/", "20260912/"), 0, headerMalformed, 400, malformed + "Invalid credential date. Date is not the same as X-Amz-Date.", ""},
		{"another day", true, edit("20260911/", "20260912/"), 0, queryMalformed, 400, `Invalid credential date "20260912". This date is not the same as X-Amz-Date: "20260911".`, ""},
		{"no day", false, edit("20260911/", "today/"), 0, headerMalformed, 400, malformed + `incorrect date format "today". This date in the credential must be in the format "yyyyMMdd".`, ""},
		{"four parts", false, edit("/s3/", "/"), 0, headerMalformed, 400, malformed + malformedCredential, ""},
		{"no signature", false, edit(", Signature=", ", signature="), 0, headerMalformed, 400, malformed + malformedListMessage, ""},
		{"nothing but the algorithm", false, set("Authorization", V4), 0, headerMalformed, 400, malformed + "the authorization header requires three components: Credential, SignedHeaders, and Signature.", ""},
		{"credential only", false, set("Authorization", V4+" Credential=AKIDEXAMPLE/20260911/us-east-1/s3/aws4_request,SignedHeaders=host"), 0, headerMalformed, 400, malformed + "missing Signature.", ""},
		{"no credential", false, edit("Credential=AKIDEXAMPLE/20260911/us-east-1/s3/aws4_request, ", ""), 0, headerMalformed, 400, malformed + "missing Credential.", ""},
		{"version 2", false, set("Authorization", "AWS AKIDEXAMPLE:x"), 0, "InvalidRequest", 400, algorithmMessage, ""},
		{"version 2", true, uri("?", "?AWSAccessKeyId=x&"), 0, "InvalidRequest", 400, algorithmMessage, ""},
		{"bearer", false, set("Authorization", "Bearer x"), 0, "InvalidArgument", 400, "Unsupported Authorization Type", "ArgumentName=Authorization ArgumentValue=Bearer x"},
		{"another algorithm", true, uri("AWS4-HMAC-SHA256", "AWS5"), 0, queryMalformed, 400, queryAlgorithmMessage, ""},
		{"header and query", true, set("Authorization", V4), 0, "InvalidArgument", 400, oneMechanismMessage, "ArgumentName=Authorization ArgumentValue=" + V4},
		{"no date", false, set("X-Amz-Date"), 0, "AccessDenied", 403, missingDateMessage, ""},
		{"malformed date", false, set("X-Amz-Date", "yesterday"), 0, "AccessDenied", 403, missingDateMessage, ""},
		{"malformed date", true, uri("20260911T120000Z", "yesterday"), 0, queryMalformed, 400, queryDateMessage, ""},
		{"no Expires", true, uri("X-Amz-Expires=3600&", ""), 0, queryMalformed, 400, missingInQueryMessage, ""},
		{"no date in the query", true, uri("X-Amz-Date", "X-Date"), 0, queryMalformed, 400, missingInQueryMessage, ""},
		{"Expires of a week and a second", true, uri("=3600", "=604801"), 0, queryMalformed, 400, weekMessage, ""},
		{"Expires beyond all numbers", true, uri("=3600", "=99999999999999999999"), 0, queryMalformed, 400, weekMessage, ""},
		{"negative Expires", true, uri("=3600", "=-1"), 0, queryMalformed, 400, expiresNegativeMessage, ""},
		{"Expires of nothing", true, uri("=3600", "=0"), 0, queryMalformed, 400, expiresZeroMessage, ""},
		{"Expires that is no number", true, uri("=3600", "=1h"), 0, queryMalformed, 400, expiresNumberMessage, ""},
		{"headers that are not signed", false, func(r *Request) {
			r.Header["X-Amz-Meta-B"], r.Header["X-Amz-Acl"], r.Header["Content-Md5"] = []string{"x"}, []string{"x"}, []string{"x"}
		}, 0, "AccessDenied", 403, headersNotSignedMessage, "HeadersNotSigned=content-md5, x-amz-acl, x-amz-meta-b"},
		{"a header that is not signed", true, set("X-Amz-Acl", "private"), 0, "AccessDenied", 403, headersNotSignedMessage, "HeadersNotSigned=x-amz-acl"},
		{"host not signed", false, edit("host;", ""), 0, "AccessDenied", 403, headersNotSignedMessage, "HeadersNotSigned=host"},
		{"no hash", false, func(r *Request) {
			edit("x-amz-content-sha256;", "")(r)
			delete(r.Header, "X-Amz-Content-Sha256")
		}, 0, "InvalidRequest", 400, missingHashMessage, ""},
		{"malformed hash", false, set("X-Amz-Content-Sha256", strings.ToUpper(emptyHash)), 0, "InvalidArgument", 400, contentSHA256Message, "ArgumentName=x-amz-content-sha256 ArgumentValue=" + strings.ToUpper(emptyHash)},
		{"chunks signed by another algorithm", false, set("X-Amz-Content-Sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), 0, "InvalidRequest", 400, wrongHashUseMessage, ""},
		{"15 minutes old", false, nil, MaxSkew + time.Second, "RequestTimeTooSkewed", 403, tooSkewedMessage, "RequestTime=20260911T120000Z ServerTime=2026-09-11T12:15:01Z MaxAllowedSkewMilliseconds=900000"},
		{"15 minutes ahead", false, nil, -MaxSkew - time.Second, "RequestTimeTooSkewed", 403, tooSkewedMessage, "RequestTime=20260911T120000Z ServerTime=2026-09-11T11:44:59Z MaxAllowedSkewMilliseconds=900000"},
		{"expired", true, nil, time.Hour + time.Second, "AccessDenied", 403, "Request has expired", "X-Amz-Expires=3600 Expires=2026-09-11T13:00:00Z ServerTime=2026-09-11T13:00:01Z"},
		{"15 minutes ahead", true, nil, -MaxSkew - time.Second, "AccessDenied", 403, notYetValidMessage, ""},
	} {
		r := new(s3Client).request(t, emptyHash, 0)
		if tt.inQuery {
			r = presignedS3(t, "GET", "/b/k", "3600", nil)
		}
		if tt.change != nil {
			tt.change(r)
		}
		_, err := open(r, strings.NewReader(""), testSecret, s3Time.Add(tt.at))
		wantS3(t, fmt.Sprintf("%s, in query %v", tt.name, tt.inQuery), err, tt.code, tt.message, tt.elements)
		var e *S3Error
		if errors.As(err, &e) && e.Status != tt.status {
			t.Errorf("%s: status %d", tt.name, e.Status)
		}
	}
	for _, at := range []time.Duration{0, -MaxSkew, time.Hour} {
		accept(t, presignedS3(t, "GET", "/b/k", "3600", nil), strings.NewReader(""), testSecret, s3Time.Add(at))
	}
	for _, at := range []time.Duration{-MaxSkew, MaxSkew} {
		accept(t, new(s3Client).request(t, emptyHash, 0), strings.NewReader(""), testSecret, s3Time.Add(at))
	}
}

func TestS3Mismatch(t *testing.T) {
	t.Parallel()
	r := new(s3Client).request(t, emptyHash, 0, "X-Amz-Security-Token", "VERYSECRET")
	s, err := ParseS3(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Verify(r, "another")
	var e *S3Error
	if !errors.As(err, &e) || e.Code != "SignatureDoesNotMatch" || e.Status != 403 || e.Message.Reveal() != "The request signature we calculated does not match the signature you provided. Check your key and signing method." {
		t.Fatal(reveal(err))
	}
	got := map[string]string{}
	var names []string
	for _, element := range e.Elements {
		got[element.Name] = element.Value.Reveal()
		names = append(names, element.Name)
	}
	if strings.Join(names, " ") != "AWSAccessKeyId StringToSign SignatureProvided StringToSignBytes CanonicalRequest CanonicalRequestBytes" {
		t.Error(names)
	}
	if !strings.Contains(got["CanonicalRequest"], "\nx-amz-security-token:VERYSECRET\n") || !strings.HasPrefix(got["StringToSignBytes"], "41 57 53 34 2d ") || !strings.HasSuffix(got["StringToSign"], HashPayload([]byte(got["CanonicalRequest"]))) || got["SignatureProvided"] != s.Signed.Signature {
		t.Error(got)
	}
	for name, secret := range map[string]string{"an empty secret": "", "another": testSecret + "x"} {
		if p, err := s.Verify(r, secret); p != nil || s3Kind(err) != Mismatch {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := new(S3Authorization).Verify(r, testSecret); p != nil || s3Kind(err) != Mismatch {
		t.Errorf("zero value: %v", err)
	}
	absent := *r
	absent.Header = http.Header(r.Header).Clone()
	delete(absent.Header, "X-Amz-Security-Token")
	if _, err := s.Verify(&absent, testSecret); s3Kind(err) != HeaderAbsent {
		t.Errorf("a signed header that did not arrive: %v", err)
	}
}

// TestEchoIsNotLogged prints an error with a session token in every way that a
// careless line of code would.
func TestEchoIsNotLogged(t *testing.T) {
	t.Parallel()
	const secret = "VERYSECRET"
	r := new(s3Client).request(t, emptyHash, 0, "X-Amz-Security-Token", secret)
	s, err := ParseS3(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Verify(r, "another")
	var e *S3Error
	if !errors.As(err, &e) || !strings.Contains(reveal(err), secret) {
		t.Fatal("there is nothing to hide")
	}
	type event struct {
		Err     *S3Error
		private *S3Error
		inner   struct{ echo Echo }
	}
	v := event{Err: e, private: e}
	v.inner.echo = echo(secret)
	var out bytes.Buffer
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{e, *e, v, v.inner, e.Elements, e.Message, echo(secret), echo(secret).reveal} {
			fmt.Fprintf(&out, format+"\n", value)
		}
	}
	for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
		logger.Info("refused", "err", err, "value", *e, "element", e.Elements, "echo", echo(secret), "event", v)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	if printed := out.String(); strings.Contains(printed, secret) || strings.Contains(printed, fmt.Sprintf("%x", secret)) || !strings.Contains(printed, echoWords) {
		t.Errorf("prints %s", printed)
	}
	if (Echo{}).Reveal() != "" {
		t.Error("the zero value has text")
	}
}

func TestS3Scope4A(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		set, region string
		fine        bool
	}{
		{"*", "us-east-1", true},
		{"us-*", "us-east-1", true},
		{"eu-*,us-east-1", "us-east-1", true},
		{"*-1", "us-east-1", true},
		{"us-*-1", "us-east-1", true},
		{"u*t*1", "us-east-1", true},
		{"us-east-1*", "us-east-1", true},
		{"us-*-2", "us-east-1", false},
		{"eu-*", "us-east-1", false},
		{"us-east-", "us-east-1", false},
		{"us-east-1*1", "us-east-1", false},
		{"", "us-east-1", false},
		{"*", "", false},
		{"us-east-?", "us-east-1", false},
		{strings.Repeat("*", maxRegion+1), "us-east-1", false},
	} {
		s := &S3Authorization{Signed: Authorization{Algorithm: V4A, Service: "s3", RegionSet: strings.Split(tt.set, ",")}}
		if err := s.CheckScope(tt.region); (err == nil) != tt.fine {
			t.Errorf("%q in %q: %v", tt.region, tt.set, err)
		}
	}
	s := &S3Authorization{Signed: Authorization{Algorithm: V4, Service: "s3", Region: ""}}
	for _, regions := range [][]string{nil, {""}} {
		if err := s.CheckScope(regions...); s3Kind(err) != WrongRegion {
			t.Errorf("no region: %v", err)
		}
	}
}

// A presigned URL is not chunk-decoded: its body is what it is, and that is
// never the hash that a streaming form would be.
func TestPresignedIsNotChunked(t *testing.T) {
	t.Parallel()
	body := "5\r\nhello\r\n0\r\n\r\n"
	for form := range streamingForms {
		r := presignedS3(t, "PUT", "/b/k?X-Amz-Content-Sha256="+form, "60", nil)
		// The published signer has no such form; the test signs anew.
		s, err := ParseS3(r)
		if streamingForms[form].algorithm == V4A {
			if s3Kind(err) != PayloadForm {
				t.Errorf("%s: %v", form, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(reveal(err))
		}
		signed := *r
		signed.PayloadHash = form
		canonical, err := canonicalRequest(nil, &signed, s.Signed.SignedHeaders, formOf(s))
		if err != nil {
			t.Fatal(err)
		}
		s.Signed.Signature = new(s3Client).signV4(t, string(s.Signed.stringToSign(nil, canonical)))
		r.ContentLength = int64(len(body))
		p, err := s.Verify(r, testSecret)
		if err != nil {
			t.Fatal(reveal(err))
		}
		reader, err := p.Open(strings.NewReader(body), OfBody)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(reader); s3Kind(err) != PayloadMismatch || len(got) != 0 {
			t.Errorf("%s: %q, %v", form, got, err)
		}
	}
}

func formOf(s *S3Authorization) form { return form{pathVerbatim, s.Signed.InQuery} }

func (c *s3Client) signV4(t tb, toSign string) string {
	t.Helper()
	c.algorithm = V4
	return c.sign(t, toSign)
}

func TestAnonymousS3(t *testing.T) {
	t.Parallel()
	request := func(values ...string) *Request {
		r := &Request{Method: "PUT", RequestURI: "/b/k", Host: "h", ContentLength: 5, Header: map[string][]string{}}
		if values != nil {
			r.Header["X-Amz-Content-Sha256"] = values
		}
		return r
	}
	if _, err := ParseS3(request()); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	for _, value := range []string{"", unsignedPayload, HashPayload([]byte("hello"))} {
		p, err := AnonymousS3(request(value))
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Open(strings.NewReader("hello"), OfBody)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != "hello" || err != nil {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
	_, err := AnonymousS3(request("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"))
	wantS3(t, "signed chunks", err, "InvalidRequest", anonymousPayloadMessage, "")
	_, err = AnonymousS3(request("x"))
	wantS3(t, "no form", err, "InvalidArgument", contentSHA256Message, "ArgumentName=x-amz-content-sha256 ArgumentValue=x")
	unknown := request()
	unknown.ContentLength = -1
	p, err := AnonymousS3(unknown)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Open(strings.NewReader("hello"), OfBody)
	wantS3(t, "no length", err, "MissingContentLength", "You must provide the Content-Length HTTP header.", "")
}
