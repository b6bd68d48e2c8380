package sigv4

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write testdata anew with the SDK's signer")

// tb is what testing.TB and rapid.T have in common.
type tb interface {
	Helper()
	Fatal(args ...any)
}

// example is a request before it is signed.
type example struct {
	Name         string
	Method       string
	URL          string
	Header       http.Header
	Body         string
	SecretKey    string
	SessionToken string
	Presigned    bool // in the query; only of ownExamples
	Region       string
	Service      string
	Time         time.Time
}

// signBySDK signs with aws-sdk-go-v2, writes the request to the wire, and gives
// back the wire's text.
func (e *example) signBySDK(t tb) []byte {
	t.Helper()
	r, err := http.NewRequest(e.Method, e.URL, strings.NewReader(e.Body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range e.Header {
		r.Header[name] = values
	}
	credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: e.SecretKey, SessionToken: e.SessionToken}
	err = v4.NewSigner().SignHTTP(r.Context(), credentials, r, HashPayload([]byte(e.Body)), e.Service, e.Region, e.Time)
	if err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	return wire.Bytes()
}

// presignBySDK is signBySDK with the signature in the query.
func (e *example) presignBySDK(t tb) []byte {
	t.Helper()
	r, err := http.NewRequest(e.Method, e.URL, strings.NewReader(e.Body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range e.Header {
		r.Header[name] = values
	}
	credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: e.SecretKey, SessionToken: e.SessionToken}
	signed, header, err := v4.NewSigner().PresignHTTP(r.Context(), credentials, r, HashPayload([]byte(e.Body)), e.Service, e.Region, e.Time)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = http.NewRequest(e.Method, signed, strings.NewReader(e.Body)); err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.Host = header.Get("Host") // without the port where it is the scheme's own
	r.Header.Del("Host")
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	return wire.Bytes()
}

// readWire reads a request as a net/http server does.
func readWire(t tb, wire []byte) *Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	return &Request{
		Method: r.Method, RequestURI: r.RequestURI, Host: r.Host, Header: r.Header,
		ContentLength: r.ContentLength, PayloadHash: HashPayload(body.Bytes()),
	}
}

func drawExample() *rapid.Generator[*example] {
	text := rapid.StringN(0, 12, 40)
	return rapid.Custom(func(t *rapid.T) *example {
		// The SDK does not normalise paths and sends none that would need it.
		segments := rapid.SliceOfN(text.Filter(func(s string) bool { return s != "" && s != "." && s != ".." && !strings.Contains(s, "/") }), 0, 4).Draw(t, "segments")
		u := url.URL{Scheme: "https", Host: rapid.SampledFrom([]string{"sts.amazonaws.com", "localhost:8080", "[::1]:443"}).Draw(t, "host"), Path: "/" + strings.Join(segments, "/")}
		query := url.Values{}
		for range rapid.IntRange(0, 20).Draw(t, "parameters") {
			query.Add(text.Draw(t, "name"), text.Draw(t, "value"))
		}
		u.RawQuery = query.Encode()
		header := http.Header{}
		for range rapid.IntRange(0, 5).Draw(t, "headers") {
			header.Add("X-"+rapid.StringMatching(`[A-Za-z0-9-]{1,12}`).Draw(t, "header"), rapid.StringMatching(`[ -~]{0,30}`).Draw(t, "value"))
		}
		return &example{
			Method: rapid.SampledFrom([]string{"GET", "POST", "PUT", "DELETE"}).Draw(t, "method"), URL: u.String(), Header: header,
			Body: text.Draw(t, "body"), SecretKey: rapid.StringMatching(`[A-Za-z0-9+/]{40}`).Draw(t, "secret"),
			SessionToken: rapid.StringMatching(`([A-Za-z0-9+/]{40})?`).Draw(t, "token"),
			Region:       rapid.StringMatching(`[a-z0-9-]{1,20}`).Draw(t, "region"), Service: rapid.StringMatching(`[a-z0-9-]{1,20}`).Draw(t, "service"),
			Time: time.Unix(rapid.Int64Range(0, 4102444800).Draw(t, "time"), 0).UTC(),
		}
	})
}

func TestAcceptsSDK(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := drawExample().Draw(t, "example")
		r := readWire(t, e.signBySDK(t))
		a, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.CheckService(e.Service); err != nil {
			t.Fatal(err)
		}
		if err := a.CheckTime(e.Time); err != nil {
			t.Fatal(err)
		}
		if err := a.Verify(r, e.SecretKey); err != nil {
			t.Fatal(err)
		}
		if a.AccessKeyID != "AKIDEXAMPLE" || a.Region != e.Region || a.SecurityToken != e.SessionToken || !a.Time.Equal(e.Time) {
			t.Fatalf("reads %+v", a)
		}
		mutate(t, e, r, a)
	})
}

