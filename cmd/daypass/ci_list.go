package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/daypass/daypass/internal/gitlab/ci"

	"github.com/spf13/cobra"
)

// exampleServer is the GitLab that rules see where none is named.
const exampleServer = "https://gitlab.example.com"

// listFlags say for which pipeline a file is read.
type listFlags struct {
	jobFlags
	root, server      string
	variables         []string
	skipInclude, json bool
}

func (f *listFlags) add(c *cobra.Command) {
	f.jobFlags.add(c)
	flags := c.Flags()
	// Nothing is minted, so no issuer is asked.
	_ = flags.MarkHidden("issuer")
	flags.StringVar(&f.server, "server", exampleServer, "`URL` of the GitLab, for rules that ask for it")
	flags.StringVar(&f.root, "root", "", "the project's `DIR`ectory (default: the top of the git work tree that the file is in, or the file's directory)")
	flags.StringArrayVar(&f.variables, "var", nil, "project variable `NAME=VALUE`, which wins over the file's; may be given again")
	flags.StringArrayVar(&f.variables, "variable", nil, "`NAME=VALUE`, as --var")
	flags.BoolVar(&f.skipInclude, "skip-include", false, "leave out includes of templates, components and other projects, where they would be an error")
	flags.BoolVar(&f.json, "json", false, "write JSON")
}

// pipelineFile takes the one argument of list and lint.
func pipelineFile(args []string) (string, error) {
	switch len(args) {
	case 0:
		return ".gitlab-ci.yml", nil
	case 1:
		return args[0], nil
	}
	return "", usageError{errors.New("one file is read at a time")}
}

// read reads a file as the pipeline's that the flags describe.
func (f *listFlags) read(c *cobra.Command, file string) (*ci.File, ci.Facts, error) {
	facts, err := f.facts(c, file)
	if err != nil {
		return nil, facts, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, facts, fmt.Errorf("%w; name the pipeline's file", err)
	}
	read, err := ci.Read(ci.Source{Name: file, Text: text, Facts: facts, SkipForeign: f.skipInclude})
	return read, facts, err
}

// facts are those that `ci run` decides on, for a GitLab elsewhere.
func (f *listFlags) facts(c *cobra.Command, file string) (ci.Facts, error) {
	run := runFlags{jobFlags: f.jobFlags, file: file, root: f.root, variables: f.variables}
	variables, err := run.projectVariables()
	if err != nil {
		return ci.Facts{}, err
	}
	r := &ciRun{runFlags: &run, c: c}
	if r.project, err = findProject(c.Context(), file, f.root); err != nil {
		return ci.Facts{}, err
	}
	repository := readRepository(c.Context(), r.project.root)
	if repository.project == "" {
		repository.project = exampleProject
	}
	made, err := run.jobAt(f.server, repository, variables)
	if err != nil {
		return ci.Facts{}, err
	}
	r.base = *made
	r.base.ConfigPath = r.project.config
	return r.facts()
}

func newCIList() *cobra.Command {
	var f listFlags
	var graph bool
	c := &cobra.Command{
		Use:   "list [FILE]",
		Short: "List the jobs that GitLab makes of a .gitlab-ci.yml for a ref",
		Long: `List the jobs that GitLab makes of a .gitlab-ci.yml (by default the one in this
directory): in the order of stages, with the rules decided for the branch, tag or
merge request, the variables and the files that the flags and git tell. Nothing
is run, and no issuer is needed.

With --graph the jobs stand below their stages, with what each waits for.`,
		RunE: func(c *cobra.Command, args []string) error {
			file, err := pipelineFile(args)
			if err != nil {
				return err
			}
			return f.list(c, file, graph)
		},
	}
	f.add(c)
	c.Flags().BoolVar(&graph, "graph", false, "show the jobs below their stages, with what each waits for")
	return c
}

// list tells of the jobs of a file's pipeline.
func (f *listFlags) list(c *cobra.Command, file string, graph bool) error {
	read, facts, err := f.read(c, file)
	if err != nil {
		return err
	}
	p, err := read.Pipeline(facts)
	if err != nil {
		return err
	}
	for _, w := range p.Warnings {
		_, _ = fmt.Fprintln(c.ErrOrStderr(), "note:", w.Detail())
	}
	switch out := c.OutOrStdout(); {
	case f.json:
		return writeJSON(c, listed(p))
	case graph:
		return writeGraph(out, p)
	default:
		return listJobs(out, p)
	}
}

