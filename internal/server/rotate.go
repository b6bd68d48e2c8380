package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

// RotateSessionKeys makes the next key of a data directory's ring the one that
// seals sessions, whatever its age: after the ring may have been seen. A server
// that runs on the directory follows within a second. Sessions go on, also those
// that whoever saw the ring makes with it; the old key is dropped 37 hours later.
// The directory must be there, with its master key.
func RotateSessionKeys(ctx context.Context, dataDir string, now time.Time) (err error) {
	d, err := openExisting(ctx, dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	_, err = d.directory.RotateSessionKeys(ctx, d.key, 0, now)
	return err
}

// existing is a data directory that a server made, and may be running on.
type existing struct {
	store     *sqlstore.Store
	key       *masterkey.Key
	directory *directory.Directory
}

// openExisting opens a data directory, which must be there with its master key.
// Who is given it closes its store.
func openExisting(ctx context.Context, dataDir string) (*existing, error) {
	database := filepath.Join(dataDir, databaseFile)
	if _, err := os.Stat(database); err != nil { // it would be made
		return nil, fmt.Errorf("server: there is no database of a server: %w", err)
	}
	key, err := masterkey.Load(filepath.Join(dataDir, masterKeyFile))
	if err != nil {
		return nil, err
	}
	st, err := sqlstore.OpenSQLite(ctx, database)
	if err != nil {
		return nil, err
	}
	dir, err := directory.Open(ctx, st, key)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return &existing{st, key, dir}, nil
}
