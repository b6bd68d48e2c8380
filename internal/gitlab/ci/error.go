package ci

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a file. Line and Column count from 1; both are 0 where
// there is no place.
type Position struct {
	File         string
	Line, Column int
}

// Error is one fault of a file, at a place. Line and Column count from 1; both
// are 0 where the fault has no place, as with a document that is too large.
type Error struct {
	File         string
	Line, Column int
	Message      string
}

// Error prints file:line:column: message, the form that editors can jump to.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Errors holds all faults of a file, in the order of their places. It is what
// Parse and Pipeline.Job return; errors.As finds the first *Error in it.
type Errors []*Error

// Error prints one fault per line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
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

// Warning is a keyword that was understood and has no effect on the job here.
// Its String has the form of an Error.
type Warning struct {
	File         string
	Line, Column int
	Message      string
}

// String prints file:line:column: message.
func (w Warning) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", w.File, w.Line, w.Column, w.Message)
}

// faults gathers the errors of one file.
type faults struct {
	file string
	list Errors
}

// maxFaults bounds what one file can make the reader say. The text of ten
// thousand errors helps nobody.
const maxFaults = 50

func (f *faults) add(at *node, format string, args ...any) {
	if len(f.list) >= maxFaults {
		return
	}
	e := &Error{File: f.file, Message: fmt.Sprintf(format, args...)}
	if at != nil {
		e.Line, e.Column = at.line, at.column
	}
	f.list = append(f.list, e)
}

// err returns the faults in file order, or nil.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	sorted := slices.Clone(f.list)
	slices.SortStableFunc(sorted, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	// One cause seen by two ways (an anchor used twice) is told once.
	return slices.CompactFunc(sorted, func(a, b *Error) bool { return *a == *b })
}
