package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// revocations are those of all accounts: by account and id, and by what they
// end, so that asking for a session is a few look-ups whatever their number.
type revocations struct {
	byID *iradix.Tree[*store.Revocation]
	// byWhat has for a key of endKey all that end the same. A list is replaced,
	// never changed.
	byWhat *iradix.Tree[[]*store.Revocation]
}

func newRevocations() revocations {
	return revocations{byID: iradix.New[*store.Revocation](), byWhat: iradix.New[[]*store.Revocation]()}
}

// The letters by which endKey tells apart what a revocation ends.
const (
	endsAll     = '!'
	endsRole    = 'r'
	endsSession = 's'
	endsToken   = 't'
	endsSignIn  = 'c'
)

// endKey appends the key under which byWhat has what ends the given thing of an
// account. Accounts are all of one length, so that the parts cannot shift.
func endKey(b []byte, account string, what byte, id string) []byte {
	b = append(b, account...)
	b = append(b, '/', what)
	return append(b, id...)
}

func whatOf(r *store.Revocation) []byte {
	switch r.Kind {
	case store.RevocationRole:
		return endKey(nil, r.Account, endsRole, r.RoleID)
	case store.RevocationSession:
		return endKey(nil, r.Account, endsSession, r.AccessKeyID)
	case store.RevocationToken:
		return endKey(nil, r.Account, endsToken, r.TokenID)
	case store.RevocationSignIn:
		return endKey(nil, r.Account, endsSignIn, r.SignIn)
	}
	return endKey(nil, r.Account, endsAll, "")
}

// apply puts one changed record in its places, and returns what was wrong with
// it, or "".
func (v *revocations) apply(r *store.Record) string {
	key := treeKey(r.Account, r.Key)
	if before, had := v.byID.Get(key); had {
		v.byID, _, _ = v.byID.Delete(key)
		what := whatOf(before)
		list, _ := v.byWhat.Get(what)
		list = slices.DeleteFunc(slices.Clone(list), func(other *store.Revocation) bool { return other == before })
		if len(list) == 0 {
			v.byWhat, _, _ = v.byWhat.Delete(what)
		} else {
			v.byWhat, _, _ = v.byWhat.Insert(what, list)
		}
	}
	if r.Deleted {
		return ""
	}
	revocation, problem := readRevocation(r)
	v.byID, _, _ = v.byID.Insert(key, revocation)
	what := whatOf(revocation)
	list, _ := v.byWhat.Get(what)
	v.byWhat, _, _ = v.byWhat.Insert(what, append(slices.Clip(list), revocation))
	return problem
}

// readRevocation fails closed: nobody knows what a record that cannot be read
// would have ended, so it ends all that it could have.
func readRevocation(r *store.Record) (*store.Revocation, string) {
	revocation := &store.Revocation{}
	err := store.Decode(r.Document, revocation)
	if err == nil {
		err = revocation.Check()
	}
	if err == nil && (revocation.Account != r.Account || revocation.ID != r.Key) {
		err = fmt.Errorf("it is of %s/%s", revocation.Account, revocation.ID)
	}
	if err == nil {
		return revocation, ""
	}
	problem := fmt.Sprintf("revocation %s/%s cannot be read, and every session of account %s is taken as revoked until it is deleted or put right: %v", r.Account, r.Key, r.Account, err)
	return &store.Revocation{Account: r.Account, ID: r.Key, Kind: store.RevocationUnreadable, Reason: problem}, problem
}

// Revoked reports whether a session was revoked, and by what: itself by its
// access key id, a session that it was chained from, the identity token at the
// beginning, or its role's sessions of that time. An account's revocations reach
// what was chained from its sessions into other accounts, and what other
// accounts' sessions began in it.
func (s *Snapshot) Revoked(g *session.Grant, accessKeyID string) (store.Revocation, bool) {
	if s.revocations.byID.Len() == 0 {
		return store.Revocation{}, false
	}
	if r := s.revocations.find(g, accessKeyID); r != nil {
		return *r, true
	}
	return store.Revocation{}, false
}

