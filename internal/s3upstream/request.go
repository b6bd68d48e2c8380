package s3upstream

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/sigv4"
)

// UnsignedPayload is the PayloadHash of a body whose digest is not known before
// it is sent (S3 API Reference, "Signature Calculations for the Authorization
// Header").
const UnsignedPayload = "UNSIGNED-PAYLOAD"

const (
	// emptyHash is the SHA-256 of nothing.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	// expectFrom is the length from which a body waits for the store to say
	// that it wants it.
	expectFrom = 1 << 20
)

// Request is an operation of S3, decoded and decided upon.
type Request struct {
	Method string
	Bucket string // "" for ListBuckets
	// Key is the object's key, as it is: encoded once, here.
	Key string
	// Query is the request's; what belongs to its signature is left out.
	Query url.Values
	// Header is the request's; what the store is told of it, forward says.
	Header http.Header
	// Body is the decoded body. It is read by one goroutine, which may still be
	// in one Read when Do has returned or the response's body is closed.
	Body io.Reader
	// Length is the body's, in bytes: -1 if it is not known, which is refused.
	Length int64
	// PayloadHash is the SHA-256 of the body in hexadecimal, UnsignedPayload, or
	// "" for the latter; of an empty body it is not looked at.
	PayloadHash string
	// Trailer is the checksum that comes behind the body, nil for none.
	Trailer *Trailer
}

// Trailer is a checksum that is known once the body has been read. It reaches
// the store in the same form: in chunks with a trailer, whose kind is
// STREAMING-UNSIGNED-PAYLOAD-TRAILER, over https or within this process. Over plain
// http AWS refuses that, so there the checksum is left out, and the store
// computes its default one.
type Trailer struct {
	// Name is the header's, x-amz-checksum-crc32 and the like.
	Name string
	// Value is asked once the body has ended without an error.
	Value func() (string, error)
}

// forwarded are the headers that belong to an object or to an operation, apart
// from X-Amz-… (S3 API Reference, "Common Request Headers", PutObject,
// GetObject). All others are of the connection, of the client, or not for the
// store: so Authorization, Cookie, Origin and Accept-Encoding.
var forwarded = map[string]bool{
	"Cache-Control": true, "Content-Disposition": true, "Content-Encoding": true, "Content-Language": true,
	"Content-Md5": true, "Content-Type": true, "Expect": true, "Expires": true, "Range": true,
	"If-Match": true, "If-Modified-Since": true, "If-None-Match": true, "If-Unmodified-Since": true, "If-Range": true,
}

// withheld are the headers X-Amz-… that say how the caller signed and sent the
// request, or speak of accounts, which are the gateway's and not the store's.
var withheld = map[string]bool{
	"X-Amz-Algorithm": true, "X-Amz-Content-Sha256": true, "X-Amz-Credential": true, "X-Amz-Date": true,
	"X-Amz-Decoded-Content-Length": true, "X-Amz-Expires": true, "X-Amz-Region-Set": true,
	"X-Amz-S3session-Token": true, "X-Amz-Security-Token": true, "X-Amz-Signature": true, "X-Amz-Signedheaders": true,
	"X-Amz-Trailer": true, "X-Amz-User-Agent": true,
	"X-Amz-Expected-Bucket-Owner": true, "X-Amz-Source-Expected-Bucket-Owner": true,
}

// notQuery are the parameters of a query that are not S3's own, in lower case:
// those of a presigned URL, and the name that SDKs put there.
var notQuery = map[string]bool{
	"x-amz-algorithm": true, "x-amz-content-sha256": true, "x-amz-credential": true, "x-amz-date": true,
	"x-amz-expires": true, "x-amz-region-set": true, "x-amz-security-token": true, "x-amz-signature": true,
	"x-amz-signedheaders": true, "x-id": true,
}

