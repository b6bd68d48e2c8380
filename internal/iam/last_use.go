package iam

import (
	"errors"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// LastUses tells when a role or an access key, named by its unique id, was last
// used. It may know of later uses than the snapshot, of which this node alone has
// seen them. lastuse.Tracker is one.
type LastUses interface {
	LastUse(snapshot *directory.Snapshot, account, id string) (store.LastUse, bool)
}

// lastUseTold is for how long a use is told (IAM API Reference, RoleLastUsed: the
// trailing 400 days).
const lastUseTold = 400 * 24 * time.Hour

// lastUse is the last use of a role or access key of the caller's account, nil for
// none. Its region is "" where the signature named none (Signature V4A).
func (s *service) lastUse(c *awsapi.Call, id string) *store.LastUse {
	use, ok := s.LastUses.LastUse(c.Snapshot, c.Account, id)
	if !ok || c.Now.Sub(use.At) > lastUseTold {
		return nil
	}
	return &use
}

// deleteLastUse takes away what is known of the last use of a role or access key
// that is deleted.
func deleteLastUse(tx store.Tx, account, id string) error {
	if err := tx.Delete(store.LastUseID(account, id)); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}