func (v *revocations) find(g *session.Grant, accessKeyID string) *store.Revocation {
	if r := v.inAccount(g.Account, accessKeyID, g); r != nil {
		return r
	}
	if g.Kind == session.AssumedRole {
		for _, r := range v.ends(g.Account, endsRole, g.RoleID) {
			if !g.IssuedAt.After(r.Before) {
				return r
			}
		}
	}
	if account := providerAccount(g.Provider); account != "" && account != g.Account {
		if r := v.inAccount(account, accessKeyID, g); r != nil {
			return r
		}
	}
	for _, id := range g.Ancestors {
		if r := first(v.ends(g.Account, endsSession, id)); r != nil {
			return r
		}
		if session.OfAccount(id, g.Account) {
			continue
		}
		if account, ok := session.AccountOf(id); ok {
			if r := v.inAccount(account, id, g); r != nil {
				return r
			}
		}
	}
	return nil
}

// TokenRevoked reports whether an identity token was revoked in an account, so
// that it begins no more sessions there.
func (s *Snapshot) TokenRevoked(account, providerARN, tokenID string) (store.Revocation, bool) {
	if tokenID == "" || s.revocations.byID.Len() == 0 {
		return store.Revocation{}, false
	}
	for _, r := range s.revocations.ends(account, endsToken, tokenID) {
		if r.Provider == "" || r.Provider == providerARN {
			return *r, true
		}
	}
	return store.Revocation{}, false
}

// SignedOut reports whether a sign-in to the console was signed out, or must be taken
// for that.
func (s *Snapshot) SignedOut(account, id string) bool {
	v := &s.revocations
	return v.byID.Len() > 0 && (first(v.ends(account, endsAll, "")) != nil || first(v.ends(account, endsSignIn, id)) != nil)
}

// inAccount asks one account for what ends a session, an access key id of the
// session or of an ancestor, or the token that it began with.
func (v *revocations) inAccount(account, accessKeyID string, g *session.Grant) *store.Revocation {
	if r := first(v.ends(account, endsAll, "")); r != nil {
		return r
	}
	if r := first(v.ends(account, endsSession, accessKeyID)); r != nil {
		return r
	}
	if g.TokenID == "" {
		return nil
	}
	for _, r := range v.ends(account, endsToken, g.TokenID) {
		if r.Provider == "" || r.Provider == g.Provider {
			return r
		}
	}
	return nil
}

func (v *revocations) ends(account string, what byte, id string) []*store.Revocation {
	var room [256]byte // as long as most, so that the key needs no memory of its own
	list, _ := v.byWhat.Get(endKey(room[:0], account, what, id))
	return list
}

func first(list []*store.Revocation) *store.Revocation {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// providerAccount reads the account off a provider's ARN, "" off anything else.
func providerAccount(providerARN string) string {
	rest, ok := strings.CutPrefix(providerARN, "arn:aws:iam::")
	if account, _, found := strings.Cut(rest, ":"); ok && found {
		return account
	}
	return ""
}

// Revocations lists the revocations of an account in order of their ids, but for
// sign-ins that were signed out. One that cannot be read is among them, as
// store.RevocationUnreadable.
func (s *Snapshot) Revocations(account string) []*store.Revocation {
	return slices.DeleteFunc(list(s.revocations.byID, account), func(r *store.Revocation) bool { return r.Kind == store.RevocationSignIn })
}

// DeleteOverRevocations deletes, in one transaction, up to limit of the
// revocations whose time is over: no session is left that they could end. It
// returns how many. It looks at all there are, so call it now and then.
func (d *Directory) DeleteOverRevocations(ctx context.Context, now time.Time, limit int) (deleted int, err error) {
	var over []store.ID
	it := d.Snapshot().revocations.byID.Root().Iterator()
	for _, r, ok := it.Next(); ok && len(over) < limit; _, r, ok = it.Next() {
		if r.Kind != store.RevocationUnreadable && now.After(r.Until) {
			over = append(over, store.RevocationID(r.Account, r.ID))
		}
	}
	if len(over) == 0 {
		return 0, nil
	}
	err = d.Update(ctx, func(tx store.Tx) error {
		deleted = 0
		for _, id := range over {
			r, err := store.GetRecord[store.Revocation](tx, id)
			if errors.Is(err, store.ErrNotFound) || err == nil && !now.After(r.Until) {
				continue // another node was quicker, or it was made to last
			}
			if err != nil {
				return err
			}
			if err := tx.Delete(id); err != nil {
				return err
			}
			deleted++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}
