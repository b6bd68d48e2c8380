package explain

import (
	"slices"
	"strings"
	"time"
)

// System is a CI system whose files can be read. The zero System is none.
type System uint8

// The systems.
const (
	GitLab System = iota + 1
	GitHub
)

// Job is one job as its CI file has it. Nothing in it is expanded, and nothing is
// run. Places are FILE:LINE, for the reader.
type Job struct {
	System System
	Name   string
	Place  string

	// Scripts are the job's commands, in order.
	Scripts []Script
	// Steps are the actions that it uses (GitHub).
	Steps []Step
	// Variables are those of the file that the job has: GitLab's variables,
	// GitHub's env.
	Variables []Setting
	// Image is the container image, empty for none. Entrypoint is nil where the
	// image keeps its own.
	Image      string
	Entrypoint []string
	ImagePlace string
	// Timeout is 0 where the file sets none.
	Timeout time.Duration
	// Retry is how often the job is run again whatever failed (GitLab).
	Retry      int
	RetryPlace string

	// IDTokens are the names of the variables of id_tokens (GitLab).
	IDTokens []string

	// Environment is the name of the job's environment (GitHub); empty for none,
	// and for one that is an expression.
	Environment string
	// Permission says whether the job may ask for an ID token (GitHub).
	Permission Permission
	// Events are what starts the workflow (GitHub).
	Events []string
	// Guarded says that the job has a condition (GitHub).
	Guarded bool
}

// Permission says of a GitHub job whether it may ask for an ID token. The zero
// Permission is that it may not.
type Permission uint8

// The permissions.
const (
	NotGranted Permission = iota
	// Inherited means that the workflow is called by another, and says nothing
	// itself.
	Inherited
	Granted
)

// Script is a run of commands for one shell.
type Script struct{ Text, Place string }

// Setting is a variable. Its value is never told.
type Setting struct{ Name, Value, Place string }

// Step is an action that a job uses, such as
// aws-actions/configure-aws-credentials@v6, and its inputs.
type Step struct {
	Uses  string
	With  map[string]string
	Place string
}

// Environment is what a client finds in its environment. None of its values is
// ever told: reports name variables alone.
type Environment struct {
	Variables map[string]string
	// TokenFile is what is at AWS_WEB_IDENTITY_TOKEN_FILE.
	TokenFile FileState
}

// FileState is what is known of a file. The zero FileState is nothing.
type FileState uint8

// What can be known of a file.
const (
	FileNotLookedAt FileState = iota
	FileMissing
	FileEmpty
	FileThere
)

// JobFinding is a cause that the CI file or the environment proves.
type JobFinding struct {
	// Job is the job's name; empty where it is the environment that tells.
	Job   string `json:"job,omitempty"`
	Place string `json:"place,omitempty"`
	Cause int    `json:"cause"`
	// Note is what was found, a sentence without a full stop.
	Note string `json:"note"`
	// When is under which condition it shows, without "when"; empty where it always
	// does.
	When string `json:"when,omitempty"`
}

// jobRules are what is looked for, each with the causes that it may prove.
func jobRules() []jobRule {
	return []jobRule{
		{[]int{31}, (*jobLook).tokenVariable},
		{[]int{31}, (*jobLook).tokenFile},
		{[]int{33, 34}, (*jobLook).permission},
		{[]int{33, 34}, (*jobLook).requestURL},
		{[]int{42, 43}, (*jobLook).subject},
		{[]int{60}, (*jobLook).otherIdentity},
		{[]int{61}, (*jobLook).swallowed},
		{[]int{62}, (*jobLook).sessionEnds},
		{[]int{65}, (*jobLook).tokenLifetime},
		{[]int{66}, (*jobLook).sessionName},
		{[]int{68}, (*jobLook).staticKeys},
		{[]int{69}, (*jobLook).retries},
		{[]int{70}, (*jobLook).endpoint},
		{[]int{71}, (*jobLook).partition},
		{[]int{72}, (*jobLook).image},
		{[]int{73}, (*jobLook).secretKey},
	}
}

type jobRule struct {
	causes []int
	look   func(*jobLook)
}

// JobCauses are the causes that a CI file or an environment can prove, each once.
func JobCauses() []int {
	var all []int
	for _, rule := range jobRules() {
		all = append(all, rule.causes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// jobLook is one look at a job, at the environment, or at both.
type jobLook struct {
	*Question
	job   *Job         // never nil; the zero Job where there is no file
	env   *Environment // never nil
	found []JobFinding
}

// jobs looks at each job that was given, in the environment that was given.
func (e *explanation) jobs() {
	jobs := e.Jobs
	if len(jobs) == 0 {
		if e.Environment == nil {
			return
		}
		jobs = []Job{{}}
	}
	env := e.Environment
	if env == nil {
		env = &Environment{}
	}
	for i := range jobs {
		look := &jobLook{Question: e.Question, job: &jobs[i], env: env}
		for _, rule := range jobRules() {
			rule.look(look)
		}
		for _, finding := range look.found {
			if !slices.Contains(e.report.Jobs, finding) {
				e.report.Jobs = append(e.report.Jobs, finding)
			}
		}
	}
}

// find notes a cause at a place of the job; an empty place is the job's own.
func (l *jobLook) find(cause int, place, when, note string) {
	if place == "" {
		place = l.job.Place
	}
	l.found = append(l.found, JobFinding{Job: l.job.Name, Place: place, Cause: cause, Note: note, When: when})
}

// findInEnvironment notes a cause that the environment tells.
func (l *jobLook) findInEnvironment(cause int, when, note string) {
	l.found = append(l.found, JobFinding{Cause: cause, Note: note, When: when})
}

// variable is a variable that the job will see: the file's goes before what was
// there.
func (l *jobLook) variable(name string) (value string, inFile *Setting, ok bool) {
	for i := range l.job.Variables {
		if v := &l.job.Variables[i]; v.Name == name {
			return v.Value, v, true
		}
	}
	value, ok = l.env.Variables[name]
	return value, nil, ok
}

// findAt notes a cause that a variable tells, wherever it was set.
func (l *jobLook) findAt(inFile *Setting, cause int, when, note string) {
	if inFile == nil {
		l.findInEnvironment(cause, when, note)
		return
	}
	l.find(cause, inFile.Place, when, note)
}

// configure are the job's steps of the action that exchanges a GitHub token for a
// role's credentials.
func (l *jobLook) configure() []*Step {
	var steps []*Step
	for i := range l.job.Steps {
		step := &l.job.Steps[i]
		action, _, _ := strings.Cut(step.Uses, "@")
		if strings.EqualFold(action, "aws-actions/configure-aws-credentials") && step.With["role-to-assume"] != "" && step.With["web-identity-token-file"] == "" {
			steps = append(steps, step)
		}
	}
	return steps
}

const exchange = "assume-role-with-web-identity"

// exchanges reports whether the job is one that goes for credentials.
func (l *jobLook) exchanges() bool {
	_, _, file := l.variable("AWS_WEB_IDENTITY_TOKEN_FILE")
	return file || len(l.configure()) > 0 || l.scripted(exchange)
}

// scripted reports whether a text is in one of the scripts.
func (l *jobLook) scripted(text string) bool {
	return slices.ContainsFunc(l.job.Scripts, func(s Script) bool { return strings.Contains(s.Text, text) })
}
