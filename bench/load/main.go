// Command load measures how many AssumeRoleWithWebIdentity requests a second a
// real Daypass answers, as a share of a floor measured in the same run.
//
// Both servers are processes of their own on loopback and get the same bytes,
// in turns, so that what else the machine does hits both. The floor is a bare
// net/http server that reads the same form, verifies one RSA-2048 signature and
// writes a fixed reply. The load is bounded in time and ends by itself.
//
//	go run ./bench/load -rounds 5 -seconds 3
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/daypass/daypass/bench/process"
	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// The names that the load's requests carry.
const (
	audience = "https://gitlab.example.com"
	project  = "mygroup/myproject"
	roleName = "load"
	version  = "2011-06-15"
)

type options struct {
	rounds, seconds, connections int
	floorKey                     string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds for each server; the median counts")
	flag.IntVar(&o.seconds, "seconds", 3, "seconds a round")
	flag.IntVar(&o.connections, "connections", 8, "connections, each one request at a time")
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
	return measure(ctx, o)
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

	duration := time.Duration(o.seconds) * time.Second
	for _, address := range []string{s.floor, s.daypass} { // once to warm up: keys fetched, heaps grown
		if _, err := load(ctx, address, s.form, o.connections, time.Second); err != nil {
			return fmt.Errorf("warm up %s: %w", address, err)
		}
	}
	var floors, daypasses []round
	for range o.rounds {
		for _, turn := range []struct {
			address string
			into    *[]round
		}{{s.floor, &floors}, {s.daypass, &daypasses}} {
			r, err := load(ctx, turn.address, s.form, o.connections, duration)
			if err != nil {
				return err
			}
			*turn.into = append(*turn.into, r)
		}
	}
	return report(o, floors, daypasses)
}

func report(o options, floors, daypasses []round) error {
	shares := make([]float64, len(floors))
	for i := range floors {
		shares[i] = 100 * daypasses[i].perSecond() / floors[i].perSecond()
	}
	floor, daypass := median(floors), median(daypasses)
	slices.Sort(shares)
	_, err := fmt.Printf(`floor     %8.0f requests/s   p50 %v   p99 %v   (bare net/http, same form, one RSA-2048 verification, fixed reply)
daypass   %8.0f requests/s   p50 %v   p99 %v
AssumeRoleWithWebIdentity: %.0f %% of the floor (median of %d pairs of %d s, %.0f to %.0f %%, %d connections)
`,
		floor.perSecond(), floor.quantile(0.5), floor.quantile(0.99),
		daypass.perSecond(), daypass.quantile(0.5), daypass.quantile(0.99),
		shares[len(shares)/2], o.rounds, o.seconds, shares[0], shares[len(shares)-1], o.connections)
	return err
}

func median(rounds []round) round {
	sorted := slices.Clone(rounds)
	slices.SortFunc(sorted, func(a, b round) int { return int(a.perSecond() - b.perSecond()) })
	return sorted[len(sorted)/2]
}

// servers are the two under load, and what to send them.
type servers struct {
	floor, daypass string // host:port
	form           []byte
	processes      process.Group
	issuerDone     chan struct{}
}

// wait joins what setUp started; its context has ended.
func (s *servers) wait() {
	s.processes.Wait()
	<-s.issuerDone
}

// setUp builds and starts a real Daypass with an issuer, a provider and a role,
// and the floor.
func setUp(ctx context.Context, dir string) (*servers, error) {
	s := &servers{issuerDone: make(chan struct{})}
	issuer, err := s.startIssuer(ctx, filepath.Join(dir, "issuer"))
	if err != nil {
		return nil, err
	}
	if err := s.startDaypass(ctx, dir, issuer); err != nil {
		return nil, err
	}
	token, err := mint(issuer)
	if err != nil {
		return nil, err
	}
	s.form = []byte(url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {version},
		"RoleArn": {"arn:aws:iam::" + process.Account + ":role/" + roleName}, "RoleSessionName": {"GitLabRunner-1-1"},
		"DurationSeconds": {"3600"}, "WebIdentityToken": {token},
	}.Encode())
	return s, s.startFloor(ctx, dir, filepath.Join(dir, "issuer", "signing-keys.pem"))
}

func (s *servers) startIssuer(ctx context.Context, dir string) (*instance.Instance, error) {
	issuer, err := instance.Open(ctx, dir, time.Now())
	if err != nil {
		return nil, err
	}
	l, err := issuer.Listen(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	go func() {
		defer close(s.issuerDone)
		_ = issuer.Serve(ctx, l, slog.New(slog.DiscardHandler)) // its failure shows as a failed request
	}()
	return issuer, nil
}

func (s *servers) startDaypass(ctx context.Context, dir string, issuer *instance.Instance) error {
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	d, err := s.processes.Serve(ctx, binary, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	s.daypass = strings.TrimPrefix(d.Endpoint, "http://")
	_, err = d.IAM.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuer.Issuer.URL()), ClientIDList: []string{audience}, ThumbprintList: []string{issuer.Thumbprint},
	})
	if err != nil {
		return err
	}
	return d.CreateRole(ctx, roleName, process.TrustPolicy(strings.TrimPrefix(issuer.Issuer.URL(), "https://"), audience, project))
}

func mint(issuer *instance.Instance) (string, error) {
	job, err := gitlab.NewJob(gitlab.Job{ServerURL: issuer.Issuer.URL(), Project: gitlab.Project{Path: project}}, nil)
	if err != nil {
		return "", err
	}
	return issuer.Issuer.IDToken(job, []string{audience}, time.Now(), rand.Reader)
}

func (s *servers) startFloor(ctx context.Context, dir, signingKeys string) error {
	keyFile := filepath.Join(dir, "floor.der")
	if err := writePublicKey(signingKeys, keyFile); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out, in := io.Pipe()
	if _, err := s.processes.Start(ctx, in, self, "-floor", keyFile); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	s.floor = strings.TrimSpace(line)
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
