package directory

import (
	"bytes"
	"iter"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// Snapshot is the directory at one revision. It never changes; a request takes
// one and decides on it from beginning to end.
type Snapshot struct {
	revision   int64
	accounts   *iradix.Tree[*store.Account]
	providers  *iradix.Tree[*OIDCProvider]
	roles      *iradix.Tree[*Role]
	policies   *iradix.Tree[*Policy]
	users      *iradix.Tree[*User]
	groups     *iradix.Tree[*Group]
	profiles   *iradix.Tree[*InstanceProfile]
	accessKeys *iradix.Tree[*AccessKey]
	buckets    *iradix.Tree[*Bucket] // by name, of all accounts
	secrets    *iradix.Tree[*Secret] // by account, region and name
	lastUses   *iradix.Tree[*store.LastUse]
	index      *iradix.Tree[store.ID] // see index.go
	counts     *iradix.Tree[int]
	outbound   *iradix.Tree[*Outbound] // by account
	issuers    *iradix.Tree[*Outbound] // the same, by issuer id
	problems   *iradix.Tree[string]

	sessionKeys *session.Keys // nil: none
	revocations revocations

	masterKey *store.MasterKey // nil: the store does not say
	nodes     *iradix.Tree[*store.Node]
}

// OIDCProvider is a provider with its names worked out.
type OIDCProvider struct {
	store.OIDCProvider
	ARN    string
	Issuer string // "https://" and the url: what the token's iss must be, byte for byte
}

// Role is a role with its documents read.
type Role struct {
	store.Role
	ARN    string
	trust  *document
	inline []inlinePolicy
}

// Trust is the role's trust policy, nil when the stored document cannot be read;
// policy.Decide takes that as an explicit deny.
func (r *Role) Trust() *policy.Document { return r.trust.compile() }

// SetTags sets the condition keys of the role's tags, for requests whose resource it
// is: those to assume it among them (Service Authorization Reference, AWS STS, resource
// type role). IAM has the second form too.
func (r *Role) SetTags(keys *policy.Context) {
	for _, tag := range r.Tags {
		keys.Set("aws:ResourceTag/"+tag.Key, tag.Value)
		keys.Set("iam:ResourceTag/"+tag.Key, tag.Value)
	}
}

// Policy is a managed policy with its default version read.
type Policy struct {
	store.Policy
	ARN      string
	document *document
}

// Default is the policy's default version, nil when the stored document cannot be
// read, which denies.
func (p *Policy) Default() *policy.Document { return p.document.compile() }

// User is a user with its documents read.
type User struct {
	store.User
	ARN    string
	inline []inlinePolicy
}

// Group is a group with its documents read.
type Group struct {
	store.Group
	ARN    string
	inline []inlinePolicy
}

// inlinePolicy is one inline policy with its document read.
type inlinePolicy struct {
	source   string
	document *document
}

// InstanceProfile is an instance profile with its ARN worked out.
type InstanceProfile struct {
	store.InstanceProfile
	ARN string
}

// AccessKey is a user's key with its secret in the clear, which is why a
// Snapshot is never printed.
type AccessKey struct {
	ID, Account, UserName, SecretAccessKey string
	Active                                 bool
	Created                                time.Time
}

// Attached is one document of a principal and the name by which a person finds
// it: the ARN of a managed policy, or "inline policy NAME".
type Attached struct {
	Source   string
	Document *policy.Document // nil: cannot be read, and denies
}

func newSnapshot() *Snapshot {
	return &Snapshot{
		accounts:   iradix.New[*store.Account](),
		providers:  iradix.New[*OIDCProvider](),
		roles:      iradix.New[*Role](),
		policies:   iradix.New[*Policy](),
		users:      iradix.New[*User](),
		groups:     iradix.New[*Group](),
		profiles:   iradix.New[*InstanceProfile](),
		accessKeys: iradix.New[*AccessKey](),
		buckets:    iradix.New[*Bucket](),
		secrets:    iradix.New[*Secret](),
		lastUses:   iradix.New[*store.LastUse](),
		index:      iradix.New[store.ID](),
		counts:     iradix.New[int](),
		outbound:   iradix.New[*Outbound](),
		issuers:    iradix.New[*Outbound](),
		problems:   iradix.New[string](),

		revocations: newRevocations(),
		nodes:       iradix.New[*store.Node](),
	}
}

// Revision is the store's revision that the snapshot shows.
func (s *Snapshot) Revision() int64 { return s.revision }

// Account reports whether the account lives here.
func (s *Snapshot) Account(account string) bool {
	_, ok := s.accounts.Get([]byte(account))
	return ok
}

// OIDCProvider finds a provider by its url without scheme, byte for byte.
func (s *Snapshot) OIDCProvider(account, url string) (*OIDCProvider, bool) {
	return s.providers.Get(treeKey(account, url))
}

// OIDCProviders lists the providers of an account in order of their urls.
func (s *Snapshot) OIDCProviders(account string) []*OIDCProvider {
	return list(s.providers, account)
}

// Role finds a role by its name, without regard to case.
func (s *Snapshot) Role(account, name string) (*Role, bool) {
	return s.roles.Get(treeKey(account, strings.ToLower(name)))
}

// Roles lists the roles of an account in order of their names.
func (s *Snapshot) Roles(account string) []*Role { return list(s.roles, account) }

// RolesAfter gives the roles of an account in order of their names in lower
// case, from the first that comes after the given name ("" for all). What it
// costs is what is taken from it, not the size of the account.
func (s *Snapshot) RolesAfter(account, name string) iter.Seq[*Role] {
	return listAfter(s.roles, account, strings.ToLower(name))
}

// Policy finds a managed policy by its ARN, without regard to case: a customer
// managed one, or one of AWS.
func (s *Snapshot) Policy(policyARN string) (*Policy, bool) {
	account, name, ok := arn.PolicyName(policyARN)
	if !ok {
		return nil, false
	}
	if account == arn.AWS {
		p, ok := awsPolicies().byARN[strings.ToLower(policyARN)]
		return p, ok
	}
	p, ok := s.policies.Get(treeKey(account, strings.ToLower(name)))
	if !ok || !strings.EqualFold(p.ARN, policyARN) { // another path is another policy
		return nil, false
	}
	return p, true
}

// PolicyFor is Policy for one account, which can use its own policies and those
// of AWS. Another account's is not there for it.
func (s *Snapshot) PolicyFor(account, policyARN string) (*Policy, bool) {
	p, ok := s.Policy(policyARN)
	if !ok || p.Account != account && p.Account != arn.AWS {
		return nil, false
	}
	return p, true
}

// Policies lists the customer managed policies of an account in order of their names.
func (s *Snapshot) Policies(account string) []*Policy { return list(s.policies, account) }

// PoliciesAfter is RolesAfter for the customer managed policies of an account.
func (s *Snapshot) PoliciesAfter(account, name string) iter.Seq[*Policy] {
	return listAfter(s.policies, account, strings.ToLower(name))
}

// User finds a user by name, without regard to case.
func (s *Snapshot) User(account, name string) (*User, bool) {
	return s.users.Get(treeKey(account, strings.ToLower(name)))
}

// AccessKey finds a long-lived key by its id.
func (s *Snapshot) AccessKey(id string) (*AccessKey, bool) {
	return s.accessKeys.Get([]byte(id))
}

// Problems lists the stored documents that could not be read, one line each.
// Whatever depends on one of them is denied.
func (s *Snapshot) Problems() []string {
	var lines []string
	for it := s.problems.Root().Iterator(); ; {
		_, line, ok := it.Next()
		if !ok {
			return lines
		}
		lines = append(lines, line)
	}
}

// Group finds a group by name, without regard to case.
func (s *Snapshot) Group(account, name string) (*Group, bool) {
	return s.groups.Get(treeKey(account, strings.ToLower(name)))
}

// GroupsAfter is RolesAfter for groups.
func (s *Snapshot) GroupsAfter(account, name string) iter.Seq[*Group] {
	return listAfter(s.groups, account, strings.ToLower(name))
}

// UsersAfter is RolesAfter for users.
func (s *Snapshot) UsersAfter(account, name string) iter.Seq[*User] {
	return listAfter(s.users, account, strings.ToLower(name))
}

// InstanceProfile finds an instance profile by name, without regard to case.
func (s *Snapshot) InstanceProfile(account, name string) (*InstanceProfile, bool) {
	return s.profiles.Get(treeKey(account, strings.ToLower(name)))
}

// InstanceProfilesAfter is RolesAfter for instance profiles.
func (s *Snapshot) InstanceProfilesAfter(account, name string) iter.Seq[*InstanceProfile] {
	return listAfter(s.profiles, account, strings.ToLower(name))
}

// AccountAlias gives the alias of an account, "" where it has none.
func (s *Snapshot) AccountAlias(account string) string {
	if a, ok := s.accounts.Get([]byte(account)); ok {
		return a.Alias
	}
	return ""
}

// ShownTrustPolicy is a role's trust policy as replies show it; see ShownPolicy.
func (s *Snapshot) ShownTrustPolicy(role *store.Role) string {
	return s.ShownPolicy(policy.Trust, role.TrustPolicy, role.Principals)
}

// Accounts lists the accounts that live here, in order.
func (s *Snapshot) Accounts() []*store.Account {
	var all []*store.Account
	for it := s.accounts.Root().Iterator(); ; {
		_, a, ok := it.Next()
		if !ok {
			return all
		}
		all = append(all, a)
	}
}

// LastUse finds when a role or an access key was last used, as the store has it.
func (s *Snapshot) LastUse(account, id string) (*store.LastUse, bool) {
	return s.lastUses.Get(treeKey(account, id))
}

// RolePolicies appends the identity policies of a role, as they stand in this
// snapshot, to docs. A policy that is attached and gone denies.
func (s *Snapshot) RolePolicies(docs []Attached, role *Role) []Attached {
	return s.attached(docs, role.Account, role.inline, role.AttachedPolicies)
}

// UserPolicies appends the identity policies of a user to docs: the user's own,
// then those of the groups that the user is in. A group that is gone denies.
func (s *Snapshot) UserPolicies(docs []Attached, user *User) []Attached {
	docs = s.attached(docs, user.Account, user.inline, user.AttachedPolicies)
	for _, id := range user.Groups {
		group, ok := s.GroupByID(id)
		if !ok {
			docs = append(docs, Attached{Source: "group " + id})
			continue
		}
		docs = s.GroupPolicies(docs, group)
	}
	return docs
}

// GroupPolicies appends the policies of a group to docs.
func (s *Snapshot) GroupPolicies(docs []Attached, group *Group) []Attached {
	return s.attached(docs, group.Account, group.inline, group.AttachedPolicies)
}

// Boundary gives the permissions boundary of a user or role of an account: none
// where the ARN is empty. One that is gone denies.
func (s *Snapshot) Boundary(account, policyARN string) []Attached {
	if policyARN == "" {
		return nil
	}
	return s.managed(nil, account, []string{policyARN})
}

// attached appends inline policies, then managed ones by their ARNs.
func (s *Snapshot) attached(docs []Attached, account string, inline []inlinePolicy, policyARNs []string) []Attached {
	for _, p := range inline {
		docs = append(docs, Attached{Source: p.source, Document: p.document.compile()})
	}
	return s.managed(docs, account, policyARNs)
}

// managed appends managed policies by their ARNs. One that is gone, or another
// account's, denies.
func (s *Snapshot) managed(docs []Attached, account string, policyARNs []string) []Attached {
	for _, policyARN := range policyARNs {
		a := Attached{Source: policyARN}
		if p, ok := s.PolicyFor(account, policyARN); ok {
			a.Document = p.Default()
		}
		docs = append(docs, a)
	}
	return docs
}

func list[T any](tree *iradix.Tree[T], account string) []T {
	var all []T
	it := tree.Root().Iterator()
	it.SeekPrefix([]byte(account + "/"))
	for {
		_, v, ok := it.Next()
		if !ok {
			return all
		}
		all = append(all, v)
	}
}

// listAfter gives the values of an account whose keys come after the given one.
// The least key after k is k with a zero byte behind it.
func listAfter[T any](tree *iradix.Tree[T], account, key string) iter.Seq[T] {
	from := treeKey(account, key)
	if key != "" {
		from = append(from, 0)
	}
	within := treeKey(account, "")
	return func(yield func(T) bool) {
		it := tree.Root().Iterator()
		it.SeekLowerBound(from)
		for {
			k, v, ok := it.Next()
			if !ok || !bytes.HasPrefix(k, within) || !yield(v) {
				return
			}
		}
	}
}

func treeKey(account, key string) []byte {
	b := make([]byte, 0, len(account)+1+len(key))
	b = append(b, account...)
	b = append(b, '/')
	return append(b, key...)
}
