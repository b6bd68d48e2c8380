package lint

import (
	"fmt"
	"slices"
	"strings"
)

// checkRef examines what a value says about refs and environments. Identity is the
// rule that it breaks already.
func (a *site) checkRef(v *subjectValue, r *reading, identity string) {
	ref := a.family.readRef(r)
	if ref.wrongType != "" {
		a.add("TP029", a.statement, v.cond.values[v.index].node, fmt.Sprintf("%q waits for ref_type:%s, which GitLab does not have: it never matches", v.text, ref.wrongType))
		return
	}
	a.checkPull(v, r)
	if a.protected(&ref) || identity != "" && !r.ended {
		return // the wildcard that was told already stands for the rest
	}
	same := a.sameProject(r)
	switch {
	case ref.kind == anyRef:
		a.checkAnyRef(v, r, ref, same)
	case ref.typeOpen:
		a.checkTypeOpen(v, r, ref, same)
	case !wild(ref.ref):
	case ref.kind == kindBranch && onlyWild(ref.ref):
		a.refWidth("TP021", v, want{value: v, shapes: a.shapesOf(v, kindBranch), constraints: same}, fmt.Sprintf("%q admits every branch", v.text))
	case ref.kind == kindBranch && !glued(ref.ref):
		start := literalStart(ref.ref)
		a.refWidth("TP022", v, want{value: v, shapes: a.shapesOf(v, kindBranch), constraints: append(same, notIn(kindBranch, start+"/*"))}, fmt.Sprintf("%q admits branches by a wildcard inside their name", v.text))
	case ref.kind == kindBranch && !strings.HasSuffix(literalStart(ref.ref), "/"):
		start := literalStart(ref.ref)
		f := a.refWidth("TP022", v, want{value: v, shapes: a.shapesOf(v, kindBranch), constraints: append(same, notIn(kindBranch, start, start+"/*"))},
			fmt.Sprintf("%q admits every branch whose name begins with %s", v.text, start))
		a.cutStar(f, v, ref.ref)
	case ref.kind == kindTag:
		a.refWidth("TP024", v, want{value: v, shapes: a.shapesOf(v, kindTag), constraints: same}, fmt.Sprintf("%q admits tags by a wildcard", v.text))
	case ref.kind == kindEnvironment:
		start := literalStart(ref.ref)
		f := a.refWidth("TP028", v, want{value: v, shapes: a.shapesOf(v, kindEnvironment), constraints: append(same, notIn(kindEnvironment, start))}, fmt.Sprintf("%q admits environments by a wildcard", v.text))
		if !strings.HasSuffix(start, "/") {
			a.cutStar(f, v, ref.ref)
		}
	}
}

// sameProject keeps a search to what the value says about the project.
func (a *site) sameProject(r *reading) []constraint {
	if r.byID {
		return []constraint{in("id", r.project)}
	}
	var c []constraint
	if r.owner != "" {
		c = append(c, in("owner", r.owner))
	}
	if r.project != "" {
		c = append(c, in("project", r.project))
	}
	return c
}

// shapesOf are the shapes of one kind, with those that the pattern makes up.
func (a *site) shapesOf(v *subjectValue, kinds ...string) []*shape {
	var shapes []*shape
	for _, s := range a.family.shapes {
		if slices.Contains(kinds, s.kindOf()) {
			shapes = append(shapes, s)
		}
	}
	if custom := a.family.custom(v.text); custom != nil && slices.Contains(kinds, custom.kindOf()) {
		shapes = append(shapes, custom)
	}
	return shapes
}

// refWidth notes a finding if a token proves it.
func (a *site) refWidth(id string, v *subjectValue, w want, what string) *Finding {
	if len(w.shapes) == 0 {
		return nil
	}
	witness := a.find(a.strangers(w))
	if witness == nil {
		return nil
	}
	return a.width(id, v, witness, what)
}

// cutStar takes the * away with which the pattern of a ref ends, if it ends the
// value or a part of it.
func (a *site) cutStar(f *Finding, v *subjectValue, ref string) {
	if f == nil || strings.Count(ref, "*") != 1 || strings.Contains(ref, "?") || !strings.HasSuffix(ref, "*") || strings.Count(v.text, ref) != 1 || literalStart(ref) == "" {
		return
	}
	a.replace(f, v, strings.Replace(v.text, ref, strings.TrimSuffix(ref, "*"), 1))
}

