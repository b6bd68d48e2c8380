package server_test

import (
	"strings"
	"testing"
	"time"

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
