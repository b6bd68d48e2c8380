package gitlab

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// Job is one CI/CD job, as far as its ID tokens and its predefined variables
// speak of it. Give NewJob one with the fields that matter; it fills the rest
// and checks all. A Job that did not come from NewJob mints no token.
type Job struct {
	// ServerURL is the address of the GitLab instance, without trailing slash.
	// It is the issuer's URL unless the instance sets ci_id_tokens_issuer_url.
	// Required.
	ServerURL string
	// Version is the instance's version; Newest by default. What a token says
	// and which tokens there are depends on it.
	Version   Version
	Project   Project // Path is required
	Namespace Namespace

	Ref       string // short name of the branch or tag; the default branch by default
	RefType   string // branch (default) or tag
	Protected bool   // the ref is protected; false by default, the side that opens nothing
	SHA       string // 40 or 64 hexadecimal digits; by default made up from project and ref
	// CommitMessage is empty by default.
	CommitMessage string

	Pipeline     Pipeline
	MergeRequest *MergeRequest // set exactly when Pipeline.Source is merge_request_event
	// Source is where the job comes from, the claim job_source: the pipeline's
	// source by default, or a policy.
	Source string
	// PolicyConfig is the policy that put the job into the pipeline, the claim
	// job_config; nil for other jobs. GitLab Enterprise Edition only.
	PolicyConfig *PolicyConfig
	// TargetAudience is the claim target_audience, which only tokens of the
	// Google Cloud integration (identity: google_cloud) have, and those of
	// id_tokens never; empty by default.
	TargetAudience string

	ID    int64
	Name  string // "job" by default
	Stage string // "test" by default
	Image string // empty by default
	// Timeout is the job's effective timeout and the life of its ID tokens; 1
	// hour by default, as in a new project. At most ci.MaxTimeout.
	Timeout time.Duration
	// StartedAt is when the runner took the job. The variables that tell it are
	// absent where it is zero.
	StartedAt time.Time

	User        User
	Environment *Environment // nil where the job deploys nothing
	// ProtectedEnvironments are names of environments that the project protects;
	// Environment.Protected is set for them. GitLab Premium only.
	ProtectedEnvironments []string
	Runner                Runner
	// ConfigPath is the project's CI/CD configuration file, .gitlab-ci.yml by
	// default. For one of another project (FILE@PROJECT) or a URL GitLab leaves
	// ci_config_ref_uri and ci_config_sha null.
	ConfigPath string

	// SubClaimComponents is the project's setting
	// ci_id_token_sub_claim_components; nil is project_path, ref_type, ref.
	SubClaimComponents []string
	// ProjectVariables are those of the project's settings. They win over the
	// variables of the file.
	ProjectVariables []ci.Variable

	definition *ci.Job
	made       bool
}

// Project is the project in which the job runs.
type Project struct {
	ID            int64  // by default made from the path, always the same for one path
	Path          string // with its namespaces: my-group/my-project
	Visibility    string // private (default), internal or public
	DefaultBranch string // main by default
	// Burned says that another project held the path before. From 19.1 GitLab
	// then mints no token with project_path in its subject: ErrBurnedPath.
	// (A setting of the instance, block_jwt_for_reclaimed_paths; gitlab.com has it.)
	Burned bool
}

// Namespace is the group or user that holds the project.
type Namespace struct {
	ID   int64  // by default made from the path
	Path string // by default the project's path without its last part
}

// Pipeline is the pipeline of the job. IDs are 1 by default.
type Pipeline struct {
	ID, IID int64
	Source  string // CI_PIPELINE_SOURCE; push by default
}

// MergeRequest is the merge request of a pipeline for one, which runs in the
// project it goes to. Ref is its source branch.
type MergeRequest struct {
	ID, IID      int64  // 1 by default
	TargetBranch string // the default branch by default
	// Source is the fork whose branch it is; nil where it is of the same project.
	// The token then speaks of the fork, as the variables do not.
	Source *Fork
}

// Fork is the project that a merge request comes from.
type Fork struct {
	Project   Project // Path is required
	Namespace Namespace
}

// PolicyConfig is the file of a security policy.
type PolicyConfig struct {
	URL string `json:"url"`
	SHA string `json:"sha"`
}

