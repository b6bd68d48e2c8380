package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

const (
	// storeFile names, in a data directory, the database in which its store is, by a
	// URL without a password. Without it the store is in the directory itself.
	storeFile = "store"
	// storeVariable is the environment variable of the store's URL, which commands on a
	// data directory read too: it may have the password that storeFile has not.
	storeVariable = "DAYPASS_STORE"
)

// sharedStore is the URL of the PostgreSQL store that a data directory belongs to, given
// or as it was when a node last started there; "" for a store in the directory itself.
// What would leave a store behind unseen is refused.
func sharedStore(dataDir, given string) (string, error) {
	if given != "" && !sqlstore.IsPostgresURL(given) {
		return "", optionErrorf("server: the store is none of a PostgreSQL database; write it as postgres://USER@HOST:5432/DATABASE, or leave it out for a database in the data directory")
	}
	database := filepath.Join(dataDir, databaseFile)
	_, err := os.Lstat(database)
	switch {
	case err == nil && given != "":
		return "", optionErrorf("server: a store in PostgreSQL is asked for, and %s would be left behind; move what is in it: daypass migrate-store --from %s --to postgres://…; or name another data directory", database, dataDir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("server: %w", err)
	}
	if given != "" {
		return given, nil
	}
	text, err := os.ReadFile(filepath.Join(dataDir, storeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// noteStore writes down where the store of a data directory is.
func noteStore(dataDir, url string) error {
	bare, err := sqlstore.WithoutPassword(url)
	if err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(dataDir, storeFile), []byte(bare+"\n"), 0o600); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// openShared opens a node's data directory whose store is in PostgreSQL, and fills an
// empty store. All nodes have one master key: the first start of all makes it, and is
// the only one that can, for what it seals the others must open.
func openShared(ctx context.Context, c *Config) (_ *data, err error) {
	st, err := sqlstore.OpenPostgres(ctx, c.Store)
	if err != nil {
		return nil, storeError(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.Close())
		}
	}()
	filled := true
	if _, err := st.Get(ctx, store.SessionKeysID()); errors.Is(err, store.ErrNotFound) {
		filled = false
	} else if err != nil {
		return nil, err
	}
	key, err := nodeMasterKey(c.Keys.masterSource(c.DataDir), filled)
	if err != nil {
		return nil, err
	}
	d := &data{store: st, masterKey: key}
	if err := d.prepare(ctx, c); err != nil {
		return nil, err
	}
	if err := errors.Join(d.checkMasterKey(ctx), d.adopt(ctx)); err != nil {
		return nil, err
	}
	return d, noteStore(c.DataDir, c.Store)
}

func nodeMasterKey(source masterkey.Source, filled bool) (*masterkey.Key, error) {
	path := source.Path
	_, err := os.Lstat(path)
	if !source.Writable() || !errors.Is(err, fs.ErrNotExist) {
		return masterkey.Open(source) // which says what is wrong with it
	}
	if filled {
		return nil, fmt.Errorf("server: the store is in use, and %s does not exist; copy master.key there from another node of the store: without it nothing sealed in the store opens", path)
	}
	return masterkey.CreateAt(source)
}

// checkMasterKey holds this node's master key against the ring of session keys, which
// every store has from its first start on.
func (d *data) checkMasterKey(ctx context.Context) error {
	r, err := d.store.Get(ctx, store.SessionKeysID())
	if err != nil {
		return err
	}
	var ring store.SessionKeys
	if err := store.Decode(r.Document, &ring); err != nil {
		return err
	}
	if _, err := d.masterKey.Open(ring.Sealed, []byte(store.KindSessionKeys)); err != nil {
		return fmt.Errorf("server: %s is another master key than the one that this store is sealed under, which all nodes share; put a copy of another node's in its place: %w",
			d.source(), err)
	}
	return nil
}

// reopenShared is reopenData for a store in PostgreSQL.
func reopenShared(ctx context.Context, dataDir, url string) (*data, error) {
	key, err := loadMasterKey(dataDir)
	if err != nil {
		return nil, err
	}
	st, err := sqlstore.OpenPostgres(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("%w; %s says where the store is, and has no password: give that in PGPASSFILE, PGPASSWORD or %s", storeError(err), filepath.Join(dataDir, storeFile), storeVariable)
	}
	d := &data{store: st, masterKey: key}
	if err := d.adopt(ctx); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return d, nil
}

// storeError makes a wrong URL an error of the option.
func storeError(err error) error {
	var wrong *sqlstore.URLError
	if errors.As(err, &wrong) {
		return optionErrorf("%v", wrong)
	}
	return err
}

// shareObjects sees to it that no bucket is kept on one node of several: any may be
// asked for it, and one that does not have it would say that it is not there.
func (c *Config) shareObjects() error {
	switch {
	case c.Store == "" || !c.S3.Embedded:
		return nil
	case !c.S3.IfPossible:
		return optionErrorf("server: s3.embedded keeps buckets on this node alone, and where the store is in PostgreSQL every node may be asked for them; name a store that all nodes reach under s3.upstreams")
	}
	c.S3.Embedded = false
	if len(c.S3.Upstreams) == 0 {
		c.Log.Info("no buckets are kept: the store is shared, and a bucket in this node's data directory would not be; s3.upstreams names a place for them")
	}
	return nil
}

// UpgradeStore brings the tables of a PostgreSQL store up to this version.
func UpgradeStore(ctx context.Context, url string) error {
	return storeError(sqlstore.UpgradePostgres(ctx, url))
}
