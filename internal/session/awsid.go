package session

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/daypass/daypass/internal/arn"
)

const (
	accessKeyIDLength = 20
	uniqueIDLength    = 21
	prefixOfID        = 4
	secretBytes       = 30 // 40 characters of base64

	// In the first six bytes of an access key id the top bit says that an
	// account follows, 40 bits are the account, and the last seven are free.
	accountFlag  = uint64(1) << 47
	accountShift = 7
	accountMask  = uint64(0x7fffffffff80)
	maxAccount   = 999999999999
)

// NewAccessKeyID draws an access key id: prefix "AKIA" for a long-lived key,
// "ASIA" for a session's, then 16 characters of base32 that tell the account as
// AWS's ids do, so that tools which read it off an id read it off ours. 39 bits
// are random: the store must refuse an AKIA id that is taken already. A session
// needs no such care, because its token is bound to more than the id.
//
// AWS does not document the layout. It is common knowledge among those who read
// AWS's ids (the account is the first six bytes & 0x7fffffffff80, shifted right by
// seven), and was not recorded anew for this program.
func NewAccessKeyID(prefix, account string, random io.Reader) (string, error) {
	if prefix != "AKIA" && prefix != "ASIA" {
		return "", fmt.Errorf("session: access key id: prefix %q is not AKIA or ASIA", prefix)
	}
	if !arn.ValidAccount(account) {
		return "", fmt.Errorf("session: access key id: account %q is not 12 digits", account)
	}
	// Eight bytes hold the six of the layout; the first two are cut off.
	var raw [2 + 10]byte
	if _, err := io.ReadFull(random, raw[2:]); err != nil {
		return "", fmt.Errorf("session: access key id: read random bytes: %w", err)
	}
	head := binary.BigEndian.Uint64(raw[:8]) &^ accountMask
	binary.BigEndian.PutUint64(raw[:8], head|accountFlag|accountNumber(account)<<accountShift)
	var id [accessKeyIDLength]byte
	copy(id[:], prefix)
	base32.StdEncoding.Encode(id[prefixOfID:], raw[2:])
	return string(id[:]), nil
}

// AccountOf reads the account off an access key id. ok is false for an id that
// carries none: another form, or one from before AWS's ids told the account.
// The account is a claim of whoever wrote the id; it proves nothing.
func AccountOf(accessKeyID string) (account string, ok bool) {
	number, ok := accountNumberOf(accessKeyID)
	if !ok {
		return "", false
	}
	return accountID(number), true
}

// OfAccount reports whether an access key id tells the given account, without
// the memory that AccountOf takes. The account must be 12 digits.
func OfAccount(accessKeyID, account string) bool {
	number, ok := accountNumberOf(accessKeyID)
	return ok && number == accountNumber(account)
}

func accountNumberOf(accessKeyID string) (uint64, bool) {
	if len(accessKeyID) != accessKeyIDLength {
		return 0, false
	}
	if prefix := accessKeyID[:prefixOfID]; prefix != "AKIA" && prefix != "ASIA" {
		return 0, false
	}
	var raw [2 + 10]byte
	// The decoder skips line breaks; it then gives fewer bytes than there are.
	n, err := base32.StdEncoding.WithPadding(base32.NoPadding).Decode(raw[2:], []byte(accessKeyID[prefixOfID:]))
	if err != nil || n != len(raw)-2 {
		return 0, false
	}
	head := binary.BigEndian.Uint64(raw[:8])
	if head&accountFlag == 0 {
		return 0, false
	}
	number := head & accountMask >> accountShift
	return number, number <= maxAccount
}

// NewUniqueID draws a unique id: a prefix that tells the kind of resource, such
// as AROA for a role, AIDA for a user, ANPA for a managed policy, then 17
// characters of A-Z2-7, which are 85 random bits. Source: IAM User Guide, "IAM
// identifiers", unique identifiers.
func NewUniqueID(prefix string, random io.Reader) (string, error) {
	if !validIDPrefix(prefix) {
		return "", fmt.Errorf("session: unique id: prefix %q is not four capital letters", prefix)
	}
	var raw [11]byte // 88 bits, of which 17 characters take 85
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("session: unique id: read random bytes: %w", err)
	}
	return prefix + base32.StdEncoding.EncodeToString(raw[:])[:uniqueIDLength-prefixOfID], nil
}

func validIDPrefix(prefix string) bool {
	if len(prefix) != prefixOfID {
		return false
	}
	for i := range len(prefix) {
		if prefix[i] < 'A' || prefix[i] > 'Z' {
			return false
		}
	}
	return true
}

// NewSecretAccessKey draws the secret of a long-lived access key: 40 characters
// of A-Za-z0-9+/ (IAM User Guide, "Manage access keys for IAM users"), which are
// 240 random bits.
func NewSecretAccessKey(random io.Reader) (string, error) {
	var raw [secretBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("session: secret access key: read random bytes: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw[:]), nil
}
