// Package sigv4 verifies requests that were signed with AWS Signature Version 4
// in the Authorization header. It is pure: it sees a Request, a secret and a
// time, and says yes or what is wrong.
//
// # The steps
//
// Parse reads the Authorization header and the date, without any secret.
// CheckService, CheckTime and Verify then answer one question each, so that the
// caller can ask them in the order recorded on AWS STS (2026-09): scope, then
// its own questions about the key and the session token, then time and
// signature. A request is genuine only when all three have said nil; Parse alone
// proves nothing.
//
// # Whose rules
//
// The canonical request is that of every AWS service except S3: the path is
// normalised and what stands on the wire is encoded once more; the body counts
// by its hash. The sources are the IAM User Guide, "Create a signed AWS API
// request", and the test suite that AWS publishes with its signers. S3 signs
// another form of the path, and bodies that are not hashed; it is not served
// here yet, and neither are presigned URLs: Parse refuses those by name.
//
// # Where this package is stricter than AWS's pages
//
//   - A signed header that did not arrive is refused by name. AWS's pages do not
//     say what it counts as; a proxy that removed it is the usual reason.
//   - SignedHeaders must be in lower case, sorted and without repetition, as the
//     pages describe it and every SDK sends it.
//   - A parameter of the Authorization header that is there twice, or unknown,
//     is refused.
//   - Headers named x-amz-* may be sent unsigned, as AWS's services other than
//     S3 allow it; X-Amz-Security-Token is not always signed by old clients.
package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Request is what of an HTTP request takes part in its signature. The fields
// are those of a net/http server request, so that none of them is a copy.
type Request struct {
	Method string
	// RequestURI is the path with its query as it stood on the wire, neither
	// decoded nor cleaned: http.Request.RequestURI.
	RequestURI string
	// Host is the Host header or the :authority pseudo-header.
	Host string
	// Header has canonical names in the sense of net/http. Host and
	// Content-Length are not read from it, whether they are there or not: what
	// the server acted upon are the fields.
	Header map[string][]string
	// ContentLength is the declared length of the body in bytes, -1 if unknown.
	ContentLength int64
	// PayloadHash is HashPayload of the body that was read. A Request without
	// it does not verify.
	PayloadHash string
}

// HashPayload gives the hash of a body as a signature has it: SHA-256 in
// lower-case hexadecimal (IAM User Guide, "Create a signed AWS API request",
// HashedPayload).
func HashPayload(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Authorization is what a request says about its own signature. Until Verify
// has said nil it is a claim.
type Authorization struct {
	AccessKeyID   string
	Date          string // of the credential scope, YYYYMMDD
	Region        string // of the credential scope
	Service       string // of the credential scope
	SignedHeaders []string
	Signature     string // as it was sent
	Time          time.Time
	// SecurityToken is the X-Amz-Security-Token header, "" if there was none.
	SecurityToken string
}
