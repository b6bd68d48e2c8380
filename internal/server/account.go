package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// administratorName is the IAM user that an account is made with. Its rights come
// from its inline policy, as anyone's do; there is no way around policies.
const (
	administratorName   = "administrator"
	administratorPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// drawsOfAccount is how often an account id is drawn until one is free. There are
// 10^12 of them.
const drawsOfAccount = 100

// newAccount is an account that is about to be made, with its administrator.
type newAccount struct {
	account       store.Account
	administrator store.User
	key           *newAccessKey
}

// newAccessKey is an access key that is about to be made. The secret is in clear
// here alone, and in the credentials file.
type newAccessKey struct {
	record store.AccessKey
	secret string
}

// drawAccount makes up an account, without writing it.
func drawAccount(account string, key *masterkey.Key, random io.Reader, now time.Time) (*newAccount, error) {
	if !arn.ValidAccount(account) {
		return nil, fmt.Errorf("server: account %q is not 12 digits", account)
	}
	administrator, err := newAdministrator(account, random, now)
	if err != nil {
		return nil, err
	}
	accessKey, err := drawAccessKey(account, key, random, now)
	if err != nil {
		return nil, err
	}
	administrator.AccessKeys = []string{accessKey.record.ID}
	return &newAccount{
		account: store.Account{Account: account, Created: administrator.Created}, administrator: administrator, key: accessKey,
	}, nil
}

// newAdministrator is a user who may do everything, and has no key yet.
func newAdministrator(account string, random io.Reader, now time.Time) (store.User, error) {
	id, err := session.NewUniqueID("AIDA", random)
	return store.User{
		Account: account, Name: administratorName, Path: "/", ID: id, Created: now.UTC().Truncate(time.Second),
		InlinePolicies: []store.InlinePolicy{{Name: "AdministratorAccess", Document: administratorPolicy}},
	}, err
}

// drawAccessKey makes up a key of an account's administrator, without writing it.
func drawAccessKey(account string, key *masterkey.Key, random io.Reader, now time.Time) (*newAccessKey, error) {
	id, err := session.NewAccessKeyID("AKIA", account, random)
	if err != nil {
		return nil, err
	}
	secret, err := session.NewSecretAccessKey(random)
	if err != nil {
		return nil, err
	}
	sealed, err := key.Seal([]byte(secret), []byte(id))
	if err != nil {
		return nil, err
	}
	return &newAccessKey{secret: secret, record: store.AccessKey{
		Account: account, ID: id, UserName: administratorName, SealedSecret: sealed, Active: true, Created: now.UTC().Truncate(time.Second),
	}}, nil
}

// put writes the account's records.
func (a *newAccount) put(tx store.Tx) error {
	id := a.account.Account
	return errors.Join(
		store.PutRecord(tx, store.AccountID(id), a.account),
		store.PutRecord(tx, store.UserID(id, administratorName), a.administrator),
		a.key.put(tx),
	)
}

// put writes the key's record; its user's, which lists it, is the caller's to write.
func (k *newAccessKey) put(tx store.Tx) error {
	return store.PutRecord(tx, store.AccessKeyID(k.record.Account, k.record.ID), k.record)
}

// CreateAccount makes an account with its administrator, and writes the
// administrator's access key to the file credentials-ID of the data directory,
// profile ID. With account "" it draws an id that is free. Servers that run on the
// directory have the account within a second.
//
// The directory must be there, with its master key. An account that there is, or
// a credentials file, is left as it is, and is an error.
func CreateAccount(ctx context.Context, dataDir, account string, random io.Reader, now time.Time) (c Credentials, err error) {
	if err := CheckAccount(account); err != nil {
		return c, err
	}
	d, err := reopenData(ctx, dataDir)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	if account != "" {
		return d.createAccount(ctx, dataDir, account, random, now)
	}
	for range drawsOfAccount {
		number, err := rand.Int(random, big.NewInt(1_000_000_000_000))
		if err != nil {
			return c, fmt.Errorf("server: draw an account id: %w", err)
		}
		c, err = d.createAccount(ctx, dataDir, fmt.Sprintf("%012d", number), random, now)
		if !errors.Is(err, fs.ErrExist) {
			return c, err
		}
	}
	return c, fmt.Errorf("server: none of %d account ids that were drawn is free", drawsOfAccount)
}

// accountExistsError says that an account is there. It matches fs.ErrExist.
type accountExistsError struct{ account string }

func (e accountExistsError) Error() string {
	return "server: account " + e.account + " exists; it was left as it is"
}

func (e accountExistsError) Unwrap() error { return fs.ErrExist }

func (d *data) createAccount(ctx context.Context, dataDir, account string, random io.Reader, now time.Time) (Credentials, error) {
	made, err := drawAccount(account, d.masterKey, random, now)
	if err != nil {
		return Credentials{}, err
	}
	c := Credentials{Account: account, File: credentialsPath(dataDir, account), Profile: account, Made: true}
	err = d.putWithCredentials(ctx, made.key, &c, func(tx store.Tx) error {
		switch _, err := tx.Get(store.AccountID(account)); {
		case err == nil:
			return accountExistsError{account}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		return made.put(tx)
	})
	return c, err
}

// Account is an account as it is listed: what it is, and how much it has.
type Account struct {
	Account          string    `json:"account"`
	Alias            string    `json:"alias"` // "" for none
	Created          time.Time `json:"created"`
	Users            int       `json:"users"`
	Groups           int       `json:"groups"`
	Roles            int       `json:"roles"`
	Policies         int       `json:"policies"` // managed ones of its own
	Providers        int       `json:"providers"`
	InstanceProfiles int       `json:"instanceProfiles"`
}

// ListAccounts lists the accounts of a data directory in order of their ids. The
// directory must be there, with its master key.
func ListAccounts(ctx context.Context, dataDir string) (accounts []Account, err error) {
	d, err := reopenData(ctx, dataDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	dir, err := directory.Open(ctx, d.store, d.masterKey)
	if err != nil {
		return nil, err
	}
	snapshot := dir.Snapshot()
	for _, a := range snapshot.Accounts() {
		count := func(kind store.Kind) int { return snapshot.Count(a.Account, kind) }
		accounts = append(accounts, Account{
			Account: a.Account, Alias: snapshot.AccountAlias(a.Account), Created: a.Created,
			Users: count(store.KindUser), Groups: count(store.KindGroup), Roles: count(store.KindRole),
			Policies: count(store.KindPolicy), Providers: count(store.KindOIDCProvider), InstanceProfiles: count(store.KindProfile),
		})
	}
	return accounts, nil
}
