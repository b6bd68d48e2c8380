package sts_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/sts"

	"github.com/google/go-cmp/cmp"
)

// TestShapes has every operation answer with success, with all elements that it
// can have: each reply is held against the service model on its way. So is each
// of the other tests.
func TestShapes(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.enable(t, true)
	f.putRole(t, store.Role{Name: "ops", TrustPolicy: principal(adminARN, allActions, `{}`)})
	trusted := strings.Replace(f.trust(account, f.condition(subject)), `"sts:AssumeRoleWithWebIdentity"`, `["sts:AssumeRoleWithWebIdentity","sts:SetSourceIdentity"]`, 1)
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: trusted})
	policy := []string{"Policy", awsapitest.Administrator}
	replies := map[string]awsapitest.Reply{
		"AssumeRole":                f.assumeAs(t, f.AdminConfig, "ops", append(policy, "SourceIdentity", "alice")...),
		"AssumeRoleWithWebIdentity": f.assume(t, f.with(t, "https://aws.amazon.com/source_identity", "alice"), policy...),
		"GetAccessKeyInfo":          f.call(t, f.AdminConfig, "GetAccessKeyInfo", "AccessKeyId", "ASIAQNZGKIQY56JQ7WML"),
		"GetCallerIdentity":         f.call(t, f.AdminConfig, "GetCallerIdentity"),
		"GetFederationToken":        f.call(t, f.AdminConfig, "GetFederationToken", append(policy, "Name", "ann")...),
		"GetSessionToken":           f.call(t, f.AdminConfig, "GetSessionToken"),
		"GetWebIdentityToken":       f.ask(t, f.AdminConfig),
	}
	encoded := f.eventOf(t, f.touches(t, f.User(t, "poor"))).Encoded
	replies["DecodeAuthorizationMessage"] = f.call(t, f.AdminConfig, "DecodeAuthorizationMessage", "EncodedMessage", encoded)
	for operation, reply := range replies {
		if reply.Status != http.StatusOK {
			t.Errorf("%s: %d %s", operation, reply.Status, reply.Body)
		}
		hasSource := strings.Contains(reply.Body, "<SourceIdentity>alice</SourceIdentity>")
		if hasSource != strings.HasPrefix(operation, "AssumeRole") {
			t.Errorf("%s: there is a source identity: %t", operation, hasSource)
		}
	}
	f.Shapes.WantAll(t, map[string][]string{
		"the model has it since September 2026; when AWS writes it is not recorded": {
			"AssumeRoleResult/SessionTokenSize", "AssumeRoleResult/SessionTokenUtilization",
			"AssumeRoleWithWebIdentityResult/SessionTokenSize", "AssumeRoleWithWebIdentityResult/SessionTokenUtilization",
			"GetFederationTokenResult/SessionTokenSize", "GetFederationTokenResult/SessionTokenUtilization",
			"GetSessionTokenResult/SessionTokenSize", "GetSessionTokenResult/SessionTokenUtilization",
		},
	}, "testdata", "operations.golden")
}

// TestInputs: what awsapi.Params does not decode, no request has, be it of an
// operation that is not served.
func TestInputs(t *testing.T) {
	t.Parallel()
	for _, found := range start(t).Shapes.Undecoded() {
		t.Error(found)
	}
}

// TestRecordedBodies holds our result against each recorded body of an operation
// that there is: of the same values, the same elements.
func TestRecordedBodies(t *testing.T) {
	t.Parallel()
	awsapitest.RecordedBodies(t, "sts", map[string]func(*testing.T, awsapitest.RecordedBody){
		"GetSessionToken": func(t *testing.T, r awsapitest.RecordedBody) {
			var parsed struct {
				Credentials struct {
					AccessKeyID, SecretAccessKey, SessionToken string
					Expiration                                 time.Time
				}
			}
			r.Parse(t, &parsed)
			c := parsed.Credentials
			var x awsapi.XML
			x.OpenNamespace("GetSessionTokenResult", namespace)
			sts.SessionTokenResult(session.Credentials{
				AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, Expires: c.Expiration,
			}).WriteXML(&x)
			x.Close()
			want, got := r.Body.Child("GetSessionTokenResult"), awsapitest.MustElement(t, string(x.Bytes()))
			// The body is of 2011. AWS STS has put the key's id first and written
			// whole seconds since (recorded).
			want.Child("Credentials", "Expiration").Text = "2011-07-11T19:55:29Z"
			if diff := cmp.Diff(want.Sorted(), got.Sorted()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		},
	}, "testdata", "operations.golden")
}
