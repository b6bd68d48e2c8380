package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

// movedSuffix is what the file of a database has after its name once all that it had
// was moved, partSuffix what it has while it is filled.
const (
	movedSuffix = ".moved"
	partSuffix  = ".part"
)

// MigrateStore moves a store: from a data directory into a PostgreSQL database, or back.
// One of the two is the path of a directory, the other a URL. The target must be empty;
// it is written whole or not at all, and every row is read back. Nothing can be done with
// the source afterwards: servers that have it open decide nothing any more.
//
// The directory must have the master key that the store is sealed under. Afterwards it is
// a node's of the store in PostgreSQL, or has its database in itself.
func MigrateStore(ctx context.Context, from, to string) (moved sqlstore.Moved, err error) {
	toShared := sqlstore.IsPostgresURL(to)
	if toShared == sqlstore.IsPostgresURL(from) {
		return moved, optionErrorf("server: one of --from and --to is a data directory, the other the URL of a PostgreSQL database, postgres://USER@HOST:5432/DATABASE")
	}
	dir, url := from, to
	if !toShared {
		dir, url = to, from
	}
	if err := checkDataDir(dir); err != nil {
		return moved, err
	}
	key, err := masterkey.Load(filepath.Join(dir, masterKeyFile))
	if err != nil {
		return moved, err
	}
	m := migration{dir: dir, url: url, key: key, database: filepath.Join(dir, databaseFile)}
	if toShared {
		return m.share(ctx)
	}
	return m.take(ctx)
}

type migration struct {
	dir, url, database string
	key                *masterkey.Key
}

// share moves the directory's store into the database.
func (m *migration) share(ctx context.Context) (moved sqlstore.Moved, err error) {
	if _, err := os.Lstat(m.database); err != nil { // it would be made
		if _, before := os.Lstat(m.database + movedSuffix); before == nil {
			return moved, fmt.Errorf("server: the store of %s was moved before; %s says where to", m.dir, filepath.Join(m.dir, storeFile))
		}
		return moved, fmt.Errorf("server: there is no store in %s: %w", m.dir, err)
	}
	source, err := sqlstore.OpenSQLite(ctx, m.database)
	if err != nil {
		return moved, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err := m.check(ctx, source); err != nil {
		return moved, err
	}
	if err := checkBuckets(ctx, source, m.dir); err != nil {
		return moved, err
	}
	target, err := sqlstore.OpenPostgres(ctx, m.url)
	if err != nil {
		return moved, storeError(err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if moved, err = sqlstore.Move(ctx, source, target.Store); err != nil {
		return moved, notEmpty(err)
	}
	if err := noteStore(m.dir, m.url); err != nil {
		return moved, err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(m.database+suffix, m.database+movedSuffix+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return moved, fmt.Errorf("server: all is in the database; put the file of the old one away: %w", err)
		}
	}
	return moved, nil
}

// take moves the database's store into the directory.
func (m *migration) take(ctx context.Context) (moved sqlstore.Moved, err error) {
	if _, err := os.Lstat(m.database); !errors.Is(err, fs.ErrNotExist) {
		return moved, fmt.Errorf("server: %s is there; a store is moved to where there is none", m.database)
	}
	source, err := sqlstore.OpenPostgres(ctx, m.url)
	if err != nil {
		return moved, storeError(err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err := m.check(ctx, source); err != nil {
		return moved, err
	}
	part := m.database + partSuffix // which no server opens
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(part + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a run that was interrupted
			return moved, fmt.Errorf("server: %w", err)
		}
	}
	target, err := sqlstore.OpenSQLite(ctx, part)
	if err != nil {
		return moved, err
	}
	moved, err = sqlstore.Move(ctx, source.Store, target)
	if err = errors.Join(err, target.Close()); err != nil {
		return moved, err
	}
	if err := os.Rename(part, m.database); err != nil {
		return moved, fmt.Errorf("server: all is in %s; give it the name %s: %w", part, databaseFile, err)
	}
	if err := os.Remove(filepath.Join(m.dir, storeFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return moved, fmt.Errorf("server: %w", err)
	}
	return moved, nil
}

// check holds the directory's master key against the store: with another the store would
// be worth nothing there.
func (m *migration) check(ctx context.Context, st store.Store) error {
	d := &data{store: st, masterKey: m.key}
	err := d.checkMasterKey(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("server: no server has ever made an account in the store, so that there is nothing to move: %w", err)
	}
	return err
}

// checkBuckets refuses a store that has buckets in the data directory, which other nodes
// would not reach.
func checkBuckets(ctx context.Context, st store.Store, dir string) error {
	const atOnce = 1000
	for after := int64(0); ; {
		records, err := st.Changes(ctx, after, atOnce)
		if err != nil || len(records) == 0 {
			return err
		}
		for i := range records {
			r := &records[i]
			after = r.Revision
			if r.Kind != store.KindBucket || r.Deleted {
				continue
			}
			var bucket store.Bucket
			if err := store.Decode(r.Document, &bucket); err != nil {
				return err
			}
			if bucket.Store == "" {
				return fmt.Errorf("server: the bucket %s is kept in %s, which other nodes do not reach; copy its objects to a bucket of an upstream, delete it, and run this again", bucket.Name, filepath.Join(dir, objectsDir))
			}
		}
	}
}

// notEmpty adds the next step.
func notEmpty(err error) error {
	if errors.Is(err, store.ErrNotEmpty) {
		return fmt.Errorf("%w; name an empty database", err)
	}
	return err
}
