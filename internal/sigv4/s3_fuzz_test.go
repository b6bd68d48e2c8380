package sigv4

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

func FuzzParseS3(f *testing.F) {
	f.Add(V4+" Credential=AKIDEXAMPLE/20260911/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=00", emptyHash, "/b/k")
	f.Add("", "", "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260911%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20260911T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00")
	f.Add("AWS x:y", unsignedPayload, "/%2e%2E//?acl")
	f.Fuzz(func(t *testing.T, authorization, contentSHA256, uri string) {
		r := &Request{Method: "GET", RequestURI: uri, Host: "h", Header: map[string][]string{"X-Amz-Date": {"20260911T120000Z"}}}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
			r.Header["X-Amz-Content-Sha256"] = []string{contentSHA256}
		} else {
			delete(r.Header, "X-Amz-Date")
		}
		s, err := ParseS3(r)
		if (s == nil) == (err == nil) {
			t.Fatalf("ParseS3 = %v, %v", s, err)
		}
		if err != nil {
			var e *S3Error
			if !errors.Is(err, ErrMissing) && (!errors.As(err, &e) || e.Kind == 0 || e.Code == "" || e.Status < 400 || strings.Contains(e.Error(), "unknown kind")) {
				t.Fatalf("%#v", err)
			}
			return
		}
		_ = s.CheckScope("us-east-1")
		_ = s.CheckTime(s3Time)
		if p, err := s.Verify(r, testSecret); p != nil || s3Kind(err) == 0 {
			t.Fatalf("a guessed signature verifies: %v", err)
		}
	})
}

// FuzzChunked reads any body in any form, in two ways that must agree. No signed
// body is right but the one that was signed.
func FuzzChunked(f *testing.F) {
	for _, form := range []byte{0, 1, 2, 3, 4} {
		f.Add(form, 5, []byte("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"))
	}
	f.Add(byte(0), 5, []byte("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\n\r\n\r\n"))
	f.Add(byte(1), 0, []byte("0;chunk-signature=00\r\n\r\n"))
	forms := []string{
		"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
		"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
	}
	payloads := make([]*Payload, len(forms))
	for i, name := range forms {
		form := streamingForms[name]
		c := &s3Client{algorithm: form.algorithm}
		headers := []string{"X-Amz-Decoded-Content-Length", "0"}
		if form.trailer {
			headers = append(headers, "X-Amz-Trailer", "x-amz-checksum-crc32")
		}
		r := c.request(f, name, 0, headers...)
		s, err := ParseS3(r)
		if err != nil {
			f.Fatal(err)
		}
		if payloads[i], err = s.Verify(r, testSecret); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, form byte, length int, body []byte) {
		p := *payloads[int(form)%len(forms)]
		header := map[string][]string{"X-Amz-Decoded-Content-Length": {strconv.Itoa(length)}, "X-Amz-Trailer": p.header["X-Amz-Trailer"]}
		p.header = header
		var first []byte
		for i, src := range []io.Reader{bytes.NewReader(body), iotest.OneByteReader(bytes.NewReader(body))} {
			r, err := p.Open(src, OfBody)
			if err != nil {
				if length >= 0 {
					t.Fatal(err)
				}
				return
			}
			got, err := io.ReadAll(r)
			if err != nil && s3Kind(err) == 0 {
				t.Fatalf("%v is no S3Error", err)
			}
			if err == nil && (p.form.algorithm != "" || len(got) != length || !bytes.Contains(body, got)) {
				t.Fatalf("takes %q for %q", body, got)
			}
			if i == 1 && err == nil && !bytes.Equal(got, first) {
				t.Fatalf("%q and %q", first, got)
			}
			if first = got; err != nil {
				first = nil
			}
		}
	})
}

func FuzzPostPolicy(f *testing.F) {
	f.Add(covered(), "acl", "private")
	f.Add(covered(`["eq", "$acl", "x"]`, `["content-length-range", "1", 2]`), "acl", "x")
	f.Add(`{"expiration":"2026-09-12T12:00:00Z","conditions":[[]]}`, "", "")
	f.Fuzz(func(t *testing.T, policy, name, value string) {
		fields := signedForm(t, policy, PostField{name, value})
		err := upload(fields, "b", "k/", 1, testSecret, s3Time)
		if err != nil {
			if s3Kind(err) == 0 && !errors.Is(err, ErrMissing) {
				t.Fatalf("%v is no S3Error", err)
			}
			return
		}
		// What it admits it speaks of.
		low := strings.ToLower(policy)
		for _, word := range []string{"bucket", "key", "x-amz-date", "x-amz-credential", "expiration"} {
			if !strings.Contains(low, word) && !strings.Contains(low, `\u`) {
				t.Fatalf("%q admits a form without speaking of %s", policy, word)
			}
		}
	})
}
