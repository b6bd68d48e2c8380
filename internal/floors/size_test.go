package floors_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// The budgets. What outgrows one is two things: find the second and name it.
const (
	maxFileLines        = 600
	maxFunctionLines    = 80 // tables not counted
	maxParameters       = 4  // of a constructor; beyond, a struct
	maxInterfaceMethods = 5
)

// exceptedInterfaces are those that the plan allows to be larger: store.Store is
// the whole contract of a place that keeps things, and every implementation owes
// all of it; in parts it would be no easier to fulfil.
var exceptedInterfaces = []string{"internal/store.Store"}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, f := range moduleFiles(t) {
		if f.test {
			continue
		}
		for _, problem := range f.checkSizes() {
			t.Error(problem)
		}
	}
}

// checkSizes says what in a file is over its budget.
func (f *sourceFile) checkSizes() []string {
	var problems []string
	add := func(n ast.Node, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%v: ", f.fset.Position(n.Pos()))+fmt.Sprintf(format, args...))
	}
	if n := f.lines(); n > maxFileLines {
		add(f.syntax, "the file has %d lines, at most %d are allowed", n, maxFileLines)
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if lines := f.functionLines(n); lines > maxFunctionLines {
				add(n, "%s has %d lines without tables, at most %d are allowed", n.Name.Name, lines, maxFunctionLines)
			}
			if isConstructor(n) && n.Type.Params.NumFields() > maxParameters {
				add(n, "%s has %d parameters, at most %d are allowed: take a struct", n.Name.Name, n.Type.Params.NumFields(), maxParameters)
			}
		case *ast.FuncLit:
			if lines := f.functionLines(n); lines > maxFunctionLines {
				add(n, "a function literal has %d lines without tables, at most %d are allowed", lines, maxFunctionLines)
			}
		case *ast.TypeSpec:
			return !slices.Contains(exceptedInterfaces, f.dir+"."+n.Name.Name)
		case *ast.InterfaceType:
			if n.Methods.NumFields() > maxInterfaceMethods {
				add(n, "an interface has %d methods, at most %d are allowed", n.Methods.NumFields(), maxInterfaceMethods)
			}
		}
		return true
	})
	return problems
}

// isConstructor goes by the name: New… and Open…, and what is so called inside
// a package.
func isConstructor(f *ast.FuncDecl) bool {
	name := strings.ToLower(f.Name.Name)
	return f.Recv == nil && (strings.HasPrefix(name, "new") || strings.HasPrefix(name, "open"))
}

// functionLines counts the lines of a function less those of its tables. A
// table is a composite literal of several lines without a function inside: one
// with functions is code, and counts.
func (f *sourceFile) functionLines(function ast.Node) int {
	lines := f.line(function.End()) - f.line(function.Pos()) + 1
	ast.Inspect(function, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok || hasFunction(literal) {
			return true
		}
		lines -= f.line(literal.End()) - f.line(literal.Pos())
		return false
	})
	return lines
}

func hasFunction(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		_, is := n.(*ast.FuncLit)
		found = found || is
		return !found
	})
	return found
}

// TestSizesAreSeen gives the checks a file of each fault.
func TestSizesAreSeen(t *testing.T) {
	t.Parallel()
	lines := func(n int, line string) string { return strings.Repeat(line+"\n", n) }
	tests := []struct {
		name   string
		source string
		want   string // in the one problem; "" for none
	}{
		{"file at the limit", lines(maxFileLines-2, "//"), ""},
		{"file", lines(maxFileLines, "//"), "the file has"},
		{"function at the limit", "func f() {\n" + lines(maxFunctionLines-2, "f()") + "}", ""},
		{"function", "func f() {\n" + lines(maxFunctionLines-1, "f()") + "}", "f has 81 lines"},
		{"method", "type s int\nfunc (s) f() {\n" + lines(maxFunctionLines-1, "_ = 1") + "}", "f has 81 lines"},
		{"literal", "var f = func() {\n" + lines(maxFunctionLines-1, "_ = 1") + "}", "a function literal has 81 lines"},
		{"table", "func f() []int {\nreturn []int{\n" + lines(200, "1,") + "}\n}", ""},
		{"table of functions", "func f() []func() {\nreturn []func(){\n" + lines(80, "func() {},") + "}\n}", "f has 84 lines"},
		{"constructor at the limit", "func New(a, b int, c, d string) {}", ""},
		{"constructor", "func NewThing(a, b int, c string, d ...int) {}\nfunc OpenThing(a, b, c, d int, _ string) {}", "OpenThing has 5 parameters"},
		{"not a constructor", "func add(a, b, c, d, e int) {}", ""},
		{"interface at the limit", "type i interface { a(); b(); c(); d(); e() }", ""},
		{"interface", "type i interface { a(); b(); c(); d(); e(); j }", "an interface has 6 methods"},
		{"an interface of another Store", "type Store interface { a(); b(); c(); d(); e(); j }", "an interface has 6 methods"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			problems := parseSource(t, "x.go", []byte("package x\n"+tt.source)).checkSizes()
			switch {
			case tt.want == "" && len(problems) > 0:
				t.Errorf("problems: %q", problems)
			case tt.want != "" && (len(problems) != 1 || !strings.Contains(problems[0], tt.want)):
				t.Errorf("problems are %q, want one with %q", problems, tt.want)
			}
		})
	}
}
