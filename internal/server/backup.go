package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/backup"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

// recordDir is where a backup has the record of requests.
const recordDir = "record/"

// Backup is how a backup is written. A server may run on the data directory, and goes
// on as it does.
type Backup struct {
	DataDir string
	To      io.Writer
	// Recipients are those who can open it; none is a backup in clear, in which what is
	// secret lies sealed under the master key, and all else does not.
	Recipients []backup.Recipient
	// MasterKey puts the master key into it, which takes recipients.
	MasterKey bool
	// Record puts this node's record of requests into it, from EventsFile or, where that
	// is "", events.jsonl in the data directory.
	Record     bool
	EventsFile string

	Version string
	Now     time.Time
}

// snapshotter is a store that can write what it has at one revision into a file.
type snapshotter interface {
	Snapshot(ctx context.Context, path string) error
}

// Run writes the backup, and tells what is in it. The store is first copied into a
// temporary directory, so the state is that of the beginning. What is copied is opened
// under the master key before it is written: what could not be restored is no backup.
func (b *Backup) Run(ctx context.Context) (_ *backup.Header, err error) {
	if b.MasterKey && len(b.Recipients) == 0 {
		return nil, optionErrorf("server: the master key is put only into a backup that is encrypted: name who can open it with --recipient or --passphrase-file")
	}
	d, err := reopenData(ctx, b.DataDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	source := d.masterKey.Source()
	if b.MasterKey && !source.Writable() {
		return nil, optionErrorf("server: the master key is %s and no file of the server's own, and is not put into a backup; keep a copy of it elsewhere", source.String())
	}
	from, ok := d.store.(snapshotter)
	if !ok {
		return nil, fmt.Errorf("server: a store of type %T cannot be copied", d.store)
	}
	dir, err := os.MkdirTemp("", "daypass-backup-")
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	database := filepath.Join(dir, databaseFile)
	if err := from.Snapshot(ctx, database); err != nil {
		return nil, err
	}
	found, err := checkStore(ctx, database, d.masterKey)
	if err != nil {
		return nil, fmt.Errorf("server: what was copied does not open, and is no backup: %w", err)
	}
	header := backup.Header{
		Version: b.Version, Created: b.Now.UTC().Truncate(time.Second), Revision: found.Revision, Accounts: found.Accounts,
		MasterKey: b.MasterKey, Record: b.Record,
	}
	w, err := backup.NewWriter(b.To, header, b.Recipients...)
	if err != nil {
		return nil, err
	}
	if err := b.add(w, database, source.Path); err != nil {
		return nil, err
	}
	return &header, w.Close(d.masterKey)
}

// add puts in the files, the store first: the record then goes at least as far as the
// store says.
func (b *Backup) add(w *backup.Writer, database, masterKey string) error {
	if err := addFile(w, databaseFile, database); err != nil {
		return err
	}
	if b.MasterKey {
		if err := addFile(w, masterKeyFile, masterKey); err != nil {
			return err
		}
	}
	if !b.Record {
		return nil
	}
	path := b.EventsFile
	if path == "" {
		path = filepath.Join(b.DataDir, eventsFile)
	}
	return audit.Copy(path, func(name string, size int64, file io.Reader) error { return w.Add(recordDir+name, size, file) })
}

func addFile(w *backup.Writer, name, path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return w.Add(name, info.Size(), f)
}

// StoreFound is what a copy of a store was found to hold.
type StoreFound struct {
	Revision int64
	Accounts []string
	Records  map[store.Kind]int // that are not deleted
	// Unreadable are documents that Daypass cannot read, a line each; what needs them is
	// denied. They are kept as they are.
	Unreadable []string
}

// checkStore opens a file of SQLite as a server would, which brings it up to this
// version, and opens all that lies sealed in it: ring, access keys and signing keys as
// each start does, and each value of a secret.
func checkStore(ctx context.Context, database string, key directory.Opener) (_ *StoreFound, err error) {
	st, err := sqlstore.OpenSQLite(ctx, database)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	dir, err := directory.Open(ctx, st, key)
	if err != nil {
		return nil, err
	}
	snapshot := dir.Snapshot()
	if snapshot.SessionKeys() == nil {
		return nil, errors.New("server: the store has no ring of session keys, which the first start makes; it is the store of no server")
	}
	found := &StoreFound{Revision: snapshot.Revision(), Records: map[store.Kind]int{}, Unreadable: snapshot.Problems()}
	for _, a := range snapshot.Accounts() {
		found.Accounts = append(found.Accounts, a.Account)
	}
	_, records, err := store.ReadAll(ctx, st)
	if err != nil {
		return nil, err
	}
	for i := range records {
		r := &records[i]
		if r.Deleted {
			continue
		}
		found.Records[r.Kind]++
		if r.Kind == store.KindSecretValue {
			if err := checkSecretValue(r, key); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func checkSecretValue(r *store.Record, key directory.Opener) error {
	var value store.SecretValue
	if err := store.Decode(r.Document, &value); err != nil {
		return err
	}
	secret, version, ok := strings.Cut(r.Key, "/")
	if !ok {
		return fmt.Errorf("server: %v is the value of no version", r.ID)
	}
	if _, err := key.Open(value.Sealed, store.SecretAssociated(r.Account, secret, version)); err != nil {
		return fmt.Errorf("server: a secret's value, %v, does not open under this master key: %w", r.ID, err)
	}
	return nil
}