// checkAnyRef is about subjects that say nothing of the ref, or begin what they say
// with a wildcard. Refs that other keys name are meant.
func (a *site) checkAnyRef(v *subjectValue, r *reading, ref refReading, same []constraint) {
	meant := []string{}
	for _, c := range a.statement.on(a.provider.url, "ref") {
		for _, text := range c.texts() {
			meant = append(meant, strings.TrimPrefix(text, "refs/heads/"))
		}
	}
	if name := strings.TrimLeft(ref.ref, "*?"); name != ref.ref && name != "" && !wild(name) {
		meant = append(meant, strings.TrimLeft(name, ":/")) // *main
	}
	shapes := a.shapesOf(v, kindBranch)
	if custom := a.family.custom(v.text); r.tail == "" && custom != nil {
		named := *custom
		named.says += ", on whatever ref it runs"
		named.hidden = map[string]string{"ref": "x"}
		shapes = append(shapes, &named)
	}
	if a.family == gitHub && a.statement.exact(a.provider.url, "environment") {
		return // the environment decides
	}
	what := fmt.Sprintf("%q admits every ref of %s", v.text, a.projectName(r))
	a.refWidth("TP020", v, want{value: v, shapes: shapes, constraints: append(same, notIn(kindBranch, meant...))}, what)
}

func (a *site) projectName(r *reading) string {
	if r.byID {
		return "the project with the id " + r.project
	}
	return r.owner + a.family.separator + r.project
}

// checkTypeOpen is about GitLab's subjects with a ref and no ref_type.
func (a *site) checkTypeOpen(v *subjectValue, r *reading, ref refReading, same []constraint) {
	shapes := a.shapesOf(v, kindTag)
	if custom := a.family.custom(v.text); custom != nil && !strings.Contains(v.text, "ref_type") {
		tag := *custom
		tag.says = strings.ReplaceAll(tag.says, "branch {branch}", "the tag {branch}")
		tag.hidden = map[string]string{"ref_type": "tag"}
		shapes = append(shapes, &tag)
	}
	f := a.refWidth("TP023", v, want{value: v, shapes: shapes, constraints: append(same, in(kindTag, ref.ref))},
		fmt.Sprintf("%q does not say that %s is a branch", v.text, ref.ref))
	if f == nil || r.byID && wild(r.project) {
		return
	}
	head, ok := strings.CutSuffix(v.text, r.tail)
	if !ok {
		return
	}
	for _, open := range []string{"ref_type:*:ref:", "*ref:", "*:ref:"} {
		if rest, is := strings.CutPrefix(r.tail, open); is {
			a.replace(f, v, head+"ref_type:branch:ref:"+rest)
			return
		}
	}
}

// checkPull is about pull requests of GitHub.
func (a *site) checkPull(v *subjectValue, r *reading) {
	if a.family != gitHub {
		return
	}
	what := fmt.Sprintf("%q admits pull requests", v.text)
	a.refWidth("TP025", v, want{value: v, shapes: a.shapesOf(v, kindPull), constraints: a.sameProject(r)}, what)
}

// checkVolatile is about subjects of one run.
func (a *site) checkVolatile(v *subjectValue) {
	if v.cond.like() && wild(v.text) {
		return
	}
	parts := strings.Split(v.text, ":")
	part, suggestion := "", ""
	switch {
	case a.family == bitbucket && len(parts) > 1 && uuid.MatchString(parts[len(parts)-1]):
		part, suggestion = "the step's id", strings.Join(parts[:len(parts)-1], ":")+":*"
	case a.family == buildkite && strings.Contains(v.text, ":commit:"):
		part, suggestion = "a commit", literalBefore(v.text, ":commit:")+":*"
	default:
		for i := 0; i+1 < len(parts) && a.family == gitHub; i += 2 {
			if slices.Contains([]string{"run_id", "run_number", "run_attempt", "sha"}, parts[i]) {
				part, suggestion = parts[i], strings.Join(parts[:i], ":")+":*"
			}
		}
	}
	if part == "" {
		return
	}
	f := a.add("TP031", a.statement, v.cond.values[v.index].node, fmt.Sprintf("%q holds %s, which is another in the next run", v.text, part))
	f.Next = fmt.Sprintf("Use StringLike with %q.", suggestion)
}

func literalBefore(s, end string) string {
	before, _, _ := strings.Cut(s, end)
	return before
}

// checkNames is about owners that are known by name alone. One finding stands for
// all values of the statement.
func (a *site) checkNames(v *subjectValue, r *reading) bool {
	if a.family != gitLab && a.family != gitHub {
		return false
	}
	if owner, project := a.pins(); owner || project {
		return false
	}
	if r.projectID != "" && !wild(r.projectID) || r.ownerID != "" && !wild(r.ownerID) {
		return false
	}
	w := a.find(want{value: v})
	if w == nil {
		return false
	}
	f := a.width("TP009", v, w, fmt.Sprintf("%q knows %s by its name alone", v.text, strings.Trim(r.owner+a.family.separator+r.project, "/")))
	w.Says += "; whoever has that name, now or later"
	switch {
	case a.provider.url == "gitlab.com" || a.family == gitHub && a.shared:
		f.Severity = High
	case a.family == gitLab:
		f.Next = "Let the subject begin with project_id (ci_id_token_sub_claim_components): daypass migrate gitlab-project-id."
	}
	return true
}

