// Command s3 measures what it costs to have Daypass in front of its embedded
// store: GET of 1 KiB, GET of 8 MiB and PUT of 8 MiB with a role's temporary
// credentials through a real Daypass, as a share of a floor measured in the same
// run. Then it measures how much memory a streaming request holds.
//
// The floor is the embedded store's own server, opened by the same code on a
// directory beside that of Daypass, with the same settings and syncs, but on TCP
// and with a key of its own. Both are processes of their own on loopback. Both
// get requests that were signed once, in turns.
//
// Memory is that of the gateway alone, see memory.go.
//
//	go run ./bench/s3 -rounds 5 -seconds 3
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/daypass/daypass/bench/client"
	"github.com/daypass/daypass/bench/process"

	"github.com/aws/aws-sdk-go-v2/aws"
)

type options struct {
	rounds, seconds, connections, transfers, streams int
	dir                                              string
	strict                                           bool
	floorDir, gatewayDir                             string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds for each server; the median counts")
	flag.IntVar(&o.seconds, "seconds", 3, "seconds a round")
	flag.IntVar(&o.connections, "connections", 8, "connections for 1 KiB, each one request at a time")
	flag.IntVar(&o.transfers, "transfers", 4, "connections for 8 MiB")
	flag.IntVar(&o.streams, "streams", 200, "requests in flight at once whose memory is measured; 0 measures none")
	flag.StringVar(&o.dir, "dir", "", "directory below which both stores are made, and removed; the system's for temporary files by default")
	flag.BoolVar(&o.strict, "strict", false, "fail if a figure misses its bar")
	flag.StringVar(&o.floorDir, "floor", "", "be the floor, on this directory (used by the tool itself)")
	flag.StringVar(&o.gatewayDir, "gateway", "", "be the gateway whose memory is measured, on this directory (used by the tool itself)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "s3:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, o options) error {
	switch {
	case o.floorDir != "":
		return serveFloor(ctx, o.floorDir)
	case o.gatewayDir != "":
		return serveGateway(ctx, o.gatewayDir)
	case o.rounds < 1 || o.seconds < 1 || o.connections < 1 || o.transfers < 1 || o.streams < 0 ||
		o.rounds*o.seconds > 300 || o.connections > 256 || o.transfers > 64 || o.streams > 200:
		// The store works on 256 requests at once.
		return errors.New("rounds, seconds, connections and transfers must be positive; 300 seconds, 256 connections, 64 transfers and 200 streams at most")
	}
	return measure(ctx, o)
}

// errMissed says that a figure misses its bar.
var errMissed = errors.New("a figure misses its bar")

func measure(ctx context.Context, o options) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	dir, err := os.MkdirTemp(o.dir, "daypass-s3-bench-")
	if err != nil {
		cancel()
		return err
	}
	s := &servers{}
	defer func() {
		cancel()
		s.wait()
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := s.setUp(ctx, dir); err != nil {
		return err
	}
	missed := false
	for i := range operations {
		reached, err := compare(ctx, o, s, &operations[i])
		if err != nil {
			return fmt.Errorf("%s: %w", operations[i].name, err)
		}
		missed = missed || !reached
	}
	if o.streams > 0 {
		reached, err := measureMemory(ctx, o, s, dir)
		if err != nil {
			return fmt.Errorf("memory: %w", err)
		}
		missed = missed || !reached
	}
	if missed && o.strict {
		return errMissed
	}
	return nil
}

// operation is one thing that both servers are asked.
type operation struct {
	name, method, key string
	size              int     // of the object
	bar               float64 // share of the floor
}

const (
	small = 1 << 10
	large = 8 << 20
)

var operations = []operation{
	{"GET 1 KiB", "GET", "small", small, 0.60},
	{"GET 8 MiB", "GET", "large", large, 0.90},
	{"PUT 8 MiB", "PUT", "put", large, 0.90},
}

// compare lets both servers take turns, prints what came of it, and says whether
// the bar was reached.
func compare(ctx context.Context, o options, s *servers, op *operation) (bool, error) {
	connections := o.connections
	if op.size == large {
		connections = o.transfers
	}
	turn := func(at *endpoint, duration time.Duration) func() (client.Round, error) {
		return func() (client.Round, error) {
			requests, err := at.requests(ctx, op, connections)
			if err != nil {
				return client.Round{}, err
			}
			return at.load(ctx, requests, duration)
		}
	}
	if _, _, _, err := client.Pairs(1, turn(s.floor, time.Second), turn(s.daypass, time.Second)); err != nil { // to warm up
		return false, err
	}
	duration := time.Duration(o.seconds) * time.Second
	floors, daypasses, shares, err := client.Pairs(o.rounds, turn(s.floor, duration), turn(s.daypass, duration))
	if err != nil {
		return false, err
	}
	for _, line := range []struct {
		name string
		r    client.Round
	}{{"floor", client.Median(floors)}, {"daypass", client.Median(daypasses)}} {
		fmt.Printf("%-9s %-8s %8.0f requests/s %8.1f MiB/s   p50 %v   p99 %v   %v computed for a request\n", op.name, line.name, line.r.PerSecond(),
			line.r.PerSecond()*float64(op.size)/(1<<20), line.r.Quantile(0.5).Round(time.Microsecond), line.r.Quantile(0.99).Round(time.Microsecond),
			(line.r.CPU / time.Duration(line.r.Requests)).Round(time.Microsecond))
	}
	share := shares[len(shares)/2]
	fmt.Printf("%-9s %.0f %% of the floor (median of %d pairs of %d s, %.0f to %.0f %%, %d connections); bar: %.0f %%%s\n",
		op.name, 100*share, o.rounds, o.seconds, 100*shares[0], 100*shares[len(shares)-1], connections, 100*op.bar, verdict(share >= op.bar, "BELOW THE BAR"))
	return share >= op.bar, nil
}

// verdict is what is told of a figure beside its bar.
func verdict(reached bool, miss string) string {
	if reached {
		return ""
	}
	return "   " + miss
}

// servers are the two under load.
type servers struct {
	floor, daypass *endpoint
	processes      process.Group
	issuer         *process.Issuer
}

// wait joins what setUp started; its context has ended.
func (s *servers) wait() {
	s.processes.Wait()
	if s.issuer != nil {
		s.issuer.Wait()
	}
}

// setUp builds and starts a real Daypass with an issuer, a provider, a role and
// its session, and the floor, each with a bucket and the objects in it.
func (s *servers) setUp(ctx context.Context, dir string) error {
	var err error
	if s.issuer, err = process.StartIssuer(ctx, filepath.Join(dir, "issuer"), time.Now); err != nil {
		return err
	}
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	d, err := s.processes.Serve(ctx, binary, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	if s.daypass, err = admitted(ctx, d, s.issuer); err != nil {
		return err
	}
	if s.floor, err = s.startFloor(ctx, filepath.Join(dir, "floor")); err != nil {
		return err
	}
	for _, at := range []*endpoint{s.floor, s.daypass} {
		if err := at.fill(ctx); err != nil {
			return fmt.Errorf("fill %s: %w", at.name, err)
		}
	}
	return nil
}

func (s *servers) startFloor(ctx context.Context, dir string) (*endpoint, error) {
	line, pid, err := s.processes.StartSelf(ctx, "-floor", dir)
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return nil, fmt.Errorf("the floor says %d words", len(fields))
	}
	return &endpoint{name: "floor", address: fields[0], pid: pid, credentials: aws.Credentials{AccessKeyID: fields[1], SecretAccessKey: fields[2]}}, nil
}
