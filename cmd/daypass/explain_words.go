package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/policy"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

// This file is how a report of `daypass explain` reads.

// reportWriter writes a report for a person. It keeps the first error.
type reportWriter struct {
	out io.Writer
	err error
}

func (w *reportWriter) say(format string, args ...any) {
	if _, err := lipgloss.Fprintln(w.out, fmt.Sprintf(format, args...)); err != nil && w.err == nil {
		w.err = err
	}
}

// prose writes a text behind a beginning, broken where a terminal is too narrow for
// it: further lines stand below where the text began.
func (w *reportWriter) prose(beginning, text string, style lipgloss.Style) {
	columns := 0
	if f, ok := w.out.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			columns = width
		}
	}
	indent := lipgloss.Width(beginning)
	for _, line := range brokenAt(columns-indent, text) {
		w.say("%s%s", beginning, style.Render(line))
		beginning = strings.Repeat(" ", indent)
	}
}

// brokenAt breaks a text between words into lines of at most so many columns; a width
// that is too small to be of use breaks nothing.
func brokenAt(columns int, text string) []string {
	const least = 20
	if columns < least {
		return []string{text}
	}
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case lipgloss.Width(*last)+1+lipgloss.Width(word) > columns:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}

// shownText is a text of others that can break no line and steer no terminal.
func shownText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

func (w *reportWriter) report(r *explain.Report) {
	w.verdict(r)
	w.names(r)
	w.say("")
	for i := range r.Checks {
		w.check(&r.Checks[i])
	}
	w.trust(r)
	if len(r.Jobs) > 0 {
		w.say("")
	}
	w.jobFindings(r)
	w.causes(r)
	w.fix(r)
	w.next(r)
}

// jobs is a report of a job and its environment alone.
func (w *reportWriter) jobs(r *explain.Report) {
	if len(r.Jobs) == 0 {
		w.say("%s  nothing in the CI file or the environment stands in the way, of what is known to", goodStyle.Render("CLEAR"))
		w.say("")
		w.prose(titleStyle.Render("Next:")+" ", "give the token and the trust policy as well, which decide most denials: daypass explain --token-env NAME --policy FILE --role ARN", lipgloss.NewStyle())
		return
	}
	w.jobFindings(r)
	w.causes(r)
	w.say("")
	next := "mend the job as said, then run it once more"
	if !r.JobFails() {
		next = "see whether the conditions hold; if they do not, give the token and the trust policy: daypass explain --token-env NAME --policy FILE --role ARN"
	}
	w.prose(titleStyle.Render("Next:")+" ", next, lipgloss.NewStyle())
}

// jobFindings tells what the CI file and the environment prove.
func (w *reportWriter) jobFindings(r *explain.Report) {
	if len(r.Jobs) == 0 {
		return
	}
	w.say("%s", titleStyle.Render("The job"))
	for i := range r.Jobs {
		f := &r.Jobs[i]
		mark, where := badStyle.Render("✘"), "the environment"
		if f.When != "" {
			mark = warnStyle.Render("!")
		}
		if f.Place != "" {
			where = f.Place + ", job " + f.Job
		}
		w.prose("  "+mark+" ", shownText(fmt.Sprintf("%s: %s (cause %d)", where, f.Note, f.Cause)), lipgloss.NewStyle())
		if f.When != "" {
			w.prose("    it shows when ", shownText(f.When), lipgloss.NewStyle())
		}
	}
}

func (w *reportWriter) causes(r *explain.Report) {
	causes := r.Causes()
	if len(causes) == 0 {
		return
	}
	w.say("\n%s", titleStyle.Render("What it is"))
	for i := range causes {
		w.cause(&causes[i])
	}
}

func (w *reportWriter) verdict(r *explain.Report) {
	switch failure := r.Failure(); {
	case failure != nil:
		if answer := failure.Answer; answer != nil {
			w.prose(badStyle.Render("DENIED")+"  ", "AWS answers "+answer.Code+": "+shownText(answer.Message), lipgloss.NewStyle())
			return
		}
		w.say("%s", badStyle.Render("DENIED"))
	case r.Verdict() == explain.Admitted:
		w.say("%s  as far as what was given can tell", goodStyle.Render("ADMITTED"))
	case r.JobFails():
		w.say("%s  the job cannot succeed as it is; AWS's decision needs token and trust policy", badStyle.Render("STOPPED"))
	default:
		w.say("%s  nothing stands in the way of what was given, but the decision needs token and trust policy", warnStyle.Render("OPEN"))
	}
}

