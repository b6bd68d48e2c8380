// Package upstream stands before AWS services that Daypass does not serve itself:
// whoever calls one has Daypass's credentials, and what his policies allow is asked
// here; the service behind knows the gateway's credentials only.
//
// The way of a request is serve, in serve.go; its steps are its statements:
//
//	recognise     auth.Recognise: a key that is known, before a body is read
//	readBody      bounded
//	authenticate  auth.Authenticate: who signed, what is signed
//	route         awsrequest: the one operation that it is, and whose the service is
//	authorize     every need of the operation, by the caller's policies
//	forward       signed anew, and sent; the reply is streamed
//
// What is not known of a request at the gateway, such as the subnet that a default
// gives, or an attribute of an instance, is never guessed: where a policy depends on
// it, the request is denied (awsapi.Visit.AskOpen). Tags of EC2's resources are
// asked of the service (tags.go).
//
// Who can reach the service behind with credentials of its own does not come by
// here: see SECURITY.md.
package upstream

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsrequest"
	"github.com/daypass/daypass/internal/s3upstream"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Service is an AWS service behind the gateway, as an operator configures it.
type Service struct {
	// Name is the signing name, or the aws CLI's name: ec2, cloudwatch.
	Name string
	// Endpoint is its URL; {region} in it stands for the region that a request is
	// signed for.
	Endpoint string
	// Region is the only region that is served; "" is any. The service is told the
	// region that its caller signed for, so that conditions on the region hold.
	Region string
	// Account is the account, 12 digits, whose callers may use the service.
	Account string
	// UpstreamAccount is the account's id at the service, which ARNs name; "" is
	// Account.
	UpstreamAccount string
	// Credentials are those of the gateway.
	Credentials aws.CredentialsProvider
	// Traceparent tells the service the trace of a request that is traced.
	Traceparent bool
	// Roots are the authorities trusted for the service, nil for the system's.
	Roots *x509.CertPool
}

// Config is what the gateway needs.
type Config struct {
	API      *awsapi.API
	Services []Service
	Now      func() time.Time
}

// Handler is the gateway. It is safe for concurrent use.
type Handler struct {
	Config

	services map[string][]*target // by signing name
	held     atomic.Int64         // bytes of bodies in memory
}

// target is a service that is configured.
type target struct {
	Service

	kind *awsrequest.Service
	now  func() time.Time

	mu      sync.Mutex // guards what follows
	clients map[string]*s3upstream.Client
}

// ServiceError says that a service cannot be served as it is configured.
type ServiceError struct {
	Service string // as it was named
	Err     error
}

// Error implements error.
func (e *ServiceError) Error() string { return fmt.Sprintf("service %q: %v", e.Service, e.Err) }

// Unwrap gives the cause.
func (e *ServiceError) Unwrap() error { return e.Err }

// New makes the gateway. An error is a *ServiceError.
func New(c Config) (*Handler, error) {
	h := &Handler{Config: c, services: map[string][]*target{}}
	for _, s := range c.Services {
		t := &target{Service: s, now: c.Now, clients: map[string]*s3upstream.Client{}}
		if err := t.check(); err != nil {
			return nil, &ServiceError{s.Name, err}
		}
		for _, other := range h.services[t.kind.Name] {
			if other.Account == t.Account {
				return nil, &ServiceError{s.Name, fmt.Errorf("account %s has it twice", t.Account)}
			}
		}
		h.services[t.kind.Name] = append(h.services[t.kind.Name], t)
	}
	return h, nil
}

var accountForm = regexp.MustCompile(`^[0-9]{12}$`)

// check refuses a service that could not be served.
func (t *target) check() error {
	var ok bool
	if t.kind, ok = awsrequest.Find(t.Name); !ok {
		return fmt.Errorf("its operations are not known here; those of these are: %s", strings.Join(awsrequest.Names(), ", "))
	}
	if t.UpstreamAccount == "" {
		t.UpstreamAccount = t.Account
	}
	switch {
	case t.Credentials == nil:
		return errors.New("it has no credentials")
	case !accountForm.MatchString(t.Account) || !accountForm.MatchString(t.UpstreamAccount):
		return errors.New("an account has 12 digits")
	case t.Region != "" && !isRegion(t.Region):
		return fmt.Errorf("%q is no region", t.Region)
	}
	region := t.Region
	if region == "" {
		region = "us-east-1"
	}
	_, err := t.newClient(region)
	return err
}

var regionForm = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

func isRegion(region string) bool { return regionForm.MatchString(region) }

func (t *target) newClient(region string) (*s3upstream.Client, error) {
	return s3upstream.New(s3upstream.Target{
		Endpoint: strings.ReplaceAll(t.Endpoint, "{region}", region), Region: region,
		Credentials: t.Credentials, Roots: t.Roots, ResponseTimeout: responseTimeout, Traceparent: t.Traceparent,
	}, t.now)
}

const (
	// responseTimeout is how long a service may take to begin its answer: a function
	// of AWS Lambda runs for 15 minutes at most.
	responseTimeout = 15*time.Minute + 10*time.Second
	// maxRegions bounds the clients of one service. AWS has some 40 regions.
	maxRegions = 128
)

// errRegion says that there are too many.
var errRegion = errors.New("upstream: requests were signed for more regions than there are")

// client is the one for a region, which a signature named.
func (t *target) client(region string) (*s3upstream.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if client, ok := t.clients[region]; ok {
		return client, nil
	}
	if len(t.clients) >= maxRegions {
		return nil, errRegion
	}
	client, err := t.newClient(region)
	if err != nil {
		return nil, err
	}
	t.clients[region] = client
	return client, nil
}

// Close ends the connections that no request uses.
func (h *Handler) Close() {
	for _, targets := range h.services {
		for _, t := range targets {
			t.mu.Lock()
			for _, client := range t.clients {
				client.Close()
			}
			t.mu.Unlock()
		}
	}
}

// Serves reports whether a request is for a service behind the gateway: by what it
// is signed for.
func (h *Handler) Serves(r *http.Request) bool {
	_, ok := h.services[signedFor(r)]
	return ok
}

// signedFor is the service in the scope of a request's credential, "" where there is
// none. Whether the signature is good is seen later.
func signedFor(r *http.Request) string {
	scope := r.URL.Query().Get("X-Amz-Credential")
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		_, scope, _ = strings.Cut(authorization, "Credential=")
		scope, _, _ = strings.Cut(scope, ",")
		scope, _, _ = strings.Cut(strings.TrimSpace(scope), " ")
	}
	scope, ok := strings.CutSuffix(scope, "/aws4_request")
	if !ok {
		return ""
	}
	return scope[strings.LastIndexByte(scope, '/')+1:]
}
