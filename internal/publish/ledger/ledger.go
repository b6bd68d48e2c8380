// Package ledger knows what may be published of an issuer's keys, and the
// record of what was: which key, who vouched for it, when it goes.
//
// A Ledger is a chain of entries, one JSON document a line, each with the hash of
// the line before. An entry "intent" says the whole state that is to be public,
// before anything is written; "done" says that it is. So whoever finds an intent
// without its done knows how to go on.
//
// The package is pure: documents and the time come as arguments.
package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Refusal is a rule of safety that was not met. Nothing was changed.
type Refusal struct {
	Rule string // a short name, for programs
	Text string
}

// Error is the text: what was found, and the next step.
func (r *Refusal) Error() string { return r.Text }

// refuse makes a Refusal.
func refuse(rule, format string, args ...any) error {
	return &Refusal{rule, fmt.Sprintf(format, args...)}
}

// The kinds of entry.
const (
	Intent = "intent"
	Done   = "done"
)

// The statuses of a published key.
const (
	Staged  = "staged"  // published before the issuer signs with it
	Active  = "active"  // the issuer has it
	Retired = "retired" // the issuer has it no more; tokens that it signed are still valid
)

// The ways in which a key was vouched for.
const (
	Approved = "approved" // a person compared the thumbprint
	Proven   = "proven"   // a live token of the issuer was verified with it
)

// Published is a key that is public, and why.
type Published struct {
	Key        Key       `json:"key"`
	Thumbprint string    `json:"thumbprint"`
	Status     string    `json:"status"`
	How        string    `json:"how"` // Approved or Proven
	By         string    `json:"by"`  // the person; for Proven the token's jti
	Since      time.Time `json:"since"`
	// RetiredAt and Leaves are of a retired key: when the issuer was first seen
	// without it, and from when on it may go.
	RetiredAt time.Time `json:"retiredAt,omitzero"`
	Leaves    time.Time `json:"leaves,omitzero"`
}

// State is what is, or is to be, public.
type State struct {
	Issuer  string      `json:"issuer"`
	JWKSURI string      `json:"jwksUri"`
	Keys    []Published `json:"keys"`
	// Revoked are the thumbprints of keys that are never published again.
	Revoked []string `json:"revoked,omitempty"`
	// Ignored are the thumbprints of the issuer's keys that were not chosen, such
	// as that with which GitLab signs people in.
	Ignored []string `json:"ignored,omitempty"`
}

// Public are the keys of the set.
func (s *State) Public() []Key {
	keys := make([]Key, len(s.Keys))
	for i := range s.Keys {
		keys[i] = s.Keys[i].Key
	}
	return keys
}

// Documents are the two that are public.
func (s *State) Documents() (keys, discovery []byte) {
	return RenderKeys(s.Public()), Discovery(s.Issuer, s.JWKSURI, s.Public())
}

// find is the key of a thumbprint, or nil.
func (s *State) find(thumbprint string) *Published {
	for i := range s.Keys {
		if s.Keys[i].Thumbprint == thumbprint {
			return &s.Keys[i]
		}
	}
	return nil
}

// Find is the published key of a kid or thumbprint.
func (s *State) Find(name string) (Published, bool) {
	for i := range s.Keys {
		if k := &s.Keys[i]; k.Key.Kid == name || k.Thumbprint == name {
			return *k, true
		}
	}
	return Published{}, false
}

func (s *State) clone() *State {
	c := *s
	c.Keys, c.Revoked, c.Ignored = slices.Clone(s.Keys), slices.Clone(s.Revoked), slices.Clone(s.Ignored)
	return &c
}

// Entry is one line.
type Entry struct {
	Sequence uint64    `json:"sequence"` // 1 for the first
	Time     time.Time `json:"time"`
	Kind     string    `json:"kind"`
	By       string    `json:"by"`               // who ran the publisher
	Change   string    `json:"change,omitempty"` // in words
	State    *State    `json:"state,omitempty"`  // of an intent
	// ETag and Version are of a done: the object with the keys, as its store has it.
	ETag    string `json:"etag,omitempty"`
	Version string `json:"version,omitempty"`
	// Checks are of a done: what was seen afterwards.
	Checks   []string `json:"checks,omitempty"`
	Previous string   `json:"previous"` // SHA-256 of the line before, hex; "" in the first
}

// Ledger is a record that was read and found whole. The zero Ledger is empty.
type Ledger struct {
	text    []byte
	entries []Entry
}

// MaxBytes is the longest record that is read. An entry has some KiB.
const MaxBytes = 32 << 20

// Parse reads a record and holds each entry against the one before: number,
// hash, and what the rules allow as a change.
func Parse(text []byte) (*Ledger, error) {
	l := &Ledger{}
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("ledger: the record has %d bytes; at most %d are read", len(text), MaxBytes)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return nil, fmt.Errorf("ledger: the record was cut off: its last line has no end")
	}
	for line := range bytes.Lines(text) {
		if err := l.add(line); err != nil {
			return nil, fmt.Errorf("ledger: entry %d: %w", len(l.entries)+1, err)
		}
	}
	return l, nil
}

