package ci

import (
	"slices"
	"strings"
)

// reader turns the resolved document into a File. Its methods read what jobs
// and other places have in common, and say what is wrong with it.
type reader struct {
	*faults
	file     *File
	defaults *definition // of default and the deprecated global keywords
	left     int         // see maxRead
}

// spend takes from the budget; it is false when that is used up, which is told
// once.
func (r *reader) spend(at *node, n int) bool {
	if r.left < 0 {
		return false
	}
	if r.left -= n; r.left < 0 {
		r.add(at, "the jobs of this document have more than %d script items and variables together", maxRead)
	}
	return r.left >= 0
}

// unknownKeys tells of the keys of a map that GitLab does not know.
func (r *reader) unknownKeys(prefix string, n *node, known []string) bool {
	var foreign []string
	var first *node
	for _, e := range n.entries {
		if slices.Contains(known, e.key) {
			continue
		}
		if foreign = append(foreign, e.key); first == nil {
			first = e.at
		}
	}
	if first == nil {
		return true
	}
	r.addHint(first, nearest(foreign[0], known), "%s config contains unknown keys: %s", prefix, strings.Join(foreign, ", "))
	return false
}

// nearest is a hint at a known word that differs in one letter or two.
func nearest(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), k); d < distance && d < len(k)/2+1 {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// editDistance is Levenshtein's, of words that are not long.
func editDistance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 99
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

// globals reads all top-level keywords.
func (r *reader) globals(root *node) {
	r.defaults = &definition{}
	r.stages(root)
	own := &node{kind: mapNode}
	if e, ok := root.get("default"); ok && e.value.kind != nullNode {
		if own = e.value; own.kind != mapNode {
			r.add(own, "default config should be a hash")
			own = &node{kind: mapNode}
		}
		r.unknownKeys("default", own, inheritedKeywords)
	}
	defaults := *own
	for _, key := range oldDefaults {
		e, ok := root.get(key)
		if !ok || e.value.kind == nullNode {
			continue
		}
		if _, twice := own.get(key); twice {
			r.add(e.at, "%s is defined in top-level and `default:` entry", key)
			continue
		}
		defaults.entries = append(slices.Clip(defaults.entries), e)
	}
	j := &jobReader{reader: r, def: r.defaults, job: &r.defaults.job, prefix: "default"}
	r.defaults.job.places = &defaults
	for _, e := range defaults.entries {
		if k := jobKeywords[e.key]; k.inherit != nil {
			j.keyword(e, k)
		}
	}
	if e, ok := root.get("variables"); ok && e.value.kind != nullNode {
		r.file.variables = r.readVariables("variables", e.value, true)
	}
	if e, ok := root.get("workflow"); ok && e.value.kind != nullNode {
		r.file.workflow = r.workflow(e.value)
	}
	if e, ok := root.get("spec"); ok {
		r.addHint(e.at, "write the values of the inputs into the file, and take spec away", "spec is not supported here")
	}
}

// defaultStages are those of a file that names none (same page, "stages").
var defaultStages = []string{"build", "test", "deploy"}

func (r *reader) stages(root *node) {
	stages := defaultStages
	if e, ok := root.get("stages"); ok && e.value.kind != nullNode {
		flat, ok := flatten(e.value, 0)
		if !ok || e.value.kind != sequenceNode {
			r.add(e.value, "stages config should be an array of strings or a nested array of strings up to %d levels deep", maxScriptDepth)
			return // and every stage is taken
		}
		stages = nil
		for _, n := range flat {
			if !slices.Contains(stages, n.text) {
				stages = append(stages, n.text)
			}
		}
	}
	stages = slices.DeleteFunc(slices.Clone(stages), func(s string) bool { return s == ".pre" || s == ".post" })
	r.file.Stages = append(append([]string{".pre"}, stages...), ".post")
}

// stringList reads a flat array of strings; it is false for anything else.
func stringList(n *node) ([]string, bool) {
	if n.kind != sequenceNode {
		return nil, false
	}
	out := make([]string, 0, len(n.items))
	for _, item := range n.items {
		if item.kind != stringNode {
			return nil, false
		}
		out = append(out, item.text)
	}
	return out, true
}

// stringOrList reads a string or a flat array of strings.
func stringOrList(n *node) ([]string, bool) {
	if n.kind == stringNode {
		return []string{n.text}, true
	}
	return stringList(n)
}

// flag reads a boolean; it is nil for anything else, which is told.
func (r *reader) flag(what string, n *node) *bool {
	b, ok := boolean(n)
	if !ok {
		hint := ""
		if n.kind == stringNode && (n.text == "true" || n.text == "false") {
			hint = "take the quotes away"
		}
		r.addHint(n, hint, "%s should be a boolean value", what)
		return nil
	}
	return &b
}
