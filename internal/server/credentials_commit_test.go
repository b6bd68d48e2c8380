package server

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
)

// The file of a key whose transaction did not commit in the end is taken away.
func TestCredentialsWithoutCommit(t *testing.T) {
	t.Parallel()
	c := Config{DataDir: filepath.Join(t.TempDir(), "data"), Account: DefaultAccount, Now: time.Now, Random: rand.Reader}
	d, err := openData(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	}()
	key, err := drawAccessKey(DefaultAccount, d.masterKey, rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	made := Credentials{File: credentialsPath(c.DataDir, DefaultAccount), Profile: DefaultAccount}
	err = d.putWithCredentials(ctx, key, &made, func(tx store.Tx) error {
		cancel() // before the commit
		return key.put(tx)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Stat(made.File); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}
