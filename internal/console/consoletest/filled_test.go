package consoletest

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// hostile would run in a page that took it for markup.
const hostile = `<img src=x onerror="window.ran=1"><script>window.ran=1</script>`

// hostileKey is without a slash, which would make a folder of it.
const hostileKey = `<img src=x onerror="window.ran=1">.txt`

// thumbprint keeps the server from asking the issuer, which is not there.
const thumbprint = "0123456789abcdef0123456789abcdef01234567"

const (
	account  = "000000000000"
	provider = "arn:aws:iam::" + account + ":oidc-provider/gitlab.example.com"
	policy   = "arn:aws:iam::" + account + ":policy/read-builds"
)

// TestScreens looks at all screens of one account in several ways.
func TestScreens(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.fill()
	screens := s.screens()
	for name, test := range map[string]func(*server, []screen){
		"hostile text": (*server).testHostileText, "phone": (*server).testPhone,
		"accessible in light": (*server).testAccessibleInLight, "accessible in dark": (*server).testAccessibleInDark,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			of := *s
			of.t = t
			test(&of, screens)
		})
	}
}

// fill makes one of everything, through the aws CLI; where a service takes free
// text, the text is hostile.
func (s *server) fill() {
	s.t.Helper()
	trust := document(s.t, map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Sid": "", "Effect": "Allow", "Principal": map[string]any{"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
		"Condition": map[string]any{"StringEquals": map[string]any{"gitlab.example.com:aud": "https://gitlab.example.com", "gitlab.example.com:sub": "project_path:acme/" + hostile}},
	}}})
	allow := document(s.t, map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::builds/" + hostile}}})
	tags := "Key=team,Value=builds"
	s.aws("iam", "create-open-id-connect-provider", "--url", "https://gitlab.example.com", "--client-id-list", "https://gitlab.example.com", hostile, "--thumbprint-list", thumbprint, "--tags", tags)
	s.aws("iam", "create-policy", "--policy-name", "read-builds", "--description", hostile, "--policy-document", allow, "--tags", tags)
	s.aws("iam", "create-policy-version", "--policy-arn", policy, "--policy-document", allow)
	s.aws("iam", "create-role", "--role-name", "deploy", "--description", hostile, "--assume-role-policy-document", trust, "--tags", tags)
	s.aws("iam", "attach-role-policy", "--role-name", "deploy", "--policy-arn", policy)
	s.aws("iam", "put-role-policy", "--role-name", "deploy", "--policy-name", "inline", "--policy-document", allow)
	s.aws("iam", "create-user", "--user-name", "ann", "--tags", tags)
	s.aws("iam", "create-access-key", "--user-name", "ann")
	s.aws("secretsmanager", "create-secret", "--name", "prod/db", "--description", hostile, "--secret-string", hostile)
	s.aws("s3api", "create-bucket", "--bucket", "builds")
	file := filepath.Join(s.dir, "page.html")
	if err := os.WriteFile(file, []byte("<!doctype html>"+hostile), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.aws("s3api", "put-object", "--bucket", "builds", "--key", "team/page.html", "--body", file, "--content-type", "text/html")
	s.aws("s3api", "put-object", "--bucket", "builds", "--key", hostileKey, "--body", file)
	s.denied = s.deny()
}

// deny has a request refused whose every part is hostile, and gives its id.
func (s *server) deny() string {
	s.t.Helper()
	output, code := s.command(nil, "aws", "--endpoint-url", s.endpoint, "--debug", "sts", "assume-role-with-web-identity", "--role-arn", "arn:aws:iam::"+account+":role/deploy",
		"--role-session-name", "job", "--web-identity-token", s.token())
	found := requestID.FindStringSubmatch(output)
	if code == 0 || found == nil {
		s.t.Fatalf("an exchange that is to be refused ended with %d", code)
	}
	return found[1]
}

var requestID = regexp.MustCompile(`<RequestId>([0-9a-f-]+)</RequestId>`)

// token is one of gitlab.example.com whose claims are hostile and whose signature is none.
func (s *server) token() string {
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString([]byte(document(s.t, v))) }
	return part(map[string]string{"alg": "RS256", "kid": "k", "typ": "JWT"}) + "." + part(map[string]any{
		"iss": "https://gitlab.example.com", "aud": "https://gitlab.example.com", "sub": "project_path:" + hostile, "project_path": hostile,
		"namespace_path": hostile, "ref": hostile, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "jti": "1",
	}) + "." + strings.Repeat("A", 342)
}

func document(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// screen is a route, and what shows that all of it is there.
type screen struct {
	path []string
	sees string // an expression
}

func shows(text string) string {
	quoted, _ := json.Marshal(text) // of a string it cannot fail
	return "document.querySelector('#content')?.innerText.includes(" + string(quoted) + ")"
}

// secretARN is the ARN of the secret that fill made, which ends in random characters.
func (s *server) secretARN() string {
	s.t.Helper()
	var described struct{ ARN string }
	if err := json.Unmarshal([]byte(s.aws("secretsmanager", "describe-secret", "--secret-id", "prod/db")), &described); err != nil {
		s.t.Fatal(err)
	}
	return described.ARN
}

// screens are all screens of an account that fill filled.
func (s *server) screens() []screen {
	s.t.Helper()
	return []screen{
		{nil, shows("Set up OpenID Connect")},
		{[]string{"providers"}, shows("gitlab.example.com")},
		{[]string{"providers", "create"}, shows("Live check")},
		{[]string{"providers", "view", provider}, shows("Audiences")},
		{[]string{"policies"}, shows("read-builds") + " || " + shows("AdministratorAccess")},
		{[]string{"policies", "create"}, shows("Policy editor")},
		{[]string{"policies", "view", policy}, shows("Permissions defined in this policy")},
		{[]string{"roles"}, shows("deploy")},
		{[]string{"roles", "create"}, shows("Trusted entity type")},
		{[]string{"roles", "view", "deploy"}, shows("inline")},
		{[]string{"users"}, shows("ann")},
		{[]string{"users", "view", "ann"}, shows("Permissions policies")},
		{[]string{"secrets"}, shows("prod/db")},
		{[]string{"secrets", "create"}, shows("Secret value")},
		{[]string{"secrets", "view", s.secretARN()}, shows("AWSCURRENT")},
		{[]string{"buckets"}, shows("builds")},
		{[]string{"buckets", "view", "builds"}, shows("team/")},
		{[]string{"decisions"}, shows("Allowed")},
		{[]string{"decisions", "try"}, shows("As JSON; iss, sub and aud are needed.")},
		{[]string{"decisions", "view", s.denied}, shows("The client was told")},
		{[]string{"access"}, shows("Choose a role")},
		{[]string{"access?role=deploy"}, shows("In plain words") + " && " + shows("Tokens that it admits")},
		{[]string{"health"}, shows("Requests per minute") + " && " + shows("gitlab.example.com")},
		{[]string{"nowhere"}, shows("There is no such screen")},
	}
}

// show opens a screen and waits until it is there.
func (p *page) show(sc screen) {
	p.t.Helper()
	p.goTo(sc.path...)
	p.waitFor(sc.sees)
}
