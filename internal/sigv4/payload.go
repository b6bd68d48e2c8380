package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strconv"
	"strings"
)

const unsignedPayload = "UNSIGNED-PAYLOAD"

// streamingForm is one of the values of X-Amz-Content-Sha256 that mean a body
// in chunks.
type streamingForm struct {
	algorithm string // of the chunks' signatures, "" where there are none
	trailer   bool
}

var streamingForms = map[string]streamingForm{
	"STREAMING-UNSIGNED-PAYLOAD-TRAILER":               {trailer: true},
	"STREAMING-AWS4-HMAC-SHA256-PAYLOAD":               {algorithm: V4},
	"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":       {algorithm: V4, trailer: true},
	"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD":         {algorithm: V4A},
	"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER": {algorithm: V4A, trailer: true},
}

func isSHA256(value string) bool {
	var space [sha256.Size]byte
	b, ok := decodeLowerHex(space[:0], value)
	return ok && len(b) == sha256.Size
}

// Payload is what a verified or anonymous request says of its body.
type Payload struct {
	declared string
	header   map[string][]string
	length   int64 // Content-Length
	form     streamingForm
	chunked  bool
	chain    chain
}

// ChecksumOf says of what a request's x-amz-checksum-… headers are.
type ChecksumOf uint8

const (
	// OfBody: of the body, which is the object or a part of it.
	OfBody ChecksumOf = iota
	// OfObject: of an object that is made of parts, as in
	// CompleteMultipartUpload. They are not looked at.
	OfObject
)

// Open gives the payload that the raw body carries: without chunks and trailer,
// and held against whatever the request says of it. See PayloadReader for when
// it may be believed. The body is not closed.
//
// Errors are *S3Error: a length that is missing or no number, checksums that
// cannot be read or are not supported. Nothing is read before the first Read.
func (p *Payload) Open(body io.Reader, of ChecksumOf) (*PayloadReader, error) {
	length := p.length
	if p.chunked {
		var ok bool
		if length, ok = contentLength(p.header["X-Amz-Decoded-Content-Length"]); !ok {
			return nil, missingContentLength().because("X-Amz-Decoded-Content-Length")
		}
	} else if length < 0 {
		return nil, missingContentLength()
	}
	sums, trailer, err := p.checksums(of)
	if err != nil {
		return nil, err
	}
	r := &PayloadReader{length: length, sums: sums}
	if p.chunked {
		r.decoder = newChunked(body, p, length, trailer)
		return r, nil
	}
	plain := &plainBody{src: body, declared: p.declared}
	if p.declared != unsignedPayload {
		plain.hash = sha256.New()
	}
	r.decoder = plain
	return r, nil
}

func missingContentLength() *S3Error {
	return s3Error(PayloadLength, "MissingContentLength", lengthRequired, "You must provide the Content-Length HTTP header.")
}

// contentLength reads a header that is one number in digits.
func contentLength(values []string) (int64, bool) {
	if len(values) != 1 {
		return 0, false
	}
	value := strings.Trim(values[0], " \t")
	n, err := strconv.ParseInt(value, 10, 64)
	return n, err == nil && isDigits(value)
}

// PayloadReader reads the payload of a request and verifies it on the way.
//
// Nothing that it gave may be kept until it has said io.EOF. Where it finds the
// body wrong it says an *S3Error instead, which stays; whoever stores what was
// read must throw it away then. What it withholds until then differs:
//
//   - A signed chunk of up to 128 KiB is handed on only after its signature has
//     been verified. Every published client but few sends those.
//   - A larger one is handed on as it comes, so that memory is bounded, but for
//     what the last Read of the chunk would give.
//   - What the last Read of the payload would give is handed on only after all
//     has been verified: signatures, trailer, hash, checksums, length and the
//     end of the body. So a caller that reads as many bytes as were declared and
//     does not wait for io.EOF does not get them all from a wrong body.
//
// It holds a chunk and 4 KiB of its own. It is for one goroutine.
type PayloadReader struct {
	decoder decoder
	length  int64 // of the payload, as declared
	read    int64
	sums    []*checksum
	err     error
}

// decoder takes the payload out of a body.
type decoder interface {
	// Read gives some of the payload; io.EOF says that it is over.
	io.Reader
	// finish is called once, when all of the payload has been read. It reads and
	// checks what comes after.
	finish() error
}

