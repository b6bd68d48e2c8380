package directory

import (
	"fmt"

	"github.com/daypass/daypass/internal/store"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// applyRecord puts one changed record into its tree. It returns what was wrong
// with it, or "". A record that does not even decode leaves the tree: whatever
// named it finds nothing, and nothing is denied.
func applyRecord[R, C any](r *store.Record, tree **iradix.Tree[*C], key []byte, compile func(*R) (*C, string)) string {
	if r.Deleted {
		*tree, _, _ = (*tree).Delete(key)
		return ""
	}
	var record R
	if err := store.Decode(r.Document, &record); err != nil {
		*tree, _, _ = (*tree).Delete(key)
		return fmt.Sprintf("%s %s/%s is ignored, and what needs it is denied: %v", r.Kind, r.Account, r.Key, err)
	}
	compiled, problem := compile(&record)
	*tree, _, _ = (*tree).Insert(key, compiled)
	return problem
}
