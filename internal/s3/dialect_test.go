package s3_test

import (
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"
)

// dialectRow is one way in which credentials or a signature are wrong, and S3's
// answer. A row without a code asks for success.
type dialectRow struct {
	name          string
	request       signed
	status        int
	code, message string
	// elements are a regular expression of what stands between the message and
	// the request's id.
	elements string
}

// The sentences that several rows have.
const (
	notInRecords  = "The AWS Access Key Id you provided does not exist in our records."
	mismatch      = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
	badToken      = "The provided token is malformed or otherwise invalid."
	overToken     = "The provided token has expired."
	notSigned     = "There were headers present in the request which were not signed"
	wrongService  = `The authorization header is malformed; incorrect service "sts". This endpoint belongs to "s3".`
	notInQuery    = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
	tooLong       = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
	tooSkewed     = "The difference between the request time and the current time is too large."
	version2      = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
	instant       = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
	metaNotSigned = "<HeadersNotSigned>x-amz-meta-a</HeadersNotSigned>"
	ofMismatch    = `<AWSAccessKeyId>\w+</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256.*</StringToSign><SignatureProvided>\w{64}</SignatureProvided>` +
		`<StringToSignBytes>[0-9a-f ]+</StringToSignBytes><CanonicalRequest>.*</CanonicalRequest><CanonicalRequestBytes>[0-9a-f ]+</CanonicalRequestBytes>`
)

// dialectCredentials are those that rows sign with.
type dialectCredentials struct {
	user, session, over, gone, inactive, nobody aws.Credentials
}

func (g *gateway) dialectCredentials(t *testing.T) *dialectCredentials {
	t.Helper()
	role, gone := g.role(t, account, "signer", allow("s3:*", "*")), g.role(t, account, "gone", allow("s3:*", "*"))
	c := &dialectCredentials{
		session: g.credentials(t, role, time.Now().Add(time.Hour/2), ""), over: g.credentials(t, role, time.Now().Add(-time.Minute), ""),
		gone: g.credentials(t, gone, time.Now().Add(time.Hour/2), ""), nobody: aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "x"},
	}
	must(t, g.Directory.Update(t.Context(), func(tx store.Tx) error { return tx.Delete(store.RoleID(account, "gone")) }))
	var err error
	c.user, err = g.User(t, "dialect", allow("s3:*", "*")).Credentials.Retrieve(t.Context())
	must(t, err)
	c.inactive, err = g.User(t, "inactive").Credentials.Retrieve(t.Context())
	must(t, err)
	change(t, g, store.AccessKeyID(account, c.inactive.AccessKeyID), func(k *store.AccessKey) { k.Active = false })
	return c
}

// wrongly signs with another secret.
func wrongly(c aws.Credentials) aws.Credentials {
	c.SecretAccessKey += "x"
	return c
}

func withToken(c aws.Credentials, token string) aws.Credentials {
	c.SessionToken = token
	return c
}

// These change a request.
func old(s *signed)                          { s.at = time.Now().Add(-time.Hour) }
func presigned(seconds string) func(*signed) { return func(s *signed) { s.expires = seconds } }
func forSTS(s *signed)                       { s.service = "sts" }

func unsignedMeta(s *signed) {
	s.spoil = func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "b") }
}

func unsignedHost(s *signed) {
	s.spoil = func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "SignedHeaders=host;", "SignedHeaders=", 1))
	}
}

func halfPresigned(s *signed) {
	s.expires = "60"
	s.spoil = func(r *http.Request) {
		r.URL.RawQuery = regexp.MustCompile(`X-Amz-SignedHeaders=[^&]*&`).ReplaceAllString(r.URL.RawQuery, "")
	}
}

func ofToken(text string) string     { return "<Token-0>" + regexp.QuoteMeta(text) + "</Token-0>" }
func ofKey(c aws.Credentials) string { return "<AWSAccessKeyId>" + c.AccessKeyID + "</AWSAccessKeyId>" }

