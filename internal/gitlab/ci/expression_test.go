package ci

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// shown is a value for tests.
func (v value) shown() string {
	switch v.kind {
	case textValue:
		return fmt.Sprintf("%q", v.text)
	case truthValue:
		return fmt.Sprint(v.truth)
	case patternValue:
		return "/" + v.pattern.String() + "/"
	}
	return "null"
}

// TestEvaluation: what an expression is, before it is asked whether it holds.
// Ruby gives back an operand and not a truth value, and its empty string is
// true; so it is in GitLab.
func TestEvaluation(t *testing.T) {
	t.Parallel()
	variables := map[string]Variable{
		"FULL": {Value: "some text"}, "EMPTY": {Value: ""}, "SPACE": {Value: "  "}, "RE": {Value: "/^some/"},
		"LIST": {Value: "some text and more"}, "BROKEN": {Value: "/(/"}, "SLASH": {Value: `/a\/b/`}, "PATH": {Value: "a/b"},
	}
	for text, want := range map[string]string{
		`$FULL`:                              `"some text"`,
		`$NONE`:                              `null`,
		`"it's"`:                             `"it's"`,
		`'say "x"'`:                          `"say \"x\""`,
		`null`:                               `null`,
		`$FULL == "some text"`:               `true`,
		`"some text" == $FULL`:               `true`,
		`$EMPTY == null`:                     `false`,
		`$NONE == null`:                      `true`,
		`$NONE == ""`:                        `false`,
		`$NONE != $EMPTY`:                    `true`,
		`$FULL && $EMPTY`:                    `""`,
		`$EMPTY && $FULL`:                    `"some text"`,
		`$NONE && $FULL`:                     `null`,
		`$EMPTY || $FULL`:                    `""`,
		`$NONE || $FULL`:                     `"some text"`,
		`$NONE || null`:                      `null`,
		`$FULL == "x" || $FULL && $RE`:       `"/^some/"`,
		`($FULL == "x" || $FULL) && null`:    `null`,
		`$FULL =~ /^SOME/`:                   `false`,
		`$FULL =~ /^SOME/i`:                  `true`,
		`$FULL =~ /text$/ && $FULL !~ /xx/`:  `true`,
		`$NONE =~ /^$|xx/`:                   `true`, // null is an empty text there
		`$FULL =~ $RE`:                       `true`,
		`$FULL !~ $RE`:                       `false`,
		`$FULL =~ "/^some/"`:                 `true`,
		`$FULL =~ $NONE`:                     `false`,
		`$FULL !~ $NONE`:                     `true`,
		`$FULL =~ $LIST`:                     `true`,  // no pattern: looked for in it
		`$LIST =~ $FULL`:                     `false`, // and not the other way
		`$FULL =~ $BROKEN`:                   `false`,
		`$PATH =~ /^a\/b$/`:                  `true`,
		`$PATH =~ $SLASH`:                    `true`,
		`$FULL == $FULL == $FULL`:            `false`, // true is no text
		`$FULL == /ab/`:                      `false`,
		`/ab/ == /ab/`:                       `true`,
		"$FULL\n  == \t'some text'":          `true`,
		`((($NONE)))`:                        `null`,
		`$FULL=="some text"&&$RE!="x"`:       `true`,
		`"a" == "b" || "a" == "a" && "c"`:    `"c"`,
		`$FULL =~ /so(me|ft) t.*t/ || $NONE`: `true`,
	} {
		e, err := parseExpression(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := e.eval(variables).shown(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for name, want := range map[string]bool{"FULL": true, "EMPTY": false, "SPACE": false, "NONE": false} {
		if got := reading(name).eval(variables).present(); got != want {
			t.Errorf("$%s holds: %v", name, got)
		}
	}
}

func TestNoExpression(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "==", "$A ==", "== $A", "$A $B", "$A $B ==", "$A = $B", "$A === $B", "($A", "$A)", "()", "$A && || $B",
		"${A}", "$", "$A =~ /", "$A =~ //", "$A =~ /x/", "$A =~ /(ab/", `"open`, `'open`, "word", "7", "true", "!$A", "$A & $B",
		"$A == \"a\nb\"", "$A =~ /ab/x", "null null",
		strings.Repeat("$A && ", 50) + "$A && $A", // more than a hundred tokens
		strings.Repeat("(", 101),
	} {
		if e, err := parseExpression(text); err == nil {
			t.Errorf("%q was taken: %v", text, e)
		}
	}
	if _, err := parseExpression(strings.Repeat("$A || ", 49) + "$A"); err != nil {
		t.Errorf("99 tokens: %v", err)
	}
}

// tree is a random expression, written with only the parentheses that it needs.
type tree struct {
	text  string
	level int // of its weakest operator
	meant func(map[string]Variable) value
}

// drawTree draws a tree of at most so many operators.
func drawTree(t *rapid.T, size int) tree {
	if size == 0 {
		name := rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "variable")
		switch rapid.IntRange(0, 3).Draw(t, "operand") {
		case 0:
			return tree{`"x"`, 3, func(map[string]Variable) value { return value{kind: textValue, text: "x"} }}
		case 1:
			return tree{"null", 3, func(map[string]Variable) value { return value{} }}
		case 2:
			return tree{"/^x|y/", 3, func(map[string]Variable) value {
				return value{kind: patternValue, pattern: regexp.MustCompile("^x|y")}
			}}
		}
		return tree{"$" + name, 3, func(v map[string]Variable) value {
			if x, ok := v[name]; ok {
				return value{kind: textValue, text: x.Value}
			}
			return value{}
		}}
	}
	left := rapid.IntRange(0, size-1).Draw(t, "left")
	l, r := drawTree(t, left), drawTree(t, size-1-left)
	level := rapid.IntRange(0, 2).Draw(t, "level")
	operator := rapid.SampledFrom(levels[level]).Draw(t, "operator")
	lt, rt := l.text, r.text
	if l.level < level {
		lt = "(" + lt + ")"
	}
	if r.level <= level {
		rt = "(" + rt + ")"
	}
	return tree{lt + " " + operator + " " + rt, level, func(v map[string]Variable) value {
		a := l.meant(v)
		switch operator {
		case "&&":
			if !a.truthy() {
				return a
			}
			return r.meant(v)
		case "||":
			if a.truthy() {
				return a
			}
			return r.meant(v)
		case "==", "!=":
			return truth(a.equal(r.meant(v)) == (operator == "=="))
		}
		return truth(matches(a, r.meant(v)) == (operator == "=~"))
	}}
}

// TestPrecedence: a tree that is written with the parentheses that it needs is
// read as the same tree.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tr := drawTree(t, rapid.IntRange(0, 12).Draw(t, "size"))
		variables := map[string]Variable{"A": {Value: rapid.SampledFrom([]string{"", "x", "/^x/"}).Draw(t, "A")}, "B": {Value: "y"}}
		e, err := parseExpression(tr.text)
		if err != nil {
			t.Fatalf("%s: %v", tr.text, err)
		}
		if got, want := e.eval(variables).shown(), tr.meant(variables).shown(); got != want {
			t.Fatalf("%s is %s, want %s", tr.text, got, want)
		}
	})
}

// FuzzExpression: any text is an expression or is refused, and an expression has
// a value, also where its patterns come from variables.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{`$A == "b" && ($C =~ /d.e/i || $F != null)`, `$A =~ $A`, `"a" !~ /[/`, "((", `/a\/b/`} {
		f.Add(s, "/^a/")
	}
	f.Fuzz(func(t *testing.T, text, variable string) {
		e, err := parseExpression(text)
		if err != nil {
			if e != nil {
				t.Fatal("an expression beside an error")
			}
			_ = expressionHint(text)
			return
		}
		v := e.eval(map[string]Variable{"A": {Value: variable}})
		if v.present() && !v.truthy() {
			t.Fatalf("%s holds and is not true", v.shown())
		}
		if again, err := parseExpression(" (" + text + ") "); err == nil {
			if w := again.eval(map[string]Variable{"A": {Value: variable}}); w.shown() != v.shown() {
				t.Fatalf("%s in parentheses is %s", v.shown(), w.shown())
			}
		}
	})
}
