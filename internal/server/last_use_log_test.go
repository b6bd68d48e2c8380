package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/lastuse"
	"github.com/daypass/daypass/internal/store"
)

// failingStore is a store whose writes fail while it is told so.
type failingStore struct {
	store.Store
	fails bool
}

func (f *failingStore) Update(ctx context.Context, change func(store.Tx) error) (int64, error) {
	if f.fails {
		return 0, errors.New("disk full")
	}
	return f.Store.Update(ctx, change)
}

// Last uses that cannot be written are told of once, until they are written again.
func TestLastUseCannotBeWritten(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := Config{
		DataDir: filepath.Join(t.TempDir(), "data"), Account: DefaultAccount, Now: time.Now, Random: rand.Reader,
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	d, err := openData(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	}()
	st := &failingStore{Store: d.store, fails: true}
	dir, err := directory.Open(t.Context(), st, d.masterKey)
	if err != nil {
		t.Fatal(err)
	}
	user, ok := dir.Snapshot().User(DefaultAccount, administratorName)
	if !ok || len(user.AccessKeys) != 1 {
		t.Fatalf("the first start made the administrator %+v", user)
	}
	key := user.AccessKeys[0]
	n := &node{directory: dir, lastUse: lastuse.New(dir)}
	n.lastUse.Note(DefaultAccount, key, "eu-west-1", "sts", time.Now())

	failing := false
	for range 3 {
		failing = n.writeLastUse(t.Context(), &c, 0, failing)
	}
	if !failing || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), `could not be written; this node remembers them" error="disk full"`) {
		t.Errorf("after three failures: %v, log is %s", failing, log.String())
	}
	log.Reset()
	st.fails = false
	for range 2 {
		failing = n.writeLastUse(t.Context(), &c, 0, failing)
	}
	if failing || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "are written again") {
		t.Errorf("after it worked: %v, log is %s", failing, log.String())
	}
	if _, ok := dir.Snapshot().LastUse(DefaultAccount, key); !ok {
		t.Error("the use was not written")
	}

	log.Reset()
	n.lastUse.Note(DefaultAccount, key, "eu-west-1", "sts", time.Now().Add(time.Minute))
	st.fails = true
	n.finish(t.Context(), &c)
	if !strings.Contains(log.String(), "and are lost") {
		t.Errorf("at the end: log is %s", log.String())
	}
}
