package ci

import (
	"fmt"
	"slices"
	"strings"
)

// maxParallel is GitLab's limit for the instances of one job.
const maxParallel = 200

// instance is one of the jobs that parallel makes of one.
type instance struct {
	name      string
	variables []Variable // of matrix
}

// row is one map of parallel:matrix: variables, and the values of each.
type row []struct {
	name   string
	values []string
}

// parallel reads a number, or a matrix of variables.
//
// Source: GitLab Docs, "CI/CD YAML syntax reference", parallel, and GitLab's
// lib/gitlab/ci/config/normalizer, which gives the instances their names.
func (r *jobReader) parallel(n *node) {
	prefix := r.prefix + ":parallel"
	if n.kind == mapNode {
		rows := r.matrix(prefix, n)
		r.def.instances = matrixInstances(r.job.Definition, rows)
	} else {
		count, ok := integer(n)
		switch {
		case n.kind != numberNode:
			r.add(n, "%s should be an integer or a hash", prefix)
			return
		case !ok:
			r.add(n, "%s config must be an integer", prefix)
			return
		case count < 1:
			r.add(n, "%s config must be greater than or equal to 1", prefix)
			return
		case count > maxParallel:
			r.add(n, "%s config must be less than or equal to %d", prefix, maxParallel)
			return
		}
		for i := range count {
			r.def.instances = append(r.def.instances, instance{name: fmt.Sprintf("%s %d/%d", r.job.Definition, i+1, count)})
		}
	}
	for _, i := range r.def.instances {
		if len([]rune(i.name)) > 255 {
			r.add(n, "%s: the name of an instance is too long (maximum is 255 characters): %s", prefix, i.name)
			return
		}
	}
}

// matrix reads {matrix: [...]}, of a job or of one of its needs. It is nil where
// that is faulty.
func (r *reader) matrix(prefix string, n *node) []row {
	if !r.unknownKeys(prefix, n, []string{"matrix"}) {
		return nil
	}
	m, ok := n.get("matrix")
	if !ok {
		r.add(n, "%s config missing required keys: matrix", prefix)
		return nil
	}
	if m.value.kind != sequenceNode {
		r.add(m.value, "%s:matrix config should be an array of hashes", prefix)
		return nil
	}
	var rows []row
	total := 0
	for _, item := range m.value.items {
		if item.kind != mapNode {
			r.add(item, "%s:matrix config should be an array of hashes", prefix)
			return nil
		}
		if len(item.entries) == 0 {
			r.add(item, "%s:matrix config requires at least 1 items", prefix)
			return nil
		}
		var w row
		size := 1
		for _, e := range item.entries {
			values, ok := matrixValues(e.value)
			if !ok || !variableName.MatchString(e.key) {
				r.addHint(e.at, "quote what is no plain word", "%s:matrix config should be a hash of key value pairs, value can be an array", prefix)
				return nil
			}
			w = append(w, struct {
				name   string
				values []string
			}{e.key, values})
			size = min(size*len(values), maxParallel+1)
		}
		rows, total = append(rows, w), total+size
		if total > maxParallel {
			r.add(m.value, "%s:matrix config generates too many jobs (maximum is %d)", prefix, maxParallel)
			return nil
		}
	}
	return rows
}

// matrixValues reads a string or number, or a flat array of them.
func matrixValues(n *node) ([]string, bool) {
	items := []*node{n}
	if n.kind == sequenceNode {
		items = n.items
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		if item.kind != stringNode && (item.kind != numberNode || !plainInteger.MatchString(item.text)) {
			return nil, false
		}
		out = append(out, item.text)
	}
	return out, true
}

// matrixInstances are the instances of a matrix: in each row all combinations,
// the last variable changing first.
func matrixInstances(job string, rows []row) []instance {
	out := []instance{}
	for _, w := range rows {
		combinations := [][]Variable{nil}
		for _, v := range w {
			var next [][]Variable
			for _, c := range combinations {
				for _, value := range v.values {
					next = append(next, append(slices.Clip(c), Variable{Name: v.name, Value: value}))
				}
			}
			combinations = next
		}
		for _, c := range combinations {
			values := make([]string, len(c))
			for i, v := range c {
				values[i] = v.Value
			}
			out = append(out, instance{fmt.Sprintf("%s: [%s]", job, strings.Join(values, ", ")), c})
		}
	}
	return out
}
