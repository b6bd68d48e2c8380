package ci

import "time"

// Pipeline is what GitLab would create of a file, for the facts given: the
// jobs that the rules admit, in the order of stages and, inside a stage, of the
// file.
type Pipeline struct {
	// Name is workflow:name, with its variables expanded; empty where there is
	// none.
	Name string
	// Stages in order, with .pre and .post, whether they have jobs or not.
	Stages []string
	// Jobs are those that run, wait for a hand, or wait for others. A job of
	// parallel is there once for each instance, under the instance's name.
	Jobs []*Job
	// Variables are those of workflow:rules, which every job has as well.
	Variables []Variable
	// AutoCancel is workflow:auto_cancel.
	AutoCancel AutoCancel
	// Warnings tells what has no effect here, and what is likely a mistake.
	Warnings []Warning
}

// AutoCancel is workflow:auto_cancel; empty values are GitLab's defaults.
type AutoCancel struct {
	OnNewCommit  string // conservative (default), interruptible or none
	OnJobFailure string // none (default) or all
}

// Job is one job, with extends, default, global variables and the rules that
// admitted it applied. Nothing in it is expanded; see Expand.
type Job struct {
	// Name is GitLab's: that of the file, with the instance where the job has
	// parallel, as in "deploy: [eu, prod]" and "test 1/3".
	Name string
	// Definition is the job's name in the file.
	Definition string
	Stage      string
	// Position is that of the job's name in the file. See At for its keywords.
	Position Position

	// When is on_success, on_failure, always, manual or delayed. A job of a
	// Pipeline never has "never".
	When string
	// StartIn is how long a delayed job waits.
	StartIn time.Duration
	// ManualConfirmation is what is asked before a manual job starts.
	ManualConfirmation string
	AllowFailure       AllowFailure

	// Needs are the jobs that have to be done before; GitLab then looks at no
	// stage. It is nil where the job has none and waits for the stages before
	// its own; it is empty, and not nil, where the job starts at once.
	Needs []Need
	// Dependencies are the jobs whose artifacts the job gets. It is nil where
	// the file does not say (then those of Needs, or of all stages before), and
	// empty, and not nil, where the job gets none.
	Dependencies []string
	Artifacts    *Artifacts // nil where the job keeps none
	Cache        []Cache

	Retry Retry
	// Timeout is 0 where the file sets none; GitLab then takes the project's,
	// 1 hour by default.
	Timeout time.Duration
	// Index and Total are CI_NODE_INDEX and CI_NODE_TOTAL. Both are 0 where the
	// job has no parallel.
	Index, Total int

	// Image is nil where the job names none.
	Image    *Image
	Services []Service
	Tags     []string

	// BeforeScript and Script run one after the other in one shell.
	BeforeScript, Script []string
	// AfterScript runs in a shell of its own, whatever Script did.
	AfterScript []string
	// PreGetSources is hooks:pre_get_sources_script.
	PreGetSources []string

	// Variables are the global ones, those of workflow:rules, the job's own,
	// those of its instance and those of its rule; a later one replaces an
	// earlier one of its name.
	Variables []Variable
	// IDTokens in file order.
	IDTokens []IDToken
	Secrets  []Secret
	// Environment is nil where the job has none.
	Environment   *Environment
	ResourceGroup string

	// Interruptible says that the job may be cancelled once a newer pipeline
	// makes it redundant.
	Interruptible bool
	// Coverage is the regular expression of coverage, between slashes.
	Coverage string

	// Refused is what keeps the job from being run here, such as trigger, each
	// with its place and with how to go on. A job with such a fault is listed
	// and not run.
	Refused Errors
	// Warnings tells of keywords that have no effect here.
	Warnings []Warning

	at *node // its name in the file
	// places has the keywords of the job, and defaults those of default, for At.
	places, defaults *node
}

// AllowFailure is allow_failure. With ExitCodes, only those may be the job's
// exit code; Allowed is then false.
type AllowFailure struct {
	Allowed   bool
	ExitCodes []int
}

// Permits reports whether a job that ended with this exit code, which is not 0,
// leaves the pipeline passing.
func (a AllowFailure) Permits(code int) bool {
	for _, c := range a.ExitCodes {
		if c == code {
			return true
		}
	}
	return a.Allowed
}

