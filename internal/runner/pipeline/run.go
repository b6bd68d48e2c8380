package pipeline

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
	"github.com/daypass/daypass/internal/runner/workspace"
)

// Options say what to run. Stages, Jobs, Start, Dir, Log and Now are required.
type Options struct {
	// Stages in order, and the jobs to run.
	Stages []string
	Jobs   []*ci.Job
	// Released says which jobs are to be run though they are manual or for
	// failures; nil is none.
	Released func(*ci.Job) bool
	// Start makes what a job runs with, when it starts: Job, Variables, IDTokens,
	// Timeout, and of the rest what is the caller's choice. Dir, Files, Prepare,
	// Finish, Canceled, Stdout and Now are set here.
	Start func(context.Context, Start) (runner.Spec, error)
	// Concurrency is how many jobs run at a time; 1 where it is less.
	Concurrency int
	// Sources is what jobs get a copy of. Nil means that they all run in InPlace.
	Sources *workspace.Snapshot
	InPlace string
	// Ref is the name of the branch or tag, for the log.
	Ref string
	// Project is the path of the project; the directories of jobs end with it.
	Project string
	// Dir is a directory for builds and artifacts that is closed to others.
	// Nothing in it is removed but the directories of jobs that are over.
	Dir string
	// CacheDir is where caches are kept from run to run; "" keeps none. With
	// InPlace there are none either.
	CacheDir string
	// Protected says that the ref is protected: its caches are apart.
	Protected bool
	// Log opens the log of an attempt at a job; it is closed at its end.
	Log func(j *ci.Job, attempt int) (io.WriteCloser, error)
	// Words tells an error in a log; nil is its own text, with names of packages.
	Words func(error) string
	// Colour paints the logs.
	Colour bool
	// Changed, if it is set, is told of each change, by one goroutine.
	Changed func([]Report)
	// Canceled cancels the pipeline once it is closed: jobs that run are
	// canceled, with their after_script, and no other one starts.
	Canceled <-chan struct{}
	// CancelOnFailure is workflow:auto_cancel:on_job_failure: all.
	CancelOnFailure bool
	Now             func() time.Time
}

// Start names a job that starts.
type Start struct {
	Job *ci.Job
	// Number counts the jobs of the run from 1, in their order.
	Number int
	// Attempt counts from 1.
	Attempt int
	// Dotenv are the variables of other jobs' reports that this one gets. They
	// win over those of the file, and lose to those of the project's settings.
	Dotenv []ci.Variable
}

// Report is where a job stands.
type Report struct {
	Job   *ci.Job
	State State
	// AllowedToFail says that the state, where it is Failed, Canceled or Manual,
	// leaves the pipeline passing.
	AllowedToFail bool
	// Attempt counts from 1; 0 is a job that did not start.
	Attempt int
	// Result is that of the last attempt that ended; Err is the system's failure
	// where there was one.
	Result runner.Result
	Err    error
	// Started is when the first attempt began, Duration how long all took.
	Started  time.Time
	Duration time.Duration
	// Artifacts is the directory of what was kept, empty for nothing; Reports
	// that of reports.
	Artifacts, Reports string
}

// Result is how the pipeline ended.
type Result struct {
	// State is Success, Failed, Canceled, Skipped, or Manual.
	State State
	// Warnings says that a job failed that may.
	Warnings bool
	Jobs     []Report
}

// Run runs the jobs and waits for their end. A job that fails is no error. The
// errors are a writer or a directory that failed, and the context's: it ends at
// once what runs, where Canceled gives it time.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Released == nil {
		o.Released = func(*ci.Job) bool { return false }
	}
	r := &running{
		Options: o, schedule: newSchedule(o.Stages, o.Jobs, o.Released),
		reports: make([]Report, len(o.Jobs)), dotenv: make([][]ci.Variable, len(o.Jobs)),
		stop: make(chan struct{}), done: make(chan ended), busy: map[string]bool{},
	}
	for i, j := range o.Jobs {
		r.reports[i].Job = j
	}
	err := r.loop(ctx)
	state, withWarnings := r.schedule.end()
	return Result{State: state, Warnings: withWarnings, Jobs: slices.Clone(r.reports)}, err
}

