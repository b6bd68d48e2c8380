package sigv4

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

var s3Time = time.Date(2026, 9, 11, 12, 0, 0, 0, time.UTC)

// s3Client signs requests and chunks as the pages of AWS describe it, with the
// standard library's HMAC, for S3 in us-east-1.
type s3Client struct {
	algorithm string
	pad       bool // signatures of V4A to 144 digits
	previous  string
}

func (c *s3Client) scope() string {
	if c.algorithm == V4A {
		return "20260911/s3/aws4_request"
	}
	return "20260911/us-east-1/s3/aws4_request"
}

func (c *s3Client) sign(t tb, toSign string) string {
	t.Helper()
	if c.algorithm == V4A {
		digest := sha256.Sum256([]byte(toSign))
		der, err := ecdsa.SignASN1(rand.Reader, keyPair(t, testSecret, "AKIDEXAMPLE"), digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(der)
	}
	key := []byte("AWS4" + testSecret)
	for _, part := range []string{"20260911", "us-east-1", "s3", "aws4_request", toSign} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// request makes a signed PUT of /b/k.
func (c *s3Client) request(t tb, contentSHA256 string, length int, headers ...string) *Request {
	t.Helper()
	if c.algorithm == "" {
		c.algorithm = V4
	}
	r := &Request{Method: "PUT", RequestURI: "/b/k//../x", Host: "s3.example.com", ContentLength: int64(length), Header: http.Header{}}
	header := http.Header(r.Header)
	header.Set("X-Amz-Date", "20260911T120000Z")
	header.Set("X-Amz-Content-Sha256", contentSHA256)
	if c.algorithm == V4A {
		header.Set("X-Amz-Region-Set", "eu-*,us-east-1")
	}
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	c.signRequest(t, r)
	return r
}

// signRequest signs all headers.
func (c *s3Client) signRequest(t tb, r *Request) {
	t.Helper()
	delete(r.Header, "Authorization")
	names := []string{"host"}
	for name := range r.Header {
		names = append(names, strings.ToLower(name))
	}
	sort.Strings(names)
	canonical := r.Method + "\n" + r.RequestURI + "\n\n"
	for _, name := range names {
		value := r.Host
		if name != "host" {
			value = http.Header(r.Header).Get(name)
		}
		canonical += name + ":" + value + "\n"
	}
	canonical += "\n" + strings.Join(names, ";") + "\n" + http.Header(r.Header).Get("X-Amz-Content-Sha256")
	hash := sha256.Sum256([]byte(canonical))
	c.previous = c.sign(t, c.algorithm+"\n20260911T120000Z\n"+c.scope()+"\n"+hex.EncodeToString(hash[:]))
	http.Header(r.Header).Set("Authorization", c.algorithm+" Credential=AKIDEXAMPLE/"+c.scope()+", SignedHeaders="+strings.Join(names, ";")+", Signature="+c.previous)
}

func (c *s3Client) next(t tb, kind, rest string) string {
	t.Helper()
	signature := c.sign(t, c.algorithm+"-"+kind+"\n20260911T120000Z\n"+c.scope()+"\n"+c.previous+"\n"+rest)
	c.previous = signature
	if c.pad {
		signature += strings.Repeat("*", 144-len(signature))
	}
	return signature
}

// pieces makes the chunks of a body, and the trailer as the last piece.
func (c *s3Client) pieces(t tb, payload []byte, sizes []int, signed bool, trailer string) []string {
	t.Helper()
	var pieces []string
	for _, size := range append(sizes, 0) {
		chunk := payload[:size]
		payload = payload[size:]
		header := strconv.FormatInt(int64(size), 16)
		if signed {
			sum := sha256.Sum256(chunk)
			header += ";chunk-signature=" + c.next(t, "PAYLOAD", emptyHash+"\n"+hex.EncodeToString(sum[:]))
		}
		piece := header + "\r\n" + string(chunk)
		if size > 0 {
			piece += "\r\n"
		}
		pieces = append(pieces, piece)
	}
	last := "\r\n"
	if trailer != "" {
		last = trailer + "\r\n\r\n"
		if signed {
			sum := sha256.Sum256([]byte(trailer + "\n"))
			last = trailer + "\r\nx-amz-trailer-signature:" + c.next(t, "TRAILER", hex.EncodeToString(sum[:])) + "\r\n\r\n"
		}
	}
	return append(pieces, last)
}

func crc32Trailer(payload []byte) string {
	sum := crc32.NewIEEE()
	sum.Write(payload)
	return "x-amz-checksum-crc32:" + base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// stream is a request with its body in pieces.
type stream struct {
	form    string
	request *Request
	payload []byte
	sizes   []int
	pieces  []string
}

func drawStream(t *rapid.T) *stream {
	s := &stream{form: rapid.SampledFrom(slices.Sorted(func(yield func(string) bool) {
		for name := range streamingForms {
			if !yield(name) {
				return
			}
		}
	})).Draw(t, "form")}
	form := streamingForms[s.form]
	for range rapid.IntRange(0, 3).Draw(t, "chunks") {
		s.sizes = append(s.sizes, rapid.SampledFrom([]int{minChunk, minChunk + 1, 65536, maxHeld, maxHeld + 1, 3 * maxHeld}).Draw(t, "size"))
	}
	if last := rapid.IntRange(0, 300).Draw(t, "last"); last > 0 {
		s.sizes = append(s.sizes, last)
	}
	for i, size := range s.sizes {
		s.payload = append(s.payload, bytes.Repeat([]byte{byte('a' + i)}, size)...)
	}
	c := &s3Client{algorithm: form.algorithm, pad: form.algorithm == V4A && rapid.Bool().Draw(t, "padded")}
	headers := []string{"X-Amz-Decoded-Content-Length", strconv.Itoa(len(s.payload)), "X-Amz-Security-Token", "TOKEN"}
	trailer := ""
	if form.trailer {
		trailer = crc32Trailer(s.payload)
		headers = append(headers, "X-Amz-Trailer", "x-amz-checksum-crc32")
	}
	s.request = c.request(t, s.form, 0, headers...)
	s.pieces = c.pieces(t, s.payload, s.sizes, form.algorithm != "", trailer)
	return s
}

func (s *stream) read(t tb, body string, split int) ([]byte, error) {
	t.Helper()
	var src io.Reader = strings.NewReader(body)
	switch split {
	case 1:
		src = iotest.HalfReader(src)
	case 2:
		src = iotest.DataErrReader(src)
	case 3:
		src = &smallReader{src, 7}
	}
	r := accept(t, s.request, src, testSecret, s3Time)
	if split == 3 {
		return io.ReadAll(&smallReader{r, 1013})
	}
	if split == 1 {
		return io.ReadAll(&smallReader{r, 1 << 20})
	}
	return io.ReadAll(r)
}

// smallReader gives at most so many bytes at a time, and hands on a buffer of
// that size.
type smallReader struct {
	io.Reader
	most int
}

func (r *smallReader) Read(p []byte) (int, error) {
	if r.most > len(p) { // a larger buffer than the caller's
		b := make([]byte, len(p))
		n, err := r.Reader.Read(b)
		return copy(p, b[:n]), err
	}
	return r.Reader.Read(p[:min(len(p), r.most)])
}

// TestStreams signs a body, reads it in several ways, and changes it in every
// way that there is: a byte, the order, a chunk more or less, the end.
func TestStreams(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		body := strings.Join(s.pieces, "")
		for split := range 4 {
			if got, err := s.read(t, body, split); err != nil || !bytes.Equal(got, s.payload) {
				t.Fatalf("%s %v, split %d: %d bytes of %d, %s", s.form, s.sizes, split, len(got), len(s.payload), reveal(errors.Join(err, io.EOF)))
			}
		}
		changed, what := s.change(t, body)
		got, err := s.read(t, changed, rapid.IntRange(0, 3).Draw(t, "split"))
		if err == nil && !bytes.Equal(got, s.payload) || err == nil && what != "byte" {
			t.Fatalf("%s %v: %s changed, %d bytes and no error", s.form, s.sizes, what, len(got))
		}
		if err != nil && s3Kind(err) == 0 {
			t.Fatalf("%s: %v is no S3Error", what, err)
		}
		if err != nil && len(s.payload) > 0 && len(got) >= len(s.payload) {
			t.Fatalf("%s %v: %s changed, %d of %d bytes handed on", s.form, s.sizes, what, len(got), len(s.payload))
		}
	})
}

// change gives the body changed, never into another that is right: what is
// changed in a "byte" may be one that says the same in another way.
func (s *stream) change(t *rapid.T, body string) (changed, what string) {
	pieces := slices.Clone(s.pieces)
	what = rapid.SampledFrom([]string{"byte", "payload", "end", "dropped", "twice", "order", "more", "trailer"}).Draw(t, "change")
	at := rapid.IntRange(0, len(pieces)-1).Draw(t, "at")
	switch what {
	case "payload":
		if len(s.payload) == 0 || streamingForms[s.form] == (streamingForm{}) {
			return body[:len(body)-1], "end"
		}
		at = rapid.IntRange(0, len(s.sizes)-1).Draw(t, "chunk")
		start := strings.Index(pieces[at], "\r\n") + 2
		pieces[at] = flip(pieces[at], start+rapid.IntRange(0, s.sizes[at]-1).Draw(t, "offset"))
	case "byte":
		near := rapid.IntRange(0, min(250, len(body)-1)).Draw(t, "near")
		if rapid.Bool().Draw(t, "from the end") {
			near = len(body) - 1 - near
		}
		return flip(body, near), what
	case "end":
		return body[:rapid.IntRange(0, len(body)-1).Draw(t, "length")], what
	case "dropped":
		pieces = slices.Delete(pieces, at, at+1)
	case "twice":
		pieces = slices.Insert(pieces, at, pieces[at])
		if at == len(pieces)-2 && pieces[at] == "\r\n" {
			return body + "x", "more" // only one more blank line
		}
	case "order":
		if len(s.sizes) < 2 || streamingForms[s.form].algorithm == "" && s.sizes[0] != s.sizes[1] {
			return body + "x", "more"
		}
		pieces[0], pieces[1] = pieces[1], pieces[0]
	case "more":
		return body + rapid.SampledFrom([]string{"x", "0\r\n\r\n", s.pieces[0], "x-amz-checksum-crc32:AAAAAA==\r\n\r\n"}).Draw(t, "text"), what
	case "trailer":
		last := len(pieces) - 1
		if !strings.Contains(pieces[last], "=") {
			return body + "x", "more"
		}
		pieces[last] = flip(pieces[last], strings.IndexByte(pieces[last], ':')+1+rapid.IntRange(0, 5).Draw(t, "offset"))
	}
	return strings.Join(pieces, ""), what
}

// TestHeldAndStreamed says what a caller sees of a wrong chunk: nothing of one
// that is held, and never the end of one that is not.
func TestHeldAndStreamed(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, minChunk, maxHeld, maxHeld + 1, 1 << 20} {
		for _, most := range []int{1000, 32 << 10, 2 << 20} {
			payload := bytes.Repeat([]byte("a"), size+minChunk)
			c := &s3Client{}
			r := c.request(t, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 0, "X-Amz-Decoded-Content-Length", strconv.Itoa(len(payload)))
			body := strings.Join(c.pieces(t, payload, []int{minChunk, size}, true, ""), "")
			wrong := flip(body, len(body)-300)
			if size < 300 {
				wrong = strings.Replace(body, "\r\na\r\n", "\r\nb\r\n", 1)
			}
			got, err := io.ReadAll(&smallReader{accept(t, r, strings.NewReader(wrong), testSecret, s3Time), most})
			if s3Kind(err) != ChunkMismatch && size > 300 || err == nil {
				t.Errorf("chunk of %d: %v", size, err)
			}
			if len(got) != minChunk && size <= maxHeld || len(got) >= len(payload) || len(got) < minChunk {
				t.Errorf("chunk of %d, reads of %d: %d of %d bytes handed on", size, most, len(got), len(payload))
			}
			// Whoever reads just as many bytes as were declared does not get them.
			if _, err := io.ReadFull(accept(t, r, strings.NewReader(wrong), testSecret, s3Time), make([]byte, len(payload))); err == nil {
				t.Errorf("chunk of %d: all bytes and no error", size)
			}
			if _, err := io.ReadFull(accept(t, r, strings.NewReader(body), testSecret, s3Time), make([]byte, len(payload))); err != nil {
				t.Errorf("chunk of %d: %v", size, err)
			}
		}
	}
}

