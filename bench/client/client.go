// Package client sends requests to servers that are measured: over so many
// connections, each one request at a time, the same bytes again and again. What
// it costs itself is little, and the same for every server.
package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Request is what a connection sends.
type Request struct {
	Head []byte // request line and header, with the empty line; a short body may follow
	Body []byte
	// Reply is how many bytes the body of the reply must have, -1 for any number.
	Reply int64
}

// Round is what one round measured.
type Round struct {
	Requests  int
	Elapsed   time.Duration
	CPU       time.Duration   // of server and client together, where the caller measures it
	latencies []time.Duration // one for each request, sorted
}

// PerSecond is the number of requests in a second.
func (r Round) PerSecond() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// Quantile is the time within which that share of the requests was answered.
func (r Round) Quantile(q float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[int(q*float64(len(r.latencies)-1))]
}

// Median is the round of the median number of requests in a second.
func Median(rounds []Round) Round {
	sorted := slices.Clone(rounds)
	slices.SortFunc(sorted, func(a, b Round) int { return int(a.PerSecond() - b.PerSecond()) })
	return sorted[len(sorted)/2]
}

// Pairs lets two servers take turns, a round each, so that what else the machine
// does hits both; every other pair the second begins. It gives their rounds, and
// for each pair what the second did as a share of the first, sorted.
func Pairs(n int, first, second func() (Round, error)) (a, b []Round, shares []float64, err error) {
	for i := range n {
		var one, two Round
		var failed [2]error
		if i%2 == 0 {
			one, failed[0] = first()
			two, failed[1] = second()
		} else {
			two, failed[1] = second()
			one, failed[0] = first()
		}
		if err := errors.Join(failed[:]...); err != nil {
			return nil, nil, nil, err
		}
		a, b, shares = append(a, one), append(b, two), append(shares, two.PerSecond()/one.PerSecond())
	}
	slices.Sort(shares)
	return a, b, shares, nil
}

// Server is what requests are sent to.
type Server struct {
	Address string // host:port
	Now     func() time.Time
}

// Load sends until the duration is over: each connection its own request. Every
// reply must be 200, or the round is an error: failures are fast, and would
// flatter.
func (s Server) Load(ctx context.Context, requests []Request, duration time.Duration) (Round, error) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	began := s.Now()
	latencies := make([][]time.Duration, len(requests))
	failures := make([]error, len(requests))
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() { latencies[i], failures[i] = s.oneConnection(ctx, &requests[i]) })
	}
	all.Wait()
	r := Round{Elapsed: s.Now().Sub(began), latencies: slices.Concat(latencies...)}
	r.Requests = len(r.latencies)
	slices.Sort(r.latencies)
	if r.Requests == 0 {
		failures = append(failures, errors.New("no request was answered"))
	}
	return r, errors.Join(failures...)
}

func (s Server) oneConnection(ctx context.Context, request *Request) (latencies []time.Duration, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	in := bufio.NewReader(conn)
	space := make([]byte, 64<<10)
	for ctx.Err() == nil {
		began := s.Now()
		if err := request.ask(conn, in, space); err != nil {
			return latencies, err
		}
		latencies = append(latencies, s.Now().Sub(began))
	}
	return latencies, nil
}

// ask sends the request once and reads the reply.
func (r *Request) ask(conn net.Conn, in *bufio.Reader, space []byte) error {
	if _, err := conn.Write(r.Head); err != nil {
		return err
	}
	if len(r.Body) > 0 {
		if _, err := conn.Write(r.Body); err != nil {
			return err
		}
	}
	reply, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	if reply.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(reply.Body, int64(len(space)))) // what there is of it is told
		return fmt.Errorf("the server answered %s: %s", reply.Status, body)
	}
	// io.Discard reads by 8 KiB, which a body of many MiB feels.
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, reply.Body, space)
	if err == nil && r.Reply >= 0 && n != r.Reply {
		err = fmt.Errorf("the reply has %d bytes, and should have %d", n, r.Reply)
	}
	return errors.Join(err, reply.Body.Close())
}

// Once sends a request on a connection of its own.
func (s Server) Once(ctx context.Context, request Request) (err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return request.ask(conn, bufio.NewReader(conn), make([]byte, 64<<10))
}
