package backup

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Recipient is somebody for whom a backup is encrypted.
type Recipient = age.Recipient

// Identity is who opens it.
type Identity = age.Identity

// Recipients are those of public keys as age-keygen prints them: age1….
func Recipients(keys []string) ([]Recipient, error) {
	var all []Recipient
	for _, key := range keys {
		r, err := age.ParseRecipients(strings.NewReader(key))
		if err != nil || len(r) != 1 {
			return nil, fmt.Errorf("backup: %.80q is no recipient of age, which begins with age1; age-keygen prints one", key)
		}
		all = append(all, r...)
	}
	return all, nil
}

// Identities reads a file of identities, as age-keygen writes it. No error has any of it.
func Identities(file io.Reader) ([]Identity, error) {
	all, err := age.ParseIdentities(io.LimitReader(file, maxText))
	if err != nil {
		return nil, errors.New("backup: it is no file of identities as age-keygen writes it, with lines that begin with AGE-SECRET-KEY-")
	}
	return all, nil
}

// Passphrase is both sides of a passphrase, without the line break at its end.
func Passphrase(text string) (Recipient, Identity, error) {
	text = strings.TrimRight(text, "\r\n")
	if len(text) < minPassphrase {
		return nil, nil, fmt.Errorf("backup: the passphrase has less than %d characters", minPassphrase)
	}
	r, err := age.NewScryptRecipient(text)
	if err != nil {
		return nil, nil, fmt.Errorf("backup: passphrase: %w", err)
	}
	i, err := age.NewScryptIdentity(text)
	if err != nil {
		return nil, nil, fmt.Errorf("backup: passphrase: %w", err)
	}
	return r, i, nil
}

// minPassphrase is what NIST SP 800-63B-4, section 3.1.1, asks of a password that stands
// alone.
const minPassphrase = 15

func encrypt(to io.Writer, recipients ...Recipient) (io.WriteCloser, error) {
	return age.Encrypt(to, recipients...)
}