// Read is io.Reader's.
func (r *PayloadReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.read == r.length { // of an empty payload
		r.err = r.finish()
		return 0, r.err
	}
	if int64(len(p)) > r.length-r.read {
		p = p[:r.length-r.read]
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := r.decoder.Read(p)
	if err == io.EOF && n > 0 {
		err = nil // it says so again
	}
	r.read += int64(n)
	if err != nil {
		if err == io.EOF {
			err = incompleteBody(r.length, r.read)
		}
		r.err = bodyError(err)
		return 0, r.err
	}
	for _, sum := range r.sums {
		sum.hash.Write(p[:n])
	}
	if r.read == r.length {
		if r.err = r.finish(); r.err != io.EOF {
			return 0, r.err
		}
	}
	return n, nil
}

// finish gives io.EOF where all is well.
func (r *PayloadReader) finish() error {
	if err := r.decoder.finish(); err != nil {
		return bodyError(err)
	}
	if chunks, ok := r.decoder.(*chunked); ok {
		if err := r.takeTrailer(chunks.values); err != nil {
			return err
		}
	}
	for _, sum := range r.sums {
		if err := sum.compare(); err != nil {
			return err
		}
	}
	return io.EOF
}

func (r *PayloadReader) takeTrailer(values map[string]string) error {
	for _, sum := range r.sums {
		if !sum.trailing {
			continue
		}
		var ok bool
		if sum.want, ok = sum.decode(values[sum.header]); !ok {
			return invalidRequest(ChecksumForm, "Value for "+sum.header+" trailing header is invalid.").because(sum.header)
		}
	}
	return nil
}

// Checksum is one that a request declared of its payload.
type Checksum struct {
	Algorithm string // CRC32, CRC32C, CRC64NVME, SHA1 or SHA256
	Value     string // in Base64
}

// Checksums gives those that the request declared, in a header or the trailer,
// and that the payload has. Before io.EOF there are none.
func (r *PayloadReader) Checksums() []Checksum {
	if r.err != io.EOF {
		return nil
	}
	var all []Checksum
	for _, sum := range r.sums {
		if sum.header != contentMD5 {
			all = append(all, Checksum{sum.algorithm, encodeSum(sum.want)})
		}
	}
	return all
}

// Length is how many bytes the payload has as declared.
func (r *PayloadReader) Length() int64 { return r.length }

// incompleteBody is a body of another length than declared, with both numbers as
// far as they are known.
func incompleteBody(expected, provided int64) *S3Error {
	e := s3Error(BodyIncomplete, "IncompleteBody", badRequest, "You did not provide the number of bytes specified by the Content-Length HTTP header")
	return e.with("NumberBytesExpected", number(expected)).with("NumberBytesProvided", number(provided))
}

// malformedBody is a body that ends early, or whose chunks cannot be read.
func malformedBody(detail string) *S3Error {
	return s3Error(BodyIncomplete, "IncompleteBody", badRequest, "The request body terminated unexpectedly").because(detail)
}

// bodyError is an error of reading the body. Those that say no more than that it
// ended are S3's.
func bodyError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return malformedBody("it ends too early")
	}
	return err
}

// plainBody is a body without chunks.
type plainBody struct {
	src      io.Reader
	declared string
	hash     hash.Hash // nil for UNSIGNED-PAYLOAD
}

func (b *plainBody) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if b.hash != nil {
		b.hash.Write(p[:n])
	}
	return n, err
}

func (b *plainBody) finish() error {
	var more [1]byte
	switch _, err := io.ReadFull(b.src, more[:]); {
	case err == nil:
		return malformedBody("it goes on too long")
	case err != io.EOF:
		return err
	}
	if b.hash == nil {
		return nil
	}
	// A presigned URL with a streaming form comes here too, and never matches.
	if sum := hex.EncodeToString(b.hash.Sum(nil)); sum != b.declared {
		return s3Error(PayloadMismatch, "XAmzContentSHA256Mismatch", badRequest, "The provided 'x-amz-content-sha256' header does not match what was computed.").
			with("ClientComputedContentSHA256", b.declared).with("S3ComputedContentSHA256", sum)
	}
	return nil
}
