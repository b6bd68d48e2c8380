package directory

import (
	"fmt"
	"iter"

	"github.com/daypass/daypass/internal/outbound"
	"github.com/daypass/daypass/internal/store"
)

// Outbound is an account's outbound web identity federation with its keys
// parsed, which is why a Snapshot is never printed.
type Outbound struct {
	Account, IssuerID string
	Enabled           bool
	Keys              *outbound.Keys
	// Stored are the keys as they are stored, sealed. They must not be changed.
	Stored []store.SigningKey
}

// Outbounds gives the outbound federations of all accounts, in order of account.
func (s *Snapshot) Outbounds() iter.Seq[*Outbound] {
	return func(yield func(*Outbound) bool) {
		for iterator := s.outbound.Root().Iterator(); ; {
			_, o, ok := iterator.Next()
			if !ok || !yield(o) {
				return
			}
		}
	}
}

// Outbound finds the outbound federation of an account, whether it is enabled or
// was once.
func (s *Snapshot) Outbound(account string) (*Outbound, bool) { return s.outbound.Get([]byte(account)) }

// OutboundIssuer finds it by the id of its issuer.
func (s *Snapshot) OutboundIssuer(issuerID string) (*Outbound, bool) {
	return s.issuers.Get([]byte(issuerID))
}

// applyOutbound replaces what was known of an account. A record that cannot be
// read leaves the account without the feature, and is a problem; a key that does
// not open under this master key is an error, as with access keys.
func (d *Directory) applyOutbound(s *Snapshot, r *store.Record) (problem string, err error) {
	if old, ok := s.outbound.Get([]byte(r.Key)); ok {
		s.outbound, _, _ = s.outbound.Delete([]byte(r.Key))
		s.issuers, _, _ = s.issuers.Delete([]byte(old.IssuerID))
	}
	if r.Deleted {
		return "", nil
	}
	var record store.Outbound
	unread := func(err error) string {
		return fmt.Sprintf("the outbound federation of account %s is off: %v", r.Account, err)
	}
	if err := store.Decode(r.Document, &record); err != nil {
		return unread(err), nil
	}
	if record.Account != r.Account || record.Account != r.Key || record.IssuerID == "" {
		return unread(fmt.Errorf("its record is of account %q", record.Account)), nil
	}
	stored := make([]outbound.NewKey, len(record.Keys))
	for i := range record.Keys {
		k := &record.Keys[i]
		opened, err := d.opener.Open(k.Sealed, record.Associated(k))
		if err != nil {
			return "", fmt.Errorf("directory: signing key %s of account %s does not open under this master key; start with the key file that belongs to this store: %w", k.ID, r.Account, err)
		}
		stored[i] = outbound.NewKey{ID: k.ID, Algorithm: k.Algorithm, PKCS8: opened, Next: k.Next}
	}
	keys, err := outbound.ParseKeys(stored)
	if err != nil {
		return unread(err), nil
	}
	compiled := &Outbound{Account: record.Account, IssuerID: record.IssuerID, Enabled: record.Enabled, Keys: keys, Stored: record.Keys}
	s.outbound, _, _ = s.outbound.Insert([]byte(record.Account), compiled)
	s.issuers, _, _ = s.issuers.Insert([]byte(record.IssuerID), compiled)
	return "", nil
}
