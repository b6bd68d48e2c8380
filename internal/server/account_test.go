package server_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
)

// credentialsOf reads a profile of a credentials file as AWS's tools do.
func credentialsOf(t *testing.T, c server.Credentials) aws.Credentials {
	t.Helper()
	profile, err := config.LoadSharedConfigProfile(t.Context(), c.Profile, func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{c.File}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return profile.Credentials
}

func mustCreateAccount(t *testing.T, dir, account string) server.Credentials {
	t.Helper()
	c, err := server.CreateAccount(t.Context(), dir, account, rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantSoon waits for what a running server learns by following its store.
func wantSoon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 2*time.Second; time.Sleep(50 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Errorf("not within two seconds: %s", what)
}

func (r *running) works(t *testing.T, c aws.Credentials) bool {
	t.Helper()
	_, err := stsclient.NewFromConfig(r.config(c)).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{})
	return err == nil
}

func request(account, drop string) server.CredentialsRequest {
	return server.CredentialsRequest{Account: account, DeleteKey: drop, Random: rand.Reader, Now: time.Now()}
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error is %v, want it to hold %q", err, word)
		}
	}
}

// An account that is made beside a running server: the server has it at once, its
// administrator may do everything in it, and nothing is made twice.
func TestCreateAccount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := mustStart(t, newConfig(dir))
	made := mustCreateAccount(t, dir, otherAccount)
	if want := (server.Credentials{Account: otherAccount, File: filepath.Join(dir, "credentials-"+otherAccount), Profile: otherAccount, Made: true}); made != want {
		t.Errorf("made %+v, want %+v", made, want)
	}
	wantMode(t, 0o600, made.File)
	administrator := credentialsOf(t, made)
	wantSoon(t, "the new administrator is known", func() bool { return r.works(t, administrator) })
	wantCaller(t, r.config(administrator), "arn:aws:iam::"+otherAccount+":user/administrator")
	createRole(t, iamclient.NewFromConfig(r.config(administrator)), "deploy", `{"AWS":"arn:aws:iam::`+otherAccount+`:root"}`, `"sts:AssumeRole"`, 3600)

	text := read(t, made.File)
	_, err := server.CreateAccount(t.Context(), dir, otherAccount, rand.Reader, time.Now())
	wantError(t, err, "account "+otherAccount+" exists")
	_, err = server.CreateAccount(t.Context(), dir, "123456789012", rand.Reader, time.Now())
	wantError(t, err, "account 123456789012 exists")
	if read(t, made.File) != text || exists(t, dir, "credentials-123456789012") {
		t.Error("an account that there was had its credentials written")
	}

	drawn := mustCreateAccount(t, dir, "")
	if len(drawn.Account) != 12 || strings.Trim(drawn.Account, "0123456789") != "" || drawn.Account == otherAccount {
		t.Errorf("drew the account %q", drawn.Account)
	}
	accounts, err := server.ListAccounts(t.Context(), dir)
	if err != nil || len(accounts) != 3 {
		t.Fatalf("accounts are %+v, %v", accounts, err)
	}
	for _, a := range accounts {
		want := server.Account{Account: a.Account, Created: a.Created, Users: 1}
		if a.Account == otherAccount {
			want.Roles = 1
		}
		if a != want || time.Since(a.Created) > time.Minute {
			t.Errorf("listed %+v, want %+v", a, want)
		}
	}
}

