package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/store"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// recentSigns is how many of the last transactions can be told to have
	// committed; see the table daypass_state.
	recentSigns = 64
	// channel is that of NOTIFY. What is told begins with the schema, since several
	// stores may be in one database; of a write it is that alone.
	channel = "daypass"
	// heartbeat is how often a connection that listens is asked whether it still does.
	heartbeat = 15 * time.Second
	// readTimeout is how long one read of the database may take; a database that does
	// not answer must not be waited for by who asks it again anyway.
	readTimeout = 10 * time.Second
)

// postgresDialect is how PostgreSQL says what Store needs.
func postgresDialect() dialect {
	return dialect{
		name:         "postgres",
		lockRevision: `SELECT revision FROM daypass_state WHERE id = 1 FOR UPDATE`,
		// pg_notify tells as the transaction commits, and not if it does not.
		setRevision: `WITH taken AS (UPDATE daypass_state SET revision = $1, recent = (ARRAY[$2::bigint] || recent)[1:64] WHERE id = 1)
			SELECT pg_notify('` + channel + `', current_schema())`,
		revision: `SELECT revision FROM daypass_state WHERE id = 1`,
		// It waits for a transaction that has the lock, so that what it tells is final.
		committed: `SELECT revision, $1::bigint = ANY (recent) FROM daypass_state WHERE id = 1 FOR UPDATE`,
		get: `SELECT document, revision FROM daypass_records
			WHERE kind = $1 AND account = $2 AND key = $3 AND NOT deleted`,
		put: `INSERT INTO daypass_records (kind, account, key, document, revision, deleted)
			VALUES ($1, $2, $3, $4, $5, false)
			ON CONFLICT (kind, account, key) DO UPDATE
			SET document = excluded.document, revision = excluded.revision, deleted = false`,
		del: `UPDATE daypass_records SET document = ''::bytea, revision = $4, deleted = true
			WHERE kind = $1 AND account = $2 AND key = $3 AND NOT deleted`,
		changes: `SELECT kind, account, key, document, revision, deleted FROM daypass_records
			WHERE revision > $1::bigint AND revision <= coalesce(
				(SELECT revision FROM daypass_records WHERE revision > $1::bigint ORDER BY revision LIMIT 1 OFFSET $2::bigint - 1),
				9223372036854775807)
			ORDER BY revision, kind, account, key`,
		marked: `SELECT 1 FROM daypass_marks WHERE mark = $1 AND until > $2`,
		mark: `INSERT INTO daypass_marks (mark, until) VALUES ($1, $3)
			ON CONFLICT (mark) DO UPDATE SET until = excluded.until WHERE daypass_marks.until <= $2`,
		allMarks: `SELECT mark, until FROM daypass_marks ORDER BY mark`,
		// Those that another node clears away are not waited for.
		clearMarks: `DELETE FROM daypass_marks WHERE mark IN
			(SELECT mark FROM daypass_marks WHERE until <= $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED)`,
		held:      `SELECT (SELECT count(*) FROM daypass_records) + (SELECT count(*) FROM daypass_marks)`,
		all:       `SELECT kind, account, key, document, revision, deleted FROM daypass_records ORDER BY revision, kind, account, key`,
		restore:   `INSERT INTO daypass_records (kind, account, key, document, revision, deleted) VALUES ($1, $2, $3, $4, $5, $6)`,
		leave:     `ALTER TABLE daypass_state RENAME TO daypass_moved`,
		transient: isTransient,
	}
}

// Postgres is a Store in a PostgreSQL database, which many nodes share.
type Postgres struct {
	*Store
	config *pgx.ConnConfig
	schema string // that the tables are in

	connections atomic.Int64 // to read with, as many as were made
	letters     letterBoxes
}

var (
	_ store.Feed     = (*Postgres)(nil)
	_ store.Timeline = (*Postgres)(nil)
	_ store.Mail     = (*Postgres)(nil)
)

// OpenPostgres opens the store in the database that a URL names, postgres://…, and
// makes its tables if the database has none; of several that do so at once, one makes
// them. The password may be in the URL, in PGPASSWORD, or in the file that PGPASSFILE
// names, and so may be all else that libpq knows. Of several hosts the one that can be
// written to is taken, also after a failover. Beyond this machine the server must show
// a certificate that is good for its name (sslmode=verify-full).
//
// The error matches ErrOlderSchema or ErrNewerSchema where the tables are not of this
// version, *URLError where the URL must change. None has the password in it.
func OpenPostgres(ctx context.Context, url string) (*Postgres, error) {
	return openPostgres(ctx, url, false)
}

