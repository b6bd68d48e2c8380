package ci

import (
	"errors"
	"regexp"
	"strings"
)

// maxTokens is GitLab's limit for one expression.
const maxTokens = 100

// errExpression is GitLab's whole text for an expression that it cannot read.
var errExpression = errors.New("invalid expression syntax")

// An expression is a condition of rules:if or of only:variables.
//
// Source: GitLab Docs, "CI/CD YAML syntax reference", rules:if, and "Specify
// when jobs run with rules", "CI/CD variable expressions"; where they are
// silent, GitLab's lib/gitlab/ci/pipeline/expression: the lexer's patterns, the
// precedence ==, !=, =~, !~ before && before ||, all from the left, and Ruby's
// idea of truth, for which an empty string is true inside of an expression and
// false as its result.
//
// GitLab's parser also takes operators before or after both of their operands.
// This one does not: nobody means that.
type expression interface {
	eval(variables map[string]Variable) value
}

// A value is a string, a truth value, a regular expression, or null, the zero
// value.
type value struct {
	kind    valueKind
	text    string
	truth   bool
	pattern *regexp.Regexp
}

type valueKind int

const (
	nullValue valueKind = iota
	textValue
	truthValue
	patternValue
)

func truth(b bool) value { return value{kind: truthValue, truth: b} }

// truthy is Ruby's: all but null and false.
func (v value) truthy() bool { return v.kind != nullValue && (v.kind != truthValue || v.truth) }

// present is Rails's: truthy, and not a string of nothing or of spaces only.
func (v value) present() bool {
	return v.truthy() && (v.kind != textValue || strings.TrimSpace(v.text) != "")
}

func (v value) equal(w value) bool {
	if v.kind != w.kind {
		return false
	}
	if v.kind == patternValue {
		return v.pattern.String() == w.pattern.String()
	}
	return v.text == w.text && v.truth == w.truth
}

// literal is a string, a pattern or null.
type literal value

func (l literal) eval(map[string]Variable) value { return value(l) }

// reading is $NAME. An unknown variable is null. Values are not expanded, as
// they are not by GitLab.
type reading string

func (r reading) eval(variables map[string]Variable) value {
	if v, ok := variables[string(r)]; ok {
		return value{kind: textValue, text: v.Value}
	}
	return value{}
}

// operation is an operator between two expressions.
type operation struct {
	operator    string
	left, right expression
}

func (o operation) eval(variables map[string]Variable) value {
	left := o.left.eval(variables)
	switch o.operator {
	case "&&":
		if !left.truthy() {
			return left
		}
		return o.right.eval(variables)
	case "||":
		if left.truthy() {
			return left
		}
		return o.right.eval(variables)
	}
	right := o.right.eval(variables)
	switch o.operator {
	case "==":
		return truth(left.equal(right))
	case "!=":
		return truth(!left.equal(right))
	case "=~":
		return truth(matches(left, right))
	}
	return truth(!matches(left, right))
}

// matches is =~. What a variable holds is a pattern if it has the form of one;
// otherwise GitLab looks, with the two sides swapped, for the left one in it.
func matches(left, right value) bool {
	switch right.kind {
	case patternValue:
		return right.pattern.MatchString(left.text)
	case textValue:
		if p, ok := compilePattern(right.text); ok {
			return p.MatchString(left.text)
		}
		return strings.Contains(right.text, left.text)
	}
	return false
}

// delimited is a regular expression with its flags, in RE2's syntax.
var delimited = regexp.MustCompile(`^/((?s:.*))/([ismU]*)$`)

// compilePattern reads /regex/flags. It is false for what is not one.
func compilePattern(s string) (*regexp.Regexp, bool) {
	m := delimited.FindStringSubmatch(s)
	if m == nil || len(s) > maxPattern {
		return nil, false
	}
	source := strings.ReplaceAll(m[1], `\/`, "/")
	if m[2] != "" {
		source = "(?" + m[2] + ")" + source
	}
	p, err := regexp.Compile(source)
	return p, err == nil
}

// maxPattern bounds a pattern, since a compiled one takes many times its text.
const maxPattern = 4096

