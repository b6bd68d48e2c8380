package consoletest

import (
	"encoding/json"
	"testing"
)

// TestSessionOver: an access key that is gone ends its session; what was typed is
// still there after signing in again.
func TestSessionOver(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.aws("iam", "create-user", "--user-name", "ann")
	s.aws("iam", "attach-user-policy", "--user-name", "ann", "--policy-arn", "arn:aws:iam::aws:policy/AdministratorAccess")
	key := func() (id, secret string) {
		var made struct {
			AccessKey struct{ AccessKeyId, SecretAccessKey string }
		}
		if err := json.Unmarshal([]byte(s.aws("iam", "create-access-key", "--user-name", "ann")), &made); err != nil {
			t.Fatal(err)
		}
		return made.AccessKey.AccessKeyId, made.AccessKey.SecretAccessKey
	}
	ann := *s
	ann.id, ann.secret = key()
	p := ann.open(options{})
	p.signIn()
	p.goTo("policies", "create")
	p.fill("Policy document", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}`) // unfinished
	p.waitFor("document.querySelector('[data-lint=error]')")
	p.the("button", "Go to line 1")
	s.aws("iam", "delete-access-key", "--user-name", "ann", "--access-key-id", ann.id)
	p.fill("Policy document", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}`)
	p.see("Your session is over: sign in again")
	ann.id, ann.secret = key()
	p.fill("Access key ID", ann.id)
	p.fill("Secret access key", ann.secret)
	p.click("button", "Sign in")
	p.waitFor("!document.body.innerText.includes('Your session is over')")
	p.click("button", "Review policy")
	p.fill("Name", "kept")
	p.click("button", "Create policy")
	p.heading("kept")
}
