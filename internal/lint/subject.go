package lint

import (
	"fmt"
	"slices"
	"strings"
)

// want is a search for a token that a site admits.
type want struct {
	// value restricts the search to one value of the subject; nil to none.
	value       *subjectValue
	shapes      []*shape // nil for all of the family
	constraints []constraint
	// watch are languages, beyond those of the policy, on which accept depends.
	watch []*language
	// accept says which of the tokens that the policy admits will do; nil for all.
	accept func(*Witness) bool
}

// strangers makes a search one for subjects that the policy does not name elsewhere,
// whole: what somebody wrote out, somebody wanted.
func (a *site) strangers(w want) want {
	var named []string
	for _, s := range a.policy.statements {
		for _, c := range s.on(a.provider.url, "sub") {
			for i, v := range c.values {
				if (c != w.value.cond || i != w.value.index) && c.isText() && !(c.like() && wild(v.text)) {
					named = append(named, v.text)
				}
			}
		}
	}
	if len(named) > 0 {
		w.watch = append(w.watch, newLanguage(named, false, false))
		w.accept = func(found *Witness) bool { return !slices.Contains(named, found.Subject) }
	}
	return w
}

// find looks for a token, shape by shape.
func (a *site) find(w want) *Witness {
	shapes := w.shapes
	switch {
	case shapes == nil && w.value == nil:
		shapes = a.allShapes()
	case shapes == nil:
		shapes = a.family.shapes
		if custom := a.family.custom(w.value.text); custom != nil {
			shapes = append(slices.Clone(shapes), custom)
		}
	}
	var needed, watched []*language
	var patterns []string
	for _, c := range a.statement.on(a.provider.url, "sub") {
		if !c.isText() {
			continue
		}
		texts := c.texts()
		if w.value != nil && c == w.value.cond {
			texts = []string{w.value.text}
		}
		l := newLanguage(texts, c.like(), strings.HasSuffix(c.base, "IgnoreCase"))
		if c.negated {
			watched = append(watched, l)
		} else {
			needed, patterns = append(needed, l), append(patterns, texts...)
		}
	}
	watched = append(append(watched, a.policy.denied(a.provider.url)...), w.watch...)
	for _, sh := range shapes {
		var found *Witness
		s := &search{
			shape: sh, needed: needed, watched: watched, words: names(runs(patterns)), effort: &a.effort,
			constraints: append(a.claimed(sh), w.constraints...),
			goal: func(text string, fields map[string]string) bool {
				found = a.assemble(text, sh, fields, w.accept)
				return found != nil
			},
		}
		if s.find() {
			return found
		}
	}
	return nil
}

// names are words without those that are no names: parts of every subject.
func names(words []string) []string {
	return slices.DeleteFunc(words, func(s string) bool {
		return slices.Contains(gitLabComponents, s) || slices.Contains([]string{"repo", "refs", "heads", "tags", "branch", "tag", "ref_type:branch:ref"}, s)
	})
}

// texts are the values of a condition.
func (c *cond) texts() []string {
	var texts []string
	for _, v := range c.values {
		texts = append(texts, v.text)
	}
	return texts
}

// denied are the languages of what Deny statements ask of subjects.
func (p *trustPolicy) denied(url string) []*language {
	var languages []*language
	for _, s := range p.statements {
		if !s.denies {
			continue
		}
		for _, c := range s.on(url, "sub") {
			if c.isText() {
				languages = append(languages, newLanguage(c.texts(), c.like(), strings.HasSuffix(c.base, "IgnoreCase")))
			}
		}
	}
	return languages
}

// claimed are the constraints on fields that come of conditions on claims which say
// the same thing as the subject does.
func (a *site) claimed(sh *shape) []constraint {
	var all []constraint
	for claim, text := range sh.claims {
		for _, c := range a.statement.on(a.provider.url, claim) {
			if !c.isText() || !c.narrows() {
				continue
			}
			before, rest, _ := strings.Cut(text, "{")
			field, after, _ := strings.Cut(rest, "}")
			if field == "" {
				continue // the engine tells
			}
			values := c.texts()
			if strings.Contains(after, "{") { // owner/repository
				owners, projects := []string{}, []string{}
				for _, v := range values {
					owner, project, ok := strings.Cut(v, "/")
					if !ok && wild(owner) {
						project = "*"
					}
					owners, projects = append(owners, owner), append(projects, project)
				}
				fold := strings.HasSuffix(c.base, "IgnoreCase")
				all = append(all,
					constraint{field: "owner", language: newLanguage(owners, c.like(), fold)},
					constraint{field: "project", language: newLanguage(projects, c.like(), fold)})
				continue
			}
			all = append(all, constraint{field: field, prefix: before, suffix: after, language: newLanguage(values, c.like(), strings.HasSuffix(c.base, "IgnoreCase"))})
		}
	}
	return all
}

// in and notIn constrain a field by patterns.
func in(field string, patterns ...string) constraint {
	return constraint{field: field, language: newLanguage(patterns, true, false)}
}

