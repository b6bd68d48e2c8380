package directory

import (
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
)

// PrincipalIDs gives the unique ids of the users and roles that a document names,
// by the names as written, nil where it names none. Missing is the first of which
// there is none, in whichever account.
func (s *Snapshot) PrincipalIDs(d *policy.Document) (ids map[string]string, missing string) {
	for _, written := range d.Entities() {
		id, ok := s.PrincipalID(written)
		if !ok {
			return nil, written
		}
		if ids == nil {
			ids = map[string]string{}
		}
		ids[written] = id
	}
	return ids, ""
}

// PrincipalID gives the unique id of the user or role that a principal names by
// its ARN or by that id, and whether there is one.
func (s *Snapshot) PrincipalID(written string) (string, bool) {
	a, err := arn.Parse(written)
	if err != nil {
		_, ok := s.Entity(written)
		return written, ok
	}
	kind, path, _ := strings.Cut(a.Resource, "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	switch kind {
	case "role":
		if role, ok := s.Role(a.Account, name); ok && role.ARN == written {
			return role.ID, true
		}
	case "user":
		if user, ok := s.User(a.Account, name); ok && user.ARN == written {
			return user.ID, true
		}
	}
	return "", false
}

// ShownPolicy is a document as replies show it: as it was submitted, with the
// present ARNs of the users and roles that it names, and the unique ids of those
// that are gone (IAM User Guide, "AWS JSON policy elements: Principal").
func (s *Snapshot) ShownPolicy(kind policy.Kind, text string, ids map[string]string) string {
	if len(ids) == 0 {
		return text
	}
	document, err := policy.Parse(kind, text)
	if err != nil {
		return text
	}
	return document.Rename(func(written string) string {
		id := ids[written]
		if id == "" {
			return written
		}
		if present, ok := s.Entity(id); ok {
			return present
		}
		return id
	})
}