// TestErrorsStay asks that a body once found wrong stays wrong.
func TestErrorsStay(t *testing.T) {
	t.Parallel()
	c := &s3Client{}
	r := c.request(t, HashPayload([]byte("hello")), 5)
	reader := accept(t, r, strings.NewReader("hellohello"), testSecret, s3Time)
	for range 3 {
		if n, err := reader.Read(make([]byte, 9)); n != 0 || s3Kind(err) != BodyIncomplete {
			t.Errorf("%d, %v", n, err)
		}
	}
	broken := errors.New("the line is down")
	reader = accept(t, r, io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(broken)), testSecret, s3Time)
	got, err := io.ReadAll(reader)
	if string(got) != "hel" || !errors.Is(err, broken) || reader.Checksums() != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestPayloads has the bodies without chunks, and what is declared of any.
func TestPayloads(t *testing.T) {
	t.Parallel()
	const trailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	hello := HashPayload([]byte("hello"))
	crc, md5 := "NhCmhg==", "XUFAKrxLKna5cZ2REBfFkg=="
	const mismatched = "The provided 'x-amz-content-sha256' header does not match what was computed."
	for _, tt := range []struct {
		name, sha256, body string
		headers            []string
		code, message      string
		elements           string
	}{
		{name: "hash", sha256: hello, body: "hello"},
		{name: "unsigned", sha256: unsignedPayload, body: "hello"},
		{name: "checksum", sha256: hello, body: "hello", headers: []string{"X-Amz-Checksum-Crc32", crc, "X-Amz-Sdk-Checksum-Algorithm", "CRC32", "Content-Md5", md5}},
		{name: "checksum's mode and type", sha256: hello, body: "hello", headers: []string{"X-Amz-Checksum-Mode", "ENABLED", "X-Amz-Checksum-Type", "FULL_OBJECT", "X-Amz-Checksum-Algorithm", "CRC32"}},
		{"another body", hello, "hellO", nil, "XAmzContentSHA256Mismatch", mismatched, "ClientComputedContentSHA256=" + hello + " S3ComputedContentSHA256=" + HashPayload([]byte("hellO"))},
		{"short body", hello, "hell", nil, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header", "NumberBytesExpected=5 NumberBytesProvided=4"},
		{"wrong checksum", hello, "hello", []string{"X-Amz-Checksum-Crc32", "AAAAAA=="}, "BadDigest", "The CRC32 you specified did not match the calculated checksum.", ""},
		{"wrong MD5", hello, "hello", []string{"Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest", "The Content-MD5 you specified did not match what we received.", "ExpectedDigest=AAAAAAAAAAAAAAAAAAAAAA== CalculatedDigest=" + md5},
		{"malformed MD5", hello, "hello", []string{"Content-Md5", "x"}, "InvalidDigest", "The Content-MD5 you specified was invalid.", "Content-MD5=x"},
		{"malformed checksum", hello, "hello", []string{"X-Amz-Checksum-Crc32", "AAAA"}, "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid.", ""},
		{"composite checksum", hello, "hello", []string{"X-Amz-Checksum-Crc32", crc + "-2"}, "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid.", ""},
		{"unknown checksum", hello, "hello", []string{"X-Amz-Checksum-Crc16", "AAAA"}, "InvalidRequest", "The algorithm type you specified in x-amz-checksum- header is invalid.", ""},
		{"two checksums", hello, "hello", []string{"X-Amz-Checksum-Crc32", crc, "X-Amz-Checksum-Sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00="}, "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.", ""},
		{"no checksum", hello, "hello", []string{"X-Amz-Sdk-Checksum-Algorithm", "CRC32"}, "InvalidRequest", "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.", ""},
		{"another checksum", hello, "hello", []string{"X-Amz-Sdk-Checksum-Algorithm", "SHA1", "X-Amz-Checksum-Crc32", crc}, "InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.", ""},
		{name: "trailer", sha256: trailer, body: "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + crc + "\r\n\r\n", headers: []string{"X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", "x-amz-checksum-crc32", "X-Amz-Sdk-Checksum-Algorithm", "CRC32"}},
		{name: "no trailer, and none declared", sha256: trailer, body: "5\r\nhello\r\n0\r\n\r\n", headers: []string{"X-Amz-Decoded-Content-Length", "5"}},
		{"wrong trailer", trailer, "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", "x-amz-checksum-crc32"}, "BadDigest", "The CRC32 you specified did not match the calculated checksum.", ""},
		{"malformed value in the trailer", trailer, "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAA=\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", "x-amz-checksum-crc32"}, "InvalidRequest", "Value for x-amz-checksum-crc32 trailing header is invalid.", ""},
		{"another trailer", trailer, "5\r\nhello\r\n0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", "x-amz-checksum-crc32"}, "MalformedTrailerError", trailerMessage, ""},
		{"no trailer", trailer, "5\r\nhello\r\n0\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", "x-amz-checksum-crc32"}, "MalformedTrailerError", trailerMessage, ""},
		{"a trailer that was not declared", trailer, "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + crc + "\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5"}, "MalformedTrailerError", trailerMessage, ""},
		{"a trailer without a name", trailer, "5\r\nhello\r\n0\r\n:" + crc + "\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", "x-amz-checksum-crc32"}, "MalformedTrailerError", trailerMessage, ""},
		{"a signature where none is", trailer, "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + crc + "\r\nx-amz-trailer-signature:00\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", "x-amz-checksum-crc32"}, "MalformedTrailerError", trailerMessage, ""},
		{"unknown trailer", trailer, "", []string{"X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", "x-amz-checksum-sha10"}, "InvalidRequest", "The value specified in the x-amz-trailer header is not supported", ""},
		{"trailer and header", trailer, "", []string{"X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", "x-amz-checksum-crc32", "X-Amz-Checksum-Sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00="}, "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.", ""},
		{"no decoded length", trailer, "", nil, "MissingContentLength", "You must provide the Content-Length HTTP header.", ""},
		{"malformed decoded length", trailer, "", []string{"X-Amz-Decoded-Content-Length", "+5"}, "MissingContentLength", "You must provide the Content-Length HTTP header.", ""},
		{"shorter than decoded", trailer, "5\r\nhello\r\n0\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "6"}, "IncompleteBody", lengthMessage, "NumberBytesExpected=6 NumberBytesProvided=5"},
		{"longer than decoded", trailer, "5\r\nhello\r\n0\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "3"}, "IncompleteBody", lengthMessage, "NumberBytesExpected=3 NumberBytesProvided=5"},
		{"malformed size", trailer, "-5\r\nhello\r\n0\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5"}, "IncompleteBody", "The request body terminated unexpectedly", ""},
		{"a size beyond all numbers", trailer, "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5"}, "IncompleteBody", "The request body terminated unexpectedly", ""},
		{"a line without end", trailer, strings.Repeat("0", 2*maxLine), []string{"X-Amz-Decoded-Content-Length", "5"}, "IncompleteBody", "The request body terminated unexpectedly", ""},
		{"no end", trailer, "5\r\nhello\r\n0\r\n", []string{"X-Amz-Decoded-Content-Length", "5"}, "IncompleteBody", "The request body terminated unexpectedly", ""},
		{"a signed chunk where none is", trailer, "5;chunk-signature=00\r\nhello\r\n0\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5"}, "IncompleteBody", "The request body terminated unexpectedly", ""},
		{"small chunk", trailer, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", []string{"X-Amz-Decoded-Content-Length", "5"}, "InvalidChunkSizeError", "Only the last chunk is allowed to have a size less than 8192 bytes", "Chunk=2 BadChunkSize=3"},
	} {
		length := len(tt.body)
		if tt.sha256 == hello {
			length = 5
		}
		r := new(s3Client).request(t, tt.sha256, length, tt.headers...)
		reader, err := open(r, strings.NewReader(tt.body), testSecret, s3Time)
		var got []byte
		if err == nil {
			got, err = io.ReadAll(reader)
		}
		if tt.code == "" {
			if err != nil || string(got) != "hello" {
				t.Errorf("%s: %q, %v", tt.name, got, reveal(errors.Join(err, io.EOF)))
			}
			continue
		}
		wantS3(t, tt.name, err, tt.code, tt.message, tt.elements)
		if string(got) == "hello" && tt.name != "shorter than decoded" {
			t.Errorf("%s: all of the payload was handed on", tt.name)
		}
	}
}

