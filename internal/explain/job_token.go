package explain

import (
	"regexp"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/policy"
)

// This file looks for why a job has no token, or another than the policy waits for.

var (
	// passedToken is the variable behind --web-identity-token.
	passedToken = regexp.MustCompile(`--web-identity-token[\s=\\]+["']?\$\{?([A-Za-z_][A-Za-z0-9_]*)`)
	// writtenToken is a variable that is written to a file, and the file.
	writtenToken = regexp.MustCompile(`(?:echo|printf)\s[^\n;|&]*\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?[^\n;|&]*>\s*["']?([^\s"';]+)`)
	// oldToken are the variables that GitLab had before id_tokens; they went with
	// 17.0.
	oldToken = regexp.MustCompile(`\$\{?(CI_JOB_JWT(?:_V[12])?)\b`)
)

// tokenVariable looks for a variable of which nothing makes a token.
func (l *jobLook) tokenVariable() {
	if l.job.System != GitLab {
		return
	}
	for _, v := range l.job.Variables {
		if old := oldToken.FindStringSubmatch(v.Value); old != nil {
			l.find(31, v.Place, "", "the job passes "+old[1]+", which GitLab fills no more since 17.0")
		}
	}
	for _, script := range l.job.Scripts {
		if old := oldToken.FindStringSubmatch(script.Text); old != nil {
			l.find(31, script.Place, "", "the job passes "+old[1]+", which GitLab fills no more since 17.0")
		}
		for _, name := range l.tokensIn(script.Text) {
			if !l.set(name) {
				l.find(31, script.Place, "", "the job passes $"+name+" as its token, and nothing sets it: "+declared(l.job.IDTokens))
			}
		}
	}
}

