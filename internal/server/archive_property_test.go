package server_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/archive"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/iam"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const drawnAccount = "123456789012"

// drawer makes accounts that may be, with names that are hard to keep as files.
type drawer struct {
	*rapid.T
	n    int
	asIs bool
}

func (d *drawer) bool(label string) bool { return rapid.Bool().Draw(d.T, label) }

// names draws names that differ without regard to case.
func (d *drawer) names(label string) []string {
	name := rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9+=,.@_-]{1,20}`), rapid.SampledFrom([]string{"..", ".", "con", "NUL.x", "a+b=c,d@e", "-", strings.Repeat("Long", 16)}))
	return rapid.SliceOfNDistinct(name, 0, 2, account.Key).Draw(d.T, label)
}

func (d *drawer) id(prefix string) string {
	d.n++
	return fmt.Sprintf("%s%017d", prefix, d.n)
}

func (d *drawer) time() time.Time {
	return time.Unix(rapid.Int64Range(1, 2_000_000_000).Draw(d.T, "time"), 0).UTC()
}

func (d *drawer) path() string {
	return rapid.SampledFrom([]string{"/", "/ci/", "/a/b/"}).Draw(d.T, "path")
}

func (d *drawer) tags() []store.Tag {
	var tags []store.Tag
	for _, key := range slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zé0-9_.:/=+@-]{1,8}`), 0, 3, rapid.ID).Draw(d.T, "tags"))) {
		tags = append(tags, store.Tag{Key: "x" + key, Value: rapid.StringMatching(`[a-zé0-9 _.:/=+@-]{0,8}`).Draw(d.T, "value")})
	}
	return tags
}

// document draws the text of an identity policy: not tidy, and where it may be,
// one that cannot be read.
func (d *drawer) document() string {
	if d.asIs && d.bool("unreadable") {
		return rapid.SampledFrom([]string{"{", "é", `{"Element": 1}`, "\n"}).Draw(d.T, "text")
	}
	space := rapid.StringMatching(`[ \t\r\n]{0,4}`).Draw(d.T, "space")
	return space + `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + space + `"Action":"s3:Get*","Resource":"arn:aws:s3:::` +
		rapid.StringMatching(`[a-zé<>&]{1,5}`).Draw(d.T, "bucket") + `"}]}` + space
}

func (d *drawer) inline() []store.InlinePolicy {
	var all []store.InlinePolicy
	for _, name := range d.names("inline") {
		all = append(all, store.InlinePolicy{Name: name, Document: d.document()})
	}
	return all
}

func (d *drawer) some(label string, of []string) []string {
	if len(of) == 0 {
		return nil
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, min(3, len(of)), rapid.ID).Draw(d.T, label)
}

func (d *drawer) one(label string, of []string) string {
	if len(of) == 0 || d.bool("no "+label) {
		return ""
	}
	return rapid.SampledFrom(of).Draw(d.T, label)
}

func (d *drawer) account() *account.Account {
	a := &account.Account{ID: drawnAccount, Created: d.time(), Alias: rapid.SampledFrom([]string{"", "example", "other-one"}).Draw(d.T, "alias")}
	url := rapid.StringMatching(`[A-Za-z]{1,8}\.example\.com(:8[0-9]{3})?(/[A-Za-z0-9~._-]{0,70}){0,3}`)
	for _, url := range rapid.SliceOfNDistinct(url, 0, 3, rapid.ID).Draw(d.T, "urls") {
		a.Providers = append(a.Providers, store.OIDCProvider{URL: url, ClientIDs: d.names("clients"), Tags: d.tags(), Created: d.time()})
	}
	policies := []string{"arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/AdministratorAccess"}
	if d.asIs {
		policies = append(policies, "arn:aws:iam::aws:policy/Unknown", "arn:aws:iam::"+drawnAccount+":policy/gone")
	}
	for _, name := range d.names("policies") {
		p := store.Policy{
			Name: name, Path: d.path(), ID: d.id("ANPA"), Description: rapid.StringMatching(`[a-z <é]{0,9}`).Draw(d.T, "description"),
			LastVersion: 12, Tags: d.tags(), Created: d.time(), Updated: d.time(),
		}
		for _, v := range slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.IntRange(1, 12), 1, 4, rapid.ID).Draw(d.T, "versions"))) {
			p.DefaultVersion = fmt.Sprint("v", v)
			p.Versions = append(p.Versions, store.PolicyVersion{ID: p.DefaultVersion, Document: d.document(), Created: d.time()})
		}
		a.Policies = append(a.Policies, p)
		policies = append(policies, arn.Policy(drawnAccount, p.Path, p.Name))
	}
	var groups, roles []string
	entities := []string{"arn:aws:iam::" + drawnAccount + ":user/nobody"}
	for _, name := range d.names("groups") {
		groups = append(groups, name)
		a.Groups = append(a.Groups, store.Group{Name: name, Path: d.path(), ID: d.id("AGPA"), InlinePolicies: d.inline(), AttachedPolicies: d.some("attached", policies), Created: d.time()})
	}
	for _, name := range d.names("users") {
		u := store.User{
			Name: name, Path: d.path(), ID: d.id("AIDA"), Groups: d.some("of groups", groups), InlinePolicies: d.inline(),
			AttachedPolicies: d.some("attached", policies), PermissionsBoundary: d.one("boundary", policies), Tags: d.tags(), Created: d.time(),
		}
		a.Users = append(a.Users, u)
		entities = append(entities, arn.User(drawnAccount, u.Path, u.Name), u.ID)
	}
	for _, name := range d.names("roles") {
		r := store.Role{
			Name: name, Path: d.path(), ID: d.id("AROA"), MaxSessionDuration: rapid.IntRange(3600, 43200).Draw(d.T, "duration"), InlinePolicies: d.inline(),
			AttachedPolicies: d.some("attached", policies), PermissionsBoundary: d.one("boundary", policies), Tags: d.tags(), Created: d.time(),
			TrustPolicy: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":["` + strings.Join(append(d.some("principals", entities), drawnAccount), `", "`) + `"]},"Action":"sts:AssumeRole"}}`,
		}
		if d.bool("described") {
			description := rapid.StringMatching(`[a-z <é]{0,9}`).Draw(d.T, "description")
			r.Description = &description
		}
		a.Roles = append(a.Roles, r)
		roles = append(roles, name)
		entities = append(entities, arn.Role(drawnAccount, r.Path, r.Name))
	}
	for _, name := range d.names("profiles") {
		a.Profiles = append(a.Profiles, store.InstanceProfile{Name: name, Path: d.path(), ID: d.id("AIPA"), Role: d.one("role", roles), Tags: d.tags(), Created: d.time()})
	}
	return a
}