// User is who started the pipeline.
type User struct {
	ID    int64  // 1 by default
	Login string // "user" by default
	Email string // LOGIN@example.com by default
	Name  string // the login by default
	// AccessLevel is guest, planner, reporter, developer (default), maintainer,
	// owner, or none for who is no member.
	AccessLevel string
	// Identities are told only if the user opted in. Optional.
	Identities []UserIdentity
	// GroupsDirect are the groups of which the user is a direct member; left out
	// where there are more than 200. From 17.3 GitLab tells them only under the
	// flag ci_jwt_groups_direct, which is off by default; nil is off.
	GroupsDirect []string
}

// UserIdentity is an account of the user at another provider.
type UserIdentity struct {
	Provider  string `json:"provider"`
	ExternUID string `json:"extern_uid"`
}

// Environment is where the job deploys to.
type Environment struct {
	Name      string // references are expanded by NewJob if it came from the file
	URL       string
	Action    string // start by default
	Tier      string // by default guessed from the name, as GitLab does
	Protected bool   // false by default; GitLab Community Edition has no other
}

// Runner is the runner that took the job.
type Runner struct {
	ID          int64  // 1 by default
	Environment string // self-hosted (default) or gitlab-hosted
}

// The values that GitLab knows. Sources: GitLab Docs, "Predefined CI/CD
// variables reference" (CI_PIPELINE_SOURCE), "OpenID Connect (OIDC)
// Authentication Using ID Tokens", "Environments" (deployment tier).
var (
	pipelineSources = []string{
		"api", "chat", "external", "external_pull_request_event", "merge_request_event",
		"ondemand_dast_scan", "ondemand_dast_validation", "parent_pipeline", "pipeline", "push",
		"schedule", "security_orchestration_policy", "trigger", "web", "webide",
	}
	// jobSources are there besides, for jobs that a policy puts into a pipeline.
	jobSources         = []string{"scan_execution_policy", "pipeline_execution_policy"}
	accessLevels       = []string{"guest", "planner", "reporter", "developer", "maintainer", "owner", noAccess}
	visibilities       = []string{"private", "internal", "public"}
	runnerEnvironments = []string{"self-hosted", "gitlab-hosted"}
	environmentActions = []string{"start", "prepare", "stop", "verify", "access"}
	environmentTiers   = []string{"production", "staging", "testing", "development", "other"}
)

// noAccess is the access level of who is no member, null in a token.
const noAccess = "none"

// NewJob fills what j leaves out and checks the whole. Definition is the job of
// the .gitlab-ci.yml; it gives name, stage, image, timeout, environment,
// variables and ID tokens, and may be nil. What j sets itself wins over it. The
// error joins all faults.
func NewJob(j Job, definition *ci.Job) (*Job, error) {
	j.definition, j.made = definition, true
	j.SubClaimComponents = slices.Clone(j.SubClaimComponents)
	j.ProjectVariables = slices.Clone(j.ProjectVariables)
	if j.MergeRequest != nil {
		m := *j.MergeRequest
		if m.Source != nil {
			fork := *m.Source
			m.Source = &fork
		}
		j.MergeRequest = &m
	}
	j.define()
	j.fill()
	if err := j.setEnvironment(); err != nil {
		return nil, err
	}
	if err := j.check(); err != nil {
		return nil, err
	}
	return &j, nil
}

