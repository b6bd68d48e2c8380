package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/lint"

	"github.com/google/go-cmp/cmp"
)

// The table of docs/lint.md is made of the rules.
func TestManual(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- Made from internal/lint/rule.go by its test. Do not edit. -->\n", "<!-- End of the table. -->\n"
	var b strings.Builder
	b.WriteString("| rule | severity | what | why | next | has |\n|---|---|---|---|---|---|\n")
	for _, r := range lint.Rules() {
		var has []string
		if r.Width {
			has = append(has, "witness")
		}
		switch {
		case r.Asked:
			has = append(has, "`--fix --rule "+r.ID+"`")
		case r.Fix:
			has = append(has, "`--fix`")
		}
		if r.Online {
			has = append(has, "not run: only the issuer could tell")
		}
		fmt.Fprintf(&b, "| %s [%s](%s) | %s | %s | %s | %s | %s |\n", r.ID, r.Name, r.Link, r.Severity, cell(r.What), cell(r.Why), cell(r.Next), strings.Join(has, ", "))
	}
	path := filepath.Join("..", "..", "docs", "lint.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", path)
	}
	want := before + begin + b.String() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("docs/lint.md is not what rule.go says; -update writes it (-rules +file):\n%s", diff)
	}
}

// cell is a text in a table: patterns stand as they are.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "*", "\\*", "_", "\\_").Replace(s)
}
