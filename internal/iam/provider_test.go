package iam_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/iam"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"
)

const thumbprint = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"

func providerARN(url string) string { return "arn:aws:iam::" + account + ":oidc-provider/" + url }

func (f *fixture) createProvider(t *testing.T, url string) string {
	t.Helper()
	out, err := f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: &url, ThumbprintList: []string{thumbprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.OpenIDConnectProviderArn
}

func (f *fixture) getProvider(t *testing.T, arn string) *iamclient.GetOpenIDConnectProviderOutput {
	t.Helper()
	return noError[*iamclient.GetOpenIDConnectProviderOutput](t)(
		f.admin.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn}))
}

func TestProviderLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	url := "https://GitLab.example.com/oidc/"
	created, err := f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url:            &url,
		ClientIDList:   []string{"https://gitlab.example.com", "sts.amazonaws.com", "https://gitlab.example.com"},
		ThumbprintList: []string{strings.ToUpper(thumbprint), strings.Repeat("z", 40), thumbprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := providerARN("GitLab.example.com/oidc/")
	if got := *created.OpenIDConnectProviderArn; got != arn {
		t.Errorf("created %s, want %s", got, arn)
	}
	found := f.getProvider(t, arn)
	if diff := cmp.Diff("GitLab.example.com/oidc/", *found.Url); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"https://gitlab.example.com", "sts.amazonaws.com"}, found.ClientIDList); diff != "" {
		t.Errorf("client ids are made distinct and keep their order:\n%s", diff)
	}
	if diff := cmp.Diff([]string{thumbprint, strings.Repeat("z", 40), thumbprint}, found.ThumbprintList); diff != "" {
		t.Errorf("thumbprints are lower-cased, keep their order, and are not made distinct:\n%s", diff)
	}
	if found.CreateDate == nil || found.CreateDate.Nanosecond() != 0 {
		t.Errorf("CreateDate is %v, want whole seconds", found.CreateDate)
	}

	_, err = f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: &url, ThumbprintList: []string{thumbprint}})
	wantFault(t, err, fault{http.StatusConflict, "EntityAlreadyExists", "Provider with url https://GitLab.example.com/oidc/ already exists."})

	// Case and a trailing slash make other providers.
	f.createProvider(t, "https://gitlab.example.com/oidc/")
	f.createProvider(t, "https://gitlab.example.com/oidc")
	listed := noError[*iamclient.ListOpenIDConnectProvidersOutput](t)(f.admin.ListOpenIDConnectProviders(t.Context(), nil))
	var arns []string
	for _, p := range listed.OpenIDConnectProviderList {
		arns = append(arns, *p.Arn)
	}
	want := []string{arn, providerARN("gitlab.example.com/oidc"), providerARN("gitlab.example.com/oidc/")}
	if diff := cmp.Diff(want, arns); diff != "" {
		t.Error(diff)
	}

	_, err = f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "OpenId connect Provider " + arn + " cannot be found."})
	_, err = f.admin.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "OpenIDConnect Provider not found for arn " + arn})
}

