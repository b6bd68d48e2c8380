// Package peers lets the nodes of one store ask one another, by letters that the store
// carries: so a node needs no address of the others, and no port or certificate for
// them. It is for what only a person waits for, such as a look into all records of
// events; no decision about a request hangs on it.
//
// A letter is sealed under the master key, which all nodes have, for the box that it goes
// to: who can read or write the store's database can neither read what nodes tell one
// another nor answer in a node's place. A letter can be lost, and a node can be too slow;
// who asks is told of whom there was no answer.
package peers

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/store"
)

const (
	// Patience is how long Ask waits for answers.
	Patience = 3 * time.Second
	// MaxBody bounds a question and an answer: 2 MiB.
	MaxBody = 2 << 20

	// lookInterval is how often boxes are looked into where the store does not tell of
	// letters.
	lookInterval = time.Second
	// maxAnswering is how many questions a node answers at once.
	maxAnswering = 4
)

// ErrSilent says that a node did not answer in time.
var ErrSilent = errors.New("peers: no answer")

// ErrLarge says that a question or an answer has more than MaxBody bytes.
var ErrLarge = errors.New("peers: more than can be told in one letter")

// Sealer seals letters; every node's opens what another's sealed.
type Sealer interface {
	Seal(plain, associated []byte) ([]byte, error)
	Open(sealed, associated []byte) ([]byte, error)
}

// Peer is a node of the store.
type Peer struct {
	Box   string    // where it collects letters; one for each node, the same after a new start
	Name  string    // for people
	Heard time.Time // when it last said in the store that it runs
}

// Config is what a node needs to ask and to answer. All of it is needed.
type Config struct {
	Mail   store.Mail
	Sealer Sealer
	Self   Peer          // Heard is not looked at
	Nodes  func() []Peer // that count as running; Self may be among them
	Random io.Reader
	Log    *slog.Logger
}

// Peers asks the other nodes, and answers them for as long as Run runs.
type Peers struct {
	Config

	replies string // the box of this process alone, for answers

	mu      sync.Mutex
	pending map[string]chan<- letter // by the question's ID
	silent  map[string]time.Time     // by box, when those that gave no answer had been heard
}

// New makes them. Nothing is asked or answered before Run runs.
func New(c Config) (*Peers, error) {
	if c.Mail == nil || c.Sealer == nil || c.Self.Box == "" || c.Nodes == nil || c.Random == nil || c.Log == nil {
		return nil, errors.New("peers: the configuration lacks a part")
	}
	p := &Peers{Config: c, pending: map[string]chan<- letter{}, silent: map[string]time.Time{}}
	id, err := p.newID()
	if err != nil {
		return nil, err
	}
	// Two processes on one data directory are one node, and each waits for answers of
	// its own.
	p.replies = c.Self.Box + "/" + id
	return p, nil
}

func (p *Peers) newID() (string, error) {
	var id [16]byte
	if _, err := io.ReadFull(p.Random, id[:]); err != nil {
		return "", fmt.Errorf("peers: random bytes: %w", err)
	}
	return hex.EncodeToString(id[:]), nil
}

// letter is a question, or an answer to one.
type letter struct {
	ID      string        `json:"id"` // of the question
	From    Peer          `json:"from"`
	ReplyTo string        `json:"replyTo,omitempty"` // of a question: the box for the answer
	Wait    time.Duration `json:"wait,omitempty"`    // of a question: how long it is of use
	Failure string        `json:"failure,omitempty"` // of an answer: why there is none

	Body []byte `json:"-"` // follows the rest in a line of its own
}

// associated binds a sealed letter to its box.
func associated(box string) []byte { return []byte("letter\x00" + box) }

func (p *Peers) send(ctx context.Context, box string, l *letter) error {
	if len(l.Body) > MaxBody {
		return fmt.Errorf("%w: %d bytes", ErrLarge, len(l.Body))
	}
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	sealed, err := p.Sealer.Seal(slices.Concat(text, []byte("\n"), l.Body), associated(box))
	if err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	return p.Mail.Send(ctx, box, sealed)
}

// open reads a sealed letter, which says nothing of the box that it lay in.
func (p *Peers) open(sealed []byte) (*letter, error) {
	for _, box := range []string{p.replies, p.Self.Box} {
		text, err := p.Sealer.Open(sealed, associated(box))
		if err != nil {
			continue
		}
		head, body, _ := bytes.Cut(text, []byte("\n"))
		l := &letter{Body: body}
		if err := json.Unmarshal(head, l); err != nil {
			return nil, fmt.Errorf("peers: %w", err)
		}
		if isQuestion := l.ReplyTo != ""; isQuestion != (box == p.Self.Box) {
			return nil, errors.New("peers: a letter lay in the wrong box")
		}
		return l, nil
	}
	return nil, errors.New("peers: a letter is not sealed under the master key of this store")
}

// Answer is what one node said.
type Answer struct {
	Node string
	Body []byte
	Err  error // ErrSilent, or what the node said or this one met
}

// Names are those of the other nodes that count as running, in order.
func (p *Peers) Names() []string {
	var names []string
	for _, o := range p.others() {
		names = append(names, o.Name)
	}
	return names
}

func (p *Peers) others() []Peer {
	others := slices.DeleteFunc(slices.Clone(p.Nodes()), func(o Peer) bool { return o.Box == p.Self.Box })
	slices.SortFunc(others, func(a, b Peer) int { return strings.Compare(a.Name, b.Name) })
	return others
}

