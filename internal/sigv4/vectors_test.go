package sigv4

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// vectorSecret is the secret of every case of both published suites.
const vectorSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

// sharedVectors finds the published suites, which stand beside the repository
// where it is developed and not in it.
func sharedVectors(t *testing.T, suite string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "vectors", "sigv4", suite)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the published vectors are not there: %v", err)
		}
		t.Skip("the published vectors are not beside this clone; testdata has vectors of its own")
	}
	return dir
}

func readVector(t *testing.T, at ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(at...))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// readRequest reads a request from its wire text, as leniently as the suites
// need it: they have spaces in paths and folded headers, which net/http refuses.
func readRequest(t *testing.T, text string) *Request {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimRight(head, "\n"), "\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	r := &Request{
		Method: method, RequestURI: strings.TrimSuffix(rest, " HTTP/1.1"), Header: map[string][]string{},
		ContentLength: int64(len(body)), PayloadHash: HashPayload([]byte(body)),
	}
	var last string
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, " ") { // RFC 7230, section 3.2.4: a fold is read as spaces
			values := r.Header[last]
			values[len(values)-1] += " " + strings.TrimSpace(line)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("header line %q has no colon", line)
		}
		last = string(appendCanonicalName(nil, strings.ToLower(name)))
		r.Header[last] = append(r.Header[last], value)
	}
	r.Host = strings.TrimSpace(strings.Join(r.Header["Host"], ","))
	delete(r.Header, "Host")
	return r
}

// vector is what a suite says of a request that it signed.
type vector struct {
	canonical, toSign string
	path              pathForm
	now               time.Time
}

// check holds one signed request against what its suite expects.
func (v *vector) check(t *testing.T, r *Request) *Authorization {
	t.Helper()
	a, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := canonicalRequest(nil, r, a.SignedHeaders, form{v.path, a.InQuery})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v.canonical, string(got)); diff != "" {
		t.Errorf("canonical request (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(v.toSign, string(a.stringToSign(nil, got))); diff != "" {
		t.Errorf("string to sign (-want +got):\n%s", diff)
	}
	if err := a.CheckTime(v.now); err != nil {
		t.Error(err)
	}
	if err := a.CheckService("service"); err != nil {
		t.Error(err)
	}
	if err := a.verify(r, vectorSecret, v.path); err != nil {
		t.Error(err)
	}
	if v.path == pathNormalised {
		everyChangeFails(t, r, a, vectorSecret)
	}
	return a
}

// everyChangeFails changes each signed byte of a request in turn.
func everyChangeFails(t *testing.T, r *Request, a *Authorization, secret string) {
	t.Helper()
	refused := func(what string, changed *Request) {
		t.Helper()
		a := a
		if a.InQuery { // the change may be in what Parse reads
			var err error
			if a, err = Parse(changed); err != nil {
				return
			}
		}
		if err := a.Verify(changed, secret); err == nil {
			t.Errorf("verifies with a changed %s: %+v", what, changed)
		}
	}
	for i := range len(r.Method) {
		c := *r
		c.Method = flip(r.Method, i)
		refused("method", &c)
	}
	for i := range len(r.RequestURI) {
		c := *r
		c.RequestURI = flip(r.RequestURI, i)
		if samePath(r.RequestURI, c.RequestURI) {
			continue // "/a/.." and "/b/.." are one path, and so are "/./" and "///"
		}
		refused("path or query", &c)
	}
	if slices.Contains(a.SignedHeaders, "content-length") {
		c := *r
		c.ContentLength++
		refused("content length", &c)
	}
	for i := range len(r.PayloadHash) {
		c := *r
		c.PayloadHash = flip(r.PayloadHash, i)
		refused("body", &c)
	}
	for _, name := range a.SignedHeaders {
		if name == "content-length" {
			continue // read from ContentLength, which is changed above
		}
		if name == "host" {
			for i := range len(r.Host) {
				c := *r
				c.Host = flip(r.Host, i)
				refused("host", &c)
			}
			continue
		}
		key := http.CanonicalHeaderKey(name)
		// The request's time is signed as the string to sign has it, which is
		// Parse's; here the header alone changes, and is signed by itself.
		for v, value := range r.Header[key] {
			for i := range len(value) {
				if value[i] == ' ' {
					continue // runs of spaces count as one
				}
				c := *r
				c.Header = map[string][]string{}
				for k, values := range r.Header {
					c.Header[k] = append([]string(nil), values...)
				}
				c.Header[key][v] = flip(value, i)
				refused("header "+name, &c)
			}
		}
	}
	if err := a.Verify(r, secret+"x"); err == nil {
		t.Error("verifies under another secret")
	}
}

