package sigv4

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const testSecret = "secret"

// sign makes the Authorization of r over names, in the plainest way.
func sign(t *testing.T, r *Request, names ...string) *Authorization {
	t.Helper()
	a := &Authorization{
		Algorithm: V4, AccessKeyID: "AKIDEXAMPLE", Date: "20260911", Region: "us-east-1", Service: "sts",
		SignedHeaders: names, Time: time.Date(2026, 9, 11, 12, 0, 0, 0, time.UTC),
	}
	canonical, err := canonicalRequest(nil, r, names, form{})
	if err != nil {
		t.Fatal(err)
	}
	key := signingKey(testSecret, a.Date, a.Region, a.Service)
	sum := mac(key[:], a.stringToSign(nil, canonical))
	a.Signature = hex.EncodeToString(sum[:])
	return a
}

// TestMAC holds mac against the standard library's, with keys and messages on
// both sides of every bound inside it.
func TestMAC(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 0, 2*sha256.BlockSize+1).Draw(t, "key")
		message := rapid.SliceOfN(rapid.Byte(), 0, 2*macSpace).Draw(t, "message")
		before := bytes.Clone(message)
		h := hmac.New(sha256.New, key)
		h.Write(message)
		got := mac(key, message)
		if !bytes.Equal(got[:], h.Sum(nil)) {
			t.Fatalf("mac = %x, want %x", got, h.Sum(nil))
		}
		if !bytes.Equal(message, before) {
			t.Fatal("mac changed the message")
		}
	})
	for _, length := range []int{0, 1, sha256.BlockSize - 1, sha256.BlockSize, sha256.BlockSize + 1} {
		key := bytes.Repeat([]byte{7}, length)
		h := hmac.New(sha256.New, key)
		h.Write([]byte("x"))
		if got := mac(key, []byte("x")); !bytes.Equal(got[:], h.Sum(nil)) {
			t.Errorf("with a key of %d bytes: %x", length, got)
		}
	}
}

