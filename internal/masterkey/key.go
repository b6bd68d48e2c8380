package masterkey

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Key seals and opens secrets. It is safe for concurrent use, also while its keys
// change. The zero Key does neither.
type Key struct {
	source Source

	changing sync.Mutex // held while held is replaced
	held     atomic.Pointer[held]
}

// held is a key set as it was read. It is immutable.
type held struct {
	text    []byte // as read
	handle  *keyset.Handle
	ids     []uint32 // in the set's order, the oldest first
	primary uint32
	seal    tink.AEAD
}

// String hides the key.
func (k *Key) String() string { return "master key" }

// GoString hides the key.
func (k *Key) GoString() string { return "master key" }

// Source names where the key set comes from.
func (k *Key) Source() Source { return k.source }

// parse makes of a text the keys that are held. primary is the key that seals; 0
// is the one that the text names.
func (k *Key) parse(text []byte, primary uint32) (*held, error) {
	handle, err := parse(text, k.source.KMS)
	if err != nil {
		next := restore
		if errors.Is(err, ErrKMS) {
			next = "see that the KMS is the one that encrypted it, that it can be reached, and that this machine may use its key"
		}
		return nil, k.source.fault(next, err)
	}
	h, err := hold(handle, primary)
	if err != nil {
		return nil, k.source.fault(restore, err)
	}
	h.text = text
	return h, nil
}

// hold makes a key of the set the one that seals.
func hold(handle *keyset.Handle, primary uint32) (*held, error) {
	h := &held{primary: handle.KeysetInfo().GetPrimaryKeyId()}
	for _, key := range handle.KeysetInfo().GetKeyInfo() {
		h.ids = append(h.ids, key.GetKeyId())
	}
	if primary != 0 && primary != h.primary {
		if !slices.Contains(h.ids, primary) {
			return nil, fmt.Errorf("%w: %s", ErrUnknownKey, FormatID(primary))
		}
		manager := keyset.NewManagerFromHandle(handle)
		if err := manager.SetPrimary(primary); err != nil {
			return nil, fmt.Errorf("masterkey: %w", err)
		}
		var err error
		if handle, err = manager.Handle(); err != nil {
			return nil, fmt.Errorf("masterkey: %w", err)
		}
		h.primary = primary
	}
	h.handle = handle
	var err error
	if h.seal, err = aead.New(handle); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return h, nil
}

// IDs gives the ids of the keys that are held, the oldest first. They are no
// secret: each sealed value begins with the one that sealed it.
func (k *Key) IDs() []uint32 {
	if h := k.load(); h != nil {
		return slices.Clone(h.ids)
	}
	return nil
}

// Has reports whether the key of that id is held.
func (k *Key) Has(id uint32) bool {
	h := k.load()
	return h != nil && slices.Contains(h.ids, id)
}

// Primary is the id of the key that seals, 0 for the zero Key.
func (k *Key) Primary() uint32 {
	if h := k.load(); h != nil {
		return h.primary
	}
	return 0
}

func (k *Key) load() *held {
	if k == nil {
		return nil
	}
	return k.held.Load()
}

var errNoKey = errors.New("masterkey: no key: use Load or Create")

// SealWith makes the key of that id the one that seals. The file is not changed:
// which key seals is told to all nodes by their store. ErrUnknownKey where it is
// not held.
func (k *Key) SealWith(id uint32) error {
	k.changing.Lock()
	defer k.changing.Unlock()
	before := k.load()
	switch {
	case before == nil:
		return errNoKey
	case before.primary == id:
		return nil
	}
	h, err := hold(before.handle, id)
	if err != nil {
		return err
	}
	h.text = before.text
	k.held.Store(h)
	return nil
}