func notIn(field string, patterns ...string) constraint {
	return constraint{field: field, language: newLanguage(patterns, true, false), not: true}
}

// identitySeverity is critical where anybody can have a token of the issuer.
func (a *site) identitySeverity() Severity {
	if a.shared {
		return Critical
	}
	return High
}

// pins says by which ids, that nobody else can have, the statement knows whose
// token it is.
func (a *site) pins() (owner, project bool) {
	url := a.provider.url
	project = a.exact(url, a.family.projectIDs)
	return project || a.exact(url, a.family.ownerIDs), project
}

func (a *site) exact(url string, names []string) bool { return a.statement.exact(url, names...) }

// protected says that the statement, or the subject, asks that the ref is protected.
func (a *site) protected(ref *refReading) bool {
	return ref.protected || a.statement.exact(a.provider.url, "ref_protected") || a.statement.exact(a.provider.url, "environment_protected")
}

// checkSubjects examines each value of the subject.
func (a *site) checkSubjects() {
	whole := a.family
	defer func() { a.family = whole }()
	readings, families := make([]reading, len(a.subjects)), make([]*family, len(a.subjects))
	for i := range a.subjects {
		// By its own value alone: an issuer of which nothing is known may mix forms.
		families[i] = familyOf(a.provider.url, []string{a.subjects[i].text})
		readings[i] = families[i].read(a.subjects[i].text)
	}
	named, open := false, make([]bool, len(readings))
	for i := range a.subjects {
		v, r := &a.subjects[i], &readings[i]
		a.family = families[i]
		first := len(a.findings)
		if holdsVariable(v.text) || v.text == "" || !v.cond.like() && wild(v.text) {
			continue // other rules say that it never matches
		}
		identity := a.checkIdentity(v, r, readings)
		open[i] = identity != ""
		if r.known && (a.family == gitLab || a.family == gitHub || a.family == buildkite) {
			a.checkRef(v, r, identity)
		}
		a.checkVolatile(v)
		if identity == "" && r.known && !r.byID && !named {
			named = a.checkNames(v, r)
		}
		a.checkLoosest(v, first)
	}
	a.family = whole
	a.checkSleeping(readings)
	a.checkGuards(readings, open)
}

// checkIdentity examines what a value says about owner and project, and gives the
// rule that it breaks, the worst of them.
func (a *site) checkIdentity(v *subjectValue, r *reading, all []reading) string {
	ownerPinned, projectPinned := a.pins()
	switch {
	case projectPinned:
		return ""
	case onlyWild(v.text):
		return a.checkUniversal(v, ownerPinned)
	case !r.known:
		return a.checkAbusable(v)
	case a.family == unknown || a.family == byAud || a.family == google:
		return a.checkUnknown(v)
	case wild(r.owner):
		return a.checkOwner(v, r, all, ownerPinned)
	case a.family == gitHub && hyphenID.MatchString(r.owner) && hyphenID.MatchString(r.project):
		if w := a.find(want{value: v}); w != nil {
			a.width("TP011", v, w, fmt.Sprintf("%q joins ids by hyphens: the owner %s and the repository %s can be registered by that name", v.text, r.owner, r.project))
			return "TP011"
		}
		return ""
	case a.family == bitbucket:
		return ""
	}
	return a.checkProject(v, r, all)
}

// width notes a finding with its witness.
func (a *site) width(id string, v *subjectValue, w *Witness, what string) *Finding {
	var where *node
	if v != nil {
		where = v.cond.values[v.index].node
	}
	f := a.add(id, a.statement, where, what)
	f.Witness = w
	return f
}

func (a *site) checkUniversal(v *subjectValue, ownerPinned bool) string {
	if ownerPinned {
		return ""
	}
	w := a.find(a.strangers(want{value: v}))
	if w == nil {
		return ""
	}
	f := a.width("TP002", v, w, fmt.Sprintf("%q admits every subject of %s", v.text, a.provider.url))
	f.Severity = a.identitySeverity()
	return "TP002"
}

func (a *site) checkOwner(v *subjectValue, r *reading, all []reading, pinned bool) string {
	if pinned {
		return ""
	}
	meant := []string{literalStart(r.owner)}
	for i := range all {
		if all[i].known && !wild(all[i].owner) {
			meant = append(meant, all[i].owner)
		}
	}
	meant = slices.DeleteFunc(meant, func(s string) bool { return s == "" })
	w := a.find(a.strangers(want{value: v, constraints: []constraint{notIn("owner", meant...)}}))
	if w == nil {
		return ""
	}
	id, what := "TP003", fmt.Sprintf("%q does not say which %s", v.text, a.family.owner)
	if glued(r.owner) {
		id, what = "TP004", fmt.Sprintf("%q admits every %s whose name begins with %s", v.text, a.family.owner, literalStart(r.owner))
	}
	f := a.width(id, v, w, what)
	f.Severity = a.identitySeverity()
	if id == "TP004" && strings.Count(r.owner, "*") == 1 && strings.HasSuffix(r.owner, "*") {
		a.mendOwner(f, v, r)
	}
	return id
}

