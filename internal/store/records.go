package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// The kinds of records. Each has one Go type below and one function that gives
// its ID.
const (
	KindAccount      Kind = "account"
	KindOIDCProvider Kind = "oidc-provider"
	KindRole         Kind = "role"
	KindPolicy       Kind = "policy"
	KindUser         Kind = "user"
	KindGroup        Kind = "group"
	KindProfile      Kind = "instance-profile"
	KindAlias        Kind = "account-alias"
	KindLastUse      Kind = "last-use"
	KindBucket       Kind = "bucket"
	KindAccessKey    Kind = "access-key"
	KindSessionKeys  Kind = "session-keys"
	KindOutbound     Kind = "outbound-federation"
	KindRevocation   Kind = "revocation"
	KindSecret       Kind = "secret"
	KindSecretValue  Kind = "secret-value"
	KindRecordEnd    Kind = "record-end"
	KindMasterKey    Kind = "master-key"
	KindNode         Kind = "node"
	KindACME         Kind = "acme"
)

// Account is one AWS account that lives in this Daypass.
type Account struct {
	Account string `json:"account"` // 12 digits
	// Alias is the name that the account has in the address of AWS's console, ""
	// for none. The record of the alias keeps it from other accounts.
	Alias   string    `json:"alias,omitempty"`
	Created time.Time `json:"created"`
}

// SessionKeys is the key ring of role sessions, sealed under the master key.
// It belongs to the installation: its record has no account.
type SessionKeys struct {
	Sealed []byte `json:"sealed"`
}

// RecordEnd is how far a record of events had come when a node last said so. It
// stands where who can write that node's files perhaps cannot, and belongs to the
// installation: its record has no account.
type RecordEnd struct {
	Host string    `json:"host"` // the node's name
	Path string    `json:"path"` // of the record's live file there
	Head string    `json:"head"` // audit.Head
	Time time.Time `json:"time"`
}

// Outbound is an account's outbound web identity federation. It is there from
// the first time that it was enabled: issuer and keys stay while it is disabled,
// for tokens that were issued before are verified until they expire.
type Outbound struct {
	Account  string       `json:"account"`
	IssuerID string       `json:"issuerId"` // a UUID, part of the issuer's URL
	Enabled  bool         `json:"enabled"`
	Keys     []SigningKey `json:"keys"` // the newest of an algorithm last
	Created  time.Time    `json:"created"`
}

// SigningKey is a private key, PKCS #8, sealed under the master key with what
// Outbound.Associated gives.
type SigningKey struct {
	ID        string    `json:"id"` // kid
	Algorithm string    `json:"algorithm"`
	Sealed    []byte    `json:"sealed"`
	Created   time.Time `json:"created"`
	// Next says that the key is published and does not sign yet.
	Next bool `json:"next,omitempty"`
	// Signs is since when it signs; zero is since Created, and of a next one never.
	Signs time.Time `json:"signs,omitzero"`
	// Replaced is since when another signs in its place; zero for the one that signs.
	Replaced time.Time `json:"replaced,omitzero"`
}

// Associated is the associated data of a sealed key: it names the record and the
// key, so that no account's key can stand in another's record.
func (o *Outbound) Associated(key *SigningKey) []byte {
	return []byte(string(KindOutbound) + "/" + o.Account + "/" + o.IssuerID + "/" + key.ID + "/" + key.Algorithm)
}

// RevocationID names the record of a revocation.
func RevocationID(account, id string) ID {
	return ID{Kind: KindRevocation, Account: account, Key: id}
}

// AccountID names the record of an account.
func AccountID(account string) ID { return ID{Kind: KindAccount, Account: account, Key: account} }

// SessionKeysID names the one record of the session key ring.
func SessionKeysID() ID { return ID{Kind: KindSessionKeys, Key: "ring"} }

// OutboundID names the record of an account's outbound federation.
func OutboundID(account string) ID { return ID{Kind: KindOutbound, Account: account, Key: account} }

// RecordEndID names the record of the end of a node's events.
func RecordEndID(host, path string) ID {
	name := sha256.Sum256([]byte(host + "\x00" + path))
	return ID{Kind: KindRecordEnd, Key: hex.EncodeToString(name[:])}
}

// Encode gives the document of a typed record.
func Encode(record any) ([]byte, error) {
	b, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("store: encode %T: %w", record, err)
	}
	return b, nil
}

// Decode reads a document into a typed record. A member that the type does not
// have is an error: it was written by a newer version, and writing the record
// back would lose it.
func Decode(document []byte, record any) error {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	if err := d.Decode(record); err != nil {
		return fmt.Errorf("store: decode %T: %w", record, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("store: decode %T: there is more after its document", record)
	}
	return nil
}

// GetRecord reads and decodes one record inside a transaction. ErrNotFound
// comes through unchanged.
func GetRecord[T any](tx Tx, id ID) (T, error) {
	var record T
	r, err := tx.Get(id)
	if err != nil {
		return record, err
	}
	return record, Decode(r.Document, &record)
}

// PutRecord encodes and writes one record inside a transaction.
func PutRecord(tx Tx, id ID, record any) error {
	document, err := Encode(record)
	if err != nil {
		return err
	}
	return tx.Put(id, document)
}
