package ci_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

func TestExpand(t *testing.T) {
	t.Parallel()
	variables := []ci.Variable{{Name: "A", Value: "first"}, {Name: "A", Value: "a"}, {Name: "B_1", Value: "$A"}}
	for text, want := range map[string]string{
		"plain":             "plain",
		"$A":                "a",
		"${A}x":             "ax",
		"%A%x":              "ax",
		"$A_":               "",
		"$B_1":              "$A", // once only
		"-$NOT-${NOT}-%NO%": "---",
		"$1 ${1} %1% $":     "$1 ${1} %1% $",
		"${A":               "${A",
		"100% of $A, 5%":    "100% of a, 5%",
		"$$A":               "$a",
		"https://$A.test":   "https://a.test",
	} {
		if got := ci.Expand(text, variables); got != want {
			t.Errorf("Expand(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestExpandAll(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want []ci.Variable }{
		"later wins, at its place": {
			[]ci.Variable{{Name: "A", Value: "1"}, {Name: "B", Value: "$A"}, {Name: "A", Value: "2", Masked: true}},
			[]ci.Variable{{Name: "B", Value: "2"}, {Name: "A", Value: "2", Masked: true}},
		},
		"in any order": {
			[]ci.Variable{{Name: "A", Value: "${B}."}, {Name: "B", Value: "%C%."}, {Name: "C", Value: "c"}},
			[]ci.Variable{{Name: "A", Value: "c.."}, {Name: "B", Value: "c."}, {Name: "C", Value: "c"}},
		},
		"unknown is empty": {
			[]ci.Variable{{Name: "A", Value: "[$HOME][${X}]%X%"}},
			[]ci.Variable{{Name: "A", Value: "[][]%X%"}},
		},
		"two dollars": {
			[]ci.Variable{{Name: "A", Value: "$$B $$"}, {Name: "B", Value: "b"}},
			[]ci.Variable{{Name: "A", Value: "$B $"}, {Name: "B", Value: "b"}},
		},
		"raw": {
			[]ci.Variable{{Name: "A", Value: "$B", Raw: true}, {Name: "B", Value: "b"}},
			[]ci.Variable{{Name: "A", Value: "$B", Raw: true}, {Name: "B", Value: "b"}},
		},
		"itself": { // GitLab leaves it, the runner then takes the value as sent
			[]ci.Variable{{Name: "PATH", Value: "$PATH:/x"}},
			[]ci.Variable{{Name: "PATH", Value: "$PATH:/x:/x"}},
		},
	} {
		got, err := ci.ExpandAll(c.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestExpandAllRefusals(t *testing.T) {
	t.Parallel()
	bomb := []ci.Variable{{Name: "V0", Value: strings.Repeat("x", 64)}}
	for i := range 40 {
		bomb = append(bomb, ci.Variable{Name: fmt.Sprintf("V%d", i+1), Value: strings.Repeat(fmt.Sprintf("$V%d", i), 4)})
	}
	for want, in := range map[string][]ci.Variable{
		`circular variable reference detected: ["A" "B" "C"]`: {
			{Name: "X", Value: "$A"}, {Name: "A", Value: "$B"}, {Name: "B", Value: "${C}"}, {Name: "C", Value: "%A%"},
		},
		"its value grows longer than 131072 bytes": bomb,
		"variable A: its value grows":              {{Name: "A", Value: strings.Repeat("x", ci.MaxValue+1)}},
		"variable B: its value grows": {
			{Name: "A", Value: strings.Repeat("$", ci.MaxValue), Raw: true}, {Name: "B", Value: "$A$A"},
		},
	} {
		got, err := ci.ExpandAll(in)
		var e *ci.ExpandError
		if !errors.As(err, &e) || got != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Values without references come out as they went in, and the order of
// variables with different names does not matter.
func TestExpandAllProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"A", "B", "C", "D"}
		var in []ci.Variable
		for i, n := range names {
			// Only to later ones, so that there is no circle.
			ref := rapid.SampledFrom(append([]string{"x", "", "-"}, names[i+1:]...))
			parts := rapid.SliceOfN(ref, 0, 4).Draw(t, n)
			value := ""
			for _, p := range parts {
				if len(p) == 1 && p >= "A" && p <= "D" {
					p = "${" + p + "}"
				}
				value += p
			}
			in = append(in, ci.Variable{Name: n, Value: value})
		}
		want, err := ci.ExpandAll(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ci.ExpandAll(rapid.Permutation(in).Draw(t, "order"))
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{}
		for _, v := range got {
			values[v.Name] = v.Value
		}
		for _, v := range want {
			if values[v.Name] != v.Value || strings.Contains(v.Value, "$") {
				t.Fatalf("%s is %q and %q", v.Name, v.Value, values[v.Name])
			}
		}
	})
}

// Expansion ends, whatever refers to whatever: with a value for each variable, or
// with the name of one that cannot have one.
func TestExpandAllEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"A", "B", "C", "D", "E"}
		part := rapid.SampledFrom([]string{"$A", "${B}", "%C%", "$D", "$$", "%%", "$", "{", "x", "${E}$E", "$NONE"})
		var in []ci.Variable
		for _, n := range names {
			in = append(in, ci.Variable{
				Name: n, Value: strings.Join(rapid.SliceOfN(part, 0, 5).Draw(t, n), ""), Raw: rapid.Bool().Draw(t, "raw "+n),
			})
		}
		out, err := ci.ExpandAll(in)
		var e *ci.ExpandError
		switch {
		case err == nil && len(out) != len(in), err != nil && (out != nil || !errors.As(err, &e) || e.Variable == ""):
			t.Fatalf("%v, %v", out, err)
		}
		for _, v := range out {
			if len(v.Value) > ci.MaxValue {
				t.Fatalf("%s has %d bytes", v.Name, len(v.Value))
			}
			for i := range in {
				if in[i].Name == v.Name && in[i].Raw && in[i].Value != v.Value {
					t.Fatalf("%s is raw, and changed to %q", v.Name, v.Value)
				}
			}
		}
	})
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"1h 30m": 90 * time.Minute, "1h30m": 90 * time.Minute, "3 hours 30 minutes": 210 * time.Minute,
		"90 minutes": 90 * time.Minute, "1.5h": 90 * time.Minute, "1 hour and 5 minutes": 65 * time.Minute,
		"1 hour, 5 mins": 65 * time.Minute, "2 DAYS": 48 * time.Hour, "1 week": 168 * time.Hour, "1 month": 720 * time.Hour,
		"30s": 30 * time.Second, " 60 sec ": time.Minute,
	} {
		if got, err := ci.ParseDuration(text); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "60", "h", "1x", "1h 30", "1:30:00", "-1h", "0s", "0.4s", "1 month 1s", "1 year", "1h and", "and 1h",
		"1hm", "1h!", "999999999 years", "1e3s", "never",
	} {
		if got, err := ci.ParseDuration(text); err == nil || got != 0 {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}
