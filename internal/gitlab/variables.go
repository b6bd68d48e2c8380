package gitlab

import (
	"crypto/sha256"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// Variables returns the variables of the job, in the order in which a later one
// wins: the predefined ones, those of the file, those of the project's settings.
// None is expanded yet; see ci.ExpandAll.
//
// Left to the runner, which alone knows them: CI_PROJECT_DIR, CI_JOB_STATUS and
// the ID tokens. CI_JOB_TOKEN is not among them: there is no GitLab to take it.
// CI_COMMIT_BRANCH is absent in pipelines for tags and merge requests, and
// CI_COMMIT_TAG is there only for tags.
//
// Source: GitLab Docs, "Predefined CI/CD variables reference" and "CI/CD
// variable precedence".
func (j *Job) Variables() []ci.Variable {
	v := &variables{}
	v.server(j)
	v.project(j)
	v.commit(j)
	v.pipeline(j)
	v.job(j)
	if j.Environment != nil {
		v.environment(j.Environment)
	}
	if j.definition != nil {
		v.list = append(v.list, j.definition.Variables...)
	}
	return slices.Concat(v.list, j.ProjectVariables)
}

// variables gathers predefined variables. Their values come from people and
// repositories, so none is ever expanded.
type variables struct{ list []ci.Variable }

func (v *variables) add(name, value string) {
	v.list = append(v.list, ci.Variable{Name: name, Value: value, Raw: true})
}

func (v *variables) id(name string, value int64) { v.add(name, strconv.FormatInt(value, 10)) }

func (v *variables) server(j *Job) {
	v.add("CI", "true")
	v.add("GITLAB_CI", "true")
	v.add("CI_SERVER", "yes")
	v.add("CI_SERVER_NAME", "GitLab")
	v.add("CI_SERVER_URL", j.ServerURL)
	if u, err := url.Parse(j.ServerURL); err == nil {
		port := u.Port()
		if port == "" {
			port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
		}
		v.add("CI_SERVER_HOST", u.Hostname())
		v.add("CI_SERVER_FQDN", u.Host)
		v.add("CI_SERVER_PORT", port)
		v.add("CI_SERVER_PROTOCOL", u.Scheme)
	}
	// No patch of a version is known here; tokens do not differ by it.
	v.add("CI_SERVER_VERSION", j.Version.String()+".0")
	v.add("CI_SERVER_VERSION_MAJOR", strconv.Itoa(j.Version.Major))
	v.add("CI_SERVER_VERSION_MINOR", strconv.Itoa(j.Version.Minor))
	v.add("CI_SERVER_VERSION_PATCH", "0")
	v.add("CI_API_V4_URL", j.ServerURL+"/api/v4")
	v.add("CI_API_GRAPHQL_URL", j.ServerURL+"/api/graphql")
}

func (v *variables) project(j *Job) {
	path := j.Project.Path
	root, _, _ := strings.Cut(path, "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	v.id("CI_PROJECT_ID", j.Project.ID)
	v.add("CI_PROJECT_NAME", name)
	v.add("CI_PROJECT_TITLE", name)
	v.add("CI_PROJECT_PATH", path)
	v.add("CI_PROJECT_PATH_SLUG", slug(path))
	v.add("CI_PROJECT_NAMESPACE", j.Namespace.Path)
	v.id("CI_PROJECT_NAMESPACE_ID", j.Namespace.ID)
	v.add("CI_PROJECT_ROOT_NAMESPACE", root)
	v.add("CI_PROJECT_URL", j.ServerURL+"/"+path)
	v.add("CI_PROJECT_VISIBILITY", j.Project.Visibility)
	v.add("CI_DEFAULT_BRANCH", j.Project.DefaultBranch)
	v.add("CI_CONFIG_PATH", j.ConfigPath)
}

func (v *variables) commit(j *Job) {
	title, _, _ := strings.Cut(j.CommitMessage, "\n")
	v.add("CI_COMMIT_SHA", j.SHA)
	v.add("CI_COMMIT_SHORT_SHA", j.SHA[:min(8, len(j.SHA))])
	v.add("CI_COMMIT_REF_NAME", j.Ref)
	v.add("CI_COMMIT_REF_SLUG", slug(j.Ref))
	switch {
	case j.RefType == "tag":
		v.add("CI_COMMIT_TAG", j.Ref)
	case j.MergeRequest == nil:
		v.add("CI_COMMIT_BRANCH", j.Ref)
	}
	v.add("CI_COMMIT_REF_PROTECTED", strconv.FormatBool(j.Protected))
	v.add("CI_COMMIT_TITLE", title)
	v.add("CI_COMMIT_MESSAGE", j.CommitMessage)
}

func (v *variables) pipeline(j *Job) {
	v.id("CI_PIPELINE_ID", j.Pipeline.ID)
	v.id("CI_PIPELINE_IID", j.Pipeline.IID)
	v.add("CI_PIPELINE_SOURCE", j.Pipeline.Source)
	v.add("CI_PIPELINE_URL", j.ServerURL+"/"+j.Project.Path+"/-/pipelines/"+strconv.FormatInt(j.Pipeline.ID, 10))
	m := j.MergeRequest
	if m == nil {
		return
	}
	v.id("CI_MERGE_REQUEST_ID", m.ID)
	v.id("CI_MERGE_REQUEST_IID", m.IID)
	v.id("CI_MERGE_REQUEST_PROJECT_ID", j.Project.ID)
	v.add("CI_MERGE_REQUEST_PROJECT_PATH", j.Project.Path)
	v.add("CI_MERGE_REQUEST_PROJECT_URL", j.ServerURL+"/"+j.Project.Path)
	source := j.Project
	if m.Source != nil {
		source = m.Source.Project
	}
	v.id("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", source.ID)
	v.add("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", source.Path)
	v.add("CI_MERGE_REQUEST_SOURCE_PROJECT_URL", j.ServerURL+"/"+source.Path)
	v.add("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", j.Ref)
	v.add("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", m.TargetBranch)
	v.add("CI_MERGE_REQUEST_REF_PATH", "refs/merge-requests/"+strconv.FormatInt(m.IID, 10)+"/head")
	v.add("CI_MERGE_REQUEST_EVENT_TYPE", "detached")
}

func (v *variables) job(j *Job) {
	v.id("CI_JOB_ID", j.ID)
	v.add("CI_JOB_NAME", j.Name)
	v.add("CI_JOB_NAME_SLUG", slug(j.Name))
	v.add("CI_JOB_STAGE", j.Stage)
	v.add("CI_JOB_URL", j.ServerURL+"/"+j.Project.Path+"/-/jobs/"+strconv.FormatInt(j.ID, 10))
	v.id("CI_JOB_TIMEOUT", int64(j.Timeout/time.Second))
	if j.Image != "" {
		v.add("CI_JOB_IMAGE", j.Image)
	}
	if !j.StartedAt.IsZero() {
		at := j.StartedAt.UTC().Format(time.RFC3339)
		v.add("CI_PIPELINE_CREATED_AT", at)
		v.add("CI_JOB_STARTED_AT", at)
	}
	v.add("CI_NODE_TOTAL", "1")
	v.id("CI_RUNNER_ID", j.Runner.ID)
	v.id("GITLAB_USER_ID", j.User.ID)
	v.add("GITLAB_USER_LOGIN", j.User.Login)
	v.add("GITLAB_USER_EMAIL", j.User.Email)
	v.add("GITLAB_USER_NAME", j.User.Name)
}

func (v *variables) environment(e *Environment) {
	v.add("CI_ENVIRONMENT_NAME", e.Name)
	v.add("CI_ENVIRONMENT_SLUG", environmentSlug(e.Name))
	v.add("CI_ENVIRONMENT_TIER", e.Tier)
	v.add("CI_ENVIRONMENT_ACTION", e.Action)
	if e.URL != "" {
		v.add("CI_ENVIRONMENT_URL", e.URL)
	}
}

var notSlug = regexp.MustCompile(`[^a-z0-9]`)

// slug is a name in lower case, everything but letters and digits replaced by
// a hyphen, cut at 63 bytes, with no hyphen at either end (same page,
// CI_COMMIT_REF_SLUG).
func slug(s string) string {
	s = notSlug.ReplaceAllString(strings.ToLower(s), "-")
	return strings.Trim(s[:min(63, len(s))], "-")
}

var hyphens = regexp.MustCompile(`-+`)

// environmentSlug is fit for DNS: at most 24 bytes, a letter first. A name that
// had to change gets 6 characters of its SHA-256 in base 36, so that two names
// do not meet. Source: same page, CI_ENVIRONMENT_SLUG; GitLab's
// lib/gitlab/slug/environment.rb.
func environmentSlug(name string) string {
	s := notSlug.ReplaceAllString(strings.ToLower(name), "-")
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		s = "env-" + s
	}
	s = hyphens.ReplaceAllString(s, "-")
	if len(s) <= 24 && s == name {
		return strings.TrimSuffix(s, "-")
	}
	s = s[:min(17, len(s))]
	if !strings.HasSuffix(s, "-") {
		s += "-"
	}
	sum := sha256.Sum256([]byte(name))
	digits := new(big.Int).SetBytes(sum[:]).Text(36)
	return s + digits[len(digits)-6:]
}
