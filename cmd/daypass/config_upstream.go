package main

import (
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/upstream"
)

// services are the services behind the gateway, as the server takes them.
func (c *configuration) services() ([]server.Service, error) {
	var services []server.Service
	for i := range c.Upstreams {
		u := &c.Upstreams[i]
		at := fmt.Sprintf("configuration: upstreams[%d]", i)
		if u.Service == "" {
			return nil, usageError{fmt.Errorf("%s has no service", at)}
		}
		s, err := u.service()
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", at, u.Service, err)
		}
		services = append(services, s)
	}
	return services, nil
}

func (u *serviceConfiguration) service() (server.Service, error) {
	s := server.Service{RoleARN: u.RoleARN, STS: u.STSEndpoint, Service: upstream.Service{
		Name: u.Service, Endpoint: u.Endpoint, Region: u.Region, Account: u.Account, UpstreamAccount: u.UpstreamAccount, Traceparent: u.Traceparent,
	}}
	switch {
	case u.Endpoint == "":
		return s, usageError{errors.New("it has no endpoint")}
	case u.RoleARN != "" && (u.CredentialsFile != "" || u.Profile != ""):
		return s, usageError{errors.New("roleArn is taken with a token, without credentials: leave credentialsFile and profile out")}
	case u.STSEndpoint != "" && u.RoleARN == "":
		return s, usageError{errors.New("stsEndpoint is asked for a role: give roleArn as well")}
	}
	var err error
	if u.CA != "" {
		if s.Roots, err = withCertificates(x509.NewCertPool(), u.CA); err != nil {
			return s, err
		}
	}
	if u.RoleARN == "" {
		s.Credentials, err = credentialsFor("the gateway's", u.CredentialsFile, u.Profile)
	}
	return s, err
}
