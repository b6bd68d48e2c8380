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

// resolve applies !reference, then extends, in GitLab's order: a reference sees
// a job as it is written, not what its parents add.
func (c *composer) resolve(root *node) (*node, error) {
	referenced, err := c.references(root, root, nil)
	if err != nil || referenced == nil {
		return nil, err
	}
	out := *referenced
	out.entries = nil
	x := &extender{composer: c, root: referenced, done: map[string]*node{}}
	for _, e := range referenced.entries {
		v, err := x.extended(e, nil)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out.entries = append(out.entries, entry{key: e.key, at: e.at, value: v})
		}
	}
	return &out, nil
}

// references returns n with each !reference in it replaced. Path holds the
// references that led here. A nil node is a fault already told.
func (c *composer) references(root, n *node, path []string) (*node, error) {
	if err := c.spend(n, 1); err != nil {
		return nil, err
	}
	switch n.kind {
	case referenceNode:
		return c.dereference(root, n, path)
	case sequenceNode:
		out := *n
		out.items = make([]*node, 0, len(n.items))
		for _, item := range n.items {
			v, err := c.references(root, item, path)
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
			v, err := c.references(root, e.value, path)
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

func (c *composer) dereference(root, n *node, path []string) (*node, error) {
	words := make([]string, len(n.items))
	for i, item := range n.items {
		words[i] = fmt.Sprintf("%q", item.text)
	}
	name := "!reference [" + strings.Join(words, ", ") + "]"
	for _, p := range path {
		if p == name {
			c.add(n, "%s is part of a circular chain", name)
			return nil, nil
		}
	}
	if len(path) >= maxReferenceDepth {
		c.add(n, "%s is nested more than %d levels deep", name, maxReferenceDepth)
		return nil, nil
	}
	target := root
	for _, item := range n.items {
		if target.kind == referenceNode {
			var err error
			if target, err = c.dereference(root, target, append(path[:len(path):len(path)], name)); target == nil {
				return nil, err
			}
		}
		e, ok := c.find(target, item.text)
		if !ok {
			c.add(n, "%s could not be found", name)
			return nil, nil
		}
		target = e.value
	}
	return c.references(root, target, append(path[:len(path):len(path)], name))
}

// extender applies extends to the entries of the root.
type extender struct {
	*composer
	root *node
	done map[string]*node
}

// extended returns the value of a top-level entry with its parents merged in.
// Path holds the names of the jobs that led here.
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
	merged := &node{kind: mapNode, line: e.value.line, column: e.value.column}
	for _, name := range names {
		parent, err := x.parent(e, name, path)
		if parent == nil {
			return nil, err
		}
		if merged, err = x.deepMerge(merged, parent); err != nil {
			return nil, err
		}
	}
	merged, err := x.deepMerge(merged, e.value)
	if err != nil {
		return nil, err
	}
	own := *merged
	own.line, own.column, own.entries = e.value.line, e.value.column, nil
	for _, m := range merged.entries {
		if m.key != "extends" {
			own.entries = append(own.entries, m)
		}
	}
	x.done[e.key] = &own
	return &own, nil
}

// parent finds and resolves one parent of the job e.
func (x *extender) parent(e entry, name *node, path []string) (*node, error) {
	for _, p := range path {
		if p == name.text {
			x.add(name, "%s: circular dependency detected in `extends`", e.key)
			return nil, nil
		}
	}
	if len(path) >= maxExtendsDepth {
		x.add(name, "%s: nesting too deep in `extends`: more than %d levels", e.key, maxExtendsDepth)
		return nil, nil
	}
	p, ok := x.find(x.root, name.text)
	if !ok || isGlobal(name.text) {
		x.add(name, "%s: unknown keys in `extends` (%s)", e.key, name.text)
		return nil, nil
	}
	if p.value.kind != mapNode {
		x.add(name, "%s: invalid base hash in `extends` (%s): it is %s", e.key, name.text, p.value.kind)
		return nil, nil
	}
	return x.extended(p, path)
}

// parents reads the value of extends: a name, or an array of names.
func (x *extender) parents(job string, ext entry) ([]*node, bool) {
	names := ext.value.items
	if ext.value.kind != sequenceNode {
		names = []*node{ext.value}
	}
	for _, n := range names {
		if n.kind != stringNode {
			x.add(n, "jobs:%s:extends should be an array of strings or a string", job)
			return nil, false
		}
	}
	return names, true
}

// deepMerge lays over on base: maps are merged, all else is replaced, so a key
// with an empty value takes away what the parent had.
func (x *extender) deepMerge(base, over *node) (*node, error) {
	if err := x.spend(over, len(base.entries)+len(over.entries)); err != nil {
		return nil, err
	}
	out := *over
	out.entries = append([]entry(nil), base.entries...)
	place := make(map[string]int, len(out.entries))
	for i, e := range out.entries {
		place[e.key] = i
	}
	removed := map[string]bool{}
	for _, e := range over.entries {
		i, both := place[e.key]
		if !both {
			out.entries = append(out.entries, e)
			continue
		}
		removed[e.key] = e.value.kind == nullNode
		if b := out.entries[i].value; b.kind == mapNode && e.value.kind == mapNode {
			v, err := x.deepMerge(b, e.value)
			if err != nil {
				return nil, err
			}
			e.value = v
		}
		out.entries[i] = e
	}
	out.entries = slices.DeleteFunc(out.entries, func(e entry) bool { return removed[e.key] })
	return &out, nil
}
