package sigv4

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxHeld is the largest signed chunk that is held until it is verified: the
	// one that AWS's SDK for Java sends. Other clients' are of 64 KiB.
	maxHeld = 128 << 10
	// minChunk is the least size of a chunk that is not the last (Amazon S3 API
	// Reference, "Transferring Payload in Multiple Chunks").
	minChunk = 8192
	// maxLine bounds a line between the chunks, maxTrailer the trailer.
	maxLine    = 4096
	maxTrailer = 16384
	// maxBlank is how many blank lines a trailer may have: minio-go sends two.
	maxBlank = 3
)

const trailerSignature = "x-amz-trailer-signature"

// emptyHash is HashPayload of nothing.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// chain is what the signatures of chunks begin with, and where they have come
// to: each signs the one before it.
type chain struct {
	signer
	previous    string
	scope       string // the lines of time and scope
	accessKeyID string
	canonical   string // of the request, for the reply
}

// verify asks that the signature is the next one, over the last lines of its
// string to sign. kind is PAYLOAD or TRAILER. Signatures of V4A may be filled up
// with "*", which is not signed (awslabs/aws-c-auth, aws_signing.c).
func (c *chain) verify(kind, signature string, last ...string) error {
	if c.algorithm == V4A {
		signature = strings.TrimRight(signature, "*")
	}
	var space [512]byte
	toSign := append(space[:0], c.algorithm...)
	toSign = append(toSign, '-')
	toSign = append(toSign, kind...)
	toSign = append(toSign, '\n')
	toSign = append(toSign, c.scope...)
	toSign = append(toSign, c.previous...)
	for _, line := range last {
		toSign = append(toSign, '\n')
		toSign = append(toSign, line...)
	}
	if c.signer.verify(toSign, signature) != 0 {
		return s3Mismatch(ChunkMismatch, c.accessKeyID, string(toSign), signature).
			with("CanonicalRequest", c.canonical).with("CanonicalRequestBytes", spacedHex(c.canonical)).because(strings.ToLower(kind))
	}
	c.previous = signature
	return nil
}

// chunked takes the payload out of a body in chunks (aws-chunked), and verifies
// them where they are signed.
type chunked struct {
	src  *bufio.Reader
	form streamingForm
	chain

	length int64 // of the payload, as declared
	given  int64 // in chunks whose size has been read

	number    int   // of the chunk, from 1
	size      int64 // of the chunk
	left      int64 // of the chunk, not read yet
	signature string
	hash      hash.Hash // of a chunk that is not held

	hold    []byte
	pending []byte // of hold, verified and not handed on yet
	over    bool   // the chunk of size 0 has been read

	trailer []string          // the names that X-Amz-Trailer declares
	values  map[string]string // and the values that came, once finish said nil
}