func (w *reportWriter) names(r *explain.Report) {
	if r.Issuer == "" && r.Subject == "" {
		return
	}
	from := ""
	if r.From != "" {
		from = " (" + r.From + ")"
	}
	w.say("")
	w.say("  iss  %s%s", shownText(r.Issuer), from)
	w.say("  sub  %s", shownText(r.Subject))
	w.say("  aud  %s", shownText(strings.Join(r.Audience, ", ")))
}

func (w *reportWriter) check(c *explain.Check) {
	mark, style := dimStyle.Render("?"), dimStyle
	switch c.State {
	case explain.Passed:
		mark, style = goodStyle.Render("✔"), lipgloss.NewStyle()
	case explain.Failed:
		mark, style = badStyle.Render("✘"), lipgloss.NewStyle()
	}
	w.prose(fmt.Sprintf("  %s %-9s  ", mark, c.Name), shownText(c.Note), style)
	if c.State == explain.Failed && len(c.Wanted) > 0 {
		w.say("    %-9s  wanted %s", "", shownText(someOf(c.Wanted)))
		w.say("    %-9s  got    %s", "", shownText(c.Got))
	}
}

// trust tells of each statement, the nearest in full.
func (w *reportWriter) trust(r *explain.Report) {
	t := r.Trust
	if t == nil || t.Reasons == nil {
		return
	}
	if r.Failure() != nil || len(t.Reasons.Statements) > 1 {
		w.say("\n%s", titleStyle.Render("The trust policy, asked for "+t.Action))
		for i := range t.Reasons.Statements {
			w.statement(&t.Reasons.Statements[i], i == t.Nearest)
			if i == t.Nearest {
				w.misses(&t.Reasons.Statements[i], t.Misses)
			}
		}
	}
	for _, note := range t.Notes {
		w.prose("  "+warnStyle.Render("!")+" ", shownText(note), lipgloss.NewStyle())
	}
}

func (w *reportWriter) statement(s *policy.StatementReason, nearest bool) {
	name := fmt.Sprintf("statement %d", s.Statement+1)
	if s.Sid != "" {
		name += " (" + shownText(s.Sid) + ")"
	}
	verdict := "does not match"
	switch {
	case s.Matched && s.Effect == "Deny":
		verdict = badStyle.Render("denies")
	case s.Matched:
		verdict = goodStyle.Render("allows")
	case nearest && s.Effect == "Allow":
		verdict = "is the nearest, and does not match"
	}
	w.say("  %s, %s, line %d: %s", name, s.Effect, s.Line, verdict)
	if !nearest && !s.Matched {
		return
	}
	for i := range s.Conditions {
		if c := &s.Conditions[i]; c.Matched {
			w.say("    %s %s %s", goodStyle.Render("✔"), c.Operator, shownText(c.Key))
		}
	}
}

func (w *reportWriter) misses(s *policy.StatementReason, misses []explain.Miss) {
	for i := range misses {
		m := &misses[i]
		if m.Condition < 0 {
			w.say("    %s %s", badStyle.Render("✘"), m.Element)
			w.comparison(m)
		} else {
			c := &s.Conditions[m.Condition]
			w.say("    %s %s %s", badStyle.Render("✘"), c.Operator, shownText(c.Key))
			switch {
			case !c.Present:
				w.say("        wanted  %s", shownText(someOf(c.Wanted)))
				w.say("        got     %s", dimStyle.Render("nothing: the request has no such key"))
			case m.Closest != "" && m.Got != "":
				w.comparison(m)
				if others := len(c.Wanted) - 1; others > 0 {
					w.say("        %s", dimStyle.Render(fmt.Sprintf("and %s less like it", counted(others, "other value"))))
				}
			default:
				w.say("        wanted  %s", shownText(someOf(c.Wanted)))
				w.say("        got     %s", shownText(someOf(c.Got)))
			}
		}
		if m.Note != "" {
			w.prose("        ", shownText(m.Note), lipgloss.NewStyle())
		}
	}
}

