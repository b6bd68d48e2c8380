// Command scale measures what operations cost in an account of 100,000 roles and
// 1,000 providers, as a multiple of what they cost in one of 100 roles and 10
// providers, in the same run.
//
// Both are real Daypass processes on loopback, and the same client asks them in
// turns, so that what else the machine does hits both. The load is bounded and
// ends by itself. The large account is written into its store before the server
// starts on it.
//
//	go run ./bench/scale -roles 100000 -providers 1000 -calls 400
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/daypass/daypass/bench/process"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
)

// The small account, which is the floor.
const (
	fewRoles     = 100
	fewProviders = 10
)

// batch is how many records one transaction writes into the large account.
const batch = 1000

type options struct{ roles, providers, calls int }

func main() {
	var o options
	flag.IntVar(&o.roles, "roles", 100_000, "roles of the large account")
	flag.IntVar(&o.providers, "providers", 1000, "providers of the large account")
	flag.IntVar(&o.calls, "calls", 400, "calls of each operation on each account; the median counts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := measure(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, o options) (err error) {
	if o.roles < 1 || o.providers < 1 || o.calls < 1 || o.roles > 1_000_000 || o.providers > 4000 || o.calls > 10_000 {
		return errors.New("roles, providers and calls must be positive; 1,000,000 roles, 4,000 providers and 10,000 calls at most")
	}
	ctx, cancel := context.WithCancel(ctx)
	dir, err := os.MkdirTemp("", "daypass-scale-")
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
	small, _, err := start(ctx, &processes, binary, filepath.Join(dir, "small"), fewRoles, fewProviders)
	if err != nil {
		return err
	}
	large, took, err := start(ctx, &processes, binary, filepath.Join(dir, "large"), o.roles, o.providers)
	if err != nil {
		return err
	}
	if err := compare(ctx, o, small, large); err != nil {
		return err
	}
	return reportMemory(o, small, large, took)
}

// start makes a data directory, fills it, and serves it. It says how long the
// server took to answer.
func start(ctx context.Context, processes *process.Group, binary, data string, roles, providers int) (*process.Daypass, time.Duration, error) {
	if err := makeData(ctx, binary, data); err != nil {
		return nil, 0, err
	}
	if err := fill(ctx, filepath.Join(data, "daypass.db"), roles, providers); err != nil {
		return nil, 0, err
	}
	began := time.Now()
	d, err := processes.Serve(ctx, binary, data)
	return d, time.Since(began), err
}

// makeData has a first start make the account and its administrator.
func makeData(ctx context.Context, binary, data string) error {
	ctx, cancel := context.WithCancel(ctx)
	var first process.Group
	defer func() { cancel(); first.Wait() }()
	_, err := first.Serve(ctx, binary, data)
	return err
}

// fill writes roles and providers as the server would, in fewer transactions.
func fill(ctx context.Context, database string, roles, providers int) (err error) {
	st, err := sqlstore.OpenSQLite(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	put := func(n int, record func(i int) (store.ID, any)) error {
		for from := 0; from < n; from += batch {
			_, err := st.Update(ctx, func(tx store.Tx) error {
				for i := from; i < min(from+batch, n); i++ {
					id, r := record(i)
					if err := store.PutRecord(tx, id, r); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	created := time.Now().UTC().Truncate(time.Second)
	return errors.Join(
		put(providers, func(i int) (store.ID, any) {
			p := store.OIDCProvider{
				Account: process.Account, URL: issuerURL(i), ClientIDs: []string{"https://" + issuerURL(i)},
				Thumbprints: []string{strings.Repeat("a", 40)}, Created: created,
			}
			return store.OIDCProviderID(p.Account, p.URL), p
		}),
		put(roles, func(i int) (store.ID, any) {
			r := store.Role{
				Account: process.Account, Name: roleName(i), Path: "/ci/", ID: fmt.Sprintf("AROA%017d", i), MaxSessionDuration: 3600,
				TrustPolicy:    process.TrustPolicy(issuerURL(i%providers), "https://gitlab.example.com", "group/project"+strconv.Itoa(i)),
				InlinePolicies: []store.InlinePolicy{{Name: "deploy", Document: permissions(i)}}, Created: created,
			}
			return store.RoleID(r.Account, r.Name), r
		}),
	)
}

func issuerURL(i int) string { return fmt.Sprintf("gitlab%04d.example.com", i) }

func roleName(i int) string { return fmt.Sprintf("deploy-%07d", i) }

func permissions(i int) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::releases/project%d/*"},{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::releases"}]}`, i)
}

// compare asks both accounts the same, in turns.
func compare(ctx context.Context, o options, small, large *process.Daypass) error {
	fmt.Printf("%-34s %12s %12s %s\n", "median of "+strconv.Itoa(o.calls)+" calls", fmt.Sprintf("%d roles", fewRoles), fmt.Sprintf("%d roles", o.roles), "ratio")
	for _, op := range operations {
		var few, many []time.Duration
		for i := range o.calls {
			for _, turn := range []struct {
				d     *process.Daypass
				roles int
				into  *[]time.Duration
			}{{small, fewRoles, &few}, {large, o.roles, &many}} {
				began := time.Now()
				if err := op.call(ctx, turn.d, i, turn.roles); err != nil {
					return fmt.Errorf("%s with %d roles: %w", op.name, turn.roles, err)
				}
				*turn.into = append(*turn.into, time.Since(began))
			}
		}
		a, b := median(few), median(many)
		fmt.Printf("%-34s %12v %12v %.2f\n", op.name, a.Round(time.Microsecond), b.Round(time.Microsecond), float64(b)/float64(a))
	}
	return nil
}

func median(durations []time.Duration) time.Duration {
	slices.Sort(durations)
	return durations[len(durations)/2]
}

// reportMemory tells how much memory the servers held at most, and how long the
// large one took to start.
func reportMemory(o options, small, large *process.Daypass, took time.Duration) error {
	few, err := peakMemory(small.PID)
	if err != nil {
		return err
	}
	many, err := peakMemory(large.PID)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("peak resident memory: %d MiB with %d roles, %d MiB with %d roles and %d providers; the latter answered %v after its start\n",
		few>>20, fewRoles, many>>20, o.roles, o.providers, took.Round(10*time.Millisecond))
	return err
}

// peakMemory reads VmHWM (proc_pid_status(5)), in bytes.
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("the system does not tell the peak memory of a process (VmHWM)")
}
