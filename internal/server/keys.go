package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/masterkey/kms"
	"github.com/daypass/daypass/internal/rotation"
	"github.com/daypass/daypass/internal/store"
)

// followKeysInterval is how often a node looks whether its master key's file or
// what the store says of it has changed.
const followKeysInterval = time.Second

// Keys says where the master key is and how old keys become before a server rotates
// them on its own.
type Keys struct {
	// Master is where the master key comes from; the zero value is the file
	// master.key in the data directory.
	Master masterkey.Source
	// Session is how old the key that seals sessions becomes; 0 is 7 days, negative
	// is never.
	Session time.Duration
	// Issuer and MasterKey are the same for the keys of issuers and the master key;
	// 0 and negative are never.
	Issuer, MasterKey time.Duration
}

// minSchedule keeps rings from growing without bound, and nodes able to follow.
const minSchedule = time.Hour

// check refuses schedules under which keys could not be kept for as long as they
// are needed.
func (k *Keys) check() error {
	for _, every := range []time.Duration{k.Session, k.Issuer, k.MasterKey} {
		if every > 0 && every < minSchedule {
			return optionErrorf("server: keys are rotated every %v at the most often, not every %v", minSchedule, every)
		}
	}
	if source := k.masterSource(""); k.MasterKey > 0 && !source.Writable() {
		return optionErrorf("server: the master key comes from %s, which this server cannot write, and so cannot rotate; leave keys.master out, and rotate it by command (docs/keys.md)", source.String())
	}
	return nil
}

// schedules are those of rings that are rotated on their own.
func (k *Keys) schedules() map[string]time.Duration {
	s := map[string]time.Duration{rotation.SessionRing: k.Session, rotation.IssuerRing: k.Issuer, rotation.MasterRing: k.MasterKey}
	if k.Session == 0 {
		s[rotation.SessionRing] = sessionKeysLast
	}
	for ring, every := range s {
		if every <= 0 {
			delete(s, ring)
		}
	}
	return s
}

// The variables that say where the master key is, for commands that open a data
// directory beside a server. The server has them as settings too.
const (
	MasterKeyVariable    = "DAYPASS_MASTER_KEY"
	MasterKeyKMSVariable = "DAYPASS_MASTER_KEY_KMS"
)

// KeysOf is what the environment says of the master key.
func KeysOf(getenv func(string) string) (k Keys, err error) {
	err = k.SetMaster(getenv(MasterKeyVariable), getenv(MasterKeyKMSVariable), getenv)
	return k, err
}

// SetMaster says where the master key comes from, as people write it (see
// masterkey.ParseSource), and the URI of the KMS that encrypts it; "" for none.
// Which KMS, and so which command, is never taken from the key's own file.
func (k *Keys) SetMaster(source, uri string, getenv func(string) string) (err error) {
	if source != "" {
		if k.Master, err = masterkey.ParseSource(source, getenv); err != nil {
			return optionErrorf("%v", err)
		}
	}
	if uri != "" {
		if k.Master.KMS, err = masterkey.NewKMS(uri, kms.Exec{}, kms.AWS{}); err != nil {
			return optionErrorf("%v", err)
		}
	}
	return nil
}

// masterSource is the master key's, of a data directory.
func (k *Keys) masterSource(dataDir string) masterkey.Source {
	source := k.Master
	if source.Path == "" && source.Variable == "" {
		source.Path = filepath.Join(dataDir, masterKeyFile)
	}
	return source
}

// presence is what a node says of itself in the store.
type presence struct {
	n         *node
	id        store.ID
	master    *rotation.Master
	schedules map[string]time.Duration
	said      store.Node
}

// self is the node as the store and other nodes know it.
func (c *Config) self() (store.Node, error) {
	host, err := os.Hostname()
	if err != nil {
		return store.Node{}, fmt.Errorf("server: this machine's name, under which the node is known: %w", err)
	}
	return store.Node{Host: host, Path: c.DataDir}, nil
}

// present says that the node runs, for the first time: from here on rotations wait
// for it. A node whose master key is not the store's does not start.
func (n *node) present(ctx context.Context, c *Config, d *data) (*presence, error) {
	self, err := c.self()
	if err != nil {
		return nil, err
	}
	p := &presence{
		n: n, id: store.NodeID(self.Host, self.Path), schedules: c.Keys.schedules(),
		master: &rotation.Master{Store: d.store, Directory: n.directory, Key: d.masterKey},
		said:   self,
	}
	if err := p.master.Ensure(ctx, c.Now()); err != nil {
		return nil, err
	}
	return p, p.say(ctx, c.Now())
}

