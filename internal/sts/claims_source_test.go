package sts_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// makesClaims are the places in a file where an oidc.Claims is made or held by
// value. A pointer to one can only come from who makes them: oidc.Verify.
func makesClaims(fset *token.FileSet, file *ast.File) []string {
	pointedTo := map[ast.Expr]bool{}
	var places []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StarExpr:
			pointedTo[n.X] = true
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && of.Name == "oidc" && n.Sel.Name == "Claims" && !pointedTo[n] {
				places = append(places, fset.Position(n.Pos()).String())
			}
		}
		return true
	})
	return places
}

// TestOnlyVerifyMakesClaims: claims can be read only from a verified token, so
// nothing outside package oidc makes an oidc.Claims.
func TestOnlyVerifyMakesClaims(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	pointers := 0
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.HasPrefix(path, filepath.Join(root, "internal", "oidc")+string(filepath.Separator)) {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Logf("not read: %v", err) // the compiler will say so
			return nil
		}
		for _, place := range makesClaims(fset, file) {
			t.Errorf("%s: an oidc.Claims that oidc.Verify did not make", place)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.StarExpr); ok {
				if of, ok := s.X.(*ast.SelectorExpr); ok && of.Sel.Name == "Claims" {
					pointers++
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pointers == 0 {
		t.Error("no pointer to claims was met: is the test looking in the right place?")
	}
}

// The check sees each way to make claims.
func TestMakersOfClaimsAreSeen(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		"func f(c *oidc.Claims) *oidc.Claims { return c }": 0, "var c = oidc.Claims{}": 1, "var c = &oidc.Claims{}": 1,
		"var c oidc.Claims": 1, "var c = new(oidc.Claims)": 1, "type t struct{ oidc.Claims }": 1, "type t []oidc.Claims": 1,
	} {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "x.go", "package x; "+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := makesClaims(fset, file); len(got) != want {
			t.Errorf("%s: %q, want %d places", source, got, want)
		}
	}
}