func exists(t *testing.T, path ...string) bool {
	t.Helper()
	_, err := os.Lstat(filepath.Join(path...))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// What is no id, no data directory, or has a file in the way makes no account.
func TestCreateAccountRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := server.CreateAccount(t.Context(), filepath.Join(dir, "none"), otherAccount, rand.Reader, time.Now())
	wantError(t, err, "there is no database")
	if exists(t, dir, "none") {
		t.Error("a data directory was made")
	}
	mustStart(t, newConfig(dir)).mustStop(t)
	for _, account := range []string{"1", "12345678901a", "1234567890123", "../credentials"} {
		_, err := server.CreateAccount(t.Context(), dir, account, rand.Reader, time.Now())
		wantError(t, err, "is not 12 digits")
	}
	path := filepath.Join(dir, "credentials-"+otherAccount)
	if err := os.WriteFile(path, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = server.CreateAccount(t.Context(), dir, otherAccount, rand.Reader, time.Now())
	wantError(t, err, path+" is in the way")
	if read(t, path) != "somebody's" {
		t.Error("the file was overwritten")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := server.CreateAccount(ctx, dir, "333333333333", rand.Reader, time.Now()); err == nil {
		t.Error("an account was made without time")
	}
	if exists(t, dir, "credentials-333333333333") {
		t.Error("the credentials of an account that was not made are there")
	}
	if accounts, err := server.ListAccounts(t.Context(), dir); err != nil || len(accounts) != 1 {
		t.Errorf("accounts are %+v, %v", accounts, err)
	}
}

// Of two that make the same account at once, one does, and the file has its key.
func TestCreateAccountAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := mustStart(t, newConfig(dir))
	var both sync.WaitGroup
	var results [4]error
	for i := range results {
		both.Go(func() { _, results[i] = server.CreateAccount(t.Context(), dir, otherAccount, rand.Reader, time.Now()) })
	}
	both.Wait()
	made := 0
	for _, err := range results {
		if err == nil {
			made++
		} else {
			wantError(t, err, "exists")
		}
	}
	if made != 1 {
		t.Errorf("made %d times: %v", made, results)
	}
	key := credentialsOf(t, server.Credentials{File: filepath.Join(dir, "credentials-"+otherAccount), Profile: otherAccount})
	wantSoon(t, "the administrator is known", func() bool { return r.works(t, key) })
}

// The credentials of an administrator are found while their file is there, and
// made again where it is lost, two keys at most.
func TestAdministratorCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := mustStart(t, newConfig(dir))
	made := mustCreateAccount(t, dir, otherAccount)
	first := credentialsOf(t, made)
	find := func(account, drop string) server.Credentials {
		t.Helper()
		c, err := server.AdministratorCredentials(t.Context(), dir, request(account, drop))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	made.Made = false
	if got := find(otherAccount, ""); got != made {
		t.Errorf("found %+v, want %+v", got, made)
	}
	if got, want := find("123456789012", ""), (server.Credentials{Account: "123456789012", File: filepath.Join(dir, "credentials"), Profile: "default"}); got != want {
		t.Errorf("found %+v, want %+v", got, want)
	}

	remove := func() {
		t.Helper()
		if err := os.Remove(made.File); err != nil {
			t.Fatal(err)
		}
	}
	remove()
	made.Made = true
	if got := find(otherAccount, ""); got != made {
		t.Errorf("made %+v, want %+v", got, made)
	}
	wantMode(t, 0o600, made.File)
	second := credentialsOf(t, made)
	wantSoon(t, "both keys are known", func() bool { return r.works(t, first) && r.works(t, second) })

	remove()
	_, err := server.AdministratorCredentials(t.Context(), dir, request(otherAccount, ""))
	wantError(t, err, "has 2 access keys", first.AccessKeyID+" (active, made 20", second.AccessKeyID, "--delete-key")
	_, err = server.AdministratorCredentials(t.Context(), dir, request(otherAccount, "AKIAAAAAAAAAAAAAAAAA"))
	wantError(t, err, `has no access key "AKIAAAAAAAAAAAAAAAAA"`)
	if exists(t, made.File) {
		t.Error("there is a file, of no key")
	}
	find(otherAccount, first.AccessKeyID)
	third := credentialsOf(t, made)
	wantSoon(t, "the deleted key is refused", func() bool { return !r.works(t, first) && r.works(t, second) && r.works(t, third) })

	if err := os.WriteFile(made.File, []byte("["+otherAccount+"]\naws_access_key_id = "+first.AccessKeyID+"\naws_secret_access_key = x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = server.AdministratorCredentials(t.Context(), dir, request(otherAccount, second.AccessKeyID))
	wantError(t, err, "is in the way")
	if !r.works(t, second) {
		t.Error("a key was deleted, and none made")
	}
	_, err = server.AdministratorCredentials(t.Context(), dir, request("333333333333", ""))
	wantError(t, err, `there is no account "333333333333"`)
	_, err = server.AdministratorCredentials(t.Context(), filepath.Join(dir, "none"), request(otherAccount, ""))
	wantError(t, err, "there is no database")
}

// A key that was deactivated, whose secret is another, or whose user is gone is
// none that works.
func TestCredentialsThatDoNotWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustStart(t, newConfig(dir)).mustStop(t)
	made := mustCreateAccount(t, dir, otherAccount)
	id := credentialsOf(t, made).AccessKeyID
	if account, ok := session.AccountOf(id); !ok || account != otherAccount {
		t.Errorf("the key %s is of account %s", id, account)
	}
	text := read(t, made.File)
	for _, wrong := range []string{
		strings.Replace(text, "aws_secret_access_key = ", "aws_secret_access_key = x", 1),
		strings.Replace(text, id, "AKIAAAAAAAAAAAAAAAAA", 1),
		"", "\x00",
	} {
		if err := os.WriteFile(made.File, []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := server.AdministratorCredentials(t.Context(), dir, request(otherAccount, ""))
		wantError(t, err, "is in the way")
	}
	if err := os.WriteFile(made.File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	change(t, dir, func(tx store.Tx) error {
		key, err := store.GetRecord[store.AccessKey](tx, store.AccessKeyID(otherAccount, id))
		key.Active = false
		return errors.Join(err, store.PutRecord(tx, store.AccessKeyID(otherAccount, id), key))
	})
	_, err := server.AdministratorCredentials(t.Context(), dir, request(otherAccount, ""))
	wantError(t, err, "is in the way")
	if err := os.Remove(made.File); err != nil {
		t.Fatal(err)
	}
	change(t, dir, func(tx store.Tx) error { return tx.Delete(store.UserID(otherAccount, "administrator")) })
	_, err = server.AdministratorCredentials(t.Context(), dir, request(otherAccount, ""))
	wantError(t, err, `has no user "administrator"; make it with`)
	if exists(t, made.File) {
		t.Error("a file was written for nobody")
	}
}

// TestCredentialsOfNobody: an account that was imported from AWS has users without
// keys, and none that may do everything. Whoever has the data directory gets in,
// and takes over nobody who is there.
func TestCredentialsOfNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := mustStart(t, newConfig(dir))
	defer r.mustStop(t)
	made := mustCreateAccount(t, dir, otherAccount)
	if err := os.Remove(made.File); err != nil {
		t.Fatal(err)
	}
	change(t, dir, func(tx store.Tx) error { return tx.Delete(store.UserID(otherAccount, "administrator")) })

	_, err := server.AdministratorCredentials(t.Context(), dir, request(otherAccount, ""))
	wantError(t, err, "--make-administrator")
	makes := request(otherAccount, "")
	makes.MakeAdministrator = true
	made, err = server.AdministratorCredentials(t.Context(), dir, makes)
	if err != nil || !made.Made {
		t.Fatalf("made %+v, error %v", made, err)
	}
	wantSoon(t, "the key is known", func() bool { return r.works(t, credentialsOf(t, made)) })
	again, err := server.AdministratorCredentials(t.Context(), dir, makes)
	if err != nil || again.Made || again.File != made.File {
		t.Errorf("the second time: %+v, error %v", again, err)
	}

	if err := os.Remove(made.File); err != nil {
		t.Fatal(err)
	}
	change(t, dir, func(tx store.Tx) error {
		user, err := store.GetRecord[store.User](tx, store.UserID(otherAccount, "administrator"))
		user.Name = "Administrator"
		return errors.Join(err, store.PutRecord(tx, store.UserID(otherAccount, "administrator"), user))
	})
	made, err = server.AdministratorCredentials(t.Context(), dir, makes)
	if err != nil || !made.Made {
		t.Fatalf("made %+v, error %v", made, err)
	}
	again, err = server.AdministratorCredentials(t.Context(), dir, request(otherAccount, ""))
	if err != nil || again.Made || again.File != made.File {
		t.Errorf("of Administrator: %+v, error %v", again, err)
	}
	change(t, dir, func(tx store.Tx) error {
		key, err := store.GetRecord[store.AccessKey](tx, store.AccessKeyID(otherAccount, credentialsOf(t, made).AccessKeyID))
		if key.UserName != "Administrator" {
			t.Errorf("the key is of user %q", key.UserName)
		}
		return err
	})
}

// change writes to the store of a data directory as no operation does.
func change(t *testing.T, dir string, f func(store.Tx) error) {
	t.Helper()
	st, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(dir, "daypass.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.Update(t.Context(), f)
	if err := errors.Join(err, st.Close()); err != nil {
		t.Fatal(fmt.Errorf("change the store: %w", err))
	}
}
