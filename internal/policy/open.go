package policy

import "strings"

// Open is what is not known of a request: a gateway sees the request, and not
// what it meets at the service behind. A decision about such a request may be
// taken only where the documents do not depend on what is open: see
// Document.HangsOn.
type Open struct {
	// Any says that the resource is not known. The request is then decided on as
	// Resource.
	Any bool
	// Prefix is how the ARN of a resource that is not known begins: up to a name
	// without colons, or "" where nothing is known of it.
	Prefix string
	// Keys reports whether a condition key, as a document writes it, has a value
	// that is not known. nil is none.
	Keys func(key string) bool
}

// Resource is what a request with an unknown resource is decided on.
func (o *Open) Resource() string { return o.Prefix + "*" }

// someResource stands for a resource that no document names: it is longer than
// any run of single wildcards that is to be taken for one of ids, and of
// characters that no ARN holds.
var someResource = strings.Repeat("\uffff", 64)

// HangsOn says on what open part of a request the document's word on it depends:
// a condition key, or "" with true for which resource it is. It errs on the side
// of saying so. A request for which it is false may be decided with the open
// keys absent and, where the resource is open, on open.Resource(): what is allowed
// then is allowed whatever the open parts are.
//
// A Deny that could reach one of the resources and does not reach all of them
// depends on which it is; so does an Allow with NotResource that spares some.
// The other way about, an Allow for some and a Deny that spares some, no matter:
// the resource that is asked about is not among those.
//
// A nil document, and one that was not read, depend on nothing: they deny.
func (d *Document) HangsOn(action, resource string, open *Open) (key string, hangs bool) {
	if d == nil {
		return "", false
	}
	for i := range d.statements {
		s := &d.statements[i]
		if s.action == nil || !s.action.match(action) {
			continue
		}
		if s.resource != nil {
			if open.Any {
				if s.resource.splits(open.Prefix, s.deny) {
					return "", true
				}
			} else if !s.resource.mayMatch(resource) {
				continue
			}
		}
		if key, hangs := s.asksFor(open.Keys); hangs {
			return key, true
		}
	}
	return "", false
}

// splits reports whether the element tells resources that begin with prefix
// apart, where that could let something through.
func (e *resourceElement) splits(prefix string, deny bool) bool {
	some, asked, splits := prefix+someResource, prefix+"*", false
	for i := range e.patterns {
		glob := e.patterns[i].widest()
		all := glob.match(some)
		if e.patterns[i].variables != nil {
			all = false // nobody knows for what it stands
		}
		if all && glob.match(prefix) { // also the shortest
			return false
		}
		// Of an element that does not reach all, an Allow must not reach the one
		// that is asked about.
		splits = splits || reaches(glob.text, glob.shape, prefix) && (deny != e.not || glob.match(asked) || e.patterns[i].variables != nil)
	}
	return splits
}

// mayMatch is match where nothing is known of variables.
func (e *resourceElement) mayMatch(resource string) bool {
	for i := range e.patterns {
		p := &e.patterns[i]
		if p.variables == nil && p.glob.match(resource) {
			return !e.not
		}
		if glob := p.widest(); p.variables != nil && !e.not && glob.match(resource) {
			return true
		}
	}
	return e.not
}

// widest is the pattern with a * for each of its variables.
func (p *resourcePattern) widest() glob {
	if p.variables == nil {
		return p.glob
	}
	return compiledGlob(p.variables.skeleton())
}

// reaches reports whether a pattern could match a text that begins with prefix,
// and has no colon after it, which no name behind a resource's type has.
// Compiled patterns of the shape globPrefix have lost their *.
func reaches(pattern string, shape globShape, prefix string) bool {
	if shape == globPrefix {
		pattern += string([]byte{anyRun})
	}
	// at[i]: the pattern before i can match what was read of the prefix.
	at := make([]bool, len(pattern)+1)
	at[0] = true
	skip := func() {
		for i := range len(pattern) {
			if at[i] && pattern[i] == anyRun {
				at[i+1] = true
			}
		}
	}
	skip()
	for j := range len(prefix) {
		next := make([]bool, len(at))
		for i := range len(pattern) {
			switch {
			case !at[i]:
			case pattern[i] == anyRun:
				next[i] = true
			case pattern[i] == anyUnit || pattern[i] == prefix[j]:
				next[i+1] = true
			}
		}
		at = next
		skip()
	}
	for i, alive := range at {
		if alive && (prefix == "" || !strings.Contains(pattern[i:], ":")) {
			return true
		}
	}
	return false
}

// asksFor finds an unknown key among those that the statement reads, in its
// conditions and in variables.
func (s *statement) asksFor(unknown func(string) bool) (string, bool) {
	if unknown == nil {
		return "", false
	}
	for i := range s.conditions {
		c := &s.conditions[i]
		if unknown(c.key) {
			return c.key, true
		}
		for j := range c.values {
			if key, found := variableAmong(c.values[j].text, unknown); found {
				return key, true
			}
		}
	}
	if s.resource != nil {
		for _, written := range s.resource.written {
			if key, found := variableAmong(written, unknown); found {
				return key, true
			}
		}
	}
	return "", false
}

// variableAmong finds a policy variable in a text whose key is unknown.
func variableAmong(text string, unknown func(string) bool) (string, bool) {
	for {
		_, rest, found := strings.Cut(text, "${")
		if !found {
			return "", false
		}
		if end := strings.IndexAny(rest, ",}"); end > 0 && unknown(rest[:end]) {
			return rest[:end], true
		}
		text = rest
	}
}