// mendOwner puts the separator in front of the wildcard, or takes the wildcard away
// where the separator is behind it.
func (a *site) mendOwner(f *Finding, v *subjectValue, r *reading) {
	head := a.family.prefix + strings.TrimSuffix(r.owner, "*")
	rest, ok := strings.CutPrefix(v.text, head+"*")
	switch {
	case !ok || r.ownerID != "":
	case r.separated:
		a.replace(f, v, head+rest)
	default:
		a.replace(f, v, head+a.family.separator+"*"+rest)
	}
}

// replace mends a finding by another value.
func (a *site) replace(f *Finding, v *subjectValue, text string) {
	n := v.cond.values[v.index].node
	f.mend(a.policy.text, edit{n.start, n.end, quoted(text)})
}

func (a *site) checkProject(v *subjectValue, r *reading, all []reading) string {
	if !wild(v.text) {
		return ""
	}
	owner := in("owner", r.owner)
	field, pattern := "project", r.project
	if a.family == terraform && !wild(r.project) && r.workspace != "" {
		field, pattern = "workspace", r.workspace
	}
	if r.byID {
		field, owner = "id", in("id", "*")
	}
	if pattern != "" {
		if w := a.find(a.strangers(want{value: v, constraints: []constraint{owner, notIn(field, pattern)}})); w != nil {
			a.width("TP007", v, w, fmt.Sprintf("in %q a * goes across what should hold it: the %s need not be %s", v.text, a.family.project, pattern))
			return "TP007"
		}
	}
	if pattern != "" && !wild(pattern) && (r.separated || r.byID) {
		return ""
	}
	var meant []string
	for i := range all {
		if other := &all[i]; other.known && other.owner == r.owner && !wild(other.project) && other.project != "" {
			meant = append(meant, other.project)
		}
	}
	start := literalStart(pattern)
	if start != "" && !strings.HasSuffix(start, "/") {
		meant = append(meant, start)
	}
	w := a.find(a.strangers(want{value: v, constraints: []constraint{owner, notIn(field, meant...)}}))
	if w == nil {
		return ""
	}
	if start != "" && !strings.HasSuffix(start, "/") {
		f := a.width("TP006", v, w, fmt.Sprintf("%q admits every %s of %s whose name begins with %s", v.text, a.family.project, r.owner, start))
		a.mendProject(f, v, r)
		return "TP006"
	}
	a.width("TP005", v, w, fmt.Sprintf("%q admits every %s of %s", v.text, a.family.project, strings.TrimSuffix(r.owner+a.family.separator+start, a.family.separator)))
	return "TP005"
}

// mendProject takes the wildcard behind a project's name away, or keeps it to what
// stands behind the project.
func (a *site) mendProject(f *Finding, v *subjectValue, r *reading) {
	if a.family.end == "" || r.byID || r.ownerID != "" || r.projectID != "" || !glued(r.project) || strings.Count(r.project, "*") != 1 || strings.Contains(r.project, "?") {
		return
	}
	head := a.family.prefix + r.owner + a.family.separator + strings.TrimSuffix(r.project, "*")
	rest, ok := strings.CutPrefix(v.text, head+"*")
	switch {
	case !ok:
	case rest == "":
		a.replace(f, v, head+a.family.end+"*")
	default:
		a.replace(f, v, head+rest)
	}
}

// checkAbusable is about subjects of GitLab and GitHub that begin with something
// else than the project.
func (a *site) checkAbusable(v *subjectValue) string {
	first := literalOr(v.text, ':')
	if a.family != gitLab && a.family != gitHub || !slices.Contains(abusable, strings.TrimRight(first, "*?")) {
		return ""
	}
	shapes := []*shape{}
	if custom := a.family.custom(v.text); custom != nil {
		shapes = append(shapes, custom)
	}
	shapes = append(shapes, &shape{parts: []part{{literal: strings.TrimRight(first, "*?") + ":"}, {field: "text", charset: printable}}, says: "a job that anybody runs: its subject begins with " + first})
	if w := a.find(want{value: v, shapes: shapes}); w != nil {
		f := a.width("TP008", v, w, fmt.Sprintf("%q begins with %s, which says nothing about the %s", v.text, first, a.family.owner))
		f.Severity = a.identitySeverity()
		return "TP008"
	}
	return ""
}

// checkUnknown is about issuers whose subjects are not known: what counts as a
// separator is a guess.
func (a *site) checkUnknown(v *subjectValue) string {
	start := literalStart(v.text)
	if !wild(v.text) || start != "" && strings.ContainsAny(start[len(start)-1:], ":/|#@") {
		return ""
	}
	w := a.find(a.strangers(want{value: v, constraints: []constraint{notIn("owner", start)}}))
	if w == nil {
		return ""
	}
	id, what := "TP003", fmt.Sprintf("%q begins with a wildcard", v.text)
	if start != "" {
		id, what = "TP004", fmt.Sprintf("in %q the wildcard is glued to %s", v.text, start)
	}
	f := a.width(id, v, w, what)
	f.Severity = a.identitySeverity()
	return id
}
