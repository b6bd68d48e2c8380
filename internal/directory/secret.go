package directory

import (
	"iter"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

// Secret is a secret with its policy read. Its values are not in memory.
type Secret struct {
	store.Secret
	ARN      string
	document *document // nil: there is no policy
}

func (d *Directory) compileSecret(r *store.Secret) (*Secret, string) {
	secret := &Secret{Secret: *r, ARN: arn.Secret(r.Account, r.Region, r.Name, r.Suffix)}
	read := reader{of: d.documents}
	if r.Policy != "" {
		secret.document = read.read(policy.Resource, r.Policy, r.Principals, "the policy of secret "+secret.ARN)
	}
	return secret, read.problems.String()
}

// ResourcePolicy is the policy of the secret as decisions take it, nil where it
// has none. One that cannot be read denies.
func (s *Secret) ResourcePolicy() *Attached {
	if s.document == nil {
		return nil
	}
	return &Attached{Source: "policy of secret " + s.ARN, Document: s.document.compile()}
}

// Secret finds a secret by its name, with regard to case.
func (s *Snapshot) Secret(account, region, name string) (*Secret, bool) {
	return s.secrets.Get(treeKey(account, region+"/"+name))
}

// Secrets gives the secrets of an account in a region, in order of their names.
func (s *Snapshot) Secrets(account, region string) iter.Seq[*Secret] {
	within := treeKey(account, region+"/")
	return func(yield func(*Secret) bool) {
		it := s.secrets.Root().Iterator()
		it.SeekPrefix(within)
		for {
			_, secret, ok := it.Next()
			if !ok || !yield(secret) {
				return
			}
		}
	}
}

// SecretsOver gives the secrets of all accounts whose deletion is due at a time,
// in seconds since 1970.
func (s *Snapshot) SecretsOver(now int64) iter.Seq[*Secret] {
	return func(yield func(*Secret) bool) {
		for it := s.secrets.Root().Iterator(); ; {
			_, secret, ok := it.Next()
			if !ok {
				return
			}
			if !secret.Deleted.IsZero() && secret.Deleted.Unix() <= now && !yield(secret) {
				return
			}
		}
	}
}
