package auth_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/sigv4"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// TestErrorTable gives the authenticator each way in which credentials or a
// signature can be wrong, in each form of signature. Of keys, tokens and
// signatures that are missing the door has the sentence, so the Error has none.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	f := start(t)
	for form, signing := range awsapitest.SignatureForms() {
		for _, service := range []string{"sts", "iam"} {
			signing.Credentials, signing.Service, signing.Time = f.credentials(t, f.AdminConfig), service, f.clock()
			for _, row := range f.SignatureRows(t, &signing, url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}) {
				caller, signed, err := f.authenticate(&row, service)
				name := service + " " + form + " " + row.Name
				if row.Kind == 0 {
					if err != nil || caller == nil {
						t.Errorf("%s: %v", name, err)
					} else if signed.Algorithm != orElse(signing.Algorithm, sigv4.V4) || signed.InQuery != signing.InQuery || (signed.Region == "") != (signing.Algorithm == sigv4.V4A) || (signed.RegionSet == nil) == (signing.Algorithm == sigv4.V4A) {
						t.Errorf("%s: read as %+v", name, signed)
					}
					continue
				}
				var e *auth.Error
				if caller != nil || !errors.As(err, &e) || e.Kind != row.Kind || e.Reason == "" {
					t.Errorf("%s: %+v, %v, want kind %d", name, caller, err, row.Kind)
					continue
				}
				want := row.Message
				if e.Kind == auth.Missing || e.Kind == auth.UnknownKey || e.Kind == auth.Expired {
					want = ""
				}
				if e.Message != want {
					t.Errorf("%s: message\n%s\nwant\n%s", name, e.Message, want)
				}
			}
		}
	}
}

func (f *fixture) authenticate(row *awsapitest.SignatureRow, service string) (*auth.Caller, *sigv4.Authorization, error) {
	r := row.Request
	return auth.Authenticate(f.Directory.Snapshot(), &sigv4.Request{
		Method: r.Method, RequestURI: r.URL.RequestURI(), Host: r.Host, Header: r.Header, ContentLength: int64(len(row.Body)),
		PayloadHash: sigv4.HashPayload([]byte(row.Body)), Form: []byte(row.Body),
	}, service, f.clock())
}

// TestOrder: what AWS STS looks at first is told, whatever comes after it. Each
// step repairs what the one before it was refused for.
func TestOrder(t *testing.T) {
	t.Parallel()
	f := start(t)
	other, ended := f.mint(t, f.clock().Add(time.Hour)), f.mint(t, f.clock().Add(-time.Second))
	f.secrets = append(f.secrets, other.SessionToken, ended.SessionToken)
	unknown := aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "x", SessionToken: "x"}
	mixed, wrong := ended, f.session
	mixed.SessionToken = other.SessionToken
	wrong.SecretAccessKey = "x"
	ended.SecretAccessKey = "x"
	for _, form := range []awsapitest.Signing{{}, {InQuery: true}, {Algorithm: sigv4.V4A}, {Algorithm: sigv4.V4A, InQuery: true}} {
		for _, step := range []struct {
			name            string
			credentials     aws.Credentials
			region, service string
			shift           time.Duration
			kind            auth.Kind
		}{
			{"scope", unknown, "NONE", "s3", -time.Hour, auth.BadSignature},
			{"service", unknown, "", "s3", -time.Hour, auth.BadSignature},
			{"key", unknown, "", "things", -time.Hour, auth.UnknownKey},
			{"token of the key", mixed, "", "things", -time.Hour, auth.UnknownKey},
			{"expiry of the session", ended, "", "things", -time.Hour, auth.Expired},
			{"time", wrong, "", "things", -time.Hour, auth.Skew},
			{"signature", wrong, "", "things", 0, auth.BadSignature},
			{"nothing", f.session, "", "things", 0, 0},
		} {
			form.Credentials, form.Region, form.Service, form.Time = step.credentials, step.region, step.service, f.clock().Add(step.shift)
			row := awsapitest.SignatureRow{Request: newRequest(t, form.InQuery)}
			form.Sign(t, row.Request, "")
			_, _, err := f.authenticate(&row, "things")
			var e *auth.Error
			if step.kind == 0 && err != nil || step.kind != 0 && (!errors.As(err, &e) || e.Kind != step.kind) {
				t.Errorf("%+v, %s: %v, want kind %d", form.Algorithm, step.name, err, step.kind)
			}
		}
	}
}

func newRequest(t *testing.T, get bool) *http.Request {
	t.Helper()
	method := http.MethodPost
	if get {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
