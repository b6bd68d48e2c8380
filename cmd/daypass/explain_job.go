package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/explain"
	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/workflow"

	"github.com/spf13/cobra"
)

// This file reads what `daypass explain` is told of a job: its CI file, and the
// environment of its client.

// jobs adds to the question what --ci and --environment give.
func (f *explainFlags) jobs(c *cobra.Command, in *inputs, q *explain.Question) error {
	var err error
	switch {
	case f.environment && f.environmentFile != "":
		return errors.New("--environment is this process's own, --environment-file another's; give one")
	case f.environment:
		q.Environment = presentEnvironment()
	case f.environmentFile != "":
		var text []byte
		if text, err = in.read(f.environmentFile); err != nil {
			return err
		}
		if q.Environment, err = readEnvironment(text); err != nil {
			return fmt.Errorf("--environment-file %s: %w", f.environmentFile, err)
		}
	}
	switch {
	case f.ci == "" && f.job != "":
		return errors.New("--job names a job of a CI file; give the file by --ci")
	case f.ci == "":
		return nil
	}
	text, err := in.read(f.ci)
	if err != nil {
		return err
	}
	if workflow.Is(text) {
		q.Jobs, err = gitHubJobs(f.ci, text)
	} else {
		q.Jobs, err = gitLabJobs(c, f.ci, text)
	}
	if err != nil || f.job == "" {
		return err
	}
	var names []string
	for i := range q.Jobs {
		if q.Jobs[i].Name == f.job {
			q.Jobs = q.Jobs[i : i+1]
			return nil
		}
		names = append(names, q.Jobs[i].Name)
	}
	return fmt.Errorf("%s has no job %s; there are %s", f.ci, f.job, someOf(names))
}

// presentEnvironment is this process's.
func presentEnvironment() *explain.Environment {
	env := &explain.Environment{Variables: map[string]string{}}
	for _, one := range os.Environ() {
		name, value, _ := strings.Cut(one, "=")
		env.Variables[name] = value
	}
	if name := env.Variables["AWS_WEB_IDENTITY_TOKEN_FILE"]; name != "" {
		switch info, err := os.Stat(name); {
		case errors.Is(err, os.ErrNotExist):
			env.TokenFile = explain.FileMissing
		case err == nil && info.Size() == 0:
			env.TokenFile = explain.FileEmpty
		case err == nil:
			env.TokenFile = explain.FileThere
		}
	}
	return env
}

// environmentLine begins a variable in what env, export -p or declare -x print.
var environmentLine = regexp.MustCompile(`^(export |declare -x )?([A-Za-z_][A-Za-z0-9_]*)(?:=(.*))?$`)

// readEnvironment reads what env, env -0, export -p, or docker's inspection printed:
// NAME=VALUE. A line that begins no variable goes on with the one before.
func readEnvironment(text []byte) (*explain.Environment, error) {
	env := &explain.Environment{Variables: map[string]string{}}
	if bytes.IndexByte(text, 0) >= 0 {
		for one := range strings.SplitSeq(string(text), "\x00") {
			if name, value, ok := strings.Cut(one, "="); ok {
				env.Variables[name] = value
			}
		}
		return env, nil
	}
	last := ""
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
		match := environmentLine.FindStringSubmatch(strings.TrimSuffix(line, "\r"))
		switch {
		case match != nil && (strings.Contains(line, "=") || match[1] != ""):
			last = match[2]
			env.Variables[last] = match[3]
			if value := match[3]; match[1] != "" && len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
				env.Variables[last] = value[1 : len(value)-1]
			}
		case last != "":
			env.Variables[last] += "\n" + line
		case strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#"):
			return nil, errors.New("the first line is not NAME=VALUE; give what env or export -p printed in the job")
		}
	}
	if len(env.Variables) == 0 {
		return nil, errors.New("it names no variable; give what env or export -p printed in the job")
	}
	return env, nil
}

