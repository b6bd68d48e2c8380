package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Head is the end of a record: the number and the hash of its last event. The
// zero Head is that of an empty one. Whoever has kept a head can tell that the
// record has not been changed or cut off before it.
type Head struct {
	Sequence uint64            // 1 for the first event of a record
	Hash     [sha256.Size]byte // SHA-256 of its line, without the line break
}

// hashEncoding is how hashes are written: 43 characters.
var hashEncoding = base64.RawURLEncoding

// String is SEQUENCE:HASH, which ParseHead reads.
func (h Head) String() string {
	return strconv.FormatUint(h.Sequence, 10) + ":" + h.hash()
}

func (h Head) hash() string {
	if h.Sequence == 0 {
		return ""
	}
	return hashEncoding.EncodeToString(h.Hash[:])
}

// ParseHead reads what Head.String writes.
func ParseHead(text string) (Head, error) {
	number, hash, ok := strings.Cut(text, ":")
	sequence, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return Head{}, fmt.Errorf("audit: %q is no head of a record, which is written SEQUENCE:HASH", text)
	}
	if sequence == 0 && hash == "" {
		return Head{}, nil
	}
	h := Head{Sequence: sequence}
	raw, err := hashEncoding.Strict().DecodeString(hash)
	if err != nil || len(raw) != len(h.Hash) || sequence == 0 {
		return Head{}, fmt.Errorf("audit: %q is no head of a record: its hash is not 43 characters of base64url", text)
	}
	copy(h.Hash[:], raw)
	return h, nil
}

// link is what binds a line to the one before it, which stands at the line's end,
// and what else the keeping of a record goes by.
type link struct {
	Sequence uint64    `json:"sequence"`
	Previous string    `json:"previous"` // hash of the line before; "" in the first
	Time     time.Time `json:"time"`
	Retired  string    `json:"retired"`
}

// appendLink puts the link to head behind the last member of an event's JSON.
// Its bytes are the chain's: a reader hashes lines as they stand.
func appendLink(line []byte, head Head) []byte {
	line = append(line[:len(line)-1], `,"sequence":`...) // an event always has members
	line = strconv.AppendUint(line, head.Sequence+1, 10)
	line = append(line, `,"previous":"`...)
	line = append(line, head.hash()...)
	return append(line, `"}`...)
}

// after is the head of a record that ended with h and now with line.
func (h Head) after(line []byte) Head {
	return Head{Sequence: h.Sequence + 1, Hash: sha256.Sum256(line)}
}

// errNoLink is of a line that was written before there was a chain.
var errNoLink = errors.New("audit: the line has no number")

// linkOf reads a line's link.
func linkOf(line []byte) (link, error) {
	var l link
	if err := json.Unmarshal(line, &l); err != nil {
		return link{}, fmt.Errorf("audit: the line is no event: %w", err)
	}
	if l.Sequence == 0 {
		return link{}, errNoLink
	}
	return l, nil
}

// isWhole reports whether a line ended as events do; one that a crash or a full
// disk cut off does not.
func isWhole(line []byte) bool {
	return len(line) > 1 && line[0] == '{' && line[len(line)-1] == '}' && json.Valid(line)
}

// lines calls each for every line of text that is not empty, with its offset,
// until that says no. The last may be without its line break.
func lines(text []byte, each func(offset int, line []byte) bool) {
	for offset := 0; offset < len(text); {
		end := bytes.IndexByte(text[offset:], '\n')
		if end < 0 {
			end = len(text) - offset
		}
		if end > 0 && !each(offset, text[offset:offset+end]) {
			return
		}
		offset += end + 1
	}
}
