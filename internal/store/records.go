package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
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
	KindAccessKey    Kind = "access-key"
	KindSessionKeys  Kind = "session-keys"
	KindOutbound     Kind = "outbound-federation"
	KindRevocation   Kind = "revocation"
)

// Account is one AWS account that lives in this Daypass.
type Account struct {
	Account string    `json:"account"` // 12 digits
	Created time.Time `json:"created"`
}

// OIDCProvider is an IAM OpenID Connect provider.
type OIDCProvider struct {
	Account     string    `json:"account"`
	URL         string    `json:"url"`         // without scheme; case and trailing slash are significant
	ClientIDs   []string  `json:"clientIds"`   // audiences, in the order given
	Thumbprints []string  `json:"thumbprints"` // SHA-1, lower-case hex, in the order given
	Created     time.Time `json:"created"`
}

// Role is an IAM role with everything that only this role has.
type Role struct {
	Account            string         `json:"account"`
	Name               string         `json:"name"`
	Path               string         `json:"path"`
	ID                 string         `json:"id"` // AROA…; another one when a role is made again under its old name
	Description        *string        `json:"description,omitempty"`
	MaxSessionDuration int            `json:"maxSessionDuration"` // seconds
	TrustPolicy        string         `json:"trustPolicy"`        // the bytes as submitted
	InlinePolicies     []InlinePolicy `json:"inlinePolicies,omitempty"`
	AttachedPolicies   []string       `json:"attachedPolicies,omitempty"` // ARNs, in order of attachment
	Created            time.Time      `json:"created"`
}

// User is an IAM user.
type User struct {
	Account        string         `json:"account"`
	Name           string         `json:"name"`
	Path           string         `json:"path"`
	ID             string         `json:"id"` // AIDA…
	InlinePolicies []InlinePolicy `json:"inlinePolicies,omitempty"`
	Created        time.Time      `json:"created"`
}

// InlinePolicy is a policy embedded in a role or user.
type InlinePolicy struct {
	Name     string `json:"name"`
	Document string `json:"document"` // the bytes as submitted
}

// Policy is a customer managed policy.
type Policy struct {
	Account         string          `json:"account"`
	Name            string          `json:"name"`
	Path            string          `json:"path"`
	ID              string          `json:"id"` // ANPA…
	Description     string          `json:"description,omitempty"`
	DefaultVersion  string          `json:"defaultVersion"` // "v1"
	Versions        []PolicyVersion `json:"versions"`
	AttachmentCount int             `json:"attachmentCount"` // roles that name it; kept by the writes that attach and detach
	Created         time.Time       `json:"created"`
	Updated         time.Time       `json:"updated"`
}

// PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	ID       string    `json:"id"`
	Document string    `json:"document"` // the bytes as submitted
	Created  time.Time `json:"created"`
}

// AccessKey is a user's long-lived key. Its secret is sealed under the master
// key, with the access key id as associated data.
type AccessKey struct {
	Account      string    `json:"account"`
	ID           string    `json:"id"` // AKIA…
	UserName     string    `json:"userName"`
	SealedSecret []byte    `json:"sealedSecret"`
	Active       bool      `json:"active"`
	Created      time.Time `json:"created"`
}

// SessionKeys is the key ring of role sessions, sealed under the master key.
// It belongs to the installation: its record has no account.
type SessionKeys struct {
	Sealed []byte `json:"sealed"`
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

// OIDCProviderID names the record of a provider by its url without scheme.
func OIDCProviderID(account, url string) ID {
	return ID{Kind: KindOIDCProvider, Account: account, Key: url}
}

// RoleID names the record of a role. Names of IAM entities are unique without
// regard to case, and looked up so (recorded on AWS).
func RoleID(account, name string) ID {
	return ID{Kind: KindRole, Account: account, Key: strings.ToLower(name)}
}

// PolicyID names the record of a managed policy; the path is not part of it.
func PolicyID(account, name string) ID {
	return ID{Kind: KindPolicy, Account: account, Key: strings.ToLower(name)}
}

// UserID names the record of a user.
func UserID(account, name string) ID {
	return ID{Kind: KindUser, Account: account, Key: strings.ToLower(name)}
}

// AccessKeyID names the record of an access key.
func AccessKeyID(account, id string) ID {
	return ID{Kind: KindAccessKey, Account: account, Key: id}
}

// SessionKeysID names the one record of the session key ring.
func SessionKeysID() ID { return ID{Kind: KindSessionKeys, Key: "ring"} }

// OutboundID names the record of an account's outbound federation.
func OutboundID(account string) ID { return ID{Kind: KindOutbound, Account: account, Key: account} }

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
