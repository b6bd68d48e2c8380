package policy

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, value string
		want           bool
	}{
		// IAM User Guide, "String condition operators": * is any text, ? one character.
		{"", "", true},
		{"", "a", false},
		{"abc", "abc", true},
		{"abc", "abcd", false},
		{"abc", "ABC", false},
		{"*", "", true},
		{"*", "anything", true},
		{"a*", "a", true},
		{"a*", "ba", false},
		{"*a", "ba", true},
		{"*a", "ab", false},
		{"a*c", "abbbc", true},
		{"a*c", "abbbcd", false},
		{"?", "", false},
		{"?", "a", true},
		{"?", "ab", false},
		{"a?", "a", false},
		{"a?", "ab", true},
		{"a?c*", "abcdef", true},
		{"**", "", true},
		{"*?*", "", false},
		{"*?*", "x", true},
		{"*ab*ab*", "abab", true},
		{"*ab*ab*", "aba", false},
		{"*aab", "aaab", true},
		// Published captures of AWS, 2026: wildcards cross slash, colon and line end.
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y:z", true},
		{"a*z", "a\n\r\nz", true},
		{"a?z", "a\nz", true},
		// Published captures of AWS, 2026: no escapes.
		{`\*`, "*", false},
		{`\*`, `\anything`, true},
		{"[ab]", "a", false},
		{"[ab]", "[ab]", true},
		{"a.c", "abc", false},
		// Published captures of AWS, 2026: ? is one UTF-16 unit.
		{"?", "é", true},
		{"?", "€", true},
		{"?", "😀", false},
		{"??", "😀", true},
		{"???", "😀", false},
		{"a??b", "a😀b", true},
		{"*😀", "x😀", true},
		{"?*", "😀", true},
		{"?*?", "😀", true},
		{"?😀", "😀", false}, // half a character and a whole one
		{"?😀", "😀😀", false},
		{"??😀", "😀😀", true},
		{"?*😀", "😀😀", true},
		// A byte that is not UTF-8 is one unit, and equal to no character.
		{"?", "\xff", true},
		{"*", "\xff", true},
		{"ÿ", "\xff", false},
		{"?a", "\xf0a", true},
	} {
		g := newGlob(tc.pattern)
		if got := g.match(tc.value); got != tc.want {
			t.Errorf("%q against %q = %v, want %v", tc.pattern, tc.value, got, tc.want)
		}
		if got := plainGlob(tc.pattern, tc.value); got != tc.want {
			t.Errorf("plainGlob: %q against %q = %v, want %v", tc.pattern, tc.value, got, tc.want)
		}
	}
}

func TestFoldGlob(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, value string
		want           bool
	}{
		{"GetObject", "getobject", true},
		{"Get*", "GETOBJECT", true},
		{"Get*", "PutObject", false},
		{"G?t*T", "gEtOBJECt", true},
		{"Get*", "Ge", false},
		{"k", "\u212a", false}, // the Kelvin sign is no ASCII letter
	} {
		g := newFoldGlob(tc.pattern)
		if got := g.match(tc.value); got != tc.want {
			t.Errorf("%q against %q = %v, want %v", tc.pattern, tc.value, got, tc.want)
		}
	}
}

// plainGlob is a second matcher, made to be obviously right: it fills a table
// of which beginnings of the pattern match which beginnings of the value.
func plainGlob(pattern, value string) bool {
	p, v := units(pattern), units(value)
	fits := make([][]bool, len(p)+1)
	for i := range fits {
		fits[i] = make([]bool, len(v)+1)
	}
	fits[0][0] = true
	for i := 1; i <= len(p); i++ {
		for j := 0; j <= len(v); j++ {
			switch p[i-1] {
			case '*':
				fits[i][j] = fits[i-1][j] || j > 0 && fits[i][j-1]
			case '?':
				fits[i][j] = j > 0 && fits[i-1][j-1]
			default:
				fits[i][j] = j > 0 && p[i-1] == v[j-1] && fits[i-1][j-1]
			}
		}
	}
	return fits[len(p)][len(v)]
}

// units are UTF-16 units, and beyond these one number for each byte that is not UTF-8.
func units(s string) []int {
	var list []int
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			list = append(list, 0x10000+int(s[0]))
		} else {
			for _, u := range utf16.Encode([]rune{r}) {
				list = append(list, int(u))
			}
		}
		s = s[n:]
	}
	return list
}

