package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/daypass/daypass/internal/lint"

	"github.com/spf13/cobra"
)

// xmlDetails is what is read of GetAccountAuthorizationDetails.
type xmlDetails struct {
	XMLName xml.Name
	Roles   []struct {
		Name     string `xml:"RoleName"`
		ARN      string `xml:"Arn"`
		Document string `xml:"AssumeRolePolicyDocument"`
		Boundary string `xml:"PermissionsBoundary>PermissionsBoundaryArn"`
		Inline   []struct {
			Name     string `xml:"PolicyName"`
			Document string `xml:"PolicyDocument"`
		} `xml:"RolePolicyList>member"`
		Attached []string `xml:"AttachedManagedPolicies>member>PolicyArn"`
	} `xml:"GetAccountAuthorizationDetailsResult>RoleDetailList>member"`
	Policies []struct {
		ARN      string `xml:"Arn"`
		Versions []struct {
			Document string `xml:"Document"`
			Default  bool   `xml:"IsDefaultVersion"`
		} `xml:"PolicyVersionList>member"`
	} `xml:"GetAccountAuthorizationDetailsResult>Policies>member"`
	Truncated bool   `xml:"GetAccountAuthorizationDetailsResult>IsTruncated"`
	Marker    string `xml:"GetAccountAuthorizationDetailsResult>Marker"`
}

// readServer reads the roles and providers of the caller's account.
func (in *lintInput) readServer(c *cobra.Command) error {
	providers, err := in.serverProviders(c)
	if err != nil {
		return err
	}
	managed := map[string]string{}
	first := len(in.roles)
	parameters := url.Values{"MaxItems": {"1000"}}
	for {
		var page xmlDetails
		if err := in.flags.server.callService(c, iamService, "GetAccountAuthorizationDetails", parameters, &page); err != nil {
			return err
		}
		for _, p := range page.Policies {
			for _, v := range p.Versions {
				if v.Default {
					managed[p.ARN] = decoded(v.Document)
				}
			}
		}
		for _, r := range page.Roles {
			role := lint.Role{
				Name: r.Name, ARN: r.ARN, Account: accountIn(r.ARN), TrustPolicy: decoded(r.Document),
				Providers: providers, ProvidersKnown: true, Attached: r.Attached, PermissionsKnown: true,
			}
			var policies []namedPolicy
			for _, inline := range r.Inline {
				role.Permissions = append(role.Permissions, decoded(inline.Document))
				policies = append(policies, namedPolicy{inline.Name, decoded(inline.Document)})
			}
			in.add(role, rolePlace{policies: policies, boundary: r.Boundary, locate: func(line, column int) (string, int, int) { return "", line, column }})
		}
		if !page.Truncated {
			break
		}
		if page.Marker == "" {
			return errors.New("the server says that there is more, and not where")
		}
		parameters.Set("Marker", page.Marker)
	}
	for i := range in.roles[first:] {
		r := &in.roles[first+i]
		for _, name := range r.Attached {
			attached := attachedText(name)
			if text := managed[name]; text != "" {
				r.Permissions = append(r.Permissions, text)
				attached = namedPolicy{name[strings.LastIndexByte(name, '/')+1:], text}
			}
			in.places[first+i].policies = append(in.places[first+i].policies, attached)
		}
	}
	return nil
}

// decoded takes the percent signs from a document as replies carry it.
func decoded(document string) string {
	text, err := url.PathUnescape(document)
	if err != nil {
		return document
	}
	return text
}

func accountIn(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 || !isAccount(parts[4]) {
		return ""
	}
	return parts[4]
}

// serverProviders reads the account's providers with their client ids.
func (in *lintInput) serverProviders(c *cobra.Command) ([]lint.Provider, error) {
	var list struct {
		XMLName xml.Name
		ARNs    []string `xml:"ListOpenIDConnectProvidersResult>OpenIDConnectProviderList>member>Arn"`
	}
	if err := in.flags.server.callService(c, iamService, "ListOpenIDConnectProviders", nil, &list); err != nil {
		return nil, err
	}
	providers := make([]lint.Provider, 0, len(list.ARNs))
	for _, name := range list.ARNs {
		var one struct {
			XMLName   xml.Name
			URL       string   `xml:"GetOpenIDConnectProviderResult>Url"`
			ClientIDs []string `xml:"GetOpenIDConnectProviderResult>ClientIDList>member"`
		}
		if err := in.flags.server.callService(c, iamService, "GetOpenIDConnectProvider", url.Values{"OpenIDConnectProviderArn": {name}}, &one); err != nil {
			return nil, fmt.Errorf("the provider %s: %w", name, err)
		}
		providers = append(providers, lint.Provider{ARN: name, URL: strings.TrimPrefix(one.URL, "https://"), ClientIDs: one.ClientIDs})
	}
	return providers, nil
}
