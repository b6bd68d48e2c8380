package lint

import (
	"strings"
)

// The grammars of subjects. Sources: GitLab, "OpenID Connect (OIDC) Authentication
// Using ID Tokens"; GitHub, "OpenID Connect reference"; git-check-ref-format(1);
// the pages of the other issuers on their tokens.

const (
	lower        = "abcdefghijklmnopqrstuvwxyz"
	upper        = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits       = "0123456789"
	alphanumeric = lower + upper + digits
)

var (
	// GitLab: letters, digits, _, - and .; it begins and ends with none of the
	// last two, nor holds two of them in a row.
	gitLabGroup = &charset{alphanumeric + "_-.", []string{"-evil", "evil"}, func(s string) bool { return validName(s, "-.") }}
	// A project with the groups above it but the first.
	gitLabProject = &charset{alphanumeric + "_-./", []string{"-fork", "x"}, func(s string) bool {
		for name := range strings.SplitSeq(s, "/") {
			if !validName(name, "-.") || strings.HasSuffix(name, ".git") || strings.HasSuffix(name, ".atom") {
				return false
			}
		}
		return true
	}}
	gitHubOwner = &charset{alphanumeric + "-", []string{"-evil", "evil"}, func(s string) bool { return len(s) <= 39 && validName(s, "-") }}
	gitHubRepo  = &charset{alphanumeric + "-_.", []string{"-fork", "x"}, func(s string) bool {
		return len(s) <= 100 && s[0] != '-' && s != "." && s != ".." && !strings.HasSuffix(s, ".git")
	}}
	number    = &charset{digits, []string{"1"}, func(s string) bool { return s[0] != '0' }}
	gitBranch = &charset{alphanumeric + "-_./@+#=,%!&;()$'\"<>|{}", []string{"-evil", "x"}, validRef}
	gitTag    = &charset{alphanumeric + "-_./@+#=,%!&;()$'\"<>|{}", []string{"-evil", "v0"}, validRef}
	// GitHub writes %3A for a colon in a name.
	environment = &charset{alphanumeric + "-_./ ", []string{"-evil", "x"}, func(s string) bool { return s[0] != '-' && strings.TrimSpace(s) == s && !strings.Contains(s, "--") }}
	booleans    = &charset{lower, []string{"false", "true"}, func(s string) bool { return s == "true" || s == "false" }}
	tiers       = &charset{lower, []string{"production", "staging", "testing", "development", "other"}, anyText}
	label       = &charset{lower + digits + "-.", []string{"-evil", "evil"}, func(s string) bool { return validName(s, "-.") }}
	hexadecimal = &charset{"0123456789abcdef-", []string{"00000000-0000-4000-8000-000000000000", "0"}, anyText}
	// What a person names, of issuers of which no more is known.
	title     = &charset{alphanumeric + "-_. ", []string{"-evil", "evil"}, func(s string) bool { return s[0] != '-' && strings.TrimSpace(s) == s }}
	workflow  = &charset{alphanumeric + "-_./@", []string{"evil/x/.github/workflows/x.yml@refs/heads/main", "x"}, anyText}
	printable = &charset{alphanumeric + "-_./:@{}+=,%#|~!$&'()[] ", []string{"-evil", "evil", "x"}, func(s string) bool { return s[0] != '-' }}
	// A field of a subject in another form: it ends at the colon.
	component = &charset{alphanumeric + "-_./@{}+=,%#", []string{"evil", "x", "-evil"}, anyText}
)

func anyText(string) bool { return true }

// validName reports whether a name begins and ends with none of some special
// characters, and has no two of them in a row.
func validName(s, special string) bool {
	last := true
	for i := range len(s) {
		is := strings.IndexByte(special, s[i]) >= 0
		if is && last {
			return false
		}
		last = is
	}
	return s != "" && !last
}

// validRef is git-check-ref-format for the name of a branch or tag.
func validRef(s string) bool {
	if s == "@" || strings.HasPrefix(s, "-") || strings.HasSuffix(s, ".") ||
		strings.Contains(s, "..") || strings.Contains(s, "@{") || strings.ContainsAny(s, " ~^:?*[\\\x7f") {
		return false
	}
	for name := range strings.SplitSeq(s, "/") {
		if name == "" || name[0] == '.' || strings.HasSuffix(name, ".lock") {
			return false
		}
	}
	return true
}