// define takes from the definition what the caller left out.
func (j *Job) define() {
	d := j.definition
	if d == nil {
		return
	}
	setDefault(&j.Name, d.Name)
	setDefault(&j.Stage, d.Stage)
	if d.Image != nil {
		setDefault(&j.Image, d.Image.Name)
	}
	setDefault(&j.Timeout, d.Timeout)
	if e := d.Environment; e != nil && j.Environment == nil {
		j.Environment = &Environment{Name: e.Name, URL: e.URL, Action: e.Action, Tier: e.Tier}
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// fill sets the defaults of a project and its namespace.
func (p *Project) fill(n *Namespace) {
	setDefault(&p.ID, madeUpID("project", p.Path))
	setDefault(&p.Visibility, "private")
	setDefault(&p.DefaultBranch, "main")
	if i := strings.LastIndexByte(p.Path, '/'); i > 0 {
		setDefault(&n.Path, p.Path[:i])
	}
	setDefault(&n.ID, madeUpID("namespace", n.Path))
}

// fill sets the defaults.
func (j *Job) fill() {
	p := &j.Project
	p.fill(&j.Namespace)
	setDefault(&j.Version, Newest)
	setDefault(&j.RefType, "branch")
	if j.RefType == "branch" {
		setDefault(&j.Ref, p.DefaultBranch)
	}
	sum := sha256.Sum256([]byte(p.Path + "\x00" + j.RefType + "\x00" + j.Ref))
	setDefault(&j.SHA, hex.EncodeToString(sum[:20]))
	setDefault(&j.Pipeline.ID, 1)
	setDefault(&j.Pipeline.IID, 1)
	setDefault(&j.Pipeline.Source, "push")
	if j.Pipeline.Source == "merge_request_event" && j.MergeRequest == nil {
		j.MergeRequest = &MergeRequest{}
	}
	if m := j.MergeRequest; m != nil {
		setDefault(&m.ID, 1)
		setDefault(&m.IID, 1)
		setDefault(&m.TargetBranch, p.DefaultBranch)
		if m.Source != nil {
			m.Source.Project.fill(&m.Source.Namespace)
		}
	}
	setDefault(&j.Source, j.Pipeline.Source)
	setDefault(&j.ID, 1)
	setDefault(&j.Name, "job")
	setDefault(&j.Stage, "test")
	setDefault(&j.Timeout, time.Hour)
	u := &j.User
	setDefault(&u.ID, 1)
	setDefault(&u.Login, "user")
	setDefault(&u.Email, u.Login+"@example.com")
	setDefault(&u.Name, u.Login)
	setDefault(&u.AccessLevel, "developer")
	setDefault(&j.Runner.ID, 1)
	setDefault(&j.Runner.Environment, "self-hosted")
	setDefault(&j.ConfigPath, ".gitlab-ci.yml")
	if j.SubClaimComponents == nil {
		j.SubClaimComponents = slices.Clone(defaultSubComponents)
	}
}

// madeUpID gives a project or namespace a number that is always the same for
// its path, so that a trust policy can name it.
func madeUpID(kind, path string) int64 {
	return 1 + int64(crc32.ChecksumIEEE([]byte(kind+" "+path))%90_000_000)
}

// setEnvironment expands the environment's name and URL and guesses its tier.
func (j *Job) setEnvironment() error {
	if j.Environment == nil {
		return nil
	}
	e := *j.Environment
	j.Environment = nil // it is not among the variables of its own name
	variables, err := ci.ExpandNested(j.Variables())
	if err != nil {
		return fmt.Errorf("gitlab: environment: %w", err)
	}
	e.Name = ci.Expand(e.Name, variables)
	setDefault(&e.Action, "start")
	setDefault(&e.Tier, guessTier(e.Name))
	e.Protected = e.Protected || slices.Contains(j.ProtectedEnvironments, e.Name)
	j.Environment = &e
	if variables, err = ci.ExpandNested(j.Variables()); err != nil {
		return fmt.Errorf("gitlab: environment: %w", err)
	}
	e.URL = ci.Expand(e.URL, variables)
	return nil
}

// The forms of names. Sources: GitLab Docs, "Rules for branches and tags" and
// git-check-ref-format(1); "Reserved project and group names".
var (
	projectPath     = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]*(/[a-zA-Z0-9_][a-zA-Z0-9_.-]*)+$`)
	badRef          = regexp.MustCompile(`[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|^[/-]|/$|//|\.$|\.lock$|^refs/`)
	commitID        = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	environmentName = regexp.MustCompile(`^[a-zA-Z0-9_. -]([a-zA-Z0-9_/. -]*[a-zA-Z0-9_. -])?$`)
	login           = regexp.MustCompile(`^[a-zA-Z0-9_.][a-zA-Z0-9_.-]*$`)
)

// check says all that is wrong with a filled job.
func (j *Job) check() error {
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("gitlab: "+format, args...))
		}
	}
	oneOf := func(what, value string, values []string) {
		need(slices.Contains(values, value), "%s %q should be one of %s", what, value, strings.Join(values, ", "))
	}
	u, err := url.Parse(j.ServerURL)
	need(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == "" && !strings.HasSuffix(j.ServerURL, "/"),
		"server URL %q should be like https://gitlab.example.com, without trailing slash", j.ServerURL)
	errs = append(errs, j.Version.check(), j.Project.check(j.Namespace))
	need(j.Ref != "" && len(j.Ref) <= 255 && !badRef.MatchString(j.Ref),
		"ref %q should be the short name of a branch or tag, such as main", j.Ref)
	oneOf("ref type", j.RefType, []string{"branch", "tag"})
	need(commitID.MatchString(j.SHA), "sha %q should be 40 or 64 hexadecimal digits in lower case", j.SHA)
	oneOf("pipeline source", j.Pipeline.Source, pipelineSources)
	oneOf("job source", j.Source, slices.Concat(pipelineSources, jobSources))
	isMR := j.Pipeline.Source == "merge_request_event"
	need(isMR == (j.MergeRequest != nil), "a merge request goes with pipeline source merge_request_event, and only with it")
	need(!isMR || j.RefType == "branch", "the ref of a merge request pipeline is its source branch, never a tag")
	if j.fromFork() {
		errs = append(errs, j.MergeRequest.Source.Project.check(j.MergeRequest.Source.Namespace))
		need(j.MergeRequest.Source.Project.Path != j.Project.Path, "the fork %q is the project itself", j.Project.Path)
	}
	if c := j.PolicyConfig; c != nil {
		need(c.URL != "" && commitID.MatchString(c.SHA), "the configuration of a policy should have its URL and the commit's id")
	}
	need(j.Timeout >= time.Second && j.Timeout <= ci.MaxTimeout, "timeout %s should lie between 1 second and 1 month", j.Timeout)
	need(login.MatchString(j.User.Login), "user login %q holds characters that GitLab does not allow", j.User.Login)
	oneOf("user access level", j.User.AccessLevel, accessLevels)
	oneOf("runner environment", j.Runner.Environment, runnerEnvironments)
	for _, id := range []int64{j.Pipeline.ID, j.Pipeline.IID, j.ID, j.User.ID, j.Runner.ID} {
		need(id > 0, "id %d should be positive", id)
	}
	if e := j.Environment; e != nil {
		need(environmentName.MatchString(e.Name) && len(e.Name) <= 255,
			"environment name %q is not one that GitLab allows", e.Name)
		oneOf("environment action", e.Action, environmentActions)
		oneOf("deployment tier", e.Tier, environmentTiers)
	}
	errs = append(errs, checkSubComponents(j.SubClaimComponents, j.Version))
	return errors.Join(errs...)
}

