package sts

import (
	"encoding/json"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/session"
)

// naming are the claims that go into the event of an exchange, so that a session
// can be found by what began it: the CI systems' words for project, pipeline,
// job, and who and what started it. GitLab's, GitHub's, then those of others.
var naming = [...]string{
	"project_path", "project_id", "namespace_path", "pipeline_id", "pipeline_source", "job_id", "ref", "ref_type", "ref_protected",
	"environment", "user_login", "sha",
	"repository", "repository_id", "run_id", "run_attempt", "workflow", "job_workflow_ref", "actor", "event_name",
	"organization_slug", "pipeline_slug", "build_number", "build_branch", "step_key",
	"terraform_workspace_name", "terraform_run_id",
	"repositoryUuid", "pipelineUuid", "stepUuid",
}

// maxNaming bounds, in bytes, one of them.
const maxNaming = 512

// namingClaims gives those of a verified token that are a string, a number or a
// boolean.
func namingClaims(claims *oidc.Claims) map[string]string {
	all := map[string]string{}
	for _, name := range naming {
		value, ok := claims.Member(name)
		if !ok || len(value) == 0 || len(value) > maxNaming {
			continue
		}
		switch value[0] {
		case '{', '[', 'n':
		case '"':
			var text string
			if json.Unmarshal(value, &text) == nil {
				all[name] = text
			}
		default:
			all[name] = string(value)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// originOf is what a session remembers of the job that began it. A name too long
// for a session is in the event of the exchange alone.
func originOf(claims *oidc.Claims, named map[string]string) session.Origin {
	from := audit.OriginOf("", claims.Subject, "", named)
	short := func(name string) string {
		if len(name) > session.MaxOriginName {
			return ""
		}
		return name
	}
	return session.Origin{
		Subject: short(from.Subject), Project: short(from.Project), Pipeline: short(from.Pipeline), Job: short(from.Job),
	}
}
