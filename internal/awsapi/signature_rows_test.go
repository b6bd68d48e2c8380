package awsapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/sigv4"
)

// signedService is a service of the real name, version and namespace with one
// operation that everyone may call who is known.
type signedService struct{ name, version, namespace, operation string }

var signedServices = []signedService{
	{"sts", "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/", "GetCallerIdentity"},
	{"iam", "2010-05-08", "https://iam.amazonaws.com/doc/2010-05-08/", "GetUser"},
}

func startSigned(t testing.TB, now time.Time) *awsapitest.Server {
	t.Helper()
	return awsapitest.Start(t, awsapitest.Options{
		Now: func() time.Time { return now },
		Services: func(*awsapitest.Server) ([]*awsapi.Service, error) {
			var services []*awsapi.Service
			for _, s := range signedServices {
				service, err := awsapi.NewService(awsapi.Service{Name: s.name, Version: s.version, Namespace: s.namespace},
					awsapi.Signed(s.operation, awsapi.NoPermission, func(c *awsapi.Call) (awsapi.Result, error) { return result(c.Caller.ARN), nil }))
				if err != nil {
					return nil, err
				}
				services = append(services, service)
			}
			return services, nil
		},
	})
}

// TestSignatureRows sends each way in which a signature can be wrong, in each
// form of signature, and compares what comes back byte for byte.
func TestSignatureRows(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 11, 12, 0, 0, 0, time.UTC)
	s := startSigned(t, now)
	admin, err := s.AdminConfig.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range signedServices {
		for form, signing := range awsapitest.SignatureForms() {
			signing.Credentials, signing.Service, signing.Time = admin, of.name, now
			rows := s.SignatureRows(t, &signing, url.Values{"Action": {of.operation}, "Version": {of.version}})
			if len(rows) < 30 {
				t.Errorf("%d rows", len(rows))
			}
			for _, row := range rows {
				t.Run(of.name+" "+form+" "+row.Name, func(t *testing.T) {
					row.Send(t, s, of.name, of.namespace, "<Name>arn:aws:")
				})
			}
		}
	}
}

// A POST may be presigned too: its parameters are those of its body, which is
// signed, and none of its query.
func TestPresignedPost(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 11, 12, 0, 0, 0, time.UTC)
	s := startSigned(t, now)
	admin, err := s.AdminConfig.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	for _, algorithm := range []string{sigv4.V4, sigv4.V4A} {
		for sent, status := range map[string]int{body: http.StatusOK, body + "&Name=x": http.StatusForbidden, "": http.StatusFound} {
			r := newRequest(t, http.MethodPost, s.URL+"/?Action=GetUser&Version=2010-05-08", strings.NewReader(sent))
			(&awsapitest.Signing{Credentials: admin, Service: "sts", Time: now, Algorithm: algorithm, InQuery: true}).Sign(t, r, body)
			if reply := s.Do(t, r); reply.Status != status {
				t.Errorf("%s, body %q: %d %s", algorithm, sent, reply.Status, reply.Body)
			}
		}
	}
}
