package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql migrations/postgres/*.sql
var migrations embed.FS

const (
	// applicationID stands in the header of each of our files ("DAYP"), so that
	// another program's database is not taken for a store. Source: SQLite,
	// "Database File Format", section 1.3.
	applicationID = 0x44415950
	// busyTimeout is how long a statement waits for a lock that another process
	// holds: a backup, or a person with the sqlite3 shell.
	busyTimeout = 10 * time.Second
	// readers is how many reads go on at once; each is a connection with its
	// own page cache.
	readers = 4
)

// sqliteDialect is how SQLite says what Store needs.
func sqliteDialect() dialect {
	return dialect{
		name: "sqlite",
		// BEGIN IMMEDIATE already shut out all other writers.
		lockRevision: `SELECT revision FROM state WHERE id = 1`,
		setRevision:  `UPDATE state SET revision = ?1 WHERE id = 1`,
		revision:     `SELECT revision FROM state WHERE id = 1`,
		get: `SELECT document, revision FROM records
			WHERE kind = ?1 AND account = ?2 AND key = ?3 AND deleted = 0`,
		put: `INSERT INTO records (kind, account, key, document, revision, deleted)
			VALUES (?1, ?2, ?3, ?4, ?5, 0)
			ON CONFLICT (kind, account, key) DO UPDATE
			SET document = excluded.document, revision = excluded.revision, deleted = 0`,
		del: `UPDATE records SET document = x'', revision = ?4, deleted = 1
			WHERE kind = ?1 AND account = ?2 AND key = ?3 AND deleted = 0`,
		// The inner query finds the revision that fills the limit; the outer
		// one gives it whole.
		changes: `SELECT kind, account, key, document, revision, deleted FROM records
			WHERE revision > ?1 AND revision <= coalesce(
				(SELECT revision FROM records WHERE revision > ?1 ORDER BY revision LIMIT 1 OFFSET ?2 - 1),
				9223372036854775807)
			ORDER BY revision, kind, account, key`,
		marked: `SELECT 1 FROM marks WHERE mark = ?1 AND until > ?2`,
		mark: `INSERT INTO marks (mark, until) VALUES (?1, ?3)
			ON CONFLICT (mark) DO UPDATE SET until = excluded.until WHERE until <= ?2`,
		allMarks: `SELECT mark, until FROM marks ORDER BY mark`,
		snapshot: `VACUUM INTO ?1`,
		clearMarks: `DELETE FROM marks WHERE mark IN
			(SELECT mark FROM marks WHERE until <= ?1 ORDER BY until LIMIT ?2)`,
		held:      `SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM marks)`,
		all:       `SELECT kind, account, key, document, revision, deleted FROM records ORDER BY revision, kind, account, key`,
		restore:   `INSERT INTO records (kind, account, key, document, revision, deleted) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
		leave:     `ALTER TABLE state RENAME TO moved`,
		transient: func(error) bool { return false }, // what is locked was waited for
	}
}

// OpenSQLite opens the store in the file at path, and makes it if there is
// none. Its directory must exist. The file, and with it the two that SQLite
// keeps beside it (-wal and -shm), is readable by its owner alone: mode 0600,
// set if it was wider.
//
// The error matches ErrDamaged, ErrForeign or ErrNewerSchema where the file is
// not one that this version can safely write, and names it.
func OpenSQLite(ctx context.Context, path string) (*Store, error) {
	patience, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	s, err := openSQLite(ctx, path)
	for isBusy(err) && pause(patience, openPause) {
		s, err = openSQLite(ctx, path)
	}
	if err != nil {
		return nil, fmt.Errorf("sqlstore: open %s: %w", path, explainSQLite(err))
	}
	return s, nil
}

// Of several that open a new file at once, one makes it a file with a write-ahead
// log, and SQLite tells the others at once that it is locked, whatever they would
// wait (sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
const openPause = 50 * time.Millisecond

// migrateTries is how often bringing a file up to date is tried.
const migrateTries = 20

// pause waits, and reports whether ctx has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

func openSQLite(ctx context.Context, path string) (_ *Store, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := ownFile(path); err != nil {
		return nil, err
	}
	writer, err := sql.Open("sqlite", sqliteDSN(path, "journal_mode(WAL)", "synchronous(FULL)"))
	if err != nil {
		return nil, err
	}
	// One connection: writers queue in this process, in order, rather than
	// poll for the file's lock.
	writer.SetMaxOpenConns(1)
	s := &Store{dialect: sqliteDialect(), path: path, writer: writer, explain: explainSQLite, uses: useQueue{turn: make(chan struct{}, 1)}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := checkSQLite(ctx, writer); err != nil {
		return nil, err
	}
	if err := migrate(ctx, goose.DialectSQLite3, writer); err != nil {
		return nil, err
	}
	var moved bool
	if err := writer.QueryRowContext(ctx, `SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'moved'`).Scan(&moved); err != nil {
		return nil, err
	}
	if moved {
		return nil, ErrMoved
	}
	s.reader, err = sql.Open("sqlite", sqliteDSN(path, "query_only(1)"))
	if err != nil {
		return nil, err
	}
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	return s, s.prepare(ctx)
}

// sqliteDSN names the file to the driver. As a URI, so that a path with a
// question mark or a percent sign is itself.
func sqliteDSN(path string, pragmas ...string) string {
	query := url.Values{"_txlock": {"immediate"}}
	// First: those after it may have to wait for a lock.
	query.Add("_pragma", "busy_timeout("+strconv.FormatInt(busyTimeout.Milliseconds(), 10)+")")
	for _, p := range pragmas {
		query.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", Path: path, OmitHost: true, RawQuery: query.Encode()}).String()
}

// ownFile makes the file, or narrows the one that is there, to mode 0600.
// SQLite gives the files beside it the same mode.
func ownFile(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if info.Mode().Perm() != 0o600 {
		if err := f.Chmod(0o600); err != nil {
			return err
		}
	}
	if info.Size() > 0 {
		return nil
	}
	// The name of a new file must be as durable as what will be in it.
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// checkSQLite asks whether the file is whole and ours, and marks an empty one
// as ours.
func checkSQLite(ctx context.Context, db *sql.DB) error {
	// One statement, so one state of the file: another process may be making it.
	var id, tables int64
	err := db.QueryRowContext(ctx, `SELECT application_id, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id`).Scan(&id, &tables)
	if err != nil {
		return err
	}
	if id == 0 && tables == 0 {
		_, err := db.ExecContext(ctx, `PRAGMA application_id = `+strconv.Itoa(applicationID))
		return err
	}
	if id != applicationID {
		return ErrForeign
	}
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, verdict)
	}
	return nil
}

// explainSQLite adds our sentinel to an error in which SQLite says that the
// file is not as it should be.
func explainSQLite(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) || errors.Is(err, ErrDamaged) {
		return err
	}
	switch e.Code() & 0xff { // the primary code; the rest is detail
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// migrate brings the schema to the version of this program. Versions go
// forward only; a schema from the future is refused, since this program does
// not know what it would break.
func migrate(ctx context.Context, d goose.Dialect, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(d, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	// Of several processes that open the same file, one makes each step, and the
	// step fails for the others: what is left is tried again.
	for tries := 1; current < target; tries++ {
		_, failed := provider.Up(ctx)
		if current, _, err = provider.GetVersions(ctx); err != nil {
			return errors.Join(failed, err)
		}
		if failed != nil && current < target && (tries == migrateTries || !pause(ctx, openPause)) {
			return failed
		}
	}
	if current > target {
		return newerSchema(current, target)
	}
	return nil
}

func newerSchema(current, target int64) error {
	return fmt.Errorf("%w: its schema has version %d, this program knows %d; start the newer version of daypass", ErrNewerSchema, current, target)
}
