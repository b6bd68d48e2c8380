package lint

import (
	"fmt"
	"slices"
	"strings"
)

// The subjects of 2026. GitHub: repositories that were made, renamed or transferred
// since 2026-07-15 send repo:OWNER@ID/REPOSITORY@ID:…, the others go on by names.
// GitLab: a project whose path somebody had before gets no token until its subject
// begins with project_id, and any project may be set so.

// Migration is a way from names to ids.
type Migration struct {
	// IDs are the ids by the name of repository or project: owner's id and
	// repository's, or the project's alone.
	IDs map[string][]string
	// DropLegacy takes the values by name away that the policy has by id too.
	DropLegacy bool

	family *family
	// byID gives the value by ids, "" where the value is none by name; problem is
	// why it cannot be given.
	byID func(m *Migration, r *reading) (text, problem string)
}

// GitHubImmutable is the migration to GitHub's subjects with ids.
func GitHubImmutable(ids map[string][]string, dropLegacy bool) *Migration {
	return &Migration{IDs: ids, DropLegacy: dropLegacy, family: gitHub, byID: (*Migration).gitHubValue}
}

// GitLabProjectID is the migration to GitLab's subjects that begin with project_id.
func GitLabProjectID(ids map[string][]string, dropLegacy bool) *Migration {
	return &Migration{IDs: ids, DropLegacy: dropLegacy, family: gitLab, byID: (*Migration).gitLabValue}
}

// Migrated is what became of a policy.
type Migrated struct {
	Text string
	// Added and Dropped are values; Skipped are values by name that stay alone, each
	// with the reason and the next step.
	Added, Dropped, Skipped []string
	// Size is the length of Text as the quotas count it.
	Size int
}

// Apply rewrites a trust policy. All values of subjects of the issuer are treated
// alike, those of Deny and of exclusions too: what was denied by name is denied by
// id. No wildcard is added: the ids are written, and what stands behind the project
// stays as it is. The error is an *UnreadableError.
func (m *Migration) Apply(text string) (*Migrated, error) {
	p, err := readPolicy(text)
	if err != nil {
		return nil, err
	}
	done := &Migrated{}
	var edits []edit
	for _, s := range p.statements {
		for _, c := range s.conds {
			if m.concerns(c) {
				edits = append(edits, m.values(p, c, done)...)
			}
		}
	}
	done.Text = apply(text, edits)
	done.Size = Size(done.Text)
	return done, nil
}

// concerns reports whether a condition is on the subjects of the issuer.
func (m *Migration) concerns(c *cond) bool {
	url, ok := strings.CutSuffix(strings.ToLower(c.key), ":sub")
	if !ok || !c.isText() || strings.HasSuffix(url, "/_services/token") { // GitHub Enterprise Server has no ids
		return false
	}
	return familyOf(url, c.texts()) == m.family
}

// values are the edits on one condition.
func (m *Migration) values(p *trustPolicy, c *cond, done *Migrated) []edit {
	texts := c.texts()
	var added []string
	var drop []int
	for i, text := range texts {
		r := m.family.read(text)
		if !r.known {
			continue
		}
		byID, problem := m.byID(m, &r)
		has := slices.Contains(texts, byID)
		switch {
		case problem != "" && m.DropLegacy && m.replaced(&r, texts):
			drop = append(drop, i)
		case problem != "":
			done.Skipped = append(done.Skipped, fmt.Sprintf("%q: %s", text, problem))
		case byID == "":
		case m.DropLegacy && has:
			drop = append(drop, i)
		case m.DropLegacy:
			done.Skipped = append(done.Skipped, fmt.Sprintf("%q stays: the policy does not have %q yet; migrate without --drop-legacy first", text, byID))
		case !has && !slices.Contains(added, byID):
			added = append(added, byID)
		}
	}
	done.Added = append(done.Added, added...)
	for _, i := range drop {
		done.Dropped = append(done.Dropped, texts[i])
	}
	return rewrite(p, c, added, drop)
}

