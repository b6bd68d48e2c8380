// Package analyzer is Daypass's own service that explains: which requests there
// were and why they were answered as they were, whether a role would admit a
// token, what is wrong with a policy, who can assume a role, what a project
// reaches, and how the nodes are. Whichever node of a store is asked, it asks the others
// for what only they know.
//
// It speaks version 1.1 of AWS's JSON dialect, is signed for the service "daypass",
// and its operations are named Daypass.OPERATION in X-Amz-Target. The console calls
// them, and so may any script. docs/console.md has the members.
//
// It decides nothing itself. Whether a role admits a token, packages trust and
// explain say, by the function that decides requests; what is wrong with a policy,
// policy and lint. It mints nothing, uses no token up, and tells of the caller's
// account alone.
package analyzer

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/metrics"
	"github.com/daypass/daypass/internal/peers"
)

// Version is the version of this API.
const Version = "2026-11-26"

// Config is what the service needs. Nothing may be nil but Peers.
type Config struct {
	// Events finds events of this node's record, the newest first.
	Events func(audit.Query) iter.Seq2[audit.Record, error]
	// Peers are the other nodes of the store, with records of their own, and NodeName
	// is what they call this one; nil and "" for a store that has no others.
	Peers    *peers.Peers
	NodeName string
	// Snapshot and Now are the state and the time as questions of other nodes are
	// answered.
	Snapshot func() *directory.Snapshot
	Now      func() time.Time
	// ProviderKeys gives keys of registered providers, to verify a token that is
	// tried.
	ProviderKeys *jwks.Cache
	// Examine has the doctor look at an issuer. It keeps to the server's rules of
	// which addresses may be asked.
	Examine func(ctx context.Context, url string) []IssuerCheck
	// Health tells of this node.
	Health func() Node
	// ExtendedClaims are the URLs, with https://, of the providers whose tokens'
	// claims are all condition keys.
	ExtendedClaims []string
}

// Node is what a node knows of itself.
type Node struct {
	Version, GoVersion string
	Checks             []NodeCheck
	Minutes            []metrics.Minute
}

// NodeCheck is one thing that a node needs to answer requests.
type NodeCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// IssuerCheck is one question that the doctor asked of an issuer.
type IssuerCheck struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Outcome string `json:"outcome"` // ok, skipped, info, warning, error
	Detail  string `json:"detail,omitempty"`
	Why     string `json:"why,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
	Link    string `json:"link,omitempty"`
}

type service struct {
	Config

	extended map[string]bool // by URL, without https://
	examined chan struct{}   // holds one for each examination under way
}

// maxExaminations is how many issuers are examined at once: an examination takes up
// to half a minute and some forty connections.
const maxExaminations = 2

// Analyzer is the service, and what of it other nodes ask.
type Analyzer struct {
	*awsapi.Service

	service *service
}

// New makes the service.
func New(c Config) (*Analyzer, error) {
	if c.Events == nil || c.Snapshot == nil || c.Now == nil || c.ProviderKeys == nil || c.Examine == nil || c.Health == nil {
		return nil, errors.New("analyzer: the configuration lacks a part")
	}
	s := &service{Config: c, extended: map[string]bool{}, examined: make(chan struct{}, maxExaminations)}
	for _, url := range c.ExtendedClaims {
		s.extended[strings.TrimPrefix(url, "https://")] = true
	}
	of, err := awsapi.NewService(
		awsapi.Service{Name: "daypass", Version: Version, Dialect: awsapi.JSON11, TargetPrefix: "Daypass"},
		operation("ListDecisions", onAll, s.listDecisions),
		operation("GetDecision", onAll, s.getDecision),
		operation("TryToken", onAll, s.tryToken),
		operation("LintPolicy", onAll, s.lintPolicy),
		operation("ExamineIssuer", onAll, s.examineIssuer),
		operation("DescribeAccess", onAll, s.describeAccess),
		operation("ListReach", onAll, s.listReach),
		operation("DescribeHealth", onAll, s.describeHealth),
	)
	if err != nil {
		return nil, err
	}
	return &Analyzer{of, s}, nil
}

// onAll: all operations tell of the whole account, so that there is no resource to
// allow less.
var onAll = awsapi.Resource{Template: "*", Of: func(*awsapi.Call) string { return "*" }}

// operation is a signed operation with the permission of its name, whose input is
// an In and whose answer an Out.
func operation[In, Out any](name string, on awsapi.Resource, run func(*awsapi.Call, *In) (*Out, error)) awsapi.Operation {
	return awsapi.Signed(name, []awsapi.Need{{Action: "daypass:" + name, Resource: on}}, func(c *awsapi.Call) (awsapi.Result, error) {
		in, ok := c.Input.(*In)
		if !ok {
			return nil, errors.New("analyzer: the input was not decoded")
		}
		out, err := run(c, in)
		if err != nil {
			return nil, err
		}
		return awsapi.JSON{Value: out}, nil
	}).Decoding(func(c *awsapi.Call) error {
		in := new(In)
		c.Input = in
		return c.DecodeJSON(in)
	})
}

// notFound is the answer where the account has no such thing.
func notFound(what, name string) error {
	return awsapi.Error(400, "ResourceNotFoundException", "There is no "+what+" "+name+" in this account.")
}

// instant reads a time of a request; "" is the zero time.
func instant(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, awsapi.Invalid("The value of " + name + " is no time; write 2026-11-26T12:00:00Z.")
	}
	return at, nil
}
