package sqlstore_test

import (
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

// TestPostgresTimeline: a history goes on through any number of writes; one in which
// other writes have the revisions of those that were seen is told from it.
func TestPostgresTimeline(t *testing.T) {
	t.Parallel()
	place := postgresURL(t)
	s := openPostgres(t, place)
	since := func(s *sqlstore.Postgres, last store.Point) store.Point {
		t.Helper()
		now, err := s.Since(t.Context(), last)
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	differs := func(s *sqlstore.Postgres, last store.Point) {
		t.Helper()
		if now, err := s.Since(t.Context(), last); !errors.Is(err, store.ErrRevisionAhead) {
			t.Errorf("after %+v: %+v, %v; want ErrRevisionAhead", last, now, err)
		}
	}
	write := func(s *sqlstore.Postgres, n int) {
		t.Helper()
		for i := range n {
			if _, err := s.Update(t.Context(), func(tx store.Tx) error {
				return tx.Put(store.RoleID("123456789012", fmt.Sprint("r", i)), []byte("{}"))
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	begin := since(s, store.Point{})
	write(s, 3)
	three := since(s, begin)
	if again := since(s, three); again != three || three.Revision != 3 {
		t.Errorf("nothing was written between %+v and %+v", three, again)
	}
	write(s, 100) // beyond the signs
	far := since(s, three)
	write(s, 1)
	since(s, far)

	other := openPostgres(t, place) // of another process: it has other connections
	beyond := three
	beyond.Connections = -1
	differs(other, beyond)

	// A failover that lost the last two writes, and two others since.
	last := since(s, far)
	sqlIn(t, `UPDATE `+schemaIn(t, place)+`.daypass_state SET revision = revision - 2, recent = recent[3:]`)
	differs(s, last)
	write(s, 1)
	differs(s, last)
	write(s, 1)
	differs(s, last)
	write(s, 5)
	differs(s, last)
	since(s, since(s, store.Point{}))
}

// schemaIn is the schema that a URL of postgresURL names.
func schemaIn(t *testing.T, place string) string {
	t.Helper()
	parsed, err := url.Parse(place)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Query().Get("search_path")
}
