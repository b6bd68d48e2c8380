package sigv4

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// docHeader begins the Authorization header of AWS's examples. Their secret is
// clientSecret.
const docHeader = "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="

// TestDocExamples are AWS's own examples of signatures (Amazon S3 API Reference,
// "Authenticating Requests", the pages on the Authorization header, on query
// parameters, on chunked uploads and on trailers).
func TestDocExamples(t *testing.T) {
	t.Parallel()
	const (
		host    = "Host: examplebucket.s3.amazonaws.com"
		date    = "x-amz-date: 20130524T000000Z"
		nothing = "x-amz-content-sha256: " + emptyHash
		put     = "PUT /examplebucket/chunkObject.txt HTTP/1.1\nHost: s3.amazonaws.com\n" + date + "\nx-amz-storage-class: REDUCED_REDUNDANCY\nContent-Encoding: aws-chunked\nx-amz-decoded-content-length: 66560\n"
	)
	long := strings.Repeat("a", 66560)
	for _, tt := range []struct{ name, head, body, payload string }{
		{"get object", "GET /test.txt HTTP/1.1\n" + host + "\nRange: bytes=0-9\n" + nothing + "\n" + date + "\n" + docHeader + "host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", "", ""},
		{"put object", "PUT /test%24file.text HTTP/1.1\n" + host + "\nContent-Length: 21\nDate: Fri, 24 May 2013 00:00:00 GMT\n" + date + "\nx-amz-storage-class: REDUCED_REDUNDANCY\nx-amz-content-sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\n" + docHeader + "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd", "Welcome to Amazon S3.", "Welcome to Amazon S3."},
		{"get lifecycle", "GET /?lifecycle HTTP/1.1\n" + host + "\n" + date + "\n" + nothing + "\n" + docHeader + "host;x-amz-content-sha256;x-amz-date,Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543", "", ""},
		{"list", "GET /?max-keys=2&prefix=J HTTP/1.1\n" + host + "\n" + date + "\n" + nothing + "\n" + docHeader + "host;x-amz-content-sha256;x-amz-date,Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", "", ""},
		{"presigned", "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404 HTTP/1.1\n" + host, "", ""},
		{
			"chunks", put + "Content-Length: 66824\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n" + docHeader + "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
			"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + long[:65536] + "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + long[:1024] + "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n", long,
		},
		{
			"chunks and trailer", put + "Content-Length: 66946\nx-amz-trailer: x-amz-checksum-crc32c\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\n" + docHeader + "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
			"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" + long[:65536] + "\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" + long[:1024] + "\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\nx-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n", long,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			head := strings.ReplaceAll(tt.head, "\n", "\r\n") + "\r\n\r\n"
			got, err := io.ReadAll(accept(t, readHead(t, head), strings.NewReader(tt.body), clientSecret, time.Time{}))
			if err != nil || string(got) != tt.payload {
				t.Fatalf("%d bytes: %s", len(got), reveal(errors.Join(err, io.EOF)))
			}
			everyS3ChangeFails(t, head, []byte(tt.body), []byte(tt.payload))
		})
	}
}

