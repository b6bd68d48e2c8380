package sigv4

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// keyPair derives the key pair of V4A with the standard library's HMAC and big
// integers, and so by none of the code under test. It fails where the first
// block does not serve.
func keyPair(t tb, secret, accessKeyID string) *ecdsa.PrivateKey {
	t.Helper()
	h := hmac.New(sha256.New, []byte("AWS4A"+secret))
	h.Write([]byte("\x00\x00\x00\x01AWS4-ECDSA-P256-SHA256\x00" + accessKeyID + "\x01\x00\x00\x01\x00"))
	c := new(big.Int).SetBytes(h.Sum(nil))
	d := c.Add(c, big.NewInt(1))
	if d.Cmp(elliptic.P256().Params().N) >= 0 {
		t.Fatal("a key of one in four milliards")
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signAgain puts the right signature of testSecret into a.
func signAgain(t tb, a *Authorization, r *Request) {
	t.Helper()
	canonical, err := canonicalRequest(nil, r, a.SignedHeaders, form{inQuery: a.InQuery})
	if err != nil {
		t.Fatal(err)
	}
	toSign := a.stringToSign(nil, canonical)
	if a.Algorithm == V4 {
		key := signingKey(testSecret, a.Date, a.Region, a.Service)
		sum := mac(key[:], toSign)
		a.Signature = hex.EncodeToString(sum[:])
		return
	}
	digest := sha256.Sum256(toSign)
	der, err := ecdsa.SignASN1(rand.Reader, keyPair(t, testSecret, a.AccessKeyID), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	a.Signature = hex.EncodeToString(der)
}

const goodHeader4A = V4A + " Credential=AKIDEXAMPLE/20260911/sts/aws4_request, SignedHeaders=host;x-amz-date;x-amz-region-set, Signature=0123"

func signedWith4A(regionSet ...string) *Request {
	r := signedWith(goodHeader4A)
	if regionSet != nil {
		r.Header["X-Amz-Region-Set"] = regionSet
	}
	return r
}

func TestParse4A(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		set   []string
		want  []string
		check Kind // of CheckService, 0 for none
	}{
		{[]string{"*"}, []string{"*"}, 0},
		{[]string{"us-east-1"}, []string{"us-east-1"}, 0},
		{[]string{"us-east-1, eu-* ", "*-1"}, []string{"us-east-1", "eu-*", "*-1"}, 0},
		{[]string{""}, []string{""}, Region},
		{[]string{"us-east-1,"}, []string{"us-east-1", ""}, Region},
		{[]string{"US-EAST-1"}, []string{"US-EAST-1"}, Region},
		{[]string{"us-east-?"}, []string{"us-east-?"}, Region},
		{[]string{strings.Repeat("a", maxRegion)}, []string{strings.Repeat("a", maxRegion)}, 0},
		{[]string{strings.Repeat("a", maxRegion+1)}, []string{strings.Repeat("a", maxRegion+1)}, Region},
	} {
		a, err := Parse(signedWith4A(tt.set...))
		if err != nil {
			t.Errorf("%q: %v", tt.set, err)
			continue
		}
		if a.Algorithm != V4A || a.InQuery || a.Region != "" || a.Service != "sts" || a.Date != "20260911" || !slices.Equal(a.RegionSet, tt.want) {
			t.Errorf("%q: %+v", tt.set, a)
		}
		if err := a.CheckService("sts"); kind(err) != tt.check || (err == nil) != (tt.check == 0) {
			t.Errorf("%q: %v, want kind %d", tt.set, err, tt.check)
		}
	}
	var e *Error
	a := &Authorization{Algorithm: V4A, Region: "us-east-1", Service: "s3"}
	if err := a.CheckService("sts"); !errors.As(err, &e) || e.Message != "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'sts'. " {
		t.Errorf("no region set and another service: %v", err)
	}
}

func TestParse4ARefuses(t *testing.T) {
	t.Parallel()
	edit := func(old, now string) func(*Request) {
		return func(r *Request) {
			r.Header["Authorization"] = []string{strings.Replace(goodHeader4A, old, now, 1)}
		}
	}
	for _, tt := range []struct {
		name    string
		change  func(*Request)
		kind    Kind
		message string // the beginning of it
	}{
		{"no region set", func(r *Request) { delete(r.Header, "X-Amz-Region-Set") }, MissingParameter, "Authorization header requires existence of a 'X-Amz-Region-Set' header. (Hashed with SHA-256 and encoded with Base64) Authorization="},
		{"region set not signed", edit(";x-amz-region-set", ""), RegionSetNotSigned, "'X-Amz-Region-Set' must be a 'SignedHeader' in the AWS Authorization."},
		{"101 regions", func(r *Request) { r.Header["X-Amz-Region-Set"] = []string{"*" + strings.Repeat(",*", maxRegionSet)} }, TooLong, "X-Amz-Region-Set must"},
		{"region set too long", func(r *Request) { r.Header["X-Amz-Region-Set"] = []string{strings.Repeat("a", maxAuthorization+1)} }, TooLong, "X-Amz-Region-Set must"},
		{"a scope with a region", edit("/sts", "/us-east-1/sts"), CredentialFormat, "Credential must have exactly 4 slash-delimited elements, e.g. keyid/date/service/term, got 'AKIDEXAMPLE/20260911/us-east-1/sts/aws4_request'"},
		{"three parts", edit("/sts", ""), CredentialFormat, "Credential must have exactly 4"},
		{"terminator", edit("aws4_request", "aws4a_request"), Terminator, terminatorMessage},
		{"other day", edit("20260911", "20260910"), DateScopeMismatch, dateScopeMessage},
		{"host not signed", edit("host;", ""), HostNotSigned, hostMessage},
		{"no signature", edit(", Signature=0123", ""), MissingParameter, "Authorization header requires 'Signature' parameter. (Hashed"},
		{"no date", func(r *Request) { delete(r.Header, "X-Amz-Date") }, MissingDate, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed"},
	} {
		r := signedWith4A("us-east-1")
		tt.change(r)
		a, err := Parse(r)
		var e *Error
		if a != nil || !errors.As(err, &e) || e.Kind != tt.kind || !strings.HasPrefix(e.Message, tt.message) {
			t.Errorf("%s: Parse = %v, %#v, want kind %d, %s", tt.name, a, err, tt.kind, tt.message)
		}
	}
}

func TestVerifyingKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret, id := rapid.StringN(1, 80, 200).Draw(t, "secret"), rapid.StringN(0, 40, 150).Draw(t, "id")
		key, ok := verifyingKey(secret, id)
		if !ok || !key.Equal(&keyPair(t, secret, id).PublicKey) {
			t.Fatal("derives another key")
		}
		if other, ok := verifyingKey(secret+"x", id); !ok || other.Equal(key) {
			t.Fatal("another secret has the same key")
		}
		if other, ok := verifyingKey(secret, id+"x"); !ok || other.Equal(key) {
			t.Fatal("another access key id has the same key")
		}
	})
	// Of the candidates, those up to n-2 are one less than a private key.
	n := elliptic.P256().Params().N
	for _, tt := range []struct {
		candidate *big.Int
		fine      bool
	}{
		{big.NewInt(0), true},
		{new(big.Int).Sub(n, big.NewInt(2)), true},
		{new(big.Int).Sub(n, big.NewInt(1)), false},
		{n, false},
		{new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)), false},
		{big.NewInt(0xffff), true},
	} {
		candidate := [32]byte(tt.candidate.FillBytes(make([]byte, 32)))
		key, ok := privateKey(&candidate)
		if ok != tt.fine {
			t.Errorf("candidate %x: %v", candidate, ok)
		}
		if !ok {
			continue
		}
		d, err := key.Bytes()
		if want := new(big.Int).Add(tt.candidate, big.NewInt(1)); err != nil || want.Cmp(new(big.Int).SetBytes(d)) != 0 {
			t.Errorf("candidate %x: key %x, %v", candidate, d, err)
		}
	}
}

