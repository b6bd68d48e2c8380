package ci

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Pipeline is a checked .gitlab-ci.yml. It is immutable.
type Pipeline struct {
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

// Job is one job, with extends, default and global variables applied.
type Job struct {
	Name, Stage string
	// Image is what the job names as its container image. It is told and not
	// used: the job runs under the bash of this machine.
	Image string
	// BeforeScript and Script run one after the other in one shell.
	BeforeScript, Script []string
	// AfterScript runs in a shell of its own, whatever Script did.
	AfterScript []string
	// Variables are the global ones and then the job's own, which win.
	Variables []Variable
	// IDTokens in file order.
	IDTokens []IDToken
	// Environment is nil where the job has none.
	Environment *Environment
	// Timeout is 0 where the file sets none; GitLab then takes the project's,
	// 1 hour by default.
	Timeout time.Duration
	// Warnings tells of the keywords of this job that have no effect here.
	Warnings []Warning

	at *node // its name in the file
}

// IDToken is one entry of id_tokens: a token that the job finds in the variable
// Name. Aud is not expanded yet; see Expand.
type IDToken struct {
	Name string
	Aud  []string
	// List says that the file writes aud as an array. A claim aud of one value
	// is then an array of one, and a string otherwise.
	List bool
}

// Environment is the deployment target of a job. Name and URL are not expanded
// yet; see Expand.
type Environment struct {
	Name, URL string
	Action    string // start, prepare, stop, verify or access; start by default
	Tier      string // deployment_tier; empty where the file sets none
}

// Parse reads a .gitlab-ci.yml. Name is the file's, for messages. All faults of
// the file are told at once, as Errors.
//
// A job that uses a keyword that is not supported yet is no fault of the file:
// see Job.
func Parse(name string, text []byte) (*Pipeline, error) {
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
	r := &reader{faults: f, pipeline: &Pipeline{file: name}, budget: maxRead}
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
func (p *Pipeline) Jobs() []Entry {
	out := make([]Entry, len(p.jobs))
	for i, j := range p.jobs {
		out[i] = Entry{Name: j.job.Name, Stage: j.job.Stage, Line: j.job.line()}
	}
	return out
}

// Job returns the job of that name. The error is an *UnknownJobError, or Errors
// that name the keywords with which the job cannot be run yet.
func (p *Pipeline) Job(name string) (*Job, error) {
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