// TestTrailersOfManyNames has more than one name, as no S3 request may, and
// lines that were signed sorted (awslabs/aws-c-auth, as the vectors below).
func TestTrailersOfManyNames(t *testing.T) {
	t.Parallel()
	for order, lines := range map[string]string{"sorted": "first:1st\nsecond:2nd\nthird:3rd\n", "not sorted": "third: 3rd\r\nFirst:1st\nsecond:2nd\r\n\r\n"} {
		body := "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n" + lines + "x-amz-trailer-signature:df5735bd9f3295cd9386572292562fefc93ba94e80a0a1ddcbd652c4e0a75e6c\r\n\r\n"
		a := &Authorization{Algorithm: V4, Date: "20130524", Region: "us-east-1", Service: "s3", Time: time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)}
		// The suite's trailer comes after the last chunk of its example without one.
		p := &Payload{form: streamingForm{V4, true}, chain: chain{
			signer: a.signer(clientSecret), scope: string(a.appendScope(nil)), previous: "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		}}
		c := newChunked(strings.NewReader(body), p, 0, []string{"first", "second", "third"})
		if err := c.finish(); err != nil || c.values["third"] != "3rd" {
			t.Errorf("%s: %v", order, reveal(errors.Join(err, io.EOF)))
		}
	}
}

// TestChunkConstants holds the suite of AWS's common runtime against what this
// package and its tests take from it.
func TestChunkConstants(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(sharedVectors(t, "aws-c-auth"), "chunked-signing-constants.excerpt.txt"))
	if err != nil {
		t.Fatal(err)
	}
	constant := func(name string) string {
		found := regexp.MustCompile(name + `,\s*((?:"[^"]*"\s*)+)\)`).FindSubmatch(text)
		if found == nil {
			t.Fatalf("no %s", name)
		}
		value := regexp.MustCompile(`"\s*"|^\s*"|"\s*$`).ReplaceAllString(string(found[1]), "")
		return strings.ReplaceAll(value, `\n`, "\n")
	}
	key, ok := verifyingKey(clientSecret, "AKIAIOSFODNN7EXAMPLE")
	x, _ := new(big.Int).SetString(constant("s_chunked_test_ecc_pub_x"), 16)
	y, _ := new(big.Int).SetString(constant("s_chunked_test_ecc_pub_y"), 16)
	want, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x.FillBytes(make([]byte, 32))...), y.FillBytes(make([]byte, 32))...))
	if !ok || err != nil || !key.Equal(want) {
		t.Errorf("derives another key (%v)", err)
	}
	at := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	a := &Authorization{Algorithm: V4A, Date: "20130524", Service: "s3", Time: at, SignedHeaders: strings.Split("content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-region-set;x-amz-storage-class;x-amz-trailer", ";")}
	if got := V4A + "-PAYLOAD\n" + string(a.appendScope(nil)); got != constant("s_chunk_sts_pre_signature") {
		t.Errorf("a chunk's string to sign begins %q", got)
	}
	if got := V4A + "-TRAILER\n" + string(a.appendScope(nil)); got != constant("s_trailing_headers_expected_sts_pre_signature") {
		t.Errorf("a trailer's string to sign begins %q", got)
	}
	if got := "\n" + HashPayload([]byte("first:1st\nsecond:2nd\nthird:3rd\n")); got != constant("s_trailing_headers_expected_sts_post_signature") {
		t.Errorf("a trailer's string to sign ends %q", got)
	}
	for name, chunk := range map[string]int{"s_chunk1_sts_post_signature": 65536, "s_chunk2_sts_post_signature": 1024, "s_chunk3_sts_post_signature": 0} {
		if got := "\n" + emptyHash + "\n" + HashPayload(bytes.Repeat([]byte("a"), chunk)); got != constant(name) {
			t.Errorf("the string to sign of a chunk of %d bytes ends %q", chunk, got)
		}
	}
	r := readHead(t, strings.ReplaceAll("PUT /examplebucket/chunkObject.txt HTTP/1.1\nHost: s3.amazonaws.com\nContent-Length: 66824\nx-amz-date: 20130524T000000Z\nx-amz-storage-class: REDUCED_REDUNDANCY\nContent-Encoding: aws-chunked\nx-amz-decoded-content-length: 66560\nx-amz-region-set: us-east-1\nx-amz-trailer: first,second,third\nx-amz-content-sha256: STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER\n\n", "\n", "\r\n"))
	r.PayloadHash = r.Header["X-Amz-Content-Sha256"][0]
	got, err := canonicalRequest(nil, r, a.SignedHeaders, form{path: pathVerbatim})
	if err != nil || string(got) != constant("s_chunked_expected_trailing_headers_canonical_request_cursor") {
		t.Errorf("the canonical request is\n%s (%v)", got, err)
	}
	for name, signature := range map[string]string{
		"s_expected_request_signature":          "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
		"s_expected_trailing_headers_signature": "df5735bd9f3295cd9386572292562fefc93ba94e80a0a1ddcbd652c4e0a75e6c",
	} {
		if constant(name) != signature {
			t.Errorf("%s is %s", name, constant(name))
		}
	}
}

