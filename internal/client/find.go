package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
)

// DefaultAudience is what AWS's own actions and roles for service accounts ask for,
// where nobody says otherwise.
const DefaultAudience = "sts.amazonaws.com"

// A TokenSource gives an ID token whenever it is asked.
type TokenSource interface {
	// Token reads the token, or has a fresh one made.
	Token(ctx context.Context) (*Token, error)
	// Key is the same as long as the tokens are of the same job, and of no other
	// job: by it credentials are kept. It tells nothing of the token.
	Key(ctx context.Context) (string, error)
}

// Find says where to look for a token.
type Find struct {
	Env map[string]string // the environment
	// EnvName and File name the variable or the file, as a person gave it; at most
	// one of them. Without either it is looked for.
	EnvName, File string
	// Audience is the aud that is wanted, "" for none in particular.
	Audience string
	// HTTP asks an issuer for tokens.
	HTTP *http.Client
	// Run runs a program and gives its standard output, for agents that make tokens.
	Run func(ctx context.Context, name string, args ...string) (string, error)
}

// TokenSource finds the job's token. Where it could be one of several, it is an
// error that names them: a wrong guess would be another identity.
func (f *Find) TokenSource() (TokenSource, error) {
	switch {
	case f.EnvName != "" && f.File != "":
		return nil, noToken("give --token-env or --token-file, not both")
	case f.EnvName != "":
		if strings.Contains(f.EnvName, ".") || len(f.EnvName) > 200 {
			return nil, noToken("--token-env takes the name of a variable and not the token, which others on this machine now could see; end that token's life if you can")
		}
		if _, ok := f.Env[f.EnvName]; !ok {
			return nil, noToken("there is no variable %s in the environment; a GitLab job has those that it names under id_tokens", f.EnvName)
		}
		return f.variable(f.EnvName), nil
	case f.File != "":
		return f.file(f.File, "--token-file "), nil
	}
	return f.look()
}

// look goes through the CI systems in turn.
func (f *Find) look() (TokenSource, error) {
	gitlab, err := f.gitLab()
	if err != nil {
		return nil, err
	}
	if path := f.Env["AWS_WEB_IDENTITY_TOKEN_FILE"]; path != "" {
		return f.webIdentityFile(path, gitlab)
	}
	switch {
	case gitlab != "":
		return f.variable(gitlab), nil
	case f.Env["ACTIONS_ID_TOKEN_REQUEST_URL"] != "" && f.Env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] != "":
		return f.actions(), nil
	case f.Env["GITHUB_ACTIONS"] == "true":
		return nil, noToken("this job of GitHub Actions, or Forgejo Actions, may not ask for ID tokens; give it \"permissions: id-token: write\" (Forgejo: enable-openid-connect: true), which a pull request from a fork never has")
	case f.Env["BUILDKITE"] == "true":
		return f.agent("the Buildkite agent", "buildkite-agent", append([]string{"oidc", "request-token"}, f.audienceFlag("--audience", true)...), f.Env["BUILDKITE_JOB_ID"]), nil
	case f.Env["CIRCLECI"] == "true":
		return f.circleCI()
	}
	for _, name := range []string{"BITBUCKET_STEP_OIDC_TOKEN", "TFC_WORKLOAD_IDENTITY_TOKEN"} {
		if f.Env[name] != "" {
			return f.variable(name), nil
		}
	}
	if f.Env["KUBERNETES_SERVICE_HOST"] != "" {
		for _, path := range kubernetesFiles {
			if _, err := os.Stat(path); err == nil {
				return f.file(path, "--token-file "), nil
			}
		}
		return nil, noToken("this container has no service account token for AWS; project one with the audience %s, and name its file with --token-file", f.wantedAudience())
	}
	return nil, noToken("there is no ID token here: no variable of GitLab's id_tokens, no ACTIONS_ID_TOKEN_REQUEST_URL, no AWS_WEB_IDENTITY_TOKEN_FILE, nothing of Buildkite, CircleCI, Bitbucket, HCP Terraform or Kubernetes. Name its variable with --token-env or its file with --token-file")
}

// kubernetesFiles are where tokens for AWS are projected; the token for the cluster's
// own API is none.
var kubernetesFiles = []string{
	"/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
	"/var/run/secrets/aws/token",
}

func (f *Find) wantedAudience() string {
	if f.Audience != "" {
		return f.Audience
	}
	return DefaultAudience
}

// audienceFlag is the flag of an agent that names the audience. Where an agent has
// a default of its own, it is given only if somebody asked for one.
func (f *Find) audienceFlag(flag string, always bool) []string {
	if f.Audience == "" && !always {
		return nil
	}
	return []string{flag, f.wantedAudience()}
}

// webIdentityFile is the file that AWS's SDKs read. On a runner in Kubernetes it can
// be the runner's own, while the job has a token under id_tokens.
func (f *Find) webIdentityFile(path, gitlab string) (TokenSource, error) {
	file := f.file(path, "--token-file ")
	if gitlab == "" {
		return file, nil
	}
	inFile, err := file.Token(context.Background())
	if err != nil {
		return nil, err
	}
	if inVariable, err := NewToken(f.Env[gitlab], ""); err == nil && inVariable.raw == inFile.raw {
		return file, nil
	}
	return nil, noToken("two tokens could be meant: the variable %s, and AWS_WEB_IDENTITY_TOKEN_FILE, which names another (of the issuer %s; on a runner in Kubernetes it is the runner's own). Say which with --token-env %s or --token-file %s",
		gitlab, shown(inFile.Claim("iss")), gitlab, path)
}

