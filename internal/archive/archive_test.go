package archive

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/store"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const number = "123456789012"

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestFileName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Deploy": "deploy", "..": "%2e%2e", ".": "%2e", ".hidden": "%2ehidden", "v1.0": "v1.0", "end.": "end%2e", "a+b=c,d@e": "a+b=c,d@e",
		"con": "%63on", "NUL": "%6eul", "com1": "%63om1", "lpt9.log": "%6cpt9.log", "console": "console", "a_b-c": "a_b-c",
		"a/b": "a%2fb", "a\\b": "a%5cb", "a:b": "a%3ab", "a%b": "a%25b", "a b": "a%20b", "é": "%c3%a9",
	} {
		if got := fileName(name, false); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	if got := fileName("GitLab.example.com:8443/Group/", true); got != "%47it%4cab.example.com%3a8443%2f%47roup%2f" {
		t.Errorf("a url becomes %q", got)
	}
}

// TestFileNamesAreSafe asks of any name what every file system asks, and that
// names have different files also where case does not count.
func TestFileNamesAreSafe(t *testing.T) {
	t.Parallel()
	names := rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9+=,.@_-]{1,128}`), rapid.StringMatching(`[A-Za-z0-9.:/%~_-]{1,255}`),
		rapid.SampledFrom([]string{"con", "Con.x", "con0", "aux.", "...", "nul9.a", strings.Repeat("A", 255), strings.Repeat("con", 85), strings.Repeat(".", 61)}), rapid.StringN(1, 20, 60))
	rapid.Check(t, func(t *rapid.T) {
		name, other := names.Draw(t, "name"), names.Draw(t, "other")
		for _, exact := range []bool{false, true} {
			file := fileName(name, exact)
			if file != strings.ToLower(file) {
				t.Fatalf("%q has the file %q, in which case counts", name, file)
			}
			for part := range strings.SplitSeq(file, "/") {
				stem, _, _ := strings.Cut(part, ".")
				if part == "" || len(part) > 250 || strings.ContainsAny(part, `<>:"\|?*`) || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") ||
					strings.ContainsFunc(part, func(r rune) bool { return r <= ' ' || r > '~' }) ||
					slices.Contains([]string{"con", "prn", "aux", "nul", "com1", "lpt1"}, stem) {
					t.Fatalf("%q has the part %q", name, part)
				}
			}
			back, err := unescape(file)
			if want := name; err != nil || exact && back != want || !exact && back != account.Key(want) {
				t.Fatalf("%q has the file %q, which comes back as %q, %v", name, file, back, err)
			}
			if again := fileName(other, exact); again == file && name != other && (exact || account.Key(name) != account.Key(other)) {
				t.Fatalf("%q and %q have one file, %q", name, other, file)
			}
			if again := fileName(other, exact); strings.HasPrefix(again+".json", file+".json/") {
				t.Fatalf("the file of %q is a directory of %q", name, other)
			}
		}
	})
}

// TestNothingIsForgotten holds the files against the records: what a record has,
// a file has, but for what is told elsewhere.
func TestNothingIsForgotten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, record any
		elsewhere    []string
	}{
		{accountFile{}, store.Account{}, nil},
		{providerFile{}, store.OIDCProvider{}, []string{"account"}},
		{policyFile{}, store.Policy{}, []string{"account", "attachmentCount", "boundaryCount"}},
		{versionFile{}, store.PolicyVersion{}, []string{"document"}},
		{groupFile{}, store.Group{}, []string{"account", "members"}},
		{userFile{}, store.User{}, []string{"account", "accessKeys"}},
		{roleFile{}, store.Role{}, []string{"account", "instanceProfiles", "trustPolicy"}},
		{profileFile{}, store.InstanceProfile{}, []string{"account"}},
	} {
		has := members(reflect.TypeOf(c.file))
		for _, member := range members(reflect.TypeOf(c.record)) {
			if slices.Contains(has, member) == slices.Contains(c.elsewhere, member) {
				t.Errorf("%T and the member %s of %T", c.file, member, c.record)
			}
		}
	}
}

