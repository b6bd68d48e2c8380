package console

import (
	"strconv"
	"testing"
	"time"
)

// TestGuesses: a key that is guessed at from many addresses is locked for a while,
// made-up keys lock nobody else, and no more are remembered than said.
func TestGuesses(t *testing.T) {
	t.Parallel()
	g := guesses[string]{limit: keyLimit}
	now := time.Unix(1_800_000_000, 0)
	for range keyLimit {
		if g.wait("AKIA1", now) != 0 {
			t.Fatal("locked before the limit")
		}
		g.wrong("AKIA1", now)
	}
	if wait := g.wait("AKIA1", now.Add(time.Minute)); wait != guessWindow-time.Minute {
		t.Errorf("at the limit one waits %v", wait)
	}
	for i := range 2 * guessMost {
		g.wrong("made up "+strconv.Itoa(i), now.Add(time.Duration(i)))
		if g.wait("AKIA2", now) != 0 {
			t.Fatal("made-up keys lock another")
		}
	}
	if len(g.seen) > guessMost {
		t.Errorf("%d are remembered", len(g.seen))
	}
	g.wrong("AKIA3", now)
	later := now.Add(2 * guessWindow)
	if g.wait("AKIA3", later) != 0 {
		t.Error("locked for ever")
	}
	if g.wrong("AKIA3", later); g.seen["AKIA3"].count != 1 {
		t.Errorf("what is over counts: %+v", g.seen["AKIA3"])
	}
}