func TestProviderURLs(t *testing.T) {
	t.Parallel()
	f := start(t)
	for given, kept := range map[string]string{
		"https://a.example.com":             "a.example.com",
		"https://b.example.com:443":         "b.example.com",
		"https://c.example.com:443/path":    "c.example.com/path",
		"https://d.example.com:8443/p//q/":  "d.example.com:8443/p//q/",
		"https://127.0.0.1:4430":            "127.0.0.1:4430",
		"https://[::1]:8443":                "[::1]:8443",
		"https://localhost:443/":            "localhost/",
		"https://e.example.com/a:443":       "e.example.com/a:443",
		"https://f.example.com/%7Euser/~me": "f.example.com/%7Euser/~me",
	} {
		arn := f.createProvider(t, given)
		if arn != providerARN(kept) {
			t.Errorf("%s became %s, want %s", given, arn, providerARN(kept))
		}
		if got := *f.getProvider(t, arn).Url; got != kept {
			t.Errorf("%s is told as %s, want %s", given, got, kept)
		}
	}

	invalid := fault{http.StatusBadRequest, "InvalidInput", "Invalid Open ID Connect Provider URL."}
	notHTTPS := fault{http.StatusBadRequest, "InvalidInput", "Invalid Open ID Connect Provider URL. The URL must begin with https://."}
	noURL := fault{http.StatusBadRequest, "ValidationError", "Invalid Open ID Connect Provider URL"}
	unknown := fault{http.StatusBadRequest, "InvalidInput", "Unknown"}
	for given, want := range map[string]fault{
		"http://gitlab.example.com":               notHTTPS,
		"HTTPS://gitlab.example.com":              notHTTPS,
		"gitlab.example.com":                      noURL,
		"https://":                                noURL,
		"https:///path":                           noURL,
		"https://gitlab.example.com?a=b":          unknown,
		"https://gitlab.example.com/#f":           unknown,
		"https://gitlab.example.com/?":            unknown,
		"https://user:pass@gitlab.example.com":    invalid,
		"https://gitlab.example.com@evil.example": invalid,
		"https://git lab.example.com":             invalid,
		"https://gitlab.example.com/a b":          invalid,
		"https://gitläb.example.com":              invalid,
		"https://gitlab.example.com/\n":           invalid,
		"https://gitlab.example.com:":             invalid,
		"https://gitlab.example.com:0":            invalid,
		"https://gitlab.example.com:08443":        invalid,
		"https://gitlab.example.com:65536":        invalid,
		"https://gitlab.example.com:443:443":      invalid,
		"https://*.example.com":                   invalid,
		"https://[::1%25lo]":                      invalid,
		"https://-a.example.com":                  invalid,
		"": {
			http.StatusBadRequest, "ValidationError",
			"1 validation error detected: Value at 'url' failed to satisfy constraint: Member must have length greater than or equal to 1",
		},
		"https://" + strings.Repeat("a", 248): {
			http.StatusBadRequest, "ValidationError",
			"1 validation error detected: Value at 'url' failed to satisfy constraint: Member must have length less than or equal to 255",
		},
	} {
		_, err := f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: &given, ThumbprintList: []string{thumbprint}})
		t.Log(given)
		wantFault(t, err, want)
	}
}