func members(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func small() *account.Account {
	return &account.Account{
		ID: number, Created: at, Alias: "example",
		Providers: []store.OIDCProvider{{URL: "gitlab.example.com/A", ClientIDs: []string{"b", "a"}, Created: at}},
		Policies: []store.Policy{{
			Name: "Read", Path: "/", ID: "ANPA1", DefaultVersion: "v2", LastVersion: 3, Versions: []store.PolicyVersion{{ID: "v2", Document: "{ }", Created: at}}, Created: at, Updated: at,
		}},
		Groups:   []store.Group{{Name: "Team", Path: "/", ID: "AGPA1", AttachedPolicies: []string{"x"}, Created: at}},
		Users:    []store.User{{Name: "Ann", Path: "/", ID: "AIDA1", Groups: []string{"Team"}, Tags: []store.Tag{{Key: "k", Value: ""}}, Created: at}},
		Roles:    []store.Role{{Name: "..", Path: "/", ID: "AROA1", MaxSessionDuration: 3600, TrustPolicy: "é\n", InlinePolicies: []store.InlinePolicy{{Name: "B", Document: ""}, {Name: "a", Document: "x"}}, Created: at}},
		Profiles: []store.InstanceProfile{{Name: "Host", Path: "/", ID: "AIPA1", Role: "..", Created: at}},
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func exported(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	if err := Write(dir, small()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func problems(t *testing.T, dir string) []string {
	t.Helper()
	read, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range read.Problems {
		lines = append(lines, strings.TrimPrefix(p.String(), dir))
	}
	return lines
}

func TestReadBack(t *testing.T) {
	t.Parallel()
	read, err := Read(exported(t))
	if err != nil || len(read.Problems) > 0 {
		t.Fatalf("%v, %v", err, read.Problems)
	}
	if diff := cmp.Diff(small(), read.Account); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for place, want := range map[account.Place]string{
		{Kind: store.KindRole, Name: "..", Member: "trustPolicy", Line: 3}:      "roles/%2e%2e/trust-policy.json:3",
		{Kind: store.KindRole, Name: "..", Member: "inlinePolicies/b", Line: 2}: "roles/%2e%2e/inline/b.json:2",
		{Kind: store.KindRole, Name: "..", Member: "path"}:                      "roles/%2e%2e/role.json:3",
		{Kind: store.KindUser, Name: "ANN", Member: "tags/0/key"}:               "users/ann/user.json:10",
		{Kind: store.KindUser, Name: "ann", Member: "description"}:              "users/ann/user.json:1",
		{Kind: store.KindPolicy, Name: "read", Member: "versions/v2", Line: 0}:  "policies/read/v2.json:1",
		{Kind: store.KindOIDCProvider, Name: "gitlab.example.com/A"}:            "oidc-providers/gitlab.example.com%2f%41.json:1",
		{Kind: store.KindOIDCProvider, Name: "gitlab.example.com/a"}:            "account.json:1",
		{Kind: store.KindAccount, Member: "alias"}:                              "account.json:5",
		{Kind: store.KindProfile, Name: "host", Member: "role"}:                 "instance-profiles/host.json:5",
	} {
		found := read.Locate(&account.Problem{Place: place})
		if got := fmt.Sprintf("%s:%d", found.File, found.Line); got != want {
			t.Errorf("%+v is at %s, want %s", place, got, want)
		}
	}
}

func TestProblemsOfFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"syntax", map[string]string{"users/ann/user.json": "{\n\"name\": \"Ann\",,\n}"}, []string{"users/ann/user.json:2: invalid character ',' looking for beginning of object key string"}},
		{"cut off", map[string]string{"users/ann/user.json": "{\n\"name\": \"Ann\","}, []string{"users/ann/user.json:2: the JSON ends before it is complete"}},
		{"empty", map[string]string{"users/ann/user.json": ""}, []string{"users/ann/user.json:1: the JSON ends before it is complete"}},
		{"more", map[string]string{"users/ann/user.json": "{\"name\": \"Ann\"}\n{}"}, []string{"users/ann/user.json:2: there is more behind the JSON value"}},
		{"twice", map[string]string{"users/ann/user.json": "{\"name\": \"Ann\",\n\n\"name\": \"Bob\"}"}, []string{"users/ann/user.json:3: \"name\" is there twice"}},
		{"other case", map[string]string{"users/ann/user.json": "{\"name\": \"Ann\",\n\"Path\": \"/\"}"}, []string{"users/ann/user.json:2: Path is no member of this file"}},
		{"within", map[string]string{"users/ann/user.json": "{\"name\": \"Ann\",\n\"tags\": [{\"key\":\"a\",\n\"vale\":\"b\"}]}"}, []string{"users/ann/user.json:3: tags.0.vale is no member of this file"}},
		{"type", map[string]string{"users/ann/user.json": "{\"name\": \"Ann\",\n\"path\": 7}"}, []string{"users/ann/user.json:2: path cannot be a JSON number"}},
		{"time", map[string]string{"users/ann/user.json": "{\"name\": \"Ann\",\n\"created\": \"yesterday\"}"}, []string{"users/ann/user.json:2: created: \"yesterday\" is no time such as 2026-01-31T12:00:00Z"}},
		{"not UTF-8", map[string]string{"users/ann/user.json": "{\"name\": \"\xff\"}"}, []string{"users/ann/user.json:1: the file is not UTF-8"}},
		{"deep", map[string]string{"users/ann/user.json": "{\"name\": \"Ann\", \"x\": " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}"}, []string{"users/ann/user.json:1: the JSON is nested more than 64 deep"}},
		{"place", map[string]string{"users/bob/user.json": "{\n\"name\": \"Bo\"}"}, []string{"users/bob/user.json:2: \"Bo\" belongs into users/bo/user.json"}},
		{"again", map[string]string{"users/ann2/user.json": "{\n\"name\": \"ANN\"}"}, []string{
			"users/ann2/user.json:2: \"ANN\" belongs into users/ann/user.json", "users/ann2/user.json:2: \"ANN\" is in users/ann/user.json as well",
		}},
		{"left over", map[string]string{"roles/%2e%2e/inline/c.json": "{}", "users/x.json": "", "users/.gitkeep": "", "groups/.git/x": "", "notes.json": "{"}, []string{
			"roles/%2e%2e/inline/c.json:1: nothing names this file; name it in its role, user, group or policy, or remove it",
			"users/x.json:1: nothing names this file; name it in its role, user, group or policy, or remove it",
		}},
		{"missing", map[string]string{"groups/team/group.json": "{\"name\": \"Team\", \"inlinePolicies\": [\"p\"]}"}, []string{"groups/team/inline/p.json:1: this file is missing"}},
		{"version", map[string]string{"policies/read/policy.json": "{\"name\": \"Read\", \"versions\": [\n{\"id\": \"../../v2\"}, {\"id\": \"v2\"}]}"}, []string{"policies/read/policy.json:2: \"../../v2\" is no version such as v1"}},
		{"too large", map[string]string{"roles/%2e%2e/trust-policy.json": strings.Repeat(" ", maxFile+1)}, []string{"roles/%2e%2e/trust-policy.json:1: roles/%2e%2e/trust-policy.json has more than 2097152 bytes"}},
		{"format", map[string]string{"account.json": "{\n\"format\": \"daypass-account-2\",\n\"account\": \"1\"}"}, []string{
			"account.json:2: the format is \"daypass-account-2\", and only \"daypass-account-1\" can be read", "account.json:3: account \"1\" is not 12 digits",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := exported(t)
			write(t, dir, c.files)
			if diff := cmp.Diff(c.want, problems(t, dir)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestLinksLeadNowhere puts links in the place of files and directories: nothing
// outside is read, written or removed.
func TestLinksLeadNowhere(t *testing.T) {
	t.Parallel()
	dir, outside := exported(t), t.TempDir()
	write(t, outside, map[string]string{"secret.json": "{}", "inline/old.json": "{}"})
	trustPolicy := filepath.Join(dir, "roles", "%2e%2e", "trust-policy.json")
	if err := os.Remove(trustPolicy); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret.json"), trustPolicy); err != nil {
		t.Fatal(err)
	}
	got := problems(t, dir)
	if len(got) != 1 || !strings.HasPrefix(got[0], "roles/%2e%2e/trust-policy.json:1: ") || !strings.Contains(got[0], "escapes") {
		t.Errorf("problems are %q", got)
	}
	if err := Write(dir, small()); err != nil { // replaces the link itself
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(outside, "secret.json")); string(text) != "{}" || err != nil {
		t.Errorf("outside stands %q, %v", text, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "users", "ann")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "users", "ann")); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, small()); err == nil || !strings.Contains(err.Error(), "is no directory") {
		t.Errorf("wrote through a link: %v", err)
	}
	if _, err := os.Stat(filepath.Join(outside, "inline", "old.json")); err != nil {
		t.Error(err)
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no archive": {map[string]string{"roles/x": ""}, "has roles and no account.json"},
		"another":    {map[string]string{"account.json": `{"format":"daypass-account-1","account":"210987654321"}`}, "holds account 210987654321"},
		"other form": {map[string]string{"account.json": `{"format":"x"}`}, "is no export of an account"},
		"not JSON":   {map[string]string{"account.json": `x`}, "is no export of an account"},
	} {
		dir := t.TempDir()
		write(t, dir, c.files)
		if err := Write(dir, small()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if err := Write(filepath.Join(exported(t), "account.json"), small()); err == nil {
		t.Error("a file was taken for a directory")
	}
}

// TestStale writes an account over another state of it.
func TestStale(t *testing.T) {
	t.Parallel()
	dir := exported(t)
	write(t, dir, map[string]string{
		"README.md": "mine", "users/bob/user.json": "{}", "users/bob/inline/a.json": "", "users/bob/notes.txt": "mine", "policies/read/v1.json": "{}",
		"policies/read/extra.json": "mine", "roles/%2e%2e/inline/gone.json": "", "oidc-providers/x%/y.json": "", "groups/.gitkeep": "mine",
	})
	if err := Write(dir, small()); err != nil {
		t.Fatal(err)
	}
	wanted, err := Files(small())
	if err != nil {
		t.Fatal(err)
	}
	for _, mine := range []string{"README.md", "users/bob/notes.txt", "policies/read/extra.json", "groups/.gitkeep"} {
		wanted[mine] = []byte("mine")
	}
	got := map[string][]byte{}
	err = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		got[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if diff := cmp.Diff(wanted, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := os.Stat(filepath.Join(dir, "oidc-providers", "x%")); err == nil {
		t.Error("an empty directory stayed")
	}
}