// mutate changes one signed thing, and asks that the request is then refused.
func mutate(t *rapid.T, e *example, r *Request, a *Authorization) {
	header := http.Header(r.Header)
	secret := e.SecretKey
	what := rapid.SampledFrom([]string{
		"method", "path", "parameter", "dropped query", "signed header", "second value", "dropped header", "host", "length",
		"body", "date", "scope date", "region", "service", "signed names", "signature", "secret",
	}).Draw(t, "mutation")
	switch what {
	case "method":
		r.Method += "X"
	case "path":
		path, query, _ := strings.Cut(r.RequestURI, "?")
		r.RequestURI = path + "x?" + query
	case "parameter":
		r.RequestURI += rapid.SampledFrom([]string{"?", "&"}).Draw(t, "separator") + "x=y"
		if !strings.Contains(r.RequestURI, "?") {
			r.RequestURI = "/x" // no query to add to
		}
	case "dropped query":
		path, query, _ := strings.Cut(r.RequestURI, "?")
		if query == "" {
			return
		}
		r.RequestURI = path
	case "signed header":
		header.Set("X-Amz-Date", a.Time.Add(time.Second).Format(iso8601Basic))
	case "second value":
		header.Add("X-Amz-Date", "x")
	case "dropped header":
		header.Del("X-Amz-Date")
	case "host":
		r.Host += "x"
	case "length":
		if !strings.Contains(strings.Join(a.SignedHeaders, ";"), "content-length") {
			return
		}
		r.ContentLength++
	case "body":
		r.PayloadHash = HashPayload([]byte(e.Body + "x"))
	case "date":
		a.Time = a.Time.Add(time.Second)
	case "scope date":
		a.Date = a.Time.AddDate(0, 0, 1).Format("20060102")
	case "region":
		a.Region += "x"
	case "service":
		a.Service += "x"
	case "signed names":
		a.SignedHeaders = a.SignedHeaders[:len(a.SignedHeaders)-1]
	case "signature":
		at := rapid.IntRange(0, len(a.Signature)-1).Draw(t, "at")
		a.Signature = flip(a.Signature, at)
	case "secret":
		secret = flip(secret, rapid.IntRange(0, len(secret)-1).Draw(t, "at"))
	}
	if err := a.Verify(r, secret); err == nil {
		t.Fatalf("verifies with another %s", what)
	}
}

// ownExamples are the vectors in testdata, so that a clone needs no other.
func ownExamples() []example {
	at := time.Date(2026, 9, 11, 12, 0, 0, 0, time.UTC)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	return []example{
		{Name: "sts-post", Method: "POST", URL: "https://sts.us-east-1.amazonaws.com/", Header: form, Body: "Action=GetCallerIdentity&Version=2011-06-15", SecretKey: secret, Region: "us-east-1", Service: "sts", Time: at},
		{Name: "sts-get", Method: "GET", URL: "https://sts.amazonaws.com/?Version=2011-06-15&Action=GetCallerIdentity", SecretKey: secret, Region: "us-east-1", Service: "sts", Time: at},
		{Name: "session", Method: "POST", URL: "http://localhost:8080/", Header: form, Body: "Action=ListRoles&Version=2010-05-08", SecretKey: secret, SessionToken: "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJGMEQCIEXAMPLE==", Region: "us-east-1", Service: "iam", Time: at},
		{Name: "encoded", Method: "DELETE", URL: "https://example.com/a%20b/%E1%88%B4/c+d?k=%2F%20~&k=&A=%C3%A9+%2B", Header: http.Header{"X-Spaces": {"  a   b  "}, "X-Twice": {"2", "1"}}, SecretKey: secret, Region: "eu-central-2", Service: "execute-api", Time: at},
		{Name: "presigned", Presigned: true, Method: "GET", URL: "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", Header: http.Header{"X-K8s-Aws-Id": {"cluster-1"}}, SecretKey: secret, SessionToken: "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJGMEQCIEXAMPLE==", Region: "eu-central-1", Service: "sts", Time: at},
		// These two are of the SDK's internal/v4a 1.5.9, which only the SDK's own
		// modules can import; they are not written anew.
		{Name: "4a-post", Time: at},
		{Name: "4a-get", Time: at},
	}
}

