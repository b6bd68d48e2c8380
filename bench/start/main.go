// Command start measures what a job waits for its credentials: from the start of
// daypass to credentials printed, against a Daypass server on loopback. Beside it, in
// turns and in the same run, stands the floor: aws sts assume-role-with-web-identity,
// by the aws CLI that is on PATH, with the same token, against the same server.
//
//	go run ./bench/start -rounds 15
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/daypass/daypass/bench/process"
)

const roleARN = "arn:aws:iam::" + process.Account + ":role/deploy"

func main() {
	rounds := flag.Int("rounds", 15, "how often each is started; the medians count")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := measure(ctx, *rounds)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, rounds int) (err error) {
	if rounds < 1 || rounds > 1000 {
		return errors.New("rounds is between 1 and 1000")
	}
	aws, err := exec.LookPath("aws")
	if err != nil {
		return fmt.Errorf("the floor is the aws CLI, which make setup installs: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	dir, err := os.MkdirTemp("", "daypass-start-")
	if err != nil {
		cancel()
		return err
	}
	var processes process.Group
	defer func() {
		cancel()
		processes.Wait()
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	issuer, err := process.StartIssuer(ctx, filepath.Join(dir, "issuer"), time.Now)
	if err != nil {
		return err
	}
	defer func() { cancel(); issuer.Wait() }()
	server, err := processes.Serve(ctx, binary, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	if err := server.Admit(ctx, issuer, "deploy"); err != nil {
		return err
	}
	token, err := issuer.Token()
	if err != nil {
		return err
	}
	return compare(ctx, rounds, dir, token, server.Endpoint, map[string][]string{
		"daypass": {binary, "credential-process", "--no-cache", "--role", roleARN, "--token-env", "TOKEN", "--endpoint-url", server.Endpoint},
		"aws": {
			"sh", "-c", `exec "$0" sts assume-role-with-web-identity --role-arn "$1" --role-session-name floor --web-identity-token "$TOKEN" --endpoint-url "$2" --output json`,
			aws, roleARN, server.Endpoint,
		},
	})
}

// compare starts both in turns, after one start of each that does not count.
func compare(ctx context.Context, rounds int, home, token, endpoint string, commands map[string][]string) error {
	took := map[string][]time.Duration{}
	for round := range rounds + 1 {
		for _, name := range []string{"daypass", "aws"} {
			d, err := once(ctx, home, token, commands[name])
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if round > 0 {
				took[name] = append(took[name], d)
			}
		}
	}
	median := func(name string) time.Duration {
		all := took[name]
		slices.Sort(all)
		return all[len(all)/2]
	}
	ours, floor := median("daypass"), median("aws")
	fmt.Printf("start to credentials printed, medians of %d, %s: daypass %s, aws CLI %s: 1/%.1f\n",
		rounds, endpoint, ours.Round(time.Millisecond), floor.Round(time.Millisecond), float64(floor)/float64(ours))
	if ours*5 > floor {
		fmt.Println("that is more than the fifth that it should be at most; what else does this machine do?")
	}
	return nil
}

// once runs a command, which must print credentials.
func once(ctx context.Context, home, token string, command []string) (time.Duration, error) {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TOKEN=" + token, "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true"}
	c.Stderr = os.Stderr
	began := time.Now()
	out, err := c.Output()
	d := time.Since(began)
	if err == nil && len(out) < 100 {
		err = errors.New("it printed no credentials")
	}
	return d, err
}
