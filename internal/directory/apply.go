package directory

import (
	"fmt"

	"github.com/daypass/daypass/internal/store"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// applyRecord puts one changed record into its tree, and into the index what it
// is also found by. It returns what was wrong with it, or "". A record that does
// not even decode leaves the tree: whatever named it finds nothing, and nothing
// is denied.
func applyRecord[R, C any](s *Snapshot, r *store.Record, tree **iradix.Tree[*C], key []byte, compile func(*R) (*C, string)) string {
	var compiled *C
	problem := ""
	if !r.Deleted {
		var record R
		if err := store.Decode(r.Document, &record); err != nil {
			problem = fmt.Sprintf("%s %s/%s is ignored, and what needs it is denied: %v", r.Kind, r.Account, r.Key, err)
		} else {
			compiled, problem = compile(&record)
		}
	}
	var old *C
	var had bool
	if compiled == nil {
		*tree, old, had = (*tree).Delete(key)
	} else {
		*tree, old, had = (*tree).Insert(key, compiled)
	}
	s.reindex(r.ID, indexed(old), indexed(compiled))
	s.count(r.ID, had, compiled != nil)
	return problem
}