// build makes the signed request; each attempt has its own.
func (c *Client) build(ctx context.Context, r *Request, payload *body) (*http.Request, error) {
	header, err := c.forward(r)
	if err != nil {
		return nil, err
	}
	request := (&http.Request{
		Method: r.Method, URL: c.url(r), Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}).WithContext(ctx)
	request.Host = request.URL.Host
	hash := emptyHash
	if r.Length > 0 {
		request.Body, request.ContentLength = payload, r.Length
		hash = r.PayloadHash
		if hash == "" || c.target.Transport != nil {
			hash = UnsignedPayload
		}
		if header.Get("Expect") == "" && r.Length >= expectFrom {
			header.Set("Expect", "100-continue")
		}
	} else {
		header.Del("Expect")
	}
	if r.Trailer != nil && r.Length > 0 && c.private() {
		hash = streamingUnsignedTrailer
		encoded, err := encodeTrailer(payload, r.Length, r.Trailer)
		if err != nil {
			return nil, err
		}
		request.Body, request.ContentLength = encoded, encoded.length
		encoded.declare(header)
	}
	header.Set("X-Amz-Content-Sha256", hash)
	credentials, err := c.target.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: they cannot be had: %w", ErrCredentials, err)
	}
	if c.target.Transport != nil {
		signed := sigv4.Request{Method: request.Method, RequestURI: request.URL.RequestURI(), Host: request.Host, Header: header, PayloadHash: hash}
		if err := sigv4.SignS3(&signed, credentials.AccessKeyID, credentials.SecretAccessKey, c.target.Region, c.now()); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRequest, err)
		}
		return request, nil
	}
	if err := c.signer.SignHTTP(ctx, credentials, request, hash, "s3", c.target.Region, c.now()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return request, nil
}

// url puts bucket and key where the target's addressing wants them. Path and
// RawPath agree, so that what is signed is what is sent: net/http sends RawPath
// as it is, dots and double slashes with it.
func (c *Client) url(r *Request) *url.URL {
	u := *c.endpoint
	path, raw := "/"+r.Key, "/"+escapeKey(r.Key)
	switch {
	case r.Bucket == "":
	case c.target.Addressing == VirtualHost:
		u.Host = r.Bucket + "." + u.Host
	default:
		bucket := "/" + r.Bucket
		if r.Key == "" {
			path, raw = "", ""
		}
		path, raw = bucket+path, "/"+escapeKey(r.Bucket)+raw
	}
	u.Path, u.RawPath = path, raw
	query := url.Values{}
	for name, values := range r.Query {
		if !notQuery[strings.ToLower(name)] {
			query[name] = values
		}
	}
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return &u
}

// escapeKey is S3's encoding of a key in a path: all but unreserved characters
// and the slash (Signature Version 4, UriEncode).
func escapeKey(key string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(key) {
		c := key[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// forward is what the store is told of the request's headers.
func (c *Client) forward(r *Request) (http.Header, error) {
	header := http.Header{"User-Agent": {"daypass"}}
	hop := hopByHop(r.Header)
	for name, values := range r.Header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		amz := strings.HasPrefix(name, "X-Amz-")
		switch {
		case hop[name], withheld[name], !amz && !forwarded[name]:
			continue
		case strings.Contains(name, "Server-Side-Encryption-Customer-") && !c.private():
			return nil, fmt.Errorf("%w, and the endpoint is %s", ErrInsecure, c.endpoint)
		}
		for _, value := range values {
			if harmless, lacks := c.target.Lacks[name]; lacks && value != harmless {
				return nil, &LackError{name}
			}
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return nil, fmt.Errorf("%w: %s has a control character", ErrRequest, name)
			}
		}
		header[name] = slices.Clone(values)
	}
	setEncoding(header, plainEncoding(header))
	if r.Trailer != nil && !c.private() {
		header.Del("X-Amz-Sdk-Checksum-Algorithm") // it announces what is then left out
	}
	return header, nil
}

// plainEncoding are the Content-Encodings without aws-chunked, which said how
// the body came here.
func plainEncoding(header http.Header) []string {
	var kept []string
	for part := range strings.SplitSeq(strings.Join(header.Values("Content-Encoding"), ","), ",") {
		if part = strings.TrimSpace(part); part != "" && !strings.EqualFold(part, "aws-chunked") {
			kept = append(kept, part)
		}
	}
	return kept
}

func setEncoding(header http.Header, encodings []string) {
	if len(encodings) == 0 {
		header.Del("Content-Encoding")
		return
	}
	header.Set("Content-Encoding", strings.Join(encodings, ","))
}

// ofConnection are the headers of one connection (RFC 9110 section 7.6.1).
var ofConnection = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Proxy-Authenticate": true,
	"Proxy-Authorization": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// hopByHop are those, and what Connection names.
func hopByHop(header http.Header) map[string]bool {
	if len(header["Connection"]) == 0 {
		return ofConnection
	}
	hop := maps.Clone(ofConnection)
	for _, line := range header.Values("Connection") {
		for name := range strings.SplitSeq(line, ",") {
			hop[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	return hop
}
