package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/store"
)

// Files gives the files of an account: their contents by their paths, with
// slashes.
func Files(a *account.Account) (map[string][]byte, error) {
	f := files{}
	first := accountFile{Format: format, Account: a.ID, Created: a.Created.UTC(), Alias: a.Alias}
	err := f.record(accountFileName, first)
	for _, p := range a.Providers {
		err = errors.Join(err, f.record("oidc-providers/"+fileName(p.URL, true)+".json", providerFile{p.URL, p.ClientIDs, p.Thumbprints, p.Tags, p.Created.UTC()}))
	}
	for _, p := range a.Policies {
		dir := "policies/" + fileName(p.Name, false) + "/"
		file := policyFile{p.Name, p.Path, p.ID, p.Description, p.DefaultVersion, p.LastVersion, []versionFile{}, p.Tags, p.Created.UTC(), p.Updated.UTC()}
		for _, v := range p.Versions {
			file.Versions = append(file.Versions, versionFile{v.ID, v.Created.UTC()})
			f[dir+v.ID+".json"] = []byte(v.Document)
		}
		err = errors.Join(err, f.record(dir+"policy.json", file))
	}
	for _, g := range a.Groups {
		dir := "groups/" + fileName(g.Name, false) + "/"
		names := f.inline(dir, g.InlinePolicies)
		err = errors.Join(err, f.record(dir+"group.json", groupFile{g.Name, g.Path, g.ID, names, g.AttachedPolicies, g.Created.UTC()}))
	}
	for _, u := range a.Users {
		dir := "users/" + fileName(u.Name, false) + "/"
		names := f.inline(dir, u.InlinePolicies)
		err = errors.Join(err, f.record(dir+"user.json",
			userFile{u.Name, u.Path, u.ID, u.Groups, names, u.AttachedPolicies, u.PermissionsBoundary, u.Tags, u.Created.UTC()}))
	}
	for _, r := range a.Roles {
		dir := "roles/" + fileName(r.Name, false) + "/"
		f[dir+"trust-policy.json"] = []byte(r.TrustPolicy)
		names := f.inline(dir, r.InlinePolicies)
		err = errors.Join(err, f.record(dir+"role.json", roleFile{
			r.Name, r.Path, r.ID, r.Description, r.MaxSessionDuration, r.Principals, names, r.AttachedPolicies, r.PermissionsBoundary, r.Tags, r.Created.UTC(),
		}))
	}
	for _, p := range a.Profiles {
		err = errors.Join(err, f.record("instance-profiles/"+fileName(p.Name, false)+".json", profileFile{p.Name, p.Path, p.ID, p.Role, p.Tags, p.Created.UTC()}))
	}
	return f, err
}

type files map[string][]byte

func (f files) record(name string, record any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(record); err != nil {
		return fmt.Errorf("archive: write %s: %w", name, err)
	}
	f[name] = b.Bytes()
	return nil
}

// inline puts the inline policies of a directory's entity and gives their names.
func (f files) inline(dir string, policies []store.InlinePolicy) []string {
	var names []string
	for _, p := range policies {
		names = append(names, p.Name)
		f[dir+"inline/"+fileName(p.Name, false)+".json"] = []byte(p.Document)
	}
	return names
}

// Write makes a directory hold an account and nothing else in the places of an
// archive: files that are not of this account any more are removed, others are
// left alone. A file is replaced whole. The directory is made if it is not there;
// one that holds another account, or has directories of these names without being
// an archive, is refused.
func Write(dir string, a *account.Account) error {
	wanted, err := Files(a)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer root.Close() //nolint:errcheck // nothing is written through it
	if err := checkTarget(root, dir, a.ID); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if err := writeFile(root, dir, name, wanted[name]); err != nil {
			return err
		}
	}
	return removeStale(root, wanted)
}

// checkTarget refuses a directory that is something else.
func checkTarget(root *os.Root, dir, id string) error {
	text, err := readFile(root, accountFileName, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		for _, kind := range kindDirs {
			if _, err := root.Lstat(kind); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("archive: %s has %s and no %s, so it is no export of an account; name another directory", dir, kind, accountFileName)
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	var was accountFile
	if err := json.Unmarshal(text, &was); err != nil || was.Format != format {
		return fmt.Errorf("archive: %s is no export of an account in the form %s; name another directory", filepath.Join(dir, accountFileName), format)
	}
	if was.Account != id {
		return fmt.Errorf("archive: %s holds account %s, not %s; name another directory", dir, was.Account, id)
	}
	return nil
}

// writeFile writes one file if it is not there as it should be. The directories
// on the way are made, and must be directories: a link could lead out.
func writeFile(root *os.Root, dir, name string, content []byte) error {
	parents := strings.Split(path.Dir(name), "/")
	for i := range parents {
		parent := path.Join(parents[:i+1]...)
		if err := root.Mkdir(parent, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("archive: %w", err)
		}
		if info, err := root.Lstat(parent); err != nil || !info.IsDir() {
			return errors.Join(fmt.Errorf("archive: %s is no directory", filepath.Join(dir, parent)), err)
		}
	}
	if info, err := root.Lstat(name); err == nil && info.Mode().IsRegular() {
		if was, err := readFile(root, name, maxFile); err == nil && bytes.Equal(was, content) {
			return nil
		}
	}
	return durable.Replace(filepath.Join(dir, filepath.FromSlash(name)), content, 0o600)
}

// removeStale removes what has the place of a file of an archive and is not
// wanted, and directories that are empty then.
func removeStale(root *os.Root, wanted files) error {
	var dirs []string
	for _, kind := range kindDirs {
		if info, err := root.Lstat(kind); err != nil || !info.IsDir() {
			continue
		}
		err := fs.WalkDir(root.FS(), kind, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir():
				dirs = append(dirs, name)
			case wanted[name] == nil && ours(name):
				return root.Remove(name)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("archive: remove what is no longer there: %w", err)
		}
	}
	for _, dir := range slices.Backward(dirs) {
		if entries, err := fs.ReadDir(root.FS(), dir); err == nil && len(entries) == 0 {
			if err := root.Remove(dir); err != nil {
				return fmt.Errorf("archive: remove an empty directory: %w", err)
			}
		}
	}
	return nil
}

// ours reports whether a path is one that an archive could have.
func ours(name string) bool {
	parts := strings.Split(name, "/")
	last := parts[len(parts)-1]
	stem, isJSON := strings.CutSuffix(last, ".json")
	if !isJSON || strings.HasPrefix(last, ".") {
		return false
	}
	switch kind, depth := parts[0], len(parts); kind {
	case "oidc-providers":
		return true
	case "instance-profiles":
		return depth == 2
	case "policies":
		return depth == 3 && (last == "policy.json" || account.VersionNumber(stem) > 0)
	case "roles", "users", "groups":
		return depth == 4 && parts[2] == "inline" ||
			depth == 3 && (last == strings.TrimSuffix(kind, "s")+".json" || kind == "roles" && last == "trust-policy.json")
	}
	return false
}
