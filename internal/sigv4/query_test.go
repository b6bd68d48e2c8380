package sigv4

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// presigned is a presigned URL in order of its parameters; change may spoil it.
func presigned(change func(url.Values)) *Request {
	q := url.Values{
		"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"},
		"X-Amz-Algorithm": {V4}, "X-Amz-Credential": {"AKIDEXAMPLE/20260911/us-east-1/sts/aws4_request"},
		"X-Amz-Date": {"20260911T120000Z"}, "X-Amz-Expires": {"60"}, "X-Amz-SignedHeaders": {"host;x-k8s-aws-id"}, "X-Amz-Signature": {"0123"},
	}
	if change != nil {
		change(q)
	}
	return &Request{
		Method: "GET", RequestURI: "/?" + q.Encode(), Host: "sts.amazonaws.com", PayloadHash: HashPayload(nil),
		Header: map[string][]string{"X-K8s-Aws-Id": {"cluster-1"}},
	}
}

func TestParseQuery(t *testing.T) {
	t.Parallel()
	want := &Authorization{
		Algorithm: V4, InQuery: true, AccessKeyID: "AKIDEXAMPLE", Date: "20260911", Region: "us-east-1", Service: "sts",
		SignedHeaders: []string{"host", "x-k8s-aws-id"}, Signature: "0123", Time: time.Date(2026, 9, 11, 12, 0, 0, 0, time.UTC), Expires: time.Minute,
	}
	for name, tt := range map[string]struct {
		change func(url.Values)
		want   func(*Authorization)
	}{
		"plain":           {func(url.Values) {}, func(*Authorization) {}},
		"without expiry":  {func(q url.Values) { q.Del("X-Amz-Expires") }, func(a *Authorization) { a.Expires = 0 }},
		"expiry of 0":     {func(q url.Values) { q.Set("X-Amz-Expires", "0") }, func(a *Authorization) { a.Expires = 0 }},
		"expiry, longest": {func(q url.Values) { q.Set("X-Amz-Expires", "604800") }, func(a *Authorization) { a.Expires = 7 * 24 * time.Hour }},
		"session token":   {func(q url.Values) { q.Set("X-Amz-Security-Token", "a+/ b==") }, func(a *Authorization) { a.SecurityToken = "a+/ b==" }},
		"longest session token": {
			func(q url.Values) { q.Set("X-Amz-Security-Token", strings.Repeat("/", maxSecurityToken)) },
			func(a *Authorization) { a.SecurityToken = strings.Repeat("/", maxSecurityToken) },
		},
		"region set of a signature without one": {func(q url.Values) { q.Set("X-Amz-Region-Set", "*") }, func(*Authorization) {}},
		"asymmetric": {
			func(q url.Values) {
				q.Set("X-Amz-Algorithm", V4A)
				q.Set("X-Amz-Credential", "AKIDEXAMPLE/20260911/sts/aws4_request")
				q.Set("X-Amz-Region-Set", "us-east-1, eu-*")
			},
			func(a *Authorization) {
				a.Algorithm, a.Region, a.RegionSet = V4A, "", []string{"us-east-1", "eu-*"}
			},
		},
	} {
		expected := *want
		tt.want(&expected)
		r := presigned(tt.change)
		// What the headers say counts for a signature in the header alone.
		r.Header["X-Amz-Date"] = []string{"20200101T000000Z"}
		r.Header["X-Amz-Security-Token"] = []string{"another"}
		got, err := Parse(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&expected, got, cmp.AllowUnexported(Authorization{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	r := presigned(nil)
	r.RequestURI = strings.NewReplacer("X-Amz-Signature", "X-%41mz-%53ignature").Replace(r.RequestURI)
	if a, err := Parse(r); err != nil || a.Signature != "0123" {
		t.Errorf("with an encoded name: %+v, %v", a, err)
	}
}

func TestParseQueryRefuses(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(url.Values) {
		return func(q url.Values) { q.Set(name, value) }
	}
	without := func(names ...string) func(url.Values) {
		return func(q url.Values) {
			for _, name := range names {
				q.Del(name)
			}
		}
	}
	asymmetric := func(credential string, names ...string) func(url.Values) {
		return func(q url.Values) {
			q.Set("X-Amz-Algorithm", V4A)
			q.Set("X-Amz-Credential", credential)
			q.Set("X-Amz-Region-Set", "*")
			without(names...)(q)
		}
	}
	const missing, again = "AWS query-string parameters must include '", "Re-examine the query-string parameters."
	for _, tt := range []struct {
		name       string
		change     func(url.Values)
		kind       Kind
		incomplete bool
		message    string // "" for any
	}{
		{"no algorithm", without("X-Amz-Algorithm"), MissingParameter, true, missing + "X-Amz-Algorithm'. " + again},
		{"no credential", without("X-Amz-Credential"), MissingParameter, true, missing + "X-Amz-Credential'. " + again},
		{"no signature", without("X-Amz-Signature"), MissingParameter, true, missing + "X-Amz-Signature'. " + again},
		{"no signed headers", without("X-Amz-SignedHeaders"), MissingParameter, true, missing + "X-Amz-SignedHeaders'. " + again},
		{"no date", without("X-Amz-Date"), MissingParameter, true, missing + "X-Amz-Date'. " + again},
		{
			"all but the credential", without("X-Amz-Algorithm", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"), MissingParameter, true,
			missing + "X-Amz-Algorithm'. " + missing + "X-Amz-Signature'. " + missing + "X-Amz-SignedHeaders'. " + missing + "X-Amz-Date'. " + again,
		},
		{"no region set", asymmetric("AKID/20260911/sts/aws4_request", "X-Amz-Region-Set"), MissingParameter, true, missing + "X-Amz-Region-Set'. " + again},
		{"another algorithm", set("X-Amz-Algorithm", "AWS4-HMAC-SHA1"), UnsupportedAlgorithm, true, algorithmMessage},
		{"empty algorithm", set("X-Amz-Algorithm", ""), UnsupportedAlgorithm, true, algorithmMessage},
		{"algorithm in lower case", set("X-Amz-Algorithm", strings.ToLower(V4)), UnsupportedAlgorithm, true, algorithmMessage},
		{"four parts", set("X-Amz-Credential", "AKID/20260911/us-east-1/sts"), CredentialFormat, true, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKID/20260911/us-east-1/sts'"},
		{"a scope with a region", asymmetric("AKID/20260911/us-east-1/sts/aws4_request"), CredentialFormat, true, "Credential must have exactly 4 slash-delimited elements, e.g. keyid/date/service/term, got 'AKID/20260911/us-east-1/sts/aws4_request'"},
		{"terminator", set("X-Amz-Credential", "AKID/20260911/us-east-1/sts/aws4"), Terminator, false, terminatorMessage},
		{"other day", set("X-Amz-Credential", "AKID/20260910/us-east-1/sts/aws4_request"), DateScopeMismatch, false, dateScopeMessage},
		{"host not signed", set("X-Amz-SignedHeaders", "x-k8s-aws-id"), HostNotSigned, false, hostMessage},
		{"not sorted", set("X-Amz-SignedHeaders", "x-k8s-aws-id;host"), SignedHeadersForm, false, mismatchMessage},
		{"101 names", set("X-Amz-SignedHeaders", "host"+strings.Repeat(";x", maxSignedHeaders)), TooLong, true, ""},
		{"101 regions", func(q url.Values) {
			asymmetric("AKID/20260911/sts/aws4_request")(q)
			q.Set("X-Amz-Region-Set", "*"+strings.Repeat(",*", maxRegionSet))
		}, TooLong, true, ""},
		{"a date of a header", set("X-Amz-Date", "Fri, 11 Sep 2026 12:00:00 GMT"), BadDate, true, "Date must be in ISO-8601 'basic format'. Got 'Fri, 11 Sep 2026 12:00:00 GMT'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{"empty date", set("X-Amz-Date", ""), BadDate, true, ""},
		{"expiry of a word", set("X-Amz-Expires", "soon"), BadExpires, true, expiresMessage},
		{"empty expiry", set("X-Amz-Expires", ""), BadExpires, true, expiresMessage},
		{"expiry below 0", set("X-Amz-Expires", "-1"), BadExpires, true, expiresMessage},
		{"expiry with a sign", set("X-Amz-Expires", "+60"), BadExpires, true, expiresMessage},
		{"expiry beyond a week", set("X-Amz-Expires", "604801"), BadExpires, true, expiresMessage},
		{"expiry beyond all numbers", set("X-Amz-Expires", strings.Repeat("9", 30)), BadExpires, true, expiresMessage},
		{"credential too long", set("X-Amz-Credential", strings.Repeat("x", maxAuthorization+1)), TooLong, true, ""},
		{"session token too long", set("X-Amz-Security-Token", strings.Repeat("x", maxSecurityToken+1)), TooLong, true, ""},
		{"version 2 besides", set("AWSAccessKeyId", "AKID"), SignatureVersion2, true, algorithmMessage},
	} {
		a, err := Parse(presigned(tt.change))
		var e *Error
		if a != nil || !errors.As(err, &e) {
			t.Errorf("%s: Parse = %v, %v, want an *Error", tt.name, a, err)
			continue
		}
		if e.Kind != tt.kind || e.Incomplete() != tt.incomplete || tt.message != "" && e.Message != tt.message || e.Message == "" {
			t.Errorf("%s: kind %d (%v), incomplete %v, message\n%s\nwant %d, %v,\n%s", tt.name, e.Kind, e, e.Incomplete(), e.Message, tt.kind, tt.incomplete, tt.message)
		}
	}
}

// What can be read in two ways is refused: a parameter that is there twice, or
// spelled in other case, or wrongly encoded.
func TestParseQueryAmbiguous(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Kind{
		"&X-Amz-Signature=4567":             DuplicateParameter,
		"&X-Amz-Signature=0123":             DuplicateParameter,
		"&X-Amz-%53ignature=0123":           DuplicateParameter,
		"&X-Amz-Signature":                  DuplicateParameter,
		"&X-Amz-Date=20260911T120000Z":      DuplicateParameter,
		"&X-Amz-Expires=60":                 DuplicateParameter,
		"&x-amz-signature=0123":             UnknownParameter,
		"&X-Amz-Security-token=x":           UnknownParameter,
		"&x-amz-expires=1":                  UnknownParameter,
		"&X-Amz-Security-Token=%zz":         ParameterForm,
		"&X-Amz-Security-Token=%4":          ParameterForm,
		"&Signature=x":                      SignatureVersion2,
		"&SignatureVersion=2":               SignatureVersion2,
		"&X-Amz-Unknown=x&X-Amz-=&%zz&=&&&": 0,
	} {
		r := presigned(nil)
		r.RequestURI += name
		if _, err := Parse(r); kind(err) != want || (err == nil) != (want == 0) {
			t.Errorf("%s: %v, want kind %d", name, err, want)
		}
	}
	// One of the three names of a signature is enough not to be unsigned.
	for _, query := range []string{"X-Amz-Algorithm=AWS4-HMAC-SHA256", "a=b&X-Amz-Credential=x", "x-amz-signature=", "X-Amz-%53ignature=1", "&&X-Amz-Signature"} {
		_, err := Parse(&Request{Method: "GET", RequestURI: "/?" + query})
		var e *Error
		if !errors.As(err, &e) || !e.Incomplete() {
			t.Errorf("%s: %v, want an incomplete signature", query, err)
		}
	}
	for _, query := range []string{"X-Amz-Date=20260911T120000Z", "X-Amz-Security-Token=x", "X-Amz-Expires=60&X-Amz-SignedHeaders=host", "Signatures=1&AWSAccessKeyID=x"} {
		if _, err := Parse(&Request{Method: "GET", RequestURI: "/?" + query}); !errors.Is(err, ErrMissing) {
			t.Errorf("%s: %v, want ErrMissing", query, err)
		}
	}
}

// Signature Version 2 is refused by name, in the query and in the form.
func TestSignatureVersion2(t *testing.T) {
	t.Parallel()
	const v2 = "Action=GetCallerIdentity&AWSAccessKeyId=AKIDEXAMPLE&SignatureVersion=2&SignatureMethod=HmacSHA256&Timestamp=2026-09-11T12%3A00%3A00Z&Signature=c2ln"
	for _, tt := range []struct {
		query, form string
		missing     bool
	}{
		{query: v2},
		{form: v2},
		{query: "AWSAccessKeyId=x"},
		{query: "Signature"},
		{form: "a=b&%53ignatureVersion=2"},
		{form: "AWSAccessKeyId"},
		{form: "Name=AWSAccessKeyId&a=%26Signature%3D1&SignatureX=1&%zz=Signature", missing: true},
	} {
		_, err := Parse(&Request{Method: "POST", RequestURI: "/?" + tt.query, Form: []byte(tt.form)})
		if tt.missing != errors.Is(err, ErrMissing) || !tt.missing && kind(err) != SignatureVersion2 {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// TestAcceptsPresignedSDK is TestAcceptsSDK for presigned URLs. After a change
// the request is read anew, for the change can be in what Parse reads.
func TestAcceptsPresignedSDK(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := drawExample().Draw(t, "example")
		r := readWire(t, e.presignBySDK(t))
		a, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(a.CheckService(e.Service), a.CheckTime(e.Time), a.Verify(r, e.SecretKey)); err != nil {
			t.Fatal(err)
		}
		if !a.InQuery || a.AccessKeyID != "AKIDEXAMPLE" || a.Region != e.Region || a.SecurityToken != e.SessionToken || !a.Time.Equal(e.Time) {
			t.Fatalf("reads %+v", a)
		}
		header := http.Header(r.Header)
		parameters := strings.Split(r.RequestURI[strings.Index(r.RequestURI, "?")+1:], "&")
		secret := e.SecretKey
		switch what := rapid.SampledFrom([]string{"parameter dropped", "parameter added", "byte of the target", "method", "host", "body", "header", "secret"}).Draw(t, "mutation"); what {
		case "parameter dropped":
			at := rapid.IntRange(0, len(parameters)-1).Draw(t, "at")
			path, _, _ := strings.Cut(r.RequestURI, "?")
			r.RequestURI = path + "?" + strings.Join(slices.Delete(parameters, at, at+1), "&")
		case "parameter added":
			r.RequestURI += "&" + rapid.SampledFrom([]string{"x=y", "X-Amz-Expires=900", "X-Amz-Signature=" + a.Signature, "Action=DeleteRole"}).Draw(t, "added")
		case "byte of the target":
			at := rapid.IntRange(1, len(r.RequestURI)-1).Draw(t, "at")
			before := r.RequestURI
			r.RequestURI = flip(before, at)
			if samePath(before, r.RequestURI) {
				return
			}
		case "method":
			r.Method += "X"
		case "host":
			r.Host += "x"
		case "body":
			r.PayloadHash = HashPayload([]byte(e.Body + "x"))
		case "header":
			name := rapid.SampledFrom(a.SignedHeaders).Draw(t, "name")
			if name == "host" || name == "content-length" {
				return
			}
			header.Add(name, "x")
		case "secret":
			secret = flip(secret, rapid.IntRange(0, len(secret)-1).Draw(t, "at"))
		}
		if a, err := Parse(r); err == nil {
			if err := a.Verify(r, secret); err == nil {
				t.Fatal("verifies after the change")
			}
		}
	})
}

// A body hash that is declared in the query must be the body's, as in a header.
func TestVerifyQueryPayload(t *testing.T) {
	t.Parallel()
	for declared, fine := range map[string]bool{"": true, HashPayload(nil): true, HashPayload([]byte("x")): false, "UNSIGNED-PAYLOAD": false} {
		r := presigned(func(q url.Values) {
			if declared != "" {
				q.Set("X-Amz-Content-Sha256", declared)
			}
		})
		a, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		signAgain(t, a, r)
		if err := a.Verify(r, testSecret); fine != (err == nil) || !fine && kind(err) != PayloadMismatch {
			t.Errorf("%q: %v, fine %v", declared, err, fine)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add(presigned(nil).RequestURI, "")
	f.Add(presigned(func(q url.Values) { q.Set("X-Amz-Algorithm", V4A); q.Set("X-Amz-Region-Set", "*,eu-*") }).RequestURI, "Action=x")
	f.Add("/?X-Amz-%41lgorithm=x&x-amz-date=+&&%", "AWSAccessKeyId=%41&Signature")
	f.Fuzz(func(t *testing.T, uri, body string) {
		r := presigned(nil)
		r.RequestURI, r.Form = uri, []byte(body)
		a, err := Parse(r)
		if (a == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", a, err)
		}
		if err != nil {
			if k := kind(err); !errors.Is(err, ErrMissing) && (k == 0 || k == lastIncomplete) {
				t.Fatalf("%v has no kind", err)
			}
			return
		}
		if !a.InQuery || len(a.SignedHeaders) > maxSignedHeaders || len(a.RegionSet) > maxRegionSet || a.Time.Format("20060102") != a.Date || len(a.SecurityToken) > maxSecurityToken {
			t.Fatalf("accepts %+v", a)
		}
		// Whoever reads the query afterwards reads the same.
		if values, err := url.ParseQuery(uri[strings.Index(uri, "?")+1:]); err == nil {
			for name, got := range map[string]string{"X-Amz-Signature": a.Signature, "X-Amz-Algorithm": a.Algorithm, "X-Amz-Security-Token": a.SecurityToken} {
				if values.Get(name) != got {
					t.Fatalf("%s is %q, and for the standard library %q", name, got, values.Get(name))
				}
			}
		}
		if err := a.Verify(r, testSecret); err == nil {
			t.Fatal("a guessed signature verifies")
		}
	})
}

// A form of ten megabytes is looked through in a moment, and costs no memory.
func BenchmarkParseLargeForm(b *testing.B) {
	r := signedWith(goodHeader)
	r.Form = []byte(strings.Repeat("%41=1&", 10_000_000/6))
	b.SetBytes(int64(len(r.Form)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyPresigned(b *testing.B) {
	e := ownExamples()[1]
	e.SessionToken = strings.Repeat("A", 472)
	r := readWire(b, e.presignBySDK(b))
	b.ReportAllocs()
	for b.Loop() {
		a, err := Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Verify(r, e.SecretKey); err != nil {
			b.Fatal(err)
		}
	}
}