func (g *gateway) dialectRows(t *testing.T, bucket string) []dialectRow {
	t.Helper()
	c := g.dialectCredentials(t)
	get := func(credentials aws.Credentials, change ...func(*signed)) signed {
		s := signed{config: g.Config(credentials), method: http.MethodGet, target: "/" + bucket + "?list-type=2"}
		for _, f := range change {
			f(&s)
		}
		return s
	}
	damaged := "damaged" + c.session.SessionToken
	v2 := signed{method: http.MethodGet, target: "/" + bucket, header: map[string]string{"Authorization": "AWS AKIAIOSFODNN7EXAMPLE:c2lnbmF0dXJl"}}
	return append([]dialectRow{
		{name: "a user", request: get(c.user), status: 200},
		{name: "a session", request: get(c.session), status: 200},
		{name: "a presigned URL", request: get(c.session, presigned("60")), status: 200},
		{name: "any region", request: get(c.user, func(s *signed) { s.config.Region = "mars-north-1" }), status: 200},

		{"unknown key", get(c.nobody), 403, "InvalidAccessKeyId", notInRecords, ofKey(c.nobody)},
		{"inactive key", get(c.inactive), 403, "InvalidAccessKeyId", notInRecords, ofKey(c.inactive)},
		{"role that is gone", get(c.gone), 403, "InvalidAccessKeyId", notInRecords, ofKey(c.gone)},
		{"session without its token", get(withToken(c.session, "")), 403, "InvalidAccessKeyId", notInRecords, ofKey(c.session)},
		{"damaged token", get(withToken(c.session, damaged)), 400, "InvalidToken", badToken, ofToken(damaged)},
		{"another session's token", get(withToken(c.session, c.gone.SessionToken)), 400, "InvalidToken", badToken, ofToken(c.gone.SessionToken)},
		{"long-lived key with a token", get(withToken(c.user, c.session.SessionToken)), 400, "InvalidToken", badToken, ofToken(c.session.SessionToken)},
		{"session that is over", get(c.over), 400, "ExpiredToken", overToken, ofToken(c.over.SessionToken)},
		{"presigned by one that is over", get(c.over, presigned("60")), 400, "ExpiredToken", overToken, ofToken(c.over.SessionToken)},
		{"wrong secret", get(wrongly(c.session)), 403, "SignatureDoesNotMatch", mismatch, ofMismatch},
		{"presigned with a wrong secret", get(wrongly(c.session), presigned("60")), 403, "SignatureDoesNotMatch", mismatch, ofMismatch},
		{
			"an hour ago", get(c.user, old), 403, "RequestTimeTooSkewed", tooSkewed,
			`<RequestTime>\d{8}T\d{6}Z</RequestTime><ServerTime>` + instant + `</ServerTime><MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>`,
		},
		{
			"presigned and over", get(c.user, old, presigned("60")), 403, "AccessDenied", "Request has expired",
			`<X-Amz-Expires>60</X-Amz-Expires><Expires>` + instant + `</Expires><ServerTime>` + instant + `</ServerTime>`,
		},
		{"presigned for too long", get(c.user, presigned("604801")), 400, "AuthorizationQueryParametersError", tooLong, ""},
		{"presigned by half", get(c.user, halfPresigned), 400, "AuthorizationQueryParametersError", notInQuery, ""},
		{"another service", get(c.user, forSTS), 400, "AuthorizationHeaderMalformed", wrongService, ""},
		{"header that is not signed", get(c.user, unsignedMeta), 403, "AccessDenied", notSigned, metaNotSigned},
		{"host that is not signed", get(c.user, unsignedHost), 403, "AccessDenied", notSigned, "<HeadersNotSigned>host</HeadersNotSigned>"},
		{
			"no hash of the body", get(c.user, func(s *signed) { s.unhashed = true }), 400, "InvalidRequest",
			"Missing required header for this request: x-amz-content-sha256", "",
		},
		{"Signature Version 2", v2, 400, "InvalidRequest", version2, ""},

		// The order of the checks: of two faults the first is told.
		{"unsigned header before the key", get(c.nobody, unsignedMeta), 403, "AccessDenied", notSigned, metaNotSigned},
		{"scope before the key", get(c.nobody, forSTS), 400, "AuthorizationHeaderMalformed", wrongService, ""},
		{"key before time and signature", get(wrongly(c.inactive), old), 403, "InvalidAccessKeyId", notInRecords, ofKey(c.inactive)},
		{"token before the signature", get(wrongly(withToken(c.session, damaged))), 400, "InvalidToken", badToken, ofToken(damaged)},
		{"end of the session before the signature", get(wrongly(c.over)), 400, "ExpiredToken", overToken, ofToken(c.over.SessionToken)},
		{"role before the signature", get(wrongly(c.gone)), 403, "InvalidAccessKeyId", notInRecords, ofKey(c.gone)},
		{"signature before a token beside a long-lived key", get(wrongly(withToken(c.user, c.session.SessionToken))), 403, "SignatureDoesNotMatch", mismatch, ofMismatch},
		{"signature before permission", get(wrongly(g.powerless(t))), 403, "SignatureDoesNotMatch", mismatch, ofMismatch},
	}, g.bodyRows(bucket, c.user)...)
}

