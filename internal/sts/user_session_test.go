package sts_test

import (
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/sigv4"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/sts"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func TestGetSessionToken(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.putRole(t, store.Role{Name: "ops", TrustPolicy: principal(adminARN, allActions, `{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`), MaxSessionDuration: 43200})
	g := f.wantGiven(t, f.call(t, f.AdminConfig, "GetSessionToken", "DurationSeconds", "129600"))
	if g.User.Expiration != f.clock.Now().UTC().Add(36*time.Hour).Format("2006-01-02T15:04:05Z") {
		t.Errorf("expires at %s", g.User.Expiration)
	}
	config := f.as(g.User)
	if r := f.call(t, config, "GetCallerIdentity"); !strings.Contains(r.Body, "<Arn>"+adminARN+"</Arn>") {
		t.Errorf("got %s", r.Body)
	}
	if r := f.touches(t, config); r.Status != http.StatusOK {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	// It is no role that chains: the role's own maximum holds.
	if r := f.assumeAs(t, config, "ops", "DurationSeconds", "7200"); r.Status != http.StatusOK {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	for _, operation := range []string{"GetSessionToken", "GetFederationToken"} {
		wantFault(t, f.call(t, config, operation, "Name", "x-1"), http.StatusForbidden, "AccessDenied", "Cannot call "+operation+" with session credentials")
	}
	wantFault(t, f.call(t, f.AdminConfig, "GetSessionToken", "SerialNumber", "arn:aws:iam::1:mfa/x", "TokenCode", "123456"), http.StatusForbidden, "AccessDenied",
		"MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	wantFault(t, f.call(t, f.AdminConfig, "GetSessionToken", "DurationSeconds", "129601"), http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value '129601' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 129600")
	// A user without a policy may ask for one, and may do no more with it.
	poor := f.as(f.wantGiven(t, f.call(t, f.User(t, "poor"), "GetSessionToken")).User)
	if r := f.touches(t, poor); r.Status != http.StatusForbidden {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	f.clock.Advance(12 * time.Hour)
	wantFault(t, f.call(t, poor, "GetCallerIdentity"), http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	f.wantNoIAM(t, config)
}

// wantNoIAM: without MFA, temporary credentials of a user are none for IAM.
func (f *fixture) wantNoIAM(t testing.TB, config aws.Config) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := config.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{"iam", "probe"} {
		if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, sigv4.HashPayload(nil), service, awsapitest.Region, f.clock.Now()); err != nil {
			t.Fatal(err)
		}
		_, _, err := auth.Authenticate(f.Directory.Snapshot(), &sigv4.Request{
			Method: r.Method, RequestURI: "/", Host: r.Host, Header: r.Header, PayloadHash: sigv4.HashPayload(nil),
		}, service, f.clock.Now())
		if (err == nil) != (service == "probe") {
			t.Errorf("%s: %v", service, err)
		}
	}
}

// TestGetFederationToken: both the user's policies and the session's must allow.
func TestGetFederationToken(t *testing.T) {
	t.Parallel()
	f := start(t)
	g := f.wantGiven(t, f.call(t, f.AdminConfig, "GetFederationToken", "Name", "guest", "Policy", touch, "Tags.member.1.Key", "team", "Tags.member.1.Value", "red"))
	if g.FederatedARN != "arn:aws:sts::"+account+":federated-user/guest" || g.FederatedID != account+":guest" || g.FederatedPack == "0" {
		t.Errorf("%+v", g)
	}
	guest := f.as(g.Federated)
	if r := f.call(t, guest, "GetCallerIdentity"); !strings.Contains(r.Body, "<UserId>"+account+":guest</UserId>") {
		t.Errorf("got %s", r.Body)
	}
	if r := f.touches(t, guest); r.Status != http.StatusOK {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	bare := f.wantGiven(t, f.call(t, f.AdminConfig, "GetFederationToken", "Name", "guest"))
	if bare.FederatedPack != "0" {
		t.Errorf("packed %s", bare.FederatedPack)
	}
	if r := f.touches(t, f.as(bare.Federated)); r.Status != http.StatusForbidden || !strings.Contains(r.Body, "federated-user/guest is not authorized to perform: probe:Touch on resource: * because no session policy allows the probe:Touch action") {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	for _, operation := range []string{"GetSessionToken", "GetFederationToken", "AssumeRole"} {
		wantFault(t, f.call(t, guest, operation, "Name", "x-1", "RoleArn", deployARN, "RoleSessionName", "s-1"), http.StatusForbidden, "AccessDenied", "Cannot call "+operation+" with session credentials")
	}
	ann := f.User(t, "ann", strings.Replace(touch, "probe:Touch", "sts:GetFederationToken", 1))
	wantFault(t, f.call(t, ann, "GetFederationToken", "Name", "guest", "Tags.member.1.Key", "a", "Tags.member.1.Value", "b"), http.StatusForbidden, "AccessDenied",
		"User: arn:aws:iam::"+account+":user/ann is not authorized to perform: sts:TagSession on resource: arn:aws:sts::"+account+":federated-user/guest because no identity-based policy allows the sts:TagSession action")
	if r := f.touches(t, f.as(f.wantGiven(t, f.call(t, ann, "GetFederationToken", "Name", "guest", "Policy", touch)).Federated)); r.Status != http.StatusForbidden {
		t.Errorf("more than the user: got %d", r.Status)
	}
	f.wantNoIAM(t, guest)
	// The user that goes takes its sessions along, even if it comes again.
	f.User(t, "administrator", awsapitest.Administrator)
	wantFault(t, f.call(t, guest, "GetCallerIdentity"), http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

func TestGetAccessKeyInfo(t *testing.T) {
	t.Parallel()
	f := start(t)
	credentials, err := f.AdminConfig.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if g := f.wantGiven(t, f.call(t, f.AdminConfig, "GetAccessKeyInfo", "AccessKeyId", credentials.AccessKeyID)); g.Account != account {
		t.Errorf("account %s", g.Account)
	}
	wantFault(t, f.call(t, f.AdminConfig, "GetAccessKeyInfo", "AccessKeyId", "short"), http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value 'short' at 'accessKeyId' failed to satisfy constraint: Member must have length greater than or equal to 16")
	wantFault(t, f.call(t, f.User(t, "poor"), "GetAccessKeyInfo", "AccessKeyId", credentials.AccessKeyID), http.StatusForbidden, "AccessDenied",
		"User: arn:aws:iam::"+account+":user/poor is not authorized to perform: sts:GetAccessKeyInfo because no identity-based policy allows the sts:GetAccessKeyInfo action")
}

// TestDecodeAuthorizationMessage: what a denial carried, in its event and in its
// message, is told to who may ask, in the account of the denial.
func TestDecodeAuthorizationMessage(t *testing.T) {
	t.Parallel()
	f := startWith(t, awsapitest.Options{EncodeDenials: true})
	denying := f.User(t, "ann", `{"Version":"2012-10-17","Statement":{"Sid":"NoTouch","Effect":"Deny","Action":"probe:*","Resource":"*"}}`)
	reply := f.touches(t, denying)
	_, encoded, ok := strings.Cut(reply.Body, "Encoded authorization failure message: ")
	encoded, _, _ = strings.Cut(encoded, "<")
	if e := f.eventOf(t, reply); !ok || e.Encoded != encoded {
		t.Fatalf("got %s, event %+v", reply.Body, e)
	}
	text := f.wantGiven(t, f.call(t, f.AdminConfig, "DecodeAuthorizationMessage", "EncodedMessage", encoded)).Decoded
	for _, want := range []string{
		`{"allowed":false,"explicitDeny":true,"matchedStatements":{"items":[{"statementId":"NoTouch","effect":"DENY",`,
		`"failures":{"items":[]},"context":{"principal":{"id":"AIDA`, `"name":"ann","arn":"arn:aws:iam::` + account + `:user/ann"},"action":"probe:Touch","resource":"*"`,
		`{"key":"aws:username","values":{"items":[{"value":"ann"}]}}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nlacks %s", text, want)
		}
	}
	// A stranger's denial carries as much, whether or not there is such a role.
	lengths := map[int]bool{}
	for _, role := range []string{"deploy", "none"} {
		token := f.tokenWith(t, func(claims map[string]any) { claims["sub"] = "somebody" })
		reply := f.assume(t, token, "RoleArn", "arn:aws:iam::"+account+":role/"+role)
		lengths[len(reply.Body)] = true
		encoded := f.eventOf(t, reply).Encoded
		text := f.wantGiven(t, f.call(t, f.AdminConfig, "DecodeAuthorizationMessage", "EncodedMessage", encoded)).Decoded
		if !strings.Contains(text, `"action":"sts:AssumeRoleWithWebIdentity","resource":"arn:aws:iam::`+account+`:role/`+role) || !strings.Contains(text, "somebody") {
			t.Errorf("%s", text)
		}
	}
	if len(lengths) != 1 {
		t.Errorf("a stranger can tell by the length: %v", lengths)
	}
	const other = "210987654321"
	f.AddAccount(t, other)
	for name, r := range map[string]awsapitest.Reply{
		"another account": f.call(t, f.UserOf(t, other, "administrator", awsapitest.Administrator), "DecodeAuthorizationMessage", "EncodedMessage", encoded),
		"changed":         f.call(t, f.AdminConfig, "DecodeAuthorizationMessage", "EncodedMessage", "B"+encoded[1:]),
		"no message":      f.call(t, f.AdminConfig, "DecodeAuthorizationMessage", "EncodedMessage", "x"),
	} {
		t.Log(name)
		wantFault(t, r, http.StatusBadRequest, "InvalidAuthorizationMessageException", "The encoded authorization message is not valid.")
	}
}

// TestOneUseTokens: of a provider that is set so, each token makes one session,
// and a refusal does not use it up.
func TestOneUseTokens(t *testing.T) {
	t.Parallel()
	f := &fixture{clock: newClock(), issuer: newIssuer(t)}
	f.keys = jwks.New(jwks.Config{Now: f.clock.Now, AllowLoopback: true, Roots: x509.NewCertPool()})
	f.Server = awsapitest.Start(t, awsapitest.Options{Now: f.clock.Now, Services: func(s *awsapitest.Server) ([]*awsapi.Service, error) {
		service, err := sts.New(sts.Config{ProviderKeys: f.keys, Random: rand.Reader, Marks: s.Store, OneUseTokens: []string{f.issuer.URL()}})
		return []*awsapi.Service{service}, err
	}})
	f.putProvider(t, f.issuer.thumbprint)
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trust(account, f.condition(subject))})
	token := f.token(t)
	wantFault(t, f.assume(t, token, "RoleArn", "arn:aws:iam::"+account+":role/none"), http.StatusForbidden, "AccessDenied", denied)
	f.wantAssumed(t, f.assume(t, token))
	again := f.assume(t, token)
	wantFault(t, again, http.StatusBadRequest, "InvalidIdentityToken", notValidated)
	f.wantReason(t, again, "was used before")
	f.wantAssumed(t, f.assume(t, f.token(t)))
	unnamed := f.assume(t, f.tokenWith(t, func(claims map[string]any) { delete(claims, "jti") }))
	wantFault(t, unnamed, http.StatusBadRequest, "InvalidIdentityToken", notValidated)
	f.wantReason(t, unnamed, "has no jti")
}

// TestRevokedToken: it begins no session any more, and what it began is over.
func TestRevokedToken(t *testing.T) {
	t.Parallel()
	f := start(t)
	token := f.tokenWith(t, func(map[string]any) {})
	a := f.wantAssumed(t, f.assume(t, token))
	config := f.Config(aws.Credentials{AccessKeyID: a.KeyID, SecretAccessKey: a.Secret, SessionToken: a.Token})
	if r := f.call(t, config, "GetCallerIdentity"); r.Status != http.StatusOK {
		t.Fatalf("got %d %s", r.Status, r.Body)
	}
	f.update(t, func(tx store.Tx) error {
		return store.PutRecord(tx, store.RevocationID(account, "r-1"), store.Revocation{
			Account: account, ID: "r-1", Kind: store.RevocationToken, TokenID: "id-of-the-token", Created: f.clock.Now(), Until: f.clock.Now().Add(48 * time.Hour),
		})
	})
	wantFault(t, f.call(t, config, "GetCallerIdentity"), http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	refused := f.assume(t, token)
	wantFault(t, refused, http.StatusBadRequest, "InvalidIdentityToken", notValidated)
	f.wantReason(t, refused, "was revoked by r-1")
	f.wantAssumed(t, f.assume(t, f.token(t)))
}
