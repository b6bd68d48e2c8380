package store

import (
	"strings"
	"time"
)

// The records of IAM. Names of IAM entities are unique within their account
// without regard to case, and looked up so (recorded on AWS): the key of a record
// is the name in lower case, the record has it as it was spelled.

// Tag is a name and value that a person put on an entity.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// OIDCProvider is an IAM OpenID Connect provider.
type OIDCProvider struct {
	Account     string    `json:"account"`
	URL         string    `json:"url"`            // without scheme; case and trailing slash are significant
	ClientIDs   []string  `json:"clientIds"`      // audiences, in the order given
	Thumbprints []string  `json:"thumbprints"`    // SHA-1, lower-case hex, in the order given
	Tags        []Tag     `json:"tags,omitempty"` // keys differ by case too
	Created     time.Time `json:"created"`
}

// Role is an IAM role with everything that only this role has.
type Role struct {
	Account            string  `json:"account"`
	Name               string  `json:"name"`
	Path               string  `json:"path"`
	ID                 string  `json:"id"` // AROA…; another one when a role is made again under its old name
	Description        *string `json:"description,omitempty"`
	MaxSessionDuration int     `json:"maxSessionDuration"` // seconds
	TrustPolicy        string  `json:"trustPolicy"`        // the bytes as submitted
	// Principals are the users and roles whose ARNs the trust policy names, by
	// unique id: who is made again under the same name is somebody else. An ARN
	// under which there was nobody has the id "", and admits nobody.
	Principals          map[string]string `json:"principals,omitempty"`
	InlinePolicies      []InlinePolicy    `json:"inlinePolicies,omitempty"`
	AttachedPolicies    []string          `json:"attachedPolicies,omitempty"`    // ARNs, in order of attachment
	PermissionsBoundary string            `json:"permissionsBoundary,omitempty"` // ARN of a managed policy
	InstanceProfiles    []string          `json:"instanceProfiles,omitempty"`    // names of those that hold the role
	Tags                []Tag             `json:"tags,omitempty"`
	Created             time.Time         `json:"created"`
}

// User is an IAM user.
type User struct {
	Account             string         `json:"account"`
	Name                string         `json:"name"`
	Path                string         `json:"path"`
	ID                  string         `json:"id"`                   // AIDA…
	Groups              []string       `json:"groups,omitempty"`     // unique ids, AGPA…, in order of joining
	AccessKeys          []string       `json:"accessKeys,omitempty"` // ids, in order of creation
	InlinePolicies      []InlinePolicy `json:"inlinePolicies,omitempty"`
	AttachedPolicies    []string       `json:"attachedPolicies,omitempty"`
	PermissionsBoundary string         `json:"permissionsBoundary,omitempty"`
	Tags                []Tag          `json:"tags,omitempty"`
	Created             time.Time      `json:"created"`
}

// Group is an IAM group. Its members are told by their own records.
type Group struct {
	Account          string         `json:"account"`
	Name             string         `json:"name"`
	Path             string         `json:"path"`
	ID               string         `json:"id"` // AGPA…
	InlinePolicies   []InlinePolicy `json:"inlinePolicies,omitempty"`
	AttachedPolicies []string       `json:"attachedPolicies,omitempty"`
	// Members counts the users whose records name the group; kept by the writes
	// that add and remove them, so that a transaction can tell whether it is empty.
	Members int       `json:"members,omitempty"`
	Created time.Time `json:"created"`
}

// Permissions is what roles, users and groups have in common: where their
// policies are kept. Boundary is nil for a group, which has none.
type Permissions struct {
	Inline   *[]InlinePolicy
	Attached *[]string
	Boundary *string
}

// Permissions gives where the role's policies are kept.
func (r *Role) Permissions() Permissions {
	return Permissions{&r.InlinePolicies, &r.AttachedPolicies, &r.PermissionsBoundary}
}

// Permissions gives where the user's policies are kept.
func (u *User) Permissions() Permissions {
	return Permissions{&u.InlinePolicies, &u.AttachedPolicies, &u.PermissionsBoundary}
}

// Permissions gives where the group's policies are kept.
func (g *Group) Permissions() Permissions {
	return Permissions{&g.InlinePolicies, &g.AttachedPolicies, nil}
}

