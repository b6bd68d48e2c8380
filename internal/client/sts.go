package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// STS is how AWS STS, or what speaks its protocol, is reached.
type STS struct {
	Region   string
	Endpoint string // URL; "" is AWS's for the region
	FIPS     bool
	Dual     bool
	HTTP     *http.Client
	// WaitPropagation is for how long a denial is asked about again: a role that was
	// made a moment ago is not everywhere at once on AWS. 0 is not at all.
	WaitPropagation time.Duration

	Now    func() time.Time
	Sleep  func(ctx context.Context, d time.Duration) error
	Random func() float64 // in [0,1)
}

// DefaultRegion is where STS is asked if nobody names a region, in AWS's commercial
// partition. What it gives is good in all regions of the partition.
const DefaultRegion = "us-east-1"

// partitions are AWS's others: how their regions begin, and which is asked where
// nobody names one (AWS SDKs' partitions.json). A role of one is not known to the STS
// of another.
var partitions = map[string]struct{ prefix, region string }{
	"aws-cn":     {"cn-", "cn-north-1"},
	"aws-us-gov": {"us-gov-", "us-gov-west-1"},
	"aws-iso":    {"us-iso-", "us-iso-east-1"},
	"aws-iso-b":  {"us-isob-", "us-isob-east-1"},
	"aws-iso-e":  {"eu-isoe-", "eu-isoe-west-1"},
	"aws-iso-f":  {"us-isof-", "us-isof-south-1"},
	"aws-eusc":   {"eusc-", "eusc-de-east-1"},
}

// partitionOf is the partition of a region: "aws" where the region is of no other.
func partitionOf(region string) string {
	for name, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return name
		}
	}
	return "aws"
}

// regionForm is what a region's name may be; it becomes part of a host's name.
var regionForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// settleRegion chooses the region where nobody did, by the partition of the role, and
// refuses one of another partition. Behind an endpoint of one's own, regions are only
// what signatures are scoped to.
func (s *STS) settleRegion(partition string) error {
	if s.Region == "" {
		s.Region = DefaultRegion
		if p, ok := partitions[partition]; ok {
			s.Region = p.region
		}
	}
	if !regionForm.MatchString(s.Region) {
		return fmt.Errorf("client: the region %s is not written as AWS's are, such as eu-central-1", shown(s.Region))
	}
	if of := partitionOf(s.Region); s.Endpoint == "" && partition != "" && of != partition {
		return fmt.Errorf("client: the role is of the partition %s, and the region %s is of %s, whose STS does not know it; give --region or set AWS_REGION", shown(partition), s.Region, of)
	}
	return nil
}

// globalRegions are those whose STS the global endpoint stood for, before regional
// endpoints were the default (AWS SDKs and Tools Reference Guide, "AWS STS Regional
// endpoints", legacy).
var globalRegions = []string{
	"ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "aws-global", "ca-central-1", "eu-central-1", "eu-north-1",
	"eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}

const globalEndpoint = "https://sts.amazonaws.com"

// STSFrom reads what AWS's SDKs read of the environment: region, endpoint, proxies,
// certificate authorities. region and endpoint, where they are not "", are what a
// person gave, and come first. partition is the role's.
func STSFrom(env map[string]string, region, endpoint, partition string) (*STS, error) {
	s := &STS{Region: region, Endpoint: endpoint}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if s.Region == "" {
			s.Region = env[name]
		}
	}
	if s.Endpoint == "" && env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] != "true" {
		s.Endpoint = env["AWS_ENDPOINT_URL_STS"]
		if s.Endpoint == "" {
			s.Endpoint = env["AWS_ENDPOINT_URL"]
		}
	}
	if err := s.settleRegion(partition); err != nil {
		return nil, err
	}
	s.FIPS, s.Dual = env["AWS_USE_FIPS_ENDPOINT"] == "true", env["AWS_USE_DUALSTACK_ENDPOINT"] == "true"
	switch value := env["AWS_STS_REGIONAL_ENDPOINTS"]; value {
	case "", "regional":
	case "legacy":
		if s.Endpoint == "" && !s.FIPS && !s.Dual && slices.Contains(globalRegions, s.Region) {
			s.Endpoint, s.Region = globalEndpoint, DefaultRegion
		}
	default:
		return nil, fmt.Errorf("client: AWS_STS_REGIONAL_ENDPOINTS is %q; AWS knows regional and legacy", value)
	}
	if err := checkEndpoint(s.Endpoint); err != nil {
		return nil, err
	}
	var err error
	s.HTTP, err = httpClient(env["AWS_CA_BUNDLE"])
	return s, err
}

// checkEndpoint refuses to send a token in the clear beyond this machine.
func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("client: the endpoint %q is no URL of the form https://HOST", endpoint)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("client: the endpoint's URL has more than scheme, host and path")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("client: the endpoint %s is not https and not on this machine: whoever is between would have the token; give an https URL", endpoint)
	}
	return nil
}

func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