// say writes what the node holds, if that has changed or was said long ago. It is
// held against the store in the transaction: where the master key was rotated
// meanwhile to one that this node lacks, it is told nothing.
func (p *presence) say(ctx context.Context, now time.Time) error {
	key := p.master.Key
	next := p.said
	next.Heard, next.Holds, next.Seals, next.Schedules = now.UTC(), key.IDs(), key.Primary(), p.schedules
	if slices.Equal(next.Holds, p.said.Holds) && next.Seals == p.said.Seals && now.Sub(p.said.Heard) < rotation.Heartbeat && !now.Before(p.said.Heard) {
		return nil
	}
	err := p.n.directory.Update(ctx, func(tx store.Tx) error {
		record, err := store.GetRecord[store.MasterKey](tx, store.MasterKeyID())
		if err != nil {
			return err
		}
		if !key.Has(record.Primary) {
			return rotation.Adopt(key, &record)
		}
		return store.PutRecord(tx, p.id, next)
	})
	if err != nil {
		return fmt.Errorf("server: say that this node runs: %w", err)
	}
	p.said = next
	return nil
}

// follow looks after the keys of this node until ctx ends. What fails is logged
// once for each run of failures of one kind.
func (p *presence) follow(ctx context.Context, c *Config) {
	ticker := time.NewTicker(followKeysInterval)
	defer ticker.Stop()
	failing := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := p.look(ctx, c)
		p.n.watch.otherKey.Store(errors.Is(err, rotation.ErrOtherKey))
		text := ""
		if err != nil && ctx.Err() == nil {
			if text = err.Error(); text != failing {
				c.Log.Error("the master key cannot be followed; this node goes on with the keys that it has", "error", err)
			}
		}
		failing = text
	}
}

func (p *presence) look(ctx context.Context, c *Config) error {
	changed, err := p.master.Key.Reload()
	if changed {
		c.Log.Info("the master key's set has changed", "source", p.source(), "keys", formatIDs(p.master.Key.IDs()))
	}
	before := p.master.Key.Primary()
	err = errors.Join(err, p.master.Adopt())
	if now := p.master.Key.Primary(); now != before {
		c.Log.Info("the master key was rotated; this node seals by the new one", "key", masterkey.FormatID(now))
	}
	return errors.Join(err, p.master.DropRetired(ctx), p.say(ctx, c.Now()))
}

func (p *presence) source() string {
	s := p.master.Key.Source()
	return s.String()
}

// leave says that the node does not run any more. nil never said that it did.
func (p *presence) leave(ctx context.Context) error {
	if p == nil {
		return nil
	}
	err := p.n.directory.Update(ctx, func(tx store.Tx) error { return tx.Delete(p.id) })
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func formatIDs(ids []uint32) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = masterkey.FormatID(id)
	}
	return texts
}

// rotateKeys takes the steps of rotations that are due. failing is as in
// writeLastUse.
func (n *node) rotateKeys(ctx context.Context, c *Config, failing bool) bool {
	err := errors.Join(n.rotateIssuers(ctx, c), n.rotateMaster(ctx, c))
	if err != nil && ctx.Err() == nil && !failing {
		c.Log.Error("keys could not be rotated; those in use go on", "error", err)
	}
	return err != nil
}

// rotateSession rotates the keys that seal sessions, where they are as old as they
// become.
func (n *node) rotateSession(ctx context.Context, c *Config) (rotated bool, err error) {
	every, ok := c.Keys.schedules()[rotation.SessionRing]
	if !ok {
		return false, nil
	}
	return n.directory.RotateSessionKeys(ctx, n.sealer, every, c.Now())
}

func (n *node) rotateIssuers(ctx context.Context, c *Config) error {
	var all error
	issuer := rotation.Issuer{Directory: n.directory, Sealer: n.sealer, Random: c.Random}
	for o := range n.directory.Snapshot().Outbounds() {
		change, err := issuer.Advance(ctx, o.Account, rotation.Due(o, c.Keys.schedules()[rotation.IssuerRing], c.Now()), c.Now())
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		if len(change.Announced) > 0 {
			c.Log.Info("the next keys of an issuer are published", "account", o.Account, "keys", change.Announced)
		}
		if len(change.Signs) > 0 {
			c.Log.Info("the keys of an issuer were rotated; tokens of the earlier ones stay good", "account", o.Account, "keys", change.Signs)
		}
		if len(change.Dropped) > 0 {
			c.Log.Info("earlier keys of an issuer are withdrawn: their last token is over", "account", o.Account, "keys", change.Dropped)
		}
	}
	return all
}

func (n *node) rotateMaster(ctx context.Context, c *Config) error {
	m := n.presence.master
	record := n.directory.Snapshot().MasterKey()
	if every := c.Keys.schedules()[rotation.MasterRing]; every > 0 && record != nil && c.Now().Sub(record.Since) >= every {
		if id, err := m.Begin(ctx, c.Now()); err == nil {
			c.Log.Info("the next master key is announced; it seals once every node has it", "key", masterkey.FormatID(id), "source", n.presence.source())
		} else if !errors.Is(err, rotation.ErrUnderWay) {
			return err
		}
	}
	p, err := m.Advance(ctx, c.Now(), rotation.Keep)
	if p.Resealed > 0 {
		c.Log.Info("values were sealed anew under the master key in use", "records", p.Resealed)
	}
	return err
}

