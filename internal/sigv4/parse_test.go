package sigv4

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	goodCredential = "Credential=AKIDEXAMPLE/20260911/us-east-1/sts/aws4_request"
	goodNames      = "SignedHeaders=host;x-amz-date"
	goodSignature  = "Signature=0123"
	goodHeader     = V4 + " " + goodCredential + ", " + goodNames + ", " + goodSignature
	hashOf         = "(Hashed with SHA-256 and encoded with Base64) Authorization="
)

func signedWith(authorization string) *Request {
	return &Request{
		Method: "POST", RequestURI: "/", Host: "sts.amazonaws.com", PayloadHash: HashPayload(nil),
		Header: map[string][]string{"Authorization": {authorization}, "X-Amz-Date": {"20260911T120000Z"}},
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	want := &Authorization{
		Algorithm: V4, AccessKeyID: "AKIDEXAMPLE", Date: "20260911", Region: "us-east-1", Service: "sts",
		SignedHeaders: []string{"host", "x-amz-date"}, Signature: "0123",
		Time: time.Date(2026, 9, 11, 12, 0, 0, 0, time.UTC),
	}
	for _, header := range []string{
		goodHeader,
		V4 + " " + goodCredential + "," + goodNames + "," + goodSignature,
		V4 + " " + goodSignature + ",  " + goodNames + " ,\t" + goodCredential,
		"  " + V4 + "   " + goodCredential + ", " + goodNames + ", " + goodSignature + " ",
	} {
		got, err := Parse(signedWith(header))
		if err != nil {
			t.Errorf("%q: %v", header, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Authorization{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", header, diff)
		}
	}
	r := signedWith(goodHeader)
	r.Header["X-Amz-Security-Token"] = []string{"token"}
	if a, err := Parse(r); err != nil || a.SecurityToken != "token" {
		t.Errorf("with a session token: %+v, %v", a, err)
	}
}

func TestParseMissing(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*Request{
		"empty":              {},
		"no header":          {Method: "GET", RequestURI: "/?Action=GetCallerIdentity", Header: map[string][]string{"X-Amz-Date": {"x"}}},
		"named alike":        {RequestURI: "/?Algorithm=X-Amz-Algorithm&X-Amz-Algorithms=1"},
		"broken query names": {RequestURI: "/?%zz=1&%"},
	} {
		if a, err := Parse(r); a != nil || !errors.Is(err, ErrMissing) {
			t.Errorf("%s: Parse = %v, %v, want ErrMissing", name, a, err)
		}
	}
}

func TestParseRefusesHeader(t *testing.T) {
	t.Parallel()
	join := func(parts ...string) string { return V4 + " " + strings.Join(parts, ", ") }
	credential := func(s string) string { return join("Credential="+s, goodNames, goodSignature) }
	names := func(s string) string { return join(goodCredential, "SignedHeaders="+s, goodSignature) }
	for _, tt := range []struct {
		name, header string
		kind         Kind
		incomplete   bool
		message      string // "" for any
	}{
		{"empty", "", UnsupportedAlgorithm, true, algorithmMessage},
		{"bearer", "Bearer eyJ", UnsupportedAlgorithm, true, algorithmMessage},
		{"version 2", "AWS AKIDEXAMPLE:c2ln", UnsupportedAlgorithm, true, algorithmMessage},
		{"another version 4", "AWS4-HMAC-SHA512 " + goodCredential, UnsupportedAlgorithm, true, algorithmMessage},
		{"lower case", strings.ToLower(goodHeader), UnsupportedAlgorithm, true, algorithmMessage},
		{"no space", V4 + goodCredential, UnsupportedAlgorithm, true, algorithmMessage},
		{"too long", goodHeader + strings.Repeat(" ", maxAuthorization), TooLong, true, ""},
		{"no equal sign", join(goodCredential, "SignedHeaders", goodSignature), ParameterForm, true, "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" + hashed(join(goodCredential, "SignedHeaders", goodSignature)) + "'."},
		{"comma at the end", goodHeader + ",", ParameterForm, true, ""},
		{"no comma", V4 + " " + goodCredential + " " + goodNames + " " + goodSignature, MissingParameter, true, ""},
		{"unknown parameter", goodHeader + ", Region=us-east-1", UnknownParameter, true, ""},
		{"parameter in lower case", join(goodCredential, goodNames, "signature=0123"), UnknownParameter, true, ""},
		{"parameter twice", goodHeader + ", " + goodSignature, DuplicateParameter, true, ""},
		{"no parameters", V4, MissingParameter, true, "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. " + hashOf + hashed(V4)},
		{"no signature", join(goodCredential, goodNames), MissingParameter, true, "Authorization header requires 'Signature' parameter. " + hashOf + hashed(join(goodCredential, goodNames))},
		{"no credential", join(goodNames, goodSignature), MissingParameter, true, "Authorization header requires 'Credential' parameter. " + hashOf + hashed(join(goodNames, goodSignature))},
		{"empty credential", credential(""), CredentialFormat, true, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got ''"},
		{"four parts", credential("AKID/20260911/us-east-1/sts"), CredentialFormat, true, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKID/20260911/us-east-1/sts'"},
		{"six parts", credential("AKID/20260911/us-east-1/sts/aws4_request/"), CredentialFormat, true, ""},
		{"terminator", credential("AKID/20260911/us-east-1/sts/aws4"), Terminator, false, "Credential should be scoped with a valid terminator: 'aws4_request'"},
		{"other day", credential("AKID/20260910/us-east-1/sts/aws4_request"), DateScopeMismatch, false, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"},
		{"no day", credential("AKID//us-east-1/sts/aws4_request"), DateScopeMismatch, false, ""},
		{"no signed headers", names(""), HostNotSigned, false, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"host not signed", names("x-amz-date"), HostNotSigned, false, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"upper case", names("Host;x-amz-date"), SignedHeadersForm, false, mismatchMessage},
		{"not sorted", names("x-amz-date;host"), SignedHeadersForm, false, mismatchMessage},
		{"host twice", names("host;host"), SignedHeadersForm, false, mismatchMessage},
		{"empty name", names(";host"), SignedHeadersForm, false, mismatchMessage},
		{"name with a space", names("host;x y"), SignedHeadersForm, false, mismatchMessage},
		{"101 names", names("host" + strings.Repeat(";x", maxSignedHeaders)), TooLong, true, ""},
	} {
		a, err := Parse(signedWith(tt.header))
		var e *Error
		if a != nil || !errors.As(err, &e) {
			t.Errorf("%s: Parse = %v, %v, want an *Error", tt.name, a, err)
			continue
		}
		if e.Kind != tt.kind || e.Incomplete() != tt.incomplete {
			t.Errorf("%s: kind %d (%v), incomplete %v, want %d, %v", tt.name, e.Kind, e, e.Incomplete(), tt.kind, tt.incomplete)
		}
		if tt.message != "" && e.Message != tt.message || e.Message == "" {
			t.Errorf("%s: message\n%s\nwant\n%s", tt.name, e.Message, tt.message)
		}
	}
}

func TestParseRefusesRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(r *Request)
		kind  Kind
	}{
		{"two headers", func(r *Request) { r.Header["Authorization"] = []string{goodHeader, goodHeader} }, MultipleHeaders},
		{"in header and query", func(r *Request) { r.RequestURI = "/?X-Amz-Signature=00" }, TwoSignatures},
		{"in header and query, in other case", func(r *Request) { r.RequestURI = "/?x-amz-algorithm" }, TwoSignatures},
		{"version 2 in the query besides", func(r *Request) { r.RequestURI = "/?AWSAccessKeyId=AKID" }, SignatureVersion2},
		{"version 2 in the form besides", func(r *Request) { r.Form = []byte("Action=a&AWSAccessKeyId=AKID") }, SignatureVersion2},
		{"no date", func(r *Request) { delete(r.Header, "X-Amz-Date") }, MissingDate},
		{"bad date", func(r *Request) { r.Header["X-Amz-Date"] = []string{"2026-09-11T12:00:00Z"} }, BadDate},
		{"two dates", func(r *Request) {
			r.Header["X-Amz-Date"] = []string{"20260911T120000Z", "20260911T120000Z"}
		}, BadDate},
		{"bad date before a good one", func(r *Request) {
			r.Header["X-Amz-Date"] = []string{""}
			r.Header["Date"] = []string{"20260911T120000Z"}
		}, BadDate},
	} {
		r := signedWith(goodHeader)
		tt.spoil(r)
		if a, err := Parse(r); a != nil || kind(err) != tt.kind {
			t.Errorf("%s: Parse = %v, %v, want kind %d", tt.name, a, err, tt.kind)
		}
	}
	r := signedWith(V4 + " " + goodCredential)
	delete(r.Header, "X-Amz-Date")
	_, err := Parse(r)
	var e *Error
	if want := "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " + hashOf; !errors.As(err, &e) || e.Kind != MissingParameter || !strings.HasPrefix(e.Message, want) {
		t.Errorf("all that is missing is told at once: %v", err)
	}
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		date string
		want string // "" for BadDate
	}{
		{"20260911T120000Z", "2026-09-11T12:00:00Z"},
		{" 20260911T120000Z ", "2026-09-11T12:00:00Z"},
		{"20260911T235959Z", "2026-09-11T23:59:59Z"},
		{"Fri, 11 Sep 2026 12:00:00 GMT", "2026-09-11T12:00:00Z"},
		{"", ""},
		{"20260911T120000", ""},
		{"20260911t120000z", ""},
		{"20260911T120000.5Z", ""},
		{"20260911T240000Z", ""},
		{"20260911T126000Z", ""},
		{"20260931T120000Z", ""},
		{"2026091AT120000Z", ""},
		{"+0260911T120000Z", ""},
		{"20260911T120000+0000", ""},
		{"Thu, 11 Sep 2026 12:00:00 GMT", ""}, // it was a Friday
		{"Fri, 11 Sep 2026 12:00:00 UTC", ""},
		{"Fri, 11 Sep 2026 12:00:00 +0000", ""},
		{"Friday, 11-Sep-26 12:00:00 GMT", ""},
		{"1789128000", ""},
	} {
		for _, header := range []string{"X-Amz-Date", "Date"} {
			r := signedWith(goodHeader)
			delete(r.Header, "X-Amz-Date")
			r.Header[header] = []string{tt.date}
			a, err := Parse(r)
			if tt.want == "" {
				var e *Error
				if want := "Date must be in ISO-8601 'basic format'. Got '" + tt.date + "'. See http://en.wikipedia.org/wiki/ISO_8601"; !errors.As(err, &e) || e.Kind != BadDate || e.Message != want {
					t.Errorf("%s %q: %v, want BadDate with AWS's sentence", header, tt.date, err)
				}
				continue
			}
			if err != nil || a.Time.Format(time.RFC3339) != tt.want {
				t.Errorf("%s %q: %v, %v, want %s", header, tt.date, a, err, tt.want)
			}
		}
	}
	r := signedWith(goodHeader)
	r.Header["Date"] = []string{"Thu, 10 Sep 2026 12:00:00 GMT"}
	if a, err := Parse(r); err != nil || a.Time.Day() != 11 {
		t.Errorf("X-Amz-Date and another Date: %v, %v, want X-Amz-Date's", a, err)
	}
}

// What an operator reads repeats nothing that the client sent: a secret can be
// in the wrong place.
func TestErrorTellsNoValue(t *testing.T) {
	t.Parallel()
	const secret = "wJalrXUtnFEMI"
	for _, header := range []string{
		secret, V4 + " " + secret, V4 + " " + secret + "=1",
		V4 + " Credential=" + secret + ", " + goodNames + ", " + goodSignature,
		V4 + " " + goodCredential + ", SignedHeaders=" + secret + ", " + goodSignature,
	} {
		_, err := Parse(signedWith(header))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", header, err)
		}
	}
}

func TestKindsHaveWords(t *testing.T) {
	t.Parallel()
	seen := map[string]Kind{}
	for k := UnsupportedAlgorithm; k <= Mismatch; k++ {
		if k == lastIncomplete {
			continue
		}
		text := k.String()
		if other, ok := seen[text]; ok || strings.HasPrefix(text, "unknown") {
			t.Errorf("kind %d says %q, as kind %d does", k, text, other)
		}
		seen[text] = k
	}
	for _, k := range []Kind{0, lastIncomplete, Mismatch + 1} {
		if got := k.String(); got != "unknown kind of refusal" {
			t.Errorf("kind %d says %q", k, got)
		}
		if (&Error{Kind: k}).Incomplete() {
			t.Errorf("kind %d is incomplete", k)
		}
	}
	if got := fmt.Sprint(&Error{Kind: HeaderAbsent, detail: "x-amz-date"}); got != "sigv4: "+HeaderAbsent.String()+": x-amz-date" {
		t.Errorf("Error() = %q", got)
	}
}
