package analyzer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
)

// maxTold bounds the events that a node tells another in one answer, in bytes: 1 MiB.
const maxTold = 1 << 20

// find asks for events of a node's record, the newest first.
type find struct {
	Query   audit.Query `json:"query"`
	Outcome string      `json:"outcome,omitempty"` // as in ListDecisionsInput
	Max     int         `json:"max"`
	After   mark        `json:"after"` // the event after which those that are asked for come
}

// found is what there is of them.
type found struct {
	Lines []json.RawMessage `json:"lines"` // as they are in the record
	More  bool              `json:"more"`  // than these

	node   string
	events []*audit.Event // those of Lines
}

// mark is an event at which a page of a node's record ended.
type mark struct {
	RequestID string    `json:"r,omitempty"`
	Before    time.Time `json:"t,omitzero"` // every event that follows began before
}

// markOf: events are found in the reverse of the order in which they were written,
// and one that was written before this one began before this one was.
func markOf(e *audit.Event) mark { return mark{e.RequestID, e.Time.Add(e.Duration + time.Second)} }

// cursor is where a page over the records of several nodes ended.
type cursor struct {
	Asked time.Time       `json:"t"` // when the first page was
	Marks map[string]mark `json:"m"` // by node; of others nothing was taken yet

	first bool // nothing was asked for before
}

func (c *cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func readCursor(next string, now time.Time) (*cursor, error) {
	if next == "" {
		return &cursor{Asked: now, first: true}, nil
	}
	c := new(cursor)
	text, err := base64.RawURLEncoding.DecodeString(next)
	if err != nil || json.Unmarshal(text, c) != nil || c.Asked.IsZero() || len(c.Marks) == 0 {
		return nil, awsapi.Invalid("The value of next is not that of a page.")
	}
	return c, nil
}

// of gives what is asked of one node. One of which nothing was taken yet is asked for
// what began before the first page was asked for: later pages have nothing newer.
func (c *cursor) of(node string, f find) find {
	if c.first {
		return f
	}
	bound := c.Asked
	if m, ok := c.Marks[node]; ok {
		f.After, bound = m, m.Before
	}
	if f.Query.To.IsZero() || bound.Before(f.Query.To) {
		f.Query.To = bound
	}
	return f
}

// findHere reads the record of this node.
func (s *service) findHere(ctx context.Context, account string, f *find) (*found, error) {
	out, told := &found{Lines: []json.RawMessage{}, node: s.NodeName}, 0
	passed := f.After.RequestID == ""
	for record, err := range s.Events(f.Query) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		e := &record.Event
		if !passed {
			passed = e.RequestID == f.After.RequestID
			continue
		}
		if !belongs(e, account) || f.Outcome == "failed" && e.Outcome() != audit.Failed {
			continue
		}
		if told += len(record.Line); len(out.events) == f.Max || told > maxTold && len(out.events) > 0 {
			out.More = true
			break
		}
		out.events, out.Lines = append(out.events, e), append(out.Lines, record.Line)
	}
	return out, nil
}

// findAll reads the records of all nodes, each as of says, and names the nodes that did
// not tell.
func (s *service) findAll(ctx context.Context, account string, of func(node string) find) (all []*found, silent []string, err error) {
	f := of(s.NodeName)
	own, err := s.findHere(ctx, account, &f)
	if err != nil {
		return nil, nil, err
	}
	theirs, silent := askOthers[found](ctx, s, "", func(node string) *question {
		f := of(node)
		return &question{Account: account, Find: &f}
	})
	all = append(all, own)
	for _, t := range theirs {
		f := &t.told
		f.node = t.node
		if f.read() != nil { // of a version that tells otherwise
			silent = append(silent, t.node)
			continue
		}
		all = append(all, f)
	}
	return all, silent, nil
}

// read makes the events of the lines.
func (f *found) read() error {
	for _, line := range f.Lines {
		e := new(audit.Event)
		if err := json.Unmarshal(line, e); err != nil {
			return err
		}
		f.events = append(f.events, e)
	}
	return nil
}

// entry is an event and the node whose record has it.
type entry struct {
	*audit.Event
	node string
}

// merge gives the newest events of all, up to most, and where they end: nil where there
// are no more. What one node told stays in its order.
func merge(all []*found, most int, from *cursor) (list []entry, next *cursor) {
	next = &cursor{Asked: from.Asked, Marks: map[string]mark{}}
	for node, m := range from.Marks {
		next.Marks[node] = m
	}
	at := make([]int, len(all))
	for len(list) < most {
		newest := -1
		for i, f := range all {
			switch {
			case at[i] < len(f.events):
				if newest < 0 || all[newest].events[at[newest]].Time.Before(f.events[at[i]].Time) {
					newest = i
				}
			case f.More: // which may be newer than all that others have told
				return list, next
			}
		}
		if newest < 0 {
			return list, nil
		}
		e := all[newest].events[at[newest]]
		at[newest]++
		list = append(list, entry{e, all[newest].node})
		next.Marks[all[newest].node] = markOf(e)
	}
	for i, f := range all {
		if f.More || at[i] < len(f.events) {
			return list, next
		}
	}
	return list, nil
}
