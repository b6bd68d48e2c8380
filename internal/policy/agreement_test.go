package policy_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"pgregory.net/rapid"
)

// TestDecideAgreesWithReference holds Decide against the plain evaluator of
// reference_test.go.
func TestDecideAgreesWithReference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := rapidDice{t}
		kind := drawKind(d)
		agree(t, drawDocuments(t, d, kind), kind, drawRequest(d))
	})
}

func agree(t rapid.TB, docs []*policy.Document, kind policy.Kind, requests ...*policy.Request) {
	plain := make([]plainDocument, len(docs))
	for i := range docs {
		plain[i] = readPlain(docs[i])
	}
	for _, r := range requests {
		if got, want := policy.Decide(r, docs, nil), plainDecide(r, plain, kind == policy.Resource); got != want {
			t.Fatalf("%+v, want %+v\n%s", got, want, tell(docs, r))
		}
	}
}

// TestDecideAgreesOnAMillion is the same for a million pairs of documents and
// request, from a seed that never changes.
func TestDecideAgreesOnAMillion(t *testing.T) {
	t.Parallel()
	sets, requests := 2000, 500
	switch {
	case testing.Short():
		sets /= 100
	case raceEnabled:
		sets /= 20
	}
	d := plainDice{rand.New(rand.NewPCG(1, 2))}
	asked := make([]*policy.Request, requests)
	for range sets {
		kind := drawKind(d)
		for i := range asked {
			asked[i] = drawRequest(d)
		}
		agree(t, drawDocuments(t, d, kind), kind, asked...)
	}
}

// With and without reasons the decision is the same, and the reasons bear it out.
func TestReasonsDoNotChangeTheDecision(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dice := rapidDice{t}
		docs, r := drawDocuments(t, dice, drawKind(dice)), drawRequest(dice)
		if rapid.IntRange(0, 9).Draw(t, "unread") == 0 {
			docs = append(docs, nil)
		}
		var why policy.Reasons
		got := policy.Decide(r, docs, nil)
		if told := policy.Decide(r, docs, &why); told != got || why.Decision != got {
			t.Fatalf("%+v with reasons, %+v without", told, got)
		}
		first := policy.Decision{Document: -1, Statement: -1}
		for i := range why.Statements {
			s := &why.Statements[i]
			all := s.Principal.Matched && s.Action.Matched && s.Resource.Matched
			for _, c := range s.Conditions {
				all = all && c.Matched
			}
			if s.Statement >= 0 && all != s.Matched {
				t.Fatalf("statement matched %v, its elements %v:\n%v", s.Matched, all, s)
			}
			switch {
			case !s.Matched:
			case s.Effect == "Deny" && first.Effect != policy.ExplicitDeny:
				first = policy.Decision{Effect: policy.ExplicitDeny, Document: s.Document, Statement: s.Statement}
			case s.Effect == "Allow" && first.Effect == policy.ImplicitDeny:
				first = policy.Decision{Effect: policy.Allow, Document: s.Document, Statement: s.Statement}
			}
		}
		if first != got {
			t.Fatalf("the reasons add up to %+v, the decision is %+v", first, got)
		}
	})
}

// A further Deny, or a document that cannot be read, only closes; a further
// Allow never undoes a Deny.
func TestDenyOnlyCloses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dice := rapidDice{t}
		kind := drawKind(dice)
		docs, r := drawDocuments(t, dice, kind), drawRequest(dice)
		before := policy.Decide(r, docs, nil).Effect
		at := rapid.IntRange(0, len(docs)).Draw(t, "at")

		deny := compile(t, dice, kind, []any{drawStatement(dice, kind, "Deny")})
		after := policy.Decide(r, slices.Insert(slices.Clone(docs), at, deny), nil).Effect
		if after != before && after != policy.ExplicitDeny {
			t.Fatalf("with a Deny more, %v became %v", before, after)
		}
		allow := compile(t, dice, kind, []any{drawStatement(dice, kind, "Allow")})
		after = policy.Decide(r, slices.Insert(slices.Clone(docs), at, allow), nil).Effect
		if after != before && (before != policy.ImplicitDeny || after != policy.Allow) {
			t.Fatalf("with an Allow more, %v became %v", before, after)
		}
		after = policy.Decide(r, slices.Insert(slices.Clone(docs), at, nil), nil).Effect
		if after != policy.ExplicitDeny {
			t.Fatalf("with a document that cannot be read, %v", after)
		}
	})
}

// The order of documents, and of the statements in one, never matters.
func TestOrderNeverMatters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dice := rapidDice{t}
		kind := drawKind(dice)
		r := drawRequest(dice)
		statements := drawStatements(dice, kind, "Allow", "Deny")
		const version = "2012-10-17"
		want := policy.Decide(r, []*policy.Document{compileVersion(t, kind, version, statements)}, nil).Effect
		moved := rapid.Permutation(statements).Draw(t, "moved")
		if got := policy.Decide(r, []*policy.Document{compileVersion(t, kind, version, moved)}, nil).Effect; got != want {
			t.Fatalf("moved in one document: %v, want %v", got, want)
		}
		var docs []*policy.Document
		for _, s := range moved {
			docs = append(docs, compileVersion(t, kind, version, []any{s}))
		}
		if got := policy.Decide(r, docs, nil).Effect; got != want {
			t.Fatalf("one document each: %v, want %v", got, want)
		}
	})
}

// The properties would be empty if one effect were all that is ever drawn.
func TestReferenceMeetsAllEffects(t *testing.T) {
	t.Parallel()
	d := plainDice{rand.New(rand.NewPCG(3, 4))}
	for _, kind := range []policy.Kind{policy.Identity, policy.Trust, policy.Resource, policy.Session, policy.Boundary} {
		seen := map[policy.Effect]int{}
		for range 300 {
			seen[policy.Decide(drawRequest(d), drawDocuments(t, d, kind), nil).Effect]++
		}
		for _, e := range []policy.Effect{policy.ImplicitDeny, policy.Allow, policy.ExplicitDeny} {
			if seen[e] < 15 {
				t.Errorf("%v was drawn %d times of 300 for %v", e, seen[e], kind)
			}
		}
	}
}