func TestGlobMatchersAgree(t *testing.T) {
	t.Parallel()
	pattern := rapid.StringOfN(rapid.SampledFrom([]rune("aab*?é😀😁")), 0, 12, -1)
	value := rapid.StringOfN(rapid.SampledFrom([]rune("aab*é😀😁")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		p, v := pattern.Draw(t, "pattern"), value.Draw(t, "value")
		g := newGlob(p)
		if got, want := g.match(v), plainGlob(p, v); got != want {
			t.Fatalf("%q against %q = %v, want %v", p, v, got, want)
		}
	})
}

// Another million, drawn without rapid, from a seed that never changes.
func TestGlobAgreesOnAMillion(t *testing.T) {
	t.Parallel()
	count := 1_000_000
	if testing.Short() {
		count /= 100
	}
	random := rand.New(rand.NewPCG(5, 6))
	patterns, values := []rune("aab**?:é😀"), []rune("aab*:é😀")
	draw := func(from []rune, longest int) string {
		var text [12]rune
		n := random.IntN(longest + 1)
		for i := range n {
			text[i] = from[random.IntN(len(from))]
		}
		return string(text[:n])
	}
	fitting := 0
	for range count {
		p, v := draw(patterns, 8), draw(values, 10)
		g := newGlob(p)
		got := g.match(v)
		if want := plainGlob(p, v); got != want {
			t.Fatalf("%q against %q = %v, want %v", p, v, got, want)
		}
		if got {
			fitting++
		}
	}
	if fitting < count/20 {
		t.Errorf("only %d of %d fit", fitting, count)
	}
}

// A value made from the pattern always fits; so the agreement above is not one
// of matchers that say no.
func TestGlobMatchesWhatItDescribes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?é😀")), 0, 12, -1).Draw(t, "pattern")
		var v strings.Builder
		for _, r := range p {
			switch r {
			case '*':
				v.WriteString(rapid.StringOfN(rapid.SampledFrom([]rune("ab😀")), 0, 4, -1).Draw(t, "star"))
			case '?':
				v.WriteRune(rapid.SampledFrom([]rune("ab:é")).Draw(t, "one"))
			default:
				v.WriteRune(r)
			}
		}
		g := newGlob(p)
		if !g.match(v.String()) {
			t.Fatalf("%q does not match %q", p, v.String())
		}
	})
}

// On a*a*a*…b a matcher that goes back to every star takes 2^n steps.
func TestGlobDoesNotBlowUp(t *testing.T) {
	t.Parallel()
	g := newGlob(strings.Repeat("a*", 200) + "b")
	if g.match(strings.Repeat("a", 2000)) {
		t.Error("matches without a b")
	}
}

// A pattern of text and a value that was put in is the pattern with each * and
// ? of the value escaped.
func TestTemplateIsItsExpansion(t *testing.T) {
	t.Parallel()
	text := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?é😀$")), 0, 6, -1)
	escape := strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")
	rapid.Check(t, func(t *rapid.T) {
		before, inside, behind := text.Draw(t, "before"), text.Draw(t, "inside"), text.Draw(t, "behind")
		value := text.Draw(t, "value")
		if rapid.Bool().Draw(t, "fitting") {
			value = strings.NewReplacer("*", "xy", "?", "z").Replace(before) + inside + behind
		}
		form := textForm{variables: true, wildcards: true}
		_, variables, fault := compileText(before+"${k:k}"+behind, form)
		plain, none, faultToo := compileText(before+escape.Replace(inside)+behind, form)
		if variables == nil || none != nil || fault != "" || faultToo != "" {
			t.Fatalf("%v, %v, %s, %s", variables, none, fault, faultToo)
		}
		var keys Context
		keys.Set("k:k", inside)
		got, known := variables.matchGlob(value, &keys)
		g := compiledGlob(plain)
		if want := g.match(value); got != want || !known {
			t.Fatalf("%q with %q against %q = %v, want %v", before+"${k:k}"+behind, inside, value, got, want)
		}
	})
}

func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""}, {"*", "x"}, {"a?c*", "abc"}, {"??", "😀"}, {"*ab*ab*", "abab"}, {"?", "\xff"}, {"*é", "\xc3é"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, value string) {
		if !utf8.ValidString(pattern) || len(pattern)*len(value) > 1<<18 {
			return // Parse lets no such pattern in; the table would be large
		}
		g := newGlob(pattern)
		if got, want := g.match(value), plainGlob(pattern, value); got != want {
			t.Errorf("%q against %q = %v, want %v", pattern, value, got, want)
		}
	})
}