// samePath reports whether two request targets name one path with one query, by
// the rules of the standard library rather than this package's.
func samePath(a, b string) bool {
	a, aQuery, _ := strings.Cut(a, "?")
	b, bQuery, _ := strings.Cut(b, "?")
	tail := func(s string) bool { return strings.HasSuffix(s, "/") && path.Clean(s) != "/" }
	return path.Clean(a) == path.Clean(b) && tail(a) == tail(b) && aQuery == bQuery
}

// flip changes one byte into another that means something else.
func flip(s string, i int) string {
	b := []byte(s)
	b[i] ^= 1
	return string(b)
}

// crtCase is a case of the suite of AWS's common runtime: one request, signed in
// the header and in the query.
type crtCase struct {
	dir     string
	context struct {
		Normalize   bool
		Timestamp   time.Time
		Credentials struct{ Token string }
		// OmitSessionToken adds the token after signing, in the query and in the
		// header.
		OmitSessionToken bool `json:"omit_session_token"`
	}
}

// eachCRTCase runs the cases of a suite, of which there must be so many at least.
func eachCRTCase(t *testing.T, suite string, least int, check func(*testing.T, *crtCase)) {
	t.Helper()
	dir := sharedVectors(t, "aws-c-auth/tests/aws-signing-test-suite/"+suite)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, entry := range entries {
		c := &crtCase{dir: filepath.Join(dir, entry.Name())}
		if _, err := os.Stat(filepath.Join(c.dir, "header-signed-request.txt")); err != nil {
			continue // the suite for V4A has two cases without signatures
		}
		count++
		t.Run(entry.Name(), func(t *testing.T) {
			t.Parallel()
			if err := json.Unmarshal([]byte(readVector(t, c.dir, "context.json")), &c.context); err != nil {
				t.Fatal(err)
			}
			check(t, c)
		})
	}
	if count < least {
		t.Fatalf("%d cases, want %d or more", count, least)
	}
}

// vector gives what the case says of the request signed in the "header" or the
// "query", and that request.
func (c *crtCase) vector(t *testing.T, where string) (*vector, *Request) {
	t.Helper()
	v := &vector{
		canonical: readVector(t, c.dir, where+"-canonical-request.txt"), toSign: readVector(t, c.dir, where+"-string-to-sign.txt"),
		now: c.context.Timestamp,
	}
	if !c.context.Normalize {
		v.path = pathVerbatim
	}
	return v, readRequest(t, readVector(t, c.dir, where+"-signed-request.txt"))
}

func (c *crtCase) signature(t *testing.T, where string) string {
	t.Helper()
	return strings.TrimSpace(readVector(t, c.dir, where+"-signature.txt"))
}

func TestVectorsCRT(t *testing.T) {
	t.Parallel()
	eachCRTCase(t, "v4", 38, func(t *testing.T, c *crtCase) {
		v, r := c.vector(t, "header")
		if a, want := v.check(t, r), c.signature(t, "header"); a.Signature != want {
			t.Errorf("signature %s, want %s", a.Signature, want)
		}
		unsigned := readRequest(t, readVector(t, c.dir, "request.txt"))
		if _, err := Parse(unsigned); !errors.Is(err, ErrMissing) {
			t.Errorf("unsigned: %v, want ErrMissing", err)
		}
		v, r = c.vector(t, "query")
		c.refuseTokenAddedAfter(t, r)
		if a, want := v.check(t, r), c.signature(t, "query"); a.Signature != want || !a.InQuery || a.Expires != time.Hour {
			t.Errorf("presigned: %+v, want signature %s", a, want)
		}
	})
}

