package session_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/session"
)

func newRing(t testing.TB) *session.Keys {
	t.Helper()
	serialised, err := session.NewKeys(time.Unix(1_800_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := session.ParseKeys(serialised)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestMessages(t *testing.T) {
	t.Parallel()
	keys := newRing(t)
	for _, text := range []string{"", "{}", `{"allowed":false}`, strings.Repeat(`{"key":"aws:SourceIp"}`, 10_000)} {
		sealed, err := keys.SealMessage([]byte(text))
		if err != nil {
			t.Fatalf("seal %d bytes: %v", len(text), err)
		}
		if len(sealed) > session.MaxMessageLength {
			t.Errorf("%d bytes became %d characters", len(text), len(sealed))
		}
		if got, err := keys.OpenMessage(sealed); err != nil || string(got) != text {
			t.Errorf("opened as %d bytes, %v; want %d bytes", len(got), err, len(text))
		}
		for at := 0; at < len(sealed); at += 1 + len(sealed)/20 {
			changed := []byte(sealed)
			changed[at] ^= 1
			if _, err := keys.OpenMessage(string(changed)); !errors.Is(err, session.ErrMessage) {
				t.Errorf("changed at %d: %v, want ErrMessage", at, err)
			}
		}
		if _, err := newRing(t).OpenMessage(sealed); !errors.Is(err, session.ErrMessage) {
			t.Errorf("another ring: %v, want ErrMessage", err)
		}
	}
}

// TestMessagesAreNoSessions: what one seals, the other does not open.
func TestMessagesAreNoSessions(t *testing.T) {
	t.Parallel()
	keys := newRing(t)
	sealed, err := keys.SealMessage([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open("daypass authorization message v1", sealed); !errors.Is(err, session.ErrInvalid) {
		t.Errorf("a message opened as a session: %v", err)
	}
}

func TestMessageBounds(t *testing.T) {
	t.Parallel()
	keys := newRing(t)
	noise := make([]byte, 10_000)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.SealMessage(noise); !errors.Is(err, session.ErrMessageTooLarge) {
		t.Errorf("10,000 random bytes: %v, want ErrMessageTooLarge", err)
	}
	if _, err := keys.SealMessage(bytes.Repeat([]byte("a"), 2<<20)); !errors.Is(err, session.ErrMessageTooLarge) {
		t.Errorf("2 MiB: %v, want ErrMessageTooLarge", err)
	}
	for _, bad := range []string{"", "a", "====", strings.Repeat("A", 400), strings.Repeat("A", 20_000)} {
		if _, err := keys.OpenMessage(bad); !errors.Is(err, session.ErrMessage) {
			t.Errorf("OpenMessage of %d characters: %v, want ErrMessage", len(bad), err)
		}
	}
	var none *session.Keys
	if _, err := none.SealMessage(nil); err == nil {
		t.Error("no ring seals")
	}
	if _, err := none.OpenMessage("AAAA"); !errors.Is(err, session.ErrMessage) {
		t.Errorf("no ring opens: %v", err)
	}
}
