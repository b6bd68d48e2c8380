package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/rotation"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

// Names of the files in the data directory.
const (
	databaseFile    = "daypass.db"
	masterKeyFile   = "master.key"
	credentialsFile = "credentials"
	eventsFile      = "events.jsonl"
)

// data is an open data directory.
type data struct {
	store     store.Store
	masterKey *masterkey.Key
	events    *audit.Log
	created   bool // this start made the account
}

// openData opens the data directory, and fills an empty one: master key,
// database, account, administrator, session keys. A directory that holds a
// database and no master key, or the other way about a damaged key, is refused:
// with a new key nothing in the database could be opened again.
func openData(ctx context.Context, c *Config) (*data, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("server: make the data directory: %w", err)
	}
	if err := checkDataDir(c.DataDir); err != nil {
		return nil, err
	}
	url, err := sharedStore(c.DataDir, c.Store)
	switch {
	case err != nil:
		return nil, err
	case url != c.Store:
		return nil, optionErrorf("server: %s is of a node whose store is in PostgreSQL, as %s in it says; start it with --store or %s, or remove that file to begin with a database of its own", c.DataDir, storeFile, storeVariable)
	case url != "":
		return openShared(ctx, c)
	}
	key, err := openMasterKey(c.Keys.masterSource(c.DataDir), filepath.Join(c.DataDir, databaseFile))
	if err != nil {
		return nil, err
	}
	st, err := sqlstore.OpenSQLite(ctx, filepath.Join(c.DataDir, databaseFile))
	if err != nil {
		return nil, err
	}
	d := &data{store: st, masterKey: key}
	if err := d.adopt(ctx); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	if err := d.prepare(ctx, c); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return d, nil
}

// checkDataDir refuses a directory in which everybody can put a master key, a
// database or a link in the place of what belongs there, and any where that
// cannot be told.
func checkDataDir(dir string) error {
	if !durable.CanLock {
		return fmt.Errorf("server: a server cannot keep its data on this system (%s): Daypass cannot tell here who else may read a file; serve on Linux or macOS, or on Windows in WSL or a container", runtime.GOOS)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("server: data directory: %w", err)
	}
	if mode := info.Mode(); mode.Perm()&0o002 != 0 {
		return fmt.Errorf("server: everybody can write in the data directory %s (mode %04o); find out who did, then chmod 700, or name another", dir, mode.Perm())
	}
	return nil
}

func openMasterKey(source masterkey.Source, databasePath string) (*masterkey.Key, error) {
	if !source.Writable() {
		return masterkey.Open(source)
	}
	keyPath := source.Path
	_, err := os.Lstat(keyPath)
	if err == nil {
		return masterkey.Open(source)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("server: master key: %w", err)
	}
	if _, err := os.Lstat(databasePath); err == nil {
		return nil, fmt.Errorf("server: %s exists and its master key %s does not; put the key back, for without it nothing sealed in the database opens", databasePath, keyPath)
	}
	key, err := masterkey.CreateAt(source)
	if errors.Is(err, masterkey.ErrExists) { // another first start was quicker
		return masterkey.Open(source)
	}
	return key, err
}

// adopt holds the master key against what the store says of it, and has this
// process seal by the key that the store says. A store of before that record is
// held against it by what is sealed in it.
func (d *data) adopt(ctx context.Context) error {
	r, err := d.store.Get(ctx, store.MasterKeyID())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var record store.MasterKey
	if err := store.Decode(r.Document, &record); err != nil {
		return fmt.Errorf("server: the master key's record: %w", err)
	}
	return rotation.Adopt(d.masterKey, &record)
}

// prepare makes what an empty store lacks.
func (d *data) prepare(ctx context.Context, c *Config) error {
	if _, err := d.store.Get(ctx, store.SessionKeysID()); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return d.create(ctx, c)
}

// create makes, in one transaction, everything a first start makes, and writes
// the administrator's credentials file inside it, before it is committed: a
// crash between the two leaves an empty store, and the next start does both
// again; the other way about, nobody would ever learn the key. Of two first
// starts at once, the store lets one in after the other, and the second leaves
// all as it is.
func (d *data) create(ctx context.Context, c *Config) error {
	made, err := drawAccount(c.Account, d.masterKey, c.Random, c.Now())
	if err != nil {
		return err
	}
	ring, err := session.NewKeys(c.Now())
	if err != nil {
		return err
	}
	sealedRing, err := d.masterKey.Seal(ring, []byte(store.KindSessionKeys))
	if err != nil {
		return err
	}
	master, err := rotation.NewRecord(d.masterKey, c.Now())
	if err != nil {
		return err
	}
	_, err = d.store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Get(store.SessionKeysID()); !errors.Is(err, store.ErrNotFound) {
			return err // nil: another first start was quicker
		}
		d.created = true
		err := durable.Replace(filepath.Join(c.DataDir, credentialsFile), made.key.credentials("default"), 0o600)
		if err != nil {
			return fmt.Errorf("server: write the administrator's credentials: %w", err)
		}
		return errors.Join(made.put(tx), store.PutRecord(tx, store.SessionKeysID(), store.SessionKeys{Sealed: sealedRing}),
			store.PutRecord(tx, store.MasterKeyID(), master))
	})
	return err
}

// reopenData opens a data directory that a start has made, for something else
// than to serve: beside a server that runs on it, or while none does. Where the
// master key is not in it, the environment says where it is; see KeysOf.
func reopenData(ctx context.Context, dataDir string) (*data, error) {
	if url, err := sharedStore(dataDir, os.Getenv(storeVariable)); err != nil {
		return nil, err
	} else if url != "" {
		return reopenShared(ctx, dataDir, url)
	}
	database := filepath.Join(dataDir, databaseFile)
	if _, err := os.Stat(database); err != nil { // it would be made
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("server: there is no database in %s; the first start of a server makes it: daypass serve --data %[1]s", dataDir)
		}
		return nil, fmt.Errorf("server: %w", err)
	}
	key, err := loadMasterKey(dataDir)
	if err != nil {
		return nil, err
	}
	st, err := sqlstore.OpenSQLite(ctx, database)
	if err != nil {
		return nil, err
	}
	d := &data{store: st, masterKey: key}
	if err := d.adopt(ctx); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return d, nil
}

// loadMasterKey loads the key of a data directory that a start has made.
func loadMasterKey(dataDir string) (*masterkey.Key, error) {
	if err := checkDataDir(dataDir); err != nil {
		return nil, err
	}
	keys, err := KeysOf(os.Getenv)
	if err != nil {
		return nil, err
	}
	return masterkey.Open(keys.masterSource(dataDir))
}
