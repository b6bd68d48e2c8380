package s3upstream_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
)

// verify verifies the signature of a raw request's head as S3 does: over the
// path as it stands in the request line (Signature Version 4, "Create a signed
// request", for S3).
func verify(head string) error {
	line, rest, _ := strings.Cut(head, "\r\n")
	parts := strings.Split(line, " ")
	path, query, _ := strings.Cut(parts[1], "?")
	header := map[string]string{}
	for _, l := range strings.Split(rest, "\r\n") {
		name, value, _ := strings.Cut(l, ":")
		header[strings.ToLower(name)] = strings.TrimSpace(value)
	}
	authorization := header["authorization"]
	between := func(from, to string) string {
		_, after, _ := strings.Cut(authorization, from)
		found, _, _ := strings.Cut(after, to)
		return found
	}
	signed := between("SignedHeaders=", ",")
	canonical := parts[0] + "\n" + path + "\n" + query + "\n" // the query is sorted where it was made
	for name := range strings.SplitSeq(signed, ";") {
		canonical += name + ":" + header[name] + "\n"
	}
	canonical += "\n" + signed + "\n" + header["x-amz-content-sha256"]
	scope := between("Credential=AKIDUPSTREAM/", ",")
	toSign := fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", header["x-amz-date"], scope, sha256.Sum256([]byte(canonical)))
	key := []byte("AWS4secret of the upstream")
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	if signature := fmt.Sprintf("%x", mac(key, toSign)); signature != between("Signature=", "\r") {
		return fmt.Errorf("the signature of %q is %s", canonical, between("Signature=", "\r"))
	}
	return nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
