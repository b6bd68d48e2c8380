package explain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/explain"
)

// jobCase is a job, or an environment, of which is known what it proves.
type jobCase struct {
	name  string
	cause int // 0 for a good one
	when  bool
	job   explain.Job
	env   map[string]string // nil for none given
	file  explain.FileState
	ask   func(*explain.Question)
}

func gitLabJob(script string) explain.Job {
	return explain.Job{System: explain.GitLab, Name: "deploy", Place: ".gitlab-ci.yml:3", IDTokens: []string{"AWS_TOKEN"}, Scripts: []explain.Script{{Text: script, Place: ".gitlab-ci.yml:7"}}}
}

func gitHubJob(change func(*explain.Job)) explain.Job {
	job := explain.Job{
		System: explain.GitHub, Name: "deploy", Place: "ci.yml:3", Permission: explain.Granted, Events: []string{"push"},
		Steps: []explain.Step{{Uses: "aws-actions/configure-aws-credentials@v6", Place: "ci.yml:9", With: map[string]string{"role-to-assume": roleARN, "aws-region": "eu-central-1"}}},
	}
	if change != nil {
		change(&job)
	}
	return job
}

func input(name, value string) explain.Job {
	return gitHubJob(func(j *explain.Job) { j.Steps[0].With[name] = value })
}

func variables(job explain.Job, nameValue ...string) explain.Job {
	for i := 0; i < len(nameValue); i += 2 {
		job.Variables = append(job.Variables, explain.Setting{Name: nameValue[i], Value: nameValue[i+1], Place: ".gitlab-ci.yml:1"})
	}
	return job
}

func image(name string, entrypoint []string, script string) explain.Job {
	job := gitLabJob(script)
	job.Image, job.Entrypoint = name, entrypoint
	return job
}

func gitHubTrust(sub string) func(*explain.Question) {
	return func(q *explain.Question) { q.Policy, q.RoleARN = gitHubPolicy(sub), roleARN }
}

const (
	exchangeCommand = `aws sts assume-role-with-web-identity --role-arn ` + roleARN + ` --role-session-name "job-$CI_JOB_ID" --web-identity-token "$AWS_TOKEN"`
	webIdentityFile = "AWS_WEB_IDENTITY_TOKEN_FILE"
)

