package retrust_test

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/publish/retrust"
)

const (
	from = "gitlab.example.com"
	to   = "oidc-an.s3.eu-north-1.amazonaws.com"
	text = `{"Version": "2012-10-17", "Statement": [{
  "Effect": "Allow",
  "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"},
  "Action": "sts:AssumeRoleWithWebIdentity",
  "Condition": {
    "StringEquals": {"gitlab.example.com:aud": "https://gitlab.example.com"},
    "StringLike": {"gitlab.example.com:sub": "project_path:g/*:ref_type:branch:ref:main"}}}]}`
)

func TestTurn(t *testing.T) {
	got, err := retrust.Turn(text, from, to)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("oidc-provider/"+from, "oidc-provider/"+to, from+":", to+":").Replace(text)
	if got != want {
		t.Errorf("got %s", got)
	}
	if back, err := retrust.Turn(got, to, from); err != nil || back != text {
		t.Errorf("the way back: %v, %s", err, back)
	}
}

func TestTurnRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, from, to, want string }{
		"a scheme":        {text, "https://" + from, to, "without https://"},
		"another issuer":  {text, "gitlab.com", to, "neither"},
		"another case":    {strings.Replace(text, from+":sub", "GitLab.example.com:sub", 1), from, to, "still names"},
		"a slash":         {strings.Replace(text, "oidc-provider/"+from, "oidc-provider/"+from+"/", 1), from, to, "still names"},
		"no trust policy": {`{"Statement": 1}`, from, to, ""},
	} {
		if got, err := retrust.Turn(test.text, test.from, test.to); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
