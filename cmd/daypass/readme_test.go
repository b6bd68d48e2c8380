package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadmeOperations: README lists exactly what is served.
func TestReadmeOperations(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	want := []string{"DeleteRevocation", "ListRevocations", "RevokeSessions"}
	for _, service := range []string{"sts", "iam", "secretsmanager"} {
		for line := range strings.Lines(read(t, filepath.Join(root, "internal", service, "testdata", "operations.golden"))) {
			want = append(want, strings.Split(line, "\t")[1])
		}
	}
	_, section, _ := strings.Cut(read(t, filepath.Join(root, "README.md")), "\n## What it serves\n")
	_, table, _ := strings.Cut(section, "\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var got []string
	for _, code := range regexp.MustCompile("`[^`]+`").FindAllString(table, -1) {
		got = append(got, expanded(strings.Trim(code, "`"))...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("README.md, what it serves (-served +listed):\n%s", diff)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// expanded is what a shell makes of braces.
func expanded(word string) []string {
	before, rest, found := strings.Cut(word, "{")
	if !found {
		return []string{word}
	}
	choices, after, _ := strings.Cut(rest, "}")
	var words []string
	for choice := range strings.SplitSeq(choices, ",") {
		words = append(words, expanded(before+choice+after)...)
	}
	return words
}
