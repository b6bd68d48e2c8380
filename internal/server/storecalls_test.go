package server

import (
	"context"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/metrics"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

// TestStoreCalls: what a store that was closed does not answer is counted, by what was
// asked; what it answers is not, nor what nobody waits for.
func TestStoreCalls(t *testing.T) {
	t.Parallel()
	s, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New(metrics.Build{})
	calls := storeCalls{s, m}
	counted := func() string {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		var lines []string
		for line := range strings.Lines(w.Body.String()) {
			if strings.HasPrefix(line, "daypass_store_errors_total{") && !strings.HasSuffix(line, " 0\n") {
				lines = append(lines, strings.TrimPrefix(strings.TrimSpace(line), "daypass_store_errors_total"))
			}
		}
		return strings.Join(lines, " ")
	}
	now := time.Now()
	id := store.AccessKeyID("123456789012", "AKIA")
	if _, err := calls.Get(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	if first, err := calls.UseOnce(t.Context(), "scope", "key", now, now.Add(time.Hour)); !first || err != nil {
		t.Errorf("the first use: %v, %v", first, err)
	}
	if first, err := calls.UseOnce(t.Context(), "scope", "key", now, now.Add(time.Hour)); first || err != nil {
		t.Errorf("the second use: %v, %v", first, err)
	}
	if _, err := calls.UseOnce(t.Context(), "", "key", now, now.Add(time.Hour)); !errors.Is(err, store.ErrInvalidUse) {
		t.Errorf("a use of nothing: %v", err)
	}
	if got := counted(); got != "" {
		t.Errorf("of answers are counted %s", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{gone, t.Context()} {
		if _, err := calls.Get(ctx, id); err == nil {
			t.Error("a closed store answers")
		}
		if first, err := calls.UseOnce(ctx, "scope", "other", now, now.Add(time.Hour)); first || err == nil {
			t.Errorf("a closed store admits a token: %v, %v", first, err)
		}
	}
	if got := counted(); got != `{call="use"} 1 {call="value"} 1` {
		t.Errorf("of failures are counted %s", got)
	}
}
