package peers_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/peers"
	"github.com/daypass/daypass/internal/pgcluster"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

// installation is a store with its nodes.
type installation struct {
	t     testing.TB
	db    *pgcluster.Cluster
	key   *masterkey.Key
	mu    sync.Mutex
	nodes []peers.Peer
}

func install(t testing.TB) *installation {
	t.Helper()
	db, err := pgcluster.Start(t.Context())
	if errors.Is(err, pgcluster.ErrMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &installation{t: t, db: db, key: newKey(t)}
}

func newKey(t testing.TB) *masterkey.Key {
	t.Helper()
	key, err := masterkey.Create(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// add makes a node, which the others know from then on.
func (i *installation) add(name string) *node {
	i.t.Helper()
	i.hear(name, time.Unix(0, 0))
	return i.open(name, i.key)
}

// hear has a node say that it runs.
func (i *installation) hear(name string, at time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := range i.nodes {
		if i.nodes[n].Name == name {
			i.nodes[n].Heard = at
			return
		}
	}
	i.nodes = append(i.nodes, peers.Peer{Box: "box of " + name, Name: name, Heard: at})
}

// node is a node, or another process on its data directory.
type node struct {
	*peers.Peers
	t   testing.TB
	log lockedBuffer
}

func (i *installation) open(name string, key *masterkey.Key) *node {
	i.t.Helper()
	s, err := sqlstore.OpenPostgres(i.t.Context(), i.db.URL("postgres"))
	if err != nil {
		i.t.Fatal(err)
	}
	n := &node{t: i.t}
	ctx, stop := context.WithCancel(context.Background())
	listened := make(chan struct{})
	go func() {
		defer close(listened)
		_ = s.Listen(ctx, func() {}) // it tells of letters, and ends with ctx
	}()
	i.t.Cleanup(func() {
		stop()
		<-listened
		if err := s.Close(); err != nil {
			i.t.Error(err)
		}
	})
	n.Peers, err = peers.New(peers.Config{
		Mail: s, Sealer: key, Self: peers.Peer{Box: "box of " + name, Name: name}, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(&n.log, nil)),
		Nodes: func() []peers.Peer {
			i.mu.Lock()
			defer i.mu.Unlock()
			return append([]peers.Peer(nil), i.nodes...)
		},
	})
	if err != nil {
		i.t.Fatal(err)
	}
	return n
}

// run answers questions until the test ends, or stop is called.
func (n *node) run(answer func(question string) (string, error)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.Run(ctx, func(_ context.Context, q []byte) ([]byte, error) {
			text, err := answer(string(q))
			return []byte(text), err
		})
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	n.t.Cleanup(stop)
	return stop
}

// says has a node answer with its name and the question.
func (n *node) says() (stop func()) {
	return n.run(func(q string) (string, error) { return n.Self.Name + " heard " + q, nil })
}

// ask gives the answers in one line.
func (n *node) ask(to string) string {
	var all []string
	for _, a := range n.Ask(n.t.Context(), to, func(node string) ([]byte, error) { return []byte("hello " + node), nil }) {
		if a.Err != nil {
			all = append(all, a.Node+": "+a.Err.Error())
			continue
		}
		all = append(all, string(a.Body))
	}
	return strings.Join(all, "; ")
}

// soon waits for what holds once a busy machine lets it.
func soon(t testing.TB, holds func() bool, otherwise func() string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(otherwise())
		}
	}
}

