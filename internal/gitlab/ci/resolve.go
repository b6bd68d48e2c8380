package ci

import (
	"fmt"
	"slices"
	"strings"
)

// Limits of GitLab: "!reference ... up to 10 levels" and "extends ... up to
// eleven levels" (GitLab Docs, "Optimize GitLab CI/CD configuration files" and
// "CI/CD YAML syntax reference", extends).
const (
	maxReferenceDepth = 10
	maxExtendsDepth   = 11
)

// resolver applies extends, then !reference, to the merged document.
type resolver struct {
	*budget
	root  *node
	index map[*node]map[string]int
}

// resolve returns the document with extends and then !reference applied, which
// is GitLab's order (its lib/gitlab/ci/config.rb): a reference sees a job with
// what its parents add.
func resolve(b *budget, root *node) (*node, error) {
	r := &resolver{budget: b, index: map[*node]map[string]int{}}
	extended := *root
	extended.entries = make([]entry, 0, len(root.entries))
	x := &extender{resolver: r, root: root, done: map[string]*node{}}
	for _, e := range root.entries {
		v, err := x.extended(e, nil)
		if err != nil {
			return nil, err
		}
		if v != nil {
			extended.entries = append(extended.entries, entry{key: e.key, at: e.at, value: v})
		}
	}
	r.root = &extended
	return r.references(&extended, nil)
}

// find is get for maps that may be large and are asked often.
func (r *resolver) find(n *node, key string) (entry, bool) {
	if len(n.entries) < 16 {
		return n.get(key)
	}
	if r.index[n] == nil {
		r.index[n] = make(map[string]int, len(n.entries))
		for i, e := range n.entries {
			r.index[n][e.key] = i
		}
	}
	i, ok := r.index[n][key]
	if !ok {
		return entry{}, false
	}
	return n.entries[i], true
}

// references returns n with each !reference in it replaced. Path holds the
// references that led here. A nil node is a fault already told.
func (r *resolver) references(n *node, path []string) (*node, error) {
	if err := r.spend(n, 1); err != nil {
		return nil, err
	}
	switch n.kind {
	case referenceNode:
		return r.dereference(n, path)
	case sequenceNode:
		out := *n
		out.items = make([]*node, 0, len(n.items))
		for _, item := range n.items {
			v, err := r.references(item, path)
			if err != nil {
				return nil, err
			}
			if v != nil {
				out.items = append(out.items, v)
			}
		}
		return &out, nil
	case mapNode:
		out := *n
		out.entries = make([]entry, 0, len(n.entries))
		for _, e := range n.entries {
			v, err := r.references(e.value, path)
			if err != nil {
				return nil, err
			}
			if v != nil {
				out.entries = append(out.entries, entry{key: e.key, at: e.at, value: v})
			}
		}
		return &out, nil
	}
	return n, nil
}

// dereference finds what a !reference names. As GitLab does, it does not look
// into another reference on the way there.
func (r *resolver) dereference(n *node, path []string) (*node, error) {
	words := make([]string, len(n.items))
	for i, item := range n.items {
		words[i] = fmt.Sprintf("%q", item.text)
	}
	name := "!reference [" + strings.Join(words, ", ") + "]"
	if slices.Contains(path, name) {
		r.add(n, "%s is part of a circular chain", name)
		return nil, nil
	}
	if len(path) >= maxReferenceDepth {
		r.add(n, "%s is nested more than %d levels deep", name, maxReferenceDepth)
		return nil, nil
	}
	target := r.root
	for _, item := range n.items {
		e, ok := r.find(target, item.text)
		if !ok || e.value.kind == nullNode {
			r.add(n, "%s could not be found", name)
			return nil, nil
		}
		target = e.value
	}
	return r.references(target, append(path[:len(path):len(path)], name))
}

// extender applies extends to the entries of the root.
type extender struct {
	*resolver
	root *node
	done map[string]*node
}

