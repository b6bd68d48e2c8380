// Command load measures how many AssumeRoleWithWebIdentity requests a second a
// real Daypass answers, as a share of a floor measured in the same run.
//
// Both servers are processes of their own on loopback and get the same bytes,
// in turns, so that what else the machine does hits both. The floor is a bare
// net/http server that reads the same form, verifies one RSA-2048 signature and
// writes a fixed reply. The load is bounded in time and ends by itself.
//
//	go run ./bench/load -rounds 5 -seconds 3
//
// With -with NAME the two are a plain Daypass, and one with its state in PostgreSQL
// (postgres), with traces, with a sink of its record, or with a record that is bounded
// (retention).
package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/daypass/daypass/bench/client"
	"github.com/daypass/daypass/bench/process"
)

// The names that the load's requests carry.
const (
	roleName = "load"
	version  = "2011-06-15"
)

type options struct {
	rounds, seconds, connections int
	floorKey                     string
	with                         string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds for each server; the median counts")
	flag.IntVar(&o.seconds, "seconds", 3, "seconds a round")
	flag.IntVar(&o.connections, "connections", 8, "connections, each one request at a time")
	flag.StringVar(&o.with, "with", "", "measure a Daypass with this against a plain one, in place of the floor: "+variantNames())
	flag.StringVar(&o.floorKey, "floor", "", "be the floor, with the public key in this file (used by the tool itself)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, o options) error {
	if o.floorKey != "" {
		return serveFloor(ctx, o.floorKey)
	}
	if o.rounds < 1 || o.seconds < 1 || o.connections < 1 || o.rounds*o.seconds > 600 || o.connections > 256 {
		return errors.New("rounds, seconds and connections must be positive, 600 seconds and 256 connections at most")
	}
	if o.with == "" {
		return measure(ctx, o)
	}
	of, ok := variants[o.with]
	if !ok {
		return fmt.Errorf("-with %q: there are %s", o.with, variantNames())
	}
	return compare(ctx, o, of)
}

// measure starts both servers, lets the load take turns, and prints the ratio.
func measure(ctx context.Context, o options) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir, err := os.MkdirTemp("", "daypass-load-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	s, err := setUp(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { cancel(); s.wait() }()

	floors, daypasses, shares, err := s.takeTurns(ctx, o, s.floor, s.daypass)
	if err != nil {
		return err
	}
	return report(o, client.Median(floors), client.Median(daypasses), shares)
}

// takeTurns puts the load on one server and the other in turns, once before to warm up:
// keys fetched, heaps grown. shares are the other's of the one's, sorted.
func (s *servers) takeTurns(ctx context.Context, o options, one, other string) (ones, others []client.Round, shares []float64, err error) {
	turn := func(address string, duration time.Duration) func() (client.Round, error) {
		return func() (client.Round, error) {
			return client.Server{Address: address, Now: time.Now}.Load(ctx, s.requests(address, o.connections), duration)
		}
	}
	if _, _, _, err := client.Pairs(1, turn(one, time.Second), turn(other, time.Second)); err != nil {
		return nil, nil, nil, fmt.Errorf("warm up: %w", err)
	}
	duration := time.Duration(o.seconds) * time.Second
	return client.Pairs(o.rounds, turn(one, duration), turn(other, duration))
}

func report(o options, floor, daypass client.Round, shares []float64) error {
	_, err := fmt.Printf(`floor     %8.0f requests/s   p50 %v   p99 %v   (bare net/http, same form, one RSA-2048 verification, fixed reply)
daypass   %8.0f requests/s   p50 %v   p99 %v
AssumeRoleWithWebIdentity: %.0f %% of the floor (median of %d pairs of %d s, %.0f to %.0f %%, %d connections)
`,
		floor.PerSecond(), floor.Quantile(0.5), floor.Quantile(0.99),
		daypass.PerSecond(), daypass.Quantile(0.5), daypass.Quantile(0.99),
		100*shares[len(shares)/2], o.rounds, o.seconds, 100*shares[0], 100*shares[len(shares)-1], o.connections)
	return err
}

// servers are the two under load, and what to send them.
type servers struct {
	floor, daypass string // host:port
	form           []byte
	processes      process.Group
	issuer         *process.Issuer
}

// wait joins what setUp started; its context has ended.
func (s *servers) wait() {
	s.processes.Wait()
	s.issuer.Wait()
}

// requests is the same form for every connection.
func (s *servers) requests(address string, connections int) []client.Request {
	head := fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: %d\r\nUser-Agent: bench-load\r\n\r\n%s",
		address, len(s.form), s.form)
	return slices.Repeat([]client.Request{{Head: head, Reply: -1}}, connections)
}

// setUp builds and starts a real Daypass with an issuer, a provider and a role,
// and the floor.
func setUp(ctx context.Context, dir string) (*servers, error) {
	s := &servers{}
	var err error
	if s.issuer, err = process.StartIssuer(ctx, filepath.Join(dir, "issuer"), time.Now); err != nil {
		return nil, err
	}
	if err := s.startDaypass(ctx, dir); err != nil {
		return nil, err
	}
	token, err := s.issuer.Token()
	if err != nil {
		return nil, err
	}
	s.form = form(token)
	return s, s.startFloor(ctx, dir, filepath.Join(dir, "issuer", "signing-keys.pem"))
}

func (s *servers) startDaypass(ctx context.Context, dir string) error {
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	d, err := s.processes.Serve(ctx, binary, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	s.daypass = strings.TrimPrefix(d.Endpoint, "http://")
	return d.Admit(ctx, s.issuer, roleName)
}

func (s *servers) startFloor(ctx context.Context, dir, signingKeys string) error {
	keyFile := filepath.Join(dir, "floor.der")
	if err := writePublicKey(signingKeys, keyFile); err != nil {
		return err
	}
	var err error
	s.floor, _, err = s.processes.StartSelf(ctx, "-floor", keyFile)
	return err
}

// writePublicKey takes the public half of the key that signs ID tokens, the
// second in the issuer's file.
func writePublicKey(signingKeys, keyFile string) error {
	text, err := os.ReadFile(signingKeys)
	if err != nil {
		return err
	}
	_, rest := pem.Decode(text)
	block, _ := pem.Decode(rest)
	if block == nil {
		return fmt.Errorf("%s does not hold two keys", signingKeys)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	der, err := publicDER(private)
	if err != nil {
		return err
	}
	return os.WriteFile(keyFile, der, 0o600)
}
