package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

// collect gives the letters of the boxes as text.
func collect(t *testing.T, s *sqlstore.Postgres, boxes ...string) string {
	t.Helper()
	letters, err := s.Collect(t.Context(), boxes...)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.Join(letters, []byte(" ")))
}

func send(t *testing.T, s *sqlstore.Postgres, box, letter string) {
	t.Helper()
	if err := s.Send(t.Context(), box, []byte(letter)); err != nil {
		t.Fatal(err)
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	a, b := openPostgres(t, url), openPostgres(t, url)
	send(t, a, "b", "1")
	send(t, a, "c", "2")
	send(t, a, "b", "3")
	send(t, b, "b/own", "4")
	if got := collect(t, b, "b", "b/own"); got != "1 3 4" {
		t.Errorf("b has %q, want its letters in order", got)
	}
	if got := collect(t, b, "b", "b/own"); got != "" {
		t.Errorf("b has %q once more", got)
	}
	if got := collect(t, openPostgres(t, url), "c"); got != "2" {
		t.Errorf("c has %q, want 2", got)
	}
	if revision, err := a.Revision(t.Context()); err != nil || revision != 0 {
		t.Errorf("letters took revision %d, %v", revision, err)
	}
	for _, tt := range []struct {
		box   string
		bytes int
	}{{"", 1}, {"b", store.MaxLetterBytes + 1}} {
		if err := a.Send(t.Context(), tt.box, make([]byte, tt.bytes)); !errors.Is(err, store.ErrInvalidLetter) {
			t.Errorf("%d bytes to %q: %v", tt.bytes, tt.box, err)
		}
	}
	if err := a.Send(t.Context(), "b", make([]byte, store.MaxLetterBytes)); err != nil {
		t.Errorf("the longest letter: %v", err)
	}
	if got := collect(t, b, "b"); len(got) != store.MaxLetterBytes {
		t.Errorf("the longest letter has %d bytes", len(got))
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	_, collected := a.Collect(t.Context(), "b")
	for _, err := range []error{a.Send(t.Context(), "b", nil), collected} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("on a closed store: %v", err)
		}
	}
}

// Of several that collect at once, each letter has one.
func TestMailOnce(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	a, b := openPostgres(t, url), openPostgres(t, url)
	const letters = 250 // more than are collected in one step
	for i := range letters {
		send(t, a, "box", fmt.Sprint(i))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for _, s := range []*sqlstore.Postgres{a, b, a, b} {
		wg.Go(func() {
			for {
				got, err := s.Collect(t.Context(), "box")
				if err != nil {
					t.Error(err)
				}
				if len(got) == 0 {
					return
				}
				mu.Lock()
				for _, letter := range got {
					seen[string(letter)]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	// Who meets letters that another is just taking can find none and stop.
	rest, err := a.Collect(t.Context(), "box")
	if err != nil {
		t.Fatal(err)
	}
	for _, letter := range rest {
		seen[string(letter)]++
	}
	for i := range letters {
		if n := seen[fmt.Sprint(i)]; n != 1 {
			t.Errorf("letter %d was collected %d times", i, n)
		}
	}
}

// Letters that nobody collected are not given late, and are cleared away.
func TestMailLasts(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	s := openPostgres(t, url)
	send(t, s, "a", "old")
	send(t, s, "gone", "old")
	table := schemaIn(t, url) + ".daypass_letters"
	sqlIn(t, `UPDATE `+table+` SET sent = sent - interval '61 seconds'`)
	if got := collect(t, s, "a"); got != "" {
		t.Errorf("a letter is given after its time: %q", got)
	}
	send(t, s, "b", "new")
	if n := strings.TrimSpace(sqlIn(t, `SELECT count(*) FROM `+table)); n != "1" {
		t.Errorf("%s letters are kept, want the new one alone", n)
	}
}

// Who waits at a box hears of its letters, for as long as the feed is heard; who follows
// the store does not.
func TestMailTells(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	a, b := openPostgres(t, url), openPostgres(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	writes, listened := make(chan struct{}, 10), make(chan struct{})
	go func() {
		defer close(listened)
		_ = b.Listen(ctx, func() { writes <- struct{}{} }) // it ends because it is told to
	}()
	defer func() { cancel(); <-listened }()
	wait := func(what string, c <-chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(30 * time.Second):
			t.Fatal("nothing was told of", what)
		}
	}
	box, other := b.Letters("box"), b.Letters("other")
	wait("the beginning", writes)
	send(t, openPostgres(t, postgresURL(t)), "other", "of another store")
	send(t, a, "nobody", "1")
	send(t, a, "box", "2")
	wait("a letter", box)
	if _, err := put(a, "a", "1"); err != nil {
		t.Fatal(err)
	}
	wait("a write", writes)
	select {
	case <-writes:
		t.Error("a letter was told as a write")
	case <-other:
		t.Error("a letter was told at another box, or of another store")
	default:
	}
}
