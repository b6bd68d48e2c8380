package audit

import "strings"

// Origin is the CI job behind a request: whose identity token began the session
// that signed it, or the first session of the chain. Empty members are not known.
type Origin struct {
	Issuer   string `json:"issuer,omitempty"` // URL, with https://
	Subject  string `json:"subject,omitempty"`
	TokenID  string `json:"jti,omitempty"`
	Project  string `json:"project,omitempty"` // project, repository or workspace
	Pipeline string `json:"pipeline,omitempty"`
	Job      string `json:"job,omitempty"`
}

// CI systems have different words for the same thing. The first that a token has
// counts.
var (
	projectClaims  = [...]string{"project_path", "repository", "organization_slug", "terraform_workspace_name", "repositoryUuid"}
	pipelineClaims = [...]string{"pipeline_id", "run_id", "build_number", "terraform_run_id", "pipelineUuid"}
	jobClaims      = [...]string{"job_id", "step_key", "stepUuid"}
)

// OriginOf is the job that a verified token names. claims are as in Event.Claims.
func OriginOf(issuer, subject, tokenID string, claims map[string]string) Origin {
	first := func(names []string) string {
		for _, name := range names {
			if value := claims[name]; value != "" {
				return value
			}
		}
		return ""
	}
	return Origin{
		Issuer: issuer, Subject: subject, TokenID: tokenID,
		Project: first(projectClaims[:]), Pipeline: first(pipelineClaims[:]), Job: first(jobClaims[:]),
	}
}

// From is the job behind the request: of an exchange the one that its token
// names, verified or not; of a later request the one that began its session.
func (e *Event) From() Origin {
	if e.Origin != nil {
		return *e.Origin
	}
	issuer := e.Issuer
	if issuer != "" && !strings.Contains(issuer, "://") {
		issuer = "https://" + issuer
	}
	return OriginOf(issuer, e.Subject, e.TokenID, e.Claims)
}