// add takes a line, with its line break.
func (l *Ledger) add(line []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var e Entry
	if err := decoder.Decode(&e); err != nil {
		return fmt.Errorf("it was edited: %w", err)
	}
	if want := l.Head(); e.Sequence != uint64(len(l.entries))+1 || e.Previous != want {
		return fmt.Errorf("it does not follow the entry before it, whose hash is %q: one of the two was edited, or an entry taken out", want)
	}
	if n := len(l.entries); n > 0 && e.Time.Before(l.entries[n-1].Time) {
		return fmt.Errorf("its time %s is before that of the entry before it", e.Time.Format(time.RFC3339))
	}
	switch {
	case e.Kind == Intent && e.State != nil:
		if err := checkChange(l.State(), e.State, e.Time); err != nil {
			return err
		}
	case e.Kind == Done && l.Pending() && e.State == nil:
	default:
		return fmt.Errorf("a %s does not stand here", shown(e.Kind))
	}
	l.entries = append(l.entries, e)
	l.text = append(l.text, line...)
	return nil
}

// Append gives the record with one entry more. Sequence and Previous are filled
// in; a time before the last entry's, of another machine's clock, becomes that.
func (l *Ledger) Append(e Entry) (*Ledger, error) {
	e.Sequence, e.Previous, e.Time = uint64(len(l.entries))+1, l.Head(), e.Time.UTC().Truncate(time.Second)
	if n := len(l.entries); n > 0 && e.Time.Before(l.entries[n-1].Time) {
		e.Time = l.entries[n-1].Time
	}
	line, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	next := &Ledger{text: bytes.Clone(l.text), entries: slices.Clone(l.entries)}
	if err := next.add(append(line, '\n')); err != nil {
		return nil, err
	}
	return next, nil
}

// Bytes are the record as it is kept.
func (l *Ledger) Bytes() []byte { return bytes.Clone(l.text) }

// Entries are all, the oldest first.
func (l *Ledger) Entries() []Entry { return slices.Clone(l.entries) }

// Head is the hash of the last line, "" where there is none. Whoever has kept it
// can tell whether the record was rewritten.
func (l *Ledger) Head() string {
	text := bytes.TrimSuffix(l.text, []byte("\n"))
	if len(text) == 0 {
		return ""
	}
	sum := sha256.Sum256(text[bytes.LastIndexByte(text, '\n')+1:])
	return hex.EncodeToString(sum[:])
}

// State is the newest, whether or not it is public yet; nil before the first.
func (l *Ledger) State() *State {
	for _, e := range slices.Backward(l.entries) {
		if e.State != nil {
			return e.State
		}
	}
	return nil
}

// Pending says that the newest state may not be public, or only in part.
func (l *Ledger) Pending() bool {
	return len(l.entries) > 0 && l.entries[len(l.entries)-1].Kind == Intent
}

// Extends reports whether l is other with nothing or something behind it.
func (l *Ledger) Extends(other *Ledger) bool { return bytes.HasPrefix(l.text, other.text) }

// Holds reports whether a hash that was kept is that of an entry.
func (l *Ledger) Holds(head string) bool {
	for line := range bytes.Lines(l.text) {
		if sum := sha256.Sum256(bytes.TrimSuffix(line, []byte("\n"))); strings.EqualFold(hex.EncodeToString(sum[:]), head) {
			return true
		}
	}
	return false
}

// checkChange holds the rules of a change of state, whoever wrote it.
func checkChange(old, next *State, at time.Time) error {
	if old == nil {
		old = &State{Issuer: next.Issuer, JWKSURI: next.JWKSURI}
		for i := range next.Keys {
			if next.Keys[i].How != Approved {
				return fmt.Errorf("the first publication has a key that no person approved")
			}
		}
	}
	if next.Issuer != old.Issuer || next.JWKSURI != old.JWKSURI {
		return fmt.Errorf("it changes the issuer %s or where its keys are; another issuer has a ledger of its own", old.Issuer)
	}
	added, removed := 0, 0
	for i := range next.Keys {
		k := &next.Keys[i]
		before := old.find(k.Thumbprint)
		switch {
		case k.Key.Thumbprint() != k.Thumbprint:
			return fmt.Errorf("the thumbprint of %s is not that of its key", shown(k.Key.Kid))
		case k.How != Approved && k.How != Proven || k.By == "":
			return fmt.Errorf("nobody vouched for the key %s", k.Thumbprint)
		case slices.Contains(next.Revoked, k.Thumbprint):
			return fmt.Errorf("the key %s was revoked", k.Thumbprint)
		case before == nil:
			added++
		case before.Key.Kid != k.Key.Kid:
			return fmt.Errorf("the key %s has another kid than before", k.Thumbprint)
		}
	}
	for _, thumbprint := range old.Revoked {
		if !slices.Contains(next.Revoked, thumbprint) {
			return fmt.Errorf("the revocation of %s is taken back", thumbprint)
		}
	}
	for i := range old.Keys {
		k := &old.Keys[i]
		if next.find(k.Thumbprint) != nil {
			continue
		}
		removed++
		if !slices.Contains(next.Revoked, k.Thumbprint) && (k.Status != Retired || at.Before(k.Leaves)) {
			return fmt.Errorf("the key %s was taken out before its time", k.Thumbprint)
		}
	}
	if added > 0 && removed > 0 {
		return fmt.Errorf("keys come and go in one change")
	}
	return nil
}

// Unpublished are the keys of an issuer that are neither public nor were set
// aside. A revoked one is among them: what it signs is refused.
func (s *State) Unpublished(upstream []Key) []string {
	var list []string
	for _, k := range upstream {
		if t := k.Thumbprint(); s.find(t) == nil && !slices.Contains(s.Ignored, t) {
			list = append(list, t)
		}
	}
	return list
}
