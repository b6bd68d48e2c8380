// Command audit measures how the cost of a question to the record of events grows
// with the record: what one project did within one hour, asked of records of
// growing length. Beside it stands, in the same run, the floor: reading every
// event of the shortest record.
//
// Events are a day's, evenly spread, of as many projects as -projects says. The
// files are made in a temporary directory, about 0.5 KB an event, and removed.
//
//	go run ./bench/audit -records 100000,1000000,10000000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/daypass/daypass/internal/audit"
)

const (
	maxRecords = 20_000_000
	questions  = 11 // of each kind; the median counts
)

// day is when the events begin; the hour is within it.
var (
	day  = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	hour = day.Add(14 * time.Hour)
)

func main() {
	records := flag.String("records", "100000,1000000", "lengths of the records, ascending")
	projects := flag.Int("projects", 2000, "how many projects the events are of")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := measure(ctx, *records, *projects)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, records string, projects int) (err error) {
	var lengths []int
	for _, text := range strings.Split(records, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxRecords || len(lengths) > 0 && n <= lengths[len(lengths)-1] {
			return fmt.Errorf("-records %q: give ascending numbers up to %d", records, maxRecords)
		}
		lengths = append(lengths, n)
	}
	if projects < 1 {
		return errors.New("-projects must be positive")
	}
	dir, err := os.MkdirTemp("", "daypass-bench-audit-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Printf("%10s %8s %8s %10s %12s %12s %12s %8s\n", "events", "MB", "write/s", "index", "project+hour", "one id", "read KB", "found")
	for _, n := range lengths {
		if err := one(ctx, filepath.Join(dir, strconv.Itoa(n)), n, projects, n == lengths[0]); err != nil {
			return err
		}
	}
	return nil
}

// one makes a record of n events and asks it.
func one(ctx context.Context, dir string, n, projects int, floor bool) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, "events.jsonl")
	writing, err := write(ctx, path, n, projects)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := index(ctx, path); err != nil {
		return err
	}
	indexing := time.Since(began)
	project := audit.Query{Project: "group/project-7", From: hour, To: hour.Add(time.Hour)}
	var cost audit.Cost
	found, err := ask(path, project, &cost)
	if err != nil {
		return err
	}
	byProject, err := median(path, project)
	if err != nil {
		return err
	}
	byID, err := median(path, audit.Query{RequestID: requestID(n / 2)})
	if err != nil {
		return err
	}
	size, err := sizeOf(dir)
	if err != nil {
		return err
	}
	fmt.Printf("%10d %8d %8.0f %10s %12s %12s %12d %8d\n", n, size>>20, float64(n)/writing.Seconds(),
		indexing.Round(time.Millisecond), byProject.Round(time.Microsecond), byID.Round(time.Microsecond), cost.Bytes>>10, found)
	if !floor {
		return os.RemoveAll(dir)
	}
	began = time.Now()
	if _, err := ask(path, audit.Query{}, nil); err != nil {
		return err
	}
	all := time.Since(began)
	fmt.Printf("%10s reading all %d events takes %s: %.0f times as long as the question for a project and an hour\n",
		"floor:", n, all.Round(time.Millisecond), float64(all)/float64(byProject))
	return os.RemoveAll(dir)
}

func requestID(n int) string { return fmt.Sprintf("3f1c9a52-5d0e-4c8b-9a67-%012d", n) }

// write makes the events as requests of sessions are.
func write(ctx context.Context, path string, n, projects int) (took time.Duration, err error) {
	log, err := audit.Open(path, audit.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same in every run
	began := time.Now()
	for i := range n {
		if i%10_000 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		p := random.IntN(projects)
		e := audit.Event{
			Time: day.Add(time.Duration(float64(i) / float64(n) * float64(24*time.Hour))), RequestID: requestID(i),
			Service: "s3", Operation: "GetObject", SourceIP: "10.0.0.1", UserAgent: "aws-sdk-go-v2/1.41.0", Status: 200, Duration: 1,
			Account: "111122223333", Principal: fmt.Sprintf("arn:aws:sts::111122223333:assumed-role/deploy/job-%d", i/20),
			AccessKey: fmt.Sprintf("ASIA%016d", i/20),
			Origin: &audit.Origin{
				Issuer: "https://gitlab.example.com", Subject: fmt.Sprintf("project_path:group/project-%d:ref_type:branch:ref:main", p),
				Project: fmt.Sprintf("group/project-%d", p), Pipeline: strconv.Itoa(i / 100), Job: strconv.Itoa(i / 20),
			},
		}
		if err := log.Write(&e); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// index does what a server does while it runs.
func index(ctx context.Context, path string) error {
	log, err := audit.Open(path, audit.Options{})
	if err != nil {
		return err
	}
	return errors.Join(log.BuildIndexes(ctx), log.Close())
}

func ask(path string, q audit.Query, cost *audit.Cost) (found int, err error) {
	for _, err := range audit.Search(path, q, true, cost) {
		if err != nil {
			return 0, err
		}
		found++
	}
	return found, nil
}

func median(path string, q audit.Query) (time.Duration, error) {
	took := make([]time.Duration, questions)
	for i := range took {
		began := time.Now()
		if _, err := ask(path, q, nil); err != nil {
			return 0, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

func sizeOf(dir string) (size int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, nil
}
