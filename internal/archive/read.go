package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/store"
)

// Archive is what was read: an account, and where each part of it stands.
type Archive struct {
	Account *account.Account
	// Details says that it was read from a file of GetAccountAuthorizationDetails,
	// which tells less than there is; see account.Details.
	Details  bool
	Problems []Problem // of the files themselves

	source source
}

// Problem is something wrong, at a line of a file.
type Problem struct {
	File    string // below the directory; the file that was named
	Line    int
	Message string
	Warning bool
}

// String gives it as compilers do.
func (p Problem) String() string {
	word := ""
	if p.Warning {
		word = "warning: "
	}
	return fmt.Sprintf("%s:%d: %s%s", p.File, p.Line, word, p.Message)
}

// source knows the places of an account's parts.
type source struct {
	records map[store.ID]*located
	main    string // file of what has no record
}

// located is where a record stands.
type located struct {
	file      string
	tree      *node
	documents map[string]document // by the member that Place has
	renamed   map[string]string   // what members are called in the file
}

// document is a policy document in a file.
type document struct {
	file string
	line int // of its beginning
}

func placeID(kind store.Kind, name string) store.ID {
	if kind != store.KindOIDCProvider {
		name = account.Key(name)
	}
	return store.ID{Kind: kind, Key: name}
}

// Locate says at which line of which file something in the account stands.
func (a *Archive) Locate(p *account.Problem) Problem {
	found := Problem{File: a.source.main, Line: 1, Message: p.Message, Warning: p.Warning}
	record := a.source.records[placeID(p.Kind, p.Name)]
	if record == nil {
		return found
	}
	found.File = record.file
	for member, document := range record.documents {
		if strings.EqualFold(member, p.Member) {
			found.File, found.Line = document.file, document.line+max(p.Line, 1)-1
			return found
		}
	}
	first, rest, more := strings.Cut(p.Member, "/")
	if renamed := record.renamed[first]; renamed != "" {
		first = renamed
	}
	if more {
		first += "/" + rest
	}
	found.Line = record.tree.lineAt(first)
	return found
}

// sortProblems puts problems in order of their places, and each once.
func sortProblems(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line)
	})
	return slices.Compact(problems)
}

// All gives the problems of the files and those of the account in order of their
// places.
func (a *Archive) All(of []account.Problem) []Problem {
	all := slices.Clone(a.Problems)
	for i := range of {
		all = append(all, a.Locate(&of[i]))
	}
	return sortProblems(all)
}

// Read reads an archive: a directory that Write wrote or a person did, or a file
// that the aws CLI printed for GetAccountAuthorizationDetails. What is wrong with
// the files is in Problems, all of it; an error is that nothing could be read.
func Read(name string) (*Archive, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if !info.IsDir() {
		return readDetails(name)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	defer root.Close() //nolint:errcheck // only read
	r := &reader{root: root, a: &Archive{Account: &account.Account{}, source: source{map[store.ID]*located{}, accountFileName}}, used: map[string]bool{}}
	r.account()
	if err := r.everything(); err != nil {
		return nil, err
	}
	r.a.Problems = sortProblems(r.a.Problems)
	return r.a, nil
}

// reader reads one directory.
type reader struct {
	root *os.Root
	a    *Archive
	used map[string]bool // files that were read or are missed
	// broken are directories of which it is not known what belongs there.
	broken []string
}

func (r *reader) problem(file string, line int, format string, args ...any) {
	r.a.Problems = append(r.a.Problems, Problem{File: file, Line: line, Message: fmt.Sprintf(format, args...)})
}

// text reads a file, "" where that is a problem.
func (r *reader) text(name string) ([]byte, bool) {
	r.used[name] = true
	text, err := readFile(r.root, name, maxFile)
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.problem(name, 1, "this file is missing")
	case errors.As(err, &path):
		r.problem(name, 1, "this file cannot be read: %v", path.Err)
	case err != nil:
		r.problem(name, 1, "%s", strings.TrimPrefix(err.Error(), "archive: "))
	}
	return text, err == nil
}