func TestCheckService(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		region, service string
		names           []string
		kind            Kind
		message         string
	}{
		{"us-east-1", "sts", []string{"sts"}, 0, ""},
		{"anywhere", "iam", []string{"sts", "iam"}, 0, ""},
		{"us-east-1", "iam", []string{"sts"}, Service, "Credential should be scoped to correct service: 'sts'. "},
		{"us-east-1", "STS", []string{"sts"}, Service, "Credential should be scoped to correct service: 'sts'. "},
		{"us-east-1", "s3", []string{"sts", "iam"}, Service, "Credential should be scoped to correct service: 'sts' or 'iam'. "},
		{"us-east-1", "", []string{""}, Service, "Credential should be scoped to correct service: ''. "},
		{"us-east-1", "sts", nil, Service, "Credential should be scoped to correct service: ''. "},
		{"", "sts", []string{"sts"}, Region, "Credential should be scoped to a valid region. "},
		{"US-EAST-1", "sts", []string{"sts"}, Region, "Credential should be scoped to a valid region. "},
		{"us east 1", "s3", []string{"sts"}, Region, "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'sts'. "},
	} {
		a := &Authorization{Region: tt.region, Service: tt.service}
		err := a.CheckService(tt.names...)
		if tt.kind == 0 {
			if err != nil {
				t.Errorf("%+v: %v", tt, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind != tt.kind || e.Message != tt.message || e.Incomplete() {
			t.Errorf("%+v: %#v", tt, err)
		}
	}
}

func TestCheckTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 30, 0, 999, time.FixedZone("", 3600))
	signed := now.UTC().Truncate(time.Second)
	for _, tt := range []struct {
		off     time.Duration
		kind    Kind
		message string
	}{
		{0, 0, ""},
		{-15 * time.Minute, 0, ""},
		{15 * time.Minute, 0, ""},
		{-15*time.Minute - time.Second, Expired, "Signature expired: 20251231T231459Z is now earlier than 20251231T231500Z (20251231T233000Z - 15 min.)"},
		{15*time.Minute + time.Second, NotYetCurrent, "Signature not yet current: 20251231T234501Z is still later than 20251231T234500Z (20251231T233000Z + 15 min.)"},
		{-24 * time.Hour, Expired, ""},
		{24 * time.Hour, NotYetCurrent, ""},
	} {
		a := &Authorization{Time: signed.Add(tt.off)}
		err := a.CheckTime(now)
		if tt.kind == 0 {
			if err != nil {
				t.Errorf("%v: %v", tt.off, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind != tt.kind || tt.message != "" && e.Message != tt.message {
			t.Errorf("%v: %#v, want kind %d and %q", tt.off, err, tt.kind, tt.message)
		}
	}
	if err := new(Authorization).CheckTime(now); kind(err) != Expired {
		t.Errorf("zero Authorization: %v, want Expired", err)
	}
}

func TestVerifyFailsClosed(t *testing.T) {
	t.Parallel()
	r := signedWith("")
	a := sign(t, r, "host", "x-amz-date")
	if err := a.Verify(r, testSecret); err != nil {
		t.Fatal(err)
	}
	// Whoever signs with no secret, or a body that was not hashed, knows the
	// signature that a careless check would compute.
	emptyKey := signingKey("", a.Date, a.Region, a.Service)
	canonical, err := canonicalRequest(nil, r, a.SignedHeaders, form{})
	if err != nil {
		t.Fatal(err)
	}
	sum := mac(emptyKey[:], a.stringToSign(nil, canonical))
	forged := *a
	forged.Signature = hex.EncodeToString(sum[:])
	if err := forged.Verify(r, ""); kind(err) != Mismatch {
		t.Errorf("signed with no secret: %v, want Mismatch", err)
	}
	unhashed := *r
	unhashed.PayloadHash = ""
	if err := sign(t, &unhashed, "host").Verify(&unhashed, testSecret); kind(err) != PayloadMismatch {
		t.Errorf("body not hashed: %v, want PayloadMismatch", err)
	}
	var none *Authorization
	if err := none.Verify(r, testSecret); err == nil {
		t.Error("nil Authorization verifies")
	}
	if err := new(Authorization).Verify(r, testSecret); err == nil {
		t.Error("zero Authorization verifies")
	}
	for name, signature := range map[string]string{
		"empty": "", "upper case": strings.ToUpper(a.Signature), "cut short": a.Signature[:63],
		"longer": a.Signature + "0", "with a space": a.Signature + " ",
	} {
		changed := *a
		changed.Signature = signature
		if err := changed.Verify(r, testSecret); kind(err) != Mismatch {
			t.Errorf("signature %s: %v, want Mismatch", name, err)
		}
	}
}

func TestVerifyPayload(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		declared []string
		fine     bool
	}{
		{"not declared", nil, true},
		{"right", []string{HashPayload(nil)}, true},
		{"another body's", []string{HashPayload([]byte("x"))}, false},
		{"upper case", []string{strings.ToUpper(HashPayload(nil))}, false},
		{"unsigned", []string{"UNSIGNED-PAYLOAD"}, false},
		{"streaming", []string{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, false},
		{"empty", []string{""}, false},
		{"twice", []string{HashPayload(nil), HashPayload(nil)}, false},
	} {
		r := signedWith("")
		names := []string{"host"}
		if tt.declared != nil {
			r.Header["X-Amz-Content-Sha256"] = tt.declared
			names = append(names, "x-amz-content-sha256")
		}
		err := sign(t, r, names...).Verify(r, testSecret)
		if tt.fine && err != nil || !tt.fine && kind(err) != PayloadMismatch {
			t.Errorf("%s: %v, fine %v", tt.name, err, tt.fine)
		}
	}
}

func TestVerifyRefusesForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(r *Request, a *Authorization)
		kind  Kind
	}{
		{"no method", func(r *Request, _ *Authorization) { r.Method = "" }, RequestForm},
		{"method with a line break", func(r *Request, _ *Authorization) { r.Method = "GET\n/" }, RequestForm},
		{"no path", func(r *Request, _ *Authorization) { r.RequestURI = "" }, RequestForm},
		{"asterisk", func(r *Request, _ *Authorization) { r.RequestURI = "*" }, RequestForm},
		{"absolute form", func(r *Request, _ *Authorization) { r.RequestURI = "https://sts.amazonaws.com/" }, RequestForm},
		{"broken query", func(r *Request, _ *Authorization) { r.RequestURI = "/?a=%4" }, RequestForm},
		{"broken query name", func(r *Request, _ *Authorization) { r.RequestURI = "/?%g0=1" }, RequestForm},
		{"host with a line break", func(r *Request, _ *Authorization) { r.Host = "a\nb" }, RequestForm},
		{"header with a line break", func(r *Request, _ *Authorization) { r.Header["X-Amz-Date"] = []string{"a\rb"} }, RequestForm},
		{"absent header", func(r *Request, _ *Authorization) { delete(r.Header, "X-Amz-Date") }, HeaderAbsent},
		{"length not known", func(r *Request, a *Authorization) {
			r.ContentLength, a.SignedHeaders = -1, []string{"content-length", "host"}
		}, HeaderAbsent},
	} {
		r := signedWith("")
		a := sign(t, r, "host", "x-amz-date")
		tt.spoil(r, a)
		if err := a.Verify(r, testSecret); kind(err) != tt.kind {
			t.Errorf("%s: %v, want kind %d", tt.name, err, tt.kind)
		}
	}
	r := signedWith("")
	a := sign(t, r, "host", "x-amz-date")
	delete(r.Header, "X-Amz-Date")
	if err := a.Verify(r, testSecret); err == nil || !strings.Contains(err.Error(), "x-amz-date") {
		t.Errorf("%v does not name the header that did not arrive", err)
	}
}

func TestCanonicalForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ uri, path, query string }{
		{"/", "/", ""},
		{"/?", "/", ""},
		{"//", "/", ""},
		{"/a/./b/../c//d", "/a/c/d", ""},
		{"/../..", "/", ""},
		{"/a/", "/a/", ""},
		{"/a/.", "/a", ""},
		{"/a%20b/%2F", "/a%2520b/%252F", ""},
		{"/a/%2e%2e/b", "/a/%252e%252e/b", ""},
		{"/?b&a", "/", "a=&b="},
		{"/?a=2&a=1&A=3", "/", "A=3&a=1&a=2"},
		{"/?a=b=c", "/", "a=b%3Dc"},
		{"/?a+b=c+d", "/", "a%20b=c%20d"},
		{"/?a%2Bb=%7e%2f", "/", "a%2Bb=~%2F"},
		{"/?&&a=1&", "/", "a=1"},
		{"/?a=?", "/", "a=%3F"},
		{"/?a-=1&a=2", "/", "a=2&a-=1"}, // by name first: "a" before "a-", though "-" sorts before "="
	} {
		r := &Request{Method: "GET", RequestURI: tt.uri}
		got, err := canonicalRequest(nil, r, nil, form{})
		if want := "GET\n" + tt.path + "\n" + tt.query + "\n\n\n"; err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", tt.uri, got, err, want)
		}
	}
	for uri, want := range map[string]string{
		"/b/a//b/../c":  "/b/a//b/../c",
		"/a%20b/%2f%7e": "/a%20b//~", // what is signed is the key, in which %2f is a slash
		"/a+b":          "/a%2Bb",
	} {
		if got, ok := appendPath(nil, uri, pathVerbatim); !ok || string(got) != want {
			t.Errorf("verbatim %s: %q, %v, want %q", uri, got, ok, want)
		}
	}
}

