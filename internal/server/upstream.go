package server

import (
	"errors"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/upstream"
)

// Service is an AWS service behind the gateway.
type Service struct {
	// Service says which and where. Without an Account it is the one account that
	// there is.
	upstream.Service
	// RoleARN is the role that the gateway takes with a token of the account's own
	// issuer; then there are no other credentials.
	RoleARN string
	// STS is the endpoint that is asked for it; "" is AWS's in the service's region.
	STS string
}

// served are the services that Daypass answers itself.
var served = map[string]bool{"sts": true, "iam": true, "s3": true, "secretsmanager": true}

// openUpstream makes the gateway, nil where no service is behind it.
func (n *node) openUpstream(c *Config, api *awsapi.API, dir *directory.Directory) (*upstream.Handler, error) {
	if len(c.Services) == 0 {
		return nil, nil
	}
	config := upstream.Config{API: api, Now: c.Now}
	for _, s := range c.Services {
		if served[s.Name] {
			return nil, optionErrorf("server: upstreams: %s is served by Daypass itself; behind a gateway it would be another", s.Name)
		}
		if s.Account == "" {
			accounts := dir.Snapshot().Accounts()
			if len(accounts) != 1 {
				return nil, optionErrorf("server: upstreams: %s names no account, and there are %d; say whose callers may use it: account", s.Name, len(accounts))
			}
			s.Account = accounts[0].Account
		}
		if s.RoleARN != "" {
			s.Credentials = s.identity(c, dir).Credentials()
		}
		config.Services = append(config.Services, s.Service)
	}
	h, err := upstream.New(config)
	if wrong := new(upstream.ServiceError); errors.As(err, &wrong) {
		return nil, optionErrorf("server: upstreams: %v", wrong)
	}
	if err != nil {
		return nil, err
	}
	n.closers = append(n.closers, func() error { h.Close(); return nil })
	return h, nil
}

// identity is how the gateway takes the service's role.
func (s *Service) identity(c *Config, dir *directory.Directory) upstream.Identity {
	region := s.Region
	if region == "" {
		region = "us-east-1"
	}
	roots := s.Roots
	if s.STS == "" { // AWS's own
		roots = nil
	}
	return upstream.Identity{
		Directory: dir, PublicURL: c.PublicURL, Account: s.Account, Service: s.Name,
		RoleARN: s.RoleARN, STS: s.STS, Region: region, Roots: roots, Now: c.Now, Random: c.Random,
	}
}
