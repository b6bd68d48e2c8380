package secretsmanager_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/secretsmanager"
	"github.com/daypass/daypass/internal/store"
)

// TestAtRest looks for values in the files of the database, and for what is asked
// about them in the events: neither has them, in no encoding of the wire.
func TestAtRest(t *testing.T) {
	t.Parallel()
	f := start(t)
	const value = "correct horse battery staple"
	f.create(t, "a", value)
	f.do(t, "PutSecretValue", `{"SecretId":"a","SecretBinary":"`+base64.StdEncoding.EncodeToString([]byte(value))+`","ClientRequestToken":"`+token2+`"}`)
	f.do(t, "GetSecretValue", `{"SecretId":"a"}`)
	f.refused(t, f.AdminConfig, "PutSecretValue", `{"SecretId":"a","SecretString":"`+value+`!","ClientRequestToken":"`+token+`"}`, "ResourceExistsException", "")
	f.call(t, f.AdminConfig, "GetSecretValue", `{"SecretId":["`+value+`"]}`)
	files, err := filepath.Glob(filepath.Join(f.Dir, "daypass.db*"))
	if err != nil || len(files) < 2 { // the database and its log
		t.Fatalf("%q %v", files, err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found += bytes.Count(text, []byte(`"suffix":`))
		for i := range 3 { // base64 has three forms of what stands inside something
			encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", i) + value))[4:32]
			if bytes.Contains(text, []byte(value)) || bytes.Contains(text, []byte(encoded)) {
				t.Errorf("%s has the value in the clear", filepath.Base(file))
			}
		}
	}
	if found == 0 {
		t.Error("no file has the records of secrets: the test looks in the wrong place")
	}
	if events := strings.Join(f.Events(), "\n"); strings.Contains(events, value) || !strings.Contains(events, `"operation":"GetSecretValue"`) {
		t.Error("the events have the value, or lack the requests")
	}
}

// TestMoved puts the sealed value of one version in the place of another: of the
// same secret, of another, and of another account's.
func TestMoved(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.AddAccount(t, other)
	f.create(t, "a", "of a")
	f.do(t, "PutSecretValue", `{"SecretId":"a","SecretString":"new","ClientRequestToken":"`+token2+`"}`)
	f.create(t, "b", "of b")
	there := f.UserOf(t, other, "all", document(statement("Allow", "*", "*", "")))
	f.call(t, there, "CreateSecret", `{"Name":"c","SecretString":"of c","ClientRequestToken":"`+token+`"}`)
	snapshot := f.Directory.Snapshot()
	value := func(account, name, version string) store.ID {
		secret, ok := snapshot.Secret(account, "eu-central-1", name)
		if !ok {
			t.Fatalf("there is no secret %s", name)
		}
		return store.SecretValueID(account, secret.ID, version)
	}
	target := value(account, "a", token)
	for _, from := range []store.ID{value(account, "a", token2), value(account, "b", token), value(other, "c", token)} {
		if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
			record, err := tx.Get(from)
			if err != nil {
				return err
			}
			return tx.Put(target, record.Document)
		}); err != nil {
			t.Fatal(err)
		}
		f.refused(t, f.AdminConfig, "GetSecretValue", `{"SecretId":"a","VersionId":"`+token+`"}`, "DecryptionFailure", "can't decrypt")
	}
	if got := f.do(t, "GetSecretValue", `{"SecretId":"a"}`); got["SecretString"] != "new" {
		t.Errorf("the other version is %v", got)
	}
}

// TestAgain sends requests again, as a client does that got no answer.
func TestAgain(t *testing.T) {
	t.Parallel()
	f := start(t)
	first := f.create(t, "a", "one")
	if f.create(t, "a", "one") != first {
		t.Error("CreateSecret made another secret")
	}
	put := `{"SecretId":"a","SecretString":"two","ClientRequestToken":"` + token2 + `"}`
	f.do(t, "PutSecretValue", put)
	f.do(t, "PutSecretValue", `{"SecretId":"a","SecretString":"three","ClientRequestToken":"`+token3+`"}`)
	f.do(t, "PutSecretValue", put) // late
	f.do(t, "UpdateSecret", `{"SecretId":"a","SecretString":"one","ClientRequestToken":"`+token+`"}`)
	if got := f.do(t, "GetSecretValue", `{"SecretId":"a"}`); got["SecretString"] != "three" {
		t.Errorf("a request that came again moved AWSCURRENT: %v", got)
	}
}