// tokensIn are the variables that a script passes on as ID tokens.
func (l *jobLook) tokensIn(text string) []string {
	var names []string
	for _, match := range passedToken.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	file, _, _ := l.variable("AWS_WEB_IDENTITY_TOKEN_FILE")
	for _, match := range writtenToken.FindAllStringSubmatch(text, -1) {
		if strings.Contains(match[2], "AWS_WEB_IDENTITY_TOKEN_FILE") || file != "" && match[2] == file {
			names = append(names, match[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// set reports whether something gives a variable its value: id_tokens, the file's
// variables, the environment, or the scripts themselves.
func (l *jobLook) set(name string) bool {
	if slices.Contains(l.job.IDTokens, name) || oldToken.MatchString("$"+name) { // the old ones are told already
		return true
	}
	if _, _, ok := l.variable(name); ok {
		return true
	}
	assigned := regexp.MustCompile(`(?:^|[\s;&|(])(?:` + name + `=|read\s[^;\n]*\b` + name + `\b|for\s+` + name + `\s)`)
	return slices.ContainsFunc(l.job.Scripts, func(s Script) bool { return assigned.MatchString(s.Text) })
}

func declared(names []string) string {
	if len(names) == 0 {
		return "the job declares no id_tokens"
	}
	return "its id_tokens are " + strings.Join(names, ", ")
}

// tokenFile looks at the file that the environment names.
func (l *jobLook) tokenFile() {
	if name, inFile, ok := l.variable("AWS_WEB_IDENTITY_TOKEN_FILE"); !ok || inFile != nil || name == "" {
		return
	}
	switch l.env.TokenFile {
	case FileMissing:
		l.findInEnvironment(31, "", "AWS_WEB_IDENTITY_TOKEN_FILE names a file that is not there")
	case FileEmpty:
		l.findInEnvironment(31, "", "AWS_WEB_IDENTITY_TOKEN_FILE names a file that is empty")
	}
}

// asksGitHub reports whether the job asks GitHub for an ID token.
func (l *jobLook) asksGitHub() bool {
	return len(l.configure()) > 0 || l.scripted("ACTIONS_ID_TOKEN_REQUEST_") || l.scripted("getIDToken")
}

// permission looks whether a GitHub job may have a token. Where permissions are said
// nowhere, id-token is none, whatever the repository's settings (GitHub Docs,
// "GITHUB_TOKEN", default access).
func (l *jobLook) permission() {
	if l.job.System != GitHub || !l.asksGitHub() {
		return
	}
	switch l.job.Permission {
	case Granted:
		if slices.Contains(l.job.Events, "pull_request") && !l.job.Guarded {
			l.find(34, "", "the pull request is from a fork, or Dependabot's", "the workflow runs on pull_request, and GitHub gives such runs no ID token, whatever permissions say")
		}
	case Inherited:
		l.find(33, "", "the workflow that calls this one does not grant id-token: write", "neither the job nor its workflow says permissions, and so it has what its caller grants")
	default:
		l.find(33, "", "", "the job asks for an ID token, and its permissions have no id-token: write")
	}
}

// requestURL looks, inside a GitHub job, for what the runner gives to those that may
// ask for a token.
func (l *jobLook) requestURL() {
	env := l.env.Variables
	if env["GITHUB_ACTIONS"] != "true" || env["ACTIONS_ID_TOKEN_REQUEST_URL"] != "" {
		return
	}
	const missing = "the runner set no ACTIONS_ID_TOKEN_REQUEST_URL"
	switch granted := l.job.Permission == Granted; {
	case env["GITHUB_ACTOR"] == "dependabot[bot]":
		l.findInEnvironment(34, "", missing+": the run is Dependabot's")
	case granted && env["GITHUB_EVENT_NAME"] == "pull_request":
		l.findInEnvironment(34, "", missing+", though the job has id-token: write, and the run is of a pull request: it is from a fork")
	case env["GITHUB_EVENT_NAME"] == "pull_request" && l.job.System == 0:
		l.findInEnvironment(33, "the job has no permissions: id-token: write", missing)
		l.findInEnvironment(34, "it has, for the run is of a pull request: from a fork, then", missing)
	case !granted:
		l.findInEnvironment(33, "", missing+": the job may not ask for an ID token")
	}
}

const gitHubIssuer = "token.actions.githubusercontent.com"

// subject holds the sub that the job will have against the trust policy.
func (l *jobLook) subject() {
	if l.job.System != GitHub || l.Policy == "" || l.Token != "" || l.Event != nil {
		return
	}
	repository, rest := l.repository(), ""
	switch {
	case l.job.Environment != "":
		rest = "environment:" + l.job.Environment
	case len(l.job.Events) == 1 && l.job.Events[0] == "pull_request":
		rest = "pull_request"
	case l.env.Variables["GITHUB_REF"] != "":
		rest = "ref:" + l.env.Variables["GITHUB_REF"]
	}
	if repository == "" || rest == "" {
		return
	}
	audience := "sts.amazonaws.com" // what the action asks for
	for _, step := range l.configure() {
		if step.With["audience"] != "" {
			audience = step.With["audience"]
		}
	}
	asked := &explanation{Question: &Question{RoleARN: l.RoleARN, Policy: l.Policy}, report: &Report{}}
	asked.Event = &Event{Subject: repository + ":" + rest, Audience: audience, Provider: asked.providerARN(gitHubIssuer)}
	report := Explain(&Question{Event: asked.Event, RoleARN: l.RoleARN, Policy: l.Policy, RequestKeys: l.RequestKeys, Now: l.Now})
	if report.Trust == nil {
		return
	}
	for i := range report.Trust.Misses {
		m := &report.Trust.Misses[i]
		for _, cause := range []int{42, 43} {
			if slices.Contains(m.Causes, cause) {
				l.find(cause, "", "", "the sub of its token will be "+asked.Event.Subject+", and the policy waits for "+m.Closest)
			}
		}
	}
}

// repository is the front of the job's sub: repo:OWNER/NAME, in the form that the
// policy has, for of a file alone no more is known.
func (l *jobLook) repository() string {
	document, err := policy.Parse(policy.Trust, l.Policy)
	if err != nil {
		return ""
	}
	front := ""
	for _, statement := range document.Statements() {
		for _, condition := range statement.Conditions() {
			if !strings.EqualFold(condition.Key, gitHubIssuer+":sub") {
				continue
			}
			for _, value := range condition.Values {
				if parts := strings.SplitN(value, ":", 3); len(parts) >= 2 && parts[0] == "repo" && !strings.ContainsAny(parts[1], "*?") && front == "" {
					front = "repo:" + parts[1]
				}
			}
		}
	}
	if name := l.env.Variables["GITHUB_REPOSITORY"]; name != "" && !strings.Contains(front, "@") {
		return "repo:" + name
	}
	return front
}
