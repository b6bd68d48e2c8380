package iam_test

import (
	"crypto/rand"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/iam"
	"github.com/daypass/daypass/internal/jwks"

	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

var issuerForm = regexp.MustCompile(`^https://daypass\.example\.com/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// AWS's words for its three answers (recorded, 2026-09).
var (
	outboundEnabled         = fault{http.StatusConflict, "FeatureEnabled", "Outbound identity federation is already enabled for account " + account}
	outboundDisabled        = fault{http.StatusNotFound, "FeatureDisabled", "Outbound identity federation is disabled for account " + account}
	outboundAlreadyDisabled = fault{http.StatusNotFound, "FeatureDisabled", "Outbound identity federation is already disabled for account " + account}
)

func enable(t *testing.T, c *iamclient.Client) (string, error) {
	t.Helper()
	out, err := c.EnableOutboundWebIdentityFederation(t.Context(), &iamclient.EnableOutboundWebIdentityFederationInput{})
	if err != nil {
		return "", err
	}
	return *out.IssuerIdentifier, nil
}

func info(t *testing.T, c *iamclient.Client) (string, error) {
	t.Helper()
	out, err := c.GetOutboundWebIdentityFederationInfo(t.Context(), &iamclient.GetOutboundWebIdentityFederationInfoInput{})
	if err != nil {
		return "", err
	}
	if !out.JwtVendingEnabled {
		t.Error("JwtVendingEnabled is false")
	}
	return *out.IssuerIdentifier, nil
}

func disable(t *testing.T, c *iamclient.Client) error {
	t.Helper()
	_, err := c.DisableOutboundWebIdentityFederation(t.Context(), &iamclient.DisableOutboundWebIdentityFederationInput{})
	return err
}

// An account is the same issuer, with the same keys, each time it is enabled.
func TestOutboundFederation(t *testing.T) {
	t.Parallel()
	f := start(t)
	_, err := info(t, f.admin)
	wantFault(t, err, outboundDisabled)
	wantFault(t, disable(t, f.admin), outboundAlreadyDisabled)
	issuer, err := enable(t, f.admin)
	if err != nil || !issuerForm.MatchString(issuer) {
		t.Fatalf("issuer is %q, %v", issuer, err)
	}
	enabled, ok := f.Directory.Snapshot().Outbound(account)
	if !ok || !enabled.Enabled || publicURL+"/"+enabled.IssuerID != issuer {
		t.Fatalf("the account is not an issuer: %v", ok)
	}
	_, err = enable(t, f.admin)
	wantFault(t, err, outboundEnabled)
	if got, err := info(t, f.admin); err != nil || got != issuer {
		t.Errorf("info is %q, %v", got, err)
	}
	if err := disable(t, f.admin); err != nil {
		t.Fatal(err)
	}
	wantFault(t, disable(t, f.admin), outboundAlreadyDisabled)
	_, err = info(t, f.admin)
	wantFault(t, err, outboundDisabled)
	if o, ok := f.Directory.Snapshot().Outbound(account); !ok || o.Enabled || string(o.Keys.Document()) != string(enabled.Keys.Document()) {
		t.Error("a disabled issuer has lost its keys, or is enabled")
	}
	if again, err := enable(t, f.admin); err != nil || again != issuer {
		t.Errorf("enabled again, the issuer is %q, %v; it was %q", again, err, issuer)
	}
	if o, _ := f.Directory.Snapshot().Outbound(account); string(o.Keys.Document()) != string(enabled.Keys.Document()) {
		t.Error("enabled again, the issuer has other keys")
	}
}

// Accounts are issuers of their own.
func TestOutboundFederationOfTwoAccounts(t *testing.T) {
	t.Parallel()
	f := start(t)
	const other = "210987654321"
	f.AddAccount(t, other)
	admin := iamclient.NewFromConfig(f.UserOf(t, other, "administrator", awsapitest.Administrator))
	issuer, err := enable(t, f.admin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := info(t, admin); err == nil {
		t.Error("another account is enabled as well")
	}
	if its, err := enable(t, admin); err != nil || its == issuer {
		t.Errorf("the other's issuer is %q, %v", its, err)
	}
}

// Of those who enable at once, one does, and all see one issuer.
func TestOutboundEnabledAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t)
	issuers := make([]string, 4)
	var all sync.WaitGroup
	for i := range issuers {
		all.Go(func() {
			out, err := f.admin.EnableOutboundWebIdentityFederation(t.Context(), &iamclient.EnableOutboundWebIdentityFederationInput{})
			if err == nil {
				issuers[i] = *out.IssuerIdentifier
			} else if !strings.Contains(err.Error(), "FeatureEnabled") {
				t.Error(err)
			}
		})
	}
	all.Wait()
	issuer, err := info(t, f.admin)
	if err != nil {
		t.Fatal(err)
	}
	if told := strings.Join(issuers, ""); told != issuer {
		t.Errorf("the issuer is %q, and those who enabled it were told %q", issuer, told)
	}
}

// The three ask for their own permission on everything, as on AWS.
func TestOutboundPermissions(t *testing.T) {
	t.Parallel()
	f := start(t)
	nobody := iamclient.NewFromConfig(f.User(t, "nobody"))
	denied := func(operation string) fault {
		return fault{http.StatusForbidden, "AccessDenied", "User: arn:aws:iam::" + account + ":user/nobody is not authorized to perform: iam:" + operation +
			" on resource: * because no identity-based policy allows the iam:" + operation + " action"}
	}
	_, err := enable(t, nobody)
	wantFault(t, err, denied("EnableOutboundWebIdentityFederation"))
	_, err = info(t, nobody)
	wantFault(t, err, denied("GetOutboundWebIdentityFederationInfo"))
	wantFault(t, disable(t, nobody), denied("DisableOutboundWebIdentityFederation"))
	if _, ok := f.Directory.Snapshot().Outbound(account); ok {
		t.Error("who may not enable did")
	}
}

// A server that does not know its own URL makes nobody an issuer.
func TestOutboundWithoutPublicURL(t *testing.T) {
	t.Parallel()
	keys := jwks.New(jwks.Config{Now: time.Now})
	server := awsapitest.Start(t, awsapitest.Options{Now: time.Now, Services: func(s *awsapitest.Server) ([]*awsapi.Service, error) {
		service, err := iam.New(iam.Config{
			Directory: s.Directory, ProviderKeys: keys, Random: rand.Reader, MasterKey: s.MasterKey(), LastUses: s.LastUse,
		})
		return []*awsapi.Service{service}, err
	}})
	admin := iamclient.NewFromConfig(server.AdminConfig)
	_, err := enable(t, admin)
	wantFault(t, err, fault{http.StatusBadRequest, "ValidationError", "Outbound identity federation cannot be enabled: this server does not know the URL under which others reach it. Start it with --public-url."})
	_, err = info(t, admin)
	wantFault(t, err, outboundDisabled)
	if _, err := iam.New(iam.Config{
		Directory: server.Directory, ProviderKeys: keys, Random: rand.Reader, PublicURL: publicURL, LastUses: server.LastUse,
	}); err == nil {
		t.Error("a service that would keep signing keys unsealed was made")
	}
}
