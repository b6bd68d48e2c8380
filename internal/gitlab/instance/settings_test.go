package instance_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"
)

// TestRotateWhileServed: the process that serves publishes the new key from its
// next request on, and the old one no more unless it was kept.
func TestRotateWhileServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	i := open(t, dir)
	serve(t, i)
	kids := func() (all []string) {
		t.Helper()
		_, body, err := get(t, filepath.Join(dir, "ca.pem"), i.Issuer.URL()+"/oauth/discovery/keys")
		if err != nil {
			t.Fatal(err)
		}
		var set struct{ Keys []struct{ Kid string } }
		if err := json.Unmarshal(body, &set); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, k := range set.Keys {
			all = append(all, k.Kid)
		}
		return all
	}
	rotate := func(keep bool) string {
		t.Helper()
		kid, err := instance.RotateKey(dir, keep)
		if err != nil {
			t.Fatal(err)
		}
		return kid
	}
	first := kids()
	second := rotate(false)
	if got := kids(); len(got) != 2 || got[0] != first[0] || got[1] != second || second == first[1] {
		t.Errorf("after a rotation %v, before %v", got, first)
	}
	third := rotate(true)
	if got := kids(); len(got) != 3 || got[1] != third || got[2] != second {
		t.Errorf("with the old key kept %v", got)
	}
	if next := open(t, dir); next.Issuer.KeyID() != third {
		t.Errorf("a new process signs with %s, not %s", next.Issuer.KeyID(), third)
	}
	if info, err := os.Stat(filepath.Join(dir, "signing-keys.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("keys: %v, %v", info, err)
	}
	// Keys that are damaged or gone vouch for nothing.
	file := filepath.Join(dir, "signing-keys.pem")
	whole := read(t, dir, "signing-keys.pem")
	status := func() int {
		r, _, err := get(t, filepath.Join(dir, "ca.pem"), i.Issuer.URL()+"/oauth/discovery/keys")
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode
	}
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := status(); got != http.StatusInternalServerError {
		t.Errorf("damaged keys: status %d", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got := status(); got != http.StatusInternalServerError {
		t.Errorf("no keys: status %d", got)
	}
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := status(); got != http.StatusOK {
		t.Errorf("keys again: status %d", got)
	}
}

func TestRotateNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := instance.RotateKey(dir, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
	if all := contents(t, dir); len(all) != 0 {
		t.Errorf("files were made: %d", len(all))
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "i")
	want := instance.Settings{
		Listen: "127.0.0.1:0", IDTokensURL: "https://bucket.s3.eu-north-1.amazonaws.com", Declared: true, GitLabVersion: "18.4",
	}
	i, err := instance.Create(t.Context(), dir, "https://gitlab.acme.com/git", want, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if again := open(t, dir); again.Settings != want || i.Settings != want || again.Issuer.URL() != "https://gitlab.acme.com/git" || again.Issuer.IDTokensURL() != want.IDTokensURL {
		t.Errorf("%+v, %s", again.Settings, again.Issuer.URL())
	}
	if v, err := i.Settings.Version(); err != nil || v != (gitlab.Version{Major: 18, Minor: 4}) {
		t.Errorf("version %s, %v", v, err)
	}
	if _, err := instance.Create(t.Context(), dir, "https://gitlab.internal", instance.Settings{}, time.Now()); !errors.Is(err, instance.ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	for url, s := range map[string]instance.Settings{
		"https://gitlab.com":       {Declared: true},
		"https://gitlab.acme.com":  {},
		"https://gitlab.internal/": {},
		"https://gitlab.internal":  {IDTokensURL: "https://token.actions.githubusercontent.com", Declared: true},
		"https://a.internal":       {GitLabVersion: "12.0"},
		"https://b.internal":       {Listen: "8443"},
	} {
		dir := filepath.Join(t.TempDir(), "i")
		if _, err := instance.Create(t.Context(), dir, url, s, time.Now()); err == nil {
			t.Errorf("%s %+v was taken", url, s)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s %+v: something was made", url, s)
		}
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	i := open(t, dir)
	serve(t, i)
	if err := instance.Configure(dir, func(s *instance.Settings) { s.IDTokensURL = "https://issuer.internal" }); err != nil {
		t.Fatal(err)
	}
	if again := open(t, dir); again.Issuer.IDTokensURL() != "https://issuer.internal" || again.Issuer.URL() != i.Issuer.URL() {
		t.Errorf("issuer of ID tokens %s", again.Issuer.IDTokensURL())
	}
	before := read(t, dir, "settings.json")
	for name, change := range map[string]func(*instance.Settings){
		"a public issuer": func(s *instance.Settings) { s.IDTokensURL, s.Declared = "https://gitlab.com", true },
		"undeclared":      func(s *instance.Settings) { s.IDTokensURL = "https://gitlab.acme.com" },
		"a version":       func(s *instance.Settings) { s.GitLabVersion = "99.1" },
	} {
		if err := instance.Configure(dir, change); err == nil || read(t, dir, "settings.json") != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{`{"listening":"x"}`, `{}{}`, `{"declared":"yes"}`, ``, `{"idTokensIssuerUrl":"https://gitlab.com","declared":true}`} {
		if err := os.WriteFile(filepath.Join(dir, "settings.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := instance.Open(t.Context(), dir, time.Now()); err == nil {
			t.Errorf("settings %s were taken", text)
		}
	}
	if err := instance.Configure(t.TempDir(), func(*instance.Settings) {}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no instance: %v", err)
	}
}

// TestAddPath: a process that serves has the path at once, and one that is
// opened later too.
func TestAddPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	i := open(t, dir)
	serve(t, i)
	for _, path := range []string{"/org/1", "/id/X", "/org/1"} {
		next, err := open(t, dir).AddPath(path)
		if err != nil {
			t.Fatal(err)
		}
		if !next.Issuer.Owns(i.Issuer.URL() + path) {
			t.Errorf("%s is not the issuer's", path)
		}
	}
	for path, want := range map[string]int{"/org/1": 200, "/id/X": 200, "/org/2": 404} {
		r, body, err := get(t, filepath.Join(dir, "ca.pem"), i.Issuer.URL()+path+"/.well-known/openid-configuration")
		if err != nil || r.StatusCode != want || want == 200 && !bytes.Contains(body, []byte(`"issuer":"`+i.Issuer.URL()+path+`"`)) {
			t.Errorf("%s: %v, %v, %s", path, r, err, body)
		}
	}
	if _, err := i.AddPath("/org/1/../../x"); err == nil || i.Issuer.Owns(i.Issuer.URL()+"/x") {
		t.Errorf("a path that is not plain: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "paths")); err != nil || len(entries) != 2 {
		t.Errorf("%d paths, %v", len(entries), err)
	}
	job, err := gitlab.NewJob(gitlab.Job{ServerURL: i.Issuer.URL(), Project: gitlab.Project{Path: "a/b"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := i.Issuer.IDToken(job, []string{"a"}, time.Now(), rand.Reader); err != nil || strings.Count(token, ".") != 2 {
		t.Error(err)
	}
}