// docPolicy is the policy of AWS's example of a form for upload (Amazon S3 API
// Reference, "Example: Browser-Based Upload using HTTP POST").
var docPolicy = strings.ReplaceAll(`{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}`, "\n", "\r\n")

func docFields() []PostField {
	return []PostField{
		{"key", "user/user1/${filename}"},
		{"acl", "public-read"},
		{"success_action_redirect", "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
		{"Content-Type", "image/jpeg"},
		{"x-amz-meta-uuid", "14365123651274"},
		{"x-amz-server-side-encryption", "AES256"},
		{"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
		{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
		{"X-Amz-Date", "20151229T000000Z"},
		{"x-amz-meta-tag", ""},
		{"Policy", base64.StdEncoding.EncodeToString([]byte(docPolicy))},
		{"X-Amz-Signature", "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"},
	}
}

// upload asks all questions of a form in order.
func upload(fields []PostField, bucket, key string, length int64, secret string, now time.Time) error {
	p, err := ParsePost(fields)
	if err != nil {
		return err
	}
	if err := p.CheckScope("us-east-1"); err != nil {
		return err
	}
	if err := p.CheckTime(now); err != nil {
		return err
	}
	policy, err := p.Verify(secret)
	if err != nil {
		return err
	}
	if err := policy.Check(bucket, key, now); err != nil {
		return err
	}
	return policy.CheckLength(length)
}

func TestAcceptsPost(t *testing.T) {
	t.Parallel()
	end := time.Date(2015, 12, 30, 12, 0, 0, 0, time.UTC)
	if err := upload(docFields(), "sigv4examplebucket", "user/user1/a.jpg", 1, clientSecret, end); err != nil {
		t.Error(reveal(err))
	}
	for i, field := range docFields() {
		if field.Name == "key" { // of which the key counts that is stored
			continue
		}
		for at := range len(field.Value) {
			fields := docFields()
			fields[i].Value = flip(field.Value, at)
			if err := upload(fields, "sigv4examplebucket", "user/user1/a.jpg", 1, clientSecret, end); err == nil && field.Name != "Content-Type" {
				t.Errorf("admits another %s at %d", field.Name, at)
			}
		}
	}
	for _, c := range recordings(t) {
		if c.Fields == nil {
			continue
		}
		p, err := ParsePost(c.Fields)
		if err != nil {
			t.Fatal(reveal(err))
		}
		if p.Signed.SecurityToken == "" {
			t.Error("no session token")
		}
		for length, want := range map[int64]Kind{0: EntityTooSmall, 1: 0, 10: 0, 11: EntityTooLarge} {
			err := upload(c.Fields, "b", "user/x", length, clientSecret, p.Signed.Time)
			if s3Kind(err) != want || (err == nil) != (want == 0) {
				t.Errorf("%s, %d bytes: %v", c.Name, length, err)
			}
		}
	}
}

// s3Kind gives the Kind of an *S3Error, 0 for anything else.
func s3Kind(err error) Kind {
	var e *S3Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

// TestCRC64NVME holds the table against the check value of the catalogue of CRC
// algorithms (reveng.sourceforge.io, CRC-64/NVME).
func TestCRC64NVME(t *testing.T) {
	t.Parallel()
	sum, ok := newChecksum("x-amz-checksum-crc64nvme")
	if !ok {
		t.Fatal("not known")
	}
	sum.hash.Write([]byte("123456789"))
	if got := hex.EncodeToString(sum.hash.Sum(nil)); got != "ae8b14860a799888" {
		t.Errorf("check value %s", got)
	}
}