// TestDeleteOver: a secret is there for as long as its recovery window lasts, and
// then it is gone with its values.
func TestDeleteOver(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.create(t, "a", "one")
	f.create(t, "b", "one")
	secret, _ := f.Directory.Snapshot().Secret(account, "eu-central-1", "a")
	value := store.SecretValueID(account, secret.ID, token)
	f.do(t, "DeleteSecret", `{"SecretId":"a","RecoveryWindowInDays":7}`)
	over := func(after time.Duration, want ...string) {
		t.Helper()
		got, err := secretsmanager.DeleteOver(t.Context(), f.Directory, f.now.Add(after))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("after %v: %q %v, want %q", after, got, err, want)
		}
	}
	over(7*24*time.Hour - time.Second)
	if _, err := f.Store.Get(t.Context(), value); err != nil {
		t.Errorf("within the window: %v", err)
	}
	over(7*24*time.Hour, secret.ARN)
	over(7 * 24 * time.Hour)
	if _, err := f.Store.Get(t.Context(), value); err == nil {
		t.Error("the value is still there")
	}
	f.refused(t, f.AdminConfig, "RestoreSecret", `{"SecretId":"a"}`, "ResourceNotFoundException", "")
	f.do(t, "GetSecretValue", `{"SecretId":"b"}`)
	f.create(t, "a", "two")
}

// TestVersionQuota: the oldest versions without labels go, but none of the last day.
func TestVersionQuota(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.create(t, "a", "0")
	put := func(i int) string {
		return fmt.Sprintf(`{"SecretId":"a","SecretString":"%d","ClientRequestToken":"%032d"}`, i, i)
	}
	for i := range 99 {
		f.do(t, "PutSecretValue", put(i))
	}
	f.refused(t, f.AdminConfig, "PutSecretValue", put(99), "LimitExceededException", "100 versions")
	f.now = f.now.Add(24 * time.Hour)
	config := f.AdminConfig
	r := f.call(t, config, "PutSecretValue", put(99))
	if r.Status != 200 {
		t.Fatalf("a day later: %s", r.Body)
	}
	f.refused(t, config, "GetSecretValue", `{"SecretId":"a","VersionId":"`+token+`"}`, "ResourceNotFoundException", "")
	f.do(t, "GetSecretValue", fmt.Sprintf(`{"SecretId":"a","VersionId":"%032d"}`, 0))
}

// TestPasswords draws passwords by each option.
func TestPasswords(t *testing.T) {
	t.Parallel()
	f := start(t)
	const lower, upper, digits, punctuation = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
	for body, want := range map[string]struct {
		length int
		each   []string // of each of which there is one
		of     string   // all that there may be
	}{
		`{}`:                   {32, []string{lower, upper, digits, punctuation}, lower + upper + digits + punctuation},
		`{"PasswordLength":4}`: {4, []string{lower, upper, digits, punctuation}, lower + upper + digits + punctuation},
		`{"PasswordLength":5,"IncludeSpace":true}`:                                   {5, []string{lower, upper, digits, punctuation, " "}, lower + upper + digits + punctuation + " "},
		`{"PasswordLength":4096,"ExcludePunctuation":true}`:                          {4096, []string{lower, upper, digits}, lower + upper + digits},
		`{"ExcludeUppercase":true,"ExcludeNumbers":true,"ExcludePunctuation":true}`:  {32, []string{lower}, lower},
		`{"ExcludeLowercase":true,"ExcludeCharacters":"0123456789A"}`:                {32, []string{upper[1:], punctuation}, upper[1:] + punctuation},
		`{"PasswordLength":1,"RequireEachIncludedType":false,"ExcludeNumbers":true}`: {1, nil, lower + upper + punctuation},
		`{"PasswordLength":2,"ExcludeLowercase":true,"ExcludePunctuation":true}`:     {2, []string{upper, digits}, upper + digits},
	} {
		seen := map[string]bool{}
		for range 20 {
			password := f.do(t, "GetRandomPassword", body)["RandomPassword"].(string)
			seen[password] = true
			if len(password) != want.length || strings.Trim(password, want.of) != "" {
				t.Errorf("%s: %q", body, password)
			}
			for _, each := range want.each {
				if !strings.ContainsAny(password, each) {
					t.Errorf("%s: %q has none of %q", body, password, each)
				}
			}
		}
		if len(seen) < 2 {
			t.Errorf("%s: twenty times the same: %v", body, seen)
		}
	}
}

