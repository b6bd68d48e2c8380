package ci

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Lint tells what is no fault, and likely a mistake: what GitLab warns of, and
// what the history of its tutorials for AWS teaches. Warnings come in the order
// of the file.
func (f *File) Lint() []Warning {
	var out []Warning
	for _, d := range f.jobs {
		l := &linter{file: f, def: d}
		l.rules()
		l.image()
		for key, lines := range map[string][]string{
			"before_script": d.job.BeforeScript, "script": d.job.Script, "after_script": d.job.AfterScript,
		} {
			for i, line := range lines {
				l.command(key, i, line)
			}
		}
		out = append(out, l.warnings...)
	}
	// What stands in default, or behind an anchor, is told once.
	all := make(Errors, len(out))
	for i := range out {
		all[i] = (*Error)(&out[i])
	}
	sorted := all.sorted()
	out = make([]Warning, 0, len(sorted))
	seen := map[Position]bool{}
	for _, e := range sorted {
		place := Position{e.File + "\x00" + e.Hint, e.Line, e.Column}
		if seen[place] {
			continue
		}
		seen[place] = true
		out = append(out, Warning(*e))
	}
	return out
}

// linter gathers the warnings of one job.
type linter struct {
	file     *File
	def      *definition
	warnings []Warning
}

func (l *linter) warn(at *node, hint, format string, args ...any) {
	message := "jobs:" + l.def.job.Name + " " + fmt.Sprintf(format, args...)
	l.warnings = append(l.warnings, Warning(*fault(at, hint, message)))
}

// rules is GitLab's own warning.
func (l *linter) rules() {
	rules := l.def.rules
	if len(rules) == 0 || l.file.workflow.rules != nil {
		return
	}
	last := rules[len(rules)-1]
	if len(last.at.entries) == 1 && last.when != "" && last.when != "never" {
		l.warn(last.at, "read more: https://docs.gitlab.com/ci/jobs/job_troubleshooting/"+
			"#job-may-allow-multiple-pipelines-to-run-for-a-single-action-warning",
			"may allow multiple pipelines to run for a single action due to `rules:when` clause with no `workflow:rules`")
	}
}

// awsImage is the image of the aws CLI, whose entrypoint is aws.
var awsImage = regexp.MustCompile(`(^|/)(amazon|aws-cli)/aws-cli(:|@|$)`)

// image: GitLab's runner starts a shell by the image's entrypoint, which then
// has to be one that takes a command (GitLab Runner Docs, "Docker executor",
// "Configure a Docker ENTRYPOINT").
func (l *linter) image() {
	i := l.def.job.Image
	if i == nil || i.Entrypoint != nil || !awsImage.MatchString(i.Name) {
		return
	}
	at := l.node("image")
	l.warn(at, `write image: {name: `+i.Name+`, entrypoint: [""]}`,
		"image %s starts aws and no shell: the docker executor of GitLab Runner cannot run the script in it", i.Name)
}

// node is the value of a keyword of the job, or of default.
func (l *linter) node(key string) *node {
	for _, places := range []*node{l.def.job.places, l.def.job.defaults} {
		if e, ok := places.get(key); ok {
			return e.value
		}
	}
	return l.def.job.at
}

var (
	// swallowing is a builtin whose own status hides that of the command
	// substitution in its arguments, at the beginning of a command.
	swallowing = regexp.MustCompile(`(?s)(^|[;&|\n{(]\s*|\b(?:then|do|else)\s+)(export|declare|local|readonly|typeset)\s`)
	// awsCommand is a call of the aws CLI inside of a substitution.
	awsCommand = regexp.MustCompile("(\\$\\(|`)\\s*(\\S+=\\S*\\s+)*aws\\s")
	// removedToken is a predefined token that GitLab 17.0 took away.
	removedToken = regexp.MustCompile(`\bCI_JOB_JWT(_V[12])?\b`)
)

// command looks at one command of a script.
func (l *linter) command(key string, i int, text string) {
	var at *node
	place := func() *node {
		if at == nil {
			flat, _ := flatten(l.node(key), 0)
			at = flat[i]
		}
		return at
	}
	for _, m := range swallowing.FindAllStringSubmatchIndex(text, -1) {
		rest := text[m[0]:]
		if end := commandEnd(text[m[1]:]); end >= 0 {
			rest = text[m[0] : m[1]+end]
		}
		if !awsCommand.MatchString(rest) {
			continue
		}
		builtin := text[m[4]:m[5]]
		l.warn(place(), `take the output first, whose status counts, then export it: aws_sts_output=$(aws sts ...), `+
			`and in the next command export $(printf "AWS_ACCESS_KEY_ID=%s ..." $aws_sts_output)`,
			"%s hides that aws fails: its own status is 0, so the job goes on with empty credentials and is green", builtin)
	}
	for _, name := range slices.Compact(removedToken.FindAllString(text, -1)) {
		declared := slices.ContainsFunc(l.def.job.IDTokens, func(t IDToken) bool { return t.Name == name }) ||
			slices.ContainsFunc(slices.Concat(l.file.variables, l.def.own), func(v Variable) bool { return v.Name == name })
		if !declared {
			l.warn(place(), "declare the token with id_tokens, and name the audience that the role's provider has",
				"uses %s, which GitLab removed in 17.0: it is empty there", name)
		}
	}
}

// commandEnd finds the end of a simple command: a newline, ;, && or || outside
// of quotes and substitutions; -1 where it goes on to the end.
func commandEnd(s string) int {
	depth := 0
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth = max(depth-1, 0)
		case depth == 0 && (c == ';' || c == '\n' || strings.HasPrefix(s[i:], "&&") || strings.HasPrefix(s[i:], "||")):
			return i
		}
	}
	return -1
}
