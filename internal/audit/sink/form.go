package sink

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/daypass/daypass/internal/audit"
)

// texts are the events in the sink's form, one a line.
func (b *batch) texts() ([][]byte, error) {
	texts := make([][]byte, len(b.lines))
	for i, line := range b.lines {
		texts[i] = line.Text
		if !b.cloudTrail {
			continue
		}
		r, err := audit.Decode(line.Text)
		if err == nil {
			texts[i], err = json.Marshal(r.CloudTrail())
		}
		if err != nil {
			return nil, fmt.Errorf("event %d in CloudTrail's form: %w", line.Sequence, err)
		}
	}
	return texts, nil
}

// ndjson is all of them, each with its line break.
func (b *batch) ndjson() ([]byte, error) {
	texts, err := b.texts()
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, text := range texts {
		all = append(append(all, text...), '\n')
	}
	return all, nil
}

// stdout writes lines to a stream that may be a pipe whose reader is slow.
type stdout struct {
	w    io.Writer
	busy chan struct{} // holds one while a write is under way
}

// NewStdout writes each event as a line of JSON. An event counts as taken once it is
// written: what a reader has not read when it ends is lost to it.
func NewStdout(w io.Writer) Target { return &stdout{w: w, busy: make(chan struct{}, 1)} }

func (*stdout) kind() string { return "stdout" }
func (*stdout) plans() bool  { return false }
func (*stdout) close()       {}

// deliver waits no longer than ctx. A write that is under way then goes on: who reads
// may get what it ends with again.
func (s *stdout) deliver(ctx context.Context, b *batch) error {
	text, err := b.ndjson()
	if err != nil {
		return err
	}
	select {
	case s.busy <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	written := make(chan error, 1)
	go func() {
		_, err := s.w.Write(text)
		<-s.busy
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
