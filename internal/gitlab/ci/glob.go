package ci

import (
	"regexp"
	"strings"
)

// glob is a pattern of paths as GitLab has them in changes and exists: Ruby's
// File.fnmatch with FNM_PATHNAME, FNM_DOTMATCH and FNM_EXTGLOB. * and ? stop at
// a slash, a **/ at the beginning of a part of the path stands for any folders
// and for none, [a-z] and [^a-z] for one character, {a,b} for one of several,
// and \ takes the next character as it is.
//
// The globs of artifacts and caches are the runner's and others: see Match of
// internal/runner/workspace.
//
// It is turned into a regular expression of RE2, whose work is in proportion to
// path and pattern, so that no pattern is a bomb.
type glob struct {
	text  string
	match func(path string) bool
}

func compileGlob(text string) glob {
	if !strings.ContainsAny(text, `*?[{\`) {
		return glob{text, func(path string) bool { return path == text }}
	}
	var b strings.Builder
	b.WriteString(`^(?s:`)
	writeGlob(&b, text)
	b.WriteString(`)$`)
	p, err := regexp.Compile(b.String())
	if err != nil || len(text) > maxPattern {
		// Such as a set from z to a, which matches nothing in Ruby either.
		return glob{text, func(string) bool { return false }}
	}
	return glob{text, p.MatchString}
}

// writeGlob writes the regular expression of a glob.
func writeGlob(b *strings.Builder, s string) {
	closing := braces(s)
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '*':
			folders := strings.HasPrefix(s[i:], "**/") && (i == 0 || strings.IndexByte("/{,", s[i-1]) >= 0)
			switch {
			case folders:
				b.WriteString(`(?:[^/]+/)*`)
				i += 2
			default:
				b.WriteString(`[^/]*`)
			}
		case c == '?':
			b.WriteString(`[^/]`)
		case c == '[':
			set, n := globSet(s[i:])
			b.WriteString(set)
			i += n - 1
		case c == '{' && closing[i]:
			b.WriteString(`(?:`)
			depth++
		case c == '}' && depth > 0:
			b.WriteString(`)`)
			depth--
		case c == ',' && depth > 0:
			b.WriteString(`|`)
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteString(regexp.QuoteMeta(s[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(s[i : i+1]))
		}
	}
}

// braces says which opening braces of a glob are closed.
func braces(s string) map[int]bool {
	out := map[int]bool{}
	var open []int
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			_, n := globSet(s[i:])
			i += n - 1
		case '{':
			open = append(open, i)
		case '}':
			if len(open) > 0 {
				out[open[len(open)-1]] = true
				open = open[:len(open)-1]
			}
		}
	}
	return out
}

// nothing is a regular expression that matches nothing.
const nothing = `[^\x00-\x{10FFFF}]`

// globSet reads a set at the beginning of s and says how long it is. As in Ruby,
// a bracket that is not closed makes a pattern that matches nothing.
func globSet(s string) (set string, n int) {
	inner := s[1:]
	negated := strings.HasPrefix(inner, "^") || strings.HasPrefix(inner, "!")
	if negated {
		inner = inner[1:]
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == ']' && i == 0 && negated:
			return `[^/]`, len(s) - len(inner) + 1
		case c == ']' && i == 0:
			return nothing, 2
		case c == ']' && negated:
			return `[^/` + b.String() + `]`, len(s) - len(inner) + i + 1
		case c == ']':
			return `[` + b.String() + `]`, i + 2
		case c == '\\' && i+1 < len(inner):
			i++
			if strings.IndexByte(`\]^-[&~`, inner[i]) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(inner[i])
		case strings.IndexByte(`\[^&~`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return nothing, len(s)
}
