package directory

import (
	"bytes"
	"iter"
	"strings"

	"github.com/daypass/daypass/internal/store"
)

// The index is one tree from what a record is also found by to its ID. A key
// begins with what it is about:
//
//	id/UNIQUE-ID                                  the role, user or group of that id
//	member/ACCOUNT/GROUP-ID/USER                  the users of a group
//	attached/ACCOUNT/POLICY-ARN NUL KIND/NAME     who has a managed policy attached
//	boundary/ACCOUNT/POLICY-ARN NUL KIND/NAME     whose permissions boundary it is
//	bucket/ACCOUNT/NAME                           the buckets of an account
//
// ARNs and names are in lower case.

// references are the keys of one record.
type references struct {
	id       string   // unique id
	groups   []string // ids of the groups that a user is in
	attached []string // ARNs of managed policies
	boundary string   // ARN of one
	owner    string   // account of a bucket
}

// indexed gives what the index holds of a compiled record.
func indexed(compiled any) references {
	switch c := compiled.(type) {
	case *Role:
		if c != nil {
			return references{id: c.ID, attached: c.AttachedPolicies, boundary: c.PermissionsBoundary}
		}
	case *User:
		if c != nil {
			return references{id: c.ID, groups: c.Groups, attached: c.AttachedPolicies, boundary: c.PermissionsBoundary}
		}
	case *Group:
		if c != nil {
			return references{id: c.ID, attached: c.AttachedPolicies}
		}
	case *Bucket:
		if c != nil {
			return references{owner: c.Account}
		}
	}
	return references{}
}

// keys lists the index keys of a record.
func (refs references) keys(id store.ID) [][]byte {
	var keys [][]byte
	if refs.id != "" {
		keys = append(keys, []byte("id/"+refs.id))
	}
	for _, group := range refs.groups {
		keys = append(keys, memberKey(id.Account, group, id.Key))
	}
	for _, policyARN := range refs.attached {
		keys = append(keys, append(policyPrefix("attached", id.Account, policyARN), string(id.Kind)+"/"+id.Key...))
	}
	if refs.boundary != "" {
		keys = append(keys, append(policyPrefix("boundary", id.Account, refs.boundary), string(id.Kind)+"/"+id.Key...))
	}
	if refs.owner != "" {
		keys = append(keys, bucketKey(refs.owner, id.Key))
	}
	return keys
}

func memberKey(account, group, user string) []byte {
	return []byte("member/" + account + "/" + group + "/" + user)
}

func policyPrefix(use, account, policyARN string) []byte {
	return []byte(use + "/" + account + "/" + strings.ToLower(policyARN) + "\x00")
}

// reindex takes the keys that a record had out of the index and puts those that
// it has now in. A key that another record took in the meantime is left: of one
// that was renamed, the old and the new record come in either order.
func (s *Snapshot) reindex(id store.ID, old, now references) {
	has := now.keys(id)
	for _, key := range old.keys(id) {
		if at, ok := s.index.Get(key); ok && at == id && !holdsKey(has, key) {
			s.index, _, _ = s.index.Delete(key)
		}
	}
	for _, key := range has {
		if at, ok := s.index.Get(key); !ok || at != id {
			s.index, _, _ = s.index.Insert(key, id)
		}
	}
}

