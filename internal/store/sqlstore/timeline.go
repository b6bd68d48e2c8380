package sqlstore

import (
	"context"
	"fmt"

	"github.com/daypass/daypass/internal/store"
)

// sincePoint gives the revision and its sign; how many revisions back the signs reach;
// and whether the write that took the revision $1 is the one of the sign $2.
const sincePoint = `SELECT revision, coalesce(recent[1], 0), coalesce(array_length(recent, 1), 0),
	coalesce(recent[1 + CASE WHEN revision - $1::bigint BETWEEN 0 AND 1000 THEN revision - $1::bigint ELSE 1000 END] = $2::bigint, false)
	FROM daypass_state WHERE id = 1`

// Since implements store.Timeline, by the signs that each write leaves. They reach some
// writes back; from farther, the history is taken for the same as long as no connection
// had to be made, which there must be after a failover.
func (p *Postgres) Since(ctx context.Context, last store.Point) (store.Point, error) {
	if err := p.begin(); err != nil {
		return store.Point{}, err
	}
	defer p.inflight.Done()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var now store.Point
	var reach int64
	var same bool
	if err := p.reader.QueryRowContext(ctx, sincePoint, last.Revision, last.Sign).Scan(&now.Revision, &now.Sign, &reach, &same); err != nil {
		return store.Point{}, fmt.Errorf("sqlstore: read the revision: %w", p.explain(err))
	}
	now.Connections = p.connections.Load()
	switch back := now.Revision - last.Revision; {
	case last == store.Point{}:
	case back < 0:
		return store.Point{}, fmt.Errorf("%w: %d was seen, the store is at %d", store.ErrRevisionAhead, last.Revision, now.Revision)
	case last.Sign != 0 && back < reach && !same:
		return store.Point{}, fmt.Errorf("%w: the write at revision %d is not the one that was seen", store.ErrRevisionAhead, last.Revision)
	case last.Sign != 0 && back < reach:
	case last.Sign == 0 && back == reach: // all that was written since has a sign
	case now.Connections != last.Connections:
		return store.Point{}, fmt.Errorf("%w: whether the write at revision %d is the one that was seen cannot be told after %d more, by another connection", store.ErrRevisionAhead, last.Revision, back)
	}
	return now, nil
}
