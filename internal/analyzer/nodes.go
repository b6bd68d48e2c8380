package analyzer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// question is what a node asks another: of its pointers one is set.
type question struct {
	Account string    `json:"account"`          // nothing is told of others
	Find    *find     `json:"find,omitempty"`   // answered by found
	Alive   *struct{} `json:"alive,omitempty"`  // answered by alive
	Health  *struct{} `json:"health,omitempty"` // answered by NodeHealth
}

// Answer answers a question of another node of the store, which asks for a caller that
// it has let ask.
func (a *Analyzer) Answer(ctx context.Context, asked []byte) ([]byte, error) {
	q := new(question)
	if err := json.Unmarshal(asked, q); err != nil {
		return nil, fmt.Errorf("analyzer: the question of another node: %w", err)
	}
	s := a.service
	switch {
	case q.Find != nil:
		return told(s.findHere(ctx, q.Account, q.Find))
	case q.Alive != nil:
		return told(s.aliveHere(ctx, q.Account, s.Now()))
	case q.Health != nil:
		return told(s.healthHere(s.Snapshot(), q.Account, s.Now()), nil)
	}
	return nil, errors.New("analyzer: another node asks what this version does not know")
}

func told(answer any, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// tale is what another node told.
type tale[T any] struct {
	node string
	told T
}

// askOthers asks the other nodes of the store, or the one that is named, and names those
// that did not tell; a lone node has none.
func askOthers[T any](ctx context.Context, s *service, to string, of func(node string) *question) (all []tale[T], silent []string) {
	if s.Peers == nil {
		return nil, nil
	}
	for _, answer := range s.Peers.Ask(ctx, to, func(node string) ([]byte, error) { return json.Marshal(of(node)) }) {
		t := tale[T]{node: answer.Node}
		if answer.Err != nil || json.Unmarshal(answer.Body, &t.told) != nil {
			silent = append(silent, answer.Node)
			continue
		}
		all = append(all, t)
	}
	return all, silent
}