// Need is one entry of needs.
type Need struct {
	// Job is the name of a job of the Pipeline, of one instance where it has
	// several. In a cross-project need it is the other project's job.
	Job string
	// Artifacts says that the job gets the other's artifacts; the default.
	Artifacts bool
	// Optional says that the need does not count where the job is not in the
	// pipeline. A Pipeline has left those out already.
	Optional bool
	// Project, Ref and Pipeline are set for needs of artifacts of other
	// projects and pipelines, which cannot be had here.
	Project, Ref, Pipeline string
	Position               Position

	matrix []row // parallel:matrix: the instances that are meant
	at     *node
}

// Artifacts is what a job leaves for others. Paths may hold globs and variables.
type Artifacts struct {
	Name           string
	Paths, Exclude []string
	Untracked      bool
	When           string // on_success (default), on_failure or always
	ExpireIn       string // as written: "1 week", "never"
	ExposeAs       string
	Public         bool
	Access         string // all (default), developer, maintainer or none
	// Dotenv are the files of reports:dotenv, whose variables later jobs get.
	Dotenv []string
	// Reports are the paths of all reports by their kind, dotenv included.
	Reports map[string][]string
}

// Cache is one entry of cache.
type Cache struct {
	Key          string
	KeyFiles     []string // key:files or key:files_commits
	KeyCommits   bool     // of KeyFiles, their last commits make the key, and not their content
	Prefix       string   // key:prefix
	Paths        []string
	Untracked    bool
	Unprotect    bool
	When         string // on_success (default), on_failure or always
	Policy       string // pull-push (default), pull, push, or a variable
	FallbackKeys []string
}

// Retry says how often a failed job is run again.
type Retry struct {
	Max int // 0, 1 or 2
	// When are the failures that count; always by default.
	When []string
	// ExitCodes are exit codes that count, beside When.
	ExitCodes []int
}

// Image is the container image of a job. Its Name is not expanded yet.
type Image struct {
	Name       string
	Entrypoint []string // nil where the image's own is kept
	PullPolicy []string
	User       string // docker:user
	Platform   string // docker:platform
	Position   Position
}

// Service is a container beside the job.
type Service struct {
	Name                string
	Alias               string
	Entrypoint, Command []string
	PullPolicy          []string
	User, Platform      string
	Variables           []Variable
	Position            Position
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

// Secret is one entry of secrets: a variable that the runner fills from a
// provider.
type Secret struct {
	Name string
	// Provider is vault, gcp_secret_manager, azure_key_vault,
	// aws_secrets_manager or gitlab_secrets_manager.
	Provider string
	// Settings are the provider's, by their path, such as engine.name. The short
	// form of vault and of aws_secrets_manager is taken apart.
	Settings map[string]string
	// File says that the variable holds a path of a file with the value; the
	// default.
	File bool
	// Token is the ID token that is shown to the provider, as written: $NAME.
	Token    string
	Position Position
}

// Environment is the deployment target of a job. Name and URL are not expanded
// yet; see Expand.
type Environment struct {
	Name, URL  string
	Action     string // start, prepare, stop, verify or access; start by default
	Tier       string // deployment_tier; empty where the file sets none
	OnStop     string // the job that stops it
	AutoStopIn string // as written
}

// Facts are what GitLab knows of a pipeline besides its file. Rules are decided
// on them.
type Facts struct {
	// Predefined are GitLab's own variables of the pipeline, of which the file's
	// variables win. CI_PIPELINE_SOURCE, CI_COMMIT_REF_NAME, CI_COMMIT_BRANCH,
	// CI_COMMIT_TAG, CI_PROJECT_PATH and CI_MERGE_REQUEST_EVENT_TYPE also decide
	// only and except.
	Predefined []Variable
	// Settings are the variables of the project's settings and of who started
	// the pipeline, which win over the file's.
	Settings []Variable
	// Repository answers for rules:changes and rules:exists. Without one, as
	// where GitLab has no diff, changes is true, and exists is false.
	Repository Repository
}

// Repository is the commit of the pipeline. Paths are those of git: from the
// root of the repository, with slashes.
type Repository interface {
	// Files lists the files of the commit.
	Files() ([]string, error)
	// Changed lists the files that differ: from compareTo, which is a branch, a
	// tag or a commit, or, where that is empty, from what GitLab compares with:
	// the state before a push, the target branch of a merge request. It is
	// false where there is nothing to compare with, as with a tag or a new
	// branch; changes is then true.
	Changed(compareTo string) (paths []string, known bool, err error)
	// ReadFile reads a file for include:local. The error of a missing one is
	// fs.ErrNotExist.
	ReadFile(path string) ([]byte, error)
}
