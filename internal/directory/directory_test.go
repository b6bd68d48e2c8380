package directory_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
	"github.com/daypass/daypass/internal/store/storetest"

	"github.com/google/go-cmp/cmp"
)

const (
	account = "123456789012"
	allow   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	trusts  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`
)

// files are a store's path and master key, to open as often as a test likes.
type files struct {
	path string
	key  *masterkey.Key
}

func newFiles(t testing.TB) files {
	t.Helper()
	dir := t.TempDir()
	key, err := masterkey.Create(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	return files{filepath.Join(dir, "daypass.db"), key}
}

// open opens the store as another process would.
func (f files) open(t testing.TB) store.Store {
	t.Helper()
	st, err := sqlstore.OpenSQLite(t.Context(), f.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func (f files) directory(t testing.TB, st store.Store) *directory.Directory {
	t.Helper()
	d, err := directory.Open(t.Context(), st, f.key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newDirectory(t testing.TB) (*directory.Directory, files) {
	t.Helper()
	f := newFiles(t)
	return f.directory(t, f.open(t)), f
}

func role(name string) store.Role {
	return store.Role{Account: account, Name: name, Path: "/team/", ID: "AROAAAAAAAAAAAAAAAAAA", MaxSessionDuration: 3600, TrustPolicy: trusts}
}

func putRole(r store.Role) func(store.Tx) error {
	return func(tx store.Tx) error { return store.PutRecord(tx, store.RoleID(r.Account, r.Name), r) }
}

func update(t testing.TB, d *directory.Directory, f func(store.Tx) error) {
	t.Helper()
	if err := d.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func refresh(t testing.TB, d *directory.Directory) {
	t.Helper()
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestUpdateIsVisibleOnReturn(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	before := d.Snapshot()
	update(t, d, putRole(role("Deploy")))
	after := d.Snapshot()
	got, ok := after.Role(account, "dePLOY") // names have no case
	if !ok || got.ARN != "arn:aws:iam::123456789012:role/team/Deploy" || got.Trust() == nil {
		t.Errorf("role is %+v, %v", got, ok)
	}
	if _, ok := before.Role(account, "Deploy"); ok {
		t.Error("a snapshot that was taken before has changed")
	}
	if after.Revision() != before.Revision()+1 {
		t.Errorf("revision went from %d to %d", before.Revision(), after.Revision())
	}
	for _, other := range [][2]string{{"210987654321", "Deploy"}, {account, "Deplo"}, {account, ""}, {"", "Deploy"}} {
		if _, ok := after.Role(other[0], other[1]); ok {
			t.Errorf("role %q of account %q is there", other[1], other[0])
		}
	}
}

func TestUpdateThatFailsWritesNothing(t *testing.T) {
	t.Parallel()
	d, f := newDirectory(t)
	errOurs := errors.New("no")
	err := d.Update(t.Context(), func(tx store.Tx) error {
		if err := putRole(role("deploy"))(tx); err != nil {
			return err
		}
		return errOurs
	})
	if err != errOurs { //nolint:errorlint // it comes back as it is
		t.Errorf("error is %v", err)
	}
	if _, ok := d.Snapshot().Role(account, "deploy"); ok {
		t.Error("the snapshot shows the role")
	}
	if _, ok := f.directory(t, f.open(t)).Snapshot().Role(account, "deploy"); ok {
		t.Error("the store holds the role")
	}
}

func TestOtherProcess(t *testing.T) {
	t.Parallel()
	here, f := newDirectory(t)
	there := f.directory(t, f.open(t))
	update(t, there, putRole(role("deploy")))
	if _, ok := here.Snapshot().Role(account, "deploy"); ok {
		t.Error("the snapshot changed without Refresh")
	}
	refresh(t, here)
	if _, ok := here.Snapshot().Role(account, "deploy"); !ok {
		t.Error("the role is not there after Refresh")
	}
	update(t, there, func(tx store.Tx) error { return tx.Delete(store.RoleID(account, "deploy")) })
	// A write of one's own brings what others wrote as well.
	update(t, here, putRole(role("other")))
	if _, ok := here.Snapshot().Role(account, "deploy"); ok {
		t.Error("the role is there after its deletion was followed")
	}
	refresh(t, there)
	if diff := cmp.Diff(names(here.Snapshot()), names(there.Snapshot())); diff != "" {
		t.Errorf("the two disagree (-here +there):\n%s", diff)
	}
}

func names(s *directory.Snapshot) []string {
	var list []string
	for _, r := range s.Roles(account) {
		list = append(list, r.Name)
	}
	return list
}

// All kinds of records come and go.
func TestDeletion(t *testing.T) {
	t.Parallel()
	d, f := newDirectory(t)
	sealed, err := f.key.Seal([]byte("secret"), []byte("AKIAEXAMPLE"))
	if err != nil {
		t.Fatal(err)
	}
	records := map[store.ID]any{
		store.AccountID(account):                            store.Account{Account: account},
		store.OIDCProviderID(account, "gitlab.example.com"): store.OIDCProvider{Account: account, URL: "gitlab.example.com"},
		store.RoleID(account, "r"):                          role("r"),
		store.PolicyID(account, "p"): store.Policy{
			Account: account, Name: "p", Path: "/", DefaultVersion: "v1",
			Versions: []store.PolicyVersion{{ID: "v1", Document: allow}},
		},
		store.UserID(account, "u"):                store.User{Account: account, Name: "u", Path: "/"},
		store.AccessKeyID(account, "AKIAEXAMPLE"): store.AccessKey{Account: account, ID: "AKIAEXAMPLE", UserName: "u", SealedSecret: sealed, Active: true},
	}
	has := func(s *directory.Snapshot) map[string]bool {
		_, provider := s.OIDCProvider(account, "gitlab.example.com")
		_, theRole := s.Role(account, "r")
		_, policy := s.Policy("arn:aws:iam::123456789012:policy/p")
		_, user := s.User(account, "u")
		key, accessKey := s.AccessKey("AKIAEXAMPLE")
		return map[string]bool{
			"account": s.Account(account), "provider": provider && len(s.OIDCProviders(account)) == 1,
			"role": theRole && len(s.Roles(account)) == 1, "policy": policy && len(s.Policies(account)) == 1,
			"user": user, "access key": accessKey && key.SecretAccessKey == "secret",
		}
	}
	update(t, d, func(tx store.Tx) error {
		for id, record := range records {
			if err := store.PutRecord(tx, id, record); err != nil {
				return err
			}
		}
		return nil
	})
	for what, ok := range has(d.Snapshot()) {
		if !ok {
			t.Errorf("%s is not there", what)
		}
	}
	update(t, d, func(tx store.Tx) error {
		for id := range records {
			if err := tx.Delete(id); err != nil {
				return err
			}
		}
		return nil
	})
	for _, s := range []*directory.Snapshot{d.Snapshot(), f.directory(t, f.open(t)).Snapshot()} {
		for what, ok := range has(s) {
			if ok {
				t.Errorf("%s is there after its deletion", what)
			}
		}
	}
}

// A managed policy is found by its whole ARN: with another path it is another.
func TestPolicyByARN(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	update(t, d, func(tx store.Tx) error {
		return store.PutRecord(tx, store.PolicyID(account, "Read"), store.Policy{
			Account: account, Name: "Read", Path: "/team/", DefaultVersion: "v2",
			Versions: []store.PolicyVersion{{ID: "v1", Document: "not read"}, {ID: "v2", Document: allow}},
		})
	})
	if p, ok := d.Snapshot().Policy("arn:aws:iam::123456789012:policy/team/Read"); !ok || p.Default() == nil {
		t.Errorf("policy is %+v, %v", p, ok)
	}
	for _, arn := range []string{
		"arn:aws:iam::123456789012:policy/Read", "arn:aws:iam::210987654321:policy/team/Read",
		"arn:aws:iam::123456789012:role/team/Read", "Read", "",
	} {
		if _, ok := d.Snapshot().Policy(arn); ok {
			t.Errorf("%s is found", arn)
		}
	}
	if problems := d.Snapshot().Problems(); len(problems) != 0 {
		t.Errorf("problems are %q", problems)
	}
}

func TestUnknownKindRefuses(t *testing.T) {
	t.Parallel()
	d, f := newDirectory(t)
	st := f.open(t)
	if _, err := st.Update(t.Context(), func(tx store.Tx) error {
		return tx.Put(store.ID{Kind: "permission-boundary", Account: account, Key: "k"}, []byte("{}"))
	}); err != nil {
		t.Fatal(err)
	}
	before := d.Snapshot()
	for name, err := range map[string]error{"Refresh": d.Refresh(t.Context()), "Open": openError(t, f, st)} {
		if err == nil || !strings.Contains(err.Error(), `"permission-boundary"`) {
			t.Errorf("%s: %v, want an error that names the kind", name, err)
		}
	}
	if d.Snapshot() != before {
		t.Error("a snapshot was made all the same")
	}
}

func openError(t *testing.T, f files, st store.Store) error {
	t.Helper()
	_, err := directory.Open(t.Context(), st, f.key)
	return err
}

func TestAccessKeyOfAnotherMasterKeyRefuses(t *testing.T) {
	t.Parallel()
	d, f := newDirectory(t)
	other := newFiles(t)
	for name, sealed := range map[string][]byte{
		"another master key": seal(t, other.key, "AKIAEXAMPLE"), "another access key": seal(t, f.key, "AKIAANOTHER"), "nothing": nil,
	} {
		err := d.Update(t.Context(), func(tx store.Tx) error {
			return store.PutRecord(tx, store.AccessKeyID(account, "AKIAEXAMPLE"), store.AccessKey{Account: account, ID: "AKIAEXAMPLE", SealedSecret: sealed, Active: true})
		})
		if !errors.Is(err, masterkey.ErrOpen) || !strings.Contains(err.Error(), "AKIAEXAMPLE") {
			t.Errorf("sealed for %s: %v, want masterkey.ErrOpen that names the key", name, err)
		}
		if _, ok := d.Snapshot().AccessKey("AKIAEXAMPLE"); ok {
			t.Errorf("sealed for %s: the key is in the snapshot", name)
		}
		if err := openError(t, f, f.open(t)); !errors.Is(err, masterkey.ErrOpen) {
			t.Errorf("sealed for %s: Open gives %v", name, err)
		}
	}
}

func seal(t *testing.T, key *masterkey.Key, id string) []byte {
	t.Helper()
	sealed, err := key.Seal([]byte("secret"), []byte(id))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestFaults lets the store fail before and after it persists, and in reading.
// In the end the snapshot agrees with the store.
func TestFaults(t *testing.T) {
	t.Parallel()
	errFault := errors.New("fault")
	for _, point := range []storetest.Point{storetest.BeforePersisting, storetest.AfterPersisting, storetest.Reading} {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			f := newFiles(t)
			failing := false
			st := &storetest.Faulty{Store: f.open(t), Fault: func(p storetest.Point) error {
				if failing && p == point {
					return errFault
				}
				return nil
			}}
			d := f.directory(t, st)
			failing = true
			err := d.Update(t.Context(), putRole(role("deploy")))
			if !errors.Is(err, errFault) {
				t.Errorf("Update: %v, want the fault", err)
			}
			failing = false
			if point == storetest.Reading { // there was no way to know, until now
				refresh(t, d)
			}
			truth := f.directory(t, f.open(t)).Snapshot()
			if diff := cmp.Diff(names(truth), names(d.Snapshot())); diff != "" {
				t.Errorf("the snapshot disagrees with the store (-store +snapshot):\n%s", diff)
			}
			if want := point != storetest.BeforePersisting; (len(names(truth)) == 1) != want {
				t.Errorf("the store has %q", names(truth))
			}
		})
	}
}

// A caller that goes away after the commit leaves no snapshot behind.
func TestUpdateWhoseCallerLeaves(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	ctx, leave := context.WithCancel(t.Context())
	st := &storetest.Faulty{Store: f.open(t), Fault: func(p storetest.Point) error {
		if p == storetest.AfterPersisting {
			leave()
		}
		return nil
	}}
	d := f.directory(t, st)
	if err := d.Update(ctx, putRole(role("deploy"))); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Snapshot().Role(account, "deploy"); !ok {
		t.Error("the role is not in the snapshot")
	}
}