// InlinePolicy is a policy embedded in a role, user or group.
type InlinePolicy struct {
	Name     string `json:"name"`
	Document string `json:"document"` // the bytes as submitted
}

// Policy is a customer managed policy.
type Policy struct {
	Account        string          `json:"account"`
	Name           string          `json:"name"`
	Path           string          `json:"path"`
	ID             string          `json:"id"` // ANPA…
	Description    string          `json:"description,omitempty"`
	DefaultVersion string          `json:"defaultVersion"`        // "v1"
	LastVersion    int             `json:"lastVersion,omitempty"` // number of the newest version that there ever was; 0 means 1
	Versions       []PolicyVersion `json:"versions"`              // in order of creation
	// AttachmentCount is how many roles, users and groups name it, and
	// BoundaryCount of how many it is the permissions boundary; both are kept by
	// the writes that change it.
	AttachmentCount int       `json:"attachmentCount"`
	BoundaryCount   int       `json:"boundaryCount,omitempty"`
	Tags            []Tag     `json:"tags,omitempty"`
	Created         time.Time `json:"created"`
	Updated         time.Time `json:"updated"`
}

// PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	ID       string    `json:"id"`
	Document string    `json:"document"` // the bytes as submitted
	Created  time.Time `json:"created"`
}

// InstanceProfile is an IAM instance profile, which holds one role at most.
type InstanceProfile struct {
	Account string    `json:"account"`
	Name    string    `json:"name"`
	Path    string    `json:"path"`
	ID      string    `json:"id"`             // AIPA…
	Role    string    `json:"role,omitempty"` // name of its role, "" for none
	Tags    []Tag     `json:"tags,omitempty"`
	Created time.Time `json:"created"`
}

// AccountAlias says whose an alias is: no two accounts of the installation have
// the same. It is there for as long as the account's own record names it.
type AccountAlias struct {
	Account string    `json:"account"`
	Alias   string    `json:"alias"`
	Created time.Time `json:"created"`
}

// AccessKey is a user's long-lived key. Its secret is sealed under the master
// key, with the access key id as associated data.
type AccessKey struct {
	Account      string    `json:"account"`
	ID           string    `json:"id"` // AKIA…
	UserName     string    `json:"userName"`
	SealedSecret []byte    `json:"sealedSecret"`
	Active       bool      `json:"active"`
	Created      time.Time `json:"created"`
}

// LastUse says when a role or an access key was last used. It may lag behind.
type LastUse struct {
	Account string    `json:"account"`
	ID      string    `json:"id"` // AROA… or AKIA…
	At      time.Time `json:"at"`
	Region  string    `json:"region"`
	Service string    `json:"service,omitempty"` // of an access key
}

// OIDCProviderID names the record of a provider by its url without scheme.
func OIDCProviderID(account, url string) ID {
	return ID{Kind: KindOIDCProvider, Account: account, Key: url}
}

// RoleID names the record of a role.
func RoleID(account, name string) ID { return named(KindRole, account, name) }

// PolicyID names the record of a managed policy; the path is not part of it.
func PolicyID(account, name string) ID { return named(KindPolicy, account, name) }

// UserID names the record of a user.
func UserID(account, name string) ID { return named(KindUser, account, name) }

// GroupID names the record of a group.
func GroupID(account, name string) ID { return named(KindGroup, account, name) }

// InstanceProfileID names the record of an instance profile.
func InstanceProfileID(account, name string) ID { return named(KindProfile, account, name) }

func named(kind Kind, account, name string) ID {
	return ID{Kind: kind, Account: account, Key: strings.ToLower(name)}
}

// AccountAliasID names the record of an alias. It has no account, so that one
// alias has one account.
func AccountAliasID(alias string) ID { return ID{Kind: KindAlias, Key: alias} }

// AccessKeyID names the record of an access key.
func AccessKeyID(account, id string) ID {
	return ID{Kind: KindAccessKey, Account: account, Key: id}
}

// LastUseID names the record of when a role or an access key was last used.
func LastUseID(account, id string) ID { return ID{Kind: KindLastUse, Account: account, Key: id} }
