package policy

import "strconv"

// SyntaxError says why a text is no policy that Daypass can decide by.
type SyntaxError struct {
	// Message is AWS's sentence, for the reply MalformedPolicyDocument.
	Message string
	// Detail is for a person: which thing, what is wrong with it, what to do.
	Detail string
	// Statement counts from 1; 0 is the document itself.
	Statement int
	// Sid of that statement, if it has one.
	Sid string
	// Element is the policy element, such as Principal; empty for the whole.
	Element string
	// Line and Column count from 1; a column is a character, not a byte.
	Line, Column int
}

// Error gives the place and the detail.
func (e *SyntaxError) Error() string {
	place := "line " + strconv.Itoa(e.Line) + ", column " + strconv.Itoa(e.Column)
	if e.Statement > 0 {
		place += ", statement " + strconv.Itoa(e.Statement)
	}
	if e.Sid != "" {
		place += " (Sid " + strconv.Quote(e.Sid) + ")"
	}
	if e.Element != "" {
		place += ", " + e.Element
	}
	return "policy: " + place + ": " + e.Detail
}

// syntaxErrors is the sentence for every fault that has none of its own. It is
// known for identity policies. For trust policies no general sentence of AWS is
// known, so that they use the same: a choice, not a finding.
const syntaxErrors = "Syntax errors in policy."
