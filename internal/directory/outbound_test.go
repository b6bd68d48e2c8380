package directory_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/outbound"
	"github.com/daypass/daypass/internal/store"
)

var signingKeys = sync.OnceValues(func() ([]outbound.NewKey, error) { return outbound.NewKeys(rand.Reader) })

// federation is an enabled account's record, its keys sealed under f's.
func (f files) federation(t *testing.T, account, issuerID string) store.Outbound {
	t.Helper()
	keys, err := signingKeys()
	if err != nil {
		t.Fatal(err)
	}
	o := store.Outbound{Account: account, IssuerID: issuerID, Enabled: true}
	for _, k := range keys {
		key := store.SigningKey{ID: k.ID, Algorithm: k.Algorithm}
		if key.Sealed, err = f.key.Seal(k.PKCS8, o.Associated(&key)); err != nil {
			t.Fatal(err)
		}
		o.Keys = append(o.Keys, key)
	}
	return o
}

func TestOutbound(t *testing.T) {
	t.Parallel()
	d, f := newDirectory(t)
	o := f.federation(t, account, "issuer-1")
	put := func() {
		t.Helper()
		update(t, d, func(tx store.Tx) error { return store.PutRecord(tx, store.OutboundID(account), o) })
	}
	put()
	got, ok := d.Snapshot().Outbound(account)
	if !ok || !got.Enabled || got.Account != account || got.IssuerID != "issuer-1" {
		t.Fatalf("%v, %v", got, ok)
	}
	if _, err := got.Keys.Sign(outbound.ES384, []byte(`{}`)); err != nil {
		t.Error(err)
	}
	if same, ok := d.Snapshot().OutboundIssuer("issuer-1"); !ok || same != got {
		t.Error("the issuer is not found by its id")
	}
	o.Enabled = false
	put()
	if got, ok := d.Snapshot().OutboundIssuer("issuer-1"); !ok || got.Enabled {
		t.Error("a disabled issuer is gone, or enabled")
	}
	for _, id := range []string{"", "issuer", "issuer-11", account} {
		if _, ok := d.Snapshot().OutboundIssuer(id); ok {
			t.Errorf("%q is an issuer", id)
		}
	}
	// An id that changes leaves nothing behind under the old one.
	o = f.federation(t, account, "issuer-2")
	put()
	if _, ok := d.Snapshot().OutboundIssuer("issuer-1"); ok {
		t.Error("the issuer is there under its old id")
	}
	update(t, d, func(tx store.Tx) error { return tx.Delete(store.OutboundID(account)) })
	if _, ok := d.Snapshot().Outbound(account); ok {
		t.Error("a deleted federation is there")
	}
	if _, ok := d.Snapshot().OutboundIssuer("issuer-2"); ok {
		t.Error("its issuer is there")
	}
}

// What cannot be read leaves the account without the feature, and is named.
func TestUnreadableOutbound(t *testing.T) {
	t.Parallel()
	id := store.OutboundID(account)
	for name, spoil := range map[string]func(o *store.Outbound) any{
		"no JSON of ours":    func(*store.Outbound) any { return json.RawMessage(`{"colour":"red"}`) },
		"another's account":  func(o *store.Outbound) any { o.Account = "210987654321"; return o },
		"no issuer id":       func(o *store.Outbound) any { o.IssuerID = ""; return o },
		"no key for ES384":   func(o *store.Outbound) any { o.Keys = o.Keys[:1]; return o },
		"no keys":            func(o *store.Outbound) any { o.Keys = nil; return o },
		"the same key twice": func(o *store.Outbound) any { o.Keys = append(o.Keys, o.Keys[0]); return o },
	} {
		d, f := newDirectory(t)
		o := f.federation(t, account, "issuer-1")
		st := f.open(t)
		write(t, st, id, o)
		refresh(t, d)
		if _, ok := d.Snapshot().Outbound(account); !ok {
			t.Fatal("a good record is not read")
		}
		write(t, st, id, spoil(&o))
		refresh(t, d)
		if _, ok := d.Snapshot().Outbound(account); ok {
			t.Errorf("%s: the account is an issuer", name)
		}
		if _, ok := d.Snapshot().OutboundIssuer("issuer-1"); ok {
			t.Errorf("%s: the issuer is there", name)
		}
		wantProblem(t, d.Snapshot(), "the outbound federation of account "+account+" is off")
		write(t, st, id, f.federation(t, account, "issuer-1"))
		refresh(t, d)
		if _, ok := d.Snapshot().Outbound(account); !ok || len(d.Snapshot().Problems()) > 0 {
			t.Errorf("%s: put right, problems are %q", name, d.Snapshot().Problems())
		}
	}
}

// A key of another master key, account, issuer or name does not open, and then
// no request could be answered rightly.
func TestOutboundKeyThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	other, err := masterkey.Create(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(f files, o *store.Outbound){
		"master key": func(f files, o *store.Outbound) { *o = files{f.path, other}.federation(t, account, "issuer-1") },
		"account": func(f files, o *store.Outbound) {
			o.Keys = f.federation(t, "210987654321", "issuer-1").Keys
		},
		"issuer": func(f files, o *store.Outbound) { o.Keys = f.federation(t, account, "issuer-2").Keys },
		"name":   func(_ files, o *store.Outbound) { o.Keys[0].ID = "RSA_1" },
	} {
		f := newFiles(t)
		st := f.open(t)
		o := f.federation(t, account, "issuer-1")
		spoil(f, &o)
		write(t, st, store.OutboundID(account), o)
		_, err := directory.Open(t.Context(), st, f.key)
		if !errors.Is(err, masterkey.ErrOpen) || !strings.Contains(err.Error(), "does not open under this master key") {
			t.Errorf("another %s: %v", name, err)
		}
	}
}
