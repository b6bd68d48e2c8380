package doctor

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated part of docs/doctor.md")

// madeBelow parts what people write from what the test does.
const madeBelow = "<!-- What follows is made of the tables in internal/doctor by its test: go test ./internal/doctor -run TestManual -update -->\n"

// TestManual makes the lists of docs/doctor.md of the tables, and compares.
func TestManual(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "doctor.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	written, made, ok := strings.Cut(string(text), madeBelow)
	if !ok {
		t.Fatalf("docs/doctor.md lacks the line %q", madeBelow)
	}
	if *update {
		if err := os.WriteFile(path, []byte(written+madeBelow+lists()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(made, lists()); diff != "" {
		t.Errorf("docs/doctor.md is not what the tables say; -update writes it (-file +tables):\n%s", diff)
	}
}

func lists() string {
	var b strings.Builder
	b.WriteString("\n## By what AWS says\n\nAWS's texts, and the findings that lead to them.\n\n| AWS says | findings |\n|---|---|\n")
	texts, codes := []string(nil), map[string][]string{}
	for _, f := range Faults() {
		if f.AWS == "" || f.Level == Info {
			continue
		}
		if codes[f.AWS] == nil {
			texts = append(texts, f.AWS)
		}
		codes[f.AWS] = append(codes[f.AWS], "`"+f.Code+"`")
	}
	slices.Sort(texts)
	for _, text := range texts {
		fmt.Fprintf(&b, "| %s | %s |\n", cell(text), strings.Join(codes[text], ", "))
	}
	for _, kind := range []struct{ letter, title string }{{"D", "daypass doctor issuer"}, {"T", "daypass doctor token"}, {"R", "daypass doctor role"}} {
		fmt.Fprintf(&b, "\n## `%s`\n", kind.title)
		for _, c := range Checks() {
			if c.ID[:1] != kind.letter {
				continue
			}
			outside := ""
			if c.Outside {
				outside = " The answer depends on where one looks from: look from the public internet too."
			}
			fmt.Fprintf(&b, "\n### %s %s\n\n%s%s [AWS or GitLab on it](%s)\n", c.ID, c.Name, c.Asks, outside, c.Link)
			table(&b, c.ID)
		}
	}
	return b.String()
}

func table(b *strings.Builder, check string) {
	head := "\n| finding | level | what | why it matters | next step | [cause](causes.md) |\n|---|---|---|---|---|---|\n"
	for _, f := range Faults() {
		if f.Check != check {
			continue
		}
		level := string(f.Level)
		if f.Daypass != "" && f.Daypass != f.Level {
			level += "; for Daypass " + string(f.Daypass)
		}
		numbers := strings.Trim(strings.ReplaceAll(fmt.Sprint(Causes(f.Code)), " ", ", "), "[]")
		fmt.Fprintf(b, "%s| `%s` | %s | %s | %s | %s | %s |\n", head, f.Code, level, cell(f.What), cell(f.Why), cell(f.Fix), numbers)
		head = ""
	}
}

func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s) }
