package runner

import (
	"strings"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// quote makes s one word of a POSIX shell, whatever it holds. A NUL cannot come
// here: ci.Parse refuses it in the file, and checkVariables elsewhere. (GitLab
// Runner writes $'…', which dash does not know; it has this form too, behind a
// flag.)
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// export is one variable as the shell gets it.
type export struct{ name, value string }

// writeScript makes the text that the shell reads from its standard input:
// GitLab Runner's frame around the exports and the items. Interpreter is bash or
// sh.
//
// The items run inside of an eval in a subshell whose input is /dev/null; the
// shell itself reads this text from its standard input, which the job must not
// see. Secrets are in this text, so it is never written to a file.
func writeScript(interpreter, dir string, items []string, exports []export, colour bool) string {
	var body strings.Builder
	for _, e := range exports {
		body.WriteString("export " + e.name + "=" + quote(e.value) + "\n")
	}
	body.WriteString("cd " + quote(dir) + "\n")
	for _, item := range items {
		writeItem(&body, item, colour)
	}
	return "#!/usr/bin/env " + interpreter + "\n\n" +
		"trap 'exit 1' TERM\n" +
		`case "$(set -o)" in *pipefail*) set -o pipefail ;; esac` + "\n" +
		"set -o errexit\n" +
		"set +o noclobber\n" +
		"(trap 'exit 1' TERM; eval " + quote(body.String()) + ") < /dev/null\n" +
		"exit 0\n"
}

// writeItem echoes the first line of an item and adds the item as it is. The
// echo is a printf: that of dash would read the backslashes of a command.
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
	body.WriteString(`printf '%s\n' ` + quote(paint(colour, boldGreen, first)) + "\n" + item + "\n")
}

// allScript is before_script and script: one shell runs both.
func allScript(j *ci.Job) []string {
	return append(append([]string(nil), j.BeforeScript...), j.Script...)
}
