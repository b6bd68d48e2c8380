package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/subtle/random"
)

const (
	ringVersion      = 2 // what is written; 1, without times, is still read
	firstRingVersion = 1
	secretLength     = 32 // bytes, as long as what HMAC-SHA256 gives (RFC 2104, section 3)
	xaesTypeURL      = "type.googleapis.com/google.crypto.tink.XAesGcmKey"

	// MaxRingKeys bounds a ring, which every node reads whole. It is enough for
	// a rotation every 36 minutes, for ever.
	MaxRingKeys = 64
	// keepEarlier is how long a key stays after it was replaced: as long as the
	// longest session that it can have sealed, and an hour for nodes that had not
	// yet seen the new primary, and for clocks that differ.
	keepEarlier = MaxDuration + time.Hour
)

var (
	// ErrRing says that a serialised key ring cannot be used: damaged, of an
	// unknown version, or holding keys of another kind. The message says which.
	ErrRing = errors.New("session: key ring cannot be used")
	// ErrRingFull says that a ring can take no further key before the sessions
	// of its earlier ones are over.
	ErrRingFull = fmt.Errorf("session: the key ring holds %d keys, the most it can; it can be rotated again once a key was replaced %v ago and its sessions are over", MaxRingKeys, keepEarlier)
)

// ring is a key ring as it is serialised. Keys stand from oldest to newest: any
// number of earlier ones, the primary, and exactly one next, which every node
// knows before any node seals with it.
type ring struct {
	Version int       `json:"version"`
	Rotated int64     `json:"rotated,omitempty"` // since when the primary seals, seconds since 1970; not in version 1
	Keys    []ringKey `json:"keys"`
	Keyset  []byte    `json:"keyset"` // Tink keyset, binary
}

type ringKey struct {
	ID       uint32 `json:"id"`                 // of the keyset's key
	Secret   []byte `json:"secret"`             // from which secret access keys are derived
	Replaced int64  `json:"replaced,omitempty"` // earlier keys: when the next took over, seconds since 1970; not in version 1
}

// NewKeys makes a fresh ring, serialised. It holds key material in clear: seal
// it under the master key before it is stored.
func NewKeys(now time.Time) ([]byte, error) {
	if now.Unix() <= 0 {
		return nil, errBefore1970
	}
	manager := keyset.NewManager()
	var keys []ringKey
	for range 2 { // the primary and the next
		key, err := addKey(manager)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return serialise(manager, &ring{Rotated: now.Unix(), Keys: keys})
}

// errBefore1970 refuses a time that was not set.
var errBefore1970 = errors.New("session: key ring: the time is not after 1970")

// RotateKeys gives the ring that follows: the next key becomes primary, the
// primary stays to open what it sealed, and a fresh next is added. An earlier key
// goes once it was replaced so long ago that its last session is over. So it may
// be called at any time, without ending a session; ErrRingFull bounds how often.
//
// Let every node read the ring before it is rotated again: a node that has seen
// neither of two rotations does not open what the second's primary seals.
func RotateKeys(serialised []byte, now time.Time) ([]byte, error) {
	r, handle, err := parseRing(serialised)
	if err != nil {
		return nil, err
	}
	if now.Unix() <= 0 {
		return nil, errBefore1970
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := manager.SetPrimary(r.Keys[len(r.Keys)-1].ID); err != nil {
		return nil, fmt.Errorf("session: rotate key ring: %w", err)
	}
	var kept []ringKey
	for i, key := range r.Keys {
		// An earlier key of version 1 was replaced nobody knows when.
		if i < len(r.Keys)-1 && key.Replaced == 0 {
			key.Replaced = now.Unix()
		}
		if key.Replaced != 0 && now.Sub(time.Unix(key.Replaced, 0)) >= keepEarlier {
			if err := manager.Delete(key.ID); err != nil {
				return nil, fmt.Errorf("session: rotate key ring: %w", err)
			}
			continue
		}
		kept = append(kept, key)
	}
	if len(kept) >= MaxRingKeys {
		return nil, ErrRingFull
	}
	fresh, err := addKey(manager)
	if err != nil {
		return nil, err
	}
	return serialise(manager, &ring{Rotated: now.Unix(), Keys: append(kept, fresh)})
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

// serialise writes r with the keyset of manager, whose primary is the last key
// but one.
func serialise(manager *keyset.Manager, r *ring) ([]byte, error) {
	if err := manager.SetPrimary(r.Keys[len(r.Keys)-2].ID); err != nil {
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
	r.Version, r.Keyset = ringVersion, set.Bytes()
	serialised, err := json.Marshal(r)
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
	if r.Version < firstRingVersion || r.Version > ringVersion {
		return nil, nil, fmt.Errorf("%w: its version is %d, and this program reads versions %d to %d", ErrRing, r.Version, firstRingVersion, ringVersion)
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
	if len(r.Keys) > MaxRingKeys {
		return fmt.Errorf("%w: it lists %d keys, more than %d", ErrRing, len(r.Keys), MaxRingKeys)
	}
	if len(r.Keys) < 2 || len(r.Keys) != len(info.GetKeyInfo()) {
		return fmt.Errorf("%w: it lists %d keys and its keyset holds %d", ErrRing, len(r.Keys), len(info.GetKeyInfo()))
	}
	if r.Keys[len(r.Keys)-2].ID != info.GetPrimaryKeyId() {
		return fmt.Errorf("%w: its primary key is not the last but one", ErrRing)
	}
	if err := r.checkTimes(); err != nil {
		return err
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

// checkTimes asks that exactly what has a time says one: a key without would be
// kept for ever, or be gone at once.
func (r *ring) checkTimes() error {
	timed := r.Version > firstRingVersion
	if timed != (r.Rotated > 0) || r.Rotated < 0 || r.Rotated > latestTime {
		return fmt.Errorf("%w: the time of its last rotation is %d", ErrRing, r.Rotated)
	}
	for i, key := range r.Keys {
		earlier := i < len(r.Keys)-2
		if (timed && earlier) != (key.Replaced > 0) || key.Replaced < 0 || key.Replaced > latestTime {
			return fmt.Errorf("%w: the time at which key %d was replaced is %d", ErrRing, key.ID, key.Replaced)
		}
	}
	return nil
}
