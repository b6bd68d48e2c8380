package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/daypass/daypass/internal/goldentest"
	"github.com/daypass/daypass/internal/strictyaml"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the generated documents")

// TestConfigurationManual makes docs/configuration.md of the comments in
// config.go and its like, and compares.
func TestConfigurationManual(t *testing.T) {
	t.Parallel()
	source := &ast.File{}
	for _, name := range []string{"config.go", "config_audit.go", "config_console.go", "config_edge.go", "config_keys.go", "config_traces.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		source.Decls = append(source.Decls, file.Decls...)
	}
	got := manual(t, source)
	path := filepath.Join("..", "..", "docs", "configuration.md")
	goldentest.Compare(t, *update, path, got)
}

// manual writes a section for each struct, and in it one for each field.
func manual(t *testing.T, source *ast.File) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("<!-- Made from the comments in cmd/daypass/config.go by its test. Do not edit. -->\n\n# Configuration\n")
	flags := serveCommand(nil).Flags()
	for _, title := range []string{"configuration", "providerConfiguration", "egressConfiguration", "s3Configuration", "upstreamConfiguration", "keysConfiguration", "auditConfiguration", "sinkConfiguration", "limitsConfiguration", "timeoutsConfiguration", "acmeConfiguration", "consoleConfiguration", "signInConfiguration", "tracesConfiguration"} {
		declaration, structure := structOf(t, source, title)
		inside := map[string]string{"configuration": "", "providerConfiguration": "providers[].", "egressConfiguration": "egress.", "s3Configuration": "s3.", "upstreamConfiguration": "s3.upstreams[].", "keysConfiguration": "keys.", "auditConfiguration": "audit.", "sinkConfiguration": "audit.sinks[].", "limitsConfiguration": "limits.", "timeoutsConfiguration": "timeouts.", "acmeConfiguration": "acme.", "consoleConfiguration": "console.", "signInConfiguration": "console.signIn.", "tracesConfiguration": "traces."}[title]
		if inside != "" {
			fmt.Fprintf(&b, "\n## Keys of `%s`\n", strings.Trim(inside, "[]."))
		}
		text := strings.TrimPrefix(declaration.Doc.Text(), title+" is ")
		fmt.Fprintf(&b, "\n%s%s", strings.ToUpper(text[:1]), markdown(text[1:]))
		if title == "configuration" {
			b.WriteString("\n## Keys\n")
		}
		for _, field := range structure.Fields.List {
			name, key := field.Names[0].Name, reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("yaml")
			doc, ok := strings.CutPrefix(field.Doc.Text(), name+" ")
			if !ok || key == "" {
				t.Errorf("%s.%s has no comment that begins with its name, or no key", title, name)
			}
			fmt.Fprintf(&b, "\n### `%s%s`\n\n", inside, key)
			var besides []string
			if option := kebab(key); title == "configuration" && slices.Contains(serveOptions, option) {
				besides = append(besides, "`--"+option+"`", "`"+variable(option)+"`")
				if value := flags.Lookup(option).DefValue; value != "" && value != "[]" {
					besides = append(besides, "default `"+value+"`")
				}
			}
			if title == "egressConfiguration" && key == "proxy" {
				besides = append(besides, "`"+proxyVariable+"`")
			}
			if len(besides) > 0 {
				fmt.Fprintf(&b, "%s\n\n", strings.Join(besides, " · "))
			}
			fmt.Fprintf(&b, "`%s` %s", key, markdown(doc))
		}
	}
	return b.Bytes()
}

// markdown makes a paragraph one line, and indented lines a block of YAML.
func markdown(comment string) string {
	var parts []string
	for part := range strings.SplitSeq(strings.TrimSuffix(comment, "\n"), "\n\n") {
		if strings.HasPrefix(part, "\t") {
			parts = append(parts, "```yaml\n"+strings.ReplaceAll(part[1:], "\n\t", "\n")+"\n```")
			continue
		}
		parts = append(parts, strings.ReplaceAll(part, "\n", " "))
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// TestConfigurationExample: what the manual shows can be read.
func TestConfigurationExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```yaml\n")
	example, _, ok := strings.Cut(example, "```")
	var c configuration
	if err := strictyaml.Read([]byte(example), &c); !ok || err != nil || len(c.Providers) == 0 {
		t.Errorf("the example gives %+v, error %v", c, err)
	}
}

func structOf(t *testing.T, source *ast.File, name string) (*ast.GenDecl, *ast.StructType) {
	t.Helper()
	for _, d := range source.Decls {
		if declaration, ok := d.(*ast.GenDecl); ok && declaration.Tok == token.TYPE {
			if spec := declaration.Specs[0].(*ast.TypeSpec); spec.Name.Name == name {
				return declaration, spec.Type.(*ast.StructType)
			}
		}
	}
	t.Fatalf("config.go has no struct %s", name)
	return nil, nil
}

// kebab is the flag of a key: tls-cert of tlsCert.
func kebab(key string) string {
	var b strings.Builder
	for _, r := range key {
		if unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// TestEveryOptionIsAKey: what a flag of serve can say, the file can.
func TestEveryOptionIsAKey(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	structure := reflect.TypeFor[configuration]()
	for i := range structure.NumField() {
		keys[kebab(structure.Field(i).Tag.Get("yaml"))] = true
	}
	usage := serveCommand(func(*cobra.Command, *configuration, string) error { return nil }).Flags().FlagUsages()
	for line := range strings.Lines(usage) {
		option, ok := strings.CutPrefix(strings.TrimSpace(line), "--")
		option, _, _ = strings.Cut(option, " ")
		if ok && option != "config" && (!keys[option] || !slices.Contains(serveOptions, option)) {
			t.Errorf("--%s is no key of the file, or not in serveOptions", option)
		}
	}
	for _, option := range serveOptions {
		if !keys[option] || !strings.Contains(usage, "--"+option+" ") {
			t.Errorf("serveOptions has %s, which is no key or no flag", option)
		}
	}
}
