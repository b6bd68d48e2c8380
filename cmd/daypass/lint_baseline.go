package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/lint"
)

// baselineFormat marks the file as ours.
const baselineFormat = "daypass-lint-baseline-1"

// baseline is a file of findings that are accepted, each up to a date.
type baseline struct {
	Format   string            `json:"format"`
	Accepted []acceptedFinding `json:"accepted"`
}

// acceptedFinding is one of them. What tells it again is the fingerprint; the rest is
// for people.
type acceptedFinding struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	Role        string `json:"role,omitempty"`
	File        string `json:"file,omitempty"`
	What        string `json:"what"`
	Reason      string `json:"reason"`
	Expires     string `json:"expires"` // a day, the last on which it is accepted
}

// readBaseline reads the file; one that is to be written need not be there.
func readBaseline(name string, toWrite bool) (*baseline, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && toWrite {
		return &baseline{Format: baselineFormat}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the baseline: %w; --write-baseline makes it", err)
	}
	b := &baseline{}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(b); err != nil {
		return nil, fmt.Errorf("the baseline %s: %w", name, err)
	}
	if b.Format != baselineFormat {
		return nil, fmt.Errorf("the baseline %s has the format %q, and only %q can be read", name, b.Format, baselineFormat)
	}
	for _, a := range b.Accepted {
		if _, err := time.Parse(time.DateOnly, a.Expires); err != nil || a.Fingerprint == "" {
			return nil, fmt.Errorf("the baseline %s: the entry on %s %q needs a fingerprint and a day on which it ends, such as 2027-03-31 in expires", name, a.Rule, a.What)
		}
	}
	return b, nil
}

// isOver reports whether an entry has ended: the day after its last has begun.
func (a *acceptedFinding) isOver(now time.Time) bool {
	day, err := time.Parse(time.DateOnly, a.Expires)
	return err != nil || !now.Before(day.AddDate(0, 0, 1))
}

// apply takes accepted findings out. It tells of entries that are over, or are of
// nothing that was found.
func (b *baseline) apply(found []lint.Located, now time.Time) (left []lint.Located, notes []string) {
	used := map[string]bool{}
	for i := range found {
		fingerprint := found[i].Fingerprint()
		at := slices.IndexFunc(b.Accepted, func(a acceptedFinding) bool { return a.Fingerprint == fingerprint })
		if at < 0 {
			left = append(left, found[i])
			continue
		}
		used[fingerprint] = true
		if a := &b.Accepted[at]; a.isOver(now) {
			left = append(left, found[i])
			notes = append(notes, fmt.Sprintf("baseline: %s of %s was accepted until %s, and that is over", a.Rule, a.Role, a.Expires))
		}
	}
	for _, a := range b.Accepted {
		if !used[a.Fingerprint] {
			notes = append(notes, fmt.Sprintf("baseline: %s of %s is not found any more; take the entry out", a.Rule, a.Role))
		}
	}
	return left, notes
}

// write accepts what was found. Entries that are there keep their reason and their
// day; what is not found any more is dropped.
func (b *baseline) write(name string, found []lint.Located, now time.Time, accepted time.Duration) error {
	out := baseline{Format: baselineFormat, Accepted: []acceptedFinding{}}
	for i := range found {
		f := &found[i]
		entry := acceptedFinding{
			Fingerprint: f.Fingerprint(), Rule: f.Rule, Role: f.Role, File: f.File, What: f.What, Expires: now.Add(accepted).UTC().Format(time.DateOnly),
		}
		same := func(a acceptedFinding) bool { return a.Fingerprint == entry.Fingerprint }
		if at := slices.IndexFunc(b.Accepted, same); at >= 0 {
			entry.Reason, entry.Expires = b.Accepted[at].Reason, b.Accepted[at].Expires
		}
		if !slices.ContainsFunc(out.Accepted, same) {
			out.Accepted = append(out.Accepted, entry)
		}
	}
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	return durable.Replace(name, []byte(text.String()), 0o644)
}