func TestOwnVectors(t *testing.T) {
	t.Parallel()
	for _, e := range ownExamples() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("testdata", "sdk-"+e.Name+".json")
			if *update && e.Method != "" {
				wire := e.signBySDK
				if e.Presigned {
					wire = e.presignBySDK
				}
				text, err := json.MarshalIndent(map[string]string{"wire": string(wire(t)), "secret": e.SecretKey, "service": e.Service}, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var vector struct{ Wire, Secret, Service string }
			if err := json.Unmarshal(text, &vector); err != nil {
				t.Fatal(err)
			}
			r := readWire(t, []byte(vector.Wire))
			a, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.CheckService(vector.Service); err != nil {
				t.Error(err)
			}
			if err := a.CheckTime(e.Time); err != nil {
				t.Error(err)
			}
			if err := a.Verify(r, vector.Secret); err != nil {
				t.Error(err)
			}
			everyChangeFails(t, r, a, vector.Secret)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(goodHeader, "20260911T120000Z", "/")
	f.Add(V4+" Credential=////, SignedHeaders=;, Signature=", "Fri, 11 Sep 2026 12:00:00 GMT", "/?X-Amz-%41lgorithm=x")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, authorization, date, uri string) {
		r := signedWith(authorization)
		r.RequestURI = uri
		r.Header["X-Amz-Date"] = []string{date}
		a, err := Parse(r)
		if (a == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", a, err)
		}
		if err != nil {
			if k := kind(err); k == 0 || k == lastIncomplete {
				t.Fatalf("%v has no kind", err)
			}
			return
		}
		if len(authorization) > maxAuthorization || len(a.SignedHeaders) > maxSignedHeaders || a.Time.Format("20060102") != a.Date {
			t.Fatalf("accepts %+v", a)
		}
		if err := a.Verify(r, testSecret); err == nil {
			t.Fatal("a guessed signature verifies")
		}
	})
}

// FuzzVerify signs whatever it is given: what has a canonical form verifies, and
// what has none is refused.
func FuzzVerify(f *testing.F) {
	f.Add("GET", "/a/../b?x=y&%41=+", "example.com", "x-a", "  1  2 ")
	f.Add("POST", "//", "", "x", "")
	f.Add("G T", "?", "\n", "A", "\r")
	f.Fuzz(func(t *testing.T, method, uri, host, name, value string) {
		r := &Request{Method: method, RequestURI: uri, Host: host, PayloadHash: HashPayload(nil), Header: map[string][]string{}}
		r.Header[string(appendCanonicalName(nil, name))] = []string{value}
		names := []string{"host", name}
		if _, err := canonicalRequest(nil, r, names, form{}); err != nil {
			a := &Authorization{SignedHeaders: names}
			if err := a.Verify(r, testSecret); err == nil {
				t.Fatal("verifies without a canonical form")
			}
			return
		}
		a := sign(t, r, names...)
		if err := a.Verify(r, testSecret); err != nil && kind(err) != PayloadMismatch {
			t.Fatal(err)
		}
		r.PayloadHash = HashPayload([]byte("x"))
		if err := a.Verify(r, testSecret); err == nil {
			t.Fatal("verifies with another body")
		}
	})
}

func benchmarked(b *testing.B) (*Request, string) {
	b.Helper()
	e := ownExamples()[2]
	e.SessionToken = strings.Repeat("A", 472)
	return readWire(b, e.signBySDK(b)), e.SecretKey
}

func BenchmarkParse(b *testing.B) {
	r, _ := benchmarked(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	r, secret := benchmarked(b)
	a, err := Parse(r)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Verify(r, secret); err != nil {
			b.Fatal(err)
		}
	}
}
