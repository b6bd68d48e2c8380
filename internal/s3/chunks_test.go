package s3_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// chunkSigner makes the chunks of a signed body (Amazon S3 API Reference,
// "Transferring payload in multiple chunks").
type chunkSigner struct {
	key         []byte
	date, scope string
	last        string // signature
}

func hmacSum(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func newChunkSigner(c aws.Credentials, head, seed string) *chunkSigner {
	_, date, _ := strings.Cut(head, "X-Amz-Date: ")
	date = date[:16]
	s := &chunkSigner{key: []byte("AWS4" + c.SecretAccessKey), date: date, scope: date[:8] + "/eu-central-1/s3/aws4_request", last: seed}
	for part := range strings.SplitSeq(s.scope, "/") {
		s.key = hmacSum(s.key, part)
	}
	return s
}

func (s *chunkSigner) chunk(data string) string {
	s.last = hex.EncodeToString(hmacSum(s.key, "AWS4-HMAC-SHA256-PAYLOAD\n"+s.date+"\n"+s.scope+"\n"+s.last+"\n"+hexSum("")+"\n"+hexSum(data)))
	text := strconv.FormatInt(int64(len(data)), 16) + ";chunk-signature=" + s.last + "\r\n" + data
	if data == "" {
		return text
	}
	return text + "\r\n"
}

func (s *chunkSigner) trailer(line string) string {
	s.last = hex.EncodeToString(hmacSum(s.key, "AWS4-HMAC-SHA256-TRAILER\n"+s.date+"\n"+s.scope+"\n"+s.last+"\n"+hexSum(line+"\n")))
	return line + "\r\nx-amz-trailer-signature:" + s.last + "\r\n\r\n"
}

// forged has another last digit of the signature that it ends with.
func forged(text string) string {
	end := len(strings.TrimRight(text, "\r\n")) - 1
	digit := "0"
	if text[end] == '0' {
		digit = "1"
	}
	return text[:end] + digit + text[end+1:]
}

func crc(data string) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(data))))
}

const (
	inChunks    = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	withTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	withoutSign = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// chunksBody is a body of 64 KiB and 100 bytes, right or wrong.
type chunksBody struct {
	hash    string
	body    func(s *chunkSigner) string
	decoded int // 0: as it is
	status  int
	code    string
}

var (
	chunkOne, chunkTwo = strings.Repeat("a", 64<<10), strings.Repeat("b", 100)
	chunkBoth          = chunkOne + chunkTwo
	rightTrailer       = "x-amz-checksum-crc32:" + crc(chunkBoth)
	wholeChunks        = func(s *chunkSigner) string { return s.chunk(chunkOne) + s.chunk(chunkTwo) + s.chunk("") }
)

func unsignedChunks(sum string) func(*chunkSigner) string {
	return func(*chunkSigner) string {
		return "10000\r\n" + chunkOne + "\r\n64\r\n" + chunkTwo + "\r\n0\r\n" + sum + "\r\n"
	}
}

var chunksBodies = map[string]chunksBody{
	"right-hash":   {hash: hexSum(chunkBoth), body: func(*chunkSigner) string { return chunkBoth }, status: 200},
	"wrong-hash":   {hash: hexSum(chunkOne), body: func(*chunkSigner) string { return chunkBoth }, status: 400, code: "XAmzContentSHA256Mismatch"},
	"right-chunks": {hash: inChunks, body: func(s *chunkSigner) string { return wholeChunks(s) + "\r\n" }, status: 200},
	"wrong-last-chunk": {
		hash: inChunks, status: 403, code: "SignatureDoesNotMatch",
		body: func(s *chunkSigner) string {
			return s.chunk(chunkOne) + s.chunk(chunkTwo) + forged(s.chunk("")) + "\r\n"
		},
	},
	"wrong-a-chunk": {
		hash: inChunks, status: 403, code: "SignatureDoesNotMatch",
		body: func(s *chunkSigner) string {
			return s.chunk(chunkOne) + strings.Replace(s.chunk(chunkTwo), "b\r", "c\r", 1) + s.chunk("") + "\r\n"
		},
	},
	"wrong-too-short": {hash: inChunks, body: func(s *chunkSigner) string { return wholeChunks(s) + "\r\n" }, decoded: len(chunkBoth) + 1, status: 400, code: "IncompleteBody"},
	"wrong-too-long":  {hash: inChunks, body: func(s *chunkSigner) string { return wholeChunks(s) + "\r\n" }, decoded: len(chunkBoth) - 1, status: 400, code: "IncompleteBody"},
	"wrong-no-end":    {hash: inChunks, body: func(s *chunkSigner) string { return s.chunk(chunkOne) + s.chunk(chunkTwo) }, status: 400, code: "IncompleteBody"},
	"right-trailer":   {hash: withTrailer, body: func(s *chunkSigner) string { return wholeChunks(s) + s.trailer(rightTrailer) }, status: 200},
	"wrong-trailer": {
		hash: withTrailer, status: 400, code: "BadDigest",
		body: func(s *chunkSigner) string { return wholeChunks(s) + s.trailer("x-amz-checksum-crc32:"+crc(chunkOne)) },
	},
	"wrong-trailer-signature": {
		hash: withTrailer, status: 403, code: "SignatureDoesNotMatch",
		body: func(s *chunkSigner) string { return wholeChunks(s) + forged(s.trailer(rightTrailer)) },
	},
	"right-unsigned":      {hash: withoutSign, body: unsignedChunks(rightTrailer + "\r\n"), status: 200},
	"wrong-unsigned":      {hash: withoutSign, body: unsignedChunks("x-amz-checksum-crc32:" + crc(chunkOne) + "\r\n"), status: 400, code: "BadDigest"},
	"wrong-trailer-lacks": {hash: withoutSign, body: unsignedChunks(""), status: 400},
}

// TestWrongBodies: of a body that turns out wrong, even at its very end, the store
// has nothing, and what was there stays.
func TestWrongBodies(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	bucket := g.bucket(t)
	who := g.credentialsOf(t, g.admin)
	for name, tt := range chunksBodies {
		header := map[string]string{}
		if strings.HasPrefix(tt.hash, "STREAMING") {
			decoded := len(chunkBoth)
			if tt.decoded > 0 {
				decoded = tt.decoded
			}
			header["Content-Encoding"], header["X-Amz-Decoded-Content-Length"] = "aws-chunked", strconv.Itoa(decoded)
		}
		if strings.HasSuffix(tt.hash, "TRAILER") {
			header["X-Amz-Trailer"] = "x-amz-checksum-crc32"
		}
		length := int64(len(tt.body(&chunkSigner{})))
		for _, kind := range []string{"new", "old"} {
			key := kind + "-" + name
			if kind == "old" {
				g.object(t, bucket, key, "")
			}
			head, signature := g.signHead(t, g.admin, "PUT", "/"+bucket+"/"+key, tt.hash, length, header)
			w := g.dial(t)
			w.write(head + tt.body(newChunkSigner(who, head, signature)))
			wantReply(t, key, w.answer(), tt.status, tt.code)
			text, _, wrong := g.content(t, bucket, key)
			switch {
			case tt.status == 200 && text != chunkBoth,
				tt.status != 200 && kind == "old" && text != "content of "+key,
				tt.status != 200 && kind == "new" && wrong != "NoSuchKey":
				t.Errorf("%s: the object has %d bytes %s", key, len(text), wrong)
			}
		}
	}
}
