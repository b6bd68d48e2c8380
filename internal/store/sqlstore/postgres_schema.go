package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// ErrOlderSchema says that an older version of Daypass made the tables of a database
// that nodes share. They are brought up to date when somebody says so, and not when the
// first of the newer nodes starts.
var ErrOlderSchema = errors.New("the store is of an older version")

const (
	// versionsTable is where it is kept which migrations were made.
	versionsTable = "daypass_schema"
	// oldestPostgres is the version of PostgreSQL that is needed at least: 13.
	oldestPostgres = 130000
)

// checkPostgres asks whether a store can be in the database, and gives the schema that
// its tables are in.
func checkPostgres(ctx context.Context, db *sql.DB) (string, error) {
	var version int
	var encoding string
	var schema sql.NullString
	err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), current_schema()`).
		Scan(&version, &encoding, &schema)
	switch {
	case err != nil:
		return "", err
	case version < oldestPostgres:
		return "", fmt.Errorf("its server is PostgreSQL %d; 13 or newer is needed", version/10000)
	case encoding != "UTF8":
		return "", fmt.Errorf("its encoding is %s; create a database whose encoding is UTF8", encoding)
	case !schema.Valid:
		return "", errors.New("it has no schema to put tables into; create one, or name one that there is in search_path")
	}
	return schema.String, nil
}

// bringUp makes the tables where there are none, and otherwise checks that they are of
// this version, or makes them so if it is told to upgrade. Who comes while another does
// that waits.
func (p *Postgres) bringUp(ctx context.Context, upgrade bool) (err error) {
	conn, err := p.reader.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1, hashtext(current_schema()))`, applicationID); err != nil {
		return err
	}
	defer func() { // a connection that was lost has lost the lock too
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1, hashtext(current_schema()))`, applicationID)
	}()
	var made, moved bool
	err = conn.QueryRowContext(ctx, `SELECT to_regclass(quote_ident(current_schema()) || '.`+versionsTable+`') IS NOT NULL, to_regclass(quote_ident(current_schema()) || '.daypass_moved') IS NOT NULL`).Scan(&made, &moved)
	if err != nil {
		return err
	}
	if moved {
		return ErrMoved
	}
	files, err := fs.Sub(migrations, "migrations/postgres")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, p.writer, files, goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionsTable))
	if err != nil {
		return err
	}
	current, target, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return err
	case current > target:
		return newerSchema(current, target)
	case current < target && made && current > 0 && !upgrade:
		return fmt.Errorf("%w: its tables have version %d, this program's %d; stop the older nodes, make a backup, then run: daypass upgrade-store --store URL", ErrOlderSchema, current, target)
	case current < target:
		_, err = provider.Up(ctx)
	}
	return err
}
