package ci

import (
	"fmt"
	"slices"
	"strings"
)

// File is a checked .gitlab-ci.yml, with what it includes. It is immutable. Its
// Pipeline method says which jobs GitLab makes of it.
type File struct {
	// Stages in order, with GitLab's .pre and .post around them.
	Stages []string
	// Warnings tells of what of the whole file has no effect here.
	Warnings []Warning

	name      string
	jobs      []*definition
	index     map[string]*definition
	variables []Variable
	workflow  workflow
}

// Entry is one job in the list of a file.
type Entry struct {
	Name, Stage string
	Line        int // of the job's name in the file
	Position    Position
}

// Source is a file to read, and what its includes need.
type Source struct {
	// Name is the file's, for messages. For include it is also its path in the
	// repository.
	Name string
	Text []byte
	// Facts decide include:rules; their Repository has the included files. Without
	// a Repository, include:local is an error.
	Facts Facts
	// SkipForeign leaves includes out that are no files of the repository, with a
	// warning, where they would be an error. What they define is then missing:
	// jobs, and what other jobs take from them.
	SkipForeign bool
}

// Parse reads a .gitlab-ci.yml that includes nothing. See Read.
func Parse(name string, text []byte) (*File, error) {
	return Read(Source{Name: name, Text: text})
}

// Read reads a .gitlab-ci.yml and what it includes. All faults are told at once,
// as Errors.
//
// That a job cannot be run here, as one with trigger, is no fault of the file:
// see Job.Refused.
func Read(s Source) (*File, error) {
	f := &faults{}
	b := &budget{faults: f, left: maxNodes}
	i := &includer{budget: b, facts: s.Facts, skip: s.SkipForeign, known: s.Facts.known()}
	// Each step needs all of the one before: what a faulty document lacks would
	// be told as faults of the jobs.
	written, err := i.file(&source{name: s.Name, text: s.Text}, []string{s.Name})
	if len(f.list) > 0 || err != nil {
		return nil, failed(f, err)
	}
	root, err := resolve(b, written)
	if len(f.list) > 0 || err != nil {
		return nil, failed(f, err)
	}
	r := &reader{faults: f, file: &File{name: s.Name, Warnings: i.warnings, index: map[string]*definition{}}, left: maxRead}
	r.globals(root)
	for _, e := range root.entries {
		if !isGlobal(e.key) && !strings.HasPrefix(e.key, ".") {
			r.readJob(e)
		}
	}
	if len(f.list) == 0 && len(r.file.jobs) == 0 {
		f.addHint(root, "a job is a map with a script, and a name that begins with no dot",
			"jobs config should contain at least one visible job")
	}
	if len(f.list) == 0 {
		r.relations()
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return r.file, nil
}

// failed prefers the faults to what ended the reading.
func failed(f *faults, err error) error {
	if told := f.err(); told != nil {
		return told
	}
	return err
}

// known are the variables that decide include:rules and expand the locations of
// includes: all but those of the file.
func (f Facts) known() map[string]Variable {
	return lookup(slices.Concat(f.Predefined, f.Settings))
}

// Jobs lists the jobs in file order, whatever their rules say. Hidden jobs,
// whose name begins with a dot, are not among them.
func (f *File) Jobs() []Entry {
	out := make([]Entry, len(f.jobs))
	for i, d := range f.jobs {
		out[i] = Entry{Name: d.job.Name, Stage: d.job.Stage, Line: d.job.Position.Line, Position: d.job.Position}
	}
	return out
}

// Job returns the job of that name as the file defines it: no rule is decided,
// and a job with parallel is not multiplied. The error is an *UnknownJobError,
// or Errors that say why the job cannot be run here.
func (f *File) Job(name string) (*Job, error) {
	d, ok := f.index[name]
	if !ok {
		e := &UnknownJobError{File: f.name, Name: name}
		for _, d := range f.jobs {
			e.Jobs = append(e.Jobs, d.job.Name)
		}
		return nil, e
	}
	if len(d.job.Refused) > 0 {
		return nil, d.job.Refused.sorted()
	}
	j := d.job.clone()
	j.Variables = d.variables(f.variables, nil)
	return j, nil
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
