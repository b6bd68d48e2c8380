package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/bench/client"
	"github.com/daypass/daypass/bench/process"
	"github.com/daypass/daypass/internal/pgcluster"
)

// compareStores lets the load take turns on two servers that differ in where their
// state is, and prints the ratio. The way from a token to credentials does no I/O on
// the store, so that it should be 1 but for what the machine does meanwhile.
func compareStores(ctx context.Context, o options) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir, err := os.MkdirTemp("", "daypass-load-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cluster, err := pgcluster.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()

	s := &servers{}
	if s.issuer, err = process.StartIssuer(ctx, filepath.Join(dir, "issuer"), time.Now); err != nil {
		return err
	}
	defer func() { cancel(); s.wait() }()
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	var addresses [2]string
	for i, options := range [][]string{nil, {"--store", cluster.URL("postgres")}} {
		d, err := s.processes.Serve(ctx, binary, filepath.Join(dir, fmt.Sprint("data", i)), options...)
		if err != nil {
			return err
		}
		addresses[i] = strings.TrimPrefix(d.Endpoint, "http://")
		if err := d.Admit(ctx, s.issuer, roleName); err != nil {
			return err
		}
	}
	token, err := s.issuer.Token()
	if err != nil {
		return err
	}
	s.form = form(token)
	turn := func(address string, duration time.Duration) func() (client.Round, error) {
		return func() (client.Round, error) {
			return client.Server{Address: address, Now: time.Now}.Load(ctx, s.requests(address, o.connections), duration)
		}
	}
	if _, _, _, err := client.Pairs(1, turn(addresses[0], time.Second), turn(addresses[1], time.Second)); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	duration := time.Duration(o.seconds) * time.Second
	files, shared, shares, err := client.Pairs(o.rounds, turn(addresses[0], duration), turn(addresses[1], duration))
	if err != nil {
		return err
	}
	file, database := client.Median(files), client.Median(shared)
	_, err = fmt.Printf(`SQLite      %8.0f requests/s   p50 %v   p99 %v
PostgreSQL  %8.0f requests/s   p50 %v   p99 %v
AssumeRoleWithWebIdentity with PostgreSQL: %.0f %% of that with SQLite (median of %d pairs of %d s, %.0f to %.0f %%, %d connections)
`,
		file.PerSecond(), file.Quantile(0.5), file.Quantile(0.99), database.PerSecond(), database.Quantile(0.5), database.Quantile(0.99),
		100*shares[len(shares)/2], o.rounds, o.seconds, 100*shares[0], 100*shares[len(shares)-1], o.connections)
	return err
}

// form is the request of one exchange.
func form(token string) []byte {
	return []byte(url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {version},
		"RoleArn": {"arn:aws:iam::" + process.Account + ":role/" + roleName}, "RoleSessionName": {"GitLabRunner-1-1"},
		"DurationSeconds": {"3600"}, "WebIdentityToken": {token},
	}.Encode())
}