const (
	trailerMessage = "The request contained trailing data that was not well-formed or did not conform to our published schema."
	lengthMessage  = "You did not provide the number of bytes specified by the Content-Length HTTP header"
)

// wantS3 asks for an S3Error with these words, its elements as "Name=Value".
func wantS3(t *testing.T, name string, err error, code, message, elements string) {
	t.Helper()
	var e *S3Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %v, want %s", name, err, code)
		return
	}
	var got []string
	for _, element := range e.Elements {
		got = append(got, element.Name+"="+element.Value.Reveal())
	}
	if text := strings.Join(got, " "); e.Code != code || e.Message.Reveal() != message || text != elements || e.Kind == 0 || e.Status < 400 {
		t.Errorf("%s: %s\nwant %s: %s\n%s", name, reveal(err), code, message, elements)
	}
	if strings.HasPrefix(e.Error(), "sigv4: unknown") {
		t.Errorf("%s: %v", name, e)
	}
}

func TestChecksums(t *testing.T) {
	t.Parallel()
	r := new(s3Client).request(t, unsignedPayload, 5, "X-Amz-Checksum-Crc32", "NhCmhg==", "Content-Md5", "XUFAKrxLKna5cZ2REBfFkg==")
	reader := accept(t, r, strings.NewReader("hello"), testSecret, s3Time)
	if got := reader.Checksums(); got != nil || reader.Length() != 5 {
		t.Errorf("before the end: %v, %d", got, reader.Length())
	}
	if _, err := io.Copy(io.Discard, reader); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(reader.Checksums()); got != "[{CRC32 NhCmhg==}]" {
		t.Error(got)
	}
	s, err := ParseS3(new(s3Client).request(t, unsignedPayload, 5, "X-Amz-Checksum-Crc32", "NhCmhg==-2", "X-Amz-Sdk-Checksum-Algorithm", "CRC32"))
	if err != nil {
		t.Fatal(err)
	}
	r = new(s3Client).request(t, unsignedPayload, 5, "X-Amz-Checksum-Crc32", "NhCmhg==-2", "X-Amz-Sdk-Checksum-Algorithm", "CRC32")
	p, err := s.Verify(r, testSecret)
	if err != nil {
		t.Fatal(err)
	}
	reader, err = p.Open(strings.NewReader("hello"), OfObject)
	if err != nil {
		t.Fatal(reveal(err))
	}
	if got, err := io.ReadAll(reader); string(got) != "hello" || err != nil || reader.Checksums() != nil {
		t.Errorf("of an object: %q, %v", got, err)
	}
	if _, err := p.Open(strings.NewReader("hello"), OfBody); s3Kind(err) != ChecksumForm {
		t.Errorf("of the body: %v", err)
	}
}
