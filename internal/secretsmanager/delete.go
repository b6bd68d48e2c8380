package secretsmanager

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

// The recovery window in days (API Reference, DeleteSecret).
const (
	leastWindow   = 7
	mostWindow    = 30
	defaultWindow = 30
)

type deleteSecretInput struct {
	SecretId                   string
	RecoveryWindowInDays       *int64
	ForceDeleteWithoutRecovery *bool
}

func (in *deleteSecretInput) forced() bool {
	return in.ForceDeleteWithoutRecovery != nil && *in.ForceDeleteWithoutRecovery
}

type deleteSecretOutput struct {
	ARN          string
	Name         string
	DeletionDate awsapi.EpochTime
}

var deleteSecret = &operation[deleteSecretInput]{
	name: "DeleteSecret",
	id:   func(in *deleteSecretInput) string { return in.SecretId },
	check: func(in *deleteSecretInput, v *checks) {
		switch days := in.RecoveryWindowInDays; {
		case days != nil && in.forced():
			v.forbid(invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."))
		case days != nil && (*days < leastWindow || *days > mostWindow):
			v.forbid(invalidParameter("The RecoveryWindowInDays value must be between %d and %d days (inclusive).", leastWindow, mostWindow))
		}
	},
	keys: func(_ *request, in *deleteSecretInput, keys *policy.Context) {
		if in.RecoveryWindowInDays != nil {
			keys.Set("secretsmanager:RecoveryWindowInDays", strconv.FormatInt(*in.RecoveryWindowInDays, 10))
		}
		setBool(keys, "secretsmanager:ForceDeleteWithoutRecovery", in.ForceDeleteWithoutRecovery)
	},
	run: (*request).deleteSecret,
}

func setBool(keys *policy.Context, key string, value *bool) {
	if value != nil {
		keys.Set(key, strconv.FormatBool(*value))
	}
}

func (q *request) deleteSecret(in *deleteSecretInput) (any, error) {
	if in.forced() {
		return q.deleteNow()
	}
	days := int64(defaultWindow)
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
	}
	s, err := q.change(func(_ store.Tx, s *store.Secret) error {
		if !s.Deleted.IsZero() {
			return invalidRequest("You can't perform this operation on the secret because it was already scheduled for deletion.")
		}
		s.Deleted = q.Now.UTC().AddDate(0, 0, int(days))
		return nil
	})
	if err != nil {
		return nil, err
	}
	name := nameOf(s)
	return deleteSecretOutput{ARN: name.ARN, Name: name.Name, DeletionDate: awsapi.EpochTime(s.Deleted)}, nil
}

// deleteNow deletes for good. A secret that is not there is no error (API
// Reference, DeleteSecret).
func (q *request) deleteNow() (any, error) {
	secret := q.secret.found
	if secret == nil {
		name := q.secret.supplied
		if _, of, ok := secretARN(name); ok {
			name = of
		}
		return deleteSecretOutput{ARN: q.secret.arn, Name: name, DeletionDate: awsapi.EpochTime(q.Now.UTC())}, nil
	}
	err := erase(q.Request.Context(), q.Directory, secret, func(*store.Secret) bool { return true })
	if err != nil {
		return nil, err
	}
	return deleteSecretOutput{ARN: secret.ARN, Name: secret.Name, DeletionDate: awsapi.EpochTime(q.Now.UTC())}, nil
}

// erase deletes the record of a secret and all its values, if it still is to go.
func erase(ctx context.Context, dir *directory.Directory, secret *directory.Secret, still func(*store.Secret) bool) error {
	id := store.SecretID(secret.Account, secret.Region, secret.Name)
	return dir.Update(ctx, func(tx store.Tx) error {
		record, err := store.GetRecord[store.Secret](tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && (record.ID != secret.ID || !still(&record)) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, v := range record.Versions {
			if err := tx.Delete(store.SecretValueID(record.Account, record.ID, v.ID)); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		return tx.Delete(id)
	})
}

// DeleteOver deletes for good the secrets whose recovery window is over, and gives
// their ARNs. It is for the server's upkeep.
func DeleteOver(ctx context.Context, dir *directory.Directory, now time.Time) (deleted []string, err error) {
	for secret := range dir.Snapshot().SecretsOver(now.Unix()) {
		over := func(s *store.Secret) bool { return !s.Deleted.IsZero() && !s.Deleted.After(now) }
		if err := erase(ctx, dir, secret, over); err != nil {
			return deleted, err
		}
		deleted = append(deleted, secret.ARN)
	}
	return deleted, nil
}

var restoreSecret = &operation[secretInput]{
	name: "RestoreSecret", id: idOf,
	run: func(q *request, _ *secretInput) (any, error) {
		s, err := q.change(func(_ store.Tx, s *store.Secret) error {
			s.Deleted = time.Time{}
			return nil
		})
		if err != nil {
			return nil, err
		}
		return nameOf(s), nil
	},
}
