package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/store"
)

// DeleteSecretPolicy is DeleteBucketPolicy for the resource policy of a secret,
// which its whole ARN names.
func DeleteSecretPolicy(ctx context.Context, dataDir, secretARN string) (policy string, err error) {
	a, err := arn.Parse(secretARN)
	name, isSecret := strings.CutPrefix(a.Resource, "secret:")
	i := strings.LastIndexByte(name, '-')
	if err != nil || a.Service != "secretsmanager" || !isSecret || i < 1 {
		return "", fmt.Errorf("server: %q is not the ARN of a secret; \"aws secretsmanager list-secrets\" and the events tell them", secretARN)
	}
	d, err := reopenData(ctx, dataDir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	id := store.SecretID(a.Account, a.Region, name[:i])
	_, err = d.store.Update(ctx, func(tx store.Tx) error {
		record, err := store.GetRecord[store.Secret](tx, id)
		switch {
		case errors.Is(err, store.ErrNotFound) || err == nil && record.Suffix != name[i+1:]:
			return fmt.Errorf("server: there is no secret %s", secretARN)
		case err != nil:
			return err
		case record.Policy == "":
			return fmt.Errorf("server: secret %s has no policy", secretARN)
		}
		policy = record.Policy
		record.Policy, record.Principals = "", nil
		return store.PutRecord(tx, id, record)
	})
	return policy, err
}
