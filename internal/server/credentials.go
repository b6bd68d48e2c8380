package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/store"
)

// maxAccessKeys is AWS's quota of access keys of a user (IAM User Guide, "IAM and
// AWS STS quotas").
const maxAccessKeys = 2

// credentials is the key in the AWS credentials format.
func (k *newAccessKey) credentials(profile string) []byte {
	return []byte("[" + profile + "]\naws_access_key_id = " + k.record.ID + "\naws_secret_access_key = " + k.secret + "\n")
}

// Credentials says where the access key of an account's administrator is: in a
// file of the AWS credentials format, readable by its owner only.
type Credentials struct {
	Account string `json:"account"`
	File    string `json:"credentialsFile"`
	Profile string `json:"profile"`
	// Made says that the key and the file were made now.
	Made bool `json:"made"`
}

// credentialsPath is the file of an account that the first start did not make.
func credentialsPath(dataDir, account string) string {
	return filepath.Join(dataDir, credentialsFile+"-"+account)
}

// putWithCredentials carries out a transaction that makes an access key, and
// writes the key's file inside it, before it is committed: the other way about, a
// crash between the two would leave a key that nobody ever learns. If the key did
// not come to be in the end, its file is taken away again; if the process is
// killed before that, the file stays, and names a key that there is not.
func (d *data) putWithCredentials(ctx context.Context, key *newAccessKey, c *Credentials, put func(store.Tx) error) error {
	written := false
	_, err := d.store.Update(ctx, func(tx store.Tx) error {
		if err := put(tx); err != nil {
			return err
		}
		err := durable.Create(c.File, key.credentials(c.Profile), 0o600)
		written = err == nil
		if errors.Is(err, fs.ErrExist) {
			return credentialsInTheWayError{c.File}
		}
		return err
	})
	if err == nil || !written {
		return err
	}
	// The commit failed, and may have reached the disk all the same.
	_, found := d.store.Get(context.WithoutCancel(ctx), store.AccessKeyID(key.record.Account, key.record.ID))
	if errors.Is(found, store.ErrNotFound) {
		return errors.Join(err, os.Remove(c.File))
	}
	return err
}

// credentialsInTheWayError says that a file is where a key is to be written.
type credentialsInTheWayError struct{ path string }

func (e credentialsInTheWayError) Error() string {
	return "server: " + e.path + " is in the way, and is not overwritten; if the key in it is of no use, remove it and try again"
}

// CredentialsRequest asks for the credentials of an account's administrator.
type CredentialsRequest struct {
	Account   string
	DeleteKey string // access key that is to be deleted for a new one; "" for none
	// MakeAdministrator makes the administrator anew where the account has none, as
	// one that was read from a dump of AWS.
	MakeAdministrator bool
	Random            io.Reader
	Now               time.Time
}

// AdministratorCredentials says where the access key of an account's administrator
// is. Where no file in the data directory has one that works, or one is to be
// deleted, it makes a further key, in the file credentials-ID. A user has two keys
// at most; the error of a third names them.
//
// The directory must be there, with its master key.
func AdministratorCredentials(ctx context.Context, dataDir string, r CredentialsRequest) (c Credentials, err error) {
	if err := CheckAccount(r.Account); err != nil {
		return c, err
	}
	d, err := reopenData(ctx, dataDir)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	dir, err := directory.Open(ctx, d.store, d.masterKey)
	if err != nil {
		return c, err
	}
	snapshot := dir.Snapshot()
	if !snapshot.Account(r.Account) {
		return c, fmt.Errorf("server: there is no account %q; \"daypass account list\" lists those that there are", r.Account)
	}
	found, err := findCredentials(snapshot, dataDir, r.Account)
	if err != nil {
		return c, err
	}
	if found != nil && r.DeleteKey == "" {
		return *found, nil
	}
	key, err := drawAccessKey(r.Account, d.masterKey, r.Random, r.Now)
	if err != nil {
		return c, err
	}
	c = Credentials{Account: r.Account, File: credentialsPath(dataDir, r.Account), Profile: r.Account, Made: true}
	administrator, err := newAdministrator(r.Account, r.Random, r.Now)
	if err != nil {
		return c, err
	}
	return c, d.putWithCredentials(ctx, key, &c, func(tx store.Tx) error {
		if r.MakeAdministrator {
			id := store.UserID(r.Account, administratorName)
			if _, err := tx.Get(id); errors.Is(err, store.ErrNotFound) {
				if err := store.PutRecord(tx, id, administrator); err != nil {
					return err
				}
			}
		}
		return addAccessKey(tx, key, r.DeleteKey)
	})
}