// powerless are the credentials of a user who may do nothing.
func (g *gateway) powerless(t *testing.T) aws.Credentials {
	t.Helper()
	c, err := g.User(t, "powerless").Credentials.Retrieve(t.Context())
	must(t, err)
	return c
}

// bodyRows are of bodies that are not what was said of them.
func (g *gateway) bodyRows(bucket string, c aws.Credentials) []dialectRow {
	put := signed{config: g.Config(c), method: http.MethodPut, target: "/" + bucket + "/k", body: "as signed"}
	other, digest := put, put
	other.header = map[string]string{"Content-Md5": contentMD5("as sent!!")}
	other.spoil = func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("as sent!!")) }
	digest.header = map[string]string{"Content-Md5": contentMD5("another")}
	return []dialectRow{
		{
			"another body", other, 400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
			"<ClientComputedContentSHA256>" + hashOf("as signed") + "</ClientComputedContentSHA256><S3ComputedContentSHA256>" + hashOf("as sent!!") + "</S3ComputedContentSHA256>",
		},
		{
			"another Content-MD5", digest, 400, "BadDigest", "The Content-MD5 you specified did not match what we received.",
			"<ExpectedDigest>" + regexp.QuoteMeta(contentMD5("another")) + "</ExpectedDigest><CalculatedDigest>" + regexp.QuoteMeta(contentMD5("as signed")) + "</CalculatedDigest>",
		},
	}
}

// TestDialect: what is wrong with who asks is told in S3's words, byte for byte
// but for ids and times; and nothing that is told to the client alone is in an
// event.
func TestDialect(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	rows := g.dialectRows(t, bucket)
	for i := range rows {
		row := &rows[i]
		got := g.send(t, row.request)
		if row.code == "" {
			if got.Status != row.status {
				t.Errorf("%s: %d %s", row.name, got.Status, got.Body)
			}
			continue
		}
		row.check(t, &got)
		e := g.lastEvent(t)
		if e.Status != row.status || e.Code != row.code || e.Reason == "" {
			t.Errorf("%s: event with %d %s, reason %q", row.name, e.Status, e.Code, e.Reason)
		}
		events := strings.Join(g.Events(), "\n")
		for _, secret := range row.secrets(t, got.Body) {
			if strings.Contains(events, secret) {
				t.Errorf("%s: an event holds %.40s", row.name, secret)
			}
		}
	}
	want(t, "a body that was refused", get(t, g.admin, bucket, "k"), "NoSuchKey")
}