// newDirectory opens a store of its own.
func newDirectory(t *testing.T, dir string, key *masterkey.Key) (*directory.Directory, func()) {
	t.Helper()
	st, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(dir, "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.Open(t.Context(), st, key)
	if err != nil {
		t.Fatal(err)
	}
	return d, func() { _ = st.Close() }
}

// TestExportImport puts a random account into a store that holds the account drawn
// before, writes it to files, and reads them into an empty one: the files that
// these write are the same, byte for byte, and to import once more changes
// nothing.
func TestExportImport(t *testing.T) {
	t.Parallel()
	key, err := masterkey.Create(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	used, closeUsed := newDirectory(t, t.TempDir(), key)
	defer closeUsed()
	temp := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		draw := &drawer{T: rt}
		draw.asIs = draw.bool("as is")
		dir, err := os.MkdirTemp(temp, "") //nolint:usetesting // one for each account drawn
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		empty, closeEmpty := newDirectory(t, dir, key)
		defer closeEmpty()
		drawn := draw.account()
		write := func(name string, a *account.Account) string {
			if err := archive.Write(filepath.Join(dir, name), a); err != nil {
				rt.Fatal(err)
			}
			return filepath.Join(dir, name)
		}
		put := func(a *archive.Archive, into *directory.Directory, changes bool) {
			done, err := iam.Import{Directory: into, Account: a.Account, Replace: true, AsIs: draw.asIs, Now: time.Unix(9, 0), Random: rand.Reader}.Run(t.Context())
			if err != nil || done.Refused {
				rt.Fatalf("%v %v", err, a.All(done.Problems))
			}
			if !changes && len(done.Changes) > 0 {
				rt.Fatalf("imported again, %+v", done.Changes)
			}
		}
		read := func(from string, into *directory.Directory, changes bool) {
			a, err := archive.Read(from)
			if err != nil || len(a.Problems) > 0 {
				rt.Fatalf("%v %v", err, a.Problems)
			}
			put(a, into, changes)
		}
		files := func(d *directory.Directory) map[string][]byte {
			a, ok := account.Of(d.Snapshot(), drawnAccount)
			if !ok {
				rt.Fatal("no account")
			}
			files, err := archive.Files(a)
			if err != nil {
				rt.Fatal(err)
			}
			return files
		}
		put(&archive.Archive{Account: drawn}, used, true)
		first := files(used)
		exported, _ := account.Of(used.Snapshot(), drawnAccount)
		from := write("first", exported)
		read(from, empty, true)
		if diff := cmp.Diff(first, files(empty)); diff != "" {
			rt.Fatalf("exported, imported and exported (-want +got):\n%s", diff)
		}
		read(from, used, false)
		read(from, empty, false)
		for i := range exported.Roles { // they were found
			exported.Roles[i].Principals = nil
		}
		want, err1 := archive.Files(drawn)
		got, err2 := archive.Files(exported)
		if diff := cmp.Diff(want, got); diff != "" || err1 != nil || err2 != nil {
			rt.Fatalf("%v %v imported and exported (-want +got):\n%s", err1, err2, diff)
		}
		wantCounted(rt, used.Snapshot())
	})
}

// wantCounted holds what records count against what there is.
func wantCounted(t *rapid.T, s *directory.Snapshot) {
	for p := range s.PoliciesAfter(drawnAccount, "") {
		attached, bounded := 0, 0
		for range s.AttachedTo(drawnAccount, p.ARN, "") {
			attached++
		}
		for range s.BoundedBy(drawnAccount, p.ARN, "") {
			bounded++
		}
		if p.AttachmentCount != attached || p.BoundaryCount != bounded {
			t.Fatalf("%s counts %d and %d, is used %d and %d times", p.ARN, p.AttachmentCount, p.BoundaryCount, attached, bounded)
		}
	}
	for g := range s.GroupsAfter(drawnAccount, "") {
		members := 0
		for range s.MembersAfter(g, "") {
			members++
		}
		if g.Members != members {
			t.Fatalf("group %s counts %d, has %d members", g.Name, g.Members, members)
		}
	}
	held := map[string][]string{}
	for p := range s.InstanceProfilesAfter(drawnAccount, "") {
		if p.Role != "" {
			held[p.Role] = append(held[p.Role], p.Name)
		}
	}
	for r := range s.RolesAfter(drawnAccount, "") {
		if !slices.Equal(slices.Sorted(slices.Values(held[r.Name])), slices.Sorted(slices.Values(r.InstanceProfiles))) {
			t.Fatalf("role %s has profiles %v, is in %v", r.Name, r.InstanceProfiles, held[r.Name])
		}
	}
}
