package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/backup"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

// Restore is how a backup is put back.
type Restore struct {
	From       io.Reader
	Identities []backup.Identity
	// MasterKeyFile has the master key, where the backup has not.
	MasterKeyFile string
	// To is the data directory to make: one that does not exist, or is empty. "" only
	// verifies.
	To string
	// Store is the URL of an empty PostgreSQL store that gets the records; the directory
	// is then that of its first node. "" keeps them in the directory.
	Store string
}

// Restored is what a backup was found to be.
type Restored struct {
	backup.Header
	Store StoreFound
	// Heads are where the record of requests ends, of each of its writers.
	Heads []audit.Head
	// Events is how many are in it.
	Events uint64
}

// Run reads the backup to its end into a directory beside To, opens all of it, and only
// then gives that its name: after an error nothing is at To.
func (r *Restore) Run(ctx context.Context) (_ *Restored, err error) {
	stage, err := r.stage()
	if err != nil {
		return nil, err
	}
	defer func() { // it is gone where it was given its name
		if removeErr := os.RemoveAll(stage); removeErr != nil {
			err = errors.Join(err, fmt.Errorf("server: %w", removeErr))
		}
	}()
	done, err := r.verify(ctx, stage)
	if err != nil || r.To == "" {
		return done, err
	}
	if r.Store != "" {
		if err := r.fillStore(ctx, stage); err != nil {
			return nil, err
		}
	}
	if err := syncTree(stage); err != nil {
		return nil, err
	}
	// An empty directory goes; one that is not empty by now stays, and is told.
	if err := os.Remove(r.To); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("server: %w", err)
	}
	if err := os.Rename(stage, r.To); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return done, syncDirectory(filepath.Dir(r.To))
}

// stage makes the directory that is to become To.
func (r *Restore) stage() (string, error) {
	if r.To == "" {
		dir, err := os.MkdirTemp("", "daypass-verify-")
		if err != nil {
			return "", fmt.Errorf("server: %w", err)
		}
		return dir, nil
	}
	if r.Store != "" && !sqlstore.IsPostgresURL(r.Store) {
		return "", optionErrorf("server: --store is no URL of a PostgreSQL database, postgres://USER@HOST:5432/DATABASE")
	}
	to, err := filepath.Abs(r.To)
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	r.To = to
	entries, err := os.ReadDir(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("server: %w", err)
	case len(entries) > 0:
		return "", fmt.Errorf("server: %s is not empty, and nothing is restored over what is there; name a directory that does not exist, and put it in that one's place yourself", to)
	}
	parent := filepath.Dir(to)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	stage, err := os.MkdirTemp(parent, "."+filepath.Base(to)+".restoring-") // mode 0700
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	return stage, checkDataDir(stage)
}

// verify takes the backup apart into a directory, and asks of each part whether it is
// what it should be.
func (r *Restore) verify(ctx context.Context, stage string) (*Restored, error) {
	contents, err := backup.Read(r.From, func(name string, size int64, file io.Reader) error { return keep(stage, name, size, file) }, r.Identities...)
	if err != nil {
		return nil, backupError(err)
	}
	key, err := r.masterKey(stage, contents.Header)
	if err != nil {
		return nil, err
	}
	if err := contents.CheckSeal(key); err != nil {
		return nil, fmt.Errorf("%w: it was written under another, or changed by somebody who does not have it; name that of the server with --master-key", err)
	}
	done := &Restored{Header: contents.Header}
	found, err := checkStore(ctx, filepath.Join(stage, databaseFile), key)
	if err != nil {
		return nil, fmt.Errorf("server: the backup's store: %w", err)
	}
	if done.Store = *found; found.Revision != done.Revision {
		return nil, fmt.Errorf("server: the backup's store is at revision %d, and should be at %d", found.Revision, done.Revision)
	}
	if !contents.Header.Record {
		return done, nil
	}
	report, err := audit.Verify(filepath.Join(stage, eventsFile))
	if err != nil {
		return nil, err
	}
	for _, f := range report.Findings {
		if f.Broken {
			return nil, fmt.Errorf("server: the backup's record of requests, %s, byte %d: %s", filepath.Base(f.File), f.Offset, f.Message)
		}
	}
	done.Heads, done.Events = report.Heads, report.Events
	return done, nil
}

// keep writes one file of a backup to its place in a data directory.
func keep(stage, name string, size int64, file io.Reader) error {
	switch at, inRecord := strings.CutPrefix(name, recordDir); {
	case inRecord && strings.HasPrefix(at, strings.TrimSuffix(eventsFile, ".jsonl")) && !strings.Contains(at, "/"):
		name = at
	case name == databaseFile, name == masterKeyFile:
	default:
		return fmt.Errorf("server: the backup has a file %q, which this version does not know; restore it with the version that wrote it", name)
	}
	f, err := os.OpenFile(filepath.Join(stage, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	_, err = io.CopyN(f, file, size)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("server: restore %s: %w", name, err)
	}
	return nil
}

// masterKey finds the master key, in the backup or in the file that was given, and puts
// it in its place.
func (r *Restore) masterKey(stage string, header backup.Header) (*masterkey.Key, error) {
	path := filepath.Join(stage, masterKeyFile)
	keys, err := KeysOf(os.Getenv) // the KMS, where one encrypts the file
	if err != nil {
		return nil, err
	}
	open := func(path string) (*masterkey.Key, error) {
		return masterkey.Open(masterkey.Source{Path: path, KMS: keys.Master.KMS})
	}
	switch {
	case r.MasterKeyFile != "":
		if _, err := open(r.MasterKeyFile); err != nil { // with what is wrong with it
			return nil, err
		}
		text, err := os.ReadFile(r.MasterKeyFile)
		if err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
	case !header.MasterKey:
		return nil, optionErrorf("server: the backup has no master key, without which nothing in it opens; name the server's master.key with --master-key")
	}
	return open(path)
}

// fillStore moves the records from the file that was restored to an empty store.
func (r *Restore) fillStore(ctx context.Context, stage string) (err error) {
	database := filepath.Join(stage, databaseFile)
	from, err := sqlstore.OpenSQLite(ctx, database)
	if err != nil {
		return err
	}
	contents, err := from.Contents(ctx)
	if err := errors.Join(err, from.Close()); err != nil {
		return err
	}
	if err := noteStore(stage, r.Store); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(database + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("server: %w", err)
		}
	}
	to, err := sqlstore.OpenPostgres(ctx, r.Store)
	if err != nil {
		return storeError(err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	err = to.Fill(ctx, contents)
	if errors.Is(err, store.ErrNotEmpty) {
		return fmt.Errorf("server: nothing is restored over a store in use: %w; name an empty database, or a schema of its own with search_path", err)
	}
	return err
}

// backupError adds the next step to what is wrong with a backup.
func backupError(err error) error {
	switch {
	case errors.Is(err, backup.ErrDamaged):
		return fmt.Errorf("%w; nothing of it was restored: take another copy of it, or an earlier backup", err)
	case errors.Is(err, backup.ErrEncrypted):
		return fmt.Errorf("%w; open it with --identity FILE or --passphrase-file FILE", err)
	}
	return err
}

// syncTree makes a directory's files last.
func syncTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	names := []string{"."}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Reverse(names) // the directory last
	for _, name := range names {
		if err := syncDirectory(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// syncDirectory makes a file, or the names in a directory, last.
func syncDirectory(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}
