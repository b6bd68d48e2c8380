package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/policy"
)

// isBecause reports whether a denial of a token has the reason that was expected.
func isBecause(because string, report *explain.Report) bool {
	if slices.ContainsFunc(report.Causes(), func(c explain.Cause) bool { return strings.EqualFold(because, fmt.Sprintf("cause %d", c.Number)) }) {
		return true
	}
	failure := report.Failure()
	if failure == nil {
		return false
	}
	if failure.Answer != nil && (because == failure.Answer.Code || because == failure.Answer.Message) || because == failure.Name && failure.Name != "trust" {
		return true
	}
	return failure.Name == "trust" && report.Trust != nil && isReason(because, report.Trust.Reasons)
}

// isReason reports whether a decision rests on something: on a statement that
// denies, by its Sid; or on a condition or another element that did not match, in
// every statement that might have allowed.
func isReason(because string, why *policy.Reasons) bool {
	if why.Effect == policy.ExplicitDeny {
		return slices.ContainsFunc(why.Statements, func(s policy.StatementReason) bool {
			return s.Effect == "Deny" && s.Matched && (s.Sid == because || slices.ContainsFunc(s.Conditions, func(c policy.ConditionReason) bool { return names(because, &c) }))
		})
	}
	candidates := 0
	for i := range why.Statements {
		s := &why.Statements[i]
		if s.Effect != "Allow" || s.Matched || !s.Action.Matched && because != s.Action.Element {
			continue // a statement about something else
		}
		candidates++
		if !missed(because, s) {
			return false
		}
	}
	return candidates > 0
}

// missed reports whether a statement did not match because of something.
func missed(because string, s *policy.StatementReason) bool {
	for _, element := range []policy.ElementReason{s.Principal, s.Action, s.Resource} {
		if element.Element == because && !element.Matched {
			return true
		}
	}
	return slices.ContainsFunc(s.Conditions, func(c policy.ConditionReason) bool { return !c.Matched && names(because, &c) })
}

func names(because string, c *policy.ConditionReason) bool {
	return strings.EqualFold(because, c.Key) || strings.EqualFold(because, c.Operator+" "+c.Key)
}

// allowedBy names the statement that admitted a token.
func allowedBy(report *explain.Report) string {
	why := report.Trust.Reasons
	name := fmt.Sprintf("statement %d", why.Statement+1)
	for i := range why.Statements {
		if s := &why.Statements[i]; s.Document == why.Document && s.Statement == why.Statement {
			name += fmt.Sprintf(", line %d", s.Line)
			if s.Sid != "" {
				name += " (" + s.Sid + ")"
			}
		}
	}
	return name
}

// lines tells of a report what decided.
func lines(report *explain.Report) []string {
	failure := report.Failure()
	if failure == nil {
		return []string{"nothing decided"}
	}
	all := []string{failure.Note}
	if report.Trust == nil || failure.Name != "trust" || report.Trust.Nearest < 0 {
		return all
	}
	s := &report.Trust.Reasons.Statements[report.Trust.Nearest]
	for i := range report.Trust.Misses {
		m := &report.Trust.Misses[i]
		what, wanted := m.Element, m.Closest
		if m.Condition >= 0 {
			c := &s.Conditions[m.Condition]
			what = c.Operator + " " + c.Key
			if wanted == "" {
				wanted = strings.Join(c.Wanted, ", ")
			}
		}
		got := m.Got
		if got == "" {
			got = "not there"
		}
		all = append(all, fmt.Sprintf("  %s: wanted %s, got %s", what, wanted, got))
		if m.Note != "" {
			all = append(all, "    "+m.Note)
		}
	}
	return all
}
