package session

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/subtle/random"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	ringVersion  = 1
	secretLength = 32 // bytes, as long as what HMAC-SHA256 gives (RFC 2104, section 3)
	xaesTypeURL  = "type.googleapis.com/google.crypto.tink.XAesGcmKey"

	prefixLength = 5                              // Tink: one byte 0x01, four of the key id
	sealOverhead = prefixLength + 12 + 12 + 16    // prefix, salt, nonce, tag
	secretLabel  = "daypass secret access key v1" // parts this use of the secret from any other
)

// tokenEncoding refuses padding bits that are not zero, so that one sealed
// value has one spelling.
var tokenEncoding = base64.StdEncoding.Strict()

// ErrRing says that a serialised key ring cannot be used: damaged, of an
// unknown version, or holding keys of another kind. The message says which.
var ErrRing = errors.New("session: key ring cannot be used")

// Keys is a key ring: it seals new sessions with its primary key and opens
// those of every key it holds. It is immutable and safe for concurrent use.
// A nil or zero Keys mints and opens nothing.
type Keys struct {
	seal    tink.AEAD
	secrets map[uint32][]byte // derivation secret by id of the sealing key
}

// ring is a key ring as it is serialised. Keys stand from oldest to newest: any
// number of earlier ones, the primary, and exactly one next, which every node
// knows before any node seals with it.
type ring struct {
	Version int       `json:"version"`
	Keys    []ringKey `json:"keys"`
	Keyset  []byte    `json:"keyset"` // Tink keyset, binary
}

type ringKey struct {
	ID     uint32 `json:"id"`     // of the keyset's key
	Secret []byte `json:"secret"` // from which secret access keys are derived
}

// NewKeys makes a fresh ring, serialised. It holds key material in clear: seal
// it under the master key before it is stored.
func NewKeys() ([]byte, error) {
	manager := keyset.NewManager()
	var keys []ringKey
	for range 2 { // the primary and the next
		key, err := addKey(manager)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return serialise(manager, keys, keys[0].ID)
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
	return &Keys{seal: seal, secrets: secrets}, nil
}

// RotateKeys gives the ring that follows: the next key becomes primary, the
// primary stays to open what it sealed, what stood before it goes, and a fresh
// next is added. Rotate no more often than the longest session lasts (43,200
// seconds, STS API Reference, DurationSeconds), else sessions end early; and let
// every node read the ring before it is rotated again.
func RotateKeys(serialised []byte) ([]byte, error) {
	r, handle, err := parseRing(serialised)
	if err != nil {
		return nil, err
	}
	manager := keyset.NewManagerFromHandle(handle)
	next, primary := len(r.Keys)-1, len(r.Keys)-2
	if err := manager.SetPrimary(r.Keys[next].ID); err != nil {
		return nil, fmt.Errorf("session: rotate key ring: %w", err)
	}
	for _, key := range r.Keys[:primary] {
		if err := manager.Delete(key.ID); err != nil {
			return nil, fmt.Errorf("session: rotate key ring: %w", err)
		}
	}
	fresh, err := addKey(manager)
	if err != nil {
		return nil, err
	}
	keys := []ringKey{r.Keys[primary], r.Keys[next], fresh}
	return serialise(manager, keys, r.Keys[next].ID)
}

// addKey adds a sealing key and draws its derivation secret. Both come from
// Tink, which asks the system's generator.
func addKey(manager *keyset.Manager) (ringKey, error) {
	id, err := manager.Add(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return ringKey{}, fmt.Errorf("session: make sealing key: %w", err)
	}
	return ringKey{ID: id, Secret: random.GetRandomBytes(secretLength)}, nil
}

func serialise(manager *keyset.Manager, keys []ringKey, primary uint32) ([]byte, error) {
	if err := manager.SetPrimary(primary); err != nil {
		return nil, fmt.Errorf("session: make key ring: %w", err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("session: make key ring: %w", err)
	}
	var set bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&set)); err != nil {
		return nil, fmt.Errorf("session: write key ring: %w", err)
	}
	serialised, err := json.Marshal(ring{Version: ringVersion, Keys: keys, Keyset: set.Bytes()})
	if err != nil {
		return nil, fmt.Errorf("session: write key ring: %w", err)
	}
	return serialised, nil
}

// parseRing reads a ring and holds it against its contract. No error tells any
// of the ring's bytes.
func parseRing(serialised []byte) (*ring, *keyset.Handle, error) {
	var r ring
	decoder := json.NewDecoder(bytes.NewReader(serialised))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return nil, nil, fmt.Errorf("%w: it is not the JSON that NewKeys writes", ErrRing)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%w: something follows the ring", ErrRing)
	}
	if r.Version != ringVersion {
		return nil, nil, fmt.Errorf("%w: its version is %d, and this program reads version %d", ErrRing, r.Version, ringVersion)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(r.Keyset)))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: its keyset is damaged", ErrRing)
	}
	if err := r.check(handle.KeysetInfo()); err != nil {
		return nil, nil, err
	}
	return &r, handle, nil
}

// check asks that list and keyset name the same keys, all of the one kind that
// NewKeys makes, and that the primary is the last but one.
func (r *ring) check(info *tinkpb.KeysetInfo) error {
	if len(r.Keys) < 2 || len(r.Keys) != len(info.GetKeyInfo()) {
		return fmt.Errorf("%w: it lists %d keys and its keyset holds %d", ErrRing, len(r.Keys), len(info.GetKeyInfo()))
	}
	if r.Keys[len(r.Keys)-2].ID != info.GetPrimaryKeyId() {
		return fmt.Errorf("%w: its primary key is not the last but one", ErrRing)
	}
	listed := make(map[uint32]bool, len(r.Keys))
	for _, key := range r.Keys {
		if len(key.Secret) != secretLength {
			return fmt.Errorf("%w: the secret of key %d is not %d bytes", ErrRing, key.ID, secretLength)
		}
		listed[key.ID] = true
	}
	for _, key := range info.GetKeyInfo() {
		switch {
		case !listed[key.GetKeyId()]:
			return fmt.Errorf("%w: key %d has no secret, or is there twice", ErrRing, key.GetKeyId())
		case key.GetTypeUrl() != xaesTypeURL || key.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK:
			return fmt.Errorf("%w: key %d is not an XAES-256-GCM key with Tink's prefix", ErrRing, key.GetKeyId())
		case key.GetStatus() != tinkpb.KeyStatusType_ENABLED:
			return fmt.Errorf("%w: key %d is not enabled", ErrRing, key.GetKeyId())
		}
		delete(listed, key.GetKeyId())
	}
	return nil
}

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