// refuseTokenAddedAfter asks that a request to whose query the session token was
// added after signing is refused, and takes the token out, for the rest of the
// case to be checked without it.
func (c *crtCase) refuseTokenAddedAfter(t *testing.T, r *Request) {
	t.Helper()
	if !c.context.OmitSessionToken {
		return
	}
	a, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if a.SecurityToken != c.context.Credentials.Token || a.SecurityToken == "" {
		t.Errorf("session token %q, want %q", a.SecurityToken, c.context.Credentials.Token)
	}
	if err := a.Verify(r, vectorSecret); kind(err) != Mismatch {
		t.Errorf("a session token that is not signed: %v, want Mismatch", err)
	}
	before, rest, _ := strings.Cut(r.RequestURI, "&X-Amz-Security-Token=")
	_, after, _ := strings.Cut(rest, "&")
	r.RequestURI = before + "&" + after
}

// TestVectorsCRT4A: a signature of V4A is another each time, so a case has two of
// the same request, both of which must verify.
func TestVectorsCRT4A(t *testing.T) {
	t.Parallel()
	eachCRTCase(t, "v4a", 38, func(t *testing.T, c *crtCase) {
		var public struct{ X, Y string }
		if err := json.Unmarshal([]byte(readVector(t, c.dir, "public-key.json")), &public); err != nil {
			t.Fatal(err)
		}
		key, ok := verifyingKey(vectorSecret, "AKIDEXAMPLE")
		if !ok {
			t.Fatal("no key")
		}
		if point, err := key.Bytes(); err != nil || hex.EncodeToString(point) != "04"+public.X+public.Y {
			t.Errorf("the public key is %x (%v), want %s %s", point, err, public.X, public.Y)
		}
		for _, where := range []string{"header", "query"} {
			v, r := c.vector(t, where)
			if where == "query" {
				c.refuseTokenAddedAfter(t, r)
			}
			a := v.check(t, r)
			if a.InQuery != (where == "query") || a.Region != "" || !slices.Equal(a.RegionSet, []string{"us-east-1"}) || a.Algorithm != V4A {
				t.Errorf("%s: reads %+v", where, a)
			}
			other := *a
			other.Signature = c.signature(t, where)
			if err := other.verify(r, vectorSecret, v.path); err != nil || other.Signature == a.Signature {
				t.Errorf("%s: the other signature: %v", where, err)
			}
		}
	})
}

func TestVectorsBotocore(t *testing.T) {
	t.Parallel()
	dir := sharedVectors(t, "botocore/tests/unit/auth/aws4_testsuite")
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	count := 0
	err := filepath.WalkDir(dir, func(file string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".sreq") {
			return err
		}
		count++
		base := strings.TrimSuffix(file, ".sreq")
		t.Run(filepath.Base(base), func(t *testing.T) {
			t.Parallel()
			r := readRequest(t, readVector(t, file))
			want := strings.TrimSpace(readVector(t, base+".authz"))
			if strings.TrimSpace(r.Header["Authorization"][0]) != want {
				// One case carries the signature of another in its signed request.
				if name := filepath.Base(base); name != "get-vanilla-with-session-token" {
					t.Errorf("%s is signed with another Authorization than %s", name, want)
				}
				a, err := Parse(r)
				if err != nil {
					t.Fatal(err)
				}
				if err := a.Verify(r, vectorSecret); kind(err) != Mismatch {
					t.Errorf("another case's signature: %v, want Mismatch", err)
				}
				r.Header["Authorization"] = []string{want}
			}
			(&vector{canonical: readVector(t, base+".creq"), toSign: readVector(t, base+".sts"), now: at}).check(t, r)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if count < 30 {
		t.Errorf("%d cases, want 30 or more", count)
	}
}

// kind gives the Kind of an *Error, 0 for anything else.
func kind(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}
