package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// The rings, as schedules name them.
const (
	SessionRing = "session"
	IssuerRing  = "issuer"
	MasterRing  = "master"
)

// slack is how much later than its schedule a rotation may be: servers look once an
// hour, and may be stopped for a night.
const slack = 24 * time.Hour

// Status is the keys of a store. Nothing in it is secret.
type Status struct {
	Session Ring         `json:"session"`
	Issuers []IssuerKeys `json:"issuers"`
	Master  MasterStatus `json:"master"`
	// Overdue says, a sentence each, what should have happened.
	Overdue []string `json:"overdue"`
}

// Ring is the keys of one ring.
type Ring struct {
	// Every is how old the key in use may become, as the servers have it; "" where
	// none said so, or where it is rotated by command only.
	Every string `json:"every,omitempty"`
	Keys  []Key  `json:"keys"`
}

// IssuerKeys are those of an account's issuer.
type IssuerKeys struct {
	Account string `json:"account"`
	Enabled bool   `json:"enabled"`
	Ring
}

// MasterStatus is the master key.
type MasterStatus struct {
	Ring
	Source  string   `json:"source"` // of the key set that was read for this
	KMS     string   `json:"kms,omitempty"`
	Phase   Phase    `json:"phase"`
	Waiting []string `json:"waiting,omitempty"` // nodes without which it does not go on
	Nodes   []string `json:"nodes"`             // that run
}

// Key is one key.
type Key struct {
	ID        string     `json:"id"`
	Algorithm string     `json:"algorithm,omitempty"`
	State     string     `json:"state"`            // earlier, primary, next, unknown
	Since     *time.Time `json:"since,omitempty"`  // since when it is that; of a primary, since when it is used
	Until     *time.Time `json:"until,omitempty"`  // of an earlier key: until when it is kept at least; of a next: from when it may be used; of a primary: when it is to be rotated, where that is scheduled
	Sealed    *int       `json:"sealed,omitempty"` // of the master key: how many values lie under it
	Held      *bool      `json:"held,omitempty"`   // of the master key: the key set that was read has it
}

func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Read tells of all keys of a store. It reads the store whole.
func (m *Master) Read(ctx context.Context, now time.Time) (*Status, error) {
	snapshot := m.Directory.Snapshot()
	schedules := schedulesOf(snapshot, now)
	s := &Status{Overdue: []string{}, Issuers: []IssuerKeys{}}
	s.session(snapshot.SessionKeys(), schedules[SessionRing], now)
	for o := range snapshot.Outbounds() {
		s.issuer(o, schedules[IssuerRing], now)
	}
	sealed, err := m.Sealed(ctx)
	if err != nil {
		return nil, err
	}
	s.master(m.Key, snapshot, sealed, now)
	s.masterOverdue(snapshot.MasterKey(), schedules[MasterRing], now)
	return s, nil
}

// schedulesOf are those of the nodes that run: of each ring the shortest.
func schedulesOf(s *directory.Snapshot, now time.Time) map[string]time.Duration {
	shortest := map[string]time.Duration{}
	for _, n := range Running(s, now) {
		for ring, every := range n.Schedules {
			if had := shortest[ring]; had == 0 || every < had {
				shortest[ring] = every
			}
		}
	}
	return shortest
}

func words(every time.Duration) string {
	if every == 0 {
		return ""
	}
	return every.String()
}

// planned is when a key that is in use since a time is to be rotated; nil for when
// somebody says so.
func planned(since time.Time, every time.Duration) *time.Time {
	if every == 0 || since.IsZero() {
		return nil
	}
	return at(since.Add(every))
}

// late notes that a key has been in use for too long.
func (s *Status) late(what string, since time.Time, every time.Duration, now time.Time) {
	if every != 0 && now.Sub(since) > every+slack {
		s.Overdue = append(s.Overdue, fmt.Sprintf("%s is in use since %s, and its schedule is %v: see the servers' logs, or rotate it now", what, since.UTC().Format(time.RFC3339), every))
	}
}

func (s *Status) session(keys *session.Keys, every time.Duration, now time.Time) {
	s.Session.Every = words(every)
	for _, k := range keys.List() {
		key := Key{ID: masterkey.FormatID(k.ID), State: string(k.State)}
		switch k.State {
		case session.PrimaryKey:
			key.Since, key.Until = at(keys.RotatedAt()), planned(keys.RotatedAt(), every)
			s.late("the session key "+key.ID, keys.RotatedAt(), every, now)
		case session.EarlierKey:
			key.Since, key.Until = at(k.Replaced), at(k.Until)
		}
		s.Session.Keys = append(s.Session.Keys, key)
	}
}