// comparison sets two values below one another, with a mark where they part.
func (w *reportWriter) comparison(m *explain.Miss) {
	w.say("        wanted  %s", shownText(m.Closest))
	w.say("        got     %s", shownText(m.Got))
	if m.Parts > 0 && m.Parts <= len(m.Got) {
		w.say("                %s%s", strings.Repeat(" ", lipgloss.Width(shownText(m.Got[:m.Parts]))), badStyle.Render("^ from here"))
	}
}

func (w *reportWriter) cause(c *explain.Cause) {
	w.prose("  "+warnStyle.Render(fmt.Sprintf("cause %d", c.Number))+"  ", c.Title, lipgloss.NewStyle())
	w.prose("    fix: ", c.Fix, lipgloss.NewStyle())
	w.say("    %s", dimStyle.Render(c.Link))
}

func (w *reportWriter) fix(r *explain.Report) {
	if r.Fix == nil {
		return
	}
	w.say("\n%s", titleStyle.Render("The smallest change that admits this token"))
	for _, step := range r.Fix.Steps {
		w.say("  %s", shownText(step))
	}
	if r.Fix.Warning != "" {
		w.say("  %s %s", warnStyle.Render("!"), shownText(r.Fix.Warning))
	}
	w.say("")
	for line := range strings.Lines(r.Fix.Diff) {
		line = strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")
		style := lipgloss.NewStyle()
		switch {
		case strings.HasPrefix(line, "+"):
			style = goodStyle
		case strings.HasPrefix(line, "-"):
			style = badStyle
		}
		w.say("  %s", style.Render(shownText(line)))
	}
}

// next says what to do now.
func (w *reportWriter) next(r *explain.Report) {
	var next string
	var missing []string
	for i := range r.Checks {
		if r.Checks[i].State == explain.Unknown {
			missing = append(missing, r.Checks[i].Name)
		}
	}
	switch failure := r.Failure(); {
	case r.Fix != nil:
		next = "is this token meant to get in? Then apply the change (--print-fixed-policy prints the whole policy)"
	case failure != nil && failure.Name == "trust" && r.Trust != nil:
		next = "no change of the policy is recommended; do what stands under \"What it is\""
	case failure != nil:
		next = "mend the token or the provider first: AWS looks at the trust policy after it"
	case r.JobFails():
		next = "mend the job as said, then run it once more"
	case len(missing) > 0:
		next = "to be sure, give what was not looked at: " + strings.Join(slices.Compact(missing), ", ")
	default:
		next = "if AWS denies it all the same, look at causes 54 to 56: the role's ARN, a change seconds ago, a resource control policy"
	}
	w.say("")
	w.prose(titleStyle.Render("Next:")+" ", next, lipgloss.NewStyle())
}

// toldBy is the command that tells a cause.
func toldBy(needs explain.Input) string {
	switch {
	case needs&explain.IssuerURL != 0 && needs&explain.TokenText != 0:
		return ": daypass doctor issuer URL --token-env NAME"
	case needs&explain.IssuerURL != 0:
		return ": daypass doctor issuer URL"
	case needs&explain.JobFacts != 0:
		return ": daypass explain --ci FILE --environment"
	}
	return ""
}

// symptom tells the causes of an error text; those that were found are marked.
func (w *reportWriter) symptom(causes, found []explain.Cause) {
	if len(causes) == 0 {
		w.say("This text is not known. If it is of AWS STS, give the token and the trust policy: daypass explain --token-env NAME --policy FILE")
		return
	}
	if len(causes) == 1 {
		w.say("%s", titleStyle.Render("This error has one cause"))
	} else {
		w.say("%s", titleStyle.Render(fmt.Sprintf("This error has %d causes, the most frequent first", len(causes))))
	}
	for i := range causes {
		c := &causes[i]
		w.say("")
		w.cause(c)
		if slices.ContainsFunc(found, func(f explain.Cause) bool { return f.Number == c.Number }) {
			w.say("    %s", badStyle.Render("it is this one"))
		} else if len(causes) > 1 {
			w.say("    told by %s%s", strings.Join(c.Needs.Names(), " and "), toldBy(c.Needs))
		}
	}
	if len(causes) > 1 && found == nil {
		w.say("\n%s token and trust policy decide most of them: daypass explain --token-env NAME --policy FILE --role ARN", titleStyle.Render("Next:"))
	}
}
