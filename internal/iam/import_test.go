package iam_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	accounts "github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/iam"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"
)

const importID = "123456789012"

func (f *fixture) importer(a *accounts.Account) iam.Import {
	return iam.Import{Directory: f.Directory, Account: a, Now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC), Random: rand.Reader}
}

// run imports and gives problems and changes as lines.
func run(t *testing.T, im iam.Import) (problems, changes []string) {
	t.Helper()
	done, err := im.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range done.Problems {
		word := "refused"
		if p.Warning {
			word = "warning"
		}
		problems = append(problems, fmt.Sprintf("%s %s %s %s:%d %s", word, p.Kind, p.Name, p.Member, p.Line, p.Message))
	}
	for _, c := range done.Changes {
		changes = append(changes, fmt.Sprintf("%s %s %s %d", c.What, c.Kind, c.Name, c.AccessKeys))
	}
	if done.Refused != slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, "refused") }) {
		t.Errorf("refused is %t with %q", done.Refused, problems)
	}
	return problems, changes
}

// whole is an account in which everything is right.
func whole() *accounts.Account {
	return &accounts.Account{
		ID: importID, Alias: "example",
		Providers: []store.OIDCProvider{{URL: "gitlab.example.com", ClientIDs: []string{"a"}, Thumbprints: []string{thumbprint}}},
		Policies:  []store.Policy{{Name: "Read", DefaultVersion: "v1", Versions: []store.PolicyVersion{{ID: "v1", Document: readPolicy}}}},
		Groups:    []store.Group{{Name: "Team", AttachedPolicies: []string{"arn:aws:iam::123456789012:policy/read"}}},
		Users:     []store.User{{Name: "Ann", Groups: []string{"team"}, PermissionsBoundary: readOnlyAccess}},
		Roles:     []store.Role{{Name: "Deploy", TrustPolicy: trustPolicy, InlinePolicies: []store.InlinePolicy{{Name: "p", Document: readPolicy}}}},
		Profiles:  []store.InstanceProfile{{Name: "Host", Role: "deploy"}},
	}
}

// TestImportFillsUp imports an account that says as little as it can, and asks
// the API what became of it.
func TestImportFillsUp(t *testing.T) {
	t.Parallel()
	f := start(t)
	problems, changes := run(t, f.importer(whole()))
	want := []string{
		"changed account 123456789012 0", "created oidc-provider gitlab.example.com 0", "created policy Read 0", "created group Team 0", "created user Ann 0",
		"created role Deploy 0", "created instance-profile Host 0",
	}
	if diff := cmp.Diff(want, changes); diff != "" || len(problems) > 0 {
		t.Errorf("%q (-want +got):\n%s", problems, diff)
	}
	role := noError[*iamclient.GetRoleOutput](t)(f.admin.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("deploy")})).Role
	if !strings.HasPrefix(*role.RoleId, "AROA") || *role.Path != "/" || *role.MaxSessionDuration != 3600 || role.CreateDate.Year() != 2026 || unescape(t, role.AssumeRolePolicyDocument) != trustPolicy {
		t.Errorf("role %+v", role)
	}
	policy := noError[*iamclient.GetPolicyOutput](t)(f.admin.GetPolicy(t.Context(), &iamclient.GetPolicyInput{PolicyArn: aws.String("arn:aws:iam::123456789012:policy/Read")})).Policy
	if *policy.AttachmentCount != 1 {
		t.Errorf("policy %+v", policy)
	}
	group := noError[*iamclient.GetGroupOutput](t)(f.admin.GetGroup(t.Context(), &iamclient.GetGroupInput{GroupName: aws.String("team")}))
	if len(group.Users) != 1 || *group.Users[0].UserName != "Ann" {
		t.Errorf("group %+v", group)
	}
	// What holds the others cannot be deleted: they know of each other.
	for name, err := range map[string]error{
		"group":  second(f.admin.DeleteGroup(t.Context(), &iamclient.DeleteGroupInput{GroupName: aws.String("Team")})),
		"policy": second(f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: policy.Arn})),
		"role":   second(f.admin.DeleteInstanceProfile(t.Context(), &iamclient.DeleteInstanceProfileInput{InstanceProfileName: aws.String("host")})),
	} {
		if err == nil || !strings.Contains(err.Error(), "DeleteConflict") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The same again changes nothing, and what is not named stays.
	if problems, changes := run(t, f.importer(whole())); len(problems) > 0 || len(changes) > 0 {
		t.Errorf("again: %q %q", problems, changes)
	}
	f.User(t, "still-there")
}