// Add makes a further key and writes it to the file: it opens, and does not seal
// before SealWith says so. ErrFixed where the source cannot be written. Of two
// processes that change a file at once, one would undo what the other did; a
// caller changes it within a transaction of the store that they share.
func (k *Key) Add() (id uint32, err error) {
	err = k.change(func(manager *keyset.Manager, h *held) error {
		if len(h.ids) >= MaxKeys {
			return fmt.Errorf("masterkey: the key set holds %d keys, the most it can", MaxKeys)
		}
		id, err = manager.Add(aead.XAES256GCM192BitNonceKeyTemplate())
		return err
	})
	return id, err
}

// Drop takes keys out of the file. What they sealed does not open any more. The
// key that seals is not dropped, and one that is not held is dropped already. See
// Add of two processes.
func (k *Key) Drop(ids ...uint32) error {
	if !slices.ContainsFunc(ids, k.Has) {
		return nil
	}
	return k.change(func(manager *keyset.Manager, h *held) error {
		for _, id := range ids {
			if !slices.Contains(h.ids, id) {
				continue
			}
			if err := manager.Delete(id); err != nil { // also of the key that seals
				return fmt.Errorf("masterkey: drop key %s: %w", FormatID(id), err)
			}
		}
		return nil
	})
}

// change writes the file anew. It begins with what the file holds now.
func (k *Key) change(f func(*keyset.Manager, *held) error) error {
	k.changing.Lock()
	defer k.changing.Unlock()
	before := k.load()
	if before == nil {
		return errNoKey
	}
	if !k.source.Writable() {
		return k.source.fault("put the new key set there by the means that put the old one there", ErrFixed)
	}
	text, err := k.source.read()
	if err != nil {
		return err
	}
	h, err := k.parse(text, before.primary)
	if err != nil {
		return err
	}
	manager := keyset.NewManagerFromHandle(h.handle)
	if err := f(manager, h); err != nil {
		return err
	}
	handle, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("masterkey: %w", err)
	}
	if text, err = printed(handle, k.source.KMS); err != nil {
		return err
	}
	if h, err = hold(handle, before.primary); err != nil {
		return err
	}
	if err := k.source.write(text); err != nil {
		return err
	}
	h.text = text
	k.held.Store(h)
	return nil
}

// Extended is the text of the key set with one key more, for sources that cannot
// be written. It is a secret, unless a KMS encrypts it.
func (k *Key) Extended() (text []byte, id uint32, err error) {
	h := k.load()
	if h == nil {
		return nil, 0, errNoKey
	}
	manager := keyset.NewManagerFromHandle(h.handle)
	if id, err = manager.Add(aead.XAES256GCM192BitNonceKeyTemplate()); err != nil {
		return nil, 0, fmt.Errorf("masterkey: %w", err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, 0, fmt.Errorf("masterkey: %w", err)
	}
	text, err = printed(handle, k.source.KMS)
	return text, id, err
}

// prefixLength is that of Tink's prefix: the byte 1, and the key's id in four
// (Tink wire format, "TINK" output prefix).
const prefixLength = 5

// SealedBy gives the id of the key that a sealed value says it was sealed by. It
// is false for what no key of ours sealed.
func SealedBy(sealed []byte) (id uint32, ok bool) {
	if len(sealed) < prefixLength || sealed[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:prefixLength]), true
}

// FormatID writes a key's id as people see it: eight hexadecimal digits.
func FormatID(id uint32) string { return fmt.Sprintf("%08x", id) }

// Seal encrypts plain. Open gives it back only with equal associated data,
// which is not part of the result and need not be secret.
func (k *Key) Seal(plain, associated []byte) ([]byte, error) {
	h := k.load()
	if h == nil {
		return nil, errNoKey
	}
	sealed, err := h.seal.Encrypt(plain, associated)
	if err != nil {
		return nil, fmt.Errorf("masterkey: seal: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal made with the same associated data. The only error is
// ErrOpen.
func (k *Key) Open(sealed, associated []byte) ([]byte, error) {
	h := k.load()
	if h == nil {
		return nil, ErrOpen
	}
	plain, err := h.seal.Decrypt(sealed, associated)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}
