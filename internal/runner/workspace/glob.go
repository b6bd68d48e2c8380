package workspace

import (
	"path"
	"strings"
)

// Match reports whether a path matches a pattern of artifacts: * and ? stay in
// one part of the path, ** is any number of parts, [a-z] and [!a] are classes,
// {a,b} is a choice, a backslash takes the next character as it is. Hidden files
// match like others. A pattern that is malformed matches nothing.
//
// Source: the documentation of doublestar.Match, which GitLab Runner calls.
//
// The globs of rules:changes and rules:exists are others, and in internal/gitlab/ci:
// GitLab decides those itself, by Ruby's File.fnmatch. "dir/**" is there what is in
// dir and no deeper, and here all below dir, and dir. One matcher for both
// would be wrong for one.
func Match(pattern, name string) bool {
	for _, p := range alternatives(pattern, 0) {
		if matchParts(strings.Split(p, "/"), strings.Split(name, "/")) {
			return true
		}
	}
	return false
}

// maxAlternatives bounds what the braces of one pattern can mean.
const maxAlternatives = 1000

// alternatives writes a pattern without its braces.
func alternatives(pattern string, depth int) []string {
	open, shut, commas := braces(pattern)
	if open < 0 || depth > 20 {
		return []string{pattern}
	}
	var out []string
	from := open + 1
	for _, to := range append(commas, shut) {
		out = append(out, alternatives(pattern[:open]+pattern[from:to]+pattern[shut+1:], depth+1)...)
		if from = to + 1; len(out) > maxAlternatives {
			return nil
		}
	}
	return out
}

// braces finds the first pair of braces and the commas of its own.
func braces(pattern string) (open, shut int, commas []int) {
	open = -1
	level := 0
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '{':
			if level++; open < 0 {
				open = i
			}
		case '}':
			if level == 0 {
				continue
			}
			if level--; level == 0 {
				return open, i, commas
			}
		case ',':
			if level == 1 {
				commas = append(commas, i)
			}
		}
	}
	return -1, -1, nil
}

// matchParts matches part by part. The table keeps many ** from taking forever.
func matchParts(pattern, name []string) bool {
	// can[j] says that the pattern so far matches the first j parts.
	can := make([]bool, len(name)+1)
	can[0] = true
	for _, p := range pattern {
		next := make([]bool, len(name)+1)
		for j := range can {
			switch {
			case p == "**":
				next[j] = can[j] || j > 0 && next[j-1]
			case j > 0 && can[j-1]:
				next[j] = matchPart(p, name[j-1])
			}
		}
		can = next
	}
	return can[len(name)]
}

// matchPart matches one part. [!a] is written [^a] for path.Match.
func matchPart(pattern, name string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), name)
	return ok && err == nil
}
