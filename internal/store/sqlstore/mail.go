package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/daypass/daypass/internal/store"
)

const (
	// mailPrefix begins, after the schema, what is told of a letter; then follows its box.
	mailPrefix = "/letters/"
	// lettersAtOnce bounds what Collect takes in one step, and what Send clears away.
	lettersAtOnce = 100
)

// sendLetter tells of the letter too, and clears away some that nobody collected.
const sendLetter = `WITH over AS (DELETE FROM daypass_letters WHERE id IN
		(SELECT id FROM daypass_letters WHERE sent < clock_timestamp() - make_interval(secs => $3) ORDER BY sent LIMIT $4 FOR UPDATE SKIP LOCKED)),
	sent AS (INSERT INTO daypass_letters (box, letter) VALUES ($1, $2))
	SELECT pg_notify('` + channel + `', current_schema() || '` + mailPrefix + `' || $1)`

const collectLetters = `WITH taken AS (DELETE FROM daypass_letters WHERE id IN
		(SELECT id FROM daypass_letters WHERE box = ANY ($1) ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)
		RETURNING id, letter, sent)
	SELECT letter FROM taken WHERE sent >= clock_timestamp() - make_interval(secs => $2) ORDER BY id`

// letterBoxes are the boxes that somebody of this process waits at.
type letterBoxes struct {
	mu    sync.Mutex
	boxes map[string]chan struct{}
}

func (b *letterBoxes) of(box string) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.boxes[box]
	if !ok {
		if b.boxes == nil {
			b.boxes = map[string]chan struct{}{}
		}
		c = make(chan struct{}, 1)
		b.boxes[box] = c
	}
	return c
}

// tell says that there are letters, to who waits at the box.
func (b *letterBoxes) tell(box string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, ok := b.boxes[box]; ok {
		select {
		case c <- struct{}{}:
		default: // it was told already
		}
	}
}

// heard reads a word of the feed, and reports whether it is of a write.
func (p *Postgres) heard(word string) (write bool) {
	rest, ok := strings.CutPrefix(word, p.schema)
	if box, isLetter := strings.CutPrefix(rest, mailPrefix); ok && isLetter {
		p.letters.tell(box)
	}
	return ok && rest == ""
}

// Letters implements store.Mail. Something arrives for as long as somebody listens, see
// Listen.
func (p *Postgres) Letters(box string) <-chan struct{} { return p.letters.of(box) }

// Send implements store.Mail.
func (p *Postgres) Send(ctx context.Context, box string, letter []byte) error {
	if box == "" || len(letter) > store.MaxLetterBytes {
		return fmt.Errorf("%w: %d bytes to the box %q", store.ErrInvalidLetter, len(letter), box)
	}
	if err := p.begin(); err != nil {
		return err
	}
	defer p.inflight.Done()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if _, err := p.reader.ExecContext(ctx, sendLetter, box, letter, store.LetterLasts.Seconds(), lettersAtOnce); err != nil {
		return fmt.Errorf("sqlstore: send a letter: %w", p.explain(err))
	}
	return nil
}

// Collect implements store.Mail.
func (p *Postgres) Collect(ctx context.Context, boxes ...string) (letters [][]byte, err error) {
	if err := p.begin(); err != nil {
		return nil, err
	}
	defer p.inflight.Done()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	rows, err := p.reader.QueryContext(ctx, collectLetters, boxes, store.LetterLasts.Seconds(), lettersAtOnce)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: collect letters: %w", p.explain(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var letter []byte
		if err := rows.Scan(&letter); err != nil {
			return nil, fmt.Errorf("sqlstore: collect letters: %w", err)
		}
		letters = append(letters, letter)
	}
	return letters, rows.Err()
}
