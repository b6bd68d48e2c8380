// Package doctor examines what a job's way to credentials needs: an issuer, a
// token, a role. It asks what AWS asks, finds everything that is in the way and
// not only the first of it, and says of each what was seen, why it matters to
// AWS, what AWS answers, and the next step.
//
// The parts:
//
//   - Issuer looks at an issuer over the network: its address, its TLS as it is
//     sent, its documents, how it answers.
//   - Token looks at a token, offline. It hands it to nobody.
//   - Role looks at a role's trust policy, its provider, and whether it admits a
//     token.
//
// All three give a Report. What can be found is in one table, faults, of which
// docs/doctor.md is made. Decisions are those of the packages that decide for
// the server: oidc of tokens and keys, trust of roles. The doctor only looks
// more closely at where they say no.
package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// Level says how much a finding stands in the way.
type Level string

// The levels, the worst last. An Error stands in the way. A Warning does under conditions that the finding names. OK and Skipped
// are of checks that found nothing, or could not look.
const (
	OK      Level = "ok"
	Skipped Level = "skipped"
	Info    Level = "info"
	Warning Level = "warning"
	Error   Level = "error"
)

// For says who is to get along with what is examined.
type For string

// AWS is AWS itself, which looks from the public internet. Daypass is a Daypass
// server that reaches what this machine reaches: what stands in AWS's way alone
// is then no error.
const (
	AWS     For = "aws"
	Daypass For = "daypass"
)

// Finding is one line of a report.
type Finding struct {
	Check string `json:"check"`          // D06
	Name  string `json:"name"`           // of the check: chain
	Code  string `json:"code,omitempty"` // chain-duplicate; none for OK and Skipped
	Level Level  `json:"level"`
	What  string `json:"what,omitempty"` // in a sentence, without the values
	Seen  string `json:"seen,omitempty"` // the values; lines are parted by newlines
	Why   string `json:"why,omitempty"`  // why it matters
	// AWSError is AWS's text for it, as people search for it.
	AWSError string `json:"awsError,omitempty"`
	Fix      string `json:"fix,omitempty"` // the next step
	Link     string `json:"link,omitempty"`
	// Causes are its numbers in docs/causes.md.
	Causes []int `json:"causes,omitempty"`
	// Outside says that only a look from the public internet settles it.
	Outside bool `json:"outside,omitempty"`
}

// Report is what was found. The zero Report has not passed: nothing was
// examined.
type Report struct {
	Subject  string    `json:"subject"` // what was examined
	For      For       `json:"for"`
	Passed   bool      `json:"passed"` // something was examined, and nothing stands in the way
	Findings []Finding `json:"findings"`
	// Claims are a token's claims, for the reader; see TokenConfig.
	Claims []Claim `json:"claims,omitempty"`

	seen    map[string]string // by check: what was seen where nothing is wrong
	skipped map[string]string // by check: why it could not be looked at
}

func newReport(subject string, relying For) *Report {
	if relying == "" {
		relying = AWS
	}
	return &Report{Subject: visible(subject), For: relying, seen: map[string]string{}, skipped: map[string]string{}}
}

// found notes a fault of the table, and what was seen of it.
func (r *Report) found(code, seen string, args ...any) {
	f, ok := faultsByCode[code]
	if !ok {
		panic("doctor: no fault " + code) // the table lacks a row: a mistake in this package
	}
	level := f.Level
	if r.For == Daypass && f.Daypass != "" {
		level = f.Daypass
	}
	check := checksByID[f.Check]
	finding := Finding{
		Check: f.Check, Name: check.Name, Code: code, Level: level, What: f.What, Seen: visible(fmt.Sprintf(seen, args...)),
		Why: f.Why, AWSError: f.AWS, Fix: f.Fix, Link: f.Link, Causes: Causes(code), Outside: check.Outside && level != Info,
	}
	if finding.Link == "" {
		finding.Link = check.Link
	}
	if slices.ContainsFunc(r.Findings, func(other Finding) bool { return other.Code == code && other.Seen == finding.Seen }) {
		return // the same of both hosts
	}
	r.Findings = append(r.Findings, finding)
}

// ok notes what a check saw; it is told if the check finds nothing wrong.
func (r *Report) ok(check, seen string, args ...any) {
	text := visible(fmt.Sprintf(seen, args...))
	if before := r.seen[check]; before != "" && before != text {
		text = before + "\n" + text
	}
	r.seen[check] = text
}

// skip notes why a check could not look.
func (r *Report) skip(check, why string, args ...any) {
	r.skipped[check] = visible(fmt.Sprintf(why, args...))
}

// has reports whether a fault was found.
func (r *Report) has(code string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == code })
}

// worst is the worst level that a check has.
func (r *Report) worst(check string) Level {
	worst := OK
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Check == check && rank(f.Level) > rank(worst) {
			worst = f.Level
		}
	}
	return worst
}

func rank(l Level) int { return slices.Index([]Level{OK, Skipped, Info, Warning, Error}, l) }

// finish puts the findings in the order of the checks, with a line for each check
// of the kind that found nothing, and decides whether the report has passed.
func (r *Report) finish(kinds ...string) *Report {
	var all []Finding
	good, blocked := false, false
	for _, c := range checks {
		if !slices.Contains(kinds, c.ID[:1]) {
			continue
		}
		if worst := r.worst(c.ID); rank(worst) < rank(Warning) {
			line := Finding{Check: c.ID, Name: c.Name, Level: OK, What: c.Good, Seen: r.seen[c.ID]}
			if _, looked := r.seen[c.ID]; !looked && worst == OK {
				line.Level, line.What, line.Seen = Skipped, "not examined", r.skipped[c.ID]
			}
			if line.Level == Skipped || r.seen[c.ID] != "" {
				all = append(all, line)
				good = good || line.Level == OK
			}
		}
		for i := range r.Findings {
			if r.Findings[i].Check == c.ID {
				all = append(all, r.Findings[i])
				blocked = blocked || r.Findings[i].Level == Error
			}
		}
	}
	r.Findings, r.Passed = all, good && !blocked
	return r
}

// Count is how many findings have a level.
func (r *Report) Count(l Level) int {
	n := 0
	for i := range r.Findings {
		if r.Findings[i].Level == l {
			n++
		}
	}
	return n
}

// OutsideChecks are the checks of this report that only a look from the public
// internet settles.
func (r *Report) OutsideChecks() []string {
	var ids []string
	for i := range r.Findings {
		f := &r.Findings[i]
		if checksByID[f.Check].Outside && f.Level != Skipped && !slices.Contains(ids, f.Check) {
			ids = append(ids, f.Check)
		}
	}
	return ids
}

// WriteJSON writes the report as one JSON document.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// maxSeen bounds what a report repeats of others' answers, in bytes.
const maxSeen = 2000

// visible takes out what could steer a terminal, and bounds the rest: almost all
// that is seen was sent by somebody else.
func visible(s string) string {
	if len(s) > maxSeen {
		s = strings.ToValidUTF8(s[:maxSeen], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// shown quotes one value that others sent.
func shown(s string) string {
	const most = 200
	if len(s) > most {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(s[:most], ""))
	}
	return fmt.Sprintf("%q", s)
}

// listed quotes values that others sent, at most some.
func listed(values []string) string {
	const most = 6
	var quoted []string
	for i, v := range values {
		if i == most {
			quoted = append(quoted, fmt.Sprintf("and %d more", len(values)-most))
			break
		}
		quoted = append(quoted, shown(v))
	}
	if len(quoted) == 0 {
		return "none"
	}
	return strings.Join(quoted, ", ")
}

// number is a number of things, by their word for one.
func number(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
