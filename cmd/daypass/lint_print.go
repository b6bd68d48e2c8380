package main

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"github.com/daypass/daypass/internal/lint"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

// severityStyle is how a severity is shown.
func severityStyle(s lint.Severity) lipgloss.Style {
	switch {
	case s >= lint.High:
		return badStyle
	case s >= lint.Warning:
		return warnStyle
	default:
		return dimStyle
	}
}

// Widths of what is printed for a person.
const (
	labelWidth = 9
	pipedWidth = 100
	leastWidth = 40
)

// printFindings writes findings for a person: in colours on a terminal, and broken
// at its width.
func printFindings(w io.Writer, found []lint.Located, in *lintInput, hidden int) error {
	width := pipedWidth
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			width = max(min(columns, 120), leastWidth)
		}
	}
	p := &findingPrinter{w: w, width: width, places: in.places}
	for i := range found {
		p.finding(&found[i])
	}
	p.summary(found, in, hidden)
	return p.failed
}

type findingPrinter struct {
	w      io.Writer
	width  int
	places []rolePlace
	failed error
}

func (p *findingPrinter) line(text string) {
	if _, err := lipgloss.Fprintln(p.w, text); err != nil && p.failed == nil {
		p.failed = err
	}
}

func (p *findingPrinter) finding(f *lint.Located) {
	place := "role " + f.Role
	if f.File != "" {
		place = fmt.Sprintf("%s:%d:%d", f.File, f.FileLine, f.FileColumn)
		if f.Role != "" && f.Role != f.File {
			place += " " + f.Role
		}
	}
	if f.Statement > 0 {
		place += fmt.Sprintf(", statement %d", f.Statement)
	}
	if f.Sid != "" {
		place += " (" + f.Sid + ")"
	}
	p.line(titleStyle.Render(strings.Map(printable, place)))
	p.line("  " + severityStyle(f.Severity).Render(f.Severity.String()) + " " + f.Rule + " " + f.Name)
	p.labelled("", f.What)
	if w := f.Witness; w != nil {
		p.labelled("gets in", "sub "+w.Subject)
		p.labelled("", w.Says+witnessDetails(w))
	}
	p.labelled("why", f.Why)
	next := f.Next
	switch rule, _ := lint.RuleByID(f.Rule); {
	case f.Fixed == "" || !p.places[f.RoleIndex].writable:
	case rule.Asked:
		next += " --fix --rule " + f.Rule + " does it."
	default:
		next += " --fix does it."
	}
	p.labelled("next", next)
	p.labelled("see", f.Link)
	p.line("")
}

// witnessDetails are the claims and the request that a witness needs besides.
func witnessDetails(w *lint.Witness) string {
	var parts []string
	for _, claims := range []map[string]string{w.Claims, w.Request} {
		names := make([]string, 0, len(claims))
		for name := range claims {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			parts = append(parts, name+" "+claims[name])
		}
	}
	return "; aud " + strings.Join(append([]string{w.Audience}, parts...), ", ")
}

// labelled writes a label and a text behind it, broken at the width.
func (p *findingPrinter) labelled(label, text string) {
	text = strings.Map(printable, text)
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len([]rune(*last))+1+len([]rune(word)) > p.width-labelWidth-2:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	for i, line := range lines {
		shown := strings.Repeat(" ", labelWidth)
		if i == 0 {
			shown = dimStyle.Render(label) + strings.Repeat(" ", labelWidth-len(label))
		}
		p.line("  " + shown + line)
	}
}

// summary ends the report: how many of what, and what was not shown.
func (p *findingPrinter) summary(found []lint.Located, in *lintInput, hidden int) {
	bySeverity := map[lint.Severity]int{}
	for i := range found {
		bySeverity[found[i].Severity]++
	}
	var parts []string
	for s := lint.Critical; s >= lint.Info; s-- {
		if n := bySeverity[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	text := goodStyle.Render("no findings") + " in " + counted(len(in.roles), "role")
	if len(found) > 0 {
		text = counted(len(found), "finding") + " in " + counted(len(in.roles), "role") + ": " + strings.Join(parts, ", ")
	}
	if in.missing > 0 {
		text += "; " + badStyle.Render(fmt.Sprintf("%d could not be examined", in.missing))
	}
	if hidden > 0 {
		text += fmt.Sprintf("; %d of lower severity not shown (--severity info)", hidden)
	}
	p.line(text)
}