// tokenForm is what a variable of id_tokens looks like.
var tokenForm = regexp.MustCompile(`^\s*ey[A-Za-z0-9_-]+\.ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\s*$`)

// gitLab is the name of the variable of id_tokens whose audience fits, "" for none.
// Variables of GitLab's own (CI_…, among them the job token and the tokens of before
// 17.0) are not looked at: --token-env names them.
func (f *Find) gitLab() (string, error) {
	if f.Env["GITLAB_CI"] != "true" && f.Env["CI_SERVER_URL"] == "" {
		return "", nil
	}
	type candidate struct{ name, audience string }
	var all, fit []candidate
	seen := map[string]bool{} // one token under two names is one
	for _, name := range slices.Sorted(maps.Keys(f.Env)) {
		value := f.Env[name]
		if strings.HasPrefix(name, "CI_") || strings.HasPrefix(name, "ACTIONS_") || name == "AWS_SESSION_TOKEN" || !tokenForm.MatchString(value) {
			continue
		}
		t, err := NewToken(value, name)
		if err != nil || seen[t.raw] {
			continue
		}
		seen[t.raw] = true
		c := candidate{name, strings.Join(t.Audience(), ",")}
		all = append(all, c)
		if f.Audience == "" || slices.Contains(t.Audience(), f.Audience) {
			fit = append(fit, c)
		}
	}
	if len(fit) == 1 {
		return fit[0].name, nil
	}
	words := func(these []candidate) string {
		var texts []string
		for _, c := range these {
			texts = append(texts, fmt.Sprintf("%s (aud %s)", c.name, shown(c.audience)))
		}
		return strings.Join(texts, ", ")
	}
	switch {
	case len(fit) > 1:
		return "", noToken("this job has several ID tokens: %s; say which with --token-env or --audience", words(fit))
	case len(all) > 0:
		return "", noToken("none of this job's ID tokens is for the audience %s: %s; add one under id_tokens, or name one with --token-env", shown(f.Audience), words(all))
	}
	return "", nil
}

// shown is a text that others wrote, as a person may see it.
func shown(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most] + "…"
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Sprintf("%q", text)
	}
	return text
}

// given is a TokenSource of functions.
type given struct {
	token func(ctx context.Context) (*Token, error)
	key   func(ctx context.Context) (string, error)
}

func (g *given) Token(ctx context.Context) (*Token, error) { return g.token(ctx) }
func (g *given) Key(ctx context.Context) (string, error)   { return g.key(ctx) }

func hashOf(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// static is a source whose token is read, not made.
func static(read func() (*Token, error)) TokenSource {
	return &given{
		token: func(context.Context) (*Token, error) { return read() },
		key: func(context.Context) (string, error) {
			t, err := read()
			if err != nil {
				return "", err
			}
			return hashOf("token", t.raw), nil
		},
	}
}

func (f *Find) variable(name string) TokenSource {
	return static(func() (*Token, error) {
		t, err := NewToken(f.Env[name], "the variable "+name)
		if err != nil {
			return nil, err
		}
		t.Flag = "--token-env " + name
		return t, nil
	})
}

// file is read anew each time: who projects a token renews it in place.
func (f *Find) file(path, flag string) TokenSource {
	return static(func() (*Token, error) {
		from := "the file " + path
		file, err := os.Open(path)
		if err != nil {
			return nil, &Error{Kind: NoToken, Message: "client: the ID token", Err: err}
		}
		defer file.Close() //nolint:errcheck // only read
		text, err := io.ReadAll(io.LimitReader(file, maxToken+64))
		if err != nil {
			return nil, &Error{Kind: NoToken, Message: "client: " + from, Err: err}
		}
		t, err := NewToken(string(text), from)
		if err != nil {
			return nil, err
		}
		t.Flag = flag + path
		return t, nil
	})
}

// agent has a program of the CI system make a token.
func (f *Find) agent(from, name string, args []string, job string) TokenSource {
	return &given{
		token: func(ctx context.Context) (*Token, error) {
			text, err := f.Run(ctx, name, args...)
			if err != nil {
				return nil, &Error{Kind: NoToken, Message: "client: " + from + " made no ID token", Err: err}
			}
			return NewToken(text, "what "+from+" made")
		},
		key: func(context.Context) (string, error) {
			if job == "" {
				return "", errors.New("client: the job has no id")
			}
			return hashOf(append([]string{"agent", name, job}, args...)...), nil
		},
	}
}

// circleCI has a token in a variable, whose audience is the organization; for
// another its command makes one.
func (f *Find) circleCI() (TokenSource, error) {
	if f.Audience != "" {
		if !regexp.MustCompile(`^[\w:/.@-]+$`).MatchString(f.Audience) {
			return nil, noToken("the audience %s cannot be asked for on CircleCI", shown(f.Audience))
		}
		return f.agent("CircleCI", "circleci", []string{"run", "oidc", "get", "--claims", `{"aud":"` + f.Audience + `"}`}, f.Env["CIRCLE_WORKFLOW_JOB_ID"]), nil
	}
	for _, name := range []string{"CIRCLE_OIDC_TOKEN_V2", "CIRCLE_OIDC_TOKEN"} {
		if f.Env[name] != "" {
			return f.variable(name), nil
		}
	}
	return nil, noToken("this job of CircleCI has no CIRCLE_OIDC_TOKEN_V2; a job has one if it uses a context")
}
