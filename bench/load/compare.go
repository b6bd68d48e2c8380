package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/bench/client"
	"github.com/daypass/daypass/bench/process"
	"github.com/daypass/daypass/internal/pgcluster"
)

// A variant is what one of two servers has and the other lacks. It gives the options
// that the server is started with, and what ends what it needs.
type variant struct {
	words string
	start func(ctx context.Context, dir string) (options []string, end func() error, err error)
}

// variants are by name: none of them may cost more than what its work on the side takes
// from the processor. The way from a token to credentials does no I/O on the store, and
// waits for no collector and no sink.
var variants = map[string]variant{
	"postgres": {"its state in PostgreSQL", func(ctx context.Context, _ string) ([]string, func() error, error) {
		cluster, err := pgcluster.Start(ctx)
		if err != nil {
			return nil, nil, err
		}
		return []string{"--store", cluster.URL("postgres")}, cluster.Close, nil
	}},
	"traces": {"each request traced to a collector on this machine", withConfiguration(func(taker string) string {
		return "traces: {endpoint: '" + taker + "'}\n"
	})},
	"sink": {"each event handed on to a webhook on this machine", withConfiguration(func(taker string) string {
		return "audit: {sinks: [{name: taker, type: webhook, url: '" + taker + "', batchEvery: 200ms}]}\n"
	})},
	"retention": {"its record bounded", withConfiguration(func(string) string {
		return "audit: {keepFor: 48h, keepBytes: 100000000}\n"
	})},
}

func variantNames() string {
	var names []string
	for name := range variants {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// withConfiguration is a variant by a configuration file, with somebody who takes
// whatever is sent to it.
func withConfiguration(text func(taker string) string) func(context.Context, string) ([]string, func() error, error) {
	return func(ctx context.Context, dir string) ([]string, func() error, error) {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		taker := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // what is sent is not looked at
		})}
		go func() { _ = taker.Serve(l) }() // until it is closed
		path := filepath.Join(dir, "daypass.yaml")
		if err := os.WriteFile(path, []byte(text("http://"+l.Addr().String())), 0o600); err != nil {
			return nil, nil, errors.Join(err, taker.Close())
		}
		return []string{"--config", path}, taker.Close, nil
	}
}

// compare lets the load take turns on two servers, of which one is a variant, and prints
// the ratio.
func compare(ctx context.Context, o options, of variant) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir, err := os.MkdirTemp("", "daypass-load-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	given, end, err := of.start(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()

	s := &servers{}
	if s.issuer, err = process.StartIssuer(ctx, filepath.Join(dir, "issuer"), time.Now); err != nil {
		return err
	}
	defer func() { cancel(); s.wait() }()
	addresses, err := s.startBoth(ctx, dir, given)
	if err != nil {
		return err
	}
	token, err := s.issuer.Token()
	if err != nil {
		return err
	}
	s.form = form(token)
	plains, withs, shares, err := s.takeTurns(ctx, o, addresses[0], addresses[1])
	if err != nil {
		return err
	}
	plain, with := client.Median(plains), client.Median(withs)
	_, err = fmt.Printf(`plain, SQLite  %8.0f requests/s   p50 %v   p99 %v
%-13s  %8.0f requests/s   p50 %v   p99 %v
AssumeRoleWithWebIdentity with %s: %.0f %% of plain (median of %d pairs of %d s, %.0f to %.0f %%, %d connections)
`,
		plain.PerSecond(), plain.Quantile(0.5), plain.Quantile(0.99), o.with, with.PerSecond(), with.Quantile(0.5), with.Quantile(0.99),
		of.words, 100*shares[len(shares)/2], o.rounds, o.seconds, 100*shares[0], 100*shares[len(shares)-1], o.connections)
	return err
}

// startBoth starts a plain server and one with options.
func (s *servers) startBoth(ctx context.Context, dir string, given []string) (addresses [2]string, err error) {
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return addresses, err
	}
	for i, options := range [][]string{nil, given} {
		d, err := s.processes.Serve(ctx, binary, filepath.Join(dir, fmt.Sprint("data", i)), options...)
		if err != nil {
			return addresses, err
		}
		addresses[i] = strings.TrimPrefix(d.Endpoint, "http://")
		if err := d.Admit(ctx, s.issuer, roleName); err != nil {
			return addresses, err
		}
	}
	return addresses, nil
}

// form is the request of one exchange.
func form(token string) []byte {
	return []byte(url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {version},
		"RoleArn": {"arn:aws:iam::" + process.Account + ":role/" + roleName}, "RoleSessionName": {"GitLabRunner-1-1"},
		"DurationSeconds": {"3600"}, "WebIdentityToken": {token},
	}.Encode())
}