func (s *Status) issuer(o *directory.Outbound, every time.Duration, now time.Time) {
	keys := IssuerKeys{Account: o.Account, Enabled: o.Enabled, Ring: Ring{Every: words(every)}}
	for i := range o.Stored {
		k := &o.Stored[i]
		key := Key{ID: k.ID, Algorithm: k.Algorithm, State: "primary", Since: at(Signs(k))}
		what := fmt.Sprintf("the signing key %s of account %s", k.ID, o.Account)
		switch {
		case k.Next:
			key.State, key.Until = "next", at(k.Created.Add(PublishNext))
			if now.Sub(k.Created) > PublishNext+slack {
				s.Overdue = append(s.Overdue, what+" should sign by now: does a server run?")
			}
		case !k.Replaced.IsZero():
			key.State, key.Since, key.Until = "earlier", at(k.Replaced), at(k.Replaced.Add(KeepIssuer))
		case o.Enabled:
			key.Until = planned(Signs(k), every)
			s.late(what, Signs(k), every, now)
		}
		keys.Keys = append(keys.Keys, key)
	}
	s.Issuers = append(s.Issuers, keys)
}

func (s *Status) master(held *masterkey.Key, snapshot *directory.Snapshot, sealed map[uint32]int, now time.Time) {
	source := held.Source()
	s.Master.Source, s.Master.Nodes, s.Master.Phase = source.String(), []string{}, Idle
	if source.KMS != nil {
		s.Master.KMS = source.KMS.URI
	}
	nodes := Running(snapshot, now)
	s.Master.Nodes = append(s.Master.Nodes, waiting(nodes, func(*store.Node) bool { return true })...)
	told := map[uint32]bool{}
	tell := func(id uint32, state string, since time.Time) *Key {
		told[id] = true
		n, has := sealed[id], held.Has(id)
		s.Master.Keys = append(s.Master.Keys, Key{ID: masterkey.FormatID(id), State: state, Since: at(since), Sealed: &n, Held: &has})
		return &s.Master.Keys[len(s.Master.Keys)-1]
	}
	record := snapshot.MasterKey()
	if record == nil { // no server of this version has run on the store
		record = &store.MasterKey{Primary: held.Primary()}
	}
	for _, e := range record.Earlier {
		tell(e.ID, "earlier", e.Replaced).Until = at(e.Replaced.Add(Keep))
	}
	tell(record.Primary, "primary", record.Since)
	if record.Next != 0 {
		tell(record.Next, "next", record.Announced)
		s.Master.Phase = Announced
		s.Master.Waiting = waiting(nodes, func(n *store.Node) bool { return !slices.Contains(n.Holds, record.Next) })
	}
	for _, id := range held.IDs() {
		if !told[id] {
			tell(id, "unused", time.Time{})
		}
	}
	for id, n := range sealed {
		if told[id] {
			continue
		}
		tell(id, "unknown", time.Time{})
		s.Overdue = append(s.Overdue, fmt.Sprintf("%d values lie under the master key %s, which the key set lacks: they do not open", n, masterkey.FormatID(id)))
	}
	if len(record.Earlier) == 0 {
		return
	}
	s.Master.Phase = Keeping
	for _, e := range record.Earlier {
		if sealed[e.ID] > 0 {
			s.Master.Phase = Resealing
		}
	}
	if s.Master.Waiting = waiting(nodes, func(n *store.Node) bool { return n.Seals != record.Primary }); len(s.Master.Waiting) > 0 {
		s.Master.Phase = Resealing
	}
}

// masterOverdue notes a rotation that does not come to its end.
func (s *Status) masterOverdue(record *store.MasterKey, every time.Duration, now time.Time) {
	s.Master.Every = words(every)
	if record == nil {
		return
	}
	for i := range s.Master.Keys {
		if k := &s.Master.Keys[i]; k.State == "primary" {
			k.Until = planned(record.Since, every)
		}
	}
	s.late("the master key "+masterkey.FormatID(record.Primary), record.Since, every, now)
	if record.Next != 0 && now.Sub(record.Announced) > slack {
		s.Overdue = append(s.Overdue, "the next master key was announced at "+record.Announced.Format(time.RFC3339)+" and does not seal yet: give it to the nodes that are waited for, or run \"daypass keys rotate master\"")
	}
	if len(record.Earlier) > 0 && now.Sub(record.Since) > slack {
		s.Overdue = append(s.Overdue, "an earlier master key was replaced at "+record.Since.Format(time.RFC3339)+" and is still there: see the servers' logs, or run \"daypass keys rotate master\"")
	}
}
