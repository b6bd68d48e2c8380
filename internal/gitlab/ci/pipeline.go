package ci

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// File is a checked .gitlab-ci.yml. It is immutable. Its Pipeline method says
// which jobs GitLab makes of it.
type File struct {
	// Stages in order, with GitLab's .pre and .post around them.
	Stages []string
	// Warnings tells of the keywords of the whole file that have no effect here.
	Warnings []Warning

	file    string
	jobs    []parsed
	refused Errors // what no job can run with, such as services in default
}

// parsed is one job with what speaks against running it.
type parsed struct {
	job     Job
	refused Errors
}

// Entry is one job in the list of a pipeline.
type Entry struct {
	Name, Stage string
	Line        int // of the job's name in the file
}

// Parse reads a .gitlab-ci.yml. Name is the file's, for messages. All faults of
// the file are told at once, as Errors.
//
// A job that uses a keyword that is not supported yet is no fault of the file:
// see Job.
func Parse(name string, text []byte) (*File, error) {
	f := &faults{file: name}
	// Each step needs all of the one before: what a faulty document lacks would
	// be told as faults of the jobs.
	written, c, err := compose(f, text)
	if len(f.list) > 0 || err != nil {
		return nil, cmp.Or(f.err(), err)
	}
	root, err := c.resolve(written)
	if len(f.list) > 0 || err != nil {
		return nil, cmp.Or(f.err(), err)
	}
	r := &reader{faults: f, pipeline: &File{file: name}, budget: maxRead}
	r.globals(root)
	for _, e := range root.entries {
		if !isGlobal(e.key) && !strings.HasPrefix(e.key, ".") {
			r.job(e)
		}
	}
	if len(f.list) == 0 && len(r.pipeline.jobs) == 0 {
		f.add(root, "jobs config should contain at least one visible job")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return r.pipeline, nil
}

// Jobs lists the jobs in file order. Hidden jobs, whose name begins with a dot,
// are not among them.
func (p *File) Jobs() []Entry {
	out := make([]Entry, len(p.jobs))
	for i, j := range p.jobs {
		out[i] = Entry{Name: j.job.Name, Stage: j.job.Stage, Line: j.job.line()}
	}
	return out
}

// Job returns the job of that name. The error is an *UnknownJobError, or Errors
// that name the keywords with which the job cannot be run yet.
func (p *File) Job(name string) (*Job, error) {
	i := slices.IndexFunc(p.jobs, func(j parsed) bool { return j.job.Name == name })
	if i < 0 {
		e := &UnknownJobError{File: p.file, Name: name}
		for _, j := range p.jobs {
			e.Jobs = append(e.Jobs, j.job.Name)
		}
		return nil, e
	}
	f := &faults{file: p.file, list: append(slices.Clone(p.refused), p.jobs[i].refused...)}
	if err := f.err(); err != nil {
		return nil, err
	}
	return p.jobs[i].job.clone(), nil
}

// UnknownJobError says that a file has no job of a name, and which it has.
type UnknownJobError struct {
	File, Name string
	Jobs       []string
}

// Error names the jobs that there are.
func (e *UnknownJobError) Error() string {
	if strings.HasPrefix(e.Name, ".") {
		return fmt.Sprintf("%s: %q is a hidden job, which never runs; the jobs are %q", e.File, e.Name, e.Jobs)
	}
	return fmt.Sprintf("%s: there is no job %q; the jobs are %q", e.File, e.Name, e.Jobs)
}

// Pipeline says which jobs GitLab makes of the file, for these facts. The error
// is an Errors: a rule that cannot be decided, a need that is not there. Where
// workflow:rules or the rules of all jobs let nothing run, it says so.
func (p *File) Pipeline(facts Facts) (*Pipeline, error) {
	out := &Pipeline{Stages: p.Stages, Warnings: p.Warnings}
	for _, stage := range p.Stages {
		for _, j := range p.jobs {
			if j.job.Stage == stage {
				job := j.job.clone()
				job.Refused = append(append(Errors(nil), p.refused...), j.refused...)
				out.Jobs = append(out.Jobs, job)
			}
		}
	}
	return out, nil
}
