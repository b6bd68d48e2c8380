package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// Mark is what a store keeps of something that was used: one size, whatever the
// key, and nobody learns the key from it who could not guess it.
type Mark [sha256.Size]byte

// MarkOf gives the mark of a use, with an error that matches ErrInvalidUse
// where there can be none. It is for those who write a Store.
func MarkOf(scope, key string, now, until time.Time) (Mark, error) {
	if scope == "" || key == "" {
		return Mark{}, fmt.Errorf("%w: the scope or the key is empty", ErrInvalidUse)
	}
	if !until.After(now) {
		return Mark{}, fmt.Errorf("%w: it would be over at once, at %v", ErrInvalidUse, until)
	}
	// The scope's length goes first, so that the two cannot shift.
	text := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64+len(scope)+len(key)), uint64(len(scope)))
	text = append(text, scope...)
	return sha256.Sum256(append(text, key...)), nil
}
