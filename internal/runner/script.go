package runner

import (
	"strings"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// The colours of GitLab Runner's helpers/ansi_colors.go.
const (
	boldGreen = "\x1b[32;1m"
	yellow    = "\x1b[0;33m"
	boldRed   = "\x1b[31;1m"
	resetSGR  = "\x1b[0;m"
)

// quote makes s one word of bash, whatever it holds. A NUL cannot come here:
// ci.Parse refuses it in the file, and checkVariables elsewhere.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// paint colours a line, where colour is wanted.
func paint(colour bool, sgr, s string) string {
	if !colour {
		return s
	}
	return sgr + s + resetSGR
}

// export is one variable as the shell gets it.
type export struct{ name, value string }

// writeScript makes the text that bash reads from its standard input: GitLab
// Runner's frame around the exports and the items.
//
// The items run inside of an eval in a subshell whose input is /dev/null; bash
// itself reads this text from its standard input, which the job must not see.
// Secrets are in this text, so it is never written to a file.
func writeScript(items []string, exports []export, colour bool) string {
	var body strings.Builder
	for _, e := range exports {
		body.WriteString("export " + e.name + "=" + quote(e.value) + "\n")
	}
	for _, item := range items {
		writeItem(&body, item, colour)
	}
	return "#!/usr/bin/env bash\n\n" +
		"trap 'exit 1' TERM\n" +
		`case "$(set -o)" in *pipefail*) set -o pipefail ;; esac` + "\n" +
		"set -o errexit\n" +
		"set +o noclobber\n" +
		"(trap 'exit 1' TERM; eval " + quote(body.String()) + ") < /dev/null\n" +
		"exit 0\n"
}

// writeItem echoes the first line of an item and adds the item as it is.
func writeItem(body *strings.Builder, item string, colour bool) {
	item = strings.TrimSpace(item)
	if item == "" {
		body.WriteString("echo\n\n")
		return
	}
	first, _, more := strings.Cut(item, "\n")
	first = "$ " + strings.TrimSuffix(first, "\r")
	if more {
		first += " # collapsed multi-line command"
	}
	body.WriteString("echo " + quote(paint(colour, boldGreen, first)) + "\n" + item + "\n")
}

// allScript is before_script and script: one shell runs both.
func allScript(j *ci.Job) []string {
	return append(append([]string(nil), j.BeforeScript...), j.Script...)
}