func second[T any](_ T, err error) error { return err }

// TestImportRefuses makes one thing wrong after another. Nothing is written.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRecords(t, map[store.ID]any{
		store.AccountID("210987654321"):     store.Account{Account: "210987654321", Alias: "taken"},
		store.UserID("210987654321", "eve"): store.User{Account: "210987654321", Name: "eve", Path: "/", ID: "AIDAEVE00000000000001"},
	})
	long := strings.Repeat("x", 65)
	big := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::` + strings.Repeat("a", 11000) + `"}]}`
	for name, c := range map[string]struct {
		change func(*accounts.Account)
		want   string // the first of the problems; with "as is" in front where that makes it a warning
	}{
		"account":     {func(a *accounts.Account) { a.ID = "1" }, `account  account:0 account "1" is not 12 digits`},
		"alias":       {func(a *accounts.Account) { a.Alias = "A--b" }, `account  alias:0 1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern`},
		"taken alias": {func(a *accounts.Account) { a.Alias = "taken" }, `account  alias:0 The account alias taken already exists.`},
		"url":         {func(a *accounts.Account) { a.Providers[0].URL = "gitlab.example.com:443" }, `oidc-provider gitlab.example.com:443 url:0 the url is kept as gitlab.example.com; write it so`},
		"no url":      {func(a *accounts.Account) { a.Providers[0].URL = "a b" }, `oidc-provider a b url:0 Invalid Open ID Connect Provider URL.`},
		"thumbprint":  {func(a *accounts.Account) { a.Providers[0].Thumbprints[0] = "x" }, `oidc-provider gitlab.example.com thumbprints:0 1 validation error detected: Value at 'thumbprintList'`},
		"client ids":  {func(a *accounts.Account) { a.Providers[0].ClientIDs = []string{"a", "a"} }, `as is oidc-provider gitlab.example.com clientIds:0 a client id is there twice`},
		"policy":      {func(a *accounts.Account) { a.Policies[0].Path = "x" }, `policy Read path:0 The specified value for path is invalid.`},
		"version":     {func(a *accounts.Account) { a.Policies[0].Versions[0].ID = "1" }, `policy Read versions:0 "1" is no version in the order of their numbers`},
		"default":     {func(a *accounts.Account) { a.Policies[0].DefaultVersion = "v2" }, `policy Read defaultVersion:0 "v2" is none of its versions`},
		"last version": {func(a *accounts.Account) {
			a.Policies[0].LastVersion, a.Policies[0].Versions[0].ID, a.Policies[0].DefaultVersion = 1, "v2", "v2"
		}, `policy Read lastVersion:0 there is a later version, v2`},
		"document": {func(a *accounts.Account) { a.Policies[0].Versions[0].Document = "{\n\n]" }, `as is policy Read versions/v1:3 Syntax errors in policy. Line 3, column 1: `},
		"old language": {func(a *accounts.Account) {
			a.Policies[0].Versions[0].Document = strings.Replace(readPolicy, "2012-10-17", "2008-10-17", 1)
		}, `as is policy Read versions/v1:1 Policy document must be version 2012-10-17 or greater.`},
		"policy size": {func(a *accounts.Account) { a.Policies[0].Versions[0].Document = big }, `as is policy Read versions/v1:0 Cannot exceed quota for PolicySize: 6144`},
		"group":       {func(a *accounts.Account) { a.Users[0].Groups = []string{"crew"} }, `user Ann groups:0 The group with name crew cannot be found.`},
		"group twice": {func(a *accounts.Account) { a.Users[0].Groups = []string{"team", "Team"} }, `user Ann groups:0 group Team is there twice`},
		"name":        {func(a *accounts.Account) { a.Users[0].Name = long }, `user ` + long + ` name:0 1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must have length less than or equal to 64`},
		"characters":  {func(a *accounts.Account) { a.Users[0].Name = "a/b" }, `user a/b name:0 The specified value for userName is invalid.`},
		"boundary":    {func(a *accounts.Account) { a.Users[0].PermissionsBoundary = "arn:aws:iam::aws:policy/None" }, `as is user Ann permissionsBoundary:0 Policy arn:aws:iam::aws:policy/None does not exist or is not attachable.`},
		"no policy":   {func(a *accounts.Account) { a.Groups[0].AttachedPolicies[0] = "arn:aws:s3:::x" }, `group Team attachedPolicies:0 ARN arn:aws:s3:::x is not valid.`},
		"other's":     {func(a *accounts.Account) { a.Groups[0].AttachedPolicies[0] = "arn:aws:iam::210987654321:policy/x" }, `as is group Team attachedPolicies:0 Policy arn:aws:iam::210987654321:policy/x does not exist`},
		"attached": {func(a *accounts.Account) {
			a.Groups[0].AttachedPolicies = []string{readOnlyAccess, strings.ToLower(readOnlyAccess)}
		}, `group Team attachedPolicies:0 policy ` + strings.ToLower(readOnlyAccess) + ` is there twice`},
		"tags": {func(a *accounts.Account) { a.Roles[0].Tags = []store.Tag{{Key: "aws:x"}} }, `as is role Deploy tags:0 Tag keys beginning with aws: are reserved for system use.`},
		"tag":  {func(a *accounts.Account) { a.Roles[0].Tags = []store.Tag{{Key: "k", Value: "<"}} }, `role Deploy tags:0 1 validation error detected: Value at 'tags.1.member.value'`},
		"id":   {func(a *accounts.Account) { a.Roles[0].ID = "AIDA00000000000000001" }, `role Deploy id:0 "AIDA00000000000000001" is no unique id, which is AROA and capital letters and digits`},
		"same id": {func(a *accounts.Account) {
			a.Roles = append(a.Roles, a.Roles[0])
			a.Roles[1].Name = "b"
			a.Roles[0].ID, a.Roles[1].ID = "AROA00000000000000001", "AROA00000000000000001"
		}, `role b id:0 the unique id AROA00000000000000001 is that of role Deploy too`},
		"other's id":  {func(a *accounts.Account) { a.Users[0].ID = "AIDAEVE00000000000001" }, `user Ann id:0 the unique id AIDAEVE00000000000001 is that of arn:aws:iam::210987654321:user/eve`},
		"description": {func(a *accounts.Account) { a.Roles[0].Description = aws.String("\x00") }, `role Deploy description:0 1 validation error detected: Value at 'description'`},
		"duration":    {func(a *accounts.Account) { a.Roles[0].MaxSessionDuration = 60 }, `role Deploy maxSessionDuration:0 1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600`},
		"trust":       {func(a *accounts.Account) { a.Roles[0].TrustPolicy = "" }, `role Deploy trustPolicy:0 1 validation error detected: Value at 'policyDocument' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		"trust size": {func(a *accounts.Account) {
			a.Roles[0].TrustPolicy = strings.Replace(trustPolicy, "main", strings.Repeat("m", 5000), 1)
		}, `as is role Deploy trustPolicy:0 Cannot exceed quota for ACLSizePerRole: 4096`},
		"shared issuer": {func(a *accounts.Account) {
			a.Roles[0].TrustPolicy = strings.ReplaceAll(strings.ReplaceAll(trustPolicy, "gitlab.example.com", "token.actions.githubusercontent.com"), ":sub", ":aud")
		}, `as is role Deploy trustPolicy:0 `},
		"inline name": {func(a *accounts.Account) { a.Roles[0].InlinePolicies[0].Name = "a b" }, `role Deploy inlinePolicies:0 The specified value for policyName is invalid.`},
		"inline twice": {func(a *accounts.Account) {
			a.Roles[0].InlinePolicies = append(a.Roles[0].InlinePolicies, store.InlinePolicy{Name: "P", Document: readPolicy})
		}, `role Deploy inlinePolicies:0 inline policy "P" is there twice`},
		"inline size": {func(a *accounts.Account) { a.Roles[0].InlinePolicies[0].Document = big }, `as is role Deploy inlinePolicies:0 Maximum policy size of 10240 bytes exceeded for role Deploy`},
		"inline text": {func(a *accounts.Account) {
			a.Roles[0].InlinePolicies[0].Document = strings.Replace(readPolicy, "Allow", "Alow", 1)
		}, `as is role Deploy inlinePolicies/p:1 Syntax errors in policy.`},
		"profile": {func(a *accounts.Account) { a.Profiles[0].Role = "none" }, `instance-profile Host role:0 The role with name none cannot be found.`},
		"principal id": {func(a *accounts.Account) {
			a.Roles[0].TrustPolicy = trustIn("arn:aws:iam::123456789012:user/Ann")
			a.Roles[0].Principals = map[string]string{"arn:aws:iam::123456789012:user/Ann": "x"}
		}, `role Deploy principals:0 "x" is no unique id`},
		"record": {func(a *accounts.Account) {
			for i := range 10 {
				a.Roles[0].InlinePolicies = append(a.Roles[0].InlinePolicies, store.InlinePolicy{Name: fmt.Sprint(i), Document: readPolicy + strings.Repeat(" ", 120000)})
			}
		}, `role Deploy :0 document of role "deploy" of account "123456789012" has `},
		"clash": {func(a *accounts.Account) { a.Users[0].Name = "administrator"; a.Users[0].Path = "/x/" }, `user administrator :0 administrator exists already and is not the same; --replace`},
	} {
		t.Run(name, func(t *testing.T) {
			revision := f.Directory.Snapshot().Revision()
			want, asIs := strings.CutPrefix(c.want, "as is ")
			a := whole()
			c.change(a)
			problems, changes := run(t, f.importer(a))
			if len(problems) == 0 || !strings.HasPrefix(problems[0], "refused "+want) || len(changes) > 0 {
				t.Errorf("%q %q, want %q", problems, changes, want)
			}
			a = whole()
			c.change(a)
			im := f.importer(a)
			im.AsIs, im.DryRun = true, true
			word := "refused "
			if asIs {
				word = "warning "
			}
			problems, changes = run(t, im)
			if len(problems) == 0 || !strings.HasPrefix(problems[0], word+want) || asIs != (len(changes) > 0) {
				t.Errorf("as is: %q %q, want %q", problems, changes, want)
			}
			if now := f.Directory.Snapshot().Revision(); now != revision {
				t.Errorf("something was written: revision %d after %d", now, revision)
			}
		})
	}
	// All at once are told at once.
	a := whole()
	a.Users[0].Name, a.Roles[0].MaxSessionDuration, a.Profiles[0].Role = long, 60, "none"
	if problems, _ := run(t, f.importer(a)); len(problems) != 3 {
		t.Errorf("%q", problems)
	}
}

func trustIn(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"}]}`
}

// TestImportPrincipals: whom a trust policy names is who is meant by it now, and
// nobody where there is nobody.
func TestImportPrincipals(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRecords(t, map[store.ID]any{
		store.AccountID("210987654321"):     store.Account{Account: "210987654321"},
		store.UserID("210987654321", "eve"): store.User{Account: "210987654321", Name: "eve", Path: "/", ID: "AIDAEVE00000000000001"},
	})
	const ann, gone, eve = "arn:aws:iam::123456789012:user/Ann", "arn:aws:iam::123456789012:user/gone", "arn:aws:iam::210987654321:user/eve"
	a := whole()
	a.Users[0].ID = "AIDAANN00000000000001"
	a.Roles = nil
	a.Profiles = nil
	for name, r := range map[string]store.Role{
		"own": {TrustPolicy: trustIn(ann)}, "other": {TrustPolicy: trustIn(eve)}, "nobody": {TrustPolicy: trustIn(gone)}, "by-id": {TrustPolicy: trustIn("AIDAANN00000000000001")},
		"told":  {TrustPolicy: trustIn(ann), Principals: map[string]string{ann: "AIDAGONE0000000000001"}}, // another Ann, who is gone
		"empty": {TrustPolicy: trustIn(ann), Principals: map[string]string{ann: "", eve: "AIDAEVE00000000000001"}},
	} {
		r.Name = name
		a.Roles = append(a.Roles, r)
	}
	slices.SortFunc(a.Roles, func(a, b store.Role) int { return strings.Compare(a.Name, b.Name) })
	problems, _ := run(t, f.importer(a))
	want := []string{
		"warning role empty principals:0 " + eve + " is not named by the trust policy, and left out",
		`warning role nobody trustPolicy:0 Invalid principal in policy: "AWS":"` + gone + `" There is no such user or role here, so it admits nobody.`,
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, want := range map[string]map[string]string{
		"own": {ann: "AIDAANN00000000000001"}, "other": {eve: "AIDAEVE00000000000001"}, "nobody": {gone: ""}, "by-id": {"AIDAANN00000000000001": "AIDAANN00000000000001"},
		"told": {ann: "AIDAGONE0000000000001"}, "empty": {ann: ""},
	} {
		role, _ := f.Directory.Snapshot().Role(importID, name)
		if diff := cmp.Diff(want, role.Principals); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestImportReplaces: users who stay keep their keys, renamed or made again; those
// of others go, with what is known of their last use.
func TestImportReplaces(t *testing.T) {
	t.Parallel()
	f := start(t)
	stays, goes := f.User(t, "Stays", awsapitest.Administrator), f.User(t, "goes", awsapitest.Administrator)
	remade := f.User(t, "remade", awsapitest.Administrator)
	key := func(c aws.Config) string {
		k, err := c.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return k.AccessKeyID
	}
	f.putRecords(t, map[store.ID]any{
		store.LastUseID(importID, key(goes)):               store.LastUse{Account: importID, ID: key(goes)},
		store.RoleID(importID, "old"):                      store.Role{Account: importID, Name: "old", Path: "/", ID: "AROAOLD00000000000001", TrustPolicy: trustPolicy, MaxSessionDuration: 3600},
		store.LastUseID(importID, "AROAOLD00000000000001"): store.LastUse{Account: importID, ID: "AROAOLD00000000000001"},
		store.OIDCProviderID(importID, "old.example.com"):  store.OIDCProvider{Account: importID, URL: "old.example.com"},
		store.AccountAliasID("before"):                     store.AccountAlias{Account: importID, Alias: "before"},
		store.AccountID(importID):                          store.Account{Account: importID, Alias: "before"},
		store.InstanceProfileID(importID, "old"):           store.InstanceProfile{Account: importID, Name: "old", Path: "/", ID: "AIPAOLD00000000000001"},
		store.PolicyID(importID, "old"):                    store.Policy{Account: importID, Name: "old", Path: "/x/", ID: "ANPAOLD00000000000001", DefaultVersion: "v1", Versions: []store.PolicyVersion{{ID: "v1", Document: readPolicy}}},
		store.GroupID(importID, "old"):                     store.Group{Account: importID, Name: "old", Path: "/", ID: "AGPAOLD00000000000001"},
	})
	now, _ := f.present()
	imported := whole()
	for _, u := range now.Users {
		switch u.Name {
		case "Stays":
			u.Name = "renamed"
		case "remade":
			u.ID = "AIDAREMADE00000000001"
		case "goes":
			continue
		}
		imported.Users = append(imported.Users, u)
	}
	im := f.importer(imported)
	im.Replace = true
	problems, changes := run(t, im)
	for _, want := range []string{
		"deleted user goes 1", "deleted user Stays 0", "created user renamed 0", "changed user remade 0", "deleted role old 0", "deleted oidc-provider old.example.com 0",
		"deleted policy old 0", "deleted group old 0", "deleted instance-profile old 0", "changed account 123456789012 0",
	} {
		if !slices.Contains(changes, want) {
			t.Errorf("changes are %q and lack %q", changes, want)
		}
	}
	if len(problems) > 0 {
		t.Errorf("problems are %q", problems)
	}
	for name, config := range map[string]aws.Config{"renamed": stays, "remade": remade} {
		out, err := iamclient.NewFromConfig(config).GetUser(t.Context(), &iamclient.GetUserInput{})
		if err != nil || *out.User.UserName != name {
			t.Errorf("the key of %s: %v, %v", name, out, err)
		}
	}
	if _, err := iamclient.NewFromConfig(goes).GetUser(t.Context(), &iamclient.GetUserInput{}); err == nil || !strings.Contains(err.Error(), "InvalidClientTokenId") {
		t.Errorf("the key of who is gone: %v", err)
	}
	s := f.Directory.Snapshot()
	for _, id := range []string{key(goes), "AROAOLD00000000000001"} {
		if _, ok := s.LastUse(importID, id); ok {
			t.Errorf("the last use of %s is still known", id)
		}
	}
	if s.AccountAlias(importID) != "example" {
		t.Errorf("the alias is %q", s.AccountAlias(importID))
	}
	if _, err := f.Store.Get(t.Context(), store.AccountAliasID("before")); err == nil {
		t.Error("the former alias is not free")
	}
}

// present is the account as it is.
func (f *fixture) present() (*accounts.Account, bool) {
	return accounts.Of(f.Directory.Snapshot(), importID)
}

// TestImportIsOvertaken writes to the store behind the snapshot's back: an import
// that replaces the account deletes that too, and one that does not keeps it.
func TestImportIsOvertaken(t *testing.T) {
	t.Parallel()
	for _, replace := range []bool{true, false} {
		f := start(t)
		_, err := f.Store.Update(t.Context(), func(tx store.Tx) error {
			return store.PutRecord(tx, store.GroupID(importID, "late"), store.Group{Account: importID, Name: "late", Path: "/", ID: "AGPALATE0000000000001"})
		})
		if err != nil {
			t.Fatal(err)
		}
		im := f.importer(whole())
		im.Replace = replace
		if problems, _ := run(t, im); len(problems) > 0 {
			t.Errorf("%q", problems)
		}
		if _, ok := f.Directory.Snapshot().Group(importID, "late"); ok == replace {
			t.Errorf("replace is %t, the late group is there: %t", replace, ok)
		}
	}
}

// TestImportPartial: what details do not tell stays.
func TestImportPartial(t *testing.T) {
	t.Parallel()
	f := start(t)
	full := whole()
	full.Roles[0].Description, full.Roles[0].MaxSessionDuration = aws.String("d"), 7200
	full.Policies[0].Description, full.Policies[0].LastVersion = "d", 9
	full.Profiles[0].Tags = []store.Tag{{Key: "k", Value: "v"}}
	full.Profiles = append(full.Profiles, store.InstanceProfile{Name: "empty"})
	im := f.importer(full)
	im.Replace = true
	run(t, im)
	partial, _ := f.present()
	partial.Providers, partial.Alias, partial.Profiles = nil, "", partial.Profiles[1:]
	partial.Created = time.Time{}
	partial.Roles[0].Description, partial.Roles[0].MaxSessionDuration = nil, 0
	partial.Policies[0].Description, partial.Policies[0].LastVersion, partial.Profiles[0].Tags = "", 1, nil
	im = f.importer(partial)
	im.Replace, im.Partial = true, true
	if problems, changes := run(t, im); len(problems) > 0 || len(changes) > 0 {
		t.Errorf("%q %q", problems, changes)
	}
}

// TestImportOfAnothersID: what is there keeps its unique id, and with it its
// sessions, its access keys and who trusts it.
func TestImportOfAnothersID(t *testing.T) {
	t.Parallel()
	f := start(t)
	admin, _ := f.Directory.Snapshot().User(account, "administrator")
	a := &accounts.Account{ID: account, Users: []store.User{{Name: "mallory", ID: admin.ID}}}
	problems, changes := run(t, f.importer(a))
	if want := `refused user mallory id:0 the unique id ` + admin.ID + ` is that of ` + admin.ARN; len(problems) != 1 || problems[0] != want || len(changes) > 0 {
		t.Errorf("%q %q, want %q", problems, changes, want)
	}
	if after, _ := f.Directory.Snapshot().UserByID(admin.ID); after.Name != admin.Name {
		t.Errorf("the id is %s's now", after.Name)
	}
}