// lexemes are the tokens, in the order in which GitLab tries them. The pattern
// needs two characters between its slashes, as GitLab's does.
var lexemes = []struct {
	kind string
	form *regexp.Regexp
}{
	{"(", regexp.MustCompile(`^\(`)},
	{")", regexp.MustCompile(`^\)`)},
	{"variable", regexp.MustCompile(`^\$\w+`)},
	{"string", regexp.MustCompile(`^(?:"[^"\n]*"|'[^'\n]*')`)},
	{"pattern", regexp.MustCompile(`^/(?:[^/]|\\/)+[^\\]/[ismU]*`)},
	{"null", regexp.MustCompile(`^null`)},
	{"operator", regexp.MustCompile(`^(?:==|=~|!=|!~|&&|\|\|)`)},
}

type token struct{ kind, text string }

func tokenize(s string) ([]token, error) {
	var out []token
	for s = strings.TrimLeft(s, " \t\r\n\f\v"); s != ""; s = strings.TrimLeft(s, " \t\r\n\f\v") {
		found := ""
		for _, l := range lexemes {
			if found = l.form.FindString(s); found != "" {
				out = append(out, token{l.kind, found})
				break
			}
		}
		if found == "" || len(out) > maxTokens {
			return nil, errExpression
		}
		s = s[len(found):]
	}
	return out, nil
}

// parseExpression reads an expression. The error is errExpression.
func parseExpression(s string) (expression, error) {
	tokens, err := tokenize(s)
	if err != nil {
		return nil, err
	}
	p := &expressionParser{tokens: tokens}
	e, err := p.level(0)
	if err != nil || len(p.tokens) > 0 {
		return nil, errExpression
	}
	return e, nil
}

// expressionParser is a parser by recursive descent; its depth is bounded by
// maxTokens.
type expressionParser struct{ tokens []token }

// levels are the operators by precedence, the weakest first.
var levels = [][]string{{"||"}, {"&&"}, {"==", "!=", "=~", "!~"}}

func (p *expressionParser) level(n int) (expression, error) {
	if n == len(levels) {
		return p.operand()
	}
	left, err := p.level(n + 1)
	for err == nil && p.at(levels[n]) {
		operator := p.take().text
		var right expression
		right, err = p.level(n + 1)
		left = operation{operator, left, right}
	}
	return left, err
}

func (p *expressionParser) at(operators []string) bool {
	if len(p.tokens) == 0 || p.tokens[0].kind != "operator" {
		return false
	}
	for _, o := range operators {
		if p.tokens[0].text == o {
			return true
		}
	}
	return false
}

func (p *expressionParser) take() token {
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *expressionParser) operand() (expression, error) {
	if len(p.tokens) == 0 {
		return nil, errExpression
	}
	switch t := p.take(); t.kind {
	case "variable":
		return reading(t.text[1:]), nil
	case "string":
		return literal{kind: textValue, text: t.text[1 : len(t.text)-1]}, nil
	case "null":
		return literal{}, nil
	case "pattern":
		if pattern, ok := compilePattern(t.text); ok {
			return literal{kind: patternValue, pattern: pattern}, nil
		}
	case "(":
		e, err := p.level(0)
		if err == nil && len(p.tokens) > 0 && p.take().kind == ")" {
			return e, nil
		}
	}
	return nil, errExpression
}

// expressionHint tells the usual mistakes apart.
func expressionHint(s string) string {
	for _, t := range regexp.MustCompile(`/(?:[^/]|\\/)+[^\\]/[ismU]*`).FindAllString(s, -1) {
		if m := delimited.FindStringSubmatch(t); m != nil {
			if _, err := regexp.Compile(strings.ReplaceAll(m[1], `\/`, "/")); err != nil {
				return strings.TrimPrefix(err.Error(), "error parsing regexp: ") + "; patterns have RE2's syntax"
			}
		}
	}
	switch {
	case strings.Contains(s, "${"):
		return "write $NAME; ${NAME} is not understood in an expression"
	case strings.Contains(s, "$[["):
		return "inputs are not replaced here; write the value"
	case regexp.MustCompile(`(^|[^=!~<>])=([^=~]|$)`).MatchString(s):
		return "compare with =="
	case regexp.MustCompile(`\b(true|false)\b`).MatchString(s):
		return `compare with "true" or "false" in quotes: variables are strings`
	case regexp.MustCompile(`[=!]~\s*/[^/]/`).MatchString(s):
		return "GitLab wants at least two characters between the slashes of a pattern"
	case strings.Contains(s, " and "), strings.Contains(s, " or "):
		return "write && and ||"
	}
	return ""
}