// TestVerify4A signs by keyPair and the standard library, verifies, and changes
// each signed byte.
func TestVerify4A(t *testing.T) {
	t.Parallel()
	inQuery := presigned(func(q url.Values) {
		q.Set("X-Amz-Algorithm", V4A)
		q.Set("X-Amz-Credential", "AKIDEXAMPLE/20260911/sts/aws4_request")
		q.Set("X-Amz-Region-Set", "us-east-1")
	})
	for _, r := range []*Request{signedWith4A("us-east-1,eu-*"), inQuery} {
		a, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		signAgain(t, a, r)
		r.RequestURI = strings.Replace(r.RequestURI, "X-Amz-Signature=0123", "X-Amz-Signature="+a.Signature, 1)
		if err := errors.Join(a.CheckService("sts"), a.CheckTime(time.Date(2026, 9, 11, 12, 15, 0, 0, time.UTC)), a.Verify(r, testSecret)); err != nil {
			t.Fatal(err)
		}
		everyChangeFails(t, r, a, testSecret)
		for i := range len(a.Signature) {
			changed := *a
			changed.Signature = flip(a.Signature, i)
			if err := changed.Verify(r, testSecret); err == nil {
				t.Errorf("verifies with character %d of the signature changed", i)
			}
		}
		for name, change := range map[string]func(*Authorization){
			"algorithm": func(a *Authorization) { a.Algorithm = V4 }, "no algorithm": func(a *Authorization) { a.Algorithm = "" },
			"key id": func(a *Authorization) { a.AccessKeyID = "AKIDEXAMPLF" }, "date": func(a *Authorization) { a.Date = "20260912" },
			"time": func(a *Authorization) { a.Time = a.Time.Add(time.Second) }, "service": func(a *Authorization) { a.Service = "iam" },
			"names": func(a *Authorization) { a.SignedHeaders = a.SignedHeaders[:1] }, "place": func(a *Authorization) { a.InQuery = !a.InQuery && strings.Contains(r.RequestURI, "?") },
		} {
			changed := *a
			change(&changed)
			if err := changed.Verify(r, testSecret); err == nil && changed.InQuery != a.InQuery || err == nil && name != "place" {
				t.Errorf("verifies with another %s", name)
			}
		}
		if err := a.Verify(r, ""); kind(err) != Mismatch {
			t.Errorf("with no secret: %v", err)
		}
	}
}

