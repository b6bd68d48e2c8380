package consoletest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nodeDir is where panva's oidc-provider is.
var nodeDir = filepath.Join("..", "..", "..", "cmd", "daypass", "testdata", "node")

// TestPeople: somebody signs in to the console by panva's oidc-provider, whom the role's
// trust policy admits; another, whom it does not, is told so.
func TestPeople(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(filepath.Join(nodeDir, "node_modules", ".package-lock.json")); err != nil {
		lacking(t, "oidc-provider of Node.js")
	}
	s := &server{t: t, dir: t.TempDir()}
	listen := freeAddress(t)
	issuer := s.startProvider("http://" + listen + "/console/api/sign-in/callback")
	role := "arn:aws:iam::000000000000:role/people"
	s.write("secret", "the-secret-of-the-client\n")
	s.write("daypass.yaml", fmt.Sprintf("console: {signIn: {name: The people's directory, issuer: %q, clientId: deployer, clientSecretFile: secret, role: %q}}\n", issuer, role))
	s.serve("--listen", listen, "--config", "daypass.yaml", "--issuer-ca", "tls/cert.pem")
	host := strings.TrimPrefix(issuer, "https://")
	s.aws("iam", "create-open-id-connect-provider", "--url", issuer, "--client-id-list", "deployer", "--thumbprint-list", thumbprint)
	s.aws("iam", "create-role", "--role-name", "people", "--assume-role-policy-document", document(t, map[string]any{
		"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"Federated": "arn:aws:iam::000000000000:oidc-provider/" + host}, "Action": "sts:AssumeRoleWithWebIdentity",
			"Condition": map[string]any{"StringEquals": map[string]any{host + ":aud": "deployer", host + ":sub": "ann"}},
		}},
	}))
	s.aws("iam", "attach-role-policy", "--role-name", "people", "--policy-arn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess")

	signInAs := func(p *page, who string) {
		p.click("link", "Sign in with The people's directory")
		p.waitFor("document.querySelector('input[name=login]')")
		p.eval(fmt.Sprintf("document.querySelector('input[name=login]').value = %q; document.querySelector('input[name=password]').value = 'any'; document.querySelector('form').submit()", who))
		p.waitFor("document.querySelector('input[name=prompt][value=consent]')")
		p.eval("document.querySelector('form').submit()")
	}
	p := s.open(options{leaves: host})
	signInAs(p, "ann")
	p.heading("Daypass")
	p.click("link", "Roles")
	p.heading("Roles (1)")
	// The role may read IAM and nothing else: what it may not is told in place.
	p.click("link", "Secrets")
	p.see("is not authorized to perform: secretsmanager:ListSecrets")

	other := s.open(options{leaves: host})
	signInAs(other, "bob")
	other.see("The role that people act under does not admit you.")
	other.see("Request id ")
	other.signIn() // by the access key, all the same
	other.goTo("decisions")
	other.see("AssumeRoleWithWebIdentity")
}

func (s *server) write(name, content string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it served nobody
	return l.Addr().String()
}

// startProvider starts oidc-provider and is its issuer URL.
func (s *server) startProvider(redirect string) string {
	s.t.Helper()
	folder := filepath.Join(s.dir, "tls")
	if err := os.Mkdir(folder, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if output, code := s.command(nil, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "tls/key.pem", "-out", "tls/cert.pem"); code != 0 {
		s.t.Fatal(output)
	}
	script, err := filepath.Abs(filepath.Join(nodeDir, "issuer.mjs"))
	if err != nil {
		s.t.Fatal(err)
	}
	command := exec.CommandContext(s.t.Context(), "node", script, folder, filepath.Join(s.dir, "provider.url"))
	command.Env = s.environment("REDIRECT_URI=" + redirect)
	input, err := command.StdinPipe() // it reads from it
	if err != nil {
		s.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = input.Close()
		_ = command.Wait() // ended by the test's context
	})
	return s.waitFile("provider.url")
}
