package store

import (
	"strings"
	"time"
)

// Secret is a secret of AWS Secrets Manager without its values, which are records
// of their own: this one is in the memory of every node, those are not.
type Secret struct {
	Account string `json:"account"` // the owner
	Region  string `json:"region"`
	Name    string `json:"name"`
	// ID is of this secret and no other, so that what belongs to one of the same
	// name that was deleted is not taken for its own.
	ID          string `json:"id"`
	Suffix      string `json:"suffix"` // the six characters at the end of the ARN
	Description string `json:"description,omitempty"`
	Tags        []Tag  `json:"tags,omitempty"`
	Policy      string `json:"policy,omitempty"` // the resource policy, the bytes as submitted; "" for none
	// Principals are the users and roles that the policy names, as Role.Principals.
	Principals map[string]string `json:"principals,omitempty"`
	Versions   []SecretVersion   `json:"versions,omitempty"` // the oldest first
	Created    time.Time         `json:"created"`
	Changed    time.Time         `json:"changed"`
	Accessed   time.Time         `json:"accessed,omitzero"` // the day on which a value was last read, UTC
	// Deleted is when the secret will be deleted, zero where it will not.
	Deleted time.Time `json:"deleted,omitzero"`
}

// SecretVersion is one version of a secret.
type SecretVersion struct {
	ID       string    `json:"id"`               // 32 to 64 characters
	Stages   []string  `json:"stages,omitempty"` // staging labels
	Created  time.Time `json:"created"`
	Accessed time.Time `json:"accessed,omitzero"` // as Secret.Accessed
}

// SecretValue is what a version holds, sealed under the master key with what
// SecretAssociated gives.
type SecretValue struct {
	Sealed []byte `json:"sealed"`
}

// SecretID names the record of a secret.
func SecretID(account, region, name string) ID {
	return ID{Kind: KindSecret, Account: account, Key: region + "/" + name}
}

// SecretValueID names the record of the value of a version; id is the secret's ID.
func SecretValueID(account, id, version string) ID {
	return ID{Kind: KindSecretValue, Account: account, Key: id + "/" + version}
}

// SecretAssociated is the associated data of a sealed value: it names account,
// secret and version, so that no value can stand in the place of another.
func SecretAssociated(account, id, version string) []byte {
	return []byte(string(KindSecretValue) + "\x00" + account + "\x00" + id + "\x00" + version)
}

// secretAssociated is the associated data of the value that id names.
func secretAssociated(id ID) []byte {
	secret, version, _ := strings.Cut(id.Key, "/")
	return SecretAssociated(id.Account, secret, version)
}
