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

// checkVector holds one signed request against what its suite expects.
func checkVector(t *testing.T, r *Request, form pathForm, canonical, toSign string, now time.Time) {
	t.Helper()
	a, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := canonicalRequest(nil, r, a.SignedHeaders, form)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(canonical, string(got)); diff != "" {
		t.Errorf("canonical request (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(toSign, string(a.stringToSign(nil, got))); diff != "" {
		t.Errorf("string to sign (-want +got):\n%s", diff)
	}
	if err := a.CheckTime(now); err != nil {
		t.Error(err)
	}
	if err := a.CheckService("service"); err != nil {
		t.Error(err)
	}
	if form != pathNormalised {
		key := signingKey(vectorSecret, a.Date, a.Region, a.Service)
		sum := mac(key[:], a.stringToSign(nil, got))
		if hex.EncodeToString(sum[:]) != a.Signature {
			t.Error("the signature over the verbatim path is another")
		}
		return
	}
	if err := a.Verify(r, vectorSecret); err != nil {
		t.Error(err)
	}
	everyChangeFails(t, r, a, vectorSecret)
}

// everyChangeFails changes each signed byte of a request in turn.
func everyChangeFails(t *testing.T, r *Request, a *Authorization, secret string) {
	t.Helper()
	refused := func(what string, changed *Request) {
		t.Helper()
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

// samePath reports whether two request targets without a query name one path,
// by the rules of the standard library rather than this package's.
func samePath(a, b string) bool {
	if strings.Contains(a+b, "?") {
		return false
	}
	tail := func(s string) bool { return strings.HasSuffix(s, "/") && path.Clean(s) != "/" }
	return path.Clean(a) == path.Clean(b) && tail(a) == tail(b)
}

// flip changes one byte into another that means something else.
func flip(s string, i int) string {
	b := []byte(s)
	b[i] ^= 1
	return string(b)
}

func TestVectorsCRT(t *testing.T) {
	t.Parallel()
	dir := sharedVectors(t, "aws-c-auth/tests/aws-signing-test-suite/v4")
	cases, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 38 {
		t.Fatalf("%d cases, want 38 or more", len(cases))
	}
	for _, entry := range cases {
		t.Run(entry.Name(), func(t *testing.T) {
			t.Parallel()
			at := filepath.Join(dir, entry.Name())
			var context struct {
				Normalize bool
				Timestamp time.Time
			}
			if err := json.Unmarshal([]byte(readVector(t, at, "context.json")), &context); err != nil {
				t.Fatal(err)
			}
			form := pathNormalised
			if !context.Normalize {
				form = pathVerbatim
			}
			r := readRequest(t, readVector(t, at, "header-signed-request.txt"))
			checkVector(t, r, form, readVector(t, at, "header-canonical-request.txt"), readVector(t, at, "header-string-to-sign.txt"), context.Timestamp)
			a, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimSpace(readVector(t, at, "header-signature.txt")); a.Signature != want {
				t.Errorf("signature %s, want %s", a.Signature, want)
			}

			unsigned := readRequest(t, readVector(t, at, "request.txt"))
			if _, err := Parse(unsigned); !errors.Is(err, ErrMissing) {
				t.Errorf("unsigned: %v, want ErrMissing", err)
			}
			presigned := readRequest(t, readVector(t, at, "query-signed-request.txt"))
			if _, err := Parse(presigned); kind(err) != QueryAuthentication {
				t.Errorf("presigned: %v, want QueryAuthentication", err)
			}
		})
	}
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
			checkVector(t, r, pathNormalised, readVector(t, base+".creq"), readVector(t, base+".sts"), at)
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
