package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/daypass/daypass/internal/archive"
	"github.com/daypass/daypass/internal/lint"
	"github.com/daypass/daypass/internal/lint/source"
	"github.com/daypass/daypass/internal/managedpolicy"

	"github.com/spf13/cobra"
)

// lintInput is what is examined, and where each role of it stands.
type lintInput struct {
	flags   *lintFlags
	stdin   io.Reader
	roles   []lint.Role
	places  []rolePlace
	notes   []string // of what could not be read, or in part only
	missing int      // of what was not examined
	files   int
}

// rolePlace is where a role's policy stands.
type rolePlace struct {
	file   string // "" for none: a server's
	locate func(line, column int) (file string, fileLine, fileColumn int)
	// start and end are the policy's bytes in the file, where it can be written back.
	writable   bool
	start, end int
	// policies and boundary are what the role may do; see daypass reach.
	policies []namedPolicy
	boundary string
}

// namedPolicy is a permissions policy of a role. Its text is empty where it is not
// known.
type namedPolicy struct{ name, text string }

// attachedText is a managed policy of AWS's under its name, or one of which no more
// than the ARN is known.
func attachedText(policyARN string) namedPolicy {
	if p, ok := managedpolicy.Find(policyARN); ok {
		return namedPolicy{policyARN[strings.LastIndexByte(policyARN, '/')+1:], p.Document}
	}
	return namedPolicy{name: policyARN}
}

// maxLintFile bounds one file, in bytes. A plan of a large estate has some ten
// million.
const maxLintFile = 512 << 20

// read reads all that the call names. An error is that nothing can be examined.
func (in *lintInput) read(c *cobra.Command, args []string) error {
	if in.flags.fromServer {
		if err := in.readServer(c); err != nil {
			return err
		}
	}
	for _, name := range args {
		if err := in.readNamed(name); err != nil {
			return err
		}
	}
	for i := range in.roles {
		in.complete(&in.roles[i])
	}
	return nil
}

// complete adds what the flags tell to a role.
func (in *lintInput) complete(r *lint.Role) {
	if r.Account == "" {
		r.Account = in.flags.account
	}
	told := len(in.flags.clientIDs) > 0 || len(in.flags.extended) > 0 || in.flags.allExtended
	if told {
		r.Providers = append([]lint.Provider(nil), r.Providers...)
	}
	for _, url := range lint.ProviderURLs(r.TrustPolicy) {
		at := -1
		for i := range r.Providers {
			if r.Providers[i].URL == url {
				at = i
			}
		}
		if at < 0 && !r.ProvidersKnown && told {
			r.Providers = append(r.Providers, lint.Provider{URL: url})
			at = len(r.Providers) - 1
		}
		if at < 0 {
			continue
		}
		if len(r.Providers[at].ClientIDs) == 0 {
			r.Providers[at].ClientIDs = in.flags.clientIDs
		}
		r.Providers[at].ExtendedClaims = r.Providers[at].ExtendedClaims || in.flags.allExtended
		for _, extended := range in.flags.extended {
			r.Providers[at].ExtendedClaims = r.Providers[at].ExtendedClaims || extended == url
		}
	}
}

// readNamed reads a file, a directory or standard input.
func (in *lintInput) readNamed(name string) error {
	if name == "-" {
		text, err := io.ReadAll(io.LimitReader(in.stdin, maxLintFile))
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		in.readText("-", text, true)
		return nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return in.readFile(name, info.Size(), true)
	}
	if _, err := os.Stat(filepath.Join(name, "account.json")); err == nil {
		return in.readArchive(name)
	}
	before := in.files
	err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != name && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !entry.Type().IsRegular() || !hasPolicies(entry.Name()):
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return in.readFile(path, info.Size(), false)
	})
	if err == nil && in.files == before {
		return fmt.Errorf("%s: no file in it holds roles or trust policies; name what does", name)
	}
	return err
}

// hasPolicies goes by the name of a file in a directory.
func hasPolicies(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json", ".yaml", ".yml", ".template":
		return true
	}
	return false
}