// listJobs prints the jobs as a table.
func listJobs(w io.Writer, p *ci.Pipeline) error {
	rows := make([][]string, len(p.Jobs))
	for i, j := range p.Jobs {
		needs := needsText(j)
		if j.Needs == nil {
			needs = "-"
		}
		note := ""
		if len(j.Refused) > 0 {
			note = "not run here: " + j.Refused[0].Message
		}
		rows[i] = []string{j.Stage, j.Name, whenText(j), allowText(j), needs, note}
	}
	return printTable(w, []string{"STAGE", "JOB", "WHEN", "ALLOW FAILURE", "NEEDS", "NOTE"}, rows)
}

func whenText(j *ci.Job) string {
	if j.When == "delayed" {
		return "delayed " + strings.TrimSuffix(strings.TrimSuffix(j.StartIn.String(), "0s"), "0m")
	}
	return j.When
}

func allowText(j *ci.Job) string {
	if len(j.AllowFailure.ExitCodes) > 0 {
		return "exit code " + strings.Trim(strings.ReplaceAll(fmt.Sprint(j.AllowFailure.ExitCodes), " ", ", "), "[]")
	}
	if j.AllowFailure.Allowed {
		return "yes"
	}
	return "no"
}

// needsText names what a job needs; "nothing" is the job that starts at once.
func needsText(j *ci.Job) string {
	var names []string
	for _, n := range j.Needs {
		switch {
		case n.Project != "":
			names = append(names, n.Job+" of "+n.Project)
		case n.Pipeline != "":
			names = append(names, strings.TrimPrefix(n.Job+" of pipeline "+n.Pipeline, " of "))
		default:
			names = append(names, n.Job)
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// writeGraph draws the jobs below their stages. A job without needs waits for
// the stages before its own.
func writeGraph(w io.Writer, p *ci.Pipeline) error {
	table := tabwriter.NewWriter(w, 0, 0, tableGap, ' ', 0)
	before := ""
	var failed error
	line := func(left, right string) {
		if right != "" {
			left += "\t" + right
		}
		_, err := fmt.Fprintln(table, left)
		failed = errors.Join(failed, err)
	}
	for _, stage := range p.Stages {
		var jobs []*ci.Job
		for _, j := range p.Jobs {
			if j.Stage == stage {
				jobs = append(jobs, j)
			}
		}
		if len(jobs) == 0 {
			continue
		}
		line(shownCell(stage), "")
		for i, j := range jobs {
			corner := "├─ "
			if i == len(jobs)-1 {
				corner = "└─ "
			}
			name := corner + shownCell(j.Name)
			if j.When != "on_success" {
				name += " (" + whenText(j) + ")"
			}
			wait := ""
			switch {
			case j.Needs != nil && len(j.Needs) == 0:
				wait = "starts at once"
			case j.Needs != nil:
				wait = "needs " + shownCell(needsText(j))
			case before != "":
				wait = "after " + shownCell(before)
			}
			line(name, wait)
		}
		before = stage
	}
	return errors.Join(failed, table.Flush())
}

// The JSON of list and lint. Its members have the names of the keywords.
type (
	listedPipeline struct {
		Name   string      `json:"name,omitempty"`
		Stages []string    `json:"stages"`
		Jobs   []listedJob `json:"jobs"`
	}
	listedJob struct {
		Name         string            `json:"name"`
		Definition   string            `json:"definition"`
		Stage        string            `json:"stage"`
		When         string            `json:"when"`
		StartIn      float64           `json:"start_in_seconds,omitempty"`
		AllowFailure bool              `json:"allow_failure"`
		ExitCodes    []int             `json:"allow_failure_exit_codes,omitempty"`
		Needs        *[]listedNeed     `json:"needs,omitempty"`
		Dependencies *[]string         `json:"dependencies,omitempty"`
		Environment  string            `json:"environment,omitempty"`
		Image        string            `json:"image,omitempty"`
		Variables    map[string]string `json:"variables"`
		IDTokens     []string          `json:"id_tokens,omitempty"`
		File         string            `json:"file"`
		Line         int               `json:"line"`
		Refused      []string          `json:"not_run_here,omitempty"`
	}
	listedNeed struct {
		Job       string `json:"job,omitempty"`
		Artifacts bool   `json:"artifacts"`
		Project   string `json:"project,omitempty"`
		Pipeline  string `json:"pipeline,omitempty"`
	}
	listedFault struct {
		File    string `json:"file"`
		Line    int    `json:"line,omitempty"`
		Column  int    `json:"column,omitempty"`
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
	}
)

func listed(p *ci.Pipeline) listedPipeline {
	out := listedPipeline{Name: p.Name, Stages: p.Stages, Jobs: []listedJob{}}
	for _, j := range p.Jobs {
		l := listedJob{
			Name: j.Name, Definition: j.Definition, Stage: j.Stage, When: j.When, StartIn: j.StartIn.Seconds(),
			AllowFailure: j.AllowFailure.Allowed, ExitCodes: j.AllowFailure.ExitCodes,
			Variables: map[string]string{}, File: j.Position.File, Line: j.Position.Line,
		}
		if j.Needs != nil {
			needs := make([]listedNeed, len(j.Needs))
			for i, n := range j.Needs {
				needs[i] = listedNeed{n.Job, n.Artifacts, n.Project, n.Pipeline}
			}
			l.Needs = &needs
		}
		if j.Dependencies != nil {
			l.Dependencies = &j.Dependencies
		}
		if j.Environment != nil {
			l.Environment = j.Environment.Name
		}
		if j.Image != nil {
			l.Image = j.Image.Name
		}
		for _, v := range j.Variables {
			l.Variables[v.Name] = v.Value
		}
		for _, t := range j.IDTokens {
			l.IDTokens = append(l.IDTokens, t.Name)
		}
		for _, e := range j.Refused {
			l.Refused = append(l.Refused, e.Message)
		}
		out.Jobs = append(out.Jobs, l)
	}
	return out
}

func newCILint() *cobra.Command {
	var f listFlags
	c := &cobra.Command{
		Use:   "lint [FILE]",
		Short: "Check a .gitlab-ci.yml, with GitLab's messages and their places",
		Long: `Check a .gitlab-ci.yml (by default the one in this directory) and the files of the
repository that it includes, whatever the rules say. All faults are told at once,
with GitLab's messages; each with file, line and column, the line and a caret.

Warnings are of what is valid and likely a mistake, such as a command that hides
that aws fails. They do not change the exit status: 0 for a valid file, 1 for one
that is not.`,
		RunE: func(c *cobra.Command, args []string) error {
			file, err := pipelineFile(args)
			if err != nil {
				return err
			}
			read, _, err := f.read(c, file)
			if f.json {
				return lintJSON(c, read, err)
			}
			if err != nil {
				return err
			}
			warnings := slices.Concat(read.Warnings, read.Lint())
			for _, w := range warnings {
				if _, err := fmt.Fprintln(c.OutOrStdout(), "warning:", w.Detail()); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is valid: %s, %s\n", file, counted(len(read.Jobs()), "job"), counted(len(warnings), "warning"))
			return err
		},
	}
	f.add(c)
	return c
}

// lintJSON writes what lint found, faults too.
func lintJSON(c *cobra.Command, read *ci.File, err error) error {
	var all ci.Errors
	if err != nil && !errors.As(err, &all) {
		return err
	}
	out := struct {
		Valid    bool          `json:"valid"`
		Errors   []listedFault `json:"errors"`
		Warnings []listedFault `json:"warnings"`
	}{Valid: err == nil, Errors: []listedFault{}, Warnings: []listedFault{}}
	for _, e := range all {
		out.Errors = append(out.Errors, listedFault{e.File, e.Line, e.Column, e.Message, e.Hint})
	}
	if read != nil {
		for _, x := range slices.Concat(read.Warnings, read.Lint()) {
			out.Warnings = append(out.Warnings, listedFault{x.File, x.Line, x.Column, x.Message, x.Hint})
		}
	}
	if err := writeJSON(c, out); err != nil {
		return err
	}
	if !out.Valid {
		return &exitError{exitFailure}
	}
	return nil
}
