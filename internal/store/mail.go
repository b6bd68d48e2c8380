package store

import (
	"context"
	"errors"
	"time"
)

// Limits of a letter.
const (
	// MaxLetterBytes bounds a letter: 4 MiB.
	MaxLetterBytes = 4 << 20
	// LetterLasts is how long a letter waits to be collected, by the clock of the
	// place; then it may be gone.
	LetterLasts = time.Minute
)

// ErrInvalidLetter says that a letter is too long, or its box has no name.
var ErrInvalidLetter = errors.New("store: the letter cannot be sent")

// Mail is a store through which the processes that share it write to one another: each
// collects its own boxes. It is for what may be lost. A letter that was sent is there
// until somebody collects it or LetterLasts is over; but a place that fails, starts anew
// or fails over may lose all of them. Letters are no records: they take no revision,
// followers do not see them, and no copy of the store has them.
type Mail interface {
	// Send puts a letter into a box, which need not be there before. The error matches
	// ErrInvalidLetter for a box without a name and for more than MaxLetterBytes.
	Send(ctx context.Context, box string, letter []byte) error
	// Collect takes the letters out of the boxes, the oldest first. Of several that
	// collect at once, one gets each letter.
	Collect(ctx context.Context, boxes ...string) ([][]byte, error)
	// Letters gives a channel on which something arrives soon after a letter was sent
	// to box. It is a hint: who relies on it must collect all the same, now and then.
	// There is one for each box, and it is never closed.
	Letters(box string) <-chan struct{}
}
