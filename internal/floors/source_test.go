package floors_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/daypass/daypass"

// sourceFile is one parsed Go file of the module.
type sourceFile struct {
	path    string // from the module's root, with slashes
	dir     string
	test    bool
	fset    *token.FileSet
	syntax  *ast.File
	imports []string
}

// room is the name of the file's package in floors.
func (f *sourceFile) room() string { return roomOf(f.dir) }

// roomOf takes "internal/" from the folder's name.
func roomOf(dir string) string { return strings.TrimPrefix(dir, "internal/") }

// moduleRoot is the folder of go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(mod), "module "+modulePath+"\n") {
		t.Fatalf("%s is not the root of %s", root, modulePath)
	}
	return root
}

// moduleFiles parses every Go file of the module, whatever its build tags. As
// the go command does, it leaves out testdata, folders that begin with a dot
// or an underscore, and folders that are modules of their own.
func moduleFiles(t *testing.T) []*sourceFile {
	t.Helper()
	root := moduleRoot(t)
	var files []*sourceFile
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name == root {
				return nil
			}
			base := entry.Name()
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			if base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_' || err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		files = append(files, parseSource(t, filepath.ToSlash(relative), source))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("%d files found: the module is not where this test looks", len(files))
	}
	return files
}

func parseSource(t *testing.T, name string, source []byte) *sourceFile {
	t.Helper()
	f := &sourceFile{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), fset: token.NewFileSet()}
	var err error
	if f.syntax, err = parser.ParseFile(f.fset, name, source, 0); err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		f.imports = append(f.imports, imported)
	}
	return f
}

// lines is how many lines the file has.
func (f *sourceFile) lines() int { return f.fset.File(f.syntax.FileStart).LineCount() }

// line is the line of a position.
func (f *sourceFile) line(p token.Pos) int { return f.fset.Position(p).Line }

func (f *sourceFile) goStatements() []token.Position {
	var found []token.Position
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			found = append(found, f.fset.Position(g.Pos()))
		}
		return true
	})
	return found
}

// uses finds where the file uses one of names, each "package.Name" of the
// standard library, called or as a value, under whatever name the file imports
// the package. It returns "position: name" for each.
func (f *sourceFile) uses(names []string) []string {
	imported, dotted := map[string]string{}, []string{}
	for i, spec := range f.syntax.Imports {
		local := path.Base(f.imports[i])
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." {
			dotted = append(dotted, f.imports[i])
		}
		imported[local] = f.imports[i]
	}
	var found []string
	note := func(p token.Pos, name string) {
		if slices.Contains(names, name) {
			found = append(found, fmt.Sprintf("%v: %s", f.fset.Position(p), name))
		}
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			// An identifier that the file itself declares hides the import.
			if x, ok := s.X.(*ast.Ident); ok && x.Obj == nil {
				note(s.Pos(), imported[x.Name]+"."+s.Sel.Name)
			}
		}
		return true
	})
	for _, x := range f.syntax.Unresolved {
		for _, p := range dotted {
			note(x.Pos(), p+"."+x.Name)
		}
	}
	return found
}
