package server

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/directory"
)

// RotateSessionKeys makes the next key of a data directory's ring the one that
// seals sessions, whatever its age: after the ring may have been seen. A server
// that runs on the directory follows within a second. Sessions go on, also those
// that whoever saw the ring makes with it; the old key is dropped 37 hours later.
// The directory must be there, with its master key.
func RotateSessionKeys(ctx context.Context, dataDir string, now time.Time) (err error) {
	d, err := reopenData(ctx, dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	dir, err := directory.Open(ctx, d.store, d.masterKey)
	if err != nil {
		return err
	}
	_, err = dir.RotateSessionKeys(ctx, d.masterKey, 0, now)
	return err
}