// openedKeys is a data directory opened for work on its keys.
func openedKeys(ctx context.Context, dataDir string) (*data, *rotation.Master, error) {
	d, err := reopenData(ctx, dataDir)
	if err != nil {
		return nil, nil, err
	}
	dir, err := directory.Open(ctx, d.store, d.masterKey)
	if err != nil {
		return nil, nil, errors.Join(err, d.store.Close())
	}
	return d, &rotation.Master{Store: d.store, Directory: dir, Key: d.masterKey}, nil
}

// KeysStatus tells of all keys of a data directory; a server may run on it.
func KeysStatus(ctx context.Context, dataDir string, now time.Time) (s *rotation.Status, err error) {
	d, m, err := openedKeys(ctx, dataDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	return m.Read(ctx, now)
}

// IssuerRotation is what RotateIssuerKeys is asked.
type IssuerRotation struct {
	Account          string // "" is the account, where one only is an issuer
	SignNow, DropNow bool   // see rotation.Issuer
	Random           io.Reader
	Now              time.Time
}

// RotateIssuerKeys begins to rotate the keys of an account's issuer, or takes the
// steps that are due of a rotation that has begun. A server on the directory takes
// the rest.
func RotateIssuerKeys(ctx context.Context, dataDir string, r IssuerRotation) (account string, change rotation.IssuerChange, err error) {
	d, m, err := openedKeys(ctx, dataDir)
	if err != nil {
		return "", change, err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	if account = r.Account; account == "" {
		var accounts []string
		for o := range m.Directory.Snapshot().Outbounds() {
			accounts = append(accounts, o.Account)
		}
		switch len(accounts) {
		case 0:
			return "", change, errors.New("server: no account is an issuer; outbound federation was never enabled (aws iam enable-outbound-web-identity-federation)")
		case 1:
			account = accounts[0]
		default:
			return "", change, optionErrorf("server: %d accounts are issuers; name one with --account", len(accounts))
		}
	}
	if err := CheckAccount(account); err != nil {
		return "", change, err
	}
	issuer := rotation.Issuer{Directory: m.Directory, Sealer: d.masterKey, Random: r.Random, SignNow: r.SignNow, DropNow: r.DropNow}
	change, err = issuer.Advance(ctx, account, true, r.Now)
	return account, change, err
}

// MasterRotation is what RotateMasterKey is asked.
type MasterRotation struct {
	// Keep is how long earlier keys stay after they were replaced.
	Keep time.Duration
	// Wait is how long nodes are waited for.
	Wait time.Duration
	// Tell is told of each step.
	Tell func(string)
	Now  func() time.Time
}

// RotateMasterKey rotates the master key of a data directory as far as it goes now.
// If a rotation is under way it takes that on. A server on the directory takes the
// rest.
func RotateMasterKey(ctx context.Context, dataDir string, r *MasterRotation) (p rotation.Progress, err error) {
	d, m, err := openedKeys(ctx, dataDir)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	if err := m.Ensure(ctx, r.Now()); err != nil {
		return p, err
	}
	id, err := m.Begin(ctx, r.Now())
	switch {
	case errors.Is(err, rotation.ErrUnderWay):
		r.Tell("a rotation is under way; going on with it")
	case err != nil:
		return p, err
	default:
		r.Tell("key " + masterkey.FormatID(id) + " is the next master key; keep a copy of " + d.source() + " apart from the copies of the database")
	}
	deadline := time.NewTimer(r.Wait)
	defer deadline.Stop()
	told, resealed := "", 0
	for {
		p, err = m.Advance(ctx, r.Now(), r.Keep)
		resealed += p.Resealed
		p.Resealed = resealed
		if err != nil || len(p.Waiting) == 0 {
			return p, err
		}
		if text := fmt.Sprint("waiting for nodes: ", p.Waiting); text != told {
			r.Tell(text)
			told = text
		}
		select {
		case <-ctx.Done():
			return p, ctx.Err()
		case <-deadline.C:
			return p, nil
		case <-time.After(followKeysInterval / 2):
		}
		if err := m.Directory.Refresh(ctx); err != nil {
			return p, err
		}
	}
}

// source names where the master key comes from.
func (d *data) source() string {
	s := d.masterKey.Source()
	return s.String()
}

// NewMasterKey is the text of a new key set, encrypted by the KMS that the
// environment names. Without one it is a secret.
func NewMasterKey(getenv func(string) string) ([]byte, error) {
	var k Keys
	if err := k.SetMaster("", getenv(MasterKeyKMSVariable), getenv); err != nil {
		return nil, err
	}
	return masterkey.NewText(k.Master.KMS)
}

// NextMasterKey is the text of a data directory's key set with one key more, for a
// set that is kept where it cannot be written. It is a secret.
func NextMasterKey(ctx context.Context, dataDir string) (text []byte, id string, err error) {
	d, err := reopenData(ctx, dataDir)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	text, next, err := d.masterKey.Extended()
	return text, masterkey.FormatID(next), err
}