// Ask puts a question to the other nodes, or to the one that is named, and waits for up
// to Patience; question gives what each is asked. There is an answer for each of them, in
// the order of Names; without others, or without the one that is named, there is none. A
// node that gave none the last time, and has not said since that it runs, is asked but not
// waited for: of one that was killed the others' answers come as fast as ever. One
// that cannot be asked is logged; one that cannot answer logs why.
func (p *Peers) Ask(ctx context.Context, to string, question func(node string) ([]byte, error)) []Answer {
	others := p.others()
	if to != "" {
		others = slices.DeleteFunc(others, func(o Peer) bool { return o.Name != to })
	}
	if len(others) == 0 {
		return nil
	}
	answers := make([]Answer, len(others))
	at := make(map[string]int, len(others)) // by box
	for i, o := range others {
		answers[i], at[o.Box] = Answer{Node: o.Name, Err: ErrSilent}, i
	}
	asker := ctx
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	id, came, done, unasked := p.expect(len(others))
	defer done()
	awaited := map[string]bool{}
	for i, o := range others {
		err := unasked
		var body []byte
		if err == nil {
			body, err = question(o.Name)
		}
		if err == nil {
			err = p.send(ctx, o.Box, &letter{ID: id, From: p.Self, ReplyTo: p.replies, Wait: Patience, Body: body})
		}
		if err != nil {
			answers[i].Err = err
			if asker.Err() == nil {
				p.Log.Warn("another node could not be asked", "node", o.Name, "error", err)
			}
			continue
		}
		if to != "" || !p.isSilent(o) {
			awaited[o.Box] = true
		}
	}
	for len(awaited) > 0 {
		select {
		case l := <-came:
			delete(awaited, l.From.Box)
			if i, ok := at[l.From.Box]; ok {
				answers[i].Body, answers[i].Err = l.Body, nil
				if l.Failure != "" {
					answers[i].Err = errors.New(l.Failure)
				}
			}
		case <-ctx.Done():
			if asker.Err() == nil {
				p.noteSilent(others, awaited)
			}
			return answers
		}
	}
	return answers
}

// expect gives a question's ID and where its answers come, until done is called.
func (p *Peers) expect(answers int) (id string, came <-chan letter, done func(), err error) {
	if id, err = p.newID(); err != nil {
		return "", nil, func() {}, err
	}
	c := make(chan letter, answers)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending[id] = c
	return id, c, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.pending, id)
	}, nil
}

func (p *Peers) isSilent(o Peer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	heard, ok := p.silent[o.Box]
	return ok && !o.Heard.After(heard)
}

func (p *Peers) noteSilent(others []Peer, awaited map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range others {
		if awaited[o.Box] {
			p.silent[o.Box] = o.Heard
		}
	}
}

// Run collects letters until ctx ends: it hands answers to who waits for them, and
// answers questions by answer, of which several run at once. A failure of the store is
// logged once for each run of failures.
func (p *Peers) Run(ctx context.Context, answer func(ctx context.Context, question []byte) ([]byte, error)) {
	var answering sync.WaitGroup
	defer answering.Wait()
	turn := make(chan struct{}, maxAnswering)
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	failing, more := false, false
	for {
		if !more {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			case <-p.Mail.Letters(p.Self.Box):
			case <-p.Mail.Letters(p.replies):
			}
		}
		letters, err := p.Mail.Collect(ctx, p.Self.Box, p.replies)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			p.Log.Warn("letters of other nodes cannot be collected; their records cannot be asked from here, nor this one's from there", "error", err)
		}
		failing, more = err != nil, len(letters) > 0 // some are collected at a time
		for _, sealed := range letters {
			l, err := p.open(sealed)
			if err != nil {
				p.Log.Warn("a letter that came with the store was not read", "error", err)
				continue
			}
			if l.ReplyTo == "" {
				p.deliver(l)
				continue
			}
			select {
			case turn <- struct{}{}:
				answering.Go(func() {
					defer func() { <-turn }()
					p.reply(ctx, l, answer)
				})
			default: // who asked learns that this node does not answer
				p.Log.Warn("a question of another node was not answered: too many are under way", "node", l.From.Name)
			}
		}
	}
}

// deliver gives an answer to who waits for it.
func (p *Peers) deliver(l *letter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.silent, l.From.Box)
	if came, ok := p.pending[l.ID]; ok {
		select {
		case came <- *l:
		default: // more answers than nodes
		}
	}
}

func (p *Peers) reply(ctx context.Context, question *letter, answer func(context.Context, []byte) ([]byte, error)) {
	ending := ctx
	ctx, cancel := context.WithTimeout(ctx, min(question.Wait, Patience))
	defer cancel()
	l := &letter{ID: question.ID, From: p.Self}
	body, err := p.answered(ctx, question.Body, answer)
	if l.Body = body; err != nil {
		l.Body, l.Failure = nil, err.Error()
	}
	if err = errors.Join(err, p.send(ctx, question.ReplyTo, l)); err != nil && ending.Err() == nil {
		p.Log.Warn("a question of another node could not be answered", "node", question.From.Name, "error", err)
	}
}

// answered is the answer to a question. A fault of the program is an error: it must not
// end a node that others only ask.
func (p *Peers) answered(ctx context.Context, question []byte, answer func(context.Context, []byte) ([]byte, error)) (body []byte, err error) {
	defer func() {
		if met := recover(); met != nil {
			p.Log.Error("the program met a fault of its own in a question of another node", "fault", met, "stack", string(debug.Stack()))
			err = errors.New("peers: the node met a fault of its own")
		}
	}()
	if body, err = answer(ctx, question); err == nil && len(body) > MaxBody {
		err = fmt.Errorf("%w: %d bytes", ErrLarge, len(body))
	}
	return body, err
}