// readFile reads one file. One that was not named need not hold policies.
func (in *lintInput) readFile(name string, size int64, named bool) error {
	if size > maxLintFile {
		return fmt.Errorf("%s has more than %d bytes", name, maxLintFile)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if source.IsDetails(text) {
		return in.readArchive(name)
	}
	in.readText(name, text, named)
	return nil
}

// readText finds the roles of one text.
func (in *lintInput) readText(name string, text []byte, named bool) {
	f, err := source.Read(text)
	if err != nil {
		if !named && (errors.Is(err, source.ErrKind) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")) {
			return
		}
		in.lost("%s: %s", name, strings.TrimPrefix(err.Error(), "source: "))
		return
	}
	in.files++
	for _, note := range f.Notes {
		if note.Missing {
			in.lost("%s:%d: %s", name, note.Line, note.Message)
		} else {
			in.notes = append(in.notes, fmt.Sprintf("%s:%d: %s", name, note.Line, note.Message))
		}
	}
	for i := range f.Roles {
		r := &f.Roles[i]
		if r.Name == "" {
			r.Name = name
		}
		in.add(r.Role, rolePlace{policies: policiesIn(&r.Role), file: name, writable: r.Plain && name != "-", start: r.Start, end: r.End, locate: func(line, column int) (string, int, int) {
			fileLine, fileColumn := r.Locate(line, column)
			return name, fileLine, fileColumn
		}})
	}
}

// policiesIn are a role's policies as a template or a plan has them, in which inline
// ones are told by their place.
func policiesIn(r *lint.Role) []namedPolicy {
	var all []namedPolicy
	for i, text := range r.Permissions {
		all = append(all, namedPolicy{fmt.Sprintf("inline policy %d", i+1), text})
	}
	for _, attached := range r.Attached {
		all = append(all, attachedText(attached))
	}
	return all
}

func (in *lintInput) lost(format string, args ...any) {
	in.missing++
	in.notes = append(in.notes, fmt.Sprintf(format, args...))
}

func (in *lintInput) add(r lint.Role, p rolePlace) {
	in.roles, in.places = append(in.roles, r), append(in.places, p)
}

// readArchive reads an account: the directory of an export, or a dump of AWS's.
func (in *lintInput) readArchive(name string) error {
	a, err := archive.Read(name)
	if err != nil {
		return err
	}
	in.files++
	for _, problem := range a.Problems {
		if problem.Warning {
			in.notes = append(in.notes, problem.String())
		} else {
			in.lost("%s", problem.String())
		}
	}
	var providers []lint.Provider
	for url, ids := range a.ProviderClientIDs() {
		providers = append(providers, lint.Provider{URL: url, ClientIDs: ids})
	}
	for _, t := range a.TrustPolicies() {
		file, first := t.Place(1)
		if !a.Details {
			file = filepath.Join(name, file)
		}
		role := roleOf(a.Account, t.Role)
		p := rolePlace{policies: policiesOf(a.Account, role), boundary: role.PermissionsBoundary, file: file, writable: !a.Details, end: len(t.Document), locate: func(line, column int) (string, int, int) {
			_, fileLine := t.Place(line)
			if fileLine != line && a.Details { // indented otherwise
				column = 1
			}
			return file, max(fileLine, first), column
		}}
		in.add(lint.Role{
			Name: t.Role, ARN: t.ARN, Account: a.Account.ID, TrustPolicy: t.Document, Providers: providers, ProvidersKnown: !a.Details,
			Permissions: t.Inline, Attached: t.Attached, PermissionsKnown: true, MaxSessionDuration: t.MaxSessionDuration,
		}, p)
	}
	return nil
}

// examine runs the rules, and says where in the files each finding is.
func (in *lintInput) examine() []lint.Located {
	findings, unreadable := lint.Check(in.roles)
	for _, u := range unreadable {
		file, line, column := in.places[u.RoleIndex].locate(u.Line, u.Column)
		message := fmt.Sprintf("%s:%d:%d: the trust policy of %s cannot be read: %s", file, line, column, u.Role, u.Detail)
		if file == "" {
			message = fmt.Sprintf("the trust policy of %s cannot be read: line %d, column %d: %s", u.Role, u.Line, u.Column, u.Detail)
		}
		if !in.told(message) {
			in.lost("%s", message)
		}
	}
	located := make([]lint.Located, len(findings))
	for i := range findings {
		f := &findings[i]
		located[i].Finding = *f
		located[i].File, located[i].FileLine, located[i].FileColumn = in.places[f.RoleIndex].locate(f.Line, f.Column)
		located[i].File = filepath.ToSlash(located[i].File)
	}
	return located
}

func (in *lintInput) told(message string) bool {
	for _, note := range in.notes {
		if note == message {
			return true
		}
	}
	return false
}