var jobCases = []jobCase{
	{name: "good GitLab job", job: gitLabJob("CREDENTIALS=$(" + exchangeCommand + ")\nexport AWS_ACCESS_KEY_ID=$(echo \"$CREDENTIALS\" | jq -r .Credentials.AccessKeyId)")},
	{name: "good GitHub job", job: gitHubJob(nil), ask: gitHubTrust("repo:acme/app:ref:refs/heads/main")},
	{name: "good environment", env: map[string]string{webIdentityFile: "/tmp/token", "AWS_ROLE_ARN": roleARN, "AWS_REGION": "eu-central-1", "AWS_ROLE_SESSION_NAME": "job-1", "AWS_STS_REGIONAL_ENDPOINTS": "regional", "AWS_ENDPOINT_URL_STS": "https://sts.eu-central-1.amazonaws.com"}, file: explain.FileThere, ask: func(q *explain.Question) { q.RoleARN = roleARN }},
	{name: "good environment after the exchange", env: map[string]string{"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "ab/cd+ef", "AWS_SESSION_TOKEN": "x", "AWS_CREDENTIAL_EXPIRATION": "2026-11-26T13:00:00Z"}},
	{name: "good GitHub environment", env: map[string]string{"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": "https://x"}},

	{name: "CI_JOB_JWT_V2", cause: 31, job: gitLabJob(strings.Replace(exchangeCommand, "AWS_TOKEN", "CI_JOB_JWT_V2", 1))},
	{name: "CI_JOB_JWT_V2 by a variable", cause: 31, job: variables(gitLabJob(exchangeCommand), "TOKEN", "$CI_JOB_JWT_V2")},
	{name: "another name", cause: 31, job: gitLabJob(strings.Replace(exchangeCommand, "AWS_TOKEN", "GITLAB_TOKEN", 1))},
	{name: "name set by the script", job: gitLabJob("GITLAB_TOKEN=$AWS_TOKEN\n" + strings.Replace(exchangeCommand, "AWS_TOKEN", "GITLAB_TOKEN", 1))},
	{name: "another name, to a file", cause: 31, job: variables(gitLabJob(`echo "$OTHER" > /tmp/token`), webIdentityFile, "/tmp/token")},
	{name: "token file missing", cause: 31, env: map[string]string{webIdentityFile: "/tmp/token"}, file: explain.FileMissing},
	{name: "token file empty", cause: 31, env: map[string]string{webIdentityFile: "/tmp/token"}, file: explain.FileEmpty},

	{name: "no permission", cause: 33, job: gitHubJob(func(j *explain.Job) { j.Permission = explain.NotGranted })},
	{name: "permission of the caller", cause: 33, when: true, job: gitHubJob(func(j *explain.Job) { j.Permission = explain.Inherited })},
	{name: "no request URL", cause: 33, env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push"}},
	{name: "pull requests", cause: 34, when: true, job: gitHubJob(func(j *explain.Job) { j.Events = []string{"push", "pull_request"} })},
	{name: "guarded pull requests", job: gitHubJob(func(j *explain.Job) { j.Events, j.Guarded = []string{"push", "pull_request"}, true })},
	{name: "Dependabot", cause: 34, env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "dependabot[bot]", "GITHUB_EVENT_NAME": "pull_request"}},
	{name: "fork", cause: 34, job: gitHubJob(func(j *explain.Job) { j.Events, j.Guarded = []string{"pull_request"}, true }), env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request"}},

	{name: "environment", cause: 42, job: gitHubJob(func(j *explain.Job) { j.Environment = "production" }), ask: gitHubTrust("repo:acme/app:ref:refs/heads/main")},
	{name: "environment that is trusted", job: gitHubJob(func(j *explain.Job) { j.Environment = "production" }), ask: gitHubTrust("repo:acme/app:environment:production")},
	{name: "pull request", cause: 43, job: gitHubJob(func(j *explain.Job) { j.Events, j.Guarded = []string{"pull_request"}, true }), ask: gitHubTrust("repo:acme/app:ref:refs/heads/main")},

	{name: "the pod's own token", cause: 60, env: map[string]string{webIdentityFile: "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"}},
	{name: "another role", cause: 60, env: map[string]string{webIdentityFile: "/tmp/token", "AWS_ROLE_ARN": "arn:aws:iam::" + account + ":role/runner"}, ask: func(q *explain.Question) { q.RoleARN = roleARN }},
	{name: "profile", cause: 60, when: true, env: map[string]string{webIdentityFile: "/tmp/token", "AWS_PROFILE": "runner"}},

	{name: "export of a substitution", cause: 61, job: gitLabJob("export $(printf \"AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s\"\n$(" + exchangeCommand + "\n--query x --output text))")},
	{name: "eval", cause: 61, job: gitLabJob(`eval "$(` + exchangeCommand + `)"`)},

	{name: "long job", cause: 62, when: true, job: func() explain.Job { j := gitLabJob(exchangeCommand); j.Timeout = 3 * time.Hour; return j }()},
	{name: "long job with a long session", job: func() explain.Job {
		j := gitLabJob(exchangeCommand + " --duration-seconds 10800")
		j.Timeout = 3 * time.Hour
		return j
	}()},
	{name: "session over", cause: 62, env: map[string]string{"AWS_CREDENTIAL_EXPIRATION": "2026-11-26T11:00:00Z"}},

	{name: "token lifetime", cause: 65, job: gitLabJob("TOKEN=$(buildkite-agent oidc request-token --audience sts.amazonaws.com --lifetime 43200)")},
	{name: "short token lifetime", job: gitLabJob("TOKEN=$(buildkite-agent oidc request-token --lifetime 300)")},
	{name: "plugin", cause: 65, when: true, env: map[string]string{"BUILDKITE_PLUGIN_AWS_ASSUME_ROLE_WITH_WEB_IDENTITY_ROLE_SESSION_DURATION": "43200"}},

	{name: "session of a path", cause: 66, job: gitLabJob(strings.Replace(exchangeCommand, "job-$CI_JOB_ID", "$CI_PROJECT_PATH", 1))},
	{name: "session of a branch", cause: 66, when: true, job: gitLabJob(strings.Replace(exchangeCommand, "job-$CI_JOB_ID", "${CI_COMMIT_REF_NAME}", 1))},
	{name: "session of this branch", cause: 66, job: gitLabJob(strings.Replace(exchangeCommand, "job-$CI_JOB_ID", "$CI_COMMIT_REF_NAME", 1)), env: map[string]string{"CI_COMMIT_REF_NAME": "feature/x"}},
	{name: "session of main", job: gitLabJob(strings.Replace(exchangeCommand, "job-$CI_JOB_ID", "$CI_COMMIT_REF_NAME", 1)), env: map[string]string{"CI_COMMIT_REF_NAME": "main"}},
	{name: "session of a repository", cause: 66, job: input("role-session-name", "${{ github.repository }}")},

	{name: "static keys", cause: 68, env: map[string]string{webIdentityFile: "/tmp/token", "AWS_ACCESS_KEY_ID": "AKIASECRETVALUE"}},
	{name: "static keys in the file", cause: 68, job: variables(gitLabJob("aws s3 ls"), "AWS_ACCESS_KEY_ID", "AKIASECRETVALUE")},
	{name: "static keys of the step", cause: 68, job: input("aws-access-key-id", "${{ secrets.KEY }}")},
	{name: "secret with a blank", cause: 73, env: map[string]string{"AWS_SECRET_ACCESS_KEY": "SECRETVALUE "}},

	{name: "until", cause: 69, job: gitLabJob("until " + exchangeCommand + "; do sleep 5; done")},
	{name: "retry of the job", cause: 69, when: true, job: func() explain.Job { j := gitLabJob(exchangeCommand); j.Retry = 2; return j }()},
	{name: "special characters", cause: 69, job: input("special-characters-workaround", "true")},

	{name: "legacy", cause: 70, env: map[string]string{"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}},
	{name: "endpoint ignored", cause: 70, env: map[string]string{"AWS_ENDPOINT_URL_STS": "https://sts.internal", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}},
	{name: "global endpoint", cause: 70, job: gitLabJob(exchangeCommand + " --endpoint-url https://sts.amazonaws.com")},

	{name: "region of China", cause: 71, job: input("aws-region", "cn-north-1")},
	{name: "region of GovCloud", cause: 71, env: map[string]string{"AWS_REGION": "us-gov-west-1"}, ask: func(q *explain.Question) { q.RoleARN = roleARN }},
	{name: "China in China", env: map[string]string{"AWS_REGION": "cn-north-1"}, ask: func(q *explain.Question) { q.RoleARN = "arn:aws-cn:iam::" + account + ":role/deploy" }},

	{name: "entrypoint", cause: 72, job: image("amazon/aws-cli:2.31.0", nil, "aws s3 ls")},
	{name: "entrypoint taken away", job: image("amazon/aws-cli:2.31.0", []string{""}, "aws s3 ls")},
	{name: "no aws", cause: 72, job: image("alpine:3.22", nil, "aws s3 ls")},
	{name: "aws installed", job: image("alpine:3.22", nil, "apk add aws-cli && aws s3 ls")},
}

// TestJobs leads from each CI file and each environment to its cause and to no
// other, and finds nothing in the good ones. No value is ever told.
func TestJobs(t *testing.T) {
	t.Parallel()
	for i := range jobCases {
		c := &jobCases[i]
		t.Run(fmt.Sprintf("%d %s", c.cause, c.name), func(t *testing.T) {
			t.Parallel()
			q := &explain.Question{Now: now}
			if c.job.System != 0 {
				q.Jobs = []explain.Job{c.job}
			}
			if c.env != nil {
				q.Environment = &explain.Environment{Variables: c.env, TokenFile: c.file}
			}
			if c.ask != nil {
				c.ask(q)
			}
			report := explain.Explain(q)
			var got []int
			for _, f := range report.Jobs {
				got = append(got, f.Cause)
				if (f.When != "") != c.when || f.Note == "" || (f.Job == "") != (f.Place == "") {
					t.Errorf("the finding is %+v", f)
				}
			}
			var want []int
			if c.cause != 0 {
				want = []int{c.cause}
			}
			if !slices.Equal(got, want) || report.JobFails() != (c.cause != 0 && !c.when) {
				t.Errorf("causes are %v, want %v: %+v", got, want, report.Jobs)
			}
			if strings.Contains(string(mustJSON(report)), "SECRETVALUE") {
				t.Errorf("a value is told: %s", mustJSON(report))
			}
		})
	}
}

// TestSwallowed goes by what bash and dash do with the exit status of a
// substitution.
func TestSwallowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		script string
		want   bool
	}{
		{"export X=$(CMD)", true},
		{"export X; X=$(CMD)", false},
		{"X=$(CMD)", false},
		{"X=\"a $(CMD) b\"", false},
		{"if ! X=$(CMD); then exit 1; fi", false},
		{"eval `CMD`", true},
		{"A=1 echo \"$(CMD)\"", true},
		{"A='b c' X=$(CMD)", false},
		{"local x=$(CMD)", true},
		{"read -r a b < <(CMD)", true},
		{"# export X=$(CMD)\nCMD", false},
		{"echo 'export X=$(CMD)'", false},
		{"CMD > out 2>&1; export $(cat out)", false},
		{"(export X=$(CMD))", true},
		{"T=$(echo \"$(CMD)\")", false},
		{"[ -n \"$(CMD)\" ]", false},
	} {
		script := strings.ReplaceAll(c.script, "CMD", "aws sts assume-role-with-web-identity")
		report := explain.Explain(&explain.Question{Now: now, Jobs: []explain.Job{{System: explain.GitLab, Name: "x", Place: "f:1", Scripts: []explain.Script{{Text: script, Place: "f:2"}}}}})
		if got := slices.ContainsFunc(report.Jobs, func(f explain.JobFinding) bool { return f.Cause == 61 }); got != c.want {
			t.Errorf("%q: swallows %t, want %t", c.script, got, c.want)
		}
	}
}