// TestFilters chooses secrets.
func TestFilters(t *testing.T) {
	t.Parallel()
	f := start(t)
	for i, s := range []string{
		`"Name":"prod/db","Description":"The Orders database","Tags":[{"Key":"team","Value":"blue"}]`,
		`"Name":"prod/api","Tags":[{"Key":"Team","Value":"red"}]`,
		`"Name":"test/db","Description":"orders"`,
	} {
		f.do(t, "CreateSecret", fmt.Sprintf(`{%s,"ClientRequestToken":"%032d"}`, s, i))
		f.now = f.now.Add(time.Second)
	}
	f.do(t, "UpdateSecret", `{"SecretId":"prod/db","Description":"The Orders database"}`)
	for body, want := range map[string]string{
		`{}`:                             "prod/db prod/api test/db",
		`{"SortOrder":"desc"}`:           "test/db prod/api prod/db",
		`{"SortBy":"name"}`:              "prod/api prod/db test/db",
		`{"SortBy":"last-changed-date"}`: "prod/api test/db prod/db",
		`{"Filters":[{"Key":"name","Values":["prod/"]}]}`:                                          "prod/db prod/api",
		`{"Filters":[{"Key":"name","Values":["Prod"]}]}`:                                           "",
		`{"Filters":[{"Key":"name","Values":["!prod/"]}]}`:                                         "test/db",
		`{"Filters":[{"Key":"name","Values":["prod/d","test"]}]}`:                                  "prod/db test/db",
		`{"Filters":[{"Key":"description","Values":["ORDER"]}]}`:                                   "prod/db test/db",
		`{"Filters":[{"Key":"description","Values":["rders"]}]}`:                                   "",
		`{"Filters":[{"Key":"tag-key","Values":["team"]}]}`:                                        "prod/db",
		`{"Filters":[{"Key":"tag-value","Values":["red","b"]}]}`:                                   "prod/db prod/api",
		`{"Filters":[{"Key":"name","Values":["prod"]},{"Key":"tag-key","Values":["Team"]}]}`:       "prod/api",
		`{"Filters":[{"Key":"all","Values":["orders DB"]}]}`:                                       "prod/db test/db",
		`{"Filters":[{"Key":"primary-region","Values":["eu-"]},{"Key":"name","Values":["test"]}]}`: "test/db",
		`{"Filters":[{"Key":"owning-service","Values":["rds"]}]}`:                                  "",
	} {
		var names []string
		for _, s := range f.do(t, "ListSecrets", body)["SecretList"].([]any) {
			names = append(names, s.(map[string]any)["Name"].(string))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	far := f.AdminConfig
	far.Region = "us-east-1"
	if r := f.call(t, far, "ListSecrets", `{}`); !strings.Contains(r.Body, `"SecretList":[]`) {
		t.Errorf("another region has %s", r.Body)
	}
}

// TestPages goes through a list page by page, both ways: each secret comes once.
func TestPages(t *testing.T) {
	t.Parallel()
	f := start(t)
	const all = 230
	putSecrets(t, f, all, func(i int) string { return fmt.Sprintf("s%03d", (i*37)%all) }, f.now)
	for _, order := range []string{`"SortBy":"name"`, `"SortBy":"name","SortOrder":"desc"`, `"SortOrder":"desc","MaxResults":7`, `"MaxResults":100`} {
		seen, token := map[string]bool{}, ""
		for pages := 0; pages == 0 || token != ""; pages++ {
			body := `{` + order
			if token != "" {
				body += `,"NextToken":"` + token + `"`
			}
			answer := f.do(t, "ListSecrets", body+`}`)
			for _, s := range answer["SecretList"].([]any) {
				name := s.(map[string]any)["Name"].(string)
				if seen[name] {
					t.Errorf("%s: %s came twice", order, name)
				}
				seen[name] = true
			}
			token, _ = answer["NextToken"].(string)
		}
		if len(seen) != all {
			t.Errorf("%s: %d came", order, len(seen))
		}
	}
}
