package doctor

import (
	"regexp"
	"strings"
)

// origin knows a CI system by its tokens.
type origin struct {
	name   string
	issuer string   // a prefix of iss; "" for systems that anybody runs
	claims []string // all must be there
}

// origins are the systems in the order in which they are tried. Sources: their
// own documentation of ID tokens; for GitLab lib/gitlab/ci/jwt_v2.rb.
var origins = []origin{
	{"GitHub Actions", "https://token.actions.", []string{"repository", "workflow"}},
	{"CircleCI", "https://oidc.circleci.com/", nil},
	{"Buildkite", "https://agent.buildkite.", []string{"organization_slug"}},
	{"Bitbucket Pipelines", "https://api.bitbucket.org/", nil},
	{"HCP Terraform", "", []string{"terraform_run_id"}},
	{"Azure DevOps", "https://vstoken.dev.azure.com/", nil},
	{"Amazon EKS", "https://oidc.eks.", []string{"kubernetes.io"}},
	{"Kubernetes", "", []string{"kubernetes.io"}},
	{"Google", "https://accounts.google.com", nil},
	{"AWS outbound federation", "", []string{"https://sts.amazonaws.com/"}},
	{"GitLab CI/CD", "", []string{"project_path", "pipeline_id", "job_id", "ref_type"}},
	{"GitHub Enterprise Server or Forgejo Actions", "", []string{"repository", "workflow", "run_id"}},
}

// examineOrigin is T09.
func (e *tokenExam) examineOrigin() {
	name := ""
	for _, o := range origins {
		fits := strings.HasPrefix(e.iss, o.issuer)
		for _, claim := range o.claims {
			_, there := e.payload.get(claim)
			fits = fits && there
		}
		if fits {
			name = o.name
			break
		}
	}
	sub, _ := e.payload.text("sub")
	switch name {
	case "":
		e.ok("T09", "no CI system that is known here; iss is %s", shown(e.iss))
	case "GitLab CI/CD":
		e.examineGitLab(sub)
	case "GitHub Actions":
		e.examineGitHub(sub)
	case "AWS outbound federation":
		e.found("outbound-token", "iss is %s", shown(e.iss))
	default:
		e.ok("T09", "%s", name)
	}
}

// examineGitLab tells the forms of GitLab's tokens apart: CI_JOB_JWT and
// CI_JOB_JWT_V2, which GitLab 17.0 removed, and those of id_tokens.
func (e *tokenExam) examineGitLab(sub string) {
	host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(e.iss, "https://"), "http://"), "/")
	aud, _ := e.payload.text("aud")
	_, hasAud := e.payload.get("aud")
	switch {
	case !strings.Contains(e.iss, "://") || !hasAud && strings.HasPrefix(sub, "job_"):
		e.found("gitlab-v1", "iss is %s, sub %s", shown(e.iss), shown(sub))
	case aud == e.iss:
		e.found("gitlab-v2", "aud is %s, like iss", shown(aud))
	default:
		e.ok("T09", "GitLab CI/CD, id_tokens, of %s: %s", host, gitLabSubject(sub))
	}
	if sub == "" {
		return
	}
	if isGitLabCom := host == "gitlab.com"; !isGitLabCom {
		e.found("gitlab-few-keys", "%s", host)
	}
	if strings.Contains(sub, ":ref_type:mr:") || strings.Contains(sub, ":ref_type:merge_request:") {
		e.found("gitlab-mr", "sub is %s", shown(sub))
	}
	if source, _ := e.payload.text("pipeline_source"); source == "merge_request_event" {
		e.found("gitlab-mr-pipeline", "ref is the source branch, and project_path the project that it is in")
	}
}

// gitLabSubject says what a sub is made of.
func gitLabSubject(sub string) string {
	parts := strings.Split(sub, ":")
	var names []string
	for i := 0; i+1 < len(parts); i += 2 {
		names = append(names, parts[i])
	}
	if len(names) == 0 {
		return "sub is " + shown(sub)
	}
	return "sub of " + strings.Join(names, ", ")
}

// immutable is the form of GitHub's sub since 2026-07-15: the ids of owner and
// repository stand behind their names.
var immutable = regexp.MustCompile(`^repo:[^/:@]+@\d+/[^/:@]+@\d+:`)

func (e *tokenExam) examineGitHub(sub string) {
	form := "sub with names alone: " + shown(sub)
	if immutable.MatchString(sub) {
		form = "immutable sub: " + shown(sub)
		e.found("github-immutable", "sub is %s", shown(sub))
	}
	e.ok("T09", "GitHub Actions; %s", form)
	switch {
	case strings.Contains(sub, ":environment:"):
		e.found("github-environment", "sub is %s", shown(sub))
	case strings.HasSuffix(sub, ":pull_request"):
		e.found("github-pull-request", "sub is %s", shown(sub))
	}
}
