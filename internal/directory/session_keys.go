package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// Sealer seals under the master key. masterkey.Key is one.
type Sealer interface {
	Seal(plain, associated []byte) ([]byte, error)
}

// sessionKeysAssociated is the associated data under which the ring is sealed.
var sessionKeysAssociated = []byte(store.KindSessionKeys)

// SessionKeys is the ring that seals and opens sessions, nil where the store
// has none: a nil ring mints and opens nothing. A request opens and mints with
// the ring of the snapshot that it decides on.
func (s *Snapshot) SessionKeys() *session.Keys { return s.sessionKeys }

// applySessionKeys follows the ring. One that does not open is an error, as an
// access key is: the node would refuse every session.
func (d *Directory) applySessionKeys(s *Snapshot, r *store.Record) error {
	if r.ID != store.SessionKeysID() {
		return fmt.Errorf("directory: the store holds session keys under %v, and this version knows one ring only; start the version that wrote it", r.ID)
	}
	if r.Deleted {
		s.sessionKeys = nil
		return nil
	}
	ring, err := d.openRing(r.Document)
	if err != nil {
		return err
	}
	keys, err := session.ParseKeys(ring)
	if err != nil {
		return fmt.Errorf("directory: session keys: %w", err)
	}
	s.sessionKeys = keys
	return nil
}

// openRing gives the serialised ring of a record's document.
func (d *Directory) openRing(document []byte) ([]byte, error) {
	var record store.SessionKeys
	if err := store.Decode(document, &record); err != nil {
		return nil, fmt.Errorf("directory: session keys: %w", err)
	}
	ring, err := d.opener.Open(record.Sealed, sessionKeysAssociated)
	if err != nil {
		return nil, fmt.Errorf("directory: the session keys do not open under this master key; start with the key file that belongs to this store: %w", err)
	}
	return ring, nil
}

// RotateSessionKeys rotates the ring if its primary key has sealed for
// olderThan or longer; 0 rotates it in any case. No session ends by it. Every
// node may call it as often as it likes: the age is asked again inside the
// transaction, so that of many that find the ring old, one rotates it.
//
// sealer is the master key that the directory was opened with. Two rotations
// should not follow each other faster than nodes follow the store; see
// session.RotateKeys.
func (d *Directory) RotateSessionKeys(ctx context.Context, sealer Sealer, olderThan time.Duration, now time.Time) (rotated bool, err error) {
	if keys := d.Snapshot().SessionKeys(); keys != nil && now.Sub(keys.RotatedAt()) < olderThan {
		return false, nil // no transaction to find that out
	}
	err = d.Update(ctx, func(tx store.Tx) error {
		record, err := tx.Get(store.SessionKeysID())
		if err != nil {
			return fmt.Errorf("directory: rotate session keys: %w", err)
		}
		ring, err := d.openRing(record.Document)
		if err != nil {
			return err
		}
		keys, err := session.ParseKeys(ring)
		if err != nil {
			return fmt.Errorf("directory: rotate session keys: %w", err)
		}
		if now.Sub(keys.RotatedAt()) < olderThan {
			return nil // another node was quicker
		}
		if ring, err = session.RotateKeys(ring, now); err != nil {
			return fmt.Errorf("directory: rotate session keys: %w", err)
		}
		sealed, err := sealer.Seal(ring, sessionKeysAssociated)
		if err != nil {
			return fmt.Errorf("directory: rotate session keys: %w", err)
		}
		rotated = true
		return store.PutRecord(tx, store.SessionKeysID(), store.SessionKeys{Sealed: sealed})
	})
	return rotated && err == nil, err
}
