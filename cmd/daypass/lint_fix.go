package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/lint"
)

// maxMends bounds how often one policy is mended: each mend removes a finding, and
// may leave others.
const maxMends = 100

// mend writes policies back with all that can be mended, finding by finding. It
// gives a line for each, and one for what would stand in no file.
func (in *lintInput) mend(l *lintFlags) ([]string, error) {
	var lines []string
	changed := map[string][]int{} // roles, by file
	for i := range in.roles {
		before := in.roles[i].TrustPolicy
		for range maxMends {
			f := l.next(in.roles[i])
			if f == nil {
				break
			}
			p := &in.places[i]
			if !p.writable {
				lines = append(lines, fmt.Sprintf("%s: %s: cannot be mended here: the policy is made from something else; mend that: %s", p.file, f.Rule, f.Next))
				break
			}
			file, line, _ := p.locate(f.Line, f.Column)
			in.roles[i].TrustPolicy = f.Fixed
			lines = append(lines, fmt.Sprintf("%s:%d: mended %s %s: %s", file, line, f.Rule, f.Name, f.What))
		}
		if in.roles[i].TrustPolicy != before {
			changed[in.places[i].file] = append(changed[in.places[i].file], i)
		}
	}
	for file, roles := range changed {
		if err := in.rewrite(file, roles); err != nil {
			return lines, err
		}
	}
	return lines, nil
}

// next is the first finding of a role that can be mended and counts.
func (l *lintFlags) next(r lint.Role) *lint.Finding {
	findings, _ := lint.Check([]lint.Role{r})
	for i := range findings {
		f := &findings[i]
		rule, _ := lint.RuleByID(f.Rule)
		named := slices.Contains(l.rules, f.Rule)
		if f.Fixed != "" && l.wants(f) && (named || !rule.Asked) {
			return f
		}
	}
	return nil
}

// rewrite puts policies in their places in a file, the last one first. The places of
// those behind move.
func (in *lintInput) rewrite(file string, roles []int) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	slices.SortFunc(roles, func(a, b int) int { return in.places[b].start - in.places[a].start })
	for _, i := range roles {
		p := &in.places[i]
		if p.end > len(text) {
			return fmt.Errorf("%s was changed meanwhile; run it again", file)
		}
		policy := in.roles[i].TrustPolicy
		moved := len(policy) - (p.end - p.start)
		text = slices.Concat(text[:p.start], []byte(policy), text[p.end:])
		for j := range in.places {
			if o := &in.places[j]; j != i && o.file == file && o.start > p.start {
				o.start, o.end = o.start+moved, o.end+moved
			}
		}
		p.end += moved
	}
	return durable.Replace(file, text, info.Mode().Perm())
}
