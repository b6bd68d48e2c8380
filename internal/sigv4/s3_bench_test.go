package sigv4

import (
	"bytes"
	"crypto/sha256"
	"io"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkPayload reads 8 MiB in every form, beside a copy and SHA-256 of the
// same bytes, in reads of 32 KiB as io.Copy makes them.
func BenchmarkPayload(b *testing.B) {
	payload := bytes.Repeat([]byte("a"), 8<<20)
	sizes := func(size int) []int {
		return bytesOf(len(payload)/size, size)
	}
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(int64(len(payload)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := io.Copy(onlyWriter{io.Discard}, onlyReader{bytes.NewReader(payload)}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("SHA-256", func(b *testing.B) {
		b.SetBytes(int64(len(payload)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := io.Copy(sha256.New(), onlyReader{bytes.NewReader(payload)}); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, tt := range []struct {
		name, contentSHA256 string
		chunk               int // 0 for a body without chunks
		headers             []string
	}{
		{"unsigned", unsignedPayload, 0, nil},
		{"hash", HashPayload(payload), 0, nil},
		{"unsigned CRC32", unsignedPayload, 0, []string{"crc32"}},
		{"unsigned CRC32C", unsignedPayload, 0, []string{"crc32c"}},
		{"unsigned CRC64NVME", unsignedPayload, 0, []string{"crc64nvme"}},
		{"unsigned chunks of 1 MiB, CRC32", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 1 << 20, nil},
		{"signed chunks of 8 KiB", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 8 << 10, nil},
		{"signed chunks of 64 KiB", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 64 << 10, nil},
		{"signed chunks of 128 KiB", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 128 << 10, nil},
		{"signed chunks of 1 MiB", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 1 << 20, nil},
		{"4A chunks of 64 KiB", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", 64 << 10, nil},
	} {
		b.Run(tt.name, func(b *testing.B) {
			c := &s3Client{algorithm: streamingForms[tt.contentSHA256].algorithm}
			headers := []string{"X-Amz-Decoded-Content-Length", strconv.Itoa(len(payload))}
			for _, name := range tt.headers {
				sum, _ := newChecksum(checksumPrefix + name)
				sum.hash.Write(payload)
				headers = append(headers, checksumPrefix+name, encodeSum(sum.hash.Sum(nil)))
			}
			trailer := ""
			if streamingForms[tt.contentSHA256].trailer {
				trailer = crc32Trailer(payload)
				headers = append(headers, "X-Amz-Trailer", "x-amz-checksum-crc32")
			}
			r := c.request(b, tt.contentSHA256, len(payload), headers...)
			body := payload
			if tt.chunk > 0 {
				body = []byte(strings.Join(c.pieces(b, payload, sizes(tt.chunk), c.algorithm == V4A || trailer == "", trailer), ""))
			}
			s, err := ParseS3(r)
			if err != nil {
				b.Fatal(reveal(err))
			}
			p, err := s.Verify(r, testSecret)
			if err != nil {
				b.Fatal(reveal(err))
			}
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				reader, err := p.Open(onlyReader{bytes.NewReader(body)}, OfBody)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(onlyWriter{io.Discard}, reader); err != nil || n != int64(len(payload)) {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func bytesOf(n, size int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = size
	}
	return all
}

// onlyReader and onlyWriter have no shorter ways that io.Copy would take.
type onlyReader struct{ io.Reader }

type onlyWriter struct{ io.Writer }

// BenchmarkVerifyS3 is a request's head: parsed, and verified.
func BenchmarkVerifyS3(b *testing.B) {
	for _, algorithm := range []string{V4, V4A} {
		b.Run(algorithm, func(b *testing.B) {
			r := (&s3Client{algorithm: algorithm}).request(b, emptyHash, 0, "X-Amz-Security-Token", strings.Repeat("A", 472))
			b.ReportAllocs()
			for b.Loop() {
				s, err := ParseS3(r)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Verify(r, testSecret); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