func (n *node) want(to, want string) {
	n.t.Helper()
	got := ""
	soon(n.t, func() bool { got = n.ask(to); return got == want }, func() string { return fmt.Sprintf("%s is told %q, want %q", n.Self.Name, got, want) })
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestAsk(t *testing.T) {
	t.Parallel()
	i := install(t)
	a := i.add("a")
	a.says()
	a.want("", "") // a lone node
	b, c := i.add("b"), i.add("c")
	b.says()
	c.run(func(q string) (string, error) {
		switch q {
		case "fail":
			return "", errors.New("no room")
		case "panic":
			panic("a fault")
		}
		return "c heard " + q, nil
	})
	if got := fmt.Sprint(a.Names()); got != "[b c]" {
		t.Errorf("a knows %s", got)
	}
	a.want("", "b heard hello b; c heard hello c")
	a.want("c", "c heard hello c")
	a.want("d", "")
	// Another process on a node's data directory is that node, and gets its own answers.
	again := i.open("a", i.key)
	again.says()
	var wg sync.WaitGroup
	for _, n := range []*node{a, again, a, again} {
		wg.Go(func() { n.want("", "b heard hello b; c heard hello c") })
	}
	wg.Wait()

	question := func(text string, err error) []peers.Answer {
		return a.Ask(t.Context(), "", func(string) ([]byte, error) { return []byte(text), err })
	}
	var got []peers.Answer
	soon(t, func() bool {
		got = question("fail", nil)
		return len(got) == 2 && got[0].Err == nil && got[1].Err != nil && got[1].Err.Error() == "no room"
	}, func() string { return fmt.Sprintf("a failure is told as %+v", got) })
	soon(t, func() bool { return strings.Contains(c.log.String(), "no room") }, // which it does once it has answered
		func() string { return "the node that failed logs " + c.log.String() })
	soon(t, func() bool { // and answers the next question
		got = question("panic", nil)
		return len(got) == 2 && got[0].Err == nil && got[1].Err != nil && strings.Contains(got[1].Err.Error(), "a fault of its own")
	}, func() string { return fmt.Sprintf("a fault of the program is told as %+v", got) })
	a.want("c", "c heard hello c")
	if got := question(strings.Repeat("x", peers.MaxBody+1), nil); len(got) != 2 || !errors.Is(got[0].Err, peers.ErrLarge) {
		t.Errorf("a long question: %v", got[0].Err)
	}
	odd := errors.New("odd")
	if got := question("", odd); len(got) != 2 || !errors.Is(got[0].Err, odd) {
		t.Errorf("no question: %v", got[0].Err)
	}
	// What cannot be asked of one is asked of the others.
	soon(t, func() bool {
		got = a.Ask(t.Context(), "", func(node string) ([]byte, error) {
			if node == "b" {
				return nil, odd
			}
			return []byte("even"), nil
		})
		return len(got) == 2 && errors.Is(got[0].Err, odd) && string(got[1].Body) == "c heard even"
	}, func() string { return fmt.Sprintf("half a question is answered %+v", got) })
	a.want("b", "b heard hello b")
}

// What a node has to say must fit into a letter.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	i := install(t)
	a, b := i.add("a"), i.add("b")
	a.says()
	var length atomic.Int64
	b.run(func(string) (string, error) { return strings.Repeat("x", int(length.Load())), nil })
	for bytes, is := range map[int]func(string) bool{
		peers.MaxBody:     func(got string) bool { return len(got) == peers.MaxBody },
		peers.MaxBody + 1: func(got string) bool { return strings.Contains(got, peers.ErrLarge.Error()) },
	} {
		length.Store(int64(bytes))
		got := ""
		soon(t, func() bool { got = a.ask("b"); return is(got) }, func() string { return fmt.Sprintf("%d bytes came as %.100q; %s", bytes, got, b.log.String()) })
	}
}

// A node that does not answer is named. It is not waited for again until it says that it
// runs, or answers.
func TestSilent(t *testing.T) {
	t.Parallel()
	i := install(t)
	a, b, c := i.add("a"), i.add("b"), i.add("c")
	a.says()
	b.says()
	waits := func() bool {
		began := time.Now()
		for _, answer := range a.Ask(t.Context(), "", func(string) ([]byte, error) { return nil, nil }) {
			if answer.Node == "c" && !errors.Is(answer.Err, peers.ErrSilent) {
				t.Errorf("of c is told %+v", answer)
			}
		}
		return time.Since(began) >= peers.Patience
	}
	// Whoever gave the question up learnt nothing of c.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	a.Ask(gone, "", func(string) ([]byte, error) { return nil, nil })
	if !waits() {
		t.Error("c was not waited for")
	}
	soon(t, func() bool { return !waits() }, func() string { return "c is waited for again and again" })
	a.want("", "b heard hello b; c: "+peers.ErrSilent.Error())
	i.hear("c", time.Unix(60, 0))
	if !waits() {
		t.Error("c said that it runs, and was not waited for")
	}
	// It finds the letters that came in its absence; its answers come too late, and say
	// that it is there.
	c.says()
	a.want("", "b heard hello b; c heard hello c")
}

