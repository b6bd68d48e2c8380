package explain_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/explain"
)

var update = flag.Bool("update", false, "write docs/causes.md")

// TestManual makes docs/causes.md of the catalogue, and compares.
func TestManual(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteString("<!-- Made from the tables in internal/explain by its test. Do not edit. -->\n\n# Why a job gets no credentials\n\n" +
		"The causes that `daypass explain` tells apart, by their numbers. The error text alone decides few of them; the last column says what has to be given.\n\n" +
		"| cause | what it is | what to do | decided by |\n|---|---|---|---|\n")
	for _, c := range explain.Causes() {
		fmt.Fprintf(&b, "| [%d](%s) | %s | %s | %s |\n", c.Number, c.Link, cell(c.Title), cell(c.Fix), strings.Join(c.Needs.Names(), ", "))
	}
	path := filepath.Join("..", "..", "docs", "causes.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Error("docs/causes.md is not what the catalogue says; go test ./internal/explain -update writes it")
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
