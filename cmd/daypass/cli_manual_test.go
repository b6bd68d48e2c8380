package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/goldentest"

	"github.com/spf13/cobra"
)

// TestCLIManual makes docs/cli.md of the commands' own help, and compares.
func TestCLIManual(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteString("<!-- Made from the help of the commands by a test of cmd/daypass. Do not edit. -->\n\n# Commands\n\n")
	b.WriteString("`daypass COMMAND --help` prints the same. `daypass completion SHELL` writes completions for bash, zsh, fish and PowerShell.\n\n")
	b.WriteString("Exit codes: 0 for success, 1 for a failure, 2 for a wrong call, 130 where the command was interrupted; others with the commands that have them.\n\n")
	root := newRoot()
	eachCommand(root, func(c *cobra.Command) {
		fmt.Fprintf(&b, "- [`%s`](#%s): %s\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
	})
	eachCommand(root, func(c *cobra.Command) { writeCommand(&b, c) })
	got := b.Bytes()
	path := filepath.Join("..", "..", "docs", "cli.md")
	goldentest.Compare(t, *update, path, got)
}

// eachCommand calls each for every command that does something, in order of name.
func eachCommand(c *cobra.Command, each func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Name() == "help" {
			continue
		}
		if !sub.HasSubCommands() {
			each(sub)
		}
		eachCommand(sub, each)
	}
}

func writeCommand(b *bytes.Buffer, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n", c.CommandPath())
	about := c.Long
	if about == "" {
		about = c.Short + "."
	}
	fmt.Fprintf(b, "```\n%s\n```\n\n%s\n", c.UseLine(), fenced(about))
	if c.Example != "" {
		fmt.Fprintf(b, "\n```\n%s\n```\n", strings.Trim(c.Example, "\n"))
	}
	if flags := c.NonInheritedFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(b, "\n```\n%s```\n", flags.FlagUsagesWrapped(100))
	}
}

// fenced is prose in which lines that are indented by two spaces are code.
func fenced(text string) string {
	var lines []string
	inCode := false
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if isCode := strings.HasPrefix(line, "  "); isCode != inCode && (isCode || line != "") {
			lines = append(lines, "```")
			inCode = isCode
		}
		lines = append(lines, line)
	}
	if inCode {
		lines = append(lines, "```")
	}
	return strings.Join(lines, "\n")
}