// checkSleeping is about GitHub's subjects by name, which new and renamed
// repositories do not send.
func (a *site) checkSleeping(readings []reading) {
	if a.family != gitHub || !strings.HasPrefix(a.provider.url, "token.actions.") {
		return
	}
	for i := range readings {
		r := &readings[i]
		if !r.known || r.ownerID != "" || wild(r.owner) || wild(r.project) || r.project == "" || hyphenID.MatchString(r.owner) {
			continue
		}
		withIDs := slices.DeleteFunc(slices.Clone(a.family.shapes), func(s *shape) bool { return !s.hasField("ownerID") })
		if a.find(want{shapes: withIDs, constraints: []constraint{in("owner", r.owner), in("project", r.project)}}) == nil {
			v := &a.subjects[i]
			a.add("TP013", a.statement, v.cond.values[v.index].node, fmt.Sprintf("%q does not admit %s once it sends its ids", v.text, a.projectName(r)))
			return
		}
	}
}

// checkGuards is about keys that should narrow beside a subject of GitLab's. Open
// are the values that say too little of the project: there is no use in guarding
// those.
func (a *site) checkGuards(readings []reading, open []bool) {
	if a.family != gitLab || len(readings) == 0 {
		return
	}
	canAsk := slices.Contains(a.keys, "ref_protected") || a.extended
	for i := range readings {
		v, r := &a.subjects[i], &readings[i]
		if !r.known || open[i] {
			continue
		}
		ref := a.family.readRef(r)
		if ref.wrongType != "" {
			continue
		}
		if !a.protected(&ref) {
			if w := a.find(want{value: v, shapes: withClaim(a.shapesOf(v, kindBranch, kindTag), "ref_protected", "false"), constraints: a.sameProject(r)}); w != nil {
				f := a.width("TP027", v, w, fmt.Sprintf("%q is admitted also where the ref is not protected", v.text))
				if canAsk {
					f.mend(a.policy.text, a.ask(a.provider.url+":ref_protected", "true")...)
				} else {
					f.Next = "Since GitLab 18.7 the subject can say so: ci_id_token_sub_claim_components with ref_protected, and here :ref_protected:true behind the ref."
				}
				break
			}
		}
	}
	if !canAsk || a.statement.narrowed(a.provider.url, "pipeline_source") {
		return
	}
	for i := range readings {
		v, r := &a.subjects[i], &readings[i]
		if !r.known || open[i] {
			continue
		}
		if w := a.find(want{value: v, shapes: withClaim(a.shapesOf(v, kindBranch), "pipeline_source", "merge_request_event"), constraints: a.sameProject(r)}); w != nil {
			w.Says += ", for a merge request"
			f := a.width("TP026", v, w, fmt.Sprintf("%q is admitted also in pipelines of merge requests", v.text))
			f.mend(a.policy.text, a.ask(a.provider.url+":pipeline_source", "push")...)
			return
		}
	}
}

// withClaim gives shapes one more claim. They are copies.
func withClaim(shapes []*shape, name, text string) []*shape {
	var all []*shape
	for _, s := range shapes {
		with := *s
		with.claims = map[string]string{name: text}
		for k, v := range s.claims {
			with.claims[k] = v
		}
		all = append(all, &with)
	}
	return all
}

// checkLoosest is about lists in which one value makes the others superfluous. First
// is the first finding about this value.
func (a *site) checkLoosest(v *subjectValue, first int) {
	if len(v.cond.values) < 2 || !wild(v.text) || !v.cond.like() {
		return
	}
	exact := slices.ContainsFunc(v.cond.values, func(o value) bool { return !wild(o.text) && !holdsVariable(o.text) && o.text != "" })
	var worst *Finding
	for i := range a.findings[first:] {
		f := &a.findings[first+i]
		if f.Witness != nil && f.Rule != "TP009" && (worst == nil || f.Severity > worst.Severity) {
			worst = f
		}
	}
	if !exact || worst == nil {
		return
	}
	witness, severity := worst.Witness, worst.Severity
	f := a.width("TP045", v, witness, fmt.Sprintf("%q is wider than the values beside it (%s)", v.text, worst.Rule))
	f.Severity = severity
	var starts, ends []int
	for _, o := range v.cond.values {
		starts, ends = append(starts, o.node.start), append(ends, o.node.end)
	}
	f.mend(a.policy.text, without(starts, ends, v.index))
}
