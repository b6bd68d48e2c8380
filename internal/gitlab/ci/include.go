package ci

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxIncludes is GitLab's limit for all files of a pipeline, those included by
// included files among them (GitLab Docs, "CI/CD YAML syntax reference",
// include).
const maxIncludes = 150

// includer reads a file and what it includes into one map.
//
// Source: same page, include, and GitLab's lib/gitlab/ci/config/external.
type includer struct {
	*budget
	facts    Facts
	known    map[string]Variable // for rules and locations
	skip     bool                // see Source.SkipForeign
	count    int
	warnings []Warning
	files    []string // the repository's, once asked for
}

// includeKeys are those of one include.
var includeKeys = []string{
	"artifact", "component", "file", "inputs", "integrity", "job", "local", "project", "ref", "remote", "rules", "template",
}

// file reads one file: what it includes first, in order, and itself over it.
// Open holds the files that led here.
func (i *includer) file(src *source, open []string) (*node, error) {
	own, err := compose(i.budget, src)
	if own == nil || err != nil {
		return nil, err
	}
	e, ok := own.get("include")
	if !ok || e.value.kind == nullNode {
		return own, nil
	}
	base := &node{kind: mapNode}
	items := []*node{e.value}
	if e.value.kind == sequenceNode {
		items = e.value.items
	}
	for _, item := range items {
		for _, one := range i.sources(item) {
			included, err := i.include(item, one, open)
			if err != nil {
				return nil, err
			}
			if included == nil {
				continue
			}
			if base, err = deepMerge(i.budget, base, included); err != nil {
				return nil, err
			}
		}
	}
	merged, err := deepMerge(i.budget, base, own)
	if err != nil {
		return nil, err
	}
	merged.entries = slices.DeleteFunc(merged.entries, func(e entry) bool { return e.key == "include" })
	return merged, nil
}

// include reads one file of the repository that an entry of include names.
func (i *includer) include(at *node, name string, open []string) (*node, error) {
	if slices.Contains(open, name) {
		i.addHint(at, name+" includes itself", "Maximum of %d nested includes are allowed!", maxIncludes)
		return nil, nil
	}
	if i.count++; i.count > maxIncludes {
		i.add(at, "Maximum of %d nested includes are allowed!", maxIncludes)
		return nil, errTooLarge
	}
	if ext := strings.ToLower(path.Ext(name)); ext != ".yml" && ext != ".yaml" {
		i.add(at, "Included file `%s` does not have YAML extension!", name)
		return nil, nil
	}
	text, err := i.facts.Repository.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.addHint(at, "paths of include:local begin at the root of the repository", "Local file `%s` does not exist!", name)
		return nil, nil
	case err != nil:
		i.add(at, "Local file `%s` cannot be read: %v", name, err)
		return nil, nil
	case strings.TrimSpace(string(text)) == "":
		i.add(at, "Local file `%s` is empty!", name)
		return nil, nil
	}
	return i.file(&source{name: name, text: text}, append(open[:len(open):len(open)], name))
}

// sources says which files of the repository an entry of include stands for.
func (i *includer) sources(n *node) []string {
	switch n.kind {
	case stringNode:
		if strings.HasPrefix(n.text, "http://") || strings.HasPrefix(n.text, "https://") {
			i.foreign(n, "remote", n.text)
			return nil
		}
		return i.local(n)
	case mapNode:
	default:
		i.add(n, "include config should be a hash or a string")
		return nil
	}
	places := 0
	for _, e := range n.entries {
		if !slices.Contains(includeKeys, e.key) {
			i.add(e.at, "include config contains unknown keys: %s", e.key)
			return nil
		}
		if slices.Contains([]string{"local", "project", "remote", "template", "component", "artifact"}, e.key) {
			places++
		}
	}
	if places != 1 {
		i.add(n, "Each include must use only one of: `local`, `project`, `remote`, `template`, `component`, `artifact`")
		return nil
	}
	if rules, ok := n.get("rules"); ok && rules.value.kind != nullNode && !i.admitted(rules.value) {
		return nil
	}
	for _, kind := range []string{"project", "remote", "template", "component", "artifact"} {
		if e, ok := n.get(kind); ok {
			i.foreign(e.at, kind, e.value.text)
			return nil
		}
	}
	if e, ok := n.get("inputs"); ok && e.value.kind != nullNode {
		i.addHint(e.at, "write the values into the file, and take spec away from it", "include:inputs is not supported here")
		return nil
	}
	e, _ := n.get("local")
	if e.value.kind != stringNode {
		i.add(e.value, "Included file `%s` needs to be a string", cmp.Or(e.value.text, e.value.kind.String()))
		return nil
	}
	return i.local(e.value)
}

// foreign refuses a file that is not in the repository, or leaves it out.
func (i *includer) foreign(at *node, kind, name string) {
	const hint = "save the file in this repository and include it with local, or leave such includes out with --skip-include"
	message := fmt.Sprintf("include:%s is not fetched here: %s is no file of this repository", kind, name)
	if i.skip {
		i.warnings = append(i.warnings, Warning(*fault(at, "its jobs, defaults and variables are missing", message)))
		return
	}
	i.addHint(at, hint, "%s", message)
}

// local finds the files of a path with variables and wildcards.
func (i *includer) local(n *node) []string {
	name := strings.TrimLeft(expandKnown(n.text, i.known), "/")
	if i.facts.Repository == nil {
		i.addHint(n, "give the repository that the file is in", "Local file `%s` does not have project!", name)
		return nil
	}
	if !strings.Contains(name, "*") {
		return []string{name}
	}
	if i.files == nil {
		files, err := i.facts.Repository.Files()
		if err != nil {
			i.add(n, "the files of the repository cannot be listed: %v", err)
			return nil
		}
		i.files = files
	}
	pattern := wildcard(name)
	var out []string
	for _, f := range i.files {
		if pattern.MatchString(f) {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return out
}

// wildcard is GitLab's reading of * and ** in include:local: ** crosses folders,
// * does not (its app/models/repository.rb, search_files_by_wildcard_path).
func wildcard(name string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(name)
	quoted = strings.ReplaceAll(quoted, `\*\*`, `.*?`)
	quoted = strings.ReplaceAll(quoted, `\*`, `[^/]*?`)
	return regexp.MustCompile("^(?s:" + quoted + ")$")
}

// admitted decides include:rules.
func (i *includer) admitted(n *node) bool {
	before := len(i.list)
	rules := (&reader{faults: i.faults, left: maxRead}).rules("include", n, includeRules)
	if len(i.list) > before {
		return false
	}
	d := &decider{facts: i.facts}
	matched, err := d.match(rules, i.known)
	if err != nil {
		err.Message = "include:" + err.Message
		i.list = append(i.list, err)
		return false
	}
	return matched != nil && matched.when != "never"
}
