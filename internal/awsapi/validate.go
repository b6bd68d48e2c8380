package awsapi

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Validation gathers what is wrong with the parameters of a request and says
// it in AWS's sentence, all at once: "2 validation errors detected: …; …".
type Validation struct {
	// HideValues leaves the offending values out, as IAM does; STS shows them
	// (recorded on AWS, 2025).
	HideValues bool
	failures   []string
}

func (v *Validation) fail(member, value, constraint string) {
	shown := "Value '" + value + "'"
	if v.HideValues {
		shown = "Value"
	}
	v.failures = append(v.failures, shown+" at '"+member+"' failed to satisfy constraint: "+constraint)
}

// Required asks that a member was sent.
func (v *Validation) Required(member string, sent bool) {
	if sent {
		return
	}
	shown := "Value null"
	if v.HideValues {
		shown = "Value"
	}
	v.failures = append(v.failures, shown+" at '"+member+"' failed to satisfy constraint: Member must not be null")
}

// Length asks for a number of Unicode characters between least and most.
func (v *Validation) Length(member, value string, least, most int) {
	switch n := utf8.RuneCountInString(value); {
	case n < least:
		v.fail(member, value, fmt.Sprintf("Member must have length greater than or equal to %d", least))
	case n > most:
		v.fail(member, value, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
}

// SecretLength is Length for a value that must not come back in a message.
func (v *Validation) SecretLength(member, value string, least, most int) {
	hidden := Validation{HideValues: true}
	hidden.Length(member, value, least, most)
	v.failures = append(v.failures, hidden.failures...)
}

// Pattern asks that the whole value matches; shown is the pattern as the
// service's model writes it.
func (v *Validation) Pattern(member, value string, pattern *regexp.Regexp, shown string) {
	if !pattern.MatchString(value) {
		v.fail(member, value, PatternConstraint(shown))
	}
}

// Range asks for a number between least and most.
func (v *Validation) Range(member string, value, least, most int) {
	switch {
	case value < least:
		v.fail(member, strconv.Itoa(value), fmt.Sprintf("Member must have value greater than or equal to %d", least))
	case value > most:
		v.fail(member, strconv.Itoa(value), fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
}

// Size asks for a list of at most most elements; shown is the list as messages
// write it (ShowList).
func (v *Validation) Size(member, shown string, n, most int) {
	if n > most {
		v.fail(member, shown, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
}

// Elements asks that each element of a list of texts fulfils all constraints,
// which are texts as AWS writes them. AWS tells all of them at once, whichever
// was broken, and not by which element (recorded on AWS).
func (v *Validation) Elements(member string, values []string, ok func(string) bool, constraints ...string) {
	for _, value := range values {
		if !ok(value) {
			v.fail(member, ShowList(values), "Member must satisfy constraint: "+ShowList(constraints))
			return
		}
	}
}

// LengthConstraints are the texts of Length, as Elements takes them.
func LengthConstraints(least, most int) []string {
	return []string{
		fmt.Sprintf("Member must have length less than or equal to %d", most),
		fmt.Sprintf("Member must have length greater than or equal to %d", least),
	}
}

// PatternConstraint is the text of Pattern, as Elements takes it.
func PatternConstraint(shown string) string {
	return "Member must satisfy regular expression pattern: " + shown
}

// ShowList writes a list as AWS's messages do: [a, b].
func ShowList(elements []string) string { return "[" + strings.Join(elements, ", ") + "]" }

// OneOf asks for one of the values.
func (v *Validation) OneOf(member, value string, values ...string) {
	for _, allowed := range values {
		if value == allowed {
			return
		}
	}
	v.fail(member, value, "Member must satisfy enum value set: ["+strings.Join(values, ", ")+"]")
}

// Constraint records that a value broke a constraint for which there is no
// method; both are texts as AWS writes them.
func (v *Validation) Constraint(member, value, constraint string) { v.fail(member, value, constraint) }

// maxFailures is how many failures one message counts and tells, at most
// (recorded on AWS).
const maxFailures = 10

// Err is a ValidationError, or nil where nothing was wrong.
func (v *Validation) Err() error {
	told := v.failures[:min(len(v.failures), maxFailures)]
	switch len(told) {
	case 0:
		return nil
	case 1:
		return Invalid("1 validation error detected: " + told[0])
	default:
		return Invalid(fmt.Sprintf("%d validation errors detected: %s", len(told), strings.Join(told, "; ")))
	}
}
