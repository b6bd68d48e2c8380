package explain

import (
	"regexp"
	"slices"
	"strings"
)

// swallowing finds, in a shell script, the commands that stand in a substitution
// and whose failure the command around it does not pass on, and gives the first
// words of the latter. Only of an assignment alone is the exit status that of its
// last substitution (POSIX, "Shell Command Language", 2.9.1); of export, eval, echo
// and every other command it is the command's own.
//
// It reads quotes, comments and nesting, and no here-documents.
func swallowing(text, command string) []string {
	frames := []frame{{}}
	var found []string
	for i := 0; i < len(text); i++ {
		top := &frames[len(frames)-1]
		rest := text[i:]
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '\'' && !top.quoted:
			if end := strings.IndexByte(rest[1:], '\''); end >= 0 {
				i += end + 1
			}
		case c == '"':
			top.quoted = !top.quoted
		case strings.HasPrefix(rest, "$(") || !top.quoted && (strings.HasPrefix(rest, "<(") || c == '('):
			at := i
			if c != '(' {
				i++
			}
			frames = append(frames, frame{opened: at, start: i + 1, substitution: c != '('})
		case c == '`' && top.backquote, c == ')' && !top.quoted && !top.backquote && len(frames) > 1:
			frames = frames[:len(frames)-1]
		case c == '`':
			frames = append(frames, frame{opened: i, start: i + 1, substitution: true, backquote: true})
		case top.quoted:
		case c == '#' && (i == 0 || strings.IndexByte(" \t\n;", text[i-1]) >= 0):
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				i += end - 1
			} else {
				i = len(text)
			}
		case c == '\n' || c == ';' || c == '|' || c == '&' && (i == 0 || text[i-1] != '>'):
			top.start = i + 1
		case strings.HasPrefix(rest, command):
			if word := outer(text, frames); word != "" && !slices.Contains(found, word) {
				found = append(found, word)
			}
		}
	}
	return found
}

// frame is a nesting of a script: the whole, a substitution, a subshell.
type frame struct {
	opened, start           int // where it was opened, and where its present command begins
	quoted                  bool
	substitution, backquote bool
}

// outer is the first word of the command around the outermost substitution; empty
// where there is none, or where it passes the failure on.
func outer(text string, frames []frame) string {
	for k := 1; k < len(frames); k++ {
		if frames[k].substitution {
			return swallower(text[frames[k-1].start:frames[k].opened])
		}
	}
	return ""
}

var (
	shellKeyword = regexp.MustCompile(`^\s*(?:if|then|elif|else|while|until|do|time|\{|!)(?:\s+|$)`)
	assignment   = regexp.MustCompile(`^\s*[A-Za-z_][A-Za-z0-9_]*\+?=`)
	// tests look at what came out.
	tests = []string{"[", "[[", "test"}
)

func swallower(before string) string {
	before = strings.ReplaceAll(before, "\\\n", " ")
	for shellKeyword.MatchString(before) {
		before = before[len(shellKeyword.FindString(before)):]
	}
	for assignment.MatchString(before) {
		before = before[len(assignment.FindString(before)):]
		end := valueEnd(before)
		if end == len(before) {
			return ""
		}
		before = before[end:]
	}
	words := strings.Fields(before)
	if len(words) == 0 || slices.Contains(tests, words[0]) {
		return ""
	}
	return strings.Trim(words[0], `"'`)
}

// valueEnd is where the value of an assignment ends: at the first blank outside
// quotes.
func valueEnd(text string) int {
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'':
			quote = c
		case c == ' ' || c == '\t' || c == '\n':
			return i
		}
	}
	return len(text)
}
