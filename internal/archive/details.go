package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/store"
)

// dump is a file of GetAccountAuthorizationDetails as the aws CLI and the SDKs of
// scripting languages print it.
type dump struct {
	account.Details
	IsTruncated      bool
	Marker           *string
	NextToken        *string
	ResponseMetadata json.RawMessage // of boto3
}

// readDetails reads such a file. The account is the one of its ARNs.
func readDetails(name string) (*Archive, error) {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	defer root.Close() //nolint:errcheck // only read
	text, err := readFile(root, filepath.Base(name), maxDetails)
	if err != nil {
		return nil, err
	}
	d := &detailsReader{a: &Archive{Account: &account.Account{}, Details: true, source: source{map[store.ID]*located{}, name}}}
	var file dump
	d.tree, err = decode(text, &file, func(line int, path string) {
		d.problem(line, true, "%s is not known and not kept", path)
	})
	var at *lineError
	switch {
	case errors.As(err, &at):
		d.problem(at.line, false, "%s", at.message)
		return d.a, nil
	case err != nil:
		return nil, err
	case file.IsTruncated || file.Marker != nil || file.NextToken != nil:
		d.problem(1, false, "this is one page of several; let the aws CLI get all of them, without --no-paginate and --max-items")
	}
	for _, section := range []string{"UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"} {
		if d.tree.member(section) == nil {
			d.problem(1, false, "%s is missing; ask without --filter and --query, since what is not told would be taken for not there", section)
		}
	}
	d.policies(file.Policies)
	d.groups(file.Groups)
	d.users(file.Users)
	d.roles(file.Roles)
	if d.a.Account.ID == "" && len(d.a.Problems) == 0 {
		d.problem(1, false, "no ARN says of which account this is")
	}
	d.a.Problems = sortProblems(d.a.Problems)
	return d.a, nil
}

type detailsReader struct {
	a    *Archive
	tree *node
}

func (d *detailsReader) problem(line int, warning bool, format string, args ...any) {
	d.a.Problems = append(d.a.Problems, Problem{d.a.source.main, line, fmt.Sprintf(format, args...), warning})
}

// thing is one item of a section.
type thing struct {
	kind    store.Kind
	section string
	i       int
	name    string
	arn     string
	made    func(account, path, name string) string
	path    string
	nameKey string // member that has its name
}

// locate notes where it stands, and of which account it is.
func (d *detailsReader) locate(t thing) *located {
	tree := d.tree.member(t.section).member(strconv.Itoa(t.i))
	at := &located{file: d.a.source.main, tree: tree, documents: map[string]document{}, renamed: map[string]string{
		"name": t.nameKey, "path": "Path", "id": strings.TrimSuffix(t.nameKey, "Name") + "Id", "tags": "Tags", "groups": "GroupList",
		"attachedPolicies": "AttachedManagedPolicies", "permissionsBoundary": "PermissionsBoundary", "created": "CreateDate",
		"versions": "PolicyVersionList", "defaultVersion": "DefaultVersionId",
	}}
	id := placeID(t.kind, t.name)
	if other := d.a.source.records[id]; other != nil {
		d.problem(tree.lineAt(t.nameKey), false, "%q is at line %d as well", t.name, other.tree.line)
	}
	d.a.source.records[id] = at
	of := ""
	if parsed, err := arn.Parse(t.arn); err == nil {
		of = parsed.Account
	}
	switch {
	case !arn.ValidAccount(of) || t.arn != t.made(of, t.path, t.name):
		d.problem(tree.lineAt("Arn"), false, "%q is not the ARN of %q", t.arn, t.name)
	case d.a.Account.ID == "":
		d.a.Account.ID = of
	case d.a.Account.ID != of:
		d.problem(tree.lineAt("Arn"), false, "%s is of another account than what stands before it, %s", t.arn, d.a.Account.ID)
	}
	return at
}

// document gives the text of a document: indented, since as JSON in JSON it has
// lost its own form. The lines stay those of the file where that was written as
// the aws CLI does.
func (d *detailsReader) document(at *located, member string, place *node, text account.Document) string {
	if place != nil {
		at.documents[member] = document{d.a.source.main, place.line}
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(text), "", "  "); err != nil {
		return string(text)
	}
	return indented.String()
}

func (d *detailsReader) inline(at *located, list string, policies []account.InlinePolicy) []store.InlinePolicy {
	var kept []store.InlinePolicy
	for i, p := range policies {
		place := at.tree.member(list).member(strconv.Itoa(i)).member("PolicyDocument")
		kept = append(kept, store.InlinePolicy{Name: p.Name, Document: d.document(at, "inlinePolicies/"+p.Name, place, p.Document)})
	}
	return kept
}

