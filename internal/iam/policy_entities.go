package iam

import (
	"iter"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// listEntitiesForPolicy lists the groups, users and roles of the caller's account
// that have a managed policy attached or as their permissions boundary, each
// once: groups before roles before users, by name. AWS's order is not known.
//
// Source: IAM API Reference, ListEntitiesForPolicy. A filter that no entity is
// of, AWSManagedPolicy say, lists nothing (recorded on AWS).
func listEntitiesForPolicy(c *awsapi.Call, in *input) execute {
	given, prefix, p := in.policyARN(), in.path("PathPrefix", rolePrefixPattern), in.page()
	filter := in.choice("EntityFilter", "LocalManagedPolicy", "User", "AWSManagedPolicy", "Role", "Group") // in the order of AWS's message
	usage := in.usageFilter()
	return func() (awsapi.Result, error) {
		found, ok := visiblePolicy(c, given)
		if !ok {
			return nil, notAttachable(given)
		}
		wanted := func(id store.ID) bool {
			e, ok := policyEntityOf(c.Snapshot, id)
			return ok && strings.HasPrefix(e.path, prefix) && (filter == "" || strings.EqualFold(filter, string(id.Kind)))
		}
		ids, next := cut(p, usersOf(c, found.ARN, usage, p.after), directory.EntityKey, wanted)
		reply := policyEntities{next: next, byKind: map[store.Kind][]policyEntity{}}
		for _, id := range ids {
			if e, ok := policyEntityOf(c.Snapshot, id); ok {
				reply.byKind[id.Kind] = append(reply.byKind[id.Kind], e)
			}
		}
		return reply, nil
	}
}

// notAttachable answers that there is no policy to use.
func notAttachable(policyARN string) *awsapi.Fault {
	return noSuchEntity("Policy %s does not exist or is not attachable.", policyARN)
}

// usersOf gives who uses a policy in one way or, where usage is "", in either.
func usersOf(c *awsapi.Call, policyARN, usage, after string) iter.Seq[store.ID] {
	switch usage {
	case usedForPermissions:
		return c.Snapshot.AttachedTo(c.Account, policyARN, after)
	case usedAsBoundary:
		return c.Snapshot.BoundedBy(c.Account, policyARN, after)
	default:
		return merge(c.Snapshot.AttachedTo(c.Account, policyARN, after), c.Snapshot.BoundedBy(c.Account, policyARN, after))
	}
}

// merge gives what is in one of two lists or in both, once, in their order.
func merge(a, b iter.Seq[store.ID]) iter.Seq[store.ID] {
	return func(yield func(store.ID) bool) {
		next, stop := iter.Pull(b)
		defer stop()
		other, has := next()
		for id := range a {
			for has && directory.EntityKey(other) < directory.EntityKey(id) {
				if !yield(other) {
					return
				}
				other, has = next()
			}
			if has && other == id {
				other, has = next()
			}
			if !yield(id) {
				return
			}
		}
		for ; has; other, has = next() {
			if !yield(other) {
				return
			}
		}
	}
}

// policyEntity is who uses a policy.
type policyEntity struct{ name, id, path string }

func policyEntityOf(s *directory.Snapshot, id store.ID) (policyEntity, bool) {
	switch id.Kind {
	case store.KindRole:
		if r, ok := s.Role(id.Account, id.Key); ok {
			return policyEntity{r.Name, r.ID, r.Path}, true
		}
	case store.KindUser:
		if u, ok := s.User(id.Account, id.Key); ok {
			return policyEntity{u.Name, u.ID, u.Path}, true
		}
	case store.KindGroup:
		if g, ok := s.Group(id.Account, id.Key); ok {
			return policyEntity{g.Name, g.ID, g.Path}, true
		}
	}
	return policyEntity{}, false
}

// policyEntities is ListEntitiesForPolicy's reply, with all three lists, which may
// be empty.
type policyEntities struct {
	byKind map[store.Kind][]policyEntity
	next   string
}

// WriteXML implements awsapi.Result.
func (r policyEntities) WriteXML(x *awsapi.XML) {
	for _, kind := range []*entityKind{groups, users, roles} {
		noun := capital(kind.noun)
		x.Open("Policy" + noun + "s")
		for _, e := range r.byKind[kind.kind] {
			x.Open("member")
			x.Text(noun+"Name", e.name)
			x.Text(noun+"Id", e.id)
			x.Close()
		}
		x.Close()
	}
	writeNext(x, r.next)
}
