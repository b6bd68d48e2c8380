package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// MasterKey says which key of the master key's set seals, for all nodes of the
// store, and how far a rotation has come. It holds nothing of a key: ids are no
// secret. It belongs to the installation: its record has no account.
type MasterKey struct {
	Primary uint32    `json:"primary"` // seals
	Since   time.Time `json:"since"`   // since when
	// Check is sealed under Primary with MasterKeyAssociated: a node whose key set
	// does not open it has another key.
	Check []byte `json:"check"`
	// Next is to seal once every node holds it, 0 for none.
	Next      uint32    `json:"next,omitempty"`
	Announced time.Time `json:"announced,omitzero"` // since when it is next
	// Earlier are those under which records may still lie. They are needed.
	Earlier []EarlierMasterKey `json:"earlier,omitempty"`
	// Retired are those under which nothing lies any more, the newest last: nodes
	// drop them from their files. The oldest are forgotten.
	Retired []uint32 `json:"retired,omitempty"`
}

// MaxRetired is how many retired keys a MasterKey remembers.
const MaxRetired = 32

// EarlierMasterKey is a key that sealed once.
type EarlierMasterKey struct {
	ID       uint32    `json:"id"`
	Since    time.Time `json:"since"`
	Replaced time.Time `json:"replaced"`
}

// MasterKeyAssociated is the associated data of MasterKey.Check.
var MasterKeyAssociated = []byte(KindMasterKey)

// MasterKeyID names the one record of the master key.
func MasterKeyID() ID { return ID{Kind: KindMasterKey, Key: "set"} }

// Node is a server that runs on the store, as it last said. It belongs to the
// installation: its record has no account.
type Node struct {
	Host  string    `json:"host"`
	Path  string    `json:"path"`  // of its data directory
	Heard time.Time `json:"heard"` // when it said this
	// Holds are the keys of the master key's set that it has, and Seals the one by
	// which it seals.
	Holds []uint32 `json:"holds"`
	Seals uint32   `json:"seals"`
	// Schedules are how old keys become on this node before they are rotated, by
	// ring; a ring that is missing is rotated by command only.
	Schedules map[string]time.Duration `json:"schedules,omitempty"`
}

// NodeID names the record of a node.
func NodeID(host, path string) ID {
	name := sha256.Sum256([]byte(host + "\x00" + path))
	return ID{Kind: KindNode, Key: hex.EncodeToString(name[:])}
}

// ACMEValue is something that the nodes need to get certificates by ACME (RFC 8555): the
// account's key, a certificate with its key, the proof that a name is theirs. It belongs
// to the installation: its record has no account.
type ACMEValue struct {
	Sealed []byte `json:"sealed"` // with Associated
}

// ACMEValueID names the record of a value, as who gets the certificates names it.
func ACMEValueID(name string) ID { return ID{Kind: KindACME, Key: name} }

// Associated is the associated data with which the value of a name is sealed.
func (*ACMEValue) Associated(name string) []byte { return []byte(string(KindACME) + "/" + name) }

// Reseal gives the document with each sealed value in it replaced by what f makes
// of it, and says whether any was. f gets the value and the associated data with
// which it was sealed; it returns nil to leave the value as it is. Of a kind
// without sealed values it is the document as it was.
func Reseal(id ID, document []byte, f func(sealed, associated []byte) ([]byte, error)) (changed []byte, did bool, err error) {
	replace := func(value *[]byte, associated []byte) {
		if err != nil {
			return
		}
		var fresh []byte
		if fresh, err = f(*value, associated); err == nil && fresh != nil {
			*value, did = fresh, true
		}
	}
	record := sealedRecords[id.Kind]
	if record == nil {
		return document, false, nil
	}
	r := record()
	if err := Decode(document, r); err != nil {
		return nil, false, err
	}
	switch r := r.(type) {
	case *AccessKey:
		replace(&r.SealedSecret, []byte(r.ID))
	case *SessionKeys:
		replace(&r.Sealed, []byte(KindSessionKeys))
	case *SecretValue:
		replace(&r.Sealed, secretAssociated(id))
	case *ACMEValue:
		replace(&r.Sealed, r.Associated(id.Key))
	case *Outbound:
		for i := range r.Keys {
			replace(&r.Keys[i].Sealed, r.Associated(&r.Keys[i]))
		}
	default:
		return nil, false, fmt.Errorf("store: %T has sealed values that nobody knows how to seal anew", r)
	}
	if err != nil || !did {
		return document, false, err
	}
	changed, err = Encode(r)
	return changed, err == nil, err
}

// sealedRecords are the kinds of records that have values sealed under the master
// key. A test looks for fields that are sealed and missing here.
var sealedRecords = map[Kind]func() any{
	KindAccessKey:   func() any { return new(AccessKey) },
	KindSessionKeys: func() any { return new(SessionKeys) },
	KindSecretValue: func() any { return new(SecretValue) },
	KindOutbound:    func() any { return new(Outbound) },
	KindACME:        func() any { return new(ACMEValue) },
}
