package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/goldentest"
)

// TestSuiteManual makes docs/policy-tests.md of the comments in internal/suite, and
// compares.
func TestSuiteManual(t *testing.T) {
	t.Parallel()
	source, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "internal", "suite", "suite.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	intro, _, _ := strings.Cut(source.Doc.Text(), "# Where to look")
	intro = strings.TrimPrefix(intro, "Package suite is ")
	fmt.Fprintf(&b, "<!-- Made from the comments in internal/suite/suite.go by a test. Do not edit. -->\n\n# Tests of policies\n\n`daypass test` runs %s", strings.TrimRight(markdown(intro), "\n")+"\n")
	for _, part := range []struct{ name, title, inside string }{
		{"Suite", "Keys", ""}, {"Role", "Keys of `roles`", "roles.NAME."}, {"Case", "Keys of `tests`", "tests[]."},
	} {
		declaration, structure := structOf(t, source, part.name)
		fmt.Fprintf(&b, "\n## %s\n\n%s", part.title, markdown(strings.Replace(declaration.Doc.Text(), part.name+" is", map[string]string{"Suite": "A suite is", "Role": "An entry is", "Case": "An entry is"}[part.name], 1)))
		for _, field := range structure.Fields.List {
			if field.Tag == nil || !ast.IsExported(field.Names[0].Name) {
				continue
			}
			name, key := field.Names[0].Name, reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("yaml")
			doc, ok := strings.CutPrefix(field.Doc.Text(), name+" ")
			if !ok || key == "" {
				t.Errorf("%s.%s has no comment that begins with its name, or no key", part.name, name)
			}
			fmt.Fprintf(&b, "\n### `%s%s`\n\n`%s` %s", part.inside, key, key, markdown(doc))
		}
	}
	path := filepath.Join("..", "..", "docs", "policy-tests.md")
	goldentest.Compare(t, *update, path, b.Bytes())
}
