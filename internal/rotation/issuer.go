package rotation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/outbound"
	"github.com/daypass/daypass/internal/store"
)

// The keys of an issuer: the next is published for as long as others may keep the
// key set without it (an hour, by its Cache-Control), and ten minutes for nodes and
// clocks that differ, before it signs. An earlier one stays published for as long
// as its last token lasts (an hour; STS API Reference, GetWebIdentityToken), and
// ten minutes.
const (
	PublishNext = 70 * time.Minute
	KeepIssuer  = 70 * time.Minute
)

// ErrNoIssuer says that an account was never made an issuer.
var ErrNoIssuer = errors.New("rotation: the account is no issuer; outbound federation was never enabled in it")

// Issuer rotates the keys by which an account signs.
type Issuer struct {
	Directory *directory.Directory
	Sealer    directory.Sealer
	Random    io.Reader

	// SignNow has the next key sign without waiting until everybody can know it: a
	// verifier that kept the key set, and does not ask again for a key that it
	// lacks, refuses its tokens for up to an hour.
	SignNow bool
	// DropNow withdraws keys that were replaced at once: tokens that they signed
	// are not verified any more.
	DropNow bool
}

// IssuerChange is what a call has done.
type IssuerChange struct {
	Announced, Signs, Dropped []string // kids
}

func (c *IssuerChange) any() bool { return len(c.Announced)+len(c.Signs)+len(c.Dropped) > 0 }

// Advance takes the steps that are due of a rotation that is under way. begin says
// that one is to begin where none is.
func (i *Issuer) Advance(ctx context.Context, account string, begin bool, now time.Time) (change IssuerChange, err error) {
	o, ok := i.Directory.Snapshot().Outbound(account)
	if !ok {
		return change, ErrNoIssuer
	}
	trial := &store.Outbound{Account: account, IssuerID: o.IssuerID, Keys: slices.Clone(o.Stored)}
	var fresh []outbound.NewKey
	if begin && !slices.ContainsFunc(o.Stored, isNext) {
		kids := make([]string, len(o.Stored))
		for n := range o.Stored {
			kids[n] = o.Stored[n].ID
		}
		// Before the transaction, since an RSA key takes long.
		if fresh, err = outbound.KeysAfter(i.Random, kids); err != nil {
			return change, err
		}
	} else if plan := i.apply(trial, now); !plan.any() {
		return change, nil // no transaction to find that out
	}
	err = i.Directory.Update(ctx, func(tx store.Tx) error {
		record, err := store.GetRecord[store.Outbound](tx, store.OutboundID(account))
		if err != nil {
			return err
		}
		var announced []string
		if !slices.ContainsFunc(record.Keys, isNext) { // nobody was quicker
			if announced, err = i.announce(&record, fresh, now); err != nil {
				return err
			}
		}
		if change = i.apply(&record, now); len(announced) > 0 {
			change.Announced = announced
		}
		if !change.any() {
			return nil
		}
		return store.PutRecord(tx, store.OutboundID(account), record)
	})
	if err != nil {
		return IssuerChange{}, fmt.Errorf("rotation: issuer of account %s: %w", account, err)
	}
	return change, nil
}

func isNext(k store.SigningKey) bool { return k.Next }

// announce publishes fresh keys that do not sign yet.
func (i *Issuer) announce(record *store.Outbound, fresh []outbound.NewKey, now time.Time) (kids []string, err error) {
	for _, k := range fresh {
		key := store.SigningKey{ID: k.ID, Algorithm: k.Algorithm, Created: now.UTC(), Next: true}
		if slices.ContainsFunc(record.Keys, func(has store.SigningKey) bool { return has.ID == k.ID }) {
			return nil, errMoved // somebody rotated meanwhile; the caller may begin again
		}
		if key.Sealed, err = i.Sealer.Seal(k.PKCS8, record.Associated(&key)); err != nil {
			return nil, err
		}
		record.Keys = append(record.Keys, key)
		kids = append(kids, k.ID)
	}
	return kids, nil
}

// apply has next keys sign and takes earlier ones out, where it is time.
func (i *Issuer) apply(record *store.Outbound, now time.Time) (change IssuerChange) {
	for n := range record.Keys {
		next := &record.Keys[n]
		if !next.Next || !i.SignNow && now.Sub(next.Created) < PublishNext {
			continue
		}
		for m := range record.Keys {
			k := &record.Keys[m]
			if k.Algorithm == next.Algorithm && !k.Next && k.Replaced.IsZero() {
				k.Replaced = now.UTC()
			}
		}
		next.Next, next.Signs = false, now.UTC()
		change.Signs = append(change.Signs, next.ID)
	}
	record.Keys = slices.DeleteFunc(record.Keys, func(k store.SigningKey) bool {
		over := !k.Replaced.IsZero() && (i.DropNow || now.Sub(k.Replaced) >= KeepIssuer)
		if over {
			change.Dropped = append(change.Dropped, k.ID)
		}
		return over
	})
	return change
}

// Signs is since when a key signs, or its making where that is not known.
func Signs(k *store.SigningKey) time.Time {
	if k.Signs.IsZero() {
		return k.Created
	}
	return k.Signs
}

// Due reports whether the signing keys of an account that is an issuer are as old
// as every; 0 is never.
func Due(o *directory.Outbound, every time.Duration, now time.Time) bool {
	if every == 0 || !o.Enabled || slices.ContainsFunc(o.Stored, isNext) {
		return false
	}
	return slices.ContainsFunc(o.Stored, func(k store.SigningKey) bool {
		return k.Replaced.IsZero() && now.Sub(Signs(&k)) >= every
	})
}