func (d *detailsReader) policies(list []account.ManagedPolicy) {
	for i, p := range list {
		if parsed, err := arn.Parse(p.ARN); err == nil && parsed.Account == arn.AWS {
			continue // Daypass has its own; whoever uses it names it
		}
		at := d.locate(thing{store.KindPolicy, "Policies", i, p.Name, p.ARN, arn.Policy, p.Path, "PolicyName"})
		record := store.Policy{
			Name: p.Name, Path: p.Path, ID: p.ID, Description: p.Description, DefaultVersion: p.DefaultVersion,
			Created: p.CreateDate.UTC(), Updated: p.UpdateDate.UTC(),
		}
		for j, v := range p.Versions {
			place := at.tree.member("PolicyVersionList").member(strconv.Itoa(j)).member("Document")
			record.Versions = append(record.Versions, store.PolicyVersion{
				ID: v.ID, Document: d.document(at, "versions/"+v.ID, place, v.Document), Created: v.CreateDate.UTC(),
			})
			record.LastVersion = max(record.LastVersion, account.VersionNumber(v.ID))
		}
		slices.SortStableFunc(record.Versions, func(a, b store.PolicyVersion) int {
			return account.VersionNumber(a.ID) - account.VersionNumber(b.ID)
		})
		d.a.Account.Policies = append(d.a.Account.Policies, record)
	}
}

func (d *detailsReader) groups(list []account.GroupDetail) {
	for i, g := range list {
		at := d.locate(thing{store.KindGroup, "GroupDetailList", i, g.Name, g.ARN, arn.Group, g.Path, "GroupName"})
		d.a.Account.Groups = append(d.a.Account.Groups, store.Group{
			Name: g.Name, Path: g.Path, ID: g.ID, InlinePolicies: d.inline(at, "GroupPolicyList", g.Inline), AttachedPolicies: arns(g.Attached), Created: g.CreateDate.UTC(),
		})
	}
}

func (d *detailsReader) users(list []account.UserDetail) {
	for i, u := range list {
		at := d.locate(thing{store.KindUser, "UserDetailList", i, u.Name, u.ARN, arn.User, u.Path, "UserName"})
		d.a.Account.Users = append(d.a.Account.Users, store.User{
			Name: u.Name, Path: u.Path, ID: u.ID, Groups: u.Groups, InlinePolicies: d.inline(at, "UserPolicyList", u.Inline),
			AttachedPolicies: arns(u.Attached), PermissionsBoundary: boundaryARN(u.Boundary), Tags: storeTags(u.Tags), Created: u.CreateDate.UTC(),
		})
	}
}

func (d *detailsReader) roles(list []account.RoleDetail) {
	for i, r := range list {
		at := d.locate(thing{store.KindRole, "RoleDetailList", i, r.Name, r.ARN, arn.Role, r.Path, "RoleName"})
		d.a.Account.Roles = append(d.a.Account.Roles, store.Role{
			Name: r.Name, Path: r.Path, ID: r.ID,
			TrustPolicy:    d.document(at, "trustPolicy", at.tree.member("AssumeRolePolicyDocument"), r.TrustPolicy),
			InlinePolicies: d.inline(at, "RolePolicyList", r.Inline), AttachedPolicies: arns(r.Attached),
			PermissionsBoundary: boundaryARN(r.Boundary), Tags: storeTags(r.Tags), Created: r.CreateDate.UTC(),
		})
		for j, p := range r.Profiles {
			place := at.tree.member("InstanceProfileList").member(strconv.Itoa(j))
			d.a.source.records[placeID(store.KindProfile, p.Name)] = &located{file: d.a.source.main, tree: place, renamed: map[string]string{
				"name": "InstanceProfileName", "path": "Path", "id": "InstanceProfileId",
			}}
			d.a.Account.Profiles = append(d.a.Account.Profiles, store.InstanceProfile{
				Name: p.Name, Path: p.Path, ID: p.ID, Role: r.Name, Created: p.CreateDate.UTC(),
			})
		}
	}
}

func arns(attached []account.Attached) []string {
	var all []string
	for _, a := range attached {
		all = append(all, a.ARN)
	}
	return all
}

func boundaryARN(b *account.Boundary) string {
	if b == nil {
		return ""
	}
	return b.ARN
}

func storeTags(tags []account.Tag) []store.Tag {
	var all []store.Tag
	for _, t := range tags {
		all = append(all, store.Tag(t))
	}
	return all
}