// gitLabJobs reads a .gitlab-ci.yml with the files of its repository. What other
// projects' files add is not there.
func gitLabJobs(c *cobra.Command, name string, text []byte) ([]explain.Job, error) {
	source := ci.Source{Name: name, Text: text, SkipForeign: true}
	if name != "-" {
		found, err := findProject(c.Context(), name, "")
		if err != nil {
			return nil, err
		}
		source.Facts.Repository = &found
	}
	file, err := ci.Read(source)
	if err != nil {
		return nil, err
	}
	var jobs []explain.Job
	for _, entry := range file.Jobs() {
		job, err := file.Job(entry.Name)
		if err != nil { // one that starts another pipeline, and has no script
			continue
		}
		jobs = append(jobs, gitLabJob(name, job))
	}
	return jobs, nil
}

func gitLabJob(name string, job *ci.Job) explain.Job {
	place := func(p ci.Position) string {
		if p.Line == 0 {
			return name
		}
		return fmt.Sprintf("%s:%d", name, p.Line)
	}
	j := explain.Job{System: explain.GitLab, Name: job.Name, Place: place(job.Position), Timeout: job.Timeout}
	if commands := slices.Concat(job.BeforeScript, job.Script); len(commands) > 0 { // one shell runs both
		j.Scripts = append(j.Scripts, explain.Script{Text: strings.Join(commands, "\n"), Place: place(job.At("script"))})
	}
	if len(job.AfterScript) > 0 {
		j.Scripts = append(j.Scripts, explain.Script{Text: strings.Join(job.AfterScript, "\n"), Place: place(job.At("after_script"))})
	}
	for _, token := range job.IDTokens {
		j.IDTokens = append(j.IDTokens, token.Name)
	}
	for i := range job.Variables {
		v := &job.Variables[i]
		j.Variables = append(j.Variables, explain.Setting{Name: v.Name, Value: v.Value, Place: place(job.At("variables", v.Name))})
	}
	slices.Reverse(j.Variables) // the later one counts
	if job.Image != nil {
		j.Image, j.Entrypoint, j.ImagePlace = job.Image.Name, job.Image.Entrypoint, place(job.At("image"))
	}
	if len(job.Retry.When) == 0 || slices.Contains(job.Retry.When, "always") || slices.Contains(job.Retry.When, "script_failure") {
		j.Retry, j.RetryPlace = job.Retry.Max, place(job.At("retry"))
	}
	return j
}

// gitHubJobs reads a workflow.
func gitHubJobs(name string, text []byte) ([]explain.Job, error) {
	w, err := workflow.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var jobs []explain.Job
	for i := range w.Jobs {
		if w.Jobs[i].Uses == "" { // the called one's file tells of it
			jobs = append(jobs, gitHubJob(name, w, &w.Jobs[i]))
		}
	}
	return jobs, nil
}

func gitHubJob(name string, w *workflow.Workflow, job *workflow.Job) explain.Job {
	place := func(line int) string { return fmt.Sprintf("%s:%d", name, line) }
	j := explain.Job{
		System: explain.GitHub, Name: job.ID, Place: place(job.Line), Timeout: job.Timeout, Events: w.Events, Guarded: job.If != "",
		Image: job.Container, ImagePlace: place(job.ContainerLine),
	}
	switch {
	case job.MayAskForToken():
		j.Permission = explain.Granted
	case job.Permissions == nil && slices.Contains(w.Events, "workflow_call"):
		j.Permission = explain.Inherited
	}
	if !strings.Contains(job.Environment, "${{") {
		j.Environment = job.Environment
	}
	settings := func(all []workflow.Variable) {
		for _, v := range all {
			j.Variables = append(j.Variables, explain.Setting{Name: v.Name, Value: v.Value, Place: place(v.Line)})
		}
	}
	for i := range job.Steps {
		step := &job.Steps[i]
		if step.Uses != "" {
			j.Steps = append(j.Steps, explain.Step{Uses: step.Uses, With: step.With, Place: place(step.Line)})
			if strings.HasPrefix(step.Uses, "actions/github-script@") {
				j.Scripts = append(j.Scripts, explain.Script{Text: step.With["script"], Place: place(step.Line)})
			}
		}
		if step.Run != "" {
			j.Scripts = append(j.Scripts, explain.Script{Text: step.Run, Place: place(step.RunLine)})
		}
		settings(step.Env)
	}
	settings(job.Env)
	return j
}
