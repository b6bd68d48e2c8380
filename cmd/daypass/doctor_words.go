package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/doctor"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

// This file is how the doctor's reports look. Where the output is no terminal
// there are no colours and no lines are broken.

// levels are mark, word and style of each level.
var levels = map[doctor.Level]struct {
	mark, word string
	style      lipgloss.Style
}{
	doctor.OK:      {"✔", "ok", goodStyle},
	doctor.Skipped: {"·", "skipped", dimStyle},
	doctor.Info:    {"i", "info", commandStyle},
	doctor.Warning: {"!", "warning", warnStyle},
	doctor.Error:   {"✘", "ERROR", badStyle},
}

// reportPrinter writes one report, for so many columns; 0 is as wide as it gets.
type reportPrinter struct {
	out   io.Writer
	width int
	apart bool // the last line was an empty one
	err   error
}

const (
	labelIndent = 12 // of what belongs to a finding: behind mark and word
	narrowest   = 50
	widest      = 110
)

func printReport(out io.Writer, title string, r *doctor.Report) error {
	p := &reportPrinter{out: out}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			p.width = min(max(columns, narrowest), widest)
		}
	}
	p.line(titleStyle.Render("Examined: " + printed(title)))
	p.line("")
	for i := range r.Findings {
		p.finding(&r.Findings[i])
	}
	p.claims(r.Claims)
	p.summary(r)
	return p.err
}

// printed is one line of what may be anybody's text.
func printed(s string) string {
	return strings.ReplaceAll(strings.Map(printable, s), "\n", " ")
}

func (p *reportPrinter) line(text string) {
	p.apart = text == ""
	if _, err := lipgloss.Fprintln(p.out, strings.TrimRight(text, " ")); err != nil && p.err == nil {
		p.err = err
	}
}

func (p *reportPrinter) finding(f *doctor.Finding) {
	l := levels[f.Level]
	head := fmt.Sprintf("%s %-8s", l.mark, l.word)
	name := f.Check + " " + f.Name
	if f.Level == doctor.OK || f.Level == doctor.Skipped {
		p.line(l.style.Render(head) + " " + name + ": " + f.What)
		p.labelled("", f.Seen, dimStyle)
		return
	}
	if !p.apart {
		p.line("")
	}
	p.line(l.style.Render(head) + " " + titleStyle.Render(name+": "+f.What) + dimStyle.Render("  ["+f.Code+"]"))
	plain := lipgloss.NewStyle()
	p.labelled("seen", f.Seen, plain)
	p.labelled("why", f.Why, plain)
	p.labelled("AWS says", f.AWSError, plain)
	if f.Outside {
		p.labelled("from", "here; AWS looks from the public internet, so look from there too", plain)
	}
	p.labelled("see", f.Link+causeNumbers(f.Causes), dimStyle)
	p.labelled("next", f.Fix, commandStyle)
	p.line("")
}

// causeNumbers are the numbers of docs/causes.md behind a link.
func causeNumbers(numbers []int) string {
	if len(numbers) == 0 {
		return ""
	}
	text := make([]string, len(numbers))
	for i, n := range numbers {
		text[i] = strconv.Itoa(n)
	}
	return "\n" + plural(len(numbers), "cause") + " " + strings.Join(text, ", ") + " of daypass explain, docs/causes.md"
}

// labelled writes text behind its label, each line of it below the first.
func (p *reportPrinter) labelled(label, text string, style lipgloss.Style) {
	const labelWidth = 10
	if text == "" {
		return
	}
	indent := labelIndent - 1
	if label != "" {
		indent += labelWidth
	}
	for i, paragraph := range strings.Split(text, "\n") {
		for j, part := range wrapped(paragraph, p.width-indent) {
			before := strings.Repeat(" ", indent)
			if i == 0 && j == 0 && label != "" {
				before = strings.Repeat(" ", labelIndent-1) + dimStyle.Render(fmt.Sprintf("%-*s", labelWidth, label))
			}
			p.line(before + style.Render(part))
		}
	}
}

// wrapped breaks a line at spaces; what has none stays whole, so that it can be
// copied.
func wrapped(line string, width int) []string {
	if width <= 0 || lipgloss.Width(line) <= width {
		return []string{line}
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var lines []string
	current := ""
	for _, word := range strings.Fields(line) {
		switch {
		case current == "":
			current = indent + word
		case lipgloss.Width(current)+1+lipgloss.Width(word) > width:
			lines = append(lines, current)
			current = indent + word
		default:
			current += " " + word
		}
	}
	return append(lines, current)
}

// claims is the table of a token's claims.
func (p *reportPrinter) claims(claims []doctor.Claim) {
	if len(claims) == 0 {
		return
	}
	if !p.apart {
		p.line("")
	}
	p.line(titleStyle.Render("Claims, without the signature"))
	rows := make([][]string, len(claims))
	masked := false
	for i, c := range claims {
		value := c.Value
		if c.Masked {
			value += " (masked)"
			masked = true
		}
		rows[i] = []string{c.Name, value, c.Key}
	}
	if err := writeTable(p.out, p.width, []string{"CLAIM", "VALUE", "CONDITION KEY AT AWS"}, rows); err != nil && p.err == nil {
		p.err = err
	}
	if masked {
		p.line(dimStyle.Render("--show-personal shows what is masked"))
	}
}

// summary is the last of a report.
func (p *reportPrinter) summary(r *doctor.Report) {
	who := "AWS"
	if r.For == doctor.Daypass {
		who = "a Daypass server"
	}
	failures, warnings := r.Count(doctor.Error), r.Count(doctor.Warning)
	if !p.apart {
		p.line("")
	}
	switch {
	case failures > 0:
		p.line(badStyle.Render(counted(failures, "error")+", "+counted(warnings, "warning")) + ": what is marked ERROR stands in the way of " + who + ".")
	case warnings > 0:
		p.line(warnStyle.Render(counted(warnings, "warning")) + ": nothing stands in the way of " + who + " now; read the " + plural(warnings, "warning") + ".")
	case !r.Passed:
		p.line(badStyle.Render("Nothing could be examined") + ".")
	default:
		p.line(goodStyle.Render("Nothing") + " that was examined stands in the way of " + who + ".")
	}
	if n := r.Count(doctor.Skipped); n > 0 {
		p.line(counted(n, "check") + " could not be made; each says why.")
	}
	if ids := r.OutsideChecks(); len(ids) > 0 && r.For == doctor.AWS {
		for _, line := range wrapped("Seen from this machine. AWS looks from the public internet, where "+strings.Join(ids, ", ")+" may turn out otherwise.", p.width) {
			p.line(line)
		}
	}
}

func plural(n int, thing string) string {
	if n == 1 {
		return thing
	}
	return thing + "s"
}
