package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"time"
)

// MaxSkew is how far the time of a request may lie from the server's, either
// way (recorded on AWS, 2026-09: "15 min."; an older page says 5).
const MaxSkew = 15 * time.Minute

// CheckService asks that the credential is scoped to one of the signing names,
// and that its region has the form of a region's name: any is served. For V4A
// every region of the set must have that form, in which "*" may stand for any
// part, so that the set has the region asked for, whichever that is. Both faults
// are told at once, as AWS does; the Kind is then Region.
func (a *Authorization) CheckService(names ...string) error {
	var e Error
	if !a.hasRegion() {
		e = Error{Kind: Region, Message: regionMessage}
	}
	known := false
	for _, name := range names {
		known = known || a.Service == name && name != ""
	}
	if !known {
		if e.Kind == 0 {
			e.Kind = Service
		}
		expected := strings.Join(names, "' or '")
		e.Message += "Credential should be scoped to correct service: '" + expected + "'. "
		e.detail = "this endpoint is '" + expected + "'"
	}
	if e.Kind == 0 {
		return nil
	}
	return &e
}

func (a *Authorization) hasRegion() bool {
	if a.Algorithm != V4A {
		return isRegion(a.Region, false)
	}
	for _, region := range a.RegionSet {
		if len(region) > maxRegion || !isRegion(region, true) {
			return false
		}
	}
	return len(a.RegionSet) > 0
}

func isRegion(region string, pattern bool) bool {
	for i := range len(region) {
		c := region[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && (c != '*' || !pattern) {
			return false
		}
	}
	return region != ""
}

// CheckTime asks that the request was signed within MaxSkew of now; exactly
// MaxSkew is within. Both times count in whole seconds, as AWS prints them.
func (a *Authorization) CheckTime(now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	signed, at := a.Time.Format(iso8601Basic), now.Format(iso8601Basic)
	if earliest := now.Add(-MaxSkew); a.Time.Before(earliest) {
		return &Error{Kind: Expired, Message: "Signature expired: " + signed + " is now earlier than " + earliest.Format(iso8601Basic) + " (" + at + " - 15 min.)"}
	}
	if latest := now.Add(MaxSkew); a.Time.After(latest) {
		return &Error{Kind: NotYetCurrent, Message: "Signature not yet current: " + signed + " is still later than " + latest.Format(iso8601Basic) + " (" + at + " + 15 min.)"}
	}
	return nil
}

// Verify asks that a, which must be Parse's of the same r, holds the signature
// of r under the secret. Time and service are not asked. An empty secret
// verifies nothing. Signatures of V4 are compared in constant time; one of V4A
// is verified under a public key, which has nothing to hide.
//
// A declared X-Amz-Content-Sha256 must be the hash of the body that was read;
// UNSIGNED-PAYLOAD and the streaming forms are S3's and refused here.
func (a *Authorization) Verify(r *Request, secretAccessKey string) error {
	if a != nil && a.s3 {
		return mismatch(Mismatch, "it is to be verified by the rules of S3")
	}
	return a.verify(r, secretAccessKey, pathNormalised)
}

// verify is Verify for any form of the path.
func (a *Authorization) verify(r *Request, secretAccessKey string, path pathForm) error {
	if a == nil || secretAccessKey == "" {
		return mismatch(Mismatch, "there is no secret access key to verify it with")
	}
	if err := a.checkPayload(r); err != nil {
		return err
	}
	var space [2048]byte
	canonical, err := canonicalRequest(space[:0], r, a.SignedHeaders, form{path, a.InQuery})
	if err != nil {
		return err
	}
	var text [256]byte
	toSign := a.stringToSign(text[:0], canonical)
	switch a.Algorithm {
	case V4:
		return a.verifyHMAC(toSign, secretAccessKey)
	case V4A:
		return a.verifyECDSA(toSign, secretAccessKey)
	default:
		return mismatch(Mismatch, "it has no algorithm")
	}
}

func (a *Authorization) checkPayload(r *Request) error {
	if len(r.PayloadHash) != hex.EncodedLen(sha256.Size) {
		return mismatch(PayloadMismatch, "the body was not hashed")
	}
	if declared := r.Header["X-Amz-Content-Sha256"]; len(declared) > 0 {
		if len(declared) != 1 || strings.Trim(declared[0], " \t") != r.PayloadHash {
			return mismatch(PayloadMismatch, "")
		}
	}
	if a.contentSHA256 != "" && a.contentSHA256 != r.PayloadHash {
		return mismatch(PayloadMismatch, "")
	}
	return nil
}

func (a *Authorization) verifyHMAC(toSign []byte, secretAccessKey string) error {
	key := signingKey(secretAccessKey, a.Date, a.Region, a.Service)
	if !verifyMAC(&key, toSign, a.Signature) {
		return mismatch(Mismatch, "")
	}
	return nil
}

// verifyMAC asks in constant time that the signature is that of toSign.
func verifyMAC(key *[sha256.Size]byte, toSign []byte, signature string) bool {
	sum := mac(key[:], toSign)
	var want [2 * sha256.Size]byte
	hex.Encode(want[:], sum[:])
	return subtle.ConstantTimeCompare(want[:], []byte(signature)) == 1
}

// stringToSign appends the string to sign (IAM User Guide, "Create a signed AWS
// API request", step 3). The scope of V4A has no region.
func (a *Authorization) stringToSign(b, canonical []byte) []byte {
	b = append(b, a.Algorithm...)
	b = append(b, '\n')
	b = a.appendScope(b)
	sum := sha256.Sum256(canonical)
	return hex.AppendEncode(b, sum[:])
}

// appendScope appends the time and the credential scope, a line each.
func (a *Authorization) appendScope(b []byte) []byte {
	b = a.Time.AppendFormat(b, iso8601Basic)
	b = append(b, '\n')
	b = append(b, a.Date...)
	b = append(b, '/')
	if a.Algorithm != V4A {
		b = append(b, a.Region...)
		b = append(b, '/')
	}
	b = append(b, a.Service...)
	return append(b, "/"+terminator+"\n"...)
}

// signingKey derives the key of one day, region and service (same page, step 4).
func signingKey(secret, date, region, service string) [sha256.Size]byte {
	var space [64]byte
	key := mac(append(append(space[:0], "AWS4"...), secret...), []byte(date))
	key = mac(key[:], []byte(region))
	key = mac(key[:], []byte(service))
	return mac(key[:], []byte(terminator))
}

// mac is HMAC-SHA256 (RFC 2104, section 2) in one call. crypto/hmac gives the
// same, and a test holds this against it; but five uses of it in a verification
// are 38 allocations and a third of the time (BenchmarkVerify).
func mac(key, message []byte) [sha256.Size]byte {
	var block [sha256.BlockSize]byte
	if len(key) > len(block) {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	copy(block[:], key)
	var space [macSpace]byte
	inner := sha256.Sum256(append(appendXOR(space[:0], &block, 0x36), message...))
	return sha256.Sum256(append(appendXOR(space[:0], &block, 0x5c), inner[:]...))
}

// macSpace holds the block and the longest message of an ordinary signature.
const macSpace = sha256.BlockSize + 256

func appendXOR(b []byte, block *[sha256.BlockSize]byte, pad byte) []byte {
	for _, c := range block {
		b = append(b, c^pad)
	}
	return b
}
