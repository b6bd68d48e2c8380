package iam

import (
	"errors"

	"github.com/daypass/daypass/internal/store"
)

// deleteLastUse takes away what is known of the last use of a role or access key
// that is deleted.
func deleteLastUse(tx store.Tx, account, id string) error {
	if err := tx.Delete(store.LastUseID(account, id)); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}