// read reads a file into a record.
func (r *reader) read(name string, record any) (*node, bool) {
	text, ok := r.text(name)
	if !ok {
		return nil, false
	}
	tree, err := decode(text, record, func(line int, path string) {
		r.problem(name, line, "%s is no member of this file", path)
	})
	var at *lineError
	if errors.As(err, &at) {
		r.problem(name, at.line, "%s", at.message)
	} else if err != nil {
		r.problem(name, 1, "%v", err)
	}
	if err != nil {
		r.broken = append(r.broken, path.Dir(name)+"/")
	}
	return tree, err == nil
}

func (r *reader) account() {
	var file accountFile
	tree, ok := r.read(accountFileName, &file)
	if !ok {
		return
	}
	if file.Format != format {
		r.problem(accountFileName, tree.lineAt("format"), "the format is %q, and only %q can be read", file.Format, format)
	}
	if !arn.ValidAccount(file.Account) {
		r.problem(accountFileName, tree.lineAt("account"), "account %q is not 12 digits", file.Account)
	}
	r.a.Account.ID, r.a.Account.Created, r.a.Account.Alias = file.Account, file.Created, file.Alias
	r.a.source.records[placeID(store.KindAccount, "")] = &located{file: accountFileName, tree: tree}
}

// everything reads the directories. The files that are left over then belong to
// nothing, and to pass over one would be to lose what it says.
func (r *reader) everything() error {
	var left []string
	for _, kind := range kindDirs {
		err := fs.WalkDir(r.root.FS(), kind, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return fmt.Errorf("archive: %w", err)
			case strings.HasPrefix(entry.Name(), "."):
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			case entry.IsDir():
				return nil
			}
			if left = append(left, name); len(left) > maxFiles {
				return fmt.Errorf("archive: there are more than %d files", maxFiles)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, name := range left {
		r.thing(name)
	}
	for _, name := range left {
		below := func(dir string) bool { return strings.HasPrefix(name, dir) }
		if !r.used[name] && !slices.ContainsFunc(r.broken, below) {
			r.problem(name, 1, "nothing names this file; name it in its role, user, group or policy, or remove it")
		}
	}
	return nil
}

// thing reads what a file begins, if it begins something.
func (r *reader) thing(name string) {
	switch kind, rest, _ := strings.Cut(name, "/"); {
	case kind == "oidc-providers":
		r.provider(name)
	case kind == "instance-profiles":
		r.profile(name)
	case strings.Count(rest, "/") != 1:
	case kind == "policies" && path.Base(name) == "policy.json":
		r.policy(name)
	case kind == "groups" && path.Base(name) == "group.json":
		r.group(name)
	case kind == "users" && path.Base(name) == "user.json":
		r.user(name)
	case kind == "roles" && path.Base(name) == "role.json":
		r.role(name)
	}
}

// locate notes where a record stands, and asks that it is the place of that name.
func (r *reader) locate(kind store.Kind, name, file, want string, tree *node) *located {
	if file != want {
		r.problem(file, tree.lineAt("name"), "%q belongs into %s", name, want)
	}
	id := placeID(kind, name)
	if other := r.a.source.records[id]; other != nil {
		r.problem(file, tree.lineAt("name"), "%q is in %s as well", name, other.file)
	}
	at := &located{file: file, tree: tree, documents: map[string]document{}}
	r.a.source.records[id] = at
	return at
}

func (r *reader) provider(name string) {
	var file providerFile
	tree, ok := r.read(name, &file)
	if !ok {
		return
	}
	r.locate(store.KindOIDCProvider, file.URL, name, "oidc-providers/"+fileName(file.URL, true)+".json", tree)
	r.a.Account.Providers = append(r.a.Account.Providers, store.OIDCProvider{
		URL: file.URL, ClientIDs: file.ClientIDs, Thumbprints: file.Thumbprints, Tags: file.Tags, Created: file.Created,
	})
}

func (r *reader) profile(name string) {
	var file profileFile
	tree, ok := r.read(name, &file)
	if !ok {
		return
	}
	r.locate(store.KindProfile, file.Name, name, "instance-profiles/"+fileName(file.Name, false)+".json", tree)
	r.a.Account.Profiles = append(r.a.Account.Profiles, store.InstanceProfile{
		Name: file.Name, Path: file.Path, ID: file.ID, Role: file.Role, Tags: file.Tags, Created: file.Created,
	})
}

func (r *reader) policy(name string) {
	var file policyFile
	tree, ok := r.read(name, &file)
	if !ok {
		return
	}
	at := r.locate(store.KindPolicy, file.Name, name, "policies/"+fileName(file.Name, false)+"/policy.json", tree)
	p := store.Policy{
		Name: file.Name, Path: file.Path, ID: file.ID, Description: file.Description,
		DefaultVersion: file.DefaultVersion, LastVersion: file.LastVersion, Tags: file.Tags, Created: file.Created, Updated: file.Updated,
	}
	for i, v := range file.Versions {
		if v.ID != "v"+strconv.Itoa(account.VersionNumber(v.ID)) {
			r.problem(name, tree.lineAt("versions/"+strconv.Itoa(i)+"/id"), "%q is no version such as v1", v.ID)
			continue
		}
		text := r.document(at, "versions/"+v.ID, path.Dir(name)+"/"+v.ID+".json")
		p.Versions = append(p.Versions, store.PolicyVersion{ID: v.ID, Document: text, Created: v.Created})
	}
	r.a.Account.Policies = append(r.a.Account.Policies, p)
}

func (r *reader) group(name string) {
	var file groupFile
	tree, ok := r.read(name, &file)
	if !ok {
		return
	}
	at := r.locate(store.KindGroup, file.Name, name, "groups/"+fileName(file.Name, false)+"/group.json", tree)
	r.a.Account.Groups = append(r.a.Account.Groups, store.Group{
		Name: file.Name, Path: file.Path, ID: file.ID, InlinePolicies: r.inline(at, file.InlinePolicies),
		AttachedPolicies: file.AttachedPolicies, Created: file.Created,
	})
}

func (r *reader) user(name string) {
	var file userFile
	tree, ok := r.read(name, &file)
	if !ok {
		return
	}
	at := r.locate(store.KindUser, file.Name, name, "users/"+fileName(file.Name, false)+"/user.json", tree)
	r.a.Account.Users = append(r.a.Account.Users, store.User{
		Name: file.Name, Path: file.Path, ID: file.ID, Groups: file.Groups, InlinePolicies: r.inline(at, file.InlinePolicies),
		AttachedPolicies: file.AttachedPolicies, PermissionsBoundary: file.PermissionsBoundary, Tags: file.Tags, Created: file.Created,
	})
}

func (r *reader) role(name string) {
	var file roleFile
	tree, ok := r.read(name, &file)
	if !ok {
		return
	}
	at := r.locate(store.KindRole, file.Name, name, "roles/"+fileName(file.Name, false)+"/role.json", tree)
	r.a.Account.Roles = append(r.a.Account.Roles, store.Role{
		Name: file.Name, Path: file.Path, ID: file.ID, Description: file.Description, MaxSessionDuration: file.MaxSessionDuration,
		TrustPolicy: r.document(at, "trustPolicy", path.Dir(name)+"/trust-policy.json"), Principals: file.Principals,
		InlinePolicies: r.inline(at, file.InlinePolicies), AttachedPolicies: file.AttachedPolicies,
		PermissionsBoundary: file.PermissionsBoundary, Tags: file.Tags, Created: file.Created,
	})
}

func (r *reader) document(at *located, member, name string) string {
	at.documents[member] = document{name, 1}
	text, _ := r.text(name)
	return string(text)
}

func (r *reader) inline(at *located, names []string) []store.InlinePolicy {
	var policies []store.InlinePolicy
	for _, name := range names {
		text := r.document(at, "inlinePolicies/"+name, path.Dir(at.file)+"/inline/"+fileName(name, false)+".json")
		policies = append(policies, store.InlinePolicy{Name: name, Document: text})
	}
	return policies
}