func holdsKey(keys [][]byte, key []byte) bool {
	for _, k := range keys {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}

// under gives the IDs whose keys begin with prefix, in order of what follows it,
// from the first that comes after the given one.
func (s *Snapshot) under(prefix []byte, after string) iter.Seq[store.ID] {
	from := append(bytes.Clone(prefix), after...)
	if after != "" {
		from = append(from, 0) // the least key after k
	}
	return func(yield func(store.ID) bool) {
		it := s.index.Root().Iterator()
		it.SeekLowerBound(from)
		for {
			key, id, ok := it.Next()
			if !ok || !bytes.HasPrefix(key, prefix) || !yield(id) {
				return
			}
		}
	}
}

// Entity finds the role, user or group of a unique id and gives its ARN as it is
// now.
func (s *Snapshot) Entity(uniqueID string) (entityARN string, ok bool) {
	id, ok := s.index.Get([]byte("id/" + uniqueID))
	if !ok {
		return "", false
	}
	switch id.Kind {
	case store.KindRole:
		if role, ok := s.Role(id.Account, id.Key); ok {
			return role.ARN, true
		}
	case store.KindUser:
		if user, ok := s.User(id.Account, id.Key); ok {
			return user.ARN, true
		}
	case store.KindGroup:
		if group, ok := s.Group(id.Account, id.Key); ok {
			return group.ARN, true
		}
	}
	return "", false
}

// UserByID finds a user by the unique id, which stays when the name changes.
func (s *Snapshot) UserByID(uniqueID string) (*User, bool) {
	id, ok := s.index.Get([]byte("id/" + uniqueID))
	if !ok || id.Kind != store.KindUser {
		return nil, false
	}
	return s.User(id.Account, id.Key)
}

// RoleByID finds a role by the unique id.
func (s *Snapshot) RoleByID(uniqueID string) (*Role, bool) {
	id, ok := s.index.Get([]byte("id/" + uniqueID))
	if !ok || id.Kind != store.KindRole {
		return nil, false
	}
	return s.Role(id.Account, id.Key)
}

// GroupByID finds a group by the unique id.
func (s *Snapshot) GroupByID(uniqueID string) (*Group, bool) {
	id, ok := s.index.Get([]byte("id/" + uniqueID))
	if !ok || id.Kind != store.KindGroup {
		return nil, false
	}
	return s.Group(id.Account, id.Key)
}

// MembersAfter gives the users of a group in order of their names in lower case,
// from the first that comes after the given name ("" for all).
func (s *Snapshot) MembersAfter(group *Group, name string) iter.Seq[*User] {
	return func(yield func(*User) bool) {
		for id := range s.under(memberKey(group.Account, group.ID, ""), strings.ToLower(name)) {
			if user, ok := s.User(id.Account, id.Key); ok && !yield(user) {
				return
			}
		}
	}
}

// AttachedTo gives the roles, users and groups of an account that have a managed
// policy attached, in order of kind and name in lower case, from the first that
// comes after the given one ("" for all, otherwise KIND/NAME as EntityKey gives it).
func (s *Snapshot) AttachedTo(account, policyARN, after string) iter.Seq[store.ID] {
	return s.under(policyPrefix("attached", account, policyARN), after)
}

// BoundedBy is AttachedTo for those whose permissions boundary the policy is.
func (s *Snapshot) BoundedBy(account, policyARN, after string) iter.Seq[store.ID] {
	return s.under(policyPrefix("boundary", account, policyARN), after)
}

// PoliciesInUse is how many managed policies, AWS's among them, the roles, users
// and groups of an account have attached or as their permissions boundary. It
// costs what it counts, however often a policy is used.
func (s *Snapshot) PoliciesInUse(account string) int {
	n := 0
	for range s.policiesUsed("attached", account) {
		n++
	}
	for policyARN := range s.policiesUsed("boundary", account) {
		attached := false
		for range s.under(policyPrefix("attached", account, policyARN), "") {
			attached = true
			break
		}
		if !attached {
			n++
		}
	}
	return n
}

// policiesUsed gives the ARNs of the managed policies that are in a use.
func (s *Snapshot) policiesUsed(use, account string) iter.Seq[string] {
	within := []byte(use + "/" + account + "/")
	return func(yield func(string) bool) {
		for from := within; ; {
			it := s.index.Root().Iterator()
			it.SeekLowerBound(from)
			key, _, ok := it.Next()
			if !ok || !bytes.HasPrefix(key, within) {
				return
			}
			policyARN, _, _ := bytes.Cut(key[len(within):], []byte{0})
			if !yield(string(policyARN)) {
				return
			}
			from = append(policyPrefix(use, account, string(policyARN)), 0xff) // behind the last of this policy
		}
	}
}

// EntityKey is an ID as AttachedTo and BoundedBy order and resume by.
func EntityKey(id store.ID) string { return string(id.Kind) + "/" + id.Key }

// Count is how many records of a kind an account has.
func (s *Snapshot) Count(account string, kind store.Kind) int {
	n, _ := s.counts.Get([]byte(account + "/" + string(kind)))
	return n
}

// count keeps Count up with one change.
func (s *Snapshot) count(id store.ID, had, has bool) {
	if had == has {
		return
	}
	n := s.Count(id.Account, id.Kind)
	if has {
		n++
	} else {
		n--
	}
	s.counts, _, _ = s.counts.Insert([]byte(id.Account+"/"+string(id.Kind)), n)
}