// UpgradePostgres brings the tables of a database up to the version of this program,
// as OpenPostgres does not where nodes of an older version may be at work.
func UpgradePostgres(ctx context.Context, url string) error {
	p, err := openPostgres(ctx, url, true)
	if err != nil {
		return err
	}
	return p.Close()
}

func openPostgres(ctx context.Context, url string, upgrade bool) (_ *Postgres, err error) {
	config, err := parsePostgresURL(url)
	if err != nil {
		return nil, err
	}
	place := fmt.Sprintf("database %s at %s", config.Database, hostsOf(config))
	p := &Postgres{config: config}
	pool := func(size int, connected func(context.Context, *pgx.Conn) error) *sql.DB {
		db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(connected))
		db.SetMaxOpenConns(size)
		db.SetMaxIdleConns(size)
		return db
	}
	p.Store = &Store{
		// One connection to write with: what waits for the lock of all nodes waits here.
		dialect: postgresDialect(), writer: pool(1, setUpSession), reader: pool(readers, func(ctx context.Context, conn *pgx.Conn) error {
			p.connections.Add(1)
			return setUpSession(ctx, conn)
		}),
		explain: func(err error) error { return err }, uses: useQueue{turn: make(chan struct{}, 1)},
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("sqlstore: open %s: %w", place, err), p.Close())
		}
	}()
	if p.schema, err = checkPostgres(ctx, p.reader); err != nil {
		return nil, err
	}
	if err := p.bringUp(ctx, upgrade); err != nil {
		return nil, err
	}
	return p, p.prepare(ctx)
}

// setUpSession makes a new connection keep what the contract asks, whatever the
// database's own settings are.
func setUpSession(ctx context.Context, conn *pgx.Conn) error {
	// A write is durable when it was acknowledged. A node that went away within a
	// transaction must not keep all others from writing. Who waited for the lock must
	// see what was committed meanwhile.
	_, err := conn.Exec(ctx, `SELECT
		set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),
		set_config('idle_in_transaction_session_timeout', '30s', false),
		set_config('default_transaction_isolation', 'read committed', false)`)
	return err
}

// Listen implements store.Feed.
func (p *Postgres) Listen(ctx context.Context, wake func()) error {
	if err := p.begin(); err != nil {
		return err
	}
	defer p.inflight.Done()
	conn, err := pgx.ConnectConfig(ctx, p.config.Copy())
	if err != nil {
		return fmt.Errorf("sqlstore: listen: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it only listened
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return fmt.Errorf("sqlstore: listen: %w", err)
	}
	wake() // for what was written before
	for {
		told, err := waitFor(ctx, conn, heartbeat)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("sqlstore: listen: %w", err)
		case told == nil:
			if err := beat(ctx, conn); err != nil {
				return fmt.Errorf("sqlstore: listen: %w", err)
			}
		case p.heard(told.Payload):
			wake()
		}
	}
}

// waitFor gives the next word, nil if there is none in the given time.
func waitFor(ctx context.Context, conn *pgx.Conn, patience time.Duration) (*pgconn.Notification, error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	told, err := conn.WaitForNotification(waiting)
	if err != nil && waiting.Err() != nil && !conn.IsClosed() {
		return nil, nil //nolint:nilnil // see above
	}
	return told, err
}

// beat asks whether the other end is there.
func beat(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return conn.Ping(ctx)
}

// isTransient reports whether an error is of the connection, or of the moment, so that
// the same may succeed when it is tried again. It says nothing about whether what
// failed has happened.
func isTransient(err error) bool {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		switch said.Code[:min(2, len(said.Code))] {
		case "08", "40", "53", "57": // connection, rolled back (serialisation, deadlock), resources, shut down
			return said.Code != "57014" // cancelled, which the caller's context does
		case "25":
			return said.Code == "25006" || said.Code == "25P03" // it became a standby; it ended what was idle
		}
		return false
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return true
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && isOfConnection(err)
}