// form builds a shape: "{field}" is a field of the charset beside, all else is
// literal.
func form(text string, charsets map[string]*charset) []part {
	var parts []part
	for text != "" {
		before, rest, found := strings.Cut(text, "{")
		if before != "" {
			parts = append(parts, part{literal: before})
		}
		if !found {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		parts = append(parts, part{field: name, charset: charsets[name]})
		text = after
	}
	return parts
}

// family is the issuers whose subjects are built in one way.
type family struct {
	name string
	// owner and project are their words for who has projects, and for those.
	owner, project string
	// prefix begins the subjects, before the owner; separator is between owner and
	// project, and end behind the project.
	prefix, separator, end string
	shapes                 []*shape
	// identity are the keys, besides sub, that say whose token it is; by ids those
	// that are never given again, the owner's and the project's.
	identity, ownerIDs, projectIDs []string
	// personal are keys that say who or what runs in a project, not which project.
	personal []string
}

const (
	kindBranch      = "branch"
	kindTag         = "tag"
	kindPull        = "pull_request"
	kindEnvironment = "environment"
)

var gitLabFields = map[string]*charset{
	"owner": gitLabGroup, "project": gitLabProject, "id": number, "branch": gitBranch, "tag": gitTag,
	"ref_protected": booleans, "environment_protected": booleans, "deployment_tier": tiers, "ref_type": component,
}

var gitHubFields = map[string]*charset{
	"owner": gitHubOwner, "project": gitHubRepo, "ownerID": number, "projectID": number, "branch": gitBranch, "tag": gitTag,
	"environment": environment, "workflow": workflow, "any": component,
}

var gitLab = &family{
	name: "GitLab", owner: "group", project: "project", prefix: "project_path:", separator: "/", end: ":",
	shapes: []*shape{
		{parts: form("project_path:{owner}/{project}:ref_type:branch:ref:{branch}", gitLabFields), says: "a job of project {owner}/{project} on branch {branch}"},
		{parts: form("project_path:{owner}/{project}:ref_type:tag:ref:{tag}", gitLabFields), says: "a job of project {owner}/{project} on tag {tag}"},
		{parts: form("project_id:{id}:ref_type:branch:ref:{branch}", gitLabFields), says: "a job of the project with the id {id} on branch {branch}"},
		{parts: form("project_id:{id}:ref_type:tag:ref:{tag}", gitLabFields), says: "a job of the project with the id {id} on tag {tag}"},
	},
	identity: []string{"project_id", "namespace_id"}, ownerIDs: []string{"namespace_id"}, projectIDs: []string{"project_id"},
	personal: []string{"user_login", "user_email", "user_id", "user_access_level", "ref_protected", "pipeline_source", "runner_environment"},
}

var gitHub = &family{
	name: "GitHub", owner: "owner", project: "repository", prefix: "repo:", separator: "/", end: ":",
	shapes:   gitHubShapes(),
	identity: []string{"repository", "repository_id", "repository_owner_id", "enterprise_id", "job_workflow_ref"},
	ownerIDs: []string{"repository_owner_id", "enterprise_id"}, projectIDs: []string{"repository_id"},
	personal: []string{"actor", "actor_id", "workflow", "environment", "ref"},
}

// gitHubShapes are the subjects by name, and those with ids that repositories have
// since 2026-07-15.
func gitHubShapes() []*shape {
	var shapes []*shape
	for _, repo := range []string{"repo:{owner}/{project}", "repo:{owner}@{ownerID}/{project}@{projectID}"} {
		ids := map[string]string{}
		if strings.Contains(repo, "@") {
			ids = map[string]string{"repository_id": "{projectID}", "repository_owner_id": "{ownerID}"}
		}
		with := func(more ...string) map[string]string {
			claims := map[string]string{"repository": "{owner}/{project}"}
			for k, v := range ids {
				claims[k] = v
			}
			for i := 0; i < len(more); i += 2 {
				claims[more[i]] = more[i+1]
			}
			return claims
		}
		shapes = append(shapes,
			&shape{parts: form(repo+":ref:refs/heads/{branch}", gitHubFields), says: "a workflow of {owner}/{project} on branch {branch}", claims: with("ref", "refs/heads/{branch}")},
			&shape{parts: form(repo+":ref:refs/tags/{tag}", gitHubFields), says: "a workflow of {owner}/{project} on tag {tag}", claims: with("ref", "refs/tags/{tag}")},
			&shape{parts: form(repo+":pull_request", gitHubFields), says: "a workflow of {owner}/{project} for a pull request", claims: with("ref", "refs/pull/1/merge")},
			&shape{parts: form(repo+":environment:{environment}", gitHubFields), says: "a workflow of {owner}/{project} with the environment {environment}", claims: with("environment", "{environment}")},
		)
	}
	return shapes
}

// kindOf says what a shape of GitLab or GitHub runs on.
func (s *shape) kindOf() string {
	for _, p := range s.parts {
		switch p.field {
		case kindBranch, kindTag, kindEnvironment:
			return p.field
		}
		if strings.HasSuffix(p.literal, ":pull_request") {
			return kindPull
		}
	}
	return ""
}

func (s *shape) hasField(name string) bool {
	for _, p := range s.parts {
		if p.field == name {
			return true
		}
	}
	return false
}

// of makes a family of subjects without refs.
func of(f family, says string, fields map[string]*charset, subjects ...string) *family {
	for _, subject := range subjects {
		f.shapes = append(f.shapes, &shape{parts: form(subject, fields), says: says})
	}
	return &f
}

var (
	kubernetes = of(family{name: "Kubernetes", owner: "namespace", project: "service account", prefix: "system:serviceaccount:", separator: ":"},
		"a pod of namespace {owner} with the service account {project}",
		map[string]*charset{"owner": label, "project": label}, "system:serviceaccount:{owner}:{project}")
	terraform = of(family{name: "HCP Terraform", owner: "organization", project: "project and workspace", prefix: "organization:", separator: ":project:"},
		"a run of workspace {workspace} in project {project} of organization {owner}",
		map[string]*charset{"owner": gitHubOwner, "project": title, "workspace": title, "phase": {lower, []string{"plan", "apply"}, func(s string) bool { return s == "plan" || s == "apply" }}},
		"organization:{owner}:project:{project}:workspace:{workspace}:run_phase:{phase}")
	buildkite = of(family{
		name: "Buildkite", owner: "organization", project: "pipeline", prefix: "organization:", separator: ":pipeline:", end: ":",
		identity: []string{"organization_slug", "organization_id", "pipeline_slug", "pipeline_id", "cluster_id", "cluster_name"}, ownerIDs: []string{"organization_id", "organization_slug"}, projectIDs: []string{"pipeline_id"},
		personal: []string{"build_branch"},
	}, "a job of pipeline {project} of organization {owner} on {branch}",
		map[string]*charset{"owner": label, "project": label, "branch": gitBranch, "commit": hexadecimal, "step": label},
		"organization:{owner}:pipeline:{project}:ref:refs/heads/{branch}:commit:{commit}:step:{step}")
	circleCI = of(family{
		name: "CircleCI", owner: "organization", project: "project", prefix: "org/", separator: "/project/", end: "/",
		identity: []string{"oidc.circleci.com/project-id"}, projectIDs: []string{"oidc.circleci.com/project-id"},
	}, "a job of project {project} of organization {owner}",
		map[string]*charset{"owner": hexadecimal, "project": hexadecimal, "user": hexadecimal},
		"org/{owner}/project/{project}/user/{user}")
	azure = of(family{name: "Azure DevOps", owner: "organization", project: "project", prefix: "sc://", separator: "/", end: "/"},
		"a pipeline of project {project} of organization {owner}",
		map[string]*charset{"owner": title, "project": title, "name": title}, "sc://{owner}/{project}/{name}", "p://{owner}/{project}/{name}")
	bitbucket = of(family{name: "Bitbucket", owner: "repository", project: "step", separator: ":"},
		"a step of the repository {owner}",
		map[string]*charset{"owner": {"{}0123456789abcdef-", []string{"{00000000-0000-4000-8000-000000000000}"}, anyText}, "project": {"{}0123456789abcdef-", []string{"{11111111-0000-4000-8000-000000000000}"}, anyText}},
		"{owner}:{project}")
	google  = of(family{name: "Google", owner: "service account", identity: []string{"email", "oaud", "aud"}}, "the account {owner}", map[string]*charset{"owner": number}, "{owner}")
	unknown = of(family{name: "the issuer", owner: "subject"}, "whoever has the subject {owner}", map[string]*charset{"owner": printable}, "{owner}")
	byAud   = of(family{name: "the issuer", owner: "subject", identity: []string{"aud"}}, "whoever has the subject {owner}", map[string]*charset{"owner": printable}, "{owner}")
)

// familyOf knows an issuer by its URL, or by the first words of what a policy asks
// of subjects.
func familyOf(url string, patterns []string) *family {
	for _, known := range []struct {
		begins, holds, ends string
		family              *family
	}{
		{begins: "token.actions.", family: gitHub},
		{begins: "github.com/enterprises/", family: gitHub},
		{ends: "/_services/token", family: gitHub},
		{holds: ".eks.", family: kubernetes},
		{begins: "app.terraform.io", family: terraform},
		{begins: "agent.", holds: "buildkite.", family: buildkite},
		{begins: "oidc.circleci.com", family: circleCI},
		{begins: "vstoken.dev.azure.com/", family: azure},
		{begins: "api.bitbucket.org/", family: bitbucket},
		{begins: "accounts.google.com", family: google},
		{begins: "api.pulumi.com/oidc", family: byAud},
		{begins: "oidc.vercel.com", family: byAud},
		{begins: "sandboxes.cloud", family: byAud},
		{begins: "cognito-identity.amazonaws.com", family: byAud},
		{holds: "gitlab", family: gitLab},
	} {
		if strings.HasPrefix(url, known.begins) && strings.HasSuffix(url, known.ends) && strings.Contains(url, known.holds) {
			return known.family
		}
	}
	for _, pattern := range patterns {
		for _, known := range []struct {
			begins string
			family *family
		}{
			{"project_path:", gitLab},
			{"project_id:", gitLab},
			{"ref_type:", gitLab},
			{"repo:", gitHub},
			{"system:serviceaccount:", kubernetes},
			{"organization:", terraform},
			{"org/", circleCI},
			{"sc://", azure},
			{"p://", azure},
		} {
			if strings.HasPrefix(pattern, known.begins) {
				return known.family
			}
		}
	}
	return unknown
}

// components are the names of which GitLab makes subjects.
var gitLabComponents = []string{"project_path", "project_id", "ref_type", "ref", "ref_protected", "environment_protected", "deployment_tier"}

// abusable are names of components that say nothing about the owner: whoever has a
// repository can choose them.
var abusable = []string{
	"environment", "ref", "workflow", "context", "head_ref", "base_ref", "actor", "actor_id", "event_name", "job_workflow_ref", "ref_type",
	"run_id", "run_number", "run_attempt", "ref_protected", "environment_protected", "deployment_tier", "runner_environment", "sha", "workflow_ref", "workflow_sha", "repository_visibility",
}

// custom makes a shape of a subject with other components than the default, as a
// pattern names them: name, value, name, value. It is nil where the pattern names
// none, or names what is no component.
func (f *family) custom(pattern string) *shape {
	if f != gitLab && f != gitHub {
		return nil
	}
	parts := strings.Split(pattern, ":")
	s := &shape{hidden: map[string]string{}}
	var says []string
	for i := 0; i+1 < len(parts); i += 2 {
		name, lead := parts[i], ""
		if i > 0 {
			lead = ":"
		}
		if wild(name) {
			return nil
		}
		var field []part
		switch {
		case f == gitLab && name == "project_path":
			field = form(lead+"project_path:{owner}/{project}", gitLabFields)
			says = append(says, "project {owner}/{project}")
		case f == gitHub && name == "repo":
			field = form(lead+"repo:{owner}/{project}", gitHubFields)
			says = append(says, "repository {owner}/{project}")
		case f == gitLab && name == "ref":
			field = form(lead+"ref:{branch}", gitLabFields)
			says = append(says, "branch {branch}")
		case f == gitLab && (name == "ref_protected" || name == "environment_protected" || name == "deployment_tier"):
			field = []part{{literal: lead + name + ":"}, {field: name, charset: gitLabFields[name]}}
			says = append(says, name+" {"+name+"}")
		case f == gitLab && name == "ref_type":
			field = []part{{literal: lead + "ref_type:"}, {field: "ref_type", charset: &charset{lower, []string{"branch", "tag"}, func(s string) bool { return s == "branch" || s == "tag" }}}}
		case f == gitLab && name == "project_id":
			field = form(lead+"project_id:{id}", gitLabFields)
			says = append(says, "the project with the id {id}")
		case f == gitHub && name != "":
			field = []part{{literal: lead + name + ":"}, {field: name, charset: component}}
			says = append(says, name+" {"+name+"}")
		default:
			return nil
		}
		s.parts = append(s.parts, field...)
	}
	if len(s.parts) == 0 || f == gitLab && len(parts) == 6 && parts[2] == "ref_type" && parts[4] == "ref" {
		return nil // the default: those shapes are there
	}
	s.says = "a job with " + strings.Join(says, ", ")
	return s
}