// What is not sealed under the store's master key, or for the box that it lies in, is
// not read.
func TestForeignLetters(t *testing.T) {
	t.Parallel()
	i := install(t)
	a, b := i.add("a"), i.add("b")
	a.says()
	heard := make(chan string, 1000)
	b.run(func(q string) (string, error) { heard <- q; return "", nil })
	stranger := i.open("a", newKey(t))
	stranger.says()
	stranger.Ask(t.Context(), "", func(string) ([]byte, error) { return []byte("stranger"), nil })
	// Questions to a third node that is not there are put into b's box.
	i.hear("c", time.Unix(0, 0))
	a.Ask(t.Context(), "c", func(string) ([]byte, error) { return []byte("moved"), nil })
	moved, err := i.db.SQL(t.Context(), "postgres", `WITH moved AS (UPDATE daypass_letters SET box = 'box of b' WHERE box = 'box of c' RETURNING 1) SELECT count(*) FROM moved`)
	if err != nil || strings.TrimSpace(moved) != "1" {
		t.Fatalf("%s letters were moved, %v", moved, err)
	}
	a.want("b", "")
	soon(t, func() bool { return strings.Count(b.log.String(), "not read") >= 2 }, func() string { return "b's log has not told of both letters: " + b.log.String() })
	for len(heard) > 0 {
		if q := <-heard; q != "hello b" {
			t.Errorf("b was asked %q", q)
		}
	}
	// Nor can anything be read where the letters lie.
	c := i.open("c", i.key)
	if _, err := c.Mail.Collect(t.Context(), "box of c"); err != nil {
		t.Fatal(err)
	}
	a.Ask(t.Context(), "c", func(string) ([]byte, error) { return []byte("the words of a question"), nil })
	letters, err := c.Mail.Collect(t.Context(), "box of c")
	if err != nil || len(letters) != 1 || bytes.Contains(letters[0], []byte("question")) || bytes.Contains(letters[0], []byte("box of")) {
		t.Errorf("the letter is %q, %v", letters, err)
	}
}

// While the database is away nobody is told of, and afterwards all are.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	i := install(t)
	a, b := i.add("a"), i.add("b")
	a.says()
	b.says()
	a.want("", "b heard hello b")
	if err := i.db.Down(); err != nil {
		t.Fatal(err)
	}
	if got := a.Ask(t.Context(), "", func(string) ([]byte, error) { return nil, nil }); len(got) != 1 || got[0].Err == nil {
		t.Errorf("without a database b says %+v", got)
	}
	if err := i.db.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	i.hear("b", time.Unix(60, 0))
	a.want("", "b heard hello b")
}

func TestNew(t *testing.T) {
	t.Parallel()
	if p, err := peers.New(peers.Config{}); err == nil || p != nil {
		t.Errorf("nothing makes %v", p)
	}
}

// BenchmarkAsk is a question to nine nodes, each of which answers with 100 KB, as a page
// of its record has.
func BenchmarkAsk(b *testing.B) {
	i := install(b)
	asker := i.add("asker")
	asker.says()
	page := strings.Repeat("x", 100_000)
	for n := range 9 {
		i.add(fmt.Sprint("node ", n)).run(func(string) (string, error) { return page, nil })
	}
	b.ReportAllocs()
	silent := 0
	for b.Loop() {
		for _, a := range asker.Ask(b.Context(), "", func(string) ([]byte, error) { return nil, nil }) {
			if errors.Is(a.Err, peers.ErrSilent) {
				silent++
			} else if a.Err != nil {
				b.Fatal(a.Err)
			}
		}
	}
	b.ReportMetric(float64(silent)/float64(b.N), "silent/op")
}