// rewrite adds values to a condition, or takes some away.
func rewrite(p *trustPolicy, c *cond, added []string, drop []int) []edit {
	n := c.keyAt.value
	if len(added) > 0 {
		var b strings.Builder
		if n.kind != isList {
			b.WriteString("[" + p.text[n.start:n.end])
			for _, text := range added {
				b.WriteString(", " + quoted(text))
			}
			return []edit{{n.start, n.end, b.String() + "]"}}
		}
		last := n.items[len(n.items)-1]
		space := spaceBefore(p.text, last.start, len(n.items) > 1)
		for _, text := range added {
			b.WriteString("," + space + quoted(text))
		}
		return []edit{{last.end, last.end, b.String()}}
	}
	if len(drop) == 0 {
		return nil
	}
	var kept []string
	for i, v := range c.values {
		if !slices.Contains(drop, i) {
			kept = append(kept, p.text[v.node.start:v.node.end])
		}
	}
	if len(kept) == 1 {
		return []edit{{n.start, n.end, kept[0]}}
	}
	space := " "
	if len(n.items) > 1 {
		space = spaceBefore(p.text, n.items[1].start, true)
	}
	start, end := n.items[0].start, n.items[len(n.items)-1].end
	return []edit{{start, end, strings.Join(kept, ","+space)}}
}

func (m *Migration) gitHubValue(r *reading) (text, problem string) {
	if r.ownerID != "" || r.projectID != "" || !r.separated {
		if !r.separated && r.owner != "" && wild(r.owner) {
			return "", "it does not say which owner; name one first"
		}
		return "", ""
	}
	switch {
	case wild(r.owner):
		return "", "it does not say which owner; name one first"
	case wild(r.project) && !onlyWild(r.project):
		return "", "the repository is not named in full; name it first"
	}
	tail := ""
	if r.ended {
		tail = ":" + r.tail
	}
	if onlyWild(r.project) {
		id := m.ownerID(r.owner)
		switch {
		case id == "":
			return "", fmt.Sprintf("the id of %s is not known; give --id %[1]s/REPOSITORY=OWNER-ID/REPOSITORY-ID of one of its repositories", r.owner)
		case !r.ended || wild(tail):
			return "", "behind the repository stands no ref or environment without a wildcard, which a pattern with a wildcard needs to be anchored; name one first"
		}
		return "repo:" + r.owner + "@" + id + "/" + r.project + tail, ""
	}
	name := r.owner + "/" + r.project
	ids := m.IDs[strings.ToLower(name)]
	if len(ids) != 2 {
		return "", fmt.Sprintf("the ids of %s are not known; give --id %[1]s=OWNER-ID/REPOSITORY-ID, from: gh api repos/%[1]s --jq '\"\\(.owner.id)/\\(.id)\"'", name)
	}
	return "repo:" + r.owner + "@" + ids[0] + "/" + r.project + "@" + ids[1] + tail, ""
}

// ownerID is the id of an owner of whom a repository is known.
func (m *Migration) ownerID(owner string) string {
	for name, ids := range m.IDs {
		if before, _, ok := strings.Cut(name, "/"); ok && strings.EqualFold(before, owner) && len(ids) == 2 {
			return ids[0]
		}
	}
	return ""
}

func (m *Migration) gitLabValue(r *reading) (text, problem string) {
	path := r.owner + "/" + r.project
	switch {
	case r.byID || r.project == "" && !wild(r.owner):
		return "", ""
	case wild(r.owner) || wild(r.project):
		return "", "the project is not named in full, and an id is one project's; list the projects first"
	}
	ids := m.IDs[strings.ToLower(path)]
	if len(ids) != 1 {
		return "", fmt.Sprintf("the id of %s is not known; give --id %[1]s=ID, from the project's page or: glab api projects/%s --jq .id", path, strings.ReplaceAll(path, "/", "%2F"))
	}
	text = "project_id:" + ids[0]
	if r.ended {
		text += ":" + r.tail
	}
	return text, ""
}

// replaced reports whether a list has a value by id for one by name, without knowing
// the ids: one that says the same of names and of what stands behind the project.
// GitLab's values by id have no names.
func (m *Migration) replaced(r *reading, texts []string) bool {
	return m.family == gitHub && slices.ContainsFunc(texts, func(text string) bool {
		o := m.family.read(text)
		return o.known && o.ownerID != "" && !wild(o.ownerID) && !wild(o.projectID) &&
			strings.EqualFold(o.owner, r.owner) && strings.EqualFold(o.project, r.project) && o.tail == r.tail && o.ended == r.ended
	})
}
