package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/publish"
)

var publishExamples = filepath.Join("..", "..", "examples", "publish")

// TestPublishExamples: the examples are what the commands, GitLab and AWS take.
func TestPublishExamples(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"ci", "lint", filepath.Join(publishExamples, "publish.gitlab-ci.yml")},
		{"lint", filepath.Join(publishExamples, "trust-policy.json")},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &out, &out); code != 0 {
			t.Errorf("daypass %s ends with %d:\n%s", strings.Join(args, " "), code, out.String())
		}
	}
	commands := 0
	for _, file := range []string{"daypass-publish.service", "publish.gitlab-ci.yml"} {
		for _, command := range commandsIn(exampleText(t, file)) {
			commands++
			checkExampleCommand(t, file, command)
		}
	}
	if commands != 3 {
		t.Errorf("%d commands were found in the examples, not 3", commands)
	}
	for _, file := range []string{"nginx.conf", "Caddyfile"} {
		for _, key := range []string{publish.ConfigurationKey, publish.KeysKey, publish.LedgerKey} {
			if !strings.Contains(exampleText(t, file), "/"+key) {
				t.Errorf("%s does not serve %s", file, key)
			}
		}
	}
	verifyUnit(t, filepath.Join(publishExamples, "daypass-publish.service"))
}

func exampleText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(publishExamples, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// publishCommand is a call of daypass publish, up to the end of its line once
// broken lines are joined.
var publishCommand = regexp.MustCompile(`(?m)^[^#\n]*daypass (publish (?:watch|apply|validate) [^\n]*)$`)

// commandsIn are the calls of daypass publish in a unit or a pipeline.
func commandsIn(text string) []string {
	text = regexp.MustCompile(`\\\n\s*`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`\n\s+--`).ReplaceAllString(text, " --") // folded YAML
	var all []string
	for _, m := range publishCommand.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// checkExampleCommand asks the command itself whether it has these flags.
func checkExampleCommand(t *testing.T, file, command string) {
	t.Helper()
	words := strings.Fields(strings.ReplaceAll(command, `"`, ""))
	c, rest, err := newRoot().Find(words)
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err != nil {
		t.Errorf("%s: daypass %s: %v", file, command, err)
	}
}

// verifyUnit has systemd read the unit. That the binary is not installed is no fault of
// the unit.
func verifyUnit(t *testing.T, path string) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		lacking(t, "systemd-analyze")
	}
	out, _ := exec.CommandContext(context.WithoutCancel(t.Context()), "systemd-analyze", "verify", path).CombinedOutput() // it fails for the binary alone
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, filepath.Base(path)) && !strings.Contains(line, "is not executable") {
			t.Errorf("systemd-analyze verify: %s", line)
		}
	}
}
