package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sort"
	"sync"
	"time"
)

// round is what one round of load measured.
type round struct {
	requests  int
	elapsed   time.Duration
	latencies []time.Duration // one for each request, sorted
}

func (r round) perSecond() float64 { return float64(r.requests) / r.elapsed.Seconds() }

func (r round) quantile(q float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[int(q*float64(len(r.latencies)-1))]
}

// load posts the same form over as many connections, each one request at a
// time, until the duration is over. Every reply must be 200, or the round is an
// error: failures are fast, and would flatter.
func load(ctx context.Context, address string, form []byte, connections int, duration time.Duration) (round, error) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	request := fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: %d\r\nUser-Agent: bench-load\r\n\r\n%s",
		address, len(form), form)
	began := time.Now()
	latencies := make([][]time.Duration, connections)
	failures := make([]error, connections)
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() { latencies[i], failures[i] = oneConnection(ctx, address, request) })
	}
	all.Wait()
	r := round{elapsed: time.Since(began)}
	for _, l := range latencies {
		r.latencies = append(r.latencies, l...)
	}
	r.requests = len(r.latencies)
	sort.Slice(r.latencies, func(i, j int) bool { return r.latencies[i] < r.latencies[j] })
	return r, errors.Join(failures...)
}

func oneConnection(ctx context.Context, address string, request []byte) (latencies []time.Duration, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	in := bufio.NewReader(conn)
	for ctx.Err() == nil {
		began := time.Now()
		if _, err := conn.Write(request); err != nil {
			return latencies, err
		}
		reply, err := http.ReadResponse(in, nil)
		if err != nil {
			return latencies, err
		}
		body, err := io.ReadAll(reply.Body)
		if err := errors.Join(err, reply.Body.Close()); err != nil {
			return latencies, err
		}
		if reply.StatusCode != http.StatusOK {
			return latencies, fmt.Errorf("the server answered %s: %s", reply.Status, body)
		}
		latencies = append(latencies, time.Since(began))
	}
	return latencies, nil
}