func (p *Project) check(n Namespace) error {
	var errs []error
	if !projectPath.MatchString(p.Path) {
		errs = append(errs, fmt.Errorf("gitlab: project path %q should be like my-group/my-project", p.Path))
	}
	if !strings.HasPrefix(p.Path, n.Path+"/") {
		errs = append(errs, fmt.Errorf("gitlab: namespace path %q should begin the project path %q", n.Path, p.Path))
	}
	if !slices.Contains(visibilities, p.Visibility) {
		errs = append(errs, fmt.Errorf("gitlab: project visibility %q should be one of %s", p.Visibility, strings.Join(visibilities, ", ")))
	}
	for _, id := range []int64{p.ID, n.ID} {
		if id <= 0 {
			errs = append(errs, fmt.Errorf("gitlab: id %d should be positive", id))
		}
	}
	return errors.Join(errs...)
}

// fromFork reports whether the job is of a merge request from another project.
func (j *Job) fromFork() bool { return j.MergeRequest != nil && j.MergeRequest.Source != nil }

// tierWords are the parts of names from which GitLab guesses a tier, in its
// order. Source: GitLab Docs, "Environments", "Deployment tier of environments";
// the expressions are those of GitLab's app/models/environment.rb.
var tierWords = []struct {
	words *regexp.Regexp
	tier  string
}{
	{regexp.MustCompile(`(?i)dev|review|trunk`), "development"},
	{regexp.MustCompile(`(?i)test|tst|int|ac(ce)?pt|qa|qc|control|quality`), "testing"},
	{regexp.MustCompile(`(?i)sta?g|mode?l|pre|demo|non`), "staging"},
	{regexp.MustCompile(`(?i)pro?d|live`), "production"},
}

func guessTier(name string) string {
	for _, t := range tierWords {
		if t.words.MatchString(name) {
			return t.tier
		}
	}
	return "other"
}

// refPath is the full name of the ref.
func (j *Job) refPath() string {
	if j.RefType == "tag" {
		return "refs/tags/" + j.Ref
	}
	return "refs/heads/" + j.Ref
}