// findCredentials gives the file in the data directory that has a key of the
// account's administrator that works, nil where none has.
func findCredentials(snapshot *directory.Snapshot, dataDir, account string) (*Credentials, error) {
	for _, path := range []string{credentialsPath(dataDir, account), filepath.Join(dataDir, credentialsFile)} {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("server: credentials: %w", err)
		}
		profile, id, secret := readCredentials(text)
		key, ok := snapshot.AccessKey(id)
		if ok && key.Active && key.Account == account && strings.EqualFold(key.UserName, administratorName) && key.SecretAccessKey == secret {
			return &Credentials{Account: account, File: path, Profile: profile}, nil
		}
	}
	return nil, nil //nolint:nilnil // nothing found is no error
}

// readCredentials reads the last profile of a file as newAccessKey.credentials
// writes it.
func readCredentials(text []byte) (profile, id, secret string) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if name, ok := strings.CutPrefix(line, "["); ok {
			profile, id, secret = strings.TrimSuffix(name, "]"), "", ""
		}
		name, value, _ := strings.Cut(line, "=")
		switch value = strings.TrimSpace(value); strings.TrimSpace(name) {
		case "aws_access_key_id":
			id = value
		case "aws_secret_access_key":
			secret = value
		}
	}
	return profile, id, secret
}

// addAccessKey gives the administrator of an account a key, and takes the one
// that drop names.
func addAccessKey(tx store.Tx, key *newAccessKey, drop string) error {
	account := key.record.Account
	user, err := store.GetRecord[store.User](tx, store.UserID(account, administratorName))
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("server: account %s has no user %q; make it with --make-administrator, or have a user of it who may do so make an access key", account, administratorName)
	}
	if err != nil {
		return err
	}
	if drop != "" {
		at := slices.Index(user.AccessKeys, drop)
		if at < 0 {
			return fmt.Errorf("server: user %q of account %s has no access key %q", administratorName, account, drop)
		}
		user.AccessKeys = slices.Delete(user.AccessKeys, at, at+1)
		for _, id := range []store.ID{store.AccessKeyID(account, drop), store.LastUseID(account, drop)} {
			if err := tx.Delete(id); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
	}
	if len(user.AccessKeys) >= maxAccessKeys {
		return tooManyKeys(tx, &user)
	}
	user.AccessKeys = append(user.AccessKeys, key.record.ID)
	key.record.UserName = user.Name // in whatever case it was imported
	return errors.Join(store.PutRecord(tx, store.UserID(account, administratorName), user), key.put(tx))
}

// tooManyKeys says which of the keys can go.
func tooManyKeys(tx store.Tx, user *store.User) error {
	known := make([]string, len(user.AccessKeys))
	for i, id := range user.AccessKeys {
		key, err := store.GetRecord[store.AccessKey](tx, store.AccessKeyID(user.Account, id))
		if err != nil {
			return fmt.Errorf("server: access key %s: %w", id, err)
		}
		state := "active"
		if !key.Active {
			state = "inactive"
		}
		used := "no known use"
		if use, err := store.GetRecord[store.LastUse](tx, store.LastUseID(user.Account, id)); err == nil {
			used = "last used " + use.At.Format(time.RFC3339)
		}
		known[i] = fmt.Sprintf("%s (%s, made %s, %s)", id, state, key.Created.Format(time.RFC3339), used)
	}
	return fmt.Errorf("server: user %q of account %s has %d access keys, and may not have more: %s; delete one, with the other by iam:DeleteAccessKey, or here by --delete-key",
		user.Name, user.Account, len(known), strings.Join(known, ", "))
}
