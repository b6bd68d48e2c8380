package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/server"

	"github.com/aws/aws-sdk-go-v2/aws"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestSessionKeysAreRotated: a server whose session keys are old rotates them
// when it starts, once; sessions go on when it is started again.
func TestSessionKeysAreRotated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newConfig(dir)
	const made = 8 * 24 * time.Hour
	c.Now = func() time.Time { return time.Now().Add(-made) }
	mustStart(t, c).mustStop(t)

	// The keys are old by now, but for this server no week has passed.
	c.Now = func() time.Time { return time.Now().Add(-made + 48*time.Hour) }
	young := mustStart(t, c)
	young.mustStop(t)
	if strings.Contains(young.log.String(), "rotated the session keys") {
		t.Errorf("rotated after two days: %s", young.log)
	}

	c.Now = time.Now
	old := mustStart(t, c)
	if n := strings.Count(old.log.String(), "rotated the session keys"); n != 1 {
		t.Errorf("rotated %d times: %s", n, old.log)
	}
	out, err := stsclient.NewFromConfig(old.administrator(t, dir)).GetSessionToken(t.Context(), &stsclient.GetSessionTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	old.mustStop(t)
	again := mustStart(t, c)
	if strings.Contains(again.log.String(), "rotated the session keys") {
		t.Errorf("rotated again: %s", again.log)
	}
	k := out.Credentials
	wantCaller(t, again.config(aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey, SessionToken: *k.SessionToken}),
		"arn:aws:iam::123456789012:user/administrator")
}

// TestSecretsAreDeleted: a secret is there after the server was started again, and
// gone for good once its recovery window is over.
func TestSecretsAreDeleted(t *testing.T) {
	t.Parallel()
	c := newConfig(t.TempDir())
	mustStart(t, c).mustStop(t)
	client := awsapitest.OpenData(t, c.DataDir, time.Now)
	own := credentialsOf(t, server.Credentials{File: c.DataDir + "/credentials", Profile: "default"})
	at := time.Now()
	c.Now = func() time.Time { return at }
	want := func(r *running, operation, body, answer string) {
		t.Helper()
		client.URL = r.endpoint
		reply := client.PostJSON(t, r.config(own), "secretsmanager", at, "secretsmanager."+operation, body)
		if !strings.Contains(reply.Body, answer) {
			t.Errorf("%s: %d %s, want %s", operation, reply.Status, reply.Body, answer)
		}
	}
	r := mustStart(t, c)
	want(r, "CreateSecret", `{"Name":"a","SecretString":"one","ClientRequestToken":"11111111-1111-1111-1111-111111111111"}`, `"ARN":`)
	r.mustStop(t)
	r = mustStart(t, c)
	want(r, "GetSecretValue", `{"SecretId":"a"}`, `"SecretString":"one"`)
	want(r, "DeleteSecret", `{"SecretId":"a","RecoveryWindowInDays":7}`, `"DeletionDate":`)
	r.mustStop(t)
	for _, days := range []int{6, 2} {
		at = at.AddDate(0, 0, days)
		r = mustStart(t, c)
		if days == 6 {
			want(r, "DescribeSecret", `{"SecretId":"a"}`, `"DeletedDate":`)
		} else {
			want(r, "DescribeSecret", `{"SecretId":"a"}`, "ResourceNotFoundException")
		}
		r.mustStop(t)
	}
	if !strings.Contains(r.log.String(), "deleted a secret for good") {
		t.Errorf("the log does not say what was deleted: %s", r.log)
	}
}