// Of a signature, one spelling is taken: DER has one, and so have lower-case
// digits.
func TestSignatureForm4A(t *testing.T) {
	t.Parallel()
	r := signedWith4A("*")
	a, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	signAgain(t, a, r)
	der, err := hex.DecodeString(a.Signature)
	if err != nil {
		t.Fatal(err)
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		t.Fatal(err)
	}
	raw := func(sequence byte, length, rest []byte) string {
		return hex.EncodeToString(slices.Concat([]byte{sequence}, length, rest))
	}
	content := der[2:]
	length := byte(len(content))
	padded := slices.Concat([]byte{2, content[1] + 1, 0}, content[2:]) // r with one more leading zero
	n := elliptic.P256().Params().N
	minus, err := asn1.Marshal(struct{ R, S *big.Int }{rs.R, new(big.Int).Neg(rs.S)})
	if err != nil {
		t.Fatal(err)
	}
	beyond, err := asn1.Marshal(struct{ R, S *big.Int }{rs.R, new(big.Int).Add(rs.S, n)})
	if err != nil {
		t.Fatal(err)
	}
	zero, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int), new(big.Int)})
	if err != nil {
		t.Fatal(err)
	}
	for name, signature := range map[string]string{
		"empty": "", "odd": a.Signature[1:], "cut short": a.Signature[:len(a.Signature)-2], "longer": a.Signature + "00",
		"much longer": strings.Repeat(a.Signature, 1000), "upper case": strings.ToUpper(a.Signature), "with a space": a.Signature + " ", "no digits": strings.Repeat("zz", 70),
		"long form of the length": raw(0x30, []byte{0x81, length}, content), "indefinite length": raw(0x30, []byte{0x80}, append(slices.Clone(content), 0, 0)),
		"a set": raw(0x31, []byte{length}, content), "leading zero": raw(0x30, []byte{length + 1}, padded),
		"something after it": raw(0x30, []byte{length + 2}, append(slices.Clone(content), 5, 0)),
		"negative s":         hex.EncodeToString(minus), "s beyond n": hex.EncodeToString(beyond), "zero": hex.EncodeToString(zero),
		"raw r and s": hex.EncodeToString(append(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32))...)),
	} {
		changed := *a
		changed.Signature = signature
		if err := changed.Verify(r, testSecret); kind(err) != Mismatch && kind(err) != SignatureForm {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzVerify4A takes any signature; only ECDSA's own verify.
func FuzzVerify4A(f *testing.F) {
	f.Add("3006020101020101", "*", "sts")
	f.Add("30060201010201", "us-east-1,eu-*", "")
	f.Fuzz(func(t *testing.T, signature, regionSet, service string) {
		r := signedWith4A(regionSet)
		r.Header["Authorization"] = []string{strings.NewReplacer("=0123", "="+signature, "/sts/", "/"+service+"/").Replace(goodHeader4A)}
		a, err := Parse(r)
		if (a == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", a, err)
		}
		if err != nil {
			return
		}
		if a.CheckService("sts") == nil && (a.Service != "sts" || slices.Contains(a.RegionSet, "")) {
			t.Fatalf("accepts the scope of %+v", a)
		}
		if err := a.Verify(r, testSecret); err == nil {
			t.Fatal("a guessed signature verifies")
		}
		if strings.ContainsAny(regionSet, "\r\n") {
			return // no canonical form
		}
		signAgain(t, a, r)
		if err := a.Verify(r, testSecret); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkVerify4A(b *testing.B) {
	r := signedWith4A("us-east-1")
	a, err := Parse(r)
	if err != nil {
		b.Fatal(err)
	}
	signAgain(b, a, r)
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Verify(r, testSecret); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyingKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := verifyingKey(testSecret, "AKIDEXAMPLE"); !ok {
			b.Fatal("no key")
		}
	}
}