// running is a pipeline at work. All but the goroutines of the jobs is of the one
// goroutine of loop.
type running struct {
	Options
	schedule schedule
	reports  []Report
	dotenv   [][]ci.Variable // what each job's reports gave
	active   int
	busy     map[string]bool // resource groups in use
	stop     chan struct{}   // closed: running jobs are to be canceled
	stopped  bool
	done     chan ended
}

// ended is what a job's goroutine says: the end of an attempt, the last if final.
type ended struct {
	index int
	final bool
	outcome
}

// loop starts jobs and waits for them, until nothing moves any more.
func (r *running) loop(ctx context.Context) error {
	var failed error
	canceled := r.Canceled
	for {
		r.schedule.step()
		r.start(ctx)
		r.tell()
		if r.active == 0 {
			return failed
		}
		select {
		case e := <-r.done:
			if err := r.ended(e); err != nil {
				failed = errors.Join(failed, err)
				r.cancel()
			}
		case <-canceled:
			canceled = nil
			r.cancel()
		case <-ctx.Done():
			r.cancel()
			// Each job sees the end of the context itself.
			ctx = context.WithoutCancel(ctx)
		}
	}
}

// cancel stops what runs and gives up the rest.
func (r *running) cancel() {
	r.schedule.cancel()
	if !r.stopped {
		r.stopped = true
		close(r.stop)
	}
}

// start starts the jobs that are pending, as far as there is room.
func (r *running) start(ctx context.Context) {
	for i, p := range r.schedule {
		group := p.job.ResourceGroup
		if p.state != Pending || r.active >= max(r.Concurrency, 1) || group != "" && r.busy[group] {
			continue
		}
		p.state = Running
		if group != "" {
			r.busy[group] = true
		}
		r.reports[i].Started, r.reports[i].Attempt = r.Now(), 1
		r.active++
		a := &attempts{running: r, index: i, job: p.job, inputs: r.inputs(i)}
		go a.run(ctx)
	}
}

// ended takes in what a job's goroutine says.
func (r *running) ended(e ended) error {
	p, report := r.schedule[e.index], &r.reports[e.index]
	report.Result, report.Err = e.result, e.err
	report.Duration = r.Now().Sub(report.Started)
	if !e.final {
		report.Attempt++
		return nil
	}
	r.active--
	delete(r.busy, p.job.ResourceGroup)
	report.Artifacts, report.Reports, r.dotenv[e.index] = e.artifacts, e.reports, e.dotenv
	switch e.result.Reason {
	case "":
		p.state = Success
	case runner.Canceled:
		p.state = Canceled
	default:
		p.state = Failed
		p.allowed = p.job.AllowFailure.Permits(e.result.ExitCode)
		if r.CancelOnFailure && !p.allowed {
			r.cancel()
		}
	}
	return e.lost
}

// tell reports to the caller.
func (r *running) tell() {
	for i, p := range r.schedule {
		r.reports[i].State, r.reports[i].AllowedToFail = p.state, p.allowed
	}
	if r.Changed != nil {
		r.Changed(slices.Clone(r.reports))
	}
}

// input is what a job gets of another.
type input struct {
	number    int
	name      string
	artifacts string
	dotenv    []ci.Variable
}

// inputs are the jobs whose artifacts a job gets: those of dependencies, or of
// needs, or all of the stages before (GitLab Docs, "Job artifacts").
func (r *running) inputs(index int) []input {
	p := r.schedule[index]
	var out []input
	for i, q := range r.schedule {
		if i == index || !q.state.done() || q.state == Skipped || !gives(p, q) {
			continue
		}
		out = append(out, input{i + 1, q.job.Name, r.reports[i].Artifacts, r.dotenv[i]})
	}
	return out
}

// gives reports whether job p gets the artifacts of job q.
func gives(p, q *place) bool {
	byName := func(n ci.Need) bool { return n.Job == q.job.Name && n.Artifacts && n.Project == "" && n.Pipeline == "" }
	switch {
	case p.job.Dependencies != nil:
		return slices.Contains(p.job.Dependencies, q.job.Name) || slices.Contains(p.job.Dependencies, q.job.Definition)
	case p.job.Needs != nil:
		return slices.ContainsFunc(p.job.Needs, byName)
	}
	return q.stage < p.stage
}