// Many parameters outgrow the space that is put aside for few.
func TestManyParameters(t *testing.T) {
	t.Parallel()
	var uri, want []string
	for i := range 300 {
		name := string([]byte{'a' + byte(i/26%26), 'a' + byte(i%26)})
		uri = append([]string{name + "=%41%20" + strings.Repeat("x", i)}, uri...)
		want = append(want, name+"=A%20"+strings.Repeat("x", i))
	}
	got, ok := appendQuery(nil, strings.Join(uri, "&"), "")
	if !ok || string(got) != strings.Join(want, "&") {
		t.Errorf("%d parameters come out otherwise than they must", len(uri))
	}
}

func TestHeaderForms(t *testing.T) {
	t.Parallel()
	r := &Request{
		Host: " example.com ", ContentLength: 12,
		Header: map[string][]string{
			"X-One": {"  a   b \t"}, "X-Many": {"b", " a", ""}, "X-Tab": {"a\t\tb"}, "X-Empty": {""},
			"Under_score-Name": {"u"},
		},
	}
	for name, want := range map[string]string{
		"host": "example.com", ":authority": "example.com", "content-length": "12",
		"x-one": "a b", "x-many": "b,a,", "x-tab": "a\t\tb", "x-empty": "", "under_score-name": "u",
	} {
		got, err := appendHeader(nil, r, name)
		if err != nil || string(got) != name+":"+want+"\n" {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}
