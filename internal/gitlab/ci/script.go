package ci

// maxScriptDepth is GitLab's limit for arrays in arrays of a script.
const maxScriptDepth = 10

// flatten lists the strings of a string or a nested array of strings. It is
// false for anything else, and for arrays more than ten deep.
func flatten(n *node, depth int) ([]*node, bool) {
	switch {
	case n.kind == stringNode:
		return []*node{n}, true
	case n.kind != sequenceNode || depth > maxScriptDepth:
		return nil, false
	}
	out := make([]*node, 0, len(n.items))
	for _, item := range n.items {
		inner, ok := flatten(item, depth+1)
		if !ok {
			return nil, false
		}
		out = append(out, inner...)
	}
	return out, true
}

// offender finds what makes flatten fail, for its place.
func offender(n *node, depth int) *node {
	if n.kind == stringNode {
		return nil
	}
	if n.kind != sequenceNode || depth > maxScriptDepth {
		return n
	}
	for _, item := range n.items {
		if o := offender(item, depth+1); o != nil {
			return o
		}
	}
	return nil
}

// script reads one of the scripts. The message is GitLab's.
func (r *jobReader) script(key string, n *node) []string {
	flat, ok := flatten(n, 0)
	if !ok {
		at := offender(n, 0)
		hint := ""
		switch at.kind {
		case mapNode:
			hint = `a ": " makes a map of an unquoted item; quote the item or write it as a block after |`
		case boolNode, numberNode, nullNode, otherNode:
			hint = "the item is " + at.kind.String() + "; quote it"
		}
		r.addHint(at, hint, "%s:%s config should be a string or a nested array of strings up to %d levels deep",
			r.prefix, key, maxScriptDepth)
		return nil
	}
	out := make([]string, len(flat))
	for i, s := range flat {
		out[i] = s.text
	}
	return out
}

// hooks reads hooks:pre_get_sources_script.
func (r *jobReader) hooks(n *node) {
	if n.kind != mapNode {
		r.add(n, "%s:hooks config should be a hash", r.prefix)
		return
	}
	r.unknownKeys(r.prefix+":hooks", n, []string{"pre_get_sources_script"})
	if e, ok := n.get("pre_get_sources_script"); ok && e.value.kind != nullNode {
		r.job.PreGetSources = r.script("hooks:pre_get_sources_script", e.value)
	}
}
