package sigv4

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
)

// maxDER is the most bytes of a signature over P-256 in DER: a sequence of two
// integers of 32 bytes, each with a sign byte where its highest bit is set (RFC
// 3279, section 2.2.3).
const maxDER = 2 + 2*(2+1+32)

// verifyECDSA asks that the signature is one that the key pair of the secret
// made over toSign. There are many such: ECDSA draws a nonce, and of each
// signature there is a second with the negated s, which published signers make
// as often. Each is taken in one spelling only.
func (a *Authorization) verifyECDSA(toSign []byte, secretAccessKey string) error {
	key, ok := verifyingKey(secretAccessKey, a.AccessKeyID)
	if !ok {
		return mismatch(Mismatch, "no key pair can be derived from the secret access key")
	}
	if kind := verifyDER(key, toSign, a.Signature); kind != 0 {
		return mismatch(kind, "")
	}
	return nil
}

// verifyDER gives what is wrong with a signature, 0 for nothing.
func verifyDER(key *ecdsa.PublicKey, toSign []byte, signature string) Kind {
	var space [maxDER]byte
	der, ok := decodeLowerHex(space[:0], signature)
	if !ok {
		return SignatureForm
	}
	sum := sha256.Sum256(toSign)
	if !ecdsa.VerifyASN1(key, sum[:], der) { // its reader of DER takes the one shortest form only
		return Mismatch
	}
	return 0
}

// decodeLowerHex appends what the digits mean if they fit into b.
func decodeLowerHex(b []byte, digits string) ([]byte, bool) {
	if len(digits)%2 != 0 || hex.DecodedLen(len(digits)) > cap(b) {
		return nil, false
	}
	for i := 0; i < len(digits); i += 2 {
		if isUpper(digits[i]) || isUpper(digits[i+1]) {
			return nil, false
		}
		c, ok := hexByte(digits[i:])
		if !ok {
			return nil, false
		}
		b = append(b, c)
	}
	return b, true
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'F' }

// verifyingKey derives the key pair of V4A and gives its public half.
//
// The private key comes of a key derivation function in counter mode with HMAC
// as its function (NIST SP 800-108r1, section 4.1): one block of 256 bits under
// "AWS4A" and the secret, labelled with the algorithm's name, its context the
// access key id and a counter of attempts. A block c serves where c+1 is a
// private key, from 1 to n-1 (FIPS 186-5, appendix A.2.2, testing candidates);
// else the next attempt is made. AWS publishes this as code and vectors only
// (awslabs/aws-c-auth, key_derivation.c): the counter goes from 1 to 254. That
// the first block does not serve happens once in 2^32 keys.
func verifyingKey(secretAccessKey, accessKeyID string) (*ecdsa.PublicKey, bool) {
	var keySpace [64]byte
	key := append(append(keySpace[:0], "AWS4A"...), secretAccessKey...)
	var space [128]byte
	input := append(space[:0], 0, 0, 0, 1) // the number of the block
	input = append(input, V4A...)
	input = append(input, 0)
	input = append(input, accessKeyID...)
	attempt := len(input)
	input = append(input, 0, 0, 0, 1, 0) // the attempt, and 256 bits as four bytes
	for i := byte(1); i <= maxAttempts; i++ {
		input[attempt] = i
		candidate := mac(key, input)
		if private, ok := privateKey(&candidate); ok {
			return &private.PublicKey, true
		}
	}
	return nil, false
}

const maxAttempts = 254

// privateKey makes the key that is one more than the candidate. The highest
// candidate of all comes around to zero, which is no key either.
func privateKey(candidate *[sha256.Size]byte) (*ecdsa.PrivateKey, bool) {
	carry := uint16(1)
	d := *candidate
	for i := len(d) - 1; i >= 0; i-- {
		carry += uint16(d[i])
		d[i] = byte(carry)
		carry >>= 8
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:])
	return key, err == nil
}
