package floors_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFuzzList compares internal/fuzz.txt, by which the targets are run, with
// the targets there are. The go command says PASS to a target that does not
// exist, so nobody would notice one that is never run.
func TestFuzzList(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "internal", "fuzz.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var listed, found []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			listed = append(listed, line)
		}
	}
	for _, f := range moduleFiles(t) {
		for _, name := range f.fuzzTargets() {
			found = append(found, f.dir+" "+name)
		}
	}
	slices.Sort(found)
	if diff := cmp.Diff(found, listed); diff != "" {
		t.Errorf("internal/fuzz.txt is not the sorted list of fuzz targets (-in the tree +in the list):\n%s", diff)
	}
}

// fuzzTargets are the functions that "go test -list ^Fuzz" lists.
func (f *sourceFile) fuzzTargets() []string {
	var names []string
	if !f.test {
		return nil
	}
	for _, declaration := range f.syntax.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Recv != nil || !strings.HasPrefix(function.Name.Name, "Fuzz") || function.Type.Params.NumFields() != 1 {
			continue
		}
		if star, ok := function.Type.Params.List[0].Type.(*ast.StarExpr); ok {
			if s, ok := star.X.(*ast.SelectorExpr); ok && s.Sel.Name == "F" {
				names = append(names, function.Name.Name)
			}
		}
	}
	return names
}

func TestFuzzTargetsAreSeen(t *testing.T) {
	t.Parallel()
	const source = `package x
func FuzzOne(f *testing.F) {}
func FuzzNotATarget(t *testing.T) {}
func (s) FuzzMethod(f *testing.F) {}
func seedFuzz(f *testing.F) {}
func Fuzz(f *testing.F) {}`
	if got, want := parseSource(t, "x_test.go", []byte(source)).fuzzTargets(), []string{"FuzzOne", "Fuzz"}; !slices.Equal(got, want) {
		t.Errorf("targets are %v, want %v", got, want)
	}
	if got := parseSource(t, "x.go", []byte(source)).fuzzTargets(); got != nil {
		t.Errorf("targets outside a test file: %v", got)
	}
}
