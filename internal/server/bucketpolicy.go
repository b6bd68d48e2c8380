package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/daypass/daypass/internal/store"
)

// DeleteBucketPolicy takes the policy of a bucket away, whatever that policy says,
// and gives it back. It is for a policy that denies everyone, its own account's
// administrators among them: at AWS the account's root user can take it away then
// (S3 User Guide, "Bucket policies"), and here nobody on the wire stands above
// policies, but who has the data directory does. Servers that run on the directory
// follow within a second.
//
// The directory must be there, with its master key. A bucket that has no policy,
// and one that there is no record of, are errors.
func DeleteBucketPolicy(ctx context.Context, dataDir, bucket string) (policy string, err error) {
	d, err := reopenData(ctx, dataDir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	_, err = d.store.Update(ctx, func(tx store.Tx) error {
		record, err := store.GetRecord[store.Bucket](tx, store.BucketID(bucket))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return fmt.Errorf("server: there is no bucket %q", bucket)
		case err != nil:
			return err
		case record.Policy == "":
			return fmt.Errorf("server: bucket %q has no policy", bucket)
		}
		policy = record.Policy
		record.Policy, record.Principals = "", nil
		return store.PutRecord(tx, store.BucketID(bucket), record)
	})
	return policy, err
}