func newChunked(body io.Reader, p *Payload, length int64, trailer []string) *chunked {
	return &chunked{
		src: bufio.NewReaderSize(body, maxLine), form: p.form, chain: p.chain,
		length: length, trailer: trailer,
	}
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	if c.left == 0 && !c.over {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	switch {
	case c.over:
		return 0, io.EOF
	case c.form.algorithm != "" && c.left == c.size && c.size <= maxHeld:
		return c.readHeld(p)
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.src.Read(p)
	c.left -= int64(n)
	if err != nil { // bufio gives bytes or an error
		return 0, bodyError(err)
	}
	if c.form.algorithm != "" {
		if c.hash == nil {
			c.hash = sha256.New()
		}
		c.hash.Write(p[:n])
	}
	if c.left == 0 {
		if err := c.verifyStreamed(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// readHeld reads the whole chunk, into p where it has the space, and verifies it.
func (c *chunked) readHeld(p []byte) (int, error) {
	chunk := p
	if int64(len(p)) < c.size {
		if int64(cap(c.hold)) < c.size {
			c.hold = make([]byte, c.size)
		}
		chunk = c.hold
	}
	chunk = chunk[:c.size]
	if _, err := io.ReadFull(c.src, chunk); err != nil {
		return 0, bodyError(err)
	}
	c.left = 0
	sum := sha256.Sum256(chunk)
	if err := c.chain.verify("PAYLOAD", c.signature, emptyHash, hex.EncodeToString(sum[:])); err != nil {
		return 0, err
	}
	if int64(len(p)) >= c.size {
		return len(chunk), nil
	}
	n := copy(p, chunk)
	c.pending = chunk[n:]
	return n, nil
}

// verifyStreamed verifies a chunk that was handed on as it came.
func (c *chunked) verifyStreamed() error {
	if c.form.algorithm == "" {
		return nil
	}
	sum := c.hash.Sum(nil)
	c.hash.Reset()
	return c.chain.verify("PAYLOAD", c.signature, emptyHash, hex.EncodeToString(sum))
}

// next reads up to the data of the next chunk. That of size 0 it also verifies.
func (c *chunked) next() error {
	if c.number > 0 {
		if line, err := c.line(); err != nil || line != "\r\n" {
			return orMalformed(err, "no line break after a chunk")
		}
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	before := c.size
	if err := c.setHeader(line); err != nil {
		return err
	}
	c.number++
	if c.number > 1 && before < minChunk && c.size > 0 {
		return s3Error(ChunkTooSmall, "InvalidChunkSizeError", forbidden, "Only the last chunk is allowed to have a size less than 8192 bytes").
			with("Chunk", number(c.number)).with("BadChunkSize", number(c.size))
	}
	if c.size > c.length-c.given {
		provided := c.given + c.size
		if provided < 0 { // beyond all numbers
			provided = c.size
		}
		return incompleteBody(c.length, provided)
	}
	c.given += c.size
	c.left = c.size
	if c.size > 0 {
		return nil
	}
	c.over = true
	if c.form.algorithm != "" {
		return c.chain.verify("PAYLOAD", c.signature, emptyHash, emptyHash)
	}
	return nil
}

// setHeader reads a chunk's first line: its size in hexadecimal digits and, where
// chunks are signed, ";chunk-signature=" and the signature.
func (c *chunked) setHeader(line string) error {
	line, ok := strings.CutSuffix(line, "\r\n")
	size, signature, signed := strings.Cut(line, ";chunk-signature=")
	n, err := strconv.ParseInt(size, 16, 64)
	if err != nil || !ok || size[0] == '+' || size[0] == '-' || signed != (c.form.algorithm != "") {
		return malformedBody("the size or the signature of a chunk cannot be read")
	}
	c.size, c.signature = n, signature
	return nil
}

// line reads a line with its line break. The body's end before any byte of it
// is an error like one within it.
func (c *chunked) line() (string, error) {
	line, err := c.src.ReadSlice('\n')
	switch {
	case err == nil:
		return string(line), nil
	case err == bufio.ErrBufferFull:
		return "", malformedBody("a line between the chunks is too long")
	case err == io.EOF && len(line) == 0:
		return "", io.EOF
	}
	return "", bodyError(err)
}

// orMalformed gives err where there is one.
func orMalformed(err error, detail string) error {
	if err != nil {
		return bodyError(err)
	}
	return malformedBody(detail)
}

// finish reads the chunk of size 0 and the trailer.
func (c *chunked) finish() error {
	if !c.over {
		if err := c.next(); err != nil {
			return bodyError(err)
		}
	}
	values, wire, signature, err := c.readTrailer()
	if err != nil {
		return err
	}
	if !c.form.trailer {
		if values != nil || signature != "" {
			return malformedBody("something comes after the last chunk")
		}
		return nil
	}
	if len(values) != len(c.trailer) || (signature != "") != (c.form.algorithm != "") {
		return malformedTrailer("it lacks what is declared, or the signature")
	}
	c.values = values
	if signature == "" {
		return nil
	}
	return c.verifyTrailer(wire, signature)
}

// verifyTrailer verifies the lines of the trailer in the order they came or, as
// AWS's common runtime signs them, sorted.
func (c *chunked) verifyTrailer(lines []string, signature string) error {
	err := c.chain.verify("TRAILER", signature, HashPayload([]byte(strings.Join(lines, ""))))
	if err != nil && !slices.IsSorted(lines) {
		slices.Sort(lines)
		err = c.chain.verify("TRAILER", signature, HashPayload([]byte(strings.Join(lines, ""))))
	}
	return err
}

// readTrailer reads to the end of the body: lines "name:value", then the
// signature's, and a blank line at the end. Lines end with LF or CR LF, and there
// may be blank ones before the signature: minio-go ends a value with LF and has
// CR LF before the signature. lines are what is signed, each with its LF.
func (c *chunked) readTrailer() (values map[string]string, lines []string, signature string, err error) {
	blank, atEnd, bytesRead := 0, false, 0
	for {
		text, err := c.line()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, "", err
		}
		bytesRead += len(text)
		text = strings.TrimRight(text, "\r\n")
		if atEnd = text == ""; atEnd {
			if blank++; blank > maxBlank {
				return nil, nil, "", malformedBody("blank lines come after the last chunk")
			}
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		name, value = strings.ToLower(name), strings.Trim(value, " \t")
		_, twice := values[name]
		switch {
		case !c.form.trailer:
			return nil, nil, "", malformedBody("something comes after the last chunk")
		case !ok || signature != "" || twice || bytesRead > maxTrailer:
			return nil, nil, "", malformedTrailer("a line cannot be read, or stands after the signature")
		case name == trailerSignature:
			if signature = value; signature == "" {
				return nil, nil, "", malformedTrailer("its signature is empty")
			}
			continue
		case !slices.Contains(c.trailer, name):
			return nil, nil, "", malformedTrailer("it has a name that is not declared")
		}
		if values == nil {
			values = map[string]string{}
		}
		values[name] = value
		lines = append(lines, name+":"+value+"\n")
	}
	if !atEnd {
		return nil, nil, "", malformedBody("it does not end with a blank line")
	}
	return values, lines, signature, nil
}

func malformedTrailer(detail string) *S3Error {
	return s3Error(TrailerForm, "MalformedTrailerError", badRequest, "The request contained trailing data that was not well-formed or did not conform to our published schema.").because(detail)
}
