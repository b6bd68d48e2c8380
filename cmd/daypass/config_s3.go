package main

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/server"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// server is how S3 is served, as the server takes it.
func (c *s3Configuration) server() (server.S3, error) {
	s3 := server.S3{Embedded: c.Embedded == nil || *c.Embedded, IfPossible: c.Embedded == nil, Hosts: c.Hosts}
	names := map[string]bool{}
	for i := range c.Upstreams {
		u := &c.Upstreams[i]
		at := fmt.Sprintf("configuration: s3.upstreams[%d]", i)
		switch {
		case u.Name == "":
			return s3, usageError{fmt.Errorf("%s has no name", at)}
		case names[u.Name]:
			return s3, usageError{fmt.Errorf("%s: there is another upstream of the name %s", at, u.Name)}
		case u.Endpoint == "":
			return s3, usageError{fmt.Errorf("%s, %s, has no endpoint", at, u.Name)}
		case u.Shared && u.Account == "":
			return s3, usageError{fmt.Errorf("%s, %s, is shared and has no account that its buckets belong to", at, u.Name)}
		}
		names[u.Name] = true
		target, err := u.target()
		if err != nil {
			return s3, fmt.Errorf("%s, %s: %w", at, u.Name, err)
		}
		s3.Upstreams = append(s3.Upstreams, server.Upstream{Name: u.Name, Target: target, Account: u.Account, Prefix: u.Prefix, Shared: u.Shared})
	}
	return s3, nil
}

// target is the store and how it is reached.
func (u *upstreamConfiguration) target() (s3upstream.Target, error) {
	target := s3upstream.Target{Endpoint: u.Endpoint, Region: u.Region, Traceparent: u.Traceparent}
	if target.Region == "" {
		target.Region = "us-east-1"
	}
	if u.VirtualHost {
		target.Addressing = s3upstream.VirtualHost
	}
	var err error
	if u.CA != "" {
		if target.Roots, err = withCertificates(x509.NewCertPool(), u.CA); err != nil {
			return target, err
		}
	}
	target.Credentials, err = u.credentials()
	return target, err
}

// credentials are those of the file, or what the AWS SDKs would find.
func (u *upstreamConfiguration) credentials() (aws.CredentialsProvider, error) {
	return credentialsFor("the store's", u.CredentialsFile, u.Profile)
}

// credentialsFor are those of a file in the format of AWS's credentials or, without
// one, what the AWS SDKs would find. Whose they are is for errors.
func credentialsFor(whose, file, profile string) (aws.CredentialsProvider, error) {
	if file != "" {
		if profile == "" {
			profile = "default"
		}
		shared, err := config.LoadSharedConfigProfile(context.Background(), profile, func(o *config.LoadSharedConfigOptions) {
			o.CredentialsFiles, o.ConfigFiles = []string{file}, []string{}
		})
		if err != nil {
			return nil, fmt.Errorf("read %s credentials: %w", whose, err)
		}
		if !shared.Credentials.HasKeys() {
			return nil, fmt.Errorf("the profile %s of %s has no access key", profile, file)
		}
		return credentials.StaticCredentialsProvider{Value: shared.Credentials}, nil
	}
	ambient, err := config.LoadDefaultConfig(context.Background(), config.WithSharedConfigProfile(profile))
	if err != nil {
		return nil, fmt.Errorf("find %s credentials: %w", whose, err)
	}
	return aws.NewCredentialsCache(ambient.Credentials), nil
}