// extended returns the value of a top-level entry with its parents merged in.
// Path holds the names of the jobs that led here. A nil node is a fault already
// told.
func (x *extender) extended(e entry, path []string) (*node, error) {
	if v, ok := x.done[e.key]; ok {
		return v, nil
	}
	ext, ok := e.value.get("extends")
	if !ok || e.value.kind != mapNode || isGlobal(e.key) {
		return e.value, nil
	}
	names, ok := x.parents(e.key, ext)
	if !ok {
		return nil, nil
	}
	path = append(path[:len(path):len(path)], e.key)
	merged := &node{kind: mapNode, src: e.value.src, line: e.value.line, column: e.value.column}
	for _, name := range names {
		parent, err := x.parent(e, name, path)
		if parent == nil {
			return nil, err
		}
		if merged, err = deepMerge(x.budget, merged, parent); err != nil {
			return nil, err
		}
	}
	merged, err := deepMerge(x.budget, merged, e.value)
	if err != nil {
		return nil, err
	}
	own := *merged
	own.entries = slices.DeleteFunc(slices.Clone(merged.entries), func(m entry) bool { return m.key == "extends" })
	x.done[e.key] = &own
	return &own, nil
}

// parent finds and resolves one parent of the job e.
func (x *extender) parent(e entry, name *node, path []string) (*node, error) {
	if slices.Contains(path, name.text) {
		x.add(name, "%s: circular dependency detected in `extends`", e.key)
		return nil, nil
	}
	if len(path) >= maxExtendsDepth {
		x.add(name, "%s: nesting too deep in `extends`: more than %d levels", e.key, maxExtendsDepth)
		return nil, nil
	}
	p, ok := x.find(x.root, name.text)
	if !ok || isGlobal(name.text) {
		x.addHint(name, x.similar(name.text), "%s: unknown keys in `extends` (%s)", e.key, name.text)
		return nil, nil
	}
	if p.value.kind != mapNode {
		x.addHint(name, fmt.Sprintf("%s is %s; extends takes maps only", name.text, p.value.kind),
			"%s: invalid base hashes in `extends` (%s)", e.key, name.text)
		return nil, nil
	}
	return x.extended(p, path)
}

// similar names the entry that differs from a name in a dot or in the case of
// letters only, for a hint.
func (x *extender) similar(name string) string {
	plain := func(s string) string { return strings.ToLower(strings.TrimPrefix(s, ".")) }
	for _, e := range x.root.entries {
		if plain(e.key) == plain(name) {
			return "there is " + e.key
		}
	}
	return ""
}

// parents reads the value of extends: a name, or an array of names.
func (x *extender) parents(job string, ext entry) ([]*node, bool) {
	names := ext.value.items
	if ext.value.kind != sequenceNode {
		names = []*node{ext.value}
	}
	for _, n := range names {
		if n.kind != stringNode {
			x.add(n, "jobs:%s extends should be an array of strings or a string", job)
			return nil, false
		}
	}
	return names, true
}

// deepMerge lays over on base: maps are merged, all else is replaced, so a key
// with an empty value takes away what the parent had.
func deepMerge(b *budget, base, over *node) (*node, error) {
	if err := b.spend(over, len(base.entries)+len(over.entries)); err != nil {
		return nil, err
	}
	out := *over
	out.entries = append(make([]entry, 0, len(base.entries)+len(over.entries)), base.entries...)
	place := make(map[string]int, len(out.entries))
	for i, e := range out.entries {
		place[e.key] = i
	}
	for _, e := range over.entries {
		i, both := place[e.key]
		if !both {
			out.entries = append(out.entries, e)
			continue
		}
		if b0 := out.entries[i].value; b0.kind == mapNode && e.value.kind == mapNode {
			v, err := deepMerge(b, b0, e.value)
			if err != nil {
				return nil, err
			}
			e.value = v
		}
		out.entries[i] = e
	}
	return &out, nil
}
