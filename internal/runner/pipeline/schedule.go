package pipeline

import (
	"slices"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// State is the status of a job or a pipeline, by GitLab's names.
type State string

// The states. Created is a job that waits for others, Pending one that waits for
// a free place; Manual is one that waits for a hand, and of a pipeline that it
// can go no further without one, which GitLab's pages call blocked.
const (
	Created  State = "created"
	Pending  State = "pending"
	Running  State = "running"
	Success  State = "success"
	Failed   State = "failed"
	Canceled State = "canceled"
	Skipped  State = "skipped"
	Manual   State = "manual"
)

// done reports whether a job in this state goes no further by itself.
func (s State) done() bool {
	return s == Success || s == Failed || s == Canceled || s == Skipped
}

// place is one job of the schedule.
type place struct {
	job   *ci.Job
	stage int // its place among the stages
	state State
	// allowed says that the job's failure, or that it waits for a hand, holds
	// nobody up.
	allowed bool
	// released says that someone started the job: it was named, or told to run
	// though it is manual.
	released bool
	needs    []*place // nil where the job goes by stages
}

// byNeeds reports whether the job goes by needs and not by stages.
func (p *place) byNeeds() bool { return p.job.Needs != nil }

// counted is how a job counts for others: what failed and may fail is
// success with warnings, what waits for a hand and need not be run is ignored.
type counted string

const (
	warnings counted = "success_with_warnings"
	ignored  counted = "ignored"
)

func (p *place) counted() counted {
	switch {
	case p.allowed && (p.state == Failed || p.state == Canceled):
		return warnings
	case p.allowed && p.state == Manual:
		return ignored
	}
	return counted(p.state)
}

// composite is the one state of several jobs (GitLab's
// Gitlab::Ci::Status::Composite). No jobs are a success.
func composite(places []*place, byNeeds bool) State {
	only := func(of ...counted) bool {
		return !slices.ContainsFunc(places, func(p *place) bool { return !slices.Contains(of, p.counted()) })
	}
	any := func(of ...counted) bool {
		return slices.ContainsFunc(places, func(p *place) bool { return slices.Contains(of, p.counted()) })
	}
	const created, success, skipped, canceled = counted(Created), counted(Success), counted(Skipped), counted(Canceled)
	switch {
	case len(places) == 0:
		return Success
	case byNeeds && any(skipped, ignored):
		return Skipped
	case byNeeds && slices.ContainsFunc(places, func(p *place) bool { return !p.state.done() }):
		return Pending
	case only(skipped, ignored):
		return Skipped
	case only(success, skipped, warnings, ignored):
		return Success
	case only(created, warnings, ignored):
		return Created
	case only(canceled, success, skipped, warnings, ignored):
		return Canceled
	case any(counted(Running), counted(Pending)):
		return Running
	case any(counted(Manual)):
		return Manual
	case any(created):
		return Running
	}
	return Failed
}

// schedule is all jobs of a run, in their order.
type schedule []*place

// newSchedule places the jobs. Needs of jobs that are not among them are left
// out: the caller chose to run without those.
func newSchedule(stages []string, jobs []*ci.Job, released func(*ci.Job) bool) schedule {
	s := make(schedule, len(jobs))
	byName := map[string]*place{}
	for i, j := range jobs {
		s[i] = &place{
			job: j, stage: slices.Index(stages, j.Stage), state: Created,
			allowed: j.AllowFailure.Allowed, released: released(j),
		}
		byName[j.Name] = s[i]
	}
	for _, p := range s {
		for _, n := range p.job.Needs {
			if q := byName[n.Job]; q != nil && n.Project == "" && n.Pipeline == "" {
				p.needs = append(p.needs, q)
			}
		}
	}
	return s
}

// before is the jobs that a job waits for.
func (s schedule) before(p *place) []*place {
	if p.byNeeds() {
		return p.needs
	}
	var out []*place
	for _, q := range s {
		if q.stage < p.stage {
			out = append(out, q)
		}
	}
	return out
}

// step moves every job on as far as it goes now: to Pending, Manual or Skipped.
func (s schedule) step() {
	for again := true; again; {
		again = false
		for _, p := range s {
			if p.state != Created {
				continue
			}
			if next := s.next(p); next != Created {
				p.state, again = next, true
			}
		}
	}
}

// next is what becomes of a job that waits (GitLab's ProcessBuildService).
func (s schedule) next(p *place) State {
	state := composite(s.before(p), p.byNeeds())
	if !state.done() {
		return Created
	}
	var runs bool
	switch {
	case p.job.When == "on_failure" && !p.released:
		runs = state == Failed
	case p.job.When == "always":
		runs = state == Success || state == Failed || state == Skipped
	default: // on_success, manual, delayed
		runs = state == Success || state == Skipped && !p.byNeeds()
	}
	switch {
	case !runs:
		return Skipped
	case p.job.When == "manual" && !p.released:
		return Manual
	}
	return Pending
}

// end is the state of the pipeline, and whether a job failed that may.
func (s schedule) end() (state State, withWarnings bool) {
	withWarnings = slices.ContainsFunc(s, func(p *place) bool { return p.counted() == warnings })
	return composite(s, false), withWarnings
}

// cancel gives up what has not started.
func (s schedule) cancel() {
	for _, p := range s {
		if p.state == Created || p.state == Pending {
			p.state = Canceled
		}
	}
}
