package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// ErrNotEmpty says that a store that was to be filled holds something already.
var ErrNotEmpty = errors.New("store: not empty")

// Contents is all that a store keeps, as it was at one revision.
type Contents struct {
	Revision int64
	Records  []Record // each once, tombstones included, in order of revision
	Marks    []UsedMark
}

// UsedMark is a mark of UseOnce, and until when it counts.
type UsedMark struct {
	Mark  Mark
	Until time.Time
}

// pageOfRecords bounds what one read of a store brings.
const pageOfRecords = 5000

// ReadAll reads all records of a store, as they are at the revision that it returns.
// Others may write meanwhile: a page that is not full goes to the newest revision there
// was when it was read, and then, as the package comment says of followers, what was
// put together from the pages is the state of the store.
func ReadAll(ctx context.Context, s Store) (int64, []Record, error) {
	records := map[ID]Record{}
	revision := int64(0)
	for {
		page, err := s.Changes(ctx, revision, pageOfRecords)
		if err != nil {
			return 0, nil, err
		}
		for i := range page {
			records[page[i].ID] = page[i]
			revision = page[i].Revision
		}
		if len(page) < pageOfRecords {
			return revision, sortedRecords(records), nil
		}
	}
}

func sortedRecords(records map[ID]Record) []Record {
	sorted := slices.Collect(maps.Values(records))
	slices.SortFunc(sorted, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Key, b.Key))
	})
	return sorted
}

// Check says whether a store could hold c: records that Put would take, each once, with
// revisions from 1 to c.Revision, which one of them has. It is for those who write a
// Store.
func (c *Contents) Check() error {
	seen := make(map[ID]bool, len(c.Records))
	newest := int64(0)
	for i := range c.Records {
		r := &c.Records[i]
		if err := CheckPut(r.ID, r.Document); err != nil {
			return err
		}
		if seen[r.ID] || r.Revision < 1 || r.Deleted && len(r.Document) > 0 {
			return fmt.Errorf("store: %v is there twice, at revision %d, or deleted with a document", r.ID, r.Revision)
		}
		seen[r.ID] = true
		newest = max(newest, r.Revision)
	}
	if newest != c.Revision {
		return fmt.Errorf("store: the newest record has revision %d, and the whole %d", newest, c.Revision)
	}
	return nil
}