const (
	connectTimeout = 5 * time.Second
	answerTimeout  = 30 * time.Second // of one attempt
)

// httpClient goes through the proxy that HTTPS_PROXY and NO_PROXY name, and trusts
// the authorities of a bundle in the place of the system's, where one is named.
func httpClient(bundle string) (*http.Client, error) {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout: connectTimeout, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if bundle != "" {
		text, err := os.ReadFile(bundle)
		if err != nil {
			return nil, fmt.Errorf("client: AWS_CA_BUNDLE: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("client: AWS_CA_BUNDLE: %s has no certificate in PEM form", bundle)
		}
		transport.TLSClientConfig.RootCAs = roots
	}
	return &http.Client{
		Transport: transport, Timeout: answerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // STS has none
	}, nil
}

// client signs as c, or not at all.
func (s *STS) client(c *Credentials) *sts.Client {
	o := sts.Options{Region: s.Region, HTTPClient: s.HTTP, Retryer: aws.NopRetryer{}, Credentials: aws.AnonymousCredentials{}}
	if c != nil {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, nil
		})
	}
	if s.Endpoint != "" {
		o.BaseEndpoint = &s.Endpoint
	}
	if s.FIPS {
		o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
	}
	if s.Dual {
		o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	return sts.New(o)
}

// Between two tries lies a random part of a time that doubles (AWS Architecture Blog,
// "Exponential Backoff And Jitter", full jitter).
const (
	tries       = 5
	firstPause  = 500 * time.Millisecond
	longestWait = 8 * time.Second
)

// try asks until there is an answer that is final.
func (s *STS) try(ctx context.Context, ask func(context.Context) error) error {
	began := s.Now()
	for n := 1; ; n++ {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		e, again := s.classify(err)
		propagating := e.Kind == Denied && e.Code == "AccessDenied" && s.Now().Sub(began) < s.WaitPropagation
		if ctx.Err() != nil || !propagating && (!again || n >= tries) {
			return e
		}
		pause := min(firstPause<<min(n-1, 10), longestWait)
		if err := s.Sleep(ctx, time.Duration(s.Random()*float64(pause))); err != nil {
			return e
		}
	}
}

// passing are the codes after which the same question can have another answer.
var passing = []string{
	"IDPCommunicationError", "IDPCommunicationErrorException", "Throttling", "ThrottlingException", "ThrottledException",
	"RequestThrottled", "RequestThrottledException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown",
	"ServiceUnavailable", "InternalFailure", "InternalError", "RequestTimeout", "RequestTimeoutException",
}

// unknownCode is the SDK's for a reply that has none.
const unknownCode = "UnknownError"

// where is STS for people.
func (s *STS) where() string {
	if s.Endpoint == "" {
		return "AWS STS in " + s.Region
	}
	return s.Endpoint
}

// classify says what an error of the SDK is, and whether asking again can help. A
// denial is final: what was asked twelve times is denied twelve times, only later.
func (s *STS) classify(err error) (e *Error, again bool) {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return s.noAnswer(err)
	}
	e = &Error{Kind: Denied, Code: answer.ErrorCode(), Message: answer.ErrorCode() + ": " + shown(answer.ErrorMessage())}
	var reply *awshttp.ResponseError
	if errors.As(err, &reply) {
		e.RequestID = reply.ServiceRequestID()
		again = reply.HTTPStatusCode() >= http.StatusInternalServerError || reply.HTTPStatusCode() == http.StatusTooManyRequests
	}
	if e.Code == unknownCode { // of a proxy, or of what is no STS
		e.Kind, e.Code, e.Message = Unreachable, "", "client: "+s.where()+" answers, and not as STS does"
		if reply != nil {
			e.Message += fmt.Sprintf(": HTTP status %d", reply.HTTPStatusCode())
		}
		return e, again
	}
	// AWS could not fetch the issuer's keys in time, or has not fetched the newest
	// (facts of users; the text has two spaces).
	keys := answer.ErrorCode() == "InvalidIdentityToken" && strings.Contains(answer.ErrorMessage(), "Couldn't retrieve verification key")
	if again = again || keys || slices.Contains(passing, answer.ErrorCode()); again {
		e.Kind = Unreachable
	}
	return e, again
}

// noAnswer is of a connection that failed, or of a reply that is not STS's.
func (s *STS) noAnswer(err error) (*Error, bool) {
	where := s.where()
	e := &Error{Kind: Unreachable, Message: "client: " + where + " gave no answer", Err: cause(err)}
	var certificate *tls.CertificateVerificationError
	var host *net.DNSError
	switch {
	case errors.As(err, &certificate):
		e.Message = "client: the certificate of " + where + " is not trusted; name its authority with AWS_CA_BUNDLE"
		return e, false
	case errors.As(err, &host) && host.IsNotFound:
		return e, false
	}
	return e, true
}

// cause is the error beneath the SDK's words about attempts and operations.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	var reply *awshttp.ResponseError
	if errors.As(err, &reply) {
		return fmt.Errorf("HTTP status %d", reply.HTTPStatusCode())
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
