package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"charm.land/lipgloss/v2"
)

// This file is what the demo says. Lines that begin with "$ " are commands as
// they are run.

func (d *demo) say(format string, args ...any) {
	_, _ = lipgloss.Fprintln(d.out, fmt.Sprintf(format, args...))
}

func (d *demo) title(text string) {
	d.say("\n%s", titleStyle.Render(text+"\n"+strings.Repeat("─", lipgloss.Width(text))))
}

// prompt shows a command so that it can be copied into a shell.
func (d *demo) prompt(name string, args []string) {
	words := []string{name}
	if name == d.aws {
		words[0] = filepath.Base(name)
	}
	for _, a := range args {
		words = append(words, quote(a))
	}
	d.say("$ %s", commandStyle.Render(strings.Join(words, " ")))
}

var plainWord = regexp.MustCompile(`^[\w@%+=:,./&-]+$`)

// quote writes one word for a POSIX shell.
func quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func (d *demo) check(what string, ok bool) {
	d.checks = append(d.checks, demoCheck{what, ok})
	if !ok {
		d.say("%s", badStyle.Render("NOT AS EXPECTED: "+what))
	}
}

// summary prints each check once more, and reports whether one failed.
func (d *demo) summary() (failed bool) {
	d.title("Summary")
	good := 0
	for _, c := range d.checks {
		mark := badStyle.Render("✘")
		if c.ok {
			good++
			mark = goodStyle.Render("✔")
		}
		d.say("%s %s", mark, c.what)
	}
	d.say("\n%d of %d as expected. No secret was stored in the pipeline; the denials are on record in the server's events.", good, len(d.checks))
	return good != len(d.checks)
}

func (d *demo) explainUse() {
	d.title("Running")
	d.say("STS, IAM and S3: %s    issuer: %s    everything: %s\n", d.endpoint, d.issuer, d.dir)
	d.say("Be the administrator:\n  export AWS_SHARED_CREDENTIALS_FILE=%s AWS_CONFIG_FILE=%s", d.path("data/credentials"), d.path("config"))
	d.say("  aws --endpoint-url %s iam list-roles\n  aws --endpoint-url %[1]s s3 ls s3://%s", d.endpoint, demoBucket)
	d.say("\nRun the job on a branch of your choice:\n  %s ci run 'assume role' --file %s --issuer %s --endpoint %s \\\n    --project %s --branch main --var ROLE_ARN=arn:aws:iam::%s:role/%s",
		d.daypass, d.path("project/.gitlab-ci.yml"), d.path("issuer"), d.endpoint, demoProject, demoAccount, demoRole)
	d.say("\nRead why something was denied:\n  tail -n 1 %s", d.path("data/events.jsonl"))
	d.say("\nInterrupt (Ctrl-C) to stop and remove it all.")
}
