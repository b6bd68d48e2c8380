package ci

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Position is a place in a file. Line and Column count from 1; both are 0 where
// there is no place.
type Position struct {
	File         string
	Line, Column int
}

// String prints file:line:column, the form that editors can jump to.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Error is one fault of a file, at a place. Line and Column count from 1; both
// are 0 where the fault has no place, as with a document that is too large.
type Error struct {
	File         string
	Line, Column int
	// Message is GitLab's, where GitLab has one. GitLab writes it in lower case
	// throughout; here names keep their letters.
	Message string
	// Hint says how to go on; it may be empty.
	Hint string
	// Excerpt is the line of the file. It is empty where there is none.
	Excerpt string
}

// Error prints file:line:column: message.
func (e *Error) Error() string {
	return Position{e.File, e.Line, e.Column}.String() + ": " + e.Message
}

// Detail prints the error, below it the line of the file with a caret under the
// column, and the hint. What is in the file can break no line and steer no
// terminal.
func (e *Error) Detail() string {
	var b strings.Builder
	b.WriteString(Position{printable(e.File), e.Line, e.Column}.String() + ": " + printable(e.Message))
	if e.Excerpt != "" {
		line, caret := excerpt(e.Excerpt, e.Column)
		fmt.Fprintf(&b, "\n%5d | %s\n      | %s^", e.Line, line, caret)
	}
	if e.Hint != "" {
		b.WriteString("\n        " + printable(e.Hint))
	}
	return b.String()
}

// excerptWidth is how much of a long line an excerpt shows.
const excerptWidth = 100

// excerpt cuts a line around a column and gives what goes before the caret.
func excerpt(line string, column int) (shown, indent string) {
	runes := []rune(printable(line))
	at := min(max(column-1, 0), len(runes))
	from := 0
	if len(runes) > excerptWidth && at > excerptWidth*2/3 {
		from = at - excerptWidth*2/3
	}
	to := min(len(runes), from+excerptWidth)
	shown = string(runes[from:to])
	if from > 0 {
		shown = "…" + shown
		indent = " "
	}
	if to < len(runes) {
		shown += "…"
	}
	for _, r := range runes[from:at] {
		indent += " "
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			indent += " " // two columns wide
		}
	}
	return shown, indent
}

// printable replaces what would move the cursor or hide text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// Errors holds all faults of a pipeline, in the order of their places. It is
// what Parse, File.Job and File.Pipeline return; errors.As finds the first
// *Error in it.
type Errors []*Error

// Error prints one fault per line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Detail prints each fault with its line and a caret.
func (es Errors) Detail() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Detail()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As look into each fault.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// Warning is what was understood and is no fault: a keyword that has no effect
// here, or something that is likely a mistake. Its fields are those of an Error.
type Warning Error

// String prints file:line:column: message.
func (w Warning) String() string { return (*Error)(&w).Error() }

// Detail prints it with its line, a caret and the hint, as Error.Detail does.
func (w Warning) Detail() string { return (*Error)(&w).Detail() }

// source is one file of a pipeline.
type source struct {
	name  string
	text  []byte
	lines []int // where each line begins, once asked for
}

// line is the n-th line, counted from 1, without its end.
func (s *source) line(n int) string {
	if s.lines == nil {
		s.lines = []int{0}
		for i, c := range s.text {
			if c == '\n' {
				s.lines = append(s.lines, i+1)
			}
		}
	}
	if n < 1 || n > len(s.lines) {
		return ""
	}
	rest := s.text[s.lines[n-1]:]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	return string(bytes.ToValidUTF8(bytes.TrimRight(rest, "\r"), []byte("\uFFFD")))
}

// position is the place of a node.
func (n *node) position() Position {
	if n == nil || n.src == nil {
		return Position{}
	}
	return Position{n.src.name, int(n.line), int(n.column)}
}

// fault makes an error at a node.
func fault(at *node, hint, message string) *Error {
	p := at.position()
	e := &Error{File: p.File, Line: p.Line, Column: p.Column, Message: message, Hint: hint}
	if p.Line > 0 {
		e.Excerpt = at.src.line(p.Line)
	}
	return e
}

// faults gathers the errors of one pipeline.
type faults struct {
	list Errors
}

// maxFaults bounds what one file can make the reader say. The text of ten
// thousand errors helps nobody.
const maxFaults = 50

func (f *faults) add(at *node, format string, args ...any) {
	f.addHint(at, "", format, args...)
}

// addHint adds an error with a word on how to go on.
func (f *faults) addHint(at *node, hint, format string, args ...any) {
	if len(f.list) < maxFaults {
		f.list = append(f.list, fault(at, hint, fmt.Sprintf(format, args...)))
	}
}

// err returns the faults by file and place, the first file first, or nil.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return f.list.sorted()
}

// sorted returns the faults by file, in the order in which files were met, and
// place. One cause seen by two ways, as of an anchor used twice, is told once.
func (es Errors) sorted() Errors {
	files := map[string]int{}
	for _, e := range es {
		if _, met := files[e.File]; !met {
			files[e.File] = len(files)
		}
	}
	out := slices.Clone(es)
	slices.SortStableFunc(out, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(files[a.File], files[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(out, func(a, b *Error) bool { return *a == *b })
}
