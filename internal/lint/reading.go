package lint

import (
	"regexp"
	"strings"
)

// reading is what the author of a pattern meant: each * stays within its part of
// the subject.
type reading struct {
	pattern string
	// known says that the pattern is one of the family's subjects by name, or byID
	// by the project's id alone.
	known, byID bool
	// owner and project are patterns of names, with the ids that GitHub joins to
	// them; "" where there is none.
	owner, ownerID, project, projectID string
	// separated says that owner and project are told apart, ended that something
	// stands behind the project.
	separated, ended bool
	// tail is what stands behind the project, without its colon.
	tail string
	// workspace is of HCP Terraform.
	workspace string
}

// read takes a pattern apart.
func (f *family) read(pattern string) reading {
	r := reading{pattern: pattern}
	rest, ok := strings.CutPrefix(pattern, f.prefix)
	switch {
	case ok:
	case f == azure && strings.HasPrefix(pattern, "p://"):
		rest = pattern[len("p://"):]
	case f == gitLab && strings.HasPrefix(pattern, "project_id:"):
		r.known, r.byID = true, true
		r.project, r.tail, r.ended = strings.Cut(pattern[len("project_id:"):], ":")
		return r
	case wild(pattern) && strings.HasPrefix(f.prefix, literalStart(pattern)):
		rest = pattern[len(literalStart(pattern)):] // the wildcard stands for the prefix and more
	default:
		return r
	}
	r.known = true
	var more string
	r.owner, more, r.separated = rest, "", false
	if f.separator != "" {
		r.owner, more, r.separated = strings.Cut(rest, f.separator)
	}
	if f.end == ":" && strings.Contains(r.owner, ":") && f.separator != ":" { // the owner's part ends before any separator
		r.owner, r.tail, r.ended = strings.Cut(r.owner, ":")
		if r.separated {
			r.tail += f.separator + more
		}
		more, r.separated = "", false
	}
	r.project = more
	if f.end != "" && r.separated {
		r.project, r.tail, r.ended = strings.Cut(more, f.end)
	}
	if f == gitHub {
		r.owner, r.ownerID, _ = strings.Cut(r.owner, "@")
		r.project, r.projectID, _ = strings.Cut(r.project, "@")
	}
	if f == terraform {
		r.project, r.workspace, _ = strings.Cut(r.project, ":workspace:")
		r.workspace, r.tail, r.ended = strings.Cut(r.workspace, ":")
	}
	return r
}

// literalStart is a pattern's text before its first wildcard.
func literalStart(pattern string) string {
	if i := strings.IndexAny(pattern, "*?"); i >= 0 {
		return pattern[:i]
	}
	return pattern
}

// onlyWild reports whether a pattern is wildcards and nothing else.
func onlyWild(s string) bool { return s != "" && strings.Trim(s, "*?") == "" }

// glued reports whether a pattern is a name with wildcards directly behind.
func glued(s string) bool {
	start := literalStart(s)
	return start != "" && wild(s) && onlyWild(s[len(start):])
}

// refReading is what a tail says about refs.
type refReading struct {
	// kind is one of the kinds of shapes, "any" for every ref, or "" where the tail
	// says something else.
	kind string
	// typeOpen says that the kind is not fixed: it is that of the name.
	typeOpen bool
	// ref is the pattern of the branch, tag or environment.
	ref string
	// wrongType is a ref_type that GitLab does not have.
	wrongType string
	protected bool // a component says that the ref is protected
}

const anyRef = "any"

// readRef reads the tail of a subject of GitLab or GitHub.
func (f *family) readRef(r *reading) refReading {
	switch f {
	case gitLab:
		return readGitLabRef(r)
	case gitHub:
		return readGitHubRef(r.tail)
	case buildkite:
		ref, ok := strings.CutPrefix(r.tail, "ref:")
		ref, _, _ = strings.Cut(ref, ":")
		switch branch, heads := strings.CutPrefix(ref, "refs/heads/"); {
		case onlyWild(r.tail) || ok && onlyWild(ref):
			return refReading{kind: anyRef}
		case ok && heads:
			return refReading{kind: kindBranch, ref: branch}
		case ok && wild(ref):
			return refReading{kind: kindBranch, ref: ref}
		}
	}
	return refReading{}
}

func readGitLabRef(r *reading) refReading {
	tail := r.tail
	if tail == "" || onlyWild(tail) {
		return refReading{kind: anyRef}
	}
	var ref refReading
	parts := strings.Split(tail, ":")
	typed := ""
	for i := 0; i < len(parts); i++ {
		name, text := parts[i], ""
		if i+1 < len(parts) {
			text = parts[i+1]
		}
		switch {
		case name == "ref_type" || wild(name) && strings.HasSuffix(name, "ref_type"):
			typed = text
			i++
		case name == "ref" || wild(name) && strings.HasSuffix(name, "ref"):
			ref.ref = text
			i++
		case name == "ref_protected" || name == "environment_protected":
			ref.protected = ref.protected || text == "true"
			i++
		case onlyWild(name) && ref.ref == "": // stands for ref_type and more
		default:
			i++
		}
	}
	switch {
	case typed == "branch" || typed == "tag":
		ref.kind = typed
		if ref.ref == "" {
			ref.ref = "*"
		}
	case typed != "" && !wild(typed):
		ref.wrongType = typed
	case ref.ref != "":
		ref.kind, ref.typeOpen = kindBranch, true
	default:
		ref.kind = anyRef
	}
	if ref.typeOpen && onlyWild(ref.ref) {
		return refReading{kind: anyRef, protected: ref.protected}
	}
	return ref
}

func readGitHubRef(tail string) refReading {
	if tail == "" || wild(literalOr(tail, ':')) {
		return refReading{kind: anyRef, ref: tail}
	}
	for _, known := range []struct{ prefix, kind string }{
		{"ref:refs/heads/", kindBranch}, {"ref:refs/tags/", kindTag}, {"environment:", kindEnvironment},
	} {
		if name, ok := strings.CutPrefix(tail, known.prefix); ok {
			name, _, _ = strings.Cut(name, ":")
			return refReading{kind: known.kind, ref: name}
		}
	}
	switch {
	case tail == "pull_request":
		return refReading{kind: kindPull}
	case strings.HasPrefix(tail, "ref:") && wild(tail):
		return refReading{kind: anyRef, ref: tail[len("ref:"):]}
	}
	return refReading{}
}

// literalOr is the part of s before a character.
func literalOr(s string, end byte) string {
	if i := strings.IndexByte(s, end); i >= 0 {
		return s[:i]
	}
	return s
}

var (
	hyphenID = regexp.MustCompile(`-[0-9]+$`)
	commitID = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	uuid     = regexp.MustCompile(`^\{?[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\}?$`)
)