func (r *dialectRow) check(t *testing.T, got *reply) {
	t.Helper()
	var message strings.Builder
	must(t, xml.EscapeText(&message, []byte(r.message)))
	id := got.Header.Get("X-Amz-Request-Id")
	wanted := regexp.MustCompile(`(?s)^<\?xml version="1\.0" encoding="UTF-8"\?>\n<Error><Code>` + r.code + `</Code><Message>` + regexp.QuoteMeta(message.String()) + `</Message>` +
		r.elements + `<RequestId>` + id + `</RequestId><HostId>` + regexp.QuoteMeta(got.Header.Get("X-Amz-Id-2")) + `</HostId></Error>$`)
	if got.Status != r.status || !wanted.MatchString(got.Body) || len(id) != 16 || got.Header.Get("Content-Type") != "application/xml" {
		t.Errorf("%s: %d %s\nwant %d %s", r.name, got.Status, got.Body, r.status, wanted)
	}
	if r.code == "SignatureDoesNotMatch" {
		checkEcho(t, r.name, got.Body)
	}
}

// checkEcho asks that what the server signed can be compared: the string to sign
// holds the hash of the canonical request, and the bytes are those of the texts.
func checkEcho(t *testing.T, name, body string) {
	t.Helper()
	var told struct{ StringToSign, StringToSignBytes, CanonicalRequest, CanonicalRequestBytes string }
	must(t, xml.Unmarshal([]byte(body), &told))
	if !strings.HasSuffix(told.StringToSign, "\n"+hashOf(told.CanonicalRequest)) {
		t.Errorf("%s: the string to sign is not of the canonical request\n%s", name, body)
	}
	for text, spelled := range map[string]string{told.StringToSign: told.StringToSignBytes, told.CanonicalRequest: told.CanonicalRequestBytes} {
		if hex.EncodeToString([]byte(text)) != strings.ReplaceAll(spelled, " ", "") {
			t.Errorf("%s: %q is spelled %s", name, text, spelled)
		}
	}
}

// secrets are what no event may hold: what signs, and what is echoed.
func (r *dialectRow) secrets(t *testing.T, body string) []string {
	t.Helper()
	secrets := []string{"x-amz-security-token:", "UNSIGNED-PAYLOAD"}
	if r.request.config.Credentials != nil {
		c, err := r.request.config.Credentials.Retrieve(t.Context())
		must(t, err)
		for _, secret := range []string{c.SessionToken, c.SecretAccessKey} {
			if len(secret) > 8 {
				secrets = append(secrets, secret)
			}
		}
	}
	if _, echoed, ok := strings.Cut(body, "<SignatureProvided>"); ok {
		secrets = append(secrets, echoed[:64])
	}
	return secrets
}

// TestScopeIsNotKept: a secret that was put in the place of a part of the scope
// is told to nobody else than who sent it.
func TestScopeIsNotKept(t *testing.T) {
	g := start(t, nil)
	for _, scope := range []string{
		"KEY/20260101/eu-central-1/s3/PASSWORD", "KEY/PASSWORD/eu-central-1/s3/aws4_request", "KEY/20260101/eu-central-1/PASSWORD/aws4_request", "PASSWORD",
	} {
		got := g.send(t, signed{method: http.MethodGet, target: "/some-bucket", header: map[string]string{
			"X-Amz-Date": "20260101T000000Z", "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD",
			"Authorization": "AWS4-HMAC-SHA256 Credential=" + scope + ", SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" + strings.Repeat("0", 64),
		}})
		if got.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", scope, got.Status, got.Body)
		}
		if strings.Contains(strings.Join(g.Events(), "\n"), "PASSWORD") {
			t.Errorf("%s: an event holds it", scope)
		}
	}
}

// TestExplained: where callers are told why, S3 tells them too.
func TestExplained(t *testing.T) {
	for _, explains := range []bool{false, true} {
		g := start(t, func(o *awsapitest.Options) { o.ExplainToCaller = explains })
		bucket := g.bucket(t)
		reader := g.User(t, "reader", allow("s3:GetObject", "arn:aws:s3:::"+bucket+"/mine/*"))
		got := g.send(t, signed{config: reader, method: http.MethodGet, target: "/" + bucket + "/theirs/a"})
		if why := strings.Contains(got.Body, "document 1") && strings.Contains(got.Body, "/mine/*"); why != explains || got.Status != http.StatusForbidden {
			t.Errorf("explains %t: %d %s", explains, got.Status, got.Body)
		}
	}
}
