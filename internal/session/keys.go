package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	prefixLength = 5                              // Tink: one byte 0x01, four of the key id
	sealOverhead = prefixLength + 12 + 12 + 16    // prefix, salt, nonce, tag
	secretLabel  = "daypass secret access key v1" // parts this use of the secret from any other
)

// tokenEncoding refuses padding bits that are not zero, so that one sealed
// value has one spelling.
var tokenEncoding = base64.StdEncoding.Strict()

// Keys is a key ring: it seals new sessions with its primary key and opens
// those of every key it holds. It is immutable and safe for concurrent use.
// A nil or zero Keys mints and opens nothing.
type Keys struct {
	seal    tink.AEAD
	secrets map[uint32][]byte // derivation secret by id of the sealing key
	rotated time.Time
	listed  []KeyInfo
}

// KeyInfo is what may be told of a key of the ring.
type KeyInfo struct {
	ID    uint32
	State KeyState
	// Replaced is when the next took over, of an earlier key; zero where a ring of
	// version 1 does not say. Until is when its last session is over and it goes
	// with the next rotation.
	Replaced, Until time.Time
}

// KeyState is what a key of the ring is there for.
type KeyState string

// The states of a key.
const (
	EarlierKey KeyState = "earlier" // opens the sessions that it sealed
	PrimaryKey KeyState = "primary" // seals
	NextKey    KeyState = "next"    // is known to all nodes before one seals with it
)

// List gives the ring's keys, the oldest first. It must not be changed.
func (k *Keys) List() []KeyInfo {
	if k == nil {
		return nil
	}
	return k.listed
}

// list tells of the keys of a ring.
func (r *ring) list() []KeyInfo {
	listed := make([]KeyInfo, len(r.Keys))
	for i, key := range r.Keys {
		listed[i] = KeyInfo{ID: key.ID, State: EarlierKey}
		switch i {
		case len(r.Keys) - 1:
			listed[i].State = NextKey
		case len(r.Keys) - 2:
			listed[i].State = PrimaryKey
		}
		if key.Replaced != 0 {
			listed[i].Replaced = time.Unix(key.Replaced, 0).UTC()
			listed[i].Until = listed[i].Replaced.Add(keepEarlier)
		}
	}
	return listed
}

// ParseKeys reads a ring that NewKeys or RotateKeys made. Errors match ErrRing.
func ParseKeys(serialised []byte) (*Keys, error) {
	r, handle, err := parseRing(serialised)
	if err != nil {
		return nil, err
	}
	seal, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRing, err)
	}
	secrets := make(map[uint32][]byte, len(r.Keys))
	for _, key := range r.Keys {
		secrets[key.ID] = key.Secret
	}
	keys := &Keys{seal: seal, secrets: secrets, listed: r.list()}
	if r.Rotated != 0 {
		keys.rotated = time.Unix(r.Rotated, 0).UTC()
	}
	return keys, nil
}

// RotatedAt is since when the primary key seals: when the ring was made, or
// rotated last. It is zero for a ring of version 1, which does not say; such a
// ring is older than any age after which one would rotate.
func (k *Keys) RotatedAt() time.Time {
	if k == nil {
		return time.Time{}
	}
	return k.rotated
}

// String hides the keys.
func (k *Keys) String() string { return "session keys" }

// GoString hides the keys.
func (k *Keys) GoString() string { return "session keys" }

// secretAccessKey derives the secret of a session. sealed has been made or
// authenticated under the key that its prefix names.
func (k *Keys) secretAccessKey(accessKeyID string, sealed []byte) (string, bool) {
	if len(sealed) < sealOverhead {
		return "", false
	}
	secret, ok := k.secrets[binary.BigEndian.Uint32(sealed[1:prefixLength])]
	if !ok {
		return "", false
	}
	// Label and access key id have fixed lengths, so that the parts cannot shift.
	message := make([]byte, 0, len(secretLabel)+accessKeyIDLength+len(sealed))
	message = append(message, secretLabel...)
	message = append(message, accessKeyID...)
	message = append(message, sealed...)
	mac := hmac.New(sha256.New, secret)
	mac.Write(message)
	var sum [sha256.Size]byte
	return base64.StdEncoding.EncodeToString(mac.Sum(sum[:0])[:secretBytes]), true
}
