package directory

import (
	"fmt"
	"iter"

	"github.com/daypass/daypass/internal/store"
)

// MasterKey says which key of the master key's set seals, nil where the store does
// not say. It must not be changed.
func (s *Snapshot) MasterKey() *store.MasterKey { return s.masterKey }

// Nodes gives what the servers on the store last said of themselves. They must not
// be changed.
func (s *Snapshot) Nodes() iter.Seq[*store.Node] {
	return func(yield func(*store.Node) bool) {
		for iterator := s.nodes.Root().Iterator(); ; {
			_, node, ok := iterator.Next()
			if !ok || !yield(node) {
				return
			}
		}
	}
}

// applyMasterKey follows the master key. A record that cannot be read is an error:
// this node might go on to seal under a key that is to be dropped.
func applyMasterKey(s *Snapshot, r *store.Record) error {
	if r.ID != store.MasterKeyID() {
		return fmt.Errorf("directory: the store speaks of a master key under %v, and this version knows one only; start the version that wrote it", r.ID)
	}
	if r.Deleted {
		s.masterKey = nil
		return nil
	}
	var record store.MasterKey
	if err := store.Decode(r.Document, &record); err != nil {
		return fmt.Errorf("directory: the master key's record: %w", err)
	}
	s.masterKey = &record
	return nil
}