func TestProviderLimits(t *testing.T) {
	t.Parallel()
	f := start(t)
	url := "https://gitlab.example.com"
	create := func(clientIDs, thumbprints []string) error {
		_, err := f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
			Url: &url, ClientIDList: clientIDs, ThumbprintList: thumbprints,
		})
		return err
	}
	ids := make([]string, 101)
	for i := range ids {
		ids[i] = fmt.Sprint("client", i)
	}
	one := []string{thumbprint}
	wantFault(t, create(ids, one), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"})
	wantFault(t, create([]string{"a", strings.Repeat("b", 256)}, one), fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'clientIDList' failed to satisfy constraint: Member must satisfy constraint: " +
			"[Member must have length less than or equal to 255, Member must have length greater than or equal to 1]",
	})
	wantFault(t, create(nil, []string{thumbprint, thumbprint, thumbprint, thumbprint, thumbprint, thumbprint}),
		fault{http.StatusBadRequest, "InvalidInput", "Thumbprint list must contain fewer than 5 entries."})
	wantFault(t, create(nil, []string{thumbprint, thumbprint[1:]}), badThumbprints)
	wantFault(t, create(nil, []string{thumbprint + "0"}), badThumbprints)
	// All at once, in the order in which AWS was recorded to tell them.
	all := "https://" + strings.Repeat("a", 248)
	_, err := f.admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: &all, ClientIDList: []string{""}, ThumbprintList: []string{"a"},
	})
	wantFault(t, err, fault{
		http.StatusBadRequest, "ValidationError",
		"3 validation errors detected: Value at 'clientIDList' failed to satisfy constraint: Member must satisfy constraint: " +
			"[Member must have length less than or equal to 255, Member must have length greater than or equal to 1]; " +
			"Value at 'thumbprintList' failed to satisfy constraint: Member must satisfy constraint: " +
			"[Member must have length less than or equal to 40, Member must have length greater than or equal to 40]; " +
			"Value at 'url' failed to satisfy constraint: Member must have length less than or equal to 255",
	})
	wantCall(t, f.call(t, "CreateOpenIDConnectProvider", "ThumbprintList.member.1", thumbprint), fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'url' failed to satisfy constraint: Member must not be null",
	})
	if err := create(ids[:100], []string{thumbprint, thumbprint, thumbprint, thumbprint, thumbprint}); err != nil {
		t.Errorf("100 client ids and 5 thumbprints: %v", err)
	}
	// The account has one. The rest is put as it would be stored.
	err = f.Directory.Update(t.Context(), func(tx store.Tx) error {
		for i := range iam.MaxProviders - 2 {
			record := store.OIDCProvider{Account: account, URL: fmt.Sprintf("idp%d.example.com", i), Thumbprints: one}
			if err := store.PutRecord(tx, store.OIDCProviderID(account, record.URL), record); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.createProvider(t, "https://the-last.example.com")
	url = "https://one-too-many.example.com"
	wantFault(t, create(nil, one), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 5000"})
	must(t)(f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerARN("idp7.example.com"))}))
	if err := create(nil, one); err != nil {
		t.Errorf("where one was deleted there is room for another: %v", err)
	}
}

// badThumbprints is told of a list with a thumbprint that does not have 40
// characters.
var badThumbprints = fault{
	http.StatusBadRequest, "ValidationError",
	"1 validation error detected: Value at 'thumbprintList' failed to satisfy constraint: Member must satisfy constraint: " +
		"[Member must have length less than or equal to 40, Member must have length greater than or equal to 40]",
}

func TestProviderARNs(t *testing.T) {
	t.Parallel()
	f := start(t)
	const other = "210987654321"
	f.AddAccount(t, other)
	stranger := iamclient.NewFromConfig(f.UserOf(t, other, "administrator", awsapitest.Administrator))
	arn := f.createProvider(t, "https://gitlab.example.com")

	for _, absent := range []string{
		arn + "/", strings.ToUpper(arn[:8]) + arn[8:], strings.Replace(arn, "gitlab", "GITLAB", 1),
		strings.Replace(arn, "arn:aws:", "arn:aws-cn:", 1), strings.Replace(arn, account, other, 1),
	} {
		_, err := f.admin.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &absent})
		if strings.HasPrefix(absent, "arn:") {
			wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "OpenIDConnect Provider not found for arn " + absent})
		} else {
			wantFault(t, err, fault{http.StatusBadRequest, "ValidationError", "Invalid ARN:  Could not be parsed!"})
		}
	}
	_, err := stranger.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "OpenIDConnect Provider not found for arn " + arn})
	_, err = stranger.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	wantFault(t, err, fault{http.StatusNotFound, "NoSuchEntity", "OpenId connect Provider " + arn + " cannot be found."})
	listed := noError[*iamclient.ListOpenIDConnectProvidersOutput](t)(stranger.ListOpenIDConnectProviders(t.Context(), nil))
	if len(listed.OpenIDConnectProviderList) != 0 {
		t.Errorf("a stranger sees %v", listed.OpenIDConnectProviderList)
	}
	f.getProvider(t, arn) // still there

	notProvider := "arn:aws:iam::" + account + ":role/gitlab"
	_, err = f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &notProvider})
	wantFault(t, err, fault{http.StatusBadRequest, "ValidationError", "Invalid ARN:  Could not be parsed!"})
	short := "arn"
	_, err = f.admin.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &short})
	wantFault(t, err, fault{
		http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value at 'openIDConnectProviderArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
	})
}
