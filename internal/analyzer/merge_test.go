package analyzer

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"

	"pgregory.net/rapid"
)

// recordOf is a service over events in the order in which they were written.
type recordOf struct{ written []audit.Record }

func (r *recordOf) service(name string) *service {
	return &service{Config: Config{NodeName: name, Events: func(q audit.Query) iter.Seq2[audit.Record, error] {
		return func(yield func(audit.Record, error) bool) {
			for _, record := range slices.Backward(r.written) {
				if q.Matches(&record.Event) && !yield(record, nil) {
					return
				}
			}
		}
	}}}
}

// Page by page, over any number of nodes that go on to write: each event that there was
// at the beginning is told once, and none that came later. Where a node writes its events
// in the order in which they began, all are told in that order.
func TestPagesOverNodes(t *testing.T) {
	t.Parallel()
	const account = "123456789012"
	asked := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		instant := rapid.Bool().Draw(t, "requests take no time")
		line := make([]byte, rapid.SampledFrom([]int{100, maxTold / 2, maxTold + 1}).Draw(t, "bytes of a line"))
		records := make([]*recordOf, rapid.IntRange(1, 4).Draw(t, "nodes"))
		want := map[string]bool{}
		for n := range records {
			r := &recordOf{}
			for i := range rapid.IntRange(0, 12).Draw(t, "events") {
				e := audit.Event{RequestID: fmt.Sprint(n, "-", i), Account: account, Status: 200, Time: asked.Add(-time.Duration(rapid.IntRange(1, 20).Draw(t, "age")) * time.Second)}
				if !instant {
					e.Duration = time.Duration(rapid.IntRange(0, 8).Draw(t, "took")) * time.Second
				}
				want[e.RequestID] = true
				r.written = append(r.written, audit.Record{Event: e, Line: line})
			}
			end := func(r audit.Record) time.Time { return r.Time.Add(r.Duration) }
			slices.SortStableFunc(r.written, func(a, b audit.Record) int { return end(a).Compare(end(b)) })
			records[n] = r
		}
		size := rapid.IntRange(1, 5).Draw(t, "page size")
		var told []entry
		for next, pages := "", 0; ; pages++ {
			if pages > len(want)+1 {
				t.Fatalf("%d pages of %d events", pages, len(want))
			}
			from, err := readCursor(next, asked)
			if err != nil {
				t.Fatal(err)
			}
			var all []*found
			for n, r := range records {
				s := r.service(fmt.Sprint("node ", n))
				f := from.of(s.NodeName, find{Max: size})
				here, err := s.findHere(t.Context(), account, &f)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, here)
				r.written = append(r.written, audit.Record{Line: line, Event: audit.Event{
					RequestID: fmt.Sprint("later ", n, pages), Account: account, Status: 200, Time: asked.Add(time.Duration(pages+1) * time.Second),
				}})
			}
			list, cursor := merge(all, size, from)
			if len(list) > size || len(list) == 0 && cursor != nil {
				t.Fatalf("a page has %d events of %d, and then come others: %v", len(list), size, cursor != nil)
			}
			told = append(told, list...)
			if cursor == nil {
				break
			}
			next = cursor.String()
		}
		for i, e := range told {
			if !want[e.RequestID] {
				t.Errorf("%s is told twice, or was not there", e.RequestID)
			}
			delete(want, e.RequestID)
			if instant && i > 0 && told[i-1].Time.Before(e.Time) {
				t.Errorf("%s comes after %s, which began before it", e.RequestID, told[i-1].RequestID)
			}
			if e.node == "" {
				t.Errorf("%s is of no node", e.RequestID)
			}
		}
		for id := range want {
			t.Errorf("%s is not told", id)
		}
	})
}
