package compare

import "testing"

// TestEnginesAgree is what makes the times comparable: each engine gives the
// outcome that the scenario was built to have.
func TestEnginesAgree(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios() {
		for _, e := range engines() {
			decide, err := e.prepare(s)
			if err != nil {
				t.Fatalf("%v: %s: %v", s, e.name, err)
			}
			if got := decide(); got != s.outcome {
				t.Errorf("%v: %s says %s", s, e.name, got)
			}
		}
	}
}

// TestDocumentsAreWhole counts the statements: a rule that a writer lost would
// make its engine look fast.
func TestDocumentsAreWhole(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios() {
		rules := s.rules()
		if len(rules) != s.statements {
			t.Errorf("%v: %d rules", s, len(rules))
		}
		// Cut off behind a rule, the document must decide by that rule.
		for _, i := range []int{0, len(rules) / 2, len(rules) - 1} {
			alone := scenario{s.shape, i + 1, s.outcome}
			for _, e := range engines() {
				decide, err := e.prepare(alone)
				if err != nil {
					t.Fatalf("%v: %s: %v", alone, e.name, err)
				}
				if got := decide(); got != s.outcome {
					t.Errorf("%v: %s says %s", alone, e.name, got)
				}
			}
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, s := range scenarios() {
		for _, e := range engines() {
			b.Run(s.String()+"/"+e.name, func(b *testing.B) {
				decide, err := e.prepare(s)
				if err != nil {
					b.Fatal(err)
				}
				if got := decide(); got != s.outcome {
					b.Fatalf("%s says %s; nothing is timed that is wrong", e.name, got)
				}
				b.ReportAllocs()
				for b.Loop() {
					decide()
				}
			})
		}
	}
}
